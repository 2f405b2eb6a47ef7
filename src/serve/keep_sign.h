/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The zones that this server signs, of the loader's thread.
 *
 * What the archive has of such a zone is the signed version: that is what is served and transferred, and what
 * its journal is about. The unsigned one is not kept: it is the signed one without what a signer makes, with
 * the serial that the archive notes as the zone's source. So a crash leaves one version or the other, never
 * two that do not fit. Changes (updates, IXFR, an edited file) are signed where they are made, since that
 * costs what the change costs; a whole zone is signed by threads of its own (keep_sign_task.c), from a
 * snapshot, and what comes of it is taken only if the zone is as it was then.
 */
#ifndef SW_SERVE_KEEP_SIGN_H
#define SW_SERVE_KEEP_SIGN_H

#include "serve/keep_inside.h"
#include "serve/keep_parents.h"
#include "zone/keys.h"
#include "zone/sign.h"
#include <pthread.h>

struct sw_sign_task;

#define SW_SIGN_AT_ONCE_MAX \
	2000 /* records of a zone that is signed while all else waits: a third of a second */

/** One zone. What other threads look at changes under the lock of the keeper's `signs`. */
struct sw_signing {
	uint8_t apex[SW_NAME_MAX];
	struct sw_keys keys;	  /* with their secrets */
	struct sw_keys_plan plan; /* of the version kept, once has_plan */
	bool has_plan;
	bool is_ours;	/* the version kept is signed here: `source` is in the archive */
	bool is_served; /* and the keys know it */
	struct sw_key_next next[SW_KEYS_MAX]; /* of the keys as they were when the zone was last looked at */
	struct sw_archive_source source;
	struct sw_sign_policy made_by; /* the version kept, once has_plan */
	int64_t due_s;		       /* to be looked at, seconds since 1970 */
	int64_t renew_s;	       /* the first signature is to be renewed */
	int64_t turn_s;		       /* the keys change then by themselves; INT64_MAX: they do not */
	uint32_t ttl_max_s;
	bool is_whole_due; /* to be signed as a whole */
	bool is_anew_due;  /* likewise, and no signature is taken over */
	bool is_contended; /* a task was in vain, since the zone changed meanwhile: it stays as it is now */
	struct sw_contents *plain; /* unsigned version that is to be signed as a whole; NULL: the one kept */
	struct sw_sign_task *task; /* going on */
	struct sw_delivery *taken; /* the transfer that is being signed */
	struct sw_delivery *waiting;		     /* the next one */
	struct sw_update_request *held, **held_last; /* until the task is done */
	char why[SW_KEYS_WHY_MAX];		     /* what went wrong last, or "" */
	struct sw_parent_watch parents;
};

/** What was asked for by command, to be done on the loader's thread. */
enum sw_key_wish { SW_KEY_WISH_ROLL, SW_KEY_WISH_DS_SEEN, SW_KEY_WISH_DS_GONE };

struct sw_key_request {
	struct sw_key_request *next;
	enum sw_key_wish wish;
	uint8_t apex[SW_NAME_MAX];
	enum sw_key_role role;	/* to roll */
	char id[SW_KEY_ID_MAX]; /* of the key whose DS was seen; "": the one that is waited for */
	int reply_fd;
};

struct sw_signers;

struct sw_signs {
	struct sw_signing **zones; /* sorted by name */
	size_t count, size;
	pthread_mutex_t lock;
	int64_t due_s; /* atomic: none is to be looked at before */
	char *state;   /* directory */
	struct sw_signers *signers;
	struct sw_key_request *first, **last; /* under keep->lock */
	struct sw_inquiry *inquiries;	      /* that are done; the same */
	struct sw_parent_counts parent_counts;
};

/* ---- keep_sign.c: the list, and when what is to be done ---- */

int sw_keep_sign_new(struct sw_keep *keep, const char *state);
void sw_keep_sign_stop(struct sw_keep *keep);
void sw_keep_sign_free(struct sw_keep *keep);

/** @return NULL for a zone that is neither signed here nor to be */
struct sw_signing *sw_keep_signing(struct sw_keep *keep, const uint8_t *apex);

/** Have a zone looked at then. The loader's thread. */
static inline void sw_keep_sign_due(struct sw_keep *keep, struct sw_signing *signing, int64_t due_s)
{
	signing->due_s = due_s;
	if (due_s < keep->signs->due_s)
		__atomic_store_n(&keep->signs->due_s, due_s, __ATOMIC_RELEASE);
}

/** How a zone is signed; where nothing is told of it, how it is left. Never NULL. */
const struct sw_dnssec_policy *sw_keep_dnssec(const struct sw_zone_setting *setting);

/** Whether the zone waits for its DS to be removed. */
bool sw_keep_awaits_removal(const struct sw_signing *signing);

/** Whether it is signed here, or to be. */
bool sw_keep_signs(struct sw_keep *keep, const struct sw_zone_setting *setting);

