/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/udp.h"
#include "answer/answer.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu.h>

#define BATCH 64
#define QUERY_MAX 4096				/* a longer datagram is no question anyone asks: dropped */
#define REPLY_MAX 1500				/* as sw_answer() may write */
#define UPDATE_PATIENCE_NS (10ull * 1000000000) /* nsupdate has asked again three times by then */
#define RECEIVE_BUFFER_BYTES                                                          \
	(4 << 20) /* some 5,000 queries: what arrives while a thread is not scheduled \
		   */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/** Room for IP_PKTINFO or IPV6_PKTINFO. */
union packet_info {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/** Buffers of a thread. Query i is answered from reply i; its address and control bytes serve both ways. */
struct batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	union address peer[BATCH];
	union packet_info info[BATCH];
	uint8_t query[BATCH][QUERY_MAX];
	uint8_t reply[BATCH][REPLY_MAX];
};

/** A socket that replies to updates go out of later, held by its worker and by each of them. */
struct door {
	unsigned holders; /* atomic */
	int fd;
};

/** Where to such a reply goes. */
struct later {
	struct door *door;
	union address peer;
	socklen_t peer_len;
	size_t info_len;
	union packet_info info;
};

struct udp_worker {
	struct sw_tally tally;
	struct sw_udp *udp;
	struct sw_requests *requests;
	struct door *door;
	const struct sw_image_view *view;
	struct sw_worker *answerer;
	struct batch *batch;
	pthread_t thread;
	bool is_running;
	int fd;
};

struct sw_udp {
	struct sw_endpoint endpoint;
	bool is_wildcard;
	bool is_stopping;
	unsigned count;
	struct udp_worker workers[];
};

static void set_option(int fd, int level, int option, int value)
{
	(void)setsockopt(
		fd, level, option, &value, sizeof(value)); /* what these are for is worth no failure */
}

/** Options without which the socket would answer, but not well. */
static int tune(int fd, const struct sw_endpoint *endpoint)
{
	int on = 1, bytes = RECEIVE_BUFFER_BYTES;
	bool is_v6 = endpoint->any.sa_family == AF_INET6;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
	/* A forged "fragmentation needed" must not make us send fragments, which others can forge the rest
	 * of: OMIT ignores path MTUs learnt that way. IPv6: send at most what every path carries. */
	if (is_v6) {
		set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
		set_option(fd, IPPROTO_IPV6, IPV6_MTU, 1280);
	} else {
		set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	}
	if (!sw_endpoint_is_wildcard(endpoint))
		return 0;
	int err = is_v6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))
			: setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	return err == 0 ? 0 : -errno;
}

static int worker_open(struct udp_worker *worker, const struct sw_endpoint *endpoint)
{
	worker->fd = sw_endpoint_bind(endpoint, SOCK_DGRAM);
	if (worker->fd < 0)
		return worker->fd;
	worker->door = malloc(sizeof(*worker->door));
	if (worker->door == NULL) {
		close(worker->fd);
		return -ENOMEM;
	}
	*worker->door = (struct door){.holders = 1, .fd = worker->fd};
	return 0;
}

int sw_udp_open(struct sw_udp **result, const struct sw_endpoint *endpoint, unsigned workers)
{
	size_t size = sizeof(struct sw_udp) + workers * sizeof(struct udp_worker);
	int err = sw_endpoint_probe(endpoint, SOCK_DGRAM);
	if (err != 0)
		return err;
	struct sw_udp *udp = aligned_alloc(_Alignof(struct sw_udp), size);
	if (udp == NULL)
		return -ENOMEM;
	memset(udp, 0, size);
	udp->endpoint = *endpoint;
	udp->is_wildcard = sw_endpoint_is_wildcard(endpoint);
	for (; udp->count < workers; udp->count++) {
		struct udp_worker *worker = &udp->workers[udp->count];
		worker->udp = udp;
		err = worker_open(worker, endpoint);
		if (err != 0)
			goto fail;
		err = tune(worker->fd, endpoint);
		if (err != 0) {
			udp->count++;
			goto fail;
		}
	}
	*result = udp;
	return 0;
fail:
	sw_udp_free(udp);
	return err;
}

static void batch_init(struct batch *batch, bool is_wildcard)
{
	for (unsigned i = 0; i < BATCH; i++) {
		batch->in_iov[i] = (struct iovec){batch->query[i], QUERY_MAX};
		batch->in[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->peer[i],
			.msg_iov = &batch->in_iov[i],
			.msg_iovlen = 1,
			.msg_control = is_wildcard ? &batch->info[i] : NULL,
		};
	}
}

