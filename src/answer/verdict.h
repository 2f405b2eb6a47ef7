/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Every way a packet can leave: the enum, the counters, the labels and the manual's rows are this list. */
#ifndef SW_ANSWER_VERDICT_H
#define SW_ANSWER_VERDICT_H

#include <stdint.h>

/* name, label, what it means */
#define SW_VERDICTS(X)                                                                                       \
	X(ANSWERED, "answered", "data, from an existing or a wildcard name")                                 \
	X(NODATA, "nodata", "the name exists, the type does not")                                            \
	X(NXDOMAIN, "nxdomain", "the name does not exist")                                                   \
	X(REFERRAL, "referral", "at or below a zone cut")                                                    \
	X(TRUNCATED, "truncated", "TC=1: the answer did not fit")                                            \
	X(REFUSED, "refused", "no zone here for that name, or a class or meta-type not served")              \
	X(SERVFAIL, "servfail", "the zone is known but cannot be answered for")                              \
	X(YXDOMAIN, "yxdomain", "DNAME made a name longer than 255 bytes")                                   \
	X(CHAOS, "chaos", "id.server or version.bind")                                                       \
	X(FORMERR, "formerr", "malformed question or EDNS")                                                  \
	X(NOTIMP, "notimp", "opcode other than QUERY")                                                       \
	X(BADVERS, "badvers", "EDNS version other than 0")                                                   \
	X(NOTAUTH, "notauth", "TSIG with a key not known here")                                              \
	X(REQUEST, "request", "NOTIFY, UPDATE or a transfer: done, or begun")                                \
	X(DROP_RESPONSE, "drop_response", "QR=1: a response, never answered")                                \
	X(DROP_SHORT, "drop_short", "shorter than a DNS header")                                             \
	X(DROP_LENGTH, "drop_length", "UDP length disagrees with the packet")                                \
	X(DROP_PORT0, "drop_port0", "source port 0: nowhere to answer to")                                   \
	X(DROP_BROKEN, "drop_broken", "an invariant of the image or the packet did not hold; please report") \
	X(PUNT_ROOM, "punt_room", "left to user space: the packet buffer cannot grow enough")                \
	X(PUNT_TSIG, "punt_tsig", "left to user space: TSIG, SIG(0), or the SOA of an IXFR")                 \
	X(PUNT_FRAME, "punt_frame", "left to user space: IP options, extension headers, fragments")          \
	X(PUNT_COST, "punt_cost", "left to user space: costlier than the kernel part allows")                \
	X(PUNT_REQUEST, "punt_request", "left to user space: NOTIFY or UPDATE")                              \
	X(PUNT_CHANGE, "punt_change", "left to user space: the zone changed while it was looked at")         \
	X(PASS_OTHER, "pass_other", "not for a service address: passed untouched")                           \
	X(TCP_SYN, "tcp_syn", "SYN to a service port, passed to the stack")                                  \
	X(TCP_COOKIE, "tcp_cookie", "SYN answered with a cookie: the stack is spared")                       \
	X(TCP_PASS, "tcp_pass", "TCP of a connection, passed to the stack")                                  \
	X(DROP_TCP_STATE, "drop_tcp_state", "TCP that belongs to no connection")                             \
	X(DROP_GRE, "drop_gre", "GRE to an address that only serves DNS")                                    \
	X(DROP_PROTOCOL, "drop_protocol", "another protocol that such an address never has")                 \
	X(DROP_PORT, "drop_port", "TCP or UDP to a port that such an address does not serve")                \
	X(DROP_FRAGMENT, "drop_fragment", "a fragment to an address that only serves DNS")                   \
	X(DROP_UNUSED, "drop_unused", "to an unused address of a service prefix")                            \
	X(OVER_LANE, "over_lane", "lane not admitted: sent to TCP")                                          \
	X(DROP_LANE, "drop_lane", "lane not admitted: dropped")                                              \
	X(OVER_ZONE, "over_zone", "a name that does not exist, beyond its zone's share: sent to TCP")        \
	X(OVER_PREFIX, "over_prefix", "beyond the allowance of an unproven network: sent to TCP")

enum sw_verdict {
#define X(name, label, text) SW_VERDICT_##name,
	SW_VERDICTS(X)
#undef X
		SW_VERDICT_COUNT
};

#endif
