/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/transfers.h"
#include "serve/clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct place {
	uint8_t address[16];
	uint8_t address_len; /* 0: free */
};

struct sw_transfers {
	pthread_mutex_t lock; /* of what follows */
	unsigned in_hand;
	struct place places[SW_TRANSFERS_MAX];
};

struct sw_transfer {
	struct sw_transfers *transfers;
	struct place *place;
	struct sw_snapshot *snapshot;
	struct sw_outgoing *outgoing;
	struct sw_tsig tsig;
	struct sw_tsig_key key; /* a copy: settings may be read again meanwhile */
	uint64_t due_ns;
	struct sw_counts *counts;
	struct sw_requests_log *log;
	struct sw_peer peer; /* its key is the copy, too */
	struct sw_outgoing_query query;
	uint64_t begun_ns;
	int err; /* that broke it off; 0: none, the client went */
	bool is_begun, is_over;
};

struct sw_transfers *sw_transfers_new(void)
{
	struct sw_transfers *transfers = calloc(1, sizeof(*transfers));
	if (transfers != NULL)
		pthread_mutex_init(&transfers->lock, NULL);
	return transfers;
}

void sw_transfers_free(struct sw_transfers *transfers)
{
	if (transfers == NULL)
		return;
	pthread_mutex_destroy(&transfers->lock);
	free(transfers);
}

unsigned sw_transfers_in_hand(struct sw_transfers *transfers)
{
	pthread_mutex_lock(&transfers->lock);
	unsigned in_hand = transfers->in_hand;
	pthread_mutex_unlock(&transfers->lock);
	return in_hand;
}

/** @return NULL when there is none */
static struct place *place_take(
	struct sw_transfers *transfers, const struct sw_limits *limits, const struct sw_peer *peer)
{
	struct place *found = NULL;
	uint64_t same = 0;
	pthread_mutex_lock(&transfers->lock);
	for (unsigned i = 0; i < SW_TRANSFERS_MAX; i++) {
		struct place *place = &transfers->places[i];
		if (place->address_len == 0)
			found = place;
		else if (place->address_len == peer->address_len &&
			 memcmp(place->address, peer->address, peer->address_len) == 0)
			same++;
	}
	if (transfers->in_hand >= limits->out_at_once || same >= limits->out_address_at_once)
		found = NULL;
	if (found != NULL) {
		memcpy(found->address, peer->address, sizeof(found->address));
		found->address_len = peer->address_len;
		transfers->in_hand++;
	}
	pthread_mutex_unlock(&transfers->lock);
	return found;
}

static void place_give(struct sw_transfers *transfers, struct place *place)
{
	pthread_mutex_lock(&transfers->lock);
	place->address_len = 0;
	transfers->in_hand--;
	pthread_mutex_unlock(&transfers->lock);
}

static void tsig_copy(struct sw_transfer *transfer, const struct sw_tsig *tsig)
{
	transfer->tsig = *tsig;
	if (tsig->key == NULL)
		return;
	transfer->key = *tsig->key;
	transfer->tsig.key = &transfer->key;
}

int sw_transfer_new(struct sw_transfer **result, struct sw_transfers *transfers, struct sw_live *live,
	const struct sw_peer *peer, const struct sw_outgoing_query *query, bool is_udp,
	const struct sw_tsig *tsig)
{
	const struct sw_limits limits = sw_live_limits(live);
	struct place *place = place_take(transfers, &limits, peer);
	if (place == NULL)
		return -EAGAIN;
	struct sw_transfer *transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL) {
		place_give(transfers, place);
		return -ENOMEM;
	}
	transfer->transfers = transfers;
	transfer->place = place;
	transfer->counts = sw_live_counts(live);
	transfer->log = sw_live_log(live);
	transfer->query = *query;
	transfer->begun_ns = sw_now_ns();
	transfer->due_ns = transfer->begun_ns + limits.out_longest_ns;
	tsig_copy(transfer, tsig);
	transfer->peer = *peer;
	transfer->peer.key = transfer->tsig.key;
	int err = sw_live_snapshot(live, &transfer->snapshot);
	if (err == 0)
		err = sw_outgoing_new(&transfer->outgoing, query, is_udp, transfer->snapshot,
			tsig->key ? &transfer->tsig : NULL);
	if (err != 0) {
		sw_transfer_free(transfer);
		return err;
	}
	transfer->is_begun = true;
	*result = transfer;
	return 0;
}

int sw_transfer_next(struct sw_transfer *transfer, uint8_t *message, size_t max, size_t *len)
{
	if (sw_now_ns() >= transfer->due_ns)
		return transfer->err = -ETIMEDOUT;
	int state = sw_outgoing_next(transfer->outgoing, message, max, len, (uint64_t)sw_now_s());
	if (state >= 0)
		sw_count(&transfer->counts->out.bytes, *len);
	else
		transfer->err = state;
	transfer->is_over = state == 0;
	return state;
}

/** Count it, and tell of it where more than a serial was given. */
static void end(const struct sw_transfer *transfer)
{
	const struct sw_outgoing *outgoing = transfer->outgoing;
	enum sw_outgoing_form form = sw_outgoing_form(outgoing);
	sw_count(transfer->is_over ? &transfer->counts->out.done : &transfer->counts->out.failed, 1);
	if (form == SW_OUTGOING_CURRENT && transfer->is_over)
		return;
	const struct sw_given given = {
		.zone = transfer->query.apex,
		.peer = &transfer->peer,
		.is_ixfr = transfer->query.is_ixfr,
		.is_changes = form == SW_OUTGOING_CHANGES,
		.from = transfer->query.serial,
		.serial = sw_outgoing_serial(outgoing),
		.records = sw_outgoing_records(outgoing),
		.bytes = sw_outgoing_bytes(outgoing),
		.seconds = sw_seconds_since(transfer->begun_ns),
		.broken = transfer->is_over		? NULL
			  : transfer->err == -ETIMEDOUT ? "it took too long"
			  : transfer->err != 0		? strerror(-transfer->err)
							: "the client went, or was too slow",
	};
	sw_requests_log_given(transfer->log, &given, sw_now_ns());
}

void sw_transfer_free(struct sw_transfer *transfer)
{
	if (transfer == NULL)
		return;
	if (transfer->is_begun)
		end(transfer);
	sw_outgoing_free(transfer->outgoing);
	if (transfer->snapshot != NULL)
		sw_snapshot_close(transfer->snapshot);
	place_give(transfer->transfers, transfer->place);
	free(transfer);
}
