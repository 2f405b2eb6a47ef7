/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a configuration file becomes: keys, remotes, policies of zones; golden.py has what is refused. */
#include "cli/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
#define PEERS                                                                                     \
	"server: {state: /state}\n"                                                               \
	"keys:\n"                                                                                 \
	"  - {name: A.Key, secret: " SECRET "}\n"                                                 \
	"  - {name: b.key, algorithm: hmac-sha512, secret: " SECRET "}\n"                         \
	"remotes:\n"                                                                              \
	"  - {name: one, address: [192.0.2.1, 192.0.2.2@5353], key: a.key., source: 192.0.2.9}\n" \
	"  - {name: two, address: 192.0.2.3, tls: on, tls-hostname: ns.example,"                  \
	" tls-pin: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=}\n"

static char path[] = "/tmp/seawall-settings-XXXXXX";

static struct sw_settings *settings_of(const char *text)
{
	char why[SW_WHY_TEXT_MAX] = "";
	struct sw_settings *settings = sw_settings_new();
	FILE *file = fopen(path, "w");
	assert_non_null(settings);
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	if (sw_config_read(path, settings, why) != 0 || sw_settings_finish(settings, why) != 0)
		fail_msg("%s", why);
	return settings;
}

static const struct sw_zone_setting *zone_of(const struct sw_settings *settings, const char *apex)
{
	uint8_t name[SW_NAME_MAX];
	assert_true(sw_name_parse(apex, name) > 0);
	const struct sw_zone_setting *zone = sw_settings_find_zone(settings, name);
	assert_non_null(zone);
	return zone;
}

static void peers(void **state)
{
	(void)state;
	char text[SW_ENDPOINT_TEXT_MAX];
	struct sw_settings *settings = settings_of(PEERS);
	assert_int_equal(settings->key_count, 2);
	assert_int_equal(settings->keys[0].algorithm, SW_TSIG_SHA256);
	assert_int_equal(settings->keys[0].secret_len, 32);
	assert_memory_equal(settings->keys[0].secret, "12345678901234567890123456789012", 32);
	const struct sw_remote *one = sw_settings_find_remote(settings, "one");
	const struct sw_remote *two = sw_settings_find_remote(settings, "two");
	assert_null(sw_settings_find_remote(settings, "three"));
	assert_int_equal(one->address_count, 2);
	assert_string_equal(sw_endpoint_text(&one->addresses[0], text), "192.0.2.1@53");
	assert_string_equal(sw_endpoint_text(&one->addresses[1], text), "192.0.2.2@5353");
	assert_string_equal(sw_endpoint_text(&one->source, text), "192.0.2.9@0");
	assert_ptr_equal(one->key, &settings->keys[0]);
	assert_false(one->is_tls || one->has_tls_pin);
	assert_string_equal(sw_endpoint_text(&two->addresses[0], text), "192.0.2.3@853");
	assert_true(two->is_tls && two->has_tls_pin);
	assert_int_equal(two->tls_pin[0], 0xe3); /* SHA-256 of nothing */
	assert_string_equal(two->tls_hostname, "ns.example");
	assert_null(two->key);
	assert_int_equal(two->source.len, 0);
	assert_string_equal(settings->state, "/state");
	sw_settings_free(settings);
}

