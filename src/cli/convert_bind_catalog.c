/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 'catalog-zones' in named.conf. Members are secondaries with what options and views say, which here stands
 * in a template. */
#include "cli/convert_bind.h"
#include <string.h>
#include <strings.h>

static bool is(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

static struct sw_plan_zone *find_zone(const struct sw_plan *plan, const char *name)
{
	struct sw_plan_zone *zone = name ? plan->zones : NULL;
	while (zone != NULL && strcmp(zone->name, name) != 0)
		zone = zone->next;
	return zone;
}

/** What stands behind the name. Where named keeps zones, and how often it looks, is ours to say. */
static bool are_options_known(const struct sw_said *said)
{
	static const char *const known[] = {"zone-directory", "in-memory", "min-update-interval",
		"default-primaries", "default-masters", "port"};
	for (const struct sw_word *word = said->words->next->next; word != NULL; word = word->next) {
		bool is_known = word->text == NULL; /* the list of servers */
		for (unsigned i = 0; !is_known && i < sizeof(known) / sizeof(known[0]); i++)
			is_known = is(word->text, known[i]);
		if (!is_known)
			return false;
		bool has_value = word->text != NULL && word->next != NULL && word->next->text != NULL &&
				 strncasecmp(word->text, "default-", 8) != 0;
		if (has_value)
			word = word->next;
	}
	return true;
}

/** zone NAME [default-primaries { ... }] [zone-directory ...] */
static void take_catalog(struct sw_bind *bind, const struct sw_bind_scope *around, const struct sw_said *said)
{
	struct sw_plan *plan = bind->plan;
	struct sw_bind_scope scope = *around;
	if (!is(sw_said_text(said, 0), "zone") || sw_said_count(said) < 2 || !are_options_known(said)) {
		sw_plan_lost(plan, NULL, said, NULL);
		return;
	}
	struct sw_plan_zone *catalog = find_zone(plan, sw_plan_name(plan, sw_said_text(said, 1)));
	if (catalog == NULL) {
		sw_plan_lost(plan, NULL, said, "no zone of this name is here");
		return;
	}
	scope.zone = sw_plan_zone_new(plan, NULL, NULL, around->zone);
	sw_plan_forget(
		scope.zone, SW_PLAN_ALLOW_UPDATE); /* members only forward updates, by their own rule */
	if (sw_said_block(said) != NULL)
		sw_bind_servers(bind, &scope, said, SW_PLAN_PRIMARIES);
	if (scope.zone->value[SW_PLAN_PRIMARIES].count == 0) {
		sw_plan_lost(
			plan, catalog, said, "its members are not served: it needs usable default-primaries");
		return;
	}
	sw_plan_remark(plan, catalog, said,
		"what the catalog itself tells of primaries and access (extensions of BIND) is not looked "
		"at");
	scope.zone->name = sw_plan_text(plan, "members of %s", catalog->name);
	scope.zone->next = plan->templates;
	plan->templates = scope.zone;
	sw_plan_set(plan, catalog, SW_PLAN_CATALOG, sw_plan_quote(plan, scope.zone->name));
}

void sw_bind_catalogs(
	struct sw_bind *bind, const struct sw_bind_scope *around, const struct sw_said *statements)
{
	for (; statements != NULL; statements = statements->next) {
		if (!is(sw_said_text(statements, 0), "catalog-zones"))
			continue;
		for (const struct sw_said *said = sw_said_block(statements); said != NULL; said = said->next)
			take_catalog(bind, around, said);
	}
}
