/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Incidents are kept, told, and found again after a restart. */
#include "guard/incident.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define AT 1761000000000 /* ms since 1970 */

static struct sw_event event(
	enum sw_event_type type, enum sw_vector vector, uint32_t incident, double rate_pps)
{
	return (struct sw_event){
		.type = type, .vector = vector, .incident = incident, .rate_pps = rate_pps, .sources = 7};
}

static void add(struct sw_incidents *incidents, struct sw_event one, int64_t at_ms)
{
	assert_int_equal(
		sw_incidents_add(incidents, &(struct sw_told){one, at_ms, at_ms + 500}, "example.com."), 0);
}

static void attack(struct sw_incidents *incidents, uint32_t number)
{
	add(incidents, event(SW_EVENT_ONSET, SW_VECTOR_SYN, number, 5000), AT);
	add(incidents, event(SW_EVENT_VECTOR_ADDED, SW_VECTOR_RANDOM, number, 900), AT + 1000);
	add(incidents, event(SW_EVENT_VECTOR_ENDED, SW_VECTOR_SYN, number, 8000), AT + 9000);
}

static void check_told(const struct sw_incidents *incidents, uint32_t number, bool is_over)
{
	json_t *told = sw_incident_show(incidents, number);
	assert_non_null(told);
	assert_int_equal(json_integer_value(json_object_get(told, "incident")), number);
	assert_float_equal(json_number_value(json_object_get(told, "begin")), AT / 1000.0, 0.001);
	assert_int_equal(json_is_null(json_object_get(told, "end")), !is_over);
	assert_int_equal(json_array_size(json_object_get(told, "events")), is_over ? 4 : 3);
	const json_t *peak = json_object_get(told, "peak_pps");
	assert_float_equal(json_number_value(json_object_get(peak, "syn")), 8000, 0.1);
	assert_float_equal(json_number_value(json_object_get(peak, "random")), 900, 0.1);
	json_decref(told);
}

static void test_an_incident_is_told(void **state)
{
	struct sw_incidents *incidents;
	unsigned unread;
	(void)state;
	assert_int_equal(sw_incidents_open(&incidents, NULL, &unread), 0);
	assert_null(sw_incident_show(incidents, 0));
	attack(incidents, 1);
	check_told(incidents, 1, false);
	add(incidents, event(SW_EVENT_OVER, 0, 1, 0), AT + 10000);
	check_told(incidents, 1, true);
	assert_int_equal(sw_incidents_last(incidents), 1);
	sw_incidents_close(incidents);
}

/* In the middle of an attack the node ends, and the next one knows of it. */
static void test_a_restart_finds_it(void **state)
{
	char path[] = "/tmp/incidents-XXXXXX";
	struct sw_incidents *incidents;
	unsigned unread;
	(void)state;
	close(mkstemp(path));
	assert_int_equal(sw_incidents_open(&incidents, path, &unread), 0);
	attack(incidents, 3);
	sw_incidents_close(incidents);
	assert_int_equal(sw_incidents_open(&incidents, path, &unread), 0);
	assert_int_equal(unread, 0);
	assert_int_equal(sw_incidents_last(incidents), 3);
	check_told(incidents, 3, false);
	sw_incidents_close(incidents);
	unlink(path);
}

static void test_lines_that_are_damaged_are_passed_over(void **state)
{
	char path[] = "/tmp/incidents-XXXXXX";
	struct sw_incidents *incidents;
	unsigned unread;
	(void)state;
	close(mkstemp(path));
	assert_int_equal(sw_incidents_open(&incidents, path, &unread), 0);
	attack(incidents, 1);
	sw_incidents_close(incidents);
	FILE *file = fopen(path, "a");
	fputs("{\"incident\":1,\"type\":\"over\nnonsense\n{\"incident\":2}\n", file);
	fclose(file);
	assert_int_equal(sw_incidents_open(&incidents, path, &unread), 0);
	assert_int_equal(unread, 3);
	check_told(incidents, 1, false);
	sw_incidents_close(incidents);
	unlink(path);
}

static void test_memory_is_bounded(void **state)
{
	struct sw_incidents *incidents;
	unsigned unread;
	(void)state;
	assert_int_equal(sw_incidents_open(&incidents, NULL, &unread), 0);
	for (uint32_t number = 1; number <= 2 * SW_INCIDENTS_MAX; number++)
		attack(incidents, number);
	for (unsigned i = 0; i < 2 * SW_INCIDENT_EVENTS_MAX; i++)
		add(incidents, event(SW_EVENT_VECTOR_ADDED, SW_VECTOR_ACK, 2 * SW_INCIDENTS_MAX, 1), AT);
	json_t *list = sw_incidents_list(incidents);
	assert_int_equal(json_array_size(list), SW_INCIDENTS_MAX);
	json_decref(list);
	json_t *last = sw_incident_show(incidents, 0);
	assert_int_equal(json_array_size(json_object_get(last, "events")), SW_INCIDENT_EVENTS_MAX);
	assert_int_equal(
		json_integer_value(json_object_get(last, "events_not_kept")), SW_INCIDENT_EVENTS_MAX + 3);
	json_decref(last);
	sw_incidents_close(incidents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_incident_is_told),
		cmocka_unit_test(test_a_restart_finds_it),
		cmocka_unit_test(test_lines_that_are_damaged_are_passed_over),
		cmocka_unit_test(test_memory_is_bounded),
	};
	return cmocka_run_group_tests_name("incident", tests, NULL, NULL);
}
