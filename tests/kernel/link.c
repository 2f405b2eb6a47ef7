/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link NAME: whether the interface is known for a dummy one, and lo for none. Few build machines have the
 * module. */
#include "xdp/link.h"
#include <net/if.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	bool is_known = argc == 2 && sw_link_is_dummy((int)if_nametoindex(argv[1]));
	bool is_lo_taken = sw_link_is_dummy((int)if_nametoindex("lo")) || sw_link_is_dummy(0);
	printf("1..2\n%s 1 - a dummy interface is known for one\n", is_known ? "ok" : "not ok");
	printf("%s 2 - the loopback interface is none\n", is_lo_taken ? "not ok" : "ok");
	return is_known && !is_lo_taken ? 0 : 1;
}
