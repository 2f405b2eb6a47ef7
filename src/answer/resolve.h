/* SPDX-License-Identifier: GPL-3.0-or-later */
/** From the question to the parts of the reply: the algorithm of RFC 1034 s4.3.2 as refined by RFC 4592
 * (wildcards), RFC 6672 (DNAME) and RFC 4035 s3.1 (DNSSEC). */
#ifndef SW_ANSWER_RESOLVE_H
#define SW_ANSWER_RESOLVE_H

#include "answer/chaos.h"
#include "answer/lookup.h"
#include "answer/proof.h"
#include "answer/query.h"

#define SW_RDATA_AT 12 /* in a record whose owner is a pointer: owner, type, class, TTL, length */

enum sw_step { SW_STEP_DONE = 0, SW_STEP_AGAIN = 1 /* a CNAME or DNAME led to another name */ };

SW_INLINE int sw_step_end(struct sw_work *work, enum sw_verdict verdict)
{
	work->verdict = verdict;
	return SW_STEP_DONE;
}

SW_INLINE void sw_authoritative(struct sw_work *work)
{
	if (work->links == 0)
		work->is_authoritative = 1; /* RFC 1035 s4.1.1: for the name that was asked for */
}

/** SOA in the authority section. */
SW_INLINE void sw_add_soa(struct sw_work *work)
{
	sw_part_put(work, SW_AUTHORITY, work->soa_negative, work->wants_dnssec ? SW_FULL : SW_PLAIN,
		work->apex_at);
}

/** At or below a zone cut: NS, then DS or the proof that there is none, then glue. */
SW_INLINE int sw_refer(struct sw_work *work, uint32_t cut_label)
{
	uint32_t owner = sw_suffix_at(work, sw_suffix_len(work, cut_label));
	uint32_t ds = work->slot.cut.ds, glue = work->slot.cut.glue, ns = work->slot.cut.ns;
	const struct sw_piece *piece = (const void *)sw_image_at(work, ns);
	if (!piece)
		return SW_STEP_DONE;
	uint32_t extra = piece->extra;
	work->referral_part = work->part_count[SW_AUTHORITY]; /* a wildcard's proof may stand before it */
	sw_part_put(work, SW_AUTHORITY, ns, SW_PLAIN, owner);
	if (work->wants_dnssec && ds)
		sw_part_add(work, SW_AUTHORITY, ds, SW_FULL, owner);
	if (work->wants_dnssec && !ds)
		sw_prove_no_ds(work, owner);
	if (glue)
		sw_part_add(work, SW_ADDITIONAL, glue, SW_FULL | SW_TO_PLAIN << 8, owner);
	if (extra)
		sw_part_add(work, SW_ADDITIONAL, extra,
			(work->wants_dnssec ? SW_FULL : SW_PLAIN) | SW_DROP << 8, owner);
	return sw_step_end(work, SW_VERDICT_REFERRAL);
}

/** DS asked for at a zone cut: the parent's to answer (RFC 4035 s3.1.4.1). */
SW_FN int sw_answer_ds(struct sw_work *work)
{
	if (!work)
		return SW_STEP_DONE;
	uint32_t form = work->wants_dnssec ? SW_FULL : SW_PLAIN;
	sw_authoritative(work);
	if (work->slot.cut.ds) {
		sw_part_add(work, SW_ANSWER, work->slot.cut.ds, form, work->owner_at);
		return sw_step_end(work, SW_VERDICT_ANSWERED);
	}
	sw_add_soa(work);
	if (work->wants_dnssec)
		sw_prove_no_ds(work, work->apex_at);
	return sw_step_end(work, SW_VERDICT_NODATA);
}

/** The name does not exist (work->slot is its closest encloser), or it does, or a wildcard stands for it, but
 * not with this type. */
SW_INLINE int sw_deny(struct sw_work *work, enum sw_verdict verdict)
{
	sw_authoritative(work);
	sw_add_soa(work);
	if (work->wants_dnssec && work->denial != SW_DENIAL_NONE) {
		if (verdict == SW_VERDICT_NXDOMAIN)
			sw_prove_no_name(work);
		else
			sw_prove_no_type(work);
	}
	return sw_step_end(work, verdict);
}

