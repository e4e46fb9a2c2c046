/* SPDX-License-Identifier: Apache-2.0 */
/* An indicator at a serial line. It may be unplugged and come back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/log.h"
#include "kit/serial.h"
#include "scale.h"

#define LINE_BYTES 128
#define REOPEN_MS 1000

struct line {
    struct scale base;
    const char *path;
    uint32_t baud;
    int has_complained;
    int is_too_long; /* the rest of a line that did not fit is skipped */
    size_t len;
    char text[LINE_BYTES];
};

static void connect_line(struct line *l, struct moment now)
{
    struct farmiq_error error;

    farmiq_error_init(&error, sizeof error);
    l->base.due_steady_ms = INT64_MAX;
    l->len = 0;
    if (shim_serial_open(&l->base.fd, l->path, l->baud, &error) == FARMIQ_OK) {
        l->has_complained = 0;
        shim_log_line(SHIM_INFO, "scale.connected", "%s", l->path);
        return;
    }
    l->base.fd = -1;
    l->base.due_steady_ms = now.steady_ms + REOPEN_MS;
    if (!l->has_complained)
        shim_log_line(SHIM_WARN, "scale.failed", "%s %s", l->path, error.detail);
    l->has_complained = 1;
}

static void disconnect(struct line *l, struct moment now)
{
    close(l->base.fd);
    l->base.fd = -1;
    l->base.due_steady_ms = now.steady_ms + REOPEN_MS;
    shim_log_line(SHIM_WARN, "scale.disconnected", "%s", l->path);
}

static int open_serial(struct scale **out, const struct station_options *o,
                       struct moment now)
{
    struct line *l = calloc(1, sizeof *l);

    if (!l)
        return FARMIQ_E_NOMEM;
    l->base = (struct scale){ .kind = &scale_serial, .fd = -1 };
    l->path = o->scale_port;
    l->baud = o->scale_baud;
    connect_line(l, now);
    *out = &l->base;
    return FARMIQ_OK;
}

/* Take the first whole line off the text. FARMIQ_NONE: there is none yet. */
static int take_line(struct line *l, struct scale_sample *out)
{
    size_t len = 0;
    int was_too_long = l->is_too_long, r = FARMIQ_E_SYNTAX;

    while (len < l->len && l->text[len] != '\n' && l->text[len] != '\r')
        len++;
    if (len == l->len && l->len < sizeof l->text)
        return FARMIQ_NONE;
    l->is_too_long = len == l->len;
    if (!l->is_too_long) {
        l->text[len++] = '\0';
        r = len == 1 ? FARMIQ_UNCHANGED : scale_line_parse(out, l->text);
    }
    l->len -= len;
    memmove(l->text, l->text + len, l->len);
    return was_too_long && r != FARMIQ_UNCHANGED ? FARMIQ_E_SYNTAX : r;
}

/* Returns 1 if there is more text. */
static int read_more(struct line *l, struct moment now)
{
    ssize_t got = read(l->base.fd, l->text + l->len, sizeof l->text - l->len);

    if (got > 0)
        l->len += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        disconnect(l, now);
    return got > 0;
}

static int read_serial(struct scale *scale, struct moment now, struct scale_sample *out)
{
    struct line *l = (struct line *)scale;
    int r;

    if (scale->fd < 0 && now.steady_ms >= scale->due_steady_ms)
        connect_line(l, now);
    if (scale->fd < 0)
        return FARMIQ_NONE;
    out->at_ms = now.steady_ms;
    do {
        r = take_line(l, out); /* CR LF leaves an empty one */
    } while (r == FARMIQ_UNCHANGED || (r == FARMIQ_NONE && read_more(l, now)));
    return r == FARMIQ_E_RANGE ? FARMIQ_E_SYNTAX : r;
}

static void close_serial(struct scale *scale)
{
    if (scale->fd >= 0)
        close(scale->fd);
    free(scale);
}

const struct scale_kind scale_serial = { "serial", open_serial, read_serial,
                                         close_serial };
