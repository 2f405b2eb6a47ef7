/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the archive keeps, changes and gives back. */
#include "archive_help.h"

#include <pthread.h>

static const uint8_t address[4][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}, {192, 0, 2, 3}, {192, 0, 2, 4}};

/** Names that an encoding could trip over, in canonical order (RFC 4034 s6.1 and its example). */
static const char *const strange[] = {"\\000.example.", "\\000\\000.example.", "\\000\\001.example.",
	"\\001.example.", "\\001\\000.example.", "x.\\001\\000.example.", "\\001\\001.example.",
	"\\002.example.", "*.example.", "a.example.", "\\000.a.example.", "\\001.a.example.",
	"\\255.a.example.", "a\\000.example.", "a\\000b.example.", "a\\001.example.",
	"yljkjljk.a\\.b.example.", "aa.example.", "z.example.", "\\001.z.example.", "*.z.example.",
	"\\200.z.example.", "\\255.example.", "\\255\\255.example."};
#define STRANGE (sizeof(strange) / sizeof(strange[0]))

static void keeps_strange_names(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_record records[STRANGE + 1];
	static uint8_t names[STRANGE][SW_NAME_MAX];
	for (size_t i = 0; i < STRANGE; i++) { /* handed in backwards */
		assert_true(sw_name_parse(strange[i], names[i]) > 0);
		records[STRANGE - 1 - i] = (struct sw_record){
			.owner = names[i], .type = A, .ttl = 60, .rdata = address[0], .rdata_len = 4};
		if (i > 0)
			assert_true(sw_name_compare(names[i - 1], names[i]) < 0);
	}
	records[STRANGE] = help_record("UPPER.EXAMPLE.", A, 60, address[1], 4);
	const uint8_t *apex = help_name("ExamPLE.");
	help_store(archive, apex, 7, records, STRANGE + 1);

	char *text = help_committed(archive, help_name("example."));
	char *line = strtok(text, "\n");
	assert_non_null(strstr(line, "example. 3600 6 "));
	for (size_t i = 0, at = 0; i <= STRANGE; i++) {
		char want[SW_NAME_TEXT_MAX], owner[SW_NAME_TEXT_MAX];
		line = strtok(NULL, "\n");
		assert_non_null(line);
		if (strstr(line, "upper.example. 60 1 c0000202"))
			continue;
		snprintf(want, sizeof(want), "%s 60 1 c0000201", sw_name_text(names[at++], owner));
		assert_string_equal(line, want);
	}
	assert_null(strtok(NULL, "\n"));
	free(text);
	sw_archive_close(archive);
}

static void keeps_the_longest_names(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	uint8_t owner[SW_NAME_MAX], many[SW_NAME_MAX];
	memset(owner, 1, sizeof(owner)); /* three labels of 63 bytes, one of 61 */
	owner[0] = owner[64] = owner[128] = 63;
	owner[192] = 61;
	owner[254] = 0;
	for (unsigned i = 0; i < 254; i += 2) { /* 127 labels */
		many[i] = 1;
		many[i + 1] = i % 4 ? 0 : 255;
	}
	many[254] = 0;
	const struct sw_record records[] = {
		{.owner = owner, .type = A, .ttl = 1, .rdata = address[0], .rdata_len = 4},
		{.owner = many, .type = A, .ttl = 2, .rdata = address[1], .rdata_len = 4}};
	const uint8_t *root = help_name(".");
	help_store(archive, root, 1, records, 2);
	struct sw_contents *contents = NULL;
	assert_int_equal(sw_snapshot_load(sw_archive_own(archive), root, help_key(), &contents), 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct sw_node *node = sw_contents_find(contents, records[i].owner);
		assert_non_null(node);
		const struct sw_rr *rr = sw_contents_find_rr(contents, node, A);
		assert_non_null(rr);
		assert_memory_equal(rr->rdata, records[i].rdata, 4);
		assert_int_equal(rr->ttl, records[i].ttl);
	}
	sw_contents_free(contents);
	sw_archive_close(archive);
}

static int count(void *arg, const struct sw_record *record)
{
	(void)record;
	++*(unsigned *)arg;
	return 0;
}

#define FIRST_ONLY 4711 /* comes back from who hands over */

static int first_only(void *arg, const struct sw_record *record)
{
	(void)arg, (void)record;
	return FIRST_ONLY;
}

