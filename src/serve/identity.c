/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/identity.h"
#include "wire/name.h"
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/** Change a counted text while readers run: none is there while it is being written. */
static void text_set(uint8_t *len, void *text, const void *from, size_t new_len)
{
	if (*len == new_len && memcmp(text, from, new_len) == 0)
		return;
	__atomic_store_n(len, 0, __ATOMIC_SEQ_CST);
	memcpy(text, from, new_len);
	__atomic_store_n(len, (uint8_t)new_len, __ATOMIC_RELEASE);
}

static void secret_store(uint64_t key[2], const uint8_t secret[16])
{
	memcpy(key, secret, 16);
	key[0] = le64toh(key[0]); /* SipHash reads its key little-endian */
	key[1] = le64toh(key[1]);
}

static int secrets_set(struct sw_control *control, const struct sw_settings *settings)
{
	uint8_t drawn[16];
	if (settings->cookie_secret_count > 0) {
		/* Without a previous secret the current one stands in both places: a key of zeros, which
		 * everyone knows, must never make a cookie good. */
		unsigned previous = settings->cookie_secret_count > 1 ? 1 : 0;
		secret_store(control->cookie_key[1], settings->cookie_secret[previous]);
		secret_store(control->cookie_key[0], settings->cookie_secret[0]);
		return 0;
	}
	if (control->cookie_key[0][0] != 0 || control->cookie_key[0][1] != 0)
		return 0;
	if (getrandom(drawn, sizeof(drawn), 0) != (ssize_t)sizeof(drawn))
		return -EIO;
	secret_store(control->cookie_key[1], drawn);
	secret_store(control->cookie_key[0], drawn);
	return 0;
}

int sw_identity_set(struct sw_control *control, const struct sw_settings *settings)
{
	static const char *const names[SW_CHAOS_NAMES] = {
		"id.server", "hostname.bind", "version.server", "version.bind"};
	uint8_t name[SW_NAME_MAX];
	for (unsigned i = 0; i < SW_CHAOS_NAMES; i++) {
		sw_name_parse(names[i], name);
		control->chaos_hash[i] = sw_name_hash(&control->key, name);
	}
	for (unsigned i = 0; i < SW_CHAOS_COUNT; i++)
		text_set(&control->chaos_len[i], control->chaos_text[i], settings->chaos[i],
			strlen(settings->chaos[i]));
	text_set(&control->nsid_len, control->nsid, settings->nsid, settings->nsid_len);
	control->udp_max = settings->udp_max;
	int err = secrets_set(control, settings);
	if (err == 0)
		control->cookies = settings->cookies;
	return err;
}

void sw_identity_clock(struct sw_control *control)
{
	struct timespec wall, running;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &running);
	int64_t offset_s = wall.tv_sec - running.tv_sec;
	if (wall.tv_nsec < running.tv_nsec)
		offset_s--; /* so that the sum is never ahead */
	__atomic_store_n(&control->clock_offset, (uint32_t)offset_s, __ATOMIC_RELAXED);
}
