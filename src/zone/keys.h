/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The signing keys of a zone: where they are kept, and what each does when.
 *
 * A key's life is told by times (RFC 7583 names the waits between them). sw_keys_turn() looks at them and
 * says what the zone has to publish and who signs; it changes nothing. Only when a zone made so is being
 * served does sw_keys_served() write the times: a node that was down for a week has told nobody of its new
 * key, and waits.
 *
 * - Zone signing key: pre-publish (RFC 6781 s4.1.1.1). It is published; when no cache can have the DNSKEY set
 *   without it any more it signs; when no cache can have signatures of the old one any more that one goes.
 * - Key signing and combined keys: double signature (RFC 6781 s4.1.2). The new one is published and signs the
 *   DNSKEY set beside the old one; when that is in all caches, CDS and CDNSKEY ask for its DS (RFC 7344);
 * when that was seen at the parent, and its predecessor is gone from all caches, the old key goes. A combined
 * key changes its duty for the zone as a zone signing key does.
 *
 * All keys of a zone have one algorithm (RFC 6840 s5.11); another needs a zone without keys.
 */
#ifndef SW_ZONE_KEYS_H
#define SW_ZONE_KEYS_H

#include "wire/name.h"

#define SW_KEYS_MAX 32	 /* of a zone, those that are gone included */
#define SW_KEY_ID_MAX 41 /* 40 hexadecimal digits, NUL */
#define SW_DNSKEY_MAX 68 /* bytes of the data of a DNSKEY record, for the algorithms below */
#define SW_DS_BYTES 36	 /* the data of a DS record with a SHA-256 digest */
#define SW_KEYS_WHY_MAX 512

enum sw_key_algorithm {
	SW_KEY_ECDSAP256SHA256 = 13, /* RFC 6605 */
	SW_KEY_ED25519 = 15,	     /* RFC 8080 */
};

/** X(name, label): combined, key signing, zone signing (RFC 6781 s3.1, RFC 9499 s11) */
#define SW_KEY_ROLES(X) \
	X(CSK, "csk")   \
	X(KSK, "ksk")   \
	X(ZSK, "zsk")

enum sw_key_role {
#define X(name, label) SW_KEY_##name,
	SW_KEY_ROLES(X)
#undef X
};

const char *sw_key_role_label(enum sw_key_role role);

/** X(field, label): times in seconds since 1970, 0 for not yet. */
#define SW_KEY_TIMES(X)                                                                                 \
	X(created_s, "created")                                                                         \
	X(published_s, "published")	  /* its DNSKEY is served */                                    \
	X(active_s, "active")		  /* signs the zone; a key signing key: signs the DNSKEY set */ \
	X(ds_submitted_s, "ds-submitted") /* CDS and CDNSKEY ask the parent for its DS */               \
	X(ds_seen_s, "ds-seen")		  /* the DS is at the parent; see sw_keys_ds_seen() */          \
	X(retired_s, "retired")		  /* signs no more what `active_s` is about */                  \
	X(removed_s, "removed")		  /* its DNSKEY is not served any more */

struct sw_key {
	char id[SW_KEY_ID_MAX]; /* names its file */
	enum sw_key_role role;
	uint8_t algorithm; /* enum sw_key_algorithm */
	uint16_t tag;	   /* RFC 4034 appendix B; no two keys of a zone share it */
	bool is_roll_asked;
#define X(field, label) int64_t field;
	SW_KEY_TIMES(X)
#undef X
	uint8_t dnskey[SW_DNSKEY_MAX]; /* the record's data */
	uint16_t dnskey_len;
	struct dnssec_key *secret; /* NULL when it was not asked for, or is gone */
};

/** Oldest first. Zeros, and the apex: a zone without keys. */
struct sw_keys {
	uint8_t apex[SW_NAME_MAX];
	struct sw_key keys[SW_KEYS_MAX];
	size_t count;
};

