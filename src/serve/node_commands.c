/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands that come in on the control socket. */
#include "serve/control.h"
#include "serve/key_commands.h"
#include "serve/node_inside.h"
#include "serve/status.h"
#include "serve/zone_commands.h"
#include <string.h>
#include <unistd.h>

/* A command returns its reply; NULL when it will be given by someone else, who also closes the client. */

static json_t *command_status(struct sw_running_node *node, const json_t *request, int client)
{
	(void)request;
	(void)client;
	bool is_loading = sw_loader_pending(node->loader) > 0;
	return sw_status(&(struct sw_status_parts){
		.state = !node->is_answering ? "loading"
			 : is_loading	     ? "reloading"
					     : "serving",
		.started_s = node->started_s,
		.settings = node->settings,
		.ladder = node->ladder,
		.zones = node->zones,
		.udp = node->udp,
		.tcp = node->tcp,
		.tls = node->tls,
		.keep = node->keep,
		.requests = node->requests,
	});
}

static json_t *command_reload(struct sw_running_node *node, const json_t *request, int client)
{
	uint8_t apex[SW_NAME_MAX];
	const json_t *zone = json_object_get(request, "zone");
	if (zone != NULL && (!json_is_string(zone) || sw_name_parse(json_string_value(zone), apex) < 0))
		return sw_control_refusal("this is not a domain name");
	if (sw_loader_post(node->loader, zone ? apex : NULL, client) != 0)
		return sw_control_refusal("out of memory");
	return NULL;
}

/** What changes zones, which the loader's thread does. */
static json_t *command_order(struct sw_running_node *node, const json_t *request, int client)
{
	return sw_loader_order(node->loader, request, client) == 0 ? NULL
								   : sw_control_refusal("out of memory");
}

static json_t *command_stop(struct sw_running_node *node, const json_t *request, int client)
{
	(void)request;
	(void)client;
	node->is_stopping = true;
	return json_pack("{s:b}", "ok", 1);
}

/** Commands that other parts know. */
static json_t *command_elsewhere(
	struct sw_running_node *node, const char *name, const json_t *request, int client)
{
	json_t *reply = NULL;
	if (sw_key_command(node->keep, name, request, client, &reply))
		return reply;
	reply = sw_zone_command(node->keep, node->zones, name, request);
	if (reply == NULL && node->guest != NULL)
		reply = node->guest->command(node->guest->arg, name, request);
	return reply ? reply : sw_control_refusal("no such command");
}

void sw_node_take_command(struct sw_running_node *node)
{
	static const struct {
		const char *name;
		json_t *(*run)(struct sw_running_node *node, const json_t *request, int client);
	} commands[] = {{"status", command_status}, {"reload", command_reload}, {"stop", command_stop},
		{"zone-add", command_order}, {"zone-remove", command_order}, {"zone-freeze", command_order},
		{"zone-thaw", command_order}, {"zone-notify", command_order}, {"zone-sign", command_order}};
	int client;
	json_t *request = sw_control_accept(node->control, &client);
	if (request == NULL)
		return;
	const char *name = json_string_value(json_object_get(request, "command"));
	json_t *reply = NULL;
	size_t i = 0, count = sizeof(commands) / sizeof(commands[0]);
	while (i < count && (name == NULL || strcmp(name, commands[i].name) != 0))
		i++;
	if (i < count)
		reply = commands[i].run(node, request, client);
	else
		reply = command_elsewhere(node, name ? name : "", request, client);
	if (reply != NULL) {
		sw_control_reply(client, reply);
		json_decref(reply);
		close(client);
	}
	json_decref(request);
}
