/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The configuration file (docs/configuration.md): strict, every error with line and column. */
#ifndef SW_CLI_CONFIG_H
#define SW_CLI_CONFIG_H

#include "serve/settings.h"

/** Add what the file says to the settings. File names in it are relative to its directory.
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0, -errno with text in why */
int sw_config_read(const char *path, struct sw_settings *settings, char *why);

/** Add the zones of a list: lines ORIGIN<TAB>FILE, empty ones and those that begin with '#' left out. File
 * names are relative to the list's directory. */
int sw_config_read_zone_list(const char *path, struct sw_settings *settings, char *why);

#endif
