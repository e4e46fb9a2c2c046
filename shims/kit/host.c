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
    { "COMMIT_ID", SHIM_STRING, "Unknown", "build commit, shown in X-commit-ID" },
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
        if (h->service->options && count < MAX_TABLES - 11)
            tables[count++] = h->service->options;
    if (ANY(runtime, topics)) {
        tables[count++] = shim_mqtt_options;
        tables[count++] = shim_mqtt_access_options;
    }
    if (runtime->schema)
        tables[count++] = shim_store_options;
    if (ANY(runtime, queues) || any_publishes(runtime)) {
        tables[count++] = shim_broker_options;
        tables[count++] = shim_bus_options;
    }
    tables[count++] = shim_http_options;
    tables[count++] = shim_request_options;
    tables[count++] = shim_auth_options;
    tables[count++] = shim_log_options;
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
        r = shim_http_door_open(runtime, error);
    if (r >= 0 && runtime->subscriber)
        r = shim_mqtt_door_open(runtime, error);
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

static int run(struct shim_runtime *runtime)
{
    struct farmiq_error error;
    sigset_t signals;
    int r, caught;

    farmiq_error_init(&error, sizeof error);
    block_signals(&signals);
    shim_log_open(runtime->program, shim_log_level(runtime->options));
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
