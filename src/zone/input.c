/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/input.h"
#include "zone/files.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define RELEASE_STEP_BYTES (4u << 20)

/** Hand out whole lines: what the scanner meets in one line it can read to its end. */
static bool lines_end(struct sw_input *input)
{
	const char *end = memrchr(input->text, '\n', input->filled);
	if (input->fd < 0)
		input->size = input->filled;
	else
		input->size = end ? (size_t)(end + 1 - input->text) : 0;
	return input->size > 0;
}

static int grow(struct sw_input *input)
{
	if (input->filled < input->reserved)
		return 0;
	char *text = realloc(input->text, input->reserved * 2);
	if (!text)
		return -ENOMEM;
	input->text = text;
	input->reserved *= 2;
	return 0;
}

/** Fill what there is of room, or double it where there is none. At the end of the file it is closed. */
static int fill(struct sw_input *input)
{
	int error = grow(input);
	while (!error && input->fd >= 0 && input->filled < input->reserved) {
		ssize_t got = read(input->fd, input->text + input->filled, input->reserved - input->filled);
		if (got < 0 && errno != EINTR)
			error = -errno;
		if (got == 0) {
			close(input->fd);
			input->fd = -1;
		}
		if (got > 0) {
			input->filled += (size_t)got;
			input->bytes += (size_t)got;
		}
		if (input->bytes > SW_INPUT_MAX_BYTES)
			error = -EFBIG;
	}
	return error;
}

static int lines_fill(struct sw_input *input)
{
	size_t size = input->size;
	int error;
	do
		error = fill(input);
	while (!error && (!lines_end(input) || input->size == size) && input->fd >= 0);
	return error;
}

static int check_kind(struct sw_input *input)
{
	struct stat stat;
	if (fstat(input->fd, &stat) < 0)
		return -errno;
	if (S_ISDIR(stat.st_mode))
		return -EISDIR;
	if (!S_ISREG(stat.st_mode) && !S_ISFIFO(stat.st_mode))
		return -ENODEV;
	if ((uint64_t)stat.st_size >= SW_INPUT_MAX_BYTES)
		return -EFBIG;
	input->device = stat.st_dev;
	input->inode = stat.st_ino;
	input->bytes_all = (uint64_t)stat.st_size;
	input->stamp = sw_file_stamp(&stat);
	/* opened without blocking, so that a pipe nobody writes to cannot hold us; its data are waited for */
	return fcntl(input->fd, F_SETFL, 0) < 0 ? -errno : 0;
}

