/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the signer makes, seen from inside: which records, which signatures are taken over. That the
 * signatures are true is seen from outside, by sign.py. */
#include "sign_help.h"
#include "zone/scan.h"
#include <libknot/libknot.h>
#include <unistd.h>

#define DAY 86400

static const char zone_text[] = "$ORIGIN example.\n"
				"$TTL 3600\n"
				"@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n"
				"@ NS ns1\n"
				"@ MX 10 Mail\n"
				"ns1 A 192.0.2.1\n"
				"mail A 192.0.2.2\n"
				"mail A 192.0.2.1\n"
				"mail AAAA 2001:db8::1\n"
				"leaf.deep.empty A 192.0.2.3\n"
				"*.wild A 192.0.2.4\n"
				"alias CNAME mail\n"
				"moved DNAME wild\n"
				"lab NS ns.lab\n"
				"ns.lab A 192.0.2.5\n"
				"lab TXT \"occluded\"\n"
				"sec NS ns.lab\n"
				"sec DS 1 13 2 "
				"0000000000000000000000000000000000000000000000000000000000000001\n"
				"only.cut.here NS ns1\n";

static int setup(void **state)
{
	(void)state;
	if (help_sign_setup() != 0)
		return -1;
	job.seed = 1;
	help_add_key(SW_KEY_CSK, SW_KEY_ECDSAP256SHA256,
		SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE | SW_KEY_SUBMIT);
	return 0;
}

/* ---- zones ---- */

static struct sw_contents *read_zone(const char *text)
{
	char path[] = "/tmp/sw-zone-XXXXXX";
	int file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
	struct sw_contents *contents = sw_contents_new(keys.apex, &hash_key);
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
	assert_non_null(contents);
	assert_int_equal(sw_zone_scan(contents, path, &findings, NULL), 0);
	assert_int_equal(sw_contents_finish(contents), 0);
	unlink(path);
	return contents;
}

/** Sign a text after a former version. */
static struct sw_contents *sign_text(
	const char *text, const struct sw_contents *former, struct sw_sign_result *result)
{
	struct sw_contents *plain = read_zone(text), *made = help_sign(plain, former, result);
	sw_contents_free(plain);
	return made;
}

/** The text with one line put in the place of another ("" to add it). */
static const char *with(const char *before, const char *after)
{
	static char text[8192];
	const char *at = *before ? strstr(zone_text, before) : zone_text + strlen(zone_text);
	assert_non_null(at);
	snprintf(
		text, sizeof(text), "%.*s%s%s", (int)(at - zone_text), zone_text, after, at + strlen(before));
	return text;
}

/** The check has nothing to say but of what the text itself does. */
static void expect_clean(const struct sw_contents *contents)
{
	struct sw_findings findings = {0};
	assert_int_equal(sw_zone_check(contents, job.now_s, &findings), 0);
	help_expect_none(&findings, SW_FINDING_DNSKEY_MISSING);
}

static const struct sw_node *node_of(const struct sw_contents *contents, const char *text)
{
	uint8_t name[SW_NAME_MAX];
	assert_true(sw_name_parse(text, name) > 0);
	const struct sw_node *node = sw_contents_find(contents, name);
	if (!node)
		fail_msg("%s is not there", text);
	return node;
}

static unsigned count_type(const struct sw_contents *contents, const struct sw_node *node, uint16_t type)
{
	unsigned count = 0;
	for (struct sw_rr *rr = sw_contents_find_rr(contents, node, type); rr;
		rr = sw_contents_next(contents, rr))
		count++;
	return count;
}

static unsigned count_all(const struct sw_contents *contents, uint16_t type)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < sw_contents_count(contents); i++)
		count += count_type(contents, sw_contents_node(contents, i), type);
	return count;
}

/** Signatures over one type at a name. */
static unsigned signatures(const struct sw_contents *contents, const char *name, uint16_t type)
{
	unsigned count = 0;
	struct sw_rr *rr = sw_contents_find_rr(contents, node_of(contents, name), KNOT_RRTYPE_RRSIG);
	for (; rr; rr = sw_contents_next(contents, rr))
		count += (rr->rdata[0] << 8 | rr->rdata[1]) == type;
	return count;
}

