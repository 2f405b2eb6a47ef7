/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the log says of requests: who was refused and why, and which transfers were given.
 *
 * A refusal gets a line once a minute for each kind, zone and network of peers (/24 or /56): a secondary that
 * is refused may ask every second. Zones that are not here are as one, for a forger has as many as he likes.
 * He has as many networks, too: in any minute there are so many lines and no more, of refusals over UDP,
 * of those over streams, whose senders are where they say, and of transfers given, each by itself. What is
 * beyond is counted, and told as a number.
 *
 * Fixed memory: 7 KiB. Any thread may call at any time; times are handed in, of a clock that goes on.
 */
#ifndef SW_SERVE_REQUESTS_LOG_H
#define SW_SERVE_REQUESTS_LOG_H

#include "serve/log.h"
#include "serve/policy.h"

#define SW_REQUEST_KINDS(X) \
	X(NOTIFY, "NOTIFY") \
	X(UPDATE, "UPDATE") \
	X(AXFR, "AXFR")     \
	X(IXFR, "IXFR")     \
	X(QUERY, "a question")

enum sw_request_kind {
#define X(name, label) SW_REQUEST_##name,
	SW_REQUEST_KINDS(X)
#undef X
};

/* The rows of the table in docs/operations.md. A warning is what points at a fault of one of ours. */
#define SW_REFUSED_WHYS(X)                                                                        \
	X(NOT_HERE, INFO, "no such zone here, or none that is transferred, updated or notified")  \
	X(NO_PRIMARIES, INFO, "the zone has no primaries here")                                   \
	X(NO_UPDATES, INFO, "the zone takes no updates here")                                     \
	X(NO_RULE, INFO, "not allowed: the zone has no rule that lets anybody")                   \
	X(ADDRESS, INFO, "not allowed: no rule has this address")                                 \
	X(UNSIGNED, INFO, "not allowed: it is not signed, and the rule wants a key")              \
	X(OTHER_KEY, WARNING, "not allowed: the rule wants another key")                          \
	X(NO_TLS, WARNING, "not allowed without TLS")                                             \
	X(NO_RIGHT, WARNING, "not allowed: no rule lets it change that name or type")             \
	X(BAD_KEY, WARNING, "bad key: none of that name and algorithm is known here")             \
	X(BAD_SIGNATURE, WARNING, "bad signature: the secrets differ, or somebody guesses")       \
	X(BAD_TIME, WARNING, "bad time: the clocks differ, or an old message is sent again")      \
	X(BAD_TRUNCATION, WARNING, "bad truncation: the signature is cut short")                  \
	X(MALFORMED, INFO, "malformed")                                                           \
	X(FROZEN, INFO, "the zone is frozen")                                                     \
	X(NO_VERSION, WARNING, "there is no version to give: none was loaded yet, or it expired") \
	X(TOO_MANY, WARNING, "too many transfers at once (max-out, max-out-per-address)")         \
	X(QUEUE, WARNING, "too many updates are waiting")                                         \
	X(FAILED, WARNING, "it could not be done")

enum sw_refused_why {
#define X(name, level, text) SW_REFUSED_##name,
	SW_REFUSED_WHYS(X)
#undef X
		SW_REFUSED_WHY_COUNT
};

#define SW_REFUSED_LINES 60 /* in a minute: over UDP, and as many over streams */
#define SW_GIVEN_LINES 300

/** Why none of the rules lets him, by the one that comes closest. */
enum sw_refused_why sw_refused_by(const struct sw_access_list *list, const struct sw_peer *peer);
/** The same of a NOTIFY: the addresses of the zone's primaries count too. */
enum sw_refused_why sw_refused_notify(const struct sw_zone_policy *policy, const struct sw_peer *peer);

struct sw_requests_log;

/** @param secret  nobody can have a line left out for his. @return NULL when out of memory */
struct sw_requests_log *sw_requests_log_new(const uint64_t secret[2]);
void sw_requests_log_free(struct sw_requests_log *log); /* takes NULL */

struct sw_refusal {
	enum sw_request_kind kind;
	enum sw_refused_why why;
	const char *detail;	 /* instead of the text of `why`; NULL: none */
	const uint8_t *zone;	 /* or the name asked; NULL: it says none that can be read */
	bool is_here;		 /* `zone` is a zone that is live (sw_live_zone()) */
	const uint8_t *key_name; /* that it says it is signed with; NULL: none */
	const struct sw_peer *peer;
	bool is_stream;
};

/** @return whether there was a line */
bool sw_requests_log_refused(struct sw_requests_log *log, const struct sw_refusal *refusal, uint64_t now_ns);

/** A transfer out that has ended. */
struct sw_given {
	const uint8_t *zone;
	const struct sw_peer *peer; /* with the key that it was signed with */
	bool is_ixfr, is_changes;   /* is_changes: not the zone whole */
	uint32_t from, serial;	    /* from: of changes */
	uint64_t records, bytes;
	double seconds;
	const char *broken; /* why it is not whole; NULL: it is */
};

bool sw_requests_log_given(struct sw_requests_log *log, const struct sw_given *given, uint64_t now_ns);

/** A line for those that had none for want of room, of each sort once a minute at most. Of one thread, every
 * second or so. @return how many were told of */
uint64_t sw_requests_log_more(struct sw_requests_log *log, uint64_t now_ns);

#endif