/* ---- the files (keys_store.c): DIRECTORY/ID.pem (PKCS #8) and DIRECTORY/ZONE.json, all of mode 0600 ---- */

/** Read the keys of a zone; a zone without any has no file, and that is no error.
 * @param has_secrets  whether to read private keys: to list keys needs none
 * @param why  SW_KEYS_WHY_MAX bytes, text of an error
 * @return 0; -EBADMSG when the file is not one of ours, or a private key does not fit its DNSKEY; -ENOENT
 * when a private key is missing; other -errno. `keys` is written only on success; sw_keys_free() it */
int sw_keys_load(
	struct sw_keys *keys, const char *directory, const uint8_t *apex, bool has_secrets, char *why);

/** Write what is known of the keys; durable and whole, or not at all. Of a zone without any the file goes.
 * @return 0 or -errno */
int sw_keys_save(const struct sw_keys *keys, const char *directory, char *why);

/** Make a key, durable on return, and add it. Makes the directory (mode 0700) if need be.
 * @return 0; -EINVAL for an unknown algorithm; -ENOSPC with SW_KEYS_MAX keys; -errno, then `keys` is as
 * before */
int sw_keys_generate(struct sw_keys *keys, const char *directory, enum sw_key_role role, uint8_t algorithm,
	int64_t now_s, char *why);

/** A private key of another server: of BIND (K*.private, with its .key file beside it), or in PEM, as Knot
 * keeps them. */
struct sw_key_file {
	const char *path;
	bool has_role; /* else what the .key file says, which does not tell a CSK from a KSK; PEM says nothing
			*/
	enum sw_key_role role;
};

/** Take over the keys that a zone has been signed with so far: a CSK, or a KSK and a ZSK. They count as known
 * to all caches, and the DS as seen, now. The files belong to the owner of the directory: where this process
 * is root's, it becomes that user meanwhile, all its threads do. (keys_import.c)
 * @param keys  what sw_keys_load() has found: nothing
 * @return 0; -EEXIST for a zone with keys; -EINVAL for others than those; -EOPNOTSUPP for another algorithm;
 * -EBADMSG for a file that is not such a key, or does not fit its DNSKEY; other -errno. Nothing is changed
 * then
 */
int sw_keys_import(struct sw_keys *keys, const char *directory, const struct sw_key_file *files, size_t count,
	int64_t now_s, char *why);

/** Forget keys that were removed before a time, private keys too, and save what is left.
 * @return 0 or -errno */
int sw_keys_purge(struct sw_keys *keys, const char *directory, int64_t before_s, char *why);

/** Frees what the keys hold, and empties them; the apex stays. */
void sw_keys_free(struct sw_keys *keys);

/* ---- their lives (keys.c): pure ---- */

/** Durations in seconds. Where a TTL was lowered lately, the higher one counts for as long as it is. */
struct sw_keys_policy {
	bool is_split;	   /* KSK and ZSK instead of a CSK */
	bool is_leaving;   /* ask the parent to remove the DS: the zone is to be unsigned (RFC 8078 s4) */
	uint8_t algorithm; /* of the first key */
	uint32_t dnskey_ttl_s;
	uint32_t zone_ttl_max_s;       /* the longest TTL in the zone; sw_sign_ttl_max() */
	uint32_t propagation_s;	       /* until every secondary serves a change (RFC 7583: Dprp) */
	uint32_t ds_ttl_s;	       /* of the DS at the parent */
	uint32_t parent_propagation_s; /* until every server of the parent has it (RFC 7583: DprpP) */
	uint32_t ksk_lifetime_s;       /* of KSK and CSK, from when its DS was seen; 0: for ever */
	uint32_t zsk_lifetime_s;
};

/** One combined key for ever; an hour for secondaries, a day for the DS. */
#define SW_KEYS_POLICY_DEFAULT                                                                      \
	{                                                                                           \
		.algorithm = SW_KEY_ECDSAP256SHA256, .dnskey_ttl_s = 3600, .zone_ttl_max_s = 86400, \
		.propagation_s = 3600, .ds_ttl_s = 86400, .parent_propagation_s = 3600,             \
		.zsk_lifetime_s = 90 * 86400,                                                       \
	}

