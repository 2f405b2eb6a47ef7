// SPDX-License-Identifier: GPL-3.0-or-later
#include "account.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint64_t thread_runtime_ns(pid_t process, const char *thread)
{
	char path[512];
	uint64_t runtime_ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", process, thread);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &runtime_ns) != 1)
		runtime_ns = 0;
	fclose(file);
	return runtime_ns;
}

uint64_t bench_runtime_ns(const pid_t *processes, unsigned count)
{
	uint64_t total_ns = 0;

	for (unsigned i = 0; i < count; i++) {
		char path[64];
		struct dirent *entry;
		DIR *threads;

		snprintf(path, sizeof(path), "/proc/%d/task", processes[i]);
		threads = opendir(path);
		while (threads && (entry = readdir(threads)))
			if (entry->d_name[0] != '.')
				total_ns += thread_runtime_ns(processes[i], entry->d_name);
		if (threads)
			closedir(threads);
	}
	return total_ns;
}

uint64_t bench_core_busy_ns(unsigned core)
{
	/* user nice system idle iowait irq softirq steal, in clock ticks. */
	uint64_t ticks[8] = {0}, busy = 0;
	char line[256], label[16];
	FILE *file = fopen("/proc/stat", "re");

	snprintf(label, sizeof(label), "cpu%u ", core);
	while (file && fgets(line, sizeof(line), file)) {
		char *rest = line + strlen(label);

		if (strncmp(line, label, strlen(label)))
			continue;
		for (unsigned i = 0, used = 0; i < 8; i++, rest += used) {
			int read = 0;

			if (sscanf(rest, "%" SCNu64 "%n", &ticks[i], &read) != 1)
				break;
			used = (unsigned)read;
			if (i != 3 && i != 4 && i != 7)
				busy += ticks[i];
		}
	}
	if (file)
		fclose(file);
	return busy * (uint64_t)(1000000000 / sysconf(_SC_CLK_TCK));
}
