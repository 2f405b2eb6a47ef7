/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/clock.h"
#include "serve/session.h"
#include "serve/tcp_inside.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <urcu.h>

#define ACCEPTS_PER_TURN 16
#define HANDSHAKES_PER_TURN 8 /* steps: a few milliseconds */
#define EVENTS 64
#define MS_NS 1000000ull

/* ---- the lists of a loop: by last activity, by age, of handshakes ---- */

#define LIST_OPERATIONS(which)                                                            \
	static void which##_append(struct sw_conn_list *list, struct sw_conn *conn)       \
	{                                                                                 \
		conn->which##_prev = list->tail;                                          \
		conn->which##_next = NULL;                                                \
		*(list->tail ? &list->tail->which##_next : &list->head) = conn;           \
		list->tail = conn;                                                        \
	}                                                                                 \
	static void which##_remove(struct sw_conn_list *list, struct sw_conn *conn)       \
	{                                                                                 \
		*(conn->which##_prev ? &conn->which##_prev->which##_next : &list->head) = \
			conn->which##_next;                                               \
		*(conn->which##_next ? &conn->which##_next->which##_prev : &list->tail) = \
			conn->which##_prev;                                               \
	}
LIST_OPERATIONS(idle)
LIST_OPERATIONS(age)
LIST_OPERATIONS(wait)

static void conn_close(struct sw_tcp_loop *loop, struct sw_conn *conn, bool is_reset)
{
	idle_remove(conn->is_open ? &loop->idle : &loop->shaking, conn);
	age_remove(&loop->age, conn);
	if (conn->queue != NULL)
		wait_remove(conn->queue, conn);
	if (!conn->is_open)
		sw_quota_give(loop->tcp->handshakes, conn->prefix);
	sw_quota_give(loop->tcp->quota, conn->prefix);
	sw_conn_free(conn, is_reset);
}

static void look_for(struct sw_tcp_loop *loop, struct sw_conn *conn, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = conn};
	if (conn->events != events)
		epoll_ctl(loop->epoll, EPOLL_CTL_MOD, conn->link.fd, &event);
	conn->events = events;
}

static void conn_turn(struct sw_tcp_loop *loop, struct sw_conn *conn, uint64_t now)
{
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
	look_for(loop, conn, conn->is_waiting ? EPOLLOUT : conn->later ? 0 : EPOLLIN);
}

/** Replies to updates. */
static void later_turn(struct sw_tcp_loop *loop, uint64_t now)
{
	struct sw_later *next;
	for (struct sw_later *later = sw_later_take(loop->tools->queue); later != NULL; later = next) {
		struct sw_conn *conn = later->conn;
		next = later->next;
		if (conn == NULL)
			sw_later_free(later);
		else if (sw_conn_later(conn, later) == SW_TURN_OVER)
			conn_close(loop, conn, false);
		else
			conn_turn(loop, conn, now);
	}
}

/* ---- handshakes ---- */

static uint64_t cpu_ns(void)
{
	struct timespec used;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000 * MS_NS + (uint64_t)used.tv_nsec;
}

static unsigned handshake_percent(const struct sw_tcp_loop *loop)
{
	return __atomic_load_n(&loop->tcp->handshake_percent, __ATOMIC_RELAXED);
}

/** A session is begun when its client has said something, with the certificate of that moment. */
static int session_begin(struct sw_tcp_loop *loop, struct sw_conn *conn)
{
	struct sw_credentials *credentials = sw_tls_credentials(loop->tcp->tls);
	int err = sw_session_serve(&conn->link, credentials);
	sw_credentials_release(credentials);
	return err;
}

static void handshake_done(struct sw_tcp_loop *loop, struct sw_conn *conn)
{
	sw_tally_add(&loop->counts.tls.handshakes, 1);
	sw_tally_add(&loop->counts.tls.resumed, sw_session_is_resumed(&conn->link));
	sw_quota_give(loop->tcp->handshakes, conn->prefix);
	idle_remove(&loop->shaking, conn);
	conn->is_open = true;
	conn->active_ns = sw_now_ns();
	idle_append(&loop->idle, conn);
	conn_turn(loop, conn, conn->active_ns); /* its first query may be here already */
}

/** One step of a handshake, on the bill. */
static void handshake_step(struct sw_tcp_loop *loop, struct sw_conn *conn)
{
	uint64_t before_ns = cpu_ns();
	int err = conn->link.session ? 0 : session_begin(loop, conn);
	if (err == 0)
		err = conn->link.transport->handshake(&conn->link);
	uint64_t cost_ns = cpu_ns() - before_ns;
	sw_budget_charge(&loop->budget, conn->prefix, cost_ns);
	sw_tally_add(&loop->counts.tls.cpu_ns, cost_ns);
	if (err == 0) {
		handshake_done(loop, conn);
	} else if (err == -EAGAIN) {
		look_for(loop, conn, conn->link.transport->wants_write(&conn->link) ? EPOLLOUT : EPOLLIN);
	} else {
		sw_tally_add(&loop->counts.tls.failed, 1);
		conn_close(loop, conn, false);
	}
}

static void handshake_event(struct sw_tcp_loop *loop, struct sw_conn *conn, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR)) { /* gone; asked for or not, epoll tells of it again and again */
		sw_tally_add(&loop->counts.tls.failed, 1);
		conn_close(loop, conn, true);
	} else if (conn->queue == NULL) {
		conn->queue = &loop->light;
		wait_append(conn->queue, conn);
	}
}

