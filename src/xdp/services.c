/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/services.h"
#include "xdp/link.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/** An address and port to answer for; the zero address stands for all that the machine has. */
struct listener {
	uint8_t address[16];
	uint8_t address_len;
	uint16_t port;
	bool is_tcp; /* alone */
};

struct sw_services {
	struct sw_backing backing;
	int own_map;
	struct sw_gate gate;
	struct listener *listeners;
	size_t listener_count;
};

/** What readers shall find in the table. */
struct table {
	struct sw_service service[SW_SERVICES_MAX];
	unsigned count;
};

int sw_services_new(struct sw_services **out, const struct sw_backing *backing, int own_map)
{
	struct sw_services *services = calloc(1, sizeof(*services));
	if (!services)
		return -ENOMEM;
	services->backing = *backing;
	services->own_map = own_map;
	services->gate.dedicated = SW_DEDICATED_NO;
	*out = services;
	return 0;
}

void sw_services_free(struct sw_services *services)
{
	if (!services)
		return;
	free(services->listeners);
	free(services);
}

void sw_services_gate(struct sw_services *services, const struct sw_gate *gate)
{
	services->gate = *gate;
}

/* ---- addresses ---- */

/** @return the address of an entry of getifaddrs(), or NULL where it is of another kind */
static const uint8_t *address_of(const struct ifaddrs *entry, uint8_t *address_len)
{
	if (entry->ifa_addr && entry->ifa_addr->sa_family == AF_INET) {
		*address_len = 4;
		return (const uint8_t *)&((const struct sockaddr_in *)entry->ifa_addr)->sin_addr;
	}
	if (entry->ifa_addr && entry->ifa_addr->sa_family == AF_INET6) {
		*address_len = 16;
		return (const uint8_t *)&((const struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr;
	}
	return NULL;
}

static bool has_address(const struct ifaddrs *entry, const uint8_t *address, uint8_t address_len)
{
	uint8_t len;
	const uint8_t *own = address_of(entry, &len);
	return own && len == address_len && memcmp(own, address, len) == 0;
}

/** Of every machine or every link: other things than DNS live there, whatever was told. */
static bool is_never_alone(const uint8_t *address, uint8_t address_len)
{
	static const uint8_t loopback[16] = {[15] = 1};
	if (address_len == 4)
		return address[0] == 127;
	return memcmp(address, loopback, 16) == 0 || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

/** It is on this machine, and on loopback and dummy interfaces alone, as addresses are that several
 * machines announce. */
static bool stands_apart(const struct ifaddrs *machine, const uint8_t *address, uint8_t address_len)
{
	bool is_found = false;
	for (const struct ifaddrs *i = machine; i; i = i->ifa_next) {
		if (!has_address(i, address, address_len))
			continue;
		if (!(i->ifa_flags & IFF_LOOPBACK) && !sw_link_is_dummy((int)if_nametoindex(i->ifa_name)))
			return false;
		is_found = true;
	}
	return is_found;
}

/** @param is_named  listened on by name: nobody has said of what a wildcard stands for that it is for DNS */
static bool is_dedicated(const struct sw_services *services, const struct ifaddrs *machine,
	const uint8_t *address, uint8_t address_len, bool is_named)
{
	if (services->gate.dedicated == SW_DEDICATED_NO || is_never_alone(address, address_len))
		return false;
	return services->gate.dedicated == SW_DEDICATED_YES ||
	       (is_named && stands_apart(machine, address, address_len));
}

/* ---- what is wanted ---- */

static bool is_unspecified(const struct listener *listener)
{
	for (uint8_t i = 0; i < listener->address_len; i++) {
		if (listener->address[i])
			return false;
	}
	return true;
}

/** @return the entry for the same address and port, or NULL */
static const struct sw_service *service_find(
	const struct sw_service *services, unsigned count, const struct sw_service *service)
{
	for (unsigned i = 0; i < count; i++) {
		if (services[i].address_len == service->address_len && services[i].port == service->port &&
			memcmp(services[i].address, service->address, 16) == 0)
			return &services[i];
	}
	return NULL;
}

/** @return 0 or -ENOSPC */
static int service_want(struct table *wanted, const uint8_t *address, uint8_t address_len,
	const struct listener *listener, bool is_dedicated)
{
	struct sw_service service = {
		.port = htons(listener->port),
		.address_len = address_len,
		.traits = (uint8_t)((is_dedicated ? SW_SERVICE_DEDICATED : 0) |
				    (listener->is_tcp ? SW_SERVICE_TCP : 0)),
	};
	memcpy(service.address, address, address_len);
	if (service_find(wanted->service, wanted->count, &service))
		return 0;
	if (wanted->count == SW_SERVICES_MAX)
		return -ENOSPC;
	wanted->service[wanted->count++] = service;
	return 0;
}

/** Every address of the listener's family that the machine has now. */
static int services_want_all(const struct sw_services *services, struct table *wanted,
	const struct listener *listener, const struct ifaddrs *machine)
{
	int error = 0;
	for (const struct ifaddrs *i = machine; i && !error; i = i->ifa_next) {
		uint8_t len;
		const uint8_t *address = address_of(i, &len);
		if (address && len == listener->address_len)
			error = service_want(wanted, address, len, listener,
				is_dedicated(services, machine, address, len, false));
	}
	return error;
}

/** Those named first: of what is both named and meant by a wildcard, more is known.
 * @return 0; -ENOSPC: as many as there is room for */
static int services_want(
	const struct sw_services *services, const struct ifaddrs *machine, struct table *wanted)
{
	int error = 0;
	for (int is_wildcard = 0; is_wildcard < 2; is_wildcard++) {
		for (size_t i = 0; i < services->listener_count && !error; i++) {
			const struct listener *listener = &services->listeners[i];
			if (is_unspecified(listener) != is_wildcard)
				continue;
			error = is_wildcard ? services_want_all(services, wanted, listener, machine)
					    : service_want(wanted, listener->address, listener->address_len,
						      listener,
						      is_dedicated(services, machine, listener->address,
							      listener->address_len, true));
		}
	}
	return error;
}

/* ---- the table, while it is read ---- */

/** Free the entries not wanted. Nothing else may be written there before readers have gone, or one would see
 * the address of the old entry and the length of the new. */
static void services_drop(struct sw_services *services, const struct table *wanted)
{
	struct sw_control *control = services->backing.control;
	bool is_changed = false;
	for (unsigned i = 0; i < control->service_count; i++) {
		struct sw_service *service = &control->service[i];
		if (service->address_len == 0 || service_find(wanted->service, wanted->count, service))
			continue;
		__atomic_store_n(&service->address_len, 0, __ATOMIC_RELEASE);
		is_changed = true;
	}
	if (is_changed)
		services->backing.wait_for_readers(services->backing.context);
}

/** Fill free entries with those wanted that are missing: first addresses and ports, and, when every reader
 * sees them, the lengths that make entries of them. */
static void services_add(struct sw_services *services, const struct table *wanted)
{
	struct sw_control *control = services->backing.control;
	uint8_t len[SW_SERVICES_MAX] = {0};
	bool is_reused = false;
	unsigned at = 0, end = control->service_count, count = end;
	for (unsigned i = 0; i < wanted->count; i++) {
		const struct sw_service *service = &wanted->service[i];
		if (service_find(control->service, end, service))
			continue;
		while (at < end && control->service[at].address_len != 0)
			at++;
		memcpy(control->service[at].address, service->address, sizeof(service->address));
		control->service[at].port = service->port;
		control->service[at].traits = service->traits;
		is_reused |= at < end;
		len[at++] = service->address_len;
		if (at > count)
			count = at;
	}
	if (is_reused)
		services->backing.wait_for_readers(services->backing.context);
	for (unsigned i = 0; i < count; i++) {
		if (len[i])
			__atomic_store_n(&control->service[i].address_len, len[i], __ATOMIC_RELEASE);
	}
	__atomic_store_n(&control->service_count, (uint16_t)count, __ATOMIC_RELEASE);
}

/** An address that stays may have moved to another interface. */
static void services_mark(struct sw_services *services, const struct table *wanted)
{
	struct sw_control *control = services->backing.control;
	for (unsigned i = 0; i < control->service_count; i++) {
		const struct sw_service *service =
			service_find(wanted->service, wanted->count, &control->service[i]);
		if (service)
			__atomic_store_n(&control->service[i].traits, service->traits, __ATOMIC_RELAXED);
	}
}

/* ---- the machine's own addresses ---- */

static int own_add(const struct sw_services *services, const struct ifaddrs *machine)
{
	static const uint8_t present = 1;
	for (const struct ifaddrs *i = machine; i; i = i->ifa_next) {
		uint8_t key[16] = {0}, len;
		const uint8_t *address = address_of(i, &len);
		if (!address)
			continue;
		memcpy(key, address, len);
		int error = bpf_map_update_elem(services->own_map, key, &present, BPF_ANY);
		if (error)
			return error;
	}
	return 0;
}

static bool is_own(const struct ifaddrs *machine, const uint8_t key[16])
{
	while (machine && !has_address(machine, key, 4) && !has_address(machine, key, 16))
		machine = machine->ifa_next;
	return machine != NULL;
}

static void own_drop(const struct sw_services *services, const struct ifaddrs *machine)
{
	uint8_t key[16], next[16], *last = NULL;
	while (bpf_map_get_next_key(services->own_map, last, next) == 0) {
		/* the one before is looked at only now: from a key that is gone the walk would begin anew */
		if (last && !is_own(machine, last))
			bpf_map_delete_elem(services->own_map, last);
		last = memcpy(key, next, sizeof(key));
	}
	if (last && !is_own(machine, last))
		bpf_map_delete_elem(services->own_map, last);
}

/** Ranges count only while every address of the machine is known. */
static int own_refresh(struct sw_services *services, const struct ifaddrs *machine)
{
	struct sw_control *control = services->backing.control;
	if (services->gate.range_count == 0)
		return 0;
	int error = own_add(services, machine);
	if (error) {
		__atomic_store_n(&control->range_count, 0, __ATOMIC_RELEASE);
		return error;
	}
	own_drop(services, machine);
	memcpy(control->range, services->gate.range, sizeof(control->range));
	__atomic_store_n(&control->range_count, services->gate.range_count, __ATOMIC_RELEASE);
	return 0;
}

int sw_services_refresh(struct sw_services *services)
{
	struct table wanted = {.count = 0};
	struct ifaddrs *machine;
	if (getifaddrs(&machine))
		return -errno;
	int error = services_want(services, machine, &wanted), own_error;
	services_drop(services, &wanted);
	services_add(services, &wanted);
	services_mark(services, &wanted);
	services->backing.control->syn_budget = services->gate.syn_budget;
	own_error = own_refresh(services, machine);
	freeifaddrs(machine);
	return error ? error : own_error;
}

int sw_services_listen(
	struct sw_services *services, const uint8_t *address, uint8_t address_len, uint16_t port, bool is_tcp)
{
	struct listener *listeners =
		reallocarray(services->listeners, services->listener_count + 1, sizeof(*services->listeners));
	if (!listeners)
		return -ENOMEM;
	services->listeners = listeners;
	struct listener *listener = &listeners[services->listener_count++];
	*listener = (struct listener){.address_len = address_len, .port = port, .is_tcp = is_tcp};
	memcpy(listener->address, address, address_len);
	return sw_services_refresh(services);
}

bool sw_services_is_dedicated(
	const struct sw_services *services, const uint8_t *address, uint8_t address_len, uint16_t port)
{
	const struct sw_control *control = services->backing.control;
	struct sw_service wanted = {.port = htons(port), .address_len = address_len};
	memcpy(wanted.address, address, address_len);
	const struct sw_service *service = service_find(control->service, control->service_count, &wanted);
	return service && service->traits & SW_SERVICE_DEDICATED;
}
