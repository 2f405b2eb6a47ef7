// SPDX-License-Identifier: GPL-3.0-or-later
#include "population.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPERATOR_ADDRESSES 12 /* of each, spread over all catchments */
#define OPERATOR_SHARE 0.33
#define ZIPF_EXPONENT 0.9
#define TOP 100

#define IPV6_SHARE 0.33
#define DNSSEC_SHARE 0.7
#define COOKIE_SHARE 0.1
#define TCP_SHARE 0.03
#define MINIMISING_SHARE 0.4
#define SCANNER_SHARE 0.71
#define ENDPOINTS_IPV6_SHARE 0.25

/* By traffic. Of the relentless there are few, and none are among the operators of public resolvers. */
static const double retry_shares[LAB_RETRY_COUNT] = {
	[LAB_PATIENT] = 0.40, [LAB_DOUBLING] = 0.35, [LAB_QUICK] = 0.20, [LAB_RELENTLESS] = 0.05};

/* The last three bytes of IPv4 addresses that somebody has. */
struct taken {
	uint8_t bits[1 << 21];
};

static bool address_take(struct taken *taken, uint32_t low24)
{
	uint8_t *byte = &taken->bits[low24 >> 3], bit = (uint8_t)(1 << (low24 & 7));
	bool is_free = !(*byte & bit);

	*byte |= bit;
	return is_free;
}

static void resolver_draw(struct lab_resolver *resolver, struct lab_random *random)
{
	bool starts_at_128 = lab_draw_below(random, 16) == 0;

	*resolver = (struct lab_resolver){0};
	resolver->ttl = (uint8_t)((starts_at_128 ? 128 : 64) - 4 - lab_draw_below(random, 18));
	resolver->client_cookie = lab_draw(random);
	resolver->nxdomain_share = 0.05 + 0.1 * lab_draw_unit(random);
}

/* An IPv6 source has the same two bits for its catchment behind its first byte. */
static void resolver_to_ipv6(struct lab_resolver *resolver, struct lab_random *random)
{
	uint64_t interface = lab_draw(random);

	resolver->is_ipv6 = true;
	resolver->address[0] = 0xfd;
	memcpy(resolver->address + 8, &interface, sizeof(interface));
}

/* Resolvers in random order that together carry `share` of the traffic; the rest goes back into `order`. */
static uint32_t share_take(
	const struct lab_population *population, uint32_t *order, double share, struct lab_random *random)
{
	double sum = 0;
	uint32_t taken = 0;

	for (uint32_t i = 0; i < LAB_RESOLVERS; i++)
		order[i] = i;
	while (sum < share && taken < LAB_RESOLVERS) {
		uint32_t other = taken + lab_draw_below(random, LAB_RESOLVERS - taken), chosen = order[other];

		/* one that would carry the share too far over its end is left for others */
		if (population->resolver[chosen].weight > 0.02 + share - sum)
			break;
		order[other] = order[taken];
		order[taken++] = chosen;
		sum += population->resolver[chosen].weight;
	}
	return taken;
}

static void shares_deal(struct lab_population *population, uint32_t *order, struct lab_random *random)
{
	struct lab_resolver *resolver = population->resolver;

	for (uint32_t i = share_take(population, order, IPV6_SHARE, random); i-- > 0;)
		resolver_to_ipv6(&resolver[order[i]], random);
	for (uint32_t i = share_take(population, order, DNSSEC_SHARE, random); i-- > 0;)
		resolver[order[i]].wants_dnssec = true;
	for (uint32_t i = share_take(population, order, COOKIE_SHARE, random); i-- > 0;)
		resolver[order[i]].sends_cookie = true;
	for (uint32_t i = share_take(population, order, MINIMISING_SHARE, random); i-- > 0;)
		resolver[order[i]].minimises = true;
	for (uint32_t i = share_take(population, order, TCP_SHARE, random); i-- > 0;)
		resolver[order[i]].uses_tcp = true;
}

