/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a change costs: of records in a zone of a million names, of zones among 100,000. The records come from
 * memory, so what is timed is the image alone; with --kernel the image is the one that an XDP program reads,
 * and waiting for readers is waiting for the kernel's; with --signed the zone is signed, with NSEC and with
 * NSEC3. */
#include "change.h"
#include "wire/message.h"
#include "xdp/kernel.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu.h>

#define NAMES 1000000u
#define ZONES 100000u
#define SINGLES 20000u
#define BATCH 10000u
#define ZONE_ROUNDS 1000u

/** "hNNNNNNN" has an address; name i has version[i], 0 for none. */
struct zone {
	uint8_t apex[SW_NAME_MAX];
	uint32_t serial;
	uint32_t *version;
	uint32_t count; /* numbers there may be */
};

double now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

void die(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	exit(1);
}

static void owner_make(const struct zone *zone, uint32_t number, uint8_t *owner)
{
	char digits[16];
	snprintf(digits, sizeof(digits), "%07u", number % 10000000);
	owner[0] = 8;
	owner[1] = 'h';
	memcpy(owner + 2, digits, 7);
	memcpy(owner + 9, zone->apex, sw_name_len(zone->apex));
}

static int give_apex(const struct zone *zone, sw_record_fn *take, void *arg)
{
	static const uint8_t ns[] = "\2ns\5other";
	uint8_t rdata[40];
	memcpy(rdata, "\2ns\5other", 10);
	memcpy(rdata + 10, "\1h\5other", 9);
	memset(rdata + 19, 0, 20);
	for (unsigned i = 0; i < 4; i++)
		rdata[19 + i] = (uint8_t)(zone->serial >> (24 - 8 * i));
	struct sw_record record = {
		.owner = zone->apex, .type = SW_TYPE_SOA, .rdata_len = 39, .ttl = 300, .rdata = rdata};
	int error = take(arg, &record);
	record.type = SW_TYPE_NS;
	record.rdata = ns;
	record.rdata_len = 10;
	return error ? error : take(arg, &record);
}

static int give_host(const struct zone *zone, uint32_t number, sw_record_fn *take, void *arg)
{
	uint8_t owner[SW_NAME_MAX], address[4];
	if (number >= zone->count || zone->version[number] == 0)
		return 0;
	owner_make(zone, number, owner);
	memcpy(address, &zone->version[number], 4);
	const struct sw_record record = {
		.owner = owner, .type = SW_TYPE_A, .rdata_len = 4, .ttl = 300, .rdata = address};
	return take(arg, &record);
}

static int records_at(void *context, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	const struct zone *zone = context;
	if (sw_name_equal(owner, zone->apex))
		return give_apex(zone, take, arg);
	return give_host(zone, (uint32_t)strtoul((const char *)owner + 2, NULL, 10), take, arg);
}

static int fill(void *arg, const struct sw_record *record)
{
	return sw_contents_add(
		arg, record->owner, record->type, record->ttl, record->rdata, record->rdata_len, 0, 0);
}

static struct sw_contents *contents_make(const struct zone *zone, const struct sw_hash_key *key)
{
	struct sw_contents *contents = sw_contents_new(zone->apex, key);
	int error = contents ? give_apex(zone, fill, contents) : -ENOMEM;
	for (uint32_t i = 0; i < zone->count && !error; i++)
		error = give_host(zone, i, fill, contents);
	if (!error)
		error = sw_contents_finish(contents);
	if (error)
		die("contents", error);
	return contents;
}

