/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a process: parse, set up, run until a signal, take down in the order
 * that loses nothing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kit/broker.h"
#include "kit/internal.h"
#include "kit/log.h"
#include "kit/metrics.h"
#include "kit/request.h"
#include "kit/store_open.h"

#define MAX_TABLES 64
#define READER_THREADS 2
#define ADMITTER_THREADS 2 /* not the readers: a slow query must not keep edges out */
#define DRAIN_MS 5000

static const struct shim_option process_options[] = {
    { "LOG_LEVEL", SHIM_CHOICE, "info",
      "error|warn|info|debug: the least urgent line written" },
    { "COMMIT_ID", SHIM_STRING, "Unknown", "build commit, shown in X-commit-ID" },
    { 0 },
};

static const struct shim_option http_options[] = {
    { "APP_BIND", SHIM_STRING, "127.0.0.1", "the address to listen on" },
    { "APP_PORT", SHIM_COUNT, "3000", "the port to listen on; 0: any free one" },
    { "APP_PORT_FILE", SHIM_STRING, "", "write the port listened on into this file" },
    { "TLS_CERT_FILE", SHIM_STRING, "", "serve HTTPS with this certificate" },
    { "TLS_KEY_FILE", SHIM_STRING, "", "and this key" },
    { "TLS_CLIENT_CA_FILE", SHIM_STRING, "", "verify client certificates against these" },
    { "HTTP_MAX_BODY_BYTES", SHIM_BYTES, "10M", "longer request bodies are refused" },
    { "HTTP_MAX_CONNECTIONS", SHIM_COUNT, "1024", "connections at the same time" },
    { "HTTP_MAX_CONNECTIONS_PER_IP", SHIM_COUNT, "256", "of them from one address" },
    { "HTTP_IDLE_TIMEOUT_MS", SHIM_MS, "30s", "a silent connection is closed" },
    { 0 },
};

static const struct shim_option mqtt_options[] = {
    { "MQTT_BROKER_URL", SHIM_URL, "mqtt://127.0.0.1:1883",
      "the broker: mqtt://host:port or mqtts://host:port" },
    { "MQTT_CLIENT_ID", SHIM_STRING, "edge-ingress-gateway",
      "must be stable, and different for each replica: the broker keeps its session" },
    { "MQTT_USERNAME", SHIM_STRING, "", "empty: none" },
    { "MQTT_PASSWORD", SHIM_SECRET, "", "empty: none" },
    { "MQTT_CA_FILE", SHIM_STRING, "", "trust these certificates (mqtts)" },
    { "MQTT_CERT_FILE", SHIM_STRING, "", "our client certificate" },
    { "MQTT_KEY_FILE", SHIM_STRING, "", "and its key" },
    { "MQTT_SHARE_GROUP", SHIM_STRING, "",
      "share the subscription with other replicas of this name; empty: do not" },
    { "MQTT_BATCH_MAX", SHIM_COUNT, "1000",
      "messages in one commit at most; up to 1000" },
    { "MQTT_BATCH_WAIT_MS", SHIM_MS, "2", "how long the first may wait for company" },
    { 0 },
};

/* ## What the hosted services need */

static int any(const struct shim_runtime *runtime, size_t table_offset)
{
    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        if (*(const void *const *)((const char *)h->service + table_offset))
            return 1;
    return 0;
}

#define ANY(runtime, member) any(runtime, offsetof(struct shim_service, member))

static int any_publishes(const struct shim_runtime *runtime)
{
    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        if (h->service->publishes)
            return 1;
    return 0;
}

static int has_admitted_routes(const struct shim_runtime *runtime)
{
    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        for (const struct shim_route *r = h->service->routes; r && r->method; r++)
            if (r->admit)
                return 1;
    return 0;
}

const struct shim_hosted *shim_runtime_find(const struct shim_runtime *runtime,
                                            const char *service)
{
    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        if (strcmp(h->service->name, service) == 0)
            return h;
    return NULL;
}

