/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/parents.h"
#include "cli/cli.h"
#include <stdio.h>

void sw_print_parents(const json_t *dnssec, int width)
{
	const json_t *parents = json_object_get(dnssec, "parents");
	char asked[64], next[64];
	size_t i;
	json_t *server;
	if (parents == NULL)
		return;
	printf("%-*s %s, next %s\n", width, "parents asked",
		sw_moment_text(sw_json_number(parents, "asked"), "not yet", asked, sizeof(asked)),
		json_is_true(json_object_get(parents, "asking"))
			? "now"
			: sw_moment_text(sw_json_number(parents, "next"), "soon", next, sizeof(next)));
	json_array_foreach(json_object_get(parents, "servers"), i, server) printf("%-*s %s: %s%s\n", width,
		"", sw_json_text(server, "server"), sw_json_text(server, "said"),
		json_is_true(json_object_get(server, "as_awaited")) ? ", as awaited" : "");
	if (sw_json_number(parents, "agreed_until") != 0)
		printf("%-*s all agree: noted by itself if they still do at %s\n", width, "",
			sw_moment_text(sw_json_number(parents, "agreed_until"), "-", next, sizeof(next)));
}
