/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Names asked for one after the other, in any order and among changes, against a model of the zone: which of
 * four addresses each name has. ARCHIVE_SEED in the environment repeats a run. */
#include "archive_help.h"
#include "zone/archive_inside.h"

#define NAMES 200
#define ADDRESSES 4
#define STEPS 60000
#define ENDED 4711 /* comes back from who hands over */

struct model {
	uint32_t serial;
	uint8_t has[NAMES]; /* addresses, a bit each */
};

static uint8_t names[NAMES][SW_NAME_MAX]; /* in canonical order, some more than once */
static int compare_names(const void *a, const void *b)
{
	return sw_name_compare(a, b);
}

/** Names of which many begin as another does, or lie below it. */
static void names_make(const uint8_t *apex)
{
	static const uint8_t bytes[] = {0, 1, 2, 'a', 'b', 0xff};
	for (unsigned i = 0; i < NAMES; i++) {
		size_t at = 0;
		for (unsigned labels = 1 + help_chance(3); labels > 0; labels--) {
			unsigned len = 1 + help_chance(2);
			names[i][at++] = (uint8_t)len;
			for (; len > 0; len--)
				names[i][at++] = bytes[help_chance(sizeof(bytes))];
		}
		memcpy(names[i] + at, apex, sw_name_len(apex));
	}
	qsort(names, NAMES, sizeof(names[0]), compare_names);
}

/** The first of those that are the same. */
static unsigned first_of(unsigned number)
{
	while (number > 0 && sw_name_equal(names[number - 1], names[number]))
		number--;
	return number;
}

static uint8_t *has_of(struct model *model, unsigned number)
{
	return &model->has[first_of(number)];
}

static struct sw_record address_of(unsigned number, unsigned address)
{
	static const uint8_t rdata[ADDRESSES][4] = {
		{10, 0, 0, 1}, {10, 0, 0, 2}, {10, 0, 0, 3}, {10, 0, 0, 4}};
	return (struct sw_record){
		.owner = names[number], .type = A, .ttl = 60, .rdata = rdata[address], .rdata_len = 4};
}

struct asking {
	struct sw_snapshot *snapshot;
	struct model *model;
	unsigned number;
	uint8_t left;	   /* addresses still to come */
	bool reads_on;	   /* asks for another name meanwhile */
	bool is_impatient; /* takes one */
};

static void ask(struct asking asking);

static int none(void *arg, const struct sw_record *record)
{
	(void)arg;
	fail_msg("a record of type %u", record->type);
	return 0;
}

/** Ask for the same names in a zone that has none of them. */
static void ask_elsewhere(struct sw_snapshot *snapshot)
{
	const uint8_t *apex = help_name("other.");
	for (unsigned i = 0; i < 10; i++) {
		uint8_t owner[SW_NAME_MAX];
		const uint8_t *name = names[help_chance(NAMES)];
		size_t len = sw_name_len(name) - sw_name_len(help_name("example."));
		memcpy(owner, name, len);
		memcpy(owner + len, apex, sw_name_len(apex));
		assert_int_equal(sw_snapshot_at(snapshot, apex, owner, 0, none, NULL), 0);
	}
}

static int taken(void *arg, const struct sw_record *record)
{
	struct asking *asking = arg;
	const uint8_t *owner = names[asking->number];
	assert_memory_equal(record->owner, owner, sw_name_len(owner));
	assert_int_equal(record->type, A);
	assert_int_equal(record->rdata_len, 4);
	assert_true(asking->left != 0);
	assert_int_equal(record->rdata[3], __builtin_ctz(asking->left) + 1);
	asking->left &= (uint8_t)(asking->left - 1);
	if (asking->reads_on && help_chance(2))
		ask_elsewhere(asking->snapshot);
	else if (asking->reads_on)
		ask((struct asking){
			.snapshot = asking->snapshot, .model = asking->model, .number = help_chance(NAMES)});
	return asking->is_impatient ? ENDED : 0;
}

/** Ask for a name, in any case. */
static void ask(struct asking asking)
{
	const uint8_t *apex = help_name("example.");
	uint8_t owner[SW_NAME_MAX];
	memcpy(owner, names[asking.number], sw_name_len(names[asking.number]));
	for (uint8_t *byte = owner; *byte; byte += 1 + *byte) {
		if (byte[1] == 'b' && help_chance(2))
			byte[1] = 'B';
	}
	asking.left = *has_of(asking.model, asking.number);
	bool is_ended = asking.is_impatient && asking.left;
	assert_int_equal(
		sw_snapshot_at(asking.snapshot, apex, owner, 0, taken, &asking), is_ended ? ENDED : 0);
	if (!is_ended)
		assert_int_equal(asking.left, 0);
}

/** The name to ask for after this one: a bit further on, as a rule. */
static unsigned follow(unsigned number)
{
	switch (help_chance(16)) {
	case 0:
		return help_chance(NAMES);
	case 1:
		return number;
	case 2:
		return number > 0 ? number - 1 : 0;
	default:
		return (number + 1 + (help_chance(3) ? 0 : help_chance(20))) % NAMES;
	}
}