static unsigned count_below(struct sw_archive *archive, const char *name)
{
	unsigned n = 0;
	assert_int_equal(
		sw_snapshot_below(sw_archive_own(archive), help_name("example."), help_name(name), count, &n),
		0);
	return n;
}

static void reads_names_and_subtrees(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const struct sw_record records[] = {help_record("a.example.", A, 60, address[0], 4),
		help_record("a.example.", A, 60, address[1], 4), help_record("a.example.", TXT, 60, "\1x", 2),
		help_record("b.a.example.", A, 60, address[0], 4),
		help_record("aa.example.", A, 60, address[0], 4),
		help_record("a\\000.example.", A, 60, address[0], 4),
		help_record("\\255.a.example.", A, 60, address[0], 4)};
	help_store(archive, help_name("example."), 1, records, 7);
	assert_int_equal(count_below(archive, "A.example."), 5);
	assert_int_equal(count_below(archive, "b.a.example."), 1);
	assert_int_equal(count_below(archive, "example."), 8);
	assert_int_equal(count_below(archive, "c.example."), 0);

	struct sw_snapshot *own = sw_archive_own(archive);
	const uint8_t *apex = help_name("example."), *name = help_name("a.example.");
	unsigned n = 0;
	assert_int_equal(sw_snapshot_at(own, apex, name, 0, count, &n), 0);
	assert_int_equal(n, 3);
	n = 0;
	assert_int_equal(sw_snapshot_at(own, apex, name, TXT, count, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(sw_snapshot_at(own, apex, name, 0, first_only, &n), FIRST_ONLY);
	assert_int_equal(sw_snapshot_below(own, apex, name, first_only, &n), FIRST_ONLY);
	assert_int_equal(sw_snapshot_at(own, apex, help_name("other."), 0, count, &n), -ENOENT);
	assert_int_equal(sw_snapshot_at(own, help_name("other."), name, 0, count, &n), -ENOENT);
	assert_int_equal(sw_snapshot_below(own, help_name("other."), name, count, &n), -ENOENT);
	assert_int_equal(n, 1);
	sw_archive_close(archive);
}

/** Reads on within what it is told. */
static int nested(void *arg, const struct sw_record *record)
{
	struct sw_archive *archive = arg;
	unsigned n = 0;
	return sw_snapshot_at(sw_archive_own(archive), help_name("example."), record->owner, record->type,
		       count, &n) ||
	       n == 0;
}

static void reads_within_reading(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const struct sw_record records[] = {help_record("a.example.", A, 60, address[0], 4),
		help_record("b.example.", A, 60, address[1], 4)};
	const uint8_t *apex = help_name("example.");
	help_store(archive, apex, 1, records, 2);
	assert_int_equal(
		sw_snapshot_at(sw_archive_own(archive), apex, help_name("a.example."), A, nested, archive),
		0);
	assert_int_equal(sw_snapshot_below(sw_archive_own(archive), apex, apex, nested, archive), 0);
	sw_archive_close(archive);
}

struct portion {
	char *text;
	unsigned left;
};

static int take_portion(void *arg, const struct sw_record *record)
{
	struct portion *portion = arg;
	if (portion->left == 0)
		return 1;
	portion->left--;
	return help_line(&portion->text, record);
}

static void reads_in_pieces(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static uint8_t big[65535];
	const struct sw_record records[] = {help_record("a.example.", A, 60, address[1], 4),
		help_record("a.example.", A, 60, address[0], 4),
		help_record("a.example.", PRIVATE, 60, "", 0),
		help_record("a.example.", PRIVATE, 60, big, sizeof(big)),
		help_record("b.a.example.", A, 60, address[0], 4),
		help_record("c.example.", TXT, 60, "\0", 1), help_record("c.example.", A, 60, address[2], 4)};
	const uint8_t *apex = help_name("example.");
	help_store(archive, apex, 1, records, 7);
	char *whole = help_committed(archive, apex);
	for (unsigned size = 1; size <= 9; size++) {
		struct portion portion = {0};
		void *position = NULL;
		unsigned pieces = 0;
		int more;
		do {
			portion.left = size;
			more = sw_snapshot_some(
				sw_archive_own(archive), apex, &position, take_portion, &portion);
			pieces++;
		} while (more == 1);
		assert_int_equal(more, 0);
		assert_int_equal(pieces, (8 + size - 1) / size);
		assert_string_equal(portion.text, whole);
		free(portion.text);
		free(position);
	}
	void *position = NULL;
	assert_int_equal(
		sw_snapshot_some(sw_archive_own(archive), help_name("other."), &position, count, NULL),
		-ENOENT);
	assert_null(position);
	free(whole);
	sw_archive_close(archive);
}

static void keeps_what_is_noted(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const uint8_t *apex = help_name("example.");
	struct sw_archive_zone zone = {
		.refreshed_s = 1, .expires_s = INT64_MAX, .stamp = UINT64_MAX, .serial = 99, .records = 99};
	memcpy(zone.apex, apex, sw_name_len(apex));
	help_store(archive, apex, 4000000000u, NULL, 0);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_note(archive, &zone), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	help_store(archive, apex, 4000000001u, NULL, 0);
	sw_archive_close(archive);

	archive = help_open(help_directory(state));
	memset(&zone, 0, sizeof(zone));
	assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), help_name("EXAMPLE."), &zone), 0);
	assert_memory_equal(zone.apex, apex, sw_name_len(apex));
	assert_int_equal(zone.serial, 4000000001u);
	assert_int_equal(zone.records, 1);
	assert_int_equal(zone.refreshed_s, 1);
	assert_true(zone.expires_s == INT64_MAX);
	assert_true(zone.stamp == UINT64_MAX);
	sw_archive_close(archive);
}

