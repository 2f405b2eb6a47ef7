/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/secondary.h"
#include "serve/fetch.h"
#include "serve/forward.h"
#include "serve/log.h"
#include "serve/notify.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS_MAX 64 /* at once: thousands of zones that are due together wait for each other */
#define FORWARDS_MAX 64 /* at once; more hear SERVFAIL, and ask again */
#define EVENTS 32
#define SECOND_NS 1000000000ull
#define RECORDS_MAX 100000000ull /* of a transfer, unless told */
#define BYTES_MAX (16ull << 30)
#define LATER_MS 1000 /* the clock is looked at that often at least: it may be set */

struct zone {
	const struct sw_zone_setting *setting;
	struct sw_records soa; /* of the version served, or empty */
	struct sw_refresh refresh;
	uint32_t noted_serial; /* of a NOTIFY */
	bool is_noted, is_whole;
	size_t place; /* in the heap */
	char why[256];
	uint8_t apex[];
};

/** One zone being asked for: attempts one after the other, remote by remote, address by address. */
struct attempt {
	struct sw_settings *settings; /* held: of `setting` */
	const struct sw_zone_setting *setting;
	struct sw_fetch *fetch;
	size_t remote, address;
	bool is_whole, skips_question;
	int64_t begun_s;
	uint64_t begun_ns;
	int fd; /* in epoll, -1 for none */
	uint8_t apex[SW_NAME_MAX];
};

struct sw_secondary {
	struct sw_hash_key key;
	sw_deliver_fn *deliver;
	void *deliver_arg;
	pthread_t thread;
	bool is_running, is_stopping;
	int epoll, wake;
	pthread_mutex_t lock; /* of what follows, but for attempts: those are the thread's */
	struct sw_notify *notify;
	struct sw_settings *settings;
	struct zone **zones; /* by name */
	struct zone **heap;  /* by when something is due */
	size_t count;
	struct sw_forward *forwards_new[FORWARDS_MAX];
	unsigned forward_new_count;
	/* the thread's */
	struct attempt *attempts[ATTEMPTS_MAX];
	unsigned attempt_count;
	struct sw_forward *forwards[FORWARDS_MAX];
	unsigned forward_count;
};

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static uint32_t chance(void)
{
	uint32_t value = 0;
	(void)!getrandom(&value, sizeof(value), 0);
	return value;
}

void sw_delivery_free(struct sw_delivery *delivery)
{
	if (delivery == NULL)
		return;
	sw_contents_free(delivery->contents);
	for (size_t i = 0; i < delivery->delta_count; i++)
		sw_delta_free(&delivery->deltas[i]);
	free(delivery->deltas);
	free(delivery);
}

/* ---- zones, by name and by time ---- */

static int compare_apex(const void *apex, const void *zone)
{
	return sw_name_compare(apex, (*(struct zone *const *)zone)->apex);
}

static struct zone *zone_find(const struct sw_secondary *secondary, const uint8_t *apex)
{
	if (secondary->count == 0)
		return NULL;
	struct zone **found =
		bsearch(apex, secondary->zones, secondary->count, sizeof(struct zone *), compare_apex);
	return found ? *found : NULL;
}

static void zone_free(struct zone *zone)
{
	if (zone == NULL)
		return;
	sw_records_free(&zone->soa);
	free(zone);
}

/** When something is to be done: ask, or say that it has expired. */
static int64_t due_s(const struct zone *zone)
{
	int64_t ask_s = zone->refresh.is_asking ? INT64_MAX : zone->refresh.next_s;
	int64_t end_s = zone->refresh.expires_s ? zone->refresh.expires_s : INT64_MAX;
	return ask_s < end_s ? ask_s : end_s;
}

static void heap_put(struct sw_secondary *secondary, size_t place, struct zone *zone)
{
	secondary->heap[place] = zone;
	zone->place = place;
}

