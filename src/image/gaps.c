/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/gaps.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUILT 100 /* entries of a page when a tree is built; there is room for more to come */

static struct sw_gap_page *page_at(const struct sw_space *space, uint32_t page)
{
	return sw_space_at(space, page);
}

static struct sw_gap *gaps_of(struct sw_gap_page *page)
{
	return (struct sw_gap *)(void *)(page + 1);
}

static size_t page_size(unsigned room)
{
	return sizeof(struct sw_gap_page) + room * sizeof(struct sw_gap);
}

struct sw_gap_key sw_gap_key_of(const uint8_t *label)
{
	struct sw_gap_key key = {.label = label};
	for (unsigned i = 1; i <= 8; i++)
		key.prefix = key.prefix << 8 | (i <= label[0] ? label[i] : 0);
	return key;
}

/* ---- looking ---- */

/** As memcmp(): labels as RFC 4034 s6.1 orders them. */
static int compare(const struct sw_space *space, const struct sw_gap *gap, const struct sw_gap_key *key)
{
	if (gap->prefix != key->prefix)
		return gap->prefix < key->prefix ? -1 : 1;
	if (!key->label)
		return 0;
	const uint8_t *label = sw_space_at(space, gap->label);
	size_t common = label[0] < key->label[0] ? label[0] : key->label[0];
	int order = memcmp(label + 1, key->label + 1, common);
	return order ? order : label[0] - key->label[0];
}

