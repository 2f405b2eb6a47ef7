/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change that is signed alone gives, byte for byte, the zone that is signed as a whole: in zones of few
 * names, in which cuts, DNAMEs, wildcards and empty non-terminals come and go. */
#include "sign_help.h"
#include <libknot/libknot.h>
#include <unistd.h>

#define CANDIDATES 60

static struct sw_archive *archive;

static int setup(void **state)
{
	(void)state;
	if (help_sign_setup() != 0)
		return -1;
	policy.jitter_s = 0; /* so that two ways to sign agree */
	help_add_key(SW_KEY_CSK, SW_KEY_ED25519,
		SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE | SW_KEY_SUBMIT);
	return 0;
}

/* ---- a source that reads contents ---- */

static int each(const struct sw_contents *contents, const struct sw_node *node, sw_record_fn *take, void *arg)
{
	const struct sw_rr *rr = sw_contents_rr(contents, node->first);
	int error = 0;
	for (; rr && !error; rr = sw_contents_rr(contents, rr->next))
		error = take(arg, &(struct sw_record){.owner = sw_contents_name(contents, node),
					  .type = rr->type,
					  .ttl = rr->ttl,
					  .rdata_len = rr->rdata_len,
					  .rdata = rr->rdata});
	return error;
}

static int at(void *arg, const uint8_t *owner, sw_record_fn *take, void *take_arg)
{
	const struct sw_node *node = sw_contents_find(arg, owner);
	return node ? each(arg, node, take, take_arg) : 0;
}

static int below(void *arg, const uint8_t *owner, sw_record_fn *take, void *take_arg)
{
	int error = 0;
	for (uint32_t i = 0; i < sw_contents_count(arg) && !error; i++) {
		const struct sw_node *node = sw_contents_node(arg, i);
		if (sw_name_in(sw_contents_name(arg, node), owner))
			error = each(arg, node, take, take_arg);
	}
	return error;
}

static int before(void *arg, const uint8_t *owner, uint16_t type, uint8_t name[SW_NAME_MAX])
{
	const uint8_t *best = NULL, *last = NULL;
	for (uint32_t i = 0; i < sw_contents_count(arg); i++) {
		const struct sw_node *node = sw_contents_node(arg, i);
		const uint8_t *own = sw_contents_name(arg, node);
		if (!sw_contents_find_rr(arg, node, type))
			continue;
		if (!last || sw_name_compare(own, last) > 0)
			last = own;
		if (sw_name_compare(own, owner) < 0 && (!best || sw_name_compare(own, best) > 0))
			best = own;
	}
	best = best ? best : last;
	if (!best)
		return -ENOENT;
	memcpy(name, best, sw_name_len(best));
	return 0;
}

/* ---- zones ---- */

static const char *const names[] = {"a", "b", "a.a", "b.a", "*.a", "a.b.a", "x.y.a", "x.y.b", "*", "z", "a.z",
	"\\000.z", "a.a.z", "q.w.e.r.t", "w.e.r.t"};

struct candidate {
	uint8_t owner[SW_NAME_MAX];
	uint16_t type, rdata_len;
	uint32_t ttl;
	uint8_t rdata[40];
};

static struct candidate candidates[CANDIDATES];

static void make_candidates(void)
{
	static const uint16_t types[] = {KNOT_RRTYPE_A, KNOT_RRTYPE_A, KNOT_RRTYPE_TXT, KNOT_RRTYPE_NS,
		KNOT_RRTYPE_DS, KNOT_RRTYPE_DNAME, 65280};
	for (int i = 0; i < CANDIDATES; i++) {
		struct candidate *made = &candidates[i];
		char text[64];
		snprintf(text, sizeof(text), "%s.example.",
			names[(size_t)random() % (sizeof(names) / sizeof(*names))]);
		assert_true(sw_name_parse(text, made->owner) > 0);
		made->type = types[(size_t)random() % 7];
		made->ttl = made->type == KNOT_RRTYPE_A ? 60 + 60 * (uint32_t)(random() % 3) : 300;
		memset(made->rdata, 0, sizeof(made->rdata));
		made->rdata_len = made->type == KNOT_RRTYPE_DS ? 36 : 4;
		memcpy(made->rdata, "\2\1\1", 4); /* two letters as a name; three bytes of text; an address */
		made->rdata[1] = made->rdata[2] = (uint8_t)(1 + i);
		if (made->type == KNOT_RRTYPE_TXT)
			made->rdata[0] = 3;
	}
}

