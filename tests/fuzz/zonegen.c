/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zonegen.h"
#include "reply.h"
#include <string.h>

#define RDATA_BYTES (1u << 18)
#define RECORDS_DRAWN_MAX 32
#define ZONES_KINDS 6

static uint8_t rdata_bytes[RDATA_BYTES];
static size_t rdata_used;

/* Lengths around 8 matter: labels are hashed and compared by words. */
static const char *const labels[16] = {"a", "b", "*", "c", "A", "ns", "d", "abcdefg", "abcdefgh", "abcdefghi",
	"*a", "\xff", "_", "aa", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
	"0123456789abcdefghijklmnopqrstuv"};

static const uint8_t *const apexes[ZONES_KINDS][MODEL_ZONES_MAX] = {
	{(const uint8_t *)"\1z", NULL},
	{(const uint8_t *)"\1z", (const uint8_t *)"\1a\1z"},
	{(const uint8_t *)"\1z", (const uint8_t *)"\1y"},
	{(const uint8_t *)"", (const uint8_t *)"\1z"},
	{(const uint8_t *)"\1a\1b\1z", (const uint8_t *)"\1z"},
	{(const uint8_t *)"", NULL},
};

static const uint8_t outside[] = "\3www\7example";

uint8_t dice_take(struct dice *dice)
{
	if (dice->left == 0)
		return 0;
	dice->left--;
	return *dice->bytes++;
}

/** Put a label before a name, when there is room. */
static void label_put(uint8_t name[MODEL_NAME_MAX], const char *label, size_t label_len)
{
	size_t len = model_name_len(name);
	if (len + 1 + label_len > MODEL_NAME_MAX)
		return;
	memmove(name + 1 + label_len, name, len);
	memcpy(name + 1, label, label_len);
	name[0] = (uint8_t)label_len;
}

void zonegen_name(const struct model *model, struct dice *dice, uint8_t name[MODEL_NAME_MAX])
{
	uint8_t shape = dice_take(dice), count = shape & 3;
	const uint8_t *base = model->apex[(shape >> 2 & 1) % model->zones];
	if (shape >= 128 && model->records > 0)
		base = model->record[dice_take(dice) % model->records].owner;
	else if (shape >= 120)
		base = outside;
	if ((shape & 0x7c) == 0x70)
		count = 120; /* as deep as names go */
	memcpy(name, base, model_name_len(base));
	for (uint8_t label = 0; count > 0; count--) {
		label = count < 4 ? dice_take(dice) : label;
		label_put(name, labels[label & 15], strlen(labels[label & 15]));
	}
	if (shape >= 250)
		label_put(name, "\0\1", 2);
}

static uint8_t *rdata_take(size_t len)
{
	uint8_t *at = rdata_bytes + rdata_used;
	if (rdata_used + len > RDATA_BYTES)
		return NULL;
	rdata_used += len;
	return at;
}

static bool owner_has(const struct model *model, const struct model_record *record, uint16_t type)
{
	return model_find(model, record->zone, record->owner, type) != NULL;
}

/** Anything at all but what signs a zone. */
static bool owner_has_data(const struct model *model, const struct model_record *record)
{
	for (unsigned i = 0; i < model->records; i++) {
		const struct model_record *at = &model->record[i];
		if (at->zone == record->zone && at->type != TYPE_RRSIG && at->type != TYPE_NSEC &&
			reply_name_equal(at->owner, record->owner))
			return true;
	}
	return false;
}

/** Names below the hashed owner of an NSEC3: no zone has them, and what would they mean? */
static bool is_below_hash(const struct model *model, const struct model_record *record)
{
	for (unsigned i = 0; i < model->records; i++) {
		const struct model_record *at = &model->record[i];
		bool is_up = at->type == TYPE_NSEC3, is_down = record->type == TYPE_NSEC3;
		if (at->zone != record->zone || reply_name_equal(at->owner, record->owner))
			continue;
		if ((is_up && model_name_in(record->owner, at->owner)) ||
			(is_down && model_name_in(at->owner, record->owner)))
			return true;
	}
	return false;
}