/** How many entries of a page are before a key. @param is_there  whether the next one has it */
static unsigned before(
	const struct sw_space *space, struct sw_gap_page *page, const struct sw_gap_key *key, bool *is_there)
{
	unsigned low = 0, high = page->count;
	*is_there = false;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = compare(space, &gaps_of(page)[middle], key);
		if (order == 0)
			*is_there = true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t sw_gaps_before(const struct sw_space *space, uint32_t root, const struct sw_gap_key *key)
{
	bool is_there;
	while (root) {
		struct sw_gap_page *page = page_at(space, root);
		unsigned count = before(space, page, key, &is_there);
		root = count ? gaps_of(page)[count - 1].denial : 0;
		if (!page->is_inner)
			break;
	}
	return root;
}

uint32_t sw_gaps_at(const struct sw_space *space, uint32_t root, const struct sw_gap_key *key)
{
	while (root) {
		struct sw_gap_page *page = page_at(space, root);
		bool is_there;
		unsigned count = before(space, page, key, &is_there) + is_there;
		if (!page->is_inner)
			return is_there ? gaps_of(page)[count - 1].denial : 0;
		root = count ? gaps_of(page)[count - 1].denial : 0;
	}
	return 0;
}

uint32_t sw_gaps_last(const struct sw_space *space, uint32_t root)
{
	while (root) {
		struct sw_gap_page *page = page_at(space, root);
		root = gaps_of(page)[page->count - 1].denial;
		if (!page->is_inner)
			break;
	}
	return root;
}

/* ---- building ---- */

/** Pages for a level. @param above  one entry for each */
static int level_build(struct sw_region *region, const struct sw_gap *gaps, uint32_t count, bool is_inner,
	struct sw_gap *above, uint32_t *pages)
{
	uint32_t done = 0;
	*pages = count <= SW_GAPS_MAX ? 1 : (count + BUILT - 1) / BUILT;
	for (uint32_t i = 0; i < *pages; i++) {
		uint32_t end = (uint32_t)((uint64_t)count * (i + 1) / *pages), own = end - done;
		uint32_t ref = sw_region_take(region, page_size(own));
		if (!ref)
			return -ENOSPC;
		struct sw_gap_page *page = page_at(region->space, ref);
		*page = (struct sw_gap_page){
			.count = (uint16_t)own, .room = (uint16_t)own, .is_inner = is_inner};
		memcpy(gaps_of(page), gaps + done, own * sizeof(*gaps));
		above[i] = gaps[done];
		above[i].denial = ref;
		done = end;
	}
	return 0;
}

uint32_t sw_gaps_build(struct sw_region *region, const struct sw_gap *gaps, uint32_t count)
{
	struct sw_gap one = {0}, *above = &one;
	if (count > SW_GAPS_MAX)
		above = calloc(count / 32, sizeof(*above));
	uint32_t root = 0;
	if (!above || count == 0)
		return 0;
	int error = level_build(region, gaps, count, false, above, &count);
	/* each page is read before its entry of the level above is written */
	while (!error && count > 1)
		error = level_build(region, above, count, true, above, &count);
	if (!error)
		root = above[0].denial;
	if (above != &one)
		free(above);
	return root;
}

/* ---- changing ---- */

int sw_gaps_drop(struct sw_gap_edit *edit, uint32_t ref, size_t size)
{
	if (edit->gone_count == edit->gone_room) {
		size_t room = edit->gone_room ? 2 * edit->gone_room : 16;
		struct sw_taken *gone = realloc(edit->gone, room * sizeof(*gone));
		if (!gone)
			return -ENOMEM;
		edit->gone = gone;
		edit->gone_room = room;
	}
	edit->gone[edit->gone_count++] = (struct sw_taken){ref, (uint32_t)size};
	return 0;
}

/** Room as memory has it: by units up to 512 bytes, then 1 KiB, 2 KiB. */
static unsigned room_for(unsigned count)
{
	return count <= 31 ? count : count <= 63 ? 63 : SW_GAPS_MAX;
}

static uint32_t page_new(struct sw_gap_edit *edit, unsigned room, bool is_inner)
{
	uint32_t ref = sw_pool_take(edit->pool, page_size(room));
	if (ref)
		*page_at(edit->pool->region.space, ref) = (struct sw_gap_page){
			.room = (uint16_t)room, .is_inner = is_inner, .stamp = edit->stamp};
	return ref;
}

/** Have a page that no reader has, with room for so many. */
static int own(struct sw_gap_edit *edit, uint32_t *ref, unsigned count)
{
	const struct sw_space *space = edit->pool->region.space;
	struct sw_gap_page *page = page_at(space, *ref);
	bool is_ours = page->stamp == edit->stamp;
	if (is_ours && page->room >= count)
		return 0;
	unsigned room = room_for(is_ours && 2 * count < SW_GAPS_MAX ? 2 * count : count);
	uint32_t made = page_new(edit, room, page->is_inner);
	if (!made)
		return -ENOSPC;
	struct sw_gap_page *copy = page_at(space, made);
	copy->count = page->count;
	memcpy(gaps_of(copy), gaps_of(page), page->count * sizeof(struct sw_gap));
	int error = sw_gaps_drop(edit, *ref, page_size(page->room));
	*ref = made;
	return error;
}

static void page_insert(struct sw_gap_page *page, unsigned at, const struct sw_gap *gap)
{
	struct sw_gap *gaps = gaps_of(page);
	memmove(gaps + at + 1, gaps + at, (page->count - at) * sizeof(*gaps));
	gaps[at] = *gap;
	page->count++;
}

/** Insert; a page that is full becomes two.
 * @param more  the other page's entry, its `denial` 0 where there is none */
static int insert(
	struct sw_gap_edit *edit, uint32_t *ref, unsigned at, const struct sw_gap *gap, struct sw_gap *more)
{
	const struct sw_space *space = edit->pool->region.space;
	unsigned count = page_at(space, *ref)->count, half = (count + 1) / 2;
	int error = own(edit, ref, count < SW_GAPS_MAX ? count + 1 : count);
	if (error)
		return error;
	struct sw_gap_page *page = page_at(space, *ref);
	if (count < SW_GAPS_MAX) {
		page_insert(page, at, gap);
		return 0;
	}
	uint32_t right = page_new(edit, SW_GAPS_MAX, page->is_inner);
	if (!right)
		return -ENOSPC;
	struct sw_gap_page *other = page_at(space, right);
	other->count = (uint16_t)(count - half);
	memcpy(gaps_of(other), gaps_of(page) + half, other->count * sizeof(*gap));
	page->count = (uint16_t)half;
	if (at <= half)
		page_insert(page, at, gap);
	else
		page_insert(other, at - half, gap);
	*more = gaps_of(other)[0];
	more->denial = right;
	return 0;
}

static uint32_t label_store(struct sw_gap_edit *edit, const uint8_t *label)
{
	uint32_t ref = sw_pool_take(edit->pool, 1u + label[0]);
	if (ref)
		memcpy(sw_space_at(edit->pool->region.space, ref), label, 1u + label[0]);
	return ref;
}

static int leaf_set(struct sw_gap_edit *edit, uint32_t *ref, const struct sw_gap_key *key, uint32_t piece,
	struct sw_gap *more)
{
	const struct sw_space *space = edit->pool->region.space;
	bool is_there;
	unsigned at = before(space, page_at(space, *ref), key, &is_there);
	if (is_there) {
		int error = own(edit, ref, page_at(space, *ref)->count);
		if (!error)
			gaps_of(page_at(space, *ref))[at].denial = piece;
		return error;
	}
	const struct sw_gap gap = {.prefix = key->prefix,
		.label = key->label ? label_store(edit, key->label) : 0,
		.denial = piece};
	return gap.label || !key->label ? insert(edit, ref, at, &gap, more) : -ENOSPC;
}

/** The entry of an inner page below which a key is, or would be. */
static unsigned way(const struct sw_space *space, struct sw_gap_page *page, const struct sw_gap_key *key)
{
	bool is_there;
	unsigned count = before(space, page, key, &is_there) + is_there;
	return count ? count - 1 : 0;
}

/** Have the entry of an inner page say what is below it now. */
static int lead(struct sw_gap_edit *edit, uint32_t *ref, unsigned at, uint32_t child)
{
	const struct sw_space *space = edit->pool->region.space;
	int error = own(edit, ref, page_at(space, *ref)->count);
	if (error)
		return error;
	struct sw_gap *gap = &gaps_of(page_at(space, *ref))[at];
	*gap = gaps_of(page_at(space, child))[0];
	gap->denial = child;
	return 0;
}

static int page_set(struct sw_gap_edit *edit, uint32_t *ref, const struct sw_gap_key *key, uint32_t piece,
	struct sw_gap *more)
{
	const struct sw_space *space = edit->pool->region.space;
	struct sw_gap_page *page = page_at(space, *ref);
	if (!page->is_inner)
		return leaf_set(edit, ref, key, piece, more);
	unsigned at = way(space, page, key);
	uint32_t child = gaps_of(page)[at].denial;
	struct sw_gap beside = {0};
	int error = page_set(edit, &child, key, piece, &beside);
	if (!error)
		error = lead(edit, ref, at, child);
	if (!error && beside.denial)
		error = insert(edit, ref, at + 1, &beside, more);
	return error;
}

static unsigned levels(const struct sw_space *space, uint32_t root)
{
	unsigned count = 1;
	for (; page_at(space, root)->is_inner; count++)
		root = gaps_of(page_at(space, root))[0].denial;
	return count;
}

/** A root above two pages. */
static int root_new(struct sw_gap_edit *edit, uint32_t *root, const struct sw_gap *more)
{
	const struct sw_space *space = edit->pool->region.space;
	uint32_t made = page_new(edit, 2, true);
	if (!made)
		return -ENOSPC;
	struct sw_gap_page *page = page_at(space, made);
	page->count = 2;
	gaps_of(page)[0] = gaps_of(page_at(space, *root))[0];
	gaps_of(page)[0].denial = *root;
	gaps_of(page)[1] = *more;
	*root = made;
	return levels(space, made) > SW_GAP_LEVELS_MAX ? -EAGAIN : 0;
}

int sw_gaps_set(struct sw_gap_edit *edit, uint32_t *root, const struct sw_gap_key *key, uint32_t piece)
{
	struct sw_gap more = {0};
	if (!*root)
		*root = page_new(edit, 1, false);
	if (!*root)
		return -ENOSPC;
	int error = page_set(edit, root, key, piece, &more);
	return !error && more.denial ? root_new(edit, root, &more) : error;
}

static int entry_drop(struct sw_gap_edit *edit, uint32_t *ref, unsigned at)
{
	const struct sw_space *space = edit->pool->region.space;
	struct sw_gap_page *page = page_at(space, *ref);
	if (page->count == 1) {
		uint32_t gone = *ref;
		*ref = 0;
		return sw_gaps_drop(edit, gone, page_size(page->room));
	}
	int error = own(edit, ref, page->count);
	if (error)
		return error;
	page = page_at(space, *ref);
	struct sw_gap *gaps = gaps_of(page);
	page->count--;
	memmove(gaps + at, gaps + at + 1, (page->count - at) * sizeof(*gaps));
	return 0;
}

static int page_remove(struct sw_gap_edit *edit, uint32_t *ref, const struct sw_gap_key *key)
{
	const struct sw_space *space = edit->pool->region.space;
	struct sw_gap_page *page = page_at(space, *ref);
	if (!page->is_inner) {
		bool is_there;
		unsigned at = before(space, page, key, &is_there);
		if (!is_there)
			return -ENOENT;
		int error = key->label ? sw_gaps_drop(edit, gaps_of(page)[at].label, 1u + key->label[0]) : 0;
		return error ? error : entry_drop(edit, ref, at);
	}
	unsigned at = way(space, page, key);
	uint32_t child = gaps_of(page)[at].denial;
	int error = page_remove(edit, &child, key);
	if (error)
		return error;
	return child ? lead(edit, ref, at, child) : entry_drop(edit, ref, at);
}

int sw_gaps_remove(struct sw_gap_edit *edit, uint32_t *root, const struct sw_gap_key *key)
{
	const struct sw_space *space = edit->pool->region.space;
	int error = *root ? page_remove(edit, root, key) : -ENOENT;
	while (!error && *root && page_at(space, *root)->is_inner && page_at(space, *root)->count == 1) {
		uint32_t child = gaps_of(page_at(space, *root))[0].denial;
		error = sw_gaps_drop(edit, *root, page_size(page_at(space, *root)->room));
		*root = child;
	}
	return error;
}