/** The source of a signed zone is there with the zone's change or not at all, and goes with the zone. */
static void keeps_what_was_signed(void **state)
{
	const char *directory = help_directory(state);
	struct sw_archive *archive = help_open(directory);
	const uint8_t *apex = help_name("example.");
	struct sw_archive_source source = {.serial = 4000000000, .chain = 3, .ds_gone_s = 1LL << 40}, found;
	help_store(archive, apex, 1, NULL, 0);
	assert_int_equal(sw_snapshot_source(sw_archive_own(archive), apex, &found), -ENOENT);
	assert_int_equal(sw_archive_set_source(archive, apex, &source), -EINVAL); /* no transaction */
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_mark(archive), 0);
	assert_int_equal(sw_archive_set_source(archive, apex, &source), 0);
	assert_int_equal(sw_archive_unmark(archive, true), 0);
	assert_int_equal(sw_snapshot_source(sw_archive_own(archive), apex, &found), -ENOENT);
	assert_int_equal(sw_archive_set_source(archive, apex, &(struct sw_archive_source){.serial = 1}), 0);
	assert_int_equal(sw_archive_set_source(archive, apex, &source), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_archive_close(archive);
	archive = help_open(directory);
	assert_int_equal(sw_snapshot_source(sw_archive_own(archive), apex, &found), 0);
	assert_int_equal(found.serial, source.serial);
	assert_int_equal(found.chain, source.chain);
	assert_int_equal(found.ds_gone_s, source.ds_gone_s);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_remove(archive, apex), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	assert_int_equal(sw_snapshot_source(sw_archive_own(archive), apex, &found), -ENOENT);
	sw_archive_close(archive);
}

static void removes_zones(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const uint8_t *apex = help_name("example."), *other = help_name("other.");
	struct sw_archive_zone zone;
	help_store(archive, apex, 1, NULL, 0);
	help_store(archive, other, 1, NULL, 0);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_remove(archive, apex), 0);
	assert_int_equal(sw_archive_remove(archive, apex), -ENOENT);
	assert_int_equal(sw_archive_commit(archive), 0);
	assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), apex, &zone), -ENOENT);
	assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), other, &zone), 0);
	struct sw_contents *contents = NULL;
	assert_int_equal(sw_snapshot_load(sw_archive_own(archive), apex, help_key(), &contents), -ENOENT);
	assert_null(contents);
	sw_archive_close(archive);
}

/* ---- changes ---- */

