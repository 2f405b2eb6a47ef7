/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine.h"
#include "packet.h"
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/ipv6.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOPBACK "lo"
#define LOOPBACK_INDEX 1 /* in every network namespace */

static const struct {
	const char *four, *six;
} addresses[] = {{DEDICATED_IP4, DEDICATED_IP6}, {ASKER_IP4, ASKER_IP6}, {OWN_IP4, OWN_IP6}};
#define ADDRESS_COUNT (sizeof(addresses) / sizeof(addresses[0]))

/* ---- addresses ---- */

static int add_four(int fd, unsigned number)
{
	struct ifreq request = {.ifr_flags = 0};
	struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;
	snprintf(request.ifr_name, sizeof(request.ifr_name), LOOPBACK ":%u", number);
	in->sin_family = AF_INET;
	inet_pton(AF_INET, addresses[number].four, &in->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &request) != 0)
		return -1;
	in->sin_addr.s_addr = INADDR_BROADCAST;
	return ioctl(fd, SIOCSIFNETMASK, &request);
}

static int add_six(int fd, unsigned number)
{
	struct in6_ifreq request = {.ifr6_prefixlen = 128, .ifr6_ifindex = LOOPBACK_INDEX};
	inet_pton(AF_INET6, addresses[number].six, &request.ifr6_addr);
	return ioctl(fd, SIOCSIFADDR, &request);
}

static int add_addresses(void)
{
	int four = socket(AF_INET, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0), error = 0;
	struct ifreq up = {.ifr_name = LOOPBACK, .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};
	error = ioctl(four, SIOCSIFFLAGS, &up);
	for (unsigned i = 0; i < ADDRESS_COUNT && error == 0; i++) {
		error = add_four(four, i);
		if (error == 0)
			error = add_six(six, i);
	}
	close(four);
	close(six);
	return error;
}

/* ---- sockets ---- */

union endpoint {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static union endpoint endpoint_of(const char *address, uint16_t port)
{
	union endpoint end = {.four = {.sin_family = AF_INET, .sin_port = htons(port)}};
	if (inet_pton(AF_INET, address, &end.four.sin_addr) == 1)
		return end;
	end.six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	inet_pton(AF_INET6, address, &end.six.sin6_addr);
	return end;
}

/** @return a socket bound there, or -1 */
static int bound(const char *address, uint16_t port, int type)
{
	const int on = 1;
	union endpoint end = endpoint_of(address, port);
	int fd = socket(end.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (end.any.sa_family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, &end.any, sizeof(end)) == 0 ? fd : -1;
}

static int listening(const char *address, uint16_t port)
{
	int fd = bound(address, port, SOCK_STREAM);
	return fd >= 0 && listen(fd, 16) == 0 ? fd : -1;
}

/** A connection from a port of the asker. @return the server's end or -1; *client is the other */
static int connected(int listener, const char *from, uint16_t port, const char *to, int *client)
{
	union endpoint end = endpoint_of(to, SERVICE_PORT);
	*client = bound(from, port, SOCK_STREAM);
	return connect(*client, &end.any, sizeof(end)) == 0 ? accept(listener, NULL, NULL) : -1;
}

static int add_sockets(const char *service, const char *dedicated, const char *asker)
{
	int client, listener = listening(dedicated, SERVICE_PORT);
	if (listener < 0 || listening(service, SERVICE_PORT) < 0 || listening(dedicated, TCP_PORT) < 0 ||
		bound(dedicated, UDP_PORT, SOCK_DGRAM) < 0)
		return -1;
	if (connected(listener, asker, CONNECTED_PORT, dedicated, &client) < 0)
		return -1;
	int server = connected(listener, asker, CLOSED_PORT, dedicated, &client);
	if (server < 0)
		return -1;
	return close(server) == 0 && close(client) == 0 ? 0 : -1; /* who closes first waits */
}

int machine_make(void)
{
	if (unshare(CLONE_NEWNET) != 0) {
		perror("network namespace");
		return -1;
	}
	return machine_fill();
}

int machine_fill(void)
{
	const char *what = NULL;
	if (add_addresses() != 0)
		what = "addresses";
	else if (add_sockets(SERVICE_IP4, DEDICATED_IP4, ASKER_IP4) != 0 ||
		 add_sockets(SERVICE_IP6, DEDICATED_IP6, ASKER_IP6) != 0)
		what = "sockets";
	if (what)
		perror(what);
	return what ? -1 : 0;
}
