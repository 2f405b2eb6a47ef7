/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/keep_sign.h"
#include "serve/key_commands.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void sw_keep_zones(struct sw_keep *keep, struct sw_zones *zones)
{
	keep->zones = zones;
}

/** Tell the loader that there is work, while there is a loader. */
void sw_keep_wake(struct sw_keep *keep)
{
	pthread_mutex_lock(&keep->lock);
	if (!keep->is_stopped)
		keep->wake(keep->wake_arg);
	pthread_mutex_unlock(&keep->lock);
}

/** Called on the secondary's thread. */
static void delivered(void *arg, struct sw_delivery *delivery)
{
	struct sw_keep *keep = arg;
	delivery->next = NULL;
	pthread_mutex_lock(&keep->lock);
	*keep->last = delivery;
	keep->last = &delivery->next;
	pthread_mutex_unlock(&keep->lock);
	sw_keep_wake(keep);
}

static struct sw_delivery *delivery_next(struct sw_keep *keep)
{
	pthread_mutex_lock(&keep->lock);
	struct sw_delivery *delivery = keep->first;
	if (delivery != NULL)
		keep->first = delivery->next;
	if (keep->first == NULL)
		keep->last = &keep->first;
	pthread_mutex_unlock(&keep->lock);
	return delivery;
}

void sw_keep_work(struct sw_keep *keep)
{
	struct sw_delivery *delivery;
	sw_keep_sign_take(keep);
	sw_keep_take_updates(keep);
	while ((delivery = delivery_next(keep)) != NULL) {
		sw_keep_take_delivery(keep, delivery);
		sw_delivery_free(delivery);
		sw_keep_take_updates(keep); /* somebody waits for these, nobody for a transfer */
	}
	sw_key_requests_take(keep);
	sw_keep_parents_take(keep);
	sw_keep_settle(keep);
	sw_keep_catalogs(keep);
	sw_keep_sign_turn(keep);
	sw_grace_turn(keep->grace);
}

static void notified(void *arg, const uint8_t *apex, bool has_serial, uint32_t serial)
{
	struct sw_keep *keep = arg;
	pthread_mutex_lock(&keep->lock); /* stopping waits for this */
	if (!keep->is_stopped)
		sw_secondary_ask(keep->secondary, apex, has_serial, serial, false);
	pthread_mutex_unlock(&keep->lock);
}

static void loader_wake(void *arg)
{
	sw_keep_wake(arg);
}

int sw_keep_new(
	struct sw_keep **result, struct sw_store *store, const char *state, sw_keep_wake_fn *wake, void *arg)
{
	char why[512] = "";
	struct sw_keep *keep = calloc(1, sizeof(*keep));
	if (keep == NULL)
		return -ENOMEM;
	keep->store = store;
	keep->wake = wake;
	keep->wake_arg = arg;
	keep->last = &keep->first;
	pthread_mutex_init(&keep->lock, NULL);
	int err = mkdir(state, 0700) == 0 || errno == EEXIST ? 0 : -errno;
	if (err != 0)
		sw_log(SW_LOG_ERROR, "the state directory %s cannot be made: %s", state, strerror(-err));
	else
		err = sw_archive_open(&keep->archive, state, why);
	if (err == 0 && (keep->directory = realpath(state, NULL)) == NULL)
		err = -errno;
	if (why[0] != '\0') /* also of what it could mend */
		sw_log(err ? SW_LOG_ERROR : SW_LOG_WARNING, "%s", why);
	if (err == 0)
		err = sw_keep_sign_new(keep, state);
	if (err != 0)
		goto fail;
	err = sw_roster_new(&keep->roster, state);
	if (err != 0)
		goto fail;
	keep->live = sw_live_new(keep->archive,
		&(struct sw_live_calls){.notified = notified, .updates_wait = loader_wake, .arg = keep});
	keep->grace = sw_grace_new(store, loader_wake, keep);
	err = keep->live && keep->grace
		      ? sw_secondary_new(&keep->secondary, sw_store_key(store), delivered, keep)
		      : -ENOMEM;
	if (err != 0)
		goto fail;
	*result = keep;
	return 0;
fail:
	sw_keep_free(keep);
	return err;
}

