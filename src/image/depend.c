/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/depend.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Numbers count from 1: 0 ends a list. */
struct owner {
	uint64_t hash;
	uint8_t *name;
	uint32_t next;	/* with the same head */
	uint32_t first; /* of its edges */
};

/** From an owner to a target. */
struct edge {
	uint64_t target;
	uint32_t before, next; /* with the same head */
	uint32_t owner;
	uint32_t next_of_owner;
};

/** Entries that are found by hash: lists, as many as there is room for entries. */
struct lists {
	uint32_t *heads;
	uint32_t mask;	/* heads - 1 */
	uint32_t used;	/* entries ever used */
	uint32_t spare; /* list of those free again */
};

struct sw_depends {
	struct lists by_owner, by_target;
	struct owner *owners;
	struct edge *edges;
};

struct sw_depends *sw_depends_new(void)
{
	return calloc(1, sizeof(struct sw_depends));
}

void sw_depends_free(struct sw_depends *depends)
{
	if (!depends)
		return;
	for (uint32_t i = 0; i < depends->by_owner.used; i++)
		free(depends->owners[i].name);
	free(depends->by_owner.heads);
	free(depends->by_target.heads);
	free(depends->owners);
	free(depends->edges);
	free(depends);
}

static uint32_t *head_of(const struct lists *lists, uint64_t hash)
{
	return &lists->heads[(uint32_t)(hash >> 7) & lists->mask];
}

/** Double the entries and the lists. @return 0 or -ENOMEM; then nothing has changed */
static int lists_grow(struct lists *lists, void **entries, size_t size)
{
	uint32_t room = lists->heads ? 2 * (lists->mask + 1) : 4;
	uint32_t *heads = calloc(room, sizeof(*heads));
	void *bigger = realloc(*entries, room * size);
	if (bigger)
		*entries = bigger;
	if (!heads || !bigger) {
		free(heads);
		return -ENOMEM;
	}
	free(lists->heads);
	lists->heads = heads;
	lists->mask = room - 1;
	return 0;
}

static void edge_link(struct sw_depends *depends, uint32_t number)
{
	struct edge *edge = &depends->edges[number - 1];
	uint32_t *head = head_of(&depends->by_target, edge->target);
	edge->before = 0;
	edge->next = *head;
	if (*head)
		depends->edges[*head - 1].before = number;
	*head = number;
}

static void edge_unlink(struct sw_depends *depends, uint32_t number)
{
	const struct edge *edge = &depends->edges[number - 1];
	if (edge->next)
		depends->edges[edge->next - 1].before = edge->before;
	if (edge->before)
		depends->edges[edge->before - 1].next = edge->next;
	else
		*head_of(&depends->by_target, edge->target) = edge->next;
}

static int edges_reserve(struct sw_depends *depends)
{
	struct lists *lists = &depends->by_target;
	if (lists->spare || (lists->heads && lists->used <= lists->mask))
		return 0;
	int error = lists_grow(lists, (void **)&depends->edges, sizeof(struct edge));
	for (uint32_t i = 1; i <= lists->used && !error; i++)
		edge_link(depends, i); /* none is spare */
	return error;
}

static int owners_reserve(struct sw_depends *depends)
{
	struct lists *lists = &depends->by_owner;
	if (lists->spare || (lists->heads && lists->used <= lists->mask))
		return 0;
	int error = lists_grow(lists, (void **)&depends->owners, sizeof(struct owner));
	for (uint32_t i = 1; i <= lists->used && !error; i++) {
		uint32_t *head = head_of(lists, depends->owners[i - 1].hash);
		depends->owners[i - 1].next = *head;
		*head = i;
	}
	return error;
}

static uint32_t owner_find(const struct sw_depends *depends, uint64_t hash)
{
	uint32_t number = depends->by_owner.heads ? *head_of(&depends->by_owner, hash) : 0;
	while (number && depends->owners[number - 1].hash != hash)
		number = depends->owners[number - 1].next;
	return number;
}

/** @return its number, or 0 when out of memory */
static uint32_t owner_make(struct sw_depends *depends, uint64_t hash, const uint8_t *name)
{
	struct lists *lists = &depends->by_owner;
	size_t len = sw_name_len(name);
	uint8_t *copy = owners_reserve(depends) ? NULL : malloc(len);
	if (!copy)
		return 0;
	memcpy(copy, name, len);
	uint32_t number = lists->spare;
	if (number)
		lists->spare = depends->owners[number - 1].next;
	else
		number = ++lists->used;
	uint32_t *head = head_of(lists, hash);
	depends->owners[number - 1] = (struct owner){.hash = hash, .name = copy, .next = *head};
	*head = number;
	return number;
}

int sw_depends_add(
	struct sw_depends *depends, uint64_t owner_hash, const uint8_t *owner, uint64_t target_hash)
{
	struct lists *lists = &depends->by_target;
	uint32_t at = owner_find(depends, owner_hash);
	if (!at)
		at = owner_make(depends, owner_hash, owner);
	if (!at || edges_reserve(depends))
		return -ENOMEM;
	uint32_t number = lists->spare;
	if (number)
		lists->spare = depends->edges[number - 1].next;
	else
		number = ++lists->used;
	struct owner *of = &depends->owners[at - 1];
	depends->edges[number - 1] =
		(struct edge){.target = target_hash, .owner = at, .next_of_owner = of->first};
	of->first = number;
	edge_link(depends, number);
	return 0;
}

void sw_depends_clear(struct sw_depends *depends, uint64_t owner_hash)
{
	uint32_t at = owner_find(depends, owner_hash);
	if (!at)
		return;
	struct owner *owner = &depends->owners[at - 1];
	for (uint32_t number = owner->first; number != 0;) {
		struct edge *edge = &depends->edges[number - 1];
		uint32_t next = edge->next_of_owner;
		edge_unlink(depends, number);
		edge->next = depends->by_target.spare;
		depends->by_target.spare = number;
		number = next;
	}
	uint32_t *link = head_of(&depends->by_owner, owner_hash);
	while (*link != at)
		link = &depends->owners[*link - 1].next;
	*link = owner->next;
	free(owner->name);
	*owner = (struct owner){.next = depends->by_owner.spare};
	depends->by_owner.spare = at;
}

int sw_depends_each(const struct sw_depends *depends, uint64_t target_hash, sw_depends_fn *take, void *arg)
{
	uint32_t number = depends->by_target.heads ? *head_of(&depends->by_target, target_hash) : 0;
	int error = 0;
	for (; number && !error; number = depends->edges[number - 1].next) {
		const struct edge *edge = &depends->edges[number - 1];
		if (edge->target == target_hash)
			error = take(arg, depends->owners[edge->owner - 1].name);
	}
	return error;
}
