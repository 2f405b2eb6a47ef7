// SPDX-License-Identifier: GPL-3.0-or-later
#include "guard.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Named namespaces are bound to files here (ip-netns(8)); the machine's own has none. */
#define NAMESPACES "/run/netns/"

static int ethtool(const char *name, void *command)
{
	struct ifreq request = {.ifr_data = command};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	result = ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
	close(fd);
	return result;
}

static bool is_veth(const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	return ethtool(name, &info) == 0 && strcmp(info.driver, "veth") == 0;
}

/* A veth end tells the index of the other as the first of its statistics, "peer_ifindex". @return 0 for none
 */
static uint64_t peer_index(const char *name)
{
	struct {
		struct ethtool_stats head;
		uint64_t data[4096];
	} stats = {.head = {.cmd = ETHTOOL_GSTATS}};

	return is_veth(name) && ethtool(name, &stats) == 0 ? stats.data[0] : 0;
}

static bool is_namespace(const char *name)
{
	char path[64];
	struct stat own, named;

	snprintf(path, sizeof(path), NAMESPACES "%s", name);
	return stat("/proc/self/ns/net", &own) == 0 && stat(path, &named) == 0 &&
	       own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

/* Every way out of this namespace is a veth pair. */
static bool is_closed(void)
{
	struct if_nameindex *interfaces = if_nameindex();
	bool closed = interfaces != NULL;

	for (struct if_nameindex *i = interfaces; i && i->if_index; i++)
		if (strcmp(i->if_name, "lo") != 0 && !is_veth(i->if_name))
			closed = false;
	if (interfaces)
		if_freenameindex(interfaces);
	return closed;
}

/* Whether the interface with this index in a POP's namespace has its other end here. */
static bool pop_holds(uint32_t pop, uint64_t index, unsigned own_index)
{
	char path[64], name[IF_NAMESIZE];
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), other;
	bool holds = false;

	snprintf(path, sizeof(path), NAMESPACES "pop%u", pop);
	other = open(path, O_RDONLY | O_CLOEXEC);
	if (own >= 0 && other >= 0 && setns(other, CLONE_NEWNET) == 0) {
		holds = if_indextoname((unsigned)index, name) && peer_index(name) == own_index;
		if (setns(own, CLONE_NEWNET))
			abort(); /* in a namespace that nobody has checked: go no further */
	}
	if (own >= 0)
		close(own);
	if (other >= 0)
		close(other);
	return holds;
}

const char *lab_link_refuse(const char *name, uint32_t pop)
{
	unsigned own_index = if_nametoindex(name);
	uint64_t other_index;

	if (!is_namespace("inet"))
		return "this is not the lab's network namespace \"inet\"";
	if (!is_closed())
		return "the namespace has an interface that is no end of a veth pair";
	if (!own_index)
		return "there is no such interface";
	other_index = peer_index(name);
	if (!other_index)
		return "it is no end of a veth pair";
	if (!pop_holds(pop, other_index, own_index))
		return "its other end is not in the lab's POP";
	return NULL;
}
