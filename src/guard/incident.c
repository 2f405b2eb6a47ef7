/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/incident.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Events are kept as the JSON they are told in. */
struct incident {
	uint32_t number, wave, waves;
	int64_t begin_ms, end_ms; /* since 1970; end 0: it lasts */
	double peak_pps[SW_VECTOR_COUNT];
	json_t *events;
	uint64_t events_lost;
};

struct sw_incidents {
	FILE *file;
	struct incident incident[SW_INCIDENTS_MAX];
	uint32_t count, last;
};

static json_t *event_json(
	const struct sw_event *event, int64_t wall_ms, int64_t wall_noticed_ms, const char *zone)
{
	json_t *object = json_pack("{s:i, s:i, s:s, s:f, s:f}", "incident", event->incident, "wave",
		event->wave, "type", sw_event_label(event->type), "time", (double)wall_ms / 1000, "noticed",
		(double)wall_noticed_ms / 1000);
	bool is_of_vector = event->type == SW_EVENT_ONSET || event->type == SW_EVENT_VECTOR_ADDED ||
			    event->type == SW_EVENT_VECTOR_ENDED;
	if (object && is_of_vector)
		json_object_set_new(object, "vector", json_string(sw_vector_label(event->vector)));
	if (object && event->type != SW_EVENT_OVER) {
		json_object_set_new(object, "rate_pps", json_real(event->rate_pps));
		json_object_set_new(object, "baseline_pps", json_real(event->baseline_pps));
		json_object_set_new(object, "sources", json_integer((json_int_t)event->sources));
	}
	if (object && zone)
		json_object_set_new(object, "zone", json_string(zone));
	return object;
}

static struct incident *incident_find(struct sw_incidents *incidents, uint32_t number)
{
	for (uint32_t i = incidents->count; i-- > 0;)
		if (incidents->incident[i].number == number)
			return &incidents->incident[i];
	return NULL;
}

static struct incident *incident_new(struct sw_incidents *incidents, uint32_t number)
{
	if (incidents->count == SW_INCIDENTS_MAX) {
		json_decref(incidents->incident[0].events);
		memmove(&incidents->incident[0], &incidents->incident[1],
			(SW_INCIDENTS_MAX - 1) * sizeof(struct incident));
		incidents->count--;
	}
	struct incident *incident = &incidents->incident[incidents->count++];
	*incident = (struct incident){.number = number, .events = json_array()};
	if (number > incidents->last)
		incidents->last = number;
	return incident;
}

static int vector_of(const char *label)
{
	for (int vector = 0; label && vector < SW_VECTOR_COUNT; vector++)
		if (strcmp(sw_vector_label((enum sw_vector)vector), label) == 0)
			return vector;
	return -1;
}

/** @return 0, or -EINVAL when it is no event */
static int event_take(struct sw_incidents *incidents, json_t *event)
{
	uint32_t number = (uint32_t)json_integer_value(json_object_get(event, "incident"));
	const char *type = json_string_value(json_object_get(event, "type"));
	int64_t time_ms = (int64_t)(json_number_value(json_object_get(event, "time")) * 1000);
	double rate = json_number_value(json_object_get(event, "rate_pps"));
	int vector = vector_of(json_string_value(json_object_get(event, "vector")));
	if (number == 0 || !type || time_ms <= 0)
		return -EINVAL;
	struct incident *incident = incident_find(incidents, number);
	if (!incident)
		incident = incident_new(incidents, number);
	if (incident->begin_ms == 0)
		incident->begin_ms = time_ms;
	uint32_t wave = (uint32_t)json_integer_value(json_object_get(event, "wave"));
	if (strcmp(type, sw_event_label(SW_EVENT_WAVE)) == 0)
		incident->waves++;
	incident->wave = wave;
	/* what is told later of its end, that of a wave, say, does not open it again */
	if (strcmp(type, sw_event_label(SW_EVENT_OVER)) == 0)
		incident->end_ms = time_ms;
	else if (strcmp(type, sw_event_label(SW_EVENT_ONSET)) == 0)
		incident->end_ms = 0;
	if (vector >= 0 && rate > incident->peak_pps[vector])
		incident->peak_pps[vector] = rate;
	if (json_array_size(incident->events) < SW_INCIDENT_EVENTS_MAX)
		json_array_append(incident->events, event);
	else
		incident->events_lost++;
	return 0;
}

static unsigned file_read(struct sw_incidents *incidents, FILE *file)
{
	char *line = NULL;
	size_t bytes = 0;
	unsigned unread = 0;
	while (getline(&line, &bytes, file) > 0) {
		json_t *event = json_loads(line, 0, NULL);
		unread += event_take(incidents, event) != 0;
		json_decref(event);
	}
	free(line);
	return unread;
}

int sw_incidents_open(struct sw_incidents **out, const char *path, unsigned *unread)
{
	struct sw_incidents *incidents = calloc(1, sizeof(*incidents));
	*unread = 0;
	if (!incidents)
		return -ENOMEM;
	if (path) {
		incidents->file = fopen(path, "a+e");
		if (!incidents->file) {
			int err = -errno;
			sw_incidents_close(incidents);
			return err;
		}
		rewind(incidents->file);
		*unread = file_read(incidents, incidents->file);
	}
	*out = incidents;
	return 0;
}

void sw_incidents_close(struct sw_incidents *incidents)
{
	if (!incidents)
		return;
	for (uint32_t i = 0; i < incidents->count; i++)
		json_decref(incidents->incident[i].events);
	if (incidents->file)
		fclose(incidents->file);
	free(incidents);
}

int sw_incidents_add(struct sw_incidents *incidents, const struct sw_event *event, int64_t wall_ms,
	int64_t wall_noticed_ms, const char *zone)
{
	json_t *object = event_json(event, wall_ms, wall_noticed_ms, zone);
	int err = object ? event_take(incidents, object) : -ENOMEM;
	if (err == 0 && incidents->file) {
		err = json_dumpf(object, incidents->file, JSON_COMPACT) ? -EIO : 0;
		fputc('\n', incidents->file);
		if (fflush(incidents->file) != 0)
			err = -errno;
	}
	json_decref(object);
	return err;
}

uint32_t sw_incidents_last(const struct sw_incidents *incidents)
{
	return incidents->last;
}

static json_t *incident_json(const struct incident *incident)
{
	json_t *vectors = json_object();
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++)
		if (incident->peak_pps[vector] > 0)
			json_object_set_new(vectors, sw_vector_label((enum sw_vector)vector),
				json_real(incident->peak_pps[vector]));
	return json_pack("{s:i, s:i, s:f, s:o, s:o}", "incident", incident->number, "waves", incident->waves,
		"begin", (double)incident->begin_ms / 1000, "end",
		incident->end_ms ? json_real((double)incident->end_ms / 1000) : json_null(), "peak_pps",
		vectors);
}

json_t *sw_incidents_list(const struct sw_incidents *incidents)
{
	json_t *list = json_array();
	for (uint32_t i = incidents->count; i-- > 0;)
		json_array_append_new(list, incident_json(&incidents->incident[i]));
	return list;
}

json_t *sw_incident_show(const struct sw_incidents *incidents, uint32_t number)
{
	struct incident *incident =
		incident_find((struct sw_incidents *)incidents, number ? number : incidents->last);
	if (!incident)
		return NULL;
	json_t *object = incident_json(incident);
	json_object_set(object, "events", incident->events);
	json_object_set_new(object, "events_not_kept", json_integer((json_int_t)incident->events_lost));
	return object;
}