/** Whether loading would take this record beside those that are there: one CNAME and nothing beside it
 * (RFC 2181 s10.1), one DNAME and no cut beside it (RFC 6672 s2.3, s2.4). */
static bool is_fit(const struct model *model, const struct model_record *record)
{
	bool is_apex = reply_name_equal(record->owner, model->apex[record->zone]);
	switch (record->type) {
	case TYPE_CNAME:
		return !owner_has_data(model, record);
	case TYPE_DNAME:
		return !owner_has(model, record, TYPE_CNAME) && !owner_has(model, record, TYPE_DNAME) &&
		       (is_apex || !owner_has(model, record, TYPE_NS));
	case TYPE_NS:
		return !owner_has(model, record, TYPE_CNAME) &&
		       (is_apex || !owner_has(model, record, TYPE_DNAME));
	case TYPE_RRSIG:
	case TYPE_NSEC:
		return true;
	default:
		return !owner_has(model, record, TYPE_CNAME);
	}
}

/** Whether the same record is there already; names in it are the same in any case (RFC 2181 s5). */
static bool is_twice(const struct model *model, const struct model_record *record)
{
	for (unsigned i = 0; i < model->records; i++) {
		const struct model_record *at = &model->record[i];
		if (at->zone == record->zone && at->type == record->type &&
			at->rdata_len == record->rdata_len && reply_name_equal(at->owner, record->owner) &&
			reply_rdata_equal(at->type, at->rdata, record->rdata, at->rdata_len))
			return true;
	}
	return false;
}

static void record_add(struct model *model, const struct model_record *record)
{
	if (model->records < MODEL_RECORDS_MAX && is_fit(model, record) && !is_twice(model, record) &&
		!is_below_hash(model, record))
		model->record[model->records++] = *record;
}

/* ---- record data ---- */

/** `fixed` bytes, then a name. */
static void rdata_name(struct model *model, struct dice *dice, struct model_record *record, size_t fixed)
{
	uint8_t *at = rdata_take(fixed + MODEL_NAME_MAX);
	if (!at)
		return;
	memset(at, 0, fixed);
	if (fixed > 0)
		at[fixed - 1] = dice_take(dice);
	zonegen_name(model, dice, at + fixed);
	record->rdata = at;
	record->rdata_len = (uint16_t)(fixed + model_name_len(at + fixed));
}

/** So many bytes, the first ones drawn. */
static uint8_t *rdata_drawn(struct dice *dice, struct model_record *record, size_t len)
{
	uint8_t *at = rdata_take(len);
	if (!at)
		return NULL;
	for (size_t i = 0; i < len; i++)
		at[i] = i < 12 ? dice_take(dice) : (uint8_t)i;
	record->rdata = at;
	record->rdata_len = (uint16_t)len;
	return at;
}

static void rdata_text(struct dice *dice, struct model_record *record)
{
	uint8_t len = dice_take(dice);
	uint8_t *at = rdata_drawn(dice, record, 1u + len);
	if (at)
		at[0] = len;
}

/** Type bitmap of a NSEC or NSEC3 (RFC 4034 s4.1.2), any types. */
static void bitmap_add(struct dice *dice, struct model_record *record)
{
	uint8_t *at = rdata_take(9);
	if (!at)
		return;
	*at++ = 0;
	*at++ = 7;
	for (int i = 0; i < 7; i++)
		*at++ = dice_take(dice);
	record->rdata_len += 9;
}

static void rdata_nsec(struct model *model, struct dice *dice, struct model_record *record)
{
	uint8_t name[MODEL_NAME_MAX];
	zonegen_name(model, dice, name);
	size_t len = model_name_len(name);
	uint8_t *at = rdata_take(len);
	if (!at)
		return;
	memcpy(at, name, len);
	record->rdata = at;
	record->rdata_len = (uint16_t)len;
	bitmap_add(dice, record);
}

