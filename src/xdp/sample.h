/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: one packet in so many is told to user space (answer/sample.h). */
#ifndef SW_XDP_SAMPLE_H
#define SW_XDP_SAMPLE_H

#include "answer/look.h"
#include "answer/sample.h"
#include "xdp/frame.h"

/** Some 30,000 samples: user space comes by ten times a second, for 20,000 a second. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} sw_samples SEC(".maps");

SW_INLINE void sample_question(struct sw_sample *sample, const struct sw_work *work)
{
	uint32_t len = work->question_end - SW_HEADER_LEN - 4;
	uint32_t apex = (work->labels - work->apex_labels) & SW_LABELS_MAX;
	sample->type = work->type;
	sample->name_bytes = (uint8_t)len;
	for (uint32_t i = 0; i + 8 <= SW_SAMPLE_NAME; i += 8)
		SW_STORE64(sample->name + i, sw_buf64(work, SW_HEADER_LEN + i));
	sample->zone = work->zone ? work->suffix[apex] : 0;
	sample->features = sw_look(work) | SW_FEATURE_PUT(WILDCARD, work->is_synthesized);
}

/** Tell of the packet in hand; a full ring loses samples, never packets.
 * @param weight  packets it stands for */
SW_FN int sample_take(uint32_t reason, uint32_t weight)
{
	uint32_t zero = 0;
	const struct scratch *scratch = bpf_map_lookup_elem(&sw_works, &zero);
	struct sw_sample *sample = scratch ? bpf_ringbuf_reserve(&sw_samples, sizeof(*sample), 0) : NULL;
	if (!sample)
		return 0;
	const struct sw_work *work = &scratch->work;
	__builtin_memset(sample, 0, sizeof(*sample));
	sample->time_ns = bpf_ktime_get_coarse_ns();
	sample->weight = weight;
	sample->bytes = (uint16_t)scratch->frame.bytes;
	sample->verdict = (uint8_t)reason;
	sample->facts = work->facts;
	sample->ttl = work->ttl;
	sample->protocol = scratch->frame.protocol;
	sample->tcp_flags = scratch->frame.tcp_flags;
	sample->source_port = work->source_port;
	sample->address_len = work->address_len;
	__builtin_memcpy(sample->source, work->address, 16);
	/* a question that was read whole */
	if (reason <= SW_VERDICT_CHAOS ||
		(reason >= SW_VERDICT_OVER_LANE && reason <= SW_VERDICT_OVER_PREFIX)) {
		sample_question(sample, work);
		sample->reply_bytes = (uint16_t)work->reply_len;
	}
	bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
