/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/notify_inside.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_target(const struct sw_notify_target *target, const struct sw_remote *remote)
{
	const struct sw_tsig_key *key = remote->key;
	if (target->address_count != remote->address_count || target->is_signed != (key != NULL) ||
		target->source.len != remote->source.len ||
		(target->source.len && !sw_endpoint_equal(&target->source, &remote->source)))
		return false;
	for (size_t i = 0; i < target->address_count; i++) {
		if (!sw_endpoint_equal(&target->addresses[i], &remote->addresses[i]))
			return false;
	}
	return key == NULL ||
	       (key->algorithm == target->key.algorithm && sw_name_equal(key->name, target->key.name) &&
		       key->secret_len == target->key.secret_len &&
		       memcmp(key->secret, target->key.secret, key->secret_len) == 0);
}

const struct sw_notify_target *sw_notify_target(
	struct sw_notify_target **targets, const struct sw_remote *remote)
{
	for (const struct sw_notify_target *target = *targets; target != NULL; target = target->next) {
		if (is_target(target, remote))
			return target;
	}
	struct sw_notify_target *target = calloc(1, sizeof(*target));
	if (target == NULL)
		return NULL;
	target->addresses = calloc(remote->address_count, sizeof(*target->addresses));
	if (target->addresses == NULL) {
		free(target);
		return NULL;
	}
	memcpy(target->addresses, remote->addresses, remote->address_count * sizeof(*target->addresses));
	target->address_count = remote->address_count;
	target->source = remote->source;
	target->is_signed = remote->key != NULL;
	if (remote->key != NULL)
		target->key = *remote->key;
	target->next = *targets;
	*targets = target;
	return target;
}

void sw_notify_targets_free(struct sw_notify_target *targets)
{
	for (struct sw_notify_target *target = targets, *next; target != NULL; target = next) {
		next = target->next;
		free(target->addresses);
		free(target);
	}
}

static int outlet_open(const struct sw_endpoint *source, sa_family_t family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && source->len > 0 && bind(fd, &source->any, source->len) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int sw_notify_outlet(
	struct sw_notify_outlet **outlets, int epoll, const struct sw_endpoint *source, sa_family_t family)
{
	static const struct sw_endpoint any = {.len = 0};
	if (source->len > 0 && source->any.sa_family != family)
		source = &any; /* a source of the other family says nothing about this one */
	for (const struct sw_notify_outlet *outlet = *outlets; outlet != NULL; outlet = outlet->next) {
		if (outlet->family == family && outlet->source.len == source->len &&
			(source->len == 0 || sw_endpoint_equal(&outlet->source, source)))
			return outlet->fd;
	}
	struct sw_notify_outlet *outlet = calloc(1, sizeof(*outlet));
	if (outlet == NULL)
		return -1;
	outlet->source = *source;
	outlet->family = family;
	outlet->fd = outlet_open(source, family);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = outlet};
	if (outlet->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, outlet->fd, &event) != 0) {
		if (outlet->fd >= 0)
			close(outlet->fd);
		free(outlet);
		return -1;
	}
	outlet->next = *outlets;
	*outlets = outlet;
	return outlet->fd;
}

void sw_notify_outlets_free(struct sw_notify_outlet *outlets)
{
	for (struct sw_notify_outlet *outlet = outlets, *next; outlet != NULL; outlet = next) {
		next = outlet->next;
		close(outlet->fd);
		free(outlet);
	}
}
