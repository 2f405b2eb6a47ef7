/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which messages over UDP are not looked at, being beyond their budgets. */
#include "serve/clock.h"
#include "serve/log.h"
#include "serve/requests_inside.h"
#include "serve/standing.h"
#include <string.h>

#define TELL_NS (60ull * 1000000000)

/** Of this machine itself: no such packet comes from outside (RFC 1122 s3.2.1.3, RFC 4291 s2.5.3). */
static bool is_loopback(const struct sw_peer *peer)
{
	static const uint8_t one[16] = {[15] = 1};
	return peer->address_len == 4 ? peer->address[0] == 127 : memcmp(peer->address, one, 16) == 0;
}

/** By what the message says, none of which has been checked. */
static enum sw_standing standing_of(
	const struct sw_hand *hand, enum sw_throttled kind, const struct sw_peer *peer, uint64_t now_ns)
{
	bool may_be_ours = hand->question_end != 0 && hand->class == SW_CLASS_IN &&
			   (hand->type == SW_TYPE_SOA || kind == SW_THROTTLED_SIGNED);
	const struct sw_zone_setting *zone =
		may_be_ours ? sw_live_zone(hand->requests->live, hand->name) : NULL;
	enum sw_standing standing = sw_standing_of(zone ? zone->policy : NULL, kind, peer);
	return standing == SW_STANDING_CLAIMS && sw_throttle_has_signed(hand->requests->throttle,
							 peer->address, peer->address_len, now_ns)
		       ? SW_STANDING_SIGNED
		       : standing;
}

/** What it costs to look at it. @return false where it costs no more than a question */
static bool kind_of(const struct sw_hand *hand, const struct sw_peer *peer, enum sw_throttled *kind)
{
	switch (sw_opcode_of(hand->message)) {
	case SW_OPCODE_UPDATE:
		*kind = SW_THROTTLED_UPDATE;
		return true;
	case SW_OPCODE_NOTIFY:
		*kind = SW_THROTTLED_NOTIFY;
		return true;
	default:
		*kind = SW_THROTTLED_SIGNED;
		return peer->key != NULL; /* of a key that is not here no MAC is computed */
	}
}

bool sw_hand_is_over(const struct sw_hand *hand)
{
	if (hand->request->asker->stream || is_loopback(&hand->peer))
		return false;
	struct sw_live *live = hand->requests->live;
	struct sw_peer peer = hand->peer;
	enum sw_throttled kind;
	peer.key = sw_tsig_claimed(sw_live_key, live, hand->message, hand->len);
	if (!kind_of(hand, &peer, &kind))
		return false;
	uint64_t now_ns = sw_now_ns();
	if (sw_throttle_take(hand->requests->throttle, kind, standing_of(hand, kind, &peer, now_ns),
		    peer.address, peer.address_len, now_ns))
		return false;
	struct sw_counts *counts = sw_hand_counts(hand);
	uint64_t *dropped[] = {[SW_THROTTLED_UPDATE] = &counts->updates.dropped,
		[SW_THROTTLED_NOTIFY] = &counts->notifies.dropped,
		[SW_THROTTLED_SIGNED] = &counts->tsig.dropped};
	sw_count(dropped[kind], 1);
	return true;
}

void sw_requests_tell(struct sw_requests *requests)
{
	struct sw_counts counts;
	struct sw_requests_told *told = &requests->told;
	uint64_t now_ns = sw_now_ns();
	sw_requests_log_more(sw_live_log(requests->live), now_ns);
	if (told->at_ns != 0 && now_ns - told->at_ns < TELL_NS)
		return;
	sw_live_counted(requests->live, &counts);
	uint64_t updates = counts.updates.dropped - told->updates,
		 notifies = counts.notifies.dropped - told->notifies,
		 others = counts.tsig.dropped - told->others;
	if (updates + notifies + others == 0)
		return;
	sw_log(SW_LOG_WARNING,
		"over UDP, beyond their budgets: %llu updates, %llu notifies, %llu signed questions dropped",
		(unsigned long long)updates, (unsigned long long)notifies, (unsigned long long)others);
	*told = (struct sw_requests_told){
		now_ns, counts.updates.dropped, counts.notifies.dropped, counts.tsig.dropped};
}