/** An RRset as the answer, with what goes along. */
SW_INLINE int sw_answer_piece(struct sw_work *work, uint32_t ref, uint32_t form)
{
	const struct sw_piece *piece = (const void *)sw_image_at(work, ref);
	if (!piece)
		return SW_STEP_DONE;
	/* the DNAME asked for, or that stands for any type, or its signatures, led back to itself */
	uint32_t is_whole = form != SW_SIGNATURES || work->wants_dnssec;
	if (work->links > 0 && is_whole && !work->by_wildcard && sw_part_has(work, SW_ANSWER, ref))
		return sw_step_end(work, SW_VERDICT_ANSWERED);
	/* signatures behind records that no UDP reply holds: the kernel does not reach over those */
	if (form == SW_SIGNATURES && !work->stream && piece->len[SW_PLAIN] > SW_SKIP_MAX)
		return sw_step_end(work, SW_VERDICT_TRUNCATED);
	uint32_t extra = piece->extra;
	int at = sw_part_put(work, SW_ANSWER, ref, form, work->owner_at);
	int has_addresses = work->type == SW_TYPE_NS || work->type == SW_TYPE_MX || work->type == SW_TYPE_SRV;
	if (extra && at > 0 && has_addresses) {
		uint32_t index = work->part_count[SW_ADDITIONAL] & (SW_PARTS_MAX - 1);
		sw_part_add(work, SW_ADDITIONAL, extra, form | SW_DROP << 8, work->owner_at);
		work->part[SW_ADDITIONAL][index].base[SW_BASE_FIRST] = (uint16_t)at;
	}
	if (work->wants_dnssec)
		work->prove_below = work->wildcard_parent;
	return sw_step_end(work, SW_VERDICT_ANSWERED);
}

/** Go on with the name that a CNAME or DNAME led to. Stops where the chain comes back to a name it has been
 * at, and after SW_LINKS_MAX steps: what there is so far is the answer. */
SW_FN int sw_chain(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return SW_STEP_DONE;
	uint32_t links = work->links;
	uint64_t was = sw_name_mark(work);
	if (links >= SW_LINKS_MAX || sw_name_read(work, control, work->next_at, SW_BUF_BYTES) < 0)
		return SW_STEP_DONE;
	work->visited[links & 15] = was;
	work->links = links + 1;
	work->owner_at = work->next_owner_at;
	uint64_t now = sw_name_mark(work);
	for (uint32_t i = 0; i < SW_LINKS_MAX; i++) {
		if (i > links)
			break;
		if (work->visited[i] == now)
			return SW_STEP_DONE;
	}
	return SW_STEP_AGAIN;
}

/** Copy a name of the image to buf[at]. */
SW_FN int sw_name_copy(struct sw_work *work, uint32_t at, uint32_t ref)
{
	const uint8_t *from = work ? sw_image_at(work, ref) : NULL;
	if (!from)
		return -1;
	for (uint32_t i = 0; i < SW_NAME_MAX + 1; i += 8)
		sw_literal64(work, at + i, SW_LOAD64(from + i));
	return 0;
}

/** A CNAME: add it and go on with its target. */
SW_FN int sw_follow_cname(struct sw_work *work)
{
	if (!work)
		return SW_STEP_DONE;
	uint32_t ref = sw_type_find(work, work->slot.name.node, SW_TYPE_CNAME);
	const struct sw_piece *piece = (const void *)sw_image_at(work, ref);
	if (!piece || ref == 0)
		return sw_step_end(work, SW_VERDICT_SERVFAIL);
	uint32_t target = piece->extra, name_at = sw_literal_take(work, SW_NAME_MAX + 1);
	int at = sw_part_add(work, SW_ANSWER, ref, work->wants_dnssec ? SW_FULL : SW_PLAIN, work->owner_at);
	if (work->wants_dnssec)
		work->prove_below = work->wildcard_parent;
	sw_authoritative(work);
	work->verdict = SW_VERDICT_ANSWERED;
	if (at < 0 || name_at == 0 || target == 0 || sw_name_copy(work, name_at, target))
		return SW_STEP_DONE;
	work->next_at = name_at;
	work->next_owner_at = (uint32_t)at + SW_RDATA_AT;
	return SW_STEP_AGAIN;
}

