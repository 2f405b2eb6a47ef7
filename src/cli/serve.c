/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include "cli/guarded.h"
#include "serve/log.h"
#include "serve/node.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
	"Serve zones; stays in the foreground until SIGTERM or SIGINT. SIGHUP reloads.\n\n"
	"usage: seawall serve [FILE] [OPTIONS]\n\n"
	"  FILE                configuration in YAML (docs/configuration.md); none is needed\n"
	"  --zone ORIGIN=FILE  serve the zone ORIGIN from a master file; repeatable\n"
	"  --zone-list FILE    serve the zones of a list, lines ORIGIN<TAB>FILE; repeatable\n"
	"  --listen ADDR@PORT  answer there; repeatable (default: 0.0.0.0@53 and ::@53)\n"
	"  --xdp IFACE         answer inside the kernel on this interface; repeatable\n"
	"  --xdp none          answer from sockets only\n"
	"                      (default: the interfaces that have the addresses of --listen)\n"
	"  --pin DIR           go on answering in the kernel when this process is gone, until the\n"
	"                      next one takes over: links are kept in this directory of a BPF\n"
	"                      filesystem ('seawall unload' takes them off)\n"
	"  --control PATH      control socket, or 'none' (default: $SEAWALL_CONTROL, else\n"
	"                      /run/seawall/control.sock; without root\n"
	"                      $XDG_RUNTIME_DIR/seawall/control.sock)\n"
	"  --help              this text\n\n"
	"Zones of FILE and of the options are all served; --listen, --xdp, --pin and --control replace what "
	"FILE says.\n\n"
	"Example: seawall serve --zone example.com=example.com.zone --listen 127.0.0.1@5353\n";

static int reread(void *arg, struct sw_settings **settings, char *why)
{
	return sw_sources_read(arg, settings, why);
}

static int take_option(struct sw_sources *sources, int option)
{
	switch (option) {
	case 'z':
		return sw_words_add(&sources->zones, optarg);
	case 'Z':
		return sw_words_add(&sources->zone_lists, optarg);
	case 'l':
		return sw_words_add(&sources->listens, optarg);
	case 'x':
		return sw_words_add(&sources->xdps, optarg);
	case 'p':
		sources->pin = optarg;
		return 0;
	case 'c':
		sources->control = optarg;
		return 0;
	default:
		return -EINVAL;
	}
}

static int serve(const struct sw_command *command, struct sw_sources *sources)
{
	char why[SW_WHY_TEXT_MAX];
	struct sw_settings *settings;
	if (sw_sources_read(sources, &settings, why) != 0) {
		sw_complain(command, "%s", why);
		return SW_EXIT_USAGE;
	}
	sw_log_stamp(getenv("JOURNAL_STREAM") == NULL);
	struct sw_guest *guest = sw_guarded_new(settings);
	int err = guest ? sw_node_run(settings, reread, sources, guest) : -ENOMEM;
	sw_guarded_free(guest);
	sw_settings_free(settings);
	return err == 0 ? SW_EXIT_OK : err == -EINVAL ? SW_EXIT_USAGE : SW_EXIT_FAILED;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {SW_SOURCE_OPTIONS, {"listen", required_argument, NULL, 'l'},
		{"xdp", required_argument, NULL, 'x'}, {"pin", required_argument, NULL, 'p'},
		SW_CONTROL_OPTION, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	struct sw_sources sources = {0};
	int option, err;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		err = take_option(&sources, option);
		if (err == -EINVAL)
			return sw_option_common(command, option);
		if (err != 0)
			return SW_EXIT_FAILED;
	}
	if (argc - optind > 1) {
		sw_complain(command, "one configuration file at most, and here are '%s' and '%s'",
			argv[optind], argv[optind + 1]);
		return SW_EXIT_USAGE;
	}
	sources.file = optind < argc ? argv[optind] : NULL;
	int code = serve(command, &sources);
	sw_sources_free(&sources);
	return code;
}

const struct sw_command sw_command_serve = {"serve", "serve zones", help, run};
