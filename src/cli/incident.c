/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"What has been recognised: attacks, retry storms, flash crowds.\n\n"
	"usage: seawall incident list [OPTIONS]     all that are kept, newest first\n"
	"       seawall incident show [N] [OPTIONS] one with its events; without N the last\n"
	"       seawall incident watch [OPTIONS]    events as they come, until Ctrl-C\n\n"
	"  --json          for programs; watch: a line for each event\n"
	"  --control PATH  control socket of the daemon (default: $SEAWALL_CONTROL, else that\n"
	"                  of 'seawall serve')\n"
	"  --help          this text\n\n"
	"Example: seawall incident watch\n";

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/** UTC with tenths of a second. */
static const char *moment(const json_t *object, const char *key, char *out, size_t size)
{
	double when = number(object, key);
	time_t seconds = (time_t)when;
	struct tm utc;
	char day[32];
	if (when <= 0)
		return "lasts";
	gmtime_r(&seconds, &utc);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out, size, "%s.%dZ", day, (int)((when - (double)seconds) * 10));
	return out;
}

static void print_incident(const json_t *incident)
{
	char begin[40], end[40];
	const char *vector;
	json_t *peak;
	printf("%4.0f  %s  %-22s ", number(incident, "incident"),
		moment(incident, "begin", begin, sizeof(begin)), moment(incident, "end", end, sizeof(end)));
	if (number(incident, "end") > 0 && json_is_false(json_object_get(incident, "end_seen")))
		printf(" (its end was not seen)");
	json_object_foreach(json_object_get(incident, "peak_pps"), vector, peak)
		printf(" %s %.0f/s", vector, json_number_value(peak));
	putchar('\n');
}

static void print_event(const json_t *event)
{
	char when[40], since[40];
	printf("%s  incident %-3.0f %-12s %-12s", moment(event, "time", when, sizeof(when)),
		number(event, "incident"), sw_json_text(event, "type"), sw_json_text(event, "vector"));
	if (json_is_number(json_object_get(event, "rate_pps")))
		printf(" %10.0f/s", number(event, "rate_pps"));
	if (number(event, "away_from") > 0)
		printf(" away since %s", moment(event, "away_from", since, sizeof(since)));
	printf("%s%s\n", *sw_json_text(event, "zone") ? "  " : "", sw_json_text(event, "zone"));
}

static json_t *ask(const struct sw_command *command, const char *control, const char *what,
	json_int_t incident, int *code)
{
	json_t *reply;
	*code = sw_ask(
		command, control, json_pack("{s:s, s:I}", "command", what, "incident", incident), &reply);
	if (*code != SW_EXIT_OK)
		return NULL;
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (!error)
		return reply;
	sw_complain(command, "%s", error);
	json_decref(reply);
	*code = SW_EXIT_FAILED;
	return NULL;
}

static int list(const struct sw_command *command, const char *control, bool is_json)
{
	int code;
	size_t i;
	json_t *incident, *reply = ask(command, control, "incident-list", 0, &code);
	if (reply && is_json) {
		json_dumpf(reply, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (reply) {
		if (json_array_size(json_object_get(reply, "incidents")) == 0)
			puts("none");
		json_array_foreach(json_object_get(reply, "incidents"), i, incident) print_incident(incident);
	}
	json_decref(reply);
	return code;
}

static int show(const struct sw_command *command, const char *control, bool is_json, const char *which)
{
	int code;
	size_t i;
	json_t *event,
		*reply = ask(command, control, "incident-show", which ? strtol(which, NULL, 10) : 0, &code);
	if (reply && is_json) {
		json_dumpf(reply, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (reply) {
		print_incident(reply);
		json_array_foreach(json_object_get(reply, "events"), i, event) print_event(event);
	}
	json_decref(reply);
	return code;
}

/** Prints the events of the last incident that were not there at the last look. */
static int watch(const struct sw_command *command, const char *control, bool is_json)
{
	const struct timespec pause = {.tv_nsec = 250000000};
	json_int_t seen_incident = -1;
	size_t seen = 0;
	for (;; nanosleep(&pause, NULL)) {
		int code;
		json_t *listed = ask(command, control, "incident-list", 0, &code);
		json_t *last = json_array_get(json_object_get(listed, "incidents"), 0);
		json_int_t number_now = json_integer_value(json_object_get(last, "incident"));
		json_decref(listed);
		if (code != SW_EXIT_OK)
			return code;
		if (number_now == 0)
			continue;
		json_t *shown = ask(command, control, "incident-show", number_now, &code);
		const json_t *events = json_object_get(shown, "events");
		if (seen_incident == -1) /* what was there before is not news */
			seen = json_array_size(events);
		else if (number_now != seen_incident)
			seen = 0;
		seen_incident = number_now;
		for (; seen < json_array_size(events); seen++) {
			if (is_json) {
				json_dumpf(json_array_get(events, seen), stdout, JSON_COMPACT);
				putchar('\n');
			} else {
				print_event(json_array_get(events, seen));
			}
		}
		fflush(stdout);
		json_decref(shown);
	}
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, SW_CONTROL_OPTION, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	const char *control = NULL;
	bool is_json = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			is_json = true;
		else if (option == 'c')
			control = optarg;
		else
			return sw_option_common(command, option);
	}
	const char *verb = optind < argc ? argv[optind] : "";
	int words = argc - optind - 1;
	if (strcmp(verb, "list") == 0 && words == 0)
		return list(command, control, is_json);
	if (strcmp(verb, "show") == 0 && words <= 1)
		return show(command, control, is_json, words == 1 ? argv[optind + 1] : NULL);
	if (strcmp(verb, "watch") == 0 && words == 0)
		return watch(command, control, is_json);
	sw_complain(command, "list, show [N] or watch?");
	return SW_EXIT_USAGE;
}

const struct sw_command sw_command_incident = {
	"incident", "what has been recognised: attacks and others", help, run};
