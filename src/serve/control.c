/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/control.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 4096

struct sw_control_socket {
	int fd;
	struct sockaddr_un address;
};

static int address_set(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

/** @return a connected descriptor or -errno */
static int dial(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	int err = -errno;
	close(fd);
	return err;
}

/** The directory of the socket, one level. Below /tmp it must be ours: anyone could have made it. */
static int directory_make(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat st;
	strcpy(directory, path);
	char *slash = strrchr(directory, '/');
	if (slash == NULL || slash == directory)
		return 0;
	*slash = '\0';
	if (mkdir(directory, geteuid() == 0 ? 0755 : 0700) != 0 && errno != EEXIST)
		return -errno;
	if (strncmp(directory, "/tmp/seawall-", 13) != 0)
		return 0;
	if (lstat(directory, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

static int listen_at(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mode_t before = umask(0177); /* the socket is born 0600 */
	int err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
	umask(before);
	if (err == 0 && listen(fd, 16) != 0)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

int sw_control_open(struct sw_control_socket **result, const char *path)
{
	struct sw_control_socket *control = calloc(1, sizeof(*control));
	if (control == NULL)
		return -ENOMEM;
	control->fd = -1;
	int err = address_set(&control->address, path);
	if (err == 0)
		err = directory_make(path);
	if (err != 0)
		goto fail;
	control->fd = listen_at(&control->address);
	if (control->fd == -EADDRINUSE) {
		int other = dial(&control->address);
		if (other >= 0)
			close(other);
		else if (other == -ECONNREFUSED && unlink(path) == 0)
			control->fd = listen_at(&control->address);
	}
	err = control->fd;
	if (err < 0)
		goto fail;
	*result = control;
	return 0;
fail:
	free(control);
	return err;
}

void sw_control_close(struct sw_control_socket *control)
{
	if (control == NULL)
		return;
	close(control->fd);
	unlink(control->address.sun_path);
	free(control);
}

int sw_control_fd(const struct sw_control_socket *control)
{
	return control->fd;
}

/** Read up to a line feed. @return bytes, or -errno */
static ssize_t read_line(int fd, char *line, size_t size)
{
	size_t len = 0;
	while (len < size) {
		ssize_t n = read(fd, line + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : (ssize_t)len;
		len += (size_t)n;
		if (line[len - 1] == '\n')
			return (ssize_t)len;
	}
	return -EMSGSIZE;
}

json_t *sw_control_accept(struct sw_control_socket *control, int *client)
{
	char line[REQUEST_MAX];
	const struct timeval second = {.tv_sec = 1};
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	ssize_t len = read_line(fd, line, sizeof(line));
	json_t *request = len > 0 ? json_loadb(line, (size_t)len, 0, NULL) : NULL;
	if (!json_is_object(request)) {
		json_t *refusal = json_pack("{s:b, s:s}", "ok", 0, "error", "not a JSON object on one line");
		sw_control_reply(fd, refusal);
		json_decref(refusal);
		json_decref(request);
		close(fd);
		return NULL;
	}
	*client = fd;
	return request;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_line(int fd, const json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	if (text == NULL)
		return -ENOMEM;
	size_t len = strlen(text);
	text[len] = '\n'; /* in one piece, in place of the NUL */
	int err = write_all(fd, text, len + 1);
	free(text);
	return err;
}

json_t *sw_control_refusal(const char *text)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

void sw_control_reply(int client, const json_t *reply)
{
	(void)write_line(client, reply); /* a client that has gone needs no answer */
}

int sw_control_ask(const char *path, const json_t *request, json_t **reply)
{
	struct sockaddr_un address;
	int err = address_set(&address, path);
	if (err != 0)
		return err;
	int fd = dial(&address);
	if (fd < 0)
		return fd;
	FILE *stream = fdopen(fd, "r"); /* buffered: json_loadfd() reads byte by byte */
	if (stream == NULL) {
		close(fd);
		return -ENOMEM;
	}
	err = write_line(fd, request);
	if (err == 0) {
		*reply = json_loadf(stream, 0, NULL);
		err = *reply ? 0 : -EPROTO;
	}
	fclose(stream);
	return err;
}