static void changes_records(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const struct sw_record records[] = {help_record("a.example.", A, 60, address[0], 4),
		help_record("b.example.", A, 60, address[1], 4)};
	const uint8_t *apex = help_name("example.");
	help_store(archive, apex, UINT32_MAX, records, 2);

	/* the serial wraps (RFC 1982); the same data again with another TTL is a change too */
	struct sw_delta delta = help_delta(apex, UINT32_MAX, 0);
	struct sw_record other_case = help_record("A.Example.", A, 61, address[0], 4);
	sw_records_add(&delta.removed, &records[0]);
	sw_records_add(&delta.added, &other_case);
	help_change(archive, apex, delta);
	/* what is removed goes by its data, whatever TTL the change says (RFC 2136 s2.5.4) */
	struct sw_record other_ttl = help_record("b.example.", A, 99, address[1], 4);
	delta = help_delta(apex, 0, 5);
	sw_records_add(&delta.removed, &other_ttl);
	help_change(archive, apex, delta);
	char *text = help_committed(archive, apex);
	assert_non_null(strstr(text, "\na.example. 61 1 c0000201\n"));
	assert_null(strstr(text, "b.example."));
	free(text);
	sw_archive_close(archive);

	archive = help_open(help_directory(state));
	struct sw_contents *contents = NULL;
	struct sw_archive_zone zone;
	assert_int_equal(sw_snapshot_load(sw_archive_own(archive), apex, help_key(), &contents), 0);
	assert_int_equal(sw_contents_records(contents), 2);
	assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), apex, &zone), 0);
	assert_int_equal(zone.serial, 5);
	assert_int_equal(zone.records, 2);
	sw_contents_free(contents);
	sw_archive_close(archive);
}

/** Try a change that cannot be, and undo it. */
static int refused(struct sw_archive *archive, const uint8_t *apex, struct sw_delta *delta)
{
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_mark(archive), 0);
	int error = sw_archive_change(archive, apex, delta);
	assert_int_equal(sw_archive_unmark(archive, true), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_delta_free(delta);
	return error;
}

static void removes_whatever_the_case(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const struct sw_record kept[] = {help_record("example.", NS, 60, "\2Ns\0", 4),
		help_record("example.", NS, 60, "\2no\0", 4), help_record("a.example.", TXT, 60, "\2Ns", 3)};
	const struct sw_record name = help_record("example.", NS, 60, "\2nS\0", 4);
	const struct sw_record text = help_record("a.example.", TXT, 60, "\2nS", 3);
	const uint8_t *apex = help_name("example.");
	help_store(archive, apex, 1, kept, 3);
	struct sw_delta delta = help_delta(apex, 1, 2);
	sw_records_add(&delta.removed, &name);
	help_change(archive, apex, delta);
	char *lines = help_committed(archive, apex);
	assert_null(strstr(lines, "2 024e7300"));
	assert_non_null(strstr(lines, "2 026e6f00"));
	free(lines);
	struct sw_contents *contents = NULL;
	assert_int_equal(sw_snapshot_load(sw_archive_own(archive), apex, help_key(), &contents), 0);
	sw_contents_free(contents);
	delta = help_delta(apex, 2, 3); /* texts are bytes */
	sw_records_add(&delta.removed, &text);
	assert_int_equal(refused(archive, apex, &delta), -ENOENT);
	sw_archive_close(archive);
}

static void refuses_changes_that_do_not_fit(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const struct sw_record there = help_record("a.example.", A, 60, address[0], 4);
	const struct sw_record missing = help_record("a.example.", A, 60, address[1], 4);
	const struct sw_record outside = help_record("a.other.", A, 60, address[1], 4);
	const struct sw_record malformed = help_record("a.example.", A, 60, address[1], 3);
	const uint8_t *apex = help_name("example.");
	help_store(archive, apex, 1, &there, 1);
	char *before = help_committed(archive, apex);

	struct sw_delta delta = help_delta(help_name("other."), 1, 2);
	assert_int_equal(refused(archive, help_name("other."), &delta), -ENOENT);
	delta = help_delta(apex, 3, 4);
	assert_int_equal(refused(archive, apex, &delta), -ESTALE);
	delta = help_delta(apex, 1, 1);
	assert_int_equal(refused(archive, apex, &delta), -EINVAL);
	delta = help_delta(apex, 1, 2);
	sw_records_add(&delta.added, &missing); /* done by the time the other fails */
	sw_records_add(&delta.added, &there);
	assert_int_equal(refused(archive, apex, &delta), -EEXIST);
	delta = help_delta(apex, 1, 2);
	sw_records_add(&delta.removed, &there);
	sw_records_add(&delta.removed, &missing);
	assert_int_equal(refused(archive, apex, &delta), -ENOENT);
	delta = help_delta(apex, 1, 2);
	sw_records_add(&delta.added, &outside);
	assert_int_equal(refused(archive, apex, &delta), -EINVAL);
	delta = help_delta(apex, 1, 2);
	sw_records_add(&delta.added, &malformed);
	assert_int_equal(refused(archive, apex, &delta), -EINVAL);
	delta = help_delta(apex, 1, 2);
	struct sw_record soa = help_soa(apex, 9);
	sw_records_add(&delta.added, &soa);
	assert_int_equal(refused(archive, apex, &delta), -EINVAL);
	delta = help_delta(apex, 1, 2);
	delta.to = 3; /* not what its SOA says */
	assert_int_equal(refused(archive, apex, &delta), -EINVAL);

	char *after = help_committed(archive, apex);
	assert_string_equal(before, after);
	struct sw_contents *contents = NULL;
	assert_int_equal(sw_snapshot_load(sw_archive_own(archive), apex, help_key(), &contents), 0);
	sw_contents_free(contents);
	free(before);
	free(after);
	sw_archive_close(archive);
}