static void soa_data(uint8_t rdata[22], uint8_t serial)
{
	memset(rdata, 0, 22);
	rdata[5] = serial;
	rdata[21] = 60;
}

static struct sw_record record_of(const struct candidate *from)
{
	return (struct sw_record){.owner = from->owner,
		.type = from->type,
		.ttl = from->ttl,
		.rdata = from->rdata,
		.rdata_len = from->rdata_len};
}

static void add_to(struct sw_contents *contents, const struct sw_record *record)
{
	assert_in_range(sw_contents_add(contents, record->owner, record->type, record->ttl, record->rdata,
				record->rdata_len, UINT16_MAX, 0),
		0, 1);
}

static struct sw_contents *make_plain(const bool *is_in, uint8_t serial)
{
	struct sw_contents *contents = sw_contents_new(keys.apex, &hash_key);
	uint8_t soa[22];
	soa_data(soa, serial);
	assert_non_null(contents);
	add_to(contents, &(struct sw_record){
				 .owner = keys.apex, .type = 6, .ttl = 300, .rdata = soa, .rdata_len = 22});
	add_to(contents, &(struct sw_record){.owner = keys.apex,
				 .type = 2,
				 .ttl = 300,
				 .rdata = (const uint8_t *)"\1n",
				 .rdata_len = 3});
	for (int i = 0; i < CANDIDATES; i++) {
		struct sw_record record = record_of(&candidates[i]);
		if (is_in[i])
			add_to(contents, &record);
	}
	assert_int_equal(sw_contents_finish(contents), 0);
	return contents;
}

/* ---- sets of records ---- */

static int collect(void *arg, const struct sw_record *record)
{
	return sw_records_add(arg, record);
}

static bool take_out(struct sw_records *records, const struct sw_record *wanted)
{
	struct sw_record record;
	for (size_t next = 0, start = 0; sw_records_next(records, &next, &record); start = next) {
		if (record.type != wanted->type || record.ttl != wanted->ttl ||
			record.rdata_len != wanted->rdata_len ||
			memcmp(record.rdata, wanted->rdata, record.rdata_len) != 0 ||
			!sw_name_equal(record.owner, wanted->owner))
			continue;
		memmove(records->bytes + start, records->bytes + next, records->used - next);
		records->used -= next - start;
		records->count--;
		return true;
	}
	return false;
}

static struct sw_records all_of(struct sw_contents *contents)
{
	struct sw_records records = {0};
	assert_int_equal(below(contents, keys.apex, collect, &records), 0);
	return records;
}

static void tell(const char *what, const struct sw_record *record)
{
	char name[SW_NAME_TEXT_MAX], type[SW_TYPE_TEXT_MAX];
	fail_msg("%s: %s %s %u", what, sw_name_text(record->owner, name), sw_type_text(record->type, type),
		record->ttl);
}

static void take_all(struct sw_records *from, const struct sw_records *records, const char *what)
{
	struct sw_record record;
	for (size_t next = 0; sw_records_next(records, &next, &record);) {
		if (!take_out(from, &record))
			tell(what, &record);
	}
}

static void put_all(struct sw_records *to, const struct sw_records *records)
{
	struct sw_record record;
	for (size_t next = 0; sw_records_next(records, &next, &record);)
		assert_int_equal(sw_records_add(to, &record), 0);
}

/** The old zone and the delta give the new one. */
static void expect_same(struct sw_contents *old, const struct sw_delta *delta, struct sw_contents *new)
{
	struct sw_records was = all_of(old), is = all_of(new);
	take_all(&was, &delta->removed, "removed, but was not there");
	take_all(&was, &delta->old_soa, "the old SOA was not there");
	put_all(&was, &delta->added);
	put_all(&was, &delta->new_soa);
	take_all(&was, &is, "missing in the delta");
	struct sw_record record;
	size_t next = 0;
	if (sw_records_next(&was, &next, &record))
		tell("left by the delta", &record);
	sw_records_free(&was);
	sw_records_free(&is);
}

