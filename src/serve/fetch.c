/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/fetch.h"
#include "serve/channel.h"
#include "serve/clock.h"
#include "serve/question.h"
#include "wire/message.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#define MESSAGE_MAX 65535
#define MESSAGES_PER_TURN 16

struct sw_fetch {
	const struct sw_remote *remote;
	const struct sw_endpoint *address;
	const struct sw_hash_key *key;
	struct sw_incoming_limits limits;
	uint64_t answer_ns, connect_ns, silence_ns;
	uint8_t apex[SW_NAME_MAX];
	struct sw_records soa;
	bool has_soa, is_whole;
	uint32_t serial; /* ours */
	uint16_t id;
	struct sw_question *question; /* NULL when it is over */
	struct sw_channel *channel;
	struct sw_incoming *incoming;
	struct sw_tsig tsig;
	uint64_t due_ns;
	char why[256];
	uint8_t message[MESSAGE_MAX];
};

static enum sw_fetch_state fail(struct sw_fetch *fetch, const char *format, const char *detail)
{
	snprintf(fetch->why, sizeof(fetch->why), format, detail);
	return SW_FETCH_FAILED;
}

/* ---- the question ---- */

static int question_open(struct sw_fetch *fetch, uint64_t now_ns)
{
	return sw_question_new(&fetch->question,
		&(struct sw_question_wish){.name = fetch->apex,
			.type = SW_TYPE_SOA,
			.takes_truncated = true,
			.answer_ns = fetch->answer_ns,
			.connect_ns = fetch->connect_ns},
		fetch->remote, fetch->address, fetch->message, now_ns);
}

static void question_close(struct sw_fetch *fetch)
{
	sw_question_free(fetch->question);
	fetch->question = NULL;
}

/** @return 0 with the serial, -EMSGSIZE for a truncated answer, -EPROTO, -ENOMEM */
static int answer_read(struct sw_fetch *fetch, size_t len, uint32_t *serial)
{
	knot_pkt_t *packet = knot_pkt_new(fetch->message, (uint16_t)len, NULL);
	int err = -EPROTO;
	if (packet == NULL)
		return -ENOMEM;
	if (knot_wire_get_tc(fetch->message)) {
		err = -EMSGSIZE;
	} else if (knot_pkt_parse(packet, 0) != KNOT_EOK) {
		snprintf(fetch->why, sizeof(fetch->why), "its answer is malformed");
	} else if (knot_wire_get_rcode(fetch->message) != 0) {
		const knot_lookup_t *rcode =
			knot_lookup_by_id(knot_rcode_names, knot_wire_get_rcode(fetch->message));
		snprintf(fetch->why, sizeof(fetch->why), "it answers %s", rcode ? rcode->name : "an error");
	} else if (!knot_wire_get_aa(fetch->message)) {
		snprintf(fetch->why, sizeof(fetch->why), "it does not answer with authority");
	} else {
		const knot_pktsection_t *section = knot_pkt_section(packet, KNOT_ANSWER);
		const knot_rrset_t *soa = section->count > 0 ? knot_pkt_rr(section, 0) : NULL;
		snprintf(fetch->why, sizeof(fetch->why), "it answers without a SOA");
		if (soa != NULL && soa->type == KNOT_RRTYPE_SOA && sw_name_equal(soa->owner, fetch->apex)) {
			*serial = knot_soa_serial(soa->rrs.rdata);
			err = 0;
		}
	}
	knot_pkt_free(packet);
	return err;
}

/* ---- the transfer ---- */

static enum sw_fetch_state transfer_open(struct sw_fetch *fetch, uint64_t now_ns)
{
	question_close(fetch);
	fetch->incoming = sw_incoming_new(fetch->apex,
		fetch->has_soa && !fetch->is_whole ? &fetch->soa : NULL, fetch->key, &fetch->limits);
	if (fetch->incoming == NULL)
		return fail(fetch, "%s", strerror(ENOMEM));
	size_t len = sw_incoming_query(fetch->incoming, fetch->id, fetch->message);
	sw_tsig_end(&fetch->tsig);
	fetch->tsig = (struct sw_tsig){0};
	int err = sw_tsig_sign_query(
		&fetch->tsig, fetch->remote->key, fetch->message, &len, MESSAGE_MAX, (uint64_t)sw_now_s());
	if (err == 0)
		err = sw_channel_open(&fetch->channel, fetch->remote, fetch->address);
	if (err == 0)
		err = sw_channel_send(fetch->channel, fetch->message, len);
	if (err != 0)
		return fail(fetch, "cannot connect: %s", strerror(-err));
	fetch->due_ns = now_ns + fetch->connect_ns;
	return SW_FETCH_GOING;
}

/** The answer to the question: whether there is something to fetch. */
static enum sw_fetch_state question_turn(struct sw_fetch *fetch, uint64_t now_ns)
{
	uint32_t serial = 0;
	size_t len = 0;
	enum sw_question_state state = sw_question_turn(fetch->question, now_ns, &len);
	fetch->due_ns = sw_question_due_ns(fetch->question);
	if (state == SW_QUESTION_GOING)
		return SW_FETCH_GOING;
	if (state == SW_QUESTION_FAILED)
		return fail(fetch, "%s", sw_question_why(fetch->question));
	int err = answer_read(fetch, len, &serial);
	if (err != 0 && err != -EMSGSIZE)
		return err == -EPROTO ? SW_FETCH_FAILED : fail(fetch, "%s", strerror(-err));
	fetch->why[0] = '\0';
	if (err == 0 && fetch->has_soa && !sw_serial_is_newer(serial, fetch->serial))
		return SW_FETCH_CURRENT;
	return transfer_open(fetch, now_ns);
}

