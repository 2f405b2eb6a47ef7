// SPDX-License-Identifier: GPL-3.0-or-later
/* A DNS traffic generator whose packets are made, and whose answers are counted, inside the kernel.
 *
 * Closed loop: a window of queries is in flight, and each answer becomes the next query. What a server
 * answers so is what it can do without losses. Open loop: batches go out at a rate, or as fast as this core
 * makes them, whatever comes back. The kernel thread that receives shares the core and must go first; the
 * bench gives it the priority.
 */
#include "account.h"
#include "check.h"
#include "generator.skel.h"
#include "guard.h"
#include "options.h"
#include "poller.h"
#include "query.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Nothing for so long: whatever is still waited for is lost. */
#define STALL_NS 250000000
#define WATCH_NS 20000000
#define DRAIN_SECONDS 0.3

struct generator {
	struct bench_options options;
	struct generator_bpf *bpf;
	struct ring_buffer *samples;
	int send_fd, send_error;
	bool is_sending_done;
	pthread_t sender;			/* open loop */
	uint64_t progress_matched, progress_ns; /* closed loop: answers seen, and when the last one was */
	uint64_t refilled;			/* closed loop: lost queries that were replaced */
	uint64_t checked, wrong;
	const char *wrong_first;
};

static volatile sig_atomic_t is_stopped;

static void stop(int signal)
{
	(void)signal;
	is_stopped = 1;
}

