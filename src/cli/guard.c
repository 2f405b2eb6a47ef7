/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/capture.h"
#include "cli/replay.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"What the guard sees and does: who is let in when there is not room for all, and why.\n\n"
	"usage: seawall guard status [OPTIONS]          vectors, lanes, what is scarce\n"
	"       seawall guard lanes [OPTIONS]           the policy: in which lane each combination of facts "
	"waits\n"
	"       seawall guard explain ADDRESS [NAME] [OPTIONS]\n"
	"                                               what becomes of a question from there, and why\n"
	"       seawall guard explain --pcap FILE [OPTIONS]\n"
	"                                               the same for the packets of a capture\n"
	"       seawall guard observe|enforce [OPTIONS] decide and count only, or refuse as well\n"
	"       seawall guard replay FILE [OPTIONS]     what was recorded (guard: record), decided again\n\n"
	"  --ttl N         explain: TTL that its packets arrive with\n"
	"  --cookie        explain: it brings a valid cookie\n"
	"  --pcap FILE     explain: packets as they came to the server, the first 1,000\n"
	"  --port N        explain --pcap: port of the service (default: 53)\n"
	"  --json          everything, for programs\n"
	"  --control PATH  control socket of the daemon (default: $SEAWALL_CONTROL, else that\n"
	"                  of 'seawall serve')\n"
	"  --help          this text\n\n"
	"What explain cannot know: whether a question is a retry, and whether it looks like a learnt "
	"attack.\n"
	"Example: seawall guard explain 192.0.2.1 www.example.com\n";

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void print_lanes(const json_t *lanes)
{
	size_t i;
	json_t *lane;
	printf("%-16s %12s %12s %8s\n", "lane", "offered/s", "refused/s", "admitted");
	json_array_foreach((json_t *)lanes, i, lane) printf("%-16s %12.0f %12.0f %7.1f%%  %s%s\n",
		sw_json_text(lane, "lane"), number(lane, "offered_qps"), number(lane, "refused_qps"),
		100 * number(lane, "admit"), sw_json_text(lane, "who"),
		json_is_true(json_object_get(lane, "never_refused")) ? " (never refused)"
		: json_is_true(json_object_get(lane, "dropped"))     ? " (the others are dropped)"
								     : "");
}

static void print_status(const json_t *status)
{
	size_t i;
	json_t *vector;
	printf("%s; %s; %.0f resolvers known\n", sw_json_text(status, "mode"),
		json_is_true(json_object_get(status, "watching")) ? "not enough room for all"
								  : "room for everybody",
		number(status, "known"));
	if (json_is_true(json_object_get(status, "networks")))
		printf("networks ask for more than their allowance: who has not proven himself there are "
		       "partly sent to "
		       "TCP\n");
	if (json_is_number(json_object_get(status, "room_qps")))
		printf("scarce: %s, room for %.0f answers/s\n", sw_json_text(status, "scarce"),
			number(status, "room_qps"));
	printf("refused since the start: %.0f, of these %.0f by known resolvers for names that exist\n\n",
		number(status, "refused"), number(status, "refused_known"));
	printf("%-16s %-4s %12s %12s %12s %12s\n", "vector", "", "packets/s", "in peace", "threshold",
		"sources");
	json_array_foreach(json_object_get(status, "vectors"), i, vector) printf(
		"%-16s %-4s %12.0f %12.0f %12.0f %12.0f\n", sw_json_text(vector, "vector"),
		json_is_true(json_object_get(vector, "on")) ? "ON" : "", number(vector, "rate_pps"),
		number(vector, "baseline_pps"), number(vector, "threshold_pps"), number(vector, "sources"));
	json_t *signature;
	json_array_foreach(json_object_get(status, "signatures"), i, signature)
		printf("%ssignature %s: %s, matches %.0f%% of the doubtful, %.2f%% of the good\n",
			i ? "" : "\n", sw_json_text(signature, "state"), sw_json_text(signature, "signature"),
			100 * number(signature, "matches"), 100 * number(signature, "hurts"));
	putchar('\n');
	print_lanes(json_object_get(status, "lanes"));
}

static void print_words(const json_t *words)
{
	size_t i;
	json_t *word;
	if (json_array_size(words) == 0)
		printf("none");
	json_array_foreach((json_t *)words, i, word) printf("%s%s", i ? ", " : "", json_string_value(word));
}

