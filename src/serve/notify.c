/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/chance.h"
#include "serve/clock.h"
#include "serve/notify_inside.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUCKETS (1u << 17)
#define PLACES SW_NOTIFY_AT_ONCE
#define SECOND_NS 1000000000ull
#define MESSAGE_MAX 2048 /* two names, record data of two more, a signature */
#define ANSWERS_PER_TURN 256
#define SENT_PER_TURN 128

/** One zone, and one remote to tell of it. */
struct errand {
	struct errand *same;	    /* bucket */
	struct errand *next, *prev; /* in the list that it is in */
	struct errands *list;
	const struct sw_notify_target *target;
	uint8_t *message; /* unsigned; its ID is of the try in hand */
	uint16_t len;
	uint16_t place; /* of those that wait for an answer */
	unsigned tries;
	uint64_t due_ns;
	struct sw_endpoint told; /* the address of this try */
	struct sw_tsig tsig;	 /* likewise */
};

struct errands {
	struct errand *first, *last;
};

struct sw_notify {
	int epoll;
	struct sw_notify_outlet *outlets;
	struct sw_notify_target *targets;
	size_t in_hand;
	struct sw_notify_counts counts;
	struct errands ready; /* to be told as soon as there is a place, oldest first */
	/* told so many times, waiting for the answer: each list waits equally long, so its first is due first
	 */
	struct errands told[SW_NOTIFY_TRIES + 1];
	unsigned free_count;
	uint16_t free_places[PLACES];
	struct errand *places[PLACES]; /* by the low bits of the ID */
	uint64_t secret;
	struct errand *buckets[BUCKETS];
};

int sw_notify_new(struct sw_notify **result)
{
	struct sw_notify *notify = calloc(1, sizeof(*notify));
	if (notify == NULL)
		return -ENOMEM;
	notify->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (notify->epoll < 0 ||
		getrandom(&notify->secret, sizeof(notify->secret), 0) != sizeof(notify->secret)) {
		int err = -errno;
		free(notify);
		return err;
	}
	for (unsigned i = 0; i < PLACES; i++)
		notify->free_places[i] = (uint16_t)i;
	notify->free_count = PLACES;
	*result = notify;
	return 0;
}

/* ---- lists ---- */

static void list_append(struct errands *list, struct errand *errand)
{
	errand->list = list;
	errand->next = NULL;
	errand->prev = list->last;
	*(list->last ? &list->last->next : &list->first) = errand;
	list->last = errand;
}

static void list_remove(struct errand *errand)
{
	struct errands *list = errand->list;
	*(errand->prev ? &errand->prev->next : &list->first) = errand->next;
	*(errand->next ? &errand->next->prev : &list->last) = errand->prev;
	errand->list = NULL;
}

/** Of a zone (the question of its message) and a remote. */
static struct errand **bucket_of(
	struct sw_notify *notify, const uint8_t *name, const struct sw_notify_target *target)
{
	uint64_t hash = notify->secret ^ (uintptr_t)target * 0x9e3779b97f4a7c15ull;
	size_t len = sw_name_len(name);
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ name[i]) * 0x100000001b3ull;
	hash ^= hash >> 29;
	return &notify->buckets[hash % BUCKETS];
}

static const uint8_t *zone_of(const struct errand *errand)
{
	return errand->message + SW_HEADER_LEN;
}

static void place_give(struct sw_notify *notify, struct errand *errand)
{
	if (errand->list == NULL || errand->list == &notify->ready)
		return;
	notify->places[errand->place] = NULL;
	notify->free_places[notify->free_count++] = errand->place;
	sw_tsig_end(&errand->tsig);
}

static void errand_end(struct sw_notify *notify, struct errand *errand)
{
	struct errand **link = bucket_of(notify, zone_of(errand), errand->target);
	while (*link != errand)
		link = &(*link)->same;
	*link = errand->same;
	place_give(notify, errand);
	list_remove(errand);
	notify->in_hand--;
	free(errand->message);
	free(errand);
}

void sw_notify_free(struct sw_notify *notify)
{
	if (notify == NULL)
		return;
	while (notify->ready.first != NULL)
		errand_end(notify, notify->ready.first);
	for (unsigned i = 0; i <= SW_NOTIFY_TRIES; i++) {
		while (notify->told[i].first != NULL)
			errand_end(notify, notify->told[i].first);
	}
	sw_notify_targets_free(notify->targets);
	sw_notify_outlets_free(notify->outlets);
	close(notify->epoll);
	free(notify);
}

/* ---- what is to be told ---- */

