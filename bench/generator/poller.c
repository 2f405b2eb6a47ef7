// SPDX-License-Identifier: GPL-3.0-or-later
#include "poller.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ASK_TIMES 20
#define ASK_TIMEOUT_US 100000
#define POLL_US 2000000000 /* longer than any run: the thread is ended by a datagram */
#define POLL_BUDGET 64

static int option_set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) ? -errno : 0;
}

/* The kernel marks the socket with the queue that an answer came by. */
static int queue_learn(int fd, const struct bench_template *query, uint32_t server)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(server)};
	uint8_t message[BENCH_FRAME_MAX], answer[BENCH_SAMPLE_MAX];
	uint32_t bytes = query->frame_bytes - BENCH_DNS_AT;

	memcpy(message, query->frame + BENCH_DNS_AT, bytes);
	message[query->index_at - BENCH_DNS_AT] = query->letter;
	memset(message + query->index_at - BENCH_DNS_AT + 1, '0', 7);
	if (query->random_at)
		memset(message + query->random_at - BENCH_DNS_AT, 'a', 8);
	for (unsigned i = 0; i < ASK_TIMES; i++) {
		if (sendto(fd, message, bytes, 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
			return -errno;
		if (recv(fd, answer, sizeof(answer), 0) > 0)
			return 0;
	}
	return -ETIMEDOUT;
}

static void *poll_thread(void *context)
{
	struct bench_poller *poller = context;
	uint8_t datagram[BENCH_SAMPLE_MAX];

	while (recv(poller->fd, datagram, sizeof(datagram), 0) != 0)
		;
	return NULL;
}

static int poller_prepare(struct bench_poller *poller, const struct bench_template *query, uint32_t server)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct timeval patience = {.tv_usec = ASK_TIMEOUT_US}, forever = {0};
	int error;

	if (bind(poller->fd, (const struct sockaddr *)&any, sizeof(any)) ||
		setsockopt(poller->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -errno;
	error = queue_learn(poller->fd, query, server);
	if (!error && setsockopt(poller->fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever)))
		error = -errno;
	if (!error)
		error = option_set(poller->fd, SO_BUSY_POLL_BUDGET, POLL_BUDGET);
	if (!error)
		error = option_set(poller->fd, SO_BUSY_POLL, POLL_US);
	return error;
}

int bench_poller_start(struct bench_poller *poller, const struct bench_template *query, uint32_t server)
{
	int error;

	poller->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (poller->fd < 0)
		return -errno;
	error = poller_prepare(poller, query, server);
	if (!error)
		error = -pthread_create(&poller->thread, NULL, poll_thread, poller);
	if (error)
		close(poller->fd);
	return error;
}

void bench_poller_stop(struct bench_poller *poller)
{
	struct sockaddr_in self = {0};
	socklen_t bytes = sizeof(self);

	/* An empty datagram over the loopback interface ends the thread. */
	getsockname(poller->fd, (struct sockaddr *)&self, &bytes);
	self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sendto(poller->fd, NULL, 0, 0, (const struct sockaddr *)&self, sizeof(self));
	pthread_join(poller->thread, NULL);
	close(poller->fd);
}
