/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Scratch of one packet (one element per CPU in the kernel, one per thread outside): what was asked, where
 * the lookup stands, which parts the reply will have. */
#ifndef SW_ANSWER_WORK_H
#define SW_ANSWER_WORK_H

#include "answer/target.h"
#include "answer/verdict.h"
#include "wire/name.h"

/* buf: the query from 0, then bytes made here (literal records, names come to) */
#define SW_QUERY_MAX 2000u /* longer queries are malformed to us: 255 bytes of name and 1,700 of options */
#define SW_LITERALS 2048u
#define SW_BUF_BYTES 8192u
#define SW_BUF_MASK (SW_BUF_BYTES - 1)
#define SW_BUF_GUARD 64u

#define SW_LINKS_MAX 12 /* CNAME and DNAME steps followed; as many as a 1,232-byte reply mostly holds */
#define SW_PARTS_MAX 32 /* per section; power of two */
_Static_assert(2 * SW_LINKS_MAX + 2 <= SW_PARTS_MAX, "a DNAME step makes two parts");

#define SW_HASH_IN_BYTES 512u /* NSEC3: 255 of name, 32 of salt, padding to blocks of 64 */
#define SW_HASH_IN_MASK (SW_HASH_IN_BYTES - 1)

enum sw_section { SW_ANSWER, SW_AUTHORITY, SW_ADDITIONAL, SW_SECTIONS };

/** How to shrink a part where the whole reply does not fit. */
enum sw_shrink {
	SW_KEEP,
	SW_TO_PLAIN, /* glue: in-domain stays (RFC 9471), that of siblings goes */
	SW_DROP,     /* additional addresses of an answer */
};

/** One piece, or literal bytes, of the reply. */
struct sw_part {
	uint32_t ref; /* piece; 0: literal bytes at buf[source], or the slot's addresses when source is 0 */
	uint16_t base[4]; /* by enum sw_base: message offset that compression pointers count from. SELF is
			   * where the part itself stands; FIRST 0 is the referral's NS RRset; OWNER is less
			   * 12, since owners are stored as if they stood at 12 */
	uint16_t len;
	uint16_t count; /* records */
	uint16_t source;
	uint8_t form;	/* enum sw_form; SW_SIGNATURES */
	uint8_t shrink; /* enum sw_shrink */
};
_Static_assert(sizeof(struct sw_part) == 20, "no padding");

#define SW_SIGNATURES 2 /* form: what the full form has beyond the plain one */

struct sw_work {
	/* asker */
	uint64_t asked[2]; /* kernel: the packet's destination address */
	uint8_t address[16];
	uint8_t address_len;
	uint8_t stream;
	uint16_t idle_ds;
	uint16_t source_port; /* kernel: host order */
	uint8_t ttl;	      /* kernel: as it arrived */
	uint8_t facts;	      /* enum sw_fact, as far as they were looked at */
	uint8_t is_local;     /* kernel: it came over the loopback interface */
	uint8_t truncates;    /* TC=1, whether the answer fits or not */
	uint8_t has_no_data;  /* the zone is ours, and there is no version of it to answer from */
	/* question */
	uint32_t message_len;
	uint32_t question_end;
	uint16_t id; /* as on the wire */
	uint16_t flags;
	uint16_t type;
	uint16_t class;
	/* EDNS */
	uint8_t has_edns;
	uint8_t wants_dnssec;
	uint8_t wants_nsid;
	uint8_t wants_keepalive;
	uint8_t edns_version;
	uint8_t has_cookie;
	uint8_t has_server_cookie; /* of the length of ours */
	uint8_t cookie_is_valid;   /* the server part is ours and fresh */
	uint16_t udp_size;
	uint64_t client_cookie;
	uint64_t server_cookie[2];
	/* name being looked up: at buf[name_at], in the message at owner_at */
	uint32_t name_at;
	uint32_t name_len;
	uint32_t labels;
	uint32_t owner_at;
	uint32_t apex_at;
	uint16_t label_at[SW_LABELS_MAX + 1]; /* in buf */
	uint64_t suffix[SW_LABELS_MAX + 1];   /* hash of the name without its first i labels */
	/* where the lookup stands */
	uint32_t own_zone; /* DS: the zone whose apex is the name, should no zone above be ours */
	uint32_t zone;	   /* reference, 0 before the first; the next fields are copied from it */
	uint32_t apex_labels;
	uint32_t depth_max;
	uint32_t index;
	uint32_t bucket_count;
	uint32_t soa_negative;
	uint32_t denial;
	uint32_t encloser; /* first label of the closest encloser, counted from the left */
	struct sw_slot slot;
	uint32_t by_wildcard;	  /* slot is that of a wildcard which stands for the name */
	uint32_t is_synthesized;  /* a wildcard stands for the name that was asked for */
	uint32_t wildcard_parent; /* node of its parent then, if that has one; else 0 */
	uint32_t prove_below;	/* node of the closest encloser whose next closer name must be denied, or 0 */
	uint32_t next_at;	/* name that a CNAME or DNAME led to, in buf */
	uint32_t next_owner_at; /* the same in the message */
	uint32_t links;
	uint64_t visited[SW_LINKS_MAX + 4];
	volatile uint32_t forgotten; /* see sw_forget() */
	/* reply */
	uint16_t rcode;
	uint16_t is_authoritative;
	uint32_t verdict;
	uint32_t reply_len;
	uint32_t referral_part; /* index of its NS RRset in the authority section */
	uint32_t referral_at;	/* where in the message that stands */
	uint32_t answers_end;	/* where the next answer part will stand */
	uint32_t behind_len;	/* bytes of the parts behind the answer section */
	uint32_t literals;	/* buf used up to here */
	uint32_t options_at;	/* options of the reply's OPT record, in buf */
	uint32_t options_len;
	uint32_t write_at; /* where in the message the next part goes */
	uint32_t part_count[SW_SECTIONS];
	uint32_t records[SW_SECTIONS];
	struct sw_part part[SW_SECTIONS][SW_PARTS_MAX];
	uint32_t is_torn; /* it would take parts of two versions of a zone: to be tried again */
	uint64_t gap_key; /* sought in a tree of gaps */
	uint32_t gap_is_there;
	uint32_t sha_blocks; /* hashed for this query, or about to be */
	uint32_t sha[5];     /* state, then digest */
	uint32_t sha_words[16];
	uint8_t hash_in[SW_HASH_IN_BYTES + 8]; /* name, salt, padding of an NSEC3 hash */
	uint32_t tsig_at;    /* user space: the TSIG record of a key not known, 0 when there is none */
	uint64_t sum;	     /* one's complement sum of the reply so far */
	uint32_t message_at; /* kernel: offset of the DNS message in the packet */
#ifndef SW_BPF
	const struct sw_image_view *view;
	uint8_t *reply;
#endif
	uint8_t buf[SW_BUF_BYTES + SW_BUF_GUARD];
};