/** The CNAME that a DNAME stands for: from the current name to its first `prefix_len` bytes and the target.
 */
SW_FN int sw_make_cname(
	struct sw_work *work, uint32_t target, uint32_t prefix_len, uint32_t target_len, uint32_t ttl)
{
	if (!work)
		return SW_STEP_DONE;
	uint32_t at = sw_literal_take(work, SW_RDATA_AT + 2 * (SW_NAME_MAX + 1) + 8);
	uint32_t name_at = at + SW_RDATA_AT, from = work->name_at;
	work->verdict = SW_VERDICT_ANSWERED;
	if (at == 0)
		return sw_step_end(work, SW_VERDICT_TRUNCATED);
	for (uint32_t i = 0; i < SW_NAME_MAX + 1; i += 8) {
		if (i >= prefix_len)
			break;
		sw_literal64(work, name_at + i, sw_buf64(work, from + i));
	}
	if (sw_name_copy(work, name_at + prefix_len, target))
		return SW_STEP_DONE;
	sw_literal16(work, at, SW_POINTER | work->owner_at);
	sw_literal16(work, at + 2, SW_TYPE_CNAME);
	sw_literal16(work, at + 4, SW_CLASS_IN);
	sw_literal32(work, at + 6, ttl);
	sw_literal16(work, at + 10, prefix_len + target_len);
	work->next_at = name_at;
	work->next_owner_at = work->answers_end + SW_RDATA_AT;
	work->literals = name_at + prefix_len + target_len; /* the rest is not needed */
	sw_literal_put(work, at, SW_RDATA_AT + prefix_len + target_len, 1);
	return work->type == SW_TYPE_CNAME ? SW_STEP_DONE : SW_STEP_AGAIN; /* RFC 6672 s3.2 */
}

/** A DNAME above the name: add it, make the CNAME, go on with its target (RFC 6672 s3.2).
 * @param label  first label of the DNAME's owner */
SW_FN int sw_follow_dname(struct sw_work *work, uint32_t label)
{
	if (!work)
		return SW_STEP_DONE;
	uint32_t ref = sw_type_find(work, work->slot.name.node, SW_TYPE_DNAME);
	const struct sw_piece *piece = (const void *)sw_image_at(work, ref);
	if (!piece || ref == 0)
		return sw_step_end(work, SW_VERDICT_SERVFAIL);
	uint32_t target = piece->extra, ttl = piece->ttl;
	uint32_t target_len =
		(uint32_t)piece->len[SW_PLAIN] - SW_RDATA_AT; /* never compressed, RFC 6672 s2.5 */
	uint32_t prefix_len = work->label_at[label & SW_LABELS_MAX] - work->name_at;
	uint32_t owner = sw_suffix_at(work, sw_suffix_len(work, label));
	if (!sw_part_has(work, SW_ANSWER, ref)) /* a chain can come through the same DNAME again */
		sw_part_add(work, SW_ANSWER, ref, work->wants_dnssec ? SW_FULL : SW_PLAIN, owner);
	sw_authoritative(work);
	if (prefix_len + target_len > SW_NAME_MAX) {
		work->rcode = SW_RCODE_YXDOMAIN;
		return sw_step_end(work, SW_VERDICT_YXDOMAIN);
	}
	return sw_make_cname(work, target, prefix_len, target_len, ttl);
}

/** The piece that answers a type: for ANY one RRset (RFC 8482 s4.1), for RRSIG the one whose signatures are
 * given. @return reference, or 0 */
SW_INLINE uint32_t sw_node_piece(struct sw_work *work, uint32_t node, uint32_t type)
{
	if (type != SW_TYPE_ANY && type != SW_TYPE_RRSIG)
		return sw_type_look(work, node, type);
	const struct sw_image_node *head = (const void *)sw_image_at(work, node);
	uint32_t any = head ? head->any : 0;
	const struct sw_piece *piece = any ? (const void *)sw_image_at(work, any) : NULL;
	if (!piece || (type == SW_TYPE_RRSIG && piece->count[SW_FULL] == piece->count[SW_PLAIN]))
		return 0;
	return any;
}

