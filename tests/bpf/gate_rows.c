/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate_rows.h"
#include "machine.h"
#include <netinet/in.h>

#define WWW QUERY("www.example.com", SW_TYPE_A)
#define NOT_OURS ONE_OF(PASS_OTHER)
#define PUNTED ONE_OF(PUNT_FRAME)
#define ONLY4(...) IP4(.to = DEDICATED_IP4, ##__VA_ARGS__)
#define ONLY6(...) IP6(.to = DEDICATED_IP6, ##__VA_ARGS__)
#define GRE PROTOCOL(.number = IPPROTO_GRE, .len = 60)
#define ESP PROTOCOL(.number = IPPROTO_ESP, .len = 40)
#define SCTP PROTOCOL(.number = IPPROTO_SCTP, .len = 16)
#define MIDDLE BYTES("in the middle of a datagram")

/* A SYN as Linux sends it: MSS 1,460, SACK permitted, timestamps, window scale. */
#define LINUX_OPTIONS "\2\4\5\xb4\4\2\x08\x0a\0\1\2\3\0\0\0\0\1\3\3\7"
#define OPTIONS(literal) .options = (literal), .options_len = sizeof(literal) - 1
#define SYN TCP(OPTIONS(LINUX_OPTIONS))
#define ACK TCP(.flags = TCP_ACK, .ack = 0x9abcdef0)

