/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/status.h"
#include "answer/verdict.h"
#include <string.h>
#include <time.h>
#include <unistd.h>

static json_t *verdicts_json(const uint64_t verdicts[SW_VERDICT_COUNT])
{
	json_t *object = json_object();
#define X(name, label, text) \
	json_object_set_new(object, label, json_integer((json_int_t)verdicts[SW_VERDICT_##name]));
	SW_VERDICTS(X)
#undef X
	return object;
}

static json_t *listen_json(const struct sw_settings *settings)
{
	char text[SW_ENDPOINT_TEXT_MAX];
	json_t *array = json_array();
	for (size_t i = 0; i < settings->listen_count; i++)
		json_array_append_new(array, json_string(sw_endpoint_text(&settings->listen[i], text)));
	return array;
}

static json_t *interfaces_json(const struct sw_ladder *ladder)
{
	size_t count;
	const struct sw_rung *rungs = sw_ladder_rungs(ladder, &count);
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:s}", "interface", rungs[i].interface, "engine",
				       sw_ladder_mode_text(rungs[i].mode), "reason", rungs[i].why));
	return array;
}

/** Handed to user space, of all that was a DNS question over UDP for us. @return NULL (JSON) before the first
 */
static json_t *punted_share(const uint64_t verdicts[SW_VERDICT_COUNT])
{
	uint64_t punted = verdicts[SW_VERDICT_PUNT_ROOM] + verdicts[SW_VERDICT_PUNT_TSIG] +
			  verdicts[SW_VERDICT_PUNT_FRAME] + verdicts[SW_VERDICT_PUNT_COST] +
			  verdicts[SW_VERDICT_PUNT_REQUEST] + verdicts[SW_VERDICT_PUNT_CHANGE];
	uint64_t all = 0;
	for (unsigned i = 0; i < SW_VERDICT_COUNT; i++)
		all += verdicts[i];
	/* what is not for us, TCP, and the gate */
	for (unsigned i = SW_VERDICT_PASS_OTHER; i <= SW_VERDICT_DROP_UNUSED; i++)
		all -= verdicts[i];
	return all ? json_real((double)punted / (double)all) : json_null();
}

static json_t *kernel_json(const struct sw_ladder *ladder)
{
	uint64_t verdicts[SW_VERDICT_COUNT] = {0};
	struct sw_kernel *kernel = sw_ladder_kernel(ladder);
	if (kernel != NULL)
		sw_kernel_counters(kernel, verdicts);
	return json_pack("{s:b, s:s, s:o, s:o}", "loaded", sw_ladder_is_loaded(ladder), "reason",
		sw_ladder_why(ladder), "punted_share", punted_share(verdicts), "verdicts",
		verdicts_json(verdicts));
}

static json_t *udp_json(const struct sw_status_parts *parts)
{
	struct sw_tally sum = {0};
	for (size_t i = 0; i < parts->settings->listen_count; i++)
		sw_udp_count(parts->udp[i], &sum);
	return json_pack(
		"{s:I, s:o}", "unsent", (json_int_t)sum.unsent, "verdicts", verdicts_json(sum.verdicts));
}

static json_t *tcp_json(const struct sw_tcp *tcp)
{
	struct sw_tally sum = {0};
	struct sw_tcp_counts counts;
	sw_tcp_count(tcp, &sum, &counts);
	json_t *connections = json_object();
	json_object_set_new(connections, "open", json_integer(counts.open));
#define X(name, text) json_object_set_new(connections, #name, json_integer((json_int_t)counts.name));
	SW_TCP_COUNTERS(X)
#undef X
	return json_pack("{s:o, s:o}", "connections", connections, "verdicts", verdicts_json(sum.verdicts));
}

