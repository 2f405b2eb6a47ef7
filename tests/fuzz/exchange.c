/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange.h"
#include "answer/verdict.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_MAX 65535
#define UDP_BUFFER 1500 /* what answer.h asks for */
#define UDP_MAX 1232
#define UDP_PLAIN_MAX 512
#define TSIG_MAX (255 + 10 + 255 + 16) /* a refused key and its algorithm named back */

enum { TYPE_NS = 2, TYPE_SOA = 6, TYPE_RRSIG = 46, TYPE_NSEC = 47, TYPE_NSEC3 = 50 };
enum { QR = 0x8000, OPCODE = 0x7800, AA = 0x400, TC = 0x200, RD = 0x100, RCODE = 15, DO = 0x8000 };
enum { FORMERR = 1, NOTIMP = 4, NOTAUTH = 9 };

#define NEVER 0xffff
#define ANY_RCODE 0xfffe

/** RCODE that goes with a verdict. NEVER: nothing that can happen to a message here. */
static const uint16_t rcodes[SW_VERDICT_COUNT] = {
	[SW_VERDICT_TRUNCATED] = ANY_RCODE,
	[SW_VERDICT_NXDOMAIN] = 3,
	[SW_VERDICT_REFUSED] = 5,
	[SW_VERDICT_YXDOMAIN] = 6,
	[SW_VERDICT_FORMERR] = FORMERR,
	[SW_VERDICT_NOTIMP] = NOTIMP,
	[SW_VERDICT_BADVERS] = 16,
	[SW_VERDICT_NOTAUTH] = NOTAUTH,
	[SW_VERDICT_SERVFAIL] = NEVER,
	[SW_VERDICT_DROP_RESPONSE] = NEVER,
	[SW_VERDICT_DROP_SHORT] = NEVER,
	[SW_VERDICT_DROP_LENGTH] = NEVER,
	[SW_VERDICT_DROP_PORT0] = NEVER,
	[SW_VERDICT_DROP_BROKEN] = NEVER,
	[SW_VERDICT_PUNT_ROOM] = NEVER,
	[SW_VERDICT_PUNT_TSIG] = NEVER,
	[SW_VERDICT_PUNT_FRAME] = NEVER,
	[SW_VERDICT_PUNT_COST] = NEVER,
	[SW_VERDICT_PUNT_REQUEST] = NEVER,
	[SW_VERDICT_PUNT_CHANGE] = NEVER,
	[SW_VERDICT_REQUEST] = NEVER,
	[SW_VERDICT_PASS_OTHER] = NEVER,
};

/** What the query was, read as strictly as the reply. */
struct asked {
	bool is_read; /* false: malformed */
	bool has_opt, has_do;
	size_t limit; /* of the reply, without TSIG */
};

static void dump(const char *label, const uint8_t *bytes, size_t len)
{
	fprintf(stderr, "%s (%zu bytes) ", label, len);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x", bytes[i]);
	fputc('\n', stderr);
}

void (*exchange_explain)(void);

void exchange_fail(const struct exchange *exchange, const char *why)
{
	fprintf(stderr, "exchange: %s; %s, verdict %u\n", why, exchange->is_stream ? "stream" : "UDP",
		exchange->verdict);
	dump("query", exchange->query, exchange->query_len);
	dump("reply", exchange->reply, exchange->reply_len);
	if (exchange_explain)
		exchange_explain();
	abort();
}

static void require(const struct exchange *exchange, bool holds, const char *what)
{
	if (!holds)
		exchange_fail(exchange, what);
}

static struct asked query_read(const struct exchange *exchange)
{
	static struct reply query;
	struct asked asked = {.is_read = reply_read(&query, exchange->query, exchange->query_len)};
	asked.has_opt = query.opt.type != 0;
	asked.has_do = asked.has_opt && query.opt.ttl & DO;
	asked.limit = UDP_MAX;
	if (exchange->is_stream)
		asked.limit = STREAM_MAX;
	else if (asked.is_read && !asked.has_opt)
		asked.limit = UDP_PLAIN_MAX;
	else if (asked.is_read && query.opt.class < UDP_MAX)
		asked.limit = query.opt.class < UDP_PLAIN_MAX ? UDP_PLAIN_MAX : query.opt.class;
	return asked;
}

/** Header and question (RFC 1035 s4.1.1). */
static void header_check(const struct exchange *exchange, const struct reply *reply)
{
	const uint8_t *query = exchange->query;
	uint16_t copied = (uint16_t)(query[2] << 8 | query[3]) & (OPCODE | RD);
	require(exchange, memcmp(query, exchange->reply, 2) == 0, "another ID");
	require(exchange, (reply->flags & ~(AA | TC | RCODE)) == (QR | copied), "wrong flags");
	size_t question = reply->question_end - 12;
	if (reply->count[QUESTION] == 0) {
		require(exchange, reply->rcode == FORMERR || reply->rcode == NOTIMP, "no question");
		require(exchange, exchange->reply_len == 12, "records without a question");
	} else {
		require(exchange, reply->question_end <= exchange->query_len, "a longer question");
		require(exchange, memcmp(query + 12, exchange->reply + 12, question) == 0,
			"another question");
	}
}