/** The kernel shortens these as it fills them: restore the first `count`. */
static void batch_rearm(struct batch *batch, unsigned count, bool is_wildcard)
{
	for (unsigned i = 0; i < count; i++) {
		batch->in[i].msg_hdr.msg_namelen = sizeof(batch->peer[i]);
		batch->in[i].msg_hdr.msg_controllen = is_wildcard ? sizeof(batch->info[i]) : 0;
	}
}

/** Answer from the address asked, by whichever interface the routes say: not bound to the one it came in. */
static void any_interface(union packet_info *info)
{
	void *data = CMSG_DATA(&info->header);
	if (info->header.cmsg_level == IPPROTO_IP)
		((struct in_pktinfo *)data)->ipi_ifindex = 0;
	else if (!IN6_IS_ADDR_LINKLOCAL(&((struct in6_pktinfo *)data)->ipi6_addr))
		((struct in6_pktinfo *)data)->ipi6_ifindex = 0;
}

static uint16_t asker_from(struct sw_asker *asker, const union address *peer)
{
	if (peer->any.sa_family == AF_INET) {
		asker->address_len = 4;
		memcpy(asker->address, &peer->v4.sin_addr, 4);
		return peer->v4.sin_port;
	}
	asker->address_len = 16;
	memcpy(asker->address, &peer->v6.sin6_addr, 16);
	return peer->v6.sin6_port;
}

/* ---- replies that come later ---- */

