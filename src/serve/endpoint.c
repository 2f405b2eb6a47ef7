/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/endpoint.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Split at '@'. @return 0 or -EINVAL */
static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || value == 0 || value > 65535)
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

static int parse_v6(char *text, uint16_t port, struct sw_endpoint *endpoint)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	char *scope = strchr(text, '%');
	if (scope != NULL) {
		*scope++ = '\0';
		v6.sin6_scope_id = if_nametoindex(scope);
		if (v6.sin6_scope_id == 0)
			return -EINVAL;
	}
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
		return -EINVAL;
	*endpoint = (struct sw_endpoint){.v6 = v6, .len = sizeof(v6)};
	return 0;
}

int sw_endpoint_parse(const char *text, struct sw_endpoint *endpoint)
{
	char address[SW_ENDPOINT_TEXT_MAX];
	uint16_t port = SW_PORT_DEFAULT;
	if (strlen(text) >= sizeof(address))
		return -EINVAL;
	strcpy(address, text);
	char *at = strchr(address, '@');
	if (at != NULL) {
		*at = '\0';
		if (parse_port(at + 1, &port) != 0)
			return -EINVAL;
	}
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
		*endpoint = (struct sw_endpoint){.v4 = v4, .len = sizeof(v4)};
		return 0;
	}
	return parse_v6(address, port, endpoint);
}

char *sw_endpoint_text(const struct sw_endpoint *endpoint, char *text)
{
	char address[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1] = "";
	uint8_t len;
	inet_ntop(endpoint->any.sa_family, sw_endpoint_address(endpoint, &len), address, sizeof(address));
	if (len == 16 && endpoint->v6.sin6_scope_id != 0) {
		scope[0] = '%';
		if (if_indextoname(endpoint->v6.sin6_scope_id, scope + 1) == NULL)
			scope[0] = '\0';
	}
	snprintf(text, SW_ENDPOINT_TEXT_MAX, "%s%s@%u", address, scope, sw_endpoint_port(endpoint));
	return text;
}

const uint8_t *sw_endpoint_address(const struct sw_endpoint *endpoint, uint8_t *address_len)
{
	if (endpoint->any.sa_family == AF_INET) {
		*address_len = 4;
		return (const uint8_t *)&endpoint->v4.sin_addr;
	}
	*address_len = 16;
	return (const uint8_t *)&endpoint->v6.sin6_addr;
}

uint16_t sw_endpoint_port(const struct sw_endpoint *endpoint)
{
	return ntohs(endpoint->any.sa_family == AF_INET ? endpoint->v4.sin_port : endpoint->v6.sin6_port);
}

bool sw_endpoint_equal(const struct sw_endpoint *a, const struct sw_endpoint *b)
{
	uint8_t a_len, b_len;
	const uint8_t *a_address = sw_endpoint_address(a, &a_len),
		      *b_address = sw_endpoint_address(b, &b_len);
	if (a_len != b_len || sw_endpoint_port(a) != sw_endpoint_port(b))
		return false;
	if (a_len == 16 && a->v6.sin6_scope_id != b->v6.sin6_scope_id)
		return false;
	return memcmp(a_address, b_address, a_len) == 0;
}

bool sw_endpoint_is_wildcard(const struct sw_endpoint *endpoint)
{
	static const uint8_t zero[16];
	uint8_t len;
	const uint8_t *address = sw_endpoint_address(endpoint, &len);
	return memcmp(address, zero, len) == 0;
}

bool sw_endpoint_is_local(const struct sw_endpoint *endpoint)
{
	/* What the kernel would send from: also true for the whole of 127.0.0.0/8 and for local routes. */
	int fd = socket(endpoint->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	struct sw_endpoint probe = *endpoint;
	if (probe.any.sa_family == AF_INET)
		probe.v4.sin_port = 0;
	else
		probe.v6.sin6_port = 0;
	bool is_local = bind(fd, &probe.any, probe.len) == 0 || errno != EADDRNOTAVAIL;
	close(fd);
	return is_local;
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static int bind_with(const struct sw_endpoint *endpoint, int type, int is_shared)
{
	int err = 0, fd = socket(endpoint->any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (endpoint->any.sa_family == AF_INET6) {
		err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	} else {
		set_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
	}
	if (err == 0 && (type & (SOCK_STREAM | SOCK_DGRAM)) == SOCK_STREAM)
		err = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1); /* do not wait for TIME_WAIT to pass */
	if (err == 0)
		err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, is_shared);
	if (err == 0 && bind(fd, &endpoint->any, endpoint->len) != 0)
		err = -errno;
	if (err != 0) {
		close(fd);
		return err;
	}
	return fd;
}

int sw_endpoint_bind(const struct sw_endpoint *endpoint, int type)
{
	return bind_with(endpoint, type, 1);
}

int sw_endpoint_probe(const struct sw_endpoint *endpoint, int type)
{
	int fd = bind_with(endpoint, type, 0);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
