/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Keeps the zones that change while they are served: what transfers bring, what updates ask for, what is
 * read from files goes to the archive, to the answer image and to whoever is to be told.
 *
 * All of it on the loader's thread, which is the only writer of the archive and of the image. A change is
 * durable before it is served, and served before it is acknowledged. A whole zone from a primary is served
 * first: it could be fetched again.
 */
#ifndef SW_SERVE_KEEP_H
#define SW_SERVE_KEEP_H

#include "serve/live.h"
#include "serve/roster.h"
#include "serve/secondary.h"
#include "serve/zones.h"

struct sw_keep;

/** How the loader's thread is told that there is work. Any thread; must not block. */
typedef void sw_keep_wake_fn(void *arg);

/** @param state  directory of the archive; NULL: no zone is live
 * @param wake  told when sw_keep_work() has something to do
 * @return 0 or -errno, which is logged */
int sw_keep_new(
	struct sw_keep **keep, struct sw_store *store, const char *state, sw_keep_wake_fn *wake, void *arg);

/** Stop what works in threads of its own. `wake` is not called any more when this returns. Takes NULL. */
void sw_keep_stop(struct sw_keep *keep);

/** After the loader and those who take requests have ended. What was acknowledged is durable. Takes NULL. */
void sw_keep_free(struct sw_keep *keep);

/** For sw_zones_new(). */
struct sw_zone_keeper sw_keep_keeper(struct sw_keep *keep);
void sw_keep_zones(struct sw_keep *keep, struct sw_zones *zones);

/** For who takes requests and commands. NULL without a state directory. */
struct sw_live *sw_keep_live(struct sw_keep *keep);
struct sw_secondary *sw_keep_secondary(struct sw_keep *keep);

/** New settings hold, whose zones have been loaded. They are held. */
void sw_keep_settings(struct sw_keep *keep, struct sw_settings *settings);

/** All zones: those of a configuration that is to hold, and those beyond it. @return to be freed by the
 * caller; NULL when out of memory */
struct sw_settings *sw_keep_roster(struct sw_keep *keep, struct sw_settings *base);

/** Look at the catalogs that have changed. */
void sw_keep_catalogs(struct sw_keep *keep);

/** Add a zone, or remove one that was added; durable and served on return.
 * @param template  and file, NULL: as sw_roster_add()
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0, or -errno with text in why and nothing changed */
int sw_keep_add_zone(
	struct sw_keep *keep, const uint8_t *apex, const char *template, const char *file, char *why);
int sw_keep_remove_zone(struct sw_keep *keep, const uint8_t *apex, char *why);

/** Take nothing new of a zone, until it is to be again. @return 0 or -ENOENT */
int sw_keep_freeze(struct sw_keep *keep, const uint8_t *apex, bool is_frozen);

/** Tell the remotes of a zone of the version there is, as of a new one (RFC 1996). The loader's thread, and
 * so the next.
 * @param serial  of that version
 * @param policy  of the zone: who is told. Both are written on success
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0, or -errno with text in why */
int sw_keep_notify(struct sw_keep *keep, const uint8_t *apex, uint32_t *serial,
	const struct sw_zone_policy **policy, char *why);

/** Sign all of a zone that is signed here, and take no signature over: begun on return, and done by a thread
 * of its own. @return 0, or -errno with text in why */
int sw_keep_sign_anew(struct sw_keep *keep, const uint8_t *apex, char *why);

/** Of the archive. */
const char *sw_keep_directory(const struct sw_keep *keep);

/** For commands: sw_roster_look(). NULL without a state directory. */
struct sw_roster *sw_keep_beyond(struct sw_keep *keep);

/** What has been loaded is served: others are told of the versions that are new. */
void sw_keep_published(struct sw_keep *keep);

/** Have signatures and keys, and catalogs that failed, looked at when it is time. Once a second, any thread;
 * takes NULL. */
void sw_keep_tick(struct sw_keep *keep);

/** Take what has arrived and the updates that wait. The loader's thread. */
void sw_keep_work(struct sw_keep *keep);

#endif
