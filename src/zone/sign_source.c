/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/sign.h"

static int at(void *arg, const uint8_t *owner, sw_record_fn *take, void *take_arg)
{
	struct sw_sign_archived *archived = arg;
	return sw_snapshot_at(archived->snapshot, archived->apex, owner, 0, take, take_arg);
}

static int below(void *arg, const uint8_t *owner, sw_record_fn *take, void *take_arg)
{
	struct sw_sign_archived *archived = arg;
	return sw_snapshot_below(archived->snapshot, archived->apex, owner, take, take_arg);
}

static int before(void *arg, const uint8_t *owner, uint16_t type, uint8_t name[SW_NAME_MAX])
{
	struct sw_sign_archived *archived = arg;
	return sw_snapshot_before(archived->snapshot, archived->apex, owner, type, name);
}

struct sw_sign_source sw_sign_source_of(struct sw_sign_archived *archived)
{
	return (struct sw_sign_source){.arg = archived, .at = at, .below = below, .before = before};
}
