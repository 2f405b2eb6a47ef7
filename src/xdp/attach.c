/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/attach.h"
#include "xdp/link.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* enum bpf_attach_type of Linux 6.6; Debian 12's headers are older than it */
#define TCX_INGRESS 46

/** @return descriptor of a link, or -errno */
static int link_xdp(int ifindex, int fd, uint32_t mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode);
	int link = bpf_link_create(fd, ifindex, BPF_XDP, &options);
	return link < 0 ? -errno : link;
}

/* ---- links of an earlier process ---- */

static uint32_t program_of(int link)
{
	struct bpf_link_info info = {.type = 0};
	uint32_t len = sizeof(info);
	return bpf_obj_get_info_by_fd(link, &info, &len) == 0 && info.type == BPF_LINK_TYPE_XDP ? info.prog_id
												: 0;
}

/** The interface of this number may be another one than then, or in another namespace: only what is seen on
 * the interface here is taken over. */
static void links_take_over(struct sw_attachment *attachment)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, seen);
	int link = sw_pins_get(attachment->pins, SW_PIN_XDP, attachment->ifindex);
	uint32_t program = link >= 0 ? program_of(link) : 0;
	if (program && bpf_xdp_query(attachment->ifindex, 0, &seen) == 0 && seen.prog_id == program) {
		attachment->xdp_link = link;
		attachment->tc_link = sw_pins_get(attachment->pins, SW_PIN_TC, attachment->ifindex);
		attachment->mode =
			seen.attach_mode == XDP_ATTACHED_SKB ? SW_ATTACH_GENERIC : SW_ATTACH_NATIVE;
		return;
	}
	if (link >= 0)
		close(link);
	sw_pins_drop(attachment->pins, attachment->ifindex);
}

/** Have another program in a link that was taken over. Where it cannot be, the link makes room for a new one.
 * @return whether it is there */
static bool link_update(const struct sw_attachment *attachment, enum sw_pin kind, int *link, int fd)
{
	if (*link < 0)
		return false;
	if (bpf_link_update(*link, fd, NULL) == 0)
		return true;
	sw_pins_forget(attachment->pins, kind, attachment->ifindex);
	close(*link);
	*link = -1;
	return false;
}

/** Both, or none: XDP alone would pass replies that need room to nobody. */
static int links_keep(struct sw_attachment *attachment)
{
	const struct sw_pins *pins = attachment->pins;
	int error = 0;
	if (!pins)
		return 0;
	if (!attachment->tc_is_kept && attachment->tc_link >= 0)
		error = sw_pins_put(pins, SW_PIN_TC, attachment->ifindex, attachment->tc_link);
	if (!error && !attachment->xdp_is_kept)
		error = sw_pins_put(pins, SW_PIN_XDP, attachment->ifindex, attachment->xdp_link);
	if (error)
		sw_pins_drop(pins, attachment->ifindex);
	return error;
}

/* ---- tc ---- */

/** As a link, which goes with this process or is taken over by the next. A filter on clsact, all that Linux
 * before 6.6 has, would stay behind after a crash and answer by itself from the image of then; sockets do its
 * work there. */
static int link_tc(struct sw_attachment *attachment, int fd)
{
	attachment->tc_is_kept = link_update(attachment, SW_PIN_TC, &attachment->tc_link, fd);
	if (attachment->tc_is_kept)
		return 0;
	attachment->tc_link =
		bpf_link_create(fd, attachment->ifindex, (enum bpf_attach_type)TCX_INGRESS, NULL);
	if (attachment->tc_link >= 0)
		return 0;
	int error = -errno;
	attachment->tc_link = -1;
	return error;
}

/** Attach the tc program and tell XDP whether it stands behind it on this interface. */
static int attach_tc(struct sw_attachment *attachment, const struct sw_programs *programs)
{
	static const uint8_t present = 1;
	int error = link_tc(attachment, programs->tc);
	if (error)
		bpf_map_delete_elem(programs->tc_behind, &attachment->ifindex); /* of an earlier time */
	else
		error = bpf_map_update_elem(programs->tc_behind, &attachment->ifindex, &present, BPF_ANY);
	return error;
}

/* ---- XDP ---- */

static int attach_native(struct sw_attachment *attachment, int fd)
{
	if (!sw_link_takes_frames(attachment->ifindex))
		return -ENOTCONN;
	return link_xdp(attachment->ifindex, fd, XDP_FLAGS_DRV_MODE);
}

static const char *native_text(int error)
{
	return error == -ENOTCONN ? "the other end of this veth has none, and would not get its replies"
				  : strerror(-error);
}

static int attach_xdp(struct sw_attachment *attachment, const char *interface, int fd, char *why)
{
	attachment->xdp_is_kept = link_update(attachment, SW_PIN_XDP, &attachment->xdp_link, fd);
	if (attachment->xdp_is_kept) {
		snprintf(why, SW_WHY_MAX, "%s, taken over",
			attachment->mode == SW_ATTACH_GENERIC ? "generic XDP" : "native XDP");
		return 0;
	}
	int native = attach_native(attachment, fd);
	attachment->xdp_link = native;
	attachment->mode = SW_ATTACH_NATIVE;
	if (native >= 0) {
		snprintf(why, SW_WHY_MAX, "native XDP");
		return 0;
	}
	attachment->mode = SW_ATTACH_GENERIC;
	if (native != -EBUSY && native != -EEXIST)
		attachment->xdp_link = link_xdp(attachment->ifindex, fd, XDP_FLAGS_SKB_MODE);
	int error = attachment->xdp_link;
	if (error == -EBUSY || error == -EEXIST) {
		snprintf(why, SW_WHY_MAX, "interface %s already has an XDP program", interface);
		return -EBUSY;
	}
	if (error >= 0) {
		snprintf(why, SW_WHY_MAX, "generic XDP, no native program: %s", native_text(native));
		return 0;
	}
	snprintf(why, SW_WHY_MAX, "no XDP: native: %s; generic: %s", native_text(native), strerror(-error));
	return error;
}

static void why_add(char *why, const char *text, int error)
{
	size_t used = strlen(why);
	snprintf(why + used, SW_WHY_MAX - used, "; %s: %s", text, strerror(-error));
}

/** The tc program first, and XDP told of it: from its first packet on XDP knows who answers what it passes.
 */
int sw_attach(struct sw_attachment *attachment, const char *interface, const struct sw_programs *programs,
	const struct sw_pins *pins, char *why)
{
	*attachment = (struct sw_attachment){.xdp_link = -1, .tc_link = -1, .pins = pins};
	attachment->ifindex = (int)if_nametoindex(interface);
	if (attachment->ifindex == 0) {
		snprintf(why, SW_WHY_MAX, "no interface %s", interface);
		return -ENODEV;
	}
	if (pins)
		links_take_over(attachment);
	int tc_error = attach_tc(attachment, programs);
	int error = attach_xdp(attachment, interface, programs->xdp, why);
	if (error) {
		sw_detach(attachment);
		return error;
	}
	if (tc_error)
		why_add(why, "no tc program for packets without room", tc_error);
	error = links_keep(attachment);
	if (error)
		why_add(why, "goes with this process, since it cannot be pinned", error);
	return 0;
}

void sw_detach(struct sw_attachment *attachment)
{
	if (attachment->pins)
		sw_pins_drop(attachment->pins, attachment->ifindex);
	if (attachment->xdp_link >= 0)
		close(attachment->xdp_link);
	if (attachment->tc_link >= 0)
		close(attachment->tc_link);
	*attachment = (struct sw_attachment){.xdp_link = -1, .tc_link = -1};
}
