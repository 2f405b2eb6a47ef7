/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/secondary_inside.h"
#include <sys/eventfd.h>
#include <unistd.h>

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
	uint64_t now = sw_now_ns();
	for (unsigned i = secondary->forward_count; i-- > 0;) {
		if (!sw_forward_turn(secondary->forwards[i], now)) {
			forward_watch(secondary, i);
			continue;
		}
		sw_forward_free(secondary->forwards[i]);
		secondary->forwards[i] = secondary->forwards[--secondary->forward_count];
	}
}

/* ---- parents that are asked ---- */

static void inquiries_turn(struct sw_secondary *secondary)
{
	pthread_mutex_lock(&secondary->lock);
	struct sw_inquiry *fresh = secondary->inquiries_new;
	secondary->inquiries_new = NULL;
	secondary->inquiry_last = &secondary->inquiries_new;
	pthread_mutex_unlock(&secondary->lock);
	for (struct sw_inquiry *next; fresh != NULL; fresh = next) {
		next = fresh->next;
		sw_parents_add(secondary->parents, fresh);
	}
	sw_parents_turn(secondary->parents, sw_now_ns());
}

/* ---- the thread ---- */

/** Serve no longer what nobody could confirm. With the lock held. */
static struct sw_delivery *expire(struct sw_secondary_entry *zone)
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
	struct sw_attempt *attempt = NULL;
	struct sw_delivery *delivery = NULL;
	int64_t now = sw_now_s();
	pthread_mutex_lock(&secondary->lock);
	struct sw_secondary_entry *zone = secondary->count > 0 ? secondary->heap[0] : NULL;
	if (zone != NULL && sw_secondary_due_s(zone) <= now) {
		if (sw_refresh_is_expired(&zone->refresh, now))
			delivery = expire(zone);
		else if (secondary->attempt_count < sw_limits(&secondary->settings->limits).in_at_once)
			attempt = sw_attempt_new(secondary, zone);
		sw_secondary_heap_settle(secondary, zone);
	}
	pthread_mutex_unlock(&secondary->lock);
	if (delivery != NULL)
		secondary->deliver(secondary->deliver_arg, delivery);
	if (attempt != NULL && !sw_attempt_begin(secondary, attempt))
		sw_attempt_fail(secondary, attempt);
	return attempt != NULL || delivery != NULL;
}

static int wait_ms(struct sw_secondary *secondary)
{
	uint64_t now = sw_now_ns(), next = now + LATER_MS * (SECOND_NS / 1000);
	for (unsigned i = 0; i < secondary->attempt_count; i++) {
		uint64_t due = sw_fetch_due_ns(secondary->attempts[i]->fetch);
		next = due < next ? due : next;
	}
	for (unsigned i = 0; i < secondary->forward_count; i++) {
		uint64_t due = sw_forward_due_ns(secondary->forwards[i]);
		next = due < next ? due : next;
	}
	uint64_t asking = sw_parents_due_ns(secondary->parents);
	next = asking < next ? asking : next;
	pthread_mutex_lock(&secondary->lock);
	uint64_t due = secondary->is_telling ? sw_notify_due_ns(secondary->notify) : UINT64_MAX;
	pthread_mutex_unlock(&secondary->lock);
	next = due < next ? due : next;
	return next <= now ? 0 : (int)((next - now) / 1000000 + 1);
}

static void notify_turn(struct sw_secondary *secondary)
{
	pthread_mutex_lock(&secondary->lock);
	if (secondary->is_telling)
		sw_notify_turn(secondary->notify, sw_now_ns());
	pthread_mutex_unlock(&secondary->lock);
}