/* Its arrival alone ends a program run. */
static void interrupt(int signal)
{
	(void)signal;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t load(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static int sample_check(void *context, void *data, size_t bytes)
{
	struct generator *generator = context;
	const struct bench_options *options = &generator->options;
	const struct bench_sample *sample = data;
	bool is_honest = sample->stream == BENCH_HONEST;
	struct bench_expectation expected = {
		.query = (const void *)&generator->bpf->rodata->config.templates[sample->stream],
		.kind = is_honest ? BENCH_ANSWER : options->expected,
		.has_do = options->with_do,
		.is_echo = options->is_echo};
	const char *wrong = bench_answer_check(sample, &expected);

	(void)bytes;
	generator->checked++;
	if (wrong) {
		generator->wrong++;
		if (!generator->wrong_first)
			generator->wrong_first = wrong;
	}
	return 0;
}

static uint64_t lost(const struct generator *generator)
{
	const struct bench_counters *counters = &generator->bpf->bss->counters;

	return load(&counters->expired) + load(&counters->overtaken);
}

static void stalled_expire(struct generator *generator)
{
	uint64_t matched = load(&generator->bpf->bss->counters.matched), now = now_ns();

	if (matched != generator->progress_matched) {
		generator->progress_matched = matched;
		generator->progress_ns = now;
		return;
	}
	if (now - generator->progress_ns < STALL_NS)
		return;
	for (unsigned slot = 0; slot < BENCH_SLOTS; slot++)
		if (__atomic_exchange_n(&generator->bpf->bss->waiting[slot], 0, __ATOMIC_RELAXED))
			generator->bpf->bss->counters.expired++;
	generator->progress_ns = now;
}

static int program_run(struct generator *generator, uint32_t repeat)
{
	uint8_t frame[BENCH_FRAME_MAX] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
		.repeat = (int)repeat, .batch_size = generator->options.batch,
		.flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int error = bpf_prog_test_run_opts(generator->send_fd, &run);

	return error == -EINTR ? 0 : error;
}

/* Open loop, in its own thread: one program run after the other, each ended by a signal. */
static void *send_thread(void *context)
{
	struct generator *generator = context;

	while (!__atomic_load_n(&generator->is_sending_done, __ATOMIC_ACQUIRE) && !generator->send_error)
		generator->send_error = program_run(generator, INT32_MAX);
	return NULL;
}

/* Closed loop: put as many queries on the wire as were lost. */
static void window_refill(struct generator *generator)
{
	uint64_t lost_now = lost(generator), missing = lost_now - generator->refilled;

	if (missing == 0)
		return;
	generator->send_error = program_run(generator, (uint32_t)missing);
	generator->refilled = lost_now;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec pause = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	nanosleep(&pause, NULL);
}

/* Let the traffic flow for so long, with an eye on losses and samples. */
static void traffic_watch(struct generator *generator, double seconds)
{
	uint64_t end_ns = now_ns() + (uint64_t)(seconds * 1e9), now;

	while ((now = now_ns()) < end_ns && !is_stopped && !generator->send_error) {
		sleep_ns(end_ns - now < WATCH_NS ? end_ns - now : WATCH_NS);
		if (generator->options.is_closed) {
			stalled_expire(generator);
			window_refill(generator);
		}
		ring_buffer__consume(generator->samples);
	}
}

static void counters_difference(struct bench_counters *after, const struct bench_counters *before)
{
	__u64 *value = (__u64 *)after;
	const __u64 *minus = (const __u64 *)before;

	for (unsigned i = 0; i < sizeof(*after) / sizeof(*value); i++)
		value[i] -= minus[i];
}

struct measurement {
	struct bench_counters counters;
	uint64_t elapsed_ns, runtime_ns, busy_ns, lost;
	bool has_runtime; /* a process that has ended has taken its run time with it */
};

static void measurement_print(struct generator *generator, const struct measurement *m)
{
	static const char *const kinds[] = {
#define X(name, text) text,
		BENCH_KINDS(X)
#undef X
	};
	const struct bench_counters *c = &m->counters;
	const struct bench_options *options = &generator->options;

	printf("{\"elapsed_ns\":%" PRIu64 ",\"runtime_ns\":", m->elapsed_ns);
	if (m->has_runtime)
		printf("%" PRIu64, m->runtime_ns);
	else
		printf("null");
	printf(",\"core_busy_ns\":%" PRIu64, m->busy_ns);
	printf(",\"sent\":%llu,\"right\":%llu,\"bytes\":%llu,\"received\":{", c->sent[BENCH_MAIN],
		c->received[BENCH_MAIN][options->expected], c->received_bytes);
	for (unsigned i = 0; i < BENCH_KINDS_COUNT; i++)
		printf("%s\"%s\":%llu", i ? "," : "", kinds[i], c->received[BENCH_MAIN][i]);
	printf("},\"honest_sent\":%llu,\"honest_right\":%llu", c->sent[BENCH_HONEST],
		c->received[BENCH_HONEST][BENCH_ANSWER]);
	printf(",\"lost\":%" PRIu64 ",\"unmatched\":%llu,\"checked\":%" PRIu64 ",\"wrong\":%" PRIu64, m->lost,
		c->unmatched, generator->checked, generator->wrong);
	printf(",\"wrong_first\":\"%s\"}\n", generator->wrong_first ? generator->wrong_first : "");
	fflush(stdout);
	generator->checked = generator->wrong = 0;
	generator->wrong_first = NULL;
}

static void sending_end(struct generator *generator)
{
	if (__atomic_exchange_n(&generator->is_sending_done, true, __ATOMIC_ACQ_REL))
		return;
	pthread_kill(generator->sender, SIGUSR1);
	pthread_join(generator->sender, NULL);
}

static void measure(struct generator *generator)
{
	const struct bench_options *options = &generator->options;
	struct bench_counters before = generator->bpf->bss->counters;
	uint64_t lost_before = lost(generator), start_ns = now_ns();
	uint64_t runtime_ns = bench_runtime_ns(options->processes, options->processes_count);
	uint64_t busy_ns = bench_core_busy_ns(options->server_core);
	struct measurement m;

	traffic_watch(generator, options->seconds);
	m = (struct measurement){
		.counters = generator->bpf->bss->counters, .elapsed_ns = now_ns() - start_ns};
	m.runtime_ns = bench_runtime_ns(options->processes, options->processes_count);
	m.has_runtime = m.runtime_ns >= runtime_ns;
	m.runtime_ns -= runtime_ns;
	m.busy_ns = bench_core_busy_ns(options->server_core) - busy_ns;
	m.lost = lost(generator) - lost_before;
	if (options->is_draining) { /* what was sent and what came, to the last */
		sending_end(generator);
		traffic_watch(generator, DRAIN_SECONDS);
		m.counters = generator->bpf->bss->counters;
	}
	counters_difference(&m.counters, &before);
	measurement_print(generator, &m);
}

static int own_mac(const char *interface, uint8_t mac[6])
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	result = ioctl(fd, SIOCGIFHWADDR, &request) ? -errno : 0;
	close(fd);
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return result;
}

static int config_fill(struct generator *generator, struct bench_config *config)
{
	const struct bench_options *options = &generator->options;
	struct bench_path path = {.server = options->server};
	const char *honest = options->honest_query ? options->honest_query : options->query;
	uint32_t honest_count = options->honest_query ? options->honest_count : options->count;
	int error;

	memcpy(path.server_mac, options->server_mac, 6);
	if (options->interface) {
		error = own_mac(options->interface, path.client_mac);
		if (error)
			return error;
		config->interface = if_nametoindex(options->interface);
	}
	/* Without an honest stream a query falls into it once in 2^32, and is then one like all others. */
	config->honest_mask = options->honest_query ? options->honest_one_in - 1 : UINT32_MAX;
	config->sample_mask = options->sample_one_in - 1;
	config->is_closed = options->is_closed;
	config->batch = options->batch;
	config->hold = options->hold;
	config->rate_pps = (uint64_t)options->rate_pps;
	error = bench_query_build(&config->templates[BENCH_MAIN], &path, options->query, options->count,
		options->with_edns, options->with_do);
	if (error)
		return error;
	return bench_query_build(&config->templates[BENCH_HONEST], &path, honest, honest_count,
		options->with_edns, options->with_do);
}

/* Run the sending program on ordinary packets: no wire is touched. Framed as length (2 bytes, big-endian),
 * frame. */
static int frames_dump(const struct generator *generator)
{
	FILE *file = fopen(generator->options.dump_path, "we");
	int error = file ? 0 : -errno;

	for (uint32_t i = 0; i < generator->options.dump_count && !error; i++) {
		uint8_t in[BENCH_FRAME_MAX] = {0}, out[BENCH_FRAME_MAX];
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = sizeof(in),
			.data_out = out, .data_size_out = sizeof(out), .repeat = 1);

		error = bpf_prog_test_run_opts(generator->send_fd, &run);
		if (error)
			break;
		fputc((int)(run.data_size_out >> 8), file);
		fputc((int)(run.data_size_out & 255), file);
		if (fwrite(out, run.data_size_out, 1, file) != 1)
			error = -EIO;
	}
	if (file && fclose(file) && !error)
		error = -errno;
	return error;
}