static void refuses_zones_without_soa(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_contents *contents = sw_contents_new(help_name("example."), help_key());
	assert_int_equal(sw_contents_finish(contents), 0);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_replace(archive, contents), -EINVAL);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_contents_free(contents);
	sw_archive_close(archive);
}

static void does_not_commit_half_a_change(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const struct sw_record there = help_record("a.example.", A, 60, address[0], 4);
	const uint8_t *apex = help_name("example.");
	help_store(archive, apex, 1, &there, 1);
	char *before = help_committed(archive, apex);
	struct sw_delta delta = help_delta(apex, 1, 2);
	sw_records_add(&delta.added, &there);
	for (int with_mark = 0; with_mark < 2; with_mark++) {
		assert_int_equal(sw_archive_begin(archive), 0);
		assert_int_equal(with_mark ? sw_archive_mark(archive) : 0, 0);
		assert_int_equal(sw_archive_change(archive, apex, &delta), -EEXIST);
		assert_int_equal(with_mark ? sw_archive_unmark(archive, false) : 0, 0);
		assert_int_equal(sw_archive_commit(archive), -ECANCELED);
	}
	char *after = help_committed(archive, apex);
	assert_string_equal(before, after);
	free(before);
	free(after);
	sw_delta_free(&delta);
	sw_archive_close(archive);
}

static void wants_a_transaction(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const uint8_t *apex = help_name("example.");
	struct sw_contents *contents = help_contents(apex, 1, NULL, 0);
	struct sw_delta delta = help_delta(apex, 1, 2);
	struct sw_archive_zone zone = {.apex = {0}};
	assert_int_equal(sw_archive_commit(archive), -EINVAL);
	assert_int_equal(sw_archive_mark(archive), -EINVAL);
	assert_int_equal(sw_archive_unmark(archive, true), -EINVAL);
	assert_int_equal(sw_archive_replace(archive, contents), -EINVAL);
	assert_int_equal(sw_archive_change(archive, apex, &delta), -EINVAL);
	assert_int_equal(sw_archive_note(archive, &zone), -EINVAL);
	assert_int_equal(sw_archive_remove(archive, apex), -EINVAL);
	assert_int_equal(sw_archive_trim(archive, apex, 0), -EINVAL);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_begin(archive), -EINVAL);
	assert_int_equal(sw_archive_note(archive, &zone), -ENOENT);
	assert_int_equal(sw_archive_trim(archive, apex, 0), -ENOENT);
	sw_archive_abort(archive);
	sw_contents_free(contents);
	sw_delta_free(&delta);
	sw_archive_close(archive);
}

static void undoes_to_marks(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const uint8_t *apex = help_name("example."), *other = help_name("other.");
	struct sw_archive_zone zone;
	struct sw_snapshot *own = sw_archive_own(archive);
	help_store(archive, apex, 1, NULL, 0);
	struct sw_contents *contents = help_contents(other, 1, NULL, 0);
	struct sw_delta deltas[3];
	for (uint32_t i = 0; i < 3; i++)
		deltas[i] = help_delta(apex, i + 1, i + 2);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_mark(archive), 0);
	assert_int_equal(sw_archive_change(archive, apex, &deltas[0]), 0);
	assert_int_equal(sw_archive_unmark(archive, false), 0);
	assert_int_equal(sw_archive_mark(archive), 0);
	assert_int_equal(sw_archive_change(archive, apex, &deltas[1]), 0);
	assert_int_equal(sw_archive_mark(archive), 0); /* and one within it */
	assert_int_equal(sw_archive_change(archive, apex, &deltas[2]), 0);
	assert_int_equal(sw_archive_replace(archive, contents), 0);
	assert_int_equal(sw_archive_unmark(archive, true), 0);
	assert_int_equal(sw_snapshot_zone(own, apex, &zone), 0);
	assert_int_equal(zone.serial, 3);
	assert_int_equal(sw_snapshot_zone(own, other, &zone), -ENOENT);
	assert_int_equal(sw_archive_unmark(archive, true), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	assert_int_equal(sw_snapshot_zone(own, apex, &zone), 0);
	assert_int_equal(zone.serial, 2);
	for (uint32_t i = 0; i < 3; i++)
		sw_delta_free(&deltas[i]);
	sw_contents_free(contents);
	sw_archive_close(archive);
}

