/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Every name of an encoded piece, read back by a decoder of its own, is the one of the zone. */
#include "image/piece.h"
#include "image/plain.h"
#include "wire/message.h"
#include "zones.h"
#include <stdlib.h>

static const char zone_text[] = "$TTL 300\n"
				"@ SOA ns.Sub hostmaster.sub 1 2 3 4 5\n"
				"@ NS ns\n@ NS ns.sub\n@ NS a.very.long.name.elsewhere.test.\n"
				"@ NS b.very.long.name.elsewhere.test.\n@ NS .\n"
				"@ MX 10 mail\n@ MX 20 mail.other.test.\n@ MX 30 backup.mail\n@ MX 40 @\n"
				"c.sub CNAME d.SUB\n"
				"srv.sub SRV 1 2 3 host.sub\n" /* never compressed (RFC 2782) */
				"*.w NS ns.x.w\n*.w NS y.x.w\n"
				"sub A 192.0.2.1\nsub A 192.0.2.2\n"
				"sub RRSIG A 8 2 300 20300101000000 20200101000000 1 sub AAAA\n";

struct decoder {
	const uint8_t *apex, *owner, *piece;
	const struct sw_encoder *encoder;
	uint32_t pointers; /* met */
};

static bool is_reloc(const struct sw_encoder *encoder, uint32_t at)
{
	for (uint32_t i = 0; i < encoder->reloc_count; i++) {
		if (encoder->relocs[i] == at)
			return true;
	}
	return false;
}

/** Read a name at a place of the piece. @return bytes it takes there */
static uint32_t decode_name(struct decoder *d, uint32_t at, uint8_t *name, unsigned depth)
{
	const uint8_t *bytes = d->encoder->bytes;
	uint32_t start = at;
	assert_true(depth < 10);
	for (;;) {
		assert_true(at < d->encoder->len);
		if (is_reloc(d->encoder, at)) {
			uint32_t word = (uint32_t)bytes[at] << 8 | bytes[at + 1], offset = word & 0x3fff;
			d->pointers += depth == 0;
			switch (word >> 14) {
			case SW_BASE_APEX:
				memcpy(name, d->apex + offset, sw_name_len(d->apex + offset));
				break;
			case SW_BASE_OWNER:
				offset -= SW_HEADER_LEN;
				assert_true(offset < sw_name_len(d->owner));
				memcpy(name, d->owner + offset, sw_name_len(d->owner + offset));
				break;
			case SW_BASE_SELF:
				assert_true(offset < start); /* back, never forward */
				decode_name(d, offset, name, depth + 1);
				break;
			default:
				fail();
			}
			return at + 2 - start;
		}
		assert_true(bytes[at] <= SW_LABEL_MAX);
		memcpy(name, bytes + at, 1u + bytes[at]);
		if (bytes[at] == 0)
			return at + 1 - start;
		name += 1 + bytes[at];
		at += 1u + bytes[at];
	}
}

/** Bytes before the name in rdata, and whether there is a name at all. */
static uint32_t name_begin(uint16_t type, bool *has_name)
{
	*has_name = type != SW_TYPE_A && type != SW_TYPE_RRSIG;
	return type == SW_TYPE_MX ? 2 : type == SW_TYPE_SRV ? 6 : 0;
}

/** Compare one record of the piece with the one it was made of. @return where the next begins */
static uint32_t check_record(struct decoder *d, uint32_t at, const struct sw_rr *rr)
{
	const uint8_t *bytes = d->encoder->bytes;
	uint8_t name[2 * SW_NAME_MAX];
	bool has_name;
	at += decode_name(d, at, name, 0);
	assert_true(sw_name_equal(name, d->owner));
	assert_int_equal(bytes[at] << 8 | bytes[at + 1], rr->type);
	assert_int_equal(bytes[at + 3], SW_CLASS_IN);
	uint32_t end = at + 10 + ((uint32_t)bytes[at + 8] << 8 | bytes[at + 9]);
	at += 10;
	uint32_t from = name_begin(rr->type, &has_name), to = from;
	assert_memory_equal(bytes + at, rr->rdata, from);
	at += from;
	for (int names = !has_name ? 0 : rr->type == SW_TYPE_SOA ? 2 : 1; names > 0; names--) {
		at += decode_name(d, at, name, 0);
		size_t len = sw_name_len(rr->rdata + to);
		assert_true(sw_name_equal(name, rr->rdata + to));
		to += (uint32_t)len;
	}
	assert_int_equal(end - at, rr->rdata_len - to);
	assert_memory_equal(bytes + at, rr->rdata + to, end - at);
	return end;
}

