/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to its handler and back: routes, admission, threads, errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/files.h"
#include "kit/internal.h"

/* ## Routes */

/* One path segment: up to the next slash. */
static struct farmiq_str segment(const char **at, const char *end)
{
    struct farmiq_str part = { *at, 0 };

    while (*at + part.len < end && part.ptr[part.len] != '/')
        part.len++;
    *at += part.len;
    if (*at < end)
        (*at)++;
    return part;
}

static int same(struct farmiq_str a, struct farmiq_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static int is_name(struct farmiq_str part)
{
    return part.len > 2 && part.ptr[0] == '{' && part.ptr[part.len - 1] == '}';
}

/* Walk pattern and path side by side. `wanted` (may be NULL) picks a {name}. */
static int match(const char *pattern, struct farmiq_str path, const char *wanted,
                 struct farmiq_str *value)
{
    const char *p = pattern, *p_end = pattern + strlen(pattern);
    const char *t = path.ptr, *t_end = path.ptr + path.len;

    while (p < p_end && t < t_end) {
        struct farmiq_str want = segment(&p, p_end), have = segment(&t, t_end);

        if (!is_name(want) ? !same(want, have) : !have.len)
            return 0;
        if (wanted && is_name(want) && strlen(wanted) == want.len - 2 &&
            memcmp(wanted, want.ptr + 1, want.len - 2) == 0)
            *value = have;
    }
    return p == p_end && t == t_end;
}

const struct shim_route *shim_route_find(const struct shim_route *routes,
                                         struct farmiq_str method, struct farmiq_str path,
                                         int *known_path)
{
    for (; routes && routes->method; routes++) {
        if (!match(routes->pattern, path, NULL, NULL))
            continue;
        *known_path = 1;
        if (same(method, shim_str(routes->method)) ||
            (same(method, shim_str("HEAD")) && strcmp(routes->method, "GET") == 0))
            return routes;
    }
    return NULL;
}

struct farmiq_str shim_route_part(const char *pattern, struct farmiq_str path,
                                  const char *name)
{
    struct farmiq_str value = { "", 0 };

    match(pattern, path, name, &value);
    return value;
}

static const struct shim_asset *find_asset(const struct shim_hosted *hosted,
                                           struct farmiq_str path)
{
    for (const struct shim_asset *a = hosted->service->assets; a && a->path; a++)
        if (same(shim_str(a->path), path))
            return a;
    return NULL;
}

/* ## One request on its way */

struct errand {
    struct shim_unit unit;
    struct shim_http_exchange *exchange;
};

static struct farmiq_str usable_id(struct farmiq_str id)
{
    struct farmiq_str none = { "", 0 };

    return farmiq_id_is_valid(id.ptr, id.len) ? id : none;
}

/* W3C trace context: version "-" 32 hex of trace id "-" parent "-" flags. */
static struct farmiq_str trace_of_traceparent(struct farmiq_str header)
{
    struct farmiq_str trace = { "", 0 };

    if (header.len >= 55 && header.ptr[2] == '-' && header.ptr[35] == '-') {
        trace.ptr = header.ptr + 3;
        trace.len = 32;
    }
    return trace;
}

/* Taken from the caller, else made up; echoed; carried on (spec edge 3.3). */
static void identify(struct shim_call *call)
{
    call->request_id = usable_id(shim_header(call, "x-request-id"));
    call->trace_id = usable_id(shim_header(call, "x-trace-id"));
    if (!call->trace_id.len)
        call->trace_id =
            usable_id(trace_of_traceparent(shim_header(call, "traceparent")));
    shim_call_identify(call);
}

#define MORE_FIELDS 7

static void respond(struct shim_call *call, struct shim_http_exchange *exchange)
{
    const struct shim_answer *answer = &call->internal->answer;
    char request_id[FARMIQ_ID_MAX_BYTES + 1], trace_id[FARMIQ_ID_MAX_BYTES + 1];
    struct shim_http_field
        fields[MORE_FIELDS + sizeof answer->fields / sizeof *answer->fields] = {
            { "x-request-id", request_id },
            { "x-trace-id", trace_id },
            { "X-Content-Type-Options", "nosniff" },
            { "X-Frame-Options", "DENY" },
            { "Referrer-Policy", "no-referrer" },
            { "Cache-Control", "no-store" },
            { "X-commit-ID", shim_text(call, "COMMIT_ID") },
        };
    struct shim_http_response response = { .status = answer->status,
                                           .content_type = answer->type,
                                           .body = answer->body,
                                           .fields = fields,
                                           .field_count = MORE_FIELDS };

    struct shim_http_file file = { -1, answer->file_offset, answer->file_bytes };

    if (answer->file) {
        file.fd = shim_files_descriptor(answer->file);
        response.file = &file;
    }
    snprintf(request_id, sizeof request_id, "%.*s", (int)call->request_id.len,
             call->request_id.ptr);
    snprintf(trace_id, sizeof trace_id, "%.*s", (int)call->trace_id.len,
             call->trace_id.ptr);
    for (uint32_t i = 0; i < answer->field_count; i++)
        fields[response.field_count++] = answer->fields[i];
    shim_count("farmiq_http_requests_total",
               answer->status < 400   ? "ok"
               : answer->status < 500 ? "refused"
                                      : "failed",
               1);
    shim_http_respond(exchange, &response);
}

/* A handler that failed: is it the store, which may be back soon, or us? */
static void reply_failure(struct shim_call *call, int code)
{
    if (code == FARMIQ_E_NOSPACE)
        shim_reply_error(call, 503, "STORAGE_FULL", "the disk or the quota is full");
    else if (farmiq_err_is_retryable(code))
        shim_reply_error(call, 503, "STORAGE_UNAVAILABLE", "%s", farmiq_strerror(code));
    else
        shim_reply_error(call, 500, "INTERNAL_ERROR", "%s", farmiq_strerror(code));
}

static int is_stream(const struct shim_call *call)
{
    const struct shim_internal *internal = call->internal;

    return internal->answer.status == 200 &&
           (internal->stream_channel ||
            (internal->route && internal->route->flags & SHIM_STREAM));
}

static void open_stream(struct shim_call *call, struct shim_http_exchange *exchange)
{
    char tenant_id[FARMIQ_ID_MAX_BYTES + 1];
    const char *channel = call->internal->stream_channel;

    snprintf(tenant_id, sizeof tenant_id, "%.*s", (int)call->tenant_id.len,
             call->tenant_id.ptr);
    shim_http_stream(exchange, channel ? channel : tenant_id,
                     call->internal->answer.body);
}

static void finish(struct shim_unit *unit)
{
    struct errand *errand = (struct errand *)unit;
    struct shim_call *call = unit->call;

    if (unit->result < 0)
        reply_failure(call, unit->result);
    else if (!call->internal->answer.status)
        shim_reply_error(call, 500, "INTERNAL_ERROR", "the handler did not answer");
    if (is_stream(call))
        open_stream(call, errand->exchange);
    else
        respond(call, errand->exchange);
    if (unit->result >= 0)
        shim_call_run_effects(call);
    shim_call_close(call);
    free(errand);
}

static int run_handler(struct shim_call *call, void *unused)
{
    (void)unused;
    return call->internal->route->handle(call);
}

/* Writers share the one writer; readers, and requests with I/O of their own, run
 * beside it. */
static void send_off(struct errand *errand, const struct shim_route *route)
{
    struct shim_runtime *runtime = errand->unit.call->internal->runtime;
    int reads = strcmp(route->method, "GET") == 0 || (route->flags & SHIM_NO_STORE);

    errand->unit.run = run_handler;
    errand->unit.done = finish;
    if (reads || !runtime->writer)
        shim_readers_submit(runtime->readers, &errand->unit);
    else
        shim_writer_submit(runtime->writer, &errand->unit);
}

static int run_admission(struct shim_call *call, void *unused)
{
    (void)unused;
    return call->internal->route->admit(call);
}

static void after_admission(struct shim_unit *unit)
{
    struct shim_call *call = unit->call;

    if (unit->result < 0 || call->internal->answer.status) {
        finish(unit);
        return;
    }
    shim_call_keep(call);
    send_off((struct errand *)unit, call->internal->route);
}

static void admit(struct errand *errand)
{
    errand->unit.run = run_admission;
    errand->unit.done = after_admission;
    shim_readers_submit(errand->unit.call->internal->runtime->admitters, &errand->unit);
}

static int reply_asset(struct shim_call *call, const struct shim_asset *asset)
{
    struct farmiq_str body = { (const char *)asset->bytes, asset->len };

    shim_reply_header(
        call, "Content-Security-Policy",
        /* The chart library sets styles from script, and styles run nothing. */
        "default-src 'self'; style-src 'self' 'unsafe-inline'; "
        "frame-ancestors 'none'");
    return shim_reply_text(call, 200, asset->content_type, body);
}

/* "GET, HEAD, OPTIONS": what a path takes (RFC 9110, 10.2.1), its HEAD included. */
static const char *methods_of(struct shim_call *call)
{
    size_t room = 128, len = 0;
    char *text = shim_memory(call, room);

    for (const struct shim_hosted *h = call->internal->runtime->hosted;
         text && h->service; h++) {
        for (const struct shim_route *r = h->service->routes; r && r->method; r++)
            if (match(r->pattern, call->path, NULL, NULL) && len < room)
                len += (size_t)snprintf(text + len, room - len, "%s, %s", r->method,
                                        strcmp(r->method, "GET") == 0 ? "HEAD, " : "");
        if (!len && shim_relay_find(h->service->relays, call->path))
            len = (size_t)snprintf(text, room, "GET, HEAD, ");
    }
    if (text && len < room)
        snprintf(text + len, room - len, "OPTIONS");
    return text ? text : "OPTIONS";
}

static void reply_no_route(struct shim_call *call, int known_path)
{
    struct farmiq_str nothing = { "", 0 };

    if (!known_path) {
        shim_reply_error(call, 404, "NOT_FOUND", "no such path; see /api-docs");
        return;
    }
    shim_reply_header(call, "Allow", methods_of(call));
    if (same(call->method, shim_str("OPTIONS")))
        shim_reply_text(call, 204, NULL, nothing);
    else
        shim_reply_error(call, 405, "METHOD_NOT_ALLOWED", "not with this method");
}

/* A path that nobody here answers may be one that we know who does. */
static const struct shim_relay *resolve_relay(struct shim_call *call)
{
    const struct shim_relay *relay = NULL;

    for (const struct shim_hosted *h = call->internal->runtime->hosted;
         h->service && !relay; h++)
        relay = shim_relay_find(h->service->relays, call->path);
    if (relay && same(call->method, shim_str("GET")))
        return relay;
    reply_no_route(call, relay != NULL);
    return NULL;
}

/* Look for route or asset in every hosted service. NULL: answered already, or else
 * `*relay` says who answers. */
static const struct shim_route *resolve(struct shim_call *call,
                                        const struct shim_relay **relay)
{
    int known_path = 0;

    for (const struct shim_hosted *h = call->internal->runtime->hosted; h->service; h++) {
        const struct shim_asset *asset = find_asset(h, call->path);
        const struct shim_route *route =
            shim_route_find(h->service->routes, call->method, call->path, &known_path);

        if (!route && !asset)
            continue;
        call->service = h->service;
        call->state = h->state;
        if (route)
            return route;
        reply_asset(call, asset);
        return NULL;
    }
    if (known_path)
        reply_no_route(call, known_path);
    else
        *relay = resolve_relay(call);
    return NULL;
}

/* NULL: out of memory. */
static struct errand *open_errand(struct shim_runtime *runtime,
                                  struct shim_http_exchange *exchange)
{
    struct errand *errand = calloc(1, sizeof *errand);
    struct shim_call *call = shim_call_open(runtime, runtime->hosted);

    if (!errand || !call) {
        free(errand);
        shim_call_close(call);
        return NULL;
    }
    errand->unit.call = call;
    errand->unit.origin = shim_http_origin(exchange);
    errand->exchange = exchange;
    call->internal->source.exchange = exchange;
    call->method = shim_http_method(exchange);
    call->path = shim_http_path(exchange);
    identify(call);
    return errand;
}

/* ## Uploads: admitted by their head, handed on when the body is in its file */

static int write_upload(void *ctx, struct farmiq_str bytes)
{
    const struct errand *errand = ctx;

    return shim_files_write(errand->unit.call->internal->upload, bytes);
}

static void drop_upload(void *ctx)
{
    struct errand *errand = ctx;

    shim_call_close(errand->unit.call);
    free(errand);
}

static int is_upload(const struct shim_runtime *runtime,
                     const struct shim_http_exchange *exchange)
{
    int known_path = 0;

    for (const struct shim_hosted *h = runtime->hosted; h->service; h++) {
        const struct shim_route *route =
            shim_route_find(h->service->routes, shim_http_method(exchange),
                            shim_http_path(exchange), &known_path);

        if (route)
            return (route->flags & SHIM_UPLOAD) != 0;
    }
    return 0;
}

int shim_dispatch_head(void *arg, struct shim_http_exchange *exchange,
                       struct shim_http_sink *sink)
{
    struct shim_runtime *runtime = arg;
    const struct shim_relay *relay = NULL;
    struct errand *errand;
    struct shim_call *call;

    if (!is_upload(runtime, exchange))
        return 0;
    errand = open_errand(runtime, exchange);
    if (!errand)
        return 1;
    call = errand->unit.call;
    call->internal->route = resolve(call, &relay);
    if (shim_auth_admit(call) == FARMIQ_OK)
        errand->unit.result = call->internal->route->admit(call);
    *sink = (struct shim_http_sink){ (size_t)call->internal->upload_max_bytes,
                                     write_upload, drop_upload, errand };
    return errand->unit.result < 0 || call->internal->answer.status;
}

/* 0: it is none, or there was no memory for it. */
static int go_on_with_upload(struct shim_http_exchange *exchange)
{
    struct errand *errand = shim_http_sink_of(exchange);

    if (!errand)
        return 0;
    after_admission(&errand->unit);
    return 1;
}

void shim_dispatch_exchange(void *arg, struct shim_http_exchange *exchange)
{
    struct shim_runtime *runtime = arg;
    const struct shim_relay *relay = NULL;
    static const struct shim_http_response no_memory = { .status = 503 };
    struct errand *errand;
    struct shim_call *call;

    if (go_on_with_upload(exchange))
        return;
    errand = is_upload(runtime, exchange) ? NULL : open_errand(runtime, exchange);
    if (!errand) {
        shim_http_respond(exchange, &no_memory);
        return;
    }
    call = errand->unit.call;
    call->body = shim_http_body(exchange);
    call->internal->route = resolve(call, &relay);
    if (call->internal->route && shim_auth_admit(call) == FARMIQ_OK) {
        if (call->internal->route->admit)
            admit(errand);
        else
            send_off(errand, call->internal->route);
        return;
    }
    call->internal->route = NULL; /* answered: nothing streams, nothing runs */
    errand->unit.done = finish;
    if (relay)
        errand->unit.result = shim_relay_pass(&errand->unit, relay);
    if (!relay || errand->unit.result < 0)
        finish(&errand->unit);
}

/* ## A neighbour's direct call */

int shim_dispatch_direct(struct shim_call *caller, const struct shim_hosted *hosted,
                         struct shim_request *request)
{
    struct shim_internal internal = { .runtime = caller->internal->runtime,
                                      .parent = caller };
    struct shim_call call = *caller;
    int known_path = 0, r;

    call.internal = &internal;
    call.service = hosted->service;
    call.state = hosted->state;
    call.method = shim_str(request->method);
    call.path = shim_str(request->path);
    call.body = request->body;
    call.messages = NULL;
    call.finding = NULL;
    internal.source.headers = request->headers;
    internal.source.header_count = request->header_count;
    internal.route =
        shim_route_find(hosted->service->routes, call.method, call.path, &known_path);
    if (!internal.route) {
        request->status = known_path ? 405 : 404;
        return FARMIQ_OK;
    }
    /* No savepoint: when our own store fails, that is the caller's failure too, and the
     * caller's unit of work is rolled back as a whole. */
    r = internal.route->admit ? internal.route->admit(&call) : FARMIQ_OK;
    if (r >= 0 && !internal.answer.status)
        r = internal.route->handle(&call);
    if (r < 0)
        return r;
    request->status = internal.answer.status;
    request->reply = internal.answer.body;
    return internal.answer.file ? shim_call_read_answer(&call, &request->reply)
                                : FARMIQ_OK;
}
