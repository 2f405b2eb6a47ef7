/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The zones there are beyond the configuration: those that a person added while the server ran, and the
 * members of catalogs (RFC 9432). It knows who may bring which, and what of them is to be kept on disk.
 *
 * The loader's thread's, but for what says otherwise.
 */
#ifndef SW_SERVE_ROSTER_H
#define SW_SERVE_ROSTER_H

#include "serve/beyond.h"
#include "zone/catalog.h"

#define SW_CATALOG_MEMBERS 1000000 /* of a catalog, unless told */

struct sw_roster;

/** @param state  directory that it is kept in
 * @return 0 or -errno, which is logged */
int sw_roster_new(struct sw_roster **roster, const char *state);
void sw_roster_free(struct sw_roster *roster); /* takes NULL */

/** A configuration holds from now on, held: zones that it tells are no longer beyond it, and members whose
 * catalog it does not tell any more are gone. All catalogs are to be looked at again.
 * @param forget  called for zones that are gone: their state goes, too
 * @return all zones, to be freed by the caller; NULL when out of memory, nothing changed */
struct sw_settings *sw_roster_follow(struct sw_roster *roster, struct sw_settings *base,
	void (*forget)(void *arg, const uint8_t *apex), void *arg);

/** All zones as they are now. NULL before the first configuration. */
struct sw_settings *sw_roster_settings(struct sw_roster *roster);

struct sw_roster_turns {
	struct sw_turn *turns;
	size_t count;
};

/** Take turns: in memory only.
 * @return all zones after it, of which the roster is one holder; NULL without memory, nothing changed */
struct sw_settings *sw_roster_turn(struct sw_roster *roster, const struct sw_roster_turns *turns);
/** Have what the turns made of it be durable. @return 0 or -errno */
int sw_roster_write(struct sw_roster *roster, const struct sw_roster_turns *turns);
void sw_roster_turns_free(struct sw_roster_turns *turns);
/** What undoes them. @param undo  zeros; freed by the caller @return 0 or -ENOMEM */
int sw_roster_undo(const struct sw_roster_turns *turns, struct sw_roster_turns *undo);

/* ---- by hand ---- */

/** @param template  NULL: the one called 'default', if there is one and no file
 * @param file  NULL: the template's
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0, -EEXIST, -EINVAL with text in why, -ENOMEM */
int sw_roster_add(struct sw_roster *roster, const uint8_t *apex, const char *template, const char *file,
	struct sw_roster_turns *turns, char *why);
/** @return 0, -ENOENT or -EPERM with text in why, -ENOMEM */
int sw_roster_remove(struct sw_roster *roster, const uint8_t *apex, struct sw_roster_turns *turns, char *why);

/* ---- catalogs ---- */

/** A zone has another version: if it is a catalog, it is to be looked at. */
void sw_roster_changed(struct sw_roster *roster, const uint8_t *apex);

/** A catalog that is to be looked at, which counts as done then; NULL when there is none. */
const struct sw_zone_setting *sw_roster_next_catalog(struct sw_roster *roster);

/** A version of a catalog, as it is known when its turns have been taken. */
struct sw_roster_version {
	uint32_t serial;
	size_t members, ignored;
	bool has_clashes; /* members left out because others have them */
};

/** What the members of a catalog mean. Those it may not bring are left out, counted and logged.
 * @param turns  zeros; empty where nothing changes
 * @param version  its serial is told */
int sw_roster_take(struct sw_roster *roster, const struct sw_zone_setting *catalog,
	const struct sw_catalog *members, struct sw_roster_turns *turns, struct sw_roster_version *version);

/** These turns have been taken: the version is processed. */
void sw_roster_taken(struct sw_roster *roster, const struct sw_zone_setting *catalog,
	const struct sw_roster_version *version);

/** They could not be, for want of memory say: its members stay as they are until sw_roster_again(). */
void sw_roster_failed(
	struct sw_roster *roster, const struct sw_zone_setting *catalog, uint32_t serial, const char *why);

bool sw_roster_has_failed(const struct sw_roster *roster);
/** Have those that failed be looked at again. */
void sw_roster_again(struct sw_roster *roster);

/** It cannot be processed: its members stay as they are. */
void sw_roster_broken(
	struct sw_roster *roster, const struct sw_zone_setting *catalog, uint32_t serial, const char *why);

/** Catalogs made here. */
const struct sw_zone_setting *sw_roster_producer(const struct sw_roster *roster, size_t number);

/** The group of a zone in a catalog made here. @return whether it is in it; *group NULL for none */
bool sw_roster_is_in(
	const struct sw_zone_setting *producer, const struct sw_template *template, const char **group);

/** Whether a catalog brought it, of the zones beyond the configuration. */
bool sw_roster_is_member(const struct sw_roster *roster, const uint8_t *apex);

/* ---- for commands: any thread ---- */

struct sw_roster_report {
	bool is_added;		      /* by a person */
	uint8_t catalog[SW_NAME_MAX]; /* that brought it, where has_catalog */
	bool has_catalog;
	bool is_catalog; /* then what follows */
	bool is_broken;
	uint32_t serial; /* of the version processed last */
	size_t members, ignored;
	char reason[SW_CATALOG_WHY_MAX];
};
void sw_roster_look(struct sw_roster *roster, const uint8_t *apex, struct sw_roster_report *report);

#endif
