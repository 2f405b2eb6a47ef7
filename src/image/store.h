/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The zones being served, compiled into one answer image. One writer; readers need no lock. */
#ifndef SW_IMAGE_STORE_H
#define SW_IMAGE_STORE_H

#include "image/image.h"
#include "zone/contents.h"
#include <stdbool.h>

/** Where segments come from: plain memory, or BPF maps (xdp/kernel.h). */
struct sw_backing {
	void *context;
	struct sw_control *control;
	/** Make segment `number`: SW_SEGMENT_BYTES + SW_SEGMENT_GUARD of zeros. @return 0 or -errno */
	int (*segment_new)(void *context, uint32_t number, uint8_t **memory);
	/** Let readers see the segments made since the last call. May be NULL. @return 0 or -errno */
	int (*segments_show)(void *context);
	void (*segment_free)(void *context, uint32_t number, uint8_t *memory);
	/** Return when no kernel reader can still hold a reference read before the call. May be NULL. */
	void (*wait_for_readers)(void *context);
};

struct sw_store;

/** @param backing  NULL for plain memory; else copied, and must outlive the store
 * @return 0 or -errno; `store` written only on success */
int sw_store_new(struct sw_store **store, const struct sw_backing *backing);
void sw_store_free(struct sw_store *store);

const struct sw_hash_key *sw_store_key(const struct sw_store *store);
const struct sw_image_view *sw_store_view(const struct sw_store *store);
/** For identity, cookies and clock; the root and the keys are the store's own. */
struct sw_control *sw_store_control(struct sw_store *store);

/** Compile a zone and publish it, replacing the version served so far; readers see the old or the new
 * one, never a mixture. The old version's memory is free for others when this returns.
 *
 * Native readers must be inside rcu_read_lock() (liburcu, memb flavour) while they use the view.
 *
 * @return 0, -ENOMEM, -ENOSPC when the image's address space is full, -E2BIG for an RRset that no message
 *         can hold, -ERANGE for NSEC3 parameters beyond image.h's limits; on error the old version goes on
 *         being served */
int sw_store_put(struct sw_store *store, const struct sw_contents *contents);

/** What an error of loading or storing a zone means to the person who wrote the zone. */
const char *sw_store_error_text(int error);

/** Several changes at once: prepared one by one, published together, after one wait for readers. Starting
 * with 100,000 zones builds the table of zones once. Of a zone prepared more than once the last word counts.
 *
 * @return as sw_store_put(); sw_store_publish() that fails changes nothing and forgets what was prepared */
int sw_store_prepare(struct sw_store *store, const struct sw_contents *contents);
int sw_store_publish(struct sw_store *store);

/** A zone that should be served and cannot: where no version of it is, queries will get SERVFAIL, not
 * REFUSED, which would say that it is not ours. It is not among the zones of sw_store_next() and
 * sw_store_find(). */
int sw_store_prepare_broken(struct sw_store *store, const uint8_t *apex);

/** Stop serving a zone, a broken one too. @return 0, -ENOENT, -ENOMEM, -ENOSPC */
int sw_store_prepare_removal(struct sw_store *store, const uint8_t *apex);
int sw_store_remove(struct sw_store *store, const uint8_t *apex);

struct sw_store_zone {
	const uint8_t *apex;
	uint32_t serial;
	uint64_t names; /* owner names in the index, empty non-terminals too */
	uint64_t records;
	uint64_t image_bytes;
	bool is_signed;
};

/** Walk the zones served, in no particular order. @param position  starts at 0 */
bool sw_store_next(const struct sw_store *store, size_t *position, struct sw_store_zone *zone);
bool sw_store_find(const struct sw_store *store, const uint8_t *apex, struct sw_store_zone *zone);

/** Bytes of segments held. */
uint64_t sw_store_bytes(const struct sw_store *store);

#endif
