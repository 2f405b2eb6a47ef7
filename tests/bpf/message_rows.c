/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "message_rows.h"

#define ASK(...) LAYERS(ETHERNET, IP4(), UDP(), QUERY(__VA_ARGS__))
#define ASK6(...) LAYERS(ETHERNET, IP6(), UDP(), QUERY(__VA_ARGS__))
#define ASK_BYTES(literal) LAYERS(ETHERNET, IP4(), UDP(), BYTES(literal))
#define SIGNED .edns = 1232, .is_dnssec_ok = true
#define OPTIONS(literal) .options = (literal), .options_len = sizeof(literal) - 1

#define A SW_TYPE_A

/* Names of extreme form. */
#define LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
#define TEN(x) x x x x x x x x x x
/* 3 labels of 63, one of 49, example.com: 3 * 64 + 50 + 13 = 255 bytes */
#define NAME255 LABEL63 LABEL63 LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com"
/* 120 labels of one byte, example.com: 240 + 13 = 253 bytes, 122 labels */
#define NAME122 TEN(TEN("a.")) TEN("b.") TEN("c.") "example.com"
/* the most there can be: 127 labels of one byte, 255 bytes, under no zone here */
#define NAME127 TEN(TEN("a.")) TEN("b.") TEN("c.") "d.d.d.d.d.d.d"

/* The 12 bytes before a question: ID 0x5377, flags, counts. */
#define HEADER(flags, qd, an, ns, ar) "\x53\x77" flags "\0" qd "\0" an "\0" ns "\0" ar
#define ONE_QUESTION HEADER("\0\0", "\1", "\0", "\0", "\0")
#define WWW "\3www\7example\3com\0"
#define IN_A "\0\1\0\1"
#define OPT(size, rcode_version_flags, rdata) "\0\0\x29" size rcode_version_flags rdata

