/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is more than a plain question: who may, what is replied, over sockets too. */
#include "../zone/message_help.h"
#include "answer/verdict.h"
#include "image/store.h"
#include "serve/requests.h"
#include "serve/tcp.h"
#include "serve/udp.h"
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <urcu.h>

#define ADDRESS "127.0.0.1@5399"
#define KEY "k.example."

static const char *const zone_text = "example. SOA ns.example. host.example. 10 3600 600 86400 300\n"
				     "example. NS ns.example.\n"
				     "ns.example. A 192.0.2.1\n";

/** A node of two live zones: "example" may be had and changed, "second" comes from 127.0.0.1. */
struct node {
	struct sw_archive *archive;
	struct sw_live *live;
	struct sw_store *store;
	struct sw_requests *requests;
	struct sw_worker *worker;
	struct sw_settings settings;
	struct sw_zone_setting zones[2];
	struct sw_zone_policy ours, theirs;
	struct sw_access may_have, may_change;
	struct sw_remote primary;
	struct sw_endpoint primary_address;
	const struct sw_remote *primaries[1];
	struct sw_tsig_key key;
	unsigned notified;
	uint32_t serial;
	bool has_serial;
	unsigned waiting;
};
static struct node node;

static void notified(void *arg, const uint8_t *apex, bool has_serial, uint32_t serial)
{
	(void)arg;
	assert_true(sw_name_equal(apex, help_name("second.")));
	node.notified++;
	node.has_serial = has_serial;
	node.serial = serial;
}

static void updates_wait(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&node.waiting, 1, __ATOMIC_SEQ_CST);
}

static void policies_make(void)
{
	memcpy(node.key.name, help_name(KEY), sw_name_len(help_name(KEY)));
	node.key.algorithm = SW_TSIG_SHA256;
	node.key.secret_len = 32;
	memset(node.key.secret, 7, 32);
	node.may_have = (struct sw_access){.address = {127}, .address_len = 4, .bits = 8};
	node.may_change = (struct sw_access){.key = &node.key};
	node.ours.transfer_to = (struct sw_access_list){&node.may_have, 1};
	node.ours.update_by = (struct sw_access_list){&node.may_change, 1};
	assert_int_equal(sw_endpoint_parse("192.0.2.9@53", &node.primary_address), 0);
	node.primary = (struct sw_remote){.addresses = &node.primary_address, .address_count = 1};
	node.primaries[0] = &node.primary;
	node.theirs.primaries = node.primaries;
	node.theirs.primary_count = 1;
	node.zones[0] = (struct sw_zone_setting){.apex = (uint8_t *)"\7example", .policy = &node.ours};
	node.zones[1] = (struct sw_zone_setting){.apex = (uint8_t *)"\6second", .policy = &node.theirs};
	node.settings.zones = node.zones;
	node.settings.zone_count = 2;
	node.settings.keys = &node.key;
	node.settings.key_count = 1;
	node.settings.limits = (struct sw_limits){.out_at_once = 3, .out_address_at_once = 2};
}

static int node_open(void **state)
{
	help_setup(state);
	memset(&node, 0, sizeof(node));
	policies_make();
	node.archive = help_open(help_directory(state));
	help_zone(node.archive, "example.", zone_text);
	const struct sw_live_calls calls = {.notified = notified, .updates_wait = updates_wait};
	node.live = sw_live_new(node.archive, &calls);
	assert_non_null(node.live);
	sw_live_set(node.live, &node.settings);
	assert_int_equal(sw_store_new(&node.store, NULL), 0);
	sw_store_control(node.store)->udp_max = 1232;
	node.worker = sw_worker_new();
	assert_int_equal(sw_requests_new(&node.requests, node.live), 0);
	sw_requests_switch(node.requests, true);
	return 0;
}

static int node_close(void **state)
{
	assert_int_equal(sw_transfers_in_hand(node.requests->transfers), 0);
	sw_requests_free(node.requests);
	sw_live_free(node.live);
	sw_worker_free(node.worker);
	sw_store_free(node.store);
	sw_archive_close(node.archive);
	return help_teardown(state);
}

