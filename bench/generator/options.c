// SPDX-License-Identifier: GPL-3.0-or-later
#include "options.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"generator --interface IF --server ADDR --server-mac MAC --query PATTERN --count N --expect KIND\n"
	"          [--edns] [--do] [--echo] [--honest PATTERN --honest-count N --honest-one-in "
	"POWER-OF-TWO]\n"
	"          [--closed WINDOW [--poll] | --open | --rate PPS [--drain] [--hold N]] [--batch N] [--runs "
	"N] "
	"[--seconds S] "
	"[--warmup "
	"S]\n"
	"          [--account PID ...] [--server-core N] [--sample-one-in POWER-OF-TWO]\n"
	"          [--dump FILE --dump-count N]\n"
	"\n"
	"Sends DNS queries through one end of a veth pair and counts the answers; one line of JSON for each "
	"run.\n"
	"In a PATTERN, % stands for seven digits and follows a letter, ? for eight random letters: "
	"h%.example\n";

enum {
	OPT_INTERFACE = 1,
	OPT_SERVER,
	OPT_SERVER_MAC,
	OPT_QUERY,
	OPT_COUNT,
	OPT_EXPECT,
	OPT_EDNS,
	OPT_DO,
	OPT_ECHO,
	OPT_HONEST,
	OPT_HONEST_COUNT,
	OPT_HONEST_ONE_IN,
	OPT_CLOSED,
	OPT_OPEN,
	OPT_RATE,
	OPT_DRAIN,
	OPT_HOLD,
	OPT_POLL,
	OPT_BATCH,
	OPT_RUNS,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_ACCOUNT,
	OPT_SERVER_CORE,
	OPT_SAMPLE,
	OPT_DUMP,
	OPT_DUMP_COUNT,
};

static const struct option long_options[] = {{"interface", 1, NULL, OPT_INTERFACE},
	{"server", 1, NULL, OPT_SERVER}, {"server-mac", 1, NULL, OPT_SERVER_MAC},
	{"query", 1, NULL, OPT_QUERY}, {"count", 1, NULL, OPT_COUNT}, {"expect", 1, NULL, OPT_EXPECT},
	{"edns", 0, NULL, OPT_EDNS}, {"do", 0, NULL, OPT_DO}, {"echo", 0, NULL, OPT_ECHO},
	{"honest", 1, NULL, OPT_HONEST}, {"honest-count", 1, NULL, OPT_HONEST_COUNT},
	{"honest-one-in", 1, NULL, OPT_HONEST_ONE_IN}, {"closed", 1, NULL, OPT_CLOSED},
	{"open", 0, NULL, OPT_OPEN}, {"rate", 1, NULL, OPT_RATE}, {"drain", 0, NULL, OPT_DRAIN},
	{"hold", 1, NULL, OPT_HOLD}, {"poll", 0, NULL, OPT_POLL}, {"batch", 1, NULL, OPT_BATCH},
	{"runs", 1, NULL, OPT_RUNS}, {"seconds", 1, NULL, OPT_SECONDS}, {"warmup", 1, NULL, OPT_WARMUP},
	{"account", 1, NULL, OPT_ACCOUNT}, {"server-core", 1, NULL, OPT_SERVER_CORE},
	{"sample-one-in", 1, NULL, OPT_SAMPLE}, {"dump", 1, NULL, OPT_DUMP},
	{"dump-count", 1, NULL, OPT_DUMP_COUNT}, {NULL, 0, NULL, 0}};

static bool parse_u32(const char *text, uint32_t *value)
{
	char *end;
	unsigned long parsed = strtoul(text, &end, 10);

	*value = (uint32_t)parsed;
	return *text && !*end && parsed <= UINT32_MAX;
}

static bool parse_positive(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return *text && !*end && *value >= 0;
}

static bool parse_power(const char *text, uint32_t *value)
{
	return parse_u32(text, value) && *value && (*value & (*value - 1)) == 0;
}

static bool parse_address(const char *text, uint32_t *address)
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, text, &parsed) != 1)
		return false;
	*address = ntohl(parsed.s_addr);
	return true;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		       &mac[5]) == 6;
}

