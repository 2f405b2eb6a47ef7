// SPDX-License-Identifier: GPL-3.0-or-later
/* The traffic of the drill. Once every millisecond: what has come back, what honest resolvers ask now, what
 * the scenario wants of the attack. Packets are made and sent in the kernel (traffic.bpf.c). */
#include "attack.h"
#include "guard.h"
#include "model.h"
#include "options.h"
#include "simulate.h"
#include "tcp.h"
#include "wire.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MS 1000000ull	 /* ns */
#define DRAIN_MS 6000	 /* until every resolution has had its five seconds */
#define MIX_MS 10	 /* how often the attack's rates are looked at */
#define CHURN 0.05	 /* share of the endpoints that change their address during the whole */
#define PAUSE_NS 100000	 /* between two turns at least: for the sender */
#define TURNS_MAX 20	 /* milliseconds that are made up for at once */
#define LATE_NS 30000000 /* so far behind, no more questions are relayed */
#define MODEL_PRIORITY 5 /* below the threads that receive */
#define LIVE_BEHIND_S 2	 /* honest figures are told when they are nearly final */

static const char *const pops[LAB_POPS] = {"us-east", "us-west", "eu", "apac"};

struct drill {
	struct lab_options options;
	struct lab_scenario scenario;
	struct lab_population population;
	struct lab_names names, fresh;
	struct lab_record *record;
	struct lab_model model;
	struct lab_attack attack;
	struct lab_wire wire;
	struct lab_tcp tcp;
	uint64_t start_ns;
	double started_s; /* the same, since 1970 */
	double moves_due;
	struct lab_counters last; /* at the last full second */
	bool is_pop_attacked[LAB_POPS];
};

static volatile sig_atomic_t is_stopped;