/* ---- messages ---- */

struct message {
	uint8_t bytes[65535];
	size_t len;
	struct sw_tsig tsig;
};

static void ask(struct message *message, unsigned opcode, const char *name, uint16_t type)
{
	memset(message, 0, sizeof(*message));
	message->bytes[1] = 7;
	message->bytes[2] = (uint8_t)(opcode << 3);
	message->bytes[5] = 1;
	size_t at = help_put_name(message->bytes, 12, name);
	help_put16(message->bytes + at, type);
	help_put16(message->bytes + at + 2, 1);
	message->len = at + 4;
}

static void add_record(struct message *message, unsigned section, const char *line)
{
	struct sw_records records = help_parse(line);
	struct sw_record record;
	size_t at = 0;
	assert_true(sw_records_next(&records, &at, &record));
	message->len = help_put_record(message->bytes, message->len, &record, 1);
	message->bytes[6 + 2 * section + 1]++;
	sw_records_free(&records);
}

static void sign(struct message *message, const struct sw_tsig_key *key)
{
	assert_int_equal(sw_tsig_sign_query(&message->tsig, key, message->bytes, &message->len,
				 sizeof(message->bytes), (uint64_t)time(NULL)),
		0);
}

static unsigned rcode_of(const struct message *message)
{
	return message->bytes[3] & 15;
}

/* ---- without sockets ---- */

static const struct sw_asker *asker_at(const char *address, bool is_stream)
{
	static struct sw_asker asker;
	asker = (struct sw_asker){.address_len = 4, .stream = is_stream};
	struct sw_endpoint endpoint;
	assert_int_equal(sw_endpoint_parse(address, &endpoint), 0);
	memcpy(asker.address, &endpoint.v4.sin_addr, 4);
	return &asker;
}

static struct sw_update_request *expected;
static unsigned undone;

static void update_done(struct sw_update_request *update, const uint8_t *reply, size_t len)
{
	(void)reply;
	undone += len == 0;
	free(update);
}

static int expect(void *context, struct sw_update_request *update)
{
	(void)context;
	update->done = update_done;
	expected = update;
	return 0;
}

static struct sw_request request;

/** Take it, and have the reply in its place. */
static enum sw_taken take(struct message *message, const struct sw_asker *asker)
{
	static uint8_t reply[65535];
	request = (struct sw_request){.asker = asker,
		.answerer = node.worker,
		.view = sw_store_view(node.store),
		.expect = expect,
		.patience_ns = 1000000000};
	assert_true(sw_requests_may_be(node.requests, message->bytes, message->len));
	rcu_read_lock();
	enum sw_taken taken = sw_requests_take(node.requests, &request, message->bytes, message->len, reply);
	rcu_read_unlock();
	if (taken == SW_TAKEN_REPLY) {
		memcpy(message->bytes, reply, request.reply_len);
		message->len = request.reply_len;
		assert_true(message->len >= 12);
		assert_true(message->bytes[2] & 0x80);
		assert_int_equal(message->bytes[1], 7);
	}
	return taken;
}

static unsigned rcode_from(struct message *message, const char *address, bool is_stream)
{
	assert_int_equal(take(message, asker_at(address, is_stream)), SW_TAKEN_REPLY);
	return rcode_of(message);
}

static void test_suspects(void **state)
{
	(void)state;
	struct message m;
	ask(&m, 0, "www.example.", 1);
	assert_false(sw_requests_suspect(m.bytes, m.len));
	m.bytes[11] = 1;
	memcpy(m.bytes + m.len, "\0\0\x29\4\xd0\0\0\0\0\0\0", 11);
	assert_false(sw_requests_suspect(m.bytes, m.len + 11));
	m.bytes[11] = 2;
	assert_true(sw_requests_suspect(m.bytes, m.len + 11));
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		ask(&m, opcode, "example.", 6);
		assert_int_equal(sw_requests_suspect(m.bytes, m.len), opcode == 4 || opcode == 5);
		m.bytes[2] |= 0x80;
		assert_false(sw_requests_suspect(m.bytes, m.len));
	}
	ask(&m, 0, "example.", 252);
	assert_true(sw_requests_suspect(m.bytes, m.len));
	for (size_t len = 12; len < m.len; len++)
		assert_false(sw_requests_suspect(m.bytes, len));
	sw_requests_switch(node.requests, false);
	assert_false(sw_requests_may_be(node.requests, m.bytes, m.len));
	assert_false(sw_requests_may_be(NULL, m.bytes, m.len));
	sw_requests_switch(node.requests, true);
}