/** Whose turn it is: one whose prefix has had its part goes behind those who have not. @return NULL: nobody's
 */
static struct sw_conn *handshake_next(struct sw_tcp_loop *loop)
{
	unsigned percent = handshake_percent(loop);
	struct sw_conn *conn;
	while ((conn = loop->light.head) != NULL &&
		sw_budget_is_heavy(&loop->budget, conn->prefix, percent)) {
		wait_remove(conn->queue, conn);
		conn->queue = &loop->heavy;
		wait_append(conn->queue, conn);
	}
	return conn ? conn : loop->heavy.head;
}

/** Not to hear of them again until it is their turn. */
static void park(struct sw_tcp_loop *loop, struct sw_conn_list *queue)
{
	for (struct sw_conn *conn = queue->tail; conn != NULL && conn->events != 0; conn = conn->wait_prev) {
		sw_tally_add(&loop->counts.tls.deferred, 1);
		look_for(loop, conn, 0);
	}
}

/** As many steps as there is time for. */
static void handshakes_run(struct sw_tcp_loop *loop)
{
	unsigned percent = handshake_percent(loop);
	sw_budget_fill(&loop->budget, sw_now_ns(), percent);
	for (unsigned i = 0; i < HANDSHAKES_PER_TURN && sw_budget_wait_ns(&loop->budget, percent) == 0; i++) {
		struct sw_conn *conn = handshake_next(loop);
		if (conn == NULL)
			return;
		wait_remove(conn->queue, conn);
		conn->queue = NULL;
		handshake_step(loop, conn);
	}
	if (sw_budget_wait_ns(&loop->budget, percent) > 0) {
		park(loop, &loop->light);
		park(loop, &loop->heavy);
	}
}

/** @return milliseconds until handshakes can go on, at most `most_ms` */
static int handshakes_wait(const struct sw_tcp_loop *loop, int most_ms)
{
	if (loop->light.head == NULL && loop->heavy.head == NULL)
		return most_ms;
	uint64_t ms = (sw_budget_wait_ns(&loop->budget, handshake_percent(loop)) + MS_NS - 1) / MS_NS;
	return ms < (uint64_t)most_ms ? (int)ms : most_ms;
}

static bool close_oldest_handshake(struct sw_tcp_loop *loop)
{
	if (loop->shaking.head == NULL)
		return false;
	sw_tally_add(&loop->counts.tls.overload, 1);
	conn_close(loop, loop->shaking.head, true);
	return true;
}

/** A place among the handshakes. @return 0, or -errno when there is none */
static int handshake_take(struct sw_tcp_loop *loop, sw_prefix prefix)
{
	int err = sw_quota_take(loop->tcp->handshakes, prefix);
	if (err == -ENOSPC && close_oldest_handshake(loop))
		err = sw_quota_take(loop->tcp->handshakes, prefix);
	if (err != 0)
		sw_tally_add(err == -EDQUOT ? &loop->counts.tls.prefix : &loop->counts.tls.overload, 1);
	return err;
}

/* ---- accepting ---- */

