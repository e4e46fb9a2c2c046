/* SPDX-License-Identifier: Apache-2.0 */
/* A hosted service as its clients meet it: a small service of this test's own runs in a
 * process of its own, with a real SQLite file, and is asked over HTTP. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit/http_client.h"
#include "kit/shim.h"

#define TOKEN "0123456789abcdef"

/* ## The service: notes, kept per tenant; a neighbour; a consumer; a job */

static const struct farmiq_migration schema[] = {
    { 1, 0, "notes",
      "CREATE TABLE note (id INTEGER PRIMARY KEY, tenant TEXT, text TEXT UNIQUE);\n"
      "CREATE TABLE tick (at INTEGER);\n",
      NULL },
    { 0 },
};

static const struct farmiq_migration *schema_of(void) { return schema; }

static const struct farmiq_sql_query add_note = {
    "add_note", "INSERT INTO note (tenant, text) VALUES ($1, $2)", NULL
};
static const struct farmiq_sql_query count_notes = {
    "count_notes", "SELECT count(*) FROM note WHERE $1 = '' OR tenant = $1", NULL
};
static const struct farmiq_sql_query add_tick = { "add_tick",
                                                  "INSERT INTO tick (at) VALUES ($1)",
                                                  NULL };
static const struct farmiq_sql_query count_ticks = { "count_ticks",
                                                     "SELECT count(*) FROM tick", NULL };

static int on_count(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row, (void)count;
    *(int64_t *)ctx = columns[0].integer;
    return 0;
}

static int reply_number(struct shim_call *call, int status, int64_t number)
{
    struct farmiq_json_writer *w = shim_json(call, 64);

    farmiq_json_open(w, '{');
    farmiq_json_key(w, "number");
    farmiq_json_int(w, number);
    farmiq_json_close(w, '}');
    return shim_reply(call, status);
}

static int insert(struct shim_call *call, struct farmiq_str tenant,
                  struct farmiq_str text)
{
    struct farmiq_sql_value params[] = { farmiq_sql_text(tenant), farmiq_sql_text(text) };

    return farmiq_sql_run(call->store, &add_note, NULL, params, 2, NULL, NULL);
}

static int post_note(struct shim_call *call)
{
    int r = insert(call, call->tenant_id, call->body);

    if (r < 0)
        return r;
    if (call->body.len == 4 && memcmp(call->body.ptr, "fail", 4) == 0)
        return FARMIQ_E_STATE; /* after the insert: it must vanish */
    shim_stream_send(call, "note", call->tenant_id, shim_str("{\"new\":true}"));
    return reply_number(call, 201, 1);
}

static int get_notes(struct shim_call *call)
{
    struct farmiq_sql_value tenant = farmiq_sql_text(call->tenant_id);
    int64_t count = -1;
    int r = farmiq_sql_run(call->store, &count_notes, NULL, &tenant, 1, on_count, &count);

    return r < 0 ? r : reply_number(call, 200, count);
}

static int get_ticks(struct shim_call *call)
{
    int64_t count = -1;
    int r = farmiq_sql_run(call->store, &count_ticks, NULL, NULL, 0, on_count, &count);

    return r < 0 ? r : reply_number(call, 200, count);
}

static int get_part(struct shim_call *call)
{
    return shim_reply_text(call, 200, "text/plain", shim_path_part(call, "name"));
}

/* The neighbour's note and ours commit together, or neither. */
static int post_both(struct shim_call *call)
{
    struct shim_request request = { .service = "neighbour",
                                    .url_option = "NEIGHBOUR_URL",
                                    .method = "POST",
                                    .path = "/neighbour/notes",
                                    .body = call->body };
    int r = insert(call, shim_str("both"), shim_str("ours"));

    if (r >= 0)
        r = shim_request(call, &request);
    return r < 0 ? r : reply_number(call, 200, request.status);
}

static int post_admin(struct shim_call *call) { return reply_number(call, 200, 7); }

static int silent(struct shim_call *call)
{
    (void)call;
    return 0;
}

static int tick_unit(struct shim_call *call, void *unused)
{
    struct farmiq_sql_value now = farmiq_sql_integer(call->now_unix_ms);

    (void)unused;
    return farmiq_sql_run(call->store, &add_tick, NULL, &now, 1, NULL, NULL);
}

