/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "frame_rows.h"
#include <netinet/in.h>

#define NOT_OURS ONE_OF(PASS_OTHER)
#define PUNTED ONE_OF(PUNT_FRAME)
#define WWW QUERY("www.example.com", SW_TYPE_A)
#define EDNS_WWW QUERY("www.example.com", SW_TYPE_A, .edns = 1232)

/* RFC 4861 s4.3, RFC 3810 s5.2: what follows the first four bytes and the checksum is of no interest here */
#define NEIGHBOUR_SOLICITATION ICMP6(.type = 135)
#define MLD2_REPORT ICMP6(.type = 143)

/* clang-format off */
const struct row frame_rows[] = {
	/* not for us: untouched */
	{"ARP", LAYERS(ETHERNET, ARP), PASSES, NOT_OURS},
	{"ARP behind a tag", LAYERS(ETHERNET, VLAN(7), ARP), PASSES, NOT_OURS},
	{"unknown EtherType", LAYERS(ETHERNET, BYTES("\0\1\2\3\4\5\6\7")), PASSES, NOT_OURS},
	{"nothing behind the Ethernet header", LAYERS(ETHERNET), PASSES, NOT_OURS},
	{"nothing behind a tag", LAYERS(ETHERNET, VLAN(7)), PASSES, NOT_OURS},
	{"ND: neighbour solicitation", LAYERS(ETHERNET, IP6(.to = "ff02::1:ff00:53"), NEIGHBOUR_SOLICITATION), PASSES, NOT_OURS},
	{"ND: solicitation to the address itself", LAYERS(ETHERNET, IP6(), NEIGHBOUR_SOLICITATION), PASSES, NOT_OURS},
	{"ND: neighbour advertisement", LAYERS(ETHERNET, IP6(), ICMP6(.type = 136)), PASSES, NOT_OURS},
	{"ND: router advertisement", LAYERS(ETHERNET, IP6(.to = "ff02::1"), ICMP6(.type = 134)), PASSES, NOT_OURS},
	{"MLDv2 report", LAYERS(ETHERNET, IP6(.to = "ff02::16"), EXTENSION(.number = IPPROTO_HOPOPTS), MLD2_REPORT), PASSES, NOT_OURS},
	{"MLD query", LAYERS(ETHERNET, IP6(.to = "ff02::1"), EXTENSION(.number = IPPROTO_HOPOPTS), ICMP6(.type = 130)), PASSES, NOT_OURS},
	{"BGP, IPv4", LAYERS(ETHERNET, IP4(), TCP(.from = 40000, .to = 179)), PASSES, NOT_OURS},
	{"BGP, IPv6", LAYERS(ETHERNET, IP6(), TCP(.from = 179, .to = 40000)), PASSES, NOT_OURS},
	{"ICMP echo", LAYERS(ETHERNET, IP4(), ICMP(.type = 8)), PASSES, NOT_OURS},
	{"ICMP: fragmentation needed", LAYERS(ETHERNET, IP4(), ICMP(.type = 3, .code = 4)), PASSES, NOT_OURS},
	{"ICMPv6 echo", LAYERS(ETHERNET, IP6(), ICMP6(.type = 128)), PASSES, NOT_OURS},
	{"ICMPv6: packet too big", LAYERS(ETHERNET, IP6(), ICMP6(.type = 2)), PASSES, NOT_OURS},
	{"TCP to another address", LAYERS(ETHERNET, IP4(.to = "192.0.2.54"), TCP()), PASSES, NOT_OURS},
	{"TCP to another address, IPv6", LAYERS(ETHERNET, IP6(.to = "2001:db8::54"), TCP(.flags = TCP_ACK)), PASSES, NOT_OURS},
	{"UDP to another port, IPv4", LAYERS(ETHERNET, IP4(), UDP(.to = 5353), WWW), PASSES, NOT_OURS},
	{"UDP to another port, IPv6", LAYERS(ETHERNET, IP6(), UDP(.to = 5353), WWW), PASSES, NOT_OURS},
	{"UDP to port 0", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_UDP, 2, 2, 0)), PASSES, NOT_OURS},
	{"UDP from port 53 to another port", LAYERS(ETHERNET, IP4(), UDP(.from = 53, .to = 40000), WWW), PASSES, NOT_OURS},
	{"UDP to the port with its bytes swapped", LAYERS(ETHERNET, IP4(), UDP(.to = 53 << 8), WWW), PASSES, NOT_OURS},
	{"UDP to another address, IPv4", LAYERS(ETHERNET, IP4(.to = "192.0.2.54"), UDP(), WWW), PASSES, NOT_OURS},
	{"UDP to another address, IPv6", LAYERS(ETHERNET, IP6(.to = "2001:db8::54"), UDP(), WWW), PASSES, NOT_OURS},
	{"UDP to an address that differs in its first byte", LAYERS(ETHERNET, IP6(.to = "2101:db8::53"), UDP(), WWW), PASSES, NOT_OURS},
	{"UDP to an address that starts with ours", LAYERS(ETHERNET, IP6(.to = "c000:235::"), UDP(), WWW), PASSES, NOT_OURS},
	{"UDP to a multicast address", LAYERS(ETHERNET, IP4(.to = "224.0.0.251"), UDP(), WWW), PASSES, NOT_OURS},
	{"UDP to the broadcast address", LAYERS(ETHERNET, IP4(.to = "255.255.255.255"), UDP(), WWW), PASSES, NOT_OURS},
	{"GRE", LAYERS(ETHERNET, IP4(), PROTOCOL(.number = IPPROTO_GRE, .len = 60)), PASSES, NOT_OURS},
	{"IPv6 in IPv4", LAYERS(ETHERNET, IP4(.protocol = IPPROTO_IPV6), IP6(), UDP(), WWW), PASSES, NOT_OURS},
	{"three tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), VLAN(9), IP4(), UDP(), WWW), PASSES, NOT_OURS},

	/* for us, but the kernel's own stack must look first: user space gets it */
	{"IPv4 options, 4 bytes", LAYERS(ETHERNET, IP4(.options_len = 4), UDP(), WWW), PASSES, PUNTED},
	{"IPv4 options, 40 bytes", LAYERS(ETHERNET, IP4(.options_len = 40), UDP(), WWW), PASSES, PUNTED},
	{"IPv4 options behind two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP4(.options_len = 4), UDP(), WWW), PASSES, PUNTED},
	{"IPv4, first fragment", LAYERS(ETHERNET, IP4(.fragment = 0x2000), UDP(), WWW), PASSES, PUNTED},
	{"IPv4, middle fragment", LAYERS(ETHERNET, IP4(.fragment = 0x2000 | 185, .protocol = IPPROTO_UDP), BYTES("in the middle")), PASSES, PUNTED},
	{"IPv4, last fragment", LAYERS(ETHERNET, IP4(.fragment = 185, .protocol = IPPROTO_UDP), BYTES("at the end")), PASSES, PUNTED},
	{"IPv4, last fragment that looks like a query", LAYERS(ETHERNET, IP4(.fragment = 185), UDP(), WWW), PASSES, PUNTED},
	{"IPv6 hop-by-hop options", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_HOPOPTS), UDP(), WWW), PASSES, PUNTED},
	{"IPv6 destination options", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_DSTOPTS), UDP(), WWW), PASSES, PUNTED},
	{"IPv6 destination options, 64 bytes", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_DSTOPTS, .len = 64), UDP(), WWW), PASSES, PUNTED},
	{"IPv6 routing header", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_ROUTING), UDP(), WWW), PASSES, PUNTED},
	{"IPv6 authentication header", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_AH, .len = 24), UDP(), WWW), PASSES, PUNTED},
	{"IPv6 mobility header", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_MH), UDP(), WWW), PASSES, PUNTED | NOT_OURS},
	{"IPv6 ESP", LAYERS(ETHERNET, IP6(), PROTOCOL(.number = IPPROTO_ESP, .len = 40)), PASSES, PUNTED | NOT_OURS},
	{"IPv6 no next header", LAYERS(ETHERNET, IP6(.next = IPPROTO_NONE), BYTES("what is this?")), PASSES, PUNTED | NOT_OURS},
	{"IPv6, first fragment", LAYERS(ETHERNET, IP6(), FRAGMENT(.is_more = true), UDP(), WWW), PASSES, PUNTED},
	{"IPv6, last fragment", LAYERS(ETHERNET, IP6(), FRAGMENT(.offset = 150, .next = IPPROTO_UDP), BYTES("at the end")), PASSES, PUNTED},
	{"IPv6, atomic fragment (RFC 6946)", LAYERS(ETHERNET, IP6(), FRAGMENT(), UDP(), WWW), PASSES, PUNTED},
	{"IPv6, three extension headers", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_HOPOPTS), EXTENSION(.number = IPPROTO_ROUTING), EXTENSION(.number = IPPROTO_DSTOPTS), UDP(), WWW), PASSES, PUNTED},
	{"IPv6 extension header behind a tag", LAYERS(ETHERNET, VLAN(7), IP6(), EXTENSION(.number = IPPROTO_DSTOPTS), UDP(), WWW), PASSES, PUNTED},
	{"IPv6 extension header before TCP", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_DSTOPTS), TCP()), PASSES, PUNTED | NOT_OURS},

	/* headers that contradict themselves */
	{"IPv4 with version 6", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 0, 1, 0x65)), NEVER_REPLIES, 0},
	{"IPv4 with version 0", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 0, 1, 0x05)), NEVER_REPLIES, 0},
	{"IPv4 with a header of 16 bytes", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 0, 1, 0x44)), NEVER_REPLIES, 0},
	{"IPv4 with a header of 0 bytes", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 0, 1, 0x40)), NEVER_REPLIES, 0},
	{"IPv4 with a header longer than the packet", LAYERS(ETHERNET, IP4(), UDP(), POKE(LAYER_IP4, 0, 1, 0x4f)), NEVER_REPLIES, 0},
	{"IPv4 total length beyond the frame", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 2, 2, 1000)), NEVER_REPLIES, 0},
	{"IPv4 total length below a header", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 2, 2, 19)), NEVER_REPLIES, 0},
	{"IPv4 total length 0", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 2, 2, 0)), NEVER_REPLIES, 0},
	{"IPv4 total length cuts the message", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 2, 2, 50)), NEVER_REPLIES, 0},
	{"IPv6 with version 4", LAYERS(ETHERNET, IP6(), UDP(), WWW, POKE(LAYER_IP6, 0, 1, 0x40)), NEVER_REPLIES, 0},
	{"IPv6 payload length beyond the frame", LAYERS(ETHERNET, IP6(), UDP(), WWW, POKE(LAYER_IP6, 4, 2, 1000)), NEVER_REPLIES, 0},
	{"IPv6 payload length 0", LAYERS(ETHERNET, IP6(), UDP(), WWW, POKE(LAYER_IP6, 4, 2, 0)), NEVER_REPLIES, 0},
	{"IPv6 payload length cuts the message", LAYERS(ETHERNET, IP6(), UDP(), WWW, POKE(LAYER_IP6, 4, 2, 24)), NEVER_REPLIES, 0},
	{"UDP length beyond the packet, IPv4", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_UDP, 4, 2, 400)), DROPS, ONE_OF(DROP_LENGTH)},
	{"UDP length beyond the packet, IPv6", LAYERS(ETHERNET, IP6(), UDP(), WWW, POKE(LAYER_UDP, 4, 2, 400)), DROPS, ONE_OF(DROP_LENGTH)},
	{"UDP length one beyond, into padding", LAYERS(ETHERNET, IP4(), UDP(), WWW, PAD(8), POKE(LAYER_UDP, 4, 2, 42)), DROPS, ONE_OF(DROP_LENGTH)},
	{"UDP length below a header, IPv4", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_UDP, 4, 2, 7)), DROPS, ONE_OF(DROP_LENGTH)},
	{"UDP length below a header, IPv6", LAYERS(ETHERNET, IP6(), UDP(), WWW, POKE(LAYER_UDP, 4, 2, 0)), DROPS, ONE_OF(DROP_LENGTH)},
	{"source port 0, IPv4", LAYERS(ETHERNET, IP4(), UDP(.is_from_zero = true), WWW), DROPS, ONE_OF(DROP_PORT0)},
	{"source port 0, IPv6", LAYERS(ETHERNET, IP6(), UDP(.is_from_zero = true), WWW), DROPS, ONE_OF(DROP_PORT0)},
	/* RFC 8200 s8.1: receivers must discard it */
	{"IPv6 UDP without checksum", LAYERS(ETHERNET, IP6(), UDP(.is_without_sum = true), WWW), NEVER_REPLIES, 0},

	/* messages nobody answers */
	{"no payload", LAYERS(ETHERNET, IP4(), UDP()), DROPS, ONE_OF(DROP_SHORT)},
	{"11 bytes", LAYERS(ETHERNET, IP4(), UDP(), BYTES("\x53\x77\0\0\0\1\0\0\0\0\0")), DROPS, ONE_OF(DROP_SHORT)},
	{"11 bytes and padding", LAYERS(ETHERNET, IP4(), UDP(), BYTES("\x53\x77\0\0\0\1\0\0\0\0\0"), PAD(7)), DROPS, ONE_OF(DROP_SHORT)},
	{"11 bytes, IPv6", LAYERS(ETHERNET, IP6(), UDP(), BYTES("\x53\x77\0\0\0\1\0\0\0\0\0")), DROPS, ONE_OF(DROP_SHORT)},
	{"a response", LAYERS(ETHERNET, IP4(), UDP(.from = 53), QUERY("www.example.com", SW_TYPE_A, .flags = 0x8400)), DROPS, ONE_OF(DROP_RESPONSE)},
	{"a response of 12 bytes, IPv6", LAYERS(ETHERNET, IP6(), UDP(), BYTES("\x53\x77\x80\0\0\0\0\0\0\0\0\0")), DROPS, ONE_OF(DROP_RESPONSE)},

	/* answered: everything turned round */
	{"query, IPv4", LAYERS(ETHERNET, IP4(), UDP(), WWW), REPLIES, 0},
	{"query, IPv6", LAYERS(ETHERNET, IP6(), UDP(), WWW), REPLIES, 0},
	{"query of odd length, IPv4", LAYERS(ETHERNET, IP4(), UDP(), QUERY("ww.example.com", SW_TYPE_A)), REPLIES, 0},
	{"query of odd length, IPv6", LAYERS(ETHERNET, IP6(), UDP(), QUERY("ww.example.com", SW_TYPE_A)), REPLIES, 0},
	{"query with EDNS, IPv4", LAYERS(ETHERNET, IP4(), UDP(), EDNS_WWW), REPLIES, 0},
	{"query with EDNS, IPv6", LAYERS(ETHERNET, IP6(), UDP(), EDNS_WWW), REPLIES, 0},
	{"query, don't fragment", LAYERS(ETHERNET, IP4(.fragment = 0x4000), UDP(), WWW), REPLIES, 0},
	{"query from port 53", LAYERS(ETHERNET, IP4(), UDP(.from = 53), WWW), REPLIES, 0},
	{"query from port 65535", LAYERS(ETHERNET, IP6(), UDP(.from = 65535), WWW), REPLIES, 0},
	{"query with TTL 1", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 8, 1, 1)), REPLIES, 0},
	{"query with hop limit 255 and a flow label", LAYERS(ETHERNET, IP6(), UDP(), WWW, POKE(LAYER_IP6, 7, 1, 255), POKE(LAYER_IP6, 2, 2, 0xbeef)), REPLIES, 0},
	{"query with a DSCP and ECN", LAYERS(ETHERNET, IP4(), UDP(), WWW, POKE(LAYER_IP4, 1, 1, 0xba)), REPLIES, 0},
	{"query padded to 60 bytes", LAYERS(ETHERNET, IP4(), UDP(), QUERY(".", SW_TYPE_NS), PAD(1)), REPLIES, 0},
	{"query with 18 bytes behind it, IPv4", LAYERS(ETHERNET, IP4(), UDP(), WWW, PAD(18)), REPLIES, 0},
	{"query with 18 bytes behind it, IPv6", LAYERS(ETHERNET, IP6(), UDP(), WWW, PAD(18)), REPLIES, 0},
	{"query with 400 bytes behind it, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP4(), UDP(), EDNS_WWW, PAD(400)), REPLIES, 0},
	{"one tag, IPv4", LAYERS(ETHERNET, VLAN(7), IP4(), UDP(), WWW), REPLIES, 0},
	{"one tag, IPv6", LAYERS(ETHERNET, VLAN(7), IP6(), UDP(), WWW), REPLIES, 0},
	{"priority tag", LAYERS(ETHERNET, VLAN(0xe000), IP4(), UDP(), WWW), REPLIES, 0},
	{"one 802.1ad tag", LAYERS(ETHERNET, VLAN_AD(4094), IP6(), UDP(), WWW), REPLIES, 0},
	{"QinQ, IPv4", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP4(), UDP(), EDNS_WWW), REPLIES, 0},
	{"QinQ, IPv6", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP6(), UDP(), EDNS_WWW), REPLIES, 0},
	{"two 802.1Q tags", LAYERS(ETHERNET, VLAN(7), VLAN(8), IP4(), UDP(), WWW), REPLIES, 0},
};
const size_t frame_row_count = sizeof(frame_rows) / sizeof(frame_rows[0]);

