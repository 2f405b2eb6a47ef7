/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a name of an update has, had and gets. */
#include "zone/update_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sw_update_sites_start(
	struct sw_update_sites *sites, struct sw_snapshot *snapshot, const uint8_t *apex, size_t names)
{
	size_t slots = 8;
	while (slots < 2 * names)
		slots *= 2;
	sites->snapshot = snapshot;
	sites->apex = apex;
	sites->mask = slots - 1;
	sites->sites = calloc(slots, sizeof(*sites->sites));
	sites->order = calloc(names + 1, sizeof(struct sw_update_site *));
	sites->count = 0;
	/* a key of its own: whoever may update must not be able to choose names that collide */
	return sites->sites && sites->order ? sw_hash_key_draw(&sites->key) : -ENOMEM;
}

void sw_update_sites_free(struct sw_update_sites *sites)
{
	for (size_t i = 0; sites->sites && i <= sites->mask; i++) {
		free(sites->sites[i].items);
		free(sites->sites[i].bytes);
	}
	free(sites->sites);
	free(sites->order);
	sites->sites = NULL;
	sites->order = NULL;
}

/** Lower-case the names in record data (RFC 4034 s6.2). @return whether there are any */
static bool lower_names(uint16_t type, uint8_t *rdata, size_t len)
{
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);
	bool has_names = false;
	for (int i = 0; form->block_types[i] != KNOT_RDATA_WF_END; i++) {
		int block = form->block_types[i];
		size_t used = block > 0 ? (size_t)block : 0;
		if (block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME ||
			block == KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME || block == KNOT_RDATA_WF_FIXED_DNAME) {
			sw_name_lower(rdata);
			used = sw_name_len(rdata);
			has_names = true;
		} else if (block == KNOT_RDATA_WF_NAPTR_HEADER) {
			used = 4;
			for (int k = 0; k < 3; k++)
				used += 1u + rdata[used];
		} else if (block < 0) {
			break;
		}
		rdata += used;
		len -= used;
		if (len == 0)
			break;
	}
	return has_names;
}

/** FNV-1a. Not keyed: two that share it are compared, and as many as one message or one name has. */
static uint32_t hash_of(uint16_t type, const uint8_t *bytes, size_t len)
{
	uint32_t hash = 2166136261u ^ type;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

static int bytes_room(struct sw_update_site *site, size_t more)
{
	if (site->bytes_size - site->used >= more)
		return 0;
	size_t size = site->bytes_size * 2 + more + 64;
	uint8_t *bytes = realloc(site->bytes, size);
	if (!bytes)
		return -ENOMEM;
	site->bytes = bytes;
	site->bytes_size = size;
	return 0;
}

/** Copy a record's data behind the others of the site, twice where their canonical form differs. */
static int item_make(struct sw_update_site *site, const struct sw_record *record, struct sw_update_item *item)
{
	size_t len = record->rdata_len;
	int error = bytes_room(site, 2 * len + 1);
	if (error)
		return error;
	uint8_t *first = site->bytes + site->used, *second = first + len;
	if (len > 0) {
		memcpy(first, record->rdata, len);
		memcpy(second, record->rdata, len);
	}
	bool has_names = len > 0 && lower_names(record->type, second, len);
	*item = (struct sw_update_item){.type = record->type,
		.rdata_len = record->rdata_len,
		.ttl = record->ttl,
		.old_ttl = record->ttl,
		.rdata = site->used,
		.canonical = has_names ? site->used + len : site->used,
		.hash = hash_of(record->type, second, len)};
	return 0;
}

int sw_update_item_add(struct sw_update_site *site, const struct sw_record *record, bool was)
{
	if (site->count == site->size) {
		size_t size = site->size ? 2 * site->size : 4;
		struct sw_update_item *items = realloc(site->items, size * sizeof(*items));
		if (!items)
			return -ENOMEM;
		site->items = items;
		site->size = size;
	}
	struct sw_update_item *item = &site->items[site->count];
	int error = item_make(site, record, item);
	if (error)
		return error;
	item->was = was;
	item->is = true;
	site->used = item->canonical + item->rdata_len;
	site->count++;
	return 0;
}

int sw_update_item_find(
	struct sw_update_site *site, const struct sw_record *record, struct sw_update_item **found)
{
	struct sw_update_item wanted;
	int error = item_make(site, record, &wanted); /* behind the others, and not kept */
	if (error)
		return error;
	const uint8_t *bytes = site->bytes + wanted.canonical;
	*found = NULL;
	for (size_t i = 0; i < site->count && !*found; i++) {
		struct sw_update_item *item = &site->items[i];
		if (item->hash == wanted.hash && item->type == wanted.type &&
			item->rdata_len == wanted.rdata_len &&
			memcmp(site->bytes + item->canonical, bytes, wanted.rdata_len) == 0)
			*found = item;
	}
	return 0;
}

static int site_take(void *arg, const struct sw_record *record)
{
	return sw_update_item_add(arg, record, true);
}

int sw_update_site(struct sw_update_sites *sites, const uint8_t *owner, struct sw_update_site **out)
{
	uint64_t hash = sw_name_hash(&sites->key, owner);
	size_t at = hash & sites->mask;
	while (sites->sites[at].owner &&
		(sites->sites[at].hash != hash || !sw_name_equal(sites->sites[at].owner, owner)))
		at = (at + 1) & sites->mask;
	struct sw_update_site *site = &sites->sites[at];
	*out = site;
	if (site->owner)
		return 0;
	site->owner = owner;
	site->hash = hash;
	sites->order[sites->count++] = site;
	return sw_snapshot_at(sites->snapshot, sites->apex, owner, 0, site_take, site);
}
