/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/zone_text.h"
#include "zone/archive.h"
#include "zone/load.h"
#include "zone/text.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** A zone of the running daemon, and where it is to be read. */
struct source {
	const struct sw_command *command;
	const char *name; /* as the daemon calls it */
	uint8_t apex[SW_NAME_MAX];
	struct sw_archive *archive;
	struct sw_snapshot *snapshot; /* NULL: it is read from its file alone, or was never given */
	bool has_file;
};

static int source_open(struct source *source, const struct sw_command *command, const json_t *zone)
{
	const char *directory = json_string_value(json_object_get(zone, "archive"));
	*source = (struct source){.command = command,
		.name = sw_json_text(zone, "zone"),
		.has_file = sw_json_text(zone, "file")[0] != '\0'};
	if (sw_name_parse(source->name, source->apex) < 0)
		return -EPROTO;
	if (directory == NULL)
		return 0;
	int err = sw_archive_look(&source->archive, directory);
	if (err == 0)
		err = sw_snapshot_open(&source->snapshot, source->archive);
	if (err != 0)
		sw_complain(command, "%s: %s/zones.db cannot be read: %s", source->name, directory,
			strerror(-err));
	return err;
}

static void source_close(struct source *source)
{
	sw_snapshot_close(source->snapshot);
	sw_archive_close(source->archive);
}

/* ---- export ---- */

/** What a file has is what is served while it is the one that was loaded. */
static int check_file(const struct source *source, const json_t *zone)
{
	struct stat st;
	const char *file = sw_json_text(zone, "file");
	const char *state = sw_json_text(zone, "state");
	if (strcmp(state, "serving") != 0) {
		sw_complain(source->command, "%s: it is %s: there is no version that is served from %s",
			source->name, state, file[0] ? file : "anywhere");
		return -ENODATA;
	}
	if (stat(file, &st) != 0 || st.st_mtim.tv_sec > sw_json_number(zone, "loaded")) {
		sw_complain(source->command,
			"%s: %s has changed since it was loaded, and is the only place where the zone "
			"stands: 'seawall "
			"reload' first",
			source->name, file);
		return -ESTALE;
	}
	return 0;
}

static void complain(void *arg, const struct sw_finding *finding)
{
	const struct source *source = arg;
	char text[SW_WHY_TEXT_MAX];
	sw_finding_text(finding, text, sizeof(text));
	if (finding->severity == SW_ERROR)
		sw_complain(source->command, "%s: %s", source->name, text);
}

static int write_file(struct source *source, const json_t *zone, FILE *to)
{
	struct sw_findings findings = {.emit = complain, .arg = source};
	struct sw_contents *contents = NULL;
	struct sw_hash_key key;
	int err = check_file(source, zone);
	if (err == 0)
		err = sw_hash_key_draw(&key);
	if (err == 0)
		err = sw_zone_load(source->apex, &key, sw_json_text(zone, "file"), &findings, &contents);
	if (err == 0)
		err = sw_text_contents(to, contents);
	sw_contents_free(contents);
	return err;
}

/** A name beside the file, so that it can take its place in one step. */
static FILE *beside(const char *file, char *path, size_t size)
{
	if ((size_t)snprintf(path, size, "%s.XXXXXX", file) >= size)
		return NULL;
	int fd = mkostemp(path, O_CLOEXEC);
	FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (fd >= 0 && to == NULL)
		close(fd);
	return to;
}

/** What is written is on the disk before it has its name. @return 0 or -errno */
static int finish(FILE *to, const char *path, const char *file, int err)
{
	mode_t mask = umask(0);
	umask(mask);
	if (err == 0 && (fflush(to) != 0 || fsync(fileno(to)) != 0 || fchmod(fileno(to), 0666 & ~mask) != 0))
		err = -errno;
	if (fclose(to) != 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(path, file) != 0)
		err = -errno;
	if (err != 0)
		unlink(path);
	return err;
}

