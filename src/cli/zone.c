/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/parents.h"
#include "cli/zone_text.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
	"Look at the zones of the running daemon, and tell it what to do with them.\n\n"
	"usage: seawall zone list [OPTIONS]\n"
	"       seawall zone show ZONE [OPTIONS]\n"
	"       seawall zone refresh ZONE [OPTIONS]     ask its primaries now whether there is a newer "
	"version\n"
	"       seawall zone retransfer ZONE [OPTIONS]  fetch it whole, whatever its serial\n\n"
	"       seawall zone add ZONE [--template NAME] [--file FILE] [OPTIONS]\n"
	"                                               serve it, now and after a restart\n"
	"       seawall zone remove ZONE [OPTIONS]      no longer serve one that was added\n"
	"       seawall zone freeze ZONE [OPTIONS]      take nothing new of it: no updates, transfers, "
	"files\n"
	"       seawall zone thaw ZONE [OPTIONS]        until now\n"
	"       seawall zone notify ZONE [OPTIONS]      tell the servers in its 'notify' now, as of a new "
	"version\n"
	"       seawall zone sign ZONE [OPTIONS]        make all signatures of a zone signed here anew\n"
	"       seawall zone export ZONE [FILE] [OPTIONS]   as it is served, as a master file\n"
	"       seawall zone diff ZONE [SERIAL] [OPTIONS]   what has changed since then, by the journal\n\n"
	"  --template NAME  of 'templates' in the configuration (default: the one called 'default')\n"
	"  --file FILE     master file to read it from\n"
	"  --json          as JSON\n"
	"  --control PATH  control socket of the daemon (default: $SEAWALL_CONTROL, else that\n"
	"                  of 'seawall serve')\n"
	"  --help          this text\n\n"
	"Example: seawall zone show example.com\n";

/** How long until then, in two units, as "6d23h", "58m07s": at most 7 characters. */
static const char *until(long long at, char *buffer, size_t size)
{
	static const struct {
		long long seconds, less_seconds;
		char unit, less;
	} units[] = {{86400, 3600, 'd', 'h'}, {3600, 60, 'h', 'm'}, {60, 1, 'm', 's'}};
	long long left = at - (long long)time(NULL);
	if (at == 0 || at == INT64_MAX)
		return "-";
	if (left <= 0)
		return "now";
	snprintf(buffer, size, "%llds", left);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		long long whole = left / units[i].seconds, rest = left % units[i].seconds;
		if (whole == 0)
			continue;
		if (whole < 100)
			snprintf(buffer, size, "%lld%c%02lld%c", whole, units[i].unit,
				rest / units[i].less_seconds, units[i].less);
		else
			snprintf(buffer, size, "%lld%c", whole, units[i].unit);
		break;
	}
	return buffer;
}

/** Of one from primaries: in what time they are asked again, and until when it is served. */
static void print_due(const json_t *zone)
{
	char next[32], expires[32];
	const json_t *secondary = json_object_get(zone, "secondary");
	bool is_frozen = json_is_true(json_object_get(zone, "frozen"));
	bool is_asking = json_is_true(json_object_get(secondary, "asking"));
	printf(" %7s %7s",
		is_frozen   ? "-"
		: is_asking ? "now"
			    : until(sw_json_number(secondary, "next"), next, sizeof(next)),
		until(sw_json_number(secondary, "expires"), expires, sizeof(expires)));
}

static void print_line(const json_t *zone)
{
	const char *name = sw_json_text(zone, "zone"), *state = sw_json_text(zone, "state");
	if (sw_json_number(zone, "loaded") == 0)
		printf("%-28s %-9s %10s %8s %9s", name, state, "-", "-", "-");
	else
		printf("%-28s %-9s %10lld %8lld %9lld", name, state, sw_json_number(zone, "serial"),
			sw_json_number(zone, "names"), sw_json_number(zone, "records"));
	print_due(zone);
	printf("%s%s\n", json_is_true(json_object_get(zone, "signed")) ? "  signed" : "",
		json_is_true(json_object_get(zone, "frozen")) ? "  frozen" : "");
}

