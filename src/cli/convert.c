/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/convert.h"
#include "cli/cli.h"
#include "cli/config.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char help[] =
	"Turn the configuration of another name server into one for Seawall: zones with their files, "
	"primaries,\n"
	"who may have them and change them, catalogs of zones, keys, addresses, TLS. What cannot be said "
	"becomes a\n"
	"comment there, with file and line, and a line on standard error. Exit code 0 when all was "
	"converted, 3 when\n"
	"something was not, 1 when nothing was.\n\n"
	"usage: seawall convert --from bind|knot|nsd FILE [--output FILE]\n\n"
	"  FILE           named.conf, knot.conf or nsd.conf; what it includes is read, too\n"
	"  --from SERVER  whose it is: bind, knot or nsd\n"
	"  --output FILE  write there, for its owner's eyes only: there are secrets in it. It must not be\n"
	"                 there yet (default: standard output)\n"
	"  --help         this text\n\n"
	"Example: seawall convert --from bind /etc/bind/named.conf --output seawall.yaml\n";

static const struct language {
	const char *name, *title;
	int (*read)(struct sw_plan *plan);
} languages[] = {
	{"bind", "BIND", sw_convert_bind},
	{"knot", "Knot DNS", sw_convert_knot},
	{"nsd", "NSD", sw_convert_nsd},
};

/** Whether our own reader takes it; what it warns about is said.
 * @param output  NULL: it is in `written` alone
 * @return 0 or -errno, with a text */
static int try(FILE *written, const char *output, char *why)
{
	char path[64];
	struct sw_settings *settings = sw_settings_new();
	if (settings == NULL)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(written));
	int err = sw_config_read(output ? output : path, settings, why);
	if (err == 0)
		err = sw_settings_finish(settings, why);
	sw_settings_free(settings);
	return err;
}

static int copy(FILE *from, FILE *to)
{
	char bytes[1 << 16];
	rewind(from);
	for (size_t len; (len = fread(bytes, 1, sizeof(bytes), from)) > 0;) {
		if (fwrite(bytes, 1, len, to) != len)
			return -EIO;
	}
	return ferror(from) || fflush(to) != 0 ? -EIO : 0;
}

/** @param output  NULL: standard output */
static int deliver(FILE *written, const char *output)
{
	if (output == NULL)
		return copy(written, stdout);
	int fd = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
	if (to == NULL)
		return -errno;
	int err = copy(written, to);
	if (fclose(to) != 0 && err == 0)
		err = -errno;
	return err;
}

static int convert(const struct sw_command *command, const struct language *language, struct sw_plan *plan,
	const char *output)
{
	char why[SW_WHY_TEXT_MAX] = "";
	int err = language->read(plan), fd = -1;
	FILE *written = NULL;
	if (err == 0) {
		fd = memfd_create("seawall.yaml", MFD_CLOEXEC);
		written = fd < 0 ? NULL : fdopen(fd, "w+");
		err = written ? 0 : -errno;
	}
	if (err == 0) {
		sw_plan_write(plan, written);
		err = plan->error[0] ? -EINVAL : fflush(written) ? -EIO : 0;
	}
	if (err != 0) {
		sw_complain(command, "%s", plan->error[0] ? plan->error : strerror(-err));
	} else if ((err = deliver(written, output)) != 0) {
		sw_complain(command, "%s: %s", output ? output : "standard output", strerror(-err));
	} else if ((err = try(written, output, why)) != 0) {
		/* it is there all the same: to be looked at and mended */
		sw_complain(command, "what was written is refused by our own reader: %s", why);
	}
	if (written != NULL)
		fclose(written);
	return err ? SW_EXIT_FAILED : plan->lost ? SW_EXIT_PARTLY : SW_EXIT_OK;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {{"from", required_argument, NULL, 'f'},
		{"output", required_argument, NULL, 'o'}, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	const struct language *language = NULL, *end = languages + sizeof(languages) / sizeof(languages[0]);
	const char *output = NULL;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o') {
			output = optarg;
			continue;
		}
		if (option != 'f')
			return sw_option_common(command, option);
		for (language = languages; language < end && strcmp(language->name, optarg) != 0;)
			language++;
		if (language == end) {
			sw_complain(command, "--from %s: bind, knot or nsd?", optarg);
			return SW_EXIT_USAGE;
		}
	}
	if (language == NULL || argc - optind != 1) {
		sw_complain(command, "--from bind|knot|nsd and one file are needed");
		return sw_option_common(command, '?');
	}
	struct sw_plan plan = {.from = language->title, .path = argv[optind]};
	int code = convert(command, language, &plan, output);
	sw_plan_end(&plan);
	return code;
}

const struct sw_command sw_command_convert = {
	"convert", "turn a configuration of BIND, Knot or NSD into one for Seawall", help, run};
