/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/contents_inside.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

static int arena_open(struct arena *arena)
{
	void *base = mmap(
		NULL, ARENA_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	arena->base = base;
	/* A big zone faults in 2 MiB at a time; a small one stays in the first 2 MiB, in small pages. */
	uintptr_t big = ((uintptr_t)base + 2 * BIG_PAGE - 1) & ~(uintptr_t)(BIG_PAGE - 1);
	madvise((void *)big, ARENA_MAX - (big - (uintptr_t)base), MADV_HUGEPAGE);
	return 0;
}

static void arena_close(struct arena *arena)
{
	if (arena->base)
		munmap(arena->base, ARENA_MAX);
}

/** What a small zone has used stays for the next. */
static void arena_empty(struct arena *arena)
{
	if (arena->used > BIG_PAGE)
		madvise(arena->base + BIG_PAGE, arena->used - BIG_PAGE, MADV_DONTNEED);
	arena->used = 0;
}

static void files_forget(struct sw_contents *contents)
{
	for (uint16_t i = 0; i < contents->file_count; i++)
		free(contents->files[i].path);
	free(contents->files);
	contents->files = NULL;
	contents->file_count = 0;
}

int sw_contents_restart(struct sw_contents *contents, const uint8_t *apex, const struct sw_hash_key *key)
{
	arena_empty(&contents->nodes);
	arena_empty(&contents->names);
	arena_empty(&contents->rrs);
	files_forget(contents);
	contents->key = *key;
	contents->apex_len = (uint8_t)sw_name_len(apex);
	contents->apex_labels = (uint8_t)sw_name_labels(apex);
	memcpy(contents->apex, apex, contents->apex_len);
	sw_name_lower(contents->apex);
	contents->count = contents->indexed = contents->last_node = 0;
	contents->records = 0;
	contents->last_parent = (struct parent){0};
	return sw_contents_names_start(contents);
}

struct sw_contents *sw_contents_new(const uint8_t *apex, const struct sw_hash_key *key)
{
	struct sw_contents *contents = calloc(1, sizeof(*contents));
	if (!contents)
		return NULL;
	if (arena_open(&contents->nodes) || arena_open(&contents->names) || arena_open(&contents->rrs) ||
		sw_contents_restart(contents, apex, key)) {
		sw_contents_free(contents);
		return NULL;
	}
	return contents;
}

void sw_contents_free(struct sw_contents *contents)
{
	if (!contents)
		return;
	arena_close(&contents->nodes);
	arena_close(&contents->names);
	arena_close(&contents->rrs);
	sw_contents_names_end(contents);
	files_forget(contents);
	free(contents);
}

int sw_contents_add_file(struct sw_contents *contents, const char *path)
{
	for (uint16_t i = 0; i < contents->file_count; i++) {
		if (strcmp(contents->files[i].path, path) == 0)
			return i;
	}
	struct file *files = realloc(contents->files, (contents->file_count + 1u) * sizeof(*files));
	if (!files)
		return -ENOMEM;
	contents->files = files;
	if (contents->file_count == UINT16_MAX)
		return -ENOMEM;
	files[contents->file_count] = (struct file){.path = strdup(path)};
	return files[contents->file_count].path ? contents->file_count++ : -ENOMEM;
}

void sw_contents_stamp_file(struct sw_contents *contents, uint16_t file, uint64_t stamp)
{
	contents->files[file].stamp = stamp;
}

uint16_t sw_contents_file_count(const struct sw_contents *contents)
{
	return contents->file_count;
}

uint64_t sw_contents_file_stamp(const struct sw_contents *contents, uint16_t file)
{
	return contents->files[file].stamp;
}

int sw_contents_copy_files(struct sw_contents *to, const struct sw_contents *from)
{
	for (uint16_t i = 0; i < from->file_count; i++) {
		int file = sw_contents_add_file(to, from->files[i].path);
		if (file < 0)
			return file;
		sw_contents_stamp_file(to, (uint16_t)file, from->files[i].stamp);
	}
	return 0;
}

/** Copy a name in lower case, eight bytes at a time: length bytes are below 'A'. @return its length */
static size_t lower_copy(const uint8_t *owner, uint8_t name[SW_NAME_MAX + 1])
{
	size_t len = sw_name_len(owner);
	memcpy(name, owner, len);
	memset(name + len, 0, 8 - len % 8);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word;
		memcpy(&word, name + i, 8);
		word = sw_lower8(word);
		memcpy(name + i, &word, 8);
	}
	return len;
}

void sw_contents_append(struct sw_contents *contents, struct sw_node *node, uint32_t at)
{
	if (node->last)
		rr_at(contents, node->last)->next = at;
	else
		node->first = at;
	node->last = at;
	node->types |= SW_TYPE_BIT(rr_at(contents, at)->type);
	contents->records++;
}

int sw_contents_add(struct sw_contents *contents, const uint8_t *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t rdata_len, uint16_t file, uint32_t line)
{
	uint8_t name[SW_NAME_MAX + 1];
	size_t name_len = lower_copy(owner, name);
	uint32_t number = contents->last_node;
	if (!has_name(contents, node_at(contents, number), name, name_len)) {
		int error = sw_contents_owner(contents, name, name_len, &number);
		if (error)
			return error;
		contents->last_node = number;
	}
	struct sw_node *node = node_at(contents, number);
	if (node->first && sw_contents_is_duplicate(contents, node, type, rdata, rdata_len))
		return 1;

	uint32_t at = arena_take(&contents->rrs, offsetof(struct sw_rr, rdata) + rdata_len);
	if (at == 0)
		return -EFBIG;
	struct sw_rr *rr = arena_at(&contents->rrs, at);
	*rr = (struct sw_rr){.ttl = ttl, .type = type, .rdata_len = rdata_len, .line = line, .file = file};
	memcpy(rr->rdata, rdata, rdata_len);
	sw_contents_append(contents, node, at);
	return 0;
}

const uint8_t *sw_contents_apex(const struct sw_contents *contents)
{
	return contents->apex;
}

const struct sw_hash_key *sw_contents_key(const struct sw_contents *contents)
{
	return &contents->key;
}

uint32_t sw_contents_count(const struct sw_contents *contents)
{
	return contents->count;
}

uint64_t sw_contents_records(const struct sw_contents *contents)
{
	return contents->records;
}

const char *sw_contents_file(const struct sw_contents *contents, uint16_t file)
{
	return file < contents->file_count ? contents->files[file].path : "?";
}

struct sw_node *sw_contents_node(const struct sw_contents *contents, uint32_t node)
{
	return node_at(contents, node);
}

const uint8_t *sw_contents_name(const struct sw_contents *contents, const struct sw_node *node)
{
	return arena_at(&contents->names, node->name);
}

struct sw_rr *sw_contents_rr(const struct sw_contents *contents, uint32_t rr)
{
	return rr_at(contents, rr);
}

struct sw_rr *sw_contents_find_rr(
	const struct sw_contents *contents, const struct sw_node *node, uint16_t type)
{
	return find_rr(contents, node, type);
}

struct sw_rr *sw_contents_next(const struct sw_contents *contents, const struct sw_rr *rr)
{
	uint16_t type = rr->type;
	do
		rr = rr_at(contents, rr->next);
	while (rr && rr->type != type);
	return (struct sw_rr *)rr;
}
