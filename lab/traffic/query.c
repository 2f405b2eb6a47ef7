// SPDX-License-Identifier: GPL-3.0-or-later
#include "query.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <string.h>

enum { TYPE_OPT = 41, OPTION_COOKIE = 10, CLIENT_COOKIE = 8, SERVER_COOKIE = 16, HEADER = 12 };

static uint32_t u16_put(uint8_t *bytes, uint32_t at, uint32_t number)
{
	bytes[at] = (uint8_t)(number >> 8);
	bytes[at + 1] = (uint8_t)number;
	return at + 2;
}

static uint16_t u16_at(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* As the resolver writes it: 0x20 turns the case of letters by chance. Length bytes are no letters. */
static void name_put(const struct lab_question *question, uint8_t *to)
{
	struct lab_random random = {.state = question->case_seed};
	uint64_t bits = 0;

	memcpy(to, question->name, question->name_bytes);
	if (!question->resolver->mixes_case)
		return;
	for (uint32_t i = 0; i < question->name_bytes; i++) {
		if (i % 64 == 0)
			bits = lab_draw(&random);
		if (to[i] >= 'a' && to[i] <= 'z' && bits >> (i % 64) & 1)
			to[i] ^= 0x20;
	}
}

/* OPT (RFC 6891 s6.1.2), with a COOKIE (RFC 7873 s4) of those who send one. */
static uint32_t opt_put(const struct lab_question *question, uint8_t *message, uint32_t at)
{
	const struct lab_resolver *resolver = question->resolver;
	uint32_t service = question->service + (resolver->is_ipv6 ? 2 : 0);
	uint32_t cookie_bytes = CLIENT_COOKIE + (resolver->has_server_cookie[service] ? SERVER_COOKIE : 0);

	message[at++] = 0;
	at = u16_put(message, at, TYPE_OPT);
	at = u16_put(message, at, 1232);
	at = u16_put(message, at, 0);
	at = u16_put(message, at, resolver->wants_dnssec ? 0x8000 : 0);
	at = u16_put(message, at, resolver->sends_cookie ? 4 + cookie_bytes : 0);
	if (!resolver->sends_cookie)
		return at;
	at = u16_put(message, at, OPTION_COOKIE);
	at = u16_put(message, at, cookie_bytes);
	memcpy(message + at, &resolver->client_cookie, CLIENT_COOKIE);
	memcpy(message + at + CLIENT_COOKIE, resolver->server_cookie[service], cookie_bytes - CLIENT_COOKIE);
	return at + cookie_bytes;
}

uint32_t lab_message_write(const struct lab_question *question, uint8_t message[LAB_MESSAGE_MAX])
{
	uint32_t at = HEADER;

	memset(message, 0, HEADER);
	u16_put(message, 0, question->id);
	u16_put(message, 4, 1);
	u16_put(message, 10, 1);
	name_put(question, message + at);
	at += question->name_bytes;
	at = u16_put(message, at, question->type);
	at = u16_put(message, at, 1);
	return opt_put(question, message, at);
}

void lab_service_address(uint8_t service, bool is_ipv6, uint8_t address[16])
{
	static const uint8_t prefix4[] = {192, 0, 2}, prefix6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x53};

	memset(address, 0, 16);
	memcpy(address, is_ipv6 ? prefix6 : prefix4, is_ipv6 ? sizeof(prefix6) : sizeof(prefix4));
	/* 192.0.2.53 and .54, 2001:db8:53::53 and ::54 */
	address[is_ipv6 ? 15 : 3] = (uint8_t)((is_ipv6 ? 0x53 : 53) + service);
}

/* One's complement sum of whole and last bytes (RFC 1071), as memory holds them. */
static uint64_t sum_of(const void *data, uint32_t bytes)
{
	const uint8_t *at = data;
	uint64_t sum = 0;
	uint16_t word;

	for (; bytes >= 2; bytes -= 2, at += 2) {
		memcpy(&word, at, 2);
		sum += word;
	}
	return bytes ? sum + *at : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void ipv4_put(
	uint8_t *frame, const struct lab_resolver *resolver, const uint8_t *service, uint32_t udp_bytes)
{
	struct iphdr ip = {.version = 4,
		.ihl = 5,
		.ttl = resolver->ttl,
		.protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(sizeof(ip) + udp_bytes)),
		.frag_off = htons(0x4000)};

	memcpy(&ip.saddr, resolver->address, 4);
	memcpy(&ip.daddr, service, 4);
	ip.check = (uint16_t)~fold(sum_of(&ip, sizeof(ip)));
	memcpy(frame + LAB_ETHERNET_BYTES, &ip, sizeof(ip));
}

static void ipv6_put(
	uint8_t *frame, const struct lab_resolver *resolver, const uint8_t *service, uint32_t udp_bytes)
{
	struct ipv6hdr ip = {.version = 6,
		.hop_limit = resolver->ttl,
		.nexthdr = IPPROTO_UDP,
		.payload_len = htons((uint16_t)udp_bytes)};

	memcpy(&ip.saddr, resolver->address, 16);
	memcpy(&ip.daddr, service, 16);
	memcpy(frame + LAB_ETHERNET_BYTES, &ip, sizeof(ip));
}

