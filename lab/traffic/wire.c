// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BATCH 128
#define NICE (-20) /* before everybody else on this core: a letter is not to wait for their slices */

static int reply_take(void *context, void *data, size_t bytes)
{
	struct lab_wire *wire = context;

	(void)bytes;
	wire->reply(wire->context, data);
	return 0;
}

int lab_wire_open(struct lab_wire *wire, const unsigned link[LAB_POPS], uint64_t seed)
{
	int error;

	wire->bpf = traffic_bpf__open();
	if (!wire->bpf)
		return -errno;
	for (int i = 0; i < LAB_POPS; i++)
		wire->bpf->rodata->links[i] = wire->link[i] = link[i];
	wire->bpf->bss->random_state = seed;
	error = traffic_bpf__load(wire->bpf);
	if (error)
		return error;
	wire->replies = ring_buffer__new(bpf_map__fd(wire->bpf->maps.replies), reply_take, wire, NULL);
	return wire->replies ? 0 : -errno;
}

int lab_wire_know(struct lab_wire *wire, const struct lab_population *population)
{
	int map = bpf_map__fd(wire->bpf->maps.honest);

	for (uint32_t i = 0; i < LAB_RESOLVERS + LAB_NEW_RESOLVERS; i++) {
		const struct lab_resolver *resolver = &population->resolver[i];
		struct lab_address address = {0};

		if (resolver->is_ipv6)
			memcpy(address.bytes, resolver->address, 16);
		else
			memcpy(address.bytes + 12, resolver->address, 4);
		if (bpf_map_update_elem(map, &address, &i, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Its arrival alone ends a program run. */
static void interrupt(int signal)
{
	(void)signal;
}

/* One program run after the other: each lasts until a signal comes. */
static void *send_thread(void *context)
{
	struct lab_wire *wire = context;
	const struct sched_param ordinary = {0};
	uint8_t frame[LAB_INPUT_BYTES] = {0};

	sched_setscheduler(0, SCHED_OTHER, &ordinary);
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	while (!__atomic_load_n(&wire->is_ending, __ATOMIC_ACQUIRE)) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
			.repeat = INT32_MAX, .batch_size = BATCH, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
		int error = bpf_prog_test_run_opts(bpf_program__fd(wire->bpf->progs.lab_send), &run);

		if (error && error != -EINTR) {
			wire->send_error = error;
			break;
		}
	}
	return NULL;
}

/* What is attached already, to be put back. */
static int program_attached(unsigned link)
{
	__u32 id;

	if (bpf_xdp_query_id((int)link, XDP_FLAGS_DRV_MODE, &id) || !id)
		return -1;
	return bpf_prog_get_fd_by_id(id);
}

int lab_wire_start(struct lab_wire *wire)
{
	const struct sigaction action = {.sa_handler = interrupt};
	int error;

	sigaction(SIGUSR1, &action, NULL);
	for (; wire->attached < LAB_POPS; wire->attached++) {
		unsigned link = wire->link[wire->attached];

		wire->before[wire->attached] = program_attached(link);
		error = bpf_xdp_attach(
			(int)link, bpf_program__fd(wire->bpf->progs.lab_receive), XDP_FLAGS_DRV_MODE, NULL);
		if (error)
			return error;
	}
	error = pthread_create(&wire->sender, NULL, send_thread, wire);
	wire->is_sending = !error;
	return -error;
}

void lab_wire_close(struct lab_wire *wire)
{
	if (wire->is_sending) {
		__atomic_store_n(&wire->is_ending, true, __ATOMIC_RELEASE);
		pthread_kill(wire->sender, SIGUSR1);
		pthread_join(wire->sender, NULL);
	}
	while (wire->attached-- > 0) {
		bpf_xdp_attach((int)wire->link[wire->attached], wire->before[wire->attached],
			XDP_FLAGS_DRV_MODE, NULL);
		if (wire->before[wire->attached] >= 0)
			close(wire->before[wire->attached]);
	}
	ring_buffer__free(wire->replies);
	traffic_bpf__destroy(wire->bpf);
}

struct lab_letter *lab_wire_letter(struct lab_wire *wire, bool is_relayed)
{
	uint64_t taken = __atomic_load_n(&wire->bpf->bss->letters_taken, __ATOMIC_ACQUIRE);

	if (wire->bpf->bss->letters_written - taken >= (is_relayed ? LAB_LETTERS / 2 : LAB_LETTERS))
		return NULL;
	return &wire->bpf->bss->letters[wire->bpf->bss->letters_written % LAB_LETTERS];
}

void lab_wire_post(struct lab_wire *wire)
{
	__atomic_store_n(
		&wire->bpf->bss->letters_written, wire->bpf->bss->letters_written + 1, __ATOMIC_RELEASE);
}

void lab_wire_turn(struct lab_wire *wire)
{
	ring_buffer__consume(wire->replies);
}
