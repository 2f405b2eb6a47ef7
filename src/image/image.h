/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The answer image: what the answer path reads, in the kernel and in user space.
 *
 * Workload: at a random name, one cache miss costs more than everything else (some 90 ns against 80 ns of
 * parsing and writing), so the layout is made to miss once: the index slot of a name is half a cache line
 * and carries the answer itself where that is short, or the references a referral needs.
 *
 * Memory is a sequence of segments of 4 MiB, each an mmap-able BPF array of one element (plain memory
 * where there is no BPF). A reference counts units of 16 bytes; its high bits choose the segment. 0 is
 * "none". No object crosses the end of a segment, except bucket arrays and the table of zones, whose elements
 * divide it and whose segments have consecutive numbers. Behind each segment lies a guard of zeros, so a
 * bounded read from any reference needs no further check.
 *
 * Readers never lock. A zone is compiled aside and published by storing one aligned 32-bit word; names of it
 * can change where they stand (image/place.h).
 */
#ifndef SW_IMAGE_IMAGE_H
#define SW_IMAGE_IMAGE_H

#include "image/lanes.h"
#include "wire/hash.h"
#include <stdint.h>

#define SW_IMAGE_VERSION 3
#define SW_SEGMENT_BYTES (4u << 20)
#define SW_SEGMENT_GUARD 8192u
#define SW_SEGMENTS_MAX 16384u
#define SW_UNIT 16u
#define SW_SEGMENT_UNITS (SW_SEGMENT_BYTES / SW_UNIT)
#define SW_SEGMENT_SHIFT 18
_Static_assert(SW_SEGMENT_UNITS == 1u << SW_SEGMENT_SHIFT, "the high bits of a reference are the segment");

/* ---- index of one zone: buckets of one cache line, two candidates a name ---- */

enum sw_slot_kind {
	SW_SLOT_FREE = 0,
	SW_SLOT_NAME = 1, /* authoritative name, empty non-terminals too */
	SW_SLOT_CUT = 2,  /* zone cut; names below it are not in the index */
};

enum sw_slot_flag {
	SW_SLOT_WILDCARD = 1, /* "*" below this name exists */
	SW_SLOT_CNAME = 2,
	SW_SLOT_DNAME = 4,
};

#define SW_SLOT_ADDRESSES 3

/** One owner name. */
struct sw_slot {
	uint64_t hash;
	uint8_t kind;
	uint8_t flags;
	uint8_t inline_count; /* NAME: the A RRset is here, so many addresses */
	uint8_t overflow;     /* slot 0 of a bucket: a name that belonged here lives in its second bucket */
	union {
		struct {
			uint32_t node; /* struct sw_image_node, 0 where the inline RRset is all there is */
			uint32_t ttl;  /* network order */
			uint32_t address[SW_SLOT_ADDRESSES]; /* network order */
		} name;
		struct {
			uint32_t ns;	   /* piece: NS RRset */
			uint32_t glue;	   /* piece: plain = in-domain glue, full = with that of siblings */
			uint32_t ds;	   /* piece: DS RRset */
			uint32_t proof[2]; /* pieces: there is no DS (NSEC; NSEC3: closest encloser, opt-out
					      cover); SW_DENIAL_HASHED: the name's hash, high half first */
		} cut;
	};
};
_Static_assert(sizeof(struct sw_slot) == 32, "two to a cache line");

#define SW_BUCKET_SLOTS 2

/** First and second bucket of a hash. */
static inline uint32_t sw_bucket_first(uint64_t hash, uint32_t bucket_count)
{
	return (uint32_t)(((hash >> 32) * bucket_count) >> 32);
}

static inline uint32_t sw_bucket_second(uint64_t hash, uint32_t bucket_count)
{
	return (uint32_t)(((hash & 0xffffffff) * bucket_count) >> 32);
}

/* ---- nodes and pieces ---- */

/** What a name has; followed by type_count entries in ascending order of type. */
struct sw_image_node {
	uint16_t type_count;
	uint16_t reserved;
	uint32_t any; /* piece that answers ANY (RFC 8482 s4.1), 0 when there is none */
	union {
		struct {
			uint32_t denial[2]; /* pieces for NODATA: own NSEC or NSEC3; of an empty non-terminal
					     * the covering NSEC; under opt-out closest provable encloser and
					     * cover */
			uint32_t wildcard_denial; /* piece: "*" below this name does not exist */
			uint32_t gaps; /* NSEC: struct sw_gap_page over the children, in canonical order */
			uint32_t wildcard; /* NSEC: copy of the slot of "*" below this name, so that what
					    * proves with it is of one version (image/change.h); 0 where there
					    * is none */
			uint32_t closest_provable; /* NSEC3: 1 when denial[0] matches this very name */
		};
		struct {			/* SW_DENIAL_HASHED */
			uint64_t own_hash;	/* first eight bytes, as a big-endian number */
			uint64_t wildcard_hash; /* of "*" below this name; 0 where that is too long */
			uint32_t types_mark;	/* as the `extra` of its NSEC3 */
			uint32_t reserved_hashed;
		};
	};
};
_Static_assert(sizeof(struct sw_image_node) == 32, "two units");