/** The question, and the new SOA as a hint (RFC 1996 s3.7). @return NULL when out of memory */
static uint8_t *message_make(const struct sw_record *soa, uint16_t *len)
{
	static const uint8_t header[SW_HEADER_LEN] = {
		0, 0, SW_OPCODE_NOTIFY << 3 | SW_FLAG_AA >> 8, 0, 0, 1, 0, 1};
	size_t name_len = sw_name_len(soa->owner);
	uint8_t *message = malloc(sizeof(header) + name_len + 4 + 12 + soa->rdata_len);
	if (message == NULL)
		return NULL;
	memcpy(message, header, sizeof(header));
	uint8_t *at = message + sizeof(header);
	memcpy(at, soa->owner, name_len);
	at += name_len;
	sw_put16(at, SW_TYPE_SOA);
	sw_put16(at + 2, SW_CLASS_IN);
	sw_put16(at + 4, SW_POINTER | SW_HEADER_LEN);
	sw_put16(at + 6, SW_TYPE_SOA);
	sw_put16(at + 8, SW_CLASS_IN);
	sw_put32(at + 10, soa->ttl);
	sw_put16(at + 14, soa->rdata_len);
	memcpy(at + 16, soa->rdata, soa->rdata_len);
	*len = (uint16_t)(at + 16 + soa->rdata_len - message);
	return message;
}

static struct errand *errand_find(
	struct sw_notify *notify, const uint8_t *zone, const struct sw_notify_target *target)
{
	struct errand *errand = *bucket_of(notify, zone, target);
	while (errand != NULL && (errand->target != target || !sw_name_equal(zone_of(errand), zone)))
		errand = errand->same;
	return errand;
}

/** A newer version: from the first try on, in the place that it has if it was not told yet. */
static void errand_renew(struct sw_notify *notify, struct errand *errand, uint8_t *message, uint16_t len)
{
	free(errand->message);
	errand->message = message;
	errand->len = len;
	errand->tries = 0;
	if (errand->list == &notify->ready)
		return;
	place_give(notify, errand);
	list_remove(errand);
	list_append(&notify->ready, errand);
}

static int errand_add(
	struct sw_notify *notify, const struct sw_notify_target *target, uint8_t *message, uint16_t len)
{
	struct errand *errand = calloc(1, sizeof(*errand));
	if (errand == NULL)
		return -ENOMEM;
	errand->target = target;
	errand->message = message;
	errand->len = len;
	struct errand **bucket = bucket_of(notify, zone_of(errand), target);
	errand->same = *bucket;
	*bucket = errand;
	list_append(&notify->ready, errand);
	notify->in_hand++;
	return 0;
}

static int tell_one(struct sw_notify *notify, const struct sw_record *soa, const struct sw_remote *remote)
{
	uint16_t len;
	const struct sw_notify_target *target = sw_notify_target(&notify->targets, remote);
	struct errand *errand = target ? errand_find(notify, soa->owner, target) : NULL;
	if (errand == NULL && notify->in_hand >= SW_NOTIFY_MAX) {
		notify->counts.forgotten++;
		return -ENOSPC;
	}
	uint8_t *message = target ? message_make(soa, &len) : NULL;
	if (message == NULL)
		return -ENOMEM;
	if (errand != NULL) {
		errand_renew(notify, errand, message, len);
		return 0;
	}
	int err = errand_add(notify, target, message, len);
	if (err != 0)
		free(message);
	return err;
}

int sw_notify_tell(struct sw_notify *notify, const struct sw_record *soa,
	const struct sw_remote *const *remotes, size_t count)
{
	int err = 0;
	for (size_t i = 0; i < count; i++) {
		int failed = remotes[i]->address_count ? tell_one(notify, soa, remotes[i]) : 0;
		err = failed ? failed : err;
	}
	return err;
}

/* ---- sending ---- */

/** Any of the free places, and the rest of the ID, are drawn: an answer takes guessing to forge.
 * @return the ID, whose low bits are the place */
static unsigned id_draw(struct sw_notify *notify)
{
	uint32_t random = sw_chance();
	unsigned which = (random >> 16) % notify->free_count;
	uint16_t place = notify->free_places[which];
	notify->free_places[which] = notify->free_places[--notify->free_count];
	return (random & 0xffff & ~(PLACES - 1u)) | place;
}

/** One try. What cannot be sent is as if it were lost: it is tried again later. */
static void errand_send(struct sw_notify *notify, struct errand *errand, uint64_t now_ns)
{
	uint8_t message[MESSAGE_MAX];
	size_t len = errand->len;
	const struct sw_notify_target *target = errand->target;
	list_remove(errand);
	unsigned id = id_draw(notify);
	errand->place = (uint16_t)(id % PLACES);
	notify->places[errand->place] = errand;
	errand->told = target->addresses[errand->tries % target->address_count];
	errand->due_ns = now_ns + (SECOND_NS << errand->tries);
	errand->tries++;
	list_append(&notify->told[errand->tries], errand);
	sw_put16(errand->message, id);
	memcpy(message, errand->message, len);
	errand->tsig = (struct sw_tsig){0};
	if (sw_tsig_sign_query(&errand->tsig, target->is_signed ? &target->key : NULL, message, &len,
		    sizeof(message), (uint64_t)sw_now_s()) != 0)
		return;
	int fd = sw_notify_outlet(
		&notify->outlets, notify->epoll, &target->source, errand->told.any.sa_family);
	if (fd >= 0 && sendto(fd, message, len, MSG_NOSIGNAL, &errand->told.any, errand->told.len) > 0)
		notify->counts.told++;
}