static void check_rrset(struct sw_encoder *encoder, const struct sw_contents *contents,
	const struct sw_node *node, uint16_t type, unsigned *pointers)
{
	static const struct sw_owner asked = {.form = SW_OWNER_ASKED};
	const uint8_t *owner = sw_contents_name(contents, node);
	struct decoder d = {.apex = sw_contents_apex(contents), .owner = owner, .encoder = encoder};
	const struct sw_rr *rr = sw_contents_find_rr(contents, node, type);
	sw_encoder_start(encoder, contents, owner);
	sw_encoder_add_rrset(encoder, node, type, &asked, rr->ttl);
	assert_false(encoder->too_long);
	uint32_t at = 0, count = 0;
	for (; rr; rr = sw_contents_next(contents, rr), count++)
		at = check_record(&d, at, rr);
	assert_int_equal(at, encoder->len);
	assert_int_equal(count, encoder->count);
	assert_true(d.pointers <= encoder->reloc_count);
	*pointers = d.pointers;
}

static void test_names(void **state)
{
	(void)state;
	struct sw_hash_key key;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	struct sw_contents *contents = contents_of(&key, "example", zone_text);
	struct sw_encoder *encoder = malloc(sizeof(*encoder));
	unsigned checked = 0, pointers = 0, all = 0;
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		for (uint32_t type = 1; type < 64; type++) {
			if (!sw_contents_find_rr(contents, node, (uint16_t)type))
				continue;
			check_rrset(encoder, contents, node, (uint16_t)type, &pointers);
			all += pointers;
			checked++;
			if (type == SW_TYPE_SRV || type == SW_TYPE_RRSIG)
				assert_int_equal(pointers, 1); /* the owner alone */
		}
	}
	assert_int_equal(checked, 8);
	assert_true(all >= 25);
	free(encoder);
	sw_contents_free(contents);
}

/** The same RRset twice is one piece; what no message holds is refused. */
static void test_store(void **state)
{
	(void)state;
	struct sw_hash_key key;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	struct sw_contents *contents = contents_of(&key, "example", zone_text);
	struct sw_control control;
	struct sw_backing backing = sw_plain_backing(&control);
	struct sw_space *space = sw_space_new(&backing);
	struct sw_region region = {.space = space};
	struct sw_interner *interner = sw_interner_new(&region);
	struct sw_encoder *encoder = malloc(sizeof(*encoder));
	static const struct sw_owner asked = {.form = SW_OWNER_ASKED};
	uint32_t refs[2];
	for (unsigned i = 0; i < 2; i++) {
		sw_encoder_start(encoder, contents, sw_contents_apex(contents));
		sw_encoder_add_rrset(encoder, sw_contents_node(contents, 0), SW_TYPE_MX, &asked, 300);
		refs[i] = sw_encoder_store(encoder, interner);
	}
	assert_int_not_equal(refs[0], 0);
	assert_int_equal(refs[0], refs[1]);
	const struct sw_piece *piece = sw_space_at(space, refs[0]);
	assert_int_equal(piece->count[SW_FULL], 4);
	assert_int_equal(piece->len[SW_PLAIN], piece->len[SW_FULL]);
	sw_encoder_start(encoder, contents, NULL);
	for (unsigned i = 0; i < 3000; i++)
		sw_encoder_add_rrset(encoder, sw_contents_node(contents, 0), SW_TYPE_SOA, &asked, 300);
	assert_true(encoder->too_long);
	assert_int_equal(sw_encoder_store(encoder, interner), 0);
	free(encoder);
	sw_interner_free(interner);
	sw_region_free(&region);
	sw_space_free(space);
	sw_contents_free(contents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_store)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
