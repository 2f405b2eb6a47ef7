/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/fetch.h"
#include "serve/channel.h"
#include "wire/message.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUESTION_TRIES 2
#define MESSAGE_MAX 65535
#define QUESTION_MAX 1024 /* with a signature */
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
	unsigned tries;
	int question; /* socket, -1 when the question is over */
	struct sw_channel *channel;
	struct sw_incoming *incoming;
	struct sw_tsig tsig;
	uint64_t due_ns;
	char why[256];
	uint8_t message[MESSAGE_MAX];
};

static uint64_t wall_s(void)
{
	return (uint64_t)time(NULL);
}

static enum sw_fetch_state fail(struct sw_fetch *fetch, const char *format, const char *detail)
{
	snprintf(fetch->why, sizeof(fetch->why), format, detail);
	return SW_FETCH_FAILED;
}

/* ---- the question ---- */

static int question_send(struct sw_fetch *fetch, uint64_t now_ns)
{
	size_t name_len = sw_name_len(fetch->apex), len = SW_HEADER_LEN + name_len + 4;
	uint8_t *message = fetch->message;
	memset(message, 0, SW_HEADER_LEN);
	knot_wire_set_id(message, fetch->id);
	knot_wire_set_qdcount(message, 1);
	memcpy(message + SW_HEADER_LEN, fetch->apex, name_len);
	memcpy(message + SW_HEADER_LEN + name_len, (const uint8_t[]){0, SW_TYPE_SOA, 0, SW_CLASS_IN}, 4);
	sw_tsig_end(&fetch->tsig);
	fetch->tsig = (struct sw_tsig){0};
	int err = sw_tsig_sign_query(&fetch->tsig, fetch->remote->key, message, &len, QUESTION_MAX, wall_s());
	if (err == 0 && send(fetch->question, message, len, 0) < 0)
		err = -errno;
	fetch->tries++;
	fetch->due_ns = now_ns + fetch->answer_ns;
	return err;
}

static int question_open(struct sw_fetch *fetch, uint64_t now_ns)
{
	const struct sw_endpoint *address = fetch->address, *source = &fetch->remote->source;
	fetch->question = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fetch->question < 0)
		return -errno;
	if (source->len != 0 && source->any.sa_family == address->any.sa_family &&
		bind(fetch->question, &source->any, source->len) != 0)
		return -errno;
	/* connected: answers from elsewhere do not come through, ICMP errors do */
	if (connect(fetch->question, &address->any, address->len) != 0)
		return -errno;
	return question_send(fetch, now_ns);
}

static void question_close(struct sw_fetch *fetch)
{
	if (fetch->question >= 0)
		close(fetch->question);
	fetch->question = -1;
}

/** @return 0 with the serial, -EAGAIN for what is not the answer, -EMSGSIZE for a truncated one, -EPROTO */
static int answer_read(struct sw_fetch *fetch, size_t len, uint32_t *serial)
{
	knot_pkt_t *packet = knot_pkt_new(fetch->message, (uint16_t)len, NULL);
	int err = -EAGAIN;
	if (packet == NULL)
		return -ENOMEM;
	if (knot_pkt_parse(packet, 0) != KNOT_EOK || knot_wire_get_id(fetch->message) != fetch->id ||
		!knot_wire_get_qr(fetch->message) || knot_pkt_qtype(packet) != KNOT_RRTYPE_SOA ||
		knot_pkt_qclass(packet) != KNOT_CLASS_IN || knot_pkt_qname(packet) == NULL ||
		!sw_name_equal(knot_pkt_qname(packet), fetch->apex))
		goto done;
	err = -EPROTO;
	if (knot_wire_get_tc(fetch->message)) {
		err = -EMSGSIZE;
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
done:
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
		&fetch->tsig, fetch->remote->key, fetch->message, &len, MESSAGE_MAX, wall_s());
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
	for (;;) {
		ssize_t n = recv(fetch->question, fetch->message, MESSAGE_MAX, 0);
		if (n < 0 && errno != EAGAIN)
			return fail(fetch, "%s", strerror(errno));
		if (n < 0)
			break;
		size_t len = (size_t)n;
		if (len < SW_HEADER_LEN || knot_wire_get_id(fetch->message) != fetch->id)
			continue;
		struct sw_tsig before = fetch->tsig; /* a forged answer must not spoil the true one */
		int err = sw_tsig_check_reply(&fetch->tsig, fetch->message, &len, true, wall_s());
		if (err != 0) {
			fetch->tsig = before;
			snprintf(fetch->why, sizeof(fetch->why), "its signature is not right");
			if (err == -EKEYREJECTED)
				return fail(fetch, "%s", "it does not take our signature");
			continue;
		}
		err = answer_read(fetch, len, &serial);
		if (err == -EAGAIN)
			continue;
		if (err == -EMSGSIZE)
			return transfer_open(fetch, now_ns);
		if (err != 0)
			return SW_FETCH_FAILED;
		fetch->why[0] = '\0';
		if (fetch->has_soa && !sw_serial_is_newer(serial, fetch->serial))
			return SW_FETCH_CURRENT;
		return transfer_open(fetch, now_ns);
	}
	if (now_ns < fetch->due_ns)
		return SW_FETCH_GOING;
	if (fetch->tries == QUESTION_TRIES)
		return fail(fetch, "%s", fetch->why[0] ? strdupa(fetch->why) : "it does not answer");
	int err = question_send(fetch, now_ns);
	return err ? fail(fetch, "%s", strerror(-err)) : SW_FETCH_GOING;
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
	int err = sw_tsig_check_reply(&fetch->tsig, fetch->message, &len, false, wall_s());
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
	fetch->question = -1;
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
		if (err == 0)
			return 0;
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
	return fetch->channel ? sw_channel_fd(fetch->channel) : fetch->question;
}

uint32_t sw_fetch_events(const struct sw_fetch *fetch)
{
	return fetch->channel ? sw_channel_events(fetch->channel) : EPOLLIN;
}

uint64_t sw_fetch_due_ns(const struct sw_fetch *fetch)
{
	return fetch->due_ns;
}

enum sw_fetch_state sw_fetch_turn(struct sw_fetch *fetch, uint64_t now_ns)
{
	if (fetch->due_ns == 0)
		return SW_FETCH_FAILED;
	return fetch->channel ? transfer_turn(fetch, now_ns) : question_turn(fetch, now_ns);
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