struct sw_type_entry {
	uint16_t type;
	uint16_t reserved;
	uint32_t piece;
};

/** NSEC: behind a child's subtree and before the next child, `denial` is the covering NSEC. NSEC3: from a
 * hash on to the next. */
struct sw_gap {
	uint64_t prefix; /* first eight bytes of the lower-cased label, or of the hash, as a big-endian
			  * number; zero-padded */
	uint32_t label;	 /* length byte and lower-cased label, zero-padded to units; NSEC3: 0 */
	uint32_t denial; /* piece; of an inner page, the page that begins with this label */
};
_Static_assert(sizeof(struct sw_gap) == 16, "one unit");

/** Page of a tree of gaps (image/gaps.h); followed by `count` of them, at least one. */
struct sw_gap_page {
	uint16_t count;
	uint16_t room; /* for so many there is memory */
	uint16_t is_inner;
	uint16_t reserved;
	uint64_t stamp; /* of the change that made it; for changes alone */
};
_Static_assert(sizeof(struct sw_gap_page) == 16, "one unit");

#define SW_GAPS_MAX 127	    /* of a page, which then is 2 KiB */
#define SW_GAP_LEVELS_MAX 6 /* pages have 31 at least, but the last of a level: 2^29 names */

/** One RRset as it stands in a reply: records first ("plain"), their RRSIGs behind ("full").
 *
 * Header, then reloc_count[1] 16-bit positions, then len[1] bytes. At each position (from the start of
 * the bytes) stands a compression pointer to complete: its two high bits say relative to what (enum
 * sw_base), the others how far. Sums are folded 16-bit one's complement sums of the bytes as they stand.
 */
struct sw_piece {
	uint16_t len[2];
	uint16_t sum[2];
	uint16_t count[2]; /* records */
	uint16_t reloc_count[2];
	uint32_t extra; /* NS, MX, SRV: piece of additional addresses; CNAME, DNAME: target name in wire
			   format; NSEC3: which types it tells of (sw_nsec3_mark() in image/nsec3.h) */
	uint32_t ttl;	/* of the RRset, host order */
};
_Static_assert(sizeof(struct sw_piece) == 24, "shared with BPF");

enum sw_form { SW_PLAIN = 0, SW_FULL = 1 };

enum sw_base {
	SW_BASE_FIRST = 0, /* the piece this one is extra to */
	SW_BASE_SELF = 1,  /* this piece */
	SW_BASE_APEX = 2,  /* the zone's apex, wherever in the message it stands */
	SW_BASE_OWNER = 3, /* the owner name; stored as if it stood at offset 12, mostly true */
};

/* ---- zones ---- */

enum sw_denial_kind {
	SW_DENIAL_NONE = 0,
	SW_DENIAL_NSEC = 1,
	SW_DENIAL_NSEC3 = 2,  /* with opt-out: nodes refer to the NSEC3 that prove what they deny */
	SW_DENIAL_HASHED = 3, /* each name has an NSEC3: nodes have the hashes by which these are found, so
			       * that they stay when the chain changes around them */
};
/* in an NSEC3's mark */
#define SW_NSEC3_HAS_DS 1
#define SW_NSEC3_IS_CUT 2 /* NS and no SOA */
#define SW_NSEC3_HAS_DNAME 4
#define SW_NSEC3_FLAGS (SW_NSEC3_HAS_DS | SW_NSEC3_IS_CUT | SW_NSEC3_HAS_DNAME)

#define SW_NSEC3_SALT_MAX 32	    /* bytes; zones with a longer salt are not taken */
#define SW_NSEC3_ITERATIONS_MAX 150 /* as many as resolvers take as secure at most */

struct sw_image_zone {
	struct sw_slot apex; /* copy of the apex's slot */
	uint32_t index;	     /* bucket 0 */
	uint32_t bucket_count;
	uint32_t soa_negative; /* piece: SOA with the TTL of negative answers (RFC 2308 s5); 0 in a zone that
				* could not be loaded: SERVFAIL */
	uint8_t apex_len;
	uint8_t apex_labels;
	uint8_t depth_max;   /* labels below the apex of the deepest name in the index */
	uint8_t denial;	     /* enum sw_denial_kind */
	uint32_t nsec3;	     /* struct sw_gap_page: by hash */
	uint32_t nsec3_last; /* piece: the last of the chain covers what comes before the first */
	uint32_t nsec3_count;
	uint8_t reserved;
	uint8_t nsec3_salt_len;
	uint16_t nsec3_iterations;
	uint8_t nsec3_salt[SW_NSEC3_SALT_MAX];
};
_Static_assert(sizeof(struct sw_image_zone) % SW_UNIT == 0, "whole units");

