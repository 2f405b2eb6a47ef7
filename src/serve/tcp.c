/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/session.h"
#include "serve/tcp_inside.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fixed, or the kernel lets each grow to megabytes: what clients who do not read can make us hold. */
#define SEND_BUFFER_BYTES (256 << 10)
#define RECEIVE_BUFFER_BYTES (64 << 10)

static int listener_open(const struct sw_endpoint *endpoint)
{
	const int send_bytes = SEND_BUFFER_BYTES, receive_bytes = RECEIVE_BUFFER_BYTES, on = 1;
	int fd = sw_endpoint_bind(endpoint, SOCK_STREAM | SOCK_NONBLOCK);
	if (fd < 0)
		return fd;
	/* Inherited by every connection accepted. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/** Plain ones first, those for TLS behind them. */
static const struct sw_endpoint *endpoint_at(const struct sw_settings *settings, size_t i)
{
	size_t plain = settings->listen_count;
	return i < plain ? &settings->listen[i] : &settings->tls.listen[i - plain];
}

static int loop_open(struct sw_tcp_loop *loop, struct sw_tcp *tcp, const struct sw_settings *settings,
	const struct sw_endpoint **failed)
{
	uint64_t secret;
	loop->tcp = tcp;
	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
		return -errno;
	sw_budget_init(&loop->budget, 0, secret);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop->tools = calloc(1, sizeof(*loop->tools));
	loop->listeners = malloc(tcp->endpoint_count * sizeof(*loop->listeners));
	if (loop->tools == NULL || loop->listeners == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < tcp->endpoint_count; i++)
		loop->listeners[i] = (struct sw_tcp_listener){
			.fd = -1,
			.transport = i < settings->listen_count ? &sw_transport_plain : &sw_transport_tls,
		};
	if (loop->epoll < 0 || loop->spare < 0)
		return -errno;
	for (size_t i = 0; i < tcp->endpoint_count; i++) {
		*failed = endpoint_at(settings, i);
		loop->listeners[i].fd = listener_open(*failed);
		if (loop->listeners[i].fd < 0)
			return loop->listeners[i].fd;
	}
	return 0;
}

static struct sw_tcp_limits handshake_limits(const struct sw_settings *settings)
{
	return (struct sw_tcp_limits){
		.connections = settings->tls.handshakes,
		.prefix_connections = settings->tls.prefix_handshakes,
	};
}

int sw_tcp_open(struct sw_tcp **result, const struct sw_settings *settings, struct sw_tls *tls,
	unsigned workers, const struct sw_endpoint **failed)
{
	const size_t endpoint_count = settings->listen_count + settings->tls.listen_count;
	for (size_t i = 0; i < endpoint_count; i++) {
		*failed = endpoint_at(settings, i);
		int err = sw_endpoint_probe(*failed, SOCK_STREAM);
		if (err != 0)
			return err;
	}
	*failed = NULL;
	size_t size = sizeof(struct sw_tcp) + workers * sizeof(struct sw_tcp_loop);
	struct sw_tcp *tcp = aligned_alloc(_Alignof(struct sw_tcp_loop), size);
	if (tcp == NULL)
		return -ENOMEM;
	memset(tcp, 0, size);
	tcp->endpoint_count = endpoint_count;
	tcp->tls = tls;
	tcp->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	tcp->quota = sw_quota_new(&settings->tcp);
	const struct sw_tcp_limits limits = handshake_limits(settings);
	tcp->handshakes = sw_quota_new(&limits);
	int err = tcp->wake < 0 ? -errno : tcp->quota && tcp->handshakes ? 0 : -ENOMEM;
	for (; err == 0 && tcp->count < workers; tcp->count++)
		err = loop_open(&tcp->loops[tcp->count], tcp, settings, failed);
	if (err != 0) {
		sw_tcp_free(tcp, 0);
		return err;
	}
	sw_tcp_limit(tcp, settings);
	*result = tcp;
	return 0;
}

/** Its data tells the queue from connections. */
static int later_open(struct sw_tcp_loop *loop)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = loop->tools};
	int err = sw_later_queue_new(&loop->tools->queue);
	if (err != 0)
		return err;
	int fd = sw_later_queue_fd(loop->tools->queue);
	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int loop_start(
	struct sw_tcp_loop *loop, const struct sw_image_view *view, struct sw_requests *requests)
{
	struct sw_tcp *tcp = loop->tcp;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &tcp->wake};
	loop->tools->view = view;
	loop->tools->requests = requests;
	loop->tools->tally = &loop->tally;
	loop->tools->answerer = sw_worker_new();
	if (loop->tools->answerer == NULL)
		return -ENOMEM;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, tcp->wake, &event) != 0)
		return -errno;
	for (size_t i = 0; i < tcp->endpoint_count; i++) {
		event.data.ptr = &loop->listeners[i];
		if (listen(loop->listeners[i].fd, SW_TCP_BACKLOG) != 0 ||
			epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->listeners[i].fd, &event) != 0)
			return -errno;
	}
	int err = later_open(loop);
	if (err == 0)
		err = -pthread_create(&loop->thread, NULL, sw_tcp_loop_run, loop);
	loop->is_running = err == 0;
	return err;
}