/** A zone with a delta applied. */
static struct sw_contents *apply(struct sw_contents *old, const struct sw_delta *delta)
{
	struct sw_contents *new = sw_contents_new(keys.apex, &hash_key);
	struct sw_records records = all_of(old);
	struct sw_record record;
	assert_non_null(new);
	take_all(&records, &delta->removed, "removed, but was not there");
	take_all(&records, &delta->old_soa, "the old SOA was not there");
	put_all(&records, &delta->added);
	put_all(&records, &delta->new_soa);
	for (size_t next = 0; sw_records_next(&records, &next, &record);)
		add_to(new, &record);
	assert_int_equal(sw_contents_finish(new), 0);
	sw_records_free(&records);
	return new;
}

/** The TTLs of a signed zone are level, and so are those of what is taken from it. */
static struct sw_record as_it_stands(struct sw_contents *contents, const struct candidate *from)
{
	struct sw_record record = record_of(from);
	const struct sw_node *node = sw_contents_find(contents, from->owner);
	record.ttl = sw_contents_find_rr(contents, node, from->type)->ttl;
	return record;
}

static void make_change(
	struct sw_delta *change, struct sw_contents *signed_contents, const bool *was, const bool *is)
{
	uint8_t soa[22];
	soa_data(soa, 2);
	struct sw_record record = {.owner = keys.apex, .type = 6, .ttl = 300, .rdata = soa, .rdata_len = 22};
	*change = (struct sw_delta){0};
	assert_int_equal(sw_records_add(&change->new_soa, &record), 0);
	for (int i = 0; i < CANDIDATES; i++) {
		if (was[i] && !is[i]) {
			record = as_it_stands(signed_contents, &candidates[i]);
			assert_int_equal(sw_records_add(&change->removed, &record), 0);
		} else if (is[i] && !was[i]) {
			record = record_of(&candidates[i]);
			assert_int_equal(sw_records_add(&change->added, &record), 0);
		}
	}
}

static void expect_clean(const struct sw_contents *contents)
{
	struct sw_findings findings = {0};
	sw_zone_check(contents, job.now_s, &findings); /* the zone itself may be one that is refused */
	help_expect_none(&findings, SW_FINDING_RRSIG_COVERS_NONE);
}

/** Rows of the fate of the candidates; equal data would be two names for one record. */
static void draw(bool *is_in, const bool *was, int chance)
{
	for (int i = 0; i < CANDIDATES; i++)
		is_in[i] = random() % 100 < chance ? random() & 1 : was[i];
}

/** Put the zone into the archive, whose transaction is still open. */
static struct sw_sign_source archived(const struct sw_contents *contents)
{
	static struct sw_sign_archived lent;
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_replace(archive, contents), 0);
	lent = (struct sw_sign_archived){.snapshot = sw_archive_own(archive), .apex = keys.apex};
	return sw_sign_source_of(&lent);
}

/** The archive takes the delta, and then has the new zone. */
static void expect_archived(const struct sw_delta *delta, struct sw_contents *new)
{
	struct sw_contents *found = NULL;
	assert_int_equal(sw_archive_change(archive, keys.apex, delta), 0);
	assert_int_equal(sw_snapshot_load(sw_archive_own(archive), keys.apex, &hash_key, &found), 0);
	struct sw_records was = all_of(found), is = all_of(new);
	take_all(&was, &is, "missing in the archive");
	assert_int_equal(was.count, 0);
	sw_records_free(&was);
	sw_records_free(&is);
	sw_contents_free(found);
	sw_archive_abort(archive);
}

