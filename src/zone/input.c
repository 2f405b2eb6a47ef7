/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/input.h"
#include "zone/files.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define RELEASE_STEP_BYTES (4u << 20)

static char *map_bytes(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return map == MAP_FAILED ? NULL : map;
}

static int read_all(struct sw_input *input, int fd)
{
	for (;;) {
		if (input->size == input->reserved) {
			size_t wider = input->reserved * 2;
			if (wider > SW_INPUT_MAX_BYTES)
				return -EFBIG;
			void *map = mremap(input->text, input->reserved, wider, MREMAP_MAYMOVE);
			if (map == MAP_FAILED)
				return -ENOMEM;
			input->text = map;
			input->reserved = wider;
		}
		ssize_t got = read(fd, input->text + input->size, input->reserved - input->size);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			input->size += (size_t)got;
	}
}

static int read_open(struct sw_input *input, int fd)
{
	struct stat stat;
	if (fstat(fd, &stat) < 0)
		return -errno;
	if (S_ISDIR(stat.st_mode))
		return -EISDIR;
	if (!S_ISREG(stat.st_mode) && !S_ISFIFO(stat.st_mode))
		return -ENODEV;
	if ((uint64_t)stat.st_size >= SW_INPUT_MAX_BYTES)
		return -EFBIG;
	/* opened without blocking, so that a pipe nobody writes to cannot hold us; its data are waited for */
	if (fcntl(fd, F_SETFL, 0) < 0)
		return -errno;
	/* one byte more than the size: the end is seen without growing */
	size_t want = ((size_t)stat.st_size + PAGE) & ~(size_t)(PAGE - 1);
	*input = (struct sw_input){.text = map_bytes(want),
		.reserved = want,
		.device = stat.st_dev,
		.inode = stat.st_ino,
		.stamp = sw_file_stamp(&stat)};
	if (!input->text)
		return -ENOMEM;
	int error = read_all(input, fd);
	if (error)
		sw_input_free(input);
	return error;
}

int sw_input_read(struct sw_input *input, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int error = read_open(input, fd);
	close(fd);
	return error;
}

void sw_input_free(struct sw_input *input)
{
	if (input->reserved)
		munmap(input->text, input->reserved);
	*input = (struct sw_input){0};
}

void sw_input_release(struct sw_input *input, const char *at)
{
	if (!input->reserved || at < input->text || at > input->text + input->size)
		return;
	size_t upto = (size_t)(at - input->text) & ~(size_t)(PAGE - 1);
	if (upto < input->released + RELEASE_STEP_BYTES)
		return;
	madvise(input->text + input->released, upto - input->released, MADV_DONTNEED);
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

int sw_input_rewrite(struct sw_input *input, const char *at)
{
	const char *end = input->text + input->size;
	struct rewriter count = {.in = at, .end = end};
	rewrite(&count);
	if (!count.is_changed)
		return 0;

	struct sw_input fresh = {.size = count.len,
		.reserved = (count.len + PAGE) & ~(size_t)(PAGE - 1),
		.device = input->device,
		.inode = input->inode};
	fresh.text = map_bytes(fresh.reserved);
	if (!fresh.text)
		return -ENOMEM;
	struct rewriter write = {.in = at, .end = end, .out = fresh.text};
	rewrite(&write);
	sw_input_free(input);
	*input = fresh;
	return 1;
}