/* clang-format off */
const struct row message_rows[] = {
	/* data */
	{"A", ASK("www.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"A, IPv6", ASK6("www.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"A, mixed case", ASK("wWw.ExAmPlE.cOM", A), REPLIES, ONE_OF(ANSWERED)},
	{"A, RD and CD set", ASK("www.example.com", A, .flags = 0x0110), REPLIES, ONE_OF(ANSWERED)},
	{"A, Z and AD set", ASK("www.example.com", A, .flags = 0x0060), REPLIES, ONE_OF(ANSWERED)},
	{"A, class ANY", ASK("www.example.com", A, .class = SW_CLASS_ANY), REPLIES, 0},
	{"AAAA", ASK("www.example.com", SW_TYPE_AAAA), REPLIES, ONE_OF(ANSWERED)},
	{"AAAA, IPv6", ASK6("www.example.com", SW_TYPE_AAAA), REPLIES, ONE_OF(ANSWERED)},
	{"SOA", ASK("example.com", SW_TYPE_SOA), REPLIES, ONE_OF(ANSWERED)},
	{"NS with addresses", ASK("example.com", SW_TYPE_NS), REPLIES, ONE_OF(ANSWERED)},
	{"MX with addresses", ASK("example.com", SW_TYPE_MX, .edns = 1232), REPLIES, ONE_OF(ANSWERED)},
	{"SRV with addresses", ASK("_imaps._tcp.example.com", SW_TYPE_SRV), REPLIES, ONE_OF(ANSWERED)},
	{"TXT", ASK("example.com", SW_TYPE_TXT), REPLIES, ONE_OF(ANSWERED)},
	{"a type without a name", ASK("unknown.example.com", 65280), REPLIES, ONE_OF(ANSWERED)},
	{"ANY", ASK("example.com", SW_TYPE_ANY), REPLIES, ONE_OF(ANSWERED)},
	{"A, padded", LAYERS(ETHERNET, IP4(), UDP(), QUERY("www.example.com", A), PAD(20)), REPLIES, ONE_OF(ANSWERED)},
	{"A without UDP checksum (RFC 768)", LAYERS(ETHERNET, IP4(), UDP(.is_without_sum = true), QUERY("www.example.com", A)), REPLIES, ONE_OF(ANSWERED)},

	/* a zone that could not be loaded */
	{"a broken zone, its apex", ASK("broken.example", SW_TYPE_SOA), REPLIES, ONE_OF(SERVFAIL)},
	{"a broken zone, below", ASK("a.b.broken.example", A, SIGNED), REPLIES, ONE_OF(SERVFAIL)},
	{"a broken zone, with a cookie", ASK("broken.example", A, .edns = 1232, OPTIONS("\0\x0a\0\x08" "abcdefgh")), REPLIES, ONE_OF(SERVFAIL)},
	{"a broken zone, EDNS of another version", ASK("broken.example", A, .edns = 1232, .version = 1), REPLIES, ONE_OF(BADVERS)},

	/* aliases */
	{"CNAME asked for", ASK("one.example.com", SW_TYPE_CNAME), REPLIES, ONE_OF(ANSWERED)},
	{"CNAME, one step", ASK("one.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"CNAME, two steps", ASK("two.example.com", SW_TYPE_AAAA), REPLIES, ONE_OF(ANSWERED)},
	{"CNAME to NODATA", ASK("two.example.com", SW_TYPE_MX), REPLIES, ONE_OF(NODATA)},
	{"CNAME to what is not there", ASK("nowhere.example.com", A), REPLIES, ONE_OF(NXDOMAIN)},
	{"CNAME loop", ASK("loop.example.com", A), REPLIES, 0},
	{"CNAME out of the zones here", ASK("outside.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"CNAME into another zone here", ASK("across.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"DNAME", ASK("host.moved.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"DNAME, its owner", ASK("moved.example.com", SW_TYPE_DNAME), REPLIES, ONE_OF(ANSWERED)},
	{"DNAME, its owner for another type", ASK("moved.example.com", A), REPLIES, ONE_OF(NODATA)},
	{"DNAME to what is not there", ASK("no.moved.example.com", A), REPLIES, ONE_OF(NXDOMAIN)},
	{"wildcard", ASK("any.wild.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"wildcard, several labels", ASK("a.b.c.wild.example.com", SW_TYPE_TXT), REPLIES, ONE_OF(ANSWERED)},
	{"wildcard, no such type", ASK("any.wild.example.com", SW_TYPE_MX), REPLIES, ONE_OF(NODATA)},
	{"wildcard, asked for itself", ASK("*.wild.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"wildcard, blocked by a name that is there", ASK("there.wild.example.com", A), REPLIES, ONE_OF(NODATA)},
	{"wildcard, blocked above", ASK("below.there.wild.example.com", A), REPLIES, ONE_OF(NXDOMAIN)},
	{"wildcard CNAME", ASK("any.alias.example.com", A), REPLIES, ONE_OF(ANSWERED)},

	/* denials and referrals */
	{"NODATA", ASK("www.example.com", SW_TYPE_MX), REPLIES, ONE_OF(NODATA)},
	{"NODATA, IPv6", ASK6("mail.example.com", SW_TYPE_AAAA), REPLIES, ONE_OF(NODATA)},
	{"NODATA, empty non-terminal", ASK("empty.example.com", A), REPLIES, ONE_OF(NODATA)},
	{"NXDOMAIN", ASK("missing.example.com", A), REPLIES, ONE_OF(NXDOMAIN)},
	{"NXDOMAIN, IPv6, EDNS", ASK6("missing.example.com", A, .edns = 1232), REPLIES, ONE_OF(NXDOMAIN)},
	{"NXDOMAIN, three labels", ASK("a.b.missing.example.com", A), REPLIES, ONE_OF(NXDOMAIN)},
	{"NXDOMAIN, a label of 63", ASK(LABEL63 "example.com", A), REPLIES, ONE_OF(NXDOMAIN)},
	{"NXDOMAIN, a name of 255 bytes", ASK(NAME255, A), REPLIES, ONE_OF(NXDOMAIN)},
	{"NXDOMAIN, a name of 255 bytes, EDNS, IPv6", ASK6(NAME255, A, .edns = 1232), REPLIES, ONE_OF(NXDOMAIN)},
	{"NXDOMAIN, 122 labels", ASK(NAME122, A), REPLIES, ONE_OF(NXDOMAIN)},
	{"referral", ASK("lab.example.com", A), REPLIES, ONE_OF(REFERRAL)},
	{"referral, below the cut", ASK("a.b.lab.example.com", A), REPLIES, ONE_OF(REFERRAL)},
	{"referral, for the glue itself", ASK("ns.lab.example.com", A), REPLIES, ONE_OF(REFERRAL)},
	{"referral, glue of a sibling", ASK("www.far.example.com", A), REPLIES, ONE_OF(REFERRAL)},
	{"referral without glue", ASK("www.away.example.com", A), REPLIES, ONE_OF(REFERRAL)},
	{"DS at the cut", ASK("away.example.com", 43), REPLIES, ONE_OF(ANSWERED)},
	{"DS at a cut that has none", ASK("lab.example.com", 43), REPLIES, ONE_OF(NODATA)},

	/* nobody's */
	{"REFUSED", ASK("www.example.net", A), REPLIES, ONE_OF(REFUSED)},
	{"REFUSED, IPv6, EDNS", ASK6("www.example.net", A, .edns = 4096), REPLIES, ONE_OF(REFUSED)},
	{"REFUSED, the root", ASK(".", SW_TYPE_NS), REPLIES, ONE_OF(REFUSED)},
	{"REFUSED, the zone's parent", ASK("com", SW_TYPE_NS), REPLIES, ONE_OF(REFUSED)},
	{"REFUSED, 127 labels", ASK(NAME127, A), REPLIES, ONE_OF(REFUSED)},
	{"REFUSED, another class", ASK("www.example.com", A, .class = 4), REPLIES, ONE_OF(REFUSED)},
	{"REFUSED, AXFR over UDP", ASK("example.com", SW_TYPE_AXFR), REPLIES, 0},
	{"IXFR over UDP", ASK("example.com", SW_TYPE_IXFR), REPLIES, 0},
	{"CHAOS, version.bind", ASK("version.bind", SW_TYPE_TXT, .class = SW_CLASS_CH), REPLIES, ONE_OF(CHAOS)},
	{"CHAOS, ID.SERVER", ASK("ID.SERVER", SW_TYPE_TXT, .class = SW_CLASS_CH), REPLIES, ONE_OF(CHAOS)},
	{"CHAOS, something else", ASK("authors.bind", SW_TYPE_TXT, .class = SW_CLASS_CH), REPLIES, ONE_OF(REFUSED)},

	/* signed: NSEC */
	{"NSEC: A", ASK("host.nsec.example", A, SIGNED), REPLIES, ONE_OF(ANSWERED)},
	{"NSEC: A, IPv6, DNSSEC not wanted", ASK6("host.nsec.example", A, .edns = 1232), REPLIES, ONE_OF(ANSWERED)},
	{"NSEC: DNSKEY", ASK("nsec.example", SW_TYPE_DNSKEY, SIGNED), REPLIES, ONE_OF(ANSWERED)},
	{"NSEC: CNAME", ASK("alias.nsec.example", A, SIGNED), REPLIES, ONE_OF(ANSWERED)},
	{"NSEC: DNAME", ASK("www.moved.nsec.example", A, SIGNED), REPLIES, ONE_OF(NXDOMAIN)},
	{"NSEC: wildcard", ASK("any.wild.nsec.example", A, SIGNED), REPLIES, ONE_OF(ANSWERED)},
	{"NSEC: wildcard NODATA", ASK("any.wild.nsec.example", SW_TYPE_MX, SIGNED), REPLIES, ONE_OF(NODATA)},
	{"NSEC: NODATA", ASK("host.nsec.example", SW_TYPE_MX, SIGNED), REPLIES, ONE_OF(NODATA)},
	{"NSEC: NODATA, empty non-terminal", ASK("empty.nsec.example", A, SIGNED), REPLIES, ONE_OF(NODATA)},
	{"NSEC: NXDOMAIN", ASK("missing.nsec.example", A, SIGNED), REPLIES, ONE_OF(NXDOMAIN)},
	{"NSEC: NXDOMAIN, IPv6, before all others", ASK6("!.nsec.example", A, SIGNED), REPLIES, ONE_OF(NXDOMAIN)},
	{"NSEC: NXDOMAIN, behind all others", ASK("zz.nsec.example", A, SIGNED), REPLIES, ONE_OF(NXDOMAIN)},
	{"NSEC: NXDOMAIN into 512 bytes", ASK("missing.nsec.example", A, .edns = 512, .is_dnssec_ok = true), REPLIES, ONE_OF(TRUNCATED)},
	{"NSEC: secure referral", ASK("www.secure.nsec.example", A, SIGNED), REPLIES, ONE_OF(REFERRAL)},
	{"NSEC: insecure referral", ASK("www.insecure.nsec.example", A, SIGNED), REPLIES, ONE_OF(REFERRAL)},
	{"NSEC: DS at the insecure cut", ASK("insecure.nsec.example", 43, SIGNED), REPLIES, ONE_OF(NODATA)},

	/* signed: NSEC3 with opt-out */
	{"NSEC3: A", ASK("host.nsec3.example", A, SIGNED), REPLIES, ONE_OF(ANSWERED)},
	{"NSEC3: wildcard", ASK("any.wild.nsec3.example", A, SIGNED), REPLIES, ONE_OF(ANSWERED)},
	{"NSEC3: wildcard NODATA", ASK("any.wild.nsec3.example", SW_TYPE_MX, SIGNED), REPLIES, ONE_OF(NODATA)},
	{"NSEC3: NODATA", ASK("host.nsec3.example", SW_TYPE_MX, SIGNED), REPLIES, ONE_OF(NODATA)},
	{"NSEC3: NODATA, empty non-terminal", ASK("empty.nsec3.example", A, SIGNED), REPLIES, ONE_OF(NODATA)},
	{"NSEC3: NXDOMAIN", ASK("missing.nsec3.example", A, SIGNED), REPLIES, ONE_OF(NXDOMAIN)},
	{"NSEC3: NXDOMAIN, IPv6, four labels", ASK6("a.b.c.missing.nsec3.example", A, SIGNED), REPLIES, ONE_OF(NXDOMAIN)},
	{"NSEC3: secure referral", ASK("www.secure.nsec3.example", A, SIGNED), REPLIES, ONE_OF(REFERRAL)},
	{"NSEC3: insecure referral under opt-out", ASK("www.insecure.nsec3.example", A, SIGNED), REPLIES, ONE_OF(REFERRAL)},
	{"NSEC3: DS at the insecure cut", ASK("insecure.nsec3.example", 43, SIGNED), REPLIES, ONE_OF(NODATA)},

	/* room in the reply */
	{"512 bytes are not enough", ASK("many.example.com", A), REPLIES, ONE_OF(TRUNCATED)},
	{"EDNS 512 is not enough", ASK("many.example.com", A, .edns = 512), REPLIES, ONE_OF(TRUNCATED)},
	{"EDNS below 512 counts as 512 (RFC 6891 s6.2.3)", ASK("www.example.com", A, .edns = 100), REPLIES, ONE_OF(ANSWERED)},
	{"EDNS 1232 is enough", ASK("many.example.com", A, .edns = 1232), REPLIES, ONE_OF(ANSWERED)},
	{"EDNS 1232 is enough, IPv6, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP6(), UDP(), QUERY("many.example.com", A, .edns = 1232)), REPLIES, ONE_OF(ANSWERED)},
	{"EDNS 4096 counts as 1232", ASK("most.example.com", SW_TYPE_TXT, .edns = 4096), REPLIES, ONE_OF(TRUNCATED)},
	{"EDNS 65535 counts as 1232, IPv6", ASK6("most.example.com", SW_TYPE_TXT, .edns = 65535), REPLIES, ONE_OF(TRUNCATED)},

	/* EDNS */
	{"BADVERS", ASK("www.example.com", A, .edns = 1232, .version = 1), REPLIES, ONE_OF(BADVERS)},
	{"NSID", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\3\0\0")), REPLIES, ONE_OF(ANSWERED)},
	{"an unknown option", ASK("www.example.com", A, .edns = 1232, OPTIONS("\xfd\xe9\0\3abc")), REPLIES, ONE_OF(ANSWERED)},
	{"three options", ASK("www.example.com", A, .edns = 1232, OPTIONS("\xfd\xe9\0\3abc\0\3\0\0\0\x0c\0\4\0\0\0\0")), REPLIES, ONE_OF(ANSWERED)},
	{"client subnet (RFC 7871)", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\x08\0\7\0\1\x18\0\xc6\x33\x64")), REPLIES, ONE_OF(ANSWERED)},
	{"1,000 bytes of padding (RFC 7830)", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\x0c\x03\xe8" TEN(TEN("0123456789")))), REPLIES, ONE_OF(ANSWERED)},
	{"client cookie", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\x0a\0\x08" "clientck")), REPLIES, ONE_OF(ANSWERED)},
	{"client cookie, IPv6, NXDOMAIN", ASK6("missing.example.com", A, .edns = 1232, OPTIONS("\0\x0a\0\x08" "clientck")), REPLIES, ONE_OF(NXDOMAIN)},
	{"a server cookie that is not ours", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\x0a\0\x18" "clientck" "\1\0\0\0\0\0\0\0" "notours!")), REPLIES, ONE_OF(ANSWERED)},
	{"our server cookie (RFC 9018 Appendix A.1)", LAYERS(ETHERNET, IP4(.from = "198.51.100.100"), UDP(), QUERY("www.example.com", A, .edns = 1232, OPTIONS("\0\x0a\0\x18" "\x24\x64\xc4\xab\xcf\x10\xc9\x57" "\1\0\0\0\x5c\xf7\x9f\x11" "\x1f\x81\x30\xc3\xee\xe2\x94\x80"))), REPLIES, ONE_OF(ANSWERED)},
	{"a cookie of 7 bytes (RFC 7873 s5.2.2)", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\x0a\0\7" "clientc")), REPLIES, ONE_OF(FORMERR)},
	{"a cookie of 12 bytes", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\x0a\0\x0c" "clientckserv")), REPLIES, ONE_OF(FORMERR)},
	{"a cookie of 41 bytes", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\x0a\0\x29" "clientck" "123456789012345678901234567890123")), REPLIES, ONE_OF(FORMERR)},
	{"an option longer than the OPT record", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\3\0\x40")), REPLIES, ONE_OF(FORMERR)},
	{"an option cut off in its head", ASK("www.example.com", A, .edns = 1232, OPTIONS("\0\3\0")), REPLIES, ONE_OF(FORMERR)},
	/* anything but one OPT record behind the question is user space's to read: TSIG must be the last (RFC 8945 s5.1) */
	{"two OPT records", ASK_BYTES(HEADER("\0\0", "\1", "\0", "\0", "\2") WWW IN_A OPT("\4\xd0", "\0\0\0\0", "\0\0") OPT("\4\xd0", "\0\0\0\0", "\0\0")), PASSES, ONE_OF(PUNT_TSIG)},
	{"an OPT record below a name", ASK_BYTES(HEADER("\0\0", "\1", "\0", "\0", "\1") WWW IN_A "\1a" OPT("\4\xd0", "\0\0\0\0", "\0\0")), PASSES, ONE_OF(PUNT_TSIG)},
	{"an OPT record longer than the message", ASK_BYTES(HEADER("\0\0", "\1", "\0", "\0", "\1") WWW IN_A OPT("\4\xd0", "\0\0\0\0", "\0\4")), REPLIES, ONE_OF(FORMERR)},

	/* malformed or unusual */
	{"no question", ASK_BYTES(HEADER("\0\0", "\0", "\0", "\0", "\0")), REPLIES, ONE_OF(FORMERR)},
	{"two questions", ASK_BYTES(HEADER("\0\0", "\2", "\0", "\0", "\0") WWW IN_A WWW IN_A), REPLIES, ONE_OF(FORMERR)},
	{"a question that is not there", ASK_BYTES(ONE_QUESTION), REPLIES, ONE_OF(FORMERR)},
	{"a name without an end", ASK_BYTES(ONE_QUESTION "\3www\7example"), REPLIES, ONE_OF(FORMERR)},
	{"a label longer than the message", ASK_BYTES(ONE_QUESTION "\3www\x3f" "example"), REPLIES, ONE_OF(FORMERR)},
	{"a question without a class", ASK_BYTES(ONE_QUESTION WWW "\0\1"), REPLIES, ONE_OF(FORMERR)},
	{"a compression pointer in the question", ASK_BYTES(ONE_QUESTION "\3www\xc0\x0c" IN_A), REPLIES, ONE_OF(FORMERR)},
	{"a label of type 01", ASK_BYTES(ONE_QUESTION "\3www\x47" "example\0" IN_A), REPLIES, ONE_OF(FORMERR)},
	{"a name of 256 bytes", ASK_BYTES(ONE_QUESTION TEN(TEN("\1a")) TEN("\1b") TEN("\1c") TEN("\1d")), REPLIES, ONE_OF(FORMERR)},
	{"a name of 257 bytes with an end", ASK_BYTES(ONE_QUESTION TEN(TEN("\1a")) TEN("\1b") TEN("\1c") "\1d\1d\1d\1d\1d\1d\1d\1d\0" IN_A), REPLIES, ONE_OF(FORMERR)},
	{"a zero byte inside a label", ASK_BYTES(ONE_QUESTION "\3w\0w\7example\3com\0" IN_A), REPLIES, ONE_OF(NXDOMAIN)},
	{"bytes behind the question", ASK_BYTES(ONE_QUESTION WWW IN_A "rest"), REPLIES, 0},
	{"a record in the answer section", ASK_BYTES(HEADER("\0\0", "\1", "\1", "\0", "\0") WWW IN_A "\xc0\x0c" IN_A "\0\0\0\0\0\4abcd"), REPLIES, 0},
	/* RFC 768 lets the datagram be shorter than the packet's payload, and Linux takes it so */
	{"UDP length cuts the question, IPv4", LAYERS(ETHERNET, IP4(), UDP(), QUERY("www.example.com", A), POKE(LAYER_UDP, 4, 2, 40)), REPLIES, ONE_OF(FORMERR)},
	{"UDP length cuts the question, IPv6", LAYERS(ETHERNET, IP6(), UDP(), QUERY("www.example.com", A), POKE(LAYER_UDP, 4, 2, 40)), REPLIES, ONE_OF(FORMERR)},
	{"bytes behind the datagram, in the IP packet", LAYERS(ETHERNET, IP4(), UDP(), QUERY("www.example.com", A), BYTES("rest"), POKE(LAYER_UDP, 4, 2, 41)), REPLIES, ONE_OF(ANSWERED)},
	{"bytes behind the datagram, IPv6 and padding", LAYERS(ETHERNET, IP6(), UDP(), QUERY("www.example.com", A), BYTES("rest"), PAD(9), POKE(LAYER_UDP, 4, 2, 41)), REPLIES, ONE_OF(ANSWERED)},
	{"opcode STATUS", ASK("www.example.com", A, .flags = 2 << SW_OPCODE_SHIFT), REPLIES, ONE_OF(NOTIMP)},
	{"opcode NOTIFY", ASK("example.com", SW_TYPE_SOA, .flags = 4 << SW_OPCODE_SHIFT), REPLIES, ONE_OF(NOTIMP)},
	{"opcode UPDATE, header only", ASK_BYTES(HEADER("\x28\0", "\0", "\0", "\0", "\0")), REPLIES, ONE_OF(NOTIMP)},
	{"opcode 15", ASK("www.example.com", A, .flags = 15 << SW_OPCODE_SHIFT), REPLIES, ONE_OF(NOTIMP)},
	{"a response with a question", ASK("www.example.com", A, .flags = SW_FLAG_QR), DROPS, ONE_OF(DROP_RESPONSE)},
	{"TSIG", ASK_BYTES(HEADER("\0\0", "\1", "\0", "\0", "\1") WWW IN_A "\1k\0\0\xfa\0\xff\0\0\0\0\0\x10" "0123456789abcdef"), PASSES, ONE_OF(PUNT_TSIG)},
};
const size_t message_row_count = sizeof(message_rows) / sizeof(message_rows[0]);

const struct row request_rows[] = {
	{"opcode NOTIFY", ASK("example.com", SW_TYPE_SOA, .flags = 4 << SW_OPCODE_SHIFT), PASSES, ONE_OF(PUNT_REQUEST)},
	{"opcode NOTIFY, IPv6", ASK6("example.com", SW_TYPE_SOA, .flags = 4 << SW_OPCODE_SHIFT | SW_FLAG_AA), PASSES, ONE_OF(PUNT_REQUEST)},
	{"opcode UPDATE, header only", ASK_BYTES(HEADER("\x28\0", "\0", "\0", "\0", "\0")), PASSES, ONE_OF(PUNT_REQUEST)},
	{"opcode UPDATE, longer than any question", ASK_BYTES(HEADER("\x28\0", "\1", "\0", "\0", "\0") TEN(TEN("0123456789"))), PASSES, ONE_OF(PUNT_REQUEST)},
	{"an answer to NOTIFY", ASK("example.com", SW_TYPE_SOA, .flags = SW_FLAG_QR | 4 << SW_OPCODE_SHIFT), DROPS, ONE_OF(DROP_RESPONSE)},
	{"half a header of an UPDATE", ASK_BYTES("\x53\x77\x28\0\0\1"), DROPS, ONE_OF(DROP_SHORT)},
	{"opcode STATUS", ASK("www.example.com", A, .flags = 2 << SW_OPCODE_SHIFT), REPLIES, ONE_OF(NOTIMP)},
	{"opcode IQUERY", ASK("www.example.com", A, .flags = 1 << SW_OPCODE_SHIFT), REPLIES, ONE_OF(NOTIMP)},
	{"opcode 12, NOTIFY but for a bit", ASK("www.example.com", A, .flags = 12 << SW_OPCODE_SHIFT), REPLIES, ONE_OF(NOTIMP)},
	{"opcode QUERY", ASK("www.example.com", A), REPLIES, ONE_OF(ANSWERED)},
	{"AXFR", ASK("example.com", SW_TYPE_AXFR), REPLIES, ONE_OF(REFUSED)},
	{"IXFR without a SOA", ASK("example.com", SW_TYPE_IXFR), REPLIES, ONE_OF(REFUSED)},
	{"IXFR", ASK_BYTES(HEADER("\0\0", "\1", "\0", "\1", "\0") "\7example\3com\0\0\xfb\0\1" "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16" "\0\0" "\0\0\0\1" "0123456789abcdef"), PASSES, ONE_OF(PUNT_TSIG)},
};
const size_t request_row_count = sizeof(request_rows) / sizeof(request_rows[0]);

const struct row short_rows[] = {
	{"A", ASK("www.example.com", A), NEVER_REPLIES, 0},
	{"A, IPv6", ASK6("www.example.com", A), NEVER_REPLIES, 0},
	{"EDNS and three options", ASK("www.example.com", A, SIGNED, OPTIONS("\xfd\xe9\0\3abc\0\3\0\0\0\x0c\0\4\0\0\0\0")), NEVER_REPLIES, 0},
	{"cookie", ASK6("www.example.com", A, SIGNED, OPTIONS("\0\x0a\0\x18" "clientck" "\1\0\0\0\0\0\0\0" "notours!")), NEVER_REPLIES, 0},
	{"255 bytes of name", ASK(NAME255, A, SIGNED), NEVER_REPLIES, 0},
	{"122 labels", ASK(NAME122, A, SIGNED), NEVER_REPLIES, 0},
	{"a record in the answer section", ASK_BYTES(HEADER("\0\0", "\1", "\1", "\0", "\0") WWW IN_A "\xc0\x0c" IN_A "\0\0\0\0\0\4abcd"), NEVER_REPLIES, 0},
};
const size_t short_row_count = sizeof(short_rows) / sizeof(short_rows[0]);
/* clang-format on */