/* ---- journal ---- */

static int chain(void *arg, const struct sw_delta *delta)
{
	char **text = arg, *whole;
	struct sw_record record;
	assert_true(asprintf(&whole, "%s%u>%u ", *text ? *text : "", delta->from, delta->to) > 0);
	free(*text);
	*text = whole;
	for (size_t at = 0; sw_records_next(&delta->removed, &at, &record);)
		help_line(text, &record);
	for (size_t at = 0; sw_records_next(&delta->added, &at, &record);)
		help_line(text, &record);
	size_t at = 0;
	assert_true(sw_records_next(&delta->old_soa, &at, &record));
	assert_int_equal(sw_soa_serial(&record), delta->from);
	assert_false(sw_records_next(&delta->old_soa, &at, &record));
	at = 0;
	assert_true(sw_records_next(&delta->new_soa, &at, &record));
	assert_int_equal(sw_soa_serial(&record), delta->to);
	return 0;
}

static int changes(struct sw_archive *archive, uint32_t from, const char *want)
{
	char *text = NULL;
	int error = sw_snapshot_changes(sw_archive_own(archive), help_name("example."), from, chain, &text);
	if (want)
		assert_string_equal(text ? text : "", want);
	else
		assert_null(text);
	free(text);
	return error;
}

/** A zone of serial 1 with changes to 2, 4, 5 and 6. */
static struct sw_archive *with_journal(const char *directory)
{
	struct sw_archive *archive = help_open(directory);
	const uint8_t *apex = help_name("example.");
	const struct sw_record record = help_record("a.example.", A, 60, address[0], 4);
	help_store(archive, apex, 1, NULL, 0);
	struct sw_delta delta = help_delta(apex, 1, 2);
	sw_records_add(&delta.added, &record);
	help_change(archive, apex, delta);
	delta = help_delta(apex, 2, 4);
	sw_records_add(&delta.removed, &record);
	help_change(archive, apex, delta);
	help_change(archive, apex, help_delta(apex, 4, 5));
	help_change(archive, apex, help_delta(apex, 5, 6));
	return archive;
}

static void keeps_a_journal(void **state)
{
	struct sw_archive *archive = with_journal(help_directory(state));
	const char *record = "a.example. 60 1 c0000201\n";
	char want[256];
	sw_archive_close(archive);
	archive = help_open(help_directory(state));
	snprintf(want, sizeof(want), "1>2 %s2>4 %s4>5 5>6 ", record, record);
	assert_int_equal(changes(archive, 1, want), 0);
	assert_int_equal(changes(archive, 4, "4>5 5>6 "), 0);
	assert_int_equal(changes(archive, 6, ""), 0);
	assert_int_equal(changes(archive, 3, NULL), -ENOENT);
	assert_int_equal(changes(archive, 7, NULL), -ENOENT);
	help_store(archive, help_name("example."), 6, NULL, 0);
	assert_int_equal(changes(archive, 5, NULL), -ENOENT);
	assert_int_equal(changes(archive, 6, ""), 0);
	sw_archive_close(archive);
}

static void finds_damage_in_the_journal(void **state)
{
	static const struct {
		const char *sql;
		int from_1, from_4, from_5;
	} rows[] = {
		{"DELETE FROM change WHERE \"from\" = 4", -ENOENT, -ENOENT, 0},
		{"DELETE FROM change WHERE \"from\" = 5", -ENOENT, -ENOENT, -ENOENT},
		{"UPDATE change SET \"to\" = 7 WHERE \"from\" = 2", -ENOENT, 0, 0},
		{"UPDATE change SET \"from\" = 7 WHERE \"from\" = 4", -ENOENT, -ENOENT, 0},
		{"UPDATE change SET checksum = checksum + 1 WHERE \"from\" = 5", -EBADMSG, -EBADMSG,
			-EBADMSG},
		{"UPDATE change SET delta = substr(delta, 1, length(delta) - 1) WHERE \"from\" = 2", -EBADMSG,
			0, 0},
		{"UPDATE change SET delta = x'' WHERE \"from\" = 5", -EBADMSG, -EBADMSG, -EBADMSG},
		{"UPDATE zone SET serial = 9", -ENOENT, -ENOENT, -ENOENT},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_archive *archive = with_journal(help_directory(state));
		help_sql(help_directory(state), rows[i].sql);
		assert_int_equal(changes(archive, 1, rows[i].from_1 ? NULL : "?"), rows[i].from_1);
		assert_int_equal(changes(archive, 4, rows[i].from_4 ? NULL : "4>5 5>6 "), rows[i].from_4);
		assert_int_equal(changes(archive, 5, rows[i].from_5 ? NULL : "5>6 "), rows[i].from_5);
		sw_archive_close(archive);
	}
}

