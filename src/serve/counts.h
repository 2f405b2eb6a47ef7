/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What requests and transfers came to. Lists that make the members, and the keys of `seawall status --json`
 * (docs/operations.md). Written by many threads, seldom. */
#ifndef SW_SERVE_COUNTS_H
#define SW_SERVE_COUNTS_H

#include <stdint.h>

#define SW_IN_COUNTERS(X)                                  \
	X(done, "zones and changes that were served")      \
	X(current, "primaries that had nothing newer")     \
	X(failed, "no primary gave it: asked again later") \
	X(refused, "what came could not be served")        \
	X(records, "of all that came whole")               \
	X(bytes, "of these")

#define SW_OUT_COUNTERS(X)                                                   \
	X(done, "given to its end")                                          \
	X(failed, "broken off: the client went, was too slow, or we failed") \
	X(refused, "not for that client, malformed, or too many at once")    \
	X(bytes, "of messages given")

#define SW_UPDATE_COUNTERS(X)                       \
	X(taken, "NOERROR: done, or nothing to do") \
	X(forwarded, "passed on to a primary")      \
	X(refused, "every other RCODE")             \
	X(dropped, "over UDP, beyond their budget: not looked at, not answered")

#define SW_NOTIFY_IN_COUNTERS(X)        \
	X(taken, "from who may")        \
	X(refused, "every other RCODE") \
	X(dropped, "as updates are")

#define SW_TSIG_COUNTERS(X)                                            \
	X(badkey, "of a key that is not known here")                   \
	X(badsig, "not right")                                         \
	X(badtime, "out of time: whose clock is wrong?")               \
	X(badtrunc, "right, but cut short")                            \
	X(malformed, "FORMERR: misplaced, or a MAC of a wrong length") \
	X(dropped, "questions over UDP, as updates are")

#define SW_PARENT_COUNTERS(X)                                     \
	X(asked, "servers of parents that were asked for a DS")   \
	X(failed, "no answer, or one that counts for nothing")    \
	X(waiting, "answers that are not yet what is waited for") \
	X(agreed, "answers that are")                             \
	X(noted, "all of a zone's agreed: as 'key ds-seen' and 'ds-gone'")

#define X(name, text) uint64_t name;
struct sw_parent_counts {
	SW_PARENT_COUNTERS(X)
};
struct sw_in_counts {
	SW_IN_COUNTERS(X)
};
struct sw_counts {
	struct {
		SW_OUT_COUNTERS(X)
	} out;
	struct {
		SW_UPDATE_COUNTERS(X)
	} updates;
	struct {
		SW_NOTIFY_IN_COUNTERS(X)
	} notifies;
	struct {
		SW_TSIG_COUNTERS(X)
	} tsig;
};
#undef X

static inline void sw_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

#endif
