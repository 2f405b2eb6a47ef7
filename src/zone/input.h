/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The text of a master file in private memory. */
#ifndef SW_ZONE_INPUT_H
#define SW_ZONE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Larger than this is refused: no zone, but perhaps a device or a runaway pipe. */
#define SW_INPUT_MAX_BYTES (16ull << 30)

struct sw_input {
	char *text;
	size_t size;
	size_t reserved; /* bytes of address space, 0 where the text is borrowed */
	size_t released; /* bytes from the start that were given back to the system */
	dev_t device;	 /* which file it was */
	ino_t inode;
	uint64_t stamp; /* and which version of it (zone/files.h) */
};

/** Read a regular file or a pipe to its end.
 * @return 0; -EISDIR; -ENODEV for anything but a file or a pipe; -EFBIG; what open(2) and read(2) say */
int sw_input_read(struct sw_input *input, const char *path);
void sw_input_free(struct sw_input *input);

/** Give back the pages before `at`: they are not looked at again. */
void sw_input_release(struct sw_input *input, const char *at);

/** Rewrite the text from `at`, the start of a line, in the form libzscanner reads.
 *
 * RFC 1035 s5.1 and RFC 3597 allow more than libzscanner takes: raw bytes above 127 (an IDN written as
 * UTF-8) and punctuation in owner names become \DDD, CLASS1 becomes IN, CR before LF goes. Lines keep
 * their numbers. The old text is freed; the new one starts with the line at `at`.
 *
 * @return 1; 0 when nothing would change (the text stays); -ENOMEM
 */
int sw_input_rewrite(struct sw_input *input, const char *at);

#endif