static void refuse(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static bool close_idlest(struct sw_tcp_loop *loop)
{
	struct sw_conn *idle = loop->idle.head, *shaking = loop->shaking.head;
	struct sw_conn *idlest = idle && (!shaking || idle->active_ns < shaking->active_ns) ? idle : shaking;
	if (idlest == NULL)
		return false;
	sw_tally_add(&loop->counts.overload, 1);
	conn_close(loop, idlest, true);
	return true;
}

/** @return 0, or -errno: it cannot be kept */
static int conn_begin(struct sw_tcp_loop *loop, const struct sw_link *link, const struct sw_endpoint *peer,
	sw_prefix prefix)
{
	struct sw_conn *conn = sw_conn_new(link, peer, prefix);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
	if (conn == NULL || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, link->fd, &event) != 0) {
		free(conn);
		return -ENOMEM;
	}
	conn->events = EPOLLIN;
	conn->is_open = !link->transport->is_encrypted;
	conn->active_ns = conn->since_ns = sw_now_ns();
	idle_append(conn->is_open ? &loop->idle : &loop->shaking, conn);
	age_append(&loop->age, conn);
	sw_tally_add(&loop->counts.accepted, 1);
	return 0;
}

/** A place among the connections. @return 0, or -errno when there is none */
static int place_take(struct sw_tcp_loop *loop, sw_prefix prefix)
{
	struct sw_quota *quota = loop->tcp->quota;
	int err = sw_quota_take(quota, prefix);
	if (err == -ENOSPC && close_idlest(loop))
		err = sw_quota_take(quota, prefix);
	if (err != 0)
		sw_tally_add(err == -EDQUOT ? &loop->counts.prefix : &loop->counts.overload, 1);
	return err;
}

/** A connection is there: keep it if the limits allow. */
static void admit(struct sw_tcp_loop *loop, const struct sw_link *link, const struct sw_endpoint *peer)
{
	sw_prefix prefix = sw_quota_prefix(peer);
	bool is_shaking = link->transport->is_encrypted;
	int err = is_shaking ? handshake_take(loop, prefix) : 0;
	if (err != 0) {
		refuse(link->fd);
		return;
	}
	err = place_take(loop, prefix);
	if (err == 0 && (err = conn_begin(loop, link, peer, prefix)) != 0)
		sw_quota_give(loop->tcp->quota, prefix);
	if (err != 0) {
		if (is_shaking)
			sw_quota_give(loop->tcp->handshakes, prefix);
		refuse(link->fd);
	}
}

/** No descriptor left: give up an idle connection, or take the waiting one by the spare and refuse it, or
 * epoll would report it for ever. */