static void change(struct sw_archive *archive, struct model *model)
{
	const uint8_t *apex = help_name("example.");
	struct sw_delta delta = help_delta(apex, model->serial, model->serial + 1);
	for (unsigned n = 1 + help_chance(3), done = 0; done < n; done++) {
		unsigned number = first_of(help_chance(NAMES)), address = done;
		struct sw_record record = address_of(number, address);
		bool is_there = model->has[number] >> address & 1;
		assert_int_equal(sw_records_add(is_there ? &delta.removed : &delta.added, &record), 0);
		model->has[number] ^= (uint8_t)(1u << address);
	}
	assert_int_equal(sw_archive_change(archive, apex, &delta), 0);
	sw_delta_free(&delta);
	model->serial++;
}

/** A view of what was committed; the connection comes back the next time. */
static void ask_snapshot(struct sw_archive *archive, struct model *committed)
{
	struct sw_snapshot *snapshot;
	assert_int_equal(sw_snapshot_open(&snapshot, archive), 0);
	for (unsigned i = 0, number = help_chance(NAMES); i < 8; i++, number = follow(number))
		ask((struct asking){.snapshot = snapshot,
			.model = committed,
			.number = number,
			.reads_on = help_chance(8) == 0,
			.is_impatient = help_chance(8) == 0});
	sw_snapshot_close(snapshot);
}

/** Something that is not reading records of this zone. */
static void disturb(struct sw_archive *archive, struct model *model, struct model *committed)
{
	struct model before = *model;
	switch (help_chance(6)) {
	case 0:
		assert_int_equal(sw_archive_mark(archive), 0);
		change(archive, model);
		ask((struct asking){
			.snapshot = sw_archive_own(archive), .model = model, .number = help_chance(NAMES)});
		assert_int_equal(sw_archive_unmark(archive, true), 0);
		*model = before;
		break;
	case 1:
		assert_int_equal(sw_archive_commit(archive), 0);
		assert_int_equal(sw_archive_begin(archive), 0);
		*committed = *model;
		break;
	case 2:
		sw_archive_abort(archive);
		assert_int_equal(sw_archive_begin(archive), 0);
		*model = *committed;
		break;
	case 3:
		ask_elsewhere(sw_archive_own(archive));
		break;
	case 4:
		ask_snapshot(archive, committed);
		break;
	default:
		change(archive, model);
	}
}

static void gives_each_name_its_records(void **arg)
{
	struct sw_archive *archive = help_open(help_directory(arg));
	struct model model = {.serial = 1}, committed = model;
	unsigned number = 0;
	help_seed();
	names_make(help_name("example."));
	/* on both sides of the zone, for who would read beyond its end */
	help_store(archive, help_name("before."), 1, NULL, 0);
	help_store(archive, help_name("example."), 1, NULL, 0);
	help_store(archive, help_name("other."), 1, NULL, 0);
	assert_int_equal(sw_archive_begin(archive), 0);
	for (unsigned i = 0; i < NAMES; i++)
		change(archive, &model);
	assert_int_equal(sw_archive_commit(archive), 0);
	assert_int_equal(sw_archive_begin(archive), 0);
	committed = model;
	for (unsigned step = 0; step < STEPS; step++) {
		number = follow(number);
		ask((struct asking){.snapshot = sw_archive_own(archive),
			.model = &model,
			.number = number,
			.reads_on = help_chance(8) == 0,
			.is_impatient = help_chance(8) == 0});
		if (help_chance(4) == 0)
			ask_elsewhere(sw_archive_own(archive));
		if (help_chance(8) == 0)
			disturb(archive, &model, &committed);
	}
	sw_archive_abort(archive);
	sw_archive_close(archive);
}

#define MANY 5000

static int count(void *arg, const struct sw_record *record)
{
	(void)record;
	++*(unsigned *)arg;
	return 0;
}

/** Ask for every `step`th of many names. @return how often one was looked for from the root of the tree */
static int looked_for(struct sw_archive *archive, unsigned step)
{
	struct sw_snapshot *own = sw_archive_own(archive);
	unsigned found = 0, asked = 0;
	char name[32];
	assert_int_equal(sw_archive_begin(archive), 0);
	for (unsigned i = 0; i < MANY; i += step, asked++) {
		snprintf(name, sizeof(name), "h%05u.example.", i);
		assert_int_equal(
			sw_snapshot_at(own, help_name("example."), help_name(name), 0, count, &found), 0);
	}
	assert_int_equal(found, asked);
	int runs = sqlite3_stmt_status(own->kept[SW_SQL_FROM], SQLITE_STMTSTATUS_RUN, 1);
	sw_archive_abort(archive);
	return runs;
}

/** One neighbour leads to the next. */
static void looks_for_few_of_many_neighbours(void **arg)
{
	struct sw_archive *archive = help_open(help_directory(arg));
	struct sw_contents *contents = help_contents(help_name("example."), 1, NULL, 0);
	struct sw_record record = address_of(0, 0);
	char name[32];
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "h%05u.example.", i);
		assert_int_equal(sw_contents_add(contents, help_name(name), A, 60, record.rdata, 4, 0, 0), 0);
	}
	assert_int_equal(sw_contents_finish(contents), 0);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_replace(archive, contents), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_contents_free(contents);
	assert_in_range(looked_for(archive, 1), 1, 2);
	assert_in_range(looked_for(archive, 2), MANY / 2 - 1, MANY / 2);
	sw_archive_close(archive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gives_each_name_its_records, help_setup, help_teardown),
		cmocka_unit_test_setup_teardown(looks_for_few_of_many_neighbours, help_setup, help_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
