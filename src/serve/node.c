/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/channel.h"
#include "serve/identity.h"
#include "serve/log.h"
#include "serve/node_inside.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define STOP_GRACE_MS 2000 /* for TCP clients to take their answers */

/* ---- opening ---- */

static unsigned workers_or_cores(unsigned workers)
{
	cpu_set_t cores;
	if (workers != 0)
		return workers;
	if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
		return 1;
	return (unsigned)CPU_COUNT(&cores);
}

static void say_bind_error(const struct sw_endpoint *endpoint, const char *protocol, int err)
{
	char text[SW_ENDPOINT_TEXT_MAX];
	const char *hint = "";
	if (err == -EADDRINUSE)
		hint = ": another program listens there ('ss -lnptu' shows which)";
	else if (err == -EACCES)
		hint = ": ports below 1024 need root or CAP_NET_BIND_SERVICE; or try --listen 127.0.0.1@5353";
	sw_log(SW_LOG_ERROR, "cannot listen on %s (%s): %s%s", sw_endpoint_text(endpoint, text), protocol,
		strerror(-err), hint);
}

static int sockets_open(struct sw_running_node *node)
{
	const struct sw_settings *settings = node->settings;
	char text[SW_ENDPOINT_TEXT_MAX];
	node->udp = calloc(settings->listen_count, sizeof(struct sw_udp *));
	if (node->udp == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < settings->listen_count; i++) {
		const struct sw_endpoint *endpoint = &settings->listen[i];
		int err = sw_udp_open(&node->udp[i], endpoint, workers_or_cores(settings->udp_workers));
		if (err != 0) {
			say_bind_error(endpoint, "UDP", err);
			return err;
		}
		if (!sw_endpoint_is_local(endpoint))
			sw_log(SW_LOG_WARNING, "no interface has the address of %s (yet)",
				sw_endpoint_text(endpoint, text));
	}
	const struct sw_endpoint *failed = NULL;
	int err = sw_tcp_open(
		&node->tcp, settings, node->tls, workers_or_cores(settings->tcp_workers), &failed);
	if (err != 0 && failed != NULL)
		say_bind_error(failed, "TCP", err);
	return err;
}

static int tls_open(struct sw_running_node *node)
{
	char why[SW_WHY_TEXT_MAX];
	const struct sw_tls_options *options = &node->settings->tls;
	int err = options->trust ? sw_channel_trust(options->trust, why) : 0;
	if (err == 0 && options->listen_count > 0)
		err = sw_tls_new(&node->tls, options, why);
	if (err == -EINVAL)
		sw_log(SW_LOG_ERROR, "%s", why);
	return err;
}

static int ladder_open(struct sw_running_node *node)
{
	char why[SW_WHY_TEXT_MAX];
	int err = sw_ladder_open(&node->ladder, node->settings, why);
	if (err == -ENODEV) {
		sw_log(SW_LOG_ERROR, "%s", why);
		return -EINVAL;
	}
	return err;
}

/** There is work for the keeper: the loader's thread does it. */
static void keep_wake(void *arg)
{
	struct sw_loader *loader =
		__atomic_load_n(&((struct sw_running_node *)arg)->loader, __ATOMIC_ACQUIRE);
	if (loader != NULL)
		sw_loader_wake(loader);
}

/** The zones, and what they are kept in where they are live. */
static int keep_open(struct sw_running_node *node)
{
	struct sw_zone_keeper keeper;
	int err = 0;
	if (node->settings->state != NULL)
		err = sw_keep_new(&node->keep, node->store, node->settings->state, keep_wake, node);
	if (err != 0)
		return err;
	if (node->keep != NULL)
		keeper = sw_keep_keeper(node->keep);
	node->zones = sw_zones_new(node->store, node->keep ? &keeper : NULL, &node->is_stopping);
	if (node->zones == NULL)
		return -ENOMEM;
	if (node->keep == NULL)
		return 0;
	sw_keep_zones(node->keep, node->zones);
	return sw_requests_new(&node->requests, sw_keep_live(node->keep));
}

static int store_open(struct sw_running_node *node)
{
	struct sw_backing backing;
	struct sw_kernel *kernel = sw_ladder_kernel(node->ladder);
	if (kernel != NULL)
		sw_kernel_backing(kernel, &backing);
	int err = sw_store_new(&node->store, kernel ? &backing : NULL);
	if (err != 0)
		return err;
	sw_identity_clock(sw_store_control(node->store));
	sw_ladder_tick(node->ladder, node->settings, sw_store_control(node->store));
	err = sw_identity_set(sw_store_control(node->store), node->settings);
	return err ? err : keep_open(node);
}

