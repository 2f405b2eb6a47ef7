/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program every kernel takes: counts, and sends back frames of at least an Ethernet header. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} runs SEC(".maps");

SEC("xdp")
int probe(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&runs, &zero);
	if (count)
		++*count;
	if (data + 14 > end)
		return XDP_DROP;
	data[0] ^= 0xff;
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
