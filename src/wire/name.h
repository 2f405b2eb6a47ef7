/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Owner names in wire format (RFC 1035 s3.1): uncompressed, at most 255 bytes and 127 labels. */
#ifndef SW_WIRE_NAME_H
#define SW_WIRE_NAME_H

#include "wire/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SW_NAME_MAX 255
#define SW_LABELS_MAX 127
#define SW_LABEL_MAX 63
#define SW_NAME_TEXT_MAX 1024 /* every byte escaped as \DDD, dots, NUL */

/** A fresh key from the kernel's random numbers.
 * @return 0 or -errno */
int sw_hash_key_draw(struct sw_hash_key *key);

/** Hash of a whole name, the same number the answer path computes. */
uint64_t sw_name_hash(const struct sw_hash_key *key, const uint8_t *name);

/** The same of a name in a zone, from the hash of the apex, which is the last `apex_len` bytes of it. For a
 * name that is not in it: some number. */
uint64_t sw_name_hash_in(
	const struct sw_hash_key *key, const uint8_t *name, size_t apex_len, uint64_t apex_hash);

/** Hash of one label (length byte first). */
uint64_t sw_label_hash(const struct sw_hash_key *key, const uint8_t *label);

/** Length in bytes, the root label included. */
size_t sw_name_len(const uint8_t *name);

/** Labels, the root label not counted (RFC 4034 s3.1.3). */
unsigned sw_name_labels(const uint8_t *name);

/** The name without its first `labels` labels. */
const uint8_t *sw_name_skip(const uint8_t *name, unsigned labels);

/** Lower-case in place, label contents only. */
void sw_name_lower(uint8_t *name);

bool sw_name_equal(const uint8_t *a, const uint8_t *b);

/** Whether `name` is `apex` or below it (case of ASCII letters ignored). */
bool sw_name_in(const uint8_t *name, const uint8_t *apex);

/** Canonical order (RFC 4034 s6.1): negative, 0 or positive like memcmp. */
int sw_name_compare(const uint8_t *a, const uint8_t *b);

/** Where a name is, or belongs, in a list in canonical order that has none twice.
 * @param size  of an element, bytes
 * @param compare  a name and an element, as for bsearch()
 * @param at  where it is; else that of the first one behind it
 * @return whether it is there */
bool sw_name_search(const uint8_t *name, const void *list, size_t count, size_t size,
	int (*compare)(const void *name, const void *element), size_t *at);

/** Presentation format with escapes (RFC 4343 s2.1), always fully qualified.
 * @param text  at least SW_NAME_TEXT_MAX bytes
 * @return text */
char *sw_name_text(const uint8_t *name, char *text);

/** From presentation format; a missing final dot is added.
 * @param name  at least SW_NAME_MAX bytes; written only on success
 * @return length in bytes, or -EINVAL */
int sw_name_parse(const char *text, uint8_t *name);

#endif