static void stop(int signal)
{
	(void)signal;
	is_stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double since_1970_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_until(uint64_t ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* ---- between the model and the wire ---- */

static bool letter_send(
	void *context, uint32_t slot, const struct lab_question *question, bool is_first, bool is_relayed)
{
	struct drill *drill = context;
	struct lab_letter *letter = lab_wire_letter(&drill->wire, is_relayed);

	if (!letter)
		return false;
	letter->slot = slot;
	letter->is_first = is_first;
	lab_letter_write(letter, question);
	lab_wire_post(&drill->wire);
	return true;
}

static bool tcp_connect(void *context, uint32_t slot, const struct lab_question *question, bool is_relayed)
{
	struct drill *drill = context;

	return lab_tcp_connect(&drill->tcp, slot, question, is_relayed);
}

static void tcp_disconnect(void *context, uint32_t slot)
{
	struct drill *drill = context;

	lab_tcp_disconnect(&drill->tcp, slot);
}

static void tcp_done(void *context, uint32_t slot, const uint8_t *message, uint32_t bytes)
{
	struct drill *drill = context;

	lab_model_reply_tcp(&drill->model, slot, message, bytes);
}

static void reply_take(void *context, const struct lab_reply *reply)
{
	struct drill *drill = context;

	lab_model_reply(&drill->model, reply, (const uint64_t *)drill->wire.bpf->bss->first_sent_ns);
}

/* ---- what the scenario wants ---- */

static void demand_make(
	const struct drill *drill, const struct lab_phase *phase, double at_s, struct lab_demand *demand)
{
	double unit_qps = drill->options.unit_qps;

	*demand = (struct lab_demand){.honest_qps = phase->honest * unit_qps * LAB_POPS,
		.crowd_qps = phase->crowd * unit_qps * LAB_POPS,
		.fresh_share = at_s < phase->fresh_from_s ? 0 : phase->fresh_share,
		.phase = (uint8_t)(phase - drill->scenario.phase)};
	lab_relayed_rates(phase, at_s, unit_qps, demand->relayed_qps);
}

/* The mix that does not count is made anew and then counts. */
static void attack_order(struct drill *drill, const struct lab_phase *phase, double at_s)
{
	struct lab_orders *orders = &drill->wire.bpf->bss->orders;
	struct lab_mix *mixes = drill->wire.bpf->bss->mixes;
	struct lab_mix *next = &mixes[(orders->active_mix + 1) & 1];

	*next = mixes[orders->active_mix & 1];
	if (lab_mix_make(next, &drill->attack, phase, at_s, drill->options.unit_qps)) {
		next->start_ns = now_ns();
		__atomic_store_n(&orders->active_mix, orders->active_mix + 1, __ATOMIC_RELEASE);
	}
	orders->is_muted = at_s >= phase->muted_from_s && at_s < phase->muted_until_s;
}

static void attack_end(struct drill *drill)
{
	static const struct lab_phase nothing;

	attack_order(drill, &nothing, 1);
}

static void endpoints_move(struct drill *drill)
{
	drill->moves_due += CHURN * LAB_ENDPOINTS / drill->scenario.length_s;
	for (; drill->moves_due >= 1; drill->moves_due--)
		lab_endpoint_move(&drill->population, drill->wire.bpf->bss->endpoints);
}

/* ---- once a second ---- */

/* What the kernel has counted since the last second goes to this one. */
static void counters_take(struct drill *drill, uint32_t second)
{
	struct lab_counters now = drill->wire.bpf->bss->counters;
	struct lab_record *record = drill->record;
	const struct lab_counters *last = &drill->last;

	if (second >= LAB_SECONDS_MAX)
		return;
	for (uint32_t vector = 0; vector < LAB_VECTOR_COUNT; vector++)
		for (uint32_t pop = 0; pop < LAB_POPS; pop++) {
			uint64_t sent = now.sent[vector][pop] - last->sent[vector][pop];

			record->sent[vector][pop][second] += (uint32_t)sent;
			drill->is_pop_attacked[pop] |= sent > 0;
		}
	record->to_attackers_packets[second] =
		(uint32_t)(now.to_attackers_packets - last->to_attackers_packets);
	record->to_attackers_bytes[second] = (uint32_t)(now.to_attackers_bytes - last->to_attackers_bytes);
	record->missed[second] += (uint32_t)(now.missed - last->missed);
	record->replies_lost = now.replies_lost;
	record->no_route = now.no_route;
	record->not_ours = now.not_ours;
	drill->last = now;
}

static double honest_rate(const struct lab_record *record, uint32_t pop, uint32_t second)
{
	uint64_t asked = 0, right = 0;

	for (uint32_t class = 0; class < LAB_RETRY_COUNT; class ++) {
		asked += record->honest[pop][class][LAB_METRIC_RESOLUTIONS][second];
		right += record->honest[pop][class][LAB_METRIC_FIRST_OK][second];
	}
	return asked ? (double)right / (double)asked : 1;
}

/* One line of JSON for whoever shows progress. */
static void live_print(const struct drill *drill, const struct lab_phase *phase, uint32_t second)
{
	const struct lab_record *record = drill->record;
	uint32_t told = second >= LIVE_BEHIND_S ? second - LIVE_BEHIND_S : 0;

	printf("{\"t\":%u,\"phase\":\"%s\",\"left_s\":%.0f,\"honest\":[", second + 1,
		phase ? phase->name : "drain", phase ? drill->scenario.length_s - second - 1 : 0);
	for (uint32_t pop = 0; pop < LAB_POPS; pop++)
		printf("%s%.4f", pop ? "," : "", honest_rate(record, pop, told));
	printf("],\"attack_pps\":[");
	for (uint32_t pop = 0; pop < LAB_POPS; pop++) {
		uint64_t sent = 0;

		for (uint32_t vector = 0; vector < LAB_VECTOR_COUNT; vector++)
			sent += record->sent[vector][pop][second];
		printf("%s%" PRIu64, pop ? "," : "", sent);
	}
	printf("],\"missed\":%u,\"late_ms\":%u,\"open\":%u}\n", record->missed[second],
		record->late_ms[second], lab_model_busy(&drill->model));
	fflush(stdout);
}

static void second_end(struct drill *drill, const struct lab_phase *phase, uint32_t second)
{
	counters_take(drill, second);
	endpoints_move(drill);
	if (second < LAB_SECONDS_MAX)
		live_print(drill, phase, second);
}

/* ---- the run ---- */

static void late_note(struct drill *drill, uint64_t ms)
{
	uint64_t due_ns = drill->start_ns + ms * MS, now = now_ns();
	uint32_t *late =
		&drill->record->late_ms[ms / 1000 < LAB_SECONDS_MAX ? ms / 1000 : LAB_SECONDS_MAX - 1];

	if (now > due_ns && (now - due_ns) / MS > *late)
		*late = (uint32_t)((now - due_ns) / MS);
}

/* One millisecond of the model's time. */
static void millisecond_play(struct drill *drill, uint64_t ms, bool is_late, struct lab_demand *demand)
{
	uint64_t length_ms = (uint64_t)(drill->scenario.length_s * 1000);
	double at_s = (double)ms / 1000;
	const struct lab_phase *phase = lab_phase_at(&drill->scenario, at_s);

	late_note(drill, ms);
	if (phase && ms % MIX_MS == 0) {
		attack_order(drill, phase, at_s - phase->begin_s);
		demand_make(drill, phase, at_s - phase->begin_s, demand);
	} else if (!phase && ms == length_ms) {
		attack_end(drill);
		*demand = (struct lab_demand){0};
	}
	demand->may_relay = !is_late;
	lab_model_turn(&drill->model, demand);
	if (ms % 1000 == 999)
		second_end(drill, phase, (uint32_t)(ms / 1000));
}

/* Where this machine cannot keep up, the attack is made smaller, never the honest side, and the recording
 * says by how much; the sender and everybody else on this core get their turn in any case. */
static void traffic_play(struct drill *drill)
{
	uint64_t end_ms = (uint64_t)(drill->scenario.length_s * 1000) + DRAIN_MS, ms = 0;
	struct lab_demand demand = {0};

	while (ms < end_ms && !is_stopped && !drill->wire.send_error) {
		uint64_t due_ns = drill->start_ns + ms * MS, now = now_ns();

		sleep_until(due_ns > now + PAUSE_NS ? due_ns : now + PAUSE_NS);
		lab_wire_turn(&drill->wire);
		lab_tcp_turn(&drill->tcp);
		now = now_ns();
		for (uint32_t turns = 0; turns < TURNS_MAX && ms < end_ms && drill->start_ns + ms * MS <= now;
			turns++, ms++)
			millisecond_play(drill, ms, now - drill->start_ns - ms * MS > LATE_NS, &demand);
	}
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "traffic: %s: %s\n", what, why);
	return -EINVAL;
}

static int links_find(const struct drill *drill, unsigned link[LAB_POPS])
{
	char text[256];

	for (uint32_t i = 0; i < LAB_POPS; i++) {
		const char *reason = lab_link_refuse(drill->options.link[i], i);

		snprintf(text, sizeof(text), "will not send over %s", drill->options.link[i]);
		if (reason)
			return complain(text, reason);
		link[i] = if_nametoindex(drill->options.link[i]);
	}
	return 0;
}

static int scenario_read(struct drill *drill)
{
	const struct lab_options *options = &drill->options;
	char why[256];

	if (lab_scenario_read(&drill->scenario, options->scenario, pops, options->phases, why, sizeof(why)))
		return complain(options->scenario, why);
	return 0;
}

static int inputs_read(struct drill *drill)
{
	const struct lab_options *options = &drill->options;
	char why[256];

	if (scenario_read(drill))
		return -EINVAL;
	if (lab_names_read(&drill->names, options->names, why, sizeof(why)))
		return complain(options->names, why);
	if (options->fresh && lab_names_read(&drill->fresh, options->fresh, why, sizeof(why)))
		return complain(options->fresh, why);
	return lab_population_make(&drill->population, options->seed);
}

static int attack_ready(struct drill *drill)
{
	uint8_t labels;
	struct lab_random random = {.state = drill->options.seed + 7};
	const char *lacks;

	drill->model.victim_bytes = lab_name_parse(drill->options.victim, drill->model.victim, &labels);
	if (!drill->model.victim_bytes ||
		lab_attack_prepare(&drill->attack, drill->wire.bpf->bss->templates, &drill->names,
			&drill->scenario, drill->model.victim, drill->model.victim_bytes))
		return complain("--victim", "none of its names is in the names file");
	lacks = lab_attack_lacks(&drill->attack, &drill->scenario);
	if (lacks)
		return complain("no such variant of vector", lacks);
	lab_endpoints_spread(&drill->population, drill->wire.bpf->bss->endpoints, &random);
	lab_known_spread(&drill->population, drill->wire.bpf->bss->known, &random);
	drill->wire.bpf->bss->orders.is_dry = drill->options.is_dry;
	return lab_wire_know(&drill->wire, &drill->population);
}

static int drill_prepare(struct drill *drill)
{
	unsigned link[LAB_POPS];
	int error = links_find(drill, link);

	drill->record = calloc(1, sizeof(*drill->record));
	if (!drill->record)
		return -ENOMEM;
	if (!error)
		error = inputs_read(drill);
	if (!error)
		error = lab_wire_open(&drill->wire, link, drill->options.seed);
	if (!error)
		error = attack_ready(drill);
	if (!error)
		error = lab_tcp_make(&drill->tcp);
	if (error)
		return error;
	drill->model.population = &drill->population;
	drill->model.names = &drill->names;
	drill->model.fresh = drill->options.fresh ? &drill->fresh : NULL;
	drill->model.record = drill->record;
	drill->model.carrier = (struct lab_carrier){letter_send, tcp_connect, tcp_disconnect, drill};
	drill->tcp.done = tcp_done;
	drill->wire.reply = reply_take;
	drill->tcp.context = drill->wire.context = drill;
	return 0;
}

static uint32_t endpoints_used(const struct drill *drill)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < LAB_ENDPOINTS; i++)
		used += drill->is_pop_attacked[lab_catchment4(drill->population.endpoint[i].address)];
	return used;
}

