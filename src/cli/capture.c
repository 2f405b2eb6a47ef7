/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/capture.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include "wire/name.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#define PACKETS_MAX 1000 /* each is a question to the daemon */
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define FRAGMENT 0x3fff /* more fragments, or an offset */

/** What is left to be read of a packet. */
struct rest {
	const uint8_t *at;
	size_t len;
};

/** A packet, as far as it is understood. */
struct packet {
	char address[INET6_ADDRSTRLEN];
	uint8_t ttl;
	char name[SW_NAME_TEXT_MAX]; /* of a question; "" where there is none */
	bool is_cut;		     /* the capture has not all of it */
	const char *otherwise;	     /* what the gate makes of what is no question; NULL: it is one */
};

static const char cut_off[] = "cut off in the capture",
		  fragment[] = "a fragment: dropped where the address is dedicated (drop_fragment)";

static bool take(struct rest *rest, size_t count)
{
	if (rest->len < count)
		return false;
	rest->at += count;
	rest->len -= count;
	return true;
}

/* ---- reading a packet ---- */

static bool is_known_link(int link)
{
	return link == DLT_EN10MB || link == DLT_RAW || link == DLT_LINUX_SLL || link == DLT_LINUX_SLL2;
}

/** @return whether what is left is IP */
static bool link_read(struct rest *rest, int link)
{
	unsigned type;
	if (link == DLT_RAW)
		return true;
	if (link == DLT_LINUX_SLL2) {
		type = rest->len >= 20 ? sw_get16(rest->at) : 0;
		take(rest, 20);
		return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
	}
	if (!take(rest, link == DLT_LINUX_SLL ? 14 : 12))
		return false;
	while (rest->len >= 6 &&
		(sw_get16(rest->at) == ETHERTYPE_VLAN || sw_get16(rest->at) == ETHERTYPE_QINQ))
		take(rest, 4);
	type = rest->len >= 2 ? sw_get16(rest->at) : 0;
	take(rest, 2);
	return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
}

/** The name that is asked for; a pointer in it is no name. */
static bool question_read(const struct rest *rest, char *text)
{
	uint8_t name[SW_NAME_MAX];
	size_t at = SW_HEADER_LEN, len = 0;
	while (at < rest->len && rest->at[at] != 0) {
		size_t label = 1 + (size_t)rest->at[at];
		if (label > 64 || at + label >= rest->len || len + label >= SW_NAME_MAX)
			return false;
		memcpy(name + len, rest->at + at, label);
		len += label;
		at += label;
	}
	if (at >= rest->len)
		return false;
	name[len] = 0;
	sw_name_text(name, text);
	return true;
}

static const char *message_read(const struct rest *rest, struct packet *packet)
{
	if (rest->len < SW_HEADER_LEN)
		return "UDP too short for a question: dropped (drop_length)";
	if (rest->at[2] & 0x80)
		return "a reply, not a question: dropped (drop_response)";
	if (sw_get16(rest->at + 4) == 0 || !question_read(rest, packet->name))
		return "no question that can be read: FORMERR, or dropped";
	return NULL;
}

static const char *udp_read(struct rest *rest, unsigned port, struct packet *packet)
{
	if (rest->len < 8)
		return packet->is_cut ? cut_off : "UDP of a wrong length: dropped (drop_length)";
	unsigned source = sw_get16(rest->at), destination = sw_get16(rest->at + 2),
		 len = sw_get16(rest->at + 4);
	if (destination != port && source == port)
		return "from the server: not for it";
	if (destination != port)
		return "to another port: dropped where the address is dedicated (drop_port)";
	if (source == 0)
		return "from port 0: dropped (drop_port0)";
	if (len > rest->len && packet->is_cut)
		return cut_off;
	if (len < 8 || len > rest->len)
		return "UDP of a wrong length: dropped (drop_length)";
	rest->len = len; /* what is behind it is padding */
	take(rest, 8);
	return message_read(rest, packet);
}

static const char *tcp_read(const struct rest *rest, unsigned port)
{
	if (rest->len < 20)
		return "TCP without a whole header: left to the stack";
	if (sw_get16(rest->at + 2) != port)
		return sw_get16(rest->at) == port
			       ? "from the server: not for it"
			       : "to another port: dropped where the address is dedicated (drop_port)";
	if ((rest->at[13] & 0x17) == 0x02)
		return "TCP SYN: passes; beyond the budget for SYNs it is answered with a cookie";
	return "TCP: passes if it belongs to a connection, else dropped (drop_tcp_state)";
}

static const char *protocol_read(struct rest *rest, unsigned protocol, unsigned port, struct packet *packet)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return udp_read(rest, port, packet);
	case IPPROTO_TCP:
		return tcp_read(rest, port);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "ICMP: passes";
	case IPPROTO_GRE:
		return "GRE: dropped where the address is dedicated (drop_gre)";
	case IPPROTO_FRAGMENT:
		return fragment;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return "extension headers: left to the stack";
	default:
		return "another protocol: dropped where the address is dedicated (drop_protocol)";
	}
}

/** What is behind the length that IP says is padding. */
static bool end_at(struct rest *rest, size_t len, const struct packet *packet)
{
	if (len > rest->len && !packet->is_cut)
		return false;
	if (len < rest->len)
		rest->len = len;
	return true;
}

