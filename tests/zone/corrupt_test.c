/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden zones with bytes changed, dropped, doubled and cut off: whatever is read must be sound. */
#include "zone/check.h"
#include "zone/rdata.h"
#include "zone/scan.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_S 1780272000 /* 2026-06-01 */
#define ROUNDS 2000

static const char *const zones[] = {
	"directives", "types", "rfc3597", "idn", "nsec", "nsec3", "cuts", "dname"};

/** xorshift64: the same inputs in every run. */
static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void assert_sound(struct sw_contents *contents)
{
	uint64_t records = 0;
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		assert_true(sw_name_in(sw_contents_name(contents, node), sw_contents_apex(contents)));
		assert_ptr_equal(sw_contents_find(contents, sw_contents_name(contents, node)), node);
		assert_in_range(node->parent, 0, sw_contents_count(contents) - 1);
		struct sw_rr *rr = sw_contents_rr(contents, node->first);
		for (; rr; rr = sw_contents_rr(contents, rr->next), records++)
			assert_true(sw_rdata_is_valid(rr->type, rr->rdata, rr->rdata_len));
	}
	assert_true(records == sw_contents_records(contents));
}

/** @return whether the zone was refused */
static bool judge(const char *text, size_t size)
{
	struct sw_hash_key key;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	struct sw_contents *contents = sw_contents_new((const uint8_t *)"\7example", &key);
	assert_non_null(contents);
	struct sw_findings findings = {0};
	int error = sw_zone_scan_text(contents, "corrupt", text, size, &findings, NULL);
	assert_true(error == 0 || error == -EBADMSG);
	assert_int_equal(sw_contents_finish(contents), 0);
	assert_sound(contents);
	error = sw_zone_check(contents, NOW_S, &findings);
	assert_true(error == 0 || error == -EBADMSG);
	sw_contents_free(contents);
	return findings.count[SW_ERROR] > 0;
}

static char *read_zone(const char *name, size_t *size)
{
	char path[512], *text = malloc(1 << 20);
	snprintf(path, sizeof(path), "%s/%s.zone", SW_GOLDEN_DIR, name);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s cannot be read", path);
	*size = fread(text, 1, 1 << 19, file);
	fclose(file);
	return text;
}

static size_t corrupt(char *text, size_t size, uint64_t *state)
{
	static const char spice[] = "\0\n\t \"();\\$@.*#\r\177\200\377"
				    "09azAZ-";
	for (uint64_t edits = 1 + draw(state) % 4; edits > 0 && size > 2; edits--) {
		size_t at = draw(state) % (size - 1), len = 1 + draw(state) % 8;
		if (len > size - at)
			len = size - at;
		switch (draw(state) % 4) {
		case 0:
			text[at] = (char)draw(state);
			break;
		case 1:
			text[at] = spice[draw(state) % (sizeof(spice) - 1)];
			break;
		case 2:
			memmove(text + at, text + at + len, size - at - len);
			size -= len;
			break;
		default:
			memmove(text + at + len, text + at, size - at);
			size += len;
		}
	}
	return size;
}

static void test_corrupt(void **state)
{
	(void)state;
	uint64_t random = 0x5ea3a11;
	char *copy = malloc(1 << 20);
	unsigned refused = 0;
	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		size_t size;
		char *text = read_zone(zones[i], &size);
		for (int round = 0; round < ROUNDS; round++) {
			memcpy(copy, text, size);
			refused += judge(copy, corrupt(copy, size, &random));
		}
		free(text);
	}
	assert_true(refused > 100); /* or nothing was corrupted */
	free(copy);
}

static void test_cut_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		size_t size;
		char *text = read_zone(zones[i], &size);
		for (size_t len = 0; len < size; len += len < 400 ? 1 : 37) {
			char *cut = malloc(
				len + 1); /* of its own size, so that a sanitizer sees any byte beyond */
			memcpy(cut, text, len);
			judge(cut, len);
			free(cut);
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_corrupt), cmocka_unit_test(test_cut_off)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
