/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/check_report.h"
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
	"  --json              findings and totals as one JSON object\n"
	"  --help              this text\n\n"
	"Example: seawall check --zone example.com=example.com.zone\n";

/** As in serving: read, check, and compile, which finds what is too large for any message. */
static int check_zone(
	const struct sw_zone_setting *zone, struct sw_store *store, struct sw_check_report *report)
{
	struct sw_findings findings = {.emit = sw_check_report_finding, .arg = report};
	struct sw_contents *contents = NULL;
	char apex[SW_NAME_TEXT_MAX];
	report->zone = sw_name_text(zone->apex, apex);
	int err = sw_zone_load(zone->apex, sw_store_key(store), zone->file, &findings, &contents);
	if (err == 0)
		err = sw_store_put(store, contents);
	if (err == 0)
		sw_store_remove(store, zone->apex);
	sw_contents_free(contents);
	if (err != 0 && findings.count[SW_ERROR] == 0)
		sw_check_report_error(report, "compile", zone->file, sw_store_error_text(err));
	report->zone = NULL;
	report->zones++;
	report->refused += err != 0;
	report->errors += findings.count[SW_ERROR];
	report->warnings += findings.count[SW_WARNING];
	return err == -ENOMEM ? err : 0;
}

/** The certificate that the settings name. @return 0 or -ENOMEM */
static int check_tls(const struct sw_tls_options *tls, struct sw_check_report *report)
{
	char why[SW_WHY_TEXT_MAX];
	struct sw_credentials *credentials = NULL;
	struct sw_trust *trust = NULL;
	int err = tls->certificate ? sw_credentials_load(&credentials, tls->certificate, tls->key, why) : 0;
	if (err == 0 && tls->trust)
		err = sw_trust_load(&trust, tls->trust, why);
	if (err == -EINVAL)
		sw_check_report_error(report, "tls", NULL, why);
	sw_credentials_release(credentials);
	sw_trust_release(trust);
	return err == -ENOMEM ? err : 0;
}

static int check_all(const struct sw_settings *settings, struct sw_check_report *report)
{
	struct sw_store *store = NULL;
	int err = sw_store_new(&store, NULL);
	for (size_t i = 0; err == 0 && i < settings->zone_count; i++) {
		const struct sw_zone_setting *zone = &settings->zones[i];
		if (zone->file != NULL)
			err = check_zone(zone, store, report);
		else if (zone->policy != NULL && zone->policy->catalog != NULL &&
			 zone->policy->catalog->is_produced)
			report->made++;
		else
			report->from_primaries++;
	}
	if (err == 0)
		err = check_tls(&settings->tls, report);
	sw_store_free(store);
	return err;
}

static int check(
	const struct sw_command *command, const struct sw_sources *sources, struct sw_check_report *report)
{
	char why[SW_WHY_TEXT_MAX];
	struct sw_settings *settings;
	sw_check_report_begin(report);
	if (sw_sources_read(sources, &settings, why) != 0) {
		sw_complain(command, "%s", why);
		if (report->is_json) {
			sw_check_report_error(report, "configuration", NULL, why);
			sw_check_report_end(report);
		}
		return SW_EXIT_USAGE;
	}
	int err = check_all(settings, report);
	sw_settings_free(settings);
	if (err != 0)
		sw_complain(command, "%s", strerror(-err));
	if (err != 0 && report->is_json)
		sw_check_report_error(report, "failed", NULL, strerror(-err));
	if (err == 0 || report->is_json)
		sw_check_report_end(report);
	return err != 0 || report->errors > 0 ? SW_EXIT_FAILED : SW_EXIT_OK;
}

static int run(const struct sw_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		SW_SOURCE_OPTIONS, {"json", no_argument, NULL, 'j'}, SW_HELP_OPTION, {NULL, 0, NULL, 0}};
	struct sw_sources sources = {0};
	struct sw_check_report report = {.to = stdout};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		report.is_json |= option == 'j';
		if (option == 'j')
			continue;
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
	int code = check(command, &sources, &report);
	sw_sources_free(&sources);
	return code;
}

const struct sw_command sw_command_check = {"check", "check zones and configuration", help, run};
