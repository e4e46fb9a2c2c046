/* SPDX-License-Identifier: Apache-2.0 */
/* What every process answers without a service writing a line (architecture, 13). */
#include <stdio.h>
#include <string.h>

#include "kit/internal.h"
#include "kit/metrics.h"
#include "openapi.h"

#define METRICS_BYTES (256 * 1024)

/* Alive: it serves. Never depends on the store (spec edge 3.1). */
static int get_health(struct shim_call *call)
{
    struct farmiq_json_writer *w = shim_json(call, 256);

    farmiq_json_open(w, '{');
    farmiq_json_key(w, "status");
    farmiq_json_text(w, "healthy");
    farmiq_json_key(w, "service");
    farmiq_json_text(w, call->internal->runtime->program);
    farmiq_json_close(w, '}');
    return shim_reply(call, 200);
}

static const struct farmiq_sql_query probe = { "builtin_probe", "SELECT 1", "SELECT 1" };

/* What the services say of their own needs; 1: everything is there. */
static int write_needs(const struct shim_call *call, struct farmiq_json_writer *w)
{
    struct shim_call asked = *call;
    int is_ready = 1;

    for (const struct shim_hosted *h = call->internal->runtime->hosted; h->service; h++)
        if (h->service->ready) {
            asked.service = h->service;
            asked.state = h->state;
            is_ready &= h->service->ready(&asked, w);
        }
    return is_ready;
}

/* Ready: the store answers, the brokers, where there are any, are connected, and the
 * services have what they need. */
static int get_ready(struct shim_call *call)
{
    struct shim_runtime *runtime = call->internal->runtime;
    int has_store = runtime->schema != NULL, mqtt_ok = 1, store_ok = 1;
    int bus_ok = shim_bus_is_ready(runtime->bus), is_ready;
    struct farmiq_json_writer *w = shim_json(call, 2048);

    if (has_store)
        store_ok = call->store &&
                   farmiq_sql_run(call->store, &probe, NULL, NULL, 0, NULL, NULL) >= 0;
    if (runtime->mqtt)
        mqtt_ok = shim_mqtt_subscriber_is_connected(runtime->mqtt);
    farmiq_json_open(w, '{');
    is_ready = write_needs(call, w) && store_ok && mqtt_ok && bus_ok;
    farmiq_json_key(w, "status");
    farmiq_json_text(w, is_ready ? "ready" : "not_ready");
    if (has_store) {
        farmiq_json_key(w, "db");
        farmiq_json_text(w, store_ok ? "up" : "down");
    }
    if (runtime->mqtt) {
        farmiq_json_key(w, "mqtt");
        farmiq_json_bool(w, mqtt_ok);
    }
    if (shim_bus_is_remote(runtime->bus)) {
        farmiq_json_key(w, "bus");
        farmiq_json_text(w, bus_ok ? "up" : "down");
    }
    farmiq_json_close(w, '}');
    return shim_reply(call, is_ready ? 200 : 503);
}

static void gauge_process(struct shim_runtime *runtime)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file && fscanf(file, "%*s %ld", &pages) == 1)
        shim_gauge("farmiq_process_resident_bytes", NULL, (double)pages * 4096);
    if (file)
        fclose(file);
    pthread_rwlock_rdlock(&runtime->door);
    if (runtime->http) {
        shim_gauge("farmiq_http_streams", NULL, shim_http_server_streams(runtime->http));
        shim_gauge("farmiq_http_bodies_bytes", NULL,
                   (double)shim_http_server_bodies_bytes(runtime->http));
    }
    pthread_rwlock_unlock(&runtime->door);
}

