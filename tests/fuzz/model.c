/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"
#include "reply.h"
#include <string.h>

#define NO_ZONE MODEL_ZONES_MAX

size_t model_name_len(const uint8_t *name)
{
	size_t len = 0;
	while (name[len])
		len += 1u + name[len];
	return len + 1;
}

/** Whether a name is the parent or stands somewhere below it. Most of the model's time goes here: only what
 * is as long as the parent is compared. */
bool model_name_in(const uint8_t *name, const uint8_t *parent)
{
	size_t left = model_name_len(name), len = model_name_len(parent);
	while (left > len) {
		left -= 1u + *name;
		name += 1 + *name;
	}
	return left == len && reply_name_equal(name, parent);
}

const struct model_record *model_next(const struct model *model, const struct model_record *record)
{
	for (const struct model_record *at = record + 1; at < model->record + model->records; at++)
		if (at->zone == record->zone && at->type == record->type &&
			reply_name_equal(at->owner, record->owner))
			return at;
	return NULL;
}

const struct model_record *model_find(
	const struct model *model, unsigned zone, const uint8_t *owner, uint16_t type)
{
	for (const struct model_record *at = model->record; at < model->record + model->records; at++)
		if (at->zone == zone && at->type == type && reply_name_equal(at->owner, owner))
			return at;
	return NULL;
}

/** What a node has for a query: the type itself, for ANY the first one that is no signature. NSEC3 are not
 * asked for by name (RFC 5155 s7.2.8). */
static const struct model_record *find_asked(
	const struct model *model, unsigned zone, const uint8_t *owner, uint16_t type)
{
	if (type != TYPE_ANY)
		return type == TYPE_NSEC3 ? NULL : model_find(model, zone, owner, type);
	for (const struct model_record *at = model->record; at < model->record + model->records; at++)
		if (at->zone == zone && at->type != TYPE_RRSIG && at->type != TYPE_NSEC3 &&
			reply_name_equal(at->owner, owner))
			return at;
	return NULL;
}

/** Anything but an NSEC3 and its signatures: such an owner is no name of the zone (RFC 5155 s7.2.8). */
static bool has_data(const struct model *model, unsigned zone, const uint8_t *name)
{
	bool has_nsec3 = model_find(model, zone, name, TYPE_NSEC3), has_other = false;
	for (const struct model_record *at = model->record; at < model->record + model->records; at++)
		if (at->zone == zone && reply_name_equal(at->owner, name))
			has_other |= at->type != TYPE_NSEC3 && !(has_nsec3 && at->type == TYPE_RRSIG);
	return has_other;
}

/** A name exists when it has records, or a name below it has (RFC 4592 s2.2.2). */
static bool exists(const struct model *model, unsigned zone, const uint8_t *name)
{
	if (has_data(model, zone, name))
		return true;
	for (const struct model_record *at = model->record; at < model->record + model->records; at++)
		if (at->zone == zone && !reply_name_equal(at->owner, name) && model_name_in(at->owner, name))
			return true;
	return false;
}

/** The zone nearest to the name; for DS the parent's, where there are both. */
static unsigned zone_find(const struct model *model, const uint8_t *name, uint16_t type)
{
	unsigned best = NO_ZONE, own = NO_ZONE;
	for (unsigned i = 0; i < model->zones; i++) {
		const uint8_t *apex = model->apex[i];
		if (!model_name_in(name, apex))
			continue;
		if (type == TYPE_DS && reply_name_equal(name, apex))
			own = i;
		else if (best == NO_ZONE || model_name_in(apex, model->apex[best]))
			best = i;
	}
	return best == NO_ZONE ? own : best;
}

/** What a walk from the apex down to the name meets first. */
enum met { MET_NOTHING, MET_CUT, MET_DNAME };

static enum met walk(const struct model *model, unsigned zone, const uint8_t *name, const uint8_t **at)
{
	const uint8_t *path[MODEL_NAME_MAX];
	const uint8_t *apex = model->apex[zone];
	int depth = 0;
	for (path[0] = name; !reply_name_equal(path[depth], apex); depth++)
		path[depth + 1] = path[depth] + 1 + *path[depth];
	for (int i = depth; i >= 0; i--) {
		*at = path[i];
		if (i < depth && model_find(model, zone, path[i], TYPE_NS))
			return MET_CUT;
		if (i > 0 && model_find(model, zone, path[i], TYPE_DNAME))
			return MET_DNAME;
	}
	return MET_NOTHING;
}

static struct model_step *step_add(struct model_answer *answer, const uint8_t *owner, uint16_t type)
{
	struct model_step *step = &answer->step[answer->steps++];
	memcpy(step->owner, owner, model_name_len(owner));
	step->source = NULL;
	step->type = type;
	step->zone = answer->zone;
	return step;
}

static void refer(
	const struct model *model, struct model_answer *answer, const uint8_t *cut, const uint8_t *owner)
{
	answer->kind = REFERRAL;
	answer->cut = model_find(model, answer->zone, cut, TYPE_NS)->owner;
	memcpy(answer->cut_owner, owner, model_name_len(owner));
}

