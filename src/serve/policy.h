/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How zones change while they are served: from whom they come, who may have them, who may change them. */
#ifndef SW_SERVE_POLICY_H
#define SW_SERVE_POLICY_H

#include "serve/endpoint.h"
#include "wire/tsig.h"
#include "zone/keys.h"
#include "zone/sign.h"

/** A server at the other end of transfers and notifications. */
struct sw_remote {
	char *name;
	struct sw_endpoint *addresses; /* tried in this order */
	size_t address_count;
	struct sw_endpoint source;     /* to ask from; len 0: the system chooses */
	const struct sw_tsig_key *key; /* NULL: unsigned */
	bool is_tls;		       /* transfers over TLS (RFC 9103) */
	char *tls_hostname;	       /* that its certificate must be for; NULL: not looked at */
	uint8_t tls_pin[32];	       /* SHA-256 of its public key (RFC 7858 s4.2) */
	bool has_tls_pin;
};

/** One rule: who fits all of it, may. */
struct sw_access {
	uint8_t address[16]; /* IPv4 in the first four bytes */
	uint8_t address_len; /* 0: from anywhere */
	uint8_t bits;
	const struct sw_tsig_key *key; /* NULL: need not be signed */
	bool is_tls;		       /* over TLS alone (RFC 9103 s11: strict) */
	/* updates alone */
	uint8_t *name;	 /* at or below it; NULL: the whole zone */
	uint16_t *types; /* NULL: all, and type ANY, which removes all of them */
	size_t type_count;
};

struct sw_access_list {
	struct sw_access *rules;
	size_t count;
};

/** A group of a catalog, and the template for its zones. */
struct sw_catalog_group {
	char *group; /* NULL: none is told */
	char *template;
};

/** Of a zone whose records name other zones (RFC 9432): how they are served, or which are in it. */
struct sw_catalog_policy {
	bool is_produced; /* made of the zones of these templates; else its members are served */
	struct sw_catalog_group *groups; /* the first that fits counts */
	size_t group_count;
	char *template;	      /* of members of no group in the list; NULL: they are left out */
	uint8_t **only_below; /* members are these names or below them; none: whatever the catalog says */
	size_t only_below_count;
	unsigned members_max; /* 0: the default */
};

/** How a zone is signed. What zone/keys.h asks for and only the zone itself can tell is filled in later. */
struct sw_dnssec_policy {
	bool is_leaving; /* it is to be unsigned, when nobody expects signatures any more */
	struct sw_sign_policy sign;
	struct sw_keys_policy keys;
	char *directory;		  /* of the keys; NULL: below the state directory */
	const struct sw_remote **parents; /* asked for the DS, all of their addresses; none: told by hand */
	size_t parent_count;
	uint32_t parent_check_s; /* between two times */
};

/** Told for a zone, or by the template that it names. Zeros: a zone that is read from its file and no more.
 */
struct sw_zone_policy {
	const struct sw_remote **primaries; /* tried in this order; none: the zone is ours */
	size_t primary_count;
	const struct sw_remote **notify; /* told of each new version */
	size_t notify_count;
	struct sw_access_list notify_from; /* who may tell us, beside the primaries' addresses */
	struct sw_access_list transfer_to;
	struct sw_access_list update_by;
	bool forwards_updates;						  /* to the first primary */
	unsigned refresh_min_s, refresh_max_s, retry_min_s, expire_max_s; /* bounds to the SOA's; 0: none */
	uint64_t records_max, transfer_bytes_max, journal_bytes_max;	  /* 0: the default */
	struct sw_catalog_policy *catalog;				  /* NULL: it is no catalog */
	struct sw_dnssec_policy *dnssec;				  /* NULL: nothing is told of it */
};

/** Whether it is kept in the archive (zone/archive.h). */
static inline bool sw_policy_is_live(const struct sw_zone_policy *policy)
{
	return policy->primary_count > 0 || policy->transfer_to.count > 0 || policy->update_by.count > 0 ||
	       policy->notify_count > 0 || policy->dnssec != NULL || policy->catalog != NULL;
}

/** Who asks. */
struct sw_peer {
	uint8_t address[16];
	uint8_t address_len;
	const struct sw_tsig_key *key; /* that its message was signed with; NULL: none */
	bool is_encrypted;	       /* over TLS */
};

/** The first rule that lets it, or NULL. Names and types of updates are not looked at. */
const struct sw_access *sw_access_find(const struct sw_access_list *list, const struct sw_peer *peer);

/** Whether an update of that name and type is let by any rule. */
bool sw_access_lets(
	const struct sw_access_list *list, const struct sw_peer *peer, const uint8_t *name, uint16_t type);

/* Free what they hold; the structs of the first two are the caller's. */
void sw_access_list_clear(struct sw_access_list *list);
void sw_remote_clear(struct sw_remote *remote);
void sw_catalog_policy_free(struct sw_catalog_policy *catalog); /* takes NULL */
void sw_zone_policy_free(struct sw_zone_policy *policy);

#endif