static uint32_t expiration_of(const struct sw_rr *rr)
{
	return (uint32_t)rr->rdata[8] << 24 | (uint32_t)rr->rdata[9] << 16 | (uint32_t)rr->rdata[10] << 8 |
	       rr->rdata[11];
}

static bool is_same(const struct sw_contents *a, const struct sw_contents *b)
{
	bool is_all = sw_contents_records(a) == sw_contents_records(b);
	for (uint32_t i = 0; i < sw_contents_count(a) && is_all; i++) {
		const struct sw_node *node = sw_contents_node(a, i);
		const struct sw_node *other = sw_contents_find(b, sw_contents_name(a, node));
		const struct sw_rr *rr = sw_contents_rr(a, node->first);
		for (; rr && is_all; rr = sw_contents_rr(a, rr->next)) {
			struct sw_rr *own = other ? sw_contents_find_rr(b, other, rr->type) : NULL;
			while (own && (own->rdata_len != rr->rdata_len || own->ttl != rr->ttl ||
					      memcmp(own->rdata, rr->rdata, rr->rdata_len) != 0))
				own = sw_contents_next(b, own);
			is_all = own != NULL;
		}
	}
	return is_all;
}

/* ---- tests ---- */

static void test_what_is_signed(void **state)
{
	(void)state;
	struct sw_sign_result result;
	struct sw_contents *made = sign_text(zone_text, NULL, &result);
	expect_clean(made);
	assert_int_equal(result.reused, 0);
	assert_int_equal(result.made, count_all(made, KNOT_RRTYPE_RRSIG));
	static const uint16_t apex_types[] = {KNOT_RRTYPE_SOA, KNOT_RRTYPE_NS, KNOT_RRTYPE_MX,
		KNOT_RRTYPE_DNSKEY, KNOT_RRTYPE_CDS, KNOT_RRTYPE_CDNSKEY, KNOT_RRTYPE_NSEC};
	for (int i = 0; i < 7; i++)
		assert_int_equal(signatures(made, "example.", apex_types[i]), 1);
	assert_int_equal(count_type(made, node_of(made, "example."), KNOT_RRTYPE_RRSIG), 7);
	assert_int_equal(signatures(made, "mail.example.", KNOT_RRTYPE_A), 1); /* one for the set */
	assert_int_equal(signatures(made, "*.wild.example.", KNOT_RRTYPE_A), 1);
	/* cuts: DS and NSEC, neither NS nor what it hides; glue: nothing */
	assert_int_equal(count_type(made, node_of(made, "lab.example."), KNOT_RRTYPE_RRSIG), 1);
	assert_int_equal(signatures(made, "lab.example.", KNOT_RRTYPE_NSEC), 1);
	assert_int_equal(count_type(made, node_of(made, "sec.example."), KNOT_RRTYPE_RRSIG), 2);
	assert_int_equal(signatures(made, "sec.example.", KNOT_RRTYPE_DS), 1);
	assert_int_equal(count_type(made, node_of(made, "ns.lab.example."), KNOT_RRTYPE_RRSIG), 0);
	assert_int_equal(count_type(made, node_of(made, "ns.lab.example."), KNOT_RRTYPE_NSEC), 0);
	assert_null(sw_contents_find_rr(made, node_of(made, "empty.example."), KNOT_RRTYPE_NSEC));
	/* RFC 9077: the negative TTL */
	assert_int_equal(
		sw_contents_find_rr(made, node_of(made, "mail.example."), KNOT_RRTYPE_NSEC)->ttl, 300);
	sw_contents_free(made);
}

static void test_nsec3(void **state)
{
	(void)state;
	policy.is_nsec3 = true;
	struct sw_contents *made = sign_text(zone_text, NULL, NULL);
	expect_clean(made);
	assert_int_equal(count_all(made, KNOT_RRTYPE_NSEC), 0);
	/* apex, ns1, mail, leaf.deep.empty and two above, *.wild and wild, alias, moved, lab, sec,
	 * only.cut.here and two above */
	assert_int_equal(count_all(made, KNOT_RRTYPE_NSEC3), 15);
	const struct sw_rr *param =
		sw_contents_find_rr(made, node_of(made, "example."), KNOT_RRTYPE_NSEC3PARAM);
	assert_int_equal(param->rdata_len, 5);
	assert_memory_equal(param->rdata, "\1\0\0\0\0", 5); /* RFC 9276 */
	sw_contents_free(made);
	policy.is_opt_out = true;
	made = sign_text(zone_text, NULL, NULL);
	expect_clean(made);
	assert_int_equal(count_all(made, KNOT_RRTYPE_NSEC3), 11); /* not lab, only.cut.here, what is above */
	sw_contents_free(made);
}

