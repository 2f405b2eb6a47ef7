// SPDX-License-Identifier: GPL-3.0-or-later
#include "scenario.h"
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BURSTS_S 5
#define BURST_S 0.1

static const char *const vectors[] = {
#define X(name, text, what) text,
	LAB_VECTORS(X)
#undef X
};

static const char *const shapes[] = {
	[LAB_STEADY] = "steady", [LAB_BURSTS] = "bursts", [LAB_RISE] = "rise", [LAB_FALL] = "fall"};

/* Types that a look may ask for. */
static const struct {
	const char *text;
	uint16_t number;
} types[] = {{"A", 1}, {"NS", 2}, {"CNAME", 5}, {"SOA", 6}, {"PTR", 12}, {"MX", 15}, {"TXT", 16},
	{"AAAA", 28}, {"SRV", 33}, {"DNSKEY", 48}, {"HTTPS", 65}, {"ANY", 255}};

static const struct {
	const char *text;
	uint8_t byte, bit; /* of the header's bytes 2 and 3 */
} flags[] = {{"rd", 0, 0x01}, {"tc", 0, 0x02}, {"aa", 0, 0x04}, {"cd", 1, 0x10}, {"ad", 1, 0x20}};

struct reader {
	struct lab_scenario *scenario;
	const char *const *pops;
	char *why;
	size_t why_bytes;
	const char *phase;
};

const char *lab_vector_name(uint32_t vector)
{
	return vectors[vector];
}

__attribute__((format(printf, 2, 3))) static int refuse(const struct reader *reader, const char *format, ...)
{
	va_list arguments;
	int used = snprintf(reader->why, reader->why_bytes, "phase %s: ", reader->phase);

	va_start(arguments, format);
	if (used >= 0 && (size_t)used < reader->why_bytes)
		vsnprintf(reader->why + used, reader->why_bytes - (size_t)used, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static double number_of(const json_t *object, const char *key, double otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : otherwise;
}

static int index_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

/* A misspelt key would silently be a flow less. */
static int keys_check(
	const struct reader *reader, const json_t *object, const char *const *known, size_t count)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) if (index_of(known, count, key) < 0) return refuse(
		reader, "unknown key \"%s\"", key);
	return 0;
}

static int flow_pops_read(const struct reader *reader, struct lab_flow *flow, const json_t *pops)
{
	size_t i;
	json_t *pop;

	if (!pops) {
		for (i = 0; i < LAB_POPS; i++)
			flow->pop[i] = true;
		return 0;
	}
	json_array_foreach((json_t *)pops, i, pop)
	{
		int index = index_of(reader->pops, LAB_POPS, json_string_value(pop));

		if (index < 0)
			return refuse(
				reader, "no POP \"%s\"", json_is_string(pop) ? json_string_value(pop) : "?");
		flow->pop[index] = true;
	}
	return 0;
}

/* ---- looks ---- */

/* What a label may hold here: letters, digits, hyphens, and '?'. */
static bool is_pattern(const char *text)
{
	size_t chars = strlen(text), label = 0;

	for (size_t i = 0; i < chars; i++) {
		bool is_dot = text[i] == '.';

		if (!is_dot && !strchr("?-abcdefghijklmnopqrstuvwxyz0123456789", text[i]))
			return false;
		if (is_dot && label == 0)
			return false;
		label = is_dot ? 0 : label + 1;
	}
	return label > 0 && chars < LAB_LABEL_MAX;
}

static int look_labels_read(const struct reader *reader, struct lab_look *look, const json_t *object)
{
	const json_t *labels = json_object_get(object, "labels");
	const json_t *alphabet = json_object_get(object, "alphabet");
	size_t chars = alphabet ? json_string_length(alphabet) : 0, i;
	json_t *label;

	if (alphabet && (chars == 0 || chars > LAB_ALPHABET_MAX))
		return refuse(reader, "look: alphabet wants 1 to %d characters", LAB_ALPHABET_MAX);
	strcpy(look->alphabet, alphabet ? json_string_value(alphabet) : "abcdefghijklmnopqrstuvwxyz");
	if (json_array_size(labels) > LAB_PATTERNS_MAX)
		return refuse(reader, "look: more than %d labels", LAB_PATTERNS_MAX);
	json_array_foreach((json_t *)labels, i, label)
	{
		const char *text = json_string_value(label);

		if (!text || !is_pattern(text))
			return refuse(reader, "look: labels \"%s\"", text ? text : "?");
		strcpy(look->pattern[look->pattern_count++], text);
	}
	return 0;
}

