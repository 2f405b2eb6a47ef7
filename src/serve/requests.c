/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/verdict.h"
#include "serve/clock.h"
#include "serve/log.h"
#include "serve/requests_inside.h"
#include "serve/standing.h"
#include "wire/bytes.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define STREAM_MAX 65535
#define DATAGRAM_MAX 1500 /* what a reply over UDP has room for */

static int throttle_new(struct sw_throttle **throttle)
{
	uint64_t secret[2];
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return -errno;
	*throttle = sw_throttle_new(secret);
	return *throttle ? 0 : -ENOMEM;
}

int sw_requests_new(struct sw_requests **result, struct sw_live *live)
{
	struct sw_requests *requests = calloc(1, sizeof(*requests));
	if (requests == NULL)
		return -ENOMEM;
	requests->live = live;
	requests->transfers = sw_transfers_new();
	int err = throttle_new(&requests->throttle);
	if (requests->transfers == NULL || err != 0) {
		sw_requests_free(requests);
		return err ? err : -ENOMEM;
	}
	*result = requests;
	return 0;
}

void sw_requests_free(struct sw_requests *requests)
{
	if (requests == NULL)
		return;
	sw_transfers_free(requests->transfers);
	sw_throttle_free(requests->throttle);
	free(requests);
}

/* ---- reading ---- */

/** Behind an owner name, which may be compressed. @return 0 when it is malformed */
static size_t name_end(const uint8_t *message, size_t len, size_t at, bool may_point)
{
	for (size_t start = at; at < len && at - start < SW_NAME_MAX; at += 1u + message[at]) {
		if (message[at] == 0)
			return at + 1;
		if (message[at] >= 0xc0)
			return may_point && at + 2 <= len ? at + 2 : 0;
		if (message[at] > SW_LABEL_MAX)
			return 0;
	}
	return 0;
}

/** Behind the question. @return 0 when there is not one that can be read */
static size_t question_end(const uint8_t *message, size_t len)
{
	size_t end = sw_get16(message + 4) == 1 ? name_end(message, len, SW_HEADER_LEN, false) : 0;
	return end == 0 || end + 4 > len ? 0 : end + 4;
}

bool sw_requests_suspect(const uint8_t *message, size_t len)
{
	unsigned opcode = sw_opcode_of(message);
	if (message[2] & 0x80)
		return false;
	if (opcode != SW_OPCODE_QUERY)
		return opcode == SW_OPCODE_NOTIFY || opcode == SW_OPCODE_UPDATE;
	size_t end = question_end(message, len);
	if (end == 0)
		return false;
	uint16_t type = sw_get16(message + end - 4);
	if (type == SW_TYPE_AXFR || type == SW_TYPE_IXFR)
		return true;
	/* TSIG is the last record: not there when the only one is OPT */
	uint16_t additional = sw_get16(message + 10);
	bool is_opt = additional == 1 && end + 3 <= len && message[end] == 0 &&
		      sw_get16(message + end + 1) == SW_TYPE_OPT;
	return additional > 0 && !is_opt;
}

static void question_read(struct sw_hand *hand)
{
	size_t end = question_end(hand->message, hand->len);
	hand->question_end = end;
	if (end == 0)
		return;
	memcpy(hand->name, hand->message + SW_HEADER_LEN, end - 4 - SW_HEADER_LEN);
	sw_name_lower(hand->name);
	hand->type = sw_get16(hand->message + end - 4);
	hand->class = sw_get16(hand->message + end - 2);
}

/** What the OPT record says that the asker takes, 512 where there is none (RFC 6891 s6.2.3). */
static size_t edns_size(const struct sw_hand *hand)
{
	size_t at = hand->question_end;
	unsigned before = sw_get16(hand->message + 6) + sw_get16(hand->message + 8);
	unsigned count = before + sw_get16(hand->message + 10);
	for (unsigned i = 0; at != 0 && i < count; i++) {
		size_t end = name_end(hand->message, hand->len, at, true);
		if (end == 0 || end + 10 > hand->len)
			break;
		if (i >= before && sw_get16(hand->message + end) == SW_TYPE_OPT)
			return sw_get16(hand->message + end + 2);
		at = end + 10 + sw_get16(hand->message + end + 8);
		if (at > hand->len)
			break;
	}
	return SW_UDP_PLAIN_MAX;
}

