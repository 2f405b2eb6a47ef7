/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the languages have in common: files, words, addresses. */
#include "cli/convert.h"
#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (256u << 20)
#define FILES_MAX 10000 /* a file that includes itself ends here */

/* ---- files ---- */

const char *sw_plan_read(struct sw_plan *plan, const char *path)
{
	struct stat status;
	FILE *file = fopen(path, "re");
	if (plan->files++ == FILES_MAX)
		sw_plan_fail(plan, path, 0, "more than %d files: does one include itself?", FILES_MAX);
	else if (file == NULL || fstat(fileno(file), &status) != 0)
		sw_plan_fail(plan, path, 0, "%s", strerror(errno));
	else if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size > FILE_BYTES_MAX)
		sw_plan_fail(plan, path, 0, "not a file that could be a configuration");
	if (plan->error[0] != '\0') {
		if (file != NULL)
			fclose(file);
		return NULL;
	}
	char *text = sw_plan_alloc(plan, (size_t)status.st_size + 1);
	size_t len = fread(text, 1, (size_t)status.st_size, file);
	if (ferror(file) || memchr(text, '\0', len) != NULL) {
		sw_plan_fail(plan, path, 0, "not a text");
		text = NULL;
	}
	fclose(file);
	return text;
}

const char *sw_plan_directory(struct sw_plan *plan, const char *file)
{
	const char *slash = strrchr(file, '/');
	if (slash == NULL)
		return ".";
	return slash == file ? "/" : sw_plan_copy(plan, file, (size_t)(slash - file));
}

const char *sw_plan_path(struct sw_plan *plan, const char *directory, const char *file)
{
	if (file[0] == '/' || strcmp(directory, ".") == 0)
		return file;
	return sw_plan_text(plan, "%s%s%s", directory, strcmp(directory, "/") == 0 ? "" : "/", file);
}

const char *sw_plan_absolute(struct sw_plan *plan, const char *directory)
{
	char *whole = realpath(directory, NULL);
	const char *copy = whole ? sw_plan_copy(plan, whole, strlen(whole)) : directory;
	free(whole);
	return copy;
}

void sw_plan_glob(struct sw_plan *plan, const char *pattern, struct sw_texts *files)
{
	glob_t found;
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		sw_texts_add(plan, files, sw_plan_copy(plan, found.gl_pathv[i], strlen(found.gl_pathv[i])));
	globfree(&found);
}

/* ---- words ---- */

struct sw_said *sw_said_new(struct sw_plan *plan, struct sw_said_list *list, const char *file, unsigned line)
{
	struct sw_said *said = sw_plan_alloc(plan, sizeof(*said));
	said->file = file;
	said->line = line;
	if (list->last == NULL)
		list->last = &list->first;
	*list->last = said;
	list->last = &said->next;
	return said;
}

struct sw_word *sw_said_add(struct sw_plan *plan, struct sw_said *said, const char *text, bool is_quoted)
{
	struct sw_word *word = sw_plan_alloc(plan, sizeof(*word));
	word->text = text;
	word->is_quoted = is_quoted;
	if (said->last == NULL)
		said->last = &said->words;
	*said->last = word;
	said->last = &word->next;
	return word;
}

const char *sw_said_text(const struct sw_said *said, unsigned n)
{
	const struct sw_word *word = said->words;
	while (word != NULL && n-- > 0)
		word = word->next;
	return word != NULL && word->text != NULL ? word->text : "";
}

struct sw_said *sw_said_block(const struct sw_said *said)
{
	for (const struct sw_word *word = said->words; word != NULL; word = word->next) {
		if (word->text == NULL)
			return word->block;
	}
	return NULL;
}

unsigned sw_said_count(const struct sw_said *said)
{
	unsigned count = 0;
	for (const struct sw_word *word = said->words; word != NULL; word = word->next)
		count++;
	return count;
}

/* ---- addresses ---- */

/** An address in 16 bytes, IPv4 in the last four; big-endian, to count with. */
struct address {
	uint8_t bytes[16];
	unsigned family_bits; /* 32 or 128 */
};

