// SPDX-License-Identifier: GPL-3.0-or-later
#include "simulate.h"
#include "model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HONEST_QPS 2000
#define SETTLE_MS 60000 /* until as many give up as begin */
#define MEASURE_MS 30000
#define ROUND_TRIP_MS 20
#define WAITING_MAX 65536

struct waiting {
	uint32_t slot;
	struct lab_reply reply;
};

struct network {
	struct lab_model model;
	struct lab_random random;
	double loss;
	uint64_t carried;
	/* replies under way, by the millisecond in which they arrive */
	struct waiting *waiting[ROUND_TRIP_MS + 1];
	uint32_t count[ROUND_TRIP_MS + 1];
	uint64_t first_sent_ns[LAB_TRIES];
};

static bool send_simulated(
	void *context, uint32_t slot, const struct lab_question *question, bool is_first, bool is_relayed)
{
	struct network *network = context;
	uint64_t arrival = (network->model.wheel->now_ms + ROUND_TRIP_MS) % (ROUND_TRIP_MS + 1);
	struct waiting *waiting;

	(void)is_first;
	(void)is_relayed;
	network->carried++;
	if (lab_draw_unit(&network->random) < network->loss || network->count[arrival] == WAITING_MAX)
		return true;
	waiting = &network->waiting[arrival][network->count[arrival]++];
	waiting->slot = slot;
	waiting->reply = (struct lab_reply){
		.resolver = network->model.resolution[slot].resolver, .port = question->port};
	waiting->reply.message_bytes = (uint16_t)lab_message_write(question, waiting->reply.message);
	waiting->reply.message[2] |= 0x80; /* the only name has no data of the type asked for */
	return true;
}

/* Those who use TCP are as unlucky; their reply comes at once, which makes no difference to how often they
 * ask. */
static bool connect_simulated(
	void *context, uint32_t slot, const struct lab_question *question, bool is_relayed)
{
	return send_simulated(context, slot, question, true, is_relayed);
}

static void disconnect_simulated(void *context, uint32_t slot)
{
	(void)context;
	(void)slot;
}

static void arrivals_take(struct network *network)
{
	uint64_t now = network->model.wheel->now_ms % (ROUND_TRIP_MS + 1);

	for (uint32_t i = 0; i < network->count[now]; i++) {
		struct waiting *waiting = &network->waiting[now][i];
		const struct lab_reply *reply = &waiting->reply;

		if (network->model.population->resolver[reply->resolver].uses_tcp)
			lab_model_reply_tcp(
				&network->model, waiting->slot, reply->message, reply->message_bytes);
		else
			lab_model_reply(&network->model, reply, network->first_sent_ns);
	}
	network->count[now] = 0;
}

static int names_make(struct lab_names *names)
{
	const double weight = 1;

	*names = (struct lab_names){.count = 1, .nxdomain = 1, .name = calloc(1, sizeof(*names->name))};
	if (!names->name)
		return -ENOMEM;
	names->name->kind = LAB_NODATA;
	names->name->type = 1;
	names->name->zone_labels = 2;
	names->name->wire_bytes =
		(uint8_t)lab_name_parse("www.example.test.", names->name->wire, &names->name->labels);
	return lab_alias_make(&names->popularity, &weight, 1);
}

static double run(struct network *network)
{
	const struct lab_demand demand = {.honest_qps = HONEST_QPS};
	uint64_t before = 0;

	for (uint32_t ms = 0; ms < SETTLE_MS + MEASURE_MS; ms++) {
		if (ms == SETTLE_MS)
			before = network->carried;
		lab_model_turn(&network->model, &demand);
		arrivals_take(network);
	}
	return (double)(network->carried - before) * 1000 / MEASURE_MS / HONEST_QPS;
}

int lab_simulate(double loss, uint64_t seed, double *times)
{
	struct network *network = calloc(1, sizeof(*network));
	struct lab_record *record = calloc(1, sizeof(*record));
	struct lab_population population = {0};
	struct lab_names names = {0};
	int error = network && record ? lab_population_make(&population, seed) : -ENOMEM;

	if (!error)
		error = names_make(&names);
	for (uint32_t i = 0; i <= ROUND_TRIP_MS && !error; i++) {
		network->waiting[i] = calloc(WAITING_MAX, sizeof(struct waiting));
		error = network->waiting[i] ? 0 : -ENOMEM;
	}
	if (!error) {
		network->loss = loss;
		network->random.state = seed;
		network->model = (struct lab_model){.population = &population,
			.names = &names,
			.record = record,
			.carrier = {send_simulated, connect_simulated, disconnect_simulated, network}};
		error = lab_model_make(&network->model, seed, 0);
	}
	if (!error)
		*times = run(network);
	for (uint32_t i = 0; network && i <= ROUND_TRIP_MS; i++)
		free(network->waiting[i]);
	if (network)
		lab_model_free(&network->model);
	lab_names_free(&names);
	lab_population_free(&population);
	free(record);
	free(network);
	return error;
}
