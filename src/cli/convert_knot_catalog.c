/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Catalog zones in knot.conf. There a zone says that it is a member, and of what group; here a catalog that
 * is made names templates, and whatever names these is in it. So zones of one template that are not in the
 * same catalog and group get templates of their own. */
#include "cli/convert_knot.h"
#include <string.h>

static bool is(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || is(a, b);
}

/** The membership of a zone or a template. */
struct membership {
	const char *catalog, *group; /* NULL: none */
};

/** A template that is another with a membership. */
struct sw_knot_derived {
	const struct sw_plan_zone *from; /* NULL: of none */
	struct membership membership;
	struct sw_plan_zone *template;
	struct sw_knot_derived *next;
};

bool sw_knot_is_for_members(const struct sw_knot *knot, const char *id)
{
	const struct sw_knot_item *lists[] = {knot->zones, knot->first};
	for (unsigned i = 0; i < 2; i++) {
		for (const struct sw_knot_item *item = lists[i]; item != NULL; item = item->next) {
			const struct sw_said *said = sw_knot_find(item, "catalog-template");
			for (unsigned j = 1; said != NULL && j < sw_said_count(said); j++) {
				if (is(sw_said_text(said, j), id))
					return true;
			}
		}
	}
	return false;
}

static struct sw_plan_zone *find_template(const struct sw_plan *plan, const char *name)
{
	struct sw_plan_zone *template = plan->templates;
	while (template != NULL && !is(template->name, name))
		template = template->next;
	return template;
}

/** @param from  NULL: a template without keys
 * @param is_new  out: whether it was made now */
static struct sw_plan_zone *derive(struct sw_knot *knot, const struct sw_plan_zone *from,
	const struct membership *membership, const char *name, bool *is_new)
{
	struct sw_plan *plan = knot->plan;
	struct sw_knot_derived *derived = knot->derived;
	while (derived != NULL &&
		!(derived->from == from && is_same(derived->membership.catalog, membership->catalog) &&
			is_same(derived->membership.group, membership->group)))
		derived = derived->next;
	*is_new = derived == NULL;
	if (derived != NULL)
		return derived->template;
	const char *free_name = name;
	for (unsigned i = 2; find_template(plan, free_name) != NULL; i++)
		free_name = sw_plan_text(plan, "%s-%u", name, i);
	derived = sw_plan_alloc(plan, sizeof(*derived));
	*derived = (struct sw_knot_derived){.from = from,
		.membership = *membership,
		.template = sw_plan_zone_new(plan, &plan->templates, free_name, from),
		.next = knot->derived};
	knot->derived = derived;
	return derived->template;
}

/* ---- catalogs that come from elsewhere ---- */

/** The template's file as a pattern of ours. @return NULL where it cannot be said */
static const char *pattern_of(struct sw_plan *plan, const struct sw_knot_item *template)
{
	const char *storage = sw_knot_value(template, "storage"), *file = sw_knot_value(template, "file");
	const char *escaped = "";
	for (const char *c = storage ? storage : SW_KNOT_STORAGE; *c != '\0'; c++)
		escaped = sw_plan_text(plan, "%s%c%s", escaped, *c, *c == '%' ? "%" : "");
	for (const char *c = file; c != NULL && (c = strchr(c, '%')) != NULL; c += 2) {
		if (c[1] != 's' && c[1] != '%')
			return NULL;
	}
	return sw_plan_path(plan, escaped, file ? file : "%s.zone");
}

/** The template that members are served with: that of knot.conf where they come from primaries, else one with
 * the pattern of their files, which zones have one by one.
 * @return NULL where there is none, which is noted */
static const struct sw_plan_zone *member_template(
	struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said, const char *id)
{
	static const struct membership none = {NULL, NULL};
	struct sw_plan *plan = knot->plan;
	const struct sw_knot_item *item = sw_knot_item(knot, "template", id);
	struct sw_plan_zone *template = item ? find_template(plan, id) : NULL;
	const struct sw_said *master = sw_knot_find(item, "master");
	const char *pattern = NULL, *why = NULL;
	bool is_new = false;
	if (template != NULL && template->value[SW_PLAN_PRIMARIES].count > 0)
		return template;
	if (template == NULL)
		why = "no such template";
	else if (master != NULL && sw_said_count(master) > 1)
		why = "its template has no usable primaries";
	else if ((pattern = pattern_of(plan, item)) == NULL)
		why = "files of members can be named by %s alone";
	if (why != NULL) {
		sw_plan_lost(plan, zone, said, sw_plan_text(plan, "%.100s: %s", id, why));
		return NULL;
	}
	template = derive(knot, template, &none, sw_plan_text(plan, "%s-members", id), &is_new);
	sw_plan_set(plan, template, SW_PLAN_FILE, sw_plan_quote(plan, pattern));
	return template;
}

