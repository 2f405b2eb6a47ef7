/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the tests of the archive: directories, records, zones and changes to put into it. */
#ifndef TESTS_ZONE_ARCHIVE_HELP_H
#define TESTS_ZONE_ARCHIVE_HELP_H

#include "zone/archive.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	A = 1,
	NS = 2,
	SOA = 6,
	TXT = 16,
	PRIVATE = 65280,
};

/** A directory of its own for an archive, removed with what is in it. */
char *help_directory(void **state);
int help_setup(void **state);
int help_teardown(void **state);

struct sw_archive *help_open(const char *directory);

/** Begin a random run, which ARCHIVE_SEED in the environment repeats; tells the seed. */
void help_seed(void);

/** The next number of it, less than `below`. */
uint32_t help_chance(uint32_t below);

/** A name from text, in one of a few buffers that come round again. */
const uint8_t *help_name(const char *text);

const struct sw_hash_key *help_key(void);

/** A record of text's owner; the data of a SOA is made from its serial. */
struct sw_record help_record(const char *owner, uint16_t type, uint32_t ttl, const void *rdata, size_t len);
struct sw_record help_soa(const uint8_t *apex, uint32_t serial);

/** Contents of a SOA and these records. */
struct sw_contents *help_contents(
	const uint8_t *apex, uint32_t serial, const struct sw_record *records, size_t count);

/** A change with a new SOA, and nothing else yet. */
struct sw_delta help_delta(const uint8_t *apex, uint32_t from, uint32_t to);

/** Begin, replace, commit. */
void help_store(struct sw_archive *archive, const uint8_t *apex, uint32_t serial,
	const struct sw_record *records, size_t count);

/** Begin, change, commit; the change is freed. */
void help_change(struct sw_archive *archive, const uint8_t *apex, struct sw_delta delta);

/** All records as text, a line each, in the order in which they come. To be freed. */
char *help_text(struct sw_snapshot *snapshot, const uint8_t *apex);
char *help_committed(struct sw_archive *archive, const uint8_t *apex);

/** Append a record's line. */
int help_line(void *text, const struct sw_record *record);

/** Do something to the database behind the archive's back. */
void help_sql(const char *directory, const char *sql);

#endif
