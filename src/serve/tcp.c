/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/tcp.h"
#include "serve/conn.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <urcu.h>

#define BACKLOG 4096
#define ACCEPTS_PER_TURN 16
#define EVENTS 64
/* Fixed, or the kernel lets each grow to megabytes: what clients who do not read can make us hold. */
#define SEND_BUFFER_BYTES (256 << 10)
#define RECEIVE_BUFFER_BYTES (64 << 10)
#define MS_NS 1000000ull

/** Doubly linked; the head is the oldest. */
struct list {
	struct sw_conn *head, *tail;
};

struct tcp_loop {
	struct sw_tally tally;
	struct sw_tcp_counts counts; /* written by this thread alone */
	struct sw_tcp *tcp;
	struct list idle, age;
	struct sw_conn_tools *tools;
	int *listeners;
	int epoll, spare; /* spare: a descriptor to give up when there are no others */
	bool is_running;
	pthread_t thread;
} __attribute__((aligned(64)));

struct sw_tcp {
	struct sw_quota *quota;
	size_t endpoint_count;
	unsigned idle_ms, lifetime_ms; /* atomic */
	unsigned grace_ms;
	bool is_stopping;
	int wake; /* readable from the moment of stopping on */
	unsigned count;
	struct tcp_loop loops[];
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * MS_NS + (uint64_t)now.tv_nsec;
}

/* ---- the two lists of a loop: by last activity and by age ---- */

