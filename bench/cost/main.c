/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a packet costs, by kind: the program alone through BPF_PROG_RUN, or the whole way in over a veth pair.
 * Run by bench/cost.py; the figures go to standard output as JSON, one number for each round. */
#include "machine.h"
#include "place.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <urcu.h>

#define ROUNDS_MAX 101
#define FLOOD_EVERY 201
#define SEND_WAIT_US 2000 /* time for the receiving thread to empty its ring */

static const char usage[] =
	"cost --zones DIRECTORY [--worst DIRECTORY] [--rounds N] [--repeat N] [--every N]\n"
	"cost --zones DIRECTORY --interface NAME --sender NAMESPACE --sender-interface "
	"NAME --receiver PROCESS\n";

static const char *const program_labels[PROGRAMS] = {
	"seawall", "quiet", "senseless", "bare", "look", "nothing"};
static const char *const group_labels[] = {"peace", "attack", "never", "worst"};

struct options {
	const char *zones, *worst, *interface, *sender, *sender_interface;
	uint32_t rounds, repeat, every, receiver;
};

struct figures {
	double ns[PROGRAMS][ROUNDS_MAX];
};

/* ---- the program alone ---- */

static bool is_measured(const struct cost_row *row, unsigned program)
{
	switch (program) {
	case QUIET:
	case SENSELESS:
		return row->group == PEACE;
	case BARE:
	case LOOK:
		return row->group == NEVER;
	default:
		return true;
	}
}

/** Of an attack a million packets a second leave the same way. */
static uint32_t every_of(const struct options *options, const struct cost_row *row, unsigned program)
{
	return program == QUIET ? 0 : row->group == PEACE ? options->every : FLOOD_EVERY;
}

/** A packet that leaves otherwise than its row says would be a wrong figure. */
static int row_verify(struct place *place, const struct cost_row *row)
{
	uint64_t before[SW_VERDICT_COUNT], after[SW_VERDICT_COUNT];
	place_order(place, row, 0);
	int error = place_choose(place, SEAWALL);
	if (!error)
		error = place_counters(place, before);
	double ns = error ? error : place_run(place, SOURCES);
	if (ns < 0)
		return (int)ns;
	error = place_counters(place, after);
	uint64_t as_said = after[row->verdict] - before[row->verdict];
	/* one SYN a second passes in a flood */
	if (!error && as_said + (row->orders == IN_FLOOD) < SOURCES) {
		fprintf(stderr, "cost: %s: %lu of %u packets left as they should\n", row->key,
			(unsigned long)as_said, SOURCES);
		return -EPROTO;
	}
	return error;
}

static int row_time(struct place *place, const struct options *options, const struct cost_row *row,
	struct figures *figures, uint32_t round)
{
	uint32_t repeat = row->group == WORST ? options->repeat / 20 + 1 : options->repeat;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		unsigned program = (i + round) % PROGRAMS; /* none is always the first */
		if (!is_measured(row, program))
			continue;
		place_samples(place);
		place_order(place, row, every_of(options, row, program));
		int error = place_choose(place, program);
		double ns = error ? error : place_run(place, repeat);
		if (ns < 0)
			return (int)ns;
		figures->ns[program][round] = ns;
	}
	return 0;
}

/* ---- the whole way ---- */

static uint64_t number_read(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long number = 0;
	if (file && fscanf(file, "%llu", &number) != 1)
		number = 0;
	if (file)
		fclose(file);
	return number;
}

struct way {
	struct place *place;
	int here, sender; /* network namespaces */
	unsigned interface, sender_interface;
	char runtime[64], packets[128];
};

static int way_open(struct way *way, const struct options *options)
{
	char path[128];
	snprintf(path, sizeof(path), "/run/netns/%s", options->sender);
	way->here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	way->sender = open(path, O_RDONLY | O_CLOEXEC);
	way->interface = if_nametoindex(options->interface);
	if (way->here < 0 || way->sender < 0 || way->interface == 0 || setns(way->sender, CLONE_NEWNET) != 0)
		return -errno;
	way->sender_interface = if_nametoindex(options->sender_interface);
	if (way->sender_interface == 0 || setns(way->here, CLONE_NEWNET) != 0)
		return -errno;
	snprintf(way->runtime, sizeof(way->runtime), "/proc/%u/schedstat", options->receiver);
	snprintf(way->packets, sizeof(way->packets), "/sys/class/net/%s/statistics/rx_packets",
		options->interface);
	return 0;
}

/** @return CPU time of the receiving thread in ns for each packet that it received, or -errno */
static double way_run(struct way *way, uint32_t repeat)
{
	uint64_t runtime = number_read(way->runtime), packets = number_read(way->packets);
	if (setns(way->sender, CLONE_NEWNET) != 0)
		return -errno;
	int error = place_send(way->place, way->sender_interface, repeat);
	if (setns(way->here, CLONE_NEWNET) != 0)
		return -errno;
	usleep(SEND_WAIT_US);
	runtime = number_read(way->runtime) - runtime;
	packets = number_read(way->packets) - packets;
	if (!error && packets == 0)
		error = -ENODATA;
	return error ? error : (double)runtime / (double)packets;
}

