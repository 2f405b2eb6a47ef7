/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a node is told: from the command line, the configuration file and lists of zones. */
#ifndef SW_SERVE_SETTINGS_H
#define SW_SERVE_SETTINGS_H

#include "image/image.h"
#include "serve/endpoint.h"
#include "serve/limits.h"
#include "serve/policy.h"
#include "serve/tls.h"
#include "wire/name.h"
#include "xdp/services.h"
#include <stddef.h>

#define SW_WHY_TEXT_MAX 512 /* text of an error, file names in it */

/** Where XDP goes. */
enum sw_xdp_choice {
	SW_XDP_AUTO, /* interfaces that have an address listened on by name, not by wildcard */
	SW_XDP_NONE,
	SW_XDP_LISTED,
};

struct sw_tcp_limits {
	unsigned connections;	     /* in all */
	unsigned prefix_connections; /* from one /24 or /56 */
	unsigned idle_ms;	     /* without a whole query, and without taking an answer */
	unsigned lifetime_ms;	     /* in all; 0: none */
};

/** A source that is never refused, as a monitor must not be. */
struct sw_trusted {
	uint8_t address[16]; /* IPv4 in the first four */
	uint8_t address_len;
};
#define SW_TRUSTED_MAX 64

/** What the guard is told; 0 and NULL: not limited, not kept. */
struct sw_guard_options {
	bool observe;
	struct sw_trusted trusted[SW_TRUSTED_MAX];
	size_t trusted_count;
	char *state;	      /* directory */
	char *record;	      /* file */
	unsigned answers_qps; /* capacity */
	unsigned egress_mbps;
	unsigned punts_qps;
	unsigned network_qps;  /* replies to strangers of one /24 or /48 */
	unsigned busy_percent; /* of the busiest core that handles packets */
};

/** Keys of zones under a name, for zones that come while the server runs (serve/beyond.h). */
struct sw_template {
	char *name;
	char *file;			     /* %s: the zone (sw_template_file()); NULL: none */
	const struct sw_zone_policy *policy; /* NULL: nothing beyond the file */
	bool is_for_zone; /* it names names, so that it means something else for each zone */
};

/** One zone as told; `source` says where ("seawall.yaml:12"), for messages. */
struct sw_zone_setting {
	uint8_t *apex; /* lower case */
	char *file;    /* NULL: the zone comes from its primaries alone */
	char *source;
	const struct sw_zone_policy *policy; /* never NULL; zones may share it */
	const struct sw_template *template;  /* that it was told with; NULL: none */
};

struct sw_settings {
	unsigned holders; /* beside the first */
	struct sw_endpoint *listen;
	size_t listen_count;
	enum sw_xdp_choice xdp;
	char **interfaces;
	size_t interface_count;
	char *pin;	      /* directory in a BPF filesystem; NULL: the kernel part goes with the process */
	unsigned outlive_ms;  /* how long it may go on without one */
	char *control;	      /* path of the control socket; NULL: the default; "": none */
	unsigned udp_workers; /* per address; 0: one per core this process may use */
	unsigned tcp_workers;
	struct sw_tcp_limits tcp;
	struct sw_tls_options tls;
	struct sw_gate gate;
	struct sw_guard_options guard;
	struct sw_limits limits; /* as told; 0: the default */
	uint16_t udp_max;	 /* largest UDP reply, bytes */
	bool cookies;
	unsigned cookie_secret_count;
	uint8_t cookie_secret[2][16]; /* current, previous (RFC 9018 s5) */
	uint8_t nsid[SW_NSID_MAX];
	uint8_t nsid_len;
	char chaos[SW_CHAOS_COUNT][SW_CHAOS_TEXT_MAX + 1]; /* "": refused */
	/* Directory of what outlives the process; NULL: nothing does, and no zone is live. "" until finished:
	 * none, though root would have one. */
	char *state;
	struct sw_tsig_key *keys;
	size_t key_count;
	struct sw_remote *remotes;
	size_t remote_count;
	struct sw_zone_policy **policies; /* of zones and templates; what zones point to */
	size_t policy_count;
	struct sw_template **templates;
	size_t template_count;
	struct sw_zone_setting *zones;
	size_t zone_count;
	size_t zone_capacity;
	/* Of settings made by sw_settings_beyond(): those they share all but the zones with, held, and zones
	 * that are not told there. */
	struct sw_settings *base;
	struct sw_beyond **beyond;
	size_t beyond_count;
};

