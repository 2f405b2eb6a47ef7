// SPDX-License-Identifier: GPL-3.0-or-later
/** What is asked, and the truth about it: the names file that lab/zones.py writes beside the zones. */
#ifndef LAB_TRAFFIC_NAMES_H
#define LAB_TRAFFIC_NAMES_H

#include "alias.h"
#include <stddef.h>

#define LAB_NAME_MAX 128 /* bytes in wire format: what a letter has room for */

enum lab_kind { LAB_ANSWER, LAB_NODATA, LAB_REFERRAL, LAB_NXDOMAIN, LAB_LARGE };

struct lab_name {
	uint8_t wire[LAB_NAME_MAX];
	uint8_t wire_bytes;
	uint8_t labels;
	uint8_t zone_labels;
	uint8_t kind; /* enum lab_kind */
	uint16_t type;
	uint16_t expected_bytes;
	uint8_t *expected; /* rdata of one record, NULL when it holds names: these may come compressed */
};

struct lab_names {
	struct lab_name *name;
	uint32_t count;
	uint32_t nxdomain;	     /* from here on they do not exist */
	struct lab_alias popularity; /* of those before */
};

/** Read a names file. Its form: QNAME, QTYPE, KIND, ZONE, EXPECTED, separated by tabs, most popular first.
 *
 * @param why  on failure: what is wrong with which line
 * @return 0 or -errno */
int lab_names_read(struct lab_names *names, const char *path, char *why, size_t why_bytes);
void lab_names_free(struct lab_names *names);

/** A name in presentation format, letters and digits only, to wire format. @return bytes, 0 when it is none
 */
uint32_t lab_name_parse(const char *text, uint8_t wire[LAB_NAME_MAX], uint8_t *labels);

#endif