/** NSEC3 or NSEC3PARAM: mostly the same parameters, so that they belong together. */
static void rdata_nsec3(struct dice *dice, struct model_record *record)
{
	uint8_t odd = dice_take(dice), salt_len = odd >= 240 ? odd - 240 : 0;
	bool is_param = record->type == TYPE_NSEC3PARAM;
	uint8_t *at = rdata_drawn(dice, record, 5u + salt_len + (is_param ? 0 : 21));
	if (!at)
		return;
	const uint8_t head[] = {1, is_param ? 0 : odd & 1, 0, odd >= 230 ? odd - 230 : 0, salt_len};
	memcpy(at, head, sizeof(head));
	if (odd == 229)
		at[2] = dice_take(dice); /* iterations beyond what is taken */
	if (is_param)
		return;
	at[5 + salt_len] = 20;
	bitmap_add(dice, record);
}

/** RRSIG over a type at its owner: signer and labels right, the rest drawn. */
static void rdata_rrsig(const struct model *model, struct dice *dice, struct model_record *record)
{
	static const uint8_t covered[8] = {
		TYPE_A, TYPE_NS, TYPE_CNAME, TYPE_SOA, TYPE_NSEC, TYPE_NSEC3, TYPE_DS, TYPE_DNAME};
	const uint8_t *signer = model->apex[record->zone];
	size_t signer_len = model_name_len(signer), signature_len = dice_take(dice);
	uint8_t *at = rdata_drawn(dice, record, 18 + signer_len + signature_len);
	if (!at)
		return;
	at[0] = 0;
	at[1] = covered[at[1] & 7];
	memcpy(at + 18, signer, signer_len);
}

/** @param number  which of the ways to draw */
static void rdata_make(struct model *model, struct dice *dice, struct model_record *record)
{
	switch (record->type) {
	case TYPE_A:
		rdata_drawn(dice, record, 4);
		break;
	case TYPE_AAAA:
		rdata_drawn(dice, record, 16);
		break;
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_DNAME:
	case TYPE_PTR:
		rdata_name(model, dice, record, 0);
		break;
	case TYPE_MX:
		rdata_name(model, dice, record, 2);
		break;
	case TYPE_SRV:
		rdata_name(model, dice, record, 6);
		break;
	case TYPE_TXT:
		rdata_text(dice, record);
		break;
	case TYPE_NSEC:
		rdata_nsec(model, dice, record);
		break;
	case TYPE_NSEC3:
	case TYPE_NSEC3PARAM:
		rdata_nsec3(dice, record);
		break;
	case TYPE_RRSIG:
		rdata_rrsig(model, dice, record);
		break;
	default:
		rdata_drawn(dice, record, 4u + dice_take(dice) % 64);
	}
}

/* ---- zones ---- */

/** Which zone a name is in, the nearest or the furthest (its delegation, glue); 0 where there is none. */
static unsigned zone_of(const struct model *model, const uint8_t *name, bool is_nearest)
{
	unsigned best = 0;
	size_t best_len = 0;
	for (unsigned i = 0; i < model->zones; i++) {
		size_t len = model_name_len(model->apex[i]);
		if (model_name_in(name, model->apex[i]) &&
			(best_len == 0 || (len > best_len) == is_nearest)) {
			best = i;
			best_len = len;
		}
	}
	return best;
}

/** Owners of NSEC3 are hashes below the apex, and nothing else is. */
static void hashed_owner(const struct model *model, struct dice *dice, struct model_record *record)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	char label[32];
	record->zone = dice_take(dice) % model->zones;
	memset(label, digits[dice_take(dice) & 31], sizeof(label));
	label[1] = digits[dice_take(dice) & 31];
	const uint8_t *apex = model->apex[record->zone];
	memcpy(record->owner, apex, model_name_len(apex));
	label_put(record->owner, label, sizeof(label));
}