static void print_list(const json_t *reply)
{
	size_t i;
	json_t *zone;
	printf("%-28s %-9s %10s %8s %9s %7s %7s\n", "zone", "state", "serial", "names", "records", "refresh",
		"expires");
	json_array_foreach(json_object_get(reply, "zones"), i, zone) print_line(zone);
}

/** Where it comes from beside the configuration; of a catalog, what became of it. */
static void print_beyond(const json_t *zone)
{
	const json_t *catalog = json_object_get(zone, "catalog");
	if (strcmp(sw_json_text(zone, "origin"), "added") == 0)
		printf("%-12s by 'seawall zone add'\n", "added");
	if (sw_json_text(zone, "member_of")[0])
		printf("%-12s %s\n", "member of", sw_json_text(zone, "member_of"));
	if (catalog == NULL)
		return;
	printf("%-12s serial %lld: %lld members, %lld left out\n", "catalog",
		sw_json_number(catalog, "serial"), sw_json_number(catalog, "members"),
		sw_json_number(catalog, "left_out"));
	if (json_is_true(json_object_get(catalog, "broken")))
		printf("%-12s %s\n", "not taken", sw_json_text(catalog, "reason"));
}

/** "NAME: ADDRESS, ADDRESS; key NAME; over TLS", a line for each. */
static void print_remotes(const char *label, const json_t *remotes)
{
	size_t i, j;
	const json_t *remote, *address;
	json_array_foreach(remotes, i, remote)
	{
		printf("%-12s %s:", label, sw_json_text(remote, "remote"));
		json_array_foreach(json_object_get(remote, "addresses"), j, address)
			printf("%s %s", j ? "," : "", json_string_value(address));
		if (sw_json_text(remote, "key")[0])
			printf("; key %s", sw_json_text(remote, "key"));
		puts(json_is_true(json_object_get(remote, "tls")) ? "; over TLS" : "");
	}
}

/** From whom it comes, whom it is told to, who may change it. */
static void print_policy(const json_t *zone)
{
	const char *updates = sw_json_text(zone, "updates");
	print_remotes("primary", json_object_get(zone, "primaries"));
	print_remotes("notifies", json_object_get(zone, "notify"));
	printf("%-12s %s\n", "updates",
		strcmp(updates, "forwarded") == 0 ? "passed on to the first primary" : updates);
}

/** In short; 'seawall key show' has all of it. */
static void print_dnssec(const json_t *dnssec)
{
	char buffer[64];
	size_t keys = json_array_size(json_object_get(dnssec, "keys"));
	if (dnssec == NULL)
		return;
	printf("%-12s %s%s%s, %zu key%s\n", "dnssec",
		json_is_true(json_object_get(dnssec, "signed")) ? "signed here" : "to be signed here",
		json_is_true(json_object_get(dnssec, "signing")) ? ", being signed" : "",
		json_is_true(json_object_get(dnssec, "leaving")) ? ", to be unsigned" : "", keys,
		keys == 1 ? "" : "s");
	printf("%-12s %s\n", "signs next",
		sw_moment_text(sw_json_number(dnssec, "next_signing"), "never", buffer, sizeof(buffer)));
	printf("%-12s %s\n", "keys change",
		sw_moment_text(sw_json_number(dnssec, "next_key_change"), "never", buffer, sizeof(buffer)));
	if (json_is_true(json_object_get(dnssec, "ds_awaited")))
		printf("%-12s %s\n", "awaited", "the DS at the parent");
	if (json_is_true(json_object_get(dnssec, "ds_removal_awaited")))
		printf("%-12s %s\n", "awaited", "that the parent removes the DS");
	sw_print_parents(dnssec, 12);
	if (sw_json_text(dnssec, "reason")[0])
		printf("%-12s %s\n", "failed", sw_json_text(dnssec, "reason"));
}