static void trims_the_journal(void **state)
{
	struct sw_archive *archive = with_journal(help_directory(state));
	const uint8_t *apex = help_name("example.");
	/* a change of nothing but its SOA: four heads of 16 bytes, two records of 8 + 9 + 46 */
	const uint64_t one = 64 + 2 * (8 + 9 + (uint64_t)help_soa(apex, 1).rdata_len);
	static const struct {
		unsigned keep; /* changes */
		int from_1, from_2, from_4, from_5;
	} rows[] = {{9, 0, 0, 0, 0}, {2, -ENOENT, -ENOENT, 0, 0}, {1, -ENOENT, -ENOENT, -ENOENT, 0},
		{0, -ENOENT, -ENOENT, -ENOENT, -ENOENT}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(sw_archive_begin(archive), 0);
		assert_int_equal(sw_archive_trim(archive, apex, rows[i].keep * one), 0);
		assert_int_equal(sw_archive_commit(archive), 0);
		char *text = NULL;
		struct sw_snapshot *own = sw_archive_own(archive);
		assert_int_equal(sw_snapshot_changes(own, apex, 1, chain, &text), rows[i].from_1);
		assert_int_equal(sw_snapshot_changes(own, apex, 2, chain, &text), rows[i].from_2);
		assert_int_equal(sw_snapshot_changes(own, apex, 4, chain, &text), rows[i].from_4);
		assert_int_equal(sw_snapshot_changes(own, apex, 5, chain, &text), rows[i].from_5);
		free(text);
	}
	help_change(archive, apex, help_delta(apex, 6, 8));
	assert_int_equal(changes(archive, 6, "6>8 "), 0);
	sw_archive_close(archive);
}

static int end_at_once(void *arg, const struct sw_delta *delta)
{
	(void)arg, (void)delta;
	return 55;
}

static void ends_when_told(void **state)
{
	struct sw_archive *archive = with_journal(help_directory(state));
	assert_int_equal(
		sw_snapshot_changes(sw_archive_own(archive), help_name("example."), 1, end_at_once, NULL),
		55);
	assert_int_equal(
		sw_snapshot_changes(sw_archive_own(archive), help_name("other."), 1, end_at_once, NULL),
		-ENOENT);
	sw_archive_close(archive);
}

/* ---- isolation ---- */

static void snapshots_stand_still(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	const uint8_t *apex = help_name("example.");
	const struct sw_record record = help_record("a.example.", A, 60, address[0], 4);
	struct sw_snapshot *before, *during, *after;
	struct sw_archive_zone zone;
	help_store(archive, apex, 1, &record, 1);
	assert_int_equal(sw_snapshot_open(&before, archive), 0);
	struct sw_delta delta = help_delta(apex, 1, 2);
	sw_records_add(&delta.removed, &record);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_change(archive, apex, &delta), 0);
	assert_int_equal(sw_snapshot_open(&during, archive), 0);
	assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), apex, &zone), 0);
	assert_int_equal(zone.serial, 2); /* the writer sees what it does */
	assert_int_equal(sw_archive_commit(archive), 0);
	assert_int_equal(sw_snapshot_open(&after, archive), 0);
	assert_int_equal(sw_snapshot_zone(before, apex, &zone), 0);
	assert_int_equal(zone.serial, 1);
	assert_int_equal(sw_snapshot_zone(during, apex, &zone), 0);
	assert_int_equal(zone.serial, 1);
	assert_int_equal(sw_snapshot_zone(after, apex, &zone), 0);
	assert_int_equal(zone.serial, 2);
	unsigned n = 0;
	assert_int_equal(sw_snapshot_below(before, apex, apex, count, &n), 0);
	assert_int_equal(n, 2);
	sw_snapshot_close(before);
	assert_int_equal(sw_snapshot_open(&before, archive), 0); /* an idle connection does not look back */
	assert_int_equal(sw_snapshot_zone(before, apex, &zone), 0);
	assert_int_equal(zone.serial, 2);
	sw_snapshot_close(before);
	sw_snapshot_close(during);
	sw_snapshot_close(after);
	sw_snapshot_close(NULL);
	sw_delta_free(&delta);
	sw_archive_close(archive);
}