/** One record, or with some types a crowd of them. */
static void record_draw(struct model *model, struct dice *dice)
{
	static const uint16_t types[32] = {TYPE_A, TYPE_A, TYPE_A, TYPE_AAAA, TYPE_NS, TYPE_NS, TYPE_NS,
		TYPE_CNAME, TYPE_CNAME, TYPE_CNAME, TYPE_DNAME, TYPE_DNAME, TYPE_MX, TYPE_SRV, TYPE_TXT,
		TYPE_TXT, TYPE_DS, TYPE_DS, TYPE_NSEC, TYPE_NSEC, TYPE_NSEC3, TYPE_NSEC3, TYPE_NSEC3PARAM,
		TYPE_RRSIG, TYPE_RRSIG, TYPE_RRSIG, TYPE_RRSIG, TYPE_DNSKEY, TYPE_PTR, 99, 65280, 1234};
	struct model_record record = {.ttl = 60u * dice_take(dice)};
	uint8_t dice_type = dice_take(dice);
	record.type = types[dice_type & 31];
	if (record.type == TYPE_NSEC3 || (record.type == TYPE_RRSIG && dice_type >= 192)) {
		hashed_owner(model, dice, &record);
	} else {
		zonegen_name(model, dice, record.owner);
		record.zone = zone_of(model, record.owner, (dice_type & 0x60) != 0x60);
		if (!model_name_in(record.owner, model->apex[record.zone]))
			memcpy(record.owner, model->apex[record.zone],
				model_name_len(model->apex[record.zone]));
	}
	rdata_make(model, dice, &record);
	if (record.rdata)
		record_add(model, &record);
	if (dice_type < 224 || (record.type != TYPE_TXT && record.type != TYPE_A))
		return;
	uint8_t crowd = dice_take(dice);
	for (unsigned i = crowd < 232 ? crowd & 31 : crowd; i > 0;
		i--) { /* rarely more than a message holds */
		uint8_t *at = rdata_take(record.rdata_len);
		if (!at || !record.rdata || record.rdata_len < 4)
			return;
		memcpy(at, record.rdata, record.rdata_len);
		at[record.rdata_len - 1] = (uint8_t)i;
		record.rdata = at;
		record_add(model, &record);
	}
}

/** A SOA for each zone. */
static void apexes_make(struct model *model, struct dice *dice)
{
	uint8_t kind = dice_take(dice) % ZONES_KINDS;
	for (model->zones = 0; model->zones < MODEL_ZONES_MAX && apexes[kind][model->zones]; model->zones++) {
		struct model_record soa = {.zone = model->zones, .type = TYPE_SOA, .ttl = 300};
		const uint8_t *apex = apexes[kind][model->zones];
		memcpy(model->apex[model->zones], apex, model_name_len(apex));
		memcpy(soa.owner, apex, model_name_len(apex));
		uint8_t *at = rdata_take(22);
		memset(at, 0, 22);
		at[21] = dice_take(dice);
		soa.rdata = at;
		soa.rdata_len = 22;
		model->record[model->records++] = soa;
	}
}

/** Below a DNAME there is nothing (RFC 6672 s2.4), but NSEC3 (s2.4 too: below an apex). */
static void dname_clear(struct model *model)
{
	for (unsigned i = 0; i < model->records; i++) {
		const struct model_record *dname = &model->record[i];
		if (dname->type != TYPE_DNAME)
			continue;
		unsigned kept = 0, at = i;
		struct model_record copy = *dname;
		for (unsigned k = 0; k < model->records; k++) {
			const struct model_record *other = &model->record[k];
			bool is_below = other->zone == copy.zone && model_name_in(other->owner, copy.owner) &&
					!reply_name_equal(other->owner, copy.owner);
			if (is_below && other->type != TYPE_NSEC3)
				continue;
			at = k == i ? kept : at;
			model->record[kept++] = *other;
		}
		model->records = kept;
		i = at;
	}
}

void zonegen_make(struct model *model, struct dice *dice)
{
	rdata_used = 0;
	model->records = 0;
	apexes_make(model, dice);
	for (unsigned i = 0; i < RECORDS_DRAWN_MAX && dice->left > 8; i++)
		record_draw(model, dice);
	dname_clear(model);
}