static void print_zone(const json_t *reply)
{
	char buffer[64];
	const json_t *zone = json_object_get(reply, "zone"), *secondary = json_object_get(zone, "secondary");
	const char *state = sw_json_text(zone, "state"), *reason = sw_json_text(zone, "reason");
	/* some reasons begin with the state, for they stand alone elsewhere */
	bool is_said = strncmp(reason, state, strlen(state)) == 0;
	printf("%-12s %s\n%-12s %s%s%s\n", "zone", sw_json_text(zone, "zone"), "state", is_said ? "" : state,
		is_said || reason[0] == '\0' ? "" : ": ", reason);
	if (sw_json_number(zone, "loaded") == 0)
		printf("%-12s none: no version is served\n", "serial");
	else
		printf("%-12s %lld\n%-12s %lld names, %lld records%s\n", "serial",
			sw_json_number(zone, "serial"), "size", sw_json_number(zone, "names"),
			sw_json_number(zone, "records"),
			json_is_true(json_object_get(zone, "signed")) ? ", signed" : "");
	if (json_is_true(json_object_get(zone, "frozen")))
		printf("%-12s until 'seawall zone thaw', or a restart\n", "frozen");
	print_beyond(zone);
	print_policy(zone);
	if (sw_json_text(zone, "file")[0])
		printf("%-12s %s\n", "file", sw_json_text(zone, "file"));
	printf("%-12s %s\n", "loaded",
		sw_moment_text(sw_json_number(zone, "loaded"), "never", buffer, sizeof(buffer)));
	print_dnssec(json_object_get(zone, "dnssec"));
	if (secondary == NULL)
		return;
	printf("%-12s %s\n", "confirmed",
		sw_moment_text(sw_json_number(secondary, "confirmed"), "never", buffer, sizeof(buffer)));
	printf("%-12s %s\n", "asked next",
		json_is_true(json_object_get(secondary, "asking"))
			? "now"
			: sw_moment_text(sw_json_number(secondary, "next"), "never", buffer, sizeof(buffer)));
	printf("%-12s %s\n", "expires",
		sw_moment_text(sw_json_number(secondary, "expires"), "never", buffer, sizeof(buffer)));
	if (sw_json_number(secondary, "failures") > 0)
		printf("%-12s %s (attempts in a row: %lld)\n", "failed", sw_json_text(secondary, "reason"),
			sw_json_number(secondary, "failures"));
}

static void print_asked(const json_t *reply)
{
	(void)reply;
	puts("its primaries are asked: 'seawall zone show' says what came of it");
}

static void print_done(const json_t *reply)
{
	printf("%s%s%s\n", sw_json_text(reply, "zone"), sw_json_text(reply, "state")[0] ? " " : "",
		sw_json_text(reply, "state"));
}

static void print_removed(const json_t *reply)
{
	printf("%s removed\n", sw_json_text(reply, "zone"));
}

static void print_frozen(const json_t *reply)
{
	printf("%s frozen: nothing new of it is taken until 'seawall zone thaw', or a restart\n",
		sw_json_text(reply, "zone"));
}

static void print_thawed(const json_t *reply)
{
	printf("%s thawed\n", sw_json_text(reply, "zone"));
}

static void print_notified(const json_t *reply)
{
	size_t i;
	const json_t *remote;
	printf("%s serial %lld: told are", sw_json_text(reply, "zone"), sw_json_number(reply, "serial"));
	json_array_foreach(json_object_get(reply, "notify"), i, remote)
		printf("%s %s", i ? "," : "", json_string_value(remote));
	putchar('\n');
}

static void print_signing(const json_t *reply)
{
	printf("%s is being signed: 'seawall zone show' says when that is done\n",
		sw_json_text(reply, "zone"));
}

/** What the command line says beside the verb. */
struct words {
	const char *zone, *more; /* more: of export and diff; NULL: not told */
	const char *template, *file, *control;
	bool is_json;
};

