// SPDX-License-Identifier: GPL-3.0-or-later
/** Who sends: honest resolvers and the endpoints of the botnet, as DRILL.md describes both populations. */
#ifndef LAB_TRAFFIC_POPULATION_H
#define LAB_TRAFFIC_POPULATION_H

#include "alias.h"
#include "shared.h"
#include <stdbool.h>

#define LAB_RESOLVERS 3000     /* known in peace */
#define LAB_NEW_RESOLVERS 3000 /* seen only in a flash crowd */
#define LAB_OPERATORS 5	       /* of public resolvers, with a third of the traffic */
#define LAB_ENDPOINTS 10000
#define LAB_NETWORKS 2000

/** How a resolver asks again. */
#define LAB_RETRIES(X)                                                         \
	X(PATIENT, "patient", "0.8 s, doubling, rotating over the addresses")  \
	X(DOUBLING, "doubling", "0.4 s, doubling")                             \
	X(QUICK, "quick", "two to four quick tries, then a failure is cached") \
	X(RELENTLESS, "relentless", "every second for ever")

enum lab_retry {
#define X(name, text, what) LAB_##name,
	LAB_RETRIES(X)
#undef X
		LAB_RETRY_COUNT
};

struct lab_resolver {
	uint8_t address[16]; /* IPv4 in the first four */
	bool is_ipv6, wants_dnssec, uses_tcp, sends_cookie, mixes_case, minimises, is_top100;
	uint8_t pop;
	uint8_t retry; /* enum lab_retry */
	uint8_t ttl;   /* that its packets arrive with */
	uint64_t client_cookie;
	uint8_t server_cookie[4][16]; /* for each service address */
	uint8_t has_server_cookie[4];
	double nxdomain_share;
	double weight;
};

struct lab_endpoint {
	uint32_t address; /* network order */
	uint8_t hops;
	bool is_ipv6;	 /* sends from the IPv6 address that belongs to it: lab_endpoint_source() */
	bool is_scanner; /* also touches unused addresses, of IPv4 */
	double weight;
};

struct lab_population {
	struct lab_resolver *resolver; /* LAB_RESOLVERS, then LAB_NEW_RESOLVERS */
	struct lab_alias known, newcomers;
	struct lab_endpoint *endpoint;
	struct lab_random churn;
	uint32_t moved; /* endpoints that have changed their address */
};

/** @return 0 or -ENOMEM */
int lab_population_make(struct lab_population *population, uint64_t seed);
void lab_population_free(struct lab_population *population);

/** Fill the tables that the kernel draws from: more entries for who sends more. */
void lab_endpoints_spread(const struct lab_population *population,
	struct lab_source table[LAB_POPS][LAB_SOURCE_ENTRIES], struct lab_random *random);
void lab_known_spread(const struct lab_population *population,
	struct lab_source table[LAB_POPS][LAB_SOURCE_ENTRIES], struct lab_random *random);

/** One endpoint gets another address of its network, as after a reconnection. */
void lab_endpoint_move(
	struct lab_population *population, struct lab_source table[LAB_POPS][LAB_SOURCE_ENTRIES]);

/** What the kernel draws of an endpoint: its address, and how it sends.
 *
 * With IPv6 its network has a /48, in the same catchment, and it a /64 there. */
struct lab_source lab_endpoint_source(const struct lab_endpoint *endpoint);

/** Catchment of an IPv4 address in network order. */
static inline uint32_t lab_catchment4(uint32_t address)
{
	return address >> 14 & 3;
}

#endif
