/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Other servers are told: they are sockets of the test, time is the test's. */
#include "serve/notify.h"
#include "wire/message.h"
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static const uint8_t zone[] = "\7example";

/** A secondary. */
struct peer {
	int fd;
	struct sw_endpoint endpoint, from;
	struct sw_remote remote;
	const struct sw_remote *list[1];
	uint8_t message[2048];
	size_t len;
};

static void peer_open(struct peer *peer)
{
	*peer = (struct peer){.fd = socket(AF_INET, SOCK_DGRAM, 0)};
	assert_int_equal(sw_endpoint_parse("127.0.0.1@1", &peer->endpoint), 0);
	peer->endpoint.v4.sin_port = 0;
	assert_int_equal(bind(peer->fd, &peer->endpoint.any, peer->endpoint.len), 0);
	assert_int_equal(getsockname(peer->fd, &peer->endpoint.any, &peer->endpoint.len), 0);
	peer->remote = (struct sw_remote){.addresses = &peer->endpoint, .address_count = 1};
	peer->list[0] = &peer->remote;
}

/** @return whether something came */
static bool peer_hears(struct peer *peer)
{
	peer->from.len = sizeof(peer->from.v6);
	ssize_t len = recvfrom(peer->fd, peer->message, sizeof(peer->message), MSG_DONTWAIT, &peer->from.any,
		&peer->from.len);
	peer->len = len > 0 ? (size_t)len : 0;
	return len > 0;
}

static void peer_says(struct peer *peer, unsigned rcode)
{
	peer->message[2] |= 0x80;
	peer->message[3] = (uint8_t)rcode;
	assert_int_equal(sendto(peer->fd, peer->message, peer->len, 0, &peer->from.any, peer->from.len),
		(ssize_t)peer->len);
}

static int tell(struct sw_notify *notify, const uint8_t *name, uint32_t serial,
	const struct sw_remote *const *remotes, size_t count)
{
	uint8_t rdata[22] = {0, 0, (uint8_t)(serial >> 24), (uint8_t)(serial >> 16), (uint8_t)(serial >> 8),
		(uint8_t)serial};
	const struct sw_record soa = {
		.owner = name, .type = SW_TYPE_SOA, .ttl = 3600, .rdata = rdata, .rdata_len = sizeof(rdata)};
	return sw_notify_tell(notify, &soa, remotes, count);
}

static unsigned serial_of(const struct peer *peer)
{
	size_t at = 12 + sizeof(zone) + 4 + 12 + 2;
	return (unsigned)peer->message[at + 2] << 8 | peer->message[at + 3];
}

/** Loopback is as good as at once, but the kernel may take its time. */
static void turn_when_readable(struct sw_notify *notify, uint64_t now_ns)
{
	struct pollfd wait = {.fd = sw_notify_fd(notify), .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 5000), 1);
	sw_notify_turn(notify, now_ns);
}

static void test_told_and_heard(void **state)
{
	(void)state;
	struct sw_notify *notify;
	struct peer peer;
	peer_open(&peer);
	assert_int_equal(sw_notify_new(&notify), 0);
	assert_true(sw_notify_due_ns(notify) == UINT64_MAX);
	assert_int_equal(tell(notify, zone, 7, peer.list, 1), 0);
	assert_int_equal(sw_notify_due_ns(notify), 0);
	sw_notify_turn(notify, SECOND);
	assert_true(peer_hears(&peer));
	const uint8_t expected[] = {4 << 3 | 4, 0, 0, 1, 0, 1, 0, 0, 0, 0};
	assert_memory_equal(peer.message + 2, expected, sizeof(expected));
	assert_memory_equal(peer.message + 12, "\7example\0\0\6\0\1\xc0\x0c\0\6\0\1\0\0\x0e\x10\0\x16", 25);
	assert_int_equal(peer.len, 12 + 13 + 12 + 22);
	assert_int_equal(serial_of(&peer), 7);
	assert_true(sw_notify_due_ns(notify) == 2 * SECOND);
	peer_says(&peer, 0);
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_in_hand(notify), 0);
	assert_int_equal(sw_notify_counts(notify).heard, 1);
	assert_true(sw_notify_due_ns(notify) == UINT64_MAX);
	peer_says(&peer, 0); /* again */
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_counts(notify).ignored, 1);
	assert_int_equal(tell(notify, zone, 8, peer.list, 1), 0);
	sw_notify_turn(notify, SECOND);
	assert_true(peer_hears(&peer));
	peer_says(&peer, SW_RCODE_REFUSED);
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_counts(notify).refused, 1);
	assert_int_equal(sw_notify_in_hand(notify), 0);
	sw_notify_free(notify);
	close(peer.fd);
}

