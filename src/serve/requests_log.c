/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/requests_log.h"
#include "serve/standing.h"
#include "wire/siphash.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_NS (60ull * 1000000000)

struct line {
	uint64_t hash, at_ns; /* at_ns 0: free */
};

/** The lines of the last minute, as a ring: the next one takes the place of the oldest. */
struct ring {
	pthread_mutex_t lock; /* of the lines and `next` */
	struct line *lines;
	unsigned count, next;
	uint64_t full_until_ns; /* atomic: a flood needs no lock */
	uint64_t more;		/* atomic; refusals beyond, like one that is in the log or not */
	uint64_t told_ns;	/* of one thread */
};

enum sort { DATAGRAMS, STREAMS, GIVEN, SORTS };

struct sw_requests_log {
	uint64_t secret[2];
	struct ring rings[SORTS];
	struct line lines[2 * SW_REFUSED_LINES + SW_GIVEN_LINES];
};
_Static_assert(sizeof(struct sw_requests_log) <= 7 << 10, "as the header says");

struct sw_requests_log *sw_requests_log_new(const uint64_t secret[2])
{
	static const unsigned counts[SORTS] = {SW_REFUSED_LINES, SW_REFUSED_LINES, SW_GIVEN_LINES};
	struct sw_requests_log *log = calloc(1, sizeof(*log));
	if (log == NULL)
		return NULL;
	memcpy(log->secret, secret, sizeof(log->secret));
	struct line *lines = log->lines;
	for (unsigned i = 0; i < SORTS; i++) {
		pthread_mutex_init(&log->rings[i].lock, NULL);
		log->rings[i].lines = lines;
		log->rings[i].count = counts[i];
		lines += counts[i];
	}
	return log;
}

void sw_requests_log_free(struct sw_requests_log *log)
{
	for (unsigned i = 0; log != NULL && i < SORTS; i++)
		pthread_mutex_destroy(&log->rings[i].lock);
	free(log);
}

/* ---- which are told ---- */

static uint64_t hash_of(const struct sw_requests_log *log, const struct sw_refusal *refusal)
{
	struct sw_siphash siphash;
	uint64_t words[(SW_NAME_MAX + 7) / 8] = {0}, network = 0;
	const struct sw_peer *peer = refusal->peer;
	size_t len = refusal->is_here ? sw_name_len(refusal->zone) : 0;
	memcpy(&network, peer->address, peer->address_len == 4 ? 3 : 7);
	if (len > 0)
		memcpy(words, refusal->zone, len);
	sw_siphash_start(&siphash, log->secret);
	sw_siphash_word(&siphash, network);
	sw_siphash_word(&siphash, (uint64_t)refusal->kind << 8 | peer->address_len);
	for (size_t i = 0; i * 8 < len; i++)
		sw_siphash_word(&siphash, words[i]);
	return sw_siphash_end(&siphash, 0, (unsigned)len);
}

static bool is_recent(const struct line *line, uint64_t now_ns)
{
	return line->at_ns != 0 && now_ns < line->at_ns + MINUTE_NS;
}

static bool has_line(const struct ring *ring, uint64_t hash, uint64_t now_ns)
{
	for (unsigned i = 0; i < ring->count; i++) {
		if (ring->lines[i].hash == hash && is_recent(&ring->lines[i], now_ns))
			return true;
	}
	return false;
}

/** @param hash  NULL: it is like no other */
static bool take_line(struct ring *ring, const uint64_t *hash, uint64_t now_ns)
{
	if (now_ns < __atomic_load_n(&ring->full_until_ns, __ATOMIC_RELAXED)) {
		__atomic_fetch_add(&ring->more, 1, __ATOMIC_RELAXED);
		return false;
	}
	pthread_mutex_lock(&ring->lock);
	struct line *oldest = &ring->lines[ring->next];
	bool is_told = hash != NULL && has_line(ring, *hash, now_ns);
	bool is_full = !is_told && is_recent(oldest, now_ns);
	if (is_full) {
		__atomic_store_n(&ring->full_until_ns, oldest->at_ns + MINUTE_NS, __ATOMIC_RELAXED);
		__atomic_fetch_add(&ring->more, 1, __ATOMIC_RELAXED);
	} else if (!is_told) {
		*oldest = (struct line){hash ? *hash : 0, now_ns};
		ring->next = (ring->next + 1) % ring->count;
	}
	pthread_mutex_unlock(&ring->lock);
	return !is_told && !is_full;
}

uint64_t sw_requests_log_more(struct sw_requests_log *log, uint64_t now_ns)
{
	static const char *const texts[SORTS] = {"requests over UDP were refused",
		"requests over streams were refused", "transfers were given or broken off"};
	uint64_t all = 0;
	for (unsigned i = 0; i < SORTS; i++) {
		struct ring *ring = &log->rings[i];
		if (ring->told_ns != 0 && now_ns < ring->told_ns + MINUTE_NS)
			continue;
		uint64_t more = __atomic_exchange_n(&ring->more, 0, __ATOMIC_RELAXED);
		if (more == 0)
			continue;
		sw_log(SW_LOG_WARNING, "%llu more %s and are not in the log: there were too many in a minute",
			(unsigned long long)more, texts[i]);
		ring->told_ns = now_ns;
		all += more;
	}
	return all;
}

