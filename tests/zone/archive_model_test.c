/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The archive against a model of it in memory, over thousands of random operations.
 *
 * The model is a few zones as sorted arrays, copied whole where the archive has a transaction, a mark or a
 * snapshot. Names are made of few labels of few bytes, those among them that the encoding of keys treats in
 * its own way, so that they meet often. ARCHIVE_SEED in the environment repeats a run. */
#include "archive_help.h"
#include "zone/preview.h"

#define ZONES 3
#define ITEMS_MAX 48
#define PAST_MAX 6
#define STEPS 4000

struct item {
	uint8_t owner[SW_NAME_MAX];
	uint16_t type, len;
	uint32_t ttl;
	uint8_t rdata[8];
};

struct version {
	uint32_t serial;
	unsigned count;
	struct item items[ITEMS_MAX]; /* in canonical order */
};

struct zone {
	bool is_there, is_trimmed;
	int64_t refreshed_s;
	struct version now;
	unsigned past_count;
	struct version past[PAST_MAX]; /* that the journal leads from, oldest first */
};

struct world {
	struct zone zones[ZONES];
};

static uint8_t apexes[ZONES][SW_NAME_MAX];
static void random_owner(const uint8_t *apex, uint8_t owner[SW_NAME_MAX])
{
	static const uint8_t bytes[] = {0, 1, 2, 'a', 'B', 'z', '*', 0xfe, 0xff};
	size_t at = 0;
	for (unsigned labels = help_chance(4); labels > 0; labels--) {
		unsigned len = help_chance(20) ? 1 + help_chance(2) : 40;
		owner[at++] = (uint8_t)len;
		for (unsigned i = 0; i < len; i++)
			owner[at++] = bytes[help_chance(sizeof(bytes))];
	}
	memcpy(owner + at, apex, sw_name_len(apex));
}

static struct item random_item(const uint8_t *apex)
{
	static const uint16_t types[] = {A, TXT, PRIVATE, PRIVATE + 1};
	struct item item = {
		.type = types[help_chance(4)], .ttl = help_chance(3) ? 60 : UINT32_MAX >> help_chance(32)};
	random_owner(apex, item.owner);
	item.len = item.type == A ? 4 : item.type == TXT ? 2 : (uint16_t)help_chance(4);
	for (unsigned i = 0; i < item.len; i++)
		item.rdata[i] = help_chance(2) ? 0 : (uint8_t)(help_chance(2) + 254);
	if (item.type == TXT)
		item.rdata[0] = 1;
	return item;
}

static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = sw_name_compare(x->owner, y->owner);
	if (order == 0)
		order = x->type - y->type;
	if (order == 0)
		order = memcmp(x->rdata, y->rdata, x->len < y->len ? x->len : y->len);
	return order ? order : x->len - y->len;
}

static struct item *find(struct version *version, const struct item *item)
{
	for (unsigned i = 0; i < version->count; i++) {
		if (compare(&version->items[i], item) == 0)
			return &version->items[i];
	}
	return NULL;
}

static bool insert(struct version *version, struct item item)
{
	if (version->count == ITEMS_MAX || find(version, &item))
		return false;
	sw_name_lower(item.owner);
	version->items[version->count++] = item;
	qsort(version->items, version->count, sizeof(item), compare);
	return true;
}

static void delete_item(struct version *version, struct item *item)
{
	version->count--;
	memmove(item, item + 1, (size_t)((char *)&version->items[version->count] - (char *)item));
}

static struct sw_record record_of(const struct item *item)
{
	return (struct sw_record){.owner = item->owner,
		.type = item->type,
		.ttl = item->ttl,
		.rdata = item->rdata,
		.rdata_len = item->len};
}

/* ---- operations, on both ---- */

