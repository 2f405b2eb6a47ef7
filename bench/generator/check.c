// SPDX-License-Identifier: GPL-3.0-or-later
#include "check.h"
#include "query.h"
#include <arpa/inet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <stdint.h>
#include <string.h>

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_SOA = 6,
	TYPE_OPT = 41,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_NSEC3 = 50
};
enum section { ANSWER, AUTHORITY, ADDITIONAL, SECTIONS };

struct message {
	const uint8_t *bytes;
	uint32_t length, at;
	uint32_t seen[SECTIONS][64]; /* records by type, as far as this file cares */
	uint32_t address;	     /* of the last A record in the answer section */
};

static uint16_t u16_at(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint16_t sum_fold(const uint8_t *bytes, uint32_t count, uint32_t sum)
{
	for (uint32_t i = 0; i < count; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static const char *headers_check(const struct bench_sample *sample)
{
	const uint8_t *ip_bytes = sample->frame + BENCH_IP_AT, *udp_bytes = sample->frame + BENCH_UDP_AT;
	uint32_t ip_total = u16_at(ip_bytes + 2), udp_total = u16_at(udp_bytes + 4), pseudo;
	uint16_t check = u16_at(udp_bytes + 6);

	if (ip_total != sample->frame_bytes - BENCH_IP_AT || udp_total != sample->frame_bytes - BENCH_UDP_AT)
		return "lengths in the headers differ from the frame's";
	if (sum_fold(ip_bytes, sizeof(struct iphdr), 0) != 0xffff)
		return "IP header checksum";
	pseudo = sum_fold(ip_bytes + 12, 8, IPPROTO_UDP + udp_total);
	/* Linux leaves the sum of the pseudo header for the card to complete; a veth pair has none. */
	if (check == 0 || check == pseudo)
		return NULL;
	return sum_fold(udp_bytes, udp_total, pseudo) == 0xffff ? NULL : "UDP checksum";
}

/* The query's own question, whatever digits and letters it drew; the index comes back. */
static const char *question_check(
	struct message *message, const struct bench_template *query, uint32_t *index)
{
	uint32_t bytes = bench_query_question_bytes(query), digits = query->index_at + 1;

	if (message->length < 12 + bytes)
		return "shorter than the question";
	*index = 0;
	for (uint32_t i = 0; i < bytes; i++) {
		uint32_t at = BENCH_QUESTION_AT + i;
		uint8_t byte = message->bytes[12 + i];

		if (at >= digits && at < digits + 7)
			*index = *index * 10 + (byte - '0');
		else if (query->random_at && at >= query->random_at && at < query->random_at + 8)
			continue;
		else if (byte != (at == query->index_at ? query->letter : query->frame[at]))
			return "another question";
	}
	message->at = 12 + bytes;
	return NULL;
}

/* RFC 1035 s4.1.4: a pointer goes backwards only, so this ends. */
static const char *name_skip(struct message *message)
{
	uint32_t at = message->at, limit = at, labels = 0;
	bool has_jumped = false;

	for (;;) {
		if (at >= message->length || labels++ > 127)
			return "a name runs out of the message";
		if (message->bytes[at] < 64) {
			uint8_t bytes = message->bytes[at];

			at += bytes + 1U;
			if (!has_jumped)
				message->at = at;
			if (bytes == 0)
				return NULL;
			continue;
		}
		if (at + 1 >= message->length || message->bytes[at] < 192)
			return "a bad label";
		if (!has_jumped)
			message->at = at + 2;
		has_jumped = true;
		at = u16_at(message->bytes + at) & 0x3fff;
		if (at >= limit)
			return "a pointer that does not go back";
		limit = at;
	}
}

static const char *record_check(struct message *message, enum section section)
{
	const char *wrong = name_skip(message);
	uint16_t type, rdata_bytes;

	if (wrong)
		return wrong;
	if (message->at + 10 > message->length)
		return "a record runs out of the message";
	type = u16_at(message->bytes + message->at);
	rdata_bytes = u16_at(message->bytes + message->at + 8);
	message->at += 10;
	if (message->at + rdata_bytes > message->length)
		return "record data runs out of the message";
	if (type < 64)
		message->seen[section][type]++;
	if (section == ANSWER && type == TYPE_A) {
		if (rdata_bytes != 4)
			return "an address of another length";
		memcpy(&message->address, message->bytes + message->at, 4);
	}
	message->at += rdata_bytes;
	return NULL;
}

static const char *records_check(struct message *message)
{
	for (unsigned section = ANSWER; section < SECTIONS; section++) {
		uint16_t count = u16_at(message->bytes + 6 + 2 * section);

		for (uint16_t i = 0; i < count; i++) {
			const char *wrong = record_check(message, section);

			if (wrong)
				return wrong;
		}
	}
	return message->at == message->length ? NULL : "bytes after the last record";
}

static const char *content_check(
	const struct message *message, const struct bench_expectation *expected, uint32_t index)
{
	const uint32_t *authority = message->seen[AUTHORITY];
	bool has_proof = authority[TYPE_RRSIG] && (authority[TYPE_NSEC] || authority[TYPE_NSEC3]);

	if (message->seen[ADDITIONAL][TYPE_OPT] != (expected->query->frame[BENCH_DNS_AT + 11] ? 1 : 0))
		return "not as many OPT records as asked";
	switch (expected->kind) {
	case BENCH_ANSWER:
		if (message->seen[ANSWER][TYPE_A] != 1 || ntohl(message->address) != 0x0a000000U + index)
			return "not the address of this name";
		return expected->has_do && !message->seen[ANSWER][TYPE_RRSIG] ? "no signature" : NULL;
	case BENCH_NXDOMAIN:
		if (authority[TYPE_SOA] != 1)
			return "no SOA";
		return expected->has_do && !has_proof ? "no proof" : NULL;
	case BENCH_REFERRAL:
		return authority[TYPE_NS] ? NULL : "no name servers";
	default:
		return NULL;
	}
}

const char *bench_answer_check(const struct bench_sample *sample, const struct bench_expectation *expected)
{
	struct message message = {.bytes = sample->frame + BENCH_DNS_AT};
	const char *wrong;
	uint32_t index;

	if (sample->frame_bytes <= BENCH_QUESTION_AT)
		return "too short or too long for a sample";
	message.length = sample->frame_bytes - BENCH_DNS_AT;
	wrong = headers_check(sample);
	if (!wrong)
		wrong = question_check(&message, expected->query, &index);
	if (!wrong && !expected->is_echo)
		wrong = records_check(&message);
	if (!wrong && !expected->is_echo)
		wrong = content_check(&message, expected, index);
	return wrong;
}
