/* SPDX-License-Identifier: GPL-3.0-or-later */
/** DNS cookies (RFC 7873) in the interoperable form of RFC 9018, made and checked in the kernel. */
#ifndef SW_ANSWER_COOKIE_H
#define SW_ANSWER_COOKIE_H

#include "answer/work.h"
#include "wire/siphash.h"

#define SW_COOKIE_CLIENT 8
#define SW_COOKIE_SERVER 16
#define SW_COOKIE_VERSION 1
#define SW_COOKIE_AGE_MAX 3600	 /* seconds, RFC 9018 s4.3 */
#define SW_COOKIE_AGE_RENEW 1800 /* older ones are answered with a fresh one */
#define SW_COOKIE_AHEAD_MAX 300	 /* made by another node whose clock is ahead */

/** The option at buf[at]: RFC 7873 s4: 8 bytes, or 16 to 40. @return 0, or -1 when malformed */
SW_INLINE int sw_cookie_read(struct sw_work *work, uint32_t at, uint32_t len)
{
	if (work->has_cookie)
		return 0; /* RFC 7873 s5.2: of several only the first counts */
	if (len != SW_COOKIE_CLIENT && (len < 16 || len > 40))
		return -1;
	work->has_cookie = 1;
	work->client_cookie = sw_buf64(work, at);
	work->has_server_cookie = len == SW_COOKIE_CLIENT + SW_COOKIE_SERVER;
	work->server_cookie[0] = sw_buf64(work, at + 8);
	work->server_cookie[1] = sw_buf64(work, at + 16);
	return 0;
}

/** Seconds since 1970, modulo 2^32 as in the cookie's timestamp. */
SW_INLINE uint32_t sw_clock(const struct sw_control *control)
{
	if (control->clock_fixed)
		return control->clock_fixed;
#ifdef SW_BPF
	uint64_t monotonic_s = bpf_ktime_get_coarse_ns() / 1000000000ull;
#else
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	uint64_t monotonic_s = (uint64_t)now.tv_sec;
#endif
	return (uint32_t)monotonic_s + control->clock_offset;
}

/** RFC 9018 s4.4: SipHash-2-4 over client cookie, version, reserved, timestamp, client address.
 * @param head  version, reserved and timestamp as they stand */
SW_INLINE uint64_t sw_cookie_hash(const struct sw_work *work, const uint64_t key[2], uint64_t head)
{
	struct sw_siphash hash;
	sw_siphash_start(&hash, key);
	sw_siphash_word(&hash, work->client_cookie);
	sw_siphash_word(&hash, head);
	if (work->address_len == 4)
		return sw_siphash_end(&hash, SW_LOAD32(work->address), 20);
	sw_siphash_word(&hash, SW_LOAD64(work->address));
	sw_siphash_word(&hash, SW_LOAD64(work->address + 8));
	return sw_siphash_end(&hash, 0, 32);
}

/** Check the server cookie received; afterwards server_cookie is the one to send back. */
SW_FN int sw_cookie_settle(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return -1;
	uint32_t now = sw_clock(control);
	if (work->has_server_cookie && (work->server_cookie[0] & 0xff) == SW_COOKIE_VERSION) {
		uint64_t head = work->server_cookie[0], hash = work->server_cookie[1];
		uint32_t age = now - sw_be32((uint32_t)(head >> 32)); /* serial arithmetic, RFC 9018 s4.3 */
		uint32_t ahead = 0 - age;
		int is_current = sw_cookie_hash(work, control->cookie_key[0], head) == hash;
		int is_ours = is_current || sw_cookie_hash(work, control->cookie_key[1], head) == hash;
		work->cookie_is_valid = is_ours && (age <= SW_COOKIE_AGE_MAX || ahead <= SW_COOKIE_AHEAD_MAX);
		if (work->cookie_is_valid && is_current && age <= SW_COOKIE_AGE_RENEW)
			return 0;
	}
	uint64_t head = SW_COOKIE_VERSION | (uint64_t)sw_be32(now) << 32;
	work->server_cookie[0] = head;
	work->server_cookie[1] = sw_cookie_hash(work, control->cookie_key[0], head);
	return 0;
}

#endif