/* ---- answers ---- */

/** The errand that an answer is to, or NULL. */
static struct errand *answered(
	const struct sw_notify *notify, const uint8_t *message, size_t len, const struct sw_endpoint *from)
{
	if (len < SW_HEADER_LEN || (message[2] & 0xf8) != (0x80 | SW_OPCODE_NOTIFY << 3))
		return NULL;
	struct errand *errand = notify->places[sw_get16(message) % PLACES];
	if (errand == NULL || sw_get16(errand->message) != sw_get16(message) ||
		!sw_endpoint_equal(&errand->told, from))
		return NULL;
	/* Refusals need not repeat the question; what does, must repeat ours. */
	if (sw_get16(message + 4) == 0)
		return errand;
	uint8_t asked[SW_NAME_MAX + 4];
	size_t name_len = sw_name_len(zone_of(errand));
	if (sw_get16(message + 4) != 1 || len < SW_HEADER_LEN + name_len + 4)
		return NULL;
	memcpy(asked, message + SW_HEADER_LEN, name_len + 4);
	for (size_t i = 0; i < name_len; i++)
		asked[i] = asked[i] >= 'A' && asked[i] <= 'Z' ? (uint8_t)(asked[i] + 32) : asked[i];
	return memcmp(asked, zone_of(errand), name_len + 4) == 0 ? errand : NULL;
}

static void answer_take(
	struct sw_notify *notify, uint8_t *message, size_t len, const struct sw_endpoint *from)
{
	struct errand *errand = answered(notify, message, len, from);
	if (errand != NULL && errand->target->is_signed) {
		struct sw_tsig before = errand->tsig; /* a forged answer must not spoil the true one */
		if (sw_tsig_check_reply(&errand->tsig, message, &len, true, (uint64_t)sw_now_s()) != 0) {
			errand->tsig = before;
			errand = NULL;
		}
	}
	if (errand == NULL) {
		notify->counts.ignored++;
		return;
	}
	if ((message[3] & 15) == SW_RCODE_NOERROR)
		notify->counts.heard++;
	else
		notify->counts.refused++;
	errand_end(notify, errand);
}

static void answers_take(struct sw_notify *notify)
{
	uint8_t message[MESSAGE_MAX];
	unsigned left = ANSWERS_PER_TURN;
	for (const struct sw_notify_outlet *outlet = notify->outlets; outlet != NULL; outlet = outlet->next) {
		for (; left > 0; left--) {
			struct sw_endpoint from = {.len = sizeof(from.v6)};
			ssize_t len = recvfrom(outlet->fd, message, sizeof(message), 0, &from.any, &from.len);
			if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
				break;
			if (len >= 0) /* else ICMP: it may still come to listen */
				answer_take(notify, message, (size_t)len, &from);
		}
	}
}

/* ---- time ---- */

static void told_expire(struct sw_notify *notify, uint64_t now_ns)
{
	for (unsigned tries = 1; tries <= SW_NOTIFY_TRIES; tries++) {
		struct errand *errand;
		while ((errand = notify->told[tries].first) != NULL && errand->due_ns <= now_ns) {
			if (tries == SW_NOTIFY_TRIES) {
				notify->counts.given_up++;
				errand_end(notify, errand);
				continue;
			}
			place_give(notify, errand);
			list_remove(errand);
			list_append(&notify->ready, errand);
		}
	}
}

void sw_notify_turn(struct sw_notify *notify, uint64_t now_ns)
{
	answers_take(notify);
	told_expire(notify, now_ns);
	for (unsigned i = 0; i < SENT_PER_TURN && notify->ready.first != NULL && notify->free_count > 0; i++)
		errand_send(notify, notify->ready.first, now_ns);
}

uint64_t sw_notify_due_ns(const struct sw_notify *notify)
{
	uint64_t due_ns = UINT64_MAX;
	if (notify->ready.first != NULL && notify->free_count > 0)
		return 0;
	for (unsigned tries = 1; tries <= SW_NOTIFY_TRIES; tries++) {
		const struct errand *errand = notify->told[tries].first;
		if (errand != NULL && errand->due_ns < due_ns)
			due_ns = errand->due_ns;
	}
	return due_ns;
}

int sw_notify_fd(const struct sw_notify *notify)
{
	return notify->epoll;
}

size_t sw_notify_in_hand(const struct sw_notify *notify)
{
	return notify->in_hand;
}

struct sw_notify_counts sw_notify_counts(const struct sw_notify *notify)
{
	return notify->counts;
}
