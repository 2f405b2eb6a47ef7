/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/forward.h"
#include "serve/channel.h"
#include "serve/clock.h"
#include "wire/message.h"
#include "zone/update.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MESSAGE_MAX 65535
#define REFUSAL_MAX 2048

struct sw_forward {
	struct sw_update_request *request; /* NULL once it is answered */
	struct sw_settings *settings;
	struct sw_channel *channel;
	struct sw_tsig tsig; /* towards the primary */
	uint16_t id;
	uint64_t due_ns;
	uint8_t message[MESSAGE_MAX];
};

/** @param max  bytes of `reply` */
static void answer(struct sw_update_request *request, uint8_t *reply, size_t len, size_t max)
{
	if (sw_tsig_sign_reply(&request->tsig, reply, &len, max, (uint64_t)sw_now_s()) != 0)
		len = 0;
	request->done(request, reply, len);
}

void sw_forward_refuse(struct sw_update_request *request)
{
	uint8_t reply[REFUSAL_MAX];
	size_t room = SW_TSIG_ROOM + SW_NAME_MAX;
	size_t len = sw_update_reply(
		request->message, request->len, SW_RCODE_SERVFAIL, reply, sizeof(reply) - room);
	answer(request, reply, len, sizeof(reply));
}

int sw_forward_new(struct sw_forward **result, struct sw_update_request *request,
	struct sw_settings *settings, const struct sw_remote *remote)
{
	struct sw_forward *forward = calloc(1, sizeof(*forward));
	size_t len = request->len;
	if (forward == NULL)
		return -ENOMEM;
	int err = getrandom(&forward->id, sizeof(forward->id), 0) == sizeof(forward->id) ? 0 : -errno;
	memcpy(forward->message, request->message, len);
	knot_wire_set_id(forward->message, forward->id);
	if (err == 0)
		err = sw_tsig_sign_query(&forward->tsig, remote->key, forward->message, &len, MESSAGE_MAX,
			(uint64_t)sw_now_s());
	if (err == 0)
		err = sw_channel_open(&forward->channel, remote, &remote->addresses[0]);
	if (err == 0)
		err = sw_channel_send(forward->channel, forward->message, len);
	if (err != 0) {
		sw_forward_free(forward);
		return err;
	}
	forward->settings = sw_settings_hold(settings);
	forward->due_ns = request->due_ns;
	forward->request = request;
	*result = forward;
	return 0;
}

int sw_forward_fd(const struct sw_forward *forward)
{
	return sw_channel_fd(forward->channel);
}

uint32_t sw_forward_events(const struct sw_forward *forward)
{
	return sw_channel_events(forward->channel);
}

uint64_t sw_forward_due_ns(const struct sw_forward *forward)
{
	return forward->due_ns;
}

/** @return whether it is the answer, and right */
static bool is_answer(struct sw_forward *forward, size_t *len)
{
	return *len >= SW_HEADER_LEN && knot_wire_get_id(forward->message) == forward->id &&
	       knot_wire_get_qr(forward->message) &&
	       knot_wire_get_opcode(forward->message) == SW_OPCODE_UPDATE &&
	       sw_tsig_check_reply(&forward->tsig, forward->message, len, true, (uint64_t)sw_now_s()) == 0;
}

bool sw_forward_turn(struct sw_forward *forward, uint64_t now_ns)
{
	size_t len = 0;
	int err = sw_channel_receive(forward->channel, forward->message, &len);
	if (err == -EAGAIN && now_ns < forward->due_ns)
		return false;
	struct sw_update_request *request = forward->request;
	forward->request = NULL;
	if (err != 0 || !is_answer(forward, &len)) {
		sw_forward_refuse(request);
		return true;
	}
	memcpy(forward->message, request->message, 2); /* the asker's ID */
	answer(request, forward->message, len, MESSAGE_MAX);
	return true;
}

void sw_forward_free(struct sw_forward *forward)
{
	if (forward == NULL)
		return;
	if (forward->request != NULL)
		sw_forward_refuse(forward->request);
	sw_channel_close(forward->channel);
	sw_tsig_end(&forward->tsig);
	sw_settings_free(forward->settings);
	free(forward);
}
