/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The node ends in the middle of an incident, and is started again. */
#include "guard/resume.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define AT 1761000000000   /* ms since 1970: the incident began */
#define DIED (AT + 60000)  /* the node was there last */
#define BACK (DIED + 7000) /* it is started again */

struct node {
	char path[64];
	struct sw_incidents *incidents;
	struct sw_resume resume;
};

static void told_take(void *arg, const struct sw_told *told)
{
	struct node *node = arg;
	assert_int_equal(sw_incidents_add(node->incidents, told, NULL), 0);
}

/** What sense says at a moment. */
static void say(struct node *node, enum sw_event_type type, enum sw_vector vector, uint32_t incident,
	uint32_t wave, int64_t at_ms)
{
	const struct sw_told told = {{.type = type,
					     .vector = vector,
					     .incident = incident,
					     .wave = wave,
					     .rate_pps = 100,
					     .sources = 3},
		at_ms, at_ms};
	sw_resume_take(&node->resume, &told, told_take, node);
}

static void turn(struct node *node, int64_t now_ms)
{
	sw_resume_turn(&node->resume, now_ms, now_ms, told_take, node);
}

static void start(struct node *node, int64_t now_ms)
{
	struct sw_incident_open open;
	unsigned unread;
	assert_int_equal(sw_incidents_open(&node->incidents, node->path, &unread), 0);
	assert_int_equal(unread, 0);
	assert_int_equal(sw_incidents_resume(node->incidents, now_ms, SW_RESUME_WITHIN_MS, &open), 0);
	sw_resume_start(&node->resume, &open, sw_incidents_last(node->incidents),
		sw_incidents_last_wave(node->incidents), now_ms + SW_RESUME_WAIT_MS);
}

/** As if killed: the file says when it was touched last. */
static void end(struct node *node, int64_t at_ms)
{
	const struct timespec times[2] = {{.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000},
		{.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000}};
	sw_incidents_close(node->incidents);
	assert_int_equal(utimensat(AT_FDCWD, node->path, times, 0), 0);
}

/** Incident 4 with its wave 2, a SYN flood and random names, when the node ends. */
static void attacked(struct node *node)
{
	strcpy(node->path, "/tmp/incidents-XXXXXX");
	close(mkstemp(node->path));
	start(node, AT);
	for (uint32_t incident = 1; incident <= 3; incident++) {
		say(node, SW_EVENT_ONSET, SW_VECTOR_GRE, incident, 0, AT - 90000);
		say(node, SW_EVENT_WAVE, SW_VECTOR_COUNT, incident, 1, AT - 90000);
		say(node, SW_EVENT_VECTOR_ENDED, SW_VECTOR_GRE, incident, 1, AT - 80000);
		say(node, SW_EVENT_OVER, SW_VECTOR_COUNT, incident, 0, AT - 80000);
		say(node, SW_EVENT_WAVE_OVER, SW_VECTOR_COUNT, incident, 1, AT - 80000);
	}
	say(node, SW_EVENT_ONSET, SW_VECTOR_SYN, 4, 0, AT);
	say(node, SW_EVENT_WAVE, SW_VECTOR_COUNT, 4, 2, AT + 1000);
	say(node, SW_EVENT_VECTOR_ADDED, SW_VECTOR_RANDOM, 4, 2, AT + 2000);
	say(node, SW_EVENT_VECTOR_ADDED, SW_VECTOR_JUNK, 4, 2, AT + 2000);
	say(node, SW_EVENT_VECTOR_ENDED, SW_VECTOR_JUNK, 4, 2, AT + 9000);
	end(node, DIED);
}

static void done(struct node *node)
{
	sw_incidents_close(node->incidents);
	unlink(node->path);
}

/** "type vector wave time" of each event of an incident, from the restart on. */
static void assert_told(const struct node *node, uint32_t number, size_t from, const char *const *wanted)
{
	json_t *shown = sw_incident_show(node->incidents, number);
	const json_t *events = json_object_get(shown, "events");
	size_t count = 0;
	char line[128];
	for (; wanted[count]; count++) {
		const json_t *event = json_array_get(events, from + count);
		const char *vector = json_string_value(json_object_get(event, "vector"));
		assert_non_null(event);
		snprintf(line, sizeof(line), "%s %s %lld %.0f",
			json_string_value(json_object_get(event, "type")), vector ? vector : "-",
			(long long)json_integer_value(json_object_get(event, "wave")),
			json_number_value(json_object_get(event, "time")) - AT / 1000.0);
		assert_string_equal(line, wanted[count]);
	}
	assert_int_equal(json_array_size(events), from + count);
	json_decref(shown);
}