struct readers {
	struct sw_archive *archive;
	const uint8_t *apex, *other;
	_Atomic bool is_over;
	_Atomic unsigned reads, wrong;
};

/** Two zones are changed together and always the same: whoever sees one ahead of the other, or a zone that
 * does not add up, has seen a mixture. */
static void *read_on(void *arg)
{
	struct readers *readers = arg;
	struct sw_contents *contents = NULL;
	uint32_t last = 0;
	while (!readers->is_over) {
		struct sw_snapshot *snapshot;
		struct sw_archive_zone one, two;
		bool is_right = sw_snapshot_open(&snapshot, readers->archive) == 0;
		if (is_right) {
			is_right = sw_snapshot_load(snapshot, readers->apex, help_key(), &contents) == 0 &&
				   sw_snapshot_zone(snapshot, readers->apex, &one) == 0 &&
				   sw_snapshot_zone(snapshot, readers->other, &two) == 0 &&
				   one.serial == two.serial && one.serial >= last &&
				   sw_snapshot_load(snapshot, readers->other, help_key(), &contents) == 0;
			last = one.serial;
			sw_snapshot_close(snapshot);
		}
		readers->wrong += !is_right;
		readers->reads++;
	}
	sw_contents_free(contents);
	return NULL;
}

static void readers_see_whole_commits(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct readers readers = {
		.archive = archive, .apex = help_name("example."), .other = help_name("other.")};
	uint8_t apex[SW_NAME_MAX], other[SW_NAME_MAX];
	memcpy(apex, readers.apex, SW_NAME_MAX);
	memcpy(other, readers.other, SW_NAME_MAX);
	readers.apex = apex;
	readers.other = other;
	pthread_t threads[3];
	help_store(archive, apex, 1, NULL, 0);
	help_store(archive, other, 1, NULL, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers), 0);
	for (uint32_t serial = 1; serial < 300 || (readers.reads < 300 && serial < 30000); serial++) {
		assert_int_equal(sw_archive_begin(archive), 0);
		for (unsigned zone = 0; zone < 2; zone++) {
			char text[64];
			snprintf(text, sizeof(text), "n%u.%s", serial / 2, zone ? "other." : "example.");
			struct sw_record record = help_record(text, A, 60, address[0], 4);
			struct sw_delta delta = help_delta(zone ? other : apex, serial, serial + 1);
			sw_records_add(serial % 2 ? &delta.removed : &delta.added, &record);
			if (serial == 1)
				sw_records_free(&delta.removed);
			assert_int_equal(sw_archive_change(archive, zone ? other : apex, &delta), 0);
			assert_int_equal(sw_archive_trim(archive, zone ? other : apex, 4096), 0);
			sw_delta_free(&delta);
		}
		assert_int_equal(sw_archive_commit(archive), 0);
	}
	readers.is_over = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_true(readers.reads >= 300);
	assert_int_equal(readers.wrong, 0);
	sw_archive_close(archive);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)
	const struct CMUnitTest tests[] = {
		TEST(keeps_strange_names),
		TEST(keeps_the_longest_names),
		TEST(reads_names_and_subtrees),
		TEST(reads_within_reading),
		TEST(reads_in_pieces),
		TEST(keeps_what_is_noted),
		TEST(keeps_what_was_signed),
		TEST(removes_zones),
		TEST(changes_records),
		TEST(removes_whatever_the_case),
		TEST(refuses_changes_that_do_not_fit),
		TEST(refuses_zones_without_soa),
		TEST(does_not_commit_half_a_change),
		TEST(wants_a_transaction),
		TEST(undoes_to_marks),
		TEST(keeps_a_journal),
		TEST(finds_damage_in_the_journal),
		TEST(trims_the_journal),
		TEST(ends_when_told),
		TEST(snapshots_stand_still),
		TEST(readers_see_whole_commits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
