/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include "cli/sources.h"
#include "xdp/pins.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Take off what 'seawall serve --pin' has left in the kernel: when the process has died and none \n"
	"will come after it. Until then, or for as long as 'outlive' says, the kernel goes on answering.\n\n"
	"usage: seawall unload FILE            the directory is 'pin' of 'server' in this configuration\n"
	"       seawall unload --pin DIR\n\n"
	"  --help          this text\n\n"
	"Example: seawall unload --pin /sys/fs/bpf/seawall\n";

static int unload(const struct sw_command *command, const char *directory)
{
	char why[SW_PINS_WHY_MAX];
	struct sw_pins *pins;
	int error = sw_pins_open(&pins, directory, false, why);
	if (error) {
		sw_complain(command, "%s%s", why, error == -EBUSY ? ": stop it, it takes them off" : "");
		return SW_EXIT_FAILED;
	}
	int swept = sw_pins_sweep(pins, NULL, 0);
	sw_pins_close(pins);
	if (swept < 0) {
		sw_complain(command, "%s: %s", directory, strerror(-swept));
		return SW_EXIT_FAILED;
	}
	printf("%d link(s) taken off\n", swept);
	return SW_EXIT_OK;
}

static int unload_configured(const struct sw_command *command, const char *file)
{
	char why[SW_WHY_TEXT_MAX];
	struct sw_settings *settings;
	const struct sw_sources sources = {.file = file};
	if (sw_sources_read(&sources, &settings, why) != 0) {
		sw_complain(command, "%s", why);
		return SW_EXIT_USAGE;
	}
	int code = SW_EXIT_USAGE;
	if (settings->pin)
		code = unload(command, settings->pin);
	else
		sw_complain(command, "%s has no 'pin': nothing outlives that process", file);
	sw_settings_free(settings);
	return code;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{"pin", required_argument, NULL, 'p'}, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	const char *directory = NULL;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'p')
			return sw_option_common(command, option);
		directory = optarg;
	}
	if (argc - optind + (directory != NULL) != 1) {
		sw_complain(command, "a configuration, or --pin DIR?");
		return SW_EXIT_USAGE;
	}
	return directory ? unload(command, directory) : unload_configured(command, argv[optind]);
}

const struct sw_command sw_command_unload = {
	"unload", "take off what a process that died left in the kernel", help, run};
