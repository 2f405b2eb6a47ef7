/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/question.h"
#include "serve/channel.h"
#include "serve/clock.h"
#include "wire/message.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRIES 2
#define MESSAGES_PER_TURN 64 /* a flood of forged ones must not keep the thread */
#define QUESTION_MAX 1024    /* with a signature */

struct sw_question {
	const struct sw_remote *remote;
	const struct sw_endpoint *address;
	uint8_t name[SW_NAME_MAX];
	uint16_t type, flags, id;
	bool takes_truncated;
	uint64_t answer_ns, connect_ns, due_ns;
	unsigned tries;
	int socket; /* -1: none */
	struct sw_channel *channel;
	struct sw_tsig tsig;
	char why[256];
	uint8_t *message;
};

static enum sw_question_state fail(struct sw_question *question, const char *why)
{
	if (why != question->why)
		snprintf(question->why, sizeof(question->why), "%s", why);
	return SW_QUESTION_FAILED;
}

/** @return its length in the buffer, signed; or -errno */
static ssize_t compose(struct sw_question *question)
{
	size_t name_len = sw_name_len(question->name), len = SW_HEADER_LEN + name_len + 4;
	uint8_t *message = question->message, *end = message + SW_HEADER_LEN + name_len;
	memset(message, 0, SW_HEADER_LEN);
	knot_wire_set_id(message, question->id);
	message[2] |= (uint8_t)(question->flags >> 8);
	message[3] |= (uint8_t)question->flags;
	knot_wire_set_qdcount(message, 1);
	memcpy(message + SW_HEADER_LEN, question->name, name_len);
	memcpy(end,
		(const uint8_t[]){(uint8_t)(question->type >> 8), (uint8_t)question->type, 0, SW_CLASS_IN},
		4);
	sw_tsig_end(&question->tsig);
	question->tsig = (struct sw_tsig){0};
	int err = sw_tsig_sign_query(
		&question->tsig, question->remote->key, message, &len, QUESTION_MAX, (uint64_t)sw_now_s());
	return err ? err : (ssize_t)len;
}

static int udp_send(struct sw_question *question, uint64_t now_ns)
{
	ssize_t len = compose(question);
	if (len >= 0 && send(question->socket, question->message, (size_t)len, 0) < 0)
		len = -errno;
	question->tries++;
	question->due_ns = now_ns + question->answer_ns;
	return len < 0 ? (int)len : 0;
}

static int udp_open(struct sw_question *question, uint64_t now_ns)
{
	const struct sw_endpoint *address = question->address, *source = &question->remote->source;
	question->socket = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (question->socket < 0)
		return -errno;
	if (source->len != 0 && source->any.sa_family == address->any.sa_family &&
		bind(question->socket, &source->any, source->len) != 0)
		return -errno;
	/* connected: answers from elsewhere do not come through, ICMP errors do */
	if (connect(question->socket, &address->any, address->len) != 0)
		return -errno;
	return udp_send(question, now_ns);
}

static void udp_close(struct sw_question *question)
{
	if (question->socket >= 0)
		close(question->socket);
	question->socket = -1;
}

static int tcp_open(struct sw_question *question, uint64_t now_ns)
{
	udp_close(question);
	question->why[0] = '\0';
	ssize_t len = compose(question);
	int err = len < 0 ? (int)len : 0;
	if (err == 0)
		err = sw_channel_open(&question->channel, question->remote, question->address);
	if (err == 0)
		err = sw_channel_send(question->channel, question->message, (size_t)len);
	question->due_ns = now_ns + question->connect_ns;
	return err;
}

/** Whether it is a reply to what was asked. */
static bool is_reply(const struct sw_question *question, size_t len)
{
	uint8_t *message = question->message;
	if (len > UINT16_MAX || !knot_wire_get_qr(message) ||
		knot_wire_get_opcode(message) != SW_OPCODE_QUERY || knot_wire_get_qdcount(message) != 1)
		return false;
	knot_pkt_t *packet = knot_pkt_new(message, (uint16_t)len, NULL);
	bool is_so = packet != NULL && knot_pkt_parse_question(packet) == KNOT_EOK &&
		     knot_pkt_qtype(packet) == question->type && knot_pkt_qclass(packet) == KNOT_CLASS_IN &&
		     knot_pkt_qname(packet) != NULL && sw_name_equal(knot_pkt_qname(packet), question->name);
	knot_pkt_free(packet);
	return is_so;
}

