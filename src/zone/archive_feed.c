/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Contents as a table that SQLite can read, in the order in which it keeps records. */
#include "zone/archive_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** A name: the first bytes of its key decide most comparisons. */
struct named {
	uint64_t first; /* eight bytes, big-endian, zeros behind the end */
	uint32_t key;	/* where in `keys`: its length (two bytes), then itself */
	uint32_t node;
};

/** Names and order only: records stay where they are. 40 bytes a name or so while it lives. */
struct sw_feed {
	const struct sw_contents *contents;
	size_t apex_len;
	struct named *names;
	uint8_t *keys;
	size_t count, keys_used, keys_size;
	size_t at; /* name */
	struct sw_rr **rrs;
	size_t rr_count, rr_size, rr_at; /* of the name at hand, in order */
	uint64_t records, sum;
};

static uint16_t key_len(const uint8_t *key)
{
	uint16_t len;
	memcpy(&len, key, sizeof(len));
	return len;
}

static int add_name(struct sw_feed *feed, uint32_t number)
{
	size_t need = sizeof(uint16_t) + SW_OWNER_KEY_MAX;
	if (feed->keys_size - feed->keys_used < need) {
		size_t size = feed->keys_size * 2 + 4096;
		uint8_t *keys = size > UINT32_MAX ? NULL : realloc(feed->keys, size);
		if (!keys)
			return size > UINT32_MAX ? -EFBIG : -ENOMEM;
		feed->keys = keys;
		feed->keys_size = size;
	}
	uint8_t *key = feed->keys + feed->keys_used;
	const uint8_t *owner = sw_contents_name(feed->contents, sw_contents_node(feed->contents, number));
	uint16_t len = (uint16_t)sw_owner_key(owner, feed->apex_len, key + sizeof(len));
	memcpy(key, &len, sizeof(len));
	uint64_t first = 0;
	for (unsigned i = 0; i < 8; i++)
		first = first << 8 | (i < len ? key[sizeof(len) + i] : 0);
	feed->names[feed->count++] =
		(struct named){.first = first, .key = (uint32_t)feed->keys_used, .node = number};
	feed->keys_used += sizeof(len) + len;
	return 0;
}

static int compare_names(const void *a, const void *b, void *arg)
{
	const struct named *x = a, *y = b;
	const struct sw_feed *feed = arg;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	const uint8_t *x_key = feed->keys + x->key, *y_key = feed->keys + y->key;
	uint16_t x_len = key_len(x_key), y_len = key_len(y_key);
	int order = memcmp(x_key + sizeof(x_len), y_key + sizeof(y_len), x_len < y_len ? x_len : y_len);
	return order ? order : x_len - y_len;
}

static void sort_names(struct sw_feed *feed)
{
	for (size_t i = 1; i < feed->count; i++) {
		if (compare_names(&feed->names[i - 1], &feed->names[i], feed) > 0) {
			qsort_r(feed->names, feed->count, sizeof(*feed->names), compare_names, feed);
			return;
		}
	}
}

static int compare_rrs(const void *a, const void *b)
{
	const struct sw_rr *x = *(struct sw_rr *const *)a, *y = *(struct sw_rr *const *)b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	int order = memcmp(x->rdata, y->rdata, x->rdata_len < y->rdata_len ? x->rdata_len : y->rdata_len);
	return order ? order : x->rdata_len - y->rdata_len;
}

/** Have the records of the name at hand ready. */
static int take_name(struct sw_feed *feed)
{
	feed->rr_count = feed->rr_at = 0;
	const struct sw_node *node = sw_contents_node(feed->contents, feed->names[feed->at].node);
	for (struct sw_rr *rr = sw_contents_rr(feed->contents, node->first); rr;
		rr = sw_contents_rr(feed->contents, rr->next)) {
		if (feed->rr_count == feed->rr_size) {
			size_t size = feed->rr_size * 2 + 16;
			struct sw_rr **rrs = realloc(feed->rrs, size * sizeof(struct sw_rr *));
			if (!rrs)
				return -ENOMEM;
			feed->rrs = rrs;
			feed->rr_size = size;
		}
		feed->rrs[feed->rr_count++] = rr;
	}
	if (feed->rr_count > 1)
		qsort(feed->rrs, feed->rr_count, sizeof(struct sw_rr *), compare_rrs);
	return 0;
}

static void count_record(struct sw_feed *feed)
{
	const struct sw_node *node = sw_contents_node(feed->contents, feed->names[feed->at].node);
	const struct sw_rr *rr = feed->rrs[feed->rr_at];
	struct sw_record record = {.owner = sw_contents_name(feed->contents, node),
		.type = rr->type,
		.ttl = rr->ttl,
		.rdata = rr->rdata,
		.rdata_len = rr->rdata_len};
	feed->records++;
	feed->sum += sw_record_sum(&record, node->name_len);
}

