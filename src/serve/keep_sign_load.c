/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones that are signed here, at a start and at a reload of their files. */
#include "serve/keep_sign.h"
#include "zone/diff.h"
#include "zone/load.h"
#include <errno.h>
#include <string.h>

#define CHANGE_MAX 2000 /* records of a change of a file that are signed while all else waits */

static bool has_trust(const struct sw_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->keys[i].ds_submitted_s != 0 || keys->keys[i].ds_seen_s != 0)
			return true;
	}
	return false;
}

void sw_keep_sign_look(struct sw_keep *keep, struct sw_signing *signing,
	const struct sw_zone_setting *setting, const struct sw_contents *contents)
{
	const struct sw_dnssec_policy *policy = sw_keep_dnssec(setting);
	pthread_mutex_lock(&keep->signs->lock);
	signing->renew_s = sw_sign_due(contents, &policy->sign);
	signing->ttl_max_s = sw_sign_ttl_max(contents);
	sw_keep_sign_due(keep, signing, 0);
	pthread_mutex_unlock(&keep->signs->lock);
}

bool sw_keep_sign_is_current(struct sw_keep *keep, const struct sw_zone_setting *setting)
{
	const struct sw_signing *signing = sw_keep_signing(keep, setting->apex);
	return signing != NULL && signing->is_ours && signing->has_plan &&
	       memcmp(&signing->made_by, &sw_keep_dnssec(setting)->sign, sizeof(signing->made_by)) == 0;
}

/** The version kept.
 * @param file  as it was read from there; NULL: it was not */
static int kept_load(struct sw_keep *keep, struct sw_signing *signing, const struct sw_zone_setting *setting,
	const struct sw_contents *file, struct sw_contents **contents)
{
	struct sw_contents *kept = NULL;
	int err = sw_snapshot_load(sw_keep_own(keep), setting->apex, sw_store_key(keep->store), &kept);
	if (err == -EBADMSG)
		sw_keep_say_damaged(setting->apex);
	if (err == 0 && file != NULL)
		err = sw_contents_copy_files(kept, file);
	if (err != 0) {
		sw_contents_free(kept);
		return err;
	}
	sw_contents_free(*contents);
	*contents = kept;
	sw_keep_sign_look(keep, signing, setting, kept);
	return 0;
}

/** What the keys do now. */
static int plan_make(struct sw_keep *keep, struct sw_signing *signing, const struct sw_zone_setting *setting)
{
	struct sw_keys_plan plan;
	int err = sw_keep_sign_plan(keep, signing, sw_keep_dnssec(setting), &plan);
	if (err != 0)
		return err;
	pthread_mutex_lock(&keep->signs->lock);
	signing->plan = plan;
	pthread_mutex_unlock(&keep->signs->lock);
	return 0;
}

/** Sign what has been read here and now. */
static int sign_at_once(struct sw_keep *keep, struct sw_signing *signing,
	const struct sw_zone_setting *setting, struct sw_contents **contents, uint32_t serial)
{
	struct sw_signed_version version = {0};
	struct sw_contents *made = NULL;
	int err = plan_make(keep, signing, setting);
	if (err == 0)
		err = sw_keep_sign_now(keep, setting, signing, *contents, &made);
	if (err == 0)
		err = sw_keep_sign_put(keep, setting, signing, made, serial, &version);
	sw_delta_free(&version.delta);
	if (err != 0) {
		sw_contents_free(made);
		return err;
	}
	signing->has_plan = true;
	signing->is_served = false;
	(void)sw_contents_copy_files(made, *contents); /* or they are read again at a reload */
	sw_contents_free(*contents);
	*contents = made;
	sw_keep_sign_look(keep, signing, setting, made);
	return 0;
}

static uint32_t serial_of(const struct sw_contents *contents)
{
	const struct sw_rr *soa = sw_contents_find_rr(contents, sw_contents_node(contents, 0), SW_TYPE_SOA);
	const struct sw_record record = {.rdata = soa->rdata, .rdata_len = soa->rdata_len};
	return sw_soa_serial(&record);
}

/** Nothing of it is kept. A big zone is served unsigned until it is signed, unless somebody may expect
 * signatures already. */
