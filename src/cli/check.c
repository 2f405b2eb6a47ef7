/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include "image/store.h"
#include "serve/session.h"
#include "zone/load.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Check zones, and a configuration, as 'serve' would before serving them. Prints every finding;\n"
	"errors refuse a zone, warnings do not. Exit code 1 when there are errors.\n\n"
	"usage: seawall check [FILE] [OPTIONS]\n\n"
	"  FILE                configuration in YAML: it and all its zones are checked\n"
	"  --zone ORIGIN=FILE  check a master file as the zone ORIGIN; repeatable\n"
	"  --zone-list FILE    check the zones of a list, lines ORIGIN<TAB>FILE; repeatable\n"
	"  --help              this text\n\n"
	"Example: seawall check --zone example.com=example.com.zone\n";

struct sums {
	uint64_t errors, warnings, zones, refused, without_file;
};

/** As in serving: read, check, and compile, which finds what is too large for any message. */
static int check_zone(const struct sw_zone_setting *zone, struct sw_store *store, struct sums *sums)
{
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stdout};
	struct sw_contents *contents = NULL;
	char apex[SW_NAME_TEXT_MAX];
	int err = sw_zone_load(zone->apex, sw_store_key(store), zone->file, &findings, &contents);
	if (err == 0)
		err = sw_store_put(store, contents);
	if (err == 0)
		sw_store_remove(store, zone->apex);
	sw_contents_free(contents);
	if (err != 0 && findings.count[SW_ERROR] == 0) {
		printf("%s: error: %s: %s\n", zone->file, sw_name_text(zone->apex, apex),
			sw_store_error_text(err));
		findings.count[SW_ERROR]++;
	}
	sums->zones++;
	sums->refused += err != 0;
	sums->errors += findings.count[SW_ERROR];
	sums->warnings += findings.count[SW_WARNING];
	return err == -ENOMEM ? err : 0;
}

/** The certificate that the settings name. @return 0 or -ENOMEM */
static int check_tls(const struct sw_tls_options *tls, struct sums *sums)
{
	char why[SW_WHY_TEXT_MAX];
	struct sw_credentials *credentials = NULL;
	struct sw_trust *trust = NULL;
	int err = tls->certificate ? sw_credentials_load(&credentials, tls->certificate, tls->key, why) : 0;
	if (err == 0 && tls->trust)
		err = sw_trust_load(&trust, tls->trust, why);
	if (err == -EINVAL) {
		printf("error: %s\n", why);
		sums->errors++;
	}
	sw_credentials_release(credentials);
	sw_trust_release(trust);
	return err == -ENOMEM ? err : 0;
}

static int check(const struct sw_command *command, const struct sw_sources *sources)
{
	char why[SW_WHY_TEXT_MAX];
	struct sw_settings *settings;
	struct sw_store *store = NULL;
	struct sums sums = {0};
	if (sw_sources_read(sources, &settings, why) != 0) {
		sw_complain(command, "%s", why);
		return SW_EXIT_USAGE;
	}
	int err = sw_store_new(&store, NULL);
	for (size_t i = 0; err == 0 && i < settings->zone_count; i++) {
		if (settings->zones[i].file == NULL)
			sums.without_file++;
		else
			err = check_zone(&settings->zones[i], store, &sums);
	}
	if (err == 0)
		err = check_tls(&settings->tls, &sums);
	sw_store_free(store);
	sw_settings_free(settings);
	if (err != 0) {
		sw_complain(command, "%s", strerror(-err));
		return SW_EXIT_FAILED;
	}
	if (sums.without_file > 0)
		printf("%llu zone(s) come from primaries, without a file to check\n",
			(unsigned long long)sums.without_file);
	printf("%llu zone(s) checked, %llu refused: %llu error(s), %llu warning(s)\n",
		(unsigned long long)sums.zones, (unsigned long long)sums.refused,
		(unsigned long long)sums.errors, (unsigned long long)sums.warnings);
	return sums.errors ? SW_EXIT_FAILED : SW_EXIT_OK;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {SW_SOURCE_OPTIONS, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	struct sw_sources sources = {0};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'z' && option != 'Z')
			return sw_option_common(command, option);
		if (sw_words_add(option == 'z' ? &sources.zones : &sources.zone_lists, optarg) != 0)
			return SW_EXIT_FAILED;
	}
	sources.file = optind < argc ? argv[optind] : NULL;
	if (argc - optind > 1 ||
		(sources.file == NULL && sources.zones.count + sources.zone_lists.count == 0)) {
		sw_complain(command, "a configuration file, --zone or --zone-list is needed");
		return sw_option_common(command, '?');
	}
	int code = check(command, &sources);
	sw_sources_free(&sources);
	return code;
}

const struct sw_command sw_command_check = {"check", "check zones and configuration", help, run};