bool sw_knot_take_catalog(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *domain,
	const struct sw_said *templates)
{
	struct sw_plan *plan = knot->plan;
	const char *first = NULL, *groups = "";
	for (unsigned i = 1; templates != NULL && i < sw_said_count(templates); i++) {
		const char *id = sw_said_text(templates, i);
		const struct sw_plan_zone *template = member_template(knot, zone, templates, id);
		const char *name = template ? sw_plan_quote(plan, template->name) : NULL;
		/* the first is for all whose group is no template's (knot.conf(5)) */
		if (i == 1)
			first = name;
		else if (name != NULL)
			groups = sw_plan_text(plan, "%s%s%s: %s", groups, groups[0] ? ", " : "",
				sw_plan_quote(plan, id), name);
	}
	if (first == NULL && groups[0] == '\0') {
		sw_plan_lost(plan, zone, domain, "a catalog whose members cannot be served");
		return false;
	}
	if (groups[0] != '\0')
		groups = sw_plan_text(plan, "{%s%s%sgroups: {%s}}", first ? "template: " : "",
			first ? first : "", first ? ", " : "", groups);
	sw_plan_set(plan, zone, SW_PLAN_CATALOG, groups[0] != '\0' ? groups : first);
	return true;
}

/* ---- catalogs that are made here ---- */

void sw_knot_make_catalog(struct sw_knot *knot, struct sw_plan_zone *zone)
{
	sw_plan_clear(zone, SW_PLAN_PRIMARIES);
	sw_plan_clear(zone, SW_PLAN_ALLOW_UPDATE);
	sw_plan_set(knot->plan, zone, SW_PLAN_CATALOG, "{produce: []}");
}

static struct sw_plan_zone *made_catalog(const struct sw_knot *knot, const char *name)
{
	for (const struct sw_knot_item *item = knot->zones; name != NULL && item != NULL; item = item->next) {
		if (item->is_producer && item->zone != NULL && is(item->zone->name, name))
			return item->zone;
	}
	return NULL;
}

/** @param template  NULL: what the item says itself */
static struct membership membership_of(
	struct sw_knot *knot, const struct sw_knot_item *item, const struct sw_knot_item *template)
{
	const struct sw_said *role = sw_knot_told(item, template, "catalog-role");
	const struct sw_said *catalog = sw_knot_told(item, template, "catalog-zone");
	const struct sw_said *group = sw_knot_told(item, template, "catalog-group");
	if (role == NULL || !is(sw_said_text(role, 1), "member"))
		return (struct membership){NULL, NULL};
	const char *name = catalog ? sw_plan_name(knot->plan, sw_said_text(catalog, 1)) : NULL;
	if (made_catalog(knot, name) == NULL) {
		/* what a template says is noted with it */
		knot->plan->is_quiet = sw_knot_find(item, "catalog-role") == NULL &&
				       sw_knot_find(item, "catalog-zone") == NULL;
		sw_plan_lost(knot->plan, item->zone, catalog ? catalog : role,
			"no catalog of this name is made here");
		knot->plan->is_quiet = false;
		return (struct membership){NULL, NULL};
	}
	const char *text = group ? sw_said_text(group, 1) : "";
	return (struct membership){.catalog = name, .group = text[0] != '\0' ? text : NULL};
}

/** All zones of a template are in a catalog from here on. */
static void add_members(
	struct sw_knot *knot, const struct membership *membership, const struct sw_plan_zone *template)
{
	struct sw_plan *plan = knot->plan;
	struct sw_plan_zone *catalog = made_catalog(knot, membership->catalog);
	const char *before = catalog->value[SW_PLAN_CATALOG].text[0];
	const char *item = sw_plan_quote(plan, template->name);
	size_t len = strlen(before) - strlen("]}");
	if (membership->group != NULL)
		item = sw_plan_text(
			plan, "{template: %s, group: %s}", item, sw_plan_quote(plan, membership->group));
	sw_plan_set(plan, catalog, SW_PLAN_CATALOG,
		sw_plan_text(plan, "%.*s%s%s]}", (int)len, before, before[len - 1] == '[' ? "" : ", ", item));
}

/** The template that has the zone in its catalog, and other zones not. */
static void place(struct sw_knot *knot, const struct sw_knot_item *item)
{
	struct sw_plan *plan = knot->plan;
	const struct sw_knot_item *template = sw_knot_zone_template(knot, item);
	struct membership own = membership_of(knot, item, template), usual = {NULL, NULL};
	if (template != NULL && template->is_member)
		usual = membership_of(knot, template, NULL);
	if (is_same(own.catalog, usual.catalog) && is_same(own.group, usual.group))
		return;
	const struct sw_plan_zone *from = item->zone->template;
	const char *base = from ? from->name : "member";
	const char *suffix = own.catalog == NULL ? "alone" : own.group ? own.group : from ? "member" : NULL;
	bool is_new = false;
	const char *name = suffix ? sw_plan_text(plan, "%s-%s", base, suffix) : base;
	const struct sw_plan_zone *derived = derive(knot, from, &own, name, &is_new);
	if (is_new && own.catalog != NULL)
		add_members(knot, &own, derived);
	item->zone->template = derived;
}

void sw_knot_fill_catalogs(struct sw_knot *knot)
{
	for (struct sw_knot_item *item = knot->first; item != NULL; item = item->next) {
		if (!is(item->kind, "template") || item->zone == NULL ||
			!is(sw_knot_value(item, "catalog-role"), "member"))
			continue;
		struct membership membership = membership_of(knot, item, NULL);
		item->is_member = membership.catalog != NULL;
		if (item->is_member)
			add_members(knot, &membership, item->zone);
	}
	for (struct sw_knot_item *item = knot->zones; item != NULL; item = item->next) {
		if (item->zone != NULL)
			place(knot, item);
	}
}