static int feed_start(struct sw_feed *feed)
{
	feed->at = 0;
	feed->records = feed->sum = 0;
	if (feed->count == 0)
		return 0;
	int error = take_name(feed);
	if (!error)
		count_record(feed);
	return error;
}

static int feed_next(struct sw_feed *feed)
{
	int error = 0;
	if (++feed->rr_at == feed->rr_count && ++feed->at < feed->count)
		error = take_name(feed);
	if (!error && feed->at < feed->count)
		count_record(feed);
	return error;
}

int sw_feed_open(struct sw_archive *archive, const struct sw_contents *contents)
{
	struct sw_feed *feed = calloc(1, sizeof(*feed));
	if (!feed)
		return -ENOMEM;
	archive->feed = feed;
	feed->contents = contents;
	feed->apex_len = sw_name_len(sw_contents_apex(contents));
	feed->names = malloc(sw_contents_count(contents) * sizeof(*feed->names));
	int error = feed->names ? 0 : -ENOMEM;
	for (uint32_t i = 0; i < sw_contents_count(contents) && !error; i++) {
		if (sw_contents_node(contents, i)->first)
			error = add_name(feed, i);
	}
	if (!error)
		sort_names(feed);
	else
		sw_feed_close(archive, NULL);
	return error;
}

void sw_feed_close(struct sw_archive *archive, struct sw_zone_row *row)
{
	struct sw_feed *feed = archive->feed;
	if (row) {
		row->zone.records = feed->records;
		row->checksum = feed->sum;
	}
	free(feed->names);
	free(feed->keys);
	free(feed->rrs);
	free(feed);
	archive->feed = NULL;
}

/* ---- the virtual table (https://www.sqlite.org/vtab.html) ---- */

struct table {
	sqlite3_vtab base;
	struct sw_archive *archive;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct sw_feed *feed;
};

static int table_connect(
	sqlite3 *db, void *arg, int argc, const char *const *argv, sqlite3_vtab **out, char **why)
{
	(void)argc, (void)argv, (void)why;
	int result = sqlite3_declare_vtab(
		db, "CREATE TABLE feed(owner BLOB, type INTEGER, rdata BLOB, ttl INTEGER)");
	if (result != SQLITE_OK)
		return result;
	struct table *table = sqlite3_malloc(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (struct table){.archive = arg};
	*out = &table->base;
	return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

static int table_best(sqlite3_vtab *base, sqlite3_index_info *info)
{
	(void)base;
	info->estimatedCost = 1e6;
	info->estimatedRows = 1000000;
	return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct cursor *cursor = sqlite3_malloc(sizeof(*cursor));
	if (!cursor)
		return SQLITE_NOMEM;
	*cursor = (struct cursor){.feed = ((struct table *)base)->archive->feed};
	*out = &cursor->base;
	return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

static int cursor_start(
	sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
	(void)number, (void)text, (void)argc, (void)argv;
	return feed_start(((struct cursor *)base)->feed) ? SQLITE_NOMEM : SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
	return feed_next(((struct cursor *)base)->feed) ? SQLITE_NOMEM : SQLITE_OK;
}

static int cursor_is_over(sqlite3_vtab_cursor *base)
{
	const struct sw_feed *feed = ((struct cursor *)base)->feed;
	return feed->at >= feed->count;
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct sw_feed *feed = ((struct cursor *)base)->feed;
	const uint8_t *key = feed->keys + feed->names[feed->at].key;
	const struct sw_rr *rr = feed->rrs[feed->rr_at];
	if (column == 0)
		sqlite3_result_blob(context, key + sizeof(uint16_t), key_len(key), SQLITE_STATIC);
	else if (column == 1)
		sqlite3_result_int(context, rr->type);
	else if (column == 2)
		sqlite3_result_blob(context, rr->rdata, rr->rdata_len, SQLITE_STATIC);
	else
		sqlite3_result_int64(context, rr->ttl);
	return SQLITE_OK;
}

static int cursor_row(sqlite3_vtab_cursor *base, sqlite3_int64 *row)
{
	*row = (sqlite3_int64)((struct cursor *)base)->feed->records;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.xConnect = table_connect,
	.xBestIndex = table_best,
	.xDisconnect = table_disconnect,
	.xOpen = cursor_open,
	.xClose = cursor_close,
	.xFilter = cursor_start,
	.xNext = cursor_next,
	.xEof = cursor_is_over,
	.xColumn = cursor_column,
	.xRowid = cursor_row,
};

int sw_feed_register(struct sw_archive *archive)
{
	return sw_archive_error(
		&archive->own, sqlite3_create_module(archive->own.db, "feed", &module, archive));
}
