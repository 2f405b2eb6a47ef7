/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>

static const char help[] =
	"Make the running daemon load zones again, and wait until it has. Nothing stops meanwhile; a zone "
	"that\n"
	"is refused goes on being served as it was. Exit code 1 when one was refused, 3 when no daemon "
	"runs.\n\n"
	"usage: seawall reload [ZONE] [OPTIONS]\n\n"
	"  ZONE            only this one, whether its file has changed or not; without it the configuration "
	"and\n"
	"                  lists of zones are read again, zones that are new there appear, those that are "
	"not there\n"
	"                  any more go, and of the others those are loaded whose files have changed\n"
	"  --control PATH  control socket of the daemon (default: $SEAWALL_CONTROL, else that\n"
	"                  of 'seawall serve')\n"
	"  --help          this text\n\n"
	"Example: seawall reload example.com\n";

static int print(const struct sw_command *command, const json_t *reply)
{
	size_t i;
	json_t *zone;
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (error != NULL) {
		sw_complain(command, "%s", error);
		return SW_EXIT_FAILED;
	}
	json_array_foreach(json_object_get(reply, "zones_refused"), i, zone)
		sw_complain(command, "zone %s: %s%s", json_string_value(json_object_get(zone, "zone")),
			json_string_value(json_object_get(zone, "reason")),
			json_string_value(json_object_get(zone, "state"))[0] == 'o'
				? " (the version before goes on serving)"
				: "");
	printf("%lld zone(s) loaded, %lld unchanged, %lld refused, %lld removed in %.2f s\n",
		(long long)json_integer_value(json_object_get(reply, "loaded")),
		(long long)json_integer_value(json_object_get(reply, "unchanged")),
		(long long)json_integer_value(json_object_get(reply, "refused")),
		(long long)json_integer_value(json_object_get(reply, "removed")),
		json_number_value(json_object_get(reply, "seconds")));
	return json_is_true(json_object_get(reply, "ok")) ? SW_EXIT_OK : SW_EXIT_FAILED;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {SW_CONTROL_OPTION, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	const char *control = NULL;
	json_t *reply;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'c')
			return sw_option_common(command, option);
		control = optarg;
	}
	if (argc - optind > 1) {
		sw_complain(command, "one zone at most");
		return SW_EXIT_USAGE;
	}
	json_t *request =
		json_pack("{s:s, s:s*}", "command", "reload", "zone", optind < argc ? argv[optind] : NULL);
	int code = sw_ask(command, control, request, &reply);
	if (code != SW_EXIT_OK)
		return code;
	code = print(command, reply);
	json_decref(reply);
	return code;
}

const struct sw_command sw_command_reload = {"reload", "load zones again, without losing a query", help, run};
