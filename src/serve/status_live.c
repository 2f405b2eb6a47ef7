/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/keep_parents.h"
#include "serve/status.h"

/* One object per list of serve/counts.h. */
#define X(name, text) json_object_set_new(object, #name, json_integer((json_int_t)counts->name));

static json_t *transfers_in(struct sw_keep *keep)
{
	struct sw_secondary_load load;
	sw_secondary_load(sw_keep_secondary(keep), &load);
	const struct sw_in_counts *counts = &load.counts;
	json_t *object = json_pack(
		"{s:I, s:I}", "running", (json_int_t)load.running, "waiting", (json_int_t)load.waiting);
	SW_IN_COUNTERS(X)
	return object;
}

static json_t *transfers_out(const struct sw_counts *all, struct sw_requests *requests)
{
	typeof(all->out) *counts = &all->out;
	json_t *object = json_pack("{s:I}", "running", (json_int_t)sw_transfers_in_hand(requests->transfers));
	SW_OUT_COUNTERS(X)
	return object;
}

static json_t *updates(const struct sw_counts *all)
{
	typeof(all->updates) *counts = &all->updates;
	json_t *object = json_object();
	SW_UPDATE_COUNTERS(X)
	return object;
}

static json_t *notifies_in(const struct sw_counts *all)
{
	typeof(all->notifies) *counts = &all->notifies;
	json_t *object = json_object();
	SW_NOTIFY_IN_COUNTERS(X)
	return object;
}

static json_t *notifies_out(struct sw_keep *keep)
{
	struct sw_secondary_load load;
	sw_secondary_load(sw_keep_secondary(keep), &load);
	const struct sw_notify_counts *counts = &load.notify;
	json_t *object = json_pack("{s:I}", "running", (json_int_t)load.notifies);
	SW_NOTIFY_COUNTERS(X)
	return object;
}

static json_t *tsig(const struct sw_counts *all)
{
	typeof(all->tsig) *counts = &all->tsig;
	json_t *object = json_object();
	SW_TSIG_COUNTERS(X)
	return object;
}

static json_t *parents(struct sw_keep *keep)
{
	struct sw_parent_counts all, *counts = &all;
	sw_keep_parents_counted(keep, counts);
	json_t *object = json_object();
	SW_PARENT_COUNTERS(X)
	return object;
}

#undef X

void sw_status_live(json_t *status, const struct sw_status_parts *parts)
{
	if (parts->keep == NULL || parts->requests == NULL)
		return;
	struct sw_counts counts;
	sw_live_counted(sw_keep_live(parts->keep), &counts);
	json_object_set_new(status, "transfers",
		json_pack("{s:o, s:o}", "in", transfers_in(parts->keep), "out",
			transfers_out(&counts, parts->requests)));
	json_object_set_new(status, "updates", updates(&counts));
	json_object_set_new(status, "notifies",
		json_pack("{s:o, s:o}", "in", notifies_in(&counts), "out", notifies_out(parts->keep)));
	json_object_set_new(status, "parents", parents(parts->keep));
	json_object_set_new(status, "tsig_failures", tsig(&counts));
}