static bool parse_address(const char *text, struct address *address)
{
	memset(address, 0, sizeof(*address));
	address->family_bits = strchr(text, ':') ? 128 : 32;
	return address->family_bits == 128 ? inet_pton(AF_INET6, text, address->bytes) == 1
					   : inet_pton(AF_INET, text, address->bytes + 12) == 1;
}

/** Missing parts of an IPv4 prefix are zeros: 10/8, 192.168.1/24. */
static bool parse_short(struct sw_plan *plan, const char *text, struct address *address)
{
	for (unsigned dots = 0; dots < 4; dots++) {
		if (parse_address(text, address))
			return true;
		text = sw_plan_text(plan, "%s.0", text);
	}
	return false;
}

static void low_bits(struct address *address, unsigned count, bool is_set)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t bit = (uint8_t)(1 << i % 8), *byte = &address->bytes[15 - i / 8];
		*byte = (uint8_t)(is_set ? *byte | bit : *byte & ~bit);
	}
}

static void add_prefix(
	struct sw_plan *plan, const struct address *address, unsigned bits, struct sw_texts *addresses)
{
	char text[INET6_ADDRSTRLEN];
	bool is_v4 = address->family_bits == 32;
	inet_ntop(is_v4 ? AF_INET : AF_INET6, address->bytes + (is_v4 ? 12 : 0), text, sizeof(text));
	sw_texts_add(plan, addresses,
		bits == address->family_bits ? sw_plan_text(plan, "%s", text)
					     : sw_plan_text(plan, "%s/%u", text, bits));
}

/** The fewest prefixes that are a range: each time the largest that begins here and does not go beyond. */
static bool add_range(
	struct sw_plan *plan, struct address from, const struct address *to, struct sw_texts *addresses)
{
	if (from.family_bits != to->family_bits || memcmp(from.bytes, to->bytes, 16) > 0)
		return false;
	for (;;) {
		struct address last = from, first;
		unsigned free_bits = 0;
		while (free_bits < from.family_bits) {
			first = last = from;
			low_bits(&first, free_bits + 1, false);
			low_bits(&last, free_bits + 1, true);
			if (memcmp(first.bytes, from.bytes, 16) != 0 || memcmp(last.bytes, to->bytes, 16) > 0)
				break;
			free_bits++;
		}
		add_prefix(plan, &from, from.family_bits - free_bits, addresses);
		low_bits(&from, free_bits, true);
		if (memcmp(from.bytes, to->bytes, 16) == 0)
			return true;
		for (int i = 15; i >= 0 && ++from.bytes[i] == 0; i--) {
		}
	}
}

/** Bits of a mask whose ones come first; -1 for another. */
static int mask_bits(const struct address *mask)
{
	struct address whole = *mask;
	for (unsigned bits = 0; bits <= mask->family_bits; bits++) {
		memset(whole.bytes, 0, 16);
		low_bits(&whole, mask->family_bits, true);
		low_bits(&whole, mask->family_bits - bits, false);
		if (memcmp(whole.bytes, mask->bytes, 16) == 0)
			return (int)bits;
	}
	return -1;
}

bool sw_plan_addresses(struct sw_plan *plan, const char *text, struct sw_texts *addresses)
{
	struct address address, other;
	size_t len = strcspn(text, "/-&");
	const char *first = sw_plan_copy(plan, text, len), *rest = text + len + 1;
	char *end = NULL;
	if (text[len] == '/' ? !parse_short(plan, first, &address) : !parse_address(first, &address))
		return false;
	if (text[len] == '\0') {
		add_prefix(plan, &address, address.family_bits, addresses);
		return true;
	}
	if (text[len] == '-')
		return parse_address(rest, &other) && add_range(plan, address, &other, addresses);
	long bits = rest[0] >= '0' && rest[0] <= '9' ? strtol(rest, &end, 10) : -1;
	if (text[len] == '&')
		bits = parse_address(rest, &other) && other.family_bits == address.family_bits
			       ? mask_bits(&other)
			       : -1;
	else if (end == NULL || *end != '\0')
		bits = -1;
	if (bits < 0 || bits > (long)address.family_bits)
		return false;
	low_bits(&address, address.family_bits - (unsigned)bits, false);
	add_prefix(plan, &address, (unsigned)bits, addresses);
	return true;
}
