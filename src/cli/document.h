/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A YAML file as a tree whose every node knows where it stands.
 *
 * Strict: one document, no aliases or tags, keys are plain text, and none twice in a mapping.
 */
#ifndef SW_CLI_DOCUMENT_H
#define SW_CLI_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

enum sw_yaml_kind { SW_YAML_SCALAR, SW_YAML_LIST, SW_YAML_MAPPING };

struct sw_yaml {
	enum sw_yaml_kind kind;
	unsigned line, column; /* from 1 */
	char *text;	       /* scalar; of a mapping's child: its key is in `key` */
	bool is_empty;	       /* scalar: nothing there, as in "key:" */
	struct sw_yaml *key;   /* child of a mapping */
	struct sw_yaml *first, *last, *next;
};

/** @param why  SW_WHY_TEXT_MAX bytes: "FILE:LINE:COLUMN: text"
 * @param root  NULL for an empty file
 * @return 0, -errno with text in why */
int sw_yaml_load(const char *path, struct sw_yaml **root, char *why);
void sw_yaml_free(struct sw_yaml *node);

/** "a scalar", "a list", "a mapping". */
const char *sw_yaml_kind_text(enum sw_yaml_kind kind);

#endif