/** The same number, of which the verifier knows nothing any more. Behind a loop that is left at any of its
 * turns it would otherwise go on once for each of them; what comes out of a map's memory can be anything. */
SW_INLINE uint32_t sw_forget(struct sw_work *work, uint32_t number)
{
#ifdef SW_BPF
	work->forgotten = number;
	return work->forgotten;
#else
	(void)work;
	return number;
#endif
}

#ifdef SW_BPF

/* One segment; libbpf needs the prototype, the loader puts the real ones into the outer map. Without
 * BPF_F_INNER_MAP the lookup is inlined (a call costs some 10 ns). */
struct sw_segment_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(uint32_t));
	__uint(value_size, SW_SEGMENT_BYTES + SW_SEGMENT_GUARD);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SW_SEGMENTS_MAX);
	__type(key, uint32_t);
	__array(values, struct sw_segment_map);
} sw_segments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, uint32_t);
	__type(value, struct sw_control);
} sw_control_page SEC(".maps");

/** The object at a reference, or NULL. The guard behind a segment makes 8 KiB from here readable. */
SW_INLINE const uint8_t *sw_image_at(const struct sw_work *work, uint32_t ref)
{
	(void)work;
	uint32_t segment = ref >> SW_SEGMENT_SHIFT, zero = 0;
	void *map = bpf_map_lookup_elem(&sw_segments, &segment);
	if (!map)
		return NULL;
	uint8_t *base = bpf_map_lookup_elem(map, &zero);
	if (!base)
		return NULL;
	uint32_t offset = (ref & (SW_SEGMENT_UNITS - 1)) * SW_UNIT;
	return base + offset;
}

SW_INLINE const struct sw_control *sw_control_of(const struct sw_work *work)
{
	(void)work;
	uint32_t zero = 0;
	return bpf_map_lookup_elem(&sw_control_page, &zero);
}

#else

SW_INLINE const uint8_t *sw_image_at(const struct sw_work *work, uint32_t ref)
{
	const uint8_t *base =
		__atomic_load_n(&work->view->segments[ref >> SW_SEGMENT_SHIFT], __ATOMIC_RELAXED);
	return base ? base + (size_t)(ref & (SW_SEGMENT_UNITS - 1)) * SW_UNIT : NULL;
}

SW_INLINE const struct sw_control *sw_control_of(const struct sw_work *work)
{
	return work->view->control;
}

#endif

/* Reading buf: `at` is masked anew each time; a masked one that is kept for the next read may be spilled to
 * the stack, and Linux 6.1 forgets its bound there. */
SW_INLINE uint8_t sw_buf8(const struct sw_work *work, uint32_t at)
{
	sw_opaque(at);
	return work->buf[at & SW_BUF_MASK];
}

SW_INLINE uint16_t sw_buf16(const struct sw_work *work, uint32_t at)
{
	sw_opaque(at);
	return sw_be16(SW_LOAD16(&work->buf[at & SW_BUF_MASK]));
}

/** Eight bytes as they stand. */
SW_INLINE uint64_t sw_buf64(const struct sw_work *work, uint32_t at)
{
	sw_opaque(at);
	return SW_LOAD64(&work->buf[at & SW_BUF_MASK]);
}

/** 1 where a < b, without a branch: the verifier follows one path through a bisection, not 2^turns, and the
 * processor has nothing to mispredict. */
SW_INLINE uint32_t sw_is_less(uint64_t a, uint64_t b)
{
	return (uint32_t)(((~a & b) | (~(a ^ b) & (a - b))) >> 63);
}

/** An interval being bisected: what is sought lies in [low, high). */
struct sw_bisect {
	uint32_t low;
	uint32_t high;
};

SW_INLINE uint32_t sw_bisect_middle(const struct sw_bisect *bisect)
{
	return bisect->low + (bisect->high - bisect->low) / 2;
}

/** Go on above `middle` (is_above 1) or below it (0). */
SW_INLINE void sw_bisect_step(struct sw_bisect *bisect, uint32_t middle, uint32_t is_above)
{
	uint32_t mask = 0 - (is_above & 1);
	bisect->low += (middle + 1 - bisect->low) & mask;
	bisect->high -= (bisect->high - middle) & ~mask;
}

/** Bytes of the name from label i on. */
SW_INLINE uint32_t sw_suffix_len(const struct sw_work *work, uint32_t i)
{
	return work->name_at + work->name_len - work->label_at[i & SW_LABELS_MAX];
}

#endif
