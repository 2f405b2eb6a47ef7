/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Knot's knot.conf: nearly YAML. Plain values may begin as YAML's may not (%s.zone, ::1@53), sections may
 * come again, and so may keys, which adds to their values; hence not libyaml. */
#include "cli/convert_knot.h"
#include <string.h>

#define DEPTH_MAX 32

struct lexer {
	struct sw_knot *knot;
	const char *file, *at;
	unsigned line, depth;
	const char *kind;     /* section we are in */
	struct sw_said *said; /* what values of a list belong to */
};

static int fail(struct lexer *lexer, const char *what)
{
	return sw_plan_fail(lexer->knot->plan, lexer->file, lexer->line, "%s", what);
}

static void begin_item(struct lexer *lexer)
{
	struct sw_knot *knot = lexer->knot;
	struct sw_knot_item *item = sw_plan_alloc(knot->plan, sizeof(*item));
	item->kind = lexer->kind;
	bool is_zone = strcmp(item->kind, "zone") == 0;
	struct sw_knot_item ***last = is_zone ? &knot->last_zone : &knot->last;
	if (*last == NULL)
		*last = is_zone ? &knot->zones : &knot->first;
	**last = item;
	*last = &item->next;
	knot->item = item;
	lexer->said = NULL;
}

/** The statement of a key in the item in hand. @return NULL outside of any */
static struct sw_said *statement(struct lexer *lexer, const char *key)
{
	struct sw_knot_item *item = lexer->knot->item;
	if (item == NULL)
		return NULL;
	for (struct sw_said *said = item->body.first; said != NULL; said = said->next) {
		if (strcmp(sw_said_text(said, 0), key) == 0)
			return said;
	}
	struct sw_said *said = sw_said_new(lexer->knot->plan, &item->body, lexer->file, lexer->line);
	sw_said_add(lexer->knot->plan, said, key, false);
	return said;
}

static bool is_end(char c)
{
	return c == '\0' || c == '\n' || c == '\r';
}

/** Blanks, and a comment behind them. */
static void skip_blanks(struct lexer *lexer)
{
	const char *start = lexer->at;
	lexer->at += strspn(lexer->at, " \t\r");
	if (*lexer->at == '#' && (lexer->at > start || lexer->at[-1] == '\n'))
		lexer->at += strcspn(lexer->at, "\n");
}

