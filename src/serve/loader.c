/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/loader.h"
#include "serve/channel.h"
#include "serve/control.h"
#include "serve/identity.h"
#include "serve/log.h"
#include "serve/zone_orders.h"
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum job_kind { JOB_START, JOB_ALL, JOB_ZONE, JOB_ORDER, JOB_KEEP, JOB_END };

struct job {
	struct job *next;
	enum job_kind kind;
	int reply_fd;
	json_t *order;
	uint8_t apex[SW_NAME_MAX];
};

struct sw_loader {
	struct sw_loader_parts parts;
	pthread_t thread;
	bool is_running;
	int ready_fd;
	pthread_mutex_t lock;
	pthread_cond_t has_job;
	struct job *first, *last;
	unsigned pending;   /* reloads */
	bool is_keep_asked; /* a JOB_KEEP waits */
};

/* ---- the queue ---- */

static int post_order(
	struct sw_loader *loader, enum job_kind kind, const uint8_t *apex, json_t *order, int reply_fd)
{
	struct job *job = calloc(1, sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	job->kind = kind;
	job->reply_fd = reply_fd;
	job->order = order;
	if (apex != NULL)
		memcpy(job->apex, apex, sw_name_len(apex));
	pthread_mutex_lock(&loader->lock);
	*(loader->first ? &loader->last->next : &loader->first) = job;
	loader->last = job;
	loader->pending += kind < JOB_ORDER;
	pthread_cond_signal(&loader->has_job);
	pthread_mutex_unlock(&loader->lock);
	return 0;
}

static int post(struct sw_loader *loader, enum job_kind kind, const uint8_t *apex, int reply_fd)
{
	return post_order(loader, kind, apex, NULL, reply_fd);
}

/** The first job; it stays in the queue while it is worked on. */
static struct job *job_wait(struct sw_loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	while (loader->first == NULL)
		pthread_cond_wait(&loader->has_job, &loader->lock);
	struct job *job = loader->first;
	pthread_mutex_unlock(&loader->lock);
	return job;
}

static void job_done(struct sw_loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	struct job *job = loader->first;
	loader->first = job->next;
	loader->pending -= job->kind < JOB_ORDER;
	pthread_mutex_unlock(&loader->lock);
	if (job->reply_fd >= 0)
		close(job->reply_fd);
	json_decref(job->order);
	free(job);
}

int sw_loader_post(struct sw_loader *loader, const uint8_t *apex, int reply_fd)
{
	return post(loader, apex ? JOB_ZONE : JOB_ALL, apex, reply_fd);
}

int sw_loader_order(struct sw_loader *loader, const json_t *order, int reply_fd)
{
	json_t *copy = json_deep_copy(order);
	int err = copy ? post_order(loader, JOB_ORDER, NULL, copy, reply_fd) : -ENOMEM;
	if (err != 0)
		json_decref(copy);
	return err;
}

void sw_loader_wake(struct sw_loader *loader)
{
	if (__atomic_exchange_n(&loader->is_keep_asked, true, __ATOMIC_ACQ_REL))
		return;
	if (post(loader, JOB_KEEP, NULL, -1) != 0)
		__atomic_store_n(&loader->is_keep_asked, false, __ATOMIC_RELEASE);
}

unsigned sw_loader_pending(struct sw_loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	unsigned pending = loader->pending;
	pthread_mutex_unlock(&loader->lock);
	return pending;
}

/* ---- the work ---- */

static bool is_other(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

static bool is_other_guard(const struct sw_guard_options *a, const struct sw_guard_options *b)
{
	return a->observe != b->observe || a->answers_qps != b->answers_qps ||
	       a->egress_mbps != b->egress_mbps || a->punts_qps != b->punts_qps ||
	       a->network_qps != b->network_qps || a->busy_percent != b->busy_percent ||
	       memcmp(a->trusted, b->trusted, sizeof(a->trusted)) != 0 || is_other(a->state, b->state) ||
	       is_other(a->record, b->record);
}

/** Keys that a running node cannot follow. */
static bool needs_restart(const struct sw_settings *a, const struct sw_settings *b)
{
	if (a->listen_count != b->listen_count || a->xdp != b->xdp ||
		a->tls.listen_count != b->tls.listen_count || a->interface_count != b->interface_count ||
		a->udp_workers != b->udp_workers || a->tcp_workers != b->tcp_workers)
		return true;
	/* both are zeros but for what was told */
	if (memcmp(&a->gate, &b->gate, sizeof(a->gate)) != 0)
		return true;
	for (size_t i = 0; i < a->listen_count; i++) {
		if (!sw_endpoint_equal(&a->listen[i], &b->listen[i]))
			return true;
	}
	for (size_t i = 0; i < a->tls.listen_count; i++) {
		if (!sw_endpoint_equal(&a->tls.listen[i], &b->tls.listen[i]))
			return true;
	}
	for (size_t i = 0; i < a->interface_count; i++) {
		if (strcmp(a->interfaces[i], b->interfaces[i]) != 0)
			return true;
	}
	return is_other(a->control, b->control) || is_other(a->state, b->state) || is_other(a->pin, b->pin) ||
	       a->outlive_ms != b->outlive_ms || is_other_guard(&a->guard, &b->guard);
}

static void say(const char *what, const struct sw_zones_outcome *outcome)
{
	sw_log(outcome->refused ? SW_LOG_WARNING : SW_LOG_INFO,
		"%s: %u %s loaded, %u unchanged, %u refused, %u removed in %.2f s", what, outcome->loaded,
		outcome->loaded == 1 ? "zone" : "zones", outcome->unchanged, outcome->refused,
		outcome->removed, outcome->seconds);
}

/** @return 0, or -errno with text in why and nothing changed */
static int reload_tls(const struct sw_loader_parts *parts, const struct sw_settings *settings, char *why)
{
	int err = sw_channel_trust(settings->tls.trust, why);
	if (err == 0)
		err = sw_tls_reload(parts->tls, &settings->tls, why);
	if (err == -ENOMEM)
		strcpy(why, "out of memory");
	return err;
}

static void keep_follow(struct sw_keep *keep, struct sw_settings *settings)
{
	sw_keep_settings(keep, settings);
	sw_keep_published(keep);
	sw_keep_catalogs(keep);
}

/** Load the zones that are told, and those beyond them. */
static int zones_load(
	const struct sw_loader_parts *parts, struct sw_settings *told, struct sw_zones_outcome *outcome)
{
	struct sw_settings *all = parts->keep ? sw_keep_roster(parts->keep, told) : sw_settings_hold(told);
	int err = all ? sw_zones_load(parts->zones, all, outcome) : -ENOMEM;
	if (err == 0 && parts->keep != NULL)
		keep_follow(parts->keep, all);
	sw_settings_free(all);
	return err;
}

/** Configuration and everything named there. Bad input changes nothing. */
static int load_all(struct sw_loader *loader, struct sw_zones_outcome *outcome, char *why)
{
	const struct sw_loader_parts *parts = &loader->parts;
	struct sw_settings *fresh = NULL;
	int err = parts->reread ? parts->reread(parts->reread_arg, &fresh, why) : 0;
	if (err != 0) {
		sw_log(SW_LOG_ERROR, "reload: %s; everything goes on as before", why);
		return err;
	}
	struct sw_settings *settings = fresh ? fresh : parts->settings;
	if (needs_restart(parts->settings, settings))
		sw_log(SW_LOG_WARNING, "reload: listen, xdp, control, state, pin, outlive, workers and "
				       "'guard' stay as they were "
				       "at the start; restart to change them");
	err = reload_tls(parts, settings, why);
	if (err != 0) {
		sw_log(SW_LOG_ERROR, "reload: %s; everything goes on as before", why);
		sw_settings_free(fresh);
		return err;
	}
	sw_tcp_limit(parts->tcp, settings);
	sw_identity_set(parts->control, settings);
	err = zones_load(parts, settings, outcome);
	sw_settings_free(fresh);
	if (err != 0)
		strcpy(why, strerror(-err));
	else
		say("reload", outcome);
	return err;
}

static int load_zone(
	struct sw_loader *loader, const uint8_t *apex, struct sw_zones_outcome *outcome, char *why)
{
	char text[SW_NAME_TEXT_MAX];
	int err = sw_zones_load_one(loader->parts.zones, apex, outcome);
	if (err == 0 && loader->parts.keep != NULL)
		sw_keep_published(loader->parts.keep);
	if (err == 0 && loader->parts.keep != NULL)
		sw_keep_catalogs(loader->parts.keep);
	if (err == -EBUSY)
		snprintf(why, SW_WHY_TEXT_MAX, "zone %.200s is frozen: 'seawall zone thaw' it first",
			sw_name_text(apex, text));
	if (err == -ENOENT)
		snprintf(why, SW_WHY_TEXT_MAX, "no zone %.200s here", sw_name_text(apex, text));
	return err;
}

static void add_refused(void *arg, const struct sw_zone_report *report)
{
	char text[SW_NAME_TEXT_MAX];
	if (report->state != SW_ZONE_REFUSED && report->state != SW_ZONE_OUTDATED)
		return;
	json_array_append_new(arg, json_pack("{s:s, s:s, s:s%}", "zone", sw_name_text(report->apex, text),
					   "state", sw_zone_state_label(report->state), "reason",
					   report->reason, strlen(report->reason)));
}

static void reply(struct sw_loader *loader, const struct job *job, int err,
	const struct sw_zones_outcome *outcome, const char *why)
{
	if (job->reply_fd < 0)
		return;
	json_t *refused = json_array();
	if (outcome->refused > 0)
		sw_zones_each(loader->parts.zones, add_refused, refused);
	json_t *answer = err ? json_pack("{s:b, s:s}", "ok", 0, "error", why)
			     : json_pack("{s:b, s:i, s:i, s:i, s:i, s:f, s:O}", "ok", outcome->refused == 0,
				       "loaded", outcome->loaded, "unchanged", outcome->unchanged, "refused",
				       outcome->refused, "removed", outcome->removed, "seconds",
				       outcome->seconds, "zones_refused", refused);
	sw_control_reply(job->reply_fd, answer);
	json_decref(answer);
	json_decref(refused);
}

static void job_work(struct sw_loader *loader, const struct job *job)
{
	struct sw_zones_outcome outcome = {0};
	char why[SW_WHY_TEXT_MAX] = "";
	int err = 0;
	if (job->kind == JOB_KEEP) {
		__atomic_store_n(&loader->is_keep_asked, false, __ATOMIC_RELEASE);
		sw_keep_work(loader->parts.keep);
	} else if (job->kind == JOB_START) {
		err = zones_load(&loader->parts, loader->parts.settings, &outcome);
		if (err == 0)
			say("start", &outcome);
		else
			sw_log(SW_LOG_ERROR, "zones cannot be loaded: %s", strerror(-err));
		eventfd_write(loader->ready_fd, 1);
	} else if (job->kind == JOB_ORDER) {
		json_t *answer = sw_zone_order(loader->parts.keep, loader->parts.zones, job->order);
		sw_control_reply(job->reply_fd, answer);
		json_decref(answer);
		return;
	} else if (job->kind == JOB_ALL) {
		err = load_all(loader, &outcome, why);
	} else {
		err = load_zone(loader, job->apex, &outcome, why);
	}
	reply(loader, job, err, &outcome, why);
}

static void *loader_run(void *arg)
{
	struct sw_loader *loader = arg;
	for (struct job *job; (job = job_wait(loader))->kind != JOB_END; job_done(loader)) {
		if (!__atomic_load_n(loader->parts.is_stopping, __ATOMIC_RELAXED))
			job_work(loader, job);
	}
	return NULL;
}

int sw_loader_new(struct sw_loader **result, const struct sw_loader_parts *parts)
{
	struct sw_loader *loader = calloc(1, sizeof(*loader));
	if (loader == NULL)
		return -ENOMEM;
	loader->parts = *parts;
	pthread_mutex_init(&loader->lock, NULL);
	pthread_cond_init(&loader->has_job, NULL);
	loader->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int err = loader->ready_fd < 0 ? -errno : post(loader, JOB_START, NULL, -1);
	if (err == 0)
		err = -pthread_create(&loader->thread, NULL, loader_run, loader);
	loader->is_running = err == 0;
	if (err != 0) {
		sw_loader_free(loader);
		return err;
	}
	*result = loader;
	return 0;
}

int sw_loader_ready_fd(const struct sw_loader *loader)
{
	return loader->ready_fd;
}

void sw_loader_free(struct sw_loader *loader)
{
	if (loader == NULL)
		return;
	if (loader->is_running && post(loader, JOB_END, NULL, -1) == 0)
		pthread_join(loader->thread, NULL);
	while (loader->first != NULL)
		job_done(loader);
	if (loader->ready_fd >= 0)
		close(loader->ready_fd);
	pthread_cond_destroy(&loader->has_job);
	pthread_mutex_destroy(&loader->lock);
	free(loader);
}