static void samples_forget(struct generator *generator)
{
	ring_buffer__consume(generator->samples);
	generator->checked = generator->wrong = 0;
	generator->wrong_first = NULL;
}

static void traffic_measure(struct generator *generator)
{
	traffic_watch(generator, generator->options.warmup_seconds);
	samples_forget(generator);
	for (unsigned run = 0; run < generator->options.runs && !generator->send_error && !is_stopped; run++)
		measure(generator);
}

static int closed_measure(struct generator *generator)
{
	int error = program_run(generator, generator->options.window);

	if (error)
		return error;
	traffic_measure(generator);
	generator->bpf->bss->is_closing = true;
	return generator->send_error;
}

static int open_measure(struct generator *generator)
{
	int error = pthread_create(&generator->sender, NULL, send_thread, generator);

	if (error)
		return -error;
	traffic_measure(generator);
	sending_end(generator);
	return generator->send_error;
}

/* What is attached already, to be put back; -1, which detaches, for nothing. */
static int program_attached(int interface)
{
	__u32 id;

	if (bpf_xdp_query_id(interface, XDP_FLAGS_DRV_MODE, &id) || !id)
		return -1;
	return bpf_prog_get_fd_by_id(id);
}

static int traffic_attach(struct generator *generator)
{
	int receive_fd = bpf_program__fd(generator->bpf->progs.bench_receive);
	int interface = (int)generator->bpf->rodata->config.interface;
	int before_fd = program_attached(interface);
	int error = bpf_xdp_attach(interface, receive_fd, XDP_FLAGS_DRV_MODE, NULL);

	if (!error) {
		generator->bpf->bss->start_ns = generator->progress_ns = now_ns();
		error = (generator->options.is_closed ? closed_measure : open_measure)(generator);
		bpf_xdp_attach(interface, before_fd, XDP_FLAGS_DRV_MODE, NULL);
	}
	if (before_fd >= 0)
		close(before_fd);
	return error;
}

static int traffic_polled(struct generator *generator)
{
	const struct bench_options *options = &generator->options;
	const void *query = (const void *)&generator->bpf->rodata->config.templates[BENCH_MAIN];
	struct bench_poller poller;
	int error;

	if (!options->is_polling)
		return traffic_attach(generator);
	error = bench_poller_start(&poller, query, options->server);
	if (error)
		return error;
	error = traffic_attach(generator);
	bench_poller_stop(&poller);
	return error;
}

static int generator_run(struct generator *generator)
{
	struct bench_config config = {0};
	int error;

	generator->bpf = generator_bpf__open();
	if (!generator->bpf)
		return -errno;
	error = config_fill(generator, &config);
	if (error)
		return error;
	memcpy((void *)&generator->bpf->rodata->config, &config, sizeof(config));
	generator->bpf->bss->random_state = now_ns();
	error = generator_bpf__load(generator->bpf);
	if (error)
		return error;
	generator->send_fd = bpf_program__fd(generator->bpf->progs.bench_send);
	if (generator->options.dump_path)
		return frames_dump(generator);
	generator->samples =
		ring_buffer__new(bpf_map__fd(generator->bpf->maps.samples), sample_check, generator, NULL);
	if (!generator->samples)
		return -errno;
	return traffic_polled(generator);
}

int main(int argc, char **argv)
{
	struct generator generator = {0};
	int error;

	if (bench_options_parse(&generator.options, argc, argv))
		return 2;
	if (!generator.options.dump_path) {
		const char *reason = bench_interface_refuse(generator.options.interface);

		if (reason) {
			fprintf(stderr, "generator: will not send on %s: %s\n", generator.options.interface,
				reason);
			return 2;
		}
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	signal(SIGUSR1, interrupt);
	error = generator_run(&generator);
	if (error)
		fprintf(stderr, "generator: %s\n", strerror(-error));
	ring_buffer__free(generator.samples);
	generator_bpf__destroy(generator.bpf);
	return error ? 1 : 0;
}
