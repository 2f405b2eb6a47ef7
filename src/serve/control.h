/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The control socket: a Unix socket of mode 0600; a line of JSON in, a line of JSON back, closed.
 *
 * {"command": "status"}, {"command": "reload"}, {"command": "reload", "zone": "example.com"},
 * {"command": "stop"}. A reply that says what went wrong is {"ok": false, "error": TEXT}.
 */
#ifndef SW_SERVE_CONTROL_H
#define SW_SERVE_CONTROL_H

#include <jansson.h>

struct sw_control_socket;

/** Listen. A socket left behind by a daemon that died is replaced; the directory is made where missing.
 * @return 0 or -errno; -EADDRINUSE: a daemon answers there */
int sw_control_open(struct sw_control_socket **socket, const char *path);
/** Close and remove the socket. Takes NULL. */
void sw_control_close(struct sw_control_socket *socket);

/** To poll for reading. */
int sw_control_fd(const struct sw_control_socket *socket);

/** Take one client and its request. Waits at most a second for a client that sends nothing.
 * @param client  to reply to with sw_control_reply(), and to close
 * @return the request, or NULL (the client has been told, and closed) */
json_t *sw_control_accept(struct sw_control_socket *socket, int *client);

/** A reply that says what went wrong. */
json_t *sw_control_refusal(const char *text);

/** Write one line. Gives up on a client that does not read for a second. */
void sw_control_reply(int client, const json_t *reply);

/** The client's side: ask and wait for the answer.
 * @return 0 or -errno: -ENOENT, -ECONNREFUSED: no daemon there; -EPROTO: no JSON came back */
int sw_control_ask(const char *path, const json_t *request, json_t **reply);

#endif