/* The services, then what the kit itself answers. */
static int host_services(struct shim_runtime *runtime,
                         const struct shim_service *const *services)
{
    size_t count = 0;

    while (services[count])
        count++;
    runtime->hosted = calloc(count + 2, sizeof *runtime->hosted);
    for (size_t i = 0; runtime->hosted && i <= count; i++) {
        const struct shim_service *service =
            i < count ? services[i] : &shim_builtin_service;

        runtime->hosted[i].service = service;
        if (service->schema)
            runtime->schema = service->schema();
        if (service->state_bytes) {
            runtime->hosted[i].state = calloc(1, service->state_bytes);
            if (!runtime->hosted[i].state)
                return FARMIQ_E_NOMEM;
        }
        shim_metrics_declare(service->metrics);
    }
    return runtime->hosted ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static int read_options(struct shim_runtime *runtime)
{
    const struct shim_option *tables[MAX_TABLES] = { NULL };
    size_t count = 0;

    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        if (h->service->options && count < MAX_TABLES - 9)
            tables[count++] = h->service->options;
    if (ANY(runtime, topics))
        tables[count++] = mqtt_options;
    if (runtime->schema)
        tables[count++] = shim_store_options;
    if (ANY(runtime, queues) || any_publishes(runtime)) {
        tables[count++] = shim_broker_options;
        tables[count++] = shim_bus_options;
    }
    tables[count++] = http_options;
    tables[count++] = shim_request_options;
    tables[count++] = shim_auth_options;
    tables[count++] = process_options;
    return shim_options_open(&runtime->options, runtime->program, runtime->summary,
                             tables, runtime->argc, runtime->argv);
}

static int check_options(struct shim_runtime *runtime)
{
    int r = shim_auth_check_options(runtime);

    for (const struct shim_hosted *h = runtime->hosted; h->service && r >= 0; h++) {
        struct shim_call *call;

        if (!h->service->check)
            continue;
        call = shim_call_open(runtime, h);
        r = call ? h->service->check(call) : FARMIQ_E_NOMEM;
        shim_call_close(call);
    }
    return r;
}

/* What is wrong must not stop a process that works: then all stays as it was. */
static void renew_secrets(struct shim_runtime *runtime)
{
    struct shim_runtime trial = { .program = runtime->program,
                                  .summary = runtime->summary,
                                  .argc = runtime->argc,
                                  .argv = runtime->argv,
                                  .hosted = runtime->hosted,
                                  .schema = runtime->schema };
    int r = read_options(&trial);

    if (r >= 0)
        r = check_options(&trial);
    if (r < 0) {
        shim_options_close(trial.options);
        shim_log_line(SHIM_ERROR, "secrets.kept", "the new ones are not usable: %s",
                      farmiq_strerror(r));
        return;
    }
    shim_log_line(SHIM_INFO, "secrets.renewed", "%u options changed",
                  shim_options_renew(runtime->options, trial.options));
}

/* ## Transports */

static const char *text_or_null(const struct shim_runtime *runtime, const char *name)
{
    const char *text = shim_options_text(runtime->options, name);

    return *text ? text : NULL;
}

static uint32_t number32(const struct shim_runtime *runtime, const char *name)
{
    return (uint32_t)shim_options_number(runtime->options, name);
}

static int write_port_file(const struct shim_runtime *runtime)
{
    const char *path = text_or_null(runtime, "APP_PORT_FILE");
    FILE *file = path ? fopen(path, "we") : NULL;

    if (path && !file)
        return FARMIQ_E_STORE;
    if (file) {
        fprintf(file, "%u\n", shim_http_server_port(runtime->http));
        fclose(file);
    }
    return FARMIQ_OK;
}

static int open_http(struct shim_runtime *runtime, struct farmiq_error *error)
{
    struct shim_http_server_options options = {
        .bind_address = shim_options_text(runtime->options, "APP_BIND"),
        .port = (uint16_t)number32(runtime, "APP_PORT"),
        .cert_file = text_or_null(runtime, "TLS_CERT_FILE"),
        .key_file = text_or_null(runtime, "TLS_KEY_FILE"),
        .client_ca_file = text_or_null(runtime, "TLS_CLIENT_CA_FILE"),
        .max_body_bytes = number32(runtime, "HTTP_MAX_BODY_BYTES"),
        .max_connections = number32(runtime, "HTTP_MAX_CONNECTIONS"),
        .max_connections_per_ip = number32(runtime, "HTTP_MAX_CONNECTIONS_PER_IP"),
        .idle_timeout_ms = number32(runtime, "HTTP_IDLE_TIMEOUT_MS"),
        .on_request = shim_dispatch_exchange,
        .on_head = shim_dispatch_head,
        .ctx = runtime,
    };
    int r = shim_http_server_open(&runtime->http, &options, error);

    return r < 0 ? r : write_port_file(runtime);
}

static int run_messages(struct shim_call *call, void *arg)
{
    const struct shim_service *service = call->service;

    call->messages = arg;
    for (struct shim_message *m = arg; m; m = m->next)
        m->verdict = FARMIQ_OK;
    return service->on_messages(call);
}

static int on_batch(void *ctx, struct shim_message *first, uint32_t count)
{
    struct shim_runtime *runtime = ctx;
    const struct shim_hosted *hosted = runtime->subscriber;
    struct shim_call *call = shim_call_open(runtime, hosted);
    struct shim_unit unit = { .call = call, .run = run_messages, .arg = first };
    int r;

    if (!call)
        return FARMIQ_E_NOMEM;
    r = shim_writer_run(runtime->writer, &unit);
    if (r >= 0)
        shim_call_run_effects(call);
    else
        shim_log(call, SHIM_ERROR, "mqtt.batch_failed",
                 "%u messages were not acknowledged and will come again: %s", count,
                 farmiq_strerror(r));
    shim_call_close(call);
    return r < 0 ? r : 0;
}

static void on_mqtt_state(void *ctx, int connected, const char *why)
{
    (void)ctx;
    shim_gauge("farmiq_mqtt_connected", NULL, connected);
    shim_log_line(connected ? SHIM_INFO : SHIM_WARN,
                  connected ? "mqtt.connected" : "mqtt.disconnected", "%s",
                  why ? why : "");
}

#define MAX_FILTERS 8

static int open_mqtt(struct shim_runtime *runtime, struct farmiq_error *error)
{
    static char texts[MAX_FILTERS][128];
    static const char *filters[MAX_FILTERS + 1];
    const struct shim_service *service = runtime->subscriber->service;
    struct shim_mqtt_subscriber_options options = {
        .url = shim_options_text(runtime->options, "MQTT_BROKER_URL"),
        .client_id = shim_options_text(runtime->options, "MQTT_CLIENT_ID"),
        .username = text_or_null(runtime, "MQTT_USERNAME"),
        .password = text_or_null(runtime, "MQTT_PASSWORD"),
        .ca_file = text_or_null(runtime, "MQTT_CA_FILE"),
        .cert_file = text_or_null(runtime, "MQTT_CERT_FILE"),
        .key_file = text_or_null(runtime, "MQTT_KEY_FILE"),
        .share_group = text_or_null(runtime, "MQTT_SHARE_GROUP"),
        .filters = filters,
        .batch_max = number32(runtime, "MQTT_BATCH_MAX"),
        .batch_wait_ms = number32(runtime, "MQTT_BATCH_WAIT_MS"),
        .message_max_bytes = FARMIQ_ENVELOPE_MAX_BYTES,
        .on_batch = on_batch,
        .on_state = on_mqtt_state,
        .ctx = runtime,
    };
    size_t len;

    if (options.batch_max > FARMIQ_BATCH_MAX_EVENTS) {
        snprintf(error->field, sizeof error->field, "MQTT_BATCH_MAX");
        snprintf(error->detail, sizeof error->detail, "must be at most 1000");
        return FARMIQ_E_ARG;
    }
    for (size_t i = 0; service->topics[i] && i < MAX_FILTERS; i++) {
        if (farmiq_topic_filter(service->topics[i], NULL, 0, texts[i], sizeof texts[i],
                                &len) < 0)
            return FARMIQ_E_ARG;
        filters[i] = texts[i];
    }
    return shim_mqtt_subscriber_open(&runtime->mqtt, &options, error);
}

/* ## Life */

static int start_unit(struct shim_call *call, void *unused)
{
    (void)unused;
    return call->service->start(call);
}

static int start_services(struct shim_runtime *runtime)
{
    int r = FARMIQ_OK;

    for (const struct shim_hosted *h = runtime->hosted; h->service && r >= 0; h++) {
        struct shim_call *call;

        if (h->service->topics)
            runtime->subscriber = h;
        if (!h->service->start)
            continue;
        call = shim_call_open(runtime, h);
        if (!call)
            return FARMIQ_E_NOMEM;
        r = runtime->writer ? shim_write(call, start_unit, NULL)
                            : h->service->start(call);
        shim_call_close(call);
    }
    return r;
}

static void stop_services(struct shim_runtime *runtime)
{
    for (const struct shim_hosted *h = runtime->hosted; h && h->service; h++) {
        struct shim_call *call =
            h->service->stop && runtime->writer ? shim_call_open(runtime, h) : NULL;

        if (call)
            h->service->stop(call);
        shim_call_close(call);
    }
}

static int set_up(struct shim_runtime *runtime, struct farmiq_error *error)
{
    int r = check_options(runtime);

    if (r >= 0)
        r = shim_tasks_open(&runtime->tasks);
    if (r >= 0 && runtime->schema)
        r = shim_writer_open(&runtime->writer, runtime, error);
    if (r >= 0)
        r = shim_readers_open(&runtime->readers, runtime, runtime->schema, READER_THREADS,
                              error);
    if (r >= 0 && has_admitted_routes(runtime))
        r = shim_readers_open(&runtime->admitters, runtime, NULL, ADMITTER_THREADS,
                              error);
    if (r >= 0)
        r = shim_news_open(&runtime->news, runtime);
    if (r >= 0)
        r = shim_bus_open(&runtime->bus, runtime, error);
    if (r >= 0)
        r = start_services(runtime);
    if (r >= 0)
        r = open_http(runtime, error);
    if (r >= 0 && runtime->subscriber)
        r = open_mqtt(runtime, error);
    if (r >= 0)
        r = shim_bus_start(runtime->bus);
    return r < 0 ? r : shim_jobs_start(runtime);
}

/* Nobody may find the server half closed. */
static void close_http(struct shim_runtime *runtime)
{
    struct shim_http_server *http = runtime->http;

    pthread_rwlock_wrlock(&runtime->door);
    runtime->http = NULL;
    pthread_rwlock_unlock(&runtime->door);
    shim_http_server_close(http, DRAIN_MS);
}

/* What was taken in is finished before its way out is closed. */
static void take_down(struct shim_runtime *runtime)
{
    shim_tasks_stop(runtime->tasks);
    close_http(runtime);
    shim_relay_close(runtime);
    shim_mqtt_subscriber_close(runtime->mqtt);
    runtime->mqtt = NULL;
    stop_services(runtime);
    shim_readers_close(runtime->admitters); /* they submit to the others */
    shim_readers_close(runtime->readers);
    shim_writer_close(runtime->writer);
    shim_bus_close(runtime->bus);
    shim_news_close(runtime->news);
    shim_tasks_close(runtime->tasks);
    shim_jobs_free(runtime);
    for (struct shim_hosted *h = runtime->hosted; h && h->service; h++)
        free(h->state);
    free(runtime->hosted);
    shim_options_close(runtime->options);
}

/* systemd's protocol is one datagram; a library for it would be larger than this. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    if (!path || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (*path == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int level_of(const char *name)
{
    return name[0] == 'e'   ? SHIM_ERROR
           : name[0] == 'w' ? SHIM_WARN
           : name[0] == 'i' ? SHIM_INFO
                            : SHIM_DEBUG;
}

static int run(struct shim_runtime *runtime)
{
    struct farmiq_error error;
    sigset_t signals;
    int r, caught;

    farmiq_error_init(&error, sizeof error);
    block_signals(&signals);
    shim_log_open(runtime->program,
                  level_of(shim_options_text(runtime->options, "LOG_LEVEL")));
    r = set_up(runtime, &error);
    if (r < 0) {
        shim_log_line(SHIM_ERROR, "start.failed", "%s %s (%s)", error.field, error.detail,
                      farmiq_strerror(r));
        return r;
    }
    shim_log_line(SHIM_INFO, "start.ready", "listening on port %u",
                  shim_http_server_port(runtime->http));
    notify("READY=1");
    while (sigwait(&signals, &caught) == 0 && caught == SIGHUP)
        renew_secrets(runtime);
    notify("STOPPING=1");
    shim_log_line(SHIM_INFO, "stop.draining", "signal %d", caught);
    return FARMIQ_OK;
}

int shim_host(int argc, char **argv, const char *program, const char *summary,
              const struct shim_service *const *services)
{
    struct shim_runtime runtime = { .program = program,
                                    .summary = summary,
                                    .argc = argc,
                                    .argv = argv,
                                    .door = PTHREAD_RWLOCK_INITIALIZER };
    int r = host_services(&runtime, services);

    if (r >= 0)
        r = read_options(&runtime);
    if (r == SHIM_OPTIONS_DONE) {
        take_down(&runtime);
        return EXIT_SUCCESS;
    }
    if (r >= 0)
        r = run(&runtime);
    take_down(&runtime);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int shim_main(int argc, char **argv, const struct shim_service *service)
{
    const struct shim_service *const services[] = { service, NULL };

    return shim_host(argc, argv, service->name, service->summary, services);
}