static int tick(struct shim_call *call) { return shim_write(call, tick_unit, NULL); }

static int post_wake(struct shim_call *call)
{
    shim_wake(call, "tick");
    return reply_number(call, 200, 1);
}

static const struct shim_route routes[] = {
    { "POST", "/notes", SHIM_TENANT, post_note },
    { "GET", "/notes", SHIM_TENANT, get_notes },
    { "GET", "/ticks", SHIM_OPEN, get_ticks },
    { "GET", "/parts/{name}/end", SHIM_OPEN, get_part },
    { "POST", "/both", SHIM_OPEN, post_both },
    { "POST", "/admin", SHIM_ADMIN, post_admin },
    { "GET", "/silent", SHIM_OPEN, silent },
    { "POST", "/wake", SHIM_OPEN, post_wake },
    { 0 },
};

static const struct shim_option options[] = {
    { "NEIGHBOUR_URL", SHIM_URL, "http://127.0.0.1:1", "where the neighbour would be" },
    { "TICK_MS", SHIM_MS, "1h", "how often" },
    { 0 },
};

static const struct shim_job jobs[] = { { "tick", "TICK_MS", tick }, { 0 } };

static const struct shim_service service = {
    .name = "notes",
    .summary = "a test",
    .options = options,
    .routes = routes,
    .jobs = jobs,
    .schema = schema_of,
};

static int neighbour_note(struct shim_call *call)
{
    int r = insert(call, shim_str("neighbour"), call->body);

    if (r < 0)
        return r;
    return call->body.len == 4 && memcmp(call->body.ptr, "fail", 4) == 0
               ? FARMIQ_E_STATE
               : reply_number(call, 202, 1);
}

static const struct shim_route neighbour_routes[] = {
    { "POST", "/neighbour/notes", SHIM_OPEN, neighbour_note },
    { 0 },
};

static const struct shim_service neighbour = {
    .name = "neighbour",
    .summary = "lives next door",
    .routes = neighbour_routes,
};

/* ## The process and its client */

struct host {
    pid_t pid;
    char folder[64];
    char url[64];
    struct shim_http_client *client;
};

static void in_child(const struct host *host)
{
    static const struct shim_service *const services[] = { &service, &neighbour, NULL };
    char *argv[] = {
        "host",         "--app-port", "0",           "--app-port-file", "port",
        "--api-tokens", TOKEN ":t1",  "--log-level", "error",           NULL
    };

    if (chdir(host->folder))
        _exit(99);
    _exit(shim_host(9, argv, "host", "a test", services));
}

static int read_port(const char *path)
{
    FILE *file = fopen(path, "r");
    int port = 0;

    if (file) {
        if (fscanf(file, "%d", &port) != 1)
            port = 0;
        fclose(file);
    }
    return port;
}

static void pause_ms(long ms)
{
    struct timespec rest = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&rest, NULL);
}

/* Fork, and wait until it says where it listens. Returns 0 or -1. */
static int spawn(struct host *host)
{
    char path[96];
    int port = 0;

    snprintf(path, sizeof path, "%s/port", host->folder);
    unlink(path);
    host->pid = fork();
    if (host->pid == 0)
        in_child(host);
    for (int i = 0; i < 500 && !port; i++) {
        pause_ms(10);
        port = read_port(path);
    }
    snprintf(host->url, sizeof host->url, "http://127.0.0.1:%d", port);
    return port ? 0 : -1;
}

static int start_host(void **state)
{
    static struct host host;
    struct shim_http_client_options with = { .connect_timeout_ms = 2000,
                                             .max_reply_bytes = 1 << 20 };
    struct farmiq_error error;

    memset(&host, 0, sizeof host);
    snprintf(host.folder, sizeof host.folder, "/tmp/farmiq-host-XXXXXX");
    farmiq_error_init(&error, sizeof error);
    *state = &host;
    if (!mkdtemp(host.folder) || spawn(&host))
        return -1;
    return shim_http_client_open(&host.client, &with, &error) >= 0 ? 0 : -1;
}

