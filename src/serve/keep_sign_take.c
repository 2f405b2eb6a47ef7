/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What threads of their own are to sign, and what came of it: the loader's thread gives and takes. */
#include "serve/keep_sign_task.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RENEW_WINDOW_S 3600 /* what is due within is renewed together, lest there be a version a second */
#define AGAIN_S 60	    /* after something went wrong */

/* ---- giving it away ---- */

/** So much is renewed before its time, as the policy leaves room for. */
static uint32_t window_of(const struct sw_sign_policy *policy)
{
	uint32_t window_s = (policy->validity_s - policy->refresh_s - policy->jitter_s) / 10;
	return window_s < RENEW_WINDOW_S ? window_s : RENEW_WINDOW_S;
}

static int task_fill(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing,
	struct sw_sign_task *task)
{
	const struct sw_dnssec_policy *policy = sw_keep_dnssec(setting);
	char directory[4096], why[SW_KEYS_WHY_MAX];
	struct sw_archive_zone kept;
	memcpy(task->apex, signing->apex, sw_name_len(signing->apex));
	task->policy = policy->sign;
	task->window_s = window_of(&policy->sign);
	sw_keep_key_directory(keep, policy, directory, sizeof(directory));
	int err = sw_keys_load(&task->keys, directory, signing->apex, true, why);
	if (err != 0) {
		sw_keep_sign_fault(keep, signing, "%s", why);
		return err;
	}
	task->has_undo_serial = setting->policy->primary_count > 0;
	task->undo_serial = signing->source.serial;
	task->source_serial = signing->source.serial;
	if (!signing->is_ours && sw_snapshot_zone(sw_keep_own(keep), signing->apex, &kept) == 0)
		task->source_serial = kept.serial;
	if (task->kind != SW_SIGN_WHOLE || signing->plain == NULL)
		return 0;
	struct sw_record soa;
	uint8_t rdata[2 * SW_NAME_MAX + 20];
	err = sw_sign_soa_of(signing->plain, rdata, &soa, &task->source_serial);
	if (err != 0)
		return err;
	task->plain = signing->plain;
	signing->plain = NULL;
	return 0;
}

int sw_keep_sign_begin(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, enum sw_sign_kind kind, const struct sw_keys_plan *plan)
{
	struct sw_sign_task *task = calloc(1, sizeof(*task));
	int err = task ? sw_keep_settle(keep) : -ENOMEM; /* a snapshot shows what is durable */
	if (err == 0) {
		task->kind = kind;
		task->is_anew = signing->is_anew_due && kind == SW_SIGN_WHOLE;
		task->plan = *plan;
		err = task_fill(keep, setting, signing, task);
	}
	if (err == 0)
		err = sw_signers_post(keep->signs->signers, task);
	if (err != 0) {
		sw_sign_task_free(task);
		return err;
	}
	pthread_mutex_lock(&keep->signs->lock);
	signing->task = task;
	signing->is_whole_due = false;
	signing->is_anew_due &= !task->is_anew;
	pthread_mutex_unlock(&keep->signs->lock);
	return 0;
}

int sw_keep_sign_anew(struct sw_keep *keep, const uint8_t *apex, char *why)
{
	const struct sw_zone_setting *setting = sw_keep_setting(keep, apex);
	struct sw_signing *signing = setting ? sw_keep_signing(keep, apex) : NULL;
	struct sw_archive_zone kept;
	if (signing == NULL || (sw_keep_dnssec(setting)->is_leaving && !signing->is_ours)) {
		strcpy(why, "it is not signed here: 'dnssec' in the configuration would have it signed. "
			    "Signatures that its file or its primary brings are made anew there");
		return -ENOENT;
	}
	if (sw_snapshot_zone(sw_keep_own(keep), apex, &kept) != 0 && signing->task == NULL) {
		strcpy(why, "there is no version of it to sign yet: 'seawall zone show' says why");
		return -ENODATA;
	}
	if (sw_keep_sign_has_expired(keep, setting)) {
		strcpy(why,
			"it has expired: no version of it is served before a primary gives or confirms one");
		return -ETIME;
	}
	signing->is_anew_due = true;
	sw_keep_sign_due(keep, signing, 0);
	sw_keep_sign_turn(keep);
	if (signing->task != NULL)
		return 0;
	snprintf(why, SW_WHY_TEXT_MAX, "it cannot be signed now, and is tried again in a minute: %.400s",
		signing->why[0] ? signing->why : "out of memory");
	return -EAGAIN;
}