static size_t reply_max(const struct sw_hand *hand)
{
	size_t size = edns_size(hand), most = hand->request->view->control->udp_max;
	if (hand->request->asker->stream)
		return STREAM_MAX;
	most = most == 0 || most > DATAGRAM_MAX ? DATAGRAM_MAX : most;
	size = size > most ? most : size;
	return size < SW_UDP_PLAIN_MAX ? SW_UDP_PLAIN_MAX : size;
}

/* ---- replying ---- */

/** Header and question: what is left of a reply that has no more, or no room for more. */
static size_t bare(const struct sw_hand *hand, unsigned flags)
{
	size_t len = hand->question_end ? hand->question_end : SW_HEADER_LEN;
	memcpy(hand->reply, hand->message, len);
	sw_put16(hand->reply + 2, flags);
	memset(hand->reply + 4, 0, 8);
	hand->reply[5] = hand->question_end != 0;
	return len;
}

/** Sign it where the message was signed. One that gets too long by that becomes the question with TC, which
 * is signed (RFC 8945 s5.3). */
static enum sw_taken sign(struct sw_hand *hand, size_t len)
{
	int err = sw_tsig_sign_reply(&hand->tsig, hand->reply, &len, hand->max, (uint64_t)sw_now_s());
	if (err == -ENOSPC) {
		unsigned flags = sw_get16(hand->reply + 2) | SW_FLAG_TC;
		len = bare(hand, flags & ~15u);
		hand->request->verdict = SW_VERDICT_TRUNCATED;
		err = sw_tsig_sign_reply(&hand->tsig, hand->reply, &len, hand->max, (uint64_t)sw_now_s());
	}
	hand->request->reply_len = err == 0 ? len : 0;
	return SW_TAKEN_REPLY;
}

static unsigned verdict_of(unsigned rcode)
{
	switch (rcode) {
	case SW_RCODE_NOERROR:
		return SW_VERDICT_REQUEST;
	case SW_RCODE_FORMERR:
		return SW_VERDICT_FORMERR;
	case SW_RCODE_NOTIMP:
		return SW_VERDICT_NOTIMP;
	case SW_RCODE_REFUSED:
		return SW_VERDICT_REFUSED;
	case SW_RCODE_NOTAUTH:
		return SW_VERDICT_NOTAUTH;
	default:
		return SW_VERDICT_SERVFAIL;
	}
}

static bool is_transfer(const struct sw_hand *hand)
{
	return hand->type == SW_TYPE_AXFR || hand->type == SW_TYPE_IXFR;
}

/** What is replied here is the end of a NOTIFY; of an update or a transfer it is a refusal. */
static void count_reply(const struct sw_hand *hand, unsigned rcode)
{
	struct sw_counts *counts = sw_hand_counts(hand);
	unsigned opcode = sw_opcode_of(hand->message);
	if (opcode == SW_OPCODE_NOTIFY)
		sw_count(rcode ? &counts->notifies.refused : &counts->notifies.taken, 1);
	else if (opcode == SW_OPCODE_UPDATE)
		sw_count(&counts->updates.refused, 1);
	else if (is_transfer(hand) && !hand->is_begun)
		sw_count(&counts->out.refused, 1);
}

/** Opcode and RD are the message's (RFC 1996 s3.4, RFC 2136 s3.8, RFC 1035 s4.1.1). */
static enum sw_taken reply(struct sw_hand *hand, unsigned rcode, unsigned more_flags)
{
	unsigned flags = sw_get16(hand->message + 2) & (0x7800 | SW_FLAG_RD);
	hand->request->verdict = verdict_of(rcode);
	count_reply(hand, rcode);
	return sign(hand, bare(hand, SW_FLAG_QR | flags | more_flags | rcode));
}