static int look_options_read(const struct reader *reader, struct lab_look *look, const json_t *options)
{
	const char *text = json_string_value(options);
	size_t digits = text ? strlen(text) : 0;
	unsigned byte;

	if (options && (!text || digits % 2 || digits > 2 * sizeof(look->options) ||
			       strspn(text, "0123456789abcdef") != digits))
		return refuse(
			reader, "look: options want up to %zu bytes in hexadecimal", sizeof(look->options));
	for (size_t i = 0; i < digits; i += 2) {
		sscanf(text + i, "%2x", &byte); /* NOLINT(cert-err34-c): only digits are left */
		look->options[look->options_bytes++] = (uint8_t)byte;
	}
	return 0;
}

static int look_flags_read(const struct reader *reader, struct lab_look *look, const json_t *object)
{
	size_t i, known;
	json_t *flag;

	json_array_foreach((json_t *)object, i, flag)
	{
		const char *text = json_is_string(flag) ? json_string_value(flag) : "?";

		for (known = 0; known < sizeof(flags) / sizeof(flags[0]); known++)
			if (strcmp(flags[known].text, text) == 0)
				break;
		if (known == sizeof(flags) / sizeof(flags[0]))
			return refuse(reader, "look: no flag \"%s\"", text);
		look->flags[flags[known].byte] |= flags[known].bit;
	}
	return 0;
}

static int look_type_read(const struct reader *reader, struct lab_look *look, const json_t *type)
{
	look->type = 1;
	if (!type)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (json_is_string(type) && strcmp(types[i].text, json_string_value(type)) == 0) {
			look->type = types[i].number;
			return 0;
		}
	return refuse(reader, "look: type");
}

static int look_numbers_read(const struct reader *reader, struct lab_look *look, const json_t *object)
{
	const json_t *ports = json_object_get(object, "ports");
	double edns = number_of(object, "edns", 0), ttl = number_of(object, "ttl", 64);
	double window = number_of(object, "window", 65535);
	double first = 1024, last = 65535;

	if (ports) {
		first = json_number_value(json_array_get(ports, 0));
		last = json_number_value(json_array_get(ports, 1));
	}
	/* hops of 4 to 31 are taken away from the TTL */
	if (edns < 0 || edns > 65535 || ttl < 40 || ttl > 255 || window < 0 || window > 65535 || first < 1 ||
		last < first || last > 65535)
		return refuse(reader, "look: edns, ttl, window or ports out of range");
	look->edns_bytes = (uint16_t)edns;
	look->ttl = (uint8_t)ttl;
	look->window = (uint16_t)window;
	look->port_first = (uint16_t)first;
	look->port_count = (uint16_t)(last - first + 1);
	look->wants_dnssec = json_is_true(json_object_get(object, "do"));
	return 0;
}

static int look_read(const struct reader *reader, struct lab_flow *flow, const json_t *object)
{
	static const char *const known[] = {
		"labels", "alphabet", "type", "edns", "do", "options", "flags", "ttl", "window", "ports"};
	struct lab_scenario *scenario = reader->scenario;
	struct lab_look *look = &scenario->look[scenario->look_count];
	bool is_tcp = flow->vector == LAB_SYN || flow->vector == LAB_ACK;
	bool is_query =
		flow->vector == LAB_RANDOM || flow->vector == LAB_EXISTING || flow->vector == LAB_SPOOFED;

	if (!is_tcp && !is_query)
		return refuse(reader, "look: not of a flow of %s", vectors[flow->vector]);
	if (scenario->look_count == LAB_LOOKS_MAX)
		return refuse(reader, "more than %d looks in all", LAB_LOOKS_MAX);
	if (keys_check(reader, object, known, sizeof(known) / sizeof(known[0])) ||
		look_labels_read(reader, look, object) ||
		look_options_read(reader, look, json_object_get(object, "options")) ||
		look_flags_read(reader, look, json_object_get(object, "flags")) ||
		look_type_read(reader, look, json_object_get(object, "type")) ||
		look_numbers_read(reader, look, object))
		return -EINVAL;
	if (is_tcp ? look->options_bytes % 4 || look->pattern_count
		   : look->options_bytes && !look->edns_bytes)
		return refuse(reader, "look: options want EDNS, and in TCP whole words and no labels");
	if (is_query && (flow->vector == LAB_RANDOM) != (look->pattern_count > 0))
		return refuse(reader, "look: labels are those of random names");
	scenario->look_vector[scenario->look_count] = flow->vector;
	flow->variant = (uint8_t)(LAB_VARIANTS_BUILT_IN + scenario->look_count++);
	return 0;
}

