/* SPDX-License-Identifier: GPL-3.0-or-later */
/** 'seawall zone export' and 'seawall zone diff': zones as text, read where the daemon keeps them. */
#ifndef SW_CLI_ZONE_TEXT_H
#define SW_CLI_ZONE_TEXT_H

#include "cli/cli.h"

/** @param zone  of the reply to 'zone-show'
 * @param file  NULL: standard output
 * @return exit code */
int sw_zone_export(const struct sw_command *command, const json_t *zone, const char *file, bool is_json);

/** @param from  serial, as it was given; NULL: as far as the journal reaches back */
int sw_zone_diff(const struct sw_command *command, const json_t *zone, const char *from, bool is_json);

#endif
