// SPDX-License-Identifier: GPL-3.0-or-later
#include "options.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_MAX 100000
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char help[] =
	"The traffic of the drill: honest resolvers and an attack, inside the drill's own network "
	"namespaces.\n"
	"Started by script/drill; docs/drill.md says what it models.\n\n"
	"usage: traffic --scenario FILE --names FILE --victim ZONE --links A,B,C,D --out FILE [OPTIONS]\n"
	"       traffic --check FILE\n"
	"       traffic --simulate LOSS [--seed N]\n\n"
	"  --scenario FILE   phases and vectors\n"
	"  --phases A,B      only these\n"
	"  --names FILE      what is asked, and the truth about it\n"
	"  --fresh FILE      names that exist only after the reload\n"
	"  --victim ZONE     the zone under attack\n"
	"  --links A,B,C,D   interfaces to the POPs, in their order\n"
	"  --unit N          L: honest queries per second at one POP in peace (2000)\n"
	"  --seed N          the same seed makes the same traffic (1)\n"
	"  --dry             make the attack's packets, but do not send them\n"
	"  --out FILE        where the recording goes\n"
	"  --check FILE      read a scenario, say what is wrong with it\n"
	"  --simulate LOSS   no packets: how much more resolvers ask when this share of tries is lost\n"
	"  --help            this text\n";

enum { SCENARIO = 1, PHASES, NAMES, FRESH, VICTIM, LINKS, UNIT, SEED, DRY, OUT, CHECK, SIMULATE, HELP };

static const struct option known[] = {{"scenario", required_argument, NULL, SCENARIO},
	{"phases", required_argument, NULL, PHASES}, {"names", required_argument, NULL, NAMES},
	{"fresh", required_argument, NULL, FRESH}, {"victim", required_argument, NULL, VICTIM},
	{"links", required_argument, NULL, LINKS}, {"unit", required_argument, NULL, UNIT},
	{"seed", required_argument, NULL, SEED}, {"dry", no_argument, NULL, DRY},
	{"out", required_argument, NULL, OUT}, {"check", required_argument, NULL, CHECK},
	{"simulate", required_argument, NULL, SIMULATE}, {"help", no_argument, NULL, HELP}, {0}};

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "traffic: %s: %s\n", what, value);
	return -EINVAL;
}

static int number_parse(const char *text, double least, double most, double *number)
{
	char *end;

	*number = strtod(text, &end);
	return *text && !*end && *number >= least && *number <= most ? 0 : -EINVAL;
}

static int links_parse(struct lab_options *options, char *text)
{
	uint32_t count = 0;

	for (char *name = strtok(text, ","); name; name = strtok(NULL, ","))
		if (count++ < LAB_POPS)
			options->link[count - 1] = name;
	return count == LAB_POPS ? 0 : complain("--links wants four interfaces", text);
}

static int option_take(struct lab_options *options, int option, char *value)
{
	double seed;

	switch (option) {
	case SCENARIO:
		options->scenario = value;
		return 0;
	case PHASES:
		options->phases = value;
		return 0;
	case NAMES:
		options->names = value;
		return 0;
	case FRESH:
		options->fresh = value;
		return 0;
	case VICTIM:
		options->victim = value;
		return 0;
	case OUT:
		options->out = value;
		return 0;
	case CHECK:
		options->scenario = value;
		options->is_check = true;
		return 0;
	case LINKS:
		return links_parse(options, value);
	case UNIT:
		return number_parse(value, 1, UNIT_MAX, &options->unit_qps) ? complain("--unit", value) : 0;
	case SEED:
		if (number_parse(value, 0, 1e15, &seed))
			return complain("--seed", value);
		options->seed = (uint64_t)seed;
		return 0;
	case DRY:
		options->is_dry = true;
		return 0;
	case SIMULATE:
		return number_parse(value, 0, 1, &options->simulated_loss) ? complain("--simulate", value)
									   : 0;
	case HELP:
		fputs(help, stdout);
		return 1;
	default:
		return -EINVAL; /* getopt has said why */
	}
}

int lab_options_parse(struct lab_options *options, int argc, char **argv)
{
	int option, result;

	*options = (struct lab_options){.seed = 1, .unit_qps = 2000, .simulated_loss = -1};
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		result = option_take(options, option, optarg);
		if (result)
			return result;
	}
	if (optind < argc)
		return complain("unknown argument", argv[optind]);
	if (options->simulated_loss < 0 && !options->is_check &&
		(!options->scenario || !options->names || !options->victim || !options->out ||
			!options->link[0]))
		return complain("wanted", "--scenario, --names, --victim, --links and --out");
	return 0;
}