/* clang-format off */
const struct row gate_rows[] = {
	/* an address that only serves DNS */
	{"dedicated: query, IPv4", LAYERS(ETHERNET, ONLY4(), UDP(), WWW), REPLIES, 0},
	{"dedicated: query, IPv6", LAYERS(ETHERNET, ONLY6(), UDP(), WWW), REPLIES, 0},
	{"dedicated: query, don't fragment", LAYERS(ETHERNET, ONLY4(.fragment = 0x4000), UDP(), WWW), REPLIES, 0},
	{"dedicated: GRE, IPv4", LAYERS(ETHERNET, ONLY4(), GRE), DROPS, ONE_OF(DROP_GRE)},
	{"dedicated: GRE, IPv6", LAYERS(ETHERNET, ONLY6(), GRE), DROPS, ONE_OF(DROP_GRE)},
	{"dedicated: GRE under one tag", LAYERS(ETHERNET, VLAN(7), ONLY4(), GRE), DROPS, ONE_OF(DROP_GRE)},
	{"dedicated: GRE under two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), ONLY6(), GRE), DROPS, ONE_OF(DROP_GRE)},
	{"dedicated: GRE under three tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), VLAN(9), ONLY4(), GRE), PASSES, NOT_OURS},
	{"dedicated: GRE and IPv4 options", LAYERS(ETHERNET, ONLY4(.options_len = 4), GRE), DROPS, ONE_OF(DROP_GRE)},
	{"dedicated: GRE of no length", LAYERS(ETHERNET, ONLY4(.protocol = IPPROTO_GRE)), DROPS, ONE_OF(DROP_GRE)},
	{"dedicated: ESP, IPv4", LAYERS(ETHERNET, ONLY4(), ESP), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: ESP, IPv6", LAYERS(ETHERNET, ONLY6(), ESP), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: SCTP, IPv4", LAYERS(ETHERNET, ONLY4(), SCTP), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: SCTP, IPv6, a tag", LAYERS(ETHERNET, VLAN(7), ONLY6(), SCTP), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: AH, IPv4", LAYERS(ETHERNET, ONLY4(), PROTOCOL(.number = IPPROTO_AH, .len = 24)), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: protocol 0, IPv4", LAYERS(ETHERNET, ONLY4(.protocol = IPPROTO_IP), BYTES("zero")), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: protocol 255", LAYERS(ETHERNET, ONLY4(), PROTOCOL(.number = 255, .len = 8)), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: IPv6 in IPv4", LAYERS(ETHERNET, ONLY4(.protocol = IPPROTO_IPV6), BYTES("six in four")), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: ICMPv6 in IPv4", LAYERS(ETHERNET, ONLY4(), ICMP6(.type = 128)), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: ICMP in IPv6", LAYERS(ETHERNET, ONLY6(), ICMP(.type = 8)), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: IPv6 mobility header", LAYERS(ETHERNET, ONLY6(), EXTENSION(.number = IPPROTO_MH), UDP(), WWW), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: IPv6 no next header", LAYERS(ETHERNET, ONLY6(.next = IPPROTO_NONE), BYTES("what is this?")), DROPS, ONE_OF(DROP_PROTOCOL)},
	{"dedicated: ICMP echo", LAYERS(ETHERNET, ONLY4(), ICMP(.type = 8)), PASSES, NOT_OURS},
	{"dedicated: ICMP, fragmentation needed", LAYERS(ETHERNET, ONLY4(), ICMP(.type = 3, .code = 4)), PASSES, NOT_OURS},
	{"dedicated: ICMP and IPv4 options", LAYERS(ETHERNET, ONLY4(.options_len = 8), ICMP(.type = 8)), PASSES, NOT_OURS},
	{"dedicated: ICMPv6 echo", LAYERS(ETHERNET, ONLY6(), ICMP6(.type = 128)), PASSES, NOT_OURS},
	{"dedicated: ICMPv6, packet too big", LAYERS(ETHERNET, VLAN(7), ONLY6(), ICMP6(.type = 2)), PASSES, NOT_OURS},
	{"dedicated: ND, solicitation to the address itself", LAYERS(ETHERNET, ONLY6(), ICMP6(.type = 135)), PASSES, NOT_OURS},
	{"dedicated: ND, neighbour advertisement", LAYERS(ETHERNET, ONLY6(), ICMP6(.type = 136)), PASSES, NOT_OURS},
	{"dedicated: MLD query", LAYERS(ETHERNET, ONLY6(), EXTENSION(.number = IPPROTO_HOPOPTS), ICMP6(.type = 130)), PASSES, PUNTED},
	{"dedicated: first fragment, IPv4", LAYERS(ETHERNET, ONLY4(.fragment = 0x2000), UDP(), WWW), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: middle fragment, IPv4", LAYERS(ETHERNET, ONLY4(.fragment = 0x2000 | 185, .protocol = IPPROTO_UDP), MIDDLE), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: last fragment, IPv4, a tag", LAYERS(ETHERNET, VLAN(7), ONLY4(.fragment = 185, .protocol = IPPROTO_UDP), MIDDLE), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: last fragment that looks like a query", LAYERS(ETHERNET, ONLY4(.fragment = 185), UDP(), WWW), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: first fragment of TCP", LAYERS(ETHERNET, ONLY4(.fragment = 0x2000), TCP()), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: fragment of ICMP", LAYERS(ETHERNET, ONLY4(.fragment = 0x2000), ICMP(.type = 8)), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: fragment of GRE", LAYERS(ETHERNET, ONLY4(.fragment = 185), GRE), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: fragment and options, IPv4", LAYERS(ETHERNET, ONLY4(.fragment = 0x2000, .options_len = 4), UDP(), WWW), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: first fragment, IPv6", LAYERS(ETHERNET, ONLY6(), FRAGMENT(.is_more = true), UDP(), WWW), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: last fragment, IPv6", LAYERS(ETHERNET, ONLY6(), FRAGMENT(.offset = 150, .next = IPPROTO_UDP), MIDDLE), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: atomic fragment, IPv6", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), ONLY6(), FRAGMENT(), UDP(), WWW), DROPS, ONE_OF(DROP_FRAGMENT)},
	{"dedicated: query and IPv4 options", LAYERS(ETHERNET, ONLY4(.options_len = 4), UDP(), WWW), PASSES, PUNTED},
	{"dedicated: query and IPv6 destination options", LAYERS(ETHERNET, ONLY6(), EXTENSION(.number = IPPROTO_DSTOPTS), UDP(), WWW), PASSES, PUNTED},
	{"dedicated: query and IPv6 hop-by-hop options", LAYERS(ETHERNET, ONLY6(), EXTENSION(.number = IPPROTO_HOPOPTS), UDP(), WWW), PASSES, PUNTED},
	{"dedicated: query and IPv6 authentication header", LAYERS(ETHERNET, ONLY6(), EXTENSION(.number = IPPROTO_AH, .len = 24), UDP(), WWW), PASSES, PUNTED},
	{"dedicated: IPv6 UDP without checksum", LAYERS(ETHERNET, ONLY6(), UDP(.is_without_sum = true), WWW), PASSES, NOT_OURS},
	{"dedicated: UDP to a closed port, IPv4", LAYERS(ETHERNET, ONLY4(), UDP(.to = 5353), WWW), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: UDP to a closed port, IPv6", LAYERS(ETHERNET, ONLY6(), UDP(.to = 5353), WWW), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: UDP to a closed port, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), ONLY4(), UDP(.to = 5353), WWW), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: UDP to port 0", LAYERS(ETHERNET, ONLY4(), UDP(), WWW, POKE(LAYER_UDP, 2, 2, 0)), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: UDP from port 53 to a closed port", LAYERS(ETHERNET, ONLY4(), UDP(.from = 53, .to = 40000), WWW), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: UDP to a port where a program waits, IPv4", LAYERS(ETHERNET, ONLY4(), UDP(.from = 53, .to = UDP_PORT), WWW), PASSES, NOT_OURS},
	{"dedicated: UDP to a port where a program waits, IPv6", LAYERS(ETHERNET, VLAN(7), ONLY6(), UDP(.to = UDP_PORT), WWW), PASSES, NOT_OURS},
	{"dedicated: UDP to a port where TCP waits", LAYERS(ETHERNET, ONLY4(), UDP(.to = TCP_PORT), WWW), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: UDP to the port for TLS, IPv4", LAYERS(ETHERNET, ONLY4(), UDP(.to = TLS_PORT), WWW), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: UDP to the port for TLS, IPv6, a tag", LAYERS(ETHERNET, VLAN(7), ONLY6(), UDP(.to = TLS_PORT), WWW), DROPS, ONE_OF(DROP_PORT)},
	{"UDP to the port for TLS, IPv4", LAYERS(ETHERNET, IP4(), UDP(.to = TLS_PORT), WWW), PASSES, NOT_OURS},
	{"UDP to the port for TLS, IPv6", LAYERS(ETHERNET, IP6(), UDP(.to = TLS_PORT), WWW), PASSES, NOT_OURS},
	{"dedicated: TCP to a closed port, IPv4", LAYERS(ETHERNET, ONLY4(), TCP(.to = 22)), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: TCP to a closed port, IPv6", LAYERS(ETHERNET, ONLY6(), TCP(.to = 179)), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: TCP from port 53 to a closed port", LAYERS(ETHERNET, ONLY6(), TCP(.from = 53, .to = 40000, .flags = TCP_SYN | TCP_ACK)), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: TCP to a port where a program waits, IPv4", LAYERS(ETHERNET, ONLY4(), TCP(.to = TCP_PORT)), PASSES, NOT_OURS},
	{"dedicated: TCP to a port where a program waits, IPv6", LAYERS(ETHERNET, ONLY6(), TCP(.to = TCP_PORT)), PASSES, NOT_OURS},
	{"dedicated: TCP to a port where UDP waits", LAYERS(ETHERNET, ONLY4(), TCP(.to = UDP_PORT)), DROPS, ONE_OF(DROP_PORT)},
	{"dedicated: TCP and IPv4 options", LAYERS(ETHERNET, ONLY4(.options_len = 4), TCP(.to = 22)), PASSES, NOT_OURS},

	/* a service address that others use as well: all this passes */
	{"shared: GRE, IPv6", LAYERS(ETHERNET, IP6(), GRE), PASSES, NOT_OURS},
	{"shared: ESP", LAYERS(ETHERNET, IP4(), ESP), PASSES, NOT_OURS},
	{"shared: SCTP under a tag", LAYERS(ETHERNET, VLAN(7), IP4(), SCTP), PASSES, NOT_OURS},
	{"shared: AH, IPv4", LAYERS(ETHERNET, IP4(), PROTOCOL(.number = IPPROTO_AH, .len = 24)), PASSES, NOT_OURS},
	{"shared: fragment of TCP", LAYERS(ETHERNET, IP4(.fragment = 0x2000), TCP()), PASSES, NOT_OURS},
	{"shared: fragment of ICMP", LAYERS(ETHERNET, IP4(.fragment = 185, .protocol = IPPROTO_ICMP), MIDDLE), PASSES, NOT_OURS},
	{"shared: UDP to a closed port", LAYERS(ETHERNET, IP4(), UDP(.to = 5353), WWW), PASSES, NOT_OURS},
	{"shared: TCP to a closed port, IPv4", LAYERS(ETHERNET, IP4(), TCP(.to = 22)), PASSES, NOT_OURS},
	{"shared: TCP to a closed port, IPv6", LAYERS(ETHERNET, IP6(), TCP(.to = 22, .flags = TCP_ACK)), PASSES, NOT_OURS},
	{"shared: IPv6 no next header", LAYERS(ETHERNET, IP6(.next = IPPROTO_NONE), BYTES("what is this?")), PASSES, NOT_OURS},

	/* addresses of a prefix of which nothing else is used */
	{"unused: UDP, IPv4", LAYERS(ETHERNET, IP4(.to = UNUSED_IP4), UDP(), WWW), DROPS, ONE_OF(DROP_UNUSED)},
	{"unused: UDP, IPv6", LAYERS(ETHERNET, IP6(.to = UNUSED_IP6), UDP(), WWW), DROPS, ONE_OF(DROP_UNUSED)},
	{"unused: the first address", LAYERS(ETHERNET, IP4(.to = UNUSED_NET4), UDP(), WWW), DROPS, ONE_OF(DROP_UNUSED)},
	{"unused: TCP, IPv6, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP6(.to = UNUSED_IP6), TCP(.to = 22)), DROPS, ONE_OF(DROP_UNUSED)},
	{"unused: ICMP echo", LAYERS(ETHERNET, IP4(.to = UNUSED_IP4), ICMP(.type = 8)), DROPS, ONE_OF(DROP_UNUSED)},
	{"unused: GRE", LAYERS(ETHERNET, VLAN(7), IP4(.to = UNUSED_IP4), GRE), DROPS, ONE_OF(DROP_UNUSED)},
	{"unused: fragment", LAYERS(ETHERNET, IP4(.to = UNUSED_IP4, .fragment = 0x2000), UDP(), WWW), DROPS, ONE_OF(DROP_UNUSED)},
	{"unused: IPv6 extension header", LAYERS(ETHERNET, IP6(.to = UNUSED_IP6), EXTENSION(.number = IPPROTO_DSTOPTS), UDP(), WWW), DROPS, ONE_OF(DROP_UNUSED)},
	{"unused: ND, solicitation", LAYERS(ETHERNET, IP6(.to = "ff02::1:ffff:ffff"), ICMP6(.type = 135)), PASSES, NOT_OURS},
	{"beyond the prefix, IPv4", LAYERS(ETHERNET, IP4(.to = "203.0.114.0"), UDP(), WWW), PASSES, NOT_OURS},
	{"before the prefix, IPv4", LAYERS(ETHERNET, IP4(.to = "203.0.112.255"), UDP(), WWW), PASSES, NOT_OURS},
	{"beyond the prefix, IPv6", LAYERS(ETHERNET, IP6(.to = "2001:db8:78::"), TCP()), PASSES, NOT_OURS},
	{"an IPv6 address that starts with the IPv4 prefix", LAYERS(ETHERNET, IP6(.to = "cb00:7100::"), UDP(), WWW), PASSES, NOT_OURS},
	{"an address of the machine in the prefix, IPv4", LAYERS(ETHERNET, IP4(.to = OWN_IP4), TCP(.to = 22)), PASSES, NOT_OURS},
	{"an address of the machine in the prefix, IPv6", LAYERS(ETHERNET, IP6(.to = OWN_IP6), GRE), PASSES, NOT_OURS},
};
const size_t gate_row_count = sizeof(gate_rows) / sizeof(gate_rows[0]);

#define CONNECTED TCP(.from = CONNECTED_PORT, .flags = TCP_ACK)

const struct row tcp_rows[] = {
	{"SYN, IPv4", LAYERS(ETHERNET, IP4(), SYN), PASSES, ONE_OF(TCP_SYN)},
	{"SYN, IPv6", LAYERS(ETHERNET, IP6(), SYN), PASSES, ONE_OF(TCP_SYN)},
	{"SYN, dedicated", LAYERS(ETHERNET, ONLY4(), SYN), PASSES, ONE_OF(TCP_SYN)},
	{"SYN, to the port for TLS", LAYERS(ETHERNET, IP4(), TCP(.to = TLS_PORT, OPTIONS(LINUX_OPTIONS))), PASSES, ONE_OF(TCP_SYN)},
	{"SYN, to the port for TLS, dedicated", LAYERS(ETHERNET, ONLY6(), TCP(.to = TLS_PORT, OPTIONS(LINUX_OPTIONS))), PASSES, ONE_OF(TCP_SYN)},
	{"SYN with ECN (RFC 3168 s6.1.1)", LAYERS(ETHERNET, IP4(), TCP(.flags = 0xc2, OPTIONS(LINUX_OPTIONS))), PASSES, ONE_OF(TCP_SYN)},
	{"SYN with data (RFC 7413)", LAYERS(ETHERNET, ONLY4(), SYN, BYTES("early")), PASSES, ONE_OF(TCP_SYN)},
	{"SYN under one tag", LAYERS(ETHERNET, VLAN(7), IP6(), SYN), PASSES, ONE_OF(TCP_SYN)},
	{"SYN under two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP4(), SYN), PASSES, ONE_OF(TCP_SYN)},
	{"SYN and IPv4 options", LAYERS(ETHERNET, IP4(.options_len = 4), SYN), PASSES, ONE_OF(PASS_OTHER)},
	{"SYN and IPv6 destination options", LAYERS(ETHERNET, ONLY6(), EXTENSION(.number = IPPROTO_DSTOPTS), SYN), PASSES, ONE_OF(PUNT_FRAME)},
	{"ACK of nothing, IPv4", LAYERS(ETHERNET, IP4(), ACK), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"ACK of nothing, IPv6", LAYERS(ETHERNET, IP6(), ACK), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"ACK of nothing, dedicated", LAYERS(ETHERNET, ONLY4(), ACK), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"ACK of nothing, dedicated, IPv6, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), ONLY6(), ACK), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"ACK of nothing with data", LAYERS(ETHERNET, IP4(), ACK, BYTES("\0\4data")), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"SYN-ACK", LAYERS(ETHERNET, IP4(), TCP(.flags = TCP_SYN | TCP_ACK)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"RST", LAYERS(ETHERNET, IP6(), TCP(.flags = TCP_RST)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"RST-ACK", LAYERS(ETHERNET, IP4(), TCP(.flags = TCP_RST | TCP_ACK)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"FIN-ACK", LAYERS(ETHERNET, ONLY4(), TCP(.flags = TCP_FIN | TCP_ACK)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"FIN", LAYERS(ETHERNET, VLAN(7), IP4(), TCP(.flags = TCP_FIN)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"SYN-FIN", LAYERS(ETHERNET, IP4(), TCP(.flags = TCP_SYN | TCP_FIN)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"SYN-RST", LAYERS(ETHERNET, IP6(), TCP(.flags = TCP_SYN | TCP_RST)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"all flags", LAYERS(ETHERNET, IP4(), TCP(.flags = 0xff)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"no flags but PSH", LAYERS(ETHERNET, IP4(), TCP(.flags = 0x08)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"of a connection, IPv4", LAYERS(ETHERNET, ONLY4(), CONNECTED), PASSES, ONE_OF(TCP_PASS)},
	{"of a connection, IPv6", LAYERS(ETHERNET, ONLY6(), CONNECTED), PASSES, ONE_OF(TCP_PASS)},
	{"of a connection, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), ONLY4(), CONNECTED), PASSES, ONE_OF(TCP_PASS)},
	{"of a connection, RST", LAYERS(ETHERNET, ONLY4(), TCP(.from = CONNECTED_PORT, .flags = TCP_RST)), PASSES, ONE_OF(TCP_PASS)},
	{"of a connection, SYN", LAYERS(ETHERNET, ONLY4(), TCP(.from = CONNECTED_PORT)), PASSES, ONE_OF(TCP_SYN)},
	{"of a closed connection, IPv4", LAYERS(ETHERNET, ONLY4(), TCP(.from = CLOSED_PORT, .flags = TCP_ACK)), PASSES, ONE_OF(TCP_PASS)},
	{"of a closed connection, IPv6", LAYERS(ETHERNET, ONLY6(), TCP(.from = CLOSED_PORT, .flags = TCP_FIN | TCP_ACK)), PASSES, ONE_OF(TCP_PASS)},
	{"of a connection, from another address", LAYERS(ETHERNET, ONLY4(.from = "198.51.100.8"), CONNECTED), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"of a connection, to another service", LAYERS(ETHERNET, IP4(), CONNECTED), DROPS, ONE_OF(DROP_TCP_STATE)},
};
const size_t tcp_row_count = sizeof(tcp_rows) / sizeof(tcp_rows[0]);

const struct row flood_rows[] = {
	{"SYN, IPv4", LAYERS(ETHERNET, IP4(), SYN), COOKIES, 0},
	{"SYN, IPv6", LAYERS(ETHERNET, IP6(), SYN), COOKIES, 0},
	{"SYN, dedicated, IPv4", LAYERS(ETHERNET, ONLY4(), SYN), COOKIES, 0},
	{"SYN, dedicated, IPv6", LAYERS(ETHERNET, ONLY6(), SYN), COOKIES, 0},
	{"SYN under one tag", LAYERS(ETHERNET, VLAN(7), IP4(), SYN), COOKIES, 0},
	{"SYN under two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP6(), SYN), COOKIES, 0},
	{"SYN without options, IPv4", LAYERS(ETHERNET, IP4(), TCP()), COOKIES, 0},
	{"SYN without options, IPv6", LAYERS(ETHERNET, IP6(), TCP()), COOKIES, 0},
	{"SYN without options, padded", LAYERS(ETHERNET, IP4(), TCP(), PAD(6)), COOKIES, 0},
	{"SYN with an MSS alone", LAYERS(ETHERNET, IP4(), TCP(OPTIONS("\2\4\2\x18"))), COOKIES, 0},
	{"SYN with an MSS alone, padded", LAYERS(ETHERNET, IP4(), TCP(OPTIONS("\2\4\2\x18")), PAD(2)), COOKIES, 0},
	{"SYN with an MSS of 0", LAYERS(ETHERNET, IP4(), TCP(OPTIONS("\2\4\0\0"))), COOKIES, 0},
	{"SYN with 40 bytes of options", LAYERS(ETHERNET, IP6(), TCP(OPTIONS(LINUX_OPTIONS "\xfe\x14" "012345678901234567"))), COOKIES, 0},
	{"SYN with options of nonsense", LAYERS(ETHERNET, IP4(), TCP(OPTIONS("\2\xff\0\0\1\2\3\4"))), COOKIES, 0},
	{"SYN with ECN", LAYERS(ETHERNET, IP4(), TCP(.flags = 0xc2, OPTIONS(LINUX_OPTIONS))), COOKIES, 0},
	{"SYN with data", LAYERS(ETHERNET, IP4(), SYN, BYTES("early data of a client")), COOKIES, 0},
	{"SYN with sequence number 2^32 - 1", LAYERS(ETHERNET, IP6(), TCP(.seq = 0xffffffff, OPTIONS(LINUX_OPTIONS))), COOKIES, 0},
	{"SYN with TTL 1, DSCP, don't fragment", LAYERS(ETHERNET, IP4(.fragment = 0x4000), SYN, POKE(LAYER_IP4, 8, 1, 1), POKE(LAYER_IP4, 1, 1, 0xb8)), COOKIES, 0},
	{"SYN with a header longer than the packet", LAYERS(ETHERNET, IP4(), TCP(), POKE(LAYER_TCP, 12, 1, 0xf0)), PASSES, ONE_OF(TCP_SYN)},
	{"SYN with a header shorter than one", LAYERS(ETHERNET, IP4(), TCP(), POKE(LAYER_TCP, 12, 1, 0x40)), PASSES, ONE_OF(TCP_SYN)},
	{"SYN with a header beyond IP's length, in padding", LAYERS(ETHERNET, IP4(), TCP(), PAD(40), POKE(LAYER_TCP, 12, 1, 0xa0)), PASSES, ONE_OF(TCP_SYN)},
	{"SYN and a total length below IP's header", LAYERS(ETHERNET, IP4(), SYN, POKE(LAYER_IP4, 2, 2, 19)), PASSES, ONE_OF(TCP_SYN)},
	{"SYN of a connection", LAYERS(ETHERNET, ONLY4(), TCP(.from = CONNECTED_PORT)), PASSES, ONE_OF(TCP_SYN)},
	{"SYN of a closed connection", LAYERS(ETHERNET, ONLY6(), TCP(.from = CLOSED_PORT)), PASSES, ONE_OF(TCP_SYN)},
	{"of a connection, IPv4", LAYERS(ETHERNET, ONLY4(), CONNECTED), PASSES, ONE_OF(TCP_PASS)},
	{"of a connection, IPv6", LAYERS(ETHERNET, ONLY6(), CONNECTED), PASSES, ONE_OF(TCP_PASS)},
	{"ACK of nothing, IPv4", LAYERS(ETHERNET, IP4(), ACK), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"ACK of nothing, IPv6", LAYERS(ETHERNET, IP6(), ACK), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"SYN-ACK", LAYERS(ETHERNET, IP4(), TCP(.flags = TCP_SYN | TCP_ACK)), DROPS, ONE_OF(DROP_TCP_STATE)},
	{"a query", LAYERS(ETHERNET, IP4(), UDP(), WWW), REPLIES, 0},
};
const size_t flood_row_count = sizeof(flood_rows) / sizeof(flood_rows[0]);

const struct row warm_rows[] = {
	{"SYN, IPv4", LAYERS(ETHERNET, IP4(), SYN), COOKIES, 0},
	{"SYN, dedicated, IPv6", LAYERS(ETHERNET, ONLY6(), SYN), COOKIES, 0},
};
const size_t warm_row_count = sizeof(warm_rows) / sizeof(warm_rows[0]);

const struct row gate_cut_rows[] = {
	{"SYN, IPv4", LAYERS(ETHERNET, IP4(), SYN), NEVER_REPLIES, 0},
	{"SYN, IPv6, two tags", LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP6(), SYN), NEVER_REPLIES, 0},
	{"SYN, dedicated", LAYERS(ETHERNET, VLAN(7), ONLY4(), SYN), NEVER_REPLIES, 0},
	{"ACK, IPv4", LAYERS(ETHERNET, IP4(), ACK), NEVER_REPLIES, 0},
	{"ACK, dedicated, IPv6", LAYERS(ETHERNET, ONLY6(), CONNECTED), NEVER_REPLIES, 0},
	{"GRE, dedicated, IPv4", LAYERS(ETHERNET, ONLY4(), GRE), NEVER_REPLIES, 0},
	{"GRE, dedicated, IPv6, a tag", LAYERS(ETHERNET, VLAN(7), ONLY6(), GRE), NEVER_REPLIES, 0},
	{"fragment, dedicated, IPv6", LAYERS(ETHERNET, ONLY6(), FRAGMENT(.is_more = true), UDP(), WWW), NEVER_REPLIES, 0},
	{"ICMP, dedicated", LAYERS(ETHERNET, ONLY4(), ICMP(.type = 3, .code = 4)), NEVER_REPLIES, 0},
	{"UDP to a closed port, dedicated", LAYERS(ETHERNET, ONLY4(), UDP(.to = 5353), WWW), NEVER_REPLIES, 0},
	{"unused, IPv6", LAYERS(ETHERNET, IP6(.to = UNUSED_IP6), UDP(), WWW), NEVER_REPLIES, 0},
};
const size_t gate_cut_row_count = sizeof(gate_cut_rows) / sizeof(gate_cut_rows[0]);
/* clang-format on */