static int control_open(struct sw_running_node *node)
{
	char path[SW_WHY_TEXT_MAX];
	sw_settings_control_default(path, sizeof(path));
	const char *told = node->settings->control;
	if (told != NULL && told[0] == '\0')
		return 0;
	int err = sw_control_open(&node->control, told ? told : path);
	if (err == -EADDRINUSE) {
		sw_log(SW_LOG_ERROR, "a seawall answers on %s already: give this one another --control",
			told ? told : path);
		return err;
	}
	if (err != 0)
		sw_log(told ? SW_LOG_ERROR : SW_LOG_WARNING, "no control socket at %s: %s",
			told ? told : path, strerror(-err));
	return told ? err : 0; /* without one there is no status and no reload, but it answers */
}

static int watch(struct sw_running_node *node, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(node->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

/** Signals must be blocked before the first thread starts. */
static int events_open(struct sw_running_node *node)
{
	sigset_t signals;
	struct itimerspec second = {.it_value.tv_sec = 1, .it_interval.tv_sec = 1};
	struct sockaddr_nl addresses = {
		.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	node->epoll = epoll_create1(EPOLL_CLOEXEC);
	node->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	node->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	node->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (node->epoll < 0 || node->signals < 0 || node->timer < 0 || node->netlink < 0)
		return -errno;
	if (timerfd_settime(node->timer, 0, &second, NULL) != 0 ||
		bind(node->netlink, (struct sockaddr *)&addresses, sizeof(addresses)) != 0)
		return -errno;
	int err = watch(node, node->signals);
	if (err == 0)
		err = watch(node, node->timer);
	if (err == 0)
		err = watch(node, node->netlink);
	if (err == 0 && node->control != NULL)
		err = watch(node, sw_control_fd(node->control));
	return err;
}

static int loader_open(struct sw_running_node *node, sw_reread_fn *reread, void *reread_arg)
{
	int err = sw_loader_new(&node->loader, &(struct sw_loader_parts){
						       .settings = node->settings,
						       .zones = node->zones,
						       .keep = node->keep,
						       .control = sw_store_control(node->store),
						       .tcp = node->tcp,
						       .tls = node->tls,
						       .reread = reread,
						       .reread_arg = reread_arg,
						       .is_stopping = &node->is_stopping,
					       });
	return err ? err : watch(node, sw_loader_ready_fd(node->loader));
}

/* ---- events ---- */

/** Requests are taken while there are zones that they can be about. */
static void requests_follow(struct sw_running_node *node)
{
	if (node->requests == NULL)
		return;
	bool is_on = sw_live_has_zones(sw_keep_live(node->keep));
	sw_requests_switch(node->requests, is_on);
	sw_store_control(node->store)->punts_requests = is_on;
}

/** The zones are loaded: start to answer. Bound before (an occupied port is an error at once), silent until
 * now, as Knot does: a resolver that hears nothing asks another server, one that hears REFUSED may take it
 * for an answer. UDP queries that came in between wait in the sockets; TCP is refused, which is quicker. */
static int answer(struct sw_running_node *node)
{
	const struct sw_image_view *view = sw_store_view(node->store);
	uint64_t ready;
	int err = 0;
	(void)!read(sw_loader_ready_fd(node->loader), &ready, sizeof(ready));
	requests_follow(node);
	for (size_t i = 0; err == 0 && i < node->settings->listen_count; i++)
		err = sw_udp_start(node->udp[i], view, node->requests);
	if (err == 0)
		err = sw_tcp_start(node->tcp, view, node->requests);
	if (err != 0) {
		sw_log(SW_LOG_ERROR, "cannot start to answer: %s", strerror(-err));
		return err;
	}
	node->is_answering = true;
	sw_secondary_answers(sw_keep_secondary(node->keep));
	for (size_t i = 0; i < node->settings->listen_count; i++) {
		char text[SW_ENDPOINT_TEXT_MAX];
		sw_log(SW_LOG_INFO, "answering on %s", sw_endpoint_text(&node->settings->listen[i], text));
	}
	for (size_t i = 0; i < node->settings->tls.listen_count; i++) {
		char text[SW_ENDPOINT_TEXT_MAX];
		sw_log(SW_LOG_INFO, "answering over TLS on %s",
			sw_endpoint_text(&node->settings->tls.listen[i], text));
	}
	sw_ladder_attach(node->ladder, node->settings); /* the sockets answer meanwhile */
	if (sw_ladder_is_loaded(node->ladder))
		node->syn = sw_syn_new(sw_ladder_kernel(node->ladder), node->settings);
	if (node->guest != NULL)
		node->guest->start(node->guest->arg,
			&(struct sw_node_parts){
				.kernel = sw_ladder_is_loaded(node->ladder) ? sw_ladder_kernel(node->ladder)
									    : NULL,
				.store = node->store,
				.zones = node->zones,
			});
	sw_log(SW_LOG_INFO, "ready");
	sw_log_notify("READY=1");
	return 0;
}

static void take_signal(struct sw_running_node *node)
{
	struct signalfd_siginfo signal;
	while (read(node->signals, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
		if (signal.ssi_signo != SIGHUP)
			node->is_stopping = true;
		else if (sw_loader_pending(node->loader) <
			 2) /* one waiting will see what this one asks for */
			sw_loader_post(node->loader, NULL, -1);
	}
}

static void take_addresses(struct sw_running_node *node)
{
	char messages[8192];
	while (recv(node->netlink, messages, sizeof(messages), 0) > 0 || errno == ENOBUFS)
		continue; /* whatever changed: all addresses are read again */
	if (node->is_answering)
		sw_ladder_refresh(node->ladder);
}

static void take_second(struct sw_running_node *node)
{
	requests_follow(node);
	if (node->requests != NULL)
		sw_requests_tell(node->requests);
	sw_identity_clock(sw_store_control(node->store));
	sw_keep_tick(node->keep);
	sw_ladder_tick(node->ladder, node->settings, sw_store_control(node->store));
	if (node->syn != NULL)
		sw_syn_tick(node->syn);
}

static int take_event(struct sw_running_node *node, int fd)
{
	uint64_t ticks;
	if (fd == node->signals)
		take_signal(node);
	else if (fd == node->netlink)
		take_addresses(node);
	else if (node->control != NULL && fd == sw_control_fd(node->control))
		sw_node_take_command(node);
	else if (fd == sw_loader_ready_fd(node->loader))
		return answer(node);
	else if (read(fd, &ticks, sizeof(ticks)) > 0)
		take_second(node);
	return 0;
}

static int loop(struct sw_running_node *node)
{
	struct epoll_event events[8];
	int err = 0;
	while (err == 0 && !node->is_stopping) {
		int count = epoll_wait(node->epoll, events, 8, -1);
		for (int i = 0; err == 0 && i < count; i++)
			err = take_event(node, events[i].data.fd);
	}
	return err;
}

/* ---- closing ---- */

/** XDP first: its packets reach the sockets from then on. What takes in work before what answers. */
static void node_close(struct sw_running_node *node)
{
	__atomic_store_n(&node->is_stopping, true, __ATOMIC_RELAXED);
	sw_control_close(node->control);
	if (node->guest != NULL)
		node->guest->stop(node->guest->arg);
	sw_keep_stop(node->keep);
	sw_loader_free(node->loader);
	if (node->ladder != NULL)
		sw_ladder_detach(node->ladder);
	sw_syn_free(node->syn);
	sw_tcp_free(node->tcp, STOP_GRACE_MS);
	sw_tls_free(node->tls);
	for (size_t i = 0; node->udp != NULL && i < node->settings->listen_count; i++)
		sw_udp_free(node->udp[i]);
	free(node->udp);
	sw_requests_free(node->requests);
	sw_keep_free(node->keep);
	sw_zones_free(node->zones);
	sw_store_free(node->store);
	sw_ladder_free(node->ladder);
	const int fds[] = {node->epoll, node->signals, node->timer, node->netlink};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/** Connections are descriptors: take as many as the system lets us. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int sw_node_run(
	struct sw_settings *settings, sw_reread_fn *reread, void *reread_arg, const struct sw_guest *guest)
{
	struct timespec now;
	struct sw_running_node node = {
		.settings = settings, .guest = guest, .epoll = -1, .signals = -1, .timer = -1, .netlink = -1};
	clock_gettime(CLOCK_MONOTONIC, &now);
	node.started_s = now.tv_sec;
	raise_descriptors();
	int err = ladder_open(&node);
	if (err == 0)
		err = tls_open(&node);
	if (err == 0)
		err = sockets_open(&node);
	if (err == 0)
		err = control_open(&node);
	if (err == 0)
		err = store_open(&node);
	if (err == 0)
		err = events_open(&node);
	if (err == 0)
		sw_ladder_start(node.ladder);
	if (err == 0)
		err = loader_open(&node, reread, reread_arg);
	if (err == 0 && settings->zone_count == 0)
		sw_log(SW_LOG_WARNING, "no zones: every query will be answered REFUSED");
	if (err == 0)
		err = loop(&node);
	else if (err == -ENOMEM)
		sw_log(SW_LOG_ERROR, "out of memory");
	if (err == 0)
		sw_log(SW_LOG_INFO, "stopping");
	sw_log_notify("STOPPING=1");
	if (err == 0) /* who could not start leaves those who answer */
		sw_ladder_leave(node.ladder);
	node_close(&node);
	return err;
}
