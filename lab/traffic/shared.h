// SPDX-License-Identifier: GPL-3.0-or-later
/** What the two halves of the drill's traffic share: the BPF programs that make and receive packets, and the
 * process that decides what honest resolvers ask.
 *
 * Honest packets are *letters*: whole frames that user space has written, for it alone knows who asks what
 * and why again. The kernel stamps and sends them. Attack packets are made in the kernel from *templates*, of
 * which a few fields vary, since there are many times more of them; user space only says how many of which a
 * second.
 */
#ifndef LAB_TRAFFIC_SHARED_H
#define LAB_TRAFFIC_SHARED_H

#include <linux/types.h>

#define LAB_POPS 4

/* Everything is asked of these (documentation prefixes, RFC 5737, RFC 3849), and nothing else ever is. */
#define LAB_SERVICE4 0xc0000200u /* 192.0.2.0/24 */
#define LAB_SERVICE4_MASK 0xffffff00u
#define LAB_SERVICE6_0 0x20010db8u /* 2001:db8:53::/48 */
#define LAB_SERVICE6_1 0x0053u

#define LAB_INPUT_BYTES 832 /* frames enter the sending program so long, and leave it shorter */

#define LAB_ETHERNET_BYTES 14
#define LAB_UDP4_AT 34
#define LAB_UDP6_AT 54
#define LAB_DNS4_AT 42

/* ---- letters ---- */

#define LAB_LETTER_FRAME 304 /* whole words: Ethernet, IPv6, UDP, a name of 100 bytes, EDNS with a cookie */
#define LAB_LETTERS 8192     /* waiting to be sent; power of two */
#define LAB_TRIES (1u << 21) /* resolutions that can be under way; power of two */

struct lab_letter {
	__u32 slot;	   /* of the resolution */
	__u16 frame_bytes; /* without the padding to whole words */
	__u8 is_first;	   /* first try: note when it goes out */
	__u8 is_ipv6;
	__u8 frame[LAB_LETTER_FRAME];
	__u64 tail; /* last eight bytes of the frame */
};
_Static_assert(sizeof(struct lab_letter) == 320, "five cache lines");

/* ---- what came back to an honest resolver ---- */

#define LAB_REPLY_MAX 512

struct lab_reply {
	__u64 received_ns; /* CLOCK_MONOTONIC */
	__u32 resolver;
	__u16 port; /* host order */
	__u16 message_bytes;
	__u8 reserved[8];
	__u8 message[LAB_REPLY_MAX]; /* the first bytes of it */
};

struct lab_address {
	__u8 bytes[16]; /* IPv4 in the last four, 0 before */
};

/* ---- attack ---- */

/** What the attack is made of; the truth that a defence's vectors are judged by. */
#define LAB_VECTORS(X)                                                                    \
	X(SYN, "syn", "TCP SYN to port 53")                                               \
	X(ACK, "ack", "TCP ACK out of state to port 53")                                  \
	X(GRE, "gre", "GRE to the service address")                                       \
	X(JUNK, "junk", "UDP to port 53: junk, malformed, padded")                        \
	X(RELAYED, "relayed", "random labels, through honest resolvers")                  \
	X(RANDOM, "random", "random labels, asked directly")                              \
	X(EXISTING, "existing", "names that exist, asked directly")                       \
	X(SPOOFED, "spoofed", "names that exist, under the addresses of known resolvers") \
	X(SCAN, "scan", "TCP SYN to unused addresses of the service prefix")              \
	X(SOURCES, "sources", "one query from each of very many addresses")

enum lab_vector {
#define X(name, text, what) LAB_##name,
	LAB_VECTORS(X)
#undef X
		LAB_VECTOR_COUNT
};

enum lab_sources { LAB_BY_ENDPOINTS, LAB_BY_KNOWN, LAB_BY_COUNTING };

#define LAB_HEAD_BYTES 192 /* whole words; what stands behind is whatever the page held */
#define LAB_TEMPLATES 32768
#define LAB_LABEL_MAX 28 /* with the lengths of its labels */
#define LAB_ALPHABET_MAX 32

struct lab_template {
	__u16 frame_bytes;
	__u16 label_at;	  /* labels of which some letters are drawn, 0 for none */
	__u8 label_bytes; /* a multiple of 4 */
	__u8 vector;
	__u8 protocol; /* of IPv4, or next header */
	__u8 sources;  /* enum lab_sources */
	__u8 is_scan;  /* destination drawn, sequence number equal to it */
	__u8 ttl;      /* that the tool sends with */
	__u16 twin;    /* so many templates on stands the same for sources with IPv6; 0: there is none */
	__u8 is_ipv6;
	__u8 alphabet_size;
	__u16 port_first; /* source ports: so many from here on */
	__u16 port_count;
	__u8 reserved[2];
	__u32 label_varies; /* which bytes of the labels are drawn: bit 0 is the first */
	__u8 alphabet[LAB_ALPHABET_MAX];
	__u32 ip_sum; /* ones' complement sums of what does not vary; of IPv4 alone */
	__u32 l4_sum; /* 0: no checksum (UDP of RFC 768) */
	__u64 tail;   /* last eight bytes of the frame, where it is no longer than the head */
	__u8 frame[LAB_HEAD_BYTES];
};
_Static_assert(sizeof(struct lab_template) == 264, "no padding");

/** What is drawn for each packet: which template (the first of `template_count`) and in which catchment. */
struct lab_draw {
	__u16 template;
	__u8 template_bits; /* 2^bits templates in a row */
	__u8 pop;
};

#define LAB_DRAWS 1024

struct lab_mix {
	__u64 rate_pps;
	__u64 start_ns;
	__u64 burst; /* packets that may be made up for; what is later than that is missed */
	struct lab_draw draw[LAB_DRAWS];
};

/** One source of the attack. */
struct lab_source {
	__u32 address[4]; /* network order; IPv4 is the first */
	__u8 is_ipv6;
	__u8 hops;	 /* that its packets have passed */
	__u8 is_scanner; /* touches unused addresses too */
	__u8 reserved;
};

#define LAB_COUNTED_SOURCES (1u << 28) /* that many send one query each, then nobody does */
#define LAB_SOURCE_ENTRIES 16384       /* entries per catchment; who sends more stands there more often */

/** Where packets of a catchment go at present. */
struct lab_route {
	__u64 looked_up_ns;
	__u32 interface; /* 0: nowhere */
	__u8 macs[12];	 /* destination, source */
};

struct lab_counters {
	__u64 sent[LAB_VECTOR_COUNT][LAB_POPS];
	__u64 letters_sent;
	__u64 missed;	    /* attack packets that were due and not made in time */
	__u64 no_route;	    /* no POP announces the address, or the route leads out of the lab */
	__u64 not_ours;	    /* destination outside the service prefixes: must stay 0 */
	__u64 replies;	    /* to honest resolvers over UDP */
	__u64 replies_lost; /* of these, no room to tell user space */
	__u64 muted;
	__u64 to_attackers_packets;
	__u64 to_attackers_bytes;
};

/** Set by user space while the programs run. */
struct lab_orders {
	__u32 active_mix; /* which of two mixes counts */
	__u32 is_muted;	  /* replies to honest resolvers are lost on their way */
	__u32 is_dry;	  /* attack packets are made, but not sent */
	__u32 reserved;
};

#endif
