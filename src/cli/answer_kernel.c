/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/answer_kernel.h"
#include "wire/bytes.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define ETHERNET 14
#define ETHERNET_MIN 60 /* bytes of the shortest frame, without its checksum */
#define UDP 8
#define DNS_PORT 53
#define SOURCE_PORT 53053
#define HOPS 64

static const uint8_t service4[4] = {192, 0, 2, 53};
static const uint8_t service6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x53};
static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 0x53}, their_mac[6] = {2, 0, 0, 0, 0, 1};

int sw_frame_listen(struct sw_kernel *kernel)
{
	int err = sw_kernel_listen(kernel, service4, sizeof(service4), DNS_PORT);
	return err ? err : sw_kernel_listen(kernel, service6, sizeof(service6), DNS_PORT);
}

/** Internet checksum (RFC 1071) over some bytes, on top of a sum; 0xffff once a right one is in them. */
static uint16_t checksum(uint64_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += sw_get16(bytes + i);
	if (len & 1)
		sum += (uint64_t)bytes[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/** Sum of the pseudo-header and the datagram. */
static uint16_t udp_checksum(
	const uint8_t *addresses, size_t address_len, const uint8_t *datagram, size_t len)
{
	return checksum(IPPROTO_UDP + len + checksum(0, addresses, 2 * address_len), datagram, len);
}

/** @return bytes of the IP header */
static size_t put_ip(const struct sw_frame *frame, uint8_t *ip, size_t datagram_len)
{
	if (frame->source_len == 4) {
		memset(ip, 0, 20);
		ip[0] = 0x45;
		sw_put16(ip + 2, 20 + datagram_len);
		ip[6] = 0x40; /* do not fragment */
		ip[8] = HOPS;
		ip[9] = IPPROTO_UDP;
		memcpy(ip + 12, frame->source, 4);
		memcpy(ip + 16, service4, 4);
		sw_put16(ip + 10, (uint16_t)~checksum(0, ip, 20));
		return 20;
	}
	memset(ip, 0, 40);
	ip[0] = 0x60;
	sw_put16(ip + 4, datagram_len);
	ip[6] = IPPROTO_UDP;
	ip[7] = HOPS;
	memcpy(ip + 8, frame->source, 16);
	memcpy(ip + 24, service6, 16);
	return 40;
}

static size_t build(const struct sw_frame *frame, uint8_t *bytes, const uint8_t *query, size_t query_len)
{
	bool is_v4 = frame->source_len == 4;
	memcpy(bytes, our_mac, 6);
	memcpy(bytes + 6, their_mac, 6);
	sw_put16(bytes + 12, is_v4 ? 0x0800 : 0x86dd);
	uint8_t *ip = bytes + ETHERNET;
	uint8_t *udp = ip + put_ip(frame, ip, UDP + query_len);
	sw_put16(udp, SOURCE_PORT);
	sw_put16(udp + 2, DNS_PORT);
	sw_put16(udp + 4, UDP + query_len);
	sw_put16(udp + 6, 0);
	memcpy(udp + UDP, query, query_len);
	uint16_t sum =
		(uint16_t)~udp_checksum(is_v4 ? ip + 12 : ip + 8, is_v4 ? 4 : 16, udp, UDP + query_len);
	sw_put16(udp + 6, sum ? sum : 0xffff);
	return (size_t)(udp - bytes) + UDP + query_len;
}

/** What a resolver's network stack would look at.
 * @param datagram_len  of UDP, as the IP header says
 * @return NULL, or what is wrong */
static const char *broken(const struct sw_frame *frame, size_t len, size_t ip_len, size_t datagram_len)
{
	bool is_v4 = frame->source_len == 4;
	const uint8_t *ip = frame->out + ETHERNET, *udp = ip + ip_len;
	const uint8_t *addresses = is_v4 ? ip + 12 : ip + 8;
	size_t address_len = frame->source_len;
	if (len < ETHERNET + ip_len + UDP + 12 || datagram_len < UDP + 12)
		return "shorter than a DNS header";
	if (memcmp(frame->out, their_mac, 6) != 0 || memcmp(frame->out + 6, our_mac, 6) != 0)
		return "Ethernet addresses";
	if (sw_get16(frame->out + 12) != (is_v4 ? 0x0800 : 0x86dd) || ip[0] != (is_v4 ? 0x45 : 0x60))
		return "protocol of the frame";
	size_t used = ETHERNET + ip_len + datagram_len;
	if (used != len && (used > len || len != ETHERNET_MIN)) /* padded to what Ethernet wants at least */
		return "length in the IP header";
	if (is_v4 && checksum(0, ip, 20) != 0xffff)
		return "checksum of the IP header";
	if (ip[is_v4 ? 9 : 6] != IPPROTO_UDP || ip[is_v4 ? 8 : 7] == 0)
		return "next protocol or hop limit";
	if (memcmp(addresses, is_v4 ? service4 : service6, address_len) != 0 ||
		memcmp(addresses + address_len, frame->source, address_len) != 0)
		return "IP addresses";
	if (sw_get16(udp) != DNS_PORT || sw_get16(udp + 2) != SOURCE_PORT)
		return "ports";
	if (sw_get16(udp + 4) != datagram_len)
		return "length in the UDP header";
	if (sw_get16(udp + 6) == 0)
		return is_v4 ? NULL : "no UDP checksum"; /* RFC 768 allows it, RFC 8200 s8.1 does not */
	return udp_checksum(addresses, address_len, udp, datagram_len) == 0xffff ? NULL : "UDP checksum";
}

enum sw_frame_result sw_frame_run(struct sw_frame *frame, const uint8_t *query, size_t query_len,
	const uint8_t **reply, size_t *reply_len)
{
	uint8_t in[ETHERNET + 40 + UDP + SW_FRAME_QUERY_MAX];
	size_t ip_len = frame->source_len == 4 ? 20 : 40;
	if (query_len > SW_FRAME_QUERY_MAX)
		return SW_FRAME_PUNTED;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_out = frame->out, .repeat = 1);
	run.data_size_in = (uint32_t)build(frame, in, query, query_len);
	run.data_size_out = sizeof(frame->out);
	int err = bpf_prog_test_run_opts(sw_kernel_program_fd(frame->kernel), &run);
	if (err != 0) {
		snprintf(frame->why, sizeof(frame->why), "BPF_PROG_RUN: %s", strerror(-err));
		return SW_FRAME_BROKEN;
	}
	if (run.retval == XDP_PASS)
		return SW_FRAME_PUNTED;
	if (run.retval == XDP_DROP)
		return SW_FRAME_DROPPED;
	const uint8_t *ip = frame->out + ETHERNET;
	size_t datagram_len = frame->source_len == 4 ? sw_get16(ip + 2) - ip_len : sw_get16(ip + 4);
	const char *what = run.retval == XDP_TX ? broken(frame, run.data_size_out, ip_len, datagram_len)
						: "verdict of the program";
	if (what != NULL) {
		snprintf(frame->why, sizeof(frame->why), "the kernel part made a broken frame: %s", what);
		return SW_FRAME_BROKEN;
	}
	*reply = frame->out + ETHERNET + ip_len + UDP;
	*reply_len = datagram_len - UDP;
	return SW_FRAME_REPLY;
}