/** The entry of a zone, made where there is none. @return 0 or -errno, which is logged */
int sw_keep_sign_open(
	struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing **signing);
void sw_keep_sign_forget(struct sw_keep *keep, const uint8_t *apex);

/** Have the keys that the zone needs, and say what each does now. @return 0 or -errno, which is logged */
int sw_keep_sign_plan(struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy,
	struct sw_keys_plan *plan);

/** The keys have changed. @return 0 or -errno, which is logged */
int sw_keep_sign_save(
	struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy);

/** Delete the keys of a zone. @return 0 or -errno, which is logged */
int sw_keep_sign_delete_keys(
	struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy);

/** Where the keys are. */
void sw_keep_key_directory(
	const struct sw_keep *keep, const struct sw_dnssec_policy *policy, char *path, size_t size);

void sw_keep_sign_settings(struct sw_keep *keep);

/** Do what is due. */
void sw_keep_sign_turn(struct sw_keep *keep);

/** Whether no primary has confirmed what is kept for too long: signing it anew must not serve it again. */
bool sw_keep_sign_has_expired(struct sw_keep *keep, const struct sw_zone_setting *setting);

/** What went wrong: into the log, and for who looks at the zone. */
void sw_keep_sign_fault(struct sw_keep *keep, struct sw_signing *signing, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- keep_sign_load.c ---- */

/** As sw_zone_keeper.load, of a zone that is signed here and has a file. */
int sw_keep_sign_load(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_findings *findings, struct sw_contents **contents);

/** Whether the version kept is known to be signed as the settings say, so that it need not be looked at. */
bool sw_keep_sign_is_current(struct sw_keep *keep, const struct sw_zone_setting *setting);

/** The version kept has been read. */
void sw_keep_sign_look(struct sw_keep *keep, struct sw_signing *signing,
	const struct sw_zone_setting *setting, const struct sw_contents *contents);

/* ---- keep_sign_change.c: versions into the archive ---- */

/** Which serial the next version of what is kept gets: the one wanted, if that is newer. */
static inline uint32_t sw_keep_sign_serial(uint32_t kept, uint32_t wanted)
{
	return sw_serial_is_newer(wanted, kept) ? wanted : kept + 1;
}

/** A version in the archive, in place of the one kept. */
struct sw_signed_version {
	struct sw_delta delta; /* what is new in it, where is_whole is false */
	bool is_whole;
};

/** Sign a change of the unsigned zone, and write it.
 * @param source_serial  of the unsigned zone after it
 * @param may_be_whole  where the zone has to be signed as a whole for it, do so, however big it is
 * @param version  zeros; its delta to be freed
 * @return 0 or -errno; then nothing was written */
int sw_keep_sign_change(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, const struct sw_delta *change, uint32_t source_serial, bool may_be_whole,
	struct sw_signed_version *version);

/** Write a version that is signed already. As above. */
int sw_keep_sign_put(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing,
	const struct sw_contents *made, uint32_t source_serial, struct sw_signed_version *version);

/** Sign a whole unsigned version here and now. @param made  to be freed */
int sw_keep_sign_now(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing,
	const struct sw_contents *plain, struct sw_contents **made);

void sw_keep_sign_job(
	struct sw_signing *signing, const struct sw_dnssec_policy *policy, struct sw_sign_job *job);

/** What the archive notes of how a zone denies. */
uint32_t sw_keep_sign_chain(const struct sw_dnssec_policy *policy);

/** Changes from a primary, which become those of the signed zone.
 * @param is_whole  whether it has to be served anew as a whole
 * @return as sw_keep_changes() */
int sw_keep_sign_transfer(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, struct sw_delivery *delivery, bool *is_whole);

/* ---- keep_sign_take.c: tasks for threads of their own ---- */

enum sw_sign_kind { SW_SIGN_WHOLE, SW_SIGN_RENEW, SW_SIGN_UNDO };

/** Have it done by a thread of its own. @return 0 or -errno */
int sw_keep_sign_begin(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, enum sw_sign_kind kind, const struct sw_keys_plan *plan);

/** Take what has been done. */
void sw_keep_sign_take(struct sw_keep *keep);

/** Take a transfer that has to wait, or to be signed as a whole. @return whether it did; then the contents
 * and changes of the delivery are gone */
bool sw_keep_sign_delivery(
	struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_delivery *delivery);

/** Whether changes of the zone have to wait. */
bool sw_keep_sign_is_busy(const struct sw_signing *signing);

void sw_keep_sign_hold(struct sw_signing *signing, struct sw_update_request *request);

/* ---- keep_sign_task.c: those threads ---- */

int sw_signers_new(struct sw_signers **signers, struct sw_keep *keep);
void sw_signers_stop(struct sw_signers *signers);
void sw_signers_free(struct sw_signers *signers);

#endif