static void do_replace(struct sw_archive *archive, struct zone *zone, const uint8_t *apex)
{
	struct sw_record records[ITEMS_MAX];
	zone->is_there = true;
	zone->is_trimmed = false;
	zone->past_count = 0;
	zone->now.serial = help_chance(2) ? UINT32_MAX - help_chance(20) : help_chance(1000);
	zone->now.count = 0;
	for (unsigned n = help_chance(ITEMS_MAX); n > 0; n--)
		insert(&zone->now, random_item(apex));
	for (unsigned i = 0; i < zone->now.count; i++)
		records[i] = record_of(&zone->now.items[i]);
	for (unsigned i = 0; i + 1 < zone->now.count; i++) { /* in no order */
		unsigned with = i + help_chance(zone->now.count - i);
		struct sw_record swapped = records[i];
		records[i] = records[with];
		records[with] = swapped;
	}
	struct sw_contents *contents = help_contents(apex, zone->now.serial, records, zone->now.count);
	assert_int_equal(sw_archive_replace(archive, contents), 0);
	sw_contents_free(contents);
}

/** A change that may fail half-way; what the model says of it. */
static int make_change(struct version *version, const uint8_t *apex, struct sw_delta *delta)
{
	int error = 0;
	for (unsigned n = help_chance(4); n > 0 && version->count > 0; n--) {
		struct item item = version->items[help_chance(version->count)];
		struct item *there = &item;
		if (help_chance(25) == 0)
			item = random_item(apex);
		there = find(version, &item);
		struct sw_record record = record_of(&item);
		assert_int_equal(sw_records_add(&delta->removed, &record), 0);
		if (there)
			delete_item(version, there);
		else
			error = -ENOENT;
	}
	bool was_missing = error;
	for (unsigned n = help_chance(4); n > 0 && version->count < ITEMS_MAX; n--) {
		struct item item = random_item(apex);
		struct sw_record record = record_of(&item);
		if (find(version, &item) && help_chance(10))
			continue;
		assert_int_equal(sw_records_add(&delta->added, &record), 0);
		if (!insert(version, item) && !was_missing)
			error = -EEXIST;
	}
	return error;
}

/* ---- what a preview of changes says ---- */

struct seen {
	struct version version;
	uint8_t last[SW_NAME_MAX]; /* owner */
	bool is_ordered;
};

static int see(void *arg, const struct sw_record *record)
{
	struct seen *seen = arg;
	struct item item = {.type = record->type, .len = record->rdata_len, .ttl = record->ttl};
	seen->is_ordered &= sw_name_compare(seen->last, record->owner) <= 0;
	memcpy(seen->last, record->owner, sw_name_len(record->owner));
	if (record->type == SOA) {
		seen->version.serial = sw_soa_serial(record);
		return 0;
	}
	memcpy(item.owner, record->owner, sw_name_len(record->owner));
	memcpy(item.rdata, record->rdata, record->rdata_len);
	return insert(&seen->version, item) ? 0 : -EINVAL;
}

/** The items of a name, or of it and those below. */
static struct version part_of(const struct version *version, const uint8_t *owner, bool has_below)
{
	struct version part = {.count = 0};
	for (unsigned i = 0; i < version->count; i++) {
		const uint8_t *name = version->items[i].owner;
		if (has_below ? sw_name_in(name, owner) : sw_name_equal(name, owner))
			part.items[part.count++] = version->items[i];
	}
	return part;
}

static void assert_part(
	struct sw_preview *preview, const struct version *next, const uint8_t *owner, bool has_below)
{
	struct seen seen = {.is_ordered = true};
	memcpy(seen.last, owner, sw_name_len(owner));
	struct version part = part_of(next, owner, has_below);
	int error = has_below ? sw_preview_below(preview, owner, see, &seen)
			      : sw_preview_at(preview, owner, see, &seen);
	assert_int_equal(error, 0);
	assert_true(seen.is_ordered);
	assert_int_equal(seen.version.count, part.count);
	for (unsigned i = 0; i < part.count; i++) {
		assert_int_equal(compare(&seen.version.items[i], &part.items[i]), 0);
		assert_int_equal(seen.version.items[i].ttl, part.items[i].ttl);
	}
}