int sw_tcp_start(struct sw_tcp *tcp, const struct sw_image_view *view, struct sw_requests *requests)
{
	int err = 0;
	for (unsigned i = 0; err == 0 && i < tcp->count; i++)
		err = loop_start(&tcp->loops[i], view, requests);
	return err;
}

void sw_tcp_limit(struct sw_tcp *tcp, const struct sw_settings *settings)
{
	const struct sw_tcp_limits limits = handshake_limits(settings);
	__atomic_store_n(&tcp->idle_ms, settings->tcp.idle_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&tcp->lifetime_ms, settings->tcp.lifetime_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&tcp->handshake_ms, settings->tls.handshake_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&tcp->handshake_percent, settings->tls.handshake_percent, __ATOMIC_RELAXED);
	sw_quota_limit(tcp->quota, &settings->tcp);
	sw_quota_limit(tcp->handshakes, &limits);
}

static void loop_close(struct sw_tcp_loop *loop)
{
	for (size_t i = 0; loop->listeners != NULL && i < loop->tcp->endpoint_count; i++) {
		if (loop->listeners[i].fd >= 0)
			close(loop->listeners[i].fd);
	}
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->spare >= 0)
		close(loop->spare);
	if (loop->tools != NULL) {
		sw_worker_free(loop->tools->answerer);
		sw_later_queue_close(loop->tools->queue);
	}
	free(loop->tools);
	free(loop->listeners);
}

void sw_tcp_free(struct sw_tcp *tcp, unsigned grace_ms)
{
	if (tcp == NULL)
		return;
	tcp->grace_ms = grace_ms;
	__atomic_store_n(&tcp->is_stopping, true, __ATOMIC_RELEASE);
	if (tcp->wake >= 0)
		eventfd_write(tcp->wake, 1);
	for (unsigned i = 0; i < tcp->count; i++) {
		if (tcp->loops[i].is_running)
			pthread_join(tcp->loops[i].thread, NULL);
	}
	for (unsigned i = 0; i < tcp->count; i++)
		loop_close(&tcp->loops[i]);
	if (tcp->wake >= 0)
		close(tcp->wake);
	sw_quota_free(tcp->quota);
	sw_quota_free(tcp->handshakes);
	free(tcp);
}

void sw_tcp_count(const struct sw_tcp *tcp, struct sw_tally *sum, struct sw_tcp_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	for (unsigned i = 0; i < tcp->count; i++) {
		const struct sw_tcp_loop *loop = &tcp->loops[i];
		sw_tally_sum(sum, &loop->tally);
#define X(name, text) counts->name += __atomic_load_n(&loop->counts.name, __ATOMIC_RELAXED);
		SW_TCP_COUNTERS(X)
#undef X
#define X(name, text) counts->tls.name += __atomic_load_n(&loop->counts.tls.name, __ATOMIC_RELAXED);
		SW_TLS_COUNTERS(X)
#undef X
	}
	counts->tls.shaking = sw_quota_used(tcp->handshakes);
	counts->open = sw_quota_used(tcp->quota);
}
