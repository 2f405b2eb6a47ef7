/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SW_CLI_PARENTS_H
#define SW_CLI_PARENTS_H

#include <jansson.h>

/** What the parents of a zone said of its DS, and when they are asked next; nothing where nobody is asked.
 * @param dnssec  of 'key-show'
 * @param width  of the column of labels */
void sw_print_parents(const json_t *dnssec, int width);

#endif
