// SPDX-License-Identifier: GPL-3.0-or-later
/** Writing what honest resolvers ask, and reading what comes back. */
#ifndef LAB_TRAFFIC_QUERY_H
#define LAB_TRAFFIC_QUERY_H

#include "names.h"
#include "population.h"

/** One question of a resolver. */
struct lab_question {
	const uint8_t *name; /* wire format */
	uint8_t name_bytes;
	uint16_t type;
	uint64_t case_seed; /* of a resolver that mixes cases */
	const struct lab_resolver *resolver;
	uint8_t service; /* 0 or 1: which of the two name servers */
	uint16_t id, port;
};

#define LAB_MESSAGE_MAX 220 /* bytes of a query: a letter less its headers */

/** Write the DNS message. @return bytes */
uint32_t lab_message_write(const struct lab_question *question, uint8_t message[LAB_MESSAGE_MAX]);

/** Write the whole frame of a letter; addresses of the link are left to the sender. */
void lab_letter_write(struct lab_letter *letter, const struct lab_question *question);

/** The 16 bytes of a service address; IPv4 stands in the first four. */
void lab_service_address(uint8_t service, bool is_ipv6, uint8_t address[16]);

enum lab_verdict {
	LAB_RIGHT,
	LAB_WRONG,     /* contradicts the truth */
	LAB_TRUNCATED, /* TC=1 */
	LAB_REFUSED,   /* REFUSED, SERVFAIL, FORMERR, NOTIMP */
	LAB_BADCOOKIE, /* ask again, with the cookie that came along (RFC 7873 s5.3) */
	LAB_FOREIGN,   /* not a reply to this question */
};

/** Hold a reply against the truth.
 *
 * @param message  as far as it was copied: `copied` bytes of it
 * @param expected  NULL: whatever exists will do (a step of QNAME minimisation, a random label) */
enum lab_verdict lab_reply_judge(const struct lab_question *question, const struct lab_name *expected,
	const uint8_t *message, uint32_t copied);

/** Remember the server cookie that came with a reply. */
void lab_cookie_learn(
	struct lab_resolver *resolver, uint8_t service, const uint8_t *message, uint32_t copied);

#endif