/** @param want  what the archive is going to say of the changes */
static void assert_preview(struct sw_archive *archive, const uint8_t *apex, const struct sw_delta *deltas,
	unsigned count, const struct version *next, int want)
{
	struct sw_preview *preview = NULL;
	struct seen seen = {.is_ordered = true};
	uint8_t owner[SW_NAME_MAX];
	int error = sw_preview_new(&preview, sw_archive_own(archive), help_key(), apex, deltas, count);
	if (want == -ENOENT && error == -ENOENT)
		return;
	if (error == 0)
		error = sw_preview_below(preview, apex, see, &seen);
	assert_int_equal(error, want ? -EAGAIN : 0);
	for (unsigned i = 0; i < 4 && want == 0; i++) {
		random_owner(apex, owner);
		if (next->count > 0 && i < 2)
			memcpy(owner, next->items[help_chance(next->count)].owner, SW_NAME_MAX);
		sw_name_lower(owner);
		assert_part(preview, next, owner, i % 2);
	}
	if (want == 0) {
		assert_int_equal(seen.version.serial, next->serial);
		assert_part(preview, next, apex, true);
	}
	sw_preview_free(preview);
}

/** @return what the model says of it */
static int next_make(struct zone *zone, const uint8_t *apex, struct version *next, struct sw_delta *delta)
{
	uint32_t from = next->serial, to = from + 1 + help_chance(3);
	int want = help_chance(40) ? 0 : -ESTALE;
	*delta = help_delta(apex, want ? from + 7 : from, want ? from + 8 : to);
	next->serial = to;
	int found = make_change(next, apex, delta);
	return !zone->is_there ? -ENOENT : want ? want : found;
}

/** A few changes, previewed together and taken in one by one. */
static void do_change(struct sw_archive *archive, struct zone *zone, const uint8_t *apex)
{
	struct sw_delta deltas[3];
	struct version next[3];
	unsigned count = 0, most = 1 + help_chance(3);
	int want = 0;
	while (want == 0 && count < most) {
		next[count] = count ? next[count - 1] : zone->now;
		want = next_make(zone, apex, &next[count], &deltas[count]);
		count++;
	}
	assert_preview(archive, apex, deltas, count, &next[count - 1], want);
	for (unsigned i = 0; i < count; i++) {
		int its = i + 1 < count ? 0 : want;
		assert_int_equal(sw_archive_mark(archive), 0);
		assert_int_equal(sw_archive_change(archive, apex, &deltas[i]), its);
		assert_int_equal(sw_archive_unmark(archive, its != 0), 0);
		sw_delta_free(&deltas[i]);
		if (its)
			return;
		if (zone->past_count == PAST_MAX)
			memmove(zone->past, zone->past + 1, --zone->past_count * sizeof(struct version));
		zone->past[zone->past_count++] = zone->now;
		zone->now = next[i];
	}
}

static void do_other(struct sw_archive *archive, struct zone *zone, const uint8_t *apex)
{
	struct sw_archive_zone noted = {.refreshed_s = help_chance(1000), .stamp = 1};
	switch (help_chance(3)) {
	case 0:
		assert_int_equal(sw_archive_remove(archive, apex), zone->is_there ? 0 : -ENOENT);
		*zone = (struct zone){0};
		break;
	case 1:
		assert_int_equal(
			sw_archive_trim(archive, apex, help_chance(2000)), zone->is_there ? 0 : -ENOENT);
		zone->is_trimmed = true;
		break;
	default:
		memcpy(noted.apex, apex, SW_NAME_MAX);
		assert_int_equal(sw_archive_note(archive, &noted), zone->is_there ? 0 : -ENOENT);
		zone->refreshed_s = zone->is_there ? noted.refreshed_s : 0;
	}
}

static void do_something(struct sw_archive *archive, struct world *world)
{
	unsigned which = help_chance(ZONES), what = help_chance(20);
	if (what == 0)
		do_replace(archive, &world->zones[which], apexes[which]);
	else if (what == 1)
		do_other(archive, &world->zones[which], apexes[which]);
	else
		do_change(archive, &world->zones[which], apexes[which]);
}

