/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks a server for signed updates (RFC 2136, RFC 8945) over UDP, as nsupdate does, each client one after the
 * other, and says how long they took: from sending to the signed acknowledgement, and, with --ask, from there
 * to the first answer that has what was added. One line of JSON.
 *
 * With --sync it measures beside that what the disk takes: a page written and synced, in the directory told.
 */
#include "wire/message.h"
#include "wire/tsig.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 256
#define SAMPLES_MAX 200000
#define MESSAGE_MAX 1400
#define PATIENCE_MS 2000 /* for one update */
#define ASK_MS 20	 /* for one answer */
#define SYNCS 200
#define SYNC_BYTES 4096

struct samples {
	uint32_t *us;
	size_t count;
};

struct client {
	pthread_t thread;
	unsigned number;
	uint32_t made; /* names so far */
	uint64_t updates, failed, unanswered;
	struct samples acked, seen;
};

static struct {
	struct sockaddr_in server;
	uint8_t apex[SW_NAME_MAX];
	struct sw_tsig_key key;
	unsigned clients;
	double seconds;
	bool is_asking;
	const char *sync;
	uint64_t end_ns;
} told = {.clients = 1, .seconds = 2};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void sample(struct samples *samples, uint64_t from_ns, uint64_t to_ns)
{
	if (samples->us == NULL)
		samples->us = malloc(SAMPLES_MAX * sizeof(*samples->us));
	if (samples->us != NULL && samples->count < SAMPLES_MAX)
		samples->us[samples->count++] = (uint32_t)((to_ns - from_ns) / 1000);
}

/* ---- messages ---- */

static size_t put(uint8_t *message, size_t at, const void *bytes, size_t len)
{
	memcpy(message + at, bytes, len);
	return at + len;
}

static size_t put16(uint8_t *message, size_t at, unsigned value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
	return put(message, at, bytes, 2);
}

static size_t put_head(uint8_t *message, uint16_t id, unsigned opcode, unsigned updates)
{
	size_t at = put16(message, 0, id);
	at = put16(message, at, opcode << 11);
	at = put16(message, at, 1);
	at = put16(message, at, 0);
	at = put16(message, at, updates);
	return put16(message, at, 0);
}

/* A name that nobody has had. */
static size_t put_owner(uint8_t *message, size_t at, const struct client *client)
{
	char label[32];
	int len = snprintf(label, sizeof(label), "u%u-%u", client->number, client->made);
	message[at] = (uint8_t)len;
	at = put(message, at + 1, label, (size_t)len);
	return put(message, at, told.apex, sw_name_len(told.apex));
}

/** Add an address to the client's next name. @return its length */
static size_t update_make(const struct client *client, uint8_t *message, uint16_t id)
{
	static const uint8_t data[] = {0, SW_TYPE_A, 0, SW_CLASS_IN, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1};
	size_t at = put_head(message, id, 5, 1);
	at = put(message, at, told.apex, sw_name_len(told.apex));
	at = put16(message, put16(message, at, SW_TYPE_SOA), SW_CLASS_IN);
	at = put_owner(message, at, client);
	return put(message, at, data, sizeof(data));
}

static size_t question_make(const struct client *client, uint8_t *message, uint16_t id)
{
	size_t at = put_owner(message, put_head(message, id, 0, 0), client);
	return put16(message, put16(message, at, SW_TYPE_A), SW_CLASS_IN);
}

/** The reply to what has this ID. @return its length, or -EAGAIN when none came in time */
static ssize_t reply_wait(int fd, uint16_t id, uint8_t *message, unsigned patience_ms)
{
	uint64_t end_ns = now_ns() + (uint64_t)patience_ms * 1000000;
	const struct timeval patience = {patience_ms / 1000, (suseconds_t)(patience_ms % 1000) * 1000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	do {
		ssize_t len = recv(fd, message, MESSAGE_MAX, 0);
		if (len >= SW_HEADER_LEN && (uint16_t)(message[0] << 8 | message[1]) == id)
			return len;
	} while (now_ns() < end_ns);
	return -EAGAIN;
}

/* ---- a client ---- */

/** One update. @return when it was acknowledged, 0 when it was not */
static uint64_t update_send(struct client *client, int fd, uint16_t id)
{
	uint8_t message[MESSAGE_MAX];
	struct sw_tsig tsig = {0};
	size_t len = update_make(client, message, id);
	uint64_t start_ns = now_ns();
	if (sw_tsig_sign_query(&tsig, &told.key, message, &len, sizeof(message), (uint64_t)time(NULL)) != 0 ||
		send(fd, message, len, 0) < 0) {
		client->failed++;
		return 0;
	}
	ssize_t got = reply_wait(fd, id, message, PATIENCE_MS);
	uint64_t acked_ns = now_ns();
	if (got < 0) {
		client->unanswered++;
		return 0;
	}
	len = (size_t)got;
	if (sw_tsig_check_reply(&tsig, message, &len, true, (uint64_t)time(NULL)) != 0 ||
		(message[3] & 15) != 0) {
		client->failed++;
		return 0;
	}
	client->updates++;
	sample(&client->acked, start_ns, acked_ns);
	return acked_ns;
}

/** Ask until it is there. */
static void seen_wait(struct client *client, int fd, uint64_t acked_ns)
{
	uint8_t message[MESSAGE_MAX];
	for (uint16_t id = (uint16_t)acked_ns; now_ns() < told.end_ns; id++) {
		size_t len = question_make(client, message, id);
		if (send(fd, message, len, 0) < 0 || reply_wait(fd, id, message, ASK_MS) < 0)
			continue;
		if ((message[3] & 15) == 0 && (message[6] | message[7]) != 0) {
			sample(&client->seen, acked_ns, now_ns());
			return;
		}
	}
}

static void *client_run(void *arg)
{
	struct client *client = arg;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&told.server, sizeof(told.server)) != 0) {
		client->failed++;
		return NULL;
	}
	while (now_ns() < told.end_ns) {
		uint64_t acked_ns = update_send(client, fd, (uint16_t)(client->made * 31 + client->number));
		if (acked_ns != 0 && told.is_asking)
			seen_wait(client, fd, acked_ns);
		client->made++;
	}
	close(fd);
	return NULL;
}

