/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the commands share: exit codes, help, options. */
#ifndef SW_CLI_CLI_H
#define SW_CLI_CLI_H

#include "cli/sources.h"
#include <stdbool.h>

enum sw_exit {
	SW_EXIT_OK = 0,
	SW_EXIT_FAILED = 1,
	SW_EXIT_USAGE = 2, /* command line or configuration */
	SW_EXIT_NOT_RUNNING = 3,
	SW_EXIT_PARTLY = 3, /* convert: something was not */
};

/** A command: main.c has the table. */
struct sw_command {
	const char *name;
	const char *summary; /* one line */
	const char *help;    /* what --help prints */
	int (*run)(const struct sw_command *command, int argc, char **argv);
};

extern const struct sw_command sw_command_serve, sw_command_check, sw_command_reload, sw_command_status,
	sw_command_zone, sw_command_answer, sw_command_convert, sw_command_unload, sw_command_guard,
	sw_command_incident, sw_command_key;

/** "seawall COMMAND: error: text" on standard error. */
void sw_complain(const struct sw_command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** The options that tell what to serve: --zone, --zone-list, --listen, --xdp, --control. */
#define SW_SOURCE_OPTIONS                                 \
	{"zone", required_argument, NULL, 'z'},           \
	{                                                 \
		"zone-list", required_argument, NULL, 'Z' \
	}
#define SW_CONTROL_OPTION                               \
	{                                               \
		"control", required_argument, NULL, 'c' \
	}
#define SW_HELP_OPTION                         \
	{                                      \
		"help", no_argument, NULL, 'h' \
	}

/** What is common to every command's option loop: takes --help, unknown options and missing arguments.
 * @param option  as getopt_long() returned it
 * @return SW_EXIT_OK for --help, SW_EXIT_USAGE */
int sw_option_common(const struct sw_command *command, int option);

/** Ask the running daemon; says itself what went wrong.
 * @param path  NULL for the default
 * @return SW_EXIT_OK with a reply whose "ok" was not yet looked at */
int sw_ask(const struct sw_command *command, const char *path, json_t *request, json_t **reply);

/** "2026-11-26 01:02:03 UTC".
 * @param none  for what has no time, 0; INT64_MAX: "not by itself"
 * @return buffer, or another text */
const char *sw_moment_text(long long seconds, const char *none, char *buffer, size_t size);

/** Text of a key, "" where there is none. */
static inline const char *sw_json_text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

/** Number of a key, 0 where there is none. */
static inline long long sw_json_number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

#endif