/** EDNS and sizes (RFC 6891). */
static void size_check(const struct exchange *exchange, const struct reply *reply, const struct asked *asked)
{
	size_t limit = asked->limit;
	if (reply->opt.type) {
		require(exchange, !asked->is_read || asked->has_opt, "OPT that nobody asked for");
		require(exchange, reply->opt.class == UDP_MAX, "another UDP size");
		uint32_t flags = asked->has_do ? DO : 0;
		require(exchange, !asked->is_read || (reply->opt.ttl & 0xffffff) == flags,
			"wrong EDNS flags");
	} else if (asked->is_read && asked->has_opt) {
		require(exchange, reply->rcode == FORMERR || reply->rcode == NOTIMP, "no OPT");
	} else if (!exchange->is_stream) {
		limit = UDP_PLAIN_MAX;
	}
	if (reply->tsig.type) {
		require(exchange, reply->rcode == NOTAUTH, "TSIG but no refusal");
		limit += TSIG_MAX;
	}
	require(exchange, exchange->reply_len <= limit, "longer than the asker takes");
}

static bool is_same(const struct record *a, const struct record *b)
{
	return a->type == b->type && a->class == b->class && a->rdata_len == b->rdata_len &&
	       memcmp(a->rdata, b->rdata, a->rdata_len) == 0 && reply_name_equal(a->owner, b->owner);
}

/** Records that no reply has twice. In the answer and authority sections none has; 128 are looked at. */
static void twice_check(const struct exchange *exchange, const struct reply *reply)
{
	for (unsigned i = 0; i < reply->records && i < 128; i++)
		for (unsigned k = 0; k < i; k++)
			require(exchange, !is_same(&reply->record[i], &reply->record[k]), "a record twice");
}

static bool section_has(const struct reply *reply, uint8_t section, uint16_t type)
{
	for (unsigned i = 0; i < reply->records; i++)
		if (reply->record[i].section == section && reply->record[i].type == type)
			return true;
	return false;
}

/** Sections as befits the verdict. */
static void sections_check(
	const struct exchange *exchange, const struct reply *reply, const struct asked *asked)
{
	unsigned verdict = exchange->verdict;
	require(exchange, ((reply->flags & TC) != 0) == (verdict == SW_VERDICT_TRUNCATED), "TC");
	bool has_soa = section_has(reply, AUTHORITY, TYPE_SOA),
	     has_ns = section_has(reply, AUTHORITY, TYPE_NS);
	bool is_negative = verdict == SW_VERDICT_NODATA || verdict == SW_VERDICT_NXDOMAIN;
	bool has_data = verdict == SW_VERDICT_ANSWERED || verdict == SW_VERDICT_YXDOMAIN;
	require(exchange, has_soa == is_negative, "SOA without denial, or denial without SOA");
	require(exchange, has_ns == (verdict == SW_VERDICT_REFERRAL), "NS without referral, or the reverse");
	require(exchange, !has_data || reply->count[ANSWER] > 0, "no answer");
	if (!has_data && !is_negative && verdict != SW_VERDICT_REFERRAL && verdict != SW_VERDICT_CHAOS)
		require(exchange, reply->records == 0, "records where none belong");
	if (asked->is_read && !asked->has_do) {
		require(exchange, !section_has(reply, AUTHORITY, TYPE_NSEC), "NSEC without DO");
		require(exchange, !section_has(reply, AUTHORITY, TYPE_NSEC3), "NSEC3 without DO");
		require(exchange, !section_has(reply, AUTHORITY, TYPE_RRSIG), "RRSIG without DO");
		require(exchange, !section_has(reply, ADDITIONAL, TYPE_RRSIG), "RRSIG without DO");
	}
}

static const struct reply *exchange_check(const struct exchange *exchange)
{
	static struct reply reply;
	bool is_silent = exchange->query_len < 12 || exchange->query[2] & 0x80;
	require(exchange, is_silent == (exchange->reply_len == 0), "silence, or a reply to a reply");
	require(exchange, exchange->verdict < SW_VERDICT_COUNT, "no verdict");
	if (is_silent)
		return NULL;
	struct asked asked = query_read(exchange);
	if (!reply_read(&reply, exchange->reply, exchange->reply_len))
		exchange_fail(exchange, reply_error());
	header_check(exchange, &reply);
	uint16_t rcode = rcodes[exchange->verdict];
	require(exchange, rcode == ANY_RCODE || rcode == reply.rcode, "verdict and RCODE disagree");
	size_check(exchange, &reply, &asked);
	sections_check(exchange, &reply, &asked);
	twice_check(exchange, &reply);
	return &reply;
}

const struct reply *exchange_run(
	struct sw_worker *worker, const struct sw_image_view *view, struct exchange *exchange)
{
	/* Buffers of their own, so that AddressSanitizer sees one byte too many. */
	static uint8_t *udp, *stream;
	if (!udp)
		udp = malloc(UDP_BUFFER);
	if (!stream)
		stream = malloc(STREAM_MAX);
	struct sw_asker asker = {.address = {192, 0, 2, 1}, .address_len = 4, .stream = exchange->is_stream};
	uint8_t *query = malloc(exchange->query_len), *reply = exchange->is_stream ? stream : udp;
	if (!udp || !stream || (!query && exchange->query_len > 0))
		abort();
	if (exchange->query_len > 0)
		memcpy(query, exchange->query, exchange->query_len);
	exchange->reply = reply;
	exchange->reply_len =
		sw_answer(worker, view, &asker, query, exchange->query_len, reply, &exchange->verdict);
	free(query);
	return exchange_check(exchange);
}
