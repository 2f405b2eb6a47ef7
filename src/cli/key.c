/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include "cli/key_import.h"
#include "cli/parents.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Look at the keys that the running daemon signs zones with, roll them, take over others.\n\n"
	"usage: seawall key list [OPTIONS]\n"
	"       seawall key show ZONE [OPTIONS]\n"
	"       seawall key ds ZONE [OPTIONS]       the DS records that the parent should have\n"
	"       seawall key ds-seen ZONE [OPTIONS]  the parent has the DS that is waited for\n"
	"       seawall key ds-gone ZONE [OPTIONS]  the parent has no DS any more: the zone may be unsigned\n"
	"       seawall key roll ZONE [OPTIONS]     replace a key before its time\n"
	"       seawall key import ZONE [ROLE:]FILE... --directory DIR\n"
	"                                           take over the keys that another server has signed\n"
	"                                           the zone with: one CSK, or one KSK and one ZSK.\n"
	"                                           Before the configuration says 'dnssec' there\n\n"
	"  --key KEY       ds-seen: the key whose DS it is, by its tag or id\n"
	"  --role ROLE     roll: zsk or ksk, where the zone has both\n"
	"  ROLE            import: csk, ksk or zsk; of a key in PEM\n"
	"  FILE            import: BIND's K*.private, its .key file beside it; or PEM, as Knot has it\n"
	"  --directory DIR import: where keys are kept, 'keys' in the state directory unless the\n"
	"                  configuration says otherwise; the zone must have none there\n"
	"  --json          as JSON\n"
	"  --control PATH  control socket of the daemon (default: $SEAWALL_CONTROL, else that\n"
	"                  of 'seawall serve')\n"
	"  --help          this text\n\n"
	"Example: seawall key ds example.com\n";

static bool is_set(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void print_list(const json_t *reply)
{
	size_t i, j;
	json_t *zone, *key;
	printf("%-32s %-5s %5s %-4s %-9s %s\n", "zone", "role", "tag", "alg", "state", "id");
	json_array_foreach(json_object_get(reply, "zones"), i, zone)
	{
		json_array_foreach(json_object_get(zone, "keys"), j, key)
			printf("%-32s %-5s %5lld %-4lld %-9s %s\n", sw_json_text(zone, "zone"),
				sw_json_text(key, "role"), sw_json_number(key, "tag"),
				sw_json_number(key, "algorithm"), sw_json_text(key, "state"),
				sw_json_text(key, "id"));
	}
}

/** What the key comes to, and when; or whose word that waits for. */
static void print_next(const json_t *key, bool has_parents)
{
	char buffer[64];
	const json_t *next = json_object_get(key, "next");
	const char *state = sw_json_text(next, "state");
	long long at = sw_json_number(next, "at");
	if (sw_json_number(key, "removed") != 0)
		return;
	if (state[0] == '\0')
		puts("  next          nothing by itself");
	else if (at != 0)
		printf("  next          %s at %s\n", state, sw_moment_text(at, "-", buffer, sizeof(buffer)));
	else if (strcmp(state, "ds-seen") == 0)
		printf("  next          ds-seen when %s\n",
			has_parents ? "all parents have its DS" : "'seawall key ds-seen' says so");
	else
		printf("  next          %s after the DS of its successor has been seen\n", state);
}

static void print_key(const json_t *key, bool has_parents)
{
	static const char *const times[] = {
		"created", "published", "active", "ds-submitted", "ds-seen", "retired", "removed"};
	char buffer[64];
	printf("\n%s %lld, algorithm %lld: %s%s%s\n  %-13s %s\n", sw_json_text(key, "role"),
		sw_json_number(key, "tag"), sw_json_number(key, "algorithm"), sw_json_text(key, "state"),
		is_set(key, "submit") ? ", its DS is asked for" : "",
		is_set(key, "roll-asked") && sw_json_number(key, "retired") == 0 ? ", to be replaced" : "",
		"id", sw_json_text(key, "id"));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		long long at = sw_json_number(key, times[i]);
		if (at != 0)
			printf("  %-13s %s\n", times[i], sw_moment_text(at, "-", buffer, sizeof(buffer)));
	}
	print_next(key, has_parents);
}