/** RFC 5155 appendix A has the hashes of these names, with a salt and 12 iterations. */
static void test_nsec3_vectors(void **state)
{
	(void)state;
	policy.is_nsec3 = true;
	policy.iterations = 12;
	policy.salt_len = 4;
	memcpy(policy.salt, "\xaa\xbb\xcc\xdd", 4);
	struct sw_contents *made =
		sign_text(with("mail A 192.0.2.2\n", "x.w A 192.0.2.2\nai A 192.0.2.7\n"), NULL, NULL);
	static const char *const hashes[] = {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", /* example */
		"2t7b4g4vsa5smi47k61mv5bv1a22bojr",				 /* ns1.example */
		"gjeqe526plbf1g8mklp59enfd789njgi",				 /* ai.example */
		"b4um86eghhds6nea196smvmlo4ors995",				 /* x.w.example */
		"k8udemvp1j2f7eg6jebps17vp3n8i58h"};				 /* w.example */
	for (int i = 0; i < 5; i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s.example.", hashes[i]);
		assert_int_equal(count_type(made, node_of(made, name), KNOT_RRTYPE_NSEC3), 1);
	}
	sw_contents_free(made);
}

static void test_shapes(void **state)
{
	(void)state;
	static const char *const zones[] = {"@ 300 SOA . . 1 1 1 1 900\n@ 300 NS ns.other.\n",
		"@ 300 SOA . . 1 1 1 1 900\n@ 300 NS ns.other.\n@ 60 DNAME other.\n",
		"@ 300 SOA . . 1 1 1 1 900\n@ 300 NS ns.other.\n* 60 CNAME other.\n*.a.b 60 NS c.b\nc.b 5 A "
		"192.0.2.1\n",
		"@ 300 SOA . . 1 1 1 1 900\n@ 300 NS ns.other.\n\\000\\001 60 A 192.0.2.1\nA 60 TYPE65534 "
		"\\# 1 00\nb 60 TYPE1025 \\# 0\n"};
	for (unsigned i = 0; i < 3 * sizeof(zones) / sizeof(*zones); i++) {
		policy.is_nsec3 = i % 3 > 0;
		policy.is_opt_out = i % 3 == 2;
		struct sw_contents *made = sign_text(zones[i / 3], NULL, NULL);
		expect_clean(made);
		assert_int_equal(count_all(made, KNOT_RRTYPE_NSEC) > 0, !policy.is_nsec3);
		sw_contents_free(made);
	}
}

static void test_split_keys(void **state)
{
	(void)state;
	plan.uses[0] = SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS;
	help_add_key(SW_KEY_ZSK, SW_KEY_ECDSAP256SHA256, SW_KEY_PUBLISH | SW_KEY_SIGN_ZONE);
	help_add_key(SW_KEY_ZSK, SW_KEY_ECDSAP256SHA256, SW_KEY_PUBLISH);
	struct sw_contents *made = sign_text(zone_text, NULL, NULL);
	expect_clean(made);
	assert_int_equal(count_all(made, KNOT_RRTYPE_DNSKEY), 3);
	struct sw_rr *rr = sw_contents_find_rr(made, node_of(made, "example."), KNOT_RRTYPE_RRSIG);
	for (; rr; rr = sw_contents_next(made, rr)) {
		unsigned covered = rr->rdata[0] << 8 | rr->rdata[1], tag = rr->rdata[16] << 8 | rr->rdata[17];
		assert_int_equal(tag, keys.keys[covered == KNOT_RRTYPE_DNSKEY ? 0 : 1].tag);
	}
	assert_int_equal(count_all(made, KNOT_RRTYPE_CDS), 0);
	plan.is_delete = true;
	struct sw_contents *leaving = sign_text(zone_text, made, NULL);
	expect_clean(leaving);
	rr = sw_contents_find_rr(leaving, node_of(leaving, "example."), KNOT_RRTYPE_CDS);
	assert_int_equal(rr->rdata_len, 5);
	assert_memory_equal(rr->rdata, "\0\0\0\0\0", 5); /* RFC 8078 s4 */
	rr = sw_contents_find_rr(leaving, node_of(leaving, "example."), KNOT_RRTYPE_CDNSKEY);
	assert_int_equal(rr->rdata_len, 5);
	assert_memory_equal(rr->rdata, "\0\0\3\0\0", 5);
	sw_contents_free(leaving);
	sw_contents_free(made);
}

