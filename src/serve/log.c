/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/log.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static bool stamped;

void sw_log_stamp(bool is_stamped)
{
	stamped = is_stamped;
}

void sw_log(enum sw_log_level level, const char *format, ...)
{
	static const char *const names[] = {"error", "warning", "info"};
	char text[1024], stamp[32] = "";
	if (stamped) {
		time_t now = time(NULL);
		struct tm utc;
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ ", gmtime_r(&now, &utc));
	}
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%sseawall: %s: %s\n", stamp, names[level], text); /* one call: lines do not mix */
}

void sw_log_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	size_t len = strlen(path);
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* abstract socket */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		sw_log(SW_LOG_WARNING, "cannot tell the service manager %s: %m", state);
	close(fd);
}