static const char *ipv4_read(struct rest *rest, unsigned port, struct packet *packet)
{
	const uint8_t *ip = rest->at;
	inet_ntop(AF_INET, ip + 12, packet->address, sizeof(packet->address));
	packet->ttl = ip[8];
	if (sw_get16(ip + 2) < 20 || !end_at(rest, sw_get16(ip + 2), packet))
		return "IP of a wrong length: left to the stack";
	if (sw_get16(ip + 6) & FRAGMENT)
		return fragment;
	if ((ip[0] & 15) != 5)
		return "IP options: left to the stack";
	take(rest, 20);
	return protocol_read(rest, ip[9], port, packet);
}

static const char *ipv6_read(struct rest *rest, unsigned port, struct packet *packet)
{
	const uint8_t *ip = rest->at;
	inet_ntop(AF_INET6, ip + 8, packet->address, sizeof(packet->address));
	packet->ttl = ip[7];
	if (!end_at(rest, 40 + (size_t)sw_get16(ip + 4), packet))
		return "IP of a wrong length: left to the stack";
	take(rest, 40);
	return protocol_read(rest, ip[6], port, packet);
}

static const char *packet_read(struct rest *rest, int link, unsigned port, struct packet *packet)
{
	if (!link_read(rest, link))
		return "not IP: left to the stack";
	unsigned version = rest->len ? rest->at[0] >> 4 : 0;
	if (version == 4 && rest->len >= 20)
		return ipv4_read(rest, port, packet);
	if (version == 6 && rest->len >= 40)
		return ipv6_read(rest, port, packet);
	return packet->is_cut ? cut_off : "not IP: left to the stack";
}

/* ---- telling ---- */

/** What the daemon says. @return enum sw_exit */
static int question_ask(
	const struct sw_command *command, const char *control, const struct packet *packet, json_t **reply)
{
	int code = sw_ask(command, control,
		json_pack("{s:s, s:s, s:s, s:i}", "command", "guard-explain", "address", packet->address,
			"name", packet->name, "ttl", packet->ttl),
		reply);
	const char *error = code == SW_EXIT_OK ? json_string_value(json_object_get(*reply, "error")) : NULL;
	if (!error)
		return code;
	sw_complain(command, "%s", error);
	json_decref(*reply);
	return SW_EXIT_FAILED;
}

static void print(unsigned number, const struct packet *packet, const json_t *reply)
{
	size_t i;
	json_t *reason;
	printf("%5u  %s ttl %u", number, packet->address[0] ? packet->address : "?", packet->ttl);
	if (packet->otherwise) {
		printf("  %s\n", packet->otherwise);
		return;
	}
	printf("  %s  %s, lane %s:", packet->name, json_string_value(json_object_get(reply, "action")),
		json_string_value(json_object_get(reply, "lane")));
	json_array_foreach(json_object_get(reply, "reasons"), i, reason)
		printf("%s %s", i ? ";" : "", json_string_value(reason));
	putchar('\n');
}

static void print_json(unsigned number, const struct packet *packet, json_t *reply)
{
	json_t *line = reply ? json_incref(reply) : json_object();
	json_object_set_new(line, "packet", json_integer(number));
	json_object_set_new(line, "address", json_string(packet->address));
	json_object_set_new(line, "ttl", json_integer(packet->ttl));
	if (packet->otherwise)
		json_object_set_new(line, "gate", json_string(packet->otherwise));
	else
		json_object_set_new(line, "name", json_string(packet->name));
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(line);
}

static int packet_explain(const struct sw_command *command, const char *control, bool is_json,
	unsigned number, struct packet *packet)
{
	json_t *reply = NULL;
	if (!packet->otherwise) {
		int code = question_ask(command, control, packet, &reply);
		if (code != SW_EXIT_OK)
			return code;
	}
	if (is_json)
		print_json(number, packet, reply);
	else
		print(number, packet, reply);
	json_decref(reply);
	return SW_EXIT_OK;
}

static int packets_explain(const struct sw_command *command, pcap_t *capture, const struct sw_capture *what)
{
	struct pcap_pkthdr *head;
	const uint8_t *bytes;
	int got = 0, code = SW_EXIT_OK;
	unsigned number = 0;
	while (code == SW_EXIT_OK && number < PACKETS_MAX &&
		(got = pcap_next_ex(capture, &head, &bytes)) == 1) {
		struct packet packet = {.is_cut = head->caplen < head->len};
		struct rest rest = {bytes, head->caplen};
		packet.otherwise = packet_read(&rest, pcap_datalink(capture), what->port, &packet);
		code = packet_explain(command, what->control, what->is_json, ++number, &packet);
	}
	if (got == PCAP_ERROR) {
		sw_complain(command, "%s: %s", what->path, pcap_geterr(capture));
		code = SW_EXIT_FAILED;
	} else if (code == SW_EXIT_OK && number == PACKETS_MAX) {
		fprintf(stderr, "the first %d packets; there may be more\n", PACKETS_MAX);
	}
	return code;
}

int sw_capture_explain(const struct sw_command *command, const struct sw_capture *what)
{
	char why[PCAP_ERRBUF_SIZE];
	int code = SW_EXIT_FAILED;
	pcap_t *capture = pcap_open_offline(what->path, why);
	if (!capture) {
		sw_complain(command, "%s", why);
		return SW_EXIT_FAILED;
	}
	if (is_known_link(pcap_datalink(capture)))
		code = packets_explain(command, capture, what);
	else
		sw_complain(command, "%s: packets of a link that is not known here (%s)", what->path,
			pcap_datalink_val_to_name(pcap_datalink(capture)));
	pcap_close(capture);
	return code;
}
