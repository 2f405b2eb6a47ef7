/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/answer.h"
#include "cli/answer_kernel.h"
#include "cli/cli.h"
#include "serve/identity.h"
#include "wire/bytes.h"
#include "zone/load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu.h>

#define MESSAGE_MAX 65535
#define INPUT_BYTES (1 << 20)
#define OUTPUT_BYTES (4 << 20)

static const char help[] =
	"Answer DNS messages from standard input on standard output, without a network. Each message, and "
	"each\n"
	"reply, is preceded by its length as two bytes, high byte first; length 0 stands for no reply.\n\n"
	"usage: seawall answer [FILE] [OPTIONS] < QUERIES > REPLIES\n\n"
	"  FILE                  configuration in YAML: its zones, identity and cookie secrets\n"
	"  --zone ORIGIN=FILE    answer for the zone ORIGIN from a master file; repeatable\n"
	"  --zone-list FILE      answer for the zones of a list, lines ORIGIN<TAB>FILE; repeatable\n"
	"  --engine native       the answer path compiled for user space (default; needs no rights)\n"
	"  --engine kernel       the XDP program, run by the kernel on a frame around each message; what it\n"
	"                        leaves to user space is answered natively (needs root)\n"
	"  --source ADDR         the asker's address (default: 192.0.2.1)\n"
	"  --stream              answer as over TCP; native engine only\n"
	"  --time SECONDS        clock for cookies, seconds since 1970 (default: now)\n"
	"  --cookie-secret HEX   128 bits; a second one is the previous secret\n"
	"  --nsid TEXT           answer to NSID, in hexadecimal after 0x\n"
	"  --punted              say on standard error how many messages the kernel left to user space\n"
	"  --help                this text\n\n"
	"Example: seawall answer --zone example.com=example.com.zone --engine kernel < queries > replies\n";

enum { OPT_ENGINE = 1, OPT_SOURCE, OPT_STREAM, OPT_TIME, OPT_SECRET, OPT_NSID, OPT_PUNTED };

struct answerer {
	const struct sw_command *command;
	struct sw_sources sources;
	struct sw_words secrets;
	const char *nsid;
	uint32_t time_s;
	bool is_kernel, says_punted;
	struct sw_asker asker;
	struct sw_kernel *kernel;
	struct sw_store *store;
	struct sw_worker *worker;
	struct sw_frame frame;
	unsigned long long messages, punted;
	uint8_t in[INPUT_BYTES], out[OUTPUT_BYTES];
};

/* ---- options ---- */

static int usage(const struct answerer *a, const char *option, const char *value)
{
	sw_complain(a->command, "--%s %s: not understood", option, value);
	return -EINVAL;
}

static int take_source(struct answerer *a, const char *text)
{
	if (inet_pton(AF_INET, text, a->asker.address) == 1)
		a->asker.address_len = 4;
	else if (inet_pton(AF_INET6, text, a->asker.address) == 1)
		a->asker.address_len = 16;
	else
		return usage(a, "source", text);
	return 0;
}

static int take_time(struct answerer *a, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value == 0 || value > UINT32_MAX)
		return usage(a, "time", text);
	a->time_s = (uint32_t)value;
	return 0;
}

static int take_engine(struct answerer *a, const char *text)
{
	a->is_kernel = strcmp(text, "kernel") == 0;
	return a->is_kernel || strcmp(text, "native") == 0 ? 0 : usage(a, "engine", text);
}

/** @return 0, -EINVAL when told already, -ENOENT when there is no such option */
static int take_option(struct answerer *a, int option)
{
	switch (option) {
	case 'z':
		return sw_words_add(&a->sources.zones, optarg);
	case 'Z':
		return sw_words_add(&a->sources.zone_lists, optarg);
	case OPT_ENGINE:
		return take_engine(a, optarg);
	case OPT_SOURCE:
		return take_source(a, optarg);
	case OPT_STREAM:
		a->asker.stream = true;
		return 0;
	case OPT_TIME:
		return take_time(a, optarg);
	case OPT_SECRET:
		return sw_words_add(&a->secrets, optarg);
	case OPT_NSID:
		a->nsid = optarg;
		return 0;
	case OPT_PUNTED:
		a->says_punted = true;
		return 0;
	default:
		return -ENOENT;
	}
}