static const struct sw_zone_setting *zone_of(const struct sw_hand *hand)
{
	return hand->question_end != 0 && hand->class == SW_CLASS_IN
		       ? sw_live_zone(hand->requests->live, hand->name)
		       : NULL;
}

static enum sw_request_kind kind_of(const struct sw_hand *hand)
{
	unsigned opcode = sw_opcode_of(hand->message);
	return opcode == SW_OPCODE_NOTIFY   ? SW_REQUEST_NOTIFY
	       : opcode == SW_OPCODE_UPDATE ? SW_REQUEST_UPDATE
	       : hand->type == SW_TYPE_AXFR ? SW_REQUEST_AXFR
	       : hand->type == SW_TYPE_IXFR ? SW_REQUEST_IXFR
					    : SW_REQUEST_QUERY;
}

/** Told in the log, and replied. */
static enum sw_taken refuse(struct sw_hand *hand, unsigned rcode, enum sw_refused_why why)
{
	const struct sw_tsig *tsig = &hand->tsig;
	const struct sw_refusal refusal = {
		.kind = kind_of(hand),
		.why = why,
		.zone = hand->question_end ? hand->name : NULL,
		.is_here = zone_of(hand) != NULL,
		.key_name = tsig->key ? tsig->key->name : tsig->refused_name,
		.peer = &hand->peer,
		.is_stream = hand->request->asker->stream,
	};
	sw_requests_log_refused(sw_live_log(hand->requests->live), &refusal, sw_now_ns());
	return reply(hand, rcode, 0);
}

/* ---- NOTIFY ---- */

/** The serial of a SOA in the answer section: a hint (RFC 1996 s3.7). */
static bool notified_serial(const struct sw_hand *hand, uint32_t *serial)
{
	const uint8_t *message = hand->message;
	size_t end = sw_get16(message + 6) > 0 ? name_end(message, hand->len, hand->question_end, true) : 0;
	if (end == 0 || end + 10 > hand->len || sw_get16(message + end) != SW_TYPE_SOA)
		return false;
	size_t at = end + 10, rdata_end = at + sw_get16(message + end + 8);
	if (rdata_end > hand->len)
		return false;
	at = name_end(message, rdata_end, at, true);
	at = at ? name_end(message, rdata_end, at, true) : 0;
	if (at == 0 || at + 20 != rdata_end)
		return false;
	*serial = (uint32_t)sw_get16(message + at) << 16 | sw_get16(message + at + 2);
	return true;
}

static enum sw_taken take_notify(struct sw_hand *hand)
{
	uint32_t serial = 0;
	if (hand->question_end == 0 || hand->type != SW_TYPE_SOA)
		return refuse(hand, SW_RCODE_FORMERR, SW_REFUSED_MALFORMED);
	const struct sw_zone_setting *zone = zone_of(hand);
	if (zone == NULL)
		return refuse(hand, SW_RCODE_NOTAUTH, SW_REFUSED_NOT_HERE);
	if (zone->policy->primary_count == 0 ||
		(!sw_standing_is_primary(zone->policy, &hand->peer) &&
			sw_access_find(&zone->policy->notify_from, &hand->peer) == NULL))
		return refuse(hand, SW_RCODE_REFUSED, sw_refused_notify(zone->policy, &hand->peer));
	bool has_serial = notified_serial(hand, &serial);
	sw_live_notified(hand->requests->live, zone->apex, has_serial, serial);
	return reply(hand, SW_RCODE_NOERROR, SW_FLAG_AA);
}

/* ---- UPDATE ---- */