int sw_zone_export(const struct sw_command *command, const json_t *zone, const char *file, bool is_json)
{
	char path[PATH_MAX];
	struct source source;
	if (source_open(&source, command, zone) != 0)
		return SW_EXIT_FAILED;
	FILE *to = file ? beside(file, path, sizeof(path)) : stdout;
	int err = to ? 0 : -errno;
	if (err == 0 && source.snapshot != NULL)
		err = sw_text_zone(to, source.snapshot, source.apex);
	else if (err == 0)
		err = write_file(&source, zone, to);
	if (to != NULL && file != NULL)
		err = finish(to, path, file, err);
	else if (err == 0 && fflush(to) != 0)
		err = -errno;
	source_close(&source);
	if (err != 0 && err != -ESTALE && err != -ENODATA)
		sw_complain(command, "%s: %s%s%s", source.name, file ? file : "", file ? ": " : "",
			err == -EBADMSG ? "what is kept of it is not what was written" : strerror(-err));
	if (err == 0 && file != NULL && is_json)
		printf("{\"ok\": true}\n");
	return err ? SW_EXIT_FAILED : SW_EXIT_OK;
}

/* ---- diff ---- */

struct telling {
	struct sw_text text;
	json_t *versions; /* NULL: as text */
};

static int each(struct telling *telling, const struct sw_records *records, char sign, json_t *array)
{
	struct sw_record record;
	for (size_t at = 0; sw_records_next(records, &at, &record);) {
		const char *line = sw_text_record(&telling->text, &record);
		if (line == NULL)
			return -ENOMEM;
		if (array != NULL)
			json_array_append_new(array, json_string_nocheck(line));
		else if (printf("%c %s\n", sign, line) < 0)
			return -EIO;
	}
	return 0;
}

static int tell(void *arg, const struct sw_delta *delta)
{
	struct telling *telling = arg;
	json_t *removed = telling->versions ? json_array() : NULL,
	       *added = telling->versions ? json_array() : NULL;
	if (telling->versions == NULL)
		printf("; serial %u to %u\n", delta->from, delta->to);
	int err = each(telling, &delta->old_soa, '-', removed);
	if (err == 0)
		err = each(telling, &delta->removed, '-', removed);
	if (err == 0)
		err = each(telling, &delta->new_soa, '+', added);
	if (err == 0)
		err = each(telling, &delta->added, '+', added);
	if (telling->versions != NULL)
		json_array_append_new(telling->versions,
			json_pack("{s:I, s:I, s:o, s:o}", "from", (json_int_t)delta->from, "to",
				(json_int_t)delta->to, "removed", removed, "added", added));
	return err;
}

static int parse_serial(const char *text, uint32_t *serial)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > UINT32_MAX)
		return -EINVAL;
	*serial = (uint32_t)value;
	return 0;
}

/** Since when. @return 0; 1 when there is nothing to tell; -EINVAL, -ENOENT and other -errno, told */
static int since(const struct source *source, const char *from, uint32_t *serial)
{
	if (source->snapshot == NULL) {
		sw_complain(source->command, "%s: %s", source->name,
			source->has_file ? "it is read from its file alone, and has no journal"
					 : "nothing is kept of it yet: 'seawall zone show' says why");
		return -ENOENT;
	}
	if (from != NULL)
		return parse_serial(from, serial);
	int err = sw_snapshot_oldest(source->snapshot, source->apex, serial);
	return err == -ENOENT ? 1 : err;
}

int sw_zone_diff(const struct sw_command *command, const json_t *zone, const char *from, bool is_json)
{
	struct source source;
	struct telling telling = {.versions = is_json ? json_array() : NULL};
	uint32_t serial = 0;
	if (from != NULL && parse_serial(from, &serial) != 0) {
		sw_complain(command, "'%s' is not a serial", from);
		json_decref(telling.versions);
		return SW_EXIT_USAGE;
	}
	if (source_open(&source, command, zone) != 0) {
		json_decref(telling.versions);
		return SW_EXIT_FAILED;
	}
	int err = since(&source, from, &serial);
	bool is_told = err != 0;
	if (err == 0)
		err = sw_snapshot_changes(source.snapshot, source.apex, serial, tell, &telling);
	if (err == -ENOENT && !is_told)
		sw_complain(command, "%s: the journal does not reach back to serial %u", source.name, serial);
	else if (err < 0 && !is_told)
		sw_complain(command, "%s: %s", source.name, strerror(-err));
	if (err >= 0 && is_json) {
		json_dumpf(telling.versions, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	source_close(&source);
	sw_text_free(&telling.text);
	json_decref(telling.versions);
	return err < 0 ? SW_EXIT_FAILED : SW_EXIT_OK;
}
