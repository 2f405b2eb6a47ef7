/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/settings.h"
#include "serve/beyond.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_CONNECTIONS 4096
#define TCP_PREFIX_CONNECTIONS 512
#define TCP_IDLE_MS 10000 /* as Knot; RFC 7766 s6.2.3: of the order of seconds */
#define TCP_LIFETIME_MS (3600 * 1000)
#define GUARD_BUSY_PERCENT 97
#define GUARD_NETWORK_QPS 1000
#define SYN_BUDGET 200	    /* in 100 ms on one core */
#define PREFIX_BITS_MIN4 16 /* shorter ones are slips: nobody has a network for services so big */
#define PREFIX_BITS_MIN6 32
#define OUTLIVE_MS (24 * 3600 * 1000)
#define UDP_MAX 1232 /* DNS flag day 2020: fits an IPv6 packet of 1,280 bytes */

struct sw_settings *sw_settings_new(void)
{
	struct sw_settings *settings = calloc(1, sizeof(*settings));
	if (settings == NULL)
		return NULL;
	settings->tcp = (struct sw_tcp_limits){
		.connections = TCP_CONNECTIONS,
		.prefix_connections = TCP_PREFIX_CONNECTIONS,
		.idle_ms = TCP_IDLE_MS,
		.lifetime_ms = TCP_LIFETIME_MS,
	};
	sw_tls_options_init(&settings->tls);
	settings->gate.syn_budget = SYN_BUDGET;
	settings->guard.busy_percent = GUARD_BUSY_PERCENT;
	settings->guard.network_qps = GUARD_NETWORK_QPS;
	settings->outlive_ms = OUTLIVE_MS;
	settings->udp_max = UDP_MAX;
	settings->cookies = true;
	return settings;
}

void sw_settings_clear_listen(struct sw_settings *settings)
{
	free(settings->listen);
	settings->listen = NULL;
	settings->listen_count = 0;
}

void sw_settings_clear_xdp(struct sw_settings *settings)
{
	for (size_t i = 0; i < settings->interface_count; i++)
		free(settings->interfaces[i]);
	free(settings->interfaces);
	settings->interfaces = NULL;
	settings->interface_count = 0;
	settings->xdp = SW_XDP_AUTO;
}

static void peers_free(struct sw_settings *settings)
{
	for (size_t i = 0; i < settings->policy_count; i++)
		sw_zone_policy_free(settings->policies[i]);
	free(settings->policies);
	for (size_t i = 0; i < settings->template_count; i++) {
		free(settings->templates[i]->name);
		free(settings->templates[i]->file);
		free(settings->templates[i]);
	}
	free(settings->templates);
	for (size_t i = 0; i < settings->remote_count; i++)
		sw_remote_clear(&settings->remotes[i]);
	free(settings->remotes);
	if (settings->keys != NULL)
		explicit_bzero(settings->keys, settings->key_count * sizeof(*settings->keys));
	free(settings->keys);
}

struct sw_settings *sw_settings_hold(struct sw_settings *settings)
{
	__atomic_add_fetch(&settings->holders, 1, __ATOMIC_RELAXED);
	return settings;
}

