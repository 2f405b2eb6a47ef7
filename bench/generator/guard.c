// SPDX-License-Identifier: GPL-3.0-or-later
#include "guard.h"
#include <dirent.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_veth(const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&info};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (fd < 0)
		return false;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	result = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return result == 0 && strcmp(info.driver, "veth") == 0;
}

/* Named namespaces are bound to files in /run/netns (ip-netns(8)); the machine's own has none there. */
static bool is_own_namespace(void)
{
	struct stat own, named;
	struct dirent *entry;
	bool found = false;
	DIR *namespaces;

	if (stat("/proc/self/ns/net", &own))
		return false;
	namespaces = opendir("/run/netns");
	while (namespaces && !found && (entry = readdir(namespaces)))
		found = strncmp(entry->d_name, BENCH_PREFIX, strlen(BENCH_PREFIX)) == 0 &&
			fstatat(dirfd(namespaces), entry->d_name, &named, 0) == 0 &&
			own.st_dev == named.st_dev && own.st_ino == named.st_ino;
	if (namespaces)
		closedir(namespaces);
	return found;
}

static bool is_alone(const char *name)
{
	struct if_nameindex *interfaces = if_nameindex();
	bool alone = interfaces != NULL;

	for (struct if_nameindex *i = interfaces; i && i->if_index; i++)
		if (strcmp(i->if_name, name) && strcmp(i->if_name, "lo"))
			alone = false;
	if (interfaces)
		if_freenameindex(interfaces);
	return alone;
}

const char *bench_interface_refuse(const char *name)
{
	if (strncmp(name, BENCH_PREFIX, strlen(BENCH_PREFIX)))
		return "its name does not start with " BENCH_PREFIX;
	if (!is_own_namespace())
		return "its network namespace is none of the bench's (" BENCH_PREFIX "...)";
	if (!is_veth(name))
		return "it is no end of a veth pair";
	if (!is_alone(name))
		return "its namespace holds other interfaces";
	return NULL;
}
