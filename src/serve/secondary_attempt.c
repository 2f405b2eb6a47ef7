/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/secondary_inside.h"

static struct sw_secondary_entry *zone_of(
	const struct sw_secondary *secondary, const struct sw_attempt *attempt)
{
	return sw_secondary_find(secondary, attempt->apex);
}

static const struct sw_remote *remote_of(const struct sw_attempt *attempt)
{
	return attempt->policy->primaries[attempt->remote];
}

static void from_text(const struct sw_attempt *attempt, char *text, size_t size)
{
	char address[SW_ENDPOINT_TEXT_MAX];
	const struct sw_remote *remote = remote_of(attempt);
	snprintf(text, size, "%.64s (%s)", remote->name,
		sw_endpoint_text(&remote->addresses[attempt->address], address));
}

/** Wait for what the fetch waits for, with a descriptor that may be another than before. */
static void attempt_watch(struct sw_secondary *secondary, struct sw_attempt *attempt)
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

/** It is not asked any more: the next zone that waits for it has its turn. */
static void remote_leave(struct sw_secondary *secondary, const struct sw_remote *remote)
{
	pthread_mutex_lock(&secondary->lock);
	sw_secondary_wake(secondary, remote);
	pthread_mutex_unlock(&secondary->lock);
}

/** Ask the address at hand. @return whether there was one */
bool sw_attempt_begin(struct sw_secondary *secondary, struct sw_attempt *attempt)
{
	const struct sw_zone_policy *policy = attempt->policy;
	const struct sw_limits limits = sw_limits(&attempt->settings->limits);
	struct sw_records none = {0};
	sw_fetch_free(attempt->fetch);
	attempt->fetch = NULL;
	attempt->fd = -1;
	while (attempt->remote < policy->primary_count) {
		if (attempt->address >= remote_of(attempt)->address_count) {
			remote_leave(secondary, remote_of(attempt));
			attempt->remote++;
			attempt->address = 0;
			continue;
		}
		pthread_mutex_lock(&secondary->lock);
		if (attempt->address == 0 && sw_secondary_is_full(secondary, attempt) &&
			sw_secondary_wait(secondary, attempt)) {
			pthread_mutex_unlock(&secondary->lock);
			sw_attempt_end(secondary, attempt);
			return true;
		}
		const struct sw_secondary_entry *zone = zone_of(secondary, attempt);
		int err = sw_fetch_new(&attempt->fetch,
			&(struct sw_fetch_wish){.apex = attempt->apex,
				.soa = zone ? &zone->soa : &none,
				.is_whole = attempt->is_whole,
				/* Knot answers no questions about catalogs over UDP: an IXFR says as much */
				.skips_question = attempt->skips_question || policy->catalog != NULL,
				.key = &secondary->key,
				.answer_ns = limits.in_answer_ns,
				.connect_ns = limits.in_connect_ns,
				.silence_ns = limits.in_silence_ns,
				.limits = {.records = policy->records_max ? policy->records_max
									  : limits.in_records,
					.bytes = policy->transfer_bytes_max ? policy->transfer_bytes_max
									    : limits.in_bytes}},
			remote_of(attempt), attempt->address, sw_now_ns());
		pthread_mutex_unlock(&secondary->lock);
		if (err == 0) {
			attempt_watch(secondary, attempt);
			return true;
		}
		attempt->address++;
	}
	return false;
}

void sw_attempt_end(struct sw_secondary *secondary, struct sw_attempt *attempt)
{
	pthread_mutex_lock(&secondary->lock);
	for (unsigned i = 0; i < secondary->attempt_count; i++) {
		if (secondary->attempts[i] == attempt)
			secondary->attempts[i] = secondary->attempts[--secondary->attempt_count];
	}
	if (attempt->fetch != NULL)
		sw_secondary_wake(secondary, remote_of(attempt));
	pthread_mutex_unlock(&secondary->lock);
	sw_fetch_free(attempt->fetch);
	sw_settings_free(attempt->settings);
	free(attempt);
}

/** No address is left. */
void sw_attempt_fail(struct sw_secondary *secondary, struct sw_attempt *attempt)
{
	pthread_mutex_lock(&secondary->lock);
	secondary->counts.failed++;
	struct sw_secondary_entry *zone = zone_of(secondary, attempt);
	if (zone != NULL) {
		struct sw_soa_timers timers = sw_secondary_timers(zone);
		sw_refresh_failed(&zone->refresh, &timers, sw_now_s(), sw_chance());
		sw_secondary_heap_settle(secondary, zone);
	}
	pthread_mutex_unlock(&secondary->lock);
	sw_attempt_end(secondary, attempt);
}

static void why_note(struct sw_secondary *secondary, struct sw_attempt *attempt)
{
	char from[128], apex[SW_NAME_TEXT_MAX];
	from_text(attempt, from, sizeof(from));
	sw_log(SW_LOG_WARNING, "zone %s: %s: %s", sw_name_text(attempt->apex, apex), from,
		sw_fetch_why(attempt->fetch));
	pthread_mutex_lock(&secondary->lock);
	struct sw_secondary_entry *zone = zone_of(secondary, attempt);
	if (zone != NULL)
		snprintf(zone->why, sizeof(zone->why), "%.100s: %.150s", from, sw_fetch_why(attempt->fetch));
	pthread_mutex_unlock(&secondary->lock);
}

static void hand_over(struct sw_secondary *secondary, struct sw_attempt *attempt, enum sw_delivery_kind kind)
{
	struct sw_delivery *delivery = calloc(1, sizeof(*delivery));
	struct sw_incoming *incoming = sw_fetch_incoming(attempt->fetch);
	if (delivery == NULL) {
		sw_attempt_fail(secondary, attempt);
		return;
	}
	delivery->kind = kind;
	delivery->time_s = attempt->begun_s;
	delivery->seconds = sw_seconds_since(attempt->begun_ns);
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
	sw_attempt_end(secondary, attempt);
	secondary->deliver(secondary->deliver_arg, delivery);
}

void sw_attempt_turn(struct sw_secondary *secondary, struct sw_attempt *attempt)
{
	switch (sw_fetch_turn(attempt->fetch, sw_now_ns())) {
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
	if (!sw_attempt_begin(secondary, attempt))
		sw_attempt_fail(secondary, attempt);
}

/** With the lock held. */
struct sw_attempt *sw_attempt_new(struct sw_secondary *secondary, struct sw_secondary_entry *zone)
{
	struct sw_attempt *attempt = calloc(1, sizeof(*attempt));
	struct sw_record soa;
	if (attempt == NULL)
		return NULL;
	attempt->fd = -1;
	attempt->settings = sw_settings_hold(secondary->settings);
	attempt->policy = zone->policy;
	attempt->is_whole = zone->is_whole;
	attempt->skips_question = zone->is_noted && sw_secondary_soa(zone, &soa) &&
				  sw_serial_is_newer(zone->noted_serial, sw_soa_serial(&soa));
	attempt->begun_s = sw_now_s();
	attempt->begun_ns = sw_now_ns();
	memcpy(attempt->apex, zone->apex, sw_name_len(zone->apex));
	zone->refresh.is_asking = true;
	zone->is_noted = zone->is_whole = false;
	attempt->remote = zone->start_remote;
	zone->start_remote = 0;
	secondary->attempts[secondary->attempt_count++] = attempt;
	return attempt;
}
