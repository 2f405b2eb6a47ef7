/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/kernel.h"
#include "xdp/answer.skel.h"
#include "xdp/attach.h"
#include "xdp/pressure.h"
#include "xdp/room.skel.h"
#include "xdp/syncookies.h"
#include "xdp/tcp.skel.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_MAP_BYTES (SW_SEGMENT_BYTES + SW_SEGMENT_GUARD)
#define LOG_BYTES (16u << 20) /* before Linux 6.4 a log that does not fit is cut off, its reason with it */

struct interface {
	struct sw_attachment attachment;
	struct interface *next;
};

/** A segment made and not yet in the outer map. */
struct pending {
	uint32_t number;
	int fd;
};

struct sw_kernel {
	struct answer_bpf *maps; /* of this object no program is loaded: maps are there at once */
	struct answer_bpf *answer;
	struct room_bpf *room;
	struct tcp_bpf *tcp; /* NULL where the kernel does not take it */
	struct sw_control *control;
	struct pending *pending;
	size_t pending_count;
	int barrier_outer, barrier_inner; /* maps whose update waits for programs that run now */
	const struct sw_pins *pins;
	struct interface *interfaces;
	struct sw_services *services;
	struct sw_syncookies syncookies;
	char tcp_why[SW_WHY_MAX];
};

/* ---- loading ---- */

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0; /* what matters goes into `why` */
}

/** The verifier's last words: the line before its statistics. */
static void log_reason(const char *log, char *why)
{
	const char *end = strstr(log, "\nprocessed ");
	if (!end)
		end = log + strlen(log);
	while (end > log && end[-1] == '\n')
		end--;
	const char *start = end;
	while (start > log && start[-1] != '\n')
		start--;
	snprintf(why, SW_WHY_MAX, "the kernel's verifier refuses the program: %.*s", (int)(end - start),
		start);
}

static void load_reason(int error, const char *log, char *why)
{
	if (*log && error == -ENOSPC)
		snprintf(why, SW_WHY_MAX, "the kernel's verifier refuses the program at length");
	else if (*log && error != -EPERM)
		log_reason(log, why);
	else if (error == -EPERM || error == -EACCES)
		snprintf(why, SW_WHY_MAX,
			"no rights to load BPF programs (CAP_BPF and CAP_NET_ADMIN are needed)");
	else
		snprintf(why, SW_WHY_MAX, "loading the BPF programs and maps failed: %s", strerror(-error));
}

static int load_maps(struct sw_kernel *kernel)
{
	kernel->maps = answer_bpf__open();
	if (!kernel->maps)
		return -errno;
	bpf_program__set_autoload(kernel->maps->progs.sw_xdp, false);
	return answer_bpf__load(kernel->maps);
}

/** Have the programs of an object work on the maps there are; others are the object's own. */
static int share_maps(const struct sw_kernel *kernel, struct bpf_object *object)
{
	struct bpf_map *map;
	bpf_object__for_each_map(map, object)
	{
		struct bpf_map *ours = bpf_object__find_map_by_name(kernel->maps->obj, bpf_map__name(map));
		int error = ours ? bpf_map__reuse_fd(map, bpf_map__fd(ours)) : 0;
		if (error)
			return error;
	}
	return 0;
}

static int load_programs(struct sw_kernel *kernel, char *log)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = log, .kernel_log_size = LOG_BYTES);
	kernel->answer = answer_bpf__open_opts(&options);
	kernel->room = room_bpf__open_opts(&options);
	if (!kernel->answer || !kernel->room)
		return -errno;
	int error = share_maps(kernel, kernel->answer->obj);
	if (!error)
		error = share_maps(kernel, kernel->room->obj);
	if (!error)
		error = answer_bpf__load(kernel->answer);
	return error ? error : room_bpf__load(kernel->room);
}

/** With this setting connections belong to the VRF they came in through, and the program would look for them
 * elsewhere: Linux does not say it which one that is. */
static bool has_vrf_connections(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_l3mdev_accept", "re");
	int value = 0;
	if (file && fscanf(file, "%d", &value) != 1)
		value = 0;
	if (file)
		fclose(file);
	return value != 0;
}