/** A DNAME above the name. @return whether `next` is the name to go on with */
static bool redirect(const struct model *model, struct model_answer *answer, const uint8_t *name,
	const uint8_t *owner, uint16_t type, uint8_t next[MODEL_NAME_MAX])
{
	const struct model_record *dname = model_find(model, answer->zone, owner, TYPE_DNAME);
	size_t prefix = (size_t)(owner - name), len = prefix + model_name_len(dname->rdata);
	bool is_new = true;
	for (unsigned i = 0; i < answer->steps; i++)
		is_new = is_new && answer->step[i].source != dname->owner;
	if (is_new)
		step_add(answer, owner, TYPE_DNAME)->source = dname->owner;
	answer->kind = len > MODEL_NAME_MAX ? YXDOMAIN : ANSWERED;
	if (len > MODEL_NAME_MAX)
		return false;
	struct model_step *made = step_add(answer, name, TYPE_CNAME);
	memcpy(made->target, name, prefix);
	memcpy(made->target + prefix, dname->rdata, len - prefix);
	made->ttl = dname->ttl;
	memcpy(next, made->target, len);
	return type != TYPE_CNAME;
}

/** A node found, by name or by wildcard. @return whether `next` is the name to go on with */
static bool match(const struct model *model, struct model_answer *answer, const uint8_t *name,
	const uint8_t *node, uint16_t type, uint8_t next[MODEL_NAME_MAX])
{
	const struct model_record *found = find_asked(model, answer->zone, node, type);
	const struct model_record *cname = model_find(model, answer->zone, node, TYPE_CNAME);
	answer->kind = found || cname ? ANSWERED : NODATA;
	if (!found && !cname)
		return false;
	struct model_step *step = step_add(answer, name, found ? type : TYPE_CNAME);
	step->source = found ? found->owner : cname->owner;
	if (found)
		return false;
	memcpy(next, cname->rdata, cname->rdata_len);
	return true;
}

/** No node of the name: the source of synthesis at the closest encloser, if there is one (RFC 4592 s3.3.1).
 */
static bool synthesize(const struct model *model, struct model_answer *answer, const uint8_t *name,
	uint16_t type, uint8_t next[MODEL_NAME_MAX])
{
	uint8_t source[MODEL_NAME_MAX + 2] = {1, '*'};
	const uint8_t *encloser = name + 1 + *name;
	while (!reply_name_equal(encloser, model->apex[answer->zone]) &&
		!exists(model, answer->zone, encloser))
		encloser += 1 + *encloser;
	memcpy(source + 2, encloser, model_name_len(encloser));
	answer->kind = NXDOMAIN;
	if (!exists(model, answer->zone, source))
		return false;
	if (model_find(model, answer->zone, source, TYPE_NS)) {
		refer(model, answer, source, name); /* RFC 4592 s4.2 leaves it open */
		return false;
	}
	return match(model, answer, name, source, type, next);
}

/** One name. @return whether `next` is the name to go on with */
static bool ask_once(const struct model *model, struct model_answer *answer, const uint8_t *name,
	uint16_t type, uint8_t next[MODEL_NAME_MAX], bool is_first)
{
	const uint8_t *at = name;
	enum met met = walk(model, answer->zone, name, &at);
	bool is_referral = met == MET_CUT && !(type == TYPE_DS && at == name);
	answer->is_authoritative |= is_first && !is_referral;
	if (is_referral) {
		refer(model, answer, at, at);
		return false;
	}
	if (met == MET_CUT) { /* DS: only what the parent has here (RFC 4035 s3.1.4.1) */
		const struct model_record *ds = model_find(model, answer->zone, name, TYPE_DS);
		answer->kind = ds ? ANSWERED : NODATA;
		if (ds)
			step_add(answer, name, TYPE_DS)->source = ds->owner;
		return false;
	}
	if (met == MET_DNAME)
		return redirect(model, answer, name, at, type, next);
	bool is_apex = reply_name_equal(name, model->apex[answer->zone]);
	if (is_apex || exists(model, answer->zone, name))
		return match(model, answer, name, name, type, next);
	bool goes_on = synthesize(model, answer, name, type, next);
	answer->is_authoritative &= !(is_first && answer->kind == REFERRAL);
	return goes_on;
}

void model_ask(const struct model *model, const uint8_t *name, uint16_t type, struct model_answer *answer)
{
	static uint8_t visited[MODEL_LINKS_MAX + 1][MODEL_NAME_MAX];
	*answer = (struct model_answer){.kind = REFUSED};
	memcpy(visited[0], name, model_name_len(name));
	for (unsigned links = 0;; links++) {
		uint8_t next[MODEL_NAME_MAX];
		unsigned zone = zone_find(model, visited[links], type);
		if (zone == NO_ZONE)
			return;
		answer->zone = zone;
		bool goes_on = ask_once(model, answer, visited[links], type, next, links == 0);
		answer->is_loop = goes_on && links == MODEL_LINKS_MAX;
		for (unsigned i = 0; goes_on && i <= links; i++)
			answer->is_loop |= reply_name_equal(visited[i], next);
		if (!goes_on || answer->is_loop)
			return;
		memcpy(visited[links + 1], next, model_name_len(next));
	}
}