static void test_notify(void **state)
{
	(void)state;
	struct message m;
	ask(&m, 4, "SECOND.", 6);
	assert_int_equal(rcode_from(&m, "192.0.2.9", false), 0);
	assert_int_equal(m.bytes[2], 0x80 | 4 << 3 | 4); /* AA, as RFC 1996 s4.7 has it */
	assert_int_equal(m.len, 24);
	assert_int_equal(node.notified, 1);
	assert_false(node.has_serial);
	ask(&m, 4, "second.", 6);
	add_record(&m, 0, "second. SOA a. b. 4294967295 1 2 3 4\n");
	assert_int_equal(rcode_from(&m, "192.0.2.9", true), 0);
	assert_true(node.has_serial);
	assert_int_equal(node.serial, 4294967295u);
	assert_int_equal(node.notified, 2);
}

static void test_notify_refused(void **state)
{
	(void)state;
	struct message m;
	ask(&m, 4, "second.", 6);
	assert_int_equal(rcode_from(&m, "192.0.2.8", false), SW_RCODE_REFUSED);
	ask(&m, 4, "example.", 6);
	assert_int_equal(rcode_from(&m, "192.0.2.9", false), SW_RCODE_REFUSED);
	ask(&m, 4, "third.", 6);
	assert_int_equal(rcode_from(&m, "192.0.2.9", false), SW_RCODE_NOTAUTH);
	ask(&m, 4, "second.", 1);
	assert_int_equal(rcode_from(&m, "192.0.2.9", false), SW_RCODE_FORMERR);
	ask(&m, 4, "second.", 6);
	m.bytes[5] = 0;
	assert_int_equal(rcode_from(&m, "192.0.2.9", false), SW_RCODE_FORMERR);
	node.primary.key = &node.key;
	ask(&m, 4, "second.", 6);
	assert_int_equal(rcode_from(&m, "192.0.2.9", false), SW_RCODE_REFUSED);
	assert_int_equal(node.notified, 0);
	ask(&m, 4, "second.", 6);
	sign(&m, &node.key);
	assert_int_equal(rcode_from(&m, "192.0.2.9", false), 0);
	assert_int_equal(sw_tsig_check_reply(&m.tsig, m.bytes, &m.len, true, (uint64_t)time(NULL)), 0);
	assert_int_equal(node.notified, 1);
	const struct sw_access anybody = {.address_len = 0};
	node.theirs.notify_from = (struct sw_access_list){(struct sw_access *)&anybody, 1};
	ask(&m, 4, "second.", 6);
	assert_int_equal(rcode_from(&m, "203.0.113.1", false), 0);
	assert_int_equal(node.notified, 2);
}

static void test_update_rights(void **state)
{
	(void)state;
	struct message m;
	ask(&m, 5, "example.", 6);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), SW_RCODE_REFUSED);
	assert_int_equal(m.bytes[2] >> 3 & 15, 5);
	ask(&m, 5, "second.", 6);
	sign(&m, &node.key);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), SW_RCODE_REFUSED);
	ask(&m, 5, "below.example.", 6);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), SW_RCODE_NOTAUTH);
	ask(&m, 5, "example.", 1);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), SW_RCODE_FORMERR);
	assert_null(sw_live_updates_take(node.live));
	assert_int_equal(node.waiting, 0);

	ask(&m, 5, "EXAMPLE.", 6);
	size_t unsigned_len = m.len;
	sign(&m, &node.key);
	assert_int_equal(take(&m, asker_at("127.0.0.1", true)), SW_TAKEN_LATER);
	struct sw_update_request *update = sw_live_updates_take(node.live);
	assert_ptr_equal(update, expected);
	assert_int_equal(update->len, unsigned_len);
	assert_memory_equal(update->message, m.bytes, unsigned_len);
	assert_true(update->is_stream);
	/* a key of its own: that of the settings may go meanwhile */
	assert_ptr_not_equal(update->peer.key, &node.key);
	assert_ptr_equal(update->peer.key, update->tsig.key);
	assert_memory_equal(update->peer.key, &node.key, sizeof(node.key));
	update->done(update, NULL, 0);
}