/** A copy of the message that can wait, with its key behind it: settings may be read again meanwhile. */
static struct sw_update_request *update_new(const struct sw_hand *hand)
{
	size_t key_at = (sizeof(struct sw_update_request) + hand->len + 15) / 16 * 16;
	struct sw_update_request *update = calloc(1, key_at + sizeof(struct sw_tsig_key));
	if (update == NULL)
		return NULL;
	update->peer = hand->peer;
	update->tsig = hand->tsig;
	if (hand->tsig.key != NULL) {
		struct sw_tsig_key *key = (void *)((uint8_t *)update + key_at);
		*key = *hand->tsig.key;
		update->peer.key = update->tsig.key = key;
	}
	update->is_stream = hand->request->asker->stream;
	update->due_ns = sw_now_ns() + hand->request->patience_ns;
	update->len = hand->len;
	memcpy(update->message, hand->message, hand->len);
	return update;
}

static enum sw_taken take_update(struct sw_hand *hand)
{
	if (hand->question_end == 0 || hand->type != SW_TYPE_SOA)
		return refuse(hand, SW_RCODE_FORMERR, SW_REFUSED_MALFORMED); /* RFC 2136 s3.1.1 */
	const struct sw_zone_setting *zone = zone_of(hand);
	if (zone == NULL)
		return refuse(hand, SW_RCODE_NOTAUTH, SW_REFUSED_NOT_HERE);
	if (!sw_standing_takes_updates(zone->policy))
		return refuse(hand, SW_RCODE_REFUSED, SW_REFUSED_NO_UPDATES);
	if (sw_access_find(&zone->policy->update_by, &hand->peer) == NULL)
		return refuse(hand, SW_RCODE_REFUSED, sw_refused_by(&zone->policy->update_by, &hand->peer));
	struct sw_update_request *update = update_new(hand);
	if (update == NULL)
		return refuse(hand, SW_RCODE_SERVFAIL, SW_REFUSED_FAILED);
	if (hand->request->expect(hand->request->context, update) != 0) {
		free(update);
		return refuse(hand, SW_RCODE_SERVFAIL, SW_REFUSED_FAILED);
	}
	if (sw_live_update(hand->requests->live, update) != 0) {
		update->done(update, NULL, 0);
		return refuse(hand, SW_RCODE_SERVFAIL, SW_REFUSED_QUEUE);
	}
	hand->request->verdict = SW_VERDICT_REQUEST;
	return SW_TAKEN_LATER;
}

/* ---- transfers ---- */

/** The only message of an IXFR over UDP (RFC 1995 s2). */
static enum sw_taken take_datagram(struct sw_hand *hand, struct sw_transfer *transfer)
{
	size_t len = 0;
	hand->is_begun = true;
	int state = sw_transfer_next(transfer, hand->reply, hand->max, &len);
	sw_transfer_free(transfer);
	if (state != 0)
		return reply(hand, SW_RCODE_SERVFAIL, 0);
	hand->request->verdict = SW_VERDICT_REQUEST;
	hand->request->reply_len = len;
	return SW_TAKEN_REPLY;
}

static enum sw_taken take_transfer(struct sw_hand *hand)
{
	struct sw_outgoing_query query;
	bool is_udp = !hand->request->asker->stream;
	const struct sw_zone_setting *zone = zone_of(hand);
	/* they are not told a zone that is not here from one that is not theirs */
	if (zone == NULL)
		return refuse(hand, SW_RCODE_REFUSED, SW_REFUSED_NOT_HERE);
	if (sw_access_find(&zone->policy->transfer_to, &hand->peer) == NULL)
		return refuse(hand, SW_RCODE_REFUSED, sw_refused_by(&zone->policy->transfer_to, &hand->peer));
	int rcode = sw_outgoing_parse(&query, hand->message, hand->len);
	if (rcode != 0)
		return refuse(hand, (unsigned)rcode, SW_REFUSED_MALFORMED);
	struct sw_transfer *transfer;
	int err = sw_transfer_new(&transfer, hand->requests->transfers, hand->requests->live, &hand->peer,
		&query, is_udp, &hand->tsig);
	if (err != 0)
		return refuse(hand, SW_RCODE_SERVFAIL,
			err == -EAGAIN	 ? SW_REFUSED_TOO_MANY
			: err == -ENOENT ? SW_REFUSED_NO_VERSION
					 : SW_REFUSED_FAILED);
	if (is_udp)
		return take_datagram(hand, transfer);
	hand->request->transfer = transfer;
	hand->request->verdict = SW_VERDICT_REQUEST;
	return SW_TAKEN_TRANSFER;
}

