/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/pins.h"
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

struct sw_pins {
	int fd; /* the directory, locked */
	char directory[PATH_MAX];
};

/* An interface may be renamed, and a BPF filesystem takes no name with a dot in it, as VLANs have: so by
 * number. */
static const char *const kinds[SW_PIN_COUNT] = {[SW_PIN_XDP] = "xdp", [SW_PIN_TC] = "tc"};

#define NAME_BYTES 32

static const char *name_of(enum sw_pin kind, int ifindex, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s-%d", kinds[kind], ifindex);
	return name;
}

/** @return 0, or -ENAMETOOLONG */
static int path_of(const struct sw_pins *pins, enum sw_pin kind, int ifindex, char path[PATH_MAX])
{
	char name[NAME_BYTES];
	int len = snprintf(path, PATH_MAX, "%s/%s", pins->directory, name_of(kind, ifindex, name));
	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- the directory ---- */

static int refuse(char *why, int error, const char *directory, const char *text)
{
	snprintf(why, SW_PINS_WHY_MAX, "pin: %.120s: %s", directory, text);
	return error;
}

/** Looked at before anything is made: the parent of a directory to be made is in a BPF filesystem as well. */
static bool is_bpf(const char *directory, size_t len)
{
	char parent[PATH_MAX] = "";
	struct statfs system;
	int error = statfs(directory, &system);
	if (error && errno == ENOENT) {
		char *slash = strrchr(memcpy(parent, directory, len), '/');
		if (slash)
			slash[slash == parent] = '\0';
		error = statfs(slash ? parent : ".", &system);
	}
	return !error && system.f_type == BPF_FS_MAGIC;
}

int sw_pins_open(struct sw_pins **out, const char *directory, bool make, char *why)
{
	size_t len = strlen(directory);
	while (len > 1 && directory[len - 1] == '/')
		len--;
	if (len + NAME_BYTES >= PATH_MAX)
		return refuse(why, -ENAMETOOLONG, directory, strerror(ENAMETOOLONG));
	if (!is_bpf(directory, len))
		return refuse(why, -ENOTSUP, directory,
			"not in a BPF filesystem, such as /sys/fs/bpf ('mount -t bpf bpf DIR' makes one)");
	if (make && mkdir(directory, 0700) != 0 && errno != EEXIST)
		return refuse(why, -errno, directory, strerror(errno));
	struct sw_pins *pins = calloc(1, sizeof(*pins));
	if (!pins)
		return refuse(why, -ENOMEM, directory, strerror(ENOMEM));
	memcpy(pins->directory, directory, len);
	pins->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = pins->fd < 0 || flock(pins->fd, LOCK_EX | LOCK_NB) != 0 ? -errno : 0;
	if (!error) {
		*out = pins;
		return 0;
	}
	sw_pins_close(pins);
	if (error == -EWOULDBLOCK)
		return refuse(why, -EBUSY, directory, "another seawall that runs has its programs there");
	return refuse(why, error, directory, strerror(-error));
}

void sw_pins_close(struct sw_pins *pins)
{
	if (!pins)
		return;
	if (pins->fd >= 0)
		close(pins->fd);
	free(pins);
}

/* ---- links ---- */

int sw_pins_get(const struct sw_pins *pins, enum sw_pin kind, int ifindex)
{
	char path[PATH_MAX];
	int error = path_of(pins, kind, ifindex, path);
	int link = error ? error : bpf_obj_get(path);
	return link < 0 && !error ? -errno : link;
}

int sw_pins_put(const struct sw_pins *pins, enum sw_pin kind, int ifindex, int link)
{
	char name[NAME_BYTES], path[PATH_MAX];
	int error = path_of(pins, kind, ifindex, path);
	if (error)
		return error;
	char *fresh = strcat(path, "-new"); /* NAME_BYTES leave room for it */
	unlink(fresh);
	if (bpf_obj_pin(link, fresh))
		return -errno;
	return renameat(AT_FDCWD, fresh, pins->fd, name_of(kind, ifindex, name)) ? -errno : 0;
}

void sw_pins_forget(const struct sw_pins *pins, enum sw_pin kind, int ifindex)
{
	char name[NAME_BYTES];
	unlinkat(pins->fd, name_of(kind, ifindex, name), 0);
}

void sw_pins_drop(const struct sw_pins *pins, int ifindex)
{
	for (unsigned kind = 0; kind < SW_PIN_COUNT; kind++)
		sw_pins_forget(pins, (enum sw_pin)kind, ifindex);
}

static bool is_among(int ifindex, const int *ifindexes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (ifindexes[i] == ifindex)
			return true;
	}
	return false;
}

/** @return number of the interface that a link belongs to, or 0: no name of ours */
static int ifindex_of(const char *name)
{
	char ours[NAME_BYTES];
	const char *dash = strchr(name, '-');
	int ifindex = dash ? atoi(dash + 1) : 0;
	for (unsigned kind = 0; kind < SW_PIN_COUNT; kind++) {
		if (strcmp(name, name_of((enum sw_pin)kind, ifindex, ours)) == 0)
			return ifindex;
	}
	return 0;
}

int sw_pins_sweep(const struct sw_pins *pins, const int *ifindexes, size_t count)
{
	int swept = 0, first_error = 0, again = dup(pins->fd);
	DIR *list = again >= 0 ? fdopendir(again) : NULL;
	if (!list) {
		int error = -errno;
		if (again >= 0)
			close(again);
		return error;
	}
	rewinddir(list);
	for (const struct dirent *entry; (entry = readdir(list));) {
		int ifindex = ifindex_of(entry->d_name);
		if (ifindex == 0 || is_among(ifindex, ifindexes, count))
			continue;
		if (unlinkat(pins->fd, entry->d_name, 0) == 0)
			swept++;
		else if (!first_error)
			first_error = -errno;
	}
	closedir(list);
	return first_error ? first_error : swept;
}