static void test_updates_that_are_too_many(void **state)
{
	(void)state;
	struct message m;
	unsigned taken = 0, rcode = 0;
	undone = 0;
	for (; taken < 100000 && rcode == 0; taken++) {
		ask(&m, 5, "example.", 6);
		sign(&m, &node.key);
		if (take(&m, asker_at("127.0.0.1", false)) == SW_TAKEN_REPLY)
			rcode = rcode_of(&m);
	}
	assert_int_equal(rcode, SW_RCODE_SERVFAIL);
	assert_int_equal(undone, 1);
	struct sw_update_request *next;
	for (struct sw_update_request *update = sw_live_updates_take(node.live); update; update = next) {
		next = update->next;
		update->done(update, NULL, 0);
	}
	assert_int_equal(undone, taken);
}

/* ---- floods: over UDP, from outside ---- */

/** Whether anything is done about a message. Of `asker_at()`'s form: 203.0.<third>.<fourth>. */
static bool is_heard(struct message *message, unsigned third, unsigned fourth, bool is_stream)
{
	static uint8_t reply[65535];
	char address[32];
	snprintf(address, sizeof(address), "203.0.%u.%u", third, fourth);
	request = (struct sw_request){.asker = asker_at(address, is_stream),
		.answerer = node.worker,
		.view = sw_store_view(node.store),
		.expect = expect,
		.reply_len = 99,
		.patience_ns = 1000000000};
	rcu_read_lock();
	enum sw_taken taken = sw_requests_take(node.requests, &request, message->bytes, message->len, reply);
	rcu_read_unlock();
	if (taken == SW_TAKEN_LATER) {
		struct sw_update_request *update = sw_live_updates_take(node.live);
		assert_non_null(update);
		update->done(update, NULL, 0);
		return true;
	}
	assert_int_equal(taken, SW_TAKEN_REPLY);
	if (request.reply_len == 0)
		assert_int_equal(request.verdict, SW_VERDICT_DROP_LANE);
	return request.reply_len > 0;
}

/** Messages of all shapes that nobody lets, and of those who know no more than the name of a key. */
static void flood_make(struct message *m, unsigned opcode, unsigned shape)
{
	static const char *const zones[] = {"example.", "second.", "third."};
	struct sw_tsig_key forged = node.key;
	ask(m, opcode, zones[shape % 3], shape % 5 == 4 ? 1 : 6);
	if (shape % 7 == 6)
		m->bytes[5] = 2;
	forged.secret[0] ^= 1;
	forged.name[1] ^= shape % 4 == 2;
	if (shape % 2 == 0)
		sign(m, &forged);
}

/* Whoever floods, and from wherever: no update waits, and who may is heard each time, and so is this machine
 * itself, and who asks over TCP. */