/** @return SW_EXIT_OK to go on with, or the code to leave with in *code */
static bool take_options(struct answerer *a, int argc, char **argv, int *code)
{
	static const struct option options[] = {SW_SOURCE_OPTIONS,
		{"engine", required_argument, NULL, OPT_ENGINE},
		{"source", required_argument, NULL, OPT_SOURCE}, {"stream", no_argument, NULL, OPT_STREAM},
		{"time", required_argument, NULL, OPT_TIME},
		{"cookie-secret", required_argument, NULL, OPT_SECRET},
		{"nsid", required_argument, NULL, OPT_NSID}, {"punted", no_argument, NULL, OPT_PUNTED},
		SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	int option;
	*code = SW_EXIT_USAGE;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int err = take_option(a, option);
		if (err == -ENOENT)
			*code = sw_option_common(a->command, option);
		if (err != 0)
			return false;
	}
	if (argc - optind > 1) {
		sw_complain(a->command, "one configuration file at most");
		return false;
	}
	a->sources.file = optind < argc ? argv[optind] : NULL;
	if (a->is_kernel && a->asker.stream) {
		sw_complain(a->command, "--stream needs --engine native: the kernel answers UDP only");
		return false;
	}
	return true;
}

/* ---- opening ---- */

static int configure(struct answerer *a, struct sw_settings **settings)
{
	char why[SW_WHY_TEXT_MAX] = "";
	int err = sw_sources_read(&a->sources, settings, why);
	if (err == 0 && a->secrets.count > 0)
		(*settings)->cookie_secret_count = 0;
	for (size_t i = 0; err == 0 && i < a->secrets.count; i++)
		err = sw_settings_add_cookie_secret(*settings, a->secrets.word[i], why);
	if (err == 0 && a->nsid != NULL)
		err = sw_settings_set_nsid(*settings, a->nsid, why);
	if (err != 0)
		sw_complain(a->command, "%s", why);
	return err;
}

static int open_store(struct answerer *a)
{
	struct sw_backing backing;
	char why[SW_WHY_MAX] = "";
	if (!a->is_kernel)
		return sw_store_new(&a->store, NULL);
	int err = sw_kernel_open(&a->kernel, why);
	if (err == 0)
		err = sw_kernel_load(a->kernel, why);
	if (err != 0) {
		sw_complain(a->command, "no kernel engine: %s", why[0] ? why : strerror(-err));
		return err;
	}
	a->frame.kernel = a->kernel;
	a->frame.source_len = a->asker.address_len;
	memcpy(a->frame.source, a->asker.address, sizeof(a->frame.source));
	sw_kernel_backing(a->kernel, &backing);
	err = sw_store_new(&a->store, &backing);
	return err ? err : sw_frame_listen(a->kernel);
}

static int load(struct answerer *a, const struct sw_settings *settings)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < settings->zone_count; i++) {
		struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
		struct sw_contents *contents = NULL;
		if (settings->zones[i].file == NULL)
			continue; /* it would come from its primaries */
		err = sw_zone_load(settings->zones[i].apex, sw_store_key(a->store), settings->zones[i].file,
			&findings, &contents);
		if (err == 0)
			err = sw_store_prepare(a->store, contents);
		sw_contents_free(contents);
		if (err != 0)
			sw_complain(a->command, "%s: %s", settings->zones[i].file,
				err == -EBADMSG ? "the zone is refused" : strerror(-err));
	}
	return err ? err : sw_store_publish(a->store);
}

static int start(struct answerer *a, const struct sw_settings *settings)
{
	int err = open_store(a);
	if (err != 0)
		return err;
	struct sw_control *control = sw_store_control(a->store);
	sw_identity_clock(control);
	control->clock_fixed = a->time_s;
	err = sw_identity_set(control, settings);
	a->worker = sw_worker_new();
	if (err == 0 && a->worker == NULL)
		err = -ENOMEM;
	return err ? err : load(a, settings);
}

