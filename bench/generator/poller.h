/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A thread that polls the interface's receive queue without a pause, as a packet generator's does.
 *
 * In a closed loop a server that answers in the kernel is idle as soon as the generator looks away. Were the
 * generator's kernel thread to sleep, either the server would have to wake it, at the price of an interrupt
 * between cores that is no part of answering, or a timer would, too late to keep the server busy. A
 * busy-polling socket keeps the queue polled and its wake-ups masked. Servers on sockets do better without:
 * queries then reach them in larger batches.
 */
#ifndef BENCH_GENERATOR_POLLER_H
#define BENCH_GENERATOR_POLLER_H

#include "traffic.h"
#include <pthread.h>
#include <stdint.h>

struct bench_poller {
	pthread_t thread;
	int fd;
};

/** Ask the server once, to learn which queue answers come in by, and poll it from then on.
 *
 * To be called before the receiving program is attached: the answer must reach a socket.
 * @param server  IPv4 address, host order
 * @return 0, -ETIMEDOUT when the server does not answer, or -errno
 */
int bench_poller_start(struct bench_poller *poller, const struct bench_template *query, uint32_t server);

void bench_poller_stop(struct bench_poller *poller);

#endif