static void a_policy(void **state)
{
	(void)state;
	struct sw_settings *settings = settings_of(
		PEERS "zones:\n"
		      "  - domain: Example.COM.\n"
		      "    primaries: [two, one]\n"
		      "    notify: one\n"
		      "    allow-notify: 192.0.2.0/28\n"
		      "    allow-transfer: [any, key b.key, {address: [192.0.2.7, \"2001:db8::/32\"], key: "
		      "[a.key, b.key], tls: on}]\n"
		      "    allow-update: {key: a.key, name: [www.example.com, '@', x.@], types: [A, TXT]}\n"
		      "    forward-updates: on\n"
		      "    refresh-min: 5m\n    refresh-max: 2w\n    retry-min: 7\n    expire-max: 1d\n"
		      "    max-records: 10\n    max-transfer-size: 2G\n    journal-size: 64K\n");
	const struct sw_zone_setting *zone = zone_of(settings, "example.com");
	const struct sw_zone_policy *policy = zone->policy;
	assert_string_equal(settings->state, "/state");
	assert_null(zone->file);
	assert_int_equal(policy->primary_count, 2);
	assert_string_equal(policy->primaries[0]->name, "two");
	assert_string_equal(policy->notify[0]->name, "one");
	assert_int_equal(policy->notify_from.count, 1);
	assert_int_equal(policy->notify_from.rules[0].bits, 28);
	assert_int_equal(policy->transfer_to.count, 6);
	const struct sw_access *rules = policy->transfer_to.rules;
	assert_true(rules[0].address_len == 0 && rules[0].key == NULL);
	assert_ptr_equal(rules[1].key, &settings->keys[1]);
	assert_true(rules[2].address_len == 4 && rules[2].bits == 32 && rules[2].key == &settings->keys[0]);
	assert_true(rules[3].address_len == 4 && rules[3].key == &settings->keys[1]);
	assert_true(rules[5].address_len == 16 && rules[5].bits == 32 && rules[5].key == &settings->keys[1]);
	assert_true(rules[2].is_tls && rules[5].is_tls && !rules[1].is_tls);
	assert_int_equal(policy->update_by.count, 3);
	uint8_t name[SW_NAME_MAX];
	sw_name_parse("example.com", name);
	assert_true(sw_name_equal(policy->update_by.rules[1].name, name));
	sw_name_parse("x.example.com", name);
	assert_true(sw_name_equal(policy->update_by.rules[2].name, name));
	assert_int_equal(policy->update_by.rules[2].type_count, 2);
	assert_int_equal(policy->update_by.rules[2].types[1], 16);
	assert_true(policy->forwards_updates);
	assert_int_equal(policy->refresh_min_s, 300);
	assert_int_equal(policy->refresh_max_s, 14 * 86400);
	assert_int_equal(policy->retry_min_s, 7);
	assert_int_equal(policy->expire_max_s, 86400);
	assert_int_equal(policy->records_max, 10);
	assert_int_equal(policy->transfer_bytes_max, 2ull << 30);
	assert_int_equal(policy->journal_bytes_max, 65536);
	sw_settings_free(settings);
}

/** What is not told is 0: sw_limits() knows the defaults. */
static void limits(void **state)
{
	(void)state;
	struct sw_settings *settings = settings_of("transfers:\n"
						   "  max-in: 7\n  max-in-per-primary: 2\n  max-out: 3\n"
						   "  max-out-time: 1d\n  connect-timeout: 500ms\n"
						   "  max-records: 4294967295\n  max-transfer-size: 2T\n");
	assert_int_equal(settings->limits.in_at_once, 7);
	assert_int_equal(settings->limits.in_primary_at_once, 2);
	assert_int_equal(settings->limits.out_address_at_once, 0);
	struct sw_limits told = sw_limits(&settings->limits);
	assert_int_equal(told.out_at_once, 3);
	assert_int_equal(told.out_address_at_once, 8);
	assert_int_equal(told.out_longest_ns, 86400 * SW_LIMIT_SECOND_NS);
	assert_int_equal(told.in_connect_ns, SW_LIMIT_SECOND_NS / 2);
	assert_int_equal(told.in_silence_ns, 20 * SW_LIMIT_SECOND_NS);
	assert_int_equal(told.in_records, UINT32_MAX);
	assert_int_equal(told.in_bytes, 2ull << 40);
	sw_settings_free(settings);
}

