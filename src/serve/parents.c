/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/parents.h"
#include "serve/question.h"
#include "wire/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define AT_ONCE \
	64 /* zones, so that a server that is away does not hold up all; each has a buffer of 64 KiB */

struct sw_parents {
	int epoll;
	struct sw_inquiry *first, **last; /* that wait */
	struct sw_inquiry *running[AT_ONCE];
	unsigned count;
};

/* ---- one zone ---- */

struct sw_inquiry *sw_inquiry_new(
	struct sw_settings *settings, const struct sw_dnssec_policy *policy, const uint8_t *apex)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->parent_count; i++)
		count += policy->parents[i]->address_count;
	struct sw_inquiry *inquiry = calloc(1, sizeof(*inquiry) + count * sizeof(inquiry->answers[0]));
	if (inquiry == NULL)
		return NULL;
	memcpy(inquiry->apex, apex, sw_name_len(apex));
	inquiry->settings = sw_settings_hold(settings);
	inquiry->policy = policy;
	inquiry->count = count;
	inquiry->fd = -1;
	return inquiry;
}

void sw_inquiry_free(struct sw_inquiry *inquiry)
{
	if (inquiry == NULL)
		return;
	sw_question_free(inquiry->question);
	sw_settings_free(inquiry->settings);
	free(inquiry->message);
	free(inquiry);
}

/** Ask the server at hand, or the first behind it that can be. @return whether there is one */
static bool ask(struct sw_inquiry *inquiry, uint64_t now_ns)
{
	const struct sw_limits limits = sw_limits(&inquiry->settings->limits);
	const struct sw_question_wish wish = {
		.name = inquiry->apex,
		.type = SW_TYPE_DS,
		.flags = SW_FLAG_RD | SW_FLAG_AD, /* for resolvers; servers of the parent do not mind */
		.answer_ns = limits.in_answer_ns,
		.connect_ns = limits.in_connect_ns,
	};
	while (inquiry->remote < inquiry->policy->parent_count) {
		const struct sw_remote *remote = inquiry->policy->parents[inquiry->remote];
		if (inquiry->address == remote->address_count) {
			inquiry->remote++;
			inquiry->address = 0;
			continue;
		}
		int err = sw_question_new(&inquiry->question, &wish, remote,
			&remote->addresses[inquiry->address], inquiry->message, now_ns);
		inquiry->fd = -1;
		if (err == 0)
			return true;
		sw_parent_fail(&inquiry->answers[inquiry->asked++], strerror(-err));
		inquiry->address++;
	}
	return false;
}

/** @return whether all have been asked */
static bool inquiry_turn(struct sw_inquiry *inquiry, uint64_t now_ns)
{
	size_t len = 0;
	enum sw_question_state state = sw_question_turn(inquiry->question, now_ns, &len);
	if (state == SW_QUESTION_GOING)
		return false;
	struct sw_parent_answer *answer = &inquiry->answers[inquiry->asked++];
	if (state == SW_QUESTION_ANSWERED)
		sw_parent_read(inquiry->message, len, inquiry->apex, answer);
	else
		sw_parent_fail(answer, sw_question_why(inquiry->question));
	sw_question_free(inquiry->question);
	inquiry->question = NULL;
	inquiry->address++;
	return !ask(inquiry, now_ns);
}

/* ---- all of them ---- */

int sw_parents_new(struct sw_parents **result)
{
	struct sw_parents *parents = calloc(1, sizeof(*parents));
	if (parents == NULL)
		return -ENOMEM;
	parents->last = &parents->first;
	parents->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (parents->epoll < 0) {
		int err = -errno;
		free(parents);
		return err;
	}
	*result = parents;
	return 0;
}

void sw_parents_free(struct sw_parents *parents)
{
	if (parents == NULL)
		return;
	for (struct sw_inquiry *inquiry = parents->first, *next; inquiry != NULL; inquiry = next) {
		next = inquiry->next;
		sw_inquiry_free(inquiry);
	}
	while (parents->count > 0)
		sw_inquiry_free(parents->running[--parents->count]);
	close(parents->epoll);
	free(parents);
}

void sw_parents_add(struct sw_parents *parents, struct sw_inquiry *inquiry)
{
	inquiry->next = NULL;
	*parents->last = inquiry;
	parents->last = &inquiry->next;
}

int sw_parents_fd(const struct sw_parents *parents)
{
	return parents->epoll;
}

uint64_t sw_parents_due_ns(const struct sw_parents *parents)
{
	uint64_t due_ns = parents->first != NULL && parents->count < AT_ONCE ? 0 : UINT64_MAX;
	for (unsigned i = 0; i < parents->count; i++) {
		uint64_t its_ns = sw_question_due_ns(parents->running[i]->question);
		due_ns = its_ns < due_ns ? its_ns : due_ns;
	}
	return due_ns;
}

/** Wait for what the question waits for, with a descriptor that may be another than before. */
static void watch(struct sw_parents *parents, struct sw_inquiry *inquiry)
{
	int fd = sw_question_fd(inquiry->question);
	struct epoll_event event = {.events = sw_question_events(inquiry->question), .data.ptr = inquiry};
	if (fd < 0)
		return;
	/* a descriptor that was closed has left epoll by itself, and its number may be in use again */
	if (fd != inquiry->fd || epoll_ctl(parents->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		epoll_ctl(parents->epoll, EPOLL_CTL_ADD, fd, &event);
	inquiry->fd = fd;
}

/** The next one that waits. @return false when there is none, or no place for it */
static bool begin(struct sw_parents *parents, uint64_t now_ns)
{
	struct sw_inquiry *inquiry = parents->first;
	if (inquiry == NULL || parents->count == AT_ONCE)
		return false;
	parents->first = inquiry->next;
	if (parents->first == NULL)
		parents->last = &parents->first;
	inquiry->message = malloc(SW_QUESTION_MESSAGE_MAX);
	if (inquiry->message != NULL && ask(inquiry, now_ns)) {
		watch(parents, inquiry);
		parents->running[parents->count++] = inquiry;
		return true;
	}
	while (inquiry->asked < inquiry->count)
		sw_parent_fail(&inquiry->answers[inquiry->asked++], strerror(ENOMEM));
	inquiry->done(inquiry->arg, inquiry);
	return true;
}

void sw_parents_turn(struct sw_parents *parents, uint64_t now_ns)
{
	for (unsigned i = parents->count; i-- > 0;) {
		struct sw_inquiry *inquiry = parents->running[i];
		if (!inquiry_turn(inquiry, now_ns)) {
			watch(parents, inquiry);
			continue;
		}
		parents->running[i] = parents->running[--parents->count];
		inquiry->done(inquiry->arg, inquiry);
	}
	while (begin(parents, now_ns))
		continue;
}
