/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/document.h"
#include "serve/settings.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 8

struct reader {
	const char *path;
	char *why;
	yaml_parser_t parser;
	int err;
};

const char *sw_yaml_kind_text(enum sw_yaml_kind kind)
{
	static const char *const texts[] = {"a single value", "a list", "a section of keys"};
	return texts[kind];
}

void sw_yaml_free(struct sw_yaml *node)
{
	if (node == NULL)
		return;
	for (struct sw_yaml *child = node->first, *next; child != NULL; child = next) {
		next = child->next;
		sw_yaml_free(child);
	}
	sw_yaml_free(node->key);
	free(node->text);
	free(node);
}

static struct sw_yaml *fail(struct reader *reader, yaml_mark_t mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static struct sw_yaml *fail(struct reader *reader, yaml_mark_t mark, const char *format, ...)
{
	char text[300];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(reader->why, SW_WHY_TEXT_MAX, "%.180s:%zu:%zu: %s", reader->path, mark.line + 1,
		mark.column + 1, text);
	reader->err = -EINVAL;
	return NULL;
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
	if (yaml_parser_parse(&reader->parser, event))
		return true;
	const yaml_parser_t *parser = &reader->parser;
	fail(reader, parser->problem_mark, "%s%s%s", parser->problem ? parser->problem : "unreadable",
		parser->context ? ", " : "", parser->context ? parser->context : "");
	return false;
}

static struct sw_yaml *parse_node(struct reader *reader, yaml_event_t *event, unsigned depth);

static struct sw_yaml *parse_scalar(struct reader *reader, const yaml_event_t *event, struct sw_yaml *node)
{
	node->kind = SW_YAML_SCALAR;
	node->text = strdup((const char *)event->data.scalar.value);
	node->is_empty =
		event->data.scalar.length == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (node->text == NULL || strlen(node->text) != event->data.scalar.length)
		return fail(reader, event->start_mark, "a zero byte in a value");
	return node;
}

static void append(struct sw_yaml *parent, struct sw_yaml *child)
{
	*(parent->last ? &parent->last->next : &parent->first) = child;
	parent->last = child;
}

/** A key of a mapping and its value. @return the value, with its key */
static struct sw_yaml *parse_pair(
	struct reader *reader, const struct sw_yaml *mapping, yaml_event_t *event, unsigned depth)
{
	yaml_event_t value_event;
	yaml_mark_t mark = event->start_mark;
	if (event->type != YAML_SCALAR_EVENT)
		return fail(reader, mark, "a key must be plain text");
	struct sw_yaml *key = parse_node(reader, event, depth);
	if (key == NULL)
		return NULL;
	for (const struct sw_yaml *other = mapping->first; other != NULL; other = other->next) {
		if (strcmp(other->key->text, key->text) != 0)
			continue;
		fail(reader, mark, "key '%s' is told twice, first in line %u", key->text, other->key->line);
		sw_yaml_free(key);
		return NULL;
	}
	struct sw_yaml *value = NULL;
	if (next_event(reader, &value_event)) {
		value = parse_node(reader, &value_event, depth);
		yaml_event_delete(&value_event);
	}
	if (value == NULL)
		sw_yaml_free(key);
	else
		value->key = key;
	return value;
}

static bool parse_children(struct reader *reader, struct sw_yaml *node, unsigned depth)
{
	for (;;) {
		yaml_event_t event;
		struct sw_yaml *child;
		if (!next_event(reader, &event))
			return false;
		bool is_end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
		if (is_end)
			child = NULL;
		else if (node->kind == SW_YAML_LIST)
			child = parse_node(reader, &event, depth);
		else
			child = parse_pair(reader, node, &event, depth);
		yaml_event_delete(&event);
		if (child == NULL)
			return is_end;
		append(node, child);
	}
}

static struct sw_yaml *parse_node(struct reader *reader, yaml_event_t *event, unsigned depth)
{
	if (event->type == YAML_ALIAS_EVENT)
		return fail(reader, event->start_mark, "aliases (*name) are not understood here");
	if (depth > DEPTH_MAX)
		return fail(reader, event->start_mark, "nested too deep");
	struct sw_yaml *node = calloc(1, sizeof(*node));
	if (node == NULL)
		return fail(reader, event->start_mark, "out of memory");
	node->line = (unsigned)event->start_mark.line + 1;
	node->column = (unsigned)event->start_mark.column + 1;
	bool is_good;
	if (event->type == YAML_SCALAR_EVENT) {
		is_good = parse_scalar(reader, event, node) != NULL;
	} else {
		node->kind = event->type == YAML_SEQUENCE_START_EVENT ? SW_YAML_LIST : SW_YAML_MAPPING;
		is_good = parse_children(reader, node, depth + 1);
	}
	if (is_good)
		return node;
	sw_yaml_free(node);
	return NULL;
}

/** Stream, at most one document, end. */
static struct sw_yaml *parse_stream(struct reader *reader)
{
	struct sw_yaml *root = NULL;
	bool is_over = false;
	unsigned documents = 0;
	while (!is_over && reader->err == 0) {
		yaml_event_t event;
		if (!next_event(reader, &event))
			break;
		if (event.type == YAML_STREAM_END_EVENT)
			is_over = true;
		else if (event.type == YAML_DOCUMENT_START_EVENT && documents++ > 0)
			fail(reader, event.start_mark,
				"a second document begins here: one is all there can be");
		else if (event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
			 event.type == YAML_MAPPING_START_EVENT || event.type == YAML_ALIAS_EVENT)
			root = parse_node(reader, &event, 0);
		yaml_event_delete(&event);
	}
	return root;
}

int sw_yaml_load(const char *path, struct sw_yaml **root, char *why)
{
	struct reader reader = {.path = path, .why = why};
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		int err = -errno;
		snprintf(why, SW_WHY_TEXT_MAX, "%.180s: %s", path, strerror(-err));
		return err;
	}
	if (!yaml_parser_initialize(&reader.parser)) {
		fclose(file);
		return -ENOMEM;
	}
	yaml_parser_set_input_file(&reader.parser, file);
	*root = parse_stream(&reader);
	yaml_parser_delete(&reader.parser);
	fclose(file);
	if (reader.err != 0) {
		sw_yaml_free(*root);
		*root = NULL;
	}
	return reader.err;
}