static void assert_end(const struct node *node, uint32_t number, int64_t end_ms, bool is_seen)
{
	json_t *shown = sw_incident_show(node->incidents, number);
	const json_t *its = json_object_get(shown, "end");
	if (end_ms == 0)
		assert_true(json_is_null(its));
	else
		assert_float_equal(json_number_value(its), end_ms / 1000.0, 0.001);
	assert_int_equal(json_is_true(json_object_get(shown, "end_seen")), is_seen);
	json_decref(shown);
}

static size_t count_of(const struct node *node)
{
	json_t *list = sw_incidents_list(node->incidents);
	size_t count = json_array_size(list);
	json_decref(list);
	return count;
}

/* The same incident, the same wave; what is on still is not told again, and what is new is another vector. */
static void test_what_is_on_goes_on(void **state)
{
	struct node node;
	(void)state;
	attacked(&node);
	start(&node, BACK);
	say(&node, SW_EVENT_ONSET, SW_VECTOR_RANDOM, 1, 0, BACK + 700);
	say(&node, SW_EVENT_WAVE, SW_VECTOR_COUNT, 1, 1, BACK + 700);
	say(&node, SW_EVENT_VECTOR_ADDED, SW_VECTOR_SPOOFED, 1, 1, BACK + 2000);
	say(&node, SW_EVENT_VECTOR_ADDED, SW_VECTOR_SYN, 1, 1, BACK + 2500);
	turn(&node, BACK + SW_RESUME_WAIT_MS);
	assert_end(&node, 4, 0, false);
	say(&node, SW_EVENT_VECTOR_ENDED, SW_VECTOR_RANDOM, 1, 1, BACK + 20000);
	say(&node, SW_EVENT_OVER, SW_VECTOR_COUNT, 1, 1, BACK + 20000);
	say(&node, SW_EVENT_WAVE_OVER, SW_VECTOR_COUNT, 1, 1, BACK + 21000);
	assert_told(&node, 4, 5,
		(const char *const[]){"resumed - 0 67", "vector_added spoofed 2 69",
			"vector_ended random 2 87", "over - 2 87", "wave_over - 2 88", NULL});
	assert_end(&node, 4, BACK + 20000, true);
	say(&node, SW_EVENT_ONSET, SW_VECTOR_GRE, 2, 0, BACK + 90000);
	say(&node, SW_EVENT_WAVE, SW_VECTOR_COUNT, 2, 2, BACK + 91000);
	assert_told(&node, 5, 0, (const char *const[]){"onset gre 0 157", "wave - 3 158", NULL});
	done(&node);
}

/* What is not seen again ended when the node was there last. */
static void test_what_is_not_seen_again_has_ended(void **state)
{
	struct node node;
	(void)state;
	attacked(&node);
	start(&node, BACK);
	say(&node, SW_EVENT_ONSET, SW_VECTOR_RANDOM, 1, 0, BACK + 700);
	turn(&node, BACK + SW_RESUME_WAIT_MS - 1);
	turn(&node, BACK + SW_RESUME_WAIT_MS);
	turn(&node, BACK + SW_RESUME_WAIT_MS + 1000);
	assert_told(&node, 4, 5,
		(const char *const[]){"resumed - 0 67", "vector_ended syn 0 60", "wave_over - 2 60", NULL});
	assert_end(&node, 4, 0, false);
	done(&node);
}

static void test_nothing_is_seen_again(void **state)
{
	struct node node;
	(void)state;
	attacked(&node);
	start(&node, BACK);
	turn(&node, BACK + SW_RESUME_WAIT_MS);
	assert_told(&node, 4, 5,
		(const char *const[]){"resumed - 0 67", "vector_ended syn 0 60", "vector_ended random 0 60",
			"over - 0 60", "wave_over - 2 60", NULL});
	assert_end(&node, 4, DIED, true);
	say(&node, SW_EVENT_ONSET, SW_VECTOR_GRE, 1, 0, BACK + 90000);
	assert_told(&node, 5, 0, (const char *const[]){"onset gre 0 157", NULL});
	done(&node);
}

