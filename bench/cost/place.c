/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "place.h"
#include "floor.skel.h"
#include "guard/policy.h"
#include "image/store.h"
#include "machine.h"
#include "rewind.skel.h"
#include "senseless.skel.h"
#include "xdp/kernel.h"
#include "xdp/watch.h"
#include "zone/scan.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define LIVE_BATCH 256

struct place {
	struct sw_kernel *kernel;
	struct sw_store *store;
	struct sw_watch *watch;
	struct senseless_bpf *senseless;
	struct floor_bpf *floor;
	struct rewind_bpf *rewind;
	struct rewind_frame *frames;
	uint8_t first[REWIND_FRAME_MAX];
	uint32_t first_bytes;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- making it ---- */

static int zone_put(struct sw_store *store, const char *path, const char *apex_text)
{
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
	uint8_t apex[SW_NAME_MAX];
	if (sw_name_parse(apex_text, apex) < 0)
		return -EINVAL;
	struct sw_contents *contents = sw_contents_new(apex, sw_store_key(store));
	int error = contents ? sw_zone_scan(contents, path, &findings, NULL) : -ENOMEM;
	if (!error)
		error = sw_contents_finish(contents);
	if (!error)
		error = sw_store_put(store, contents);
	sw_contents_free(contents);
	return error;
}

static int zones_put(struct place *place, const char *directory, const char *worst)
{
	const struct {
		const char *directory, *file, *apex;
	} zones[] = {{directory, "example.zone", "example.com"}, {directory, "nsec.zone", "nsec.example"},
		{directory, "nsec3.zone", "nsec3.example"}, {worst, "worst.test.12.zone", "worst.test"},
		{worst, "chain.test.12.zone", "chain.test"}};
	char path[4096];
	int error = 0;
	for (unsigned i = 0; i < sizeof(zones) / sizeof(zones[0]) && !error; i++) {
		if (!zones[i].directory)
			continue;
		snprintf(path, sizeof(path), "%s/%s", zones[i].directory, zones[i].file);
		error = zone_put(place->store, path, zones[i].apex);
	}
	return error;
}

static int listen_on(struct sw_kernel *kernel, int family, const char *text)
{
	uint8_t address[16] = {0};
	if (inet_pton(family, text, address) != 1)
		return -EINVAL;
	return sw_kernel_listen(kernel, address, family == AF_INET ? 4 : 16, SERVICE_PORT);
}

/** Services as in the tests' machine: those on the loopback interface are dedicated. */
static int services_make(struct place *place)
{
	struct sw_gate gate = {.dedicated = SW_DEDICATED_AUTO, .range_count = 1, .syn_budget = 1u << 30};
	gate.range[0].address_len = 4;
	inet_pton(AF_INET, UNUSED_NET4, gate.range[0].address);
	memset(gate.range[0].mask, 0xff, UNUSED_BITS4 / 8);
	sw_kernel_gate(place->kernel, &gate);
	int error = listen_on(place->kernel, AF_INET, SERVICE_IP4);
	if (!error)
		error = listen_on(place->kernel, AF_INET6, SERVICE_IP6);
	if (!error)
		error = listen_on(place->kernel, AF_INET, DEDICATED_IP4);
	return error;
}

static int resolvers_make(struct place *place)
{
	char text[16];
	int error = 0;
	for (unsigned i = 0; i < SOURCES && !error; i++) {
		uint8_t address[16] = {0};
		cost_source(text, KNOWN_NET, i);
		inet_pton(AF_INET, text, address);
		error = sw_watch_known(place->watch, address, 64 - ASKER_HOPS, true);
		cost_source(text, SPOOFED_NET, i);
		inet_pton(AF_INET, text, address);
		if (!error)
			error = sw_watch_known(place->watch, address, 64 - ASKER_HOPS + 9, true);
	}
	return error;
}

static int seawall_make(struct place *place, const char *zones, const char *worst)
{
	char why[SW_WHY_MAX] = "";
	struct sw_backing backing;
	int error = sw_kernel_open(&place->kernel, why);
	if (!error)
		error = sw_kernel_load(place->kernel, why);
	if (error || *sw_kernel_tcp_why(place->kernel)) {
		fprintf(stderr, "cost: %s%s\n", why, error ? "" : sw_kernel_tcp_why(place->kernel));
		return error ? error : -ENOENT;
	}
	sw_kernel_backing(place->kernel, &backing);
	error = sw_store_new(&place->store, &backing);
	if (!error)
		error = sw_watch_open(&place->watch, place->kernel);
	if (error)
		return error;
	sw_store_control(place->store)->udp_max = 1232;
	error = zones_put(place, zones, worst);
	if (!error)
		error = services_make(place);
	return error ? error : resolvers_make(place);
}

/** The program without sensing, on the same image. */
static int senseless_make(struct place *place)
{
	struct bpf_map *map;
	place->senseless = senseless_bpf__open();
	if (!place->senseless)
		return -errno;
	bpf_object__for_each_map(map, place->senseless->obj)
	{
		int fd = sw_kernel_map_fd(place->kernel, bpf_map__name(map));
		int error = fd < 0 ? 0 : bpf_map__reuse_fd(map, fd);
		if (error)
			return error;
	}
	return senseless_bpf__load(place->senseless);
}

static int rewind_make(struct place *place)
{
	place->floor = floor_bpf__open_and_load();
	place->rewind = rewind_bpf__open_and_load();
	if (!place->floor || !place->rewind)
		return -errno;
	place->frames = mmap(NULL, sizeof(struct rewind_frame) * REWIND_FRAMES, PROT_READ | PROT_WRITE,
		MAP_SHARED, bpf_map__fd(place->rewind->maps.frames), 0);
	place->rewind->bss->frames_mask = SOURCES - 1;
	return place->frames == MAP_FAILED ? -errno : 0;
}

int place_make(struct place **out, const char *zones, const char *worst)
{
	struct place *place = calloc(1, sizeof(*place));
	if (!place)
		return -ENOMEM;
	int error = seawall_make(place, zones, worst);
	if (!error)
		error = senseless_make(place);
	if (!error)
		error = rewind_make(place);
	if (error) {
		place_free(place);
		return error;
	}
	*out = place;
	return 0;
}

void place_free(struct place *place)
{
	if (!place)
		return;
	if (place->frames && place->frames != MAP_FAILED)
		munmap(place->frames, sizeof(struct rewind_frame) * REWIND_FRAMES);
	rewind_bpf__destroy(place->rewind);
	floor_bpf__destroy(place->floor);
	senseless_bpf__destroy(place->senseless);
	sw_watch_close(place->watch);
	sw_store_free(place->store);
	sw_kernel_free(place->kernel);
	free(place);
}

/* ---- packets and orders ---- */

int place_frames(struct place *place, const struct cost_row *row)
{
	static struct packet packet;
	for (unsigned i = 0; i < SOURCES; i++) {
		row->build(&packet, i);
		if (packet.len > REWIND_FRAME_MAX)
			return -E2BIG;
		place->frames[i].frame_bytes = (uint32_t)packet.len;
		memcpy(place->frames[i].frame, packet.bytes, packet.len);
	}
	place->first_bytes = place->frames[0].frame_bytes;
	memcpy(place->first, place->frames[0].frame, place->first_bytes);
	return 0;
}

/** Eight that no packet here looks like, and that must all be compared. */
static void signatures_set(struct sw_orders *orders)
{
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++)
		orders->signature[i] = (struct sw_signature){
			.mask = ~0ull >> 8, .value = (0x5a5a5a5a5a5aull + i) & ~0ull >> 8};
}