static void templates(void **state)
{
	(void)state;
	struct sw_settings *settings = settings_of(
		PEERS "templates:\n"
		      "  - {name: default, file: 'zones/%s.100%%', notify: one, journal-size: 1M}\n"
		      "  - {name: mirror, primaries: one}\n"
		      "  - {name: acme, file: f, allow-update: {key: a.key, name: '_acme-challenge.@'}}\n"
		      "zones:\n"
		      "  - {domain: a.example}\n"
		      "  - {domain: 0/25.2.0.192.in-addr.arpa}\n"
		      "  - {domain: b.example, notify: [], file: own}\n"
		      "  - {domain: c.example, template: mirror}\n"
		      "  - {domain: d.example, template: acme}\n"
		      "  - {domain: e.example, template: acme}\n"
		      "  - {domain: .}\n");
	const struct sw_zone_setting *a = zone_of(settings, "a.example");
	const struct sw_zone_setting *b = zone_of(settings, "b.example");
	const struct sw_zone_setting *c = zone_of(settings, "c.example");
	const struct sw_zone_setting *d = zone_of(settings, "d.example");
	const struct sw_zone_setting *e = zone_of(settings, "e.example");
	const struct sw_zone_setting *slash = zone_of(settings, "0/25.2.0.192.in-addr.arpa");
	uint8_t name[SW_NAME_MAX];
	assert_string_equal(a->file, "/tmp/zones/a.example.100%");
	assert_string_equal(slash->file, "/tmp/zones/0_25.2.0.192.in-addr.arpa.100%");
	assert_string_equal(zone_of(settings, ".")->file, "/tmp/zones/root.100%");
	assert_ptr_equal(a->policy, slash->policy); /* many zones, one policy */
	assert_int_equal(a->policy->notify_count, 1);
	assert_string_equal(b->file, "/tmp/own");
	assert_int_equal(b->policy->notify_count, 0);
	assert_int_equal(b->policy->journal_bytes_max, 1 << 20);
	assert_false(sw_policy_is_live(b->policy));
	assert_null(c->file);
	assert_int_equal(c->policy->notify_count, 0); /* 'default' is not for who names another */
	assert_ptr_not_equal(d->policy, e->policy);
	sw_name_parse("_acme-challenge.d.example", name);
	assert_true(sw_name_equal(d->policy->update_by.rules[0].name, name));
	sw_name_parse("_acme-challenge.e.example", name);
	assert_true(sw_name_equal(e->policy->update_by.rules[0].name, name));
	sw_settings_free(settings);
}

/** Where nothing is told, root has a place for it, and others do not. */
static void state_default(void **state)
{
	(void)state;
	char why[SW_WHY_TEXT_MAX] = "";
	struct sw_settings *settings = sw_settings_new();
	FILE *file = fopen(path, "w");
	fputs("remotes: [{name: one, address: 192.0.2.1}]\nzones: [{domain: a.example, primaries: one}]\n",
		file);
	fclose(file);
	int err = sw_config_read(path, settings, why);
	if (geteuid() == 0) {
		assert_int_equal(err, 0);
		assert_null(settings->state);
		assert_int_equal(sw_settings_finish(settings, why), 0);
		assert_string_equal(settings->state, "/var/lib/seawall");
	} else {
		assert_true(err < 0);
		assert_non_null(strstr(why, ":2:18: "));
	}
	sw_settings_free(settings);
}

/** As --zone adds them. */
static void options(void **state)
{
	(void)state;
	char why[SW_WHY_TEXT_MAX];
	struct sw_settings *settings = sw_settings_new();
	assert_int_equal(sw_settings_add_zone(settings, "b.example", "f", "--zone", why), 0);
	assert_int_equal(sw_settings_add_zone(settings, "a.example", "f", "--zone", why), 0);
	assert_true(sw_settings_add_zone(settings, "c.example", "", "--zone", why) < 0);
	assert_true(sw_settings_add_zone_with(settings, "c.example", NULL, NULL, "--zone", why) < 0);
	assert_int_equal(sw_settings_finish(settings, why), 0);
	assert_non_null(zone_of(settings, "a.example")->policy);
	assert_ptr_equal(zone_of(settings, "a.example")->policy, zone_of(settings, "b.example")->policy);
	assert_false(sw_policy_is_live(zone_of(settings, "a.example")->policy));
	assert_null(settings->state);
	sw_settings_free(settings);
	sw_settings_free(NULL);
}

/** The variable replaces the default, where it says something. */
static void control_default(void **state)
{
	(void)state;
	char standard[SW_WHY_TEXT_MAX], told[SW_WHY_TEXT_MAX];
	unsetenv("SEAWALL_CONTROL");
	sw_settings_control_default(standard, sizeof(standard));
	assert_non_null(strstr(standard, "/control.sock"));
	setenv("SEAWALL_CONTROL", "", 1);
	sw_settings_control_default(told, sizeof(told));
	assert_string_equal(told, standard);
	setenv("SEAWALL_CONTROL", "/elsewhere/a.sock", 1);
	sw_settings_control_default(told, sizeof(told));
	assert_string_equal(told, "/elsewhere/a.sock");
	unsetenv("SEAWALL_CONTROL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers),
		cmocka_unit_test(a_policy),
		cmocka_unit_test(limits),
		cmocka_unit_test(templates),
		cmocka_unit_test(state_default),
		cmocka_unit_test(options),
		cmocka_unit_test(control_default),
	};
	close(mkstemp(path));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
