/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"Look at the zones of the running daemon, and have primaries asked.\n\n"
	"usage: seawall zone list [OPTIONS]\n"
	"       seawall zone show ZONE [OPTIONS]\n"
	"       seawall zone refresh ZONE [OPTIONS]     ask its primaries now whether there is a newer "
	"version\n"
	"       seawall zone retransfer ZONE [OPTIONS]  fetch it whole, whatever its serial\n\n"
	"  --json          as JSON\n"
	"  --control PATH  control socket of the daemon\n"
	"  --help          this text\n\n"
	"Example: seawall zone show example.com\n";

/** "2026-11-26 01:02:03 UTC", or a word for what has no time. */
static const char *moment(long long seconds, char *buffer, size_t size)
{
	time_t at = (time_t)seconds;
	struct tm parts;
	if (seconds <= 0 || seconds == INT64_MAX || gmtime_r(&at, &parts) == NULL)
		return seconds <= 0 ? "never" : "not by itself";
	strftime(buffer, size, "%Y-%m-%d %H:%M:%S UTC", &parts);
	return buffer;
}

static void print_line(const json_t *zone)
{
	printf("%-32s %-9s %10lld %10lld %10lld%s\n", sw_json_text(zone, "zone"), sw_json_text(zone, "state"),
		sw_json_number(zone, "serial"), sw_json_number(zone, "names"),
		sw_json_number(zone, "records"),
		json_is_true(json_object_get(zone, "signed")) ? "  signed" : "");
}

static void print_list(const json_t *reply)
{
	size_t i;
	json_t *zone;
	printf("%-32s %-9s %10s %10s %10s\n", "zone", "state", "serial", "names", "records");
	json_array_foreach(json_object_get(reply, "zones"), i, zone) print_line(zone);
}

/** In short; 'seawall key show' has all of it. */
static void print_dnssec(const json_t *dnssec)
{
	char buffer[64];
	if (dnssec == NULL)
		return;
	printf("%-12s %s%s, %zu keys\n", "dnssec",
		json_is_true(json_object_get(dnssec, "signed")) ? "signed here" : "to be signed here",
		json_is_true(json_object_get(dnssec, "leaving")) ? ", to be unsigned" : "",
		json_array_size(json_object_get(dnssec, "keys")));
	printf("%-12s %s\n", "signs next",
		moment(sw_json_number(dnssec, "next_signing"), buffer, sizeof(buffer)));
	printf("%-12s %s\n", "keys change",
		moment(sw_json_number(dnssec, "next_key_change"), buffer, sizeof(buffer)));
	if (json_is_true(json_object_get(dnssec, "ds_awaited")))
		printf("%-12s %s\n", "awaited", "the DS at the parent");
	if (json_is_true(json_object_get(dnssec, "ds_removal_awaited")))
		printf("%-12s %s\n", "awaited", "that the parent removes the DS");
	if (sw_json_text(dnssec, "reason")[0])
		printf("%-12s %s\n", "failed", sw_json_text(dnssec, "reason"));
}

static void print_zone(const json_t *reply)
{
	char buffer[64];
	const json_t *zone = json_object_get(reply, "zone"), *secondary = json_object_get(zone, "secondary");
	printf("%-12s %s\n%-12s %s%s%s\n", "zone", sw_json_text(zone, "zone"), "state",
		sw_json_text(zone, "state"), sw_json_text(zone, "reason")[0] ? ": " : "",
		sw_json_text(zone, "reason"));
	printf("%-12s %lld\n%-12s %lld names, %lld records%s\n", "serial", sw_json_number(zone, "serial"),
		"size", sw_json_number(zone, "names"), sw_json_number(zone, "records"),
		json_is_true(json_object_get(zone, "signed")) ? ", signed" : "");
	if (sw_json_text(zone, "file")[0])
		printf("%-12s %s\n", "file", sw_json_text(zone, "file"));
	printf("%-12s %s\n", "loaded", moment(sw_json_number(zone, "loaded"), buffer, sizeof(buffer)));
	print_dnssec(json_object_get(zone, "dnssec"));
	if (secondary == NULL)
		return;
	printf("%-12s %s\n", "confirmed",
		moment(sw_json_number(secondary, "confirmed"), buffer, sizeof(buffer)));
	printf("%-12s %s\n", "asked next",
		json_is_true(json_object_get(secondary, "asking"))
			? "now"
			: moment(sw_json_number(secondary, "next"), buffer, sizeof(buffer)));
	printf("%-12s %s\n", "expires", moment(sw_json_number(secondary, "expires"), buffer, sizeof(buffer)));
	if (sw_json_number(secondary, "failures") > 0)
		printf("%-12s %s (attempts in a row: %lld)\n", "failed", sw_json_text(secondary, "reason"),
			sw_json_number(secondary, "failures"));
}

static void print_asked(const json_t *reply)
{
	(void)reply;
	puts("its primaries are asked: 'seawall zone show' says what came of it");
}

static const struct verb {
	const char *name, *command;
	bool takes_zone;
	void (*print)(const json_t *reply);
} verbs[] = {
	{"list", "status", false, print_list},
	{"show", "zone-show", true, print_zone},
	{"refresh", "zone-refresh", true, print_asked},
	{"retransfer", "zone-retransfer", true, print_asked},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int ask(const struct sw_command *command, const struct verb *verb, const char *zone,
	const char *control, bool is_json)
{
	json_t *reply;
	int code = sw_ask(
		command, control, json_pack("{s:s, s:s*}", "command", verb->command, "zone", zone), &reply);
	if (code != SW_EXIT_OK)
		return code;
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (error != NULL) {
		sw_complain(command, "%s%s%s", zone ? zone : "", zone ? ": " : "", error);
		code = SW_EXIT_FAILED;
	} else if (is_json) {
		const json_t *shown = json_object_get(reply, verb->takes_zone ? "zone" : "zones");
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
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, SW_CONTROL_OPTION, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	const char *control = NULL;
	bool is_json = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			control = optarg;
		else if (option == 'j')
			is_json = true;
		else
			return sw_option_common(command, option);
	}
	const char *word = optind < argc ? argv[optind++] : "";
	const struct verb *verb = verbs;
	while (verb < verbs + VERBS && strcmp(verb->name, word) != 0)
		verb++;
	if (verb == verbs + VERBS) {
		sw_complain(command, "one of list, show, refresh, retransfer expected");
		return SW_EXIT_USAGE;
	}
	if (argc - optind != (verb->takes_zone ? 1 : 0)) {
		sw_complain(command, "%s %s", word, verb->takes_zone ? "takes one zone" : "takes no zone");
		return SW_EXIT_USAGE;
	}
	return ask(command, verb, verb->takes_zone ? argv[optind] : NULL, control, is_json);
}

const struct sw_command sw_command_zone = {"zone", "look at zones, and have primaries asked", help, run};
