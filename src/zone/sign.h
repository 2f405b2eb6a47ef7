/* SPDX-License-Identifier: GPL-3.0-or-later */
/** From an unsigned zone to a signed one (RFC 4034, 4035, 5155).
 *
 * Signing is pure but for the private keys: the same zone, keys, plan, policy, time and seed give the same
 * bytes, since ECDSA is done without random numbers (RFC 6979) and Ed25519 has none.
 *
 * Signatures are what costs. Those of the former version that are good for long enough, and whose records
 * have not changed, are taken over; so a big zone with few changes is signed anew in the time it takes to
 * copy it.
 */
#ifndef SW_ZONE_SIGN_H
#define SW_ZONE_SIGN_H

#include "zone/archive.h"
#include "zone/contents.h"
#include "zone/delta.h"
#include "zone/keys.h"

/** Durations in seconds. */
struct sw_sign_policy {
	bool is_nsec3;
	bool is_opt_out; /* NSEC3: unsigned delegations are left out of the chain (RFC 5155 s6) */
	uint16_t iterations;
	uint8_t salt_len;
	uint8_t salt[255];
	uint32_t validity_s; /* from now on */
	uint32_t backdate_s; /* inception lies so far back, for clocks that are behind */
	uint32_t jitter_s;   /* validity is up to so much shorter, so that not all run out at once */
	uint32_t refresh_s;  /* renewed when less than this is left */
	uint32_t dnskey_ttl_s;
};

/** Two weeks, renewed in the second one; NSEC, and should it be NSEC3, as RFC 9276 s3.1 wants it. */
#define SW_SIGN_POLICY_DEFAULT                                                                               \
	{                                                                                                    \
		.validity_s = 14 * 86400, .backdate_s = 3600, .jitter_s = 2 * 86400, .refresh_s = 5 * 86400, \
		.dnskey_ttl_s = 3600,                                                                        \
	}

/** What every way to sign needs. */
struct sw_sign_job {
	const struct sw_keys *keys; /* with their secrets */
	const struct sw_keys_plan *plan;
	const struct sw_sign_policy *policy;
	uint32_t now_s;		 /* since 1970 */
	uint64_t seed;		 /* of the jitter */
	const bool *is_stopping; /* when it becomes true, sw_sign_zone() ends with -ECANCELED; may be NULL */
};

struct sw_sign_result {
	uint64_t made, reused; /* signatures */
	uint32_t due_s;	       /* the first signature has to be renewed then */
};

/** Sign a zone.
 *
 * Taken out of what is there: RRSIG, NSEC, NSEC3 and NSEC3PARAM everywhere, DNSKEY, CDS and CDNSKEY of the
 * apex. Where the records of a set differ in their TTL all get the lowest (RFC 2181 s5.2).
 *
 * @param plain    finished; not changed
 * @param soa      SOA to put in the place of the one there is; only its data count. NULL: leave it
 * @param former   the signed version before, finished, or NULL. Its signatures are not verified
 * @param key      of the new contents
 * @param signed_contents  finished; written only on success, the caller frees
 * @param result   may be NULL
 * @return 0; -EINVAL without SOA, or when the plan has no key to sign with or its secret is missing; -EEXIST
 *         when two names share a hash (draw another key); -EIO when signing failed; -ENOMEM, -EFBIG */
int sw_sign_zone(const struct sw_sign_job *job, const struct sw_contents *plain, const struct sw_record *soa,
	const struct sw_contents *former, const struct sw_hash_key *key, struct sw_contents **signed_contents,
	struct sw_sign_result *result);

/** Take out what sw_sign_zone() would. @param soa, key, plain  as for that @return 0 or -errno */
int sw_sign_undo(const struct sw_contents *signed_contents, const struct sw_record *soa,
	const struct sw_hash_key *key, struct sw_contents **plain);

/** The signed zone as it is, for sw_sign_delta(). Each returns 0, what `take` returned, or -errno. */
struct sw_sign_source {
	void *arg;
	/** Records of a name, of all types. */
	int (*at)(void *arg, const uint8_t *owner, sw_record_fn *take, void *take_arg);
	/** Records of a name and of all names below it; the signer may end it early. */
	int (*below)(void *arg, const uint8_t *owner, sw_record_fn *take, void *take_arg);
	/** The last name before `owner`, in canonical order, that has a record of that type (NSEC or NSEC3);
	 * when there is none before it, the last one of the zone. */
	int (*before)(void *arg, const uint8_t *owner, uint16_t type, uint8_t name[SW_NAME_MAX]);
};

/** A zone of an archive as a source. Lend both for as long as the source is used. */
struct sw_sign_archived {
	struct sw_snapshot *snapshot;
	const uint8_t *apex;
};
struct sw_sign_source sw_sign_source_of(struct sw_sign_archived *archived);

/** What changes in a signed zone with a change of its records: with that, signatures, and the links of the
 * chain on both sides. Costs what the change costs, however big the zone is; where a cut comes or goes, what
 * is below.
 *
 * @param change   of removed records neither TTL nor the case of names counts; `new_soa` is needed. Records
 * that only a signer makes are ignored in it
 * @param delta    of the signed zone; written only on success, the caller frees
 * @return 0; -ESTALE when the zone was not signed by this plan and policy, or its negative TTL changes: sign
 * it as a whole; -ENOENT for a record to be removed that is not there; as
 *         sw_sign_zone(); what the source returned. due_s of the result is that of the names touched */
int sw_sign_delta(const struct sw_sign_job *job, const uint8_t *apex, const struct sw_sign_source *source,
	const struct sw_delta *change, struct sw_delta *delta, struct sw_sign_result *result);

/** Renew signatures that are due, those of some names at a time: a big zone need neither be loaded for it nor
 * be given to secondaries in one piece.
 *
 * Reads the zone once, to find them. What else is due at these names is renewed with them.
 *
 * @param soa        the new one, with its TTL; as for sw_sign_delta()
 * @param names_max  at most so many names
 * @param delta      as of sw_sign_delta(); when nothing is due it holds the SOA and its signature
 * @param result     may be NULL; due_s is that of the whole zone, now when there were more names than that
 * @return as sw_sign_delta() */
int sw_sign_renew(const struct sw_sign_job *job, const uint8_t *apex, const struct sw_sign_source *source,
	const struct sw_record *soa, size_t names_max, struct sw_delta *delta, struct sw_sign_result *result);

/** When the first signature of the zone has to be renewed: of all it has, so that a zone from an archive can
 * be asked. @return seconds since 1970; 0 when there is none */
uint32_t sw_sign_due(const struct sw_contents *contents, const struct sw_sign_policy *policy);

/** The longest TTL (sw_keys_policy.zone_ttl_max_s). */
uint32_t sw_sign_ttl_max(const struct sw_contents *contents);

#endif
