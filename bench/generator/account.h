/* SPDX-License-Identifier: GPL-3.0-or-later */
/** CPU time of the threads that do the server's work. */
#ifndef BENCH_GENERATOR_ACCOUNT_H
#define BENCH_GENERATOR_ACCOUNT_H

#include <stdint.h>
#include <sys/types.h>

/** Time that all threads of these processes have run, in ns, from /proc/PID/task/TID/schedstat.
 *
 * The scheduler's own account, exact to the ns when a thread leaves the core and at most one tick old while
 * it runs. A thread that has ended is lost from it: servers measured here keep theirs.
 */
uint64_t bench_runtime_ns(const pid_t *processes, unsigned count);

/** Busy time of one core in ns, from /proc/stat: everything that ran there, in ticks; only to cross-check. */
uint64_t bench_core_busy_ns(unsigned core);

#endif