/** @return NULL where it does not end */
static const char *quoted(struct lexer *lexer)
{
	const char *at = lexer->at + 1;
	char *text = sw_plan_alloc(lexer->knot->plan, strcspn(at, "\n") + 1), *to = text;
	for (; *at != '"'; at++) {
		if (at[0] == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		if (is_end(*at))
			return NULL;
		*to++ = *at;
	}
	lexer->at = at + 1;
	return text;
}

/** Up to the end of the line, a comment, or one of `ends`. */
static const char *plain(struct lexer *lexer, const char *ends)
{
	size_t len = 0;
	while (!is_end(lexer->at[len]) && strchr(ends, lexer->at[len]) == NULL &&
		!(lexer->at[len] == '#' && len > 0 && strchr(" \t", lexer->at[len - 1]) != NULL))
		len++;
	size_t kept = len;
	while (kept > 0 && strchr(" \t", lexer->at[kept - 1]) != NULL)
		kept--;
	const char *text = sw_plan_copy(lexer->knot->plan, lexer->at, kept);
	lexer->at += len;
	return text;
}

static int add_value(struct lexer *lexer, const char *ends)
{
	bool is_quoted = *lexer->at == '"';
	const char *text = is_quoted ? quoted(lexer) : plain(lexer, ends);
	if (text == NULL)
		return fail(lexer, "this text is not closed");
	if (lexer->said == NULL)
		return fail(lexer, "a value without a key");
	sw_said_add(lexer->knot->plan, lexer->said, text, is_quoted);
	return 0;
}

/** [a, b], over several lines if need be. */
static int list(struct lexer *lexer)
{
	lexer->at++;
	for (;;) {
		skip_blanks(lexer);
		if (*lexer->at == ']') {
			lexer->at++;
			return 0;
		}
		if (*lexer->at == '\0')
			return fail(lexer, "this list is not closed");
		if (*lexer->at == ',') {
			lexer->at++;
		} else if (*lexer->at == '\n') {
			lexer->line++;
			lexer->at++;
		} else if (add_value(lexer, ",]") != 0) {
			return -1;
		}
	}
}

/** What stands behind a colon or a dash, to the end of the line. */
static int value(struct lexer *lexer)
{
	skip_blanks(lexer);
	if (!is_end(*lexer->at) && (*lexer->at == '[' ? list(lexer) : add_value(lexer, "")) != 0)
		return -1;
	skip_blanks(lexer);
	return is_end(*lexer->at) ? 0 : fail(lexer, "nothing more was expected in this line");
}

/** "key:", before a blank or the end. @return NULL where none stands here */
static const char *key(struct lexer *lexer)
{
	size_t len = strspn(lexer->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	if (len == 0 || lexer->at[len] != ':' || strchr(" \t\r\n", lexer->at[len + 1]) == NULL)
		return NULL;
	const char *text = sw_plan_copy(lexer->knot->plan, lexer->at, len);
	lexer->at += len + 1;
	return text;
}

static int parse_file(struct lexer *outer, const char *path);

static int include(struct lexer *lexer)
{
	struct sw_texts files = {0};
	struct sw_plan *plan = lexer->knot->plan;
	skip_blanks(lexer);
	const char *name = *lexer->at == '"' ? quoted(lexer) : plain(lexer, "");
	if (name != NULL)
		sw_plan_glob(plan, sw_plan_path(plan, sw_plan_directory(plan, lexer->file), name), &files);
	if (files.count == 0)
		return fail(lexer, "include: no such file");
	for (size_t i = 0; i < files.count; i++) {
		if (parse_file(lexer, files.text[i]) != 0)
			return -1;
	}
	return 0;
}

/** A line with a key. @param is_item  it stands behind a dash */
static int keyed(struct lexer *lexer, const char *word, bool is_top, bool is_item)
{
	if (is_top && !is_item) {
		if (strcmp(word, "include") == 0)
			return include(lexer);
		lexer->kind = word;
		begin_item(lexer);
		skip_blanks(lexer);
		return is_end(*lexer->at) ? 0 : fail(lexer, "a section has no value");
	}
	if (lexer->kind == NULL)
		return fail(lexer, "a key outside of any section");
	if (is_item)
		begin_item(lexer);
	lexer->said = statement(lexer, word);
	return value(lexer);
}

static int line(struct lexer *lexer)
{
	const char *start = lexer->at;
	lexer->at += strspn(lexer->at, " \t");
	bool is_top = lexer->at == start;
	if (*lexer->at == '#' || is_end(*lexer->at))
		return 0;
	bool is_item = lexer->at[0] == '-' && (lexer->at[1] == ' ' || lexer->at[1] == '\t');
	if (is_item)
		lexer->at += 1 + strspn(lexer->at + 1, " \t");
	const char *word = key(lexer);
	if (word != NULL)
		return keyed(lexer, word, is_top, is_item);
	if (!is_item)
		return fail(lexer, "'key: value' expected");
	return value(lexer);
}

static int parse_file(struct lexer *outer, const char *path)
{
	struct lexer lexer = {.knot = outer->knot, .file = path, .line = 1, .depth = outer->depth + 1};
	lexer.at = lexer.depth < DEPTH_MAX ? sw_plan_read(lexer.knot->plan, path) : NULL;
	if (lexer.at == NULL)
		return fail(&lexer, "included too deep");
	lexer.knot->item = NULL;
	for (; *lexer.at != '\0'; lexer.line++) {
		if (line(&lexer) != 0)
			return -1;
		lexer.at += strcspn(lexer.at, "\n");
		lexer.at += *lexer.at == '\n';
	}
	return 0;
}

int sw_knot_parse(struct sw_knot *knot)
{
	struct lexer outer = {.knot = knot};
	return parse_file(&outer, knot->plan->path);
}