/* ---- flows and phases ---- */

static int flow_read(const struct reader *reader, struct lab_flow *flow, const json_t *object, double phase_s)
{
	static const char *const known[] = {
		"vector", "variant", "shape", "pops", "rate", "from", "until", "look"};
	const json_t *look = json_object_get(object, "look");
	const char *vector = json_string_value(json_object_get(object, "vector"));
	const char *shape = json_string_value(json_object_get(object, "shape"));
	int vector_index = index_of(vectors, LAB_VECTOR_COUNT, vector);
	int shape_index = shape ? index_of(shapes, sizeof(shapes) / sizeof(shapes[0]), shape) : LAB_STEADY;

	if (vector_index < 0)
		return refuse(reader, "no vector \"%s\"", vector ? vector : "?");
	if (shape_index < 0)
		return refuse(reader, "no shape \"%s\"", shape);
	flow->vector = (uint8_t)vector_index;
	flow->shape = (uint8_t)shape_index;
	flow->variant = (uint8_t)number_of(object, "variant", 0);
	if (flow->variant >= LAB_VARIANTS_BUILT_IN)
		return refuse(reader, "flow %s: no such variant", vector);
	if (look && look_read(reader, flow, look))
		return -EINVAL;
	flow->rate = number_of(object, "rate", -1);
	flow->from_s = number_of(object, "from", 0);
	flow->until_s = number_of(object, "until", phase_s);
	if (flow->rate < 0 || flow->from_s < 0 || flow->until_s > phase_s || flow->from_s >= flow->until_s)
		return refuse(reader, "flow %s: rate, from or until is missing or out of range", vector);
	if (keys_check(reader, object, known, sizeof(known) / sizeof(known[0])))
		return -EINVAL;
	return flow_pops_read(reader, flow, json_object_get(object, "pops"));
}

/* Whoever starts the servers does it (lab/play.py); what it wants is checked here, like all else. */
static int killed_check(const struct reader *reader, const json_t *killed, double phase_s)
{
	static const char *const known[] = {"pop", "at", "restart"};
	const char *pop = json_string_value(json_object_get(killed, "pop"));
	double at_s = number_of(killed, "at", -1), restart_s = number_of(killed, "restart", -1);

	if (!killed)
		return 0;
	if (index_of(reader->pops, LAB_POPS, pop) < 0 || at_s < 0 || restart_s <= at_s || restart_s > phase_s)
		return refuse(reader, "killed: pop, at or restart is missing or out of range");
	return keys_check(reader, killed, known, sizeof(known) / sizeof(known[0]));
}

static int phase_read(struct reader *reader, struct lab_phase *phase, const json_t *object, double begin_s)
{
	static const char *const known[] = {"name", "what", "seconds", "honest", "crowd", "fresh", "muted",
		"wave", "optional", "killed", "flows"};
	const char *name = json_string_value(json_object_get(object, "name"));
	const json_t *muted = json_object_get(object, "muted"), *flows = json_object_get(object, "flows");
	const json_t *fresh = json_object_get(object, "fresh");
	double seconds = number_of(object, "seconds", 0);

	reader->phase = name ? name : "?";
	if (!name || strlen(name) >= sizeof(phase->name) || seconds <= 0)
		return refuse(reader, "name or seconds is missing");
	*phase = (struct lab_phase){.begin_s = begin_s, .end_s = begin_s + seconds};
	strcpy(phase->name, name);
	phase->honest = number_of(object, "honest", 1);
	phase->crowd = number_of(object, "crowd", 0);
	phase->fresh_share = number_of(fresh, "share", 0);
	phase->fresh_from_s = number_of(fresh, "from", 0);
	phase->is_wave = json_is_true(json_object_get(object, "wave"));
	phase->muted_from_s = number_of(muted, "from", 0);
	phase->muted_until_s = number_of(muted, "until", 0);
	if (killed_check(reader, json_object_get(object, "killed"), seconds))
		return -EINVAL;
	if (json_array_size(flows) > LAB_FLOWS_MAX)
		return refuse(reader, "more than %d flows", LAB_FLOWS_MAX);
	for (; phase->flow_count < json_array_size(flows); phase->flow_count++)
		if (flow_read(reader, &phase->flow[phase->flow_count],
			    json_array_get(flows, phase->flow_count), seconds))
			return -EINVAL;
	return keys_check(reader, object, known, sizeof(known) / sizeof(known[0]));
}