/** After 1, 2, 4, 8 s, at the next address each time; 16 s after that it is given up. */
static void test_tried_again(void **state)
{
	(void)state;
	static const unsigned at_s[] = {100, 101, 103, 107, 115};
	struct sw_notify *notify;
	struct peer first, second;
	peer_open(&first);
	peer_open(&second);
	struct sw_endpoint both[] = {first.endpoint, second.endpoint};
	first.remote.addresses = both;
	first.remote.address_count = 2;
	assert_int_equal(sw_notify_new(&notify), 0);
	assert_int_equal(tell(notify, zone, 7, first.list, 1), 0);
	for (unsigned i = 0; i < 5; i++) {
		if (i > 0) {
			assert_true(sw_notify_due_ns(notify) == at_s[i] * SECOND);
			sw_notify_turn(notify, at_s[i] * SECOND - 1);
			assert_false(peer_hears(&first) || peer_hears(&second));
		}
		sw_notify_turn(notify, at_s[i] * SECOND);
		assert_true(peer_hears(i % 2 ? &second : &first));
		assert_false(peer_hears(i % 2 ? &first : &second));
	}
	sw_notify_turn(notify, 131 * SECOND);
	assert_int_equal(sw_notify_counts(notify).given_up, 1);
	assert_int_equal(sw_notify_in_hand(notify), 0);
	sw_notify_free(notify);
	close(first.fd);
	close(second.fd);
}

static void test_newer_takes_the_place_of_older(void **state)
{
	(void)state;
	struct sw_notify *notify;
	struct peer peer;
	peer_open(&peer);
	assert_int_equal(sw_notify_new(&notify), 0);
	assert_int_equal(tell(notify, zone, 7, peer.list, 1), 0);
	assert_int_equal(tell(notify, zone, 8, peer.list, 1), 0);
	sw_notify_turn(notify, SECOND);
	assert_true(peer_hears(&peer));
	assert_int_equal(serial_of(&peer), 8);
	assert_false(peer_hears(&peer));
	struct peer late = peer;
	assert_int_equal(tell(notify, zone, 9, peer.list, 1), 0);
	assert_int_equal(sw_notify_in_hand(notify), 1);
	sw_notify_turn(notify, SECOND);
	assert_true(peer_hears(&peer));
	assert_int_equal(serial_of(&peer), 9);
	if (memcmp(late.message, peer.message, 2) != 0) { /* the same ID may be drawn */
		peer_says(&late, 0);
		turn_when_readable(notify, SECOND);
		assert_int_equal(sw_notify_in_hand(notify), 1); /* the answer is to the older one */
	}
	peer_says(&peer, 0);
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_in_hand(notify), 0);
	sw_notify_free(notify);
	close(peer.fd);
}

static void test_others_cannot_answer(void **state)
{
	(void)state;
	struct sw_notify *notify;
	struct peer peer, other;
	peer_open(&peer);
	peer_open(&other);
	assert_int_equal(sw_notify_new(&notify), 0);
	assert_int_equal(tell(notify, zone, 7, peer.list, 1), 0);
	sw_notify_turn(notify, SECOND);
	assert_true(peer_hears(&peer));
	memcpy(other.message, peer.message, peer.len);
	other.len = peer.len;
	other.from = peer.from;
	const struct peer right = peer;
	unsigned wrong = 0;
	peer_says(&other, 0); /* from elsewhere */
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_counts(notify).ignored, ++wrong);
	static const size_t at[] = {0, 1, 2, 5, 13, 22, 24}; /* ID, opcode, count, name, type, class */
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		peer = right;
		peer.message[at[i]] ^= at[i] == 2 ? 8 : 2;
		peer_says(&peer, 0);
		turn_when_readable(notify, SECOND);
		assert_int_equal(sw_notify_counts(notify).ignored, ++wrong);
	}
	for (size_t len = 1; len < 25; len++) {
		peer = right;
		peer.len = len;
		peer_says(&peer, 0);
		turn_when_readable(notify, SECOND);
		assert_int_equal(sw_notify_counts(notify).ignored, ++wrong);
	}
	peer = right;
	peer.message[13] ^= 32; /* case is not looked at */
	peer_says(&peer, 0);
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_counts(notify).heard, 1);
	sw_notify_free(notify);
	close(peer.fd);
	close(other.fd);
}