static void overdue_turn(struct sw_secondary *secondary)
{
	uint64_t now = sw_now_ns();
	notify_turn(secondary);
	forwards_turn(secondary);
	inquiries_turn(secondary);
	for (unsigned i = secondary->attempt_count; i-- > 0;) {
		if (i < secondary->attempt_count && sw_fetch_due_ns(secondary->attempts[i]->fetch) <= now)
			sw_attempt_turn(secondary, secondary->attempts[i]);
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
			else if (events[i].data.ptr == secondary->notify ||
				 events[i].data.ptr == secondary->parents)
				continue; /* its turn comes with those that are due */
			else if (is_attempt(secondary, events[i].data.ptr))
				sw_attempt_turn(secondary, events[i].data.ptr);
		}
		overdue_turn(secondary);
	}
	while (secondary->attempt_count > 0)
		sw_attempt_end(secondary, secondary->attempts[0]);
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
	secondary->inquiry_last = &secondary->inquiries_new;
	pthread_mutex_init(&secondary->lock, NULL);
	secondary->epoll = epoll_create1(EPOLL_CLOEXEC);
	secondary->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int err = sw_notify_new(&secondary->notify);
	if (err == 0)
		err = sw_parents_new(&secondary->parents);
	struct epoll_event answers = {.events = EPOLLIN, .data.ptr = secondary->notify};
	if (err == 0 &&
		epoll_ctl(secondary->epoll, EPOLL_CTL_ADD, sw_notify_fd(secondary->notify), &answers) != 0)
		err = -errno;
	answers.data.ptr = secondary->parents;
	if (err == 0 &&
		epoll_ctl(secondary->epoll, EPOLL_CTL_ADD, sw_parents_fd(secondary->parents), &answers) != 0)
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
		sw_secondary_zone_free(secondary->zones[i]);
	free(secondary->zones);
	free(secondary->heap);
	free(secondary->queues);
	sw_settings_free(secondary->settings);
	sw_notify_free(secondary->notify);
	for (struct sw_inquiry *inquiry = secondary->inquiries_new, *next; inquiry != NULL; inquiry = next) {
		next = inquiry->next;
		sw_inquiry_free(inquiry);
	}
	sw_parents_free(secondary->parents);
	if (secondary->epoll >= 0)
		close(secondary->epoll);
	if (secondary->wake >= 0)
		close(secondary->wake);
	pthread_mutex_destroy(&secondary->lock);
	free(secondary);
}

int sw_secondary_set(
	struct sw_secondary *secondary, struct sw_settings *settings, sw_secondary_known_fn *known, void *arg)
{
	size_t count = 0, kept = 0;
	int64_t now = sw_now_s();
	struct sw_secondary_entry **zones =
		calloc(settings->zone_count + 1, sizeof(struct sw_secondary_entry *));
	struct sw_secondary_entry **heap =
		calloc(settings->zone_count + 1, sizeof(struct sw_secondary_entry *));
	bool *is_new = calloc(settings->zone_count + 1, sizeof(bool));
	struct sw_secondary_queue *queues = NULL;
	int err =
		zones && heap && is_new ? sw_secondary_queues_new(&queues, settings->remote_count) : -ENOMEM;
	pthread_mutex_lock(&secondary->lock);
	for (size_t i = 0; err == 0 && i < settings->zone_count; i++) {
		const struct sw_zone_setting *setting = &settings->zones[i];
		if (setting->policy->primary_count == 0)
			continue;
		struct sw_secondary_entry *zone = sw_secondary_find(secondary, setting->apex);
		is_new[count] = zone == NULL;
		if (zone == NULL)
			zone = sw_secondary_zone_new(setting, known, arg, now);
		if (zone == NULL)
			err = -ENOMEM;
		else
			zones[count++] = zone;
	}
	for (size_t i = 0; i < count && err != 0; i++) {
		if (is_new[i])
			sw_secondary_zone_free(zones[i]);
	}
	struct sw_secondary_entry **old = err ? zones : secondary->zones,
				  **old_heap = err ? heap : secondary->heap;
	struct sw_secondary_queue *old_queues = err ? queues : secondary->queues;
	if (err == 0) {
		/* both lists are in the order of names: whoever is not in the new one goes */
		for (size_t i = 0; i < secondary->count; i++) {
			while (kept < count && sw_name_compare(zones[kept]->apex, old[i]->apex) < 0)
				kept++;
			if (kept == count || zones[kept] != old[i])
				sw_secondary_zone_free(old[i]);
		}
		for (size_t i = 0, j = 0; i < count; i++) {
			while (sw_name_compare(settings->zones[j].apex, zones[i]->apex) != 0)
				j++;
			zones[i]->policy = settings->zones[j].policy;
			zones[i]->is_waiting = false; /* it is due, and waits anew where it must */
			zones[i]->start_remote = 0;
		}
		secondary->queues = queues;
		secondary->waiting = 0;
		secondary->zones = zones;
		secondary->heap = heap;
		secondary->count = 0;
		for (size_t i = 0; i < count; i++) {
			sw_secondary_heap_put(secondary, secondary->count++, zones[i]);
			sw_secondary_heap_settle(secondary, zones[i]);
		}
		sw_settings_free(secondary->settings);
		secondary->settings = sw_settings_hold(settings);
	}
	pthread_mutex_unlock(&secondary->lock);
	free(old);
	free(old_heap);
	free(old_queues);
	free(is_new);
	eventfd_write(secondary->wake, 1);
	return err;
}

