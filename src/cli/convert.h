/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Configurations of other servers into one of ours: what the readers (convert_bind*.c, convert_knot.c,
 * convert_nsd.c) and the writer (convert_write.c) share.
 *
 * A reader makes a plan: zones, templates, keys, remotes, and notes for what cannot be said. Values of zone
 * keys stand in it as the YAML that will be written, item by item, so that what a zone has from its template
 * is found by comparing texts.
 *
 * All memory is the plan's and goes with it. Where there is none the process ends: it has nothing to lose.
 */
#ifndef SW_CLI_CONVERT_H
#define SW_CLI_CONVERT_H

#include "serve/settings.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* ---- statements, as all three languages have them ---- */

struct sw_said;

struct sw_word {
	const char *text; /* NULL: a block */
	bool is_quoted;
	struct sw_said *block;
	struct sw_word *next;
};

/** Words up to the end of a statement (a line, a semicolon), and where they stand. */
struct sw_said {
	const char *file;
	unsigned line;
	struct sw_word *words, **last; /* at least one */
	struct sw_said *next;
};

struct sw_said_list {
	struct sw_said *first, **last; /* last: NULL while empty */
};

/* ---- the plan ---- */

struct sw_texts {
	const char **text;
	size_t count, size;
};

#define SW_PLAN_KEYS(X)                           \
	X(FILE, "file")                           \
	X(PRIMARIES, "primaries")                 \
	X(NOTIFY, "notify")                       \
	X(ALLOW_NOTIFY, "allow-notify")           \
	X(ALLOW_TRANSFER, "allow-transfer")       \
	X(ALLOW_UPDATE, "allow-update")           \
	X(CATALOG, "catalog")                     \
	X(FORWARD_UPDATES, "forward-updates")     \
	X(REFRESH_MIN, "refresh-min")             \
	X(REFRESH_MAX, "refresh-max")             \
	X(RETRY_MIN, "retry-min")                 \
	X(EXPIRE_MAX, "expire-max")               \
	X(MAX_RECORDS, "max-records")             \
	X(MAX_TRANSFER_SIZE, "max-transfer-size") \
	X(JOURNAL_SIZE, "journal-size")

enum sw_plan_key_id {
#define X(name, label) SW_PLAN_##name,
	SW_PLAN_KEYS(X)
#undef X
		SW_PLAN_KEY_COUNT
};

struct sw_plan_note {
	const char *text;
	struct sw_plan_note *next;
};

struct sw_plan_notes {
	struct sw_plan_note *first, *last;
};

/** A zone or a template. */
struct sw_plan_zone {
	const char *name;
	const struct sw_plan_zone *template; /* what is the same there is not written */
	struct sw_texts value[SW_PLAN_KEY_COUNT];
	bool is_told[SW_PLAN_KEY_COUNT]; /* an empty value is one, too */
	struct sw_plan_notes notes;
	struct sw_plan_zone *next;
};

struct sw_plan_key {
	const char *name;
	enum sw_tsig_algorithm algorithm;
	const char *secret;
	const struct sw_said *said;
	bool is_used;
	struct sw_plan_key *next;
};

struct sw_plan_remote {
	const char *name;
	struct sw_texts addresses;
	const char *source, *key, *tls_hostname, *tls_pin; /* NULL: none */
	bool is_tls;
	struct sw_plan_remote *next;
};

struct sw_plan_block;

struct sw_plan {
	const char *from, *path; /* what is converted */
	struct sw_texts listen;
	struct sw_texts server, tcp; /* lines "key: value" */
	struct sw_texts cookie_secrets;
	struct sw_texts tls_listen;
	const char *tls_certificate, *tls_key, *tls_trust; /* files; NULL: none */
	struct sw_plan_key *keys;
	struct sw_plan_remote *remotes;
	struct sw_plan_zone *templates, *zones;
	size_t zone_count;
	void *zone_names;	     /* a tree of tsearch(3) */
	struct sw_plan_notes notes;  /* of no zone */
	unsigned lost;		     /* statements that were not converted */
	bool is_quiet;		     /* what is lost now has been noted before */
	unsigned files;		     /* read so far */
	char error[SW_WHY_TEXT_MAX]; /* "": none; then there is no plan */
	struct sw_plan_block *blocks;
};

void sw_plan_end(struct sw_plan *plan);