#define LIST_OPERATIONS(which)                                                            \
	static void which##_append(struct list *list, struct sw_conn *conn)               \
	{                                                                                 \
		conn->which##_prev = list->tail;                                          \
		conn->which##_next = NULL;                                                \
		*(list->tail ? &list->tail->which##_next : &list->head) = conn;           \
		list->tail = conn;                                                        \
	}                                                                                 \
	static void which##_remove(struct list *list, struct sw_conn *conn)               \
	{                                                                                 \
		*(conn->which##_prev ? &conn->which##_prev->which##_next : &list->head) = \
			conn->which##_next;                                               \
		*(conn->which##_next ? &conn->which##_next->which##_prev : &list->tail) = \
			conn->which##_prev;                                               \
	}
LIST_OPERATIONS(idle)
LIST_OPERATIONS(age)

static void conn_close(struct tcp_loop *loop, struct sw_conn *conn, bool is_reset)
{
	idle_remove(&loop->idle, conn);
	age_remove(&loop->age, conn);
	sw_quota_give(loop->tcp->quota, conn->prefix);
	sw_conn_free(conn, is_reset);
}

static void conn_turn(struct tcp_loop *loop, struct sw_conn *conn, uint64_t now)
{
	bool was_waiting = conn->is_waiting;
	enum sw_turn turn = sw_conn_turn(conn, loop->tools);
	if (turn == SW_TURN_OVER) {
		conn_close(loop, conn, false);
		return;
	}
	if (turn == SW_TURN_ACTIVE) {
		conn->active_ns = now;
		idle_remove(&loop->idle, conn);
		idle_append(&loop->idle, conn);
	}
	if (conn->is_waiting != was_waiting) {
		struct epoll_event event = {
			.events = conn->is_waiting ? EPOLLOUT : EPOLLIN, .data.ptr = conn};
		epoll_ctl(loop->epoll, EPOLL_CTL_MOD, conn->fd, &event);
	}
}

/* ---- accepting ---- */

static void refuse(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static bool close_idlest(struct tcp_loop *loop)
{
	if (loop->idle.head == NULL)
		return false;
	sw_tally_add(&loop->counts.overload, 1);
	conn_close(loop, loop->idle.head, true);
	return true;
}

/** A connection is there: keep it if the limits allow. */
static void admit(struct tcp_loop *loop, int fd, const struct sw_endpoint *peer)
{
	struct sw_quota *quota = loop->tcp->quota;
	sw_prefix prefix = sw_quota_prefix(peer);
	int err = sw_quota_take(quota, prefix);
	if (err == -ENOSPC && close_idlest(loop))
		err = sw_quota_take(quota, prefix);
	if (err != 0) {
		sw_tally_add(err == -EDQUOT ? &loop->counts.prefix : &loop->counts.overload, 1);
		refuse(fd);
		return;
	}
	struct sw_conn *conn = sw_conn_new(fd, peer, prefix);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
	if (conn == NULL || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		sw_quota_give(quota, prefix);
		refuse(fd);
		free(conn);
		return;
	}
	conn->active_ns = conn->since_ns = now_ns();
	idle_append(&loop->idle, conn);
	age_append(&loop->age, conn);
	sw_tally_add(&loop->counts.accepted, 1);
}

/** No descriptor left: give up an idle connection, or take the waiting one by the spare and refuse it, or
 * epoll would report it for ever. */
static void relieve(struct tcp_loop *loop, int listener)
{
	if (close_idlest(loop))
		return;
	close(loop->spare);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		sw_tally_add(&loop->counts.overload, 1);
		refuse(fd);
	}
	loop->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_some(struct tcp_loop *loop, int listener, unsigned most)
{
	for (unsigned i = 0; i < most; i++) {
		struct sw_endpoint peer = {.len = sizeof(peer.v6)};
		int fd = accept4(listener, &peer.any, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			admit(loop, fd, &peer);
		else if (errno == EMFILE || errno == ENFILE)
			relieve(loop, listener);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
	}
}

/* ---- time ---- */

/** Close what is over its time. @return milliseconds until the next will be, at most 10,000 */
static int expire(struct tcp_loop *loop)
{
	uint64_t now = now_ns(), next = now + 10000 * MS_NS;
	uint64_t idle_ns = __atomic_load_n(&loop->tcp->idle_ms, __ATOMIC_RELAXED) * MS_NS;
	uint64_t lifetime_ns = __atomic_load_n(&loop->tcp->lifetime_ms, __ATOMIC_RELAXED) * MS_NS;
	while (loop->idle.head != NULL && loop->idle.head->active_ns + idle_ns <= now) {
		sw_tally_add(&loop->counts.idle, 1);
		conn_close(loop, loop->idle.head, loop->idle.head->is_waiting);
	}
	while (lifetime_ns != 0 && loop->age.head != NULL && loop->age.head->since_ns + lifetime_ns <= now) {
		sw_tally_add(&loop->counts.lifetime, 1);
		conn_close(loop, loop->age.head, loop->age.head->is_waiting);
	}
	if (loop->idle.head != NULL && loop->idle.head->active_ns + idle_ns < next)
		next = loop->idle.head->active_ns + idle_ns;
	if (lifetime_ns != 0 && loop->age.head != NULL && loop->age.head->since_ns + lifetime_ns < next)
		next = loop->age.head->since_ns + lifetime_ns;
	return (int)((next - now + MS_NS - 1) / MS_NS);
}

/* ---- the loop ---- */

/** Listeners are told from connections by where their epoll data points. */
static int listener_of(const struct tcp_loop *loop, const void *data)
{
	const int *place = data;
	bool is_listener = place >= loop->listeners && place < loop->listeners + loop->tcp->endpoint_count;
	return is_listener ? *place : -1;
}

/** Events of one round. A connection closed here by close_idlest() may have an event further on: so
 * connections come first, listeners behind them. */
static void dispatch(struct tcp_loop *loop, const struct epoll_event *events, int count)
{
	uint64_t now = now_ns();
	loop->tools->idle_ds = (uint16_t)(__atomic_load_n(&loop->tcp->idle_ms, __ATOMIC_RELAXED) / 100);
	for (int i = 0; i < count; i++) {
		void *data = events[i].data.ptr;
		if (data != &loop->tcp->wake && listener_of(loop, data) < 0)
			conn_turn(loop, data, now);
	}
	for (int i = 0; i < count; i++) {
		int listener = listener_of(loop, events[i].data.ptr);
		if (listener >= 0)
			accept_some(loop, listener, ACCEPTS_PER_TURN);
	}
}

static bool is_stopping(const struct tcp_loop *loop)
{
	return __atomic_load_n(&loop->tcp->is_stopping, __ATOMIC_ACQUIRE);
}

/** Stopping: answer what has come in, take nothing new, wait for clients who still read. */
static void drain(struct tcp_loop *loop)
{
	uint64_t now = now_ns(), end = now + loop->tcp->grace_ms * MS_NS;
	for (size_t i = 0; i < loop->tcp->endpoint_count; i++) {
		accept_some(loop, loop->listeners[i], BACKLOG);
		close(loop->listeners[i]);
		loop->listeners[i] = -1;
	}
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->tcp->wake, NULL);
	for (struct sw_conn *conn = loop->age.head, *next; conn != NULL; conn = next) {
		next = conn->age_next;
		if (sw_conn_turn(conn, loop->tools) == SW_TURN_OVER || !conn->is_waiting) {
			conn_close(loop, conn, false);
			continue;
		}
		struct epoll_event event = {.events = EPOLLOUT, .data.ptr = conn};
		epoll_ctl(loop->epoll, EPOLL_CTL_MOD, conn->fd, &event);
		conn->is_ended = true;
	}
	while (loop->age.head != NULL && (now = now_ns()) < end) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(loop->epoll, events, EVENTS, (int)((end - now) / MS_NS) + 1);
		for (int i = 0; i < count; i++)
			conn_turn(loop, events[i].data.ptr, now);
	}
	while (loop->age.head != NULL)
		conn_close(loop, loop->age.head, true);
}

static void *tcp_run(void *arg)
{
	struct tcp_loop *loop = arg;
	struct epoll_event events[EVENTS];
	rcu_register_thread();
	while (!is_stopping(loop)) {
		int count = epoll_wait(loop->epoll, events, EVENTS, expire(loop));
		if (count > 0)
			dispatch(loop, events, count);
	}
	drain(loop);
	rcu_unregister_thread();
	return NULL;
}

/* ---- opening and closing ---- */

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

static int loop_open(
	struct tcp_loop *loop, struct sw_tcp *tcp, const struct sw_settings *settings, size_t *failed)
{
	loop->tcp = tcp;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop->tools = calloc(1, sizeof(*loop->tools));
	loop->listeners = malloc(settings->listen_count * sizeof(*loop->listeners));
	if (loop->tools == NULL || loop->listeners == NULL)
		return -ENOMEM;
	memset(loop->listeners, 0xff, settings->listen_count * sizeof(*loop->listeners)); /* -1: none yet */
	if (loop->epoll < 0 || loop->spare < 0)
		return -errno;
	for (size_t i = 0; i < settings->listen_count; i++) {
		*failed = i;
		loop->listeners[i] = listener_open(&settings->listen[i]);
		if (loop->listeners[i] < 0)
			return loop->listeners[i];
	}
	return 0;
}

int sw_tcp_open(struct sw_tcp **result, const struct sw_settings *settings, unsigned workers, size_t *failed)
{
	for (size_t i = 0; i < settings->listen_count; i++) {
		*failed = i;
		int err = sw_endpoint_probe(&settings->listen[i], SOCK_STREAM);
		if (err != 0)
			return err;
	}
	size_t size = sizeof(struct sw_tcp) + workers * sizeof(struct tcp_loop);
	struct sw_tcp *tcp = aligned_alloc(_Alignof(struct tcp_loop), size);
	if (tcp == NULL)
		return -ENOMEM;
	memset(tcp, 0, size);
	tcp->endpoint_count = settings->listen_count;
	tcp->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	tcp->quota = sw_quota_new(&settings->tcp);
	int err = tcp->wake < 0 ? -errno : tcp->quota == NULL ? -ENOMEM : 0;
	for (; err == 0 && tcp->count < workers; tcp->count++)
		err = loop_open(&tcp->loops[tcp->count], tcp, settings, failed);
	if (err != 0) {
		sw_tcp_free(tcp, 0);
		return err;
	}
	sw_tcp_limit(tcp, &settings->tcp);
	*result = tcp;
	return 0;
}

static int loop_start(struct tcp_loop *loop, const struct sw_image_view *view)
{
	struct sw_tcp *tcp = loop->tcp;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &tcp->wake};
	loop->tools->view = view;
	loop->tools->tally = &loop->tally;
	loop->tools->answerer = sw_worker_new();
	if (loop->tools->answerer == NULL)
		return -ENOMEM;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, tcp->wake, &event) != 0)
		return -errno;
	for (size_t i = 0; i < tcp->endpoint_count; i++) {
		event.data.ptr = &loop->listeners[i];
		if (listen(loop->listeners[i], BACKLOG) != 0 ||
			epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->listeners[i], &event) != 0)
			return -errno;
	}
	int err = pthread_create(&loop->thread, NULL, tcp_run, loop);
	loop->is_running = err == 0;
	return -err;
}