static const json_t *phase_named(const json_t *phases, const char *name, size_t chars)
{
	size_t i;
	json_t *phase;

	json_array_foreach((json_t *)phases, i, phase)
	{
		const char *its = json_string_value(json_object_get(phase, "name"));

		if (its && strlen(its) == chars && strncmp(its, name, chars) == 0)
			return phase;
	}
	return NULL;
}

static int phase_add(struct lab_scenario *scenario, struct reader *reader, const json_t *object)
{
	if (scenario->phase_count == LAB_PHASES_MAX)
		return refuse(reader, "more than %d phases", LAB_PHASES_MAX);
	if (phase_read(reader, &scenario->phase[scenario->phase_count], object, scenario->length_s))
		return -EINVAL;
	scenario->length_s = scenario->phase[scenario->phase_count++].end_s;
	if (scenario->length_s + 10 > LAB_SECONDS_MAX)
		return refuse(reader, "longer than %d seconds", LAB_SECONDS_MAX);
	return 0;
}

static int phases_choose(
	struct lab_scenario *scenario, struct reader *reader, const json_t *phases, const char *chosen)
{
	size_t i;
	json_t *phase;

	if (!chosen) {
		json_array_foreach(
			(json_t *)phases, i, phase) if (!json_is_true(json_object_get(phase, "optional")) &&
							phase_add(scenario, reader, phase)) return -EINVAL;
		return scenario->phase_count ? 0 : refuse(reader, "the scenario holds none");
	}
	while (*chosen) {
		size_t chars = strcspn(chosen, ",");
		const json_t *found = phase_named(phases, chosen, chars);

		if (!found)
			return refuse(reader, "there is no \"%.*s\"", (int)chars, chosen);
		if (phase_add(scenario, reader, found))
			return -EINVAL;
		chosen += chars + (chosen[chars] == ',');
	}
	return 0;
}

int lab_scenario_read(struct lab_scenario *scenario, const char *path, const char *const *pops,
	const char *chosen, char *why, size_t why_bytes)
{
	struct reader reader = {
		.scenario = scenario, .pops = pops, .why = why, .why_bytes = why_bytes, .phase = "?"};
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	int result;

	*scenario = (struct lab_scenario){0};
	if (!root) {
		snprintf(why, why_bytes, "line %d: %s", error.line, error.text);
		return -EINVAL;
	}
	result = phases_choose(scenario, &reader, json_object_get(root, "phases"), chosen);
	json_decref(root);
	return result;
}

const struct lab_phase *lab_phase_at(const struct lab_scenario *scenario, double at_s)
{
	for (uint32_t i = 0; i < scenario->phase_count; i++)
		if (at_s < scenario->phase[i].end_s)
			return &scenario->phase[i];
	return NULL;
}

double lab_flow_rate(const struct lab_flow *flow, double at_s)
{
	double since_s = at_s - flow->from_s, share = since_s / (flow->until_s - flow->from_s);

	if (at_s < flow->from_s || at_s >= flow->until_s)
		return 0;
	switch (flow->shape) {
	case LAB_BURSTS:
		if (since_s >= BURSTS_S)
			return flow->rate;
		return (uint64_t)(since_s / BURST_S) % 2 ? 0 : 2 * flow->rate;
	case LAB_RISE:
		return flow->rate * share;
	case LAB_FALL:
		return flow->rate * (1 - share);
	default:
		return flow->rate;
	}
}
