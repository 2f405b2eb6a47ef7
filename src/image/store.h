/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The zones being served, compiled into one answer image. One writer; readers need no lock. */
#ifndef SW_IMAGE_STORE_H
#define SW_IMAGE_STORE_H

#include "image/image.h"
#include "zone/contents.h"
#include "zone/delta.h"
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

/** The same where a version of it is served: that must not go on (RFC 1034 s4.3.5: an expired zone). */
int sw_store_prepare_expired(struct sw_store *store, const uint8_t *apex);

/** Stop serving a zone, a broken one too. @return 0, -ENOENT, -ENOMEM, -ENOSPC */
int sw_store_prepare_removal(struct sw_store *store, const uint8_t *apex);
int sw_store_remove(struct sw_store *store, const uint8_t *apex);

/** The records of a zone as they are now. Both return 0, what `take` returned, or -errno; they are not called
 * from within `take`. */
struct sw_zone_records {
	void *context;
	/** Those of one name. */
	int (*at)(void *context, const uint8_t *owner, sw_record_fn *take, void *arg);
	/** Those of a name and of all names below it, in canonical order of names. */
	int (*below)(void *context, const uint8_t *owner, sw_record_fn *take, void *arg);
};

/** Zones prepared from now on will be changed (or not): they are made for that, which takes memory for each
 * NS, MX and SRV record that points into its own zone. A zone that sw_store_change() was called for once
 * stays one. */
void sw_store_expect_changes(struct sw_store *store, bool is_live);

/** Change a zone where it stands, so that it answers as if it had been put anew: what does not depend on the
 * names is not touched. Readers see each name as it was or as it is, and the new SOA only when all names are
 * new. `records` of names that are not among the changed ones and what depends on them are not asked for.
 *
 * @param names  owners of RRsets added, removed or altered, the apex too where the SOA is another; any case,
 * any order, some more often than once
 * @param records  how the zone is now; `rdata` as for sw_contents_add(), owners in lower case
 * @return 0; or -EAGAIN where sw_store_put() must do it, nothing having changed:
 *         - the zone becomes signed or is so no more, or gets another way to deny, or other NSEC3 parameters;
 *         - its chain is not as a signer makes it: each name with records has an NSEC, or each name an NSEC3,
 *           which tells of a cut, its DS and of a DNAME as there are, but for cuts that opt-out leaves out
 *           right below the apex;
 *         - it is signed with NSEC3, and a cut or DNAME goes above a name that comes, or a name comes below
 * one that comes too and a wildcard stood for both;
 *         - it is signed, and the processor may show readers two stores in another order (image/place.h);
 *         - it was not made for changes: sw_store_expect_changes() (its next version will be);
 *         - a name finds no place in its index, nor in a bigger one;
 *         - replaced pieces and new ones take twice the memory of the zone as it was put, and 1 MiB;
 *         - more than an eighth of the zone, 4 times `count` and 4,096 names depend on the change: a cut with
 * many names below it, a name server that many cuts share; or a DNAME at the apex comes or goes. -ENOENT
 * where the zone is not served, -EINVAL for a name outside it or where it has no SOA now; as sw_store_put(),
 * what `records` returned, then the zone is served as before */
int sw_store_change(struct sw_store *store, const uint8_t *apex, const uint8_t *const *names, size_t count,
	const struct sw_zone_records *records);

/** How many records a zone has now that it has been changed, for sw_store_find(). */
void sw_store_set_records(struct sw_store *store, const uint8_t *apex, uint64_t records);

/** Changes leave readers behind. When these are gone, what they had can be freed, and names changed can have
 * their addresses in their slots, where answers are fastest. A wait takes milliseconds, and other changes
 * need not wait with it: the writer begins it, another thread waits, the writer ends it. Without it later
 * changes see to it when much has come together.
 * @return number of the wait, 0 when nothing waits for readers */
uint64_t sw_store_grace_begin(struct sw_store *store);

/** Any thread. */
void sw_store_grace_wait(const struct sw_store *store);

/** @return whether there is more to do after another wait */
bool sw_store_grace_end(struct sw_store *store, uint64_t grace);

/** All three. */
bool sw_store_settle(struct sw_store *store);

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