static int stop_host(void **state)
{
    struct host *host = *state;
    char command[96];
    int status;

    shim_http_client_close(host->client);
    kill(host->pid, SIGTERM);
    waitpid(host->pid, &status, 0);
    snprintf(command, sizeof command, "rm -rf %s", host->folder);
    if (system(command))
        return -1;
    /* A clean stop, with every thread joined, is part of every test. */
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static struct farmiq_str last_reply;

static int ask_with(struct host *host, const char *method, const char *path,
                    const char *body, const char *header)
{
    const char *headers[] = { header, NULL };
    struct shim_http_send send = { .method = method,
                                   .body = shim_str(body ? body : ""),
                                   .headers = headers,
                                   .timeout_ms = 5000 };
    struct farmiq_error error;
    char url[256];

    farmiq_error_init(&error, sizeof error);
    snprintf(url, sizeof url, "%s%s", host->url, path);
    send.url = url;
    assert_int_equal(shim_http_client_send(host->client, &send, &error), FARMIQ_OK);
    last_reply = send.reply;
    return send.status;
}

static int ask(struct host *host, const char *method, const char *path, const char *body)
{
    return ask_with(host, method, path, body, "Authorization: Bearer " TOKEN);
}

static void reply_has(const char *text)
{
    char copy[8192];

    snprintf(copy, sizeof copy, "%.*s", (int)last_reply.len, last_reply.ptr);
    if (!strstr(copy, text))
        fail_msg("expected '%s' in: %s", text, copy);
}

/* ## What must hold */

static void health_ready_docs_and_metrics_come_for_free(void **state)
{
    struct host *host = *state;

    assert_int_equal(ask(host, "GET", "/api/health", NULL), 200);
    reply_has("\"status\":\"healthy\"");
    assert_int_equal(ask(host, "GET", "/api/ready", NULL), 200);
    reply_has("\"db\":\"up\"");
    assert_int_equal(ask(host, "GET", "/api-docs/openapi.json", NULL), 200);
    reply_has("\"openapi\":\"3.0.3\"");
    assert_int_equal(ask(host, "GET", "/api-docs", NULL), 200);
    reply_has("POST /notes");
    assert_int_equal(ask(host, "GET", "/metrics", NULL), 200);
    reply_has("# TYPE farmiq_http_requests_total counter");
}

static void what_is_answered_was_committed(void **state)
{
    struct host *host = *state;

    assert_int_equal(ask(host, "POST", "/notes", "first"), 201);
    kill(host->pid, SIGKILL); /* at once after the answer */
    waitpid(host->pid, NULL, 0);
    assert_int_equal(spawn(host), 0);
    assert_int_equal(ask(host, "GET", "/notes", NULL), 200);
    reply_has("\"number\":1");
}

static void a_failing_handler_leaves_nothing(void **state)
{
    struct host *host = *state;

    assert_int_equal(ask(host, "POST", "/notes", "fail"), 500);
    reply_has("INTERNAL_ERROR");
    assert_int_equal(ask(host, "GET", "/notes", NULL), 200);
    reply_has("\"number\":0");
}

static void a_neighbours_call_commits_or_vanishes_with_ours(void **state)
{
    struct host *host = *state;

    assert_int_equal(ask(host, "POST", "/both", "fail"), 500);
    assert_int_equal(ask(host, "POST", "/both", "fine"), 200);
    reply_has("\"number\":202");
    /* "ours" is unique: had the failed attempt left it, this one would have failed. */
}

static void strangers_and_other_tenants_are_refused(void **state)
{
    struct host *host = *state;

    assert_int_equal(ask_with(host, "GET", "/notes", NULL, "x: y"), 401);
    reply_has("UNAUTHORIZED");
    assert_int_equal(
        ask_with(host, "GET", "/notes", NULL, "Authorization: Bearer 0123456789abcdee"),
        401);
    assert_int_equal(ask(host, "GET", "/notes?tenantId=t2", NULL), 403);
    assert_int_equal(ask(host, "GET", "/notes?tenant_id=t1", NULL), 200);
    assert_int_equal(ask(host, "POST", "/admin", ""), 403);
    assert_int_equal(ask_with(host, "GET", "/notes?access_token=" TOKEN, NULL, "x: y"),
                     401); /* only event streams may carry it there */
}

static void unknown_paths_and_methods_have_the_one_error_body(void **state)
{
    struct host *host = *state;

    assert_int_equal(ask(host, "GET", "/nothing", NULL), 404);
    reply_has("{\"error\":{\"code\":\"NOT_FOUND\",\"message\":");
    reply_has("\"traceId\":\"");
    assert_int_equal(ask(host, "DELETE", "/notes", NULL), 405);
    reply_has("METHOD_NOT_ALLOWED");
    assert_int_equal(ask(host, "GET", "/silent", NULL), 500);
}

static void path_parts_reach_the_handler(void **state)
{
    struct host *host = *state;

    assert_int_equal(ask(host, "GET", "/parts/barn-7/end", NULL), 200);
    assert_int_equal(last_reply.len, 6);
    assert_memory_equal(last_reply.ptr, "barn-7", 6);
    assert_int_equal(ask(host, "GET", "/parts//end", NULL), 404);
    assert_int_equal(ask(host, "GET", "/parts/a/b/end", NULL), 404);
}

static void ids_are_echoed_and_traceparent_is_understood(void **state)
{
    struct host *host = *state;

    assert_int_equal(ask_with(host, "GET", "/nothing", NULL, "x-trace-id: trace-7"), 404);
    reply_has("\"traceId\":\"trace-7\"");
    assert_int_equal(
        ask_with(host, "GET", "/nothing", NULL,
                 "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        404);
    reply_has("\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\"");
}

static void a_job_runs_at_start_and_when_it_is_woken(void **state)
{
    struct host *host = *state;
    int woken = 0;

    assert_int_equal(ask(host, "POST", "/wake", ""), 200);
    for (int i = 0; i < 100 && !woken; i++) {
        assert_int_equal(ask(host, "GET", "/ticks", NULL), 200);
        woken = last_reply.len && strtol(last_reply.ptr + 10, NULL, 10) >= 2;
        pause_ms(20);
    }
    assert_int_equal(woken, 1);
}

/* ## systemd, as sd_notify(3) describes it: datagrams, here to an abstract name */

static int notify_socket = -1;

static int start_notifying_host(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char name[64];
    int len = snprintf(name, sizeof name, "@farmiq-test-%d", (int)getpid());
    int started;

    memcpy(address.sun_path + 1, name + 1, (size_t)len - 1);
    notify_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify_socket < 0 ||
        bind(notify_socket, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)) != 0)
        return -1;
    setenv("NOTIFY_SOCKET", name, 1);
    started = start_host(state);
    unsetenv("NOTIFY_SOCKET");
    return started;
}

static int stop_notifying_host(void **state)
{
    close(notify_socket);
    return stop_host(state);
}

static void assert_notified(const char *expected)
{
    struct timeval patience = { 10, 0 };
    char text[64] = "";

    setsockopt(notify_socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_true(recv(notify_socket, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, expected);
}

/* Type=notify: a unit that orders itself after this one may ask at once. */
static void systemd_hears_when_it_is_ready_and_when_it_stops(void **state)
{
    struct host *host = *state;

    assert_notified("READY=1");
    assert_int_equal(ask(host, "GET", "/api/ready", NULL), 200);
    kill(host->pid, SIGTERM);
    assert_notified("STOPPING=1");
}

#define HOSTED(test) cmocka_unit_test_setup_teardown(test, start_host, stop_host)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        HOSTED(health_ready_docs_and_metrics_come_for_free),
        HOSTED(what_is_answered_was_committed),
        HOSTED(a_failing_handler_leaves_nothing),
        HOSTED(a_neighbours_call_commits_or_vanishes_with_ours),
        HOSTED(strangers_and_other_tenants_are_refused),
        HOSTED(unknown_paths_and_methods_have_the_one_error_body),
        HOSTED(path_parts_reach_the_handler),
        HOSTED(ids_are_echoed_and_traceparent_is_understood),
        HOSTED(a_job_runs_at_start_and_when_it_is_woken),
        cmocka_unit_test_setup_teardown(systemd_hears_when_it_is_ready_and_when_it_stops,
                                        start_notifying_host, stop_notifying_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
