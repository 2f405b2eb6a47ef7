/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/verdict.h"
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define ZONES_SHOWN 30

static const char help[] =
	"Say what the running daemon serves and how: zones, engine of each interface and the reason for it,\n"
	"answers by kind from kernel and sockets, share handed to user space. Exit code 3 when no daemon "
	"runs.\n\n"
	"usage: seawall status [OPTIONS]\n\n"
	"  --json          everything, for programs (keys: docs/operations.md)\n"
	"  --control PATH  control socket of the daemon (default: $SEAWALL_CONTROL, else that\n"
	"                  of 'seawall serve')\n"
	"  --help          this text\n\n"
	"Example: seawall status --json | jq .kernel.punted_share\n";

static const char *duration(long long seconds, char *out, size_t size)
{
	if (seconds >= 86400)
		snprintf(out, size, "%lld d %lld h", seconds / 86400, seconds / 3600 % 24);
	else if (seconds >= 3600)
		snprintf(out, size, "%lld h %lld min", seconds / 3600, seconds / 60 % 60);
	else if (seconds >= 60)
		snprintf(out, size, "%lld min %lld s", seconds / 60, seconds % 60);
	else
		snprintf(out, size, "%lld s", seconds);
	return out;
}

static const char *bytes(long long count, char *out, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)count;
	unsigned unit = 0;
	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	snprintf(out, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

static void print_tls(const json_t *tls)
{
	const json_t *handshakes = json_object_get(tls, "handshakes");
	if (!json_is_object(tls))
		return;
	printf("%-11s %lld handshakes, %lld of them by a ticket, %lld going on; %lld failed, %lld not in "
	       "time, %lld "
	       "closed for room; %lld refused; pin sha256/%s\n",
		"tls", sw_json_number(handshakes, "handshakes"), sw_json_number(handshakes, "resumed"),
		sw_json_number(handshakes, "open"), sw_json_number(handshakes, "failed"),
		sw_json_number(handshakes, "timeout"), sw_json_number(handshakes, "overload"),
		sw_json_number(handshakes, "prefix"),
		sw_json_text(json_object_get(tls, "certificate"), "pin_sha256"));
}

/** Of zones that change; nothing where none can. */
static void print_live(const json_t *status)
{
	const json_t *transfers = json_object_get(status, "transfers"),
		     *in = json_object_get(transfers, "in"), *out = json_object_get(transfers, "out"),
		     *updates = json_object_get(status, "updates"),
		     *notifies = json_object_get(status, "notifies"),
		     *heard = json_object_get(notifies, "in"), *told = json_object_get(notifies, "out"),
		     *parents = json_object_get(status, "parents"),
		     *tsig = json_object_get(status, "tsig_failures");
	if (!json_is_object(transfers))
		return;
	printf("%-11s in: %lld running, %lld waiting, %lld done, %lld had nothing newer, %lld failed, %lld "
	       "refused\n",
		"transfers", sw_json_number(in, "running"), sw_json_number(in, "waiting"),
		sw_json_number(in, "done"), sw_json_number(in, "current"), sw_json_number(in, "failed"),
		sw_json_number(in, "refused"));
	printf("%-11s out: %lld running, %lld done, %lld broken off, %lld refused\n", "",
		sw_json_number(out, "running"), sw_json_number(out, "done"), sw_json_number(out, "failed"),
		sw_json_number(out, "refused"));
	printf("%-11s %lld taken, %lld passed on, %lld refused, %lld dropped\n", "updates",
		sw_json_number(updates, "taken"), sw_json_number(updates, "forwarded"),
		sw_json_number(updates, "refused"), sw_json_number(updates, "dropped"));
	printf("%-11s in: %lld taken, %lld refused, %lld dropped; out: %lld running, %lld sent, %lld "
	       "answered, %lld refused, %lld given up\n",
		"notify", sw_json_number(heard, "taken"), sw_json_number(heard, "refused"),
		sw_json_number(heard, "dropped"), sw_json_number(told, "running"),
		sw_json_number(told, "told"), sw_json_number(told, "heard"), sw_json_number(told, "refused"),
		sw_json_number(told, "given_up"));
	if (sw_json_number(parents, "asked") > 0)
		printf("%-11s %lld asked for a DS: %lld failed, %lld not as awaited yet, %lld as awaited; "
		       "%lld "
		       "noted\n",
			"parents", sw_json_number(parents, "asked"), sw_json_number(parents, "failed"),
			sw_json_number(parents, "waiting"), sw_json_number(parents, "agreed"),
			sw_json_number(parents, "noted"));
	printf("%-11s refused: %lld of unknown keys, %lld wrong, %lld out of time, %lld cut short, %lld "
	       "malformed; %lld dropped\n",
		"signatures", sw_json_number(tsig, "badkey"), sw_json_number(tsig, "badsig"),
		sw_json_number(tsig, "badtime"), sw_json_number(tsig, "badtrunc"),
		sw_json_number(tsig, "malformed"), sw_json_number(tsig, "dropped"));
}

static void print_head(const json_t *status)
{
	char buffer[64];
	size_t i;
	json_t *item;
	printf("seawall %s  pid %lld  %s  up %s\n", sw_json_text(status, "version"),
		sw_json_number(status, "pid"), sw_json_text(status, "state"),
		duration(sw_json_number(status, "uptime_seconds"), buffer, sizeof(buffer)));
	printf("%-11s", "listen");
	json_array_foreach(json_object_get(status, "listen"), i, item) printf(" %s", json_string_value(item));
	putchar('\n');
	json_array_foreach(json_object_get(status, "interfaces"), i, item)
		printf("%-11s %s: %s%s\n", i ? "" : "interfaces", sw_json_text(item, "interface"),
			strcmp(sw_json_text(item, "engine"), "sockets") == 0 ? "sockets: " : "",
			sw_json_text(item, "reason"));
	const json_t *kernel = json_object_get(status, "kernel");
	if (!json_is_true(json_object_get(kernel, "loaded")))
		printf("%-11s not used: %s\n", "kernel", sw_json_text(kernel, "reason"));
	const json_t *share = json_object_get(kernel, "punted_share");
	if (json_is_real(share))
		printf("%-11s %.4g %% of UDP questions\n", "punted", 100 * json_real_value(share));
	const json_t *connections = json_object_get(json_object_get(status, "tcp"), "connections");
	printf("%-11s %lld open, %lld accepted; closed %lld idle, %lld over lifetime, %lld for room; %lld "
	       "refused\n",
		"tcp", sw_json_number(connections, "open"), sw_json_number(connections, "accepted"),
		sw_json_number(connections, "idle"), sw_json_number(connections, "lifetime"),
		sw_json_number(connections, "overload"), sw_json_number(connections, "prefix"));
	print_tls(json_object_get(status, "tls"));
	print_live(status);
	printf("%-11s %s\n", "image", bytes(sw_json_number(status, "image_bytes"), buffer, sizeof(buffer)));
}

static void print_verdict(const json_t *columns[3], const char *label, const char *meaning)
{
	long long counts[3], sum = 0;
	for (unsigned i = 0; i < 3; i++)
		sum += counts[i] = sw_json_number(columns[i], label);
	if (sum > 0)
		printf("%-14s %14lld %14lld %14lld  %s\n", label, counts[0], counts[1], counts[2], meaning);
}

static void print_verdicts(const json_t *status)
{
	static const char *const parts[3] = {"kernel", "udp", "tcp"};
	const json_t *columns[3];
	for (unsigned i = 0; i < 3; i++)
		columns[i] = json_object_get(json_object_get(status, parts[i]), "verdicts");
	printf("\n%-14s %14s %14s %14s\n", "questions", "kernel", "UDP sockets", "TCP");
#define X(name, label, text) print_verdict(columns, label, text);
	SW_VERDICTS(X)
#undef X
}

static void print_zone(const json_t *zone)
{
	char buffer[64];
	printf("%-32s %-9s %10lld %10lld %10lld %10s%s\n", sw_json_text(zone, "zone"),
		sw_json_text(zone, "state"), sw_json_number(zone, "serial"), sw_json_number(zone, "names"),
		sw_json_number(zone, "records"),
		bytes(sw_json_number(zone, "image_bytes"), buffer, sizeof(buffer)),
		json_is_true(json_object_get(zone, "signed")) ? "  signed" : "");
	if (sw_json_text(zone, "reason")[0])
		printf("  %s\n", sw_json_text(zone, "reason"));
}

/** Those that need a person first; of many zones only so many. */
static void print_zones(const json_t *zones)
{
	size_t i, shown = 0, count = json_array_size(zones);
	json_t *zone;
	printf("\n%-32s %-9s %10s %10s %10s %10s\n", "zone", "state", "serial", "names", "records", "image");
	for (int is_good = 0; is_good < 2; is_good++) {
		json_array_foreach(zones, i, zone)
		{
			if ((strcmp(sw_json_text(zone, "state"), "serving") == 0) == is_good &&
				shown < ZONES_SHOWN) {
				print_zone(zone);
				shown++;
			}
		}
	}
	if (shown < count)
		printf("... and %zu more: 'seawall status --json' has them all\n", count - shown);
	else if (count == 0)
		puts("none");
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, SW_CONTROL_OPTION, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	const char *control = NULL;
	bool is_json = false;
	json_t *status;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			control = optarg;
		else if (option == 'j')
			is_json = true;
		else
			return sw_option_common(command, option);
	}
	if (optind < argc) {
		sw_complain(command, "no arguments are taken");
		return SW_EXIT_USAGE;
	}
	int code = sw_ask(command, control, json_pack("{s:s}", "command", "status"), &status);
	if (code != SW_EXIT_OK)
		return code;
	if (is_json) {
		json_dumpf(status, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_head(status);
		print_verdicts(status);
		print_zones(json_object_get(status, "zones"));
	}
	json_decref(status);
	return SW_EXIT_OK;
}

const struct sw_command sw_command_status = {"status", "say what the running daemon does", help, run};
