/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may: addresses, keys, names and types of rules. */
#include "serve/policy.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sw_tsig_key key_a = {.algorithm = SW_TSIG_SHA256}, key_a_again = {.algorithm = SW_TSIG_SHA256},
			  key_a_other = {.algorithm = SW_TSIG_SHA512}, key_b = {.algorithm = SW_TSIG_SHA256};

static void name_of(const char *text, uint8_t *name)
{
	assert_true(sw_name_parse(text, name) > 0);
}

static struct sw_access rule(const char *address, unsigned bits, const struct sw_tsig_key *key)
{
	struct sw_access access = {.key = key};
	if (address != NULL) {
		access.address_len = strchr(address, ':') ? 16 : 4;
		access.bits = (uint8_t)bits;
		assert_int_equal(
			inet_pton(access.address_len == 16 ? AF_INET6 : AF_INET, address, access.address), 1);
	}
	return access;
}

static struct sw_peer peer(const char *address, const struct sw_tsig_key *key)
{
	struct sw_peer from = {.address_len = strchr(address, ':') ? 16 : 4, .key = key};
	assert_int_equal(inet_pton(from.address_len == 16 ? AF_INET6 : AF_INET, address, from.address), 1);
	return from;
}

/** Whether a list of this rule alone lets the peer. */
static bool lets(struct sw_access access, struct sw_peer from)
{
	struct sw_access_list list = {.rules = &access, .count = 1};
	return sw_access_find(&list, &from) == &access;
}

static void addresses(void **state)
{
	(void)state;
	assert_true(lets(rule("192.0.2.1", 32, NULL), peer("192.0.2.1", NULL)));
	assert_false(lets(rule("192.0.2.1", 32, NULL), peer("192.0.2.2", NULL)));
	assert_true(lets(rule("192.0.2.0", 24, NULL), peer("192.0.2.255", NULL)));
	assert_false(lets(rule("192.0.2.0", 24, NULL), peer("192.0.3.0", NULL)));
	assert_true(lets(rule("10.64.0.0", 10, NULL), peer("10.127.255.255", NULL)));
	assert_false(lets(rule("10.64.0.0", 10, NULL), peer("10.128.0.0", NULL)));
	assert_true(lets(rule("0.0.0.0", 0, NULL), peer("203.0.113.9", NULL)));
	assert_false(lets(rule("0.0.0.0", 0, NULL), peer("2001:db8::1", NULL)));
	assert_true(lets(rule("2001:db8::", 33, NULL), peer("2001:db8:7fff::1", NULL)));
	assert_false(lets(rule("2001:db8::", 33, NULL), peer("2001:db8:8000::1", NULL)));
	assert_true(lets(rule("2001:db8::1", 128, NULL), peer("2001:db8::1", NULL)));
	assert_false(lets(rule("2001:db8::1", 128, NULL), peer("2001:db8::2", NULL)));
	assert_true(lets(rule(NULL, 0, NULL), peer("2001:db8::2", &key_b)));
}

static void keys(void **state)
{
	(void)state;
	assert_true(lets(rule(NULL, 0, &key_a), peer("192.0.2.1", &key_a)));
	assert_false(lets(rule(NULL, 0, &key_a), peer("192.0.2.1", NULL)));
	assert_false(lets(rule(NULL, 0, &key_a), peer("192.0.2.1", &key_b)));
	assert_true(lets(rule(NULL, 0, &key_a), peer("192.0.2.1", &key_a_again)));
	assert_false(lets(rule(NULL, 0, &key_a), peer("192.0.2.1", &key_a_other)));
	assert_true(lets(rule("192.0.2.1", 32, NULL), peer("192.0.2.1", &key_b)));
	assert_false(lets(rule("192.0.2.2", 32, &key_a), peer("192.0.2.1", &key_a)));
}

/* RFC 9103 s11: a rule may be for TLS alone, whatever the key says */
static void tls(void **state)
{
	(void)state;
	struct sw_access plain = rule(NULL, 0, &key_a), strict = plain;
	struct sw_peer over_tcp = peer("192.0.2.1", &key_a), over_tls = over_tcp;
	strict.is_tls = true;
	over_tls.is_encrypted = true;
	assert_true(lets(plain, over_tcp));
	assert_true(lets(plain, over_tls));
	assert_false(lets(strict, over_tcp));
	assert_true(lets(strict, over_tls));
	over_tls.key = NULL;
	assert_false(lets(strict, over_tls));
	struct sw_access_list list = {.rules = &strict, .count = 1};
	assert_false(sw_access_lets(&list, &over_tcp, key_a.name, 16));
}

static void first_that_fits(void **state)
{
	(void)state;
	struct sw_access rules[] = {
		rule("192.0.2.1", 32, &key_a), rule("192.0.2.0", 24, NULL), rule(NULL, 0, &key_a)};
	struct sw_access_list list = {.rules = rules, .count = 3}, nobody = {0};
	struct sw_peer near = peer("192.0.2.1", NULL), far = peer("198.51.100.1", &key_a),
		       stranger = peer("198.51.100.1", &key_b);
	assert_ptr_equal(sw_access_find(&list, &near), &rules[1]);
	assert_ptr_equal(sw_access_find(&list, &far), &rules[2]);
	assert_null(sw_access_find(&list, &stranger));
	assert_null(sw_access_find(&nobody, &near));
}

static void names_and_types(void **state)
{
	(void)state;
	uint8_t acme[SW_NAME_MAX], below[SW_NAME_MAX], beside[SW_NAME_MAX], apex[SW_NAME_MAX];
	uint16_t txt[] = {16};
	struct sw_access rules[] = {rule(NULL, 0, &key_a), rule(NULL, 0, &key_b)};
	struct sw_access_list list = {.rules = rules, .count = 2};
	struct sw_peer a = peer("192.0.2.1", &key_a), b = peer("192.0.2.1", &key_b),
		       nobody = peer("192.0.2.1", NULL);
	name_of("_acme-challenge.example.com", acme);
	name_of("x._ACME-challenge.example.com", below);
	name_of("x_acme-challenge.example.com", beside);
	name_of("example.com", apex);
	rules[0].name = acme;
	rules[0].types = txt;
	rules[0].type_count = 1;
	assert_true(sw_access_lets(&list, &a, acme, 16));
	assert_true(sw_access_lets(&list, &a, below, 16));
	assert_false(sw_access_lets(&list, &a, beside, 16));
	assert_false(sw_access_lets(&list, &a, apex, 16));
	assert_false(sw_access_lets(&list, &a, acme, 1));
	assert_false(sw_access_lets(&list, &a, acme, 255)); /* all types would go */
	assert_true(sw_access_lets(&list, &b, apex, 255));
	assert_true(sw_access_lets(&list, &b, apex, 6));
	assert_false(sw_access_lets(&list, &nobody, acme, 16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(keys),
		cmocka_unit_test(tls),
		cmocka_unit_test(first_that_fits),
		cmocka_unit_test(names_and_types),
	};
	name_of("a.example", key_a.name);
	name_of("a.example", key_a_again.name);
	name_of("a.example", key_a_other.name);
	name_of("b.example", key_b.name);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
