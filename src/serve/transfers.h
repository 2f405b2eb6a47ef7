/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Transfers going out that are in hand, so many at once and no more. */
#ifndef SW_SERVE_TRANSFERS_H
#define SW_SERVE_TRANSFERS_H

#include "serve/live.h"
#include "zone/outgoing.h"

struct sw_transfers;

/** @return NULL when out of memory */
struct sw_transfers *sw_transfers_new(void);
void sw_transfers_free(struct sw_transfers *transfers); /* none is in hand */
unsigned sw_transfers_in_hand(struct sw_transfers *transfers);

/** A source of messages. One thread at a time. */
struct sw_transfer;

/** Begin one; who may have the zone is known to the caller, who is in a read-side critical section. Of limits
 * those that are told now hold (sw_live_limits()).
 * @param tsig  of the query; what it points to is copied
 * @return 0; -EAGAIN when there are too many; -ENOENT for a zone that is not there; other -errno */
int sw_transfer_new(struct sw_transfer **transfer, struct sw_transfers *transfers, struct sw_live *live,
	const struct sw_peer *peer, const struct sw_outgoing_query *query, bool is_udp,
	const struct sw_tsig *tsig);

/** As sw_outgoing_next(). @return 1: there are more; 0: that was the last; -ETIMEDOUT; other -errno */
int sw_transfer_next(struct sw_transfer *transfer, uint8_t *message, size_t max, size_t *len);

/** Takes NULL. */
void sw_transfer_free(struct sw_transfer *transfer);

#endif