static void print_zone(const json_t *reply)
{
	char buffer[64];
	const json_t *zone = json_object_get(reply, "dnssec");
	bool has_parents = json_object_get(zone, "parents") != NULL;
	size_t i;
	json_t *key;
	printf("%-15s %s\n%-15s %s%s\n", "zone", sw_json_text(zone, "zone"), "signed",
		is_set(zone, "signed") ? "yes" : "not yet", is_set(zone, "signing") ? ", being signed" : "");
	if (is_set(zone, "signed"))
		printf("%-15s %lld\n", "unsigned serial", sw_json_number(zone, "unsigned_serial"));
	printf("%-15s %s\n", "signs next",
		sw_moment_text(sw_json_number(zone, "next_signing"), "-", buffer, sizeof(buffer)));
	printf("%-15s %s\n", "keys change",
		sw_moment_text(sw_json_number(zone, "next_key_change"), "-", buffer, sizeof(buffer)));
	if (is_set(zone, "ds_awaited"))
		printf("%-15s %s\n", "awaited",
			has_parents ? "the DS at the parent: 'seawall key ds'; its parents are asked"
				    : "the DS at the parent: 'seawall key ds', then 'seawall key ds-seen'");
	if (is_set(zone, "ds_removal_awaited"))
		printf("%-15s %s\n", "awaited",
			has_parents ? "that the parent removes the DS: its parents are asked"
				    : "that the parent removes the DS: then 'seawall key ds-gone'");
	sw_print_parents(zone, 15);
	if (sw_json_text(zone, "reason")[0])
		printf("%-15s %s\n", "failed", sw_json_text(zone, "reason"));
	json_array_foreach(json_object_get(zone, "keys"), i, key) print_key(key, has_parents);
}

/** Of the keys that the parent should know: the one asked for, or those that were seen there. */
static void print_ds(const json_t *reply)
{
	size_t i;
	json_t *key;
	json_array_foreach(json_object_get(json_object_get(reply, "dnssec"), "keys"), i, key)
	{
		const char *ds = sw_json_text(key, "ds");
		bool is_known = is_set(key, "submit") || sw_json_number(key, "ds-seen") != 0;
		if (ds[0] != '\0')
			printf("%s%s\n", ds,
				is_known ? ""
					 : " ; not yet: caches may not know this key, nor the signatures");
	}
}

static void print_done(const json_t *reply)
{
	(void)reply;
	puts("noted: 'seawall key show' says what comes of it");
}

static const struct verb {
	const char *name, *command;
	bool takes_zone;
	void (*print)(const json_t *reply);
} verbs[] = {
	{"list", "key-list", false, print_list},
	{"show", "key-show", true, print_zone},
	{"ds", "key-show", true, print_ds},
	{"ds-seen", "key-ds-seen", true, print_done},
	{"ds-gone", "key-ds-gone", true, print_done},
	{"roll", "key-roll", true, print_done},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int ask(const struct sw_command *command, const struct verb *verb, const char *control, bool is_json,
	json_t *request)
{
	json_t *reply;
	const char *zone = json_string_value(json_object_get(request, "zone"));
	char name[300];
	snprintf(name, sizeof(name), "%s", zone ? zone : "");
	int code = sw_ask(command, control, request, &reply);
	if (code != SW_EXIT_OK)
		return code;
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (error != NULL) {
		sw_complain(command, "%s%s%s", name, name[0] ? ": " : "", error);
		code = SW_EXIT_FAILED;
	} else if (is_json) {
		const json_t *shown = json_object_get(reply, verb->takes_zone ? "dnssec" : "zones");
		json_dumpf(shown ? shown : reply, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		verb->print(reply);
	}
	json_decref(reply);
	return code;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"key", required_argument, NULL, 'k'}, {"role", required_argument, NULL, 'r'},
		{"directory", required_argument, NULL, 'd'}, SW_CONTROL_OPTION, SW_HELP_OPTION,
		{NULL, 0, NULL, 0}};
	const char *control = NULL, *key = NULL, *role = NULL, *directory = NULL;
	bool is_json = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			control = optarg;
		else if (option == 'j')
			is_json = true;
		else if (option == 'k')
			key = optarg;
		else if (option == 'r')
			role = optarg;
		else if (option == 'd')
			directory = optarg;
		else
			return sw_option_common(command, option);
	}
	const char *word = optind < argc ? argv[optind++] : "";
	bool is_import = strcmp(word, "import") == 0;
	if (is_import ? key != NULL || role != NULL : directory != NULL) {
		sw_complain(command, "%s takes no %s", word, is_import ? "--key nor --role" : "--directory");
		return SW_EXIT_USAGE;
	}
	if (is_import)
		return sw_key_import(command, argv + optind, (size_t)(argc - optind), directory, is_json);
	const struct verb *verb = verbs;
	while (verb < verbs + VERBS && strcmp(verb->name, word) != 0)
		verb++;
	if (verb == verbs + VERBS) {
		sw_complain(command, "one of list, show, ds, ds-seen, ds-gone, roll, import expected");
		return SW_EXIT_USAGE;
	}
	if (argc - optind != (verb->takes_zone ? 1 : 0)) {
		sw_complain(command, "%s %s", word, verb->takes_zone ? "takes one zone" : "takes no zone");
		return SW_EXIT_USAGE;
	}
	return ask(command, verb, control, is_json,
		json_pack("{s:s, s:s*, s:s*, s:s*}", "command", verb->command, "zone",
			verb->takes_zone ? argv[optind] : NULL, "key", key, "role", role));
}

const struct sw_command sw_command_key = {
	"key", "look at the keys of signed zones, roll them, take over others", help, run};