static int first_take(struct sw_keep *keep, struct sw_signing *signing, const struct sw_zone_setting *setting,
	struct sw_contents **contents)
{
	if (sw_contents_records(*contents) <= SW_SIGN_AT_ONCE_MAX)
		return sign_at_once(keep, signing, setting, contents, serial_of(*contents));
	int err = sw_keep_replace(keep, *contents);
	signing->is_whole_due = true;
	if (err != 0 || !has_trust(&signing->keys))
		return err;
	sw_keep_sign_fault(keep, signing,
		"it is served when it is signed: its keys may be known to its parent, and it is too big to "
		"wait "
		"for it");
	return -ENODATA;
}

/** The change is taken here; a big one by a thread of its own, until when the version kept is served. */
static int change_take(struct sw_keep *keep, struct sw_signing *signing,
	const struct sw_zone_setting *setting, struct sw_contents **contents, int diff,
	const struct sw_delta *delta)
{
	struct sw_signed_version version = {0};
	int err = -E2BIG;
	if (diff == 1 && delta->added.count + delta->removed.count <= CHANGE_MAX) {
		err = plan_make(keep, signing, setting);
		if (err == 0)
			err = sw_keep_sign_change(keep, setting, signing, delta, delta->to, false, &version);
		sw_delta_free(&version.delta);
	}
	if (err == 0)
		return kept_load(keep, signing, setting, *contents, contents);
	if (sw_contents_records(*contents) <= SW_SIGN_AT_ONCE_MAX)
		return sign_at_once(keep, signing, setting, contents, serial_of(*contents));
	sw_contents_free(signing->plain);
	signing->plain = *contents;
	*contents = NULL;
	return kept_load(keep, signing, setting, signing->plain, contents);
}

static int file_take(struct sw_keep *keep, struct sw_signing *signing, const struct sw_zone_setting *setting,
	struct sw_contents **contents)
{
	struct sw_delta delta = {0};
	uint64_t journal = setting->policy->journal_bytes_max;
	int diff = sw_delta_diff_unsigned(sw_keep_own(keep), *contents, signing->source.serial,
		journal ? journal : SW_JOURNAL_BYTES, &delta);
	int err = 0;
	if (diff < 0 && diff != -E2BIG && diff != -EBADMSG)
		return diff;
	if (diff == 1 && setting->policy->update_by.count > 0 && !sw_serial_is_newer(delta.to, delta.from)) {
		sw_keep_sign_fault(keep, signing,
			"its file has serial %u, but updates have brought it to %u: the file is not taken. "
			"Change the zone as it is served, and give it a newer serial",
			delta.to, delta.from);
		diff = 0;
	}
	if (diff == 0) {
		err = kept_load(keep, signing, setting, *contents, contents);
	} else {
		err = change_take(keep, signing, setting, contents, diff, &delta);
		sw_keep_changed_note(keep, setting->apex);
	}
	sw_delta_free(&delta);
	return err;
}

int sw_keep_sign_load(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_findings *findings, struct sw_contents **contents)
{
	const struct sw_hash_key *key = sw_store_key(keep->store);
	struct sw_signing *signing;
	struct sw_archive_zone zone = {0};
	uint64_t stamp = setting->file ? sw_keep_file_stamp(setting->file) : 0;
	bool is_kept = sw_snapshot_zone(sw_keep_own(keep), setting->apex, &zone) == 0;
	int err = sw_keep_sign_open(keep, setting, &signing);
	if (err != 0)
		return err;
	signing->is_ours = is_kept && signing->is_ours;
	sw_keep_sign_due(keep, signing, 0);
	if (is_kept && !signing->is_ours)
		return 1; /* to be taken unsigned, and signed then */
	if (is_kept && sw_keep_file_is_taken(setting, &zone, stamp))
		return kept_load(keep, signing, setting, NULL, contents);
	err = sw_zone_load(setting->apex, key, setting->file ? setting->file : "", findings, contents);
	if (err == 0 && is_kept) {
		err = file_take(keep, signing, setting, contents);
	} else if (err == 0) {
		err = first_take(keep, signing, setting, contents);
		sw_keep_changed_note(keep, setting->apex);
	}
	if (err == 0)
		err = sw_snapshot_zone(sw_keep_own(keep), setting->apex, &zone);
	zone.stamp = stamp;
	return err ? err : sw_keep_note(keep, &zone);
}