static enum sw_fetch_state transfer_end(struct sw_fetch *fetch, enum sw_incoming_state state)
{
	switch (state) {
	case SW_INCOMING_ZONE:
		return SW_FETCH_ZONE;
	case SW_INCOMING_CHANGES:
		return SW_FETCH_CHANGES;
	case SW_INCOMING_CURRENT:
		return SW_FETCH_CURRENT;
	default:
		return fail(fetch, "%s", sw_incoming_why(fetch->incoming));
	}
}

static enum sw_fetch_state message_take(struct sw_fetch *fetch, size_t len)
{
	if (len < SW_HEADER_LEN || knot_wire_get_id(fetch->message) != fetch->id)
		return fail(fetch, "%s", "a message of another exchange");
	int err = sw_tsig_check_reply(&fetch->tsig, fetch->message, &len, false, (uint64_t)sw_now_s());
	if (err == -EKEYREJECTED)
		return fail(fetch, "%s", "it does not take our signature");
	if (err != 0)
		return fail(fetch, "%s", "its signature is not right");
	enum sw_incoming_state state = sw_incoming_take(fetch->incoming, fetch->message, len);
	if (state == SW_INCOMING_MORE)
		return SW_FETCH_GOING;
	/* RFC 8945 s5.3.1: the last message of a stream is signed */
	if (fetch->tsig.unsigned_count > 0 && state != SW_INCOMING_REFUSED && state != SW_INCOMING_BAD)
		return fail(fetch, "%s", "its last message is not signed");
	return transfer_end(fetch, state);
}

static enum sw_fetch_state transfer_turn(struct sw_fetch *fetch, uint64_t now_ns)
{
	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++) {
		size_t len = 0;
		int err = sw_channel_receive(fetch->channel, fetch->message, &len);
		if (err == -EAGAIN)
			break;
		if (err != 0)
			return fail(fetch, "%s", sw_channel_why(fetch->channel));
		fetch->due_ns = now_ns + fetch->silence_ns;
		enum sw_fetch_state state = message_take(fetch, len);
		if (state != SW_FETCH_GOING)
			return state;
	}
	return now_ns < fetch->due_ns ? SW_FETCH_GOING : fail(fetch, "%s", "it has fallen silent");
}

/* ---- all of it ---- */

int sw_fetch_new(struct sw_fetch **result, const struct sw_fetch_wish *wish, const struct sw_remote *remote,
	size_t address, uint64_t now_ns)
{
	struct sw_fetch *fetch = calloc(1, sizeof(*fetch));
	struct sw_record soa;
	size_t at = 0;
	int err = 0;
	if (fetch == NULL)
		return -ENOMEM;
	fetch->remote = remote;
	fetch->address = &remote->addresses[address];
	fetch->key = wish->key;
	fetch->limits = wish->limits;
	fetch->answer_ns = wish->answer_ns;
	fetch->connect_ns = wish->connect_ns;
	fetch->silence_ns = wish->silence_ns;
	fetch->is_whole = wish->is_whole;
	memcpy(fetch->apex, wish->apex, sw_name_len(wish->apex));
	fetch->has_soa = sw_records_next(wish->soa, &at, &soa);
	if (fetch->has_soa) {
		fetch->serial = sw_soa_serial(&soa);
		err = sw_records_add(&fetch->soa, &soa);
	}
	if (err == 0 && getrandom(&fetch->id, sizeof(fetch->id), 0) != sizeof(fetch->id))
		err = -errno;
	if (err != 0) {
		sw_fetch_free(fetch);
		return err;
	}
	*result = fetch;
	if (wish->skips_question || wish->is_whole || !fetch->has_soa || remote->is_tls) {
		if (transfer_open(fetch, now_ns) == SW_FETCH_GOING)
			return 0;
	} else {
		err = question_open(fetch, now_ns);
		if (err == 0) {
			fetch->due_ns = sw_question_due_ns(fetch->question);
			return 0;
		}
		fail(fetch, "%s", strerror(-err));
	}
	fetch->due_ns = 0; /* it has failed: the first turn says so */
	return 0;
}

void sw_fetch_free(struct sw_fetch *fetch)
{
	if (fetch == NULL)
		return;
	question_close(fetch);
	sw_channel_close(fetch->channel);
	sw_incoming_free(fetch->incoming);
	sw_tsig_end(&fetch->tsig);
	sw_records_free(&fetch->soa);
	free(fetch);
}

int sw_fetch_fd(const struct sw_fetch *fetch)
{
	if (fetch->question != NULL)
		return sw_question_fd(fetch->question);
	return fetch->channel ? sw_channel_fd(fetch->channel) : -1;
}

uint32_t sw_fetch_events(const struct sw_fetch *fetch)
{
	if (fetch->question != NULL)
		return sw_question_events(fetch->question);
	return fetch->channel ? sw_channel_events(fetch->channel) : EPOLLIN;
}

uint64_t sw_fetch_due_ns(const struct sw_fetch *fetch)
{
	return fetch->due_ns;
}

enum sw_fetch_state sw_fetch_turn(struct sw_fetch *fetch, uint64_t now_ns)
{
	if (fetch->question != NULL)
		return question_turn(fetch, now_ns);
	return fetch->due_ns == 0 ? SW_FETCH_FAILED : transfer_turn(fetch, now_ns);
}

struct sw_incoming *sw_fetch_incoming(const struct sw_fetch *fetch)
{
	return fetch->incoming;
}

const char *sw_fetch_why(const struct sw_fetch *fetch)
{
	return fetch->why;
}

bool sw_fetch_may_axfr(const struct sw_fetch *fetch)
{
	return fetch->incoming != NULL && sw_incoming_may_axfr(fetch->incoming);
}