int sw_input_open(struct sw_input *input, const char *path)
{
	*input = (struct sw_input){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
	if (input->fd < 0)
		return -errno;
	int error = check_kind(input);
	if (!error) {
		input->text = malloc(SW_INPUT_WINDOW_BYTES);
		input->reserved = input->text ? SW_INPUT_WINDOW_BYTES : 0;
		error = input->text ? lines_fill(input) : -ENOMEM;
	}
	if (error)
		sw_input_free(input);
	return error;
}

int sw_input_more(struct sw_input *input, const char **from)
{
	size_t before = (size_t)(*from - input->text);
	memmove(input->text, *from, input->filled - before);
	input->filled -= before;
	input->size -= before;
	int error = lines_fill(input);
	*from = input->text;
	return error;
}

/** Everything to the end of the file. */
static int fill_all(struct sw_input *input)
{
	int error = 0;
	while (!error && input->fd >= 0)
		error = fill(input);
	lines_end(input);
	return error;
}

void sw_input_free(struct sw_input *input)
{
	if (input->fd >= 0)
		close(input->fd);
	if (input->reserved)
		free(input->text);
	*input = (struct sw_input){.fd = -1};
}

void sw_input_release(struct sw_input *input, const char *at)
{
	if (!input->reserved || at < input->text || at > input->text + input->size)
		return;
	size_t start = -(uintptr_t)input->text % PAGE, upto = (size_t)(at - input->text);
	if (upto < input->released + RELEASE_STEP_BYTES)
		return;
	size_t from = input->released > start ? input->released : start;
	upto -= (upto - start) % PAGE;
	madvise(input->text + from, upto - from, MADV_DONTNEED);
	input->released = upto;
}

/** Where the rewriter stands. */
struct rewriter {
	const char *in, *end;
	char *out; /* NULL while only counting */
	size_t len;
	unsigned parens;
	bool is_quoted, is_owner, is_changed;
};

static void put(struct rewriter *rw, const char *bytes, size_t len)
{
	if (rw->out)
		memcpy(rw->out + rw->len, bytes, len);
	rw->len += len;
}

static void put_escaped(struct rewriter *rw, uint8_t byte)
{
	char text[4] = {
		'\\', (char)('0' + byte / 100), (char)('0' + byte / 10 % 10), (char)('0' + byte % 10)};
	put(rw, text, sizeof(text));
	rw->is_changed = true;
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/** RFC 3597 s5: CLASS1 is another word for IN. */
static bool take_class1(struct rewriter *rw)
{
	static const char word[] = "CLASS1";
	size_t len = sizeof(word) - 1;
	if ((size_t)(rw->end - rw->in) <= len || strncasecmp(rw->in, word, len) != 0 ||
		!is_space(rw->in[len]))
		return false;
	put(rw, "IN", 2);
	rw->in += len;
	rw->is_changed = true;
	return true;
}

static void take_comment(struct rewriter *rw)
{
	const char *line_end = memchr(rw->in, '\n', (size_t)(rw->end - rw->in));
	size_t len = (size_t)((line_end ? line_end : rw->end) - rw->in);
	put(rw, rw->in, len);
	rw->in += len;
}

static void take_escape(struct rewriter *rw)
{
	put(rw, rw->in++, 1);
	if (rw->in < rw->end && (uint8_t)*rw->in < 0x80)
		put(rw, rw->in++, 1);
	else if (rw->in < rw->end)
		rw->len--, put_escaped(rw, (uint8_t)*rw->in++);
}

/** The first word of a line is an owner name, unless the line goes on from the one before. */
static void take_line_start(struct rewriter *rw)
{
	rw->is_owner = rw->in < rw->end && rw->parens == 0 && !rw->is_quoted && *rw->in != '$';
}

static void take_byte(struct rewriter *rw)
{
	char byte = *rw->in;
	bool is_plain = isalnum((unsigned char)byte) || strchr("*-_/.@();\"", byte) || is_space(byte);
	if (is_space(byte) && !rw->is_quoted)
		rw->is_owner = false;
	if (byte == '"')
		rw->is_quoted = !rw->is_quoted;
	else if (byte == '(' && !rw->is_quoted)
		rw->parens++;
	else if (byte == ')' && !rw->is_quoted && rw->parens > 0)
		rw->parens--;

	rw->in++;
	if ((uint8_t)byte >= 0x80 || (rw->is_owner && !is_plain))
		put_escaped(rw, (uint8_t)byte);
	else if (byte == '\r' && rw->in < rw->end && *rw->in == '\n' && !rw->is_quoted)
		rw->is_changed = true;
	else
		put(rw, &byte, 1);
	if (byte == '\n')
		take_line_start(rw);
	else if (is_space(byte) && !rw->is_quoted)
		take_class1(rw);
}

static void rewrite(struct rewriter *rw)
{
	take_line_start(rw);
	while (rw->in < rw->end) {
		if (*rw->in == '\\')
			take_escape(rw);
		else if (*rw->in == ';' && !rw->is_quoted)
			take_comment(rw);
		else
			take_byte(rw);
	}
}

int sw_input_rewrite(struct sw_input *input, const char **from)
{
	size_t before = (size_t)(*from - input->text);
	int error = fill_all(input);
	*from = input->text + before;
	if (error)
		return error;
	const char *end = input->text + input->size;
	struct rewriter count = {.in = *from, .end = end};
	rewrite(&count);
	if (!count.is_changed)
		return 0;

	struct sw_input fresh = *input;
	fresh.released = 0;
	fresh.size = fresh.filled = fresh.reserved = count.len;
	fresh.text = malloc(count.len + 1); /* of nothing, too, there is a place */
	if (!fresh.text)
		return -ENOMEM;
	struct rewriter write = {.in = *from, .end = end, .out = fresh.text};
	rewrite(&write);
	sw_input_free(input);
	*input = fresh;
	*from = fresh.text;
	return 1;
}
