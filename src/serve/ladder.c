/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/ladder.h"
#include "serve/log.h"
#include <errno.h>
#include <ifaddrs.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct sw_ladder {
	struct sw_pins *pins; /* NULL: not wanted */
	struct sw_kernel *kernel;
	pthread_t loading;
	bool is_loading; /* the thread has not been joined */
	bool is_loaded;	 /* the programs are in the kernel */
	char why[SW_WHY_MAX];
	size_t count;
	struct sw_rung *rungs;
};

const char *sw_ladder_mode_text(enum sw_attach_mode mode)
{
	static const char *const texts[] = {[SW_ATTACH_NONE] = "sockets",
		[SW_ATTACH_GENERIC] = "generic XDP",
		[SW_ATTACH_NATIVE] = "native XDP"};
	return texts[mode];
}

/** @return 0 or -ENOMEM */
static int rung_add(struct sw_ladder *ladder, const char *interface)
{
	for (size_t i = 0; i < ladder->count; i++) {
		if (strcmp(ladder->rungs[i].interface, interface) == 0)
			return 0;
	}
	struct sw_rung *grown = reallocarray(ladder->rungs, ladder->count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	ladder->rungs = grown;
	grown[ladder->count] = (struct sw_rung){.mode = SW_ATTACH_NONE};
	snprintf(grown[ladder->count].interface, IF_NAMESIZE, "%s", interface);
	ladder->count++;
	return 0;
}

static int rungs_listed(struct sw_ladder *ladder, const struct sw_settings *settings, char *why)
{
	for (size_t i = 0; i < settings->interface_count; i++) {
		if (if_nametoindex(settings->interfaces[i]) == 0) {
			snprintf(why, SW_WHY_TEXT_MAX, "xdp: there is no interface '%s'",
				settings->interfaces[i]);
			return -ENODEV;
		}
		if (rung_add(ladder, settings->interfaces[i]) != 0)
			return -ENOMEM;
	}
	return 0;
}

static bool has_address(const struct ifaddrs *interface, const struct sw_endpoint *endpoint)
{
	if (interface->ifa_addr == NULL || interface->ifa_addr->sa_family != endpoint->any.sa_family)
		return false;
	if (endpoint->any.sa_family == AF_INET6)
		return memcmp(&((const struct sockaddr_in6 *)interface->ifa_addr)->sin6_addr,
			       &endpoint->v6.sin6_addr, 16) == 0;
	if (ntohl(endpoint->v4.sin_addr.s_addr) >> 24 == 127)
		return (interface->ifa_flags & IFF_LOOPBACK) != 0;
	return ((const struct sockaddr_in *)interface->ifa_addr)->sin_addr.s_addr ==
	       endpoint->v4.sin_addr.s_addr;
}

/** Interfaces that have an address we were told to listen on. A wildcard tells nothing about interfaces:
 * nobody asked for programs on all of them, bridges and tunnels included. */
static int rungs_auto(struct sw_ladder *ladder, const struct sw_settings *settings)
{
	struct ifaddrs *all;
	int err = 0;
	if (getifaddrs(&all) != 0)
		return -errno;
	for (size_t i = 0; err == 0 && i < settings->listen_count; i++) {
		if (sw_endpoint_is_wildcard(&settings->listen[i]))
			continue;
		for (const struct ifaddrs *one = all; err == 0 && one != NULL; one = one->ifa_next) {
			if (has_address(one, &settings->listen[i]))
				err = rung_add(ladder, one->ifa_name);
		}
	}
	freeifaddrs(all);
	if (err == 0 && ladder->count == 0)
		snprintf(ladder->why, SW_WHY_MAX,
			"wildcard addresses do not say which interfaces are meant: name them with --xdp");
	return err;
}

int sw_ladder_open(struct sw_ladder **result, const struct sw_settings *settings, char *why)
{
	int err = 0;
	struct sw_ladder *ladder = calloc(1, sizeof(*ladder));
	if (ladder == NULL)
		return -ENOMEM;
	if (settings->xdp == SW_XDP_NONE)
		snprintf(ladder->why, SW_WHY_MAX, "not wanted (xdp: none)");
	else
		err = settings->xdp == SW_XDP_LISTED ? rungs_listed(ladder, settings, why)
						     : rungs_auto(ladder, settings);
	if (err == 0 && settings->pin && sw_pins_open(&ladder->pins, settings->pin, true, why) != 0)
		err = -ENODEV;
	if (err != 0) {
		sw_ladder_free(ladder);
		return err;
	}
	if (ladder->count > 0 && sw_kernel_open(&ladder->kernel, ladder->why) != 0)
		ladder->kernel = NULL;
	if (ladder->kernel != NULL)
		sw_kernel_keep(ladder->kernel, ladder->pins);
	*result = ladder;
	return 0;
}

static void *load(void *arg)
{
	struct sw_ladder *ladder = arg;
	ladder->is_loaded = sw_kernel_load(ladder->kernel, ladder->why) == 0;
	return NULL;
}

void sw_ladder_start(struct sw_ladder *ladder)
{
	cpu_set_t cores;
	if (ladder->kernel == NULL || sched_getaffinity(0, sizeof(cores), &cores) != 0 ||
		CPU_COUNT(&cores) < 2)
		return;
	ladder->is_loading = pthread_create(&ladder->loading, NULL, load, ladder) == 0;
}

/** Programs in the kernel, or the reason why not at every rung. */
static void load_finish(struct sw_ladder *ladder)
{
	if (ladder->is_loading)
		pthread_join(ladder->loading, NULL);
	else if (ladder->kernel != NULL)
		load(ladder);
	ladder->is_loading = false;
	for (size_t i = 0; !ladder->is_loaded && i < ladder->count; i++)
		snprintf(ladder->rungs[i].why, SW_WHY_MAX, "%s", ladder->why);
}

void sw_ladder_detach(struct sw_ladder *ladder)
{
	if (ladder->kernel != NULL)
		sw_kernel_detach(ladder->kernel);
}

/** What an earlier process left where nothing is attached now would answer from zones of then. */
static void sweep(const struct sw_ladder *ladder)
{
	int swept = ladder->pins ? sw_kernel_sweep(ladder->kernel, ladder->pins) : 0;
	if (swept > 0)
		sw_log(SW_LOG_INFO, "taken off: %d link(s) of an earlier process", swept);
	else if (swept < 0)
		sw_log(SW_LOG_WARNING, "cannot take off what an earlier process left: %s", strerror(-swept));
}

void sw_ladder_leave(struct sw_ladder *ladder)
{
	sw_ladder_detach(ladder);
	sweep(ladder);
}

void sw_ladder_free(struct sw_ladder *ladder)
{
	if (ladder == NULL)
		return;
	if (ladder->is_loading)
		pthread_join(ladder->loading, NULL);
	if (ladder->kernel != NULL)
		sw_kernel_free(ladder->kernel);
	sw_pins_close(ladder->pins);
	free(ladder->rungs);
	free(ladder);
}

struct sw_kernel *sw_ladder_kernel(const struct sw_ladder *ladder)
{
	return ladder->kernel;
}

bool sw_ladder_is_loaded(const struct sw_ladder *ladder)
{
	return ladder->is_loaded;
}

const char *sw_ladder_why(const struct sw_ladder *ladder)
{
	return ladder->why;
}

static void say_unlisted(const char *what, int err)
{
	if (err == -E2BIG)
		sw_log(SW_LOG_WARNING, "more addresses on this machine than the kernel part can know: "
				       "'prefixes' of 'guard' are not in effect");
	else if (err != 0)
		sw_log(SW_LOG_WARNING, "%s answered from sockets only: %s", what,
			err == -ENOSPC ? "too many addresses for the kernel part" : strerror(-err));
}

static void listen_on(struct sw_ladder *ladder, const struct sw_endpoint *endpoint, bool is_tcp)
{
	uint8_t len;
	char text[SW_ENDPOINT_TEXT_MAX + 3];
	uint16_t port = sw_endpoint_port(endpoint);
	const uint8_t *address = sw_endpoint_address(endpoint, &len);
	int err = is_tcp ? sw_kernel_listen_tcp(ladder->kernel, address, len, port)
			 : sw_kernel_listen(ladder->kernel, address, len, port);
	if (!is_tcp && sw_kernel_is_dedicated(ladder->kernel, address, len, port))
		sw_log(SW_LOG_INFO,
			"%s: an address for DNS alone, whatever else comes is dropped (guard: dedicated)",
			sw_endpoint_text(endpoint, text));
	say_unlisted(strcat(sw_endpoint_text(endpoint, text), " is"), err);
}

void sw_ladder_attach(struct sw_ladder *ladder, const struct sw_settings *settings)
{
	load_finish(ladder);
	if (ladder->is_loaded)
		sw_kernel_gate(ladder->kernel, &settings->gate);
	for (size_t i = 0; ladder->is_loaded && i < settings->listen_count; i++)
		listen_on(ladder, &settings->listen[i], false);
	for (size_t i = 0; ladder->is_loaded && i < settings->tls.listen_count; i++)
		listen_on(ladder, &settings->tls.listen[i], true);
	for (size_t i = 0; i < ladder->count; i++) {
		struct sw_rung *rung = &ladder->rungs[i];
		if (ladder->is_loaded &&
			sw_kernel_attach(ladder->kernel, rung->interface, &rung->mode, rung->why) != 0)
			rung->mode = SW_ATTACH_NONE;
		bool is_attached = rung->mode != SW_ATTACH_NONE;
		sw_log(is_attached ? SW_LOG_INFO : SW_LOG_WARNING, "interface %s: %s%s", rung->interface,
			is_attached ? "" : "sockets: ", rung->why);
	}
	if (ladder->count == 0)
		sw_log(SW_LOG_INFO, "answering from sockets: %s", ladder->why);
	sweep(ladder);
}

void sw_ladder_tick(struct sw_ladder *ladder, const struct sw_settings *settings, struct sw_control *control)
{
	struct timespec now;
	if (ladder->pins == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	__atomic_store_n(
		&control->void_ns, now_ns + (uint64_t)settings->outlive_ms * 1000000, __ATOMIC_RELAXED);
}

void sw_ladder_refresh(struct sw_ladder *ladder)
{
	if (ladder->is_loaded)
		say_unlisted("addresses changed, some are", sw_kernel_refresh(ladder->kernel));
}

const struct sw_rung *sw_ladder_rungs(const struct sw_ladder *ladder, size_t *count)
{
	*count = ladder->count;
	return ladder->rungs;
}
