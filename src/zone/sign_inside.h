/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of the signer. */
#ifndef SW_ZONE_SIGN_INSIDE_H
#define SW_ZONE_SIGN_INSIDE_H

#include "wire/bytes.h"
#include "zone/nsec3_hash.h"
#include "zone/sign.h"

#define RRSIG_FIXED_BYTES 18 /* RFC 4034 s3.1 */
#define OPT_OUT 1	     /* of the flags of an NSEC3 (RFC 5155 s3.1.2) */

struct bytes {
	uint8_t *at;
	size_t used, size;
};

/** Records of one owner name, those of a type together, types ascending. */
struct name_view {
	const uint8_t *owner;
	bool is_cut;
	struct sw_record *records;
	size_t count, size;
};

struct piece {
	const uint8_t *rdata;
	uint16_t rdata_len;
	size_t at, len; /* of the whole record */
};

struct signing_key {
	const struct sw_key *key;
	unsigned uses; /* enum sw_key_use */
	struct dnssec_sign_ctx *context;
};

struct signer {
	const struct sw_sign_job *job;
	const uint8_t *apex;
	size_t apex_len;
	struct signing_key keys[SW_KEYS_MAX];
	size_t key_count;
	struct bytes message, other, scratch;
	struct piece *pieces;
	size_t pieces_size;
	uint64_t random;
	struct sw_sign_result result;
};

/* sign_rrset.c */

/** @return 0; -EINVAL when keys, zone or SOA have nobody to sign them */
int signer_open(struct signer *signer, const struct sw_sign_job *job, const uint8_t *apex);
void signer_close(struct signer *signer);

/** Room for one more. @return it, or NULL when out of memory */
struct sw_record *view_add(struct name_view *view);
void view_sort(struct name_view *view);
/** Index of the first record of a type, or count. */
size_t view_find(const struct name_view *view, uint16_t type);

/** Signatures over everything of a name that is the zone's, given to `emit` one by one.
 * @param former  the name in the version before, with its signatures, or NULL
 * @return 0, -EIO, -ENOMEM, what `emit` returned */
int sign_name(struct signer *signer, const struct name_view *view, const struct name_view *former,
	sw_record_fn *emit, void *arg);

/* sign_apex.c */

/** Whether a record is the signer's own, to be made and not to be kept. */
bool is_signers(uint16_t type, bool is_apex);

/** DNSKEY, CDS, CDNSKEY, NSEC3PARAM. */
int make_apex(const struct sw_sign_job *job, const uint8_t *apex, uint32_t negative_ttl_s, sw_record_fn *emit,
	void *arg);

/** TTL of NSEC and NSEC3 (RFC 9077 s3.2, s3.3): the lower of the SOA's own and its MINIMUM. */
uint32_t negative_ttl(uint32_t soa_ttl_s, const uint8_t *soa, size_t len);

/* sign_chain.c */

/** Add NSEC or NSEC3 records to finished contents that have all else but signatures.
 * @return 0, -ENOMEM, -EFBIG, -EEXIST, -EIO */
int make_chain(const struct sw_sign_job *job, struct sw_contents *contents, uint32_t ttl_s);

/** Whether anything of a name will be signed, so that RRSIG belongs into its bitmap: at a cut only a DS. */
bool has_signature(bool is_cut, bool has_ds, bool has_records);

/** The hash of a name as the policy says. @return 0 or -EIO */
int policy_hash(const struct sw_sign_policy *policy, const uint8_t *name, uint8_t hash[HASH_BYTES]);

#endif
