/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which names of a zone have pieces that hold the addresses of which hosts: the owners of NS, MX and SRV
 * records, by target. For hosts that are not there yet, too. */
#ifndef SW_IMAGE_DEPEND_H
#define SW_IMAGE_DEPEND_H

#include "wire/message.h"
#include "wire/name.h"

/** The host that a record points to, whose addresses go along with it (RFC 1035 s3.3.11, s3.3.9; RFC 2782),
 * or NULL.
 * @param rdata  names uncompressed */
static inline const uint8_t *sw_depends_host(uint16_t type, const uint8_t *rdata)
{
	switch (type) {
	case SW_TYPE_NS:
		return rdata;
	case SW_TYPE_MX:
		return rdata + 2;
	case SW_TYPE_SRV:
		return rdata + 6;
	default:
		return NULL;
	}
}

struct sw_depends;

/** @return NULL when out of memory */
struct sw_depends *sw_depends_new(void);
void sw_depends_free(struct sw_depends *depends);

/** An owner's records point to a target; hashes are those of the names. @return 0 or -ENOMEM */
int sw_depends_add(
	struct sw_depends *depends, uint64_t owner_hash, const uint8_t *owner, uint64_t target_hash);

/** Forget what an owner depends on. */
void sw_depends_clear(struct sw_depends *depends, uint64_t owner_hash);

/** Called for each owner; not 0 ends it. */
typedef int sw_depends_fn(void *arg, const uint8_t *owner);

/** Owners that depend on a target; one may come more than once. @return 0 or what `take` returned */
int sw_depends_each(const struct sw_depends *depends, uint64_t target_hash, sw_depends_fn *take, void *arg);

#endif
