/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is learnt, in a file:
 *
 *   "seawsens", version 4, baselines 4, knows enough 1, share of strangers 8
 *   for each baseline (load, missing names, the vectors in their order): windows 8, buckets 8 each
 *   resolvers 4; for each: address 16, its length 1, hops 1, minutes 2, seconds since it was heard 4
 *   checksum 8 of all of it
 *
 * Read twice: once to the end, then to take it.
 */
#include "sense/bytes.h"
#include "sense/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define VERSION 1 /* also another one when vectors change their order */
#define BASELINES (2 + SW_VECTOR_COUNT)
#define AGE_MAX_S (10 * 365 * 86400u)

static const char magic[8] = {'s', 'e', 'a', 'w', 's', 'e', 'n', 's'};

static struct sw_baseline *baseline_of(struct sw_detector *detector, unsigned number)
{
	return number == 0   ? &detector->load
	       : number == 1 ? &detector->missing
			     : &detector->usual[number - 2];
}

/* ---- writing ---- */

static void baseline_put(struct sw_bytes *out, const struct sw_baseline *baseline)
{
	sw_bytes_put_number(out, baseline->windows, 8);
	for (unsigned i = 0; i < SW_BASELINE_BUCKETS; i++)
		sw_bytes_put_double(out, baseline->weight[i]);
}

static void resolver_put(struct sw_bytes *out, const struct sw_resolver *resolver, int32_t now_s)
{
	sw_bytes_put(out, resolver->address, sizeof(resolver->address));
	sw_bytes_put_number(out, resolver->address_len, 1);
	sw_bytes_put_number(out, resolver->hops, 1);
	sw_bytes_put_number(out, resolver->minutes, 2);
	sw_bytes_put_number(out, (uint32_t)(now_s - resolver->seen_s), 4);
}

static void resolvers_put(struct sw_bytes *out, const struct sw_sense *sense)
{
	int32_t now_s = (int32_t)(sw_sense_clock(sense) / 1000);
	sw_bytes_put_number(out, sense->resolvers.count, 4);
	for (unsigned i = 0; i < SW_RESOLVERS_MAX; i++) {
		const struct sw_resolver *resolver =
			&sense->resolvers.resolver[i / SW_RESOLVER_WAYS][i % SW_RESOLVER_WAYS];
		if (resolver->address_len != 0)
			resolver_put(out, resolver, now_s);
	}
}

static void everything_put(struct sw_bytes *out, const struct sw_sense *sense)
{
	const struct sw_detector *detector = &sense->detector;
	sw_sum_start(&out->sum);
	sw_bytes_put(out, magic, sizeof(magic));
	sw_bytes_put_number(out, VERSION, 4);
	sw_bytes_put_number(out, BASELINES, 4);
	sw_bytes_put_number(out, detector->knows_enough, 1);
	sw_bytes_put_double(out, detector->unknown_share);
	for (unsigned i = 0; i < BASELINES; i++)
		baseline_put(out, baseline_of((struct sw_detector *)detector, i));
	resolvers_put(out, sense);
	sw_bytes_put_sum(out);
}

/** Without this a power failure may leave a name that leads to an empty file. */
static int written_out(FILE *file)
{
	if (fflush(file) != 0 || fsync(fileno(file)) != 0)
		return -errno;
	return 0;
}

int sw_sense_save(const struct sw_sense *sense, const char *path)
{
	char beside[PATH_MAX];
	struct sw_bytes out = {0};
	int length = snprintf(beside, sizeof(beside), "%s.new", path);
	if (length < 0 || (size_t)length >= sizeof(beside))
		return -ENAMETOOLONG;
	out.file = fopen(beside, "we");
	if (!out.file)
		return -errno;
	everything_put(&out, sense);
	int err = out.has_failed ? -out.error : written_out(out.file);
	if (fclose(out.file) != 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(beside, path) != 0)
		err = -errno;
	if (err != 0)
		unlink(beside);
	return err;
}