static void relieve(struct sw_tcp_loop *loop, const struct sw_tcp_listener *listener)
{
	if (close_idlest(loop))
		return;
	close(loop->spare);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		sw_tally_add(&loop->counts.overload, 1);
		refuse(fd);
	}
	loop->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_some(struct sw_tcp_loop *loop, const struct sw_tcp_listener *listener, unsigned most)
{
	for (unsigned i = 0; i < most; i++) {
		struct sw_endpoint peer = {.len = sizeof(peer.v6)};
		struct sw_link link = {.transport = listener->transport};
		link.fd = accept4(listener->fd, &peer.any, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (link.fd >= 0)
			admit(loop, &link, &peer);
		else if (errno == EMFILE || errno == ENFILE)
			relieve(loop, listener);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
	}
}

/* ---- time ---- */

/** Close what is over its time. @return milliseconds until the next will be, at most 10,000 */
static int expire(struct sw_tcp_loop *loop)
{
	uint64_t now = sw_now_ns(), next = now + 10000 * MS_NS;
	uint64_t idle_ns = __atomic_load_n(&loop->tcp->idle_ms, __ATOMIC_RELAXED) * MS_NS;
	uint64_t lifetime_ns = __atomic_load_n(&loop->tcp->lifetime_ms, __ATOMIC_RELAXED) * MS_NS;
	uint64_t handshake_ns = __atomic_load_n(&loop->tcp->handshake_ms, __ATOMIC_RELAXED) * MS_NS;
	while (loop->shaking.head != NULL && loop->shaking.head->since_ns + handshake_ns <= now) {
		sw_tally_add(&loop->counts.tls.timeout, 1);
		conn_close(loop, loop->shaking.head, true);
	}
	while (loop->idle.head != NULL && loop->idle.head->active_ns + idle_ns <= now) {
		sw_tally_add(&loop->counts.idle, 1);
		conn_close(loop, loop->idle.head, loop->idle.head->is_waiting);
	}
	while (lifetime_ns != 0 && loop->age.head != NULL && loop->age.head->since_ns + lifetime_ns <= now) {
		sw_tally_add(&loop->counts.lifetime, 1);
		conn_close(loop, loop->age.head, loop->age.head->is_waiting);
	}
	if (loop->shaking.head != NULL && loop->shaking.head->since_ns + handshake_ns < next)
		next = loop->shaking.head->since_ns + handshake_ns;
	if (loop->idle.head != NULL && loop->idle.head->active_ns + idle_ns < next)
		next = loop->idle.head->active_ns + idle_ns;
	if (lifetime_ns != 0 && loop->age.head != NULL && loop->age.head->since_ns + lifetime_ns < next)
		next = loop->age.head->since_ns + lifetime_ns;
	return (int)((next - now + MS_NS - 1) / MS_NS);
}

/* ---- the loop ---- */

/** Listeners are told from connections by where their epoll data points. */
static const struct sw_tcp_listener *listener_of(const struct sw_tcp_loop *loop, const void *data)
{
	const struct sw_tcp_listener *place = data;
	bool is_listener = place >= loop->listeners && place < loop->listeners + loop->tcp->endpoint_count;
	return is_listener ? place : NULL;
}

/** Events of one round. A connection closed here by close_idlest() may have an event further on: so
 * connections come first, listeners behind them. Between them handshakes, which close none but their own. */
static void dispatch(struct sw_tcp_loop *loop, const struct epoll_event *events, int count)
{
	uint64_t now = sw_now_ns();
	loop->tools->idle_ds = (uint16_t)(__atomic_load_n(&loop->tcp->idle_ms, __ATOMIC_RELAXED) / 100);
	for (int i = 0; i < count; i++) {
		struct sw_conn *conn = events[i].data.ptr;
		if (events[i].data.ptr == &loop->tcp->wake || events[i].data.ptr == loop->tools ||
			listener_of(loop, conn) != NULL)
			continue;
		if (conn->later != NULL && events[i].events & (EPOLLHUP | EPOLLERR))
			conn_close(loop, conn, true); /* gone: nobody waits for the reply */
		else if (conn->is_open)
			conn_turn(loop, conn, now);
		else
			handshake_event(loop, conn, events[i].events);
	}
	if (loop->light.head != NULL || loop->heavy.head != NULL)
		handshakes_run(loop);
	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == loop->tools)
			later_turn(loop, now);
	}
	for (int i = 0; i < count; i++) {
		const struct sw_tcp_listener *listener = listener_of(loop, events[i].data.ptr);
		if (listener != NULL)
			accept_some(loop, listener, ACCEPTS_PER_TURN);
	}
}

static bool is_stopping(const struct sw_tcp_loop *loop)
{
	return __atomic_load_n(&loop->tcp->is_stopping, __ATOMIC_ACQUIRE);
}

/** Stopping: answer what has come in, take nothing new, wait for clients who still read. */
static void drain(struct sw_tcp_loop *loop)
{
	uint64_t now = sw_now_ns(), end = now + loop->tcp->grace_ms * MS_NS;
	for (size_t i = 0; i < loop->tcp->endpoint_count; i++) {
		if (!loop->listeners[i].transport->is_encrypted) /* nobody there has asked anything */
			accept_some(loop, &loop->listeners[i], SW_TCP_BACKLOG);
		close(loop->listeners[i].fd);
		loop->listeners[i].fd = -1;
	}
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->tcp->wake, NULL);
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, sw_later_queue_fd(loop->tools->queue), NULL);
	for (struct sw_conn *conn = loop->age.head, *next; conn != NULL; conn = next) {
		next = conn->age_next;
		if (!conn->is_open || sw_conn_turn(conn, loop->tools) == SW_TURN_OVER || !conn->is_waiting) {
			conn_close(loop, conn, false);
			continue;
		}
		look_for(loop, conn, EPOLLOUT);
		conn->is_ended = true;
	}
	while (loop->age.head != NULL && (now = sw_now_ns()) < end) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(loop->epoll, events, EVENTS, (int)((end - now) / MS_NS) + 1);
		for (int i = 0; i < count; i++)
			conn_turn(loop, events[i].data.ptr, now);
	}
	while (loop->age.head != NULL)
		conn_close(loop, loop->age.head, true);
}

void *sw_tcp_loop_run(void *arg)
{
	struct sw_tcp_loop *loop = arg;
	struct epoll_event events[EVENTS];
	rcu_register_thread();
	while (!is_stopping(loop)) {
		int count = epoll_wait(loop->epoll, events, EVENTS, handshakes_wait(loop, expire(loop)));
		dispatch(loop, events, count);
	}
	drain(loop);
	rcu_unregister_thread();
	return NULL;
}
