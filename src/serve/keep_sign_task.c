/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Whole zones, and signatures that run out, by threads of their own: a million names take minutes of a core,
 * and neither other zones nor commands wait for that. A thread reads a snapshot; the loader's thread takes
 * what comes of it if the zone still is what it was then. */
#include "serve/keep_sign_task.h"
#include "serve/clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define THREADS 2	  /* so that one huge zone does not hold up all others */
#define RENEW_NAMES 10000 /* at a time: one version of the zone */

struct sw_signers {
	struct sw_keep *keep;
	pthread_t threads[THREADS];
	unsigned thread_count;
	pthread_mutex_t lock;
	pthread_cond_t has_task;
	struct sw_sign_task *first, *last; /* to be done */
	struct sw_sign_task *done;
	bool is_stopping; /* atomic too: the signer looks at it */
};

void sw_sign_task_free(struct sw_sign_task *task)
{
	if (task == NULL)
		return;
	sw_keys_free(&task->keys);
	sw_contents_free(task->plain);
	sw_contents_free(task->made);
	sw_delta_free(&task->delta);
	free(task);
}

/* ---- on a thread of its own ---- */

/** The SOA of contents with another serial, its data in `rdata`. */
int sw_sign_soa_of(const struct sw_contents *contents, uint8_t rdata[2 * SW_NAME_MAX + 20],
	struct sw_record *soa, uint32_t *serial)
{
	const struct sw_rr *rr = sw_contents_find_rr(contents, sw_contents_node(contents, 0), SW_TYPE_SOA);
	if (rr == NULL || rr->rdata_len < 20 || rr->rdata_len > 2 * SW_NAME_MAX + 20)
		return -EINVAL;
	memcpy(rdata, rr->rdata, rr->rdata_len);
	*soa = (struct sw_record){.owner = sw_contents_apex(contents),
		.type = SW_TYPE_SOA,
		.ttl = rr->ttl,
		.rdata = rdata,
		.rdata_len = rr->rdata_len};
	*serial = sw_soa_serial(soa);
	return 0;
}

static int make_whole(
	struct sw_sign_task *task, const struct sw_sign_job *job, const struct sw_contents *kept)
{
	const struct sw_contents *plain = task->plain ? task->plain : kept;
	const struct sw_hash_key *key = plain ? sw_contents_key(plain) : NULL;
	uint8_t rdata[2 * SW_NAME_MAX + 20];
	struct sw_record soa;
	uint32_t serial;
	int err = plain ? sw_sign_soa_of(plain, rdata, &soa, &serial) : -ENOENT;
	if (err != 0)
		return err;
	if (task->kind == SW_SIGN_UNDO) {
		sw_soa_set_serial(
			rdata, soa.rdata_len, task->has_undo_serial ? task->undo_serial : task->base + 1);
		return sw_sign_undo(plain, &soa, key, &task->made);
	}
	if (task->has_base)
		serial = sw_keep_sign_serial(task->base, serial);
	sw_soa_set_serial(rdata, soa.rdata_len, serial);
	err = sw_sign_zone(job, plain, &soa, task->is_anew ? NULL : kept, key, &task->made, &task->result);
	if (err == 0)
		task->ttl_max_s = sw_sign_ttl_max(task->made);
	return err;
}

static int record_add(void *arg, const struct sw_record *record)
{
	return sw_records_add(arg, record);
}

static int make_renewal(
	struct sw_sign_task *task, const struct sw_sign_job *job, struct sw_snapshot *snapshot)
{
	struct sw_sign_archived archived = {snapshot, task->apex};
	struct sw_sign_source source = sw_sign_source_of(&archived);
	uint8_t rdata[2 * SW_NAME_MAX + 20];
	struct sw_records kept = {0};
	struct sw_record soa;
	size_t at = 0;
	struct sw_sign_policy policy = task->policy;
	struct sw_sign_job wide = *job;
	wide.policy = &policy;
	policy.refresh_s += task->window_s;
	int err = sw_snapshot_at(snapshot, task->apex, task->apex, SW_TYPE_SOA, record_add, &kept);
	if (err == 0 && (!sw_records_next(&kept, &at, &soa) || soa.rdata_len > sizeof(rdata)))
		err = -EINVAL;
	if (err == 0) {
		memcpy(rdata, soa.rdata, soa.rdata_len);
		soa.rdata = rdata;
		sw_soa_set_serial(rdata, soa.rdata_len, task->base + 1);
		err = sw_sign_renew(
			&wide, task->apex, &source, &soa, RENEW_NAMES, &task->delta, &task->result);
	}
	if (err == 0 && task->result.due_s > job->now_s) /* else there is more to do at once */
		task->result.due_s += task->window_s;
	sw_records_free(&kept);
	return err;
}

