/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Renewing signatures: a change in which nothing changes but some names are looked at. */
#include "zone/sign_change.h"
#include <libknot/libknot.h>
#include <string.h>

struct due {
	const struct sw_sign_job *job;
	struct sw_records names;
	size_t names_max;
	uint8_t last[SW_NAME_MAX]; /* of the names, when there is one */
	uint32_t next_s;	   /* when the first of the others is due */
};

static int take_due(void *arg, const struct sw_record *record)
{
	struct due *due = arg;
	uint32_t refresh_s = due->job->policy->refresh_s, now_s = due->job->now_s;
	if (record->type != KNOT_RRTYPE_RRSIG || record->rdata_len <= RRSIG_FIXED_BYTES)
		return 0;
	uint32_t due_s = sw_get32(record->rdata + 8) - refresh_s;
	if ((int32_t)(due_s - now_s) > 0) {
		due->next_s = due_s < due->next_s ? due_s : due->next_s;
		return 0;
	}
	if (due->names.count > 0 && sw_name_equal(due->last, record->owner))
		return 0;
	if (due->names.count == due->names_max) {
		due->next_s = now_s;
		return 1;
	}
	memcpy(due->last, record->owner, sw_name_len(record->owner));
	return sw_records_add(&due->names, &(struct sw_record){.owner = record->owner});
}

int sw_sign_renew(const struct sw_sign_job *job, const uint8_t *apex, const struct sw_sign_source *source,
	const struct sw_record *soa, size_t names_max, struct sw_delta *delta, struct sw_sign_result *result)
{
	struct due due = {.job = job, .names_max = names_max, .next_s = UINT32_MAX};
	struct sw_delta change = {0};
	struct sw_sign_result made;
	int error = source->below(source->arg, apex, take_due, &due);
	if (error == 1)
		error = 0;
	if (!error)
		error = sw_records_add(&change.new_soa, soa);
	if (!error)
		error = sign_change(job, apex, source, &change, &due.names, delta, &made);
	if (!error && result) {
		*result = made;
		if (due.next_s < result->due_s)
			result->due_s = due.next_s;
	}
	sw_records_free(&due.names);
	sw_delta_free(&change);
	return error;
}