/** @return NULL (JSON) without TLS */
static json_t *tls_json(const struct sw_status_parts *parts)
{
	char text[SW_ENDPOINT_TEXT_MAX];
	struct sw_tally sum = {0};
	struct sw_tcp_counts counts;
	struct sw_credentials_about about;
	if (parts->tls == NULL)
		return json_null();
	sw_tcp_count(parts->tcp, &sum, &counts);
	sw_tls_about(parts->tls, &about);
	json_t *listen = json_array(), *handshakes = json_object();
	for (size_t i = 0; i < parts->settings->tls.listen_count; i++)
		json_array_append_new(
			listen, json_string(sw_endpoint_text(&parts->settings->tls.listen[i], text)));
	json_object_set_new(handshakes, "open", json_integer(counts.tls.shaking));
#define X(name, text) json_object_set_new(handshakes, #name, json_integer((json_int_t)counts.tls.name));
	SW_TLS_COUNTERS(X)
#undef X
	return json_pack("{s:o, s:{s:s, s:I, s:b}, s:o}", "listen", listen, "certificate", "pin_sha256",
		about.pin, "expires", (json_int_t)about.expires_s, "ephemeral", about.is_ephemeral,
		"handshakes", handshakes);
}

json_t *sw_status_zone(const struct sw_zone_report *report)
{
	char text[SW_NAME_TEXT_MAX];
	json_t *zone = json_object();
	json_object_set_new(zone, "zone", json_string(sw_name_text(report->apex, text)));
	json_object_set_new(zone, "file", json_string_nocheck(report->file));
	json_object_set_new(zone, "state", json_string(sw_zone_state_label(report->state)));
	json_object_set_new(zone, "reason", json_string_nocheck(report->reason));
	json_object_set_new(zone, "frozen", json_boolean(report->is_frozen));
	json_object_set_new(zone, "errors", json_integer(report->errors));
	json_object_set_new(zone, "warnings", json_integer(report->warnings));
	json_object_set_new(zone, "loaded", json_integer(report->loaded_s));
	json_object_set_new(zone, "serial", json_integer(report->served.serial));
	json_object_set_new(zone, "names", json_integer((json_int_t)report->served.names));
	json_object_set_new(zone, "records", json_integer((json_int_t)report->served.records));
	json_object_set_new(zone, "image_bytes", json_integer((json_int_t)report->served.image_bytes));
	json_object_set_new(zone, "signed", json_boolean(report->served.is_signed));
	return zone;
}

void sw_status_secondary_add(struct sw_secondary *secondary, const uint8_t *apex, json_t *zone)
{
	struct sw_secondary_report report;
	if (secondary == NULL || sw_secondary_look(secondary, apex, &report) != 0)
		return;
	json_object_set_new(zone, "secondary",
		json_pack("{s:b, s:I, s:I, s:I, s:i, s:s%}", "asking", report.is_asking, "confirmed",
			(json_int_t)report.confirmed_s, "next", (json_int_t)report.next_s, "expires",
			(json_int_t)report.expires_s, "failures", report.failures, "reason", report.why,
			strlen(report.why)));
}

struct listing {
	json_t *zones;
	struct sw_secondary *secondary;
};

/** Under the lock of the zones, which is never taken under that of the secondary. */
static void zone_add(void *arg, const struct sw_zone_report *report)
{
	struct listing *listing = arg;
	json_t *zone = sw_status_zone(report);
	sw_status_secondary_add(listing->secondary, report->apex, zone);
	json_array_append_new(listing->zones, zone);
}

json_t *sw_status(const struct sw_status_parts *parts)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	json_t *zones = json_array();
	sw_zones_each(parts->zones, zone_add, &(struct listing){zones, sw_keep_secondary(parts->keep)});
	json_t *status = json_pack("{s:b, s:s, s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "ok",
		1, "version", SW_VERSION, "pid", (int)getpid(), "state", parts->state, "uptime_seconds",
		(json_int_t)(now.tv_sec - parts->started_s), "listen", listen_json(parts->settings),
		"interfaces", interfaces_json(parts->ladder), "kernel", kernel_json(parts->ladder), "udp",
		udp_json(parts), "tcp", tcp_json(parts->tcp), "tls", tls_json(parts), "image_bytes",
		(json_int_t)sw_zones_bytes(parts->zones), "zones", zones);
	if (status != NULL)
		sw_status_live(status, parts);
	return status;
}
