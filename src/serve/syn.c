/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/syn.h"
#include "serve/log.h"
#include "xdp/syncookies.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WARM_EVERY_TICKS 30 /* the kernel's listeners take cookies for two minutes */

struct sw_syn {
	struct sw_kernel *kernel;
	const struct sw_settings *settings;
	bool is_on;	/* cookies are being made */
	bool is_denied; /* told that they cannot be */
	unsigned ticks;
	size_t count;
	int *callers; /* connections to ourselves, one per endpoint; -1: none */
};

/** Plain ones first, those for TLS behind them. */
static const struct sw_endpoint *endpoint_at(const struct sw_syn *syn, size_t i)
{
	size_t plain = syn->settings->listen_count;
	return i < plain ? &syn->settings->listen[i] : &syn->settings->tls.listen[i - plain];
}

static void say_denied(struct sw_syn *syn, int err)
{
	if (!syn->is_denied)
		sw_log(SW_LOG_WARNING,
			"SYN floods will not be answered in the kernel part: %s cannot be set (%s). Set it "
			"to 2 "
			"before: sysctl -w %s=2",
			SW_SYNCOOKIES_SETTING, strerror(-err), SW_SYNCOOKIES_SETTING);
	syn->is_denied = true;
}

struct sw_syn *sw_syn_new(struct sw_kernel *kernel, const struct sw_settings *settings)
{
	struct sw_syn *syn = calloc(1, sizeof(*syn));
	if (syn == NULL)
		return NULL;
	syn->kernel = kernel;
	syn->settings = settings;
	syn->count = settings->listen_count + settings->tls.listen_count;
	syn->callers = malloc(syn->count * sizeof(*syn->callers));
	if (syn->callers == NULL) {
		free(syn);
		return NULL;
	}
	memset(syn->callers, 0xff, syn->count * sizeof(*syn->callers));
	const char *why = sw_kernel_tcp_why(kernel);
	int err = sw_syncookies_check();
	if (why[0] != '\0')
		sw_log(SW_LOG_WARNING, "TCP is not guarded in the kernel part: %s", why);
	else if (err != 0)
		say_denied(syn, err);
	return syn;
}

/** A connection to our own listener, by a wildcard's loopback address. @return descriptor or -1 */
static int call(const struct sw_endpoint *listener)
{
	struct sw_endpoint to = *listener;
	int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sw_endpoint_is_wildcard(&to) && to.any.sa_family == AF_INET)
		to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (sw_endpoint_is_wildcard(&to))
		to.v6.sin6_addr = in6addr_loopback;
	if (fd >= 0)
		(void)!connect(fd, &to.any, to.len);
	return fd;
}

static void hang_up(struct sw_syn *syn)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	for (size_t i = 0; i < syn->count; i++) {
		if (syn->callers[i] < 0)
			continue;
		setsockopt(syn->callers[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(syn->callers[i]);
		syn->callers[i] = -1;
	}
}

/** A listener takes cookies only for a while after it has made one itself. The kernel part lets a SYN through
 * to it now and then; but should all SYNs of the flood be such as the stack throws away unseen, that one is,
 * too. Ours is not. */
static void warm(struct sw_syn *syn)
{
	for (size_t i = 0; i < syn->count; i++) {
		if (sw_endpoint_is_local(endpoint_at(syn, i)))
			syn->callers[i] = call(endpoint_at(syn, i));
	}
}

static void begin(struct sw_syn *syn, int err)
{
	if (err != 0) {
		say_denied(syn, err);
		return;
	}
	sw_log(SW_LOG_WARNING, "SYN flood: the kernel part answers SYNs with cookies (%s is 2 meanwhile)",
		SW_SYNCOOKIES_SETTING);
	syn->is_on = true;
	syn->ticks = 0;
}

void sw_syn_tick(struct sw_syn *syn)
{
	bool is_pressed = sw_kernel_is_pressed(syn->kernel);
	hang_up(syn);
	if (!is_pressed && !syn->is_on)
		return;
	int err = sw_kernel_syncookies(syn->kernel, is_pressed); /* each time: others may set it as well */
	if (!is_pressed || (syn->is_on && err != 0)) {
		sw_log(SW_LOG_INFO, "SYN flood: over, SYNs pass to the stack again");
		syn->is_on = false;
	}
	if (is_pressed && !syn->is_on)
		begin(syn, err);
	if (syn->is_on && syn->ticks++ % WARM_EVERY_TICKS == 0)
		warm(syn);
}

void sw_syn_free(struct sw_syn *syn)
{
	if (syn == NULL)
		return;
	hang_up(syn);
	if (syn->is_on)
		sw_kernel_syncookies(syn->kernel, false);
	free(syn->callers);
	free(syn);
}