/** A transaction with marks, some undone, at last committed or not. */
static void transact(struct sw_archive *archive, struct world *world)
{
	struct world *before = malloc(sizeof(*before)), *marked = malloc(sizeof(*marked));
	*before = *world;
	assert_int_equal(sw_archive_begin(archive), 0);
	for (unsigned parts = 1 + help_chance(3); parts > 0; parts--) {
		bool has_mark = help_chance(2), is_undone = help_chance(3) == 0;
		*marked = *world;
		assert_int_equal(has_mark ? sw_archive_mark(archive) : 0, 0);
		for (unsigned n = help_chance(5); n > 0; n--)
			do_something(archive, world);
		assert_int_equal(has_mark ? sw_archive_unmark(archive, is_undone) : 0, 0);
		if (has_mark && is_undone)
			*world = *marked;
	}
	if (help_chance(4)) {
		assert_int_equal(sw_archive_commit(archive), 0);
	} else {
		sw_archive_abort(archive);
		*world = *before;
	}
	free(before);
	free(marked);
}

/* ---- comparing ---- */

struct expected {
	const struct version *version;
	unsigned at;
	bool has_soa;
};

static int expect(void *arg, const struct sw_record *record)
{
	struct expected *expected = arg;
	if (record->type == SOA) {
		assert_int_equal(sw_soa_serial(record), expected->version->serial);
		expected->has_soa = true;
		return 0;
	}
	assert_true(expected->at < expected->version->count);
	const struct item *item = &expected->version->items[expected->at++];
	assert_memory_equal(record->owner, item->owner, sw_name_len(item->owner));
	assert_int_equal(record->type, item->type);
	assert_int_equal(record->ttl, item->ttl);
	assert_int_equal(record->rdata_len, item->len);
	assert_memory_equal(record->rdata, item->rdata, item->len);
	return 0;
}

static void compare_all(struct sw_snapshot *snapshot, const struct zone *zone, const uint8_t *apex)
{
	struct expected expected = {.version = &zone->now};
	assert_int_equal(sw_snapshot_below(snapshot, apex, apex, expect, &expected), 0);
	assert_int_equal(expected.at, zone->now.count);
	assert_true(expected.has_soa);
	expected = (struct expected){.version = &zone->now};
	void *position = NULL;
	assert_int_equal(sw_snapshot_some(snapshot, apex, &position, expect, &expected), 0);
	assert_int_equal(expected.at, zone->now.count);
	free(position);

	struct sw_contents *contents = NULL;
	assert_int_equal(sw_snapshot_load(snapshot, apex, help_key(), &contents), 0);
	assert_int_equal(sw_contents_records(contents), zone->now.count + 1);
	for (unsigned i = 0; i < zone->now.count; i++) {
		const struct item *item = &zone->now.items[i];
		const struct sw_node *node = sw_contents_find(contents, item->owner);
		assert_non_null(node);
		const struct sw_rr *rr = sw_contents_find_rr(contents, node, item->type);
		while (rr && (rr->rdata_len != item->len || memcmp(rr->rdata, item->rdata, item->len) != 0))
			rr = sw_contents_next(contents, rr);
		assert_non_null(rr);
		assert_int_equal(rr->ttl, item->ttl);
	}
	sw_contents_free(contents);
}

/** A name, and what is below it, one that exists or not. */
static void compare_some(struct sw_snapshot *snapshot, const struct zone *zone, const uint8_t *apex)
{
	uint8_t owner[SW_NAME_MAX];
	struct version at = {.serial = zone->now.serial}, below = at;
	random_owner(apex, owner);
	uint16_t type = help_chance(2) ? 0 : TXT;
	for (unsigned i = 0; i < zone->now.count; i++) {
		const struct item *item = &zone->now.items[i];
		if (sw_name_in(item->owner, owner))
			below.items[below.count++] = *item;
		if (sw_name_equal(item->owner, owner) && (type == 0 || type == item->type))
			at.items[at.count++] = *item;
	}
	struct expected expected = {.version = &below};
	assert_int_equal(sw_snapshot_below(snapshot, apex, owner, expect, &expected), 0);
	assert_int_equal(expected.at, below.count);
	expected = (struct expected){.version = &at};
	assert_int_equal(sw_snapshot_at(snapshot, apex, owner, type, expect, &expected), 0);
	assert_int_equal(expected.at, at.count);
}