/** The name exists, or a wildcard stands for it: work->slot. */
SW_INLINE int sw_answer_name(struct sw_work *work)
{
	uint32_t node = work->slot.name.node, type = work->type, piece = 0;
	uint32_t count = work->slot.inline_count, form = work->wants_dnssec ? SW_FULL : SW_PLAIN;
	int is_inline = count > 0 && (type == SW_TYPE_A || type == SW_TYPE_ANY);
	/* the slot holds no signatures: they are with the node's copy of the RRset */
	if (node && !(is_inline && !work->wants_dnssec))
		piece = sw_node_piece(work, node, type);
	if (piece && type == SW_TYPE_RRSIG)
		form = SW_SIGNATURES;
	if (piece || is_inline) {
		sw_authoritative(work);
		if (piece)
			return sw_answer_piece(work, piece, form);
		sw_literal_put(work, 0, 16 * count, count);
		return sw_step_end(work, SW_VERDICT_ANSWERED);
	}
	if (work->slot.flags & SW_SLOT_CNAME)
		return sw_follow_cname(work);
	return sw_deny(work, SW_VERDICT_NODATA);
}

/** What work->slot is to the name. */
enum sw_match {
	SW_MATCH_NAME,	   /* its own */
	SW_MATCH_WILDCARD, /* the one of the wildcard that stands for it; work->wildcard_parent is above that
			    */
	SW_MATCH_ABOVE,	   /* its closest encloser's */
};

/** The slot of the wildcard below the closest encloser. With NSEC the encloser has a copy: both deny, and
 * what they deny by must be of one version (image/change.h).
 * @param node  the encloser's */
SW_INLINE int sw_wildcard_take(struct sw_work *work, const struct sw_control *control, uint32_t node)
{
	const struct sw_image_node *head = (const void *)sw_image_at(work, node);
	uint64_t parent = work->suffix[work->encloser & SW_LABELS_MAX];
	if (work->denial != SW_DENIAL_NSEC || !head)
		return sw_slot_find(work, sw_hash_fold(&control->key, parent, control->star_hash));
	const struct sw_slot *slot = (const void *)sw_image_at(work, head->wildcard);
	return slot ? sw_slot_take(work, slot, slot->hash) : 0;
}

/** The name is not in the index: work->slot, the apex's so far, becomes its closest encloser's, or that of
 * the wildcard below it. */
SW_INLINE enum sw_match sw_match_above(struct sw_work *work, const struct sw_control *control, uint32_t depth)
{
	sw_encloser_find(work, depth);
	uint32_t node = work->slot.name.node, flags = work->slot.flags;
	if (work->slot.kind == SW_SLOT_CUT || flags & SW_SLOT_DNAME || !(flags & SW_SLOT_WILDCARD))
		return SW_MATCH_ABOVE;
	if (!sw_wildcard_take(work, control, node))
		return SW_MATCH_ABOVE;
	work->by_wildcard = 1;
	work->is_synthesized |= work->links == 0;
	work->wildcard_parent = node;
	return SW_MATCH_WILDCARD;
}

/** Find the current name in its zone, and add what follows from that. @return enum sw_step */
SW_INLINE int sw_match(struct sw_work *work, const struct sw_control *control, uint32_t depth)
{
	enum sw_match match = SW_MATCH_NAME;
	work->by_wildcard = work->wildcard_parent = 0;
	if (depth > 0 && (depth > work->depth_max || !sw_slot_look(work, work->suffix[0])))
		match = sw_match_above(work, control, depth);
	if (work->slot.kind == SW_SLOT_CUT) {
		if (match == SW_MATCH_NAME && work->type == SW_TYPE_DS)
			return sw_answer_ds(work);
		return sw_refer(work, match == SW_MATCH_ABOVE ? work->encloser : 0);
	}
	if (match != SW_MATCH_ABOVE)
		return sw_answer_name(work);
	if (work->slot.flags & SW_SLOT_DNAME)
		return sw_follow_dname(work, work->encloser);
	work->rcode = SW_RCODE_NXDOMAIN;
	return sw_deny(work, SW_VERDICT_NXDOMAIN);
}

