/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program no kernel takes: it reads the packet without having compared with its end. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int probe(struct xdp_md *ctx)
{
	return *(unsigned char *)(long)ctx->data ? XDP_TX : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
