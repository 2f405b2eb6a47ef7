/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/capture.h"
#include "wire/message.h"
#include "wire/name.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#define PACKETS_MAX 1000 /* each is a question to the daemon */
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
	const char *otherwise;	     /* what the gate makes of what is no question; NULL: it is one */
};

static bool take(struct rest *rest, size_t count)
{
	if (rest->len < count)
		return false;
	rest->at += count;
	rest->len -= count;
	return true;
}

static unsigned half(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* ---- reading a packet ---- */

/** @return whether it is IP of a kind known here */
static bool link_read(struct rest *rest, int link)
{
	if (link == DLT_RAW)
		return true;
	if (link == DLT_LINUX_SLL)
		return take(rest, 16);
	if (link != DLT_EN10MB || !take(rest, 12))
		return false;
	while (rest->len >= 2 && (half(rest->at) == ETHERTYPE_VLAN || half(rest->at) == ETHERTYPE_QINQ))
		if (!take(rest, 4))
			return false;
	return take(rest, 2);
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

static const char *udp_read(struct rest *rest, struct packet *packet)
{
	if (rest->len < 8 || half(rest->at + 4) < 8)
		return "UDP of a wrong length: dropped (drop_length)";
	take(rest, 8);
	if (rest->len < SW_HEADER_LEN)
		return "UDP too short for a question: dropped (drop_length)";
	if (rest->at[2] & 0x80)
		return "a reply, not a question: dropped (drop_response)";
	if (half(rest->at + 4) == 0 || !question_read(rest, packet->name))
		return "no question that can be read: FORMERR, or dropped";
	return NULL;
}

static const char *tcp_read(const struct rest *rest)
{
	if (rest->len < 20)
		return "TCP without a whole header: left to the stack";
	uint8_t flags = rest->at[13];
	if ((flags & 0x17) == 0x02)
		return "TCP SYN: passes; beyond the budget for SYNs it is answered with a cookie";
	return "TCP: passes if it belongs to a connection, else dropped (drop_tcp_state)";
}

static const char *protocol_read(struct rest *rest, unsigned protocol, struct packet *packet)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return udp_read(rest, packet);
	case IPPROTO_TCP:
		return tcp_read(rest);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "ICMP: passes";
	case IPPROTO_GRE:
		return "GRE: dropped where the address is dedicated (drop_gre)";
	default:
		return "another protocol: dropped where the address is dedicated (drop_protocol)";
	}
}

static const char *ip_read(struct rest *rest, struct packet *packet)
{
	const uint8_t *ip = rest->at;
	static const char strange[] = "not IP: left to the stack";
	if (rest->len >= 20 && ip[0] >> 4 == 4) {
		inet_ntop(AF_INET, ip + 12, packet->address, sizeof(packet->address));
		packet->ttl = ip[8];
		if (half(ip + 6) & FRAGMENT)
			return "a fragment: dropped where the address is dedicated (drop_fragment)";
		return take(rest, (ip[0] & 15) * 4u) ? protocol_read(rest, ip[9], packet) : strange;
	}
	if (rest->len >= 40 && ip[0] >> 4 == 6) {
		inet_ntop(AF_INET6, ip + 8, packet->address, sizeof(packet->address));
		packet->ttl = ip[7];
		if (ip[6] == IPPROTO_FRAGMENT)
			return "a fragment: dropped where the address is dedicated (drop_fragment)";
		take(rest, 40);
		return protocol_read(rest, ip[6], packet);
	}
	return strange;
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

int sw_capture_explain(const struct sw_command *command, const char *path, const char *control, bool is_json)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const uint8_t *bytes;
	int got = 0, code = SW_EXIT_OK;
	unsigned number = 0;
	pcap_t *capture = pcap_open_offline(path, why);
	if (!capture) {
		sw_complain(command, "%s", why);
		return SW_EXIT_FAILED;
	}
	while (code == SW_EXIT_OK && number < PACKETS_MAX && (got = pcap_next_ex(capture, &head, &bytes)) == 1) {
		struct packet packet = {.ttl = 0};
		struct rest rest = {bytes, head->caplen};
		packet.otherwise = link_read(&rest, pcap_datalink(capture)) ? ip_read(&rest, &packet)
									    : "not IP: left to the stack";
		code = packet_explain(command, control, is_json, ++number, &packet);
	}
	if (got == PCAP_ERROR) {
		sw_complain(command, "%s: %s", path, pcap_geterr(capture));
		code = SW_EXIT_FAILED;
	} else if (code == SW_EXIT_OK && number == PACKETS_MAX) {
		fprintf(stderr, "the first %d packets; there may be more\n", PACKETS_MAX);
	}
	pcap_close(capture);
	return code;
}