const struct row cut_rows[] = {
	{"IPv4", LAYERS(ETHERNET, IP4(), UDP(), WWW), NEVER_REPLIES, 0},
	{"IPv4, EDNS", LAYERS(ETHERNET, IP4(), UDP(), EDNS_WWW), NEVER_REPLIES, 0},
	{"IPv4, options", LAYERS(ETHERNET, IP4(.options_len = 8), UDP(), WWW), NEVER_REPLIES, 0},
	{"IPv4, one tag", LAYERS(ETHERNET, VLAN(7), IP4(), UDP(), WWW), NEVER_REPLIES, 0},
	{"IPv4, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP4(), UDP(), WWW), NEVER_REPLIES, 0},
	{"IPv6", LAYERS(ETHERNET, IP6(), UDP(), WWW), NEVER_REPLIES, 0},
	{"IPv6, EDNS", LAYERS(ETHERNET, IP6(), UDP(), EDNS_WWW), NEVER_REPLIES, 0},
	{"IPv6, extension headers", LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_HOPOPTS), FRAGMENT(), UDP(), WWW), NEVER_REPLIES, 0},
	{"IPv6, one tag", LAYERS(ETHERNET, VLAN(7), IP6(), UDP(), WWW), NEVER_REPLIES, 0},
	{"IPv6, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP6(), UDP(), WWW), NEVER_REPLIES, 0},
	{"ARP", LAYERS(ETHERNET, ARP), NEVER_REPLIES, 0},
	{"TCP", LAYERS(ETHERNET, IP4(), TCP()), NEVER_REPLIES, 0},
};
const size_t cut_row_count = sizeof(cut_rows) / sizeof(cut_rows[0]);
/* clang-format on */