int sw_tcp_start(struct sw_tcp *tcp, const struct sw_image_view *view)
{
	int err = 0;
	for (unsigned i = 0; err == 0 && i < tcp->count; i++)
		err = loop_start(&tcp->loops[i], view);
	return err;
}

void sw_tcp_limit(struct sw_tcp *tcp, const struct sw_tcp_limits *limits)
{
	__atomic_store_n(&tcp->idle_ms, limits->idle_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&tcp->lifetime_ms, limits->lifetime_ms, __ATOMIC_RELAXED);
	sw_quota_limit(tcp->quota, limits);
}

static void loop_close(struct tcp_loop *loop)
{
	for (size_t i = 0; loop->listeners != NULL && i < loop->tcp->endpoint_count; i++) {
		if (loop->listeners[i] >= 0)
			close(loop->listeners[i]);
	}
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->spare >= 0)
		close(loop->spare);
	if (loop->tools != NULL)
		sw_worker_free(loop->tools->answerer);
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
	free(tcp);
}

void sw_tcp_count(const struct sw_tcp *tcp, struct sw_tally *sum, struct sw_tcp_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	for (unsigned i = 0; i < tcp->count; i++) {
		const struct tcp_loop *loop = &tcp->loops[i];
		sw_tally_sum(sum, &loop->tally);
#define X(name, text) counts->name += __atomic_load_n(&loop->counts.name, __ATOMIC_RELAXED);
		SW_TCP_COUNTERS(X)
#undef X
	}
	counts->open = sw_quota_used(tcp->quota);
}