static void expect_made(const char *text, const struct sw_contents *former, unsigned count)
{
	struct sw_sign_result result;
	struct sw_contents *made = sign_text(text, former, &result);
	expect_clean(made);
	assert_int_equal(result.made, count);
	assert_int_equal(result.made + result.reused, count_all(made, KNOT_RRTYPE_RRSIG));
	assert_int_equal(sw_sign_due(made, &policy), result.due_s);
	sw_contents_free(made);
}

static void test_reuse(void **state)
{
	(void)state;
	for (int is_nsec3 = 0; is_nsec3 < 2; is_nsec3++) {
		policy.is_nsec3 = is_nsec3;
		job.now_s = NOW;
		struct sw_contents *former = sign_text(zone_text, NULL, NULL);
		job.now_s = NOW + DAY;
		job.seed = 2;
		expect_made(zone_text, former, 0);
		expect_made(with("hostmaster 1 ", "hostmaster 2 "), former, 1);
		expect_made(with("Mail\n", "mAIL\n"), former, 0); /* the same in canonical form */
		expect_made(
			with("mail A 192.0.2.2\nmail A 192.0.2.1\n", "mail A 192.0.2.1\nmail A 192.0.2.2\n"),
			former, 0);
		expect_made(with("mail A 192.0.2.2\n", ""), former, 1);
		expect_made(with("mail A 192.0.2.2\n", "mail A 192.0.2.9\n"), former, 1);
		expect_made(with("mail A 192.0.2.2\n", "mail 60 A 192.0.2.2\n"), former, 1); /* its TTL */
		expect_made(with("mail AAAA 2001:db8::1\n", ""), former, 1);		     /* bitmap */
		expect_made(with("", "new A 192.0.2.1\n"), former, 3);
		expect_made(with("alias CNAME mail\n", ""), former, 1);
		/* a cut takes the signatures below it away */
		expect_made(with("", "deep.empty NS ns1\n"), former, 2);
		sw_contents_free(former);
	}
}

static void test_renewal(void **state)
{
	(void)state;
	policy.jitter_s = 0;
	struct sw_sign_result result;
	struct sw_contents *former = sign_text(zone_text, NULL, &result);
	uint32_t due_s = NOW + policy.validity_s - policy.refresh_s;
	assert_int_equal(result.due_s, due_s);
	job.now_s = due_s - 1;
	expect_made(zone_text, former, 0);
	job.now_s = due_s;
	expect_made(zone_text, former, (unsigned)result.made);
	job.now_s = NOW - policy.backdate_s - 1; /* the clock was put back: not valid yet */
	expect_made(zone_text, former, (unsigned)result.made);
	job.now_s = NOW;
	plan.uses[0] = SW_KEY_PUBLISH;
	help_add_key(SW_KEY_CSK, SW_KEY_ECDSAP256SHA256,
		SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE | SW_KEY_SUBMIT);
	expect_made(zone_text, former, (unsigned)result.made);
	sw_contents_free(former);
}

