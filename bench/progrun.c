// SPDX-License-Identifier: GPL-3.0-or-later
/* A stopwatch for XDP programs: ns for each packet, beside the plain reflector, without any interface.
 *
 * The packets come from a file as `generator --dump` writes it: length in two bytes (big-endian), then the
 * Ethernet frame. All are gone through in turn (rewind.bpf.c), so a zone of a million names is measured with
 * its cache misses when the file asks for as many names. The smallest of the runs is the program's cost:
 * whatever else happens on the machine only adds.
 */
#include "reflector.skel.h"
#include "rewind.h"
#include "rewind.skel.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RUNS 9

static const char usage[] =
	"progrun --packets FILE [--object FILE [--program NAME] | --pin PATH | --id N] [--repeat N]\n"
	"\n"
	"Times an XDP program by BPF_PROG_RUN on the packets of FILE, beside a plain reflector:\n"
	"  progrun --packets hits.frames --pin /sys/fs/bpf/seawall/xdp\n";

struct stopwatch {
	struct rewind_bpf *rewind;
	struct reflector_bpf *reflector;
	struct bpf_object *object;
	int measured_fd;
	const char *packets, *object_path, *program, *pin, *id;
	uint32_t repeat;
	uint8_t first_frame[REWIND_FRAME_MAX];
	uint32_t first_bytes;
};

static int packets_load(struct stopwatch *watch)
{
	size_t bytes = sizeof(struct rewind_frame) * REWIND_FRAMES;
	struct rewind_frame *frames = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(watch->rewind->maps.frames), 0);
	FILE *file = fopen(watch->packets, "re");
	uint32_t count = 0, mask = 1;
	uint8_t length[2];

	if (!file || frames == MAP_FAILED)
		return -errno;
	while (count < REWIND_FRAMES && fread(length, 2, 1, file) == 1) {
		struct rewind_frame *frame = &frames[count];

		frame->frame_bytes = (uint32_t)(length[0] << 8 | length[1]);
		if (frame->frame_bytes < 14 || frame->frame_bytes > REWIND_FRAME_MAX ||
			fread(frame->frame, frame->frame_bytes, 1, file) != 1)
			return -EINVAL;
		count++;
	}
	fclose(file);
	if (count == 0)
		return -ENODATA;
	while (mask * 2 <= count)
		mask *= 2;
	watch->rewind->bss->frames_mask = mask - 1;
	watch->first_bytes = frames[0].frame_bytes;
	memcpy(watch->first_frame, frames[0].frame, frames[0].frame_bytes);
	munmap(frames, bytes);
	return 0;
}

static int measured_open(struct stopwatch *watch)
{
	struct bpf_program *program;
	int error;

	if (watch->pin)
		return bpf_obj_get(watch->pin);
	if (watch->id)
		return bpf_prog_get_fd_by_id((uint32_t)strtoul(watch->id, NULL, 10));
	watch->object = bpf_object__open_file(watch->object_path, NULL);
	if (!watch->object)
		return -errno;
	program = watch->program ? bpf_object__find_program_by_name(watch->object, watch->program)
				 : bpf_object__next_program(watch->object, NULL);
	if (!program)
		return -ENOENT;
	error = bpf_object__load(watch->object);
	return error ? error : bpf_program__fd(program);
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* Sorted times of all runs, in ns for each packet. */
static int time_program(struct stopwatch *watch, int program_fd, double times[RUNS], uint32_t *action)
{
	uint32_t key = 0;
	uint8_t out[4096];

	if (bpf_map_update_elem(bpf_map__fd(watch->rewind->maps.measured), &key, &program_fd, BPF_ANY))
		return -errno;
	for (unsigned i = 0; i < RUNS; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = watch->first_frame,
			.data_size_in = watch->first_bytes, .data_out = out, .data_size_out = sizeof(out),
			.repeat = (int)watch->repeat);
		int error = bpf_prog_test_run_opts(bpf_program__fd(watch->rewind->progs.rewind_frame), &run);

		if (error)
			return error;
		times[i] = run.duration;
		*action = run.retval;
	}
	qsort(times, RUNS, sizeof(*times), compare);
	return 0;
}

static int row_print(struct stopwatch *watch, const char *label, int program_fd, const double *base)
{
	static const char *const actions[] = {"aborted", "drop", "pass", "tx", "redirect"};
	double times[RUNS];
	uint32_t action = 0;
	int error = time_program(watch, program_fd, times, &action);

	if (!error)
		printf("%-20s %6.0f ns   median %6.0f ns   %s\n", label, times[0] - base[0],
			times[RUNS / 2] - base[RUNS / 2], action < 5 ? actions[action] : "?");
	return error;
}

static int rows_print(struct stopwatch *watch)
{
	double base[RUNS];
	uint32_t action;
	int error = time_program(watch, bpf_program__fd(watch->rewind->progs.return_only), base, &action);

	if (error)
		return error;
	printf("%u packets, %u runs of %u; the price of a fresh packet, %.1f ns, is subtracted\n",
		watch->rewind->bss->frames_mask + 1, RUNS, watch->repeat, base[0]);
	error = row_print(watch, "plain reflector", bpf_program__fd(watch->reflector->progs.reflect), base);
	if (!error && watch->measured_fd >= 0)
		error = row_print(watch, "measured program", watch->measured_fd, base);
	return error;
}

static int options_parse(struct stopwatch *watch, int argc, char **argv)
{
	static const struct option options[] = {{"packets", 1, NULL, 'f'}, {"object", 1, NULL, 'o'},
		{"program", 1, NULL, 'n'}, {"pin", 1, NULL, 'p'}, {"id", 1, NULL, 'i'},
		{"repeat", 1, NULL, 'r'}, {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			watch->packets = optarg;
			break;
		case 'o':
			watch->object_path = optarg;
			break;
		case 'n':
			watch->program = optarg;
			break;
		case 'p':
			watch->pin = optarg;
			break;
		case 'i':
			watch->id = optarg;
			break;
		case 'r':
			watch->repeat = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		default:
			return -EINVAL;
		}
	}
	return watch->packets && watch->repeat ? 0 : -EINVAL;
}

static int stopwatch_run(struct stopwatch *watch)
{
	int error;

	watch->rewind = rewind_bpf__open_and_load();
	watch->reflector = reflector_bpf__open_and_load();
	if (!watch->rewind || !watch->reflector)
		return -errno;
	error = packets_load(watch);
	if (error)
		return error;
	if (watch->object_path || watch->pin || watch->id) {
		watch->measured_fd = measured_open(watch);
		if (watch->measured_fd < 0)
			return watch->measured_fd;
	}
	return rows_print(watch);
}

int main(int argc, char **argv)
{
	struct stopwatch watch = {.repeat = 1000000, .measured_fd = -1};
	int error = options_parse(&watch, argc, argv);

	if (error) {
		fputs(usage, stderr);
		return 2;
	}
	error = stopwatch_run(&watch);
	if (error)
		fprintf(stderr, "progrun: %s\n", strerror(-error));
	bpf_object__close(watch.object);
	reflector_bpf__destroy(watch.reflector);
	rewind_bpf__destroy(watch.rewind);
	return error ? 1 : 0;
}