/* It is over already while the others are still waited for. */
static void test_an_early_end_waits(void **state)
{
	struct node node;
	(void)state;
	attacked(&node);
	start(&node, BACK);
	say(&node, SW_EVENT_ONSET, SW_VECTOR_RANDOM, 1, 0, BACK + 700);
	say(&node, SW_EVENT_VECTOR_ENDED, SW_VECTOR_RANDOM, 1, 0, BACK + 1000);
	say(&node, SW_EVENT_OVER, SW_VECTOR_COUNT, 1, 0, BACK + 1000);
	assert_end(&node, 4, 0, false);
	say(&node, SW_EVENT_ONSET, SW_VECTOR_GRE, 2, 0, BACK + 4000); /* another one */
	turn(&node, BACK + SW_RESUME_WAIT_MS);
	assert_told(&node, 4, 5,
		(const char *const[]){"resumed - 0 67", "vector_ended random 0 68", "vector_ended syn 0 60",
			"over - 0 68", "wave_over - 2 60", NULL});
	assert_told(&node, 5, 0, (const char *const[]){"onset gre 0 71", NULL});
	done(&node);
}

/* Away for too long: nobody knows when it ended, and what comes now is another one. */
static void test_an_old_one_is_closed(void **state)
{
	struct node node;
	(void)state;
	attacked(&node);
	start(&node, DIED + SW_RESUME_WITHIN_MS + 1);
	assert_told(&node, 4, 5, (const char *const[]){"not_seen - 0 60", NULL});
	assert_end(&node, 4, DIED, false);
	say(&node, SW_EVENT_ONSET, SW_VECTOR_GRE, 1, 0, AT + 900000);
	say(&node, SW_EVENT_WAVE, SW_VECTOR_COUNT, 1, 1, AT + 900000);
	assert_told(&node, 5, 0, (const char *const[]){"onset gre 0 900", "wave - 3 900", NULL});
	end(&node, AT + 900000);
	start(&node, AT + 901000); /* what was closed is closed */
	assert_end(&node, 4, DIED, false);
	assert_int_equal(count_of(&node), 5);
	done(&node);
}

/* Killed again while it waits: nothing is lost, nothing told twice. */
static void test_again_and_again(void **state)
{
	struct node node;
	(void)state;
	attacked(&node);
	start(&node, BACK);
	end(&node, BACK + 1000);
	start(&node, BACK + 3000);
	say(&node, SW_EVENT_ONSET, SW_VECTOR_RANDOM, 1, 0, BACK + 4000);
	say(&node, SW_EVENT_VECTOR_ADDED, SW_VECTOR_SYN, 1, 0, BACK + 4000);
	say(&node, SW_EVENT_WAVE, SW_VECTOR_COUNT, 1, 1, BACK + 4000);
	turn(&node, BACK + 3000 + SW_RESUME_WAIT_MS);
	assert_told(&node, 4, 5, (const char *const[]){"resumed - 0 67", "resumed - 0 70", NULL});
	assert_end(&node, 4, 0, false);
	assert_int_equal(count_of(&node), 4);
	done(&node);
}

/* While an incident lasts the file says that the node is there; afterwards it is left alone. */
static void test_the_file_says_that_the_node_is_there(void **state)
{
	struct node node;
	struct stat now;
	(void)state;
	attacked(&node);
	start(&node, BACK);
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	utimensat(AT_FDCWD, node.path, long_ago, 0);
	sw_incidents_alive(node.incidents);
	stat(node.path, &now);
	assert_true(now.st_mtim.tv_sec > 1000);
	turn(&node, BACK + SW_RESUME_WAIT_MS);
	utimensat(AT_FDCWD, node.path, long_ago, 0);
	sw_incidents_alive(node.incidents);
	stat(node.path, &now);
	assert_int_equal(now.st_mtim.tv_sec, 1000);
	done(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_on_goes_on),
		cmocka_unit_test(test_what_is_not_seen_again_has_ended),
		cmocka_unit_test(test_nothing_is_seen_again),
		cmocka_unit_test(test_an_early_end_waits),
		cmocka_unit_test(test_an_old_one_is_closed),
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_the_file_says_that_the_node_is_there),
	};
	return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