void *sw_plan_alloc(struct sw_plan *plan, size_t size); /* zeros */
const char *sw_plan_copy(struct sw_plan *plan, const char *bytes, size_t len);
const char *sw_plan_text(struct sw_plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sw_texts_add(struct sw_plan *plan, struct sw_texts *texts, const char *text);

/** The first error counts. @return -EINVAL */
int sw_plan_fail(struct sw_plan *plan, const char *file, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** Say on standard error and beside the zone (NULL: at the head) that a statement is lost.
 * @param why  NULL: it speaks for itself */
void sw_plan_lost(
	struct sw_plan *plan, struct sw_plan_zone *zone, const struct sw_said *said, const char *why);
/* What is the server's own affair, and no loss. */
#define SW_PLAN_OWN_LOG "the log goes to standard error"
#define SW_PLAN_OWN_CONTROL "the server's commands come by a socket of its own: 'control' of 'server'"

/** A comment alone: nothing is lost. @param said  NULL: of no line */
void sw_plan_remark(
	struct sw_plan *plan, struct sw_plan_zone *zone, const struct sw_said *said, const char *text);

/** A new one, at the end of the list. */
struct sw_plan_zone *sw_plan_zone_new(
	struct sw_plan *plan, struct sw_plan_zone **list, const char *name, const struct sw_plan_zone *like);
/** A zone of the plan. @return NULL where the name is none, or told already; that is noted */
struct sw_plan_zone *sw_plan_add_zone(
	struct sw_plan *plan, const struct sw_said *said, const char *name, const struct sw_plan_zone *like);

/** Take the zone added last back; its notes stay. */
void sw_plan_drop_zone(struct sw_plan *plan, struct sw_plan_zone *zone);

void sw_plan_set(struct sw_plan *plan, struct sw_plan_zone *zone, enum sw_plan_key_id key, const char *item);
void sw_plan_add(struct sw_plan *plan, struct sw_plan_zone *zone, enum sw_plan_key_id key, const char *item);
void sw_plan_clear(struct sw_plan_zone *zone, enum sw_plan_key_id key); /* told, and empty */
void sw_plan_forget(struct sw_plan_zone *zone, enum sw_plan_key_id key);

/** As YAML: quoted where it must be. */
const char *sw_plan_quote(struct sw_plan *plan, const char *text);
/** A rule of access, as YAML. @param key, name  NULL: any */
const char *sw_plan_rule(struct sw_plan *plan, const struct sw_texts *addresses, const char *key,
	const char *name, const struct sw_texts *types);

/** The same of messages over TLS alone. Without addresses and key: everybody. */
const char *sw_plan_tls_rule(struct sw_plan *plan, const struct sw_texts *addresses, const char *key);

/** A domain name, lower case, without the final dot; NULL for what is none. */
const char *sw_plan_name(struct sw_plan *plan, const char *text);

/** Whether one of these is the other or below it. */
bool sw_plan_is_in(const char *name, const char *zone);

/** Whether it is a type that records have. */
bool sw_plan_is_type(const char *text);

/** An address, or several in one word: ADDR, ADDR/LEN, ADDR-ADDR, ADDR&MASK, and short IPv4 prefixes (10/8).
 * @return whether it was understood; "any" is not */
bool sw_plan_addresses(struct sw_plan *plan, const char *text, struct sw_texts *addresses);

/** What cannot be a key of ours is noted, and is not there. */
void sw_plan_add_key(struct sw_plan *plan, const struct sw_said *said, const char *name,
	const char *algorithm, const char *secret);
/** Its name, or NULL; it counts as used. */
const char *sw_plan_use_key(struct sw_plan *plan, const char *name);

/** The name of the remote that is just so, made where there is none; `wanted->name` is a proposal. */
const char *sw_plan_use_remote(struct sw_plan *plan, const struct sw_plan_remote *wanted);
const struct sw_plan_remote *sw_plan_find_remote(const struct sw_plan *plan, const char *name);

/** "ADDR@PORT", or the address alone where the port is the default. */
const char *sw_plan_endpoint(
	struct sw_plan *plan, const char *address, unsigned long port, unsigned long port_default);

/** What the server says of itself. @param key  "identity", "version" or "nsid" */
void sw_plan_add_identity(
	struct sw_plan *plan, const struct sw_said *said, const char *key, const char *text);

/** @return whether it is one of the first two, of 128 bits in hexadecimal */
bool sw_plan_add_cookie_secret(struct sw_plan *plan, const char *text);

/** An address to listen on, once. @param list  plan->listen or plan->tls_listen */
void sw_plan_listen(struct sw_plan *plan, struct sw_texts *list, const char *address, unsigned long port);

/* ---- reading ---- */

/** A file whole, a NUL behind it. @return NULL with plan->error */
const char *sw_plan_read(struct sw_plan *plan, const char *path);
/** A file name as somebody in `directory` means it. */
const char *sw_plan_path(struct sw_plan *plan, const char *directory, const char *file);
/** Directory of a file's name, "." for one without. */
const char *sw_plan_directory(struct sw_plan *plan, const char *file);
/** The same, from the root. */
const char *sw_plan_absolute(struct sw_plan *plan, const char *directory);
/** Files of a pattern, in the order of their names; none is none. */
void sw_plan_glob(struct sw_plan *plan, const char *pattern, struct sw_texts *files);

struct sw_said *sw_said_new(struct sw_plan *plan, struct sw_said_list *list, const char *file, unsigned line);
struct sw_word *sw_said_add(struct sw_plan *plan, struct sw_said *said, const char *text, bool is_quoted);
/** The text of word number n (0: the first); "" where there is none, or a block. */
const char *sw_said_text(const struct sw_said *said, unsigned n);
struct sw_said *sw_said_block(const struct sw_said *said); /* the first, or NULL */
unsigned sw_said_count(const struct sw_said *said);

/* ---- languages: each reads plan->path ---- */

int sw_convert_bind(struct sw_plan *plan);
int sw_convert_knot(struct sw_plan *plan);
int sw_convert_nsd(struct sw_plan *plan);

/** named.conf as statements, includes in their places.
 * @param directory  out: what the option says, NULL for nothing */
int sw_bind_parse(struct sw_plan *plan, struct sw_said_list *list, const char **directory);

/** The plan as a file of ours. */
void sw_plan_write(struct sw_plan *plan, FILE *to);

#endif
