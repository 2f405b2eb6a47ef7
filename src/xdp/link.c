/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/link.h"
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* of rtnetlink for one interface: NLMSG_GOODSIZE, and room for virtual functions */
#define ANSWER_BYTES 32768
#define NO_NETNSID (-1)

struct link {
	bool is_veth, is_dummy;
	int peer;    /* its index, in its own namespace */
	int netnsid; /* that namespace, as ours numbers it; NO_NETNSID: ours */
	uint8_t xdp; /* XDP_ATTACHED_* */
};

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	struct rtattr attribute;
	int32_t netnsid;
};

/** First attribute of a type among nested ones, or NULL. */
static const struct rtattr *nested(const struct rtattr *outer, unsigned short type)
{
	int left = (int)RTA_PAYLOAD(outer);
	for (const struct rtattr *at = RTA_DATA(outer); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if (at->rta_type == type)
			return at;
	}
	return NULL;
}

static void link_read(struct link *link, const struct nlmsghdr *head)
{
	int left = (int)IFLA_PAYLOAD(head);
	const struct rtattr *inner;
	*link = (struct link){.netnsid = NO_NETNSID};
	for (const struct rtattr *at = IFLA_RTA(NLMSG_DATA(head)); RTA_OK(at, left);
		at = RTA_NEXT(at, left)) {
		switch (at->rta_type) {
		case IFLA_LINKINFO:
			inner = nested(at, IFLA_INFO_KIND);
			link->is_veth = inner && strcmp(RTA_DATA(inner), "veth") == 0;
			link->is_dummy = inner && strcmp(RTA_DATA(inner), "dummy") == 0;
			break;
		case IFLA_LINK:
			memcpy(&link->peer, RTA_DATA(at), sizeof(link->peer));
			break;
		case IFLA_LINK_NETNSID:
			memcpy(&link->netnsid, RTA_DATA(at), sizeof(link->netnsid));
			break;
		case IFLA_XDP:
			inner = nested(at, IFLA_XDP_ATTACHED);
			link->xdp = inner ? *(const uint8_t *)RTA_DATA(inner) : XDP_ATTACHED_NONE;
			break;
		}
	}
}

/** @return whether the kernel told */
static bool link_ask(struct link *link, int ifindex, int netnsid)
{
	_Alignas(struct nlmsghdr) static _Thread_local char answer[ANSWER_BYTES];
	struct request request = {
		.head = {.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_index = ifindex},
		.attribute = {.rta_len = RTA_LENGTH(sizeof(request.netnsid)),
			.rta_type = IFLA_TARGET_NETNSID},
		.netnsid = netnsid,
	};
	if (netnsid == NO_NETNSID)
		request.head.nlmsg_len = NLMSG_LENGTH(sizeof(request.info));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return false;
	ssize_t got = -1;
	if (send(fd, &request, request.head.nlmsg_len, 0) > 0)
		got = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	const struct nlmsghdr *head = (const void *)answer;
	if (got < (ssize_t)sizeof(*head) || !NLMSG_OK(head, (size_t)got) || head->nlmsg_type != RTM_NEWLINK)
		return false;
	link_read(link, head);
	return true;
}

bool sw_link_takes_frames(int ifindex)
{
	struct link own, peer;
	if (!link_ask(&own, ifindex, NO_NETNSID) || !own.is_veth)
		return true;
	if (!link_ask(&peer, own.peer, own.netnsid))
		return false;
	return peer.xdp == XDP_ATTACHED_DRV || peer.xdp == XDP_ATTACHED_MULTI;
}

bool sw_link_is_dummy(int ifindex)
{
	struct link link;
	return link_ask(&link, ifindex, NO_NETNSID) && link.is_dummy;
}