static const struct sw_tsig_key *find(void *arg, const uint8_t *name, enum sw_tsig_algorithm algorithm)
{
	const struct sw_tsig_key *key = arg;
	return key->algorithm == algorithm && sw_name_equal(key->name, name) ? key : NULL;
}

static void test_signed(void **state)
{
	(void)state;
	struct sw_notify *notify;
	struct peer peer;
	struct sw_tsig_key key = {.name = "\1k", .algorithm = SW_TSIG_SHA256, .secret_len = 32};
	struct sw_tsig tsig;
	peer_open(&peer);
	peer.remote.key = &key;
	assert_int_equal(sw_notify_new(&notify), 0);
	assert_int_equal(tell(notify, zone, 7, peer.list, 1), 0);
	sw_notify_turn(notify, SECOND);
	assert_true(peer_hears(&peer));
	assert_int_equal(
		sw_tsig_check_query(&tsig, find, &key, peer.message, &peer.len, (uint64_t)time(NULL)), 0);
	assert_non_null(tsig.key);
	peer_says(&peer, 0); /* not signed */
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_in_hand(notify), 1);
	assert_int_equal(sw_notify_counts(notify).ignored, 1);
	assert_int_equal(sw_tsig_sign_reply(
				 &tsig, peer.message, &peer.len, sizeof(peer.message), (uint64_t)time(NULL)),
		0);
	peer.message[peer.len - 8] ^= 1; /* in the MAC */
	peer_says(&peer, 0);
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_in_hand(notify), 1);
	peer.message[peer.len - 8] ^= 1;
	peer_says(&peer, 0);
	turn_when_readable(notify, SECOND);
	assert_int_equal(sw_notify_in_hand(notify), 0);
	assert_int_equal(sw_notify_counts(notify).heard, 1);
	sw_notify_free(notify);
	close(peer.fd);
}

/** A hundred thousand zones and more, of two remotes, one of which is gone: the other hears of all. */
static void test_many_zones(void **state)
{
	(void)state;
	struct sw_notify *notify;
	struct peer here, gone;
	unsigned heard = 0, told = 0;
	peer_open(&here);
	peer_open(&gone);
	const struct sw_remote *both[] = {&gone.remote, &here.remote};
	close(gone.fd);
	assert_int_equal(sw_notify_new(&notify), 0);
	for (; told < SW_NOTIFY_MAX / 2; told++) {
		uint8_t name[16];
		snprintf((char *)name, sizeof(name), "\7%07u", told);
		assert_int_equal(tell(notify, name, 1, both, 2), 0);
	}
	assert_int_equal(tell(notify, zone, 1, both, 1), -ENOSPC);
	assert_int_equal(sw_notify_counts(notify).forgotten, 1);
	assert_int_equal(tell(notify,
				 (const uint8_t *)"\7"
						  "0000000",
				 2, both, 2),
		0); /* newer */
	uint64_t now_ns = SECOND;
	for (unsigned i = 0; i < 2000000 && sw_notify_in_hand(notify) > 0; i++) {
		uint64_t due_ns = sw_notify_due_ns(notify);
		sw_notify_turn(notify, now_ns);
		unsigned before = heard;
		for (; peer_hears(&here); heard++)
			peer_says(&here, 0);
		if (due_ns > now_ns && heard == before) /* nothing else to do than to wait */
			now_ns = due_ns;
	}
	assert_int_equal(sw_notify_in_hand(notify), 0);
	assert_int_equal(sw_notify_counts(notify).heard, told);
	assert_int_equal(sw_notify_counts(notify).given_up, told);
	sw_notify_free(notify);
	close(here.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_and_heard),
		cmocka_unit_test(test_tried_again),
		cmocka_unit_test(test_newer_takes_the_place_of_older),
		cmocka_unit_test(test_others_cannot_answer),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_many_zones),
	};
	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