static void retries_deal(struct lab_population *population, uint32_t *order, struct lab_random *random)
{
	double dealt[LAB_RETRY_COUNT] = {0};

	share_take(population, order, 1, random);
	for (uint32_t i = 0; i < LAB_RESOLVERS; i++) {
		struct lab_resolver *resolver = &population->resolver[order[i]];
		bool is_operator = order[i] < LAB_OPERATORS * OPERATOR_ADDRESSES;
		uint32_t neediest = 0;

		for (uint32_t retry = 1; retry < LAB_RETRY_COUNT; retry++)
			if (retry_shares[retry] - dealt[retry] > retry_shares[neediest] - dealt[neediest] &&
				!(is_operator && retry == LAB_RELENTLESS))
				neediest = retry;
		resolver->retry = (uint8_t)neediest;
		dealt[neediest] += resolver->weight;
	}
}

static int by_weight(const void *a, const void *b)
{
	double difference = (*(const struct lab_resolver *const *)a)->weight -
			    (*(const struct lab_resolver *const *)b)->weight;

	return difference < 0 ? 1 : difference > 0 ? -1 : 0;
}

static int top_mark(struct lab_population *population)
{
	struct lab_resolver **order = calloc(LAB_RESOLVERS, sizeof(struct lab_resolver *));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < LAB_RESOLVERS; i++)
		order[i] = &population->resolver[i];
	qsort(order, LAB_RESOLVERS, sizeof(struct lab_resolver *), by_weight);
	for (uint32_t i = 0; i < TOP; i++)
		order[i]->is_top100 = true;
	free(order);
	return 0;
}

/* Operators first, then everybody else by Zipf. Weights add up to 1. */
static void weights_deal(struct lab_population *population)
{
	const uint32_t operators = LAB_OPERATORS * OPERATOR_ADDRESSES;
	double sum = 0;

	for (uint32_t i = operators; i < LAB_RESOLVERS; i++)
		sum += pow(i - operators + 1, -ZIPF_EXPONENT);
	for (uint32_t i = 0; i < LAB_RESOLVERS; i++)
		population->resolver[i].weight =
			i < operators ? OPERATOR_SHARE / operators
				      : (1 - OPERATOR_SHARE) * pow(i - operators + 1, -ZIPF_EXPONENT) / sum;
	for (uint32_t i = 0; i < LAB_NEW_RESOLVERS; i++)
		population->resolver[LAB_RESOLVERS + i].weight = 1.0 / LAB_NEW_RESOLVERS;
	/* one operator's resolvers mix the case of what they ask (0x20) */
	for (uint32_t i = 0; i < OPERATOR_ADDRESSES; i++)
		population->resolver[i].mixes_case = true;
}

/* Operators are everywhere, everybody else somewhere; no two have the same address. */
static void places_deal(struct lab_population *population, struct taken *taken, struct lab_random *random)
{
	for (uint32_t i = 0; i < LAB_RESOLVERS + LAB_NEW_RESOLVERS; i++) {
		struct lab_resolver *resolver = &population->resolver[i];
		bool is_operator = i < LAB_OPERATORS * OPERATOR_ADDRESSES;
		uint32_t low24;

		resolver->pop = (uint8_t)(is_operator ? i % LAB_POPS : lab_draw_below(random, LAB_POPS));
		do
			low24 = (uint32_t)resolver->pop << 22 | lab_draw_below(random, 1u << 22);
		while (!address_take(taken, low24));
		resolver->address[0] = 10;
		for (int byte = 1; byte < 4; byte++)
			resolver->address[byte] = (uint8_t)(low24 >> (24 - 8 * byte));
	}
}