static void test_floods(void **state)
{
	(void)state;
	struct message m;
	unsigned dropped[2] = {0, 0};
	undone = 0;
	node.may_have = (struct sw_access){.address = {203, 0, 200, 0}, .address_len = 4, .bits = 24};
	node.theirs.notify_from = (struct sw_access_list){&node.may_have, 1};
	ask(&m, 5, "example.", 6);
	sign(&m, &node.key);
	assert_true(is_heard(&m, 100, 7, false));
	assert_int_equal(undone, 1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned opcode = i & 1 ? 4 : 5;
		flood_make(&m, opcode, i / 2);
		dropped[i & 1] += !is_heard(&m, 101 + i % 60, i & 255, false);
		if (i % 100 != 0)
			continue;
		flood_make(&m, opcode, i);
		assert_true(is_heard(&m, 101 + i % 60, i & 255, true));
		flood_make(&m, opcode, i);
		assert_int_not_equal(rcode_from(&m, "127.0.0.3", false), 0);
		assert_int_equal(undone, 1 + i / 100); /* none but those of the right signer */
		ask(&m, 5, "example.", 6);
		sign(&m, &node.key);
		assert_true(is_heard(&m, 100, 7, false));
		ask(&m, 4, "second.", 6);
		assert_true(is_heard(&m, 200, 7, false));
		ask(&m, 4, "second.", 6);
		assert_int_equal(rcode_from(&m, "192.0.2.9", false), 0);
	}
	struct sw_counts counts;
	sw_live_counted(node.live, &counts);
	assert_int_equal(counts.updates.dropped, dropped[0]);
	assert_int_equal(counts.notifies.dropped, dropped[1]);
	assert_true(dropped[0] > 100 && dropped[1] > 100);
	assert_int_equal(node.notified, 400);
	assert_int_equal(node.waiting, undone);
}

/* One network of strangers has its share, and others are still told why they are refused. */
static void test_flood_from_one_network(void **state)
{
	(void)state;
	struct message m;
	unsigned dropped = 0;
	for (unsigned i = 0; i < 10000; i++) {
		ask(&m, 5, "third.", 6);
		dropped += !is_heard(&m, 100, i & 255, false);
	}
	assert_true(dropped > 100);
	for (unsigned i = 0; i < 10; i++) {
		ask(&m, 5, "third.", 6);
		assert_int_equal(rcode_from(&m, "198.51.100.1", false), SW_RCODE_NOTAUTH);
	}
}

static void test_transfer_rights(void **state)
{
	(void)state;
	struct message m;
	static const char *const refused[][2] = {
		{"example.", "192.0.2.1"}, {"second.", "127.0.0.1"}, {"third.", "127.0.0.1"}};
	for (size_t i = 0; i < 3; i++) {
		ask(&m, 0, refused[i][0], 252);
		assert_int_equal(rcode_from(&m, refused[i][1], true), SW_RCODE_REFUSED);
	}
	ask(&m, 0, "example.", 252); /* over UDP: sw_answer() refuses it */
	assert_int_equal(take(&m, asker_at("127.0.0.1", false)), SW_TAKEN_NOT);
	ask(&m, 0, "example.", 251);
	assert_int_equal(rcode_from(&m, "127.0.0.1", true), SW_RCODE_FORMERR); /* without a SOA */
}

static void test_transfers_at_once(void **state)
{
	(void)state;
	struct message m;
	struct sw_transfer *transfers[3];
	static const char *const from[] = {"127.0.0.1", "127.0.0.1", "127.0.0.2"};
	for (size_t i = 0; i < 3; i++) {
		ask(&m, 0, "example.", 252);
		assert_int_equal(take(&m, asker_at(from[i], true)), SW_TAKEN_TRANSFER);
		transfers[i] = request.transfer;
		ask(&m, 0, "example.", 252);
		if (i == 1) /* a third of that address */
			assert_int_equal(rcode_from(&m, from[i], true), SW_RCODE_SERVFAIL);
	}
	assert_int_equal(rcode_from(&m, "127.0.0.3", true), SW_RCODE_SERVFAIL);
	for (size_t i = 0; i < 3; i++)
		sw_transfer_free(transfers[i]);
	ask(&m, 0, "example.", 252);
	assert_int_equal(take(&m, asker_at("127.0.0.3", true)), SW_TAKEN_TRANSFER);
	size_t len;
	assert_int_equal(sw_transfer_next(request.transfer, m.bytes, sizeof(m.bytes), &len), 0);
	assert_int_equal(help_get16(m.bytes + 6), 4); /* SOA, NS, A, SOA */
	sw_transfer_free(request.transfer);
}

