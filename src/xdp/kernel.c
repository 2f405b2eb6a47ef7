/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/kernel.h"
#include "xdp/answer.skel.h"
#include "xdp/attach.h"
#include "xdp/room.skel.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/** An address and port to answer for; the zero address stands for all that the machine has. */
struct listener {
	uint8_t address[16];
	uint8_t address_len;
	uint16_t port;
};

struct sw_kernel {
	struct answer_bpf *maps; /* of this object no program is loaded: maps are there at once */
	struct answer_bpf *answer;
	struct room_bpf *room;
	struct sw_control *control;
	struct pending *pending;
	size_t pending_count;
	int barrier_outer, barrier_inner; /* maps whose update waits for programs that run now */
	struct interface *interfaces;
	struct listener *listeners;
	size_t listener_count;
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

/** Have the programs of an object work on the maps there are. */
static int share_maps(const struct sw_kernel *kernel, struct bpf_object *object)
{
	struct bpf_map *map;
	bpf_object__for_each_map(map, object)
	{
		struct bpf_map *ours = bpf_object__find_map_by_name(kernel->maps->obj, bpf_map__name(map));
		int error = ours ? bpf_map__reuse_fd(map, bpf_map__fd(ours)) : -ENOENT;
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
	libbpf_print_fn_t printed = libbpf_set_print(quiet);
	int error = load_maps(kernel);
	libbpf_set_print(printed);
	if (!error)
		error = control_map(kernel);
	if (!error)
		error = barrier_new(kernel);
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
	for (size_t i = 0; i < kernel->pending_count; i++)
		close(kernel->pending[i].fd);
	free(kernel->pending);
	free(kernel->listeners);
	if (kernel->control)
		munmap(kernel->control, sizeof(struct sw_control));
	if (kernel->barrier_outer >= 0)
		close(kernel->barrier_outer);
	if (kernel->barrier_inner >= 0)
		close(kernel->barrier_inner);
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

int sw_kernel_attach(struct sw_kernel *kernel, const char *name, enum sw_attach_mode *mode, char *why)
{
	struct interface *interface = calloc(1, sizeof(*interface));
	if (!interface)
		return -ENOMEM;
	const struct sw_programs programs = {.xdp = bpf_program__fd(kernel->answer->progs.sw_xdp),
		.tc = bpf_program__fd(kernel->room->progs.sw_room),
		.tc_behind = bpf_map__fd(kernel->answer->maps.sw_tc_behind)};
	int error = sw_attach(&interface->attachment, name, &programs, why);
	if (error) {
		free(interface);
		return error;
	}
	interface->next = kernel->interfaces;
	kernel->interfaces = interface;
	*mode = interface->attachment.mode;
	return 0;
}

/** What readers shall find in the table. */
struct services {
	struct sw_service service[SW_SERVICES_MAX];
	unsigned count;
};

static bool is_unspecified(const struct listener *listener)
{
	for (uint8_t i = 0; i < listener->address_len; i++) {
		if (listener->address[i])
			return false;
	}
	return true;
}

static bool same_service(const struct sw_service *a, const struct sw_service *b)
{
	return a->address_len == b->address_len && a->port == b->port &&
	       memcmp(a->address, b->address, 16) == 0;
}

static bool has_service(const struct sw_service *services, unsigned count, const struct sw_service *service)
{
	for (unsigned i = 0; i < count; i++) {
		if (same_service(&services[i], service))
			return true;
	}
	return false;
}

/** @return 0 or -ENOSPC */
static int service_want(struct services *wanted, const uint8_t *address, uint8_t address_len, uint16_t port)
{
	struct sw_service service = {.port = htons(port), .address_len = address_len};
	memcpy(service.address, address, address_len);
	if (has_service(wanted->service, wanted->count, &service))
		return 0;
	if (wanted->count == SW_SERVICES_MAX)
		return -ENOSPC;
	wanted->service[wanted->count++] = service;
	return 0;
}

/** Every address of the listener's family that the machine has now. */
static int services_want_all(
	struct services *wanted, const struct listener *listener, const struct ifaddrs *machine)
{
	int error = 0;
	for (const struct ifaddrs *i = machine; i && !error; i = i->ifa_next) {
		if (!i->ifa_addr)
			continue;
		if (listener->address_len == 4 && i->ifa_addr->sa_family == AF_INET)
			error = service_want(wanted,
				(const void *)&((const struct sockaddr_in *)i->ifa_addr)->sin_addr, 4,
				listener->port);
		else if (listener->address_len == 16 && i->ifa_addr->sa_family == AF_INET6)
			error = service_want(wanted,
				(const void *)&((const struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, 16,
				listener->port);
	}
	return error;
}

/** @return 0; -ENOSPC: as many as there is room for */
static int services_want(
	const struct sw_kernel *kernel, const struct ifaddrs *machine, struct services *wanted)
{
	int error = 0;
	for (size_t i = 0; i < kernel->listener_count && !error; i++) {
		const struct listener *listener = &kernel->listeners[i];
		error = is_unspecified(listener) ? services_want_all(wanted, listener, machine)
						 : service_want(wanted, listener->address,
							   listener->address_len, listener->port);
	}
	return error;
}

/** Free the entries not wanted. Nothing else may be written there before readers have gone, or one would see
 * the address of the old entry and the length of the new. */
static void services_drop(struct sw_kernel *kernel, const struct services *wanted)
{
	struct sw_control *control = kernel->control;
	bool is_changed = false;
	for (unsigned i = 0; i < control->service_count; i++) {
		struct sw_service *service = &control->service[i];
		if (service->address_len == 0 || has_service(wanted->service, wanted->count, service))
			continue;
		__atomic_store_n(&service->address_len, 0, __ATOMIC_RELEASE);
		is_changed = true;
	}
	if (is_changed)
		wait_for_readers(kernel);
}

/** Fill free entries with those wanted that are missing: first addresses and ports, and, when every reader
 * sees them, the lengths that make entries of them. */
static void services_add(struct sw_kernel *kernel, const struct services *wanted)
{
	struct sw_control *control = kernel->control;
	uint8_t len[SW_SERVICES_MAX] = {0};
	bool is_reused = false;
	unsigned at = 0, end = control->service_count, count = end;
	for (unsigned i = 0; i < wanted->count; i++) {
		const struct sw_service *service = &wanted->service[i];
		if (has_service(control->service, end, service))
			continue;
		while (at < end && control->service[at].address_len != 0)
			at++;
		memcpy(control->service[at].address, service->address, sizeof(service->address));
		control->service[at].port = service->port;
		is_reused |= at < end;
		len[at++] = service->address_len;
		if (at > count)
			count = at;
	}
	if (is_reused)
		wait_for_readers(kernel);
	for (unsigned i = 0; i < count; i++) {
		if (len[i])
			__atomic_store_n(&control->service[i].address_len, len[i], __ATOMIC_RELEASE);
	}
	__atomic_store_n(&control->service_count, (uint16_t)count, __ATOMIC_RELEASE);
}

int sw_kernel_refresh(struct sw_kernel *kernel)
{
	struct services wanted = {.count = 0};
	struct ifaddrs *machine;
	if (getifaddrs(&machine))
		return -errno;
	int error = services_want(kernel, machine, &wanted);
	freeifaddrs(machine);
	services_drop(kernel, &wanted);
	services_add(kernel, &wanted);
	return error;
}

int sw_kernel_listen(struct sw_kernel *kernel, const uint8_t *address, uint8_t address_len, uint16_t port)
{
	struct listener *listeners =
		reallocarray(kernel->listeners, kernel->listener_count + 1, sizeof(*kernel->listeners));
	if (!listeners)
		return -ENOMEM;
	kernel->listeners = listeners;
	struct listener *listener = &listeners[kernel->listener_count++];
	*listener = (struct listener){.address_len = address_len, .port = port};
	memcpy(listener->address, address, address_len);
	return sw_kernel_refresh(kernel);
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
