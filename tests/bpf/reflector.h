/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SW_TESTS_BPF_REFLECTOR_H
#define SW_TESTS_BPF_REFLECTOR_H

/** What the reflector does wrong when told to. */
enum lie {
	LIE_NONE,
	LIE_SUM,	   /* the UDP checksum does not verify */
	LIE_HOPS,	   /* the asker's TTL is kept */
	LIE_PADDING,	   /* bytes behind the message are sent back */
	LIE_TOUCH,	   /* a frame that passes is changed */
	LIE_UNCOUNTED,	   /* no verdict */
	LIE_COUNTED_TWICE, /* two */
	LIE_VERDICT,	   /* a verdict that does not fit the action */
};

#endif