static void one_round(int chance)
{
	static const bool none[CANDIDATES];
	bool was[CANDIDATES], is[CANDIDATES];
	make_candidates();
	draw(was, none, (int)(random() % 100));
	draw(is, was, chance);
	struct sw_contents *plain = make_plain(was, 1), *old = help_sign(plain, NULL, NULL);
	sw_contents_free(plain);
	struct sw_delta change, delta;
	make_change(&change, old, was, is);
	/* records with a TTL of their own keep the level of those that stay: compare with what stays of the
	 * old */
	plain = sw_contents_new(keys.apex, &hash_key);
	struct sw_records left = all_of(old);
	take_all(&left, &change.removed, "not there");
	struct sw_record record;
	for (size_t next = 0; sw_records_next(&left, &next, &record);) {
		if (record.type != KNOT_RRTYPE_SOA)
			add_to(plain, &record);
	}
	sw_records_free(&left);
	for (size_t next = 0; sw_records_next(&change.added, &next, &record);)
		add_to(plain, &record);
	for (size_t next = 0; sw_records_next(&change.new_soa, &next, &record);)
		add_to(plain, &record);
	assert_int_equal(sw_contents_finish(plain), 0);
	job.now_s = NOW + 1000; /* new signatures differ from those taken over */
	struct sw_sign_result whole, part;
	struct sw_contents *new = help_sign(plain, old, &whole);
	struct sw_sign_source source = {.arg = old, .at = at, .below = below, .before = before};
	if (archive)
		source = archived(old);
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, &part), 0);
	job.now_s = NOW;
	expect_same(old, &delta, new);
	if (archive)
		expect_archived(&delta, new);
	expect_clean(new);
	assert_int_equal(delta.from, 1);
	assert_int_equal(delta.to, 2);
	assert_int_equal(part.made, whole.made);
	sw_delta_free(&change);
	sw_delta_free(&delta);
	sw_contents_free(plain);
	sw_contents_free(old);
	sw_contents_free(new);
}

static void test_nsec(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 300; i++)
		one_round(i % 3 ? 3 : 40);
}

static void test_nsec3(void **state)
{
	(void)state;
	srandom(2);
	policy.is_nsec3 = true;
	for (int i = 0; i < 300; i++)
		one_round(i % 3 ? 3 : 40);
}

static void test_opt_out(void **state)
{
	(void)state;
	srandom(5);
	policy.is_nsec3 = policy.is_opt_out = true;
	for (int i = 0; i < 600; i++)
		one_round(i % 3 ? 3 : 40);
	policy.is_opt_out = false;
}

static void test_refused(void **state)
{
	(void)state;
	static const bool none[CANDIDATES];
	struct sw_contents *plain = make_plain(none, 1), *old = help_sign(plain, NULL, NULL);
	struct sw_sign_source source = {.arg = old, .at = at, .below = below, .before = before};
	struct sw_delta change, delta = {.from = 77};
	make_change(&change, old, none, none);
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, NULL), 0);
	assert_int_equal(delta.removed.count, 1); /* the signature of the SOA */
	assert_int_equal(delta.added.count, 1);
	sw_delta_free(&delta);
	delta = (struct sw_delta){.from = 77};

	plan.uses[0] &= (uint8_t)~SW_KEY_SUBMIT; /* another plan */
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, NULL), -ESTALE);
	plan.uses[0] |= SW_KEY_SUBMIT;
	policy.is_nsec3 = true; /* another chain */
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, NULL), -ESTALE);
	policy.is_nsec3 = false;
	struct sw_records removed = change.removed;
	struct sw_record record = {
		.owner = keys.apex, .type = 1, .ttl = 1, .rdata = keys.apex, .rdata_len = 4};
	assert_int_equal(sw_records_add(&change.removed, &record), 0); /* not there */
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, NULL), -ENOENT);
	sw_records_free(&change.removed);
	change.removed = removed;
	record.owner = (const uint8_t *)"\5other"; /* not of this zone */
	assert_int_equal(sw_records_add(&change.added, &record), 0);
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, NULL), -ENOENT);
	sw_records_free(&change.added);
	change.new_soa.bytes[change.new_soa.used - 1]++; /* another negative TTL */
	change.new_soa.bytes[change.new_soa.used - 1] -= 30;
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, NULL), -ESTALE);
	sw_records_free(&change.new_soa);
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, NULL), -EINVAL);
	assert_int_equal(delta.from, 77); /* written only on success */
	sw_contents_free(plain);
	sw_contents_free(old);
}

