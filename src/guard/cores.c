/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/cores.h"
#include <stdio.h>
#include <string.h>

/** Share of its time that a core was not idle since the last look; the line is one of /proc/stat. */
static double core_busy(struct sw_cores *cores, const char *line, unsigned *core)
{
	unsigned long long t[8] = {0};
	if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", core, &t[0], &t[1], &t[2], &t[3],
		    &t[4], &t[5], &t[6], &t[7]) < 5 ||
		*core >= SW_CORES_MAX)
		return -1;
	uint64_t idle = t[3] + t[4], all = 0;
	for (unsigned i = 0; i < 8; i++)
		all += t[i];
	uint64_t passed = all - cores->all[*core], rested = idle - cores->idle[*core];
	bool is_first = cores->all[*core] == 0;
	cores->idle[*core] = idle;
	cores->all[*core] = all;
	return is_first || passed == 0 ? 0 : 1 - (double)rested / (double)passed;
}

double sw_cores_busy(struct sw_cores *cores, const uint64_t packets[SW_CORES_MAX], uint32_t *handling)
{
	FILE *stat = fopen("/proc/stat", "re");
	char line[512];
	uint64_t all = 0;
	double most = 0;
	*handling = 0;
	for (unsigned i = 0; i < SW_CORES_MAX; i++)
		all += packets[i] - cores->packets[i];
	while (stat && fgets(line, sizeof(line), stat) && strncmp(line, "cpu", 3) == 0) {
		unsigned core;
		double busy = core_busy(cores, line, &core);
		if (busy < 0 || (packets[core] - cores->packets[core]) * 100 <= all)
			continue;
		++*handling;
		most = busy > most ? busy : most;
	}
	if (stat)
		fclose(stat);
	memcpy(cores->packets, packets, sizeof(cores->packets));
	return most;
}
