/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What reading and checking a zone has to say: one finding a line, each with its place.
 *
 * An error refuses the zone, a warning does not. docs/zone-checks.md compares each with Knot and NSD.
 */
#ifndef SW_ZONE_FINDING_H
#define SW_ZONE_FINDING_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum sw_severity {
	SW_ERROR,
	SW_WARNING,
};

/** X(name, label, severity, source) */
#define SW_FINDINGS(X)                                                      \
	X(FILE, "file", ERROR, "RFC 1035 s5")                               \
	X(SYNTAX, "syntax", ERROR, "RFC 1035 s5.1")                         \
	X(RDATA, "rdata", ERROR, "RFC 3597 s5")                             \
	X(CLASS, "class", ERROR, "RFC 1035 s5.2")                           \
	X(INCLUDE, "include", ERROR, "RFC 1035 s5.1")                       \
	X(NO_TTL, "no-ttl", WARNING, "RFC 2308 s4")                         \
	X(TTL_RANGE, "ttl-range", WARNING, "RFC 2181 s8")                   \
	X(TTL_CLASH, "ttl-clash", WARNING, "RFC 2181 s5.2")                 \
	X(OUT_OF_ZONE, "out-of-zone", WARNING, "RFC 1035 s5.2")             \
	X(META_TYPE, "meta-type", WARNING, "RFC 6895 s3.1")                 \
	X(SOA_MISSING, "soa-missing", ERROR, "RFC 1035 s5.2")               \
	X(SOA_MULTIPLE, "soa-multiple", ERROR, "RFC 1035 s5.2")             \
	X(SOA_NOT_APEX, "soa-not-apex", ERROR, "RFC 1035 s5.2")             \
	X(NS_APEX, "ns-apex", WARNING, "RFC 1035 s5.2")                     \
	X(CNAME_NOT_ALONE, "cname-not-alone", ERROR, "RFC 1034 s3.6.2")     \
	X(CNAME_MULTIPLE, "cname-multiple", ERROR, "RFC 2181 s10.1")        \
	X(DNAME_MULTIPLE, "dname-multiple", ERROR, "RFC 6672 s2.4")         \
	X(DNAME_NS, "dname-ns", ERROR, "RFC 6672 s2.3")                     \
	X(DNAME_CHILDREN, "dname-children", ERROR, "RFC 6672 s2.4")         \
	X(OCCLUDED, "occluded", WARNING, "RFC 1034 s4.2.1")                 \
	X(GLUE_MISSING, "glue-missing", WARNING, "RFC 1034 s4.2.1")         \
	X(TARGET_CNAME, "target-cname", WARNING, "RFC 2181 s10.3")          \
	X(TARGET_MISSING, "target-missing", WARNING, "RFC 1912 s2.4")       \
	X(RRSET_SIZE, "rrset-size", ERROR, "RFC 1035 s4.2.2")               \
	X(DS_APEX, "ds-apex", WARNING, "RFC 4035 s2.4")                     \
	X(DS_WITHOUT_NS, "ds-without-ns", WARNING, "RFC 4035 s2.4")         \
	X(DS_DIGEST, "ds-digest", WARNING, "RFC 4034 s5.1.4")               \
	X(DNSKEY_MISSING, "dnskey-missing", WARNING, "RFC 4035 s2.1")       \
	X(RRSIG_COVERS_NONE, "rrsig-covers-none", WARNING, "RFC 4035 s2.2") \
	X(RRSIG_SIGNER, "rrsig-signer", WARNING, "RFC 4035 s2.2")           \
	X(RRSIG_LABELS, "rrsig-labels", WARNING, "RFC 4034 s3.1.3")         \
	X(RRSIG_EXPIRED, "rrsig-expired", WARNING, "RFC 4034 s3.1.5")       \
	X(RRSIG_FUTURE, "rrsig-future", WARNING, "RFC 4034 s3.1.5")         \
	X(RRSIG_KEY, "rrsig-key", WARNING, "RFC 4034 s3.1.6")               \
	X(RRSIG_MISSING, "rrsig-missing", WARNING, "RFC 4035 s2.2")         \
	X(RRSIG_UNWANTED, "rrsig-unwanted", WARNING, "RFC 4035 s2.2")       \
	X(DENIAL_MIXED, "denial-mixed", WARNING, "RFC 5155 s10.4")          \
	X(DENIAL_MISSING, "denial-missing", WARNING, "RFC 4035 s2.3")       \
	X(NSEC_MULTIPLE, "nsec-multiple", WARNING, "RFC 4034 s4")           \
	X(NSEC_CHAIN, "nsec-chain", WARNING, "RFC 4034 s4.1.1")             \
	X(NSEC_BITMAP, "nsec-bitmap", WARNING, "RFC 4034 s4.1.2")           \
	X(NSEC_UNWANTED, "nsec-unwanted", WARNING, "RFC 4035 s2.3")         \
	X(NSEC3_OWNER, "nsec3-owner", WARNING, "RFC 5155 s3")               \
	X(NSEC3_PARAM, "nsec3-param", WARNING, "RFC 5155 s4")               \
	X(NSEC3_ITERATIONS, "nsec3-iterations", WARNING, "RFC 9276 s3.1")

enum sw_finding_code {
#define X(name, label, severity, source) SW_FINDING_##name,
	SW_FINDINGS(X)
#undef X
		SW_FINDING_COUNT
};

/** Texts belong to the emitter: a sink copies what it keeps. */
struct sw_finding {
	enum sw_severity severity;
	enum sw_finding_code code;
	const char *file;
	uint32_t line; /* 0 where no line is to blame */
	const char *owner;
	const char *type; /* may be "" */
	const char *message;
};

typedef void sw_finding_fn(void *arg, const struct sw_finding *finding);

/** Passed on of each kind; the rest is counted and summed up by sw_findings_end(). */
#define SW_FINDINGS_PASSED_MAX 100

/** Where findings go. Set `emit` (NULL: only count) and `arg`, zero the rest. */
struct sw_findings {
	sw_finding_fn *emit;
	void *arg;
	uint32_t count[2]; /* by enum sw_severity, those not passed on included */
	uint32_t kinds[SW_FINDING_COUNT];
};

/** The short name printed in brackets. */
const char *sw_finding_label(enum sw_finding_code code);

/** The rule behind it, as "RFC 1035 s5.2". */
const char *sw_finding_source(enum sw_finding_code code);

/** One line without line feed: "FILE:LINE: error: OWNER TYPE: text [label]".
 * @return bytes written, cut at size - 1 */
size_t sw_finding_text(const struct sw_finding *finding, char *text, size_t size);

/** sw_finding_fn that prints the line; `arg` is the FILE to print to. */
void sw_finding_print(void *arg, const struct sw_finding *finding);

/** Emit one, in the severity of its code.
 * @param owner  wire format; NULL for none */
void sw_findings_add(struct sw_findings *findings, enum sw_finding_code code, const char *file, uint32_t line,
	const uint8_t *owner, uint16_t type, const char *format, ...) __attribute__((format(printf, 7, 8)));

/** After the last one: say how many were not passed on. */
void sw_findings_end(struct sw_findings *findings, const char *file);

/** @param type  0 gives ""
 * @param text  at least SW_TYPE_TEXT_MAX bytes
 * @return text */
#define SW_TYPE_TEXT_MAX 16
char *sw_type_text(uint16_t type, char *text);

#endif
