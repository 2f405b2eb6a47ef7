// SPDX-License-Identifier: GPL-3.0-or-later
/* The least that a program can do which drops everything, and the least for one that looks first. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int bare_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

/* Reads what every decision needs, the destination and the protocol, and counts nothing. */
SEC("xdp")
int look_drop(struct xdp_md *ctx)
{
	const struct ethhdr *ethernet = (void *)(long)ctx->data;
	const struct iphdr *ip = (const void *)(ethernet + 1);

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end || ethernet->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	return ip->daddr == 0 || ip->protocol == 255 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