static int drill_run(struct drill *drill)
{
	int error = drill_prepare(drill);

	if (!error) {
		drill->start_ns = now_ns() + 100 * MS;
		drill->started_s = since_1970_s() + 0.1;
		error = lab_model_make(&drill->model, drill->options.seed, drill->start_ns / MS);
	}
	if (!error)
		error = lab_wire_start(&drill->wire);
	if (error)
		return error;
	traffic_play(drill);
	lab_model_close(&drill->model);
	const struct lab_run run = {.seed = drill->options.seed,
		.unit_qps = drill->options.unit_qps,
		.started_s = drill->started_s,
		.endpoints_used = endpoints_used(drill),
		.endpoints_moved = drill->population.moved,
		.scenario = &drill->scenario};
	error = lab_record_write(drill->record, &run, drill->options.out);
	return error ? error : drill->wire.send_error;
}

static void drill_free(struct drill *drill)
{
	lab_tcp_free(&drill->tcp);
	lab_wire_close(&drill->wire);
	lab_model_free(&drill->model);
	lab_names_free(&drill->names);
	lab_names_free(&drill->fresh);
	lab_population_free(&drill->population);
	free(drill->record);
}

static int simulation_print(const struct lab_options *options)
{
	double times;
	int error = lab_simulate(options->simulated_loss, options->seed, &times);

	if (!error)
		printf("%.2f\n", times);
	return error;
}

int main(int argc, char **argv)
{
	static struct drill drill;
	const struct rlimit files = {LAB_CONNECTIONS + 64, LAB_CONNECTIONS + 64};
	const struct sched_param priority = {.sched_priority = MODEL_PRIORITY};
	int error = lab_options_parse(&drill.options, argc, argv);

	if (error)
		return error > 0 ? 0 : 2;
	sched_setscheduler(0, SCHED_FIFO, &priority);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	setrlimit(RLIMIT_NOFILE, &files);
	if (drill.options.simulated_loss >= 0)
		error = simulation_print(&drill.options);
	else if (drill.options.is_check)
		error = scenario_read(&drill);
	else
		error = drill_run(&drill);
	drill_free(&drill);
	if (error && error != -EINVAL)
		fprintf(stderr, "traffic: %s\n", strerror(-error));
	return error == -EINVAL ? 2 : error ? 1 : 0;
}