static int drawing_prepare(struct lab_population *population)
{
	double *weights = calloc(LAB_RESOLVERS + LAB_NEW_RESOLVERS, sizeof(*weights));
	int error;

	if (!weights)
		return -ENOMEM;
	for (uint32_t i = 0; i < LAB_RESOLVERS + LAB_NEW_RESOLVERS; i++)
		weights[i] = population->resolver[i].weight;
	error = lab_alias_make(&population->known, weights, LAB_RESOLVERS);
	if (!error)
		error = lab_alias_make(&population->newcomers, weights + LAB_RESOLVERS, LAB_NEW_RESOLVERS);
	free(weights);
	return error;
}

static int resolvers_make(struct lab_population *population, struct taken *taken, struct lab_random *random)
{
	uint32_t *order = calloc(LAB_RESOLVERS, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < LAB_RESOLVERS + LAB_NEW_RESOLVERS; i++)
		resolver_draw(&population->resolver[i], random);
	places_deal(population, taken, random);
	weights_deal(population);
	shares_deal(population, order, random);
	retries_deal(population, order, random);
	free(order);
	return top_mark(population) ? -ENOMEM : drawing_prepare(population);
}

/* Endpoints live in few networks: the first of them hold many, most hold one or two. */
static void endpoints_make(struct lab_population *population, struct taken *taken, struct lab_random *random)
{
	uint32_t networks[LAB_NETWORKS];

	for (uint32_t i = 0; i < LAB_NETWORKS; i++)
		networks[i] = 0x0a000000 | (lab_draw_below(random, 1u << 16) << 8);
	for (uint32_t i = 0; i < LAB_ENDPOINTS; i++) {
		struct lab_endpoint *endpoint = &population->endpoint[i];
		/* density falling as 1/sqrt(rank): the square of a uniform number; full networks turn to
		 * others */
		double unit = lab_draw_unit(random);
		uint32_t address;

		do {
			uint32_t network = networks[(uint32_t)(unit * unit * LAB_NETWORKS)];

			address = network | (1 + lab_draw_below(random, 254));
			unit = lab_draw_unit(random);
		} while (!address_take(taken, address & 0xffffff));
		endpoint->address = htonl(address);
		endpoint->hops = (uint8_t)(4 + lab_draw_below(random, 18));
		endpoint->is_ipv6 = lab_draw_unit(random) < ENDPOINTS_IPV6_SHARE;
		endpoint->is_scanner = !endpoint->is_ipv6 && lab_draw_unit(random) < SCANNER_SHARE;
		endpoint->weight = lab_draw_lognormal(random, 1.0);
	}
}

int lab_population_make(struct lab_population *population, uint64_t seed)
{
	struct lab_random random = {.state = seed * 0x9e3779b97f4a7c15 + 1};
	struct taken *taken = calloc(1, sizeof(*taken));
	int error = -ENOMEM;

	*population = (struct lab_population){.churn = {.state = ~seed}};
	population->resolver = calloc(LAB_RESOLVERS + LAB_NEW_RESOLVERS, sizeof(*population->resolver));
	population->endpoint = calloc(LAB_ENDPOINTS, sizeof(*population->endpoint));
	if (taken && population->resolver && population->endpoint)
		error = resolvers_make(population, taken, &random);
	if (!error)
		endpoints_make(population, taken, &random);
	else
		lab_population_free(population);
	free(taken);
	return error;
}

void lab_population_free(struct lab_population *population)
{
	free(population->resolver);
	free(population->endpoint);
	lab_alias_free(&population->known);
	lab_alias_free(&population->newcomers);
	*population = (struct lab_population){0};
}

static void table_shuffle(struct lab_source table[LAB_SOURCE_ENTRIES], struct lab_random *random)
{
	for (uint32_t i = LAB_SOURCE_ENTRIES - 1; i > 0; i--) {
		uint32_t other = lab_draw_below(random, i + 1);
		struct lab_source kept = table[i];

		table[i] = table[other];
		table[other] = kept;
	}
}

