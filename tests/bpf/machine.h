/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A machine for the rows about the gate: a network namespace of this process's own, with addresses on its
 * loopback interface and sockets that the rows name. SERVICE_IP4 and SERVICE_IP6 are addresses it does not
 * have (yet), with listeners all the same. */
#ifndef SW_TESTS_BPF_MACHINE_H
#define SW_TESTS_BPF_MACHINE_H

/* Service addresses that stand on the loopback interface alone. */
#define DEDICATED_IP4 "192.0.2.153"
#define DEDICATED_IP6 "2001:db8::153"

#define TCP_PORT 8053	     /* a listener at both */
#define TLS_PORT 853	     /* a service of TCP alone at both */
#define UDP_PORT 8054	     /* and a socket */
#define CONNECTED_PORT 34001 /* of the asker, with a connection to port 53 of both */
#define CLOSED_PORT 34002    /* with one that the server has closed: TIME_WAIT */

/* Networks of which nothing else is used, one of their addresses, and one that the machine has beside. */
#define UNUSED_NET4 "203.0.113.0"
#define UNUSED_NET6 "2001:db8:77::"
#define UNUSED_BITS4 24
#define UNUSED_BITS6 48
#define UNUSED_IP4 "203.0.113.200"
#define UNUSED_IP6 "2001:db8:77:ffff:ffff:ffff:ffff:ffff"
#define OWN_IP4 "203.0.113.9"
#define OWN_IP6 "2001:db8:77::9"

/** @return 0, or -1 with a word on standard error. Sockets stay open until the process ends. */
int machine_make(void);

/** The same in the namespace that there is, which must be one made for it. */
int machine_fill(void);

#endif
