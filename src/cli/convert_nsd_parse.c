/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NSD's nsd.conf as sections of statements: "key: value" by line; a key without a value begins a section. */
#include "cli/convert_nsd.h"
#include <ctype.h>
#include <string.h>

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/** A word up to a blank or a comment; quoted by " or '. @return NULL where it does not end in its line */
static const char *next_word(struct sw_plan *plan, const char **at, bool *is_quoted)
{
	char quote = **at;
	*is_quoted = quote == '"' || quote == '\'';
	size_t len = *is_quoted ? strcspn(*at + 1, quote == '"' ? "\"\n" : "'\n") : strcspn(*at, " \t\r\n#");
	const char *word = sw_plan_copy(plan, *at + *is_quoted, len);
	if (*is_quoted && (*at)[1 + len] != quote)
		return NULL;
	*at += len + (*is_quoted ? 2 : 0);
	return word;
}

static bool is_section(const char *word)
{
	static const char *const kinds[] = {
		"server", "zone", "pattern", "key", "tls-auth", "remote-control", "verify", "dnstap", NULL};
	for (unsigned i = 0; kinds[i] != NULL; i++) {
		if (is(kinds[i], word))
			return true;
	}
	return false;
}

static int parse_file(struct sw_nsd *nsd, const char *path);

static int include(struct sw_nsd *nsd, const struct sw_said *said)
{
	struct sw_texts files = {0};
	const char *name = sw_said_text(said, 1);
	sw_plan_glob(
		nsd->plan, sw_plan_path(nsd->plan, sw_plan_directory(nsd->plan, said->file), name), &files);
	if (files.count == 0)
		return sw_plan_fail(nsd->plan, said->file, said->line, "include: no file '%.200s'", name);
	if (nsd->depth == SW_NSD_DEPTH_MAX)
		return sw_plan_fail(nsd->plan, said->file, said->line, "included too deep");
	nsd->depth++;
	for (size_t i = 0; i < files.count; i++) {
		if (parse_file(nsd, files.text[i]) != 0)
			return -1;
	}
	nsd->depth--;
	return 0;
}

/** A statement is over: it begins a section, belongs to one, or includes a file. */
static int settle(struct sw_nsd *nsd, struct sw_said *said)
{
	const char *key = sw_said_text(said, 0);
	if (is(key, "include"))
		return include(nsd, said);
	if (is_section(key) && sw_said_count(said) == 1) {
		struct sw_nsd_section *section = sw_plan_alloc(nsd->plan, sizeof(*section));
		section->kind = key;
		section->said = said;
		*nsd->last = section;
		nsd->last = &section->next;
		if (is(key, "pattern") || is(key, "tls-auth")) {
			section->next_named = nsd->named;
			nsd->named = section;
		}
		return 0;
	}
	if (nsd->first == NULL)
		return sw_plan_fail(nsd->plan, said->file, said->line, "'%.100s:' stands in no section", key);
	struct sw_nsd_section *section =
		(struct sw_nsd_section *)((char *)nsd->last - offsetof(struct sw_nsd_section, next));
	if (section->body.last == NULL)
		section->body.last = &section->body.first;
	*section->body.last = said;
	section->body.last = &said->next;
	return 0;
}

/** The key at the beginning of a statement, its colon gone; a value may follow without a blank. */
static const char *take_key(struct sw_nsd *nsd, const char **at)
{
	size_t len = strspn(*at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	if (len == 0 || (*at)[len] != ':')
		return NULL;
	char *key = (char *)sw_plan_copy(nsd->plan, *at, len);
	for (char *c = key; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	*at += len + 1;
	return key;
}

/** The statements of one line: one, or a section's key and its first statement. */
static int parse_line(struct sw_nsd *nsd, const char *path, unsigned line, const char *at)
{
	struct sw_said *said = NULL;
	for (;;) {
		at += strspn(at, " \t\r");
		if (*at == '\0' || *at == '\n' || *at == '#')
			return said ? settle(nsd, said) : 0;
		if (said != NULL && is_section(sw_said_text(said, 0))) {
			if (settle(nsd, said) != 0)
				return -1;
			said = NULL;
		}
		bool is_quoted = false;
		const char *word = said == NULL ? take_key(nsd, &at) : next_word(nsd->plan, &at, &is_quoted);
		if (word == NULL)
			return sw_plan_fail(nsd->plan, path, line,
				said == NULL ? "'key:' expected" : "this text is not closed");
		struct sw_said_list alone = {0};
		if (said == NULL)
			said = sw_said_new(nsd->plan, &alone, path, line);
		sw_said_add(nsd->plan, said, word, is_quoted);
	}
}

static int parse_file(struct sw_nsd *nsd, const char *path)
{
	const char *at = sw_plan_read(nsd->plan, path);
	if (at == NULL)
		return -1;
	for (unsigned line = 1; *at != '\0'; line++) {
		if (parse_line(nsd, path, line, at) != 0)
			return -1;
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return 0;
}

int sw_nsd_parse(struct sw_nsd *nsd)
{
	nsd->last = &nsd->first;
	return parse_file(nsd, nsd->plan->path);
}

const struct sw_said *sw_nsd_said(const struct sw_nsd_section *section, const char *key)
{
	const struct sw_said *found = NULL;
	for (const struct sw_said *said = section->body.first; said != NULL; said = said->next) {
		if (is(sw_said_text(said, 0), key))
			found = said;
	}
	return found;
}

const char *sw_nsd_value(const struct sw_nsd_section *section, const char *key)
{
	const struct sw_said *said = sw_nsd_said(section, key);
	return said ? sw_said_text(said, 1) : NULL;
}

const struct sw_nsd_section *sw_nsd_find(const struct sw_nsd *nsd, const char *kind, const char *name)
{
	for (const struct sw_nsd_section *section = nsd->named; section != NULL;
		section = section->next_named) {
		const char *own = sw_nsd_value(section, "name");
		if (is(section->kind, kind) && own != NULL && is(own, name))
			return section;
	}
	return NULL;
}