bool sw_keep_sign_is_busy(const struct sw_signing *signing)
{
	return signing->task != NULL && (signing->task->kind != SW_SIGN_RENEW || signing->is_contended);
}

void sw_keep_sign_hold(struct sw_signing *signing, struct sw_update_request *request)
{
	request->next = NULL;
	*signing->held_last = request;
	signing->held_last = &request->next;
}

/** The delivery without its change of hands: its records are taken out of the one given. */
static struct sw_delivery *delivery_move(struct sw_delivery *delivery)
{
	struct sw_delivery *moved = malloc(sizeof(*moved));
	if (moved == NULL)
		return NULL;
	*moved = *delivery;
	moved->next = NULL;
	delivery->contents = NULL;
	delivery->deltas = NULL;
	delivery->delta_count = 0;
	return moved;
}

bool sw_keep_sign_delivery(
	struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_delivery *delivery)
{
	struct sw_signing *signing = sw_keep_signing(keep, delivery->apex);
	bool is_whole = delivery->kind == SW_DELIVERY_ZONE;
	if (signing == NULL || (!is_whole && delivery->kind != SW_DELIVERY_CHANGES))
		return false;
	if (signing->task == NULL && sw_keep_dnssec(setting)->is_leaving && !signing->is_ours)
		return false;
	if (signing->task != NULL && (is_whole || sw_keep_sign_is_busy(signing))) {
		sw_delivery_free(signing->waiting); /* there is none: it is not asked for twice */
		signing->waiting = delivery_move(delivery);
		return true;
	}
	if (!is_whole)
		return false;
	sw_contents_free(signing->plain);
	signing->plain = delivery->contents;
	delivery->contents = NULL;
	sw_delivery_free(signing->taken);
	signing->taken = delivery_move(delivery);
	sw_keep_sign_due(keep, signing, 0);
	return true;
}

/* ---- taking it ---- */

static void taken_settle(struct sw_keep *keep, struct sw_signing *signing, enum sw_settlement settlement)
{
	if (signing->taken == NULL)
		return;
	sw_keep_settled(keep, signing->taken, settlement);
	sw_delivery_free(signing->taken);
	signing->taken = NULL;
}

static int take_renewal(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, struct sw_sign_task *task)
{
	int err = sw_keep_changes(keep, setting, &task->delta, 1);
	if (err == 0)
		err = sw_keep_settle(keep);
	if (err == 0)
		err = sw_keep_serve(keep, signing->apex, &task->delta, 1);
	if (err == 0)
		sw_keep_tell(keep, signing->apex);
	signing->renew_s = task->result.due_s;
	return err;
}

/** Served first, as a whole zone from a primary is: it could be made again. */
static int take_whole(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing,
	struct sw_sign_task *task)
{
	struct sw_signed_version version = {0};
	struct sw_archive_zone kept;
	char apex[SW_NAME_TEXT_MAX];
	bool is_first = sw_snapshot_zone(sw_keep_own(keep), signing->apex, &kept) != 0;
	uint32_t before = signing->is_ours ? signing->source.serial : is_first ? 0 : kept.serial;
	int err = sw_zones_put(keep->zones, signing->apex, task->made);
	if (err != 0)
		return err;
	err = sw_keep_sign_put(keep, setting, signing, task->made, task->source_serial, &version);
	sw_delta_free(&version.delta);
	if (err == 0)
		err = sw_keep_settle(keep);
	if (err != 0)
		return err;
	pthread_mutex_lock(&keep->signs->lock);
	signing->plan = task->plan;
	signing->made_by = task->policy;
	signing->has_plan = true;
	signing->is_served = false;
	signing->renew_s = task->result.due_s;
	signing->ttl_max_s = task->ttl_max_s > signing->ttl_max_s ? task->ttl_max_s : signing->ttl_max_s;
	signing->why[0] = '\0';
	pthread_mutex_unlock(&keep->signs->lock);
	if (sw_snapshot_zone(sw_keep_own(keep), signing->apex, &kept) == 0) {
		if (signing->taken != NULL && is_first)
			sw_keep_say_first(signing->taken, task->source_serial);
		else if (signing->taken != NULL)
			sw_keep_say_transfer(signing->taken, "AXFR", before, task->source_serial);
		sw_log(SW_LOG_INFO,
			"zone %s: signed: serial %u from %u, %llu signatures made and %llu taken over in "
			"%.3f s",
			sw_name_text(signing->apex, apex), kept.serial, task->source_serial,
			(unsigned long long)task->result.made, (unsigned long long)task->result.reused,
			task->seconds);
	}
	taken_settle(keep, signing, SW_SETTLED_TAKEN);
	sw_keep_tell(keep, signing->apex);
	return 0;
}