/** @return 0: the answer; -EAGAIN: something else, whose reason may stay as `why`; -EKEYREJECTED */
static int take(struct sw_question *question, size_t *len)
{
	if (*len < SW_HEADER_LEN || knot_wire_get_id(question->message) != question->id)
		return -EAGAIN;
	struct sw_tsig before = question->tsig; /* a forged answer must not spoil the true one */
	int err = sw_tsig_check_reply(&question->tsig, question->message, len, true, (uint64_t)sw_now_s());
	if (err != 0) {
		question->tsig = before;
		fail(question, err == -EKEYREJECTED ? "it does not take our signature"
						    : "its signature is not right");
		return err == -EKEYREJECTED ? err : -EAGAIN;
	}
	if (is_reply(question, *len))
		return 0;
	question->tsig = before;
	return -EAGAIN;
}

static enum sw_question_state tcp_begin(struct sw_question *question, uint64_t now_ns)
{
	int err = tcp_open(question, now_ns);
	return err ? fail(question, strerror(-err)) : SW_QUESTION_GOING;
}

static enum sw_question_state udp_turn(struct sw_question *question, uint64_t now_ns, size_t *result)
{
	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++) {
		ssize_t n = recv(question->socket, question->message, SW_QUESTION_MESSAGE_MAX, 0);
		if (n < 0 && errno != EAGAIN)
			return fail(question, strerror(errno));
		if (n < 0)
			break;
		size_t len = (size_t)n;
		int err = take(question, &len);
		if (err == -EAGAIN)
			continue;
		if (err != 0)
			return SW_QUESTION_FAILED;
		if (knot_wire_get_tc(question->message) && !question->takes_truncated)
			return tcp_begin(question, now_ns);
		*result = len;
		return SW_QUESTION_ANSWERED;
	}
	if (now_ns < question->due_ns)
		return SW_QUESTION_GOING;
	if (question->tries == TRIES)
		return fail(question, question->why[0] ? question->why : "it does not answer");
	int err = udp_send(question, now_ns);
	return err ? fail(question, strerror(-err)) : SW_QUESTION_GOING;
}

static enum sw_question_state tcp_turn(struct sw_question *question, uint64_t now_ns, size_t *result)
{
	size_t len = 0;
	int err = sw_channel_receive(question->channel, question->message, &len);
	if (err == -EAGAIN)
		return now_ns < question->due_ns ? SW_QUESTION_GOING
						 : fail(question, "it does not answer over TCP");
	if (err != 0)
		return fail(question, sw_channel_why(question->channel));
	err = take(question, &len);
	if (err != 0)
		return fail(question, question->why[0] ? question->why : "a message of another exchange");
	*result = len;
	return SW_QUESTION_ANSWERED;
}

int sw_question_new(struct sw_question **result, const struct sw_question_wish *wish,
	const struct sw_remote *remote, const struct sw_endpoint *address, uint8_t *message, uint64_t now_ns)
{
	struct sw_question *question = calloc(1, sizeof(*question));
	if (question == NULL)
		return -ENOMEM;
	question->remote = remote;
	question->address = address;
	question->socket = -1;
	question->type = wish->type;
	question->flags = wish->flags;
	question->takes_truncated = wish->takes_truncated;
	question->answer_ns = wish->answer_ns;
	question->connect_ns = wish->connect_ns;
	question->message = message;
	memcpy(question->name, wish->name, sw_name_len(wish->name));
	if (getrandom(&question->id, sizeof(question->id), 0) != sizeof(question->id)) {
		free(question);
		return -EIO;
	}
	int err = remote->is_tls ? tcp_open(question, now_ns) : udp_open(question, now_ns);
	if (err != 0) { /* the first turn says so */
		fail(question, strerror(-err));
		question->due_ns = 0;
	}
	*result = question;
	return 0;
}

void sw_question_free(struct sw_question *question)
{
	if (question == NULL)
		return;
	udp_close(question);
	sw_channel_close(question->channel);
	sw_tsig_end(&question->tsig);
	free(question);
}

int sw_question_fd(const struct sw_question *question)
{
	return question->channel ? sw_channel_fd(question->channel) : question->socket;
}

uint32_t sw_question_events(const struct sw_question *question)
{
	return question->channel ? sw_channel_events(question->channel) : EPOLLIN;
}

uint64_t sw_question_due_ns(const struct sw_question *question)
{
	return question->due_ns;
}

enum sw_question_state sw_question_turn(struct sw_question *question, uint64_t now_ns, size_t *len)
{
	if (question->due_ns == 0)
		return SW_QUESTION_FAILED;
	return question->channel ? tcp_turn(question, now_ns, len) : udp_turn(question, now_ns, len);
}

const char *sw_question_why(const struct sw_question *question)
{
	return question->why;
}
