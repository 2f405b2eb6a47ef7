/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by those who put keys on disk. */
#ifndef SW_ZONE_KEYS_INSIDE_H
#define SW_ZONE_KEYS_INSIDE_H

#include "zone/keys.h"
#include <libdnssec/keystore.h>

#define SW_KEYS_PATH_MAX 4096

/** Write "PATH: WHAT: error". @return `error` */
int sw_keys_tell(char *why, int error, const char *what, const char *path);

/** Of an error of libdnssec: -errno. */
int sw_keys_errno(int dnssec_error);

int sw_keys_store_open(dnssec_keystore_t **store, const char *directory);

/** Read a private key by its id. What follows from it must be the DNSKEY that the key has, or becomes that of
 * one that has none yet. (libdnssec 3.2.6 takes a private key that does not fit the public key it was given.)
 * @return 0 or -errno */
int sw_keys_secret(dnssec_keystore_t *store, const uint8_t *apex, struct sw_key *key);

/** Where a private key is. */
void sw_keys_id_path(const char *directory, const char *id, char path[SW_KEYS_PATH_MAX]);

bool sw_keys_has_tag(const struct sw_keys *keys, uint16_t tag);

/** The library leaves its files readable to the group; the directory kept others out until here. */
int sw_keys_make_durable(const char *directory, const char *id);

#endif