static void test_ixfr_over_udp(void **state)
{
	(void)state;
	struct message m;
	ask(&m, 0, "example.", 251);
	add_record(&m, 1, "example. SOA a. b. 10 1 2 3 4\n");
	sign(&m, &node.key);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), 0);
	assert_int_equal(sw_tsig_check_reply(&m.tsig, m.bytes, &m.len, true, (uint64_t)time(NULL)), 0);
	assert_int_equal(help_get16(m.bytes + 6), 1); /* they have it */
	assert_true(m.len <= 512);
}

static void test_signed_questions(void **state)
{
	(void)state;
	struct message m;
	struct sw_tsig_key other = node.key;
	ask(&m, 0, "www.example.", 1); /* no such zone in the image */
	sign(&m, &node.key);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), SW_RCODE_REFUSED);
	assert_int_equal(sw_tsig_check_reply(&m.tsig, m.bytes, &m.len, true, (uint64_t)time(NULL)), 0);
	other.name[1] ^= 1;
	ask(&m, 0, "www.example.", 1);
	sign(&m, &other);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), SW_RCODE_NOTAUTH);
	assert_int_equal(
		sw_tsig_check_reply(&m.tsig, m.bytes, &m.len, true, (uint64_t)time(NULL)), -EKEYREJECTED);
	assert_int_equal(m.tsig.error, 17);
	other = node.key;
	other.secret[0] ^= 1;
	ask(&m, 5, "example.", 6);
	sign(&m, &other);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), SW_RCODE_NOTAUTH);
	assert_int_equal(node.waiting, 0);
	/* two records behind the question, none of them a TSIG: plain after all */
	ask(&m, 0, "www.example.", 1);
	add_record(&m, 2, "a. A 192.0.2.1\n");
	add_record(&m, 2, "a. A 192.0.2.2\n");
	assert_int_equal(take(&m, asker_at("127.0.0.1", false)), SW_TAKEN_NOT);
}

/** The signature does not fit beside the answer: the question alone, TC, signed (RFC 8945 s5.3). */
static void test_signed_and_truncated(void **state)
{
	(void)state;
	struct message m;
	char text[1024];
	int len =
		snprintf(text, sizeof(text), "example. SOA a. b. 1 2 3 4 5\nexample. NS a.\nt.example. TXT");
	for (int i = 0; i < 2; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, " \"%0220d\"", i);
	snprintf(text + len, sizeof(text) - (size_t)len, "\n");
	struct sw_contents *contents = NULL;
	/* hashed with the store's key, not the archive's */
	struct sw_snapshot *snapshot;
	help_zone(node.archive, "example.", text);
	assert_int_equal(sw_snapshot_open(&snapshot, node.archive), 0);
	assert_int_equal(
		sw_snapshot_load(snapshot, help_name("example."), sw_store_key(node.store), &contents), 0);
	sw_snapshot_close(snapshot);
	assert_int_equal(sw_store_put(node.store, contents), 0);
	sw_contents_free(contents);
	ask(&m, 0, "t.example.", 16);
	size_t asked = m.len;
	sign(&m, &node.key);
	assert_int_equal(rcode_from(&m, "127.0.0.1", false), 0);
	assert_true(m.bytes[2] & 2);
	assert_int_equal(sw_tsig_check_reply(&m.tsig, m.bytes, &m.len, true, (uint64_t)time(NULL)), 0);
	assert_int_equal(m.len, asked);
	ask(&m, 0, "t.example.", 16);
	sign(&m, &node.key);
	assert_int_equal(rcode_from(&m, "127.0.0.1", true), 0);
	assert_false(m.bytes[2] & 2);
	assert_int_equal(help_get16(m.bytes + 6), 1);
}

/* ---- over sockets ---- */

static struct sw_udp *udp;
static struct sw_tcp *tcp;

static void serve(void)
{
	struct sw_settings *settings = sw_settings_new();
	const struct sw_endpoint *failed;
	char why[SW_WHY_TEXT_MAX];
	assert_non_null(settings);
	assert_int_equal(sw_settings_add_listen(settings, ADDRESS, why), 0);
	settings->tcp.idle_ms = 10000;
	assert_int_equal(sw_udp_open(&udp, &settings->listen[0], 1), 0);
	assert_int_equal(sw_tcp_open(&tcp, settings, NULL, 1, &failed), 0);
	assert_int_equal(sw_udp_start(udp, sw_store_view(node.store), node.requests), 0);
	assert_int_equal(sw_tcp_start(tcp, sw_store_view(node.store), node.requests), 0);
	sw_settings_free(settings);
}