/** The defaults of every key, and no zones. NULL when out of memory. */
struct sw_settings *sw_settings_new(void);

/** One more holder, each of whom frees them; any thread. @return settings */
struct sw_settings *sw_settings_hold(struct sw_settings *settings);
/** They are gone with the last holder. Takes NULL. */
void sw_settings_free(struct sw_settings *settings);

/* Each returns 0, -EINVAL with text in why (SW_WHY_TEXT_MAX bytes), or -ENOMEM. */
int sw_settings_add_listen(struct sw_settings *settings, const char *text, char *why);
/** "auto", "none", or the name of an interface. */
int sw_settings_add_xdp(struct sw_settings *settings, const char *text, char *why);
/** A zone that is read from its file and no more. */
int sw_settings_add_zone(
	struct sw_settings *settings, const char *apex, const char *file, const char *source, char *why);
/** @param file    NULL where the policy has primaries
 * @param policy  of sw_settings_add_policy(), or NULL: nothing beyond the file */
int sw_settings_add_zone_with(struct sw_settings *settings, const char *apex, const char *file,
	const struct sw_zone_policy *policy, const char *source, char *why);

/* Others keep pointers to keys and remotes: all keys come before the first remote, all remotes before the
 * first policy. Remote and policy are the settings' own when 0 is returned. */
int sw_settings_add_key(struct sw_settings *settings, const struct sw_tsig_key *key, char *why);
int sw_settings_add_remote(struct sw_settings *settings, const struct sw_remote *remote, char *why);
int sw_settings_add_policy(struct sw_settings *settings, struct sw_zone_policy *policy);
/** @param template  copied; its texts are the settings' own when 0 is returned */
int sw_settings_add_template(struct sw_settings *settings, const struct sw_template *template);
/** By name; NULL when there is none. */
const struct sw_template *sw_settings_find_template(const struct sw_settings *settings, const char *name);

/** The file of a zone of that template: %s is the zone's name without its final dot ('/' becomes '_', the
 * root is 'root'), %% is a percent sign.
 * @return 0; -EINVAL for another sign behind a %; -ENAMETOOLONG */
int sw_template_file(const char *pattern, const uint8_t *apex, char *path, size_t size);

/* By name; NULL when there is none. */
const struct sw_tsig_key *sw_settings_find_key(const struct sw_settings *settings, const uint8_t *name);
const struct sw_remote *sw_settings_find_remote(const struct sw_settings *settings, const char *name);
/** Of finished settings. */
const struct sw_zone_setting *sw_settings_find_zone(const struct sw_settings *settings, const uint8_t *apex);

/** Hexadecimal, 128 bits; first call sets the current secret, second the previous one. */
int sw_settings_add_cookie_secret(struct sw_settings *settings, const char *text, char *why);
/** Text, or hexadecimal after "0x". */
int sw_settings_set_nsid(struct sw_settings *settings, const char *text, char *why);
int sw_settings_set_chaos(struct sw_settings *settings, enum sw_chaos which, const char *text, char *why);

/** "auto", "yes", "no". */
int sw_settings_set_dedicated(struct sw_settings *settings, const char *text, char *why);
/** "192.0.2.0/24", "2001:db8:53::/48". */
int sw_settings_add_prefix(struct sw_settings *settings, const char *text, char *why);

/** An address. */
int sw_settings_add_trusted(struct sw_settings *settings, const char *text, char *why);

/** After the last key: fill in defaults of addresses, and of the state where a zone is live; sort the zones
 * by name, refuse a zone told twice. */
int sw_settings_finish(struct sw_settings *settings, char *why);

/** Forget addresses or interfaces told so far, for options that replace keys of the file. */
void sw_settings_clear_listen(struct sw_settings *settings);
void sw_settings_clear_xdp(struct sw_settings *settings);

/** Where the state is unless told: below /var for root, for others NULL. */
const char *sw_settings_state_default(void);

/** Where the control socket is unless told: $SEAWALL_CONTROL, else below /run for root, else $XDG_RUNTIME_DIR
 * or /tmp. */
void sw_settings_control_default(char *path, size_t size);

#endif