void lab_letter_write(struct lab_letter *letter, const struct lab_question *question)
{
	const struct lab_resolver *resolver = question->resolver;
	bool is_ipv6 = resolver->is_ipv6;
	uint32_t udp_at = is_ipv6 ? LAB_UDP6_AT : LAB_UDP4_AT, address_bytes = is_ipv6 ? 16 : 4;
	uint8_t *message = letter->frame + udp_at + sizeof(struct udphdr), service[16];
	uint32_t message_bytes = lab_message_write(question, message);
	uint32_t udp_bytes = (uint32_t)sizeof(struct udphdr) + message_bytes;
	struct udphdr udp = {
		.source = htons(question->port), .dest = htons(53), .len = htons((uint16_t)udp_bytes)};
	uint64_t sum;

	lab_service_address(question->service, is_ipv6, service);
	u16_put(letter->frame, 12, is_ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	(is_ipv6 ? ipv6_put : ipv4_put)(letter->frame, resolver, service, udp_bytes);
	sum = sum_of(resolver->address, address_bytes) + sum_of(service, address_bytes) + htons(IPPROTO_UDP) +
	      udp.len;
	sum += sum_of(&udp, sizeof(udp)) + sum_of(message, message_bytes);
	udp.check = (uint16_t)~fold(sum);
	if (!udp.check)
		udp.check = 0xffff;
	memcpy(letter->frame + udp_at, &udp, sizeof(udp));
	letter->frame_bytes = (uint16_t)(udp_at + udp_bytes);
	letter->is_ipv6 = is_ipv6;
	memcpy(&letter->tail, letter->frame + letter->frame_bytes - 8, 8);
}

/* ---- replies ---- */

/* Over a name, compressed or not. @return where it ends, 0 when beyond what was copied */
static uint32_t name_skip(const uint8_t *message, uint32_t copied, uint32_t at)
{
	while (at < copied && message[at] != 0) {
		if ((message[at] & 0xc0) == 0xc0)
			return at + 2 <= copied ? at + 2 : 0;
		at += message[at] + 1u;
	}
	return at < copied ? at + 1 : 0;
}

/* Whether the answer section has a record of the type, with this rdata where it is known. What was not copied
 * is taken for right: it is the end of a long answer whose beginning was.
 * @return 1, 0, or -1 when there was none up to where the copy ends */
static int answer_has(const struct lab_question *question, const struct lab_name *expected,
	const uint8_t *message, uint32_t copied, uint32_t at)
{
	uint32_t answers = u16_at(message + 6);

	for (uint32_t i = 0; i < answers; i++) {
		uint32_t fixed = name_skip(message, copied, at), rdata, bytes;

		if (!fixed || fixed + 10 > copied)
			return -1;
		rdata = fixed + 10;
		bytes = u16_at(message + fixed + 8);
		at = rdata + bytes;
		if (u16_at(message + fixed) != question->type)
			continue;
		if (!expected->expected)
			return 1;
		if (bytes != expected->expected_bytes)
			continue;
		if (at > copied)
			return -1;
		if (memcmp(message + rdata, expected->expected, bytes) == 0)
			return 1;
	}
	return 0;
}

static enum lab_verdict content_judge(const struct lab_question *question, const struct lab_name *expected,
	const uint8_t *message, uint32_t copied, uint32_t at)
{
	uint32_t answers = u16_at(message + 6), authorities = u16_at(message + 8);
	bool is_right = false;

	switch (expected->kind) {
	case LAB_ANSWER:
	case LAB_LARGE:
		is_right = answers > 0 && answer_has(question, expected, message, copied, at) != 0;
		break;
	case LAB_NODATA:
		is_right = answer_has(question, expected, message, copied, at) == 0;
		break;
	case LAB_REFERRAL:
		is_right = answers == 0 && authorities > 0 && !(message[2] & 4);
		break;
	default:
		break;
	}
	return is_right ? LAB_RIGHT : LAB_WRONG;
}

enum lab_verdict lab_reply_judge(const struct lab_question *question, const struct lab_name *expected,
	const uint8_t *message, uint32_t copied)
{
	uint8_t name[LAB_NAME_MAX];
	uint32_t end = HEADER + question->name_bytes + 4u, rcode;

	if (copied < end || !(message[2] & 0x80) || u16_at(message) != question->id ||
		u16_at(message + 4) != 1)
		return LAB_FOREIGN;
	name_put(question, name);
	if (memcmp(message + HEADER, name, question->name_bytes) != 0 ||
		u16_at(message + end - 4) != question->type)
		return LAB_FOREIGN;
	if (message[2] & 2)
		return LAB_TRUNCATED;
	rcode = message[3] & 15;
	if (rcode == 1 || rcode == 2 || rcode == 4 || rcode == 5)
		return LAB_REFUSED;
	/* BADCOOKIE is 23: its low bits stand here, the others in OPT; to a query, 7 alone means nothing */
	if (rcode == 7)
		return LAB_BADCOOKIE;
	if (!expected)
		return rcode == 0 || rcode == 3 ? LAB_RIGHT : LAB_WRONG;
	if (expected->kind == LAB_NXDOMAIN)
		return rcode == 3 ? LAB_RIGHT : LAB_WRONG;
	return rcode == 0 ? content_judge(question, expected, message, copied, end) : LAB_WRONG;
}

void lab_cookie_learn(struct lab_resolver *resolver, uint8_t service, const uint8_t *message, uint32_t copied)
{
	const uint32_t option_bytes = 4 + CLIENT_COOKIE + SERVER_COOKIE;

	/* OPT is the last record of what the servers here send, and the cookie its last option or near it */
	for (uint32_t at = copied > 128 ? copied - 128 : HEADER; at + option_bytes <= copied; at++)
		if (u16_at(message + at) == OPTION_COOKIE &&
			u16_at(message + at + 2) == CLIENT_COOKIE + SERVER_COOKIE &&
			memcmp(message + at + 4, &resolver->client_cookie, CLIENT_COOKIE) == 0) {
			memcpy(resolver->server_cookie[service], message + at + 4 + CLIENT_COOKIE,
				SERVER_COOKIE);
			resolver->has_server_cookie[service] = 1;
			return;
		}
}