static int task_work(struct sw_signers *signers, struct sw_sign_task *task)
{
	struct sw_snapshot *snapshot;
	struct sw_archive_zone zone;
	struct sw_contents *kept = NULL;
	struct sw_sign_job job = {.keys = &task->keys,
		.plan = &task->plan,
		.policy = &task->policy,
		.now_s = (uint32_t)sw_keep_now_s(),
		.is_stopping = &signers->is_stopping};
	(void)!getrandom(&job.seed, sizeof(job.seed), 0); /* only spreads the work */
	int err = sw_snapshot_open(&snapshot, signers->keep->archive);
	if (err != 0)
		return err;
	err = sw_snapshot_zone(snapshot, task->apex, &zone);
	task->has_base = err == 0;
	if (err == 0)
		task->base = zone.serial;
	if (err == 0 && task->kind == SW_SIGN_RENEW)
		err = make_renewal(task, &job, snapshot);
	else if (err == 0)
		err = sw_snapshot_load(snapshot, task->apex, sw_store_key(signers->keep->store), &kept);
	sw_snapshot_close(snapshot); /* what is written meanwhile must not wait for us */
	if (task->kind == SW_SIGN_RENEW)
		return err;
	if (err == 0 || (task->plain != NULL && (err == -ENOENT || err == -EBADMSG)))
		err = make_whole(task, &job, kept);
	sw_contents_free(kept);
	return err;
}

static struct sw_sign_task *task_wait(struct sw_signers *signers)
{
	pthread_mutex_lock(&signers->lock);
	while (signers->first == NULL && !signers->is_stopping)
		pthread_cond_wait(&signers->has_task, &signers->lock);
	struct sw_sign_task *task = signers->is_stopping ? NULL : signers->first;
	if (task != NULL)
		signers->first = task->next;
	pthread_mutex_unlock(&signers->lock);
	return task;
}

static void *signer_run(void *arg)
{
	struct sw_signers *signers = arg;
	for (struct sw_sign_task *task; (task = task_wait(signers)) != NULL;) {
		uint64_t begun_ns = sw_now_ns();
		task->err = task_work(signers, task);
		task->seconds = sw_seconds_since(begun_ns);
		pthread_mutex_lock(&signers->lock);
		task->next = signers->done;
		signers->done = task;
		pthread_mutex_unlock(&signers->lock);
		sw_keep_wake(signers->keep);
	}
	return NULL;
}

int sw_signers_new(struct sw_signers **result, struct sw_keep *keep)
{
	struct sw_signers *signers = calloc(1, sizeof(*signers));
	if (signers == NULL)
		return -ENOMEM;
	signers->keep = keep;
	pthread_mutex_init(&signers->lock, NULL);
	pthread_cond_init(&signers->has_task, NULL);
	*result = signers; /* the threads themselves begin with the first task */
	return 0;
}

void sw_signers_stop(struct sw_signers *signers)
{
	if (signers == NULL)
		return;
	pthread_mutex_lock(&signers->lock);
	__atomic_store_n(&signers->is_stopping, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&signers->has_task);
	pthread_mutex_unlock(&signers->lock);
	while (signers->thread_count > 0)
		pthread_join(signers->threads[--signers->thread_count], NULL);
}

void sw_signers_free(struct sw_signers *signers)
{
	if (signers == NULL)
		return;
	sw_signers_stop(signers);
	struct sw_sign_task *const lists[] = {signers->first, signers->done};
	for (unsigned i = 0; i < 2; i++) {
		for (struct sw_sign_task *task = lists[i], *next; task != NULL; task = next) {
			next = task->next;
			sw_sign_task_free(task);
		}
	}
	pthread_cond_destroy(&signers->has_task);
	pthread_mutex_destroy(&signers->lock);
	free(signers);
}

int sw_signers_post(struct sw_signers *signers, struct sw_sign_task *task)
{
	int err = 0;
	pthread_mutex_lock(&signers->lock);
	while (err == 0 && signers->thread_count < THREADS && !signers->is_stopping) {
		err = -pthread_create(&signers->threads[signers->thread_count], NULL, signer_run, signers);
		signers->thread_count += err == 0;
	}
	if (signers->thread_count > 0)
		err = 0;
	if (err == 0) {
		*(signers->first ? &signers->last->next : &signers->first) = task;
		signers->last = task;
		pthread_cond_signal(&signers->has_task);
	}
	pthread_mutex_unlock(&signers->lock);
	return err;
}

struct sw_sign_task *sw_signers_done(struct sw_signers *signers)
{
	pthread_mutex_lock(&signers->lock);
	struct sw_sign_task *done = signers->done;
	signers->done = NULL;
	pthread_mutex_unlock(&signers->lock);
	return done;
}
