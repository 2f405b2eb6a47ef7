/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How a query looks, in one word: what tools of attack have in common, and honest resolvers not with them.
 *
 * Each feature has its own bits, so a signature is a mask and a value (image/lanes.h). The list is the
 * layout.
 */
#ifndef SW_ANSWER_TRAITS_H
#define SW_ANSWER_TRAITS_H

#include <stdint.h>

/* name, label, bits, what it is */
#define SW_FEATURES(X)                                                                                  \
	X(TTL, "ttl", 6, "TTL as it arrived, in steps of 4")                                            \
	X(IPV6, "ipv6", 1, "over IPv6")                                                                 \
	X(PORT, "port", 4, "source port, in steps of 4,096")                                            \
	X(LOW_ID, "low-id", 1, "message ID below 256")                                                  \
	X(RD, "rd", 1, "recursion desired")                                                             \
	X(CD, "cd", 1, "checking disabled")                                                             \
	X(AD, "ad", 1, "authentic data")                                                                \
	X(Z, "z", 1, "the reserved bit, or AA, TC, RA set in a query")                                  \
	X(EDNS, "edns", 1, "has an OPT record")                                                         \
	X(SIZE, "size", 3, "EDNS size: none, below 1232, 1232, 1400, 1452, 4096, other, below 512")     \
	X(DO, "do", 1, "DNSSEC OK")                                                                     \
	X(COOKIE, "cookie", 2, "no cookie, client's alone, with a server's")                            \
	X(NSID, "nsid", 1, "asks for NSID")                                                             \
	X(OPTIONS, "options", 2, "bytes behind the question: none, 11, more, much more")                \
	X(TYPE, "type", 4, "A, AAAA, NS, MX, TXT, SOA, DS, DNSKEY, PTR, SRV, HTTPS, ANY, CNAME, other") \
	X(LABELS, "labels", 3, "labels below the apex, 7 and more together")                            \
	X(FIRST, "first", 5, "bytes of the first label, 31 and more together")                          \
	X(DIGITS, "digits", 2, "digits in its first eight bytes: none, one or two, up to five, more")   \
	X(UPPER, "upper", 1, "capital letters in them")                                                 \
	X(HYPHEN, "hyphen", 1, "a hyphen or underscore in them")                                        \
	X(EXISTS, "exists", 1, "the name exists")                                                       \
	X(WILDCARD, "wildcard", 1, "a wildcard stands for the name")

enum sw_feature {
#define X(name, label, bits, text) SW_FEATURE_##name,
	SW_FEATURES(X)
#undef X
		SW_FEATURE_COUNT
};

/* Where each begins: the sum of the bits before it. */
enum sw_feature_at {
#define X(name, label, bits, text) \
	SW_FEATURE_AT_##name, SW_FEATURE_LAST_##name = SW_FEATURE_AT_##name + (bits)-1,
	SW_FEATURES(X)
#undef X
		SW_FEATURE_BITS
};
_Static_assert(SW_FEATURE_BITS <= 64, "one word");
_Static_assert(SW_FEATURE_COUNT >= 20, "enough to tell tools apart");

/** The bits of one feature. */
#define SW_FEATURE_MASK(name) \
	((~0ull >> (63 - (SW_FEATURE_LAST_##name - SW_FEATURE_AT_##name))) << SW_FEATURE_AT_##name)

/** A value in its place. */
#define SW_FEATURE_PUT(name, value) (((uint64_t)(value) << SW_FEATURE_AT_##name) & SW_FEATURE_MASK(name))

#endif