/* ---- answering ---- */

/** @return bytes of the reply, or -EIO when the kernel part made no sense */
static ssize_t answer(struct answerer *a, const uint8_t *query, size_t len, uint8_t *reply)
{
	unsigned verdict;
	const uint8_t *framed;
	size_t framed_len;
	a->messages++;
	if (a->is_kernel) {
		enum sw_frame_result result = sw_frame_run(&a->frame, query, len, &framed, &framed_len);
		if (result == SW_FRAME_REPLY) {
			memcpy(reply, framed, framed_len);
			return (ssize_t)framed_len;
		}
		if (result == SW_FRAME_DROPPED)
			return 0;
		if (result == SW_FRAME_BROKEN) {
			sw_complain(a->command, "message %llu: %s", a->messages, a->frame.why);
			return -EIO;
		}
		a->punted++;
	}
	return (ssize_t)sw_answer(a->worker, sw_store_view(a->store), &a->asker, query, len, reply, &verdict);
}

static int write_out(struct answerer *a, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(STDOUT_FILENO, a->out + done, len - done);
		if (n < 0 && errno != EINTR) {
			sw_complain(a->command, "writing: %s", strerror(errno));
			return -errno;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/** Answer the whole messages among the first `have` bytes of input. @return bytes used, or -errno */
static ssize_t answer_some(struct answerer *a, size_t have)
{
	size_t used = 0, out = 0;
	int err = 0;
	while (err == 0 && have - used >= 2) {
		size_t len = sw_get16(a->in + used);
		if (have - used < 2 + len)
			break;
		ssize_t reply = answer(a, a->in + used + 2, len, a->out + out + 2);
		if (reply < 0) {
			err = (int)reply;
			break;
		}
		sw_put16(a->out + out, (uint32_t)reply);
		out += 2 + (size_t)reply;
		used += 2 + len;
		if (out + 2 + MESSAGE_MAX > sizeof(a->out)) {
			err = write_out(a, out);
			out = 0;
		}
	}
	int write_err = write_out(a, out);
	return err ? err : write_err ? write_err : (ssize_t)used;
}

/** Replies leave when the input at hand is used up, so that a peer on a pipe may ask and wait in turn. */
static int answer_all(struct answerer *a)
{
	size_t have = 0;
	for (;;) {
		ssize_t n = read(STDIN_FILENO, a->in + have, sizeof(a->in) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n < 0 || have > 0)
				sw_complain(a->command, "%s",
					n < 0 ? strerror(errno) : "the input ends inside a message");
			return n < 0 || have > 0 ? -EIO : 0;
		}
		have += (size_t)n;
		ssize_t used = answer_some(a, have);
		if (used < 0)
			return (int)used;
		have -= (size_t)used;
		memmove(a->in, a->in + used, have);
	}
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	struct answerer *a = calloc(1, sizeof(*a));
	struct sw_settings *settings = NULL;
	int code;
	if (a == NULL)
		return SW_EXIT_FAILED;
	a->command = command;
	take_source(a, "192.0.2.1");
	if (!take_options(a, argc, argv, &code)) {
		free(a);
		return code;
	}
	code = SW_EXIT_USAGE;
	if (configure(a, &settings) == 0) {
		rcu_register_thread();
		int err = start(a, settings);
		if (err == 0) {
			rcu_read_lock(); /* once and for all: nobody writes any more */
			err = answer_all(a);
			rcu_read_unlock();
		}
		rcu_unregister_thread();
		code = err ? SW_EXIT_FAILED : SW_EXIT_OK;
		if (a->says_punted)
			fprintf(stderr, "punted: %llu of %llu\n", a->punted, a->messages);
	}
	sw_settings_free(settings);
	sw_worker_free(a->worker);
	sw_store_free(a->store);
	if (a->kernel != NULL)
		sw_kernel_free(a->kernel);
	sw_sources_free(&a->sources);
	free(a->secrets.word);
	free(a);
	return code;
}

const struct sw_command sw_command_answer = {"answer", "answer messages from standard input", help, run};