/* ---- figures ---- */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void print_samples(const char *name, struct samples *samples)
{
	size_t n = samples->count;
	if (n == 0)
		return;
	qsort(samples->us, n, sizeof(*samples->us), compare);
	printf(",\"%s\":{\"count\":%zu,\"median\":%u,\"p99\":%u,\"max\":%u}", name, n, samples->us[n / 2],
		samples->us[n * 99 / 100], samples->us[n - 1]);
}

static void gather(struct samples *all, const struct samples *some)
{
	for (size_t i = 0; i < some->count; i++)
		sample(all, 0, (uint64_t)some->us[i] * 1000);
}

/** What the disk takes, with nothing else going on. */
static void sync_measure(struct samples *samples)
{
	static uint8_t page[SYNC_BYTES];
	char path[4096];
	snprintf(path, sizeof(path), "%s/sync", told.sync);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (unsigned i = 0; fd >= 0 && i < SYNCS; i++) {
		uint64_t start_ns = now_ns();
		if (pwrite(fd, page, sizeof(page), (off_t)i * SYNC_BYTES) < 0 || fdatasync(fd) != 0)
			break;
		sample(samples, start_ns, now_ns());
	}
	if (fd >= 0)
		close(fd);
	unlink(path);
}

static void measure(void)
{
	static struct client clients[CLIENTS_MAX];
	struct samples acked = {0}, seen = {0}, syncs = {0};
	uint64_t updates = 0, failed = 0, unanswered = 0;
	if (told.sync)
		sync_measure(&syncs);
	uint64_t start_ns = now_ns();
	told.end_ns = start_ns + (uint64_t)(told.seconds * 1e9);
	for (unsigned i = 0; i < told.clients; i++) {
		clients[i].number = (unsigned)getpid() * CLIENTS_MAX + i;
		if (pthread_create(&clients[i].thread, NULL, client_run, &clients[i]) != 0)
			exit(1);
	}
	for (unsigned i = 0; i < told.clients; i++) {
		pthread_join(clients[i].thread, NULL);
		updates += clients[i].updates;
		failed += clients[i].failed;
		unanswered += clients[i].unanswered;
		gather(&acked, &clients[i].acked);
		gather(&seen, &clients[i].seen);
	}
	printf("{\"updates\":%llu,\"failed\":%llu,\"unanswered\":%llu,\"seconds\":%.6f",
		(unsigned long long)updates, (unsigned long long)failed, (unsigned long long)unanswered,
		(double)(now_ns() - start_ns) / 1e9);
	print_samples("acked_us", &acked);
	print_samples("seen_us", &seen);
	print_samples("sync_us", &syncs);
	puts("}");
}

static const char usage[] = "updater --server ADDR [--port N] --zone NAME --key NAME --secret BASE64 "
			    "[--clients N] [--seconds S] [--ask]\n"
			    "        [--sync DIRECTORY]\n";

static bool take(int option, char *value, const char **key, const char **secret)
{
	switch (option) {
	case 's':
		told.server.sin_family = AF_INET;
		return inet_pton(AF_INET, value, &told.server.sin_addr) == 1;
	case 'p':
		told.server.sin_port = htons((uint16_t)atoi(value));
		return true;
	case 'z':
		return sw_name_parse(value, told.apex) > 0;
	case 'k':
		*key = value;
		return true;
	case 'b':
		*secret = value;
		return true;
	case 'c':
		told.clients = (unsigned)atoi(value);
		return told.clients >= 1 && told.clients <= CLIENTS_MAX;
	case 't':
		told.seconds = atof(value);
		return told.seconds > 0;
	case 'a':
		return told.is_asking = true;
	case 'd':
		told.sync = value;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"server", 1, NULL, 's'}, {"port", 1, NULL, 'p'},
		{"zone", 1, NULL, 'z'}, {"key", 1, NULL, 'k'}, {"secret", 1, NULL, 'b'},
		{"clients", 1, NULL, 'c'}, {"seconds", 1, NULL, 't'}, {"ask", 0, NULL, 'a'},
		{"sync", 1, NULL, 'd'}, {NULL, 0, NULL, 0}};
	const char *key = NULL, *secret = NULL;
	char why[512] = "needs --server, --zone, --key and --secret";
	int option;
	bool is_right = true;
	told.server.sin_port = htons(53);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		is_right = is_right && take(option, optarg, &key, &secret);
	if (!is_right || !key || !secret || told.apex[0] == 0 || told.server.sin_family == 0 ||
		sw_tsig_key_parse(&told.key, key, "hmac-sha256", secret, why) != 0) {
		fprintf(stderr, "updater: %s\n%s", why, usage);
		return 2;
	}
	measure();
	return 0;
}
