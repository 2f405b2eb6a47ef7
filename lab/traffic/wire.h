// SPDX-License-Identifier: GPL-3.0-or-later
/** The programs in the kernel: loaded, attached to the links, fed with letters. */
#ifndef LAB_TRAFFIC_WIRE_H
#define LAB_TRAFFIC_WIRE_H

#include "population.h"
#include "traffic.skel.h"
#include <bpf/libbpf.h>
#include <pthread.h>

struct lab_wire {
	struct traffic_bpf *bpf;
	struct ring_buffer *replies;
	unsigned link[LAB_POPS];
	int before[LAB_POPS]; /* programs that were attached: -1 for none */
	uint32_t attached;
	pthread_t sender;
	bool is_sending, is_ending;
	int send_error;
	void (*reply)(void *context, const struct lab_reply *reply);
	void *context;
};

/** Load the programs. Tables may be filled from here on. @return 0 or -errno */
int lab_wire_open(struct lab_wire *wire, const unsigned link[LAB_POPS], uint64_t seed);

/** Tell honest resolvers from others. @return 0 or -errno */
int lab_wire_know(struct lab_wire *wire, const struct lab_population *population);

/** Attach to the links and begin to send, on a thread of its own that takes all time left over.
 * @return 0 or -errno */
int lab_wire_start(struct lab_wire *wire);

/** Stop, detach, put back what was attached before. */
void lab_wire_close(struct lab_wire *wire);

/** A letter to be written, or NULL when too many wait to be sent. lab_wire_post() sends it.
 * @param is_relayed  leaves half of the room to others */
struct lab_letter *lab_wire_letter(struct lab_wire *wire, bool is_relayed);
void lab_wire_post(struct lab_wire *wire);

/** Hand every reply that has come to `reply`, without waiting. */
void lab_wire_turn(struct lab_wire *wire);

#endif