static int get_metrics(struct shim_call *call)
{
    char *buf = shim_memory(call, METRICS_BYTES);
    struct farmiq_str body = { buf, 0 };

    if (!buf)
        return FARMIQ_E_NOMEM;
    gauge_process(call->internal->runtime);
    body.len = shim_metrics_print(buf, METRICS_BYTES);
    if (body.len >= METRICS_BYTES)
        return FARMIQ_E_NOSPACE;
    return shim_reply_text(call, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

static int has_path(const struct shim_service *service, const char *path)
{
    for (const struct shim_document *d = service->openapi; d && d->path; d++)
        if (strcmp(d->path, path) == 0)
            return 1;
    return 0;
}

/* A path belongs to the first service that has it, as its routes do. */
static int is_anothers(const struct shim_runtime *runtime, const struct shim_hosted *host,
                       const char *path)
{
    for (const struct shim_hosted *h = runtime->hosted; h < host; h++)
        if (has_path(h->service, path))
            return 1;
    return 0;
}

static void write_paths(struct farmiq_json_writer *w, const struct shim_runtime *runtime)
{
    farmiq_json_key(w, "paths");
    farmiq_json_open(w, '{');
    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        for (const struct shim_document *d = h->service->openapi; d && d->path; d++)
            if (!is_anothers(runtime, h, d->path)) {
                farmiq_json_key(w, d->path);
                farmiq_json_raw(w, shim_str(d->json));
            }
    farmiq_json_close(w, '}');
}

/* The documents of all hosted services in one: their paths side by side. */
static int get_openapi(struct shim_call *call)
{
    struct shim_runtime *runtime = call->internal->runtime;
    struct farmiq_json_writer *w = shim_json(call, 512 * 1024);

    farmiq_json_open(w, '{');
    farmiq_json_key(w, "openapi");
    farmiq_json_text(w, "3.0.3");
    farmiq_json_key(w, "info");
    farmiq_json_open(w, '{');
    farmiq_json_key(w, "title");
    farmiq_json_text(w, runtime->program);
    farmiq_json_key(w, "version");
    farmiq_json_text(w, farmiq_version_string());
    farmiq_json_close(w, '}');
    write_paths(w, runtime);
    farmiq_json_key(w, "components");
    farmiq_json_raw(w, shim_str(kit_openapi_components));
    farmiq_json_close(w, '}');
    return shim_reply(call, 200);
}

/* A page for people: every path, with a link to the document. */
static int get_docs(struct shim_call *call)
{
    struct shim_runtime *runtime = call->internal->runtime;
    size_t room = 64 * 1024;
    char *html = shim_memory(call, room);
    int len;

    if (!html)
        return FARMIQ_E_NOMEM;
    len = snprintf(html, room,
                   "<!doctype html><meta charset=utf-8><title>%s</title><h1>%s</h1>"
                   "<p><a href=\"/api-docs/openapi.json\">OpenAPI document</a></p><ul>",
                   runtime->program, runtime->program);
    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        for (const struct shim_route *r = h->service->routes; r && r->method; r++)
            if ((size_t)len < room)
                len += snprintf(html + len, room - (size_t)len,
                                "<li><code>%s %s</code> (%s)</li>", r->method, r->pattern,
                                h->service->name);
    if ((size_t)len >= room)
        return FARMIQ_E_NOSPACE;
    return shim_reply_text(call, 200, "text/html; charset=utf-8",
                           (struct farmiq_str){ html, (size_t)len });
}

static const struct shim_route routes[] = {
    { "GET", "/api/health", SHIM_OPEN, get_health },
    { "GET", "/api/ready", SHIM_OPEN, get_ready },
    { "GET", "/api-docs", SHIM_OPEN, get_docs },
    { "GET", "/api-docs/openapi.json", SHIM_OPEN, get_openapi },
    { "GET", "/metrics", SHIM_OPEN, get_metrics },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_http_requests_total", SHIM_COUNTER, "outcome",
      "Requests answered: ok, refused (4xx) or failed (5xx)." },
    { "farmiq_http_errors_total", SHIM_COUNTER, "code",
      "Error bodies sent, by the code in them." },
    { "farmiq_http_streams", SHIM_GAUGE, NULL, "Event streams open now." },
    { "farmiq_http_bodies_bytes", SHIM_GAUGE, NULL,
      "What request bodies take of HTTP_MAX_BODIES_BYTES now." },
    { "farmiq_http_bodies_refused_total", SHIM_COUNTER, NULL,
      "Requests answered 503 because there was not as much left of it." },
    { "farmiq_store_commits_total", SHIM_COUNTER, NULL,
      "Transactions of the writer, each holding one or more units of work." },
    { "farmiq_store_failures_total", SHIM_COUNTER, "code",
      "Transactions that failed as a whole; nothing of them was acknowledged." },
    { "farmiq_bus_deliveries_total", SHIM_COUNTER, "outcome",
      "Messages handed to consumers of the bus: done, refused (to the dead letters), "
      "retried (the handler said not now) or failed (the handler broke)." },
    { "farmiq_bus_published_total", SHIM_COUNTER, "outcome",
      "Messages sent to RabbitMQ: confirmed, returned (no queue takes it), nacked or "
      "lost "
      "(with the link); all but the first are sent again." },
    { "farmiq_bus_dead_letters_total", SHIM_COUNTER, "consumer",
      "Messages put into a service's dead letter queue." },
    { "farmiq_bus_connected", SHIM_GAUGE, "link",
      "1 while the link to RabbitMQ stands, by who uses it." },
    { "farmiq_bus_reconnects_total", SHIM_COUNTER, "link",
      "Links to RabbitMQ that were lost and stand again." },
    { "farmiq_bus_queue_messages", SHIM_GAUGE, "queue",
      "Messages in queues that should be empty: unrouted and dead letters." },
    { "farmiq_bus_outbox_rows", SHIM_GAUGE, NULL,
      "Events that RabbitMQ has not confirmed yet." },
    { "farmiq_bus_outbox_oldest_seconds", SHIM_GAUGE, NULL,
      "How long the oldest of them has waited." },
    { "farmiq_mqtt_connected", SHIM_GAUGE, NULL,
      "1 while the subscriptions at the broker stand." },
    { "farmiq_store_used_percent", SHIM_GAUGE, NULL,
      "How full the quota or the disk is, whichever is fuller; as of the last "
      "clean-up." },
    { "farmiq_process_resident_bytes", SHIM_GAUGE, NULL,
      "Resident memory of the process." },
    { 0 },
};

const struct shim_service shim_builtin_service = {
    .name = "kit",
    .summary = "health, readiness, documents and metrics",
    .routes = routes,
    .metrics = metrics,
    .openapi = kit_openapi,
};
