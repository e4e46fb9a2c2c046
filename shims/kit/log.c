/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines on standard output, one write(2) each, so that lines never mix. */
#include "kit/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *process_name = "farmiq";
static int least_level = SHIM_INFO;

void shim_log_open(const char *service, int level)
{
    process_name = service;
    least_level = level;
}

static const char *level_name(int level)
{
    return level <= SHIM_ERROR  ? "error"
           : level == SHIM_WARN ? "warn"
           : level == SHIM_INFO ? "info"
                                : "debug";
}

static int64_t wall_clock_unix_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A log text comes from our own formats, but ids in it come from outside. */
static void mask_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            *text = '?';
}

void shim_log_write(const char *service, int level, const char *event,
                    struct farmiq_str request_id, struct farmiq_str trace_id,
                    const char *format, va_list args)
{
    char line[LINE_BYTES], message[LINE_BYTES / 2];
    struct farmiq_json_writer w;
    size_t len;

    if (level > least_level)
        return;
    vsnprintf(message, sizeof message, format, args);
    mask_controls(message);
    farmiq_json_begin(&w, line, sizeof line - 1);
    farmiq_json_open(&w, '{');
    farmiq_json_key(&w, "timestamp");
    farmiq_json_time(&w, wall_clock_unix_ms());
    farmiq_json_key(&w, "level");
    farmiq_json_text(&w, level_name(level));
    farmiq_json_key(&w, "service");
    farmiq_json_text(&w, service ? service : process_name);
    farmiq_json_key(&w, "version");
    farmiq_json_text(&w, farmiq_version_string());
    farmiq_json_key(&w, "event");
    farmiq_json_text(&w, event);
    farmiq_json_key(&w, "message");
    farmiq_json_text(&w, message);
    if (request_id.len) {
        farmiq_json_key(&w, "requestId");
        farmiq_json_str(&w, request_id);
        farmiq_json_key(&w, "traceId");
        farmiq_json_str(&w, trace_id);
    }
    farmiq_json_close(&w, '}');
    if (farmiq_json_end(&w, &len) != FARMIQ_OK)
        return;
    line[len++] = '\n';
    /* A log that cannot be written must not stop a barn. */
    if (write(STDOUT_FILENO, line, len) < 0)
        return;
}

void shim_log_line(int level, const char *event, const char *format, ...)
{
    struct farmiq_str none = { "", 0 };
    va_list args;

    va_start(args, format);
    shim_log_write(NULL, level, event, none, none, format, args);
    va_end(args);
}