static int row_way(struct way *way, const struct options *options, const struct cost_row *row,
	struct figures *figures, uint32_t round)
{
	static const unsigned programs[] = {SEAWALL, BARE, LOOK, NOTHING};
	for (unsigned i = 0; i < 4; i++) {
		unsigned program = programs[(i + round) % 4];
		place_samples(way->place);
		place_order(way->place, row, FLOOD_EVERY);
		int error = bpf_xdp_attach(
			(int)way->interface, place_program_fd(way->place, program), XDP_FLAGS_DRV_MODE, NULL);
		double ns = error ? error : way_run(way, options->repeat);
		if (ns < 0)
			return (int)ns;
		figures->ns[program][round] = ns;
	}
	return 0;
}

/* ---- all rows ---- */

static int rows_time(struct place *place, const struct options *options, struct figures *figures)
{
	struct way way = {.place = place};
	int error = options->interface ? way_open(&way, options) : 0;
	for (uint32_t round = 0; round < options->rounds && !error; round++) {
		for (size_t i = 0; i < cost_row_count && !error; i++) {
			const struct cost_row *row = &cost_rows[i];
			if ((row->group == WORST && !options->worst) ||
				(options->interface && row->group != NEVER))
				continue;
			error = place_frames(place, row);
			if (!error && round == 0)
				error = row_verify(place, row);
			if (!error)
				error = options->interface ? row_way(&way, options, row, &figures[i], round)
							   : row_time(
								     place, options, row, &figures[i], round);
			if (error)
				fprintf(stderr, "cost: %s: %s\n", row->key, strerror(-error));
		}
	}
	if (options->interface)
		bpf_xdp_detach((int)way.interface, XDP_FLAGS_DRV_MODE, NULL);
	return error;
}

static void row_print(
	const struct options *options, const struct cost_row *row, const struct figures *figures)
{
	printf("{\"key\": \"%s\", \"title\": \"%s\", \"group\": \"%s\", \"ns\": {", row->key, row->title,
		group_labels[row->group]);
	const char *comma = "";
	for (unsigned program = 0; program < PROGRAMS; program++) {
		if (figures->ns[program][0] == 0)
			continue;
		/* a program that does nothing leaves all to the stack */
		printf("%s\"%s\": [", comma,
			program == NOTHING && options->interface ? "stack" : program_labels[program]);
		for (uint32_t round = 0; round < options->rounds; round++)
			printf("%s%.2f", round ? ", " : "", figures->ns[program][round]);
		printf("]");
		comma = ", ";
	}
	printf("}}");
}

static void rows_print(const struct options *options, const struct figures *figures)
{
	const char *comma = "";
	printf("{\"every\": %u, \"rounds\": %u, \"repeat\": %u, \"rows\": [\n", options->every,
		options->rounds, options->repeat);
	for (size_t i = 0; i < cost_row_count; i++) {
		if (figures[i].ns[SEAWALL][0] == 0)
			continue;
		printf("%s", comma);
		row_print(options, &cost_rows[i], &figures[i]);
		comma = ",\n";
	}
	printf("\n]}\n");
}

static int options_parse(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {{"zones", 1, NULL, 'z'}, {"worst", 1, NULL, 'w'},
		{"rounds", 1, NULL, 'n'}, {"repeat", 1, NULL, 'r'}, {"every", 1, NULL, 'e'},
		{"interface", 1, NULL, 'i'}, {"sender", 1, NULL, 's'}, {"sender-interface", 1, NULL, 'f'},
		{"receiver", 1, NULL, 'p'}, {NULL, 0, NULL, 0}};
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		const char **text = option == 'z'   ? &options->zones
				    : option == 'w' ? &options->worst
				    : option == 'i' ? &options->interface
				    : option == 's' ? &options->sender
				    : option == 'f' ? &options->sender_interface
						    : NULL;
		uint32_t *number = option == 'n'   ? &options->rounds
				   : option == 'r' ? &options->repeat
				   : option == 'e' ? &options->every
				   : option == 'p' ? &options->receiver
						   : NULL;
		if (text)
			*text = optarg;
		else if (number)
			*number = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return -EINVAL;
	}
	if (options->interface && (!options->sender || !options->sender_interface || options->receiver == 0))
		return -EINVAL;
	return options->zones && options->rounds >= 1 && options->rounds <= ROUNDS_MAX && options->repeat
		       ? 0
		       : -EINVAL;
}

int main(int argc, char **argv)
{
	struct options options = {.rounds = 21, .repeat = 50000, .every = 21};
	struct place *place = NULL;
	if (options_parse(&options, argc, argv) != 0) {
		fputs(usage, stderr);
		return 2;
	}
	struct figures *figures = calloc(cost_row_count, sizeof(*figures));
	int error = (options.interface ? machine_fill() : machine_make()) ? -EIO : 0;
	rcu_register_thread();
	if (!error && figures)
		error = place_make(&place, options.zones, options.worst);
	if (!error)
		error = rows_time(place, &options, figures);
	if (error)
		fprintf(stderr, "cost: %s\n", strerror(-error));
	else
		rows_print(&options, figures);
	place_free(place);
	rcu_unregister_thread();
	free(figures);
	return error ? 1 : 0;
}