/** The program for TCP; without it TCP passes as if there were no kernel part. */
static void load_tcp(struct sw_kernel *kernel, char *log)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = log, .kernel_log_size = LOG_BYTES);
	if (has_vrf_connections()) {
		snprintf(kernel->tcp_why, SW_WHY_MAX, "net.ipv4.tcp_l3mdev_accept is on");
		return;
	}
	kernel->tcp = tcp_bpf__open_opts(&options);
	int error = kernel->tcp ? share_maps(kernel, kernel->tcp->obj) : -errno;
	if (!error)
		error = tcp_bpf__load(kernel->tcp);
	if (!error) {
		uint32_t zero = 0;
		int fd = bpf_program__fd(kernel->tcp->progs.sw_tcp);
		error = bpf_map_update_elem(
			bpf_map__fd(kernel->maps->maps.sw_tcp_program), &zero, &fd, BPF_ANY);
	}
	if (!error)
		return;
	load_reason(error, log, kernel->tcp_why);
	tcp_bpf__destroy(kernel->tcp);
	kernel->tcp = NULL;
}

static int control_map(struct sw_kernel *kernel)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (sizeof(struct sw_control) + page - 1) & ~(page - 1);
	int fd = bpf_map__fd(kernel->maps->maps.sw_control_page);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	kernel->control = memory;
	return 0;
}

/** Updating a map of maps returns only when no program still holds what was there before. */
static int barrier_new(struct sw_kernel *kernel)
{
	kernel->barrier_inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sw_barrier_in", 4, 4, 1, NULL);
	if (kernel->barrier_inner < 0)
		return kernel->barrier_inner;
	LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = (uint32_t)kernel->barrier_inner);
	kernel->barrier_outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "sw_barrier", 4, 4, 1, &options);
	return kernel->barrier_outer < 0 ? kernel->barrier_outer : 0;
}

int sw_kernel_open(struct sw_kernel **out, char *why)
{
	struct sw_kernel *kernel = calloc(1, sizeof(*kernel));
	if (!kernel)
		return -ENOMEM;
	kernel->barrier_inner = kernel->barrier_outer = -1;
	kernel->syncookies.before = SW_SYNCOOKIES_LEFT;
	libbpf_print_fn_t printed = libbpf_set_print(quiet);
	int error = load_maps(kernel);
	libbpf_set_print(printed);
	if (!error)
		error = control_map(kernel);
	if (!error)
		error = barrier_new(kernel);
	if (!error) {
		struct sw_backing backing;
		sw_kernel_backing(kernel, &backing);
		error = sw_services_new(&kernel->services, &backing, bpf_map__fd(kernel->maps->maps.sw_own));
	}
	if (error) {
		load_reason(error, "", why);
		sw_kernel_free(kernel);
		return error;
	}
	*out = kernel;
	return 0;
}

int sw_kernel_load(struct sw_kernel *kernel, char *why)
{
	char *log = calloc(1, LOG_BYTES); /* libbpf asks for a log only where it failed without */
	libbpf_print_fn_t printed = libbpf_set_print(quiet);
	int error = log ? load_programs(kernel, log) : -ENOMEM;
	if (!error)
		load_tcp(kernel, log);
	libbpf_set_print(printed);
	if (error)
		load_reason(error, log ? log : "", why);
	free(log);
	return error;
}

void sw_kernel_detach(struct sw_kernel *kernel)
{
	while (kernel->interfaces) {
		struct interface *interface = kernel->interfaces;
		kernel->interfaces = interface->next;
		sw_detach(&interface->attachment);
		free(interface);
	}
}

void sw_kernel_free(struct sw_kernel *kernel)
{
	if (!kernel)
		return;
	sw_kernel_detach(kernel);
	sw_syncookies_restore(&kernel->syncookies);
	for (size_t i = 0; i < kernel->pending_count; i++)
		close(kernel->pending[i].fd);
	free(kernel->pending);
	sw_services_free(kernel->services);
	if (kernel->control)
		munmap(kernel->control, sizeof(struct sw_control));
	if (kernel->barrier_outer >= 0)
		close(kernel->barrier_outer);
	if (kernel->barrier_inner >= 0)
		close(kernel->barrier_inner);
	tcp_bpf__destroy(kernel->tcp);
	room_bpf__destroy(kernel->room);
	answer_bpf__destroy(kernel->answer);
	answer_bpf__destroy(kernel->maps);
	free(kernel);
}