static void admit_set(struct sw_orders *orders, enum orders kind)
{
	sw_policy_default(&orders->policy);
	if (kind == REFUSING || kind == DROPPING) {
		for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
			orders->policy.admit[lane] = lane == SW_LANE_KNOWN ? SW_ADMIT_ALL : 0;
	}
	if (kind == DROPPING)
		orders->dropped_lanes = 1u << SW_LANE_NEW_MISSING;
}

void place_order(struct place *place, const struct cost_row *row, uint32_t sample_every)
{
	struct sw_control *control = sw_store_control(place->store);
	struct sw_orders *orders = &control->orders;
	memset(orders, 0, sizeof(*orders));
	admit_set(orders, row->orders);
	if (row->orders == WATCHING || row->orders == REFUSING || row->orders == DROPPING) {
		signatures_set(orders);
		orders->is_watching = SW_WATCHING_CAPACITY;
	}
	orders->alive_ns = now_ns(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < SW_VERDICT_COUNT; i++) /* as guard.c orders them */
		orders->sample_every[i] =
			i == SW_VERDICT_PASS_OTHER || i == SW_VERDICT_TCP_PASS ? 0 : sample_every;
	control->syn_budget = row->orders == IN_FLOOD ? 0 : 1u << 30;
	control->syncookies_ready = row->orders == IN_FLOOD;
}

static void sample_forget(void *arg, const struct sw_sample *sample)
{
	(void)arg;
	(void)sample;
}

int place_samples(struct place *place)
{
	return sw_watch_samples(place->watch, sample_forget, NULL);
}

int place_counters(struct place *place, uint64_t counters[SW_VERDICT_COUNT])
{
	return sw_kernel_counters(place->kernel, counters);
}

/* ---- running ---- */

int place_program_fd(const struct place *place, enum program program)
{
	switch (program) {
	case SENSELESS:
		return bpf_program__fd(place->senseless->progs.sw_xdp);
	case BARE:
		return bpf_program__fd(place->floor->progs.bare_drop);
	case LOOK:
		return bpf_program__fd(place->floor->progs.look_drop);
	case NOTHING:
		return bpf_program__fd(place->rewind->progs.return_only);
	default:
		return sw_kernel_program_fd(place->kernel);
	}
}

int place_choose(struct place *place, enum program program)
{
	uint32_t zero = 0;
	int fd = place_program_fd(place, program);
	return bpf_map_update_elem(bpf_map__fd(place->rewind->maps.measured), &zero, &fd, BPF_ANY) ? -errno
												   : 0;
}

double place_run(struct place *place, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = place->first, .data_size_in = place->first_bytes,
		.repeat = (int)repeat);
	uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	int error = bpf_prog_test_run_opts(bpf_program__fd(place->rewind->progs.rewind_frame), &run);
	return error ? error : (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / repeat;
}

int place_send(struct place *place, unsigned interface, uint32_t repeat)
{
	uint8_t frame[REWIND_FRAME_MAX] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
		.repeat = (int)repeat, .batch_size = LIVE_BATCH, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	place->rewind->bss->interface = interface;
	return bpf_prog_test_run_opts(bpf_program__fd(place->rewind->progs.send_frame), &run);
}
