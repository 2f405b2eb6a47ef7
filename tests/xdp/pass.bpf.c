/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passes everything. A veth end with a program takes XDP frames from the other end. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass_all(struct xdp_md *context)
{
	(void)context;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
