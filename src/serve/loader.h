/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Loads zones on a thread of its own, so that neither answering nor commands wait for it.
 *
 * The only writer of the store and of the control page's identity.
 */
#ifndef SW_SERVE_LOADER_H
#define SW_SERVE_LOADER_H

#include "serve/keep.h"
#include "serve/settings.h"
#include "serve/tcp.h"
#include "serve/zones.h"
#include <jansson.h>

/** Read the configuration again.
 * @param settings  to be freed by the caller; written only on success
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0 or -errno with text in why */
typedef int sw_reread_fn(void *arg, struct sw_settings **settings, char *why);

/** What the loader works on; all of it outlives the loader. */
struct sw_loader_parts {
	struct sw_settings *settings; /* those of the start */
	struct sw_zones *zones;
	struct sw_keep *keep; /* NULL: no zone is live */
	struct sw_control *control;
	struct sw_tcp *tcp;
	struct sw_tls *tls;   /* NULL: there is none */
	sw_reread_fn *reread; /* NULL: the settings of the start are all there is */
	void *reread_arg;
	const bool *is_stopping;
};

struct sw_loader;

/** Start, with the zones of the settings as the first thing to load. @return 0 or -errno */
int sw_loader_new(struct sw_loader **loader, const struct sw_loader_parts *parts);

/** Readable when the first round is over. */
int sw_loader_ready_fd(const struct sw_loader *loader);

/** Queue a reload.
 * @param apex  NULL: read the configuration again and load everything
 * @param reply_fd  gets one line of JSON when it is done, and is closed; -1: nobody waits
 * @return 0 or -ENOMEM; then reply_fd is still the caller's */
int sw_loader_post(struct sw_loader *loader, const uint8_t *apex, int reply_fd);

/** Queue a command that changes zones (serve/zone_orders.h). @param reply_fd  as above */
int sw_loader_order(struct sw_loader *loader, const json_t *order, int reply_fd);

/** Have sw_keep_work() called. Any thread. */
void sw_loader_wake(struct sw_loader *loader);

/** Reloads queued or going on. */
unsigned sw_loader_pending(struct sw_loader *loader);

/** End when the job in hand is done; with `is_stopping` set, after the zone in hand. Takes NULL. */
void sw_loader_free(struct sw_loader *loader);

#endif
