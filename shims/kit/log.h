/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines on standard output (spec edge 11.4). Never payloads, never secrets. */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include <stdarg.h>

#include "kit/shim.h"

/* `service` names the process in lines that belong to no service; `level` is the
 * least urgent one still written. Call once, before the first thread. */
void shim_log_open(const char *service, int level);
void shim_log_write(const char *service, int level, const char *event,
                    struct farmiq_str request_id, struct farmiq_str trace_id,
                    const char *format, va_list args);
/* Without a call in hand. */
void shim_log_line(int level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ## log_level.c: LOG_LEVEL */

struct shim_options;
extern const struct shim_option shim_log_options[];
int shim_log_level(const struct shim_options *options);

#endif
