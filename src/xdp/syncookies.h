/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The setting net.ipv4.tcp_syncookies of this network namespace.
 *
 * A listener takes the cookies that XDP has made only while it makes some itself: with 1 that is after its
 * own queue has overflowed, which XDP prevents; with 2 it answers each SYN it gets with a cookie.
 */
#ifndef SW_XDP_SYNCOOKIES_H
#define SW_XDP_SYNCOOKIES_H

struct sw_syncookies {
	int before; /* value to put back; SW_SYNCOOKIES_LEFT: it is not ours */
};

#define SW_SYNCOOKIES_LEFT (-1)
#define SW_SYNCOOKIES_SETTING "net.ipv4.tcp_syncookies"

/** @return 0 where it is 2 or may be written, or -errno */
int sw_syncookies_check(void);

/** Make it 2; nothing to do where it is. @return 0 or -errno */
int sw_syncookies_raise(struct sw_syncookies *syncookies);

/** Put the old value back, unless somebody else has changed it meanwhile. */
void sw_syncookies_restore(struct sw_syncookies *syncookies);

#endif
