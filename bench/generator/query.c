// SPDX-License-Identifier: GPL-3.0-or-later
#include "query.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <string.h>

#define INDEX_MAX 10000000
#define NAME_MAX_BYTES 200

/* One label: its length byte, then its characters, `%` and `?` widened to what they stand for. */
static int label_put(struct bench_template *template, const char *text, size_t chars)
{
	uint8_t *length = &template->frame[template->frame_bytes++];
	uint32_t start = template->frame_bytes;

	for (size_t i = 0; i < chars; i++) {
		if (template->frame_bytes - BENCH_QUESTION_AT > NAME_MAX_BYTES)
			return -EINVAL;
		if (text[i] == '%') {
			if (i == 0 || template->index_at)
				return -EINVAL;
			template->index_at = template->frame_bytes - 1;
			template->letter = (uint8_t)text[i - 1];
			template->frame[template->index_at] = 0;
			template->frame_bytes += 7;
		} else if (text[i] == '?') {
			if (template->random_at)
				return -EINVAL;
			template->random_at = template->frame_bytes;
			template->frame_bytes += 8;
		} else {
			template->frame[template->frame_bytes++] = (uint8_t)text[i];
		}
	}
	*length = (uint8_t)(template->frame_bytes - start);
	return *length >= 1 && *length <= 63 ? 0 : -EINVAL;
}

static int question_put(struct bench_template *template, const char *pattern)
{
	static const uint8_t root_type_a_class_in[] = {0, 0, 1, 0, 1};

	template->frame_bytes = BENCH_QUESTION_AT;
	while (*pattern) {
		size_t chars = strcspn(pattern, ".");

		if (label_put(template, pattern, chars))
			return -EINVAL;
		pattern += chars + (pattern[chars] == '.');
	}
	memcpy(&template->frame[template->frame_bytes], root_type_a_class_in, sizeof(root_type_a_class_in));
	template->frame_bytes += sizeof(root_type_a_class_in);
	return template->index_at ? 0 : -EINVAL;
}

static void opt_put(struct bench_template *template, bool with_do)
{
	/* RFC 6891 s6.1.2: root name, type 41, payload size 1232, extended RCODE, version, flags, no options.
	 */
	const uint8_t opt[] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, with_do ? 0x80 : 0, 0, 0, 0};

	memcpy(&template->frame[template->frame_bytes], opt, sizeof(opt));
	template->frame_bytes += sizeof(opt);
	template->frame[BENCH_DNS_AT + 11] = 1;
}

static uint32_t sum(const uint8_t *bytes, uint32_t count)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < count; i++)
		total += htons((uint16_t)(i & 1 ? bytes[i] : bytes[i] << 8));
	return total;
}

static void headers_put(struct bench_template *template, const struct bench_path *path)
{
	uint16_t ip_bytes = (uint16_t)(template->frame_bytes - BENCH_IP_AT);
	uint16_t udp_bytes = (uint16_t)(template->frame_bytes - BENCH_UDP_AT);
	struct ethhdr eth = {.h_proto = htons(ETH_P_IP)};
	struct iphdr ip = {.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(ip_bytes),
		.daddr = htonl(path->server)};
	struct udphdr udp = {.dest = htons(53), .len = htons(udp_bytes)};

	memcpy(eth.h_source, path->client_mac, 6);
	memcpy(eth.h_dest, path->server_mac, 6);
	memcpy(template->frame, &eth, sizeof(eth));
	memcpy(template->frame + BENCH_IP_AT, &ip, sizeof(ip));
	memcpy(template->frame + BENCH_UDP_AT, &udp, sizeof(udp));
	template->ip_sum = sum(template->frame + BENCH_IP_AT, sizeof(ip));
	/* The pseudo header of RFC 768; the source address is added to it for each query. */
	template->udp_sum = sum(template->frame + BENCH_UDP_AT, udp_bytes) + htons(IPPROTO_UDP) +
			    htons(udp_bytes) + (ip.daddr & 0xffff) + (ip.daddr >> 16);
}

int bench_query_build(struct bench_template *template, const struct bench_path *path, const char *pattern,
	uint32_t index_count, bool with_edns, bool with_do)
{
	memset(template, 0, sizeof(*template));
	if (index_count < 1 || index_count > INDEX_MAX || question_put(template, pattern))
		return -EINVAL;
	template->index_count = index_count;
	template->frame[BENCH_DNS_AT + 5] = 1;
	if (with_edns)
		opt_put(template, with_do);
	headers_put(template, path);
	memcpy(&template->tail, &template->frame[template->frame_bytes - 8], 8);
	return 0;
}

uint32_t bench_query_question_bytes(const struct bench_template *template)
{
	uint32_t at = BENCH_QUESTION_AT;

	while (template->frame[at])
		at += template->frame[at] + 1U;
	return at + 5 - BENCH_QUESTION_AT;
}
