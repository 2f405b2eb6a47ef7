/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/guard.h"
#include "guard/policy.h"
#include "guard/tell.h"
#include "wire/name.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/** A question that is explained: what is found about it, as the answer path finds it. */
struct explained {
	const struct sw_guarded *guarded;
	uint8_t address[16], address_len;
	struct sw_source_seen source;
	uint8_t facts;
	uint64_t zone; /* of a name that does not exist; 0: none */
	json_t *reasons;
};

static json_t *refusal(const char *why)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", why);
}

static void reason_add(struct explained *explained, const char *text)
{
	json_array_append_new(explained->reasons, json_string(text));
}

/* ---- facts, with a sentence for each ---- */

static void known_explain(struct explained *explained, const json_t *ttl)
{
	const struct sw_source_seen *source = &explained->source;
	unsigned value = json_is_integer(ttl) ? (unsigned)json_integer_value(ttl) : 0;
	char text[160];
	if (!source->is_known) {
		reason_add(explained, "the source is not known from peace");
		return;
	}
	bool fits = !json_is_integer(ttl) || source->hops == SW_HOPS_ANY ||
		    (value <= 255 && sw_hops_fit((uint8_t)value, (uint8_t)source->hops));
	if (source->hops == SW_HOPS_HERE)
		fits = !json_is_integer(ttl);
	explained->facts |= SW_FACT_KNOWN | (fits ? SW_FACT_HOPS : 0);
	if (source->hops == SW_HOPS_ANY)
		snprintf(text, sizeof(text), "the source is trusted: the configuration says so");
	else if (source->hops == SW_HOPS_HERE)
		snprintf(text, sizeof(text),
			"the source is this machine, if it comes over the loopback interface");
	else
		snprintf(text, sizeof(text), "the source is known from peace, %u hops away%s", source->hops,
			!json_is_integer(ttl) ? ""
			: fits		      ? "; this packet comes from there"
			       : "; this packet comes from elsewhere: somebody else may use the address");
	reason_add(explained, text);
}

/** Known, and at its usual distance. */
static bool is_known_there(const struct explained *explained)
{
	return (explained->facts & SW_FACT_KNOWN) && (explained->facts & SW_FACT_HOPS);
}

static void source_explain(struct explained *explained, const json_t *request)
{
	char network[SW_PREFIX_TEXT_MAX], text[160];
	const struct sw_source_seen *source = &explained->source;
	explained->guarded->source(
		explained->guarded->arg, explained->address, explained->address_len, &explained->source);
	if (json_is_true(json_object_get(request, "cookie"))) {
		explained->facts |= SW_FACT_COOKIE;
		reason_add(explained, "it brings a valid cookie: its address is proven");
	}
	if (source->is_proven) {
		explained->facts |= SW_FACT_HANDSHAKE;
		reason_add(explained, "it has completed a TCP handshake lately: its address is proven");
	}
	known_explain(explained, json_object_get(request, "ttl"));
	bool is_known = is_known_there(explained);
	if (source->network_admit[is_known] == SW_ADMIT_ALL)
		return;
	explained->facts |= SW_FACT_PREFIX;
	snprintf(text, sizeof(text), "%s of its network %s ask for more than their allowance",
		is_known ? "known resolvers" : "strangers",
		sw_prefix_text(&source->network[is_known], network));
	reason_add(explained, text);
}

/** @return 0, or -1: no name */
static int name_explain(struct explained *explained, const char *text)
{
	uint8_t name[SW_NAME_MAX];
	bool exists;
	if (sw_name_parse(text, name) < 0 ||
		explained->guarded->exists(explained->guarded->arg, name, &exists, &explained->zone) != 0)
		return -1;
	explained->facts |= exists ? SW_FACT_EXISTS : 0;
	if (exists)
		explained->zone = 0;
	reason_add(explained, exists		? "the name exists, or a wildcard covers it"
			      : explained->zone ? "the name does not exist in its zone"
						: "the name is in no zone here");
	return 0;
}

/* ---- what becomes of it ---- */

/** How many of such are answered, by one of the rules. */
static double admitted(struct explained *explained, uint32_t admit, const char *whose)
{
	double share = admit == SW_ADMIT_ALL ? 1 : (double)admit / 4294967296.0;
	char text[160];
	if (share < 1) {
		snprintf(text, sizeof(text), "%.1f %% of %s are admitted", 100 * share, whose);
		reason_add(explained, text);
	}
	return share;
}

/** In the order of sw_admit() (answer/admit.h). */
static const char *action_explain(struct explained *explained, enum sw_lane lane)
{
	const struct sw_orders *orders = explained->guarded->orders;
	bool is_proven = explained->facts & (SW_FACT_COOKIE | SW_FACT_HANDSHAKE),
	     is_known = is_known_there(explained);
	if (!orders->is_watching) {
		reason_add(explained, "there is room for everybody: nothing is refused");
		return "answered";
	}
	double share =
		admitted(explained, orders->policy.admit[lane], "its lane, since there is not room for all,");
	if (explained->zone)
		share *= admitted(explained, ~orders->missing_refuse[explained->zone >> 52],
			"the names that do not exist in its zone");
	if (!is_proven)
		share *= admitted(explained, explained->source.network_admit[is_known],
			is_known ? "the known resolvers of its network" : "the strangers of its network");
	if (share >= 1) {
		reason_add(explained, "its lane is admitted whole");
		return "answered";
	}
	bool is_dropped = orders->dropped_lanes >> lane & 1;
	reason_add(explained, orders->is_observing ? "observing: the others are answered all the same"
			      : is_dropped	   ? "the others are dropped"
						   : "the others are sent to TCP");
	return orders->is_observing ? "answered" : is_dropped ? "dropped" : "sent to TCP";
}

json_t *sw_tell_explain(const struct sw_telling *telling, const json_t *request)
{
	const char *address = json_string_value(json_object_get(request, "address"));
	const char *name = json_string_value(json_object_get(request, "name"));
	struct explained explained = {
		.guarded = telling->guarded, .address_len = address && strchr(address, ':') ? 16 : 4};
	if (!address ||
		inet_pton(explained.address_len == 16 ? AF_INET6 : AF_INET, address, explained.address) != 1)
		return refusal("\"address\" is neither an IPv4 nor an IPv6 address");
	explained.reasons = json_array();
	source_explain(&explained, request);
	if (name && name_explain(&explained, name) != 0) {
		json_decref(explained.reasons);
		return refusal("\"name\" is not a domain name");
	}
	enum sw_lane lane = (enum sw_lane)telling->guarded->orders->policy.lane[explained.facts];
	const char *action = action_explain(&explained, lane);
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o}", "address", address, "facts",
		sw_facts_json(explained.facts), "lane", sw_lane_label(lane), "who", sw_lane_text(lane),
		"action", action, "reasons", explained.reasons);
}
