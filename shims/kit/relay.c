/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that another process answers: passed on as they came, with the caller's
 * credential, and answered as they are answered there, event streams included. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/http_courier.h"
#include "kit/internal.h"

/* The other side says something every 15 s, even on a silent stream. */
#define SILENCE_MS 30000
#define REPLY_MAX_BYTES ((size_t)8 * 1024 * 1024)

/* One request on its way through. */
struct passage {
    struct shim_http_trip trip; /* first: the two are cast into each other */
    struct shim_call *call;     /* until it is answered */
    const struct shim_relay *relay;
    struct shim_unit *unit;
    struct shim_runtime *runtime;
    char channel[32]; /* of a stream: its own */
};

/* Opened by the first request: a process that answers everything itself needs none. */
static int need_courier(struct shim_runtime *runtime)
{
    const struct shim_options *options = runtime->options;
    struct shim_http_courier_options with = {
        .ca_file = shim_options_text_or_null(options, "HTTP_CA_FILE"),
        .cert_file = shim_options_text_or_null(options, "HTTP_CERT_FILE"),
        .key_file = shim_options_text_or_null(options, "HTTP_KEY_FILE"),
        .connect_timeout_ms = shim_options_number32(options, "HTTP_CONNECT_TIMEOUT_MS"),
        .max_reply_bytes = REPLY_MAX_BYTES,
    };

    return runtime->courier ? FARMIQ_OK
                            : shim_http_courier_open(&runtime->courier, &with);
}

static void on_answer(struct shim_http_trip *trip)
{
    struct passage *passage = (struct passage *)trip;
    struct shim_call *call = passage->call;
    struct farmiq_str type =
        shim_str(trip->content_type ? trip->content_type : "application/octet-stream");

    if (!trip->status)
        shim_reply_error(call, 502, "BAD_GATEWAY", "%s does not answer",
                         passage->relay->url_option);
    else if (trip->is_stream)
        shim_reply_text(call, 200, "text/event-stream", shim_str(""));
    else
        shim_reply_text(call, trip->status, shim_call_copy(call, type).ptr,
                        shim_call_copy(call, trip->reply));
    if (trip->is_stream)
        call->internal->stream_channel = passage->channel;
    passage->call = NULL;
    passage->unit->done(passage->unit);
}

static int on_event(struct shim_http_trip *trip, const char *name, struct farmiq_str data)
{
    struct passage *passage = (struct passage *)trip;
    struct shim_runtime *runtime = passage->runtime;
    uint32_t listeners = 0;

    pthread_rwlock_rdlock(&runtime->door);
    if (runtime->http) {
        listeners = shim_http_server_listeners(runtime->http, passage->channel);
        if (data.len)
            shim_http_server_send(runtime->http, passage->channel, name, data);
    }
    pthread_rwlock_unlock(&runtime->door);
    return listeners == 0;
}

/* Whoever listens asks again, and hears then whether anybody answers. */
static void on_end(struct shim_http_trip *trip)
{
    struct passage *passage = (struct passage *)trip;

    pthread_rwlock_rdlock(&passage->runtime->door);
    if (passage->runtime->http && trip->is_stream)
        shim_http_server_end(passage->runtime->http, passage->channel);
    pthread_rwlock_unlock(&passage->runtime->door);
    free(passage);
}

/* What the caller said of himself goes on; what belongs to this connection does not. */
static const char **header_lines(struct shim_call *call)
{
    static const char *const passed[] = { "authorization", "x-tenant-id", "accept" };
    const char **lines =
        shim_memory(call, (sizeof passed / sizeof *passed + 3) * sizeof *lines);
    size_t count = 0;

    if (!lines)
        return NULL;
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        struct farmiq_str value = shim_header(call, passed[i]);

        if (value.len)
            lines[count++] = shim_call_header_line(call, passed[i], "", value);
    }
    lines[count++] = shim_call_header_line(call, "x-request-id", "", call->request_id);
    lines[count] = shim_call_header_line(call, "x-trace-id", "", call->trace_id);
    return lines;
}

static const char *url_of(struct shim_call *call, const struct shim_relay *relay)
{
    const char *base = shim_text(call, relay->url_option);
    struct farmiq_str target = shim_http_raw_target(call->internal->source.exchange);
    size_t bytes = strlen(base) + target.len + 1;
    char *url = shim_memory(call, bytes);

    if (url)
        snprintf(url, bytes, "%s%.*s", base, (int)target.len, target.ptr);
    return url;
}

const struct shim_relay *shim_relay_find(const struct shim_relay *relays,
                                         struct farmiq_str path)
{
    for (; relays && relays->path; relays++)
        if (path.len == strlen(relays->path) &&
            memcmp(path.ptr, relays->path, path.len) == 0)
            return relays;
    return NULL;
}

int shim_relay_pass(struct shim_unit *unit, const struct shim_relay *relay)
{
    static atomic_uint passages;
    struct shim_call *call = unit->call;
    struct passage *passage = calloc(1, sizeof *passage);
    int r = passage ? need_courier(call->internal->runtime) : FARMIQ_E_NOMEM;

    if (r == FARMIQ_OK) {
        *passage = (struct passage){ .trip = { .url = url_of(call, relay),
                                               .headers = header_lines(call),
                                               .silence_ms = SILENCE_MS,
                                               .on_answer = on_answer,
                                               .on_event = on_event,
                                               .on_end = on_end },
                                     .call = call,
                                     .relay = relay,
                                     .unit = unit,
                                     .runtime = call->internal->runtime };
        snprintf(passage->channel, sizeof passage->channel, "relay %u", passages++);
        r = passage->trip.url && passage->trip.headers ? FARMIQ_OK : FARMIQ_E_NOMEM;
    }
    if (r == FARMIQ_OK)
        r = shim_http_courier_send(call->internal->runtime->courier, &passage->trip);
    if (r < 0)
        free(passage);
    return r;
}

void shim_relay_close(struct shim_runtime *runtime)
{
    shim_http_courier_close(runtime->courier);
}