/* ---- the lines ---- */

struct peer_text {
	char address[INET6_ADDRSTRLEN];
	char how[SW_NAME_TEXT_MAX + 24];
};

static void peer_text(struct peer_text *text, const struct sw_peer *peer, const uint8_t *key_name)
{
	char name[SW_NAME_TEXT_MAX];
	inet_ntop(peer->address_len == 4 ? AF_INET : AF_INET6, peer->address, text->address,
		sizeof(text->address));
	bool has_key = key_name != NULL && key_name[0] != 0;
	snprintf(text->how, sizeof(text->how), "%s%s%s", peer->is_encrypted ? " over TLS" : "",
		has_key ? ", key " : "", has_key ? sw_name_text(key_name, name) : "");
}

bool sw_requests_log_refused(struct sw_requests_log *log, const struct sw_refusal *refusal, uint64_t now_ns)
{
	static const struct {
		enum sw_log_level level;
		const char *text;
	} whys[] = {
#define X(name, level, text) {SW_LOG_##level, text},
		SW_REFUSED_WHYS(X)
#undef X
	};
	static const char *const kinds[] = {
#define X(name, label) label,
		SW_REQUEST_KINDS(X)
#undef X
	};
	uint64_t hash = hash_of(log, refusal);
	if (!take_line(&log->rings[refusal->is_stream ? STREAMS : DATAGRAMS], &hash, now_ns))
		return false;
	char zone[SW_NAME_TEXT_MAX];
	struct peer_text peer;
	peer_text(&peer, refusal->peer, refusal->key_name);
	sw_log(whys[refusal->why].level, "%s%s%s%s from %s%s is refused: %s",
		refusal->zone == NULL		    ? ""
		: refusal->kind == SW_REQUEST_QUERY ? "name "
						    : "zone ",
		refusal->zone ? sw_name_text(refusal->zone, zone) : "", refusal->zone ? ": " : "",
		kinds[refusal->kind], peer.address, peer.how,
		refusal->detail ? refusal->detail : whys[refusal->why].text);
	return true;
}

bool sw_requests_log_given(struct sw_requests_log *log, const struct sw_given *given, uint64_t now_ns)
{
	if (!take_line(&log->rings[GIVEN], NULL, now_ns))
		return false;
	char zone[SW_NAME_TEXT_MAX], from[32] = "the zone whole, ";
	struct peer_text peer;
	peer_text(&peer, given->peer, given->peer->key ? given->peer->key->name : NULL);
	if (given->is_changes)
		snprintf(from, sizeof(from), "changes from serial %u to ", given->from);
	sw_log(given->broken ? SW_LOG_WARNING : SW_LOG_INFO,
		"zone %s: %s to %s%s%s%s: %s%s%u, %llu records, %llu bytes, %.3f s",
		sw_name_text(given->zone, zone), given->is_ixfr ? "IXFR" : "AXFR", peer.address, peer.how,
		given->broken ? " broken off: " : "", given->broken ? given->broken : "", from,
		given->is_changes ? "" : "serial ", given->serial, (unsigned long long)given->records,
		(unsigned long long)given->bytes, given->seconds);
	return true;
}

/* ---- why ---- */

enum sw_refused_why sw_refused_by(const struct sw_access_list *list, const struct sw_peer *peer)
{
	struct sw_peer encrypted = *peer;
	encrypted.is_encrypted = true;
	if (list->count == 0)
		return SW_REFUSED_NO_RULE;
	if (sw_access_find(list, &encrypted) != NULL)
		return SW_REFUSED_NO_TLS;
	for (size_t i = 0; i < list->count; i++) {
		struct sw_access keyless = list->rules[i];
		keyless.key = NULL;
		const struct sw_access_list one = {.rules = &keyless, .count = 1};
		if (sw_access_find(&one, &encrypted) != NULL)
			return peer->key ? SW_REFUSED_OTHER_KEY : SW_REFUSED_UNSIGNED;
	}
	return SW_REFUSED_ADDRESS;
}

enum sw_refused_why sw_refused_notify(const struct sw_zone_policy *policy, const struct sw_peer *peer)
{
	if (policy->primary_count == 0)
		return SW_REFUSED_NO_PRIMARIES;
	for (size_t i = 0; i < policy->primary_count; i++) {
		struct sw_remote keyless = *policy->primaries[i];
		keyless.key = NULL;
		const struct sw_remote *one = &keyless;
		const struct sw_zone_policy asked = {.primaries = &one, .primary_count = 1};
		if (sw_standing_is_primary(&asked, peer))
			return peer->key ? SW_REFUSED_OTHER_KEY : SW_REFUSED_UNSIGNED;
	}
	enum sw_refused_why why = sw_refused_by(&policy->notify_from, peer);
	return why == SW_REFUSED_NO_RULE ? SW_REFUSED_ADDRESS : why;
}
