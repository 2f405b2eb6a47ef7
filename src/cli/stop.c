/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <getopt.h>

static const char help[] =
	"Make the running daemon stop: XDP is detached, TCP answers in progress are finished.\n"
	"Exit code 3 when no daemon runs.\n\n"
	"usage: seawall stop [OPTIONS]\n\n"
	"  --control PATH  control socket of the daemon\n"
	"  --help          this text\n\n"
	"Example: seawall stop\n";

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
	if (optind < argc) {
		sw_complain(command, "no arguments are taken");
		return SW_EXIT_USAGE;
	}
	int code = sw_ask(command, control, json_pack("{s:s}", "command", "stop"), &reply);
	if (code == SW_EXIT_OK)
		json_decref(reply);
	return code;
}

const struct sw_command sw_command_stop = {"stop", "stop the running daemon", help, run};
