// SPDX-License-Identifier: GPL-3.0-or-later
/* Writes the zone files of the bench to standard output: always the same bytes for the same arguments.
 *
 * `names` is a zone of single addresses: h0000000 has 10.0.0.0, h0000001 has 10.0.0.1, and so on.
 * `delegations` is shaped like a registry's zone: each name is delegated to a pair of name servers of one of
 * a few thousand hosters outside the zone, with large hosters far more common than small ones; one name in 64
 * has name servers of its own, and so glue.
 *
 * `wildcards` is the dearest question there is: a chain of so many wildcards, each of them a CNAME to a name
 * below the next, so that a signed answer has to prove for each that nothing else is there.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 10000000
#define HOSTERS 4096
#define OWN_SERVERS_ONE_IN 64

static void apex_write(const char *origin)
{
	printf("$ORIGIN %s.\n", origin);
	printf("@\t3600\tIN\tSOA\tns1 hostmaster 2016102101 7200 3600 1209600 300\n");
	printf("@\t3600\tIN\tNS\tns1\n@\t3600\tIN\tNS\tns2\n");
	printf("ns1\t3600\tIN\tA\t198.18.0.2\nns2\t3600\tIN\tA\t198.18.0.3\n");
}

static void names_write(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		printf("h%07u\t3600\tIN\tA\t10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255, i & 255);
}

/* splitmix64's finisher: scatters the hosters over the names. */
static uint64_t scatter(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void delegations_write(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		double u = (double)(scatter(i + 1) >> 11) / 9007199254740992.0;
		unsigned hoster = (unsigned)(u * u * u * HOSTERS); /* the largest tenth takes almost half */

		if (i % OWN_SERVERS_ONE_IN == 0) {
			printf("d%07u\t86400\tIN\tNS\tns1.d%07u\nd%07u\t86400\tIN\tNS\tns2.d%07u\n", i, i, i,
				i);
			printf("ns1.d%07u\t86400\tIN\tA\t10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255,
				i & 255);
			printf("ns2.d%07u\t86400\tIN\tA\t11.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255,
				i & 255);
			continue;
		}
		printf("d%07u\t86400\tIN\tNS\tns1.hoster%04u.example.\n", i, hoster);
		printf("d%07u\t86400\tIN\tNS\tns2.hoster%04u.example.\n", i, hoster);
	}
}

static void wildcards_write(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		printf("*.w%02u\t3600\tIN\tCNAME\tnothing-here.w%02u\n", i, i + 1);
	printf("*.w%02u\t3600\tIN\tA\t10.0.0.1\n", count);
}

static void (*kind_of(const char *name))(uint32_t)
{
	if (strcmp(name, "names") == 0)
		return names_write;
	if (strcmp(name, "delegations") == 0)
		return delegations_write;
	return strcmp(name, "wildcards") == 0 ? wildcards_write : NULL;
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	void (*write)(uint32_t) = argc == 4 ? kind_of(argv[1]) : NULL;

	if (count < 1 || count > COUNT_MAX || !write) {
		fprintf(stderr, "zonegen names|delegations|wildcards ORIGIN COUNT > FILE    (COUNT up to 10 "
				"million)\n");
		return 2;
	}
	apex_write(argv[2]);
	write((uint32_t)count);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "zonegen: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