/* ---- segments ---- */

static int segment_new(void *context, uint32_t number, uint8_t **memory)
{
	struct sw_kernel *kernel = context;
	struct pending *pending =
		realloc(kernel->pending, (kernel->pending_count + 1) * sizeof(*kernel->pending));
	if (!pending)
		return -ENOMEM;
	kernel->pending = pending;
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "sw_segment", sizeof(uint32_t), SEGMENT_MAP_BYTES, 1, &options);
	if (fd < 0)
		return fd;
	void *mapped = mmap(NULL, SEGMENT_MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED) {
		int error = -errno;
		close(fd);
		return error;
	}
	pending[kernel->pending_count++] = (struct pending){number, fd};
	*memory = mapped;
	return 0;
}

/** All at once: each update of a map of maps would wait for a grace period of its own. */
static int segments_show(void *context)
{
	struct sw_kernel *kernel = context;
	uint32_t count = (uint32_t)kernel->pending_count;
	if (count == 0)
		return 0;
	uint32_t *keys = malloc(count * sizeof(*keys)), *fds = malloc(count * sizeof(*fds));
	int error = keys && fds ? 0 : -ENOMEM;
	for (uint32_t i = 0; i < count && !error; i++) {
		keys[i] = kernel->pending[i].number;
		fds[i] = (uint32_t)kernel->pending[i].fd;
	}
	if (!error)
		error = bpf_map_update_batch(
			bpf_map__fd(kernel->maps->maps.sw_segments), keys, fds, &count, NULL);
	free(keys);
	free(fds);
	if (error)
		return error;
	for (size_t i = 0; i < kernel->pending_count; i++)
		close(kernel->pending[i].fd);
	kernel->pending_count = 0;
	return 0;
}

/** @return whether the segment had not been shown yet */
static bool pending_forget(struct sw_kernel *kernel, uint32_t number)
{
	for (size_t i = 0; i < kernel->pending_count; i++) {
		if (kernel->pending[i].number == number) {
			close(kernel->pending[i].fd);
			kernel->pending[i] = kernel->pending[--kernel->pending_count];
			return true;
		}
	}
	return false;
}

static void segment_free(void *context, uint32_t number, uint8_t *memory)
{
	struct sw_kernel *kernel = context;
	munmap(memory, SEGMENT_MAP_BYTES);
	if (!pending_forget(kernel, number))
		bpf_map_delete_elem(bpf_map__fd(kernel->maps->maps.sw_segments), &number);
}

static void wait_for_readers(void *context)
{
	struct sw_kernel *kernel = context;
	uint32_t zero = 0;
	bpf_map_update_elem(kernel->barrier_outer, &zero, &kernel->barrier_inner, BPF_ANY);
}

void sw_kernel_backing(struct sw_kernel *kernel, struct sw_backing *backing)
{
	*backing = (struct sw_backing){.context = kernel,
		.control = kernel->control,
		.segment_new = segment_new,
		.segments_show = segments_show,
		.segment_free = segment_free,
		.wait_for_readers = wait_for_readers};
}

/* ---- interfaces and addresses ---- */

void sw_kernel_keep(struct sw_kernel *kernel, const struct sw_pins *pins)
{
	kernel->pins = pins;
}

int sw_kernel_sweep(const struct sw_kernel *kernel, const struct sw_pins *pins)
{
	size_t count = 0;
	for (const struct interface *one = kernel ? kernel->interfaces : NULL; one; one = one->next)
		count++;
	int *attached = calloc(count + 1, sizeof(*attached));
	if (!attached)
		return -ENOMEM;
	count = 0;
	for (const struct interface *one = kernel ? kernel->interfaces : NULL; one; one = one->next)
		attached[count++] = one->attachment.ifindex;
	int swept = sw_pins_sweep(pins, attached, count);
	free(attached);
	return swept;
}

