/* SPDX-License-Identifier: Apache-2.0 */
/* kit/log.h for simulated processes: silent, or one plain line with the simulated time.
 */
#include <stdio.h>

#include "kit/log.h"
#include "sim.h"

static int is_on;

void sim_log_to_stdout(int on) { is_on = on; }

void shim_log_open(const char *service, int level)
{
    (void)service;
    (void)level;
}

static void write_line(int level, const char *event, const char *format, va_list args)
{
    const struct sim_node *node = sim_node_current();

    if (!is_on || level > SHIM_INFO)
        return;
    printf("%lld %s%s %s: ", (long long)sim_now_ms(), node ? node->name : "world",
           node && node->is_dead ? " (dead)" : "", event);
    vprintf(format, args);
    putchar('\n');
}

void shim_log_write(const char *service, int level, const char *event,
                    struct farmiq_str request_id, struct farmiq_str trace_id,
                    const char *format, va_list args)
{
    (void)service;
    (void)request_id;
    (void)trace_id;
    write_line(level, event, format, args);
}

void shim_log_line(int level, const char *event, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(level, event, format, args);
    va_end(args);
}