/* ---- reading ---- */

/** @return whether it is one: a checksum keeps out damage, not nonsense */
static bool baseline_get(struct sw_bytes *in, struct sw_baseline *baseline)
{
	bool is_sound = true;
	baseline->windows = sw_bytes_get_number(in, 8);
	for (unsigned i = 0; i < SW_BASELINE_BUCKETS; i++) {
		baseline->weight[i] = sw_bytes_get_double(in);
		is_sound = is_sound && isfinite(baseline->weight[i]) && baseline->weight[i] >= 0;
	}
	return is_sound;
}

static bool resolver_get(struct sw_bytes *in, struct sw_resolver *resolver, int32_t now_s)
{
	*resolver = (struct sw_resolver){0};
	sw_bytes_get(in, resolver->address, sizeof(resolver->address));
	resolver->address_len = (uint8_t)sw_bytes_get_number(in, 1);
	resolver->hops = (uint8_t)sw_bytes_get_number(in, 1);
	resolver->minutes = (uint16_t)sw_bytes_get_number(in, 2);
	uint32_t age_s = (uint32_t)sw_bytes_get_number(in, 4);
	resolver->seen_s = now_s - (int32_t)(age_s < AGE_MAX_S ? age_s : AGE_MAX_S);
	return (resolver->address_len == 4 || resolver->address_len == 16) && age_s <= AGE_MAX_S;
}

/** @param sense  NULL: only look */
static bool baselines_get(struct sw_bytes *in, struct sw_sense *sense)
{
	struct sw_baseline unused;
	for (unsigned i = 0; i < BASELINES; i++) {
		struct sw_baseline *baseline = sense ? baseline_of(&sense->detector, i) : &unused;
		if (!baseline_get(in, baseline))
			return false;
	}
	return true;
}

static bool resolvers_get(struct sw_bytes *in, struct sw_sense *sense)
{
	uint64_t count = sw_bytes_get_number(in, 4), now_ms = sense ? sw_sense_clock(sense) : 0;
	if (count > SW_RESOLVERS_MAX)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		struct sw_resolver resolver;
		if (!resolver_get(in, &resolver, (int32_t)(now_ms / 1000)) || in->has_failed)
			return false;
		if (sense)
			sw_resolvers_put(&sense->resolvers, &resolver, now_ms);
	}
	return true;
}

static bool everything_get(struct sw_bytes *in, struct sw_sense *sense)
{
	char word[sizeof(magic)];
	sw_sum_start(&in->sum);
	sw_bytes_get(in, word, sizeof(word));
	if (memcmp(word, magic, sizeof(magic)) != 0 || sw_bytes_get_number(in, 4) != VERSION ||
		sw_bytes_get_number(in, 4) != BASELINES)
		return false;
	uint64_t knows_enough = sw_bytes_get_number(in, 1);
	double unknown_share = sw_bytes_get_double(in);
	if (knows_enough > 1 || !(unknown_share >= 0 && unknown_share <= 1))
		return false;
	if (sense) {
		sense->detector.knows_enough = knows_enough;
		sense->detector.unknown_share = unknown_share;
	}
	return baselines_get(in, sense) && resolvers_get(in, sense) && sw_bytes_check_sum(in);
}

int sw_sense_load(struct sw_sense *sense, const char *path)
{
	struct sw_bytes in = {.file = fopen(path, "re")};
	if (!in.file)
		return -errno;
	int err = 0;
	if (!everything_get(&in, NULL) || fgetc(in.file) != EOF)
		err = ferror(in.file) ? -EIO : -EBADMSG;
	rewind(in.file);
	in = (struct sw_bytes){.file = in.file};
	/* it cannot have changed meanwhile but for the worse: it is only ever replaced */
	if (err == 0 && !everything_get(&in, sense))
		err = -EIO;
	fclose(in.file);
	return err;
}