static void door_release(struct door *door)
{
	if (door == NULL || __atomic_sub_fetch(&door->holders, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	close(door->fd);
	free(door);
}

/** sw_update_request.done: never blocks, since it is another's thread. */
static void later_done(struct sw_update_request *update, const uint8_t *reply, size_t len)
{
	struct later *later = update->arg;
	struct iovec iov = {(void *)reply, len};
	const struct msghdr header = {
		.msg_name = &later->peer,
		.msg_namelen = later->peer_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = later->info_len ? &later->info : NULL,
		.msg_controllen = later->info_len,
	};
	if (len > 0)
		(void)sendmsg(later->door->fd, &header, MSG_DONTWAIT); /* lost: the asker asks again */
	door_release(later->door);
	free(later);
	free(update);
}

/** One datagram in hand. */
struct datagram {
	struct udp_worker *worker;
	unsigned at; /* in the batch */
};

/** sw_request.expect */
static int expect(void *context, struct sw_update_request *update)
{
	const struct datagram *datagram = context;
	struct batch *batch = datagram->worker->batch;
	const struct msghdr *in = &batch->in[datagram->at].msg_hdr;
	struct later *later = calloc(1, sizeof(*later));
	if (later == NULL)
		return -ENOMEM;
	later->door = datagram->worker->door;
	later->peer = batch->peer[datagram->at];
	later->peer_len = in->msg_namelen;
	if (in->msg_controllen >= sizeof(struct cmsghdr)) {
		later->info = batch->info[datagram->at];
		later->info_len = in->msg_controllen;
		any_interface(&later->info);
	}
	__atomic_add_fetch(&later->door->holders, 1, __ATOMIC_RELAXED);
	update->done = later_done;
	update->arg = later;
	return 0;
}

static size_t answer_request(
	struct udp_worker *worker, unsigned i, const struct sw_asker *asker, unsigned *verdict)
{
	struct batch *batch = worker->batch;
	struct datagram datagram = {.worker = worker, .at = i};
	struct sw_request request = {
		.asker = asker,
		.answerer = worker->answerer,
		.view = worker->view,
		.expect = expect,
		.context = &datagram,
		.patience_ns = UPDATE_PATIENCE_NS,
	};
	enum sw_taken taken = sw_requests_take(
		worker->requests, &request, batch->query[i], batch->in[i].msg_len, batch->reply[i]);
	*verdict = request.verdict;
	if (taken == SW_TAKEN_NOT)
		return sw_answer(worker->answerer, worker->view, asker, batch->query[i], batch->in[i].msg_len,
			batch->reply[i], verdict);
	return taken == SW_TAKEN_REPLY ? request.reply_len : 0;
}

/** @return bytes of the reply, 0 for none */
static size_t answer_one(struct udp_worker *worker, unsigned i)
{
	struct batch *batch = worker->batch;
	struct msghdr *header = &batch->in[i].msg_hdr;
	struct sw_asker asker = {.stream = false};
	unsigned verdict;
	size_t len = 0;
	if (header->msg_flags & MSG_TRUNC)
		verdict = SW_VERDICT_DROP_LENGTH;
	else if (asker_from(&asker, header->msg_name) == 0)
		verdict = SW_VERDICT_DROP_PORT0;
	else if (sw_requests_may_be(worker->requests, batch->query[i], batch->in[i].msg_len))
		len = answer_request(worker, i, &asker, &verdict);
	else
		len = sw_answer(worker->answerer, worker->view, &asker, batch->query[i], batch->in[i].msg_len,
			batch->reply[i], &verdict);
	sw_tally_add(&worker->tally.verdicts[verdict], 1);
	return len;
}

/** Answer what came. @return replies in batch->out */
static unsigned answer_batch(struct udp_worker *worker, unsigned count)
{
	struct batch *batch = worker->batch;
	unsigned replies = 0;
	rcu_read_lock();
	for (unsigned i = 0; i < count; i++) {
		size_t len = answer_one(worker, i);
		if (len == 0)
			continue;
		const struct msghdr *in = &batch->in[i].msg_hdr;
		if (in->msg_controllen >= sizeof(struct cmsghdr))
			any_interface(&batch->info[i]);
		batch->out_iov[replies] = (struct iovec){batch->reply[i], len};
		batch->out[replies].msg_hdr = (struct msghdr){
			.msg_name = in->msg_name,
			.msg_namelen = in->msg_namelen,
			.msg_iov = &batch->out_iov[replies],
			.msg_iovlen = 1,
			.msg_control = in->msg_controllen ? in->msg_control : NULL,
			.msg_controllen = in->msg_controllen,
		};
		replies++;
	}
	rcu_read_unlock();
	return replies;
}

/** Blocking: when the line is full, queries wait in the receive buffer rather than answers being thrown away.
 */
static void send_batch(struct udp_worker *worker, unsigned count)
{
	for (unsigned sent = 0; sent < count;) {
		int n = sendmmsg(worker->fd, worker->batch->out + sent, count - sent, 0);
		if (n > 0) {
			sent += (unsigned)n;
		} else if (errno != EINTR) {
			sent++; /* this one cannot go (no route, address gone): the others can */
			sw_tally_add(&worker->tally.unsent, 1);
		}
	}
}

static void *udp_loop(void *arg)
{
	struct udp_worker *worker = arg;
	struct sw_udp *udp = worker->udp;
	unsigned used = BATCH;
	rcu_register_thread();
	while (!__atomic_load_n(&udp->is_stopping, __ATOMIC_ACQUIRE)) {
		batch_rearm(worker->batch, used, udp->is_wildcard);
		int n = recvmmsg(worker->fd, worker->batch->in, BATCH, MSG_WAITFORONE, NULL);
		used = n > 0 ? (unsigned)n : 1; /* an error (ICMP, EINTR) has touched at most the first */
		if (n <= 0 || __atomic_load_n(&udp->is_stopping, __ATOMIC_ACQUIRE))
			continue;
		send_batch(worker, answer_batch(worker, used));
	}
	rcu_unregister_thread();
	return NULL;
}

int sw_udp_start(struct sw_udp *udp, const struct sw_image_view *view, struct sw_requests *requests)
{
	for (unsigned i = 0; i < udp->count; i++) {
		struct udp_worker *worker = &udp->workers[i];
		worker->view = view;
		worker->requests = requests;
		worker->answerer = sw_worker_new();
		worker->batch = calloc(1, sizeof(*worker->batch));
		if (worker->answerer == NULL || worker->batch == NULL)
			return -ENOMEM;
		batch_init(worker->batch, udp->is_wildcard);
		int err = pthread_create(&worker->thread, NULL, udp_loop, worker);
		if (err != 0)
			return -err;
		worker->is_running = true;
	}
	return 0;
}

void sw_udp_free(struct sw_udp *udp)
{
	if (udp == NULL)
		return;
	__atomic_store_n(&udp->is_stopping, true, __ATOMIC_RELEASE);
	/* On an unconnected UDP socket shutdown() fails with ENOTCONN, but wakes whoever is blocked in it,
	 * and makes every later receive return at once (inet_shutdown(), since Linux 2.1). */
	for (unsigned i = 0; i < udp->count; i++)
		shutdown(udp->workers[i].fd, SHUT_RDWR);
	for (unsigned i = 0; i < udp->count; i++) {
		struct udp_worker *worker = &udp->workers[i];
		if (worker->is_running)
			pthread_join(worker->thread, NULL);
		door_release(worker->door);
		sw_worker_free(worker->answerer);
		free(worker->batch);
	}
	free(udp);
}

void sw_udp_count(const struct sw_udp *udp, struct sw_tally *sum)
{
	for (unsigned i = 0; i < udp->count; i++)
		sw_tally_sum(sum, &udp->workers[i].tally);
}
