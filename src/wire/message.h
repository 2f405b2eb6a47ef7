/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Numbers of the DNS message format (RFC 1035 s4, RFC 6891, IANA registries). Shared with the BPF target. */
#ifndef SW_WIRE_MESSAGE_H
#define SW_WIRE_MESSAGE_H

#include <stdint.h>

#define SW_HEADER_LEN 12
#define SW_POINTER 0xc000     /* the two high bits of a compression pointer */
#define SW_POINTER_MAX 0x3fff /* as far as it reaches */

/* header flags, as the 16-bit number after the ID */
#define SW_FLAG_QR 0x8000
#define SW_FLAG_AA 0x0400
#define SW_FLAG_TC 0x0200
#define SW_FLAG_RD 0x0100
#define SW_OPCODE_SHIFT 11

enum sw_opcode {
	SW_OPCODE_QUERY = 0,
	SW_OPCODE_NOTIFY = 4, /* RFC 1996 */
	SW_OPCODE_UPDATE = 5, /* RFC 2136 */
};

enum sw_rcode {
	SW_RCODE_NOERROR = 0,
	SW_RCODE_FORMERR = 1,
	SW_RCODE_SERVFAIL = 2,
	SW_RCODE_NXDOMAIN = 3,
	SW_RCODE_NOTIMP = 4,
	SW_RCODE_REFUSED = 5,
	SW_RCODE_YXDOMAIN = 6,
	SW_RCODE_NOTAUTH = 9,
	SW_RCODE_BADVERS = 16,
};

enum sw_type {
	SW_TYPE_A = 1,
	SW_TYPE_NS = 2,
	SW_TYPE_CNAME = 5,
	SW_TYPE_SOA = 6,
	SW_TYPE_MX = 15,
	SW_TYPE_TXT = 16,
	SW_TYPE_SIG = 24,
	SW_TYPE_AAAA = 28,
	SW_TYPE_SRV = 33,
	SW_TYPE_DNAME = 39,
	SW_TYPE_OPT = 41,
	SW_TYPE_DS = 43,
	SW_TYPE_RRSIG = 46,
	SW_TYPE_NSEC = 47,
	SW_TYPE_DNSKEY = 48,
	SW_TYPE_NSEC3 = 50,
	SW_TYPE_NSEC3PARAM = 51,
	SW_TYPE_TSIG = 250,
	SW_TYPE_IXFR = 251,
	SW_TYPE_AXFR = 252,
	SW_TYPE_ANY = 255,
};

enum sw_class { SW_CLASS_IN = 1, SW_CLASS_CH = 3, SW_CLASS_ANY = 255 };

enum sw_edns_option {
	SW_OPTION_NSID = 3,	  /* RFC 5001 */
	SW_OPTION_COOKIE = 10,	  /* RFC 7873 */
	SW_OPTION_KEEPALIVE = 11, /* RFC 7828 */
	SW_OPTION_EDE = 15,	  /* RFC 8914: extended DNS error */
};

/** RFC 8914 s4.25: no data for a zone that should have some, as when it has expired. */
#define SW_EDE_INVALID_DATA 24

#define SW_RECORD_MIN 11 /* root owner, type, class, TTL, length */
#define SW_OPT_LEN 11	 /* OPT record without options */
#define SW_EDNS_DO 0x8000
#define SW_UDP_PLAIN_MAX 512 /* without EDNS, RFC 1035 s4.2.1 */

#endif