/** Table of zones: open addressing by apex hash, linear probing, at most half full. */
struct sw_zone_entry {
	uint64_t hash;
	uint32_t zone; /* struct sw_image_zone; 0 is a free entry */
	uint32_t reserved;
};
_Static_assert(sizeof(struct sw_zone_entry) == 16, "one unit");

#define SW_ZONE_PROBES 64 /* longest run of taken entries; the builder makes the table bigger instead */

struct sw_root {
	uint32_t zones;	    /* struct sw_zone_entry array */
	uint32_t zone_mask; /* entries - 1 */
	uint32_t depth_count;
	uint32_t depth_max;  /* labels of the deepest name in any zone's index */
	uint8_t depths[128]; /* label counts at which there are apexes, descending */
};

/* ---- the control page: one mmap-able BPF array element ---- */

struct sw_service {
	uint8_t address[16]; /* IPv4 in the first four bytes */
	uint16_t port;	     /* network order */
	uint8_t address_len; /* 4 or 16; 0 is a free entry */
	uint8_t traits;	     /* SW_SERVICE_* */
};
#define SW_SERVICE_DEDICATED \
	1		   /* the address only serves DNS (docs/decisions/007-an-address-for-dns-alone.md) */
#define SW_SERVICE_TCP 2   /* the port is for TCP alone, as that of DNS over TLS */
#define SW_SERVICES_MAX 64 /* power of two */

/** A network in which nothing is used but the addresses of services and of this machine. */
struct sw_range {
	uint64_t address[2]; /* as on the wire; IPv4 in the first four bytes */
	uint64_t mask[2];
	uint32_t address_len; /* 4 or 16 */
	uint32_t reserved;
};
#define SW_RANGES_MAX 8

#define SW_NSID_MAX 128
#define SW_CHAOS_TEXT_MAX 255
enum sw_chaos { SW_CHAOS_ID, SW_CHAOS_VERSION, SW_CHAOS_COUNT };
#define SW_CHAOS_LABELS 2
#define SW_CHAOS_NAMES 4 /* id.server hostname.bind; version.server version.bind */

struct sw_control {
	uint32_t version;     /* SW_IMAGE_VERSION */
	uint32_t active_root; /* which of root[] readers use */
	struct sw_root root[2];
	struct sw_hash_key key;
	uint64_t star_hash; /* of the label "*" */
	/* identity */
	uint64_t chaos_hash[SW_CHAOS_NAMES];
	uint8_t chaos_len[SW_CHAOS_COUNT]; /* 0: refused */
	uint8_t nsid_len;		   /* 0: off */
	uint8_t cookies;		   /* 1: make and check DNS cookies */
	uint16_t udp_max;		   /* largest UDP reply, bytes */
	uint16_t service_count;
	uint8_t punts_requests; /* 1: user space takes NOTIFY and UPDATE; 0: they are NOTIMP */
	uint8_t reserved[7];
	uint8_t nsid[SW_NSID_MAX];
	uint8_t chaos_text[SW_CHAOS_COUNT][SW_CHAOS_TEXT_MAX + 1];
	/* cookies (RFC 9018): current and previous secret */
	uint64_t cookie_key[2][2];
	/* clock: seconds since 1970 = clock_fixed, or the coarse monotonic clock + clock_offset */
	uint32_t clock_fixed;
	uint32_t clock_offset;
	struct sw_service service[SW_SERVICES_MAX];
	/* gate */
	struct sw_range range[SW_RANGES_MAX];
	uint32_t range_count;
	uint32_t syn_budget;	   /* SYNs in 100 ms on one core; beyond, they are answered with cookies */
	uint32_t syncookies_ready; /* 1: listeners take cookies made in XDP (xdp/syncookies.h) */
	uint32_t reserved_gate;
	uint64_t void_ns; /* CLOCK_MONOTONIC: from then on the kernel part leaves all to the stack, since
			   * nobody has kept it for so long; 0: its links go with the process */
	struct sw_orders orders; /* of the guard */
};

/** What the native answer path reads: the same memory as the kernel's. */
struct sw_image_view {
	const struct sw_control *control;
	uint8_t *const *segments; /* SW_SEGMENTS_MAX entries, NULL where there is none */
};

#endif