/** The zone is unsigned from now on, and its keys are of no use. */
static int take_undone(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, struct sw_sign_task *task)
{
	char apex[SW_NAME_TEXT_MAX];
	int err = sw_zones_put(keep->zones, signing->apex, task->made);
	if (err == 0)
		err = sw_keep_mark(keep);
	if (err == 0) {
		err = sw_keep_replace(keep, task->made);
		if (err == 0)
			err = sw_archive_set_source(keep->archive, signing->apex, NULL);
		err = sw_keep_unmark(keep, err);
	}
	if (err == 0)
		err = sw_keep_settle(keep);
	if (err != 0)
		return err;
	pthread_mutex_lock(&keep->signs->lock);
	signing->is_ours = false;
	pthread_mutex_unlock(&keep->signs->lock);
	(void)sw_keep_sign_delete_keys(keep, signing, sw_keep_dnssec(setting));
	sw_log(SW_LOG_WARNING, "zone %s: it is unsigned now, and its keys are deleted%s",
		sw_name_text(signing->apex, apex),
		task->has_undo_serial
			? "; its serial is that of its primary again: secondaries of this server have to "
			  "fetch it whole"
			: "");
	sw_keep_tell(keep, signing->apex);
	return 0;
}

static bool is_as_it_was(struct sw_keep *keep, const struct sw_sign_task *task)
{
	struct sw_archive_zone kept;
	int err = sw_snapshot_zone(sw_keep_own(keep), task->apex, &kept);
	return err == 0 ? task->has_base && kept.serial == task->base : !task->has_base;
}

static int take(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing,
	struct sw_sign_task *task)
{
	if (task->kind == SW_SIGN_RENEW)
		return take_renewal(keep, setting, signing, task);
	return task->kind == SW_SIGN_UNDO ? take_undone(keep, setting, signing, task)
					  : take_whole(keep, setting, signing, task);
}

/** The task is over: what has waited for it goes on. */
static void release(struct sw_keep *keep, struct sw_signing *signing)
{
	struct sw_update_request *held = signing->held;
	struct sw_delivery *waiting = signing->waiting;
	signing->held = NULL;
	signing->held_last = &signing->held;
	signing->waiting = NULL;
	sw_keep_take_requests(keep, held);
	if (waiting != NULL)
		sw_keep_take_delivery(keep, waiting);
	sw_delivery_free(waiting);
}

static void task_take(struct sw_keep *keep, struct sw_signing *signing, struct sw_sign_task *task)
{
	const struct sw_zone_setting *setting = sw_settings_find_zone(keep->settings, signing->apex);
	pthread_mutex_lock(&keep->signs->lock);
	signing->task = NULL;
	pthread_mutex_unlock(&keep->signs->lock);
	sw_keep_sign_due(keep, signing, 0);
	if (setting == NULL)
		return;
	bool is_old = !is_as_it_was(keep, task) ||
		      (signing->taken == NULL && sw_keep_sign_has_expired(keep, setting));
	int err = is_old ? 0 : task->err;
	if (err == 0 && !is_old)
		err = take(keep, setting, signing, task);
	signing->is_contended = is_old;
	signing->is_anew_due |= task->is_anew && (is_old || err != 0);
	if ((is_old || err != 0) && signing->plain == NULL && (is_old || signing->taken == NULL)) {
		signing->plain = task->plain; /* once more, from what the zone is then */
		task->plain = NULL;
	}
	if (is_old) {
		signing->is_whole_due = task->kind == SW_SIGN_WHOLE;
	} else if (err == -ESTALE && task->kind == SW_SIGN_RENEW) {
		signing->is_whole_due = true;
	} else if (err != 0) {
		sw_keep_sign_fault(keep, signing, "cannot be signed: %s", strerror(-err));
		taken_settle(keep, signing, SW_SETTLED_REFUSED);
		signing->is_whole_due = task->kind == SW_SIGN_WHOLE;
		sw_keep_sign_due(keep, signing, sw_keep_now_s() + AGAIN_S);
	}
	release(keep, signing);
}

void sw_keep_sign_take(struct sw_keep *keep)
{
	struct sw_sign_task *task = sw_signers_done(keep->signs->signers);
	for (struct sw_sign_task *next; task != NULL; task = next) {
		next = task->next;
		struct sw_signing *signing = sw_keep_signing(keep, task->apex);
		if (signing != NULL && signing->task == task)
			task_take(keep, signing, task);
		sw_sign_task_free(task);
	}
}
