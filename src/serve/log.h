/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The daemon's log: one line an event, to standard error. Never a line per packet. */
#ifndef SW_SERVE_LOG_H
#define SW_SERVE_LOG_H

#include <stdbool.h>

enum sw_log_level { SW_LOG_ERROR, SW_LOG_WARNING, SW_LOG_INFO };

/** "seawall: LEVEL: text"; with sw_log_stamp(true) the UTC time before it. Safe from any thread. */
void sw_log(enum sw_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Whether lines carry the time: not where the journal adds its own (JOURNAL_STREAM, systemd.exec(5)). */
void sw_log_stamp(bool is_stamped);

/** Tell a service manager that asked (NOTIFY_SOCKET, sd_notify(3)): "READY=1", "STOPPING=1". */
void sw_log_notify(const char *state);

#endif