static const struct verb {
	const char *name, *command;
	int zones, more; /* arguments: zones needed, and what may follow */
	void (*print)(const json_t *reply);
	int (*text)(const struct sw_command *command, const json_t *zone, const char *more, bool is_json);
} verbs[] = {
	{"list", "status", 0, 0, print_list, NULL},
	{"show", "zone-show", 1, 0, print_zone, NULL},
	{"refresh", "zone-refresh", 1, 0, print_asked, NULL},
	{"retransfer", "zone-retransfer", 1, 0, print_asked, NULL},
	{"add", "zone-add", 1, 0, print_done, NULL},
	{"remove", "zone-remove", 1, 0, print_removed, NULL},
	{"freeze", "zone-freeze", 1, 0, print_frozen, NULL},
	{"thaw", "zone-thaw", 1, 0, print_thawed, NULL},
	{"notify", "zone-notify", 1, 0, print_notified, NULL},
	{"sign", "zone-sign", 1, 0, print_signing, NULL},
	{"export", "zone-show", 1, 1, NULL, sw_zone_export},
	{"diff", "zone-show", 1, 1, NULL, sw_zone_diff},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_json(const struct verb *verb, const json_t *reply)
{
	const json_t *shown = json_object_get(reply, verb->zones ? "zone" : "zones");
	json_dumpf(json_is_string(shown) || shown == NULL ? reply : shown, stdout, JSON_INDENT(2));
	putchar('\n');
}

/** A path as the daemon, which stands elsewhere, can take it. */
static const char *absolute(const char *file, char *path, size_t size)
{
	char here[PATH_MAX];
	if (file == NULL || file[0] == '/' || getcwd(here, sizeof(here)) == NULL)
		return file;
	return (size_t)snprintf(path, size, "%s/%s", here, file) < size ? path : file;
}

static int ask(const struct sw_command *command, const struct verb *verb, const struct words *words)
{
	char path[2 * PATH_MAX];
	json_t *reply;
	const char *zone = words->zone;
	int code = sw_ask(command, words->control,
		json_pack("{s:s, s:s*, s:s*, s:s*}", "command", verb->command, "zone", zone, "template",
			words->template, "file", absolute(words->file, path, sizeof(path))),
		&reply);
	if (code != SW_EXIT_OK)
		return code;
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (error != NULL) {
		sw_complain(command, "%s%s%s", zone ? zone : "", zone ? ": " : "", error);
		code = SW_EXIT_FAILED;
	} else if (verb->text != NULL) {
		code = verb->text(command, json_object_get(reply, "zone"), words->more, words->is_json);
	} else if (words->is_json) {
		print_json(verb, reply);
	} else {
		verb->print(reply);
	}
	json_decref(reply);
	return code;
}

/** The arguments that are no options. @return whether they are right; told, if not */
static bool take_words(const struct sw_command *command, int argc, char **argv, const struct verb **result,
	struct words *words)
{
	const char *word = optind < argc ? argv[optind++] : "";
	const struct verb *verb = verbs;
	int left = argc - optind;
	while (verb < verbs + VERBS && strcmp(verb->name, word) != 0)
		verb++;
	if (verb == verbs + VERBS) {
		sw_complain(command, "one of list, show, refresh, retransfer, add, remove, freeze, thaw, "
				     "notify, sign, export, diff expected");
		return false;
	}
	if (left < verb->zones || left > verb->zones + verb->more) {
		sw_complain(command, "%s %s", word,
			verb->more    ? "takes one zone, and at most one argument more"
			: verb->zones ? "takes one zone"
				      : "takes no zone");
		return false;
	}
	bool is_add = strcmp(verb->name, "add") == 0;
	if (!is_add && (words->template != NULL || words->file != NULL)) {
		sw_complain(command, "--template and --file are for 'add'");
		return false;
	}
	words->zone = verb->zones ? argv[optind] : NULL;
	words->more = left > verb->zones ? argv[optind + 1] : NULL;
	*result = verb;
	return true;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"template", required_argument, NULL, 't'}, {"file", required_argument, NULL, 'f'},
		SW_CONTROL_OPTION, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	struct words words = {0};
	const struct verb *verb;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			words.control = optarg;
		else if (option == 'j')
			words.is_json = true;
		else if (option == 't')
			words.template = optarg;
		else if (option == 'f')
			words.file = optarg;
		else
			return sw_option_common(command, option);
	}
	return take_words(command, argc, argv, &verb, &words) ? ask(command, verb, &words) : SW_EXIT_USAGE;
}

const struct sw_command sw_command_zone = {"zone", "look at zones, add, freeze and export them", help, run};
