/* SPDX-License-Identifier: GPL-3.0-or-later */
/* named.conf as statements: words and blocks up to a semicolon (BIND 9 Administrator Reference Manual). */
#include "cli/convert.h"
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define DEPTH_MAX 32

struct lexer {
	struct sw_plan *plan;
	const char *file, *at;
	unsigned line, depth;
	const char **directory; /* of the option, which includes that follow it are relative to */
};

/** Blanks and comments of all three kinds. @return whether a comment was not closed */
static bool skip(struct lexer *lexer)
{
	for (const char *at = lexer->at;; lexer->at = at) {
		if (*at == '\n') {
			lexer->line++;
			at++;
		} else if (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\f') {
			at++;
		} else if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
			at += strcspn(at, "\n");
		} else if (at[0] == '/' && at[1] == '*') {
			const char *end = strstr(at + 2, "*/");
			if (end == NULL)
				return true;
			for (; at < end + 2; at++)
				lexer->line += *at == '\n';
		} else {
			return false;
		}
	}
}

/** @return NULL where it does not end */
static const char *quoted(struct lexer *lexer)
{
	const char *at = lexer->at + 1;
	char *text = sw_plan_alloc(lexer->plan, strcspn(at, "\n") + 1), *to = text;
	for (; *at != '"'; at++) {
		if (at[0] == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		if (*at == '\0' || *at == '\n')
			return NULL;
		*to++ = *at;
	}
	lexer->at = at + 1;
	return text;
}

static const char *bare(struct lexer *lexer)
{
	size_t len = 0;
	if (lexer->at[0] == '!')
		len = 1; /* a word of its own, whether a blank follows or not */
	while (len == 0 || lexer->at[0] != '!') {
		const char *at = lexer->at + len;
		if (strchr(" \t\r\f\n{};\"", *at) != NULL || (*at == '/' && (at[1] == '/' || at[1] == '*')))
			break; /* the end of the file, too */
		len++;
	}
	const char *text = sw_plan_copy(lexer->plan, lexer->at, len);
	lexer->at += len;
	return text;
}

static int statements(struct lexer *lexer, struct sw_said_list *list, bool is_inside);

static int parse_file(struct lexer *outer, const char *path, struct sw_said_list *list)
{
	struct lexer lexer = {.plan = outer->plan,
		.file = path,
		.line = 1,
		.depth = outer->depth + 1,
		.directory = outer->directory};
	if (lexer.depth > DEPTH_MAX)
		return sw_plan_fail(outer->plan, path, 0, "included too deep");
	lexer.at = sw_plan_read(lexer.plan, path);
	return lexer.at ? statements(&lexer, list, false) : -1;
}

/** named looks for it from its working directory, which 'directory' sets when it is read; where nothing is
 * there, the place beside the including file is meant. */
static int include(struct lexer *lexer, const struct sw_said *said, struct sw_said_list *list)
{
	struct sw_texts files = {0};
	const char *name = sw_said_text(said, 1), *here = sw_plan_directory(lexer->plan, lexer->file);
	if (*lexer->directory != NULL)
		sw_plan_glob(lexer->plan, sw_plan_path(lexer->plan, *lexer->directory, name), &files);
	if (files.count == 0)
		sw_plan_glob(lexer->plan, sw_plan_path(lexer->plan, here, name), &files);
	if (files.count == 0)
		return sw_plan_fail(lexer->plan, lexer->file, said->line, "include: no file '%.200s'", name);
	for (size_t i = 0; i < files.count; i++) {
		if (parse_file(lexer, files.text[i], list) != 0)
			return -1;
	}
	return 0;
}

static int block(struct lexer *lexer, struct sw_said *said)
{
	struct sw_said_list inner = {0};
	unsigned line = lexer->line;
	lexer->at++;
	if (++lexer->depth > DEPTH_MAX)
		return sw_plan_fail(lexer->plan, lexer->file, line, "nested too deep");
	if (statements(lexer, &inner, true) != 0)
		return -1;
	lexer->depth--;
	if (*lexer->at != '}')
		return sw_plan_fail(lexer->plan, lexer->file, line, "this '{' is not closed");
	lexer->at++;
	sw_said_add(lexer->plan, said, NULL, false)->block = inner.first;
	return 0;
}

/** Up to its semicolon, which may be missing before a '}' and at the end.
 * @param said  NULL at first, and for an empty one */
static int words(struct lexer *lexer, struct sw_said_list *list, struct sw_said **said)
{
	for (;;) {
		if (skip(lexer))
			return sw_plan_fail(
				lexer->plan, lexer->file, lexer->line, "this comment is not closed");
		char c = *lexer->at;
		if (c == '\0' || c == '}')
			return 0;
		if (c == ';') {
			lexer->at++;
			return 0;
		}
		if (*said == NULL)
			*said = sw_said_new(lexer->plan, list, lexer->file, lexer->line);
		if (c == '{') {
			if (block(lexer, *said) != 0)
				return -1;
			continue;
		}
		const char *text = c == '"' ? quoted(lexer) : bare(lexer);
		if (text == NULL)
			return sw_plan_fail(lexer->plan, lexer->file, lexer->line, "this text is not closed");
		sw_said_add(lexer->plan, *said, text, c == '"');
	}
}

static int statements(struct lexer *lexer, struct sw_said_list *list, bool is_inside)
{
	for (;;) {
		struct sw_said_list one = {0};
		struct sw_said *said = NULL;
		if (words(lexer, &one, &said) != 0)
			return -1;
		if (said != NULL && strcasecmp(sw_said_text(said, 0), "include") == 0) {
			if (include(lexer, said, list) != 0)
				return -1;
		} else if (said != NULL) {
			if (strcasecmp(sw_said_text(said, 0), "directory") == 0)
				*lexer->directory = sw_said_text(said, 1);
			if (list->last == NULL)
				list->last = &list->first;
			*list->last = said;
			list->last = &said->next;
		}
		if (*lexer->at == '}' && !is_inside)
			return sw_plan_fail(lexer->plan, lexer->file, lexer->line, "a '}' too many");
		if (*lexer->at == '\0' || *lexer->at == '}')
			return 0;
	}
}

int sw_bind_parse(struct sw_plan *plan, struct sw_said_list *list, const char **directory)
{
	struct lexer outer = {.plan = plan, .directory = directory};
	*directory = NULL;
	return parse_file(&outer, plan->path, list) == 0 ? 0 : -1;
}
