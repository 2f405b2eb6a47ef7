/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/incident.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RESUMED "resumed"
#define NOT_SEEN "not_seen"
#define NUMBER_MAX 1000000000 /* of incidents and waves */

/** Events are kept as the JSON they are told in. */
struct incident {
	uint32_t number, waves;
	uint32_t vectors; /* bits: those that are on */
	bool is_wave;
	int64_t begin_ms, end_ms; /* since 1970; end 0: it lasts */
	int64_t last_ms;	  /* when something of it was noticed last */
	bool is_end_unseen;
	double peak_pps[SW_VECTOR_COUNT];
	json_t *events;
	uint64_t events_lost;
};

struct sw_incidents {
	FILE *file;
	struct incident incident[SW_INCIDENTS_MAX];
	uint32_t count, last, last_wave;
	int64_t alive_ms; /* of the file, when it was opened */
};

static json_t *event_json(const struct sw_told *told, const char *zone)
{
	const struct sw_event *event = &told->event;
	json_t *object = json_pack("{s:i, s:i, s:s, s:f, s:f}", "incident", event->incident, "wave",
		event->wave, "type", sw_event_label(event->type), "time", (double)told->wall_ms / 1000,
		"noticed", (double)told->wall_noticed_ms / 1000);
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

/** Since 1970, and before the year 5000. */
static bool is_moment(const json_t *event, const char *key)
{
	double seconds = json_number_value(json_object_get(event, key));
	return seconds > 0 && seconds < 1e11;
}

static int64_t milliseconds(const json_t *event, const char *key)
{
	return (int64_t)(json_number_value(json_object_get(event, key)) * 1000 + 0.5);
}

static bool is_type(const char *type, enum sw_event_type wanted)
{
	return strcmp(type, sw_event_label(wanted)) == 0;
}

/** What an event says of its incident. */
static void incident_follow(struct incident *incident, const json_t *event, const char *type)
{
	int64_t time_ms = milliseconds(event, "time"), noticed_ms = milliseconds(event, "noticed");
	double rate = json_number_value(json_object_get(event, "rate_pps"));
	int vector = vector_of(json_string_value(json_object_get(event, "vector")));
	bool is_onset = is_type(type, SW_EVENT_ONSET), is_wave = is_type(type, SW_EVENT_WAVE);
	uint32_t bit = vector >= 0 ? 1u << vector : 0;
	if (incident->begin_ms == 0)
		incident->begin_ms = time_ms;
	if (noticed_ms > incident->last_ms)
		incident->last_ms = noticed_ms;
	incident->waves += is_wave;
	if (is_wave || is_type(type, SW_EVENT_WAVE_OVER))
		incident->is_wave = is_wave;
	if (is_onset || is_type(type, SW_EVENT_VECTOR_ADDED))
		incident->vectors |= bit;
	else
		incident->vectors &= ~bit;
	/* what is told later of its end, that of a wave, say, does not open it again */
	incident->is_end_unseen = strcmp(type, NOT_SEEN) == 0 || (incident->is_end_unseen && !is_onset);
	if (is_type(type, SW_EVENT_OVER) || strcmp(type, NOT_SEEN) == 0)
		incident->end_ms = time_ms;
	else if (is_onset)
		incident->end_ms = 0;
	if (vector >= 0 && rate > incident->peak_pps[vector])
		incident->peak_pps[vector] = rate;
}

/** @return 0, or -EINVAL when it is no event */
static int event_take(struct sw_incidents *incidents, json_t *event)
{
	json_int_t said = json_integer_value(json_object_get(event, "incident"));
	json_int_t said_wave = json_integer_value(json_object_get(event, "wave"));
	const char *type = json_string_value(json_object_get(event, "type"));
	if (said <= 0 || said > NUMBER_MAX || said_wave < 0 || said_wave > NUMBER_MAX || !type ||
		!is_moment(event, "time") || !is_moment(event, "noticed"))
		return -EINVAL;
	uint32_t number = (uint32_t)said, wave = (uint32_t)said_wave;
	struct incident *incident = incident_find(incidents, number);
	if (!incident)
		incident = incident_new(incidents, number);
	incident_follow(incident, event, type);
	if (wave > incidents->last_wave)
		incidents->last_wave = wave;
	if (json_array_size(incident->events) < SW_INCIDENT_EVENTS_MAX)
		json_array_append(incident->events, event);
	else
		incident->events_lost++;
	return 0;
}

/** A last line that broke off gets its end, so that the next event has a line of its own. */
static unsigned file_read(struct sw_incidents *incidents, FILE *file)
{
	char *line = NULL;
	size_t bytes = 0;
	unsigned unread = 0;
	bool is_whole = true;
	for (ssize_t len; (len = getline(&line, &bytes, file)) > 0;) {
		is_whole = line[len - 1] == '\n';
		json_t *event = json_loads(line, 0, NULL);
		unread += event_take(incidents, event) != 0;
		json_decref(event);
	}
	free(line);
	fseek(file, 0, SEEK_END); /* between reading and writing, C wants it */
	if (!is_whole)
		fputc('\n', file);
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
		struct stat state;
		if (fstat(fileno(incidents->file), &state) == 0)
			incidents->alive_ms =
				(int64_t)state.st_mtim.tv_sec * 1000 + state.st_mtim.tv_nsec / 1000000;
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

/** Takes an event, and the reference to it, and writes it down. */
static int event_keep(struct sw_incidents *incidents, json_t *event)
{
	int err = event ? event_take(incidents, event) : -ENOMEM;
	if (err == 0 && incidents->file) {
		err = json_dumpf(event, incidents->file, JSON_COMPACT) ? -EIO : 0;
		fputc('\n', incidents->file);
		if (fflush(incidents->file) != 0)
			err = -errno;
	}
	json_decref(event);
	return err;
}

int sw_incidents_add(struct sw_incidents *incidents, const struct sw_told *told, const char *zone)
{
	return event_keep(incidents, event_json(told, zone));
}

void sw_incidents_alive(const struct sw_incidents *incidents)
{
	const struct incident *last = &incidents->incident[incidents->count - 1];
	if (incidents->file && incidents->count > 0 && last->end_ms == 0)
		futimens(fileno(incidents->file), NULL);
}

/* ---- after a restart ---- */

/** When the node was there last, while this incident lasted. */
static int64_t last_there(
	const struct sw_incidents *incidents, const struct incident *incident, int64_t now_ms)
{
	bool is_last = incident == &incidents->incident[incidents->count - 1];
	int64_t last_ms =
		is_last && incidents->alive_ms > incident->last_ms ? incidents->alive_ms : incident->last_ms;
	return last_ms < now_ms ? last_ms : now_ms;
}

int sw_incidents_resume(
	struct sw_incidents *incidents, int64_t now_ms, int64_t within_ms, struct sw_incident_open *open)
{
	int first_err = 0;
	*open = (struct sw_incident_open){0};
	for (uint32_t i = 0; i < incidents->count; i++) {
		int err = 0;
		const struct incident *incident = &incidents->incident[i];
		int64_t last_ms = last_there(incidents, incident, now_ms);
		if (incident->end_ms != 0)
			continue;
		if (i == incidents->count - 1 && now_ms - last_ms <= within_ms) {
			*open = (struct sw_incident_open){
				incident->number, incident->vectors, incident->is_wave, last_ms};
			err = event_keep(incidents,
				json_pack("{s:i, s:s, s:f, s:f, s:f}", "incident", incident->number, "type",
					RESUMED, "time", (double)now_ms / 1000, "noticed",
					(double)now_ms / 1000, "away_from", (double)last_ms / 1000));
		} else {
			err = event_keep(
				incidents, json_pack("{s:i, s:s, s:f, s:f}", "incident", incident->number,
						   "type", NOT_SEEN, "time", (double)last_ms / 1000,
						   "noticed", (double)now_ms / 1000));
		}
		if (first_err == 0)
			first_err = err;
	}
	return first_err;
}

uint32_t sw_incidents_last_wave(const struct sw_incidents *incidents)
{
	return incidents->last_wave;
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
	return json_pack("{s:i, s:i, s:f, s:o, s:b, s:o}", "incident", incident->number, "waves",
		incident->waves, "begin", (double)incident->begin_ms / 1000, "end",
		incident->end_ms ? json_real((double)incident->end_ms / 1000) : json_null(), "end_seen",
		(int)(incident->end_ms && !incident->is_end_unseen), "peak_pps", vectors);
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
