/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Answers from UDP sockets: what the kernel part leaves, or everything where there is none.
 *
 * One socket and one thread per worker and address (SO_REUSEPORT spreads askers over them). A thread
 * blocks in recvmmsg(): with one socket a thread there is nothing to poll for, and a batch costs two
 * system calls, however many queries are in it.
 */
#ifndef SW_SERVE_UDP_H
#define SW_SERVE_UDP_H

#include "image/image.h"
#include "serve/endpoint.h"
#include "serve/requests.h"
#include "serve/tally.h"

struct sw_udp;

/** Bind; nothing is read yet.
 * @return 0 or -errno */
int sw_udp_open(struct sw_udp **udp, const struct sw_endpoint *endpoint, unsigned workers);

/** Start answering. `view` and `requests` must outlive the threads. Updates may be done when they do not live
 * any more.
 * @param requests  NULL: none are taken
 * @return 0 or -errno */
int sw_udp_start(struct sw_udp *udp, const struct sw_image_view *view, struct sw_requests *requests);

/** Stop the threads after the batch in hand, and close. Takes NULL. */
void sw_udp_free(struct sw_udp *udp);

void sw_udp_count(const struct sw_udp *udp, struct sw_tally *sum);

#endif