/* ---- all of them ---- */

/** A question that is signed: the answer is, too. */
static enum sw_taken take_signed(struct sw_hand *hand)
{
	struct sw_request *request = hand->request;
	size_t len = sw_answer(request->answerer, request->view, request->asker, hand->message, hand->len,
		hand->reply, &request->verdict);
	request->reply_len = 0;
	return len > 0 ? sign(hand, len) : SW_TAKEN_REPLY;
}

static enum sw_taken take(struct sw_hand *hand)
{
	bool is_stream = hand->request->asker->stream;
	switch (sw_opcode_of(hand->message)) {
	case SW_OPCODE_NOTIFY:
		return take_notify(hand);
	case SW_OPCODE_UPDATE:
		return take_update(hand);
	default:
		/* AXFR over UDP does not exist (RFC 5936 s4.2): sw_answer() refuses it */
		if (hand->question_end != 0 &&
			(hand->type == SW_TYPE_IXFR || (hand->type == SW_TYPE_AXFR && is_stream)))
			return take_transfer(hand);
		return hand->tsig.key != NULL ? take_signed(hand) : SW_TAKEN_NOT;
	}
}

/** RFC 8945 s5.2: why a signature is refused; counted. */
static enum sw_refused_why tsig_refused(const struct sw_hand *hand)
{
	struct sw_counts *counts = sw_hand_counts(hand);
	switch (hand->tsig.error) {
	case SW_TSIG_BADKEY:
		sw_count(&counts->tsig.badkey, 1);
		return SW_REFUSED_BAD_KEY;
	case SW_TSIG_BADSIG:
		sw_count(&counts->tsig.badsig, 1);
		return SW_REFUSED_BAD_SIGNATURE;
	case SW_TSIG_BADTIME:
		sw_count(&counts->tsig.badtime, 1);
		return SW_REFUSED_BAD_TIME;
	case SW_TSIG_BADTRUNC:
		sw_count(&counts->tsig.badtrunc, 1);
		return SW_REFUSED_BAD_TRUNCATION;
	default:
		sw_count(&counts->tsig.malformed, 1);
		return SW_REFUSED_MALFORMED;
	}
}

enum sw_taken sw_requests_take(struct sw_requests *requests, struct sw_request *request, uint8_t *message,
	size_t len, uint8_t *reply_bytes)
{
	struct sw_hand hand = {
		.requests = requests,
		.request = request,
		.message = message,
		.reply = reply_bytes,
		.len = len,
		.peer.address_len = request->asker->address_len,
	};
	memcpy(hand.peer.address, request->asker->address, sizeof(hand.peer.address));
	hand.peer.is_encrypted = request->is_encrypted;
	request->reply_len = 0;
	request->transfer = NULL;
	question_read(&hand);
	if (sw_hand_is_over(&hand)) {
		request->verdict = SW_VERDICT_DROP_LANE;
		return SW_TAKEN_REPLY;
	}
	int rcode = sw_tsig_check_query(
		&hand.tsig, sw_live_key, requests->live, message, &hand.len, (uint64_t)sw_now_s());
	if (rcode == 0 && hand.tsig.key != NULL)
		sw_throttle_signed(requests->throttle, hand.peer.address, hand.peer.address_len, sw_now_ns());
	hand.max = reply_max(&hand);
	hand.peer.key = hand.tsig.key;
	return rcode != 0 ? refuse(&hand, (unsigned)rcode, tsig_refused(&hand)) : take(&hand);
}