static void print_policy(const json_t *reply)
{
	size_t i;
	json_t *row;
	print_lanes(json_object_get(reply, "lanes"));
	printf("\n%-16s %s\n", "lane", "facts");
	json_array_foreach(json_object_get(reply, "policy"), i, row)
	{
		printf("%-16s ", sw_json_text(row, "lane"));
		print_words(json_object_get(row, "facts"));
		putchar('\n');
	}
}

static void print_explanation(const json_t *reply)
{
	size_t i;
	json_t *reason;
	printf("%s: %s\nfacts: ", sw_json_text(reply, "address"), sw_json_text(reply, "action"));
	print_words(json_object_get(reply, "facts"));
	printf("\nlane: %s: %s\n", sw_json_text(reply, "lane"), sw_json_text(reply, "who"));
	json_array_foreach(json_object_get(reply, "reasons"), i, reason)
		printf("- %s\n", json_string_value(reason));
}

static void print_mode(const json_t *reply)
{
	printf("%s\n", strcmp(sw_json_text(reply, "mode"), "observe") == 0
			       ? "observing: decides and counts, refuses nothing"
			       : "enforcing");
}

static const struct verb {
	const char *name, *command;
	int words_min, words_max;
	void (*print)(const json_t *reply);
} verbs[] = {
	{"status", "guard-status", 0, 0, print_status},
	{"lanes", "guard-lanes", 0, 0, print_policy},
	{"explain", "guard-explain", 1, 2, print_explanation},
	{"observe", "guard-observe", 0, 0, print_mode},
	{"enforce", "guard-enforce", 0, 0, print_mode},
};

static int verb_ask(const struct sw_command *command, const struct verb *verb, const char *control,
	json_t *request, bool is_json)
{
	json_t *reply;
	int code = sw_ask(command, control, request, &reply);
	if (code != SW_EXIT_OK)
		return code;
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (error) {
		sw_complain(command, "%s", error);
		code = SW_EXIT_FAILED;
	} else if (is_json) {
		json_dumpf(reply, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		verb->print(reply);
	}
	json_decref(reply);
	return code;
}

static const struct verb *verb_find(const struct sw_command *command, int count, char **words)
{
	const char *name = count > 0 ? words[0] : "";
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		if (count - 1 >= verbs[i].words_min && count - 1 <= verbs[i].words_max)
			return &verbs[i];
		sw_complain(command,
			verbs[i].words_max ? "'%s' takes an address, and a name if you like"
					   : "'%s' takes no words",
			name);
		return NULL;
	}
	sw_complain(command, "status, lanes, explain, observe, enforce or replay FILE?");
	return NULL;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"ttl", required_argument, NULL, 't'}, {"cookie", no_argument, NULL, 'k'},
		{"pcap", required_argument, NULL, 'p'}, {"port", required_argument, NULL, 'P'},
		SW_CONTROL_OPTION, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	const char *control = NULL, *capture = NULL;
	bool is_json = false;
	json_t *request = json_object();
	unsigned long port = 0;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			is_json = true;
		else if (option == 'k')
			json_object_set_new(request, "cookie", json_true());
		else if (option == 't')
			json_object_set_new(request, "ttl", json_integer(strtol(optarg, NULL, 10)));
		else if (option == 'c')
			control = optarg;
		else if (option == 'p')
			capture = optarg;
		else if (option == 'P')
			port = strtoul(optarg, NULL, 10);
		else {
			json_decref(request);
			return sw_option_common(command, option);
		}
	}
	if (argc - optind == 2 && strcmp(argv[optind], "replay") == 0) {
		json_decref(request);
		return sw_replay_print(command, argv[optind + 1], is_json);
	}
	if (capture) {
		json_decref(request);
		if (argc - optind == 1 && strcmp(argv[optind], "explain") == 0)
			return sw_capture_explain(command,
				&(struct sw_capture){capture, control, port ? (unsigned)port : 53, is_json});
		sw_complain(command, "--pcap is for 'explain', without an address");
		return SW_EXIT_USAGE;
	}
	const struct verb *verb = verb_find(command, argc - optind, argv + optind);
	if (!verb) {
		json_decref(request);
		return SW_EXIT_USAGE;
	}
	json_object_set_new(request, "command", json_string(verb->command));
	if (argc - optind > 1)
		json_object_set_new(request, "address", json_string(argv[optind + 1]));
	if (argc - optind > 2)
		json_object_set_new(request, "name", json_string(argv[optind + 2]));
	return verb_ask(command, verb, control, request, is_json);
}

const struct sw_command sw_command_guard = {"guard", "what the guard sees and does, and why", help, run};
