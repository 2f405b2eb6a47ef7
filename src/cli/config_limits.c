/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config_inside.h"

enum kind {
	COUNT,
	TIME_MS, /* up to a day, with fractions of a second */
	TIME_S,
	BYTES,
};

struct row {
	const char *name;
	enum kind kind;
	unsigned low, high; /* of COUNT; of TIME_MS the least */
	size_t member;	    /* of struct sw_limits */
};

#define MEMBER(name) offsetof(struct sw_limits, name)
#define ROWS_MAX 16

static const struct row transfer_rows[] = {
	{"max-in", COUNT, 1, SW_TRANSFERS_MAX, MEMBER(in_at_once)},
	{"max-in-per-primary", COUNT, 1, SW_TRANSFERS_MAX, MEMBER(in_primary_at_once)},
	{"max-out", COUNT, 1, SW_TRANSFERS_MAX, MEMBER(out_at_once)},
	{"max-out-per-address", COUNT, 1, SW_TRANSFERS_MAX, MEMBER(out_address_at_once)},
	{"max-out-time", TIME_S, 0, 0, MEMBER(out_longest_ns)},
	{"answer-timeout", TIME_MS, 100, 0, MEMBER(in_answer_ns)},
	{"connect-timeout", TIME_MS, 100, 0, MEMBER(in_connect_ns)},
	{"silence-timeout", TIME_MS, 100, 0, MEMBER(in_silence_ns)},
	{"max-records", COUNT, 1, UINT32_MAX, MEMBER(in_records)},
	{"max-transfer-size", BYTES, 0, 0, MEMBER(in_bytes)},
	{.name = NULL},
};

static int take_row(
	struct sw_config *config, const struct sw_yaml *node, const struct row *row, uint64_t *value)
{
	unsigned number = 0;
	int err = 0;
	switch (row->kind) {
	case COUNT:
		err = sw_config_number(config, node, row->low, row->high, &number);
		*value = number;
		break;
	case TIME_MS:
		err = sw_config_duration(config, node, row->low, &number);
		*value = number * (SW_LIMIT_SECOND_NS / 1000);
		break;
	case TIME_S:
		err = sw_config_seconds(config, node, &number);
		*value = number * SW_LIMIT_SECOND_NS;
		break;
	case BYTES:
		err = sw_config_size(config, node, value);
		break;
	}
	return err;
}

static int take_rows(
	struct sw_config *config, const struct sw_yaml *node, const struct row *rows, const char *section)
{
	struct sw_config_key keys[ROWS_MAX] = {{NULL, NULL}};
	for (size_t i = 0; rows[i].name != NULL; i++)
		keys[i].name = rows[i].name;
	int err = sw_config_section(config, node, keys, section);
	for (const struct row *row = rows; err == 0 && row->name != NULL; row++) {
		const struct sw_yaml *told = sw_config_child(node, row->name);
		uint64_t *value = (void *)((char *)&config->settings->limits + row->member);
		if (told != NULL)
			err = take_row(config, told, row, value);
	}
	return err;
}

int sw_config_take_transfers(struct sw_config *config, const struct sw_yaml *node)
{
	return take_rows(config, node, transfer_rows, "'transfers'");
}