static void put(struct sw_store *store, const struct zone *zone)
{
	struct sw_contents *contents = contents_make(zone, sw_store_key(store));
	int error = sw_store_put(store, contents);
	if (error)
		die("put", error);
	sw_contents_free(contents);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

void row(const char *what, double *us, unsigned count)
{
	double sum = 0;
	for (unsigned i = 0; i < count; i++)
		sum += us[i];
	qsort(us, count, sizeof(*us), compare_doubles);
	printf("%-44s mean %9.2f us, median %9.2f, 99 %% %9.2f, most %9.2f\n", what, sum / count,
		us[count / 2], us[count - 1 - count / 100], us[count - 1]);
	fflush(stdout);
}

/** Change names and the SOA. @return microseconds */
static double change(struct sw_store *store, struct zone *zone, const uint8_t (*owners)[32], size_t count)
{
	static const uint8_t *names[BATCH + 1];
	const struct sw_zone_records records = {.context = zone, .at = records_at, .below = records_at};
	for (size_t i = 0; i < count; i++)
		names[i] = owners[i];
	names[count] = zone->apex;
	zone->serial++;
	double start = now_us();
	int error = sw_store_change(store, zone->apex, names, count + 1, &records);
	double took = now_us() - start;
	if (error)
		die("change", error);
	return took;
}

/** @param first  numbers from there on, `range` of them, drawn at random; names come and go when is_toggled
 */
static void singles(struct sw_store *store, struct zone *zone, const char *what, uint32_t first,
	uint32_t range, bool is_toggled)
{
	static double us[SINGLES];
	static uint8_t owner[1][32];
	for (uint32_t i = 0; i < SINGLES; i++) {
		uint32_t number = first + (uint32_t)random() % range;
		zone->version[number] = is_toggled && zone->version[number] ? 0 : i + 1;
		owner_make(zone, number, owner[0]);
		us[i] = change(store, zone, (const uint8_t(*)[32])owner, 1);
	}
	row(what, us, SINGLES);
}

static void batch(struct sw_store *store, struct zone *zone, const char *what, uint32_t first, uint32_t step)
{
	static uint8_t owners[BATCH][32];
	double us[5];
	for (uint32_t k = 0; k < 5; k++) {
		for (uint32_t i = 0; i < BATCH; i++) {
			uint32_t number = first + k * step * BATCH + i * step;
			zone->version[number] += 77;
			owner_make(zone, number, owners[i]);
		}
		us[k] = change(store, zone, (const uint8_t(*)[32])owners, BATCH);
	}
	row(what, us, 5);
}

static void names_measure(struct sw_store *store)
{
	struct zone zone = {.apex = "\7million\4test", .serial = 1, .count = NAMES + 100000};
	zone.version = calloc(zone.count, sizeof(*zone.version));
	for (uint32_t i = 0; i < NAMES; i++)
		zone.version[i] = i + 1;
	double start = now_us();
	put(store, &zone);
	printf("%-44s %.0f ms, %llu MiB\n", "the whole zone, 1,000,000 names", (now_us() - start) / 1e3,
		(unsigned long long)(sw_store_bytes(store) >> 20));
	singles(store, &zone, "one record and the SOA", 0, NAMES, false);
	singles(store, &zone, "the same, of 100 names", 0, 100, false);
	singles(store, &zone, "a name that comes or goes, of 10,000", NAMES, 10000, true);
	batch(store, &zone, "10,000 records in one change", 0, 17);
	batch(store, &zone, "10,000 new names in one change", NAMES + 20000, 1);
	start = now_us();
	unsigned rounds = 0;
	while (sw_store_settle(store))
		rounds++;
	printf("%-44s %.2f ms, %u rounds; %llu MiB\n", "settled", (now_us() - start) / 1e3, rounds + 1,
		(unsigned long long)(sw_store_bytes(store) >> 20));
	free(zone.version);
}

static void zones_measure(struct sw_store *store)
{
	static double come[ZONE_ROUNDS], go[ZONE_ROUNDS];
	uint32_t version = 1;
	struct zone zone = {.serial = 1, .count = 1, .version = &version};
	sw_store_expect_changes(store, false);
	for (uint32_t i = 0; i < ZONES + ZONE_ROUNDS; i++) {
		owner_make(&(struct zone){.apex = "\4test"}, i, zone.apex);
		struct sw_contents *contents = contents_make(&zone, sw_store_key(store));
		double start = now_us();
		int error = sw_store_prepare(store, contents);
		if (!error && i + 1 >= ZONES)
			error = sw_store_publish(store);
		if (error)
			die("zone", error);
		if (i >= ZONES)
			come[i - ZONES] = now_us() - start;
		sw_contents_free(contents);
	}
	for (uint32_t i = 0; i < ZONE_ROUNDS; i++) {
		owner_make(&(struct zone){.apex = "\4test"}, ZONES + i, zone.apex);
		double start = now_us();
		int error = sw_store_remove(store, zone.apex);
		if (error)
			die("removal", error);
		go[i] = now_us() - start;
	}
	row("a zone that comes among 100,000", come, ZONE_ROUNDS);
	row("a zone that goes among 100,000", go, ZONE_ROUNDS);
}

int main(int argc, char **argv)
{
	bool is_kernel = argc > 1 && strcmp(argv[1], "--kernel") == 0;
	bool is_signed = argc > 1 && strcmp(argv[argc - 1], "--signed") == 0;
	struct sw_kernel *kernel = NULL;
	struct sw_backing backing;
	struct sw_store *store;
	char why[SW_WHY_MAX] = "";
	if (argc > 1 + is_kernel + is_signed) {
		fputs("change [--kernel] [--signed]\n", stderr);
		return 2;
	}
	rcu_register_thread();
	if (is_kernel) {
		int error = sw_kernel_open(&kernel, why);
		if (!error)
			error = sw_kernel_load(kernel, why);
		if (error)
			die(why, error);
		sw_kernel_backing(kernel, &backing);
	}
	int error = sw_store_new(&store, is_kernel ? &backing : NULL);
	if (error)
		die("store", error);
	sw_store_expect_changes(store, true);
	if (!is_signed) {
		names_measure(store);
		zones_measure(store);
	}
	for (unsigned is_nsec3 = 0; is_nsec3 < 2 && is_signed; is_nsec3++)
		signed_measure(store, is_nsec3);
	sw_store_free(store);
	sw_kernel_free(kernel);
	rcu_unregister_thread();
	return 0;
}
