/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/syncookies.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ALWAYS 2

static const char path[] = "/proc/sys/net/ipv4/tcp_syncookies";

/** @return the value or -errno */
static int setting_read(void)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got = read(fd, text, sizeof(text) - 1);
	int error = got < 0 ? -errno : 0;
	close(fd);
	return error ? error : atoi(text);
}

static int setting_write(int value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int error = dprintf(fd, "%d\n", value) < 0 ? -errno : 0;
	close(fd);
	return error;
}

int sw_syncookies_check(void)
{
	int value = setting_read();
	if (value < 0 || value == ALWAYS)
		return value < 0 ? value : 0;
	return access(path, W_OK) == 0 ? 0 : -errno;
}

int sw_syncookies_raise(struct sw_syncookies *syncookies)
{
	int value = setting_read();
	if (value < 0 || value == ALWAYS)
		return value < 0 ? value : 0;
	int error = setting_write(ALWAYS);
	if (!error)
		syncookies->before = value;
	return error;
}

void sw_syncookies_restore(struct sw_syncookies *syncookies)
{
	if (syncookies->before != SW_SYNCOOKIES_LEFT && setting_read() == ALWAYS)
		setting_write(syncookies->before);
	syncookies->before = SW_SYNCOOKIES_LEFT;
}
