/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the tests of transfers and updates: zones and records from text, messages put together and read.
 */
#ifndef TESTS_ZONE_MESSAGE_H
#define TESTS_ZONE_MESSAGE_H

#include "archive_help.h"
#include "wire/message.h"

/** Contents from a master file's text; they need not be a zone. */
struct sw_contents *help_scan(const char *apex, const char *text);

/** Store a zone from text. */
void help_zone(struct sw_archive *archive, const char *apex, const char *text);

/** A record from a line of text, absolute names. To be freed by help_line_free(). */
struct sw_records help_parse(const char *line);

void help_put16(uint8_t *to, unsigned value);
unsigned help_get16(const uint8_t *from);

/** Append a record to a message, names whole. @return behind it */
size_t help_put_record(uint8_t *message, size_t at, const struct sw_record *record, uint16_t class);
size_t help_put_name(uint8_t *message, size_t at, const char *name);

/** Read the record at `*at` by libknot; handed over as help_line() does. */
void help_get_record(const uint8_t *message, size_t len, size_t *at, sw_record_fn *take, void *arg);

/** Lines of a text in ascending order. To be freed. */
char *help_sorted(const char *text);

#endif
