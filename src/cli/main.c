/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include "serve/control.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct sw_command *const commands[] = {
	&sw_command_serve,
	&sw_command_check,
	&sw_command_reload,
	&sw_command_status,
	&sw_command_zone,
	&sw_command_key,
	&sw_command_guard,
	&sw_command_incident,
	&sw_command_unload,
	&sw_command_answer,
	&sw_command_convert,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

void sw_complain(const struct sw_command *command, const char *format, ...)
{
	va_list args;
	fprintf(stderr, "seawall %s: error: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int sw_option_common(const struct sw_command *command, int option)
{
	if (option == 'h') {
		fputs(command->help, stdout);
		return SW_EXIT_OK;
	}
	/* getopt_long() has said what is wrong with it */
	fprintf(stderr, "'seawall %s --help' lists the options\n", command->name);
	return SW_EXIT_USAGE;
}

int sw_ask(const struct sw_command *command, const char *path, json_t *request, json_t **reply)
{
	char standard[SW_WHY_TEXT_MAX];
	sw_settings_control_default(standard, sizeof(standard));
	if (path == NULL)
		path = standard;
	int err = sw_control_ask(path, request, reply);
	json_decref(request);
	if (err == -ENOENT || err == -ECONNREFUSED) {
		sw_complain(command, "not running: nobody answers on %s", path);
		return SW_EXIT_NOT_RUNNING;
	}
	if (err != 0)
		sw_complain(command, "%s: %s%s", path,
			err == -EPROTO ? "the answer broke off" : strerror(-err),
			err == -EACCES ? ": only root and the user that the server runs as may ask it" : "");
	return err ? SW_EXIT_FAILED : SW_EXIT_OK;
}

const char *sw_moment_text(long long seconds, const char *none, char *buffer, size_t size)
{
	time_t at = (time_t)seconds;
	struct tm parts;
	if (seconds <= 0 || seconds == INT64_MAX || gmtime_r(&at, &parts) == NULL)
		return seconds <= 0 ? none : "not by itself";
	strftime(buffer, size, "%Y-%m-%d %H:%M:%S UTC", &parts);
	return buffer;
}

static int help(FILE *to)
{
	fputs("Seawall " SW_VERSION ": an authoritative DNS server that answers inside the kernel\n\n"
	      "usage: seawall COMMAND [OPTIONS]\n\n",
		to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'seawall COMMAND --help' explains each, with an example; 'seawall --version' says which "
	      "this is.\n"
	      "Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 not running"
	      " (convert: something was not converted).\n",
		to);
	return to == stdout ? SW_EXIT_OK : SW_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--version") == 0) {
		puts("seawall " SW_VERSION);
		return SW_EXIT_OK;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0)
		return help(stdout);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i]->name) == 0) {
			char whole[32];
			snprintf(whole, sizeof(whole), "seawall %s", name);
			argv[1] = whole; /* how getopt_long() begins its complaints */
			return commands[i]->run(commands[i], argc - 1, argv + 1);
		}
	}
	if (name[0] != '\0')
		fprintf(stderr, "seawall: error: there is no command '%s'\n\n", name);
	return help(stderr);
}