void sw_keep_stop(struct sw_keep *keep)
{
	if (keep == NULL)
		return;
	pthread_mutex_lock(&keep->lock);
	keep->is_stopped = true;
	pthread_mutex_unlock(&keep->lock);
	sw_grace_stop(keep->grace);
	sw_keep_sign_stop(keep);
	sw_secondary_stop(keep->secondary); /* the loader may still tell it what became of a delivery */
}

void sw_keep_free(struct sw_keep *keep)
{
	if (keep == NULL)
		return;
	sw_keep_stop(keep);
	sw_secondary_free(keep->secondary);
	for (struct sw_delivery *delivery; (delivery = delivery_next(keep)) != NULL;)
		sw_delivery_free(delivery);
	sw_keep_sign_free(keep);
	if (keep->live != NULL)
		sw_live_set(keep->live, NULL);
	sw_live_free(keep->live);
	sw_grace_free(keep->grace);
	if (keep->archive != NULL)
		sw_keep_settle(keep);
	sw_roster_free(keep->roster);
	sw_archive_close(keep->archive);
	free(keep->changed);
	free(keep->directory);
	sw_records_free(&keep->known_soa);
	sw_settings_free(keep->settings);
	pthread_mutex_destroy(&keep->lock);
	free(keep);
}

const char *sw_keep_directory(const struct sw_keep *keep)
{
	return keep->directory;
}

struct sw_live *sw_keep_live(struct sw_keep *keep)
{
	return keep ? keep->live : NULL;
}

struct sw_secondary *sw_keep_secondary(struct sw_keep *keep)
{
	return keep ? keep->secondary : NULL;
}

/** For the secondary, of a zone that it hears of for the first time. */
static bool known(void *arg, const uint8_t *apex, struct sw_secondary_zone *zone)
{
	struct sw_keep *keep = arg;
	struct sw_archive_zone kept;
	sw_records_free(&keep->known_soa);
	if (sw_snapshot_zone(sw_keep_own(keep), apex, &kept) != 0 || kept.expires_s <= sw_keep_now_s())
		return false;
	size_t at = 0;
	if (!sw_keep_source_soa(keep, apex, &keep->known_soa) ||
		!sw_records_next(&keep->known_soa, &at, &keep->known_record))
		return false;
	zone->soa = &keep->known_record;
	zone->confirmed_s = kept.refreshed_s;
	zone->expires_s = kept.expires_s;
	return true;
}

void sw_keep_published(struct sw_keep *keep)
{
	for (size_t at = 0; at < keep->changed_used; at += sw_name_len(keep->changed + at))
		sw_keep_tell(keep, keep->changed + at);
	keep->changed_used = 0;
}

void sw_keep_settings(struct sw_keep *keep, struct sw_settings *settings)
{
	struct sw_settings *before = keep->settings;
	keep->settings = sw_settings_hold(settings);
	sw_live_set(keep->live, settings);
	if (sw_secondary_set(keep->secondary, settings, known, keep) != 0)
		sw_log(SW_LOG_ERROR, "out of memory: primaries are asked as before");
	sw_settings_free(before);
	sw_keep_sign_settings(keep);
}

void sw_keep_settings_turn(
	struct sw_keep *keep, struct sw_settings *settings, const struct sw_turn *turns, size_t count)
{
	struct sw_settings *before = keep->settings;
	keep->settings = sw_settings_hold(settings);
	sw_live_set(keep->live, settings);
	if (sw_secondary_turn(keep->secondary, settings, turns, count, known, keep) != 0)
		sw_log(SW_LOG_ERROR, "out of memory: primaries are asked as before");
	sw_settings_free(before);
	for (size_t i = 0; i < count; i++) {
		const struct sw_beyond *after = turns[i].after;
		struct sw_signing *signing;
		if (after != NULL && !after->is_mute && sw_policy_is_live(after->setting.policy) &&
			!sw_keep_dnssec(&after->setting)->is_leaving)
			sw_keep_sign_open(keep, &after->setting, &signing);
	}
	sw_keep_sign_turn(keep);
}
