/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a server has to answer, worked out slowly from a list of records: RFC 1034 s4.3.2, RFC 4592 s3.3,
 * RFC 6672 s3.2, and which zone a DS is asked of (RFC 4035 s3.1.4.1). Shares no code with the server. */
#ifndef SW_TESTS_FUZZ_MODEL_H
#define SW_TESTS_FUZZ_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_NAME_MAX 255
#define MODEL_ZONES_MAX 2
#define MODEL_RECORDS_MAX 512
#define MODEL_STEPS_MAX 32
#define MODEL_LINKS_MAX 12 /* CNAME and DNAME steps that are followed */

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_DNAME = 39,
	TYPE_DS = 43,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_DNSKEY = 48,
	TYPE_NSEC3 = 50,
	TYPE_NSEC3PARAM = 51,
	TYPE_ANY = 255,
};

struct model_record {
	unsigned zone;
	uint8_t owner[MODEL_NAME_MAX];
	uint16_t type;
	uint32_t ttl;
	uint16_t rdata_len;
	const uint8_t *rdata;
};

/** The zones. The order of records counts for TTLs only: the first one's is its RRset's. */
struct model {
	unsigned zones, records;
	uint8_t apex[MODEL_ZONES_MAX][MODEL_NAME_MAX];
	struct model_record record[MODEL_RECORDS_MAX];
};

enum model_kind { REFUSED, ANSWERED, NODATA, NXDOMAIN, REFERRAL, YXDOMAIN };

/** One RRset of the answer section. */
struct model_step {
	uint8_t owner[MODEL_NAME_MAX];	/* as it appears */
	const uint8_t *source;		/* where its records stand; NULL: a CNAME made from a DNAME, */
	uint8_t target[MODEL_NAME_MAX]; /* to here, */
	uint32_t ttl;			/* with this TTL */
	uint16_t type;			/* TYPE_ANY: any one type of the source */
	unsigned zone;
};

struct model_answer {
	enum model_kind kind;
	bool is_authoritative;
	bool is_loop;  /* the chain does not end: a server may stop anywhere */
	unsigned zone; /* of the last step */
	unsigned steps;
	struct model_step step[MODEL_STEPS_MAX];
	const uint8_t *cut;		   /* REFERRAL: where its NS stand, */
	uint8_t cut_owner[MODEL_NAME_MAX]; /* and how they appear */
};

void model_ask(const struct model *model, const uint8_t *name, uint16_t type, struct model_answer *answer);

/** First record of an RRset, or NULL; then the next ones. */
const struct model_record *model_find(
	const struct model *model, unsigned zone, const uint8_t *owner, uint16_t type);
const struct model_record *model_next(const struct model *model, const struct model_record *record);

bool model_name_in(const uint8_t *name, const uint8_t *parent);
size_t model_name_len(const uint8_t *name);

#endif