static void serve_no_more(void)
{
	sw_udp_free(udp);
	sw_tcp_free(tcp, 0);
	udp = NULL;
	tcp = NULL;
}

static int client(int type)
{
	struct sw_endpoint endpoint;
	assert_int_equal(sw_endpoint_parse(ADDRESS, &endpoint), 0);
	int fd = socket(AF_INET, type, 0);
	assert_int_equal(connect(fd, &endpoint.any, endpoint.len), 0);
	return fd;
}

static void bytes_read(int fd, uint8_t *to, size_t len)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	while (len > 0) {
		assert_int_equal(poll(&wait, 1, 5000), 1);
		ssize_t n = read(fd, to, len);
		assert_true(n > 0);
		to += n;
		len -= (size_t)n;
	}
}

static void frame_write(int fd, const struct message *message)
{
	uint8_t head[2] = {(uint8_t)(message->len >> 8), (uint8_t)message->len};
	assert_int_equal(write(fd, head, 2), 2);
	assert_int_equal(write(fd, message->bytes, message->len), (ssize_t)message->len);
}

static void frame_read(int fd, struct message *message)
{
	uint8_t head[2];
	bytes_read(fd, head, 2);
	message->len = help_get16(head);
	bytes_read(fd, message->bytes, message->len);
}

/** The update that waits, within five seconds. */
static struct sw_update_request *update_wait(void)
{
	struct sw_update_request *update = NULL;
	for (unsigned i = 0; i < 5000 && update == NULL; i++) {
		update = sw_live_updates_take(node.live);
		if (update == NULL)
			poll(NULL, 0, 1);
	}
	assert_non_null(update);
	return update;
}

/** As the loader does it. */
static void update_reply(struct sw_update_request *update)
{
	uint8_t reply[2048];
	size_t len = update->len;
	memcpy(reply, update->message, len);
	reply[2] |= 0x80;
	assert_int_equal(
		sw_tsig_sign_reply(&update->tsig, reply, &len, sizeof(reply), (uint64_t)time(NULL)), 0);
	update->done(update, reply, len);
}

static void test_update_over_udp(void **state)
{
	(void)state;
	struct message m;
	serve();
	int fd = client(SOCK_DGRAM);
	ask(&m, 5, "example.", 6);
	sign(&m, &node.key);
	assert_int_equal(send(fd, m.bytes, m.len, 0), (ssize_t)m.len);
	update_reply(update_wait());
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 5000), 1);
	m.len = (size_t)recv(fd, m.bytes, sizeof(m.bytes), 0);
	assert_int_equal(sw_tsig_check_reply(&m.tsig, m.bytes, &m.len, true, (uint64_t)time(NULL)), 0);
	/* one that is done when nobody listens any more */
	ask(&m, 5, "example.", 6);
	sign(&m, &node.key);
	assert_int_equal(send(fd, m.bytes, m.len, 0), (ssize_t)m.len);
	struct sw_update_request *update = update_wait();
	serve_no_more();
	update_reply(update);
	close(fd);
}

/** What is asked behind an update is answered behind it. */
static void test_update_in_a_pipeline(void **state)
{
	(void)state;
	struct message first, second;
	serve();
	int fd = client(SOCK_STREAM);
	ask(&first, 5, "example.", 6);
	sign(&first, &node.key);
	ask(&second, 0, "other.", 1);
	second.bytes[1] = 8;
	frame_write(fd, &first);
	frame_write(fd, &second);
	struct sw_update_request *update = update_wait();
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 50), 0);
	update_reply(update);
	frame_read(fd, &first);
	assert_int_equal(first.bytes[1], 7);
	assert_int_equal(
		sw_tsig_check_reply(&first.tsig, first.bytes, &first.len, true, (uint64_t)time(NULL)), 0);
	frame_read(fd, &second);
	assert_int_equal(second.bytes[1], 8);
	/* the client says that it has no more to ask: the reply still comes, then the end */
	ask(&first, 5, "example.", 6);
	sign(&first, &node.key);
	frame_write(fd, &first);
	shutdown(fd, SHUT_WR);
	update_reply(update_wait());
	frame_read(fd, &first);
	assert_int_equal(poll(&wait, 1, 5000), 1);
	assert_int_equal(read(fd, first.bytes, 1), 0);
	close(fd);
	serve_no_more();
}