/** Its time has changed: up or down. */
static void heap_settle(struct sw_secondary *secondary, struct zone *zone)
{
	size_t place = zone->place;
	int64_t due = due_s(zone);
	for (; place > 0 && due_s(secondary->heap[(place - 1) / 2]) > due; place = (place - 1) / 2)
		heap_put(secondary, place, secondary->heap[(place - 1) / 2]);
	for (size_t child; (child = 2 * place + 1) < secondary->count; place = child) {
		if (child + 1 < secondary->count &&
			due_s(secondary->heap[child + 1]) < due_s(secondary->heap[child]))
			child++;
		if (due_s(secondary->heap[child]) >= due)
			break;
		heap_put(secondary, place, secondary->heap[child]);
	}
	heap_put(secondary, place, zone);
}

static int soa_keep(struct zone *zone, const struct sw_record *soa)
{
	struct sw_records fresh = {0};
	int err = soa ? sw_records_add(&fresh, soa) : 0;
	if (err != 0)
		return err;
	sw_records_free(&zone->soa);
	zone->soa = fresh;
	return 0;
}

static bool soa_of(const struct zone *zone, struct sw_record *soa)
{
	size_t at = 0;
	return sw_records_next(&zone->soa, &at, soa);
}

static uint32_t within(uint32_t value, uint32_t low, uint32_t high)
{
	value = high != 0 && value > high ? high : value;
	return value < low ? low : value;
}

/** The SOA's timers, within the operator's bounds; where there is none, those that suit a zone never seen. */
static struct sw_soa_timers timers_of(const struct zone *zone)
{
	const struct sw_zone_policy *policy = zone->setting->policy;
	struct sw_soa_timers timers = {.refresh_s = 3600, .retry_s = 15, .expire_s = 604800};
	struct sw_record soa;
	if (soa_of(zone, &soa))
		timers = sw_soa_timers(&soa);
	timers.refresh_s = within(timers.refresh_s, policy->refresh_min_s, policy->refresh_max_s);
	timers.retry_s = within(timers.retry_s, policy->retry_min_s, 0);
	timers.expire_s = within(timers.expire_s, 0, policy->expire_max_s);
	return timers;
}

/* ---- attempts ---- */

static struct zone *zone_of(const struct sw_secondary *secondary, const struct attempt *attempt)
{
	return zone_find(secondary, attempt->apex);
}

static const struct sw_remote *remote_of(const struct attempt *attempt)
{
	return attempt->setting->policy->primaries[attempt->remote];
}

static void from_text(const struct attempt *attempt, char *text, size_t size)
{
	char address[SW_ENDPOINT_TEXT_MAX];
	const struct sw_remote *remote = remote_of(attempt);
	snprintf(text, size, "%.64s (%s)", remote->name,
		sw_endpoint_text(&remote->addresses[attempt->address], address));
}

