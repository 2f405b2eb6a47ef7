/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: programs that outlive their process do so for a time only. */
#ifndef SW_XDP_KEPT_H
#define SW_XDP_KEPT_H

#include "answer/work.h"

/** Nobody has looked after the image for so long that it must not be answered from any more. */
SW_INLINE int is_void(void)
{
	uint32_t zero = 0;
	const struct sw_control *control = bpf_map_lookup_elem(&sw_control_page, &zero);
	return !control || (control->void_ns && bpf_ktime_get_coarse_ns() >= control->void_ns);
}

#endif