void sw_settings_free(struct sw_settings *settings)
{
	if (settings == NULL || __atomic_fetch_sub(&settings->holders, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (settings->base != NULL) {
		sw_beyond_settings_free(settings);
		return;
	}
	sw_settings_clear_listen(settings);
	sw_settings_clear_xdp(settings);
	sw_tls_options_free(&settings->tls);
	free(settings->guard.state);
	free(settings->guard.record);
	for (size_t i = 0; i < settings->zone_count; i++) {
		free(settings->zones[i].apex);
		free(settings->zones[i].file);
		free(settings->zones[i].source);
	}
	free(settings->zones);
	peers_free(settings);
	free(settings->state);
	free(settings->pin);
	free(settings->control);
	free(settings);
}

static int refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(char *why, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(why, SW_WHY_TEXT_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

int sw_settings_add_listen(struct sw_settings *settings, const char *text, char *why)
{
	struct sw_endpoint endpoint;
	if (sw_endpoint_parse(text, &endpoint) != 0)
		return refuse(why, "'%s' is not ADDR or ADDR@PORT, as 192.0.2.1@53 or ::1@5353", text);
	for (size_t i = 0; i < settings->listen_count; i++) {
		if (sw_endpoint_equal(&settings->listen[i], &endpoint))
			return refuse(why, "'%s' is told twice", text);
	}
	struct sw_endpoint *grown =
		reallocarray(settings->listen, settings->listen_count + 1, sizeof(endpoint));
	if (grown == NULL)
		return -ENOMEM;
	grown[settings->listen_count++] = endpoint;
	settings->listen = grown;
	return 0;
}

int sw_settings_add_xdp(struct sw_settings *settings, const char *text, char *why)
{
	bool is_word = strcmp(text, "auto") == 0 || strcmp(text, "none") == 0;
	if (settings->xdp == SW_XDP_NONE || (is_word && settings->xdp != SW_XDP_AUTO))
		return refuse(why, "'none' and 'auto' stand alone, without interfaces");
	if (is_word) {
		settings->xdp = text[0] == 'n' ? SW_XDP_NONE : SW_XDP_AUTO;
		return 0;
	}
	if (strlen(text) == 0 || strlen(text) >= IF_NAMESIZE)
		return refuse(why, "'%s' is not the name of an interface", text);
	for (size_t i = 0; i < settings->interface_count; i++) {
		if (strcmp(settings->interfaces[i], text) == 0)
			return refuse(why, "interface '%s' is told twice", text);
	}
	char **grown = reallocarray(settings->interfaces, settings->interface_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	settings->interfaces = grown;
	grown[settings->interface_count] = strdup(text);
	if (grown[settings->interface_count] == NULL)
		return -ENOMEM;
	settings->interface_count++;
	settings->xdp = SW_XDP_LISTED;
	return 0;
}

/** Room for one more zone, in zeros. */
static struct sw_zone_setting *zone_room(struct sw_settings *settings)
{
	if (settings->zone_count == settings->zone_capacity) {
		size_t capacity = settings->zone_capacity ? 2 * settings->zone_capacity : 16;
		struct sw_zone_setting *grown = reallocarray(settings->zones, capacity, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		settings->zones = grown;
		settings->zone_capacity = capacity;
	}
	struct sw_zone_setting *zone = &settings->zones[settings->zone_count++];
	memset(zone, 0, sizeof(*zone));
	return zone;
}

int sw_settings_add_zone_with(struct sw_settings *settings, const char *apex, const char *file,
	const struct sw_zone_policy *policy, const char *source, char *why)
{
	static const struct sw_zone_policy nothing;
	uint8_t name[SW_NAME_MAX];
	int len = sw_name_parse(apex, name);
	if (len < 0)
		return refuse(why, "'%s' is not a domain name", apex);
	if (policy == NULL)
		policy = &nothing;
	bool is_made = policy->catalog != NULL && policy->catalog->is_produced;
	if (file != NULL ? file[0] == '\0' : policy->primary_count == 0 && !is_made)
		return refuse(why, "zone '%s' has no file", apex);
	sw_name_lower(name);
	struct sw_zone_setting *zone = zone_room(settings);
	if (zone == NULL)
		return -ENOMEM;
	zone->policy = policy;
	zone->apex = malloc((size_t)len);
	zone->file = file ? strdup(file) : NULL;
	zone->source = strdup(source);
	if (zone->apex == NULL || (file != NULL && zone->file == NULL) || zone->source == NULL)
		return -ENOMEM;
	memcpy(zone->apex, name, (size_t)len);
	return 0;
}

int sw_settings_add_zone(
	struct sw_settings *settings, const char *apex, const char *file, const char *source, char *why)
{
	return sw_settings_add_zone_with(settings, apex, file, NULL, source, why);
}

int sw_settings_add_key(struct sw_settings *settings, const struct sw_tsig_key *key, char *why)
{
	char text[SW_NAME_TEXT_MAX];
	assert(settings->remote_count == 0 && settings->policy_count == 0);
	if (sw_settings_find_key(settings, key->name) != NULL)
		return refuse(why, "key '%.300s' is told twice", sw_name_text(key->name, text));
	struct sw_tsig_key *grown = calloc(settings->key_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	if (settings->key_count > 0) {
		/* not realloc(), which would leave secrets behind */
		memcpy(grown, settings->keys, settings->key_count * sizeof(*grown));
		explicit_bzero(settings->keys, settings->key_count * sizeof(*grown));
	}
	free(settings->keys);
	settings->keys = grown;
	grown[settings->key_count++] = *key;
	return 0;
}

int sw_settings_add_remote(struct sw_settings *settings, const struct sw_remote *remote, char *why)
{
	assert(settings->policy_count == 0);
	if (sw_settings_find_remote(settings, remote->name) != NULL)
		return refuse(why, "remote '%.300s' is told twice", remote->name);
	struct sw_remote *grown = reallocarray(settings->remotes, settings->remote_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	settings->remotes = grown;
	grown[settings->remote_count++] = *remote;
	return 0;
}

int sw_settings_add_policy(struct sw_settings *settings, struct sw_zone_policy *policy)
{
	/* doubled when full, at powers of two: each of many zones may have its own */
	size_t count = settings->policy_count;
	if ((count & (count - 1)) == 0) {
		struct sw_zone_policy **grown = reallocarray(
			settings->policies, count ? 2 * count : 1, sizeof(struct sw_zone_policy *));
		if (grown == NULL)
			return -ENOMEM;
		settings->policies = grown;
	}
	settings->policies[settings->policy_count++] = policy;
	return 0;
}

const struct sw_tsig_key *sw_settings_find_key(const struct sw_settings *settings, const uint8_t *name)
{
	for (size_t i = 0; i < settings->key_count; i++) {
		if (sw_name_equal(settings->keys[i].name, name))
			return &settings->keys[i];
	}
	return NULL;
}

const struct sw_remote *sw_settings_find_remote(const struct sw_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->remote_count; i++) {
		if (strcmp(settings->remotes[i].name, name) == 0)
			return &settings->remotes[i];
	}
	return NULL;
}

/** @return bytes, or -EINVAL */
static int parse_hex(const char *text, uint8_t *bytes, size_t size)
{
	size_t len = 0;
	for (; *text; text += 2, len++) {
		unsigned byte;
		if (len == size || strspn(text, "0123456789abcdefABCDEF") < 2 ||
			sscanf(text, "%2x", &byte) != 1)
			return -EINVAL;
		bytes[len] = (uint8_t)byte;
	}
	return (int)len;
}

int sw_settings_add_cookie_secret(struct sw_settings *settings, const char *text, char *why)
{
	uint8_t secret[16];
	if (settings->cookie_secret_count == 2)
		return refuse(why, "two secrets at most: the current and the previous one");
	if (parse_hex(text, secret, sizeof(secret)) != (int)sizeof(secret))
		return refuse(why, "a cookie secret is 128 bits: 32 hexadecimal digits"); /* never printed */
	memcpy(settings->cookie_secret[settings->cookie_secret_count++], secret, sizeof(secret));
	return 0;
}

int sw_settings_set_nsid(struct sw_settings *settings, const char *text, char *why)
{
	if (strncmp(text, "0x", 2) == 0) {
		int len = parse_hex(text + 2, settings->nsid, sizeof(settings->nsid));
		if (len <= 0)
			return refuse(why, "'%s' is not hexadecimal of at most %d bytes", text, SW_NSID_MAX);
		settings->nsid_len = (uint8_t)len;
		return 0;
	}
	if (strlen(text) > sizeof(settings->nsid))
		return refuse(why, "longer than %d bytes", SW_NSID_MAX);
	settings->nsid_len = (uint8_t)strlen(text);
	memcpy(settings->nsid, text, settings->nsid_len);
	return 0;
}

int sw_settings_set_chaos(struct sw_settings *settings, enum sw_chaos which, const char *text, char *why)
{
	if (strlen(text) > SW_CHAOS_TEXT_MAX)
		return refuse(why, "longer than %d bytes", SW_CHAOS_TEXT_MAX);
	strcpy(settings->chaos[which], text);
	return 0;
}

int sw_settings_set_dedicated(struct sw_settings *settings, const char *text, char *why)
{
	static const char *const words[] = {
		[SW_DEDICATED_AUTO] = "auto", [SW_DEDICATED_YES] = "yes", [SW_DEDICATED_NO] = "no"};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			settings->gate.dedicated = i;
			return 0;
		}
	}
	return refuse(why, "'%s' is neither auto, yes nor no", text);
}

/** First bits of an address set, the others clear. */
static void mask_set(uint8_t *mask, unsigned bits)
{
	memset(mask, 0, 16);
	memset(mask, 0xff, bits / 8);
	if (bits % 8)
		mask[bits / 8] = (uint8_t)(0xff00 >> bits % 8);
}

/** @return 0 or -EINVAL */
static int parse_prefix(const char *text, struct sw_range *range, unsigned *bits)
{
	char address[INET6_ADDRSTRLEN], *end;
	const char *slash = strchr(text, '/');
	if (slash == NULL || (size_t)(slash - text) >= sizeof(address) || slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	bool is_v4 = strchr(address, ':') == NULL;
	*range = (struct sw_range){.address_len = is_v4 ? 4 : 16};
	if (inet_pton(is_v4 ? AF_INET : AF_INET6, address, range->address) != 1)
		return -EINVAL;
	unsigned long value = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || value > 8 * range->address_len)
		return -EINVAL;
	*bits = (unsigned)value;
	mask_set((uint8_t *)range->mask, *bits);
	return 0;
}

int sw_settings_add_prefix(struct sw_settings *settings, const char *text, char *why)
{
	struct sw_gate *gate = &settings->gate;
	struct sw_range range;
	unsigned bits;
	if (parse_prefix(text, &range, &bits) != 0)
		return refuse(why, "'%s' is not a prefix, as 192.0.2.0/24 or 2001:db8:53::/48", text);
	if ((range.address[0] & ~range.mask[0]) != 0 || (range.address[1] & ~range.mask[1]) != 0)
		return refuse(why, "'%s' has bits set behind its length", text);
	if (bits < (range.address_len == 4 ? PREFIX_BITS_MIN4 : PREFIX_BITS_MIN6))
		return refuse(why, "'%s' is shorter than /%u", text,
			range.address_len == 4 ? PREFIX_BITS_MIN4 : PREFIX_BITS_MIN6);
	if (gate->range_count == SW_RANGES_MAX)
		return refuse(why, "more than %d prefixes", SW_RANGES_MAX);
	gate->range[gate->range_count++] = range;
	return 0;
}

int sw_settings_add_trusted(struct sw_settings *settings, const char *text, char *why)
{
	struct sw_guard_options *guard = &settings->guard;
	struct sw_trusted trusted = {.address_len = strchr(text, ':') ? 16 : 4};
	if (inet_pton(trusted.address_len == 16 ? AF_INET6 : AF_INET, text, trusted.address) != 1)
		return refuse(why, "'%s' is neither an IPv4 nor an IPv6 address", text);
	if (guard->trusted_count == SW_TRUSTED_MAX)
		return refuse(why, "more than %d addresses", SW_TRUSTED_MAX);
	guard->trusted[guard->trusted_count++] = trusted;
	return 0;
}

static int compare_zones(const void *a, const void *b)
{
	return sw_name_compare(
		((const struct sw_zone_setting *)a)->apex, ((const struct sw_zone_setting *)b)->apex);
}

const struct sw_zone_setting *sw_settings_find_zone(const struct sw_settings *settings, const uint8_t *apex)
{
	const struct sw_zone_setting wanted = {.apex = (uint8_t *)apex};
	return settings->zone_count == 0 ? NULL
					 : bsearch(&wanted, settings->zones, settings->zone_count,
						   sizeof(*settings->zones), compare_zones);
}

/** Where no zone is live there is no state, lest a node without any make a directory for nothing. */
static int finish_state(struct sw_settings *settings)
{
	const char *standard = sw_settings_state_default();
	bool is_live = false;
	for (size_t i = 0; i < settings->zone_count && !is_live; i++)
		is_live = sw_policy_is_live(settings->zones[i].policy);
	if (settings->state != NULL && settings->state[0] == '\0') {
		free(settings->state);
		settings->state = NULL;
	} else if (settings->state == NULL && is_live && standard != NULL) {
		settings->state = strdup(standard);
		return settings->state ? 0 : -ENOMEM;
	}
	return 0;
}

static bool is_listened_on(const struct sw_settings *settings, const struct sw_endpoint *endpoint)
{
	for (size_t i = 0; i < settings->listen_count; i++) {
		if (sw_endpoint_equal(&settings->listen[i], endpoint))
			return true;
	}
	return false;
}

int sw_settings_finish(struct sw_settings *settings, char *why)
{
	if (settings->listen_count == 0) {
		int err = sw_settings_add_listen(settings, "0.0.0.0@53", why);
		int fd = socket(
			AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* none where the kernel runs without IPv6 */
		if (fd >= 0)
			close(fd);
		if (err == 0 && fd >= 0)
			err = sw_settings_add_listen(settings, "::@53", why);
		if (err != 0)
			return err;
	}
	for (size_t i = 0; i < settings->tls.listen_count; i++) {
		char text[SW_ENDPOINT_TEXT_MAX];
		if (is_listened_on(settings, &settings->tls.listen[i]))
			return refuse(why, "'%s' is told both for plain DNS and for TLS",
				sw_endpoint_text(&settings->tls.listen[i], text));
	}
	if (settings->zone_count > 1)
		qsort(settings->zones, settings->zone_count, sizeof(*settings->zones), compare_zones);
	for (size_t i = 1; i < settings->zone_count; i++) {
		const struct sw_zone_setting *a = &settings->zones[i - 1], *b = &settings->zones[i];
		char text[SW_NAME_TEXT_MAX];
		if (sw_name_compare(a->apex, b->apex) == 0)
			return refuse(why, "zone %s is told twice: %s and %s", sw_name_text(a->apex, text),
				a->source, b->source);
	}
	return finish_state(settings);
}

const char *sw_settings_state_default(void)
{
	return geteuid() == 0 ? "/var/lib/seawall" : NULL;
}

void sw_settings_control_default(char *path, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *told = getenv("SEAWALL_CONTROL");
	if (told != NULL && told[0] != '\0')
		snprintf(path, size, "%s", told);
	else if (geteuid() == 0)
		snprintf(path, size, "/run/seawall/control.sock");
	else if (runtime != NULL && runtime[0] == '/')
		snprintf(path, size, "%s/seawall/control.sock", runtime);
	else
		snprintf(path, size, "/tmp/seawall-%u/control.sock", (unsigned)geteuid());
}