/** Look the current name up and add what follows from it. @return enum sw_step */
SW_INLINE int sw_step(struct sw_work *work, const struct sw_control *control)
{
	uint32_t ref = sw_zone_find(work, control);
	if (ref == 0) {
		if (work->links > 0)
			return SW_STEP_DONE; /* the chain leads out of our zones: the resolver goes on */
		work->rcode = SW_RCODE_REFUSED;
		return sw_step_end(work, SW_VERDICT_REFUSED);
	}
	const struct sw_image_zone *zone = (const void *)sw_image_at(work, ref);
	if (!zone)
		return SW_STEP_DONE;
	if (zone->soa_negative == 0) { /* not loaded, or expired: ours, but nothing is known of it */
		if (work->links > 0)
			return SW_STEP_DONE;
		work->rcode = SW_RCODE_SERVFAIL;
		work->has_no_data = 1;
		return sw_step_end(work, SW_VERDICT_SERVFAIL);
	}
	if (ref != work->zone)
		work->apex_at = work->owner_at + work->name_len - zone->apex_len;
	work->zone = ref;
	work->apex_labels = zone->apex_labels;
	work->depth_max = zone->depth_max;
	work->index = zone->index;
	work->bucket_count = zone->bucket_count;
	work->soa_negative = zone->soa_negative;
	work->denial = zone->denial;
	work->slot = zone->apex;
	return sw_match(work, control, work->labels - zone->apex_labels);
}

/** One step of a chain; a function, for the loop. */
SW_FN int sw_chain_step(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	return control ? sw_step(work, control) : SW_STEP_DONE;
}

/** The step's proof that a wildcard could stand for the name. @return 0, or SW_QUERY_PUNT */
SW_INLINE int sw_step_prove(struct sw_work *work)
{
	return work->prove_below ? sw_prove_next_closer(work, work->prove_below) : 0;
}

/** Go where CNAMEs and DNAMEs lead. @return enum sw_query_state */
SW_FN int sw_resolve_chain(struct sw_work *work)
{
	if (!work)
		return SW_QUERY_SILENT;
	for (uint32_t i = 0; i < SW_LINKS_MAX; i++) {
		if (sw_chain(work) != SW_STEP_AGAIN)
			break;
		work->prove_below = 0;
		int step = sw_chain_step(work);
		if (sw_step_prove(work) == SW_QUERY_PUNT)
			return SW_QUERY_PUNT;
		if (step != SW_STEP_AGAIN)
			break;
	}
	return SW_QUERY_GO;
}

/** A zone has changed while it was looked at, and what was found does not go together. The kernel part leaves
 * it to user space, which tries again (answer.c). @return enum sw_query_state */
SW_INLINE int sw_torn(struct sw_work *work)
{
	work->verdict = SW_VERDICT_PUNT_CHANGE;
	return SW_QUERY_PUNT;
}

/** Resolve the question: fills rcode, verdict and parts. @return enum sw_query_state */
SW_INLINE int sw_resolve(struct sw_work *work, const struct sw_control *control)
{
	if (work->class == SW_CLASS_CH)
		return sw_chaos(work);
	if (work->class != SW_CLASS_IN || work->type == SW_TYPE_AXFR || work->type == SW_TYPE_IXFR)
		return sw_query_fail(work, SW_RCODE_REFUSED, SW_VERDICT_REFUSED);
	work->prove_below = 0;
	int step = sw_step(work, control);
	if (sw_step_prove(work) == SW_QUERY_PUNT)
		return SW_QUERY_PUNT;
	if (step == SW_STEP_AGAIN && sw_resolve_chain(work) == SW_QUERY_PUNT)
		return SW_QUERY_PUNT;
	if (work->verdict == SW_VERDICT_SERVFAIL)
		work->rcode = SW_RCODE_SERVFAIL;
	return work->is_torn ? sw_torn(work) : SW_QUERY_GO;
}

#endif
