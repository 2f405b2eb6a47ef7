/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/text.h"
#include "wire/message.h"
#include "zone/archive.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

#define DATA_START 1024
#define DATA_MAX (1u << 20) /* 64 KiB as \DDD, and blanks: far more than the longest takes */

void sw_text_free(struct sw_text *text)
{
	free(text->data);
	*text = (struct sw_text){0};
}

/** Owner and the data of one record, which libknot writes. @return its length, or < 0 when there is no room
 */
static int write(struct sw_text *text, const struct sw_record *record, const knot_rrset_t *rrset)
{
	char owner[SW_NAME_TEXT_MAX], type[32];
	if (knot_rrtype_to_string(record->type, type, sizeof(type)) < 0)
		return KNOT_EINVAL;
	int head = snprintf(text->data, text->size, "%s %u IN %s ", sw_name_text(record->owner, owner),
		record->ttl, type);
	if (head < 0 || (size_t)head >= text->size)
		return KNOT_ESPACE;
	knot_dump_style_t style = KNOT_DUMP_STYLE_DEFAULT;
	style.human_timestamp = true;
	int len = knot_rrset_txt_dump_data(rrset, 0, text->data + head, text->size - (size_t)head, &style);
	return len < 0 ? len : head + len;
}

const char *sw_text_record(struct sw_text *text, const struct sw_record *record)
{
	knot_rrset_t rrset;
	knot_rrset_init(&rrset, (knot_dname_t *)record->owner, record->type, KNOT_CLASS_IN, record->ttl);
	if (knot_rrset_add_rdata(&rrset, record->rdata, record->rdata_len, NULL) != KNOT_EOK)
		return NULL;
	int len = text->size ? write(text, record, &rrset) : KNOT_ESPACE;
	while (len < 0 && text->size < DATA_MAX) {
		size_t size = text->size ? 2 * text->size : DATA_START;
		char *data = realloc(text->data, size);
		if (!data)
			break;
		text->data = data;
		text->size = size;
		len = write(text, record, &rrset);
	}
	knot_rdataset_clear(&rrset.rrs, NULL);
	return len < 0 ? NULL : text->data;
}

/** Where lines go. */
struct writing {
	FILE *to;
	struct sw_text text;
	const uint8_t *apex;
	bool skips_soa; /* it stands there already */
};

static int line(void *arg, const struct sw_record *record)
{
	struct writing *writing = arg;
	if (writing->skips_soa && record->type == SW_TYPE_SOA && sw_name_equal(record->owner, writing->apex))
		return 0;
	const char *text = sw_text_record(&writing->text, record);
	if (!text)
		return -ENOMEM;
	if (fputs(text, writing->to) == EOF || fputc('\n', writing->to) == EOF)
		return errno ? -errno : -EIO;
	return 0;
}

int sw_text_zone(FILE *to, struct sw_snapshot *snapshot, const uint8_t *apex)
{
	struct writing writing = {.to = to, .apex = apex};
	int err = sw_snapshot_at(snapshot, apex, apex, SW_TYPE_SOA, line, &writing);
	writing.skips_soa = true;
	if (!err)
		err = sw_snapshot_below(snapshot, apex, apex, line, &writing);
	sw_text_free(&writing.text);
	return err;
}

static int node_lines(
	struct writing *writing, const struct sw_contents *contents, uint32_t number, bool only_soa)
{
	const struct sw_node *node = sw_contents_node(contents, number);
	int err = 0;
	for (uint32_t at = node->first; !err && at != 0;) {
		const struct sw_rr *rr = sw_contents_rr(contents, at);
		const struct sw_record record = {.owner = sw_contents_name(contents, node),
			.type = rr->type,
			.ttl = rr->ttl,
			.rdata_len = rr->rdata_len,
			.rdata = rr->rdata};
		if (!only_soa || rr->type == SW_TYPE_SOA)
			err = line(writing, &record);
		at = rr->next;
	}
	return err;
}

int sw_text_contents(FILE *to, const struct sw_contents *contents)
{
	struct writing writing = {.to = to, .apex = sw_contents_apex(contents)};
	int err = node_lines(&writing, contents, 0, true);
	writing.skips_soa = true;
	for (uint32_t i = 0; !err && i < sw_contents_count(contents); i++)
		err = node_lines(&writing, contents, i, false);
	sw_text_free(&writing.text);
	return err;
}