static void count_settled(
	struct sw_in_counts *counts, const struct sw_delivery *delivery, enum sw_settlement settlement)
{
	bool is_content = delivery->kind == SW_DELIVERY_ZONE || delivery->kind == SW_DELIVERY_CHANGES;
	counts->done += is_content && settlement == SW_SETTLED_TAKEN;
	counts->refused += is_content && settlement != SW_SETTLED_TAKEN;
	counts->current += delivery->kind == SW_DELIVERY_CURRENT;
	if (!is_content)
		return;
	counts->records += delivery->records;
	counts->bytes += delivery->bytes;
}

int64_t sw_secondary_settled(struct sw_secondary *secondary, const struct sw_delivery *delivery,
	enum sw_settlement settlement, const struct sw_record *soa)
{
	int64_t expires_s = 0;
	pthread_mutex_lock(&secondary->lock);
	count_settled(&secondary->counts, delivery, settlement);
	struct sw_secondary_entry *zone = sw_secondary_find(secondary, delivery->apex);
	if (zone != NULL) {
		bool is_again = zone->refresh.is_again || settlement == SW_SETTLED_AXFR;
		if (soa != NULL)
			sw_secondary_soa_keep(
				zone, soa); /* without memory, an IXFR from an older serial does as well */
		struct sw_soa_timers timers = sw_secondary_timers(zone);
		zone->is_whole |= settlement == SW_SETTLED_AXFR;
		if (settlement == SW_SETTLED_REFUSED) {
			snprintf(zone->why, sizeof(zone->why), "%.100s gave what cannot be served",
				delivery->from);
			sw_refresh_failed(&zone->refresh, &timers, sw_now_s(), sw_chance());
		} else if (settlement == SW_SETTLED_TAKEN) {
			zone->why[0] = '\0';
			sw_refresh_done(&zone->refresh, &timers, delivery->time_s, sw_chance());
		} else {
			zone->refresh.is_asking = false;
		}
		if (is_again)
			sw_refresh_wanted(&zone->refresh, sw_now_s());
		sw_secondary_heap_settle(secondary, zone);
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
	struct sw_secondary_entry *zone = sw_secondary_find(secondary, apex);
	bool is_known = zone != NULL && has_serial && !is_whole && sw_secondary_soa(zone, &soa) &&
			!sw_serial_is_newer(serial, sw_soa_serial(&soa));
	if (zone != NULL && !is_known) {
		zone->is_noted = has_serial;
		zone->noted_serial = serial;
		zone->is_whole |= is_whole;
		sw_refresh_wanted(&zone->refresh, sw_now_s());
		sw_secondary_heap_settle(secondary, zone);
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

void sw_secondary_answers(struct sw_secondary *secondary)
{
	if (secondary == NULL)
		return;
	pthread_mutex_lock(&secondary->lock);
	secondary->is_telling = true;
	pthread_mutex_unlock(&secondary->lock);
	eventfd_write(secondary->wake, 1);
}

void sw_secondary_forward(
	struct sw_secondary *secondary, const uint8_t *apex, struct sw_update_request *request)
{
	struct sw_forward *forward = NULL;
	pthread_mutex_lock(&secondary->lock);
	const struct sw_secondary_entry *zone = sw_secondary_find(secondary, apex);
	bool is_stopping = __atomic_load_n(&secondary->is_stopping, __ATOMIC_ACQUIRE);
	if (zone != NULL && !is_stopping && secondary->forward_new_count < FORWARDS_MAX &&
		sw_forward_new(&forward, request, secondary->settings, zone->policy->primaries[0]) == 0)
		secondary->forwards_new[secondary->forward_new_count++] = forward;
	pthread_mutex_unlock(&secondary->lock);
	if (forward == NULL)
		sw_forward_refuse(request);
	eventfd_write(secondary->wake, 1);
}

void sw_secondary_inquire(struct sw_secondary *secondary, struct sw_inquiry *inquiry)
{
	inquiry->next = NULL;
	pthread_mutex_lock(&secondary->lock);
	*secondary->inquiry_last = inquiry;
	secondary->inquiry_last = &inquiry->next;
	pthread_mutex_unlock(&secondary->lock);
	eventfd_write(secondary->wake, 1);
}

void sw_secondary_load(struct sw_secondary *secondary, struct sw_secondary_load *load)
{
	pthread_mutex_lock(&secondary->lock);
	*load = (struct sw_secondary_load){
		.counts = secondary->counts,
		.running = secondary->attempt_count,
		.waiting = secondary->waiting,
		.notify = sw_notify_counts(secondary->notify),
		.notifies = sw_notify_in_hand(secondary->notify),
	};
	pthread_mutex_unlock(&secondary->lock);
}

int sw_secondary_look(struct sw_secondary *secondary, const uint8_t *apex, struct sw_secondary_report *report)
{
	pthread_mutex_lock(&secondary->lock);
	const struct sw_secondary_entry *zone = sw_secondary_find(secondary, apex);
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
