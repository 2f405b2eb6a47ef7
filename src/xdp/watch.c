/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/watch.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/** A turn's share of the ring. A sudden flood is sampled whole until the guard orders otherwise, and samples
 * come faster than they can be taken: without an end to a turn that order would never be given. */
#define SAMPLES_AT_ONCE 8192

/** As the BPF side lays them out (xdp/verdict.h, answer/admit.h). */
struct counters {
	uint64_t packets[64];
	uint64_t reply_bytes;
	uint32_t since[64];
};

struct lane_counts {
	uint64_t offered[SW_LANE_COUNT];
	uint64_t refused[SW_LANE_COUNT];
	uint64_t refused_known;
};

struct sw_watch {
	struct ring_buffer *samples;
	int counts, lanes, known, loud, proven;
	unsigned cores;
	void *memory; /* of one element for each core, of the larger kind */
	void (*take)(void *arg, const struct sw_sample *sample);
	void *arg;
	int taken;
};

static int sample_take(void *context, void *data, size_t size)
{
	struct sw_watch *watch = context;
	if (size >= sizeof(struct sw_sample)) {
		watch->take(watch->arg, data);
		watch->taken++;
	}
	return watch->taken < SAMPLES_AT_ONCE ? 0 : -ENOBUFS; /* the rest stays in the ring */
}

int sw_watch_open(struct sw_watch **out, struct sw_kernel *kernel)
{
	struct sw_watch *watch = calloc(1, sizeof(*watch));
	int cores = libbpf_num_possible_cpus();
	if (!watch || cores < 0) {
		free(watch);
		return cores < 0 ? cores : -ENOMEM;
	}
	watch->cores = (unsigned)cores;
	watch->counts = sw_kernel_map_fd(kernel, "sw_counts");
	watch->lanes = sw_kernel_map_fd(kernel, "sw_lanes");
	watch->known = sw_kernel_map_fd(kernel, "sw_known");
	watch->loud = sw_kernel_map_fd(kernel, "sw_loud");
	watch->proven = sw_kernel_map_fd(kernel, "sw_proven");
	watch->memory = calloc((size_t)cores, sizeof(struct counters));
	watch->samples = ring_buffer__new(sw_kernel_map_fd(kernel, "sw_samples"), sample_take, watch, NULL);
	if (!watch->memory || !watch->samples) {
		int err = watch->memory ? -errno : -ENOMEM;
		sw_watch_close(watch);
		return err;
	}
	*out = watch;
	return 0;
}

void sw_watch_close(struct sw_watch *watch)
{
	if (!watch)
		return;
	ring_buffer__free(watch->samples);
	free(watch->memory);
	free(watch);
}

int sw_watch_samples(
	struct sw_watch *watch, void (*take)(void *arg, const struct sw_sample *sample), void *arg)
{
	watch->take = take;
	watch->arg = arg;
	watch->taken = 0;
	int err = ring_buffer__consume(watch->samples);
	return err < 0 && err != -ENOBUFS ? err : watch->taken;
}

int sw_watch_lanes(struct sw_watch *watch, uint64_t offered[SW_LANE_COUNT], uint64_t refused[SW_LANE_COUNT],
	uint64_t *refused_known)
{
	const struct lane_counts *counts = watch->memory;
	uint32_t zero = 0;
	_Static_assert(sizeof(struct lane_counts) <= sizeof(struct counters), "the memory holds either");
	if (bpf_map_lookup_elem(watch->lanes, &zero, watch->memory) != 0)
		return -errno;
	memset(offered, 0, SW_LANE_COUNT * sizeof(*offered));
	memset(refused, 0, SW_LANE_COUNT * sizeof(*refused));
	*refused_known = 0;
	for (unsigned core = 0; core < watch->cores; core++) {
		for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
			offered[lane] += counts[core].offered[lane];
			refused[lane] += counts[core].refused[lane];
		}
		*refused_known += counts[core].refused_known;
	}
	return 0;
}

int sw_watch_counts(struct sw_watch *watch, uint64_t verdicts[SW_VERDICT_COUNT], uint64_t *reply_bytes,
	uint64_t *by_core, size_t cores)
{
	const struct counters *counters = watch->memory;
	uint32_t zero = 0;
	if (bpf_map_lookup_elem(watch->counts, &zero, watch->memory) != 0)
		return -errno;
	memset(verdicts, 0, SW_VERDICT_COUNT * sizeof(*verdicts));
	memset(by_core, 0, cores * sizeof(*by_core));
	*reply_bytes = 0;
	for (unsigned core = 0; core < watch->cores; core++) {
		for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
			verdicts[verdict] += counters[core].packets[verdict];
			if (core < cores)
				by_core[core] += counters[core].packets[verdict];
		}
		*reply_bytes += counters[core].reply_bytes;
	}
	return 0;
}

int sw_watch_known(struct sw_watch *watch, const uint8_t address[16], uint8_t hops, bool is_known)
{
	uint32_t value = hops;
	int err = is_known ? bpf_map_update_elem(watch->known, address, &value, BPF_ANY)
			   : bpf_map_delete_elem(watch->known, address);
	return err == 0 || (!is_known && errno == ENOENT) ? 0 : -errno;
}

int sw_watch_network(struct sw_watch *watch, const struct sw_prefix *prefix, uint32_t admit)
{
	int err = admit == SW_ADMIT_ALL ? bpf_map_delete_elem(watch->loud, prefix)
					: bpf_map_update_elem(watch->loud, prefix, &admit, BPF_ANY);
	return err == 0 || (admit == SW_ADMIT_ALL && errno == ENOENT) ? 0 : -errno;
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void sw_watch_source(const struct sw_watch *watch, const uint8_t address[16], uint8_t address_len,
	struct sw_source_seen *seen)
{
	uint64_t first, proven_ns;
	*seen = (struct sw_source_seen){.network_admit = {SW_ADMIT_ALL, SW_ADMIT_ALL}};
	memcpy(&first, address, sizeof(first));
	seen->is_known = bpf_map_lookup_elem(watch->known, address, &seen->hops) == 0;
	seen->is_proven = bpf_map_lookup_elem(watch->proven, address, &proven_ns) == 0 &&
			  now_ns() <= proven_ns + SW_PROVEN_AGE_NS;
	/* whoever is trusted, and this machine itself, is held to no allowance */
	if (seen->is_known && (seen->hops == SW_HOPS_ANY || seen->hops == SW_HOPS_HERE))
		return;
	for (uint32_t i = 0; i < 2 * SW_PREFIX_LENGTHS; i++) {
		uint32_t admit, is_known = i & 1;
		struct sw_prefix network = sw_prefix_of(first, address_len, i / 2, is_known);
		if (bpf_map_lookup_elem(watch->loud, &network, &admit) != 0 ||
			admit >= seen->network_admit[is_known])
			continue;
		seen->network_admit[is_known] = admit;
		seen->network[is_known] = network;
	}
}