/** What a key is used for, as bits. */
enum sw_key_use {
	SW_KEY_PUBLISH = 1,   /* DNSKEY */
	SW_KEY_SIGN_KEYS = 2, /* DNSKEY, CDS and CDNSKEY sets */
	SW_KEY_SIGN_ZONE = 4, /* everything else */
	SW_KEY_SUBMIT = 8,    /* CDS and CDNSKEY are for this one */
	SW_KEY_RETIRED = 16,  /* superseded */
};

struct sw_keys_plan {
	uint8_t uses[SW_KEYS_MAX]; /* enum sw_key_use of each key */
	bool wants[3];		   /* by enum sw_key_role: generate one of these, then ask again */
	uint8_t wanted_algorithm;
	bool is_delete;	    /* the CDS and CDNSKEY that say "no DS" (RFC 8078 s4) */
	bool is_ds_awaited; /* nothing goes on until sw_keys_ds_seen() */
	int64_t due_s;	    /* the answer changes then at the latest; INT64_MAX: not by time */
};

/** What the zone is to publish now, and who signs it. */
void sw_keys_turn(const struct sw_keys *keys, const struct sw_keys_policy *policy, int64_t now_s,
	struct sw_keys_plan *plan);

/** What can happen to a key: X(name, label); labels are those of its times where there is one. */
#define SW_KEY_EVENTS(X)                \
	X(NOTHING, "nothing")           \
	X(IS_ACTIVE, "active")          \
	X(IS_SUBMITTED, "ds-submitted") \
	X(IS_SEEN, "ds-seen")           \
	X(IS_RETIRED, "retired")        \
	X(IS_REMOVED, "removed")        \
	X(IS_REPLACED, "replaced") /* its successor is made; it goes on until that can */

enum sw_key_event {
#define X(name, label) SW_KEY_##name,
	SW_KEY_EVENTS(X)
#undef X
};

const char *sw_key_event_label(enum sw_key_event event);

struct sw_key_next {
	enum sw_key_event event;
	int64_t at_s; /* 0: not by time, but when a DS has been seen */
};

/** What each key comes to next, if nobody asks for anything and the zone is served as it is planned. Of a
 * zone that is to be unsigned nothing is said. (keys_next.c) */
void sw_keys_next(const struct sw_keys *keys, const struct sw_keys_policy *policy, int64_t now_s,
	struct sw_key_next next[SW_KEYS_MAX]);

/** A zone made by that plan is served since `now_s`. Between the two no key is purged.
 * @return whether anything is new, which is to be saved */
bool sw_keys_served(struct sw_keys *keys, const struct sw_keys_plan *plan, int64_t now_s);

/** The parent has been seen to publish a DS of this key: on all its servers, or by the operator's word.
 * @return 0; -ENOENT for a key that is not there; -EAGAIN while caches may still have DNSKEY sets without it
 */
int sw_keys_ds_seen(struct sw_keys *keys, const char *id, int64_t now_s);

/** Replace the newest key with that duty (SW_KEY_ZSK: for the zone, otherwise for the keys) before its time.
 * @return 0, -ENOENT, or -EALREADY while it is being replaced */
int sw_keys_roll(struct sw_keys *keys, enum sw_key_role role);

/** DS data of a key, SHA-256 (RFC 4509; RFC 8624 s3.3). CDS data are the same. @return 0 or -EIO */
int sw_key_ds(const struct sw_keys *keys, const struct sw_key *key, uint8_t ds[SW_DS_BYTES]);

/** The key that DS data from the parent stand for, or NULL. */
const struct sw_key *sw_keys_find_ds(const struct sw_keys *keys, const uint8_t *ds, size_t len);

#endif