static bool parse_kind(const char *text, enum bench_kind *kind)
{
	static const char *const names[] = {
#define X(name, text) text,
		BENCH_KINDS(X)
#undef X
	};

	for (unsigned i = 0; i < BENCH_KINDS_COUNT; i++)
		if (strcmp(text, names[i]) == 0) {
			*kind = i;
			return true;
		}
	return false;
}

static bool parse_process(const char *text, struct bench_options *options)
{
	uint32_t process;

	if (options->processes_count == BENCH_PROCESSES_MAX || !parse_u32(text, &process))
		return false;
	options->processes[options->processes_count++] = (pid_t)process;
	return true;
}

/* What is asked, and of whom. */
static bool parse_traffic(int option, char *value, struct bench_options *options)
{
	switch (option) {
	case OPT_INTERFACE:
		options->interface = value;
		return true;
	case OPT_SERVER:
		return parse_address(value, &options->server);
	case OPT_SERVER_MAC:
		return parse_mac(value, options->server_mac);
	case OPT_QUERY:
		options->query = value;
		return true;
	case OPT_COUNT:
		return parse_u32(value, &options->count);
	case OPT_EXPECT:
		return parse_kind(value, &options->expected);
	case OPT_EDNS:
		return options->with_edns = true;
	case OPT_DO:
		return options->with_edns = options->with_do = true;
	case OPT_ECHO:
		return options->is_echo = true;
	case OPT_HONEST:
		options->honest_query = value;
		return true;
	case OPT_HONEST_COUNT:
		return parse_u32(value, &options->honest_count);
	case OPT_HONEST_ONE_IN:
		return parse_power(value, &options->honest_one_in);
	}
	return false;
}

/* How fast, how long, and what is measured. */
static bool parse_pace(int option, char *value, struct bench_options *options)
{
	switch (option) {
	case OPT_CLOSED:
		options->is_closed = true;
		return parse_u32(value, &options->window);
	case OPT_OPEN:
		options->is_closed = false;
		return true;
	case OPT_RATE:
		options->is_closed = false;
		return parse_positive(value, &options->rate_pps);
	case OPT_DRAIN:
		return options->is_draining = true;
	case OPT_HOLD:
		return parse_u32(value, &options->hold);
	case OPT_POLL:
		return options->is_polling = true;
	case OPT_BATCH:
		return parse_u32(value, &options->batch);
	case OPT_RUNS:
		return parse_u32(value, &options->runs);
	case OPT_SECONDS:
		return parse_positive(value, &options->seconds);
	case OPT_WARMUP:
		return parse_positive(value, &options->warmup_seconds);
	case OPT_ACCOUNT:
		return parse_process(value, options);
	case OPT_SERVER_CORE:
		return parse_u32(value, &options->server_core);
	case OPT_SAMPLE:
		return parse_power(value, &options->sample_one_in);
	case OPT_DUMP:
		options->dump_path = value;
		return true;
	case OPT_DUMP_COUNT:
		return parse_u32(value, &options->dump_count);
	}
	return false;
}

static const char *options_check(const struct bench_options *options)
{
	if (!options->query || !options->count)
		return "--query and --count are needed";
	if (!options->dump_path && !options->interface)
		return "--interface is needed";
	if (options->is_closed && (options->window < 1 || options->window > BENCH_SLOTS / 2))
		return "the window is empty or too large";
	if (options->batch < 1 || options->batch > 256)
		return "--batch goes from 1 to 256";
	if (options->honest_query && (!options->honest_count || !options->honest_one_in))
		return "--honest needs --honest-count and --honest-one-in";
	return NULL;
}

int bench_options_parse(struct bench_options *options, int argc, char **argv)
{
	const char *wrong;
	int option;

	*options = (struct bench_options){.is_closed = true,
		.window = 192,
		.batch = 64,
		.runs = 1,
		.seconds = 1,
		.warmup_seconds = 0.2,
		.sample_one_in = 1024,
		.server_core = 1};
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option != '?' &&
			(option < OPT_CLOSED ? parse_traffic : parse_pace)(option, optarg, options))
			continue;
		fputs(usage, stderr);
		return -EINVAL;
	}
	wrong = options_check(options);
	if (wrong) {
		fprintf(stderr, "generator: %s\n%s", wrong, usage);
		return -EINVAL;
	}
	return 0;
}
