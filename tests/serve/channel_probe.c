/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drives a channel (serve/channel.h) as the asker of transfers does, for channel.py.
 *
 *     channel_probe ADDR@PORT tcp|tls HOSTNAME|- PIN|- TRUST|- SOURCE|- COUNT LIMIT_MS
 *
 * Sends the messages of standard input, each with its length before it, and writes those that come back to
 * standard output until there are COUNT. The last line of standard error is "ok", "late", or why it is over;
 * before it stands how often it was woken. */
#include "serve/channel.h"
#include "serve/settings.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES_PER_TURN 4

static long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** @return whether there was one */
static bool message_read(uint8_t *message, size_t *len)
{
	uint8_t prefix[2];
	if (fread(prefix, 1, 2, stdin) != 2)
		return false;
	*len = (size_t)prefix[0] << 8 | prefix[1];
	return fread(message, 1, *len, stdin) == *len;
}

static void message_write(const uint8_t *message, size_t len)
{
	const uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	fwrite(prefix, 1, 2, stdout);
	fwrite(message, 1, len, stdout);
}

static const char *told(const char *word)
{
	return strcmp(word, "-") == 0 ? NULL : word;
}

static int remote_read(struct sw_remote *remote, struct sw_endpoint *address, char **argv)
{
	char why[SW_WHY_TEXT_MAX];
	remote->addresses = address;
	remote->address_count = 1;
	remote->is_tls = strcmp(argv[2], "tls") == 0;
	remote->tls_hostname = (char *)told(argv[3]);
	if (told(argv[4])) {
		remote->has_tls_pin = true;
		for (unsigned i = 0; i < 32; i++)
			sscanf(argv[4] + 2 * i, "%2hhx", &remote->tls_pin[i]);
	}
	if (told(argv[6]) && sw_endpoint_parse(argv[6], &remote->source) == 0)
		remote->source.v4.sin_port = 0;
	if (told(argv[5]) && sw_channel_trust(argv[5], why) != 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	return sw_endpoint_parse(argv[1], address);
}

/** @return "ok", "late" or why */
static const char *talk(struct sw_channel *channel, unsigned count, long limit_ms, unsigned *wakes)
{
	static uint8_t out[SW_CHANNEL_MESSAGE_MAX], in[SW_CHANNEL_MESSAGE_MAX];
	size_t out_len, len;
	long end = now_ms() + limit_ms;
	bool has_out = message_read(out, &out_len);
	int epoll = epoll_create1(0);
	struct epoll_event event = {0};
	epoll_ctl(epoll, EPOLL_CTL_ADD, sw_channel_fd(channel), &event);
	for (;; ++*wakes) {
		while (has_out && sw_channel_send(channel, out, out_len) == 0)
			has_out = message_read(out, &out_len);
		for (unsigned i = 0; i < MESSAGES_PER_TURN && count > 0; i++) {
			int err = sw_channel_receive(channel, in, &len);
			if (err == -EAGAIN)
				break;
			if (err != 0)
				return sw_channel_why(channel);
			message_write(in, len);
			count--;
		}
		if (count == 0)
			return "ok";
		if (now_ms() >= end)
			return "late";
		event.events = sw_channel_events(channel);
		epoll_ctl(epoll, EPOLL_CTL_MOD, sw_channel_fd(channel), &event);
		epoll_wait(epoll, &event, 1, (int)(end - now_ms()) + 1);
	}
}

int main(int argc, char **argv)
{
	struct sw_remote remote = {0};
	struct sw_endpoint address;
	struct sw_channel *channel;
	unsigned wakes = 0;
	if (argc != 9 || remote_read(&remote, &address, argv) != 0)
		return 2;
	int err = sw_channel_open(&channel, &remote, &address);
	if (err != 0) {
		fprintf(stderr, "0\ncannot open: %s\n", strerror(-err));
		return 1;
	}
	const char *outcome = talk(channel, (unsigned)atoi(argv[7]), atol(argv[8]), &wakes);
	fprintf(stderr, "%u\n%s\n", wakes, outcome);
	sw_channel_close(channel);
	return 0;
}