struct lab_source lab_endpoint_source(const struct lab_endpoint *endpoint)
{
	uint32_t address = ntohl(endpoint->address), network = address >> 8 & 0xffff, host = address & 0xff;
	struct lab_source source = {.is_ipv6 = endpoint->is_ipv6,
		.hops = endpoint->hops,
		.is_scanner = endpoint->is_scanner,
		.address = {endpoint->address}};

	if (endpoint->is_ipv6) {
		source.address[0] = htonl(0xfd000000 | network << 8);
		source.address[1] = htonl(0x00010000 | host); /* 1: no resolver's network */
		source.address[2] = htonl(address * 0x9e3779b1);
		source.address[3] = htonl(address * 0x85ebca6b);
	}
	return source;
}

/* Entries in proportion to weights: entry i is whoever covers the point (i + 1/2) / LAB_SOURCE_ENTRIES of the
 * whole. Every endpoint with less than an entry's weight would be left out by chance, so each has one first.
 */
void lab_endpoints_spread(const struct lab_population *population,
	struct lab_source table[LAB_POPS][LAB_SOURCE_ENTRIES], struct lab_random *random)
{
	double sum[LAB_POPS] = {0}, covered[LAB_POPS] = {0};
	uint32_t count[LAB_POPS] = {0}, filled[LAB_POPS] = {0};

	for (uint32_t i = 0; i < LAB_ENDPOINTS; i++) {
		uint32_t pop = lab_catchment4(population->endpoint[i].address);

		sum[pop] += population->endpoint[i].weight;
		count[pop]++;
	}
	for (uint32_t i = 0; i < LAB_ENDPOINTS; i++) {
		const struct lab_endpoint *endpoint = &population->endpoint[i];
		uint32_t pop = lab_catchment4(endpoint->address);
		double spare = (double)LAB_SOURCE_ENTRIES - count[pop], until;

		covered[pop] += 1 + spare * endpoint->weight / sum[pop];
		until = covered[pop] < LAB_SOURCE_ENTRIES - 0.5 ? covered[pop] : LAB_SOURCE_ENTRIES;
		for (; filled[pop] < (uint32_t)(until + 0.5); filled[pop]++)
			table[pop][filled[pop]] = lab_endpoint_source(endpoint);
	}
	for (uint32_t pop = 0; pop < LAB_POPS; pop++)
		table_shuffle(table[pop], random);
}

void lab_known_spread(const struct lab_population *population,
	struct lab_source table[LAB_POPS][LAB_SOURCE_ENTRIES], struct lab_random *random)
{
	uint32_t filled[LAB_POPS] = {0}, missing = LAB_POPS;

	while (missing > 0) {
		const struct lab_resolver *resolver =
			&population->resolver[lab_alias_draw(&population->known, random)];

		struct lab_source *source = &table[resolver->pop][filled[resolver->pop]];

		if (filled[resolver->pop] == LAB_SOURCE_ENTRIES)
			continue;
		*source = (struct lab_source){.is_ipv6 = resolver->is_ipv6};
		memcpy(source->address, resolver->address, resolver->is_ipv6 ? 16 : 4);
		missing -= ++filled[resolver->pop] == LAB_SOURCE_ENTRIES;
	}
}

void lab_endpoint_move(
	struct lab_population *population, struct lab_source table[LAB_POPS][LAB_SOURCE_ENTRIES])
{
	struct lab_endpoint *endpoint =
		&population->endpoint[lab_draw_below(&population->churn, LAB_ENDPOINTS)];
	uint32_t pop = lab_catchment4(endpoint->address);
	struct lab_source before = lab_endpoint_source(endpoint), after;

	endpoint->address = htonl(
		(ntohl(endpoint->address) & 0xffffff00) | (1 + lab_draw_below(&population->churn, 254)));
	after = lab_endpoint_source(endpoint);
	for (uint32_t i = 0; i < LAB_SOURCE_ENTRIES; i++)
		if (memcmp(table[pop][i].address, before.address, sizeof(before.address)) == 0)
			table[pop][i] = after;
	population->moved++;
}