/** Clients that are gone when their reply comes, and a server that is. */
static void test_update_of_who_is_gone(void **state)
{
	(void)state;
	struct message m;
	struct sw_tcp_counts counts;
	struct sw_tally tally = {0};
	serve();
	int fd = client(SOCK_STREAM);
	ask(&m, 5, "example.", 6);
	sign(&m, &node.key);
	frame_write(fd, &m);
	struct sw_update_request *update = update_wait();
	const struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	counts.open = 1;
	for (unsigned i = 0; i < 5000 && counts.open > 0; i++) {
		poll(NULL, 0, 1);
		sw_tcp_count(tcp, &tally, &counts);
	}
	assert_int_equal(counts.open, 0);
	update_reply(update);
	fd = client(SOCK_STREAM);
	frame_write(fd, &m);
	m.bytes[1] = 9; /* waits in the connection */
	frame_write(fd, &m);
	update = update_wait();
	serve_no_more();
	update_reply(update);
	close(fd);
}

/** A zone of many messages, a question behind it, and another transfer, in one connection. */
static void test_transfers_in_a_pipeline(void **state)
{
	(void)state;
	struct message m;
	char *text = malloc(4000000);
	size_t len = (size_t)sprintf(text, "%s", zone_text), records = 0;
	for (unsigned i = 0; i < 20000; i++)
		len += (size_t)sprintf(text + len, "t%u.example. TXT \"%0100u\"\n", i, i);
	help_zone(node.archive, "example.", text);
	free(text);
	serve();
	int fd = client(SOCK_STREAM);
	struct message question;
	ask(&question, 0, "other.", 1);
	question.bytes[1] = 8;
	ask(&m, 0, "example.", 252);
	sign(&m, &node.key);
	struct sw_tsig tsig = m.tsig;
	frame_write(fd, &m);
	frame_write(fd, &question);
	unsigned messages = 0;
	while (records < 20004) {
		frame_read(fd, &m);
		assert_int_equal(m.bytes[1], 7);
		records += help_get16(m.bytes + 6);
		messages++;
		bool is_last = records >= 20004;
		assert_int_equal(
			sw_tsig_check_reply(&tsig, m.bytes, &m.len, is_last, (uint64_t)time(NULL)), 0);
	}
	sw_tsig_end(&tsig);
	assert_int_equal(records, 20004);
	assert_true(messages > 10);
	frame_read(fd, &m);
	assert_int_equal(m.bytes[1], 8);
	/* one whose client goes away in the middle gives its place back: node_close() looks */
	ask(&m, 0, "example.", 252);
	frame_write(fd, &m);
	frame_read(fd, &m);
	close(fd);
	for (unsigned i = 0; i < 5000 && sw_transfers_in_hand(node.requests->transfers) > 0; i++)
		poll(NULL, 0, 1);
	serve_no_more();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_suspects, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_notify, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_notify_refused, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_update_rights, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_updates_that_are_too_many, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_floods, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_flood_from_one_network, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_transfer_rights, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_transfers_at_once, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_ixfr_over_udp, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_signed_questions, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_signed_and_truncated, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_update_over_udp, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_update_in_a_pipeline, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_update_of_who_is_gone, node_open, node_close),
		cmocka_unit_test_setup_teardown(test_transfers_in_a_pipeline, node_open, node_close),
	};
	rcu_register_thread();
	int failed = cmocka_run_group_tests_name("requests", tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