static int apply(void *arg, const struct sw_delta *delta)
{
	struct version *version = arg;
	struct sw_record record;
	assert_int_equal(delta->from, version->serial);
	for (unsigned adding = 0; adding < 2; adding++) {
		const struct sw_records *list = adding ? &delta->added : &delta->removed;
		for (size_t at = 0; sw_records_next(list, &at, &record);) {
			struct item item = {.type = record.type, .ttl = record.ttl, .len = record.rdata_len};
			memcpy(item.owner, record.owner, sw_name_len(record.owner));
			memcpy(item.rdata, record.rdata, record.rdata_len);
			struct item *there = find(version, &item);
			assert_true(adding ? !there : there != NULL);
			if (adding)
				assert_true(insert(version, item));
			else
				delete_item(version, there);
		}
	}
	version->serial = delta->to;
	return 0;
}

/** From each version of the past the journal leads to the one of now. */
static void compare_journal(struct sw_snapshot *snapshot, const struct zone *zone, const uint8_t *apex)
{
	bool was_there = false;
	for (unsigned i = 0; i < zone->past_count; i++) {
		struct version version = zone->past[i];
		int error = sw_snapshot_changes(snapshot, apex, version.serial, apply, &version);
		if (error) { /* only what was trimmed is missing, and of that the oldest */
			assert_int_equal(error, -ENOENT);
			assert_true(zone->is_trimmed);
			assert_false(was_there);
			continue;
		}
		was_there = true;
		assert_int_equal(version.serial, zone->now.serial);
		assert_int_equal(version.count, zone->now.count);
		for (unsigned k = 0; k < version.count; k++) {
			assert_int_equal(compare(&version.items[k], &zone->now.items[k]), 0);
			assert_int_equal(version.items[k].ttl, zone->now.items[k].ttl);
		}
	}
}

static void compare_world(struct sw_snapshot *snapshot, const struct world *world)
{
	for (unsigned i = 0; i < ZONES; i++) {
		const struct zone *zone = &world->zones[i];
		struct sw_archive_zone row;
		int error = sw_snapshot_zone(snapshot, apexes[i], &row);
		assert_int_equal(error, zone->is_there ? 0 : -ENOENT);
		if (error)
			continue;
		assert_int_equal(row.serial, zone->now.serial);
		assert_int_equal(row.records, zone->now.count + 1);
		assert_int_equal(row.refreshed_s, zone->refreshed_s);
		compare_all(snapshot, zone, apexes[i]);
		compare_some(snapshot, zone, apexes[i]);
		compare_journal(snapshot, zone, apexes[i]);
	}
}

static void behaves_as_its_model(void **arg)
{
	const char *directory = help_directory(arg);
	struct sw_archive *archive = help_open(directory);
	struct world *world = calloc(1, sizeof(*world)), *older = calloc(1, sizeof(*older));
	struct sw_snapshot *snapshot = NULL; /* kept open over some transactions */
	sw_name_parse(".", apexes[0]);
	sw_name_parse("example.", apexes[1]);
	sw_name_parse("a.example.", apexes[2]);
	help_seed();
	for (unsigned step = 0; step < STEPS; step++) {
		transact(archive, world);
		compare_world(sw_archive_own(archive), world);
		if (snapshot && help_chance(4) == 0) {
			compare_world(snapshot, older);
			sw_snapshot_close(snapshot);
			snapshot = NULL;
		} else if (!snapshot && help_chance(2)) {
			assert_int_equal(sw_snapshot_open(&snapshot, archive), 0);
			*older = *world;
		}
		if (!snapshot && help_chance(100) == 0) {
			sw_archive_close(archive);
			archive = help_open(directory);
		}
	}
	sw_snapshot_close(snapshot);
	sw_archive_close(archive);
	free(world);
	free(older);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(behaves_as_its_model, help_setup, help_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