int sw_kernel_attach(struct sw_kernel *kernel, const char *name, enum sw_attach_mode *mode, char *why)
{
	struct interface *interface = calloc(1, sizeof(*interface));
	if (!interface)
		return -ENOMEM;
	const struct sw_programs programs = {.xdp = bpf_program__fd(kernel->answer->progs.sw_xdp),
		.tc = bpf_program__fd(kernel->room->progs.sw_room),
		.tc_behind = bpf_map__fd(kernel->answer->maps.sw_tc_behind)};
	int error = sw_attach(&interface->attachment, name, &programs, kernel->pins, why);
	if (error) {
		free(interface);
		return error;
	}
	interface->next = kernel->interfaces;
	kernel->interfaces = interface;
	*mode = interface->attachment.mode;
	return 0;
}

void sw_kernel_gate(struct sw_kernel *kernel, const struct sw_gate *gate)
{
	sw_services_gate(kernel->services, gate);
}

int sw_kernel_listen(struct sw_kernel *kernel, const uint8_t *address, uint8_t address_len, uint16_t port)
{
	return sw_services_listen(kernel->services, address, address_len, port, false);
}

int sw_kernel_listen_tcp(struct sw_kernel *kernel, const uint8_t *address, uint8_t address_len, uint16_t port)
{
	return sw_services_listen(kernel->services, address, address_len, port, true);
}

bool sw_kernel_is_dedicated(
	const struct sw_kernel *kernel, const uint8_t *address, uint8_t address_len, uint16_t port)
{
	return sw_services_is_dedicated(kernel->services, address, address_len, port);
}

int sw_kernel_refresh(struct sw_kernel *kernel)
{
	return sw_services_refresh(kernel->services);
}

/* ---- SYN floods ---- */

bool sw_kernel_is_pressed(const struct sw_kernel *kernel)
{
	int cpus = libbpf_num_possible_cpus();
	struct timespec now;
	uint32_t zero = 0;
	bool is_pressed = false;
	if (cpus < 0 || !kernel->tcp)
		return false;
	struct sw_syn_window *windows = calloc((size_t)cpus, sizeof(*windows));
	if (!windows)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	int error = bpf_map_lookup_elem(bpf_map__fd(kernel->tcp->maps.sw_syns), &zero, windows);
	for (int cpu = 0; cpu < cpus && !error; cpu++)
		is_pressed |= now_ns < windows[cpu].pressed_until_ns;
	free(windows);
	return is_pressed;
}

const char *sw_kernel_tcp_why(const struct sw_kernel *kernel)
{
	return kernel->tcp_why;
}

int sw_kernel_syncookies(struct sw_kernel *kernel, bool want)
{
	int error = want ? sw_syncookies_raise(&kernel->syncookies) : 0;
	__atomic_store_n(&kernel->control->syncookies_ready, want && !error, __ATOMIC_RELEASE);
	if (!want)
		sw_syncookies_restore(&kernel->syncookies);
	return error;
}

/* ---- counters ---- */

int sw_kernel_map_fd(const struct sw_kernel *kernel, const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(kernel->maps->obj, name);
	return map ? bpf_map__fd(map) : -ENOENT;
}

int sw_kernel_counters(struct sw_kernel *kernel, uint64_t counters[SW_VERDICT_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		return cpus;
	size_t each = bpf_map__value_size(kernel->maps->maps.sw_counts);
	uint64_t *all = calloc((size_t)cpus, each);
	if (!all)
		return -ENOMEM;
	uint32_t zero = 0;
	int error = bpf_map_lookup_elem(bpf_map__fd(kernel->maps->maps.sw_counts), &zero, all);
	memset(counters, 0, SW_VERDICT_COUNT * sizeof(*counters));
	for (int cpu = 0; cpu < cpus && !error; cpu++) {
		for (unsigned i = 0; i < SW_VERDICT_COUNT; i++)
			counters[i] += all[(size_t)cpu * each / sizeof(*all) + i];
	}
	free(all);
	return error;
}

int sw_kernel_program_fd(const struct sw_kernel *kernel)
{
	return bpf_program__fd(kernel->answer->progs.sw_xdp);
}
