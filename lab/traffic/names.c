// SPDX-License-Identifier: GPL-3.0-or-later
#include "names.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZIPF_EXPONENT 0.9
#define FIELDS 5

static const char *const kinds[] = {[LAB_ANSWER] = "answer",
	[LAB_NODATA] = "nodata",
	[LAB_REFERRAL] = "referral",
	[LAB_NXDOMAIN] = "nxdomain",
	[LAB_LARGE] = "large"};

static const struct {
	const char *text;
	uint16_t type;
	uint8_t holds_names;
} types[] = {{"A", 1, 0}, {"NS", 2, 1}, {"CNAME", 5, 1}, {"SOA", 6, 1}, {"PTR", 12, 1}, {"MX", 15, 1},
	{"TXT", 16, 0}, {"AAAA", 28, 0}, {"SRV", 33, 1}, {"DS", 43, 0}, {"DNSKEY", 48, 0}, {"TLSA", 52, 0},
	{"SVCB", 64, 1}, {"HTTPS", 65, 1}, {"CAA", 257, 0}};

uint32_t lab_name_parse(const char *text, uint8_t wire[LAB_NAME_MAX], uint8_t *labels)
{
	uint32_t bytes = 0;

	*labels = 0;
	while (*text) {
		size_t chars = strcspn(text, ".");

		if (chars < 1 || chars > 63 || bytes + chars + 2 > LAB_NAME_MAX)
			return 0;
		wire[bytes++] = (uint8_t)chars;
		memcpy(wire + bytes, text, chars);
		bytes += (uint32_t)chars;
		text += chars + (text[chars] == '.');
		++*labels;
	}
	wire[bytes++] = 0;
	return bytes;
}

static int hex_parse(const char *text, struct lab_name *name)
{
	size_t chars = strlen(text);

	if (chars == 0 || chars % 2 || chars / 2 > UINT16_MAX)
		return -EINVAL;
	name->expected_bytes = (uint16_t)(chars / 2);
	name->expected = malloc(chars / 2);
	if (!name->expected)
		return -ENOMEM;
	for (size_t i = 0; i < chars / 2; i++) {
		const char pair[] = {text[2 * i], text[2 * i + 1], 0};
		char *end;

		name->expected[i] = (uint8_t)strtoul(pair, &end, 16);
		if (*end)
			return -EINVAL;
	}
	return 0;
}

static int type_parse(const char *text, struct lab_name *name, int *holds_names)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].text, text) == 0) {
			name->type = types[i].type;
			*holds_names = types[i].holds_names;
			return 0;
		}
	return -EINVAL;
}

static int kind_parse(const char *text, struct lab_name *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i], text) == 0) {
			name->kind = (uint8_t)i;
			return 0;
		}
	return -EINVAL;
}

/* @return NULL, or which field is wrong */
static const char *line_parse(char *line, struct lab_name *name)
{
	char *field[FIELDS];
	uint8_t zone[LAB_NAME_MAX];
	int holds_names;

	line[strcspn(line, "\r\n")] = 0;
	for (int i = 0; i < FIELDS; i++)
		field[i] = strsep(&line, "\t");
	if (!field[FIELDS - 2])
		return "number of fields";
	name->wire_bytes = (uint8_t)lab_name_parse(field[0], name->wire, &name->labels);
	if (!name->wire_bytes)
		return "QNAME";
	if (type_parse(field[1], name, &holds_names))
		return "QTYPE";
	if (kind_parse(field[2], name))
		return "KIND";
	if (!lab_name_parse(field[3], zone, &name->zone_labels) || name->zone_labels > name->labels)
		return "ZONE";
	if ((name->kind != LAB_ANSWER && name->kind != LAB_LARGE) || holds_names)
		return NULL;
	return field[4] && hex_parse(field[4], name) == 0 ? NULL : "EXPECTED";
}

static int popularity_make(struct lab_names *names)
{
	double *weights = calloc(names->nxdomain, sizeof(*weights));
	int error;

	if (!weights)
		return -ENOMEM;
	for (uint32_t i = 0; i < names->nxdomain; i++)
		weights[i] = pow(i + 1, -ZIPF_EXPONENT);
	error = lab_alias_make(&names->popularity, weights, names->nxdomain);
	free(weights);
	return error;
}

static int lines_read(struct lab_names *names, FILE *file, char *why, size_t why_bytes)
{
	uint32_t room = 0;
	char *line = NULL;
	size_t line_bytes = 0;
	int error = 0;

	while (!error && getline(&line, &line_bytes, file) > 0) {
		const char *wrong;

		if (names->count == room) {
			struct lab_name *more =
				realloc(names->name, (room = room * 2 + 1024) * sizeof(*more));

			if (!more) {
				error = -ENOMEM;
				break;
			}
			names->name = more;
		}
		memset(&names->name[names->count], 0, sizeof(*names->name));
		wrong = line_parse(line, &names->name[names->count++]);
		if (wrong) {
			snprintf(why, why_bytes, "line %u: %s", names->count, wrong);
			error = -EINVAL;
		}
	}
	free(line);
	return error;
}

int lab_names_read(struct lab_names *names, const char *path, char *why, size_t why_bytes)
{
	FILE *file = fopen(path, "re");
	int error;

	*names = (struct lab_names){0};
	snprintf(why, why_bytes, "cannot be read");
	if (!file)
		return -errno;
	error = lines_read(names, file, why, why_bytes);
	fclose(file);
	while (names->nxdomain < names->count && names->name[names->nxdomain].kind != LAB_NXDOMAIN)
		names->nxdomain++;
	if (!error && names->nxdomain == 0) {
		snprintf(why, why_bytes, "holds no name that exists");
		error = -EINVAL;
	}
	if (!error)
		error = popularity_make(names);
	if (error)
		lab_names_free(names);
	return error;
}

void lab_names_free(struct lab_names *names)
{
	for (uint32_t i = 0; i < names->count; i++)
		free(names->name[i].expected);
	free(names->name);
	lab_alias_free(&names->popularity);
	*names = (struct lab_names){0};
}