static void test_archived(void **state)
{
	(void)state;
	char text[512];
	assert_int_equal(sw_archive_open(&archive, directory, text), 0);
	srandom(3);
	for (int i = 0; i < 60; i++) {
		policy.is_nsec3 = i & 1;
		policy.is_opt_out = i & 2;
		one_round(i % 3 ? 3 : 40);
	}
	policy.is_opt_out = false;
	sw_archive_close(archive);
	archive = NULL;
}

/** Some at a time until nothing is due, then the zone is as one that is signed anew as a whole. */
static void test_renewal(void **state)
{
	(void)state;
	bool is_in[CANDIDATES];
	for (int i = 0; i < 30; i++) {
		policy.is_nsec3 = i % 3 > 0;
		policy.is_opt_out = i % 3 > 1;
		policy.jitter_s = 0;
		job.now_s = NOW;
		make_candidates();
		for (int j = 0; j < CANDIDATES; j++)
			is_in[j] = random() & 1;
		struct sw_contents *plain = make_plain(is_in, 1), *zone = help_sign(plain, NULL, NULL), *next;
		sw_contents_free(plain);
		job.now_s = sw_sign_due(zone, &policy);
		uint8_t soa[22], serial = 1;
		struct sw_sign_result result;
		do {
			struct sw_sign_source source = {
				.arg = zone, .at = at, .below = below, .before = before};
			struct sw_record record = {
				.owner = keys.apex, .type = 6, .ttl = 300, .rdata = soa, .rdata_len = 22};
			struct sw_delta delta;
			soa_data(soa, ++serial);
			assert_int_equal(
				sw_sign_renew(&job, keys.apex, &source, &record, 3, &delta, &result), 0);
			next = apply(zone, &delta);
			assert_in_range(serial, 2, 60);
			sw_delta_free(&delta);
			sw_contents_free(zone);
			zone = next;
		} while (result.due_s == job.now_s);
		assert_int_equal(result.due_s, job.now_s + policy.validity_s - policy.refresh_s);
		assert_int_equal(sw_sign_due(zone, &policy), result.due_s);
		expect_clean(zone);
		plain = make_plain(is_in, serial);
		struct sw_contents *whole = help_sign(plain, NULL, NULL);
		struct sw_records was = all_of(zone), is = all_of(whole);
		take_all(&was, &is, "not renewed");
		assert_int_equal(was.count, 0);
		sw_records_free(&was);
		sw_records_free(&is);
		sw_contents_free(plain);
		sw_contents_free(whole);
		sw_contents_free(zone);
	}
}

/** The case of names in data does not count (RFC 4343), but is kept. */
static void test_case(void **state)
{
	(void)state;
	static const bool none[CANDIDATES];
	struct sw_contents *plain = make_plain(none, 1), *old = help_sign(plain, NULL, NULL);
	struct sw_sign_source source = {.arg = old, .at = at, .below = below, .before = before};
	struct sw_delta change, delta;
	struct sw_record record = {.owner = keys.apex,
				 .type = 2,
				 .ttl = 5,
				 .rdata = (const uint8_t *)"\1N",
				 .rdata_len = 3},
			 made;
	make_change(&change, old, none, none);
	assert_int_equal(sw_records_add(&change.removed, &record), 0);
	record.ttl = 300;
	assert_int_equal(sw_records_add(&change.added, &record), 0);
	assert_int_equal(sw_sign_delta(&job, keys.apex, &source, &change, &delta, NULL), 0);
	assert_int_equal(delta.removed.count, 2); /* NS, signature of the SOA: that of NS is still good */
	assert_int_equal(delta.added.count, 2);
	size_t next = 0;
	assert_true(sw_records_next(&delta.removed, &next, &made));
	assert_memory_equal(made.rdata, "\1n", 3);
	next = 0;
	assert_true(sw_records_next(&delta.added, &next, &made));
	assert_memory_equal(made.rdata, "\1N", 3);
	sw_delta_free(&change);
	sw_delta_free(&delta);
	sw_contents_free(plain);
	sw_contents_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nsec, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_nsec3, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_opt_out, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_archived, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_renewal, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_case, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, help_sign_teardown),
	};
	return cmocka_run_group_tests_name("sign delta", tests, NULL, NULL);
}