/** Wait for what the fetch waits for, with a descriptor that may be another than before. */
static void attempt_watch(struct sw_secondary *secondary, struct attempt *attempt)
{
	int fd = sw_fetch_fd(attempt->fetch);
	struct epoll_event event = {.events = sw_fetch_events(attempt->fetch), .data.ptr = attempt};
	if (fd < 0)
		return;
	/* a descriptor that was closed has left epoll by itself, and its number may be in use again */
	if (fd != attempt->fd || epoll_ctl(secondary->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		epoll_ctl(secondary->epoll, EPOLL_CTL_ADD, fd, &event);
	attempt->fd = fd;
}

/** Ask the address at hand. @return whether there was one */
static bool attempt_begin(struct sw_secondary *secondary, struct attempt *attempt)
{
	const struct sw_zone_policy *policy = attempt->setting->policy;
	struct sw_records none = {0};
	sw_fetch_free(attempt->fetch);
	attempt->fetch = NULL;
	attempt->fd = -1;
	while (attempt->remote < policy->primary_count) {
		if (attempt->address >= remote_of(attempt)->address_count) {
			attempt->remote++;
			attempt->address = 0;
			continue;
		}
		pthread_mutex_lock(&secondary->lock);
		const struct zone *zone = zone_of(secondary, attempt);
		int err = sw_fetch_new(&attempt->fetch,
			&(struct sw_fetch_wish){.apex = attempt->apex,
				.soa = zone ? &zone->soa : &none,
				.is_whole = attempt->is_whole,
				.skips_question = attempt->skips_question,
				.key = &secondary->key,
				.limits = {.records = policy->records_max ? policy->records_max : RECORDS_MAX,
					.bytes = policy->transfer_bytes_max ? policy->transfer_bytes_max
									    : BYTES_MAX}},
			remote_of(attempt), attempt->address, now_ns());
		pthread_mutex_unlock(&secondary->lock);
		if (err == 0) {
			attempt_watch(secondary, attempt);
			return true;
		}
		attempt->address++;
	}
	return false;
}

static void attempt_end(struct sw_secondary *secondary, struct attempt *attempt)
{
	for (unsigned i = 0; i < secondary->attempt_count; i++) {
		if (secondary->attempts[i] == attempt)
			secondary->attempts[i] = secondary->attempts[--secondary->attempt_count];
	}
	sw_fetch_free(attempt->fetch);
	sw_settings_free(attempt->settings);
	free(attempt);
}

/** No address is left. */
static void attempt_fail(struct sw_secondary *secondary, struct attempt *attempt)
{
	pthread_mutex_lock(&secondary->lock);
	struct zone *zone = zone_of(secondary, attempt);
	if (zone != NULL) {
		struct sw_soa_timers timers = timers_of(zone);
		sw_refresh_failed(&zone->refresh, &timers, now_s(), chance());
		heap_settle(secondary, zone);
	}
	pthread_mutex_unlock(&secondary->lock);
	attempt_end(secondary, attempt);
}

static void why_note(struct sw_secondary *secondary, struct attempt *attempt)
{
	char from[128], apex[SW_NAME_TEXT_MAX];
	from_text(attempt, from, sizeof(from));
	sw_log(SW_LOG_WARNING, "zone %s: %s: %s", sw_name_text(attempt->apex, apex), from,
		sw_fetch_why(attempt->fetch));
	pthread_mutex_lock(&secondary->lock);
	struct zone *zone = zone_of(secondary, attempt);
	if (zone != NULL)
		snprintf(zone->why, sizeof(zone->why), "%.100s: %.150s", from, sw_fetch_why(attempt->fetch));
	pthread_mutex_unlock(&secondary->lock);
}

static void hand_over(struct sw_secondary *secondary, struct attempt *attempt, enum sw_delivery_kind kind)
{
	struct sw_delivery *delivery = calloc(1, sizeof(*delivery));
	struct sw_incoming *incoming = sw_fetch_incoming(attempt->fetch);
	if (delivery == NULL) {
		attempt_fail(secondary, attempt);
		return;
	}
	delivery->kind = kind;
	delivery->time_s = attempt->begun_s;
	delivery->seconds = (double)(now_ns() - attempt->begun_ns) * 1e-9;
	memcpy(delivery->apex, attempt->apex, sw_name_len(attempt->apex));
	from_text(attempt, delivery->from, sizeof(delivery->from));
	if (kind == SW_DELIVERY_ZONE)
		delivery->contents = sw_incoming_contents(incoming);
	if (kind == SW_DELIVERY_CHANGES)
		delivery->delta_count = sw_incoming_deltas(incoming, &delivery->deltas);
	if (incoming != NULL) {
		delivery->bytes = sw_incoming_bytes(incoming);
		delivery->records = sw_incoming_records(incoming);
	}
	attempt_end(secondary, attempt);
	secondary->deliver(secondary->deliver_arg, delivery);
}

static void attempt_turn(struct sw_secondary *secondary, struct attempt *attempt)
{
	switch (sw_fetch_turn(attempt->fetch, now_ns())) {
	case SW_FETCH_GOING:
		attempt_watch(secondary, attempt);
		return;
	case SW_FETCH_CURRENT:
		hand_over(secondary, attempt, SW_DELIVERY_CURRENT);
		return;
	case SW_FETCH_ZONE:
		hand_over(secondary, attempt, SW_DELIVERY_ZONE);
		return;
	case SW_FETCH_CHANGES:
		hand_over(secondary, attempt, SW_DELIVERY_CHANGES);
		return;
	case SW_FETCH_FAILED:
		break;
	}
	why_note(secondary, attempt);
	if (!attempt->is_whole && sw_fetch_may_axfr(attempt->fetch))
		attempt->is_whole = true;
	else
		attempt->address++;
	if (!attempt_begin(secondary, attempt))
		attempt_fail(secondary, attempt);
}

/** With the lock held. */
static struct attempt *attempt_new(struct sw_secondary *secondary, struct zone *zone)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	struct sw_record soa;
	if (attempt == NULL)
		return NULL;
	attempt->fd = -1;
	attempt->settings = sw_settings_hold(secondary->settings);
	attempt->setting = zone->setting;
	attempt->is_whole = zone->is_whole;
	attempt->skips_question = zone->is_noted && soa_of(zone, &soa) &&
				  sw_serial_is_newer(zone->noted_serial, sw_soa_serial(&soa));
	attempt->begun_s = now_s();
	attempt->begun_ns = now_ns();
	memcpy(attempt->apex, zone->apex, sw_name_len(zone->apex));
	zone->refresh.is_asking = true;
	zone->is_noted = zone->is_whole = false;
	secondary->attempts[secondary->attempt_count++] = attempt;
	return attempt;
}

/* ---- updates that are passed on ---- */

static void forward_watch(struct sw_secondary *secondary, unsigned i)
{
	struct sw_forward *forward = secondary->forwards[i];
	struct epoll_event event = {.events = sw_forward_events(forward), .data.ptr = forward};
	int fd = sw_forward_fd(forward);
	if (epoll_ctl(secondary->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		epoll_ctl(secondary->epoll, EPOLL_CTL_ADD, fd, &event);
}

/** Those that came since the last time. */
static void forwards_take(struct sw_secondary *secondary)
{
	pthread_mutex_lock(&secondary->lock);
	while (secondary->forward_new_count > 0 && secondary->forward_count < FORWARDS_MAX) {
		secondary->forwards[secondary->forward_count] =
			secondary->forwards_new[--secondary->forward_new_count];
		forward_watch(secondary, secondary->forward_count++);
	}
	pthread_mutex_unlock(&secondary->lock);
}

/** All of them: they are few. */
static void forwards_turn(struct sw_secondary *secondary)
{
	uint64_t now = now_ns();
	for (unsigned i = secondary->forward_count; i-- > 0;) {
		if (!sw_forward_turn(secondary->forwards[i], now)) {
			forward_watch(secondary, i);
			continue;
		}
		sw_forward_free(secondary->forwards[i]);
		secondary->forwards[i] = secondary->forwards[--secondary->forward_count];
	}
}

/* ---- the thread ---- */

/** Serve no longer what nobody could confirm. With the lock held. */
static struct sw_delivery *expire(struct zone *zone)
{
	struct sw_delivery *delivery = calloc(1, sizeof(*delivery));
	if (delivery == NULL)
		return NULL; /* the next round tries again */
	delivery->kind = SW_DELIVERY_EXPIRED;
	memcpy(delivery->apex, zone->apex, sw_name_len(zone->apex));
	zone->refresh.expires_s = 0;
	sw_records_free(&zone->soa);
	return delivery;
}

/** One thing that is due. @return false when nothing is */
static bool due_take(struct sw_secondary *secondary)
{
	struct attempt *attempt = NULL;
	struct sw_delivery *delivery = NULL;
	int64_t now = now_s();
	pthread_mutex_lock(&secondary->lock);
	struct zone *zone = secondary->count > 0 ? secondary->heap[0] : NULL;
	if (zone != NULL && due_s(zone) <= now) {
		if (sw_refresh_is_expired(&zone->refresh, now))
			delivery = expire(zone);
		else if (secondary->attempt_count < ATTEMPTS_MAX)
			attempt = attempt_new(secondary, zone);
		heap_settle(secondary, zone);
	}
	pthread_mutex_unlock(&secondary->lock);
	if (delivery != NULL)
		secondary->deliver(secondary->deliver_arg, delivery);
	if (attempt != NULL && !attempt_begin(secondary, attempt))
		attempt_fail(secondary, attempt);
	return attempt != NULL || delivery != NULL;
}

static int wait_ms(struct sw_secondary *secondary)
{
	uint64_t now = now_ns(), next = now + LATER_MS * (SECOND_NS / 1000);
	for (unsigned i = 0; i < secondary->attempt_count; i++) {
		uint64_t due = sw_fetch_due_ns(secondary->attempts[i]->fetch);
		next = due < next ? due : next;
	}
	for (unsigned i = 0; i < secondary->forward_count; i++) {
		uint64_t due = sw_forward_due_ns(secondary->forwards[i]);
		next = due < next ? due : next;
	}
	pthread_mutex_lock(&secondary->lock);
	uint64_t due = sw_notify_due_ns(secondary->notify);
	pthread_mutex_unlock(&secondary->lock);
	next = due < next ? due : next;
	return next <= now ? 0 : (int)((next - now) / 1000000 + 1);
}

static void notify_turn(struct sw_secondary *secondary)
{
	pthread_mutex_lock(&secondary->lock);
	sw_notify_turn(secondary->notify, now_ns());
	pthread_mutex_unlock(&secondary->lock);
}

static void overdue_turn(struct sw_secondary *secondary)
{
	uint64_t now = now_ns();
	notify_turn(secondary);
	forwards_turn(secondary);
	for (unsigned i = secondary->attempt_count; i-- > 0;) {
		if (i < secondary->attempt_count && sw_fetch_due_ns(secondary->attempts[i]->fetch) <= now)
			attempt_turn(secondary, secondary->attempts[i]);
	}
}

/** Whether an event is of an attempt that is still there: one may end while another's events are worked on.
 */
static bool is_attempt(const struct sw_secondary *secondary, const void *attempt)
{
	for (unsigned i = 0; i < secondary->attempt_count; i++) {
		if (secondary->attempts[i] == attempt)
			return true;
	}
	return false;
}

static void *run(void *arg)
{
	struct sw_secondary *secondary = arg;
	struct epoll_event events[EVENTS];
	uint64_t count;
	while (!__atomic_load_n(&secondary->is_stopping, __ATOMIC_ACQUIRE)) {
		while (due_take(secondary))
			continue;
		forwards_take(secondary);
		int n = epoll_wait(secondary->epoll, events, EVENTS, wait_ms(secondary));
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				(void)!read(secondary->wake, &count, sizeof(count));
			else if (events[i].data.ptr == secondary->notify)
				continue; /* its turn comes with those that are due */
			else if (is_attempt(secondary, events[i].data.ptr))
				attempt_turn(secondary, events[i].data.ptr);
		}
		overdue_turn(secondary);
	}
	while (secondary->attempt_count > 0)
		attempt_end(secondary, secondary->attempts[0]);
	while (secondary->forward_count > 0)
		sw_forward_free(secondary->forwards[--secondary->forward_count]);
	return NULL;
}

/* ---- from other threads ---- */

int sw_secondary_new(
	struct sw_secondary **result, const struct sw_hash_key *key, sw_deliver_fn *deliver, void *arg)
{
	struct sw_secondary *secondary = calloc(1, sizeof(*secondary));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	if (secondary == NULL)
		return -ENOMEM;
	secondary->key = *key;
	secondary->deliver = deliver;
	secondary->deliver_arg = arg;
	pthread_mutex_init(&secondary->lock, NULL);
	secondary->epoll = epoll_create1(EPOLL_CLOEXEC);
	secondary->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int err = sw_notify_new(&secondary->notify);
	struct epoll_event answers = {.events = EPOLLIN, .data.ptr = secondary->notify};
	if (err == 0 &&
		epoll_ctl(secondary->epoll, EPOLL_CTL_ADD, sw_notify_fd(secondary->notify), &answers) != 0)
		err = -errno;
	if (secondary->epoll < 0 || secondary->wake < 0 ||
		epoll_ctl(secondary->epoll, EPOLL_CTL_ADD, secondary->wake, &event) != 0)
		err = -errno;
	if (err == 0)
		err = -pthread_create(&secondary->thread, NULL, run, secondary);
	secondary->is_running = err == 0;
	if (err != 0) {
		sw_secondary_free(secondary);
		return err;
	}
	*result = secondary;
	return 0;
}

void sw_secondary_stop(struct sw_secondary *secondary)
{
	if (secondary == NULL || !secondary->is_running)
		return;
	__atomic_store_n(&secondary->is_stopping, true, __ATOMIC_RELEASE);
	eventfd_write(secondary->wake, 1);
	pthread_join(secondary->thread, NULL);
	secondary->is_running = false;
	pthread_mutex_lock(&secondary->lock);
	while (secondary->forward_new_count > 0)
		sw_forward_free(secondary->forwards_new[--secondary->forward_new_count]);
	pthread_mutex_unlock(&secondary->lock);
}

void sw_secondary_free(struct sw_secondary *secondary)
{
	if (secondary == NULL)
		return;
	sw_secondary_stop(secondary);
	for (size_t i = 0; i < secondary->count; i++)
		zone_free(secondary->zones[i]);
	free(secondary->zones);
	free(secondary->heap);
	sw_settings_free(secondary->settings);
	sw_notify_free(secondary->notify);
	if (secondary->epoll >= 0)
		close(secondary->epoll);
	if (secondary->wake >= 0)
		close(secondary->wake);
	pthread_mutex_destroy(&secondary->lock);
	free(secondary);
}

static struct zone *zone_new(
	const struct sw_zone_setting *setting, sw_secondary_known_fn *known, void *arg, int64_t now)
{
	size_t len = sw_name_len(setting->apex);
	struct zone *zone = calloc(1, sizeof(*zone) + len);
	struct sw_secondary_zone state = {.setting = setting};
	if (zone == NULL)
		return NULL;
	memcpy(zone->apex, setting->apex, len);
	zone->setting = setting;
	if (known(arg, setting->apex, &state) && soa_keep(zone, state.soa) != 0) {
		zone_free(zone);
		return NULL;
	}
	sw_refresh_start(&zone->refresh, state.confirmed_s, state.expires_s, now, chance());
	return zone;
}

int sw_secondary_set(
	struct sw_secondary *secondary, struct sw_settings *settings, sw_secondary_known_fn *known, void *arg)
{
	size_t count = 0, kept = 0;
	int64_t now = now_s();
	struct zone **zones = calloc(settings->zone_count + 1, sizeof(struct zone *));
	struct zone **heap = calloc(settings->zone_count + 1, sizeof(struct zone *));
	bool *is_new = calloc(settings->zone_count + 1, sizeof(bool));
	int err = zones && heap && is_new ? 0 : -ENOMEM;
	pthread_mutex_lock(&secondary->lock);
	for (size_t i = 0; err == 0 && i < settings->zone_count; i++) {
		const struct sw_zone_setting *setting = &settings->zones[i];
		if (setting->policy->primary_count == 0)
			continue;
		struct zone *zone = zone_find(secondary, setting->apex);
		is_new[count] = zone == NULL;
		if (zone == NULL)
			zone = zone_new(setting, known, arg, now);
		if (zone == NULL)
			err = -ENOMEM;
		else
			zones[count++] = zone;
	}
	for (size_t i = 0; i < count && err != 0; i++) {
		if (is_new[i])
			zone_free(zones[i]);
	}
	struct zone **old = err ? zones : secondary->zones, **old_heap = err ? heap : secondary->heap;
	if (err == 0) {
		/* both lists are in the order of names: whoever is not in the new one goes */
		for (size_t i = 0; i < secondary->count; i++) {
			while (kept < count && sw_name_compare(zones[kept]->apex, old[i]->apex) < 0)
				kept++;
			if (kept == count || zones[kept] != old[i])
				zone_free(old[i]);
		}
		for (size_t i = 0, j = 0; i < count; i++) {
			while (sw_name_compare(settings->zones[j].apex, zones[i]->apex) != 0)
				j++;
			zones[i]->setting = &settings->zones[j];
		}
		secondary->zones = zones;
		secondary->heap = heap;
		secondary->count = 0;
		for (size_t i = 0; i < count; i++) {
			heap_put(secondary, secondary->count++, zones[i]);
			heap_settle(secondary, zones[i]);
		}
		sw_settings_free(secondary->settings);
		secondary->settings = sw_settings_hold(settings);
	}
	pthread_mutex_unlock(&secondary->lock);
	free(old);
	free(old_heap);
	free(is_new);
	eventfd_write(secondary->wake, 1);
	return err;
}

int64_t sw_secondary_settled(struct sw_secondary *secondary, const struct sw_delivery *delivery,
	enum sw_settlement settlement, const struct sw_record *soa)
{
	int64_t expires_s = 0;
	pthread_mutex_lock(&secondary->lock);
	struct zone *zone = zone_find(secondary, delivery->apex);
	if (zone != NULL) {
		bool is_again = zone->refresh.is_again || settlement == SW_SETTLED_AXFR;
		if (soa != NULL)
			soa_keep(zone, soa); /* without memory, an IXFR from an older serial does as well */
		struct sw_soa_timers timers = timers_of(zone);
		zone->is_whole = settlement == SW_SETTLED_AXFR;
		if (settlement == SW_SETTLED_REFUSED) {
			snprintf(zone->why, sizeof(zone->why), "%.100s gave what cannot be served",
				delivery->from);
			sw_refresh_failed(&zone->refresh, &timers, now_s(), chance());
		} else if (settlement == SW_SETTLED_TAKEN) {
			zone->why[0] = '\0';
			sw_refresh_done(&zone->refresh, &timers, delivery->time_s, chance());
		} else {
			zone->refresh.is_asking = false;
		}
		if (is_again)
			sw_refresh_wanted(&zone->refresh, now_s());
		heap_settle(secondary, zone);
		expires_s = zone->refresh.expires_s;
	}
	pthread_mutex_unlock(&secondary->lock);
	eventfd_write(secondary->wake, 1);
	return expires_s;
}

int sw_secondary_ask(
	struct sw_secondary *secondary, const uint8_t *apex, bool has_serial, uint32_t serial, bool is_whole)
{
	struct sw_record soa;
	pthread_mutex_lock(&secondary->lock);
	struct zone *zone = zone_find(secondary, apex);
	bool is_known = zone != NULL && has_serial && !is_whole && soa_of(zone, &soa) &&
			!sw_serial_is_newer(serial, sw_soa_serial(&soa));
	if (zone != NULL && !is_known) {
		zone->is_noted = has_serial;
		zone->noted_serial = serial;
		zone->is_whole |= is_whole;
		sw_refresh_wanted(&zone->refresh, now_s());
		heap_settle(secondary, zone);
	}
	pthread_mutex_unlock(&secondary->lock);
	if (zone == NULL)
		return -ENOENT;
	eventfd_write(secondary->wake, 1);
	return 0;
}

void sw_secondary_tell(struct sw_secondary *secondary, const struct sw_record *soa,
	const struct sw_remote *const *remotes, size_t count)
{
	char apex[SW_NAME_TEXT_MAX];
	pthread_mutex_lock(&secondary->lock);
	int err = sw_notify_tell(secondary->notify, soa, remotes, count);
	pthread_mutex_unlock(&secondary->lock);
	if (err != 0)
		sw_log(SW_LOG_WARNING, "zone %s: not all are told of its new version: %s",
			sw_name_text(soa->owner, apex), strerror(-err));
	eventfd_write(secondary->wake, 1);
}

void sw_secondary_forward(
	struct sw_secondary *secondary, const uint8_t *apex, struct sw_update_request *request)
{
	struct sw_forward *forward = NULL;
	pthread_mutex_lock(&secondary->lock);
	const struct zone *zone = zone_find(secondary, apex);
	bool is_stopping = __atomic_load_n(&secondary->is_stopping, __ATOMIC_ACQUIRE);
	if (zone != NULL && !is_stopping && secondary->forward_new_count < FORWARDS_MAX &&
		sw_forward_new(&forward, request, secondary->settings, zone->setting->policy->primaries[0]) ==
			0)
		secondary->forwards_new[secondary->forward_new_count++] = forward;
	pthread_mutex_unlock(&secondary->lock);
	if (forward == NULL)
		sw_forward_refuse(request);
	eventfd_write(secondary->wake, 1);
}

int sw_secondary_look(struct sw_secondary *secondary, const uint8_t *apex, struct sw_secondary_report *report)
{
	pthread_mutex_lock(&secondary->lock);
	const struct zone *zone = zone_find(secondary, apex);
	if (zone != NULL) {
		*report = (struct sw_secondary_report){
			.next_s = zone->refresh.next_s,
			.confirmed_s = zone->refresh.confirmed_s,
			.expires_s = zone->refresh.expires_s,
			.failures = zone->refresh.failures,
			.is_asking = zone->refresh.is_asking,
		};
		strcpy(report->why, zone->why);
	}
	pthread_mutex_unlock(&secondary->lock);
	return zone ? 0 : -ENOENT;
}
