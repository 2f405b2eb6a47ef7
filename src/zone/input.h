/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The text of a master file, a window of whole lines at a time. */
#ifndef SW_ZONE_INPUT_H
#define SW_ZONE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Larger than this is refused: no zone, but perhaps a device or a runaway pipe. */
#define SW_INPUT_MAX_BYTES (16ull << 30)

/** Read at a time; a longer record takes more. */
#define SW_INPUT_WINDOW_BYTES (128u << 10)

struct sw_input {
	char *text;
	size_t size;	    /* bytes of whole lines; to the end of the file once fd is -1 */
	size_t filled;	    /* bytes in memory */
	size_t reserved;    /* bytes of memory, 0 where the text is borrowed */
	size_t released;    /* bytes from the start that were given back to the system */
	uint64_t bytes;	    /* read so far */
	uint64_t bytes_all; /* of the file when it was opened; 0 for a pipe */
	int fd;		    /* -1 when all of it has been read */
	dev_t device;	    /* which file it is */
	ino_t inode;
	uint64_t stamp; /* and which version of it (zone/files.h) */
};

/** Open a regular file or a pipe and read its first lines.
 * @return 0; -EISDIR; -ENODEV for anything but a file or a pipe; -EFBIG; -ENOMEM; what open(2) and read(2)
 * say */
int sw_input_open(struct sw_input *input, const char *path);
void sw_input_free(struct sw_input *input);

/** Forget what is before `from`, and read at least one more line, if there is one.
 * @param from  moves with the text
 * @return 0, -EFBIG, -ENOMEM, what read(2) says */
int sw_input_more(struct sw_input *input, const char **from);

/** Give back the pages before `at`: they are not looked at again. Only a rewritten text has so many. */
void sw_input_release(struct sw_input *input, const char *at);

/** Rewrite the text from `from`, the start of a line, to the end of the file in the form libzscanner reads.
 *
 * RFC 1035 s5.1 and RFC 3597 allow more than libzscanner takes: raw bytes above 127 (an IDN written as
 * UTF-8) and punctuation in owner names become \DDD, CLASS1 becomes IN, CR before LF goes. Lines keep
 * their numbers. The old text is freed; the new one starts with the line at `from`.
 *
 * @param from  moves with the text
 * @return 1; 0 when nothing would change (the text stays); as sw_input_more()
 */
int sw_input_rewrite(struct sw_input *input, const char **from);

#endif