static void test_jitter(void **state)
{
	(void)state;
	struct sw_contents *a = sign_text(zone_text, NULL, NULL), *b = sign_text(zone_text, NULL, NULL);
	assert_true(is_same(a, b)); /* the same seed, the same bytes */
	job.seed = 2;
	struct sw_contents *c = sign_text(zone_text, NULL, NULL);
	assert_false(is_same(a, c));
	uint32_t lowest = UINT32_MAX, highest = 0;
	for (uint32_t i = 0; i < sw_contents_count(a); i++) {
		struct sw_rr *rr = sw_contents_find_rr(a, sw_contents_node(a, i), KNOT_RRTYPE_RRSIG);
		for (; rr; rr = sw_contents_next(a, rr)) {
			lowest = expiration_of(rr) < lowest ? expiration_of(rr) : lowest;
			highest = expiration_of(rr) > highest ? expiration_of(rr) : highest;
		}
	}
	assert_in_range(lowest, NOW + 12 * DAY, NOW + 12 * DAY + DAY / 2);
	assert_in_range(highest, NOW + 13 * DAY + DAY / 2, NOW + 14 * DAY);
	sw_contents_free(a);
	sw_contents_free(b);
	sw_contents_free(c);
}

/** What was signed already is signed anew, with nothing left of what was there: keys, the other chain. */
static void test_stripped(void **state)
{
	(void)state;
	struct sw_contents *once = sign_text(zone_text, NULL, NULL), *twice = help_sign(once, NULL, NULL);
	assert_true(is_same(once, twice));
	sw_contents_free(twice);
	policy.is_nsec3 = true;
	struct sw_contents *third = help_sign(once, once, NULL), *direct = sign_text(zone_text, once, NULL);
	expect_clean(third);
	assert_true(is_same(third, direct));
	policy.is_nsec3 = false;
	struct sw_contents *back = help_sign(third, once, NULL);
	assert_true(is_same(back, once));
	sw_contents_free(back);
	sw_contents_free(direct);
	sw_contents_free(third);
	sw_contents_free(once);
}

static void test_soa_and_ttl(void **state)
{
	(void)state;
	struct sw_contents *plain = read_zone(zone_text), *made = NULL;
	uint8_t rdata[] = {0, 0, 0, 0, 0, 42, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 77};
	struct sw_record soa = {.owner = keys.apex, .type = KNOT_RRTYPE_SOA, .rdata = rdata, .rdata_len = 22};
	assert_int_equal(sw_sign_zone(&job, plain, &soa, NULL, &hash_key, &made, NULL), 0);
	const struct sw_node *apex = node_of(made, "example.");
	assert_int_equal(count_type(made, apex, KNOT_RRTYPE_SOA), 1);
	assert_memory_equal(sw_contents_find_rr(made, apex, KNOT_RRTYPE_SOA)->rdata, rdata, 22);
	assert_int_equal(sw_contents_find_rr(made, apex, KNOT_RRTYPE_SOA)->ttl, 3600);
	assert_int_equal(sw_contents_find_rr(made, apex, KNOT_RRTYPE_NSEC)->ttl, 77);
	assert_int_equal(sw_sign_ttl_max(made), 3600);
	sw_contents_free(made);
	sw_contents_free(plain);
	made = sign_text(with("mail A 192.0.2.1\n", "mail 50 A 192.0.2.1\nmail A 192.0.2.8\n"), NULL, NULL);
	struct sw_rr *rr = sw_contents_find_rr(made, node_of(made, "mail.example."), KNOT_RRTYPE_A);
	for (; rr; rr = sw_contents_next(made, rr))
		assert_int_equal(rr->ttl, 50); /* RFC 2181 s5.2 */
	sw_contents_free(made);
}

static void expect_error(const char *text, int error)
{
	struct sw_contents *plain = read_zone(text), *made = NULL;
	assert_int_equal(sw_sign_zone(&job, plain, NULL, NULL, &hash_key, &made, NULL), error);
	assert_null(made);
	sw_contents_free(plain);
}

static void test_errors(void **state)
{
	(void)state;
	expect_error("ns1 60 A 192.0.2.1\n", -EINVAL);
	plan.uses[0] = SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS;
	expect_error(zone_text, -EINVAL);
	plan.uses[0] = SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE;
	struct dnssec_key *secret = keys.keys[0].secret;
	keys.keys[0].secret = NULL;
	expect_error(zone_text, -EINVAL);
	keys.keys[0].secret = secret;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_signed, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_nsec3, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_nsec3_vectors, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_shapes, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_split_keys, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_reuse, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_renewal, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_jitter, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_stripped, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_soa_and_ttl, setup, help_sign_teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, help_sign_teardown),
	};
	return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
