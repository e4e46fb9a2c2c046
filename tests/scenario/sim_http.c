/* SPDX-License-Identifier: Apache-2.0 */
/* kit/http_client.h and kit/http_server.h over a simulated network. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kit/http_client.h"
#include "kit/http_server.h"
#include "kit/shim.h"
#include "sim_net.h"
#include "sim_store.h"

#define LATENCY_LEAST_MS 20
#define LATENCY_MOST_MS 400
#define MAX_HEADERS 24

struct sim_http_faults sim_http_faults;
static void (*watch)(const char *host, struct farmiq_str path, struct farmiq_str body);
static uint64_t request_count;

void sim_http_watch(void (*on_request)(const char *host, struct farmiq_str path,
                                       struct farmiq_str body))
{
    watch = on_request;
}

uint64_t sim_http_requests(void) { return request_count; }

void sim_http_reset(void)
{
    memset(&sim_http_faults, 0, sizeof sim_http_faults);
    sim_http_faults.retry_after_ms = -1;
    watch = NULL;
    request_count = 0;
}

static int64_t latency_ms(void) { return sim_between(LATENCY_LEAST_MS, LATENCY_MOST_MS); }

/* ## One request, from the client's call to its end. Several copies of it may be under
 * way; who lets go of it last frees it. */

struct request {
    int holders;
    int is_decided; /* what the client will see is on its way */
    int has_arrived;
    int is_broken;
    int status;
    int64_t retry_after_ms;
    char *answer;
    size_t answer_bytes;
    /* what was asked */
    char method[8], host[64], path[256];
    char *body;
    size_t body_bytes;
    char *headers[MAX_HEADERS];
    uint32_t header_count;
};

struct shim_http_exchange { /* one arrival of it at a server */
    struct request *request;
    struct sim_node *node;
    uint32_t life; /* of the node; the answer of an earlier life reaches nobody */
};

struct shim_http_server {
    struct shim_http_server_options options;
    struct sim_node *node;
};

static char *copy_bytes(const char *bytes, size_t len)
{
    char *copy = malloc(len + 1);

    if (!copy)
        abort();
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

static void let_go(struct request *request)
{
    if (--request->holders)
        return;
    for (uint32_t i = 0; i < request->header_count; i++)
        free(request->headers[i]);
    free(request->body);
    free(request->answer);
    free(request);
}

/* ## The way back */

static void reach_client(void *ctx)
{
    struct request *request = ctx;

    request->has_arrived = 1;
    sim_wake_all(request);
    let_go(request);
}

/* The first answer counts; that of a duplicate finds nobody waiting. */
static int decide(struct request *request, int64_t delay_ms)
{
    if (request->is_decided)
        return 0;
    request->is_decided = 1;
    request->holders++;
    sim_after(delay_ms, reach_client, request);
    return 1;
}

static void set_answer(struct request *request, int status, struct farmiq_str body)
{
    if (!decide(request, latency_ms()))
        return;
    request->status = status;
    request->answer = copy_bytes(body.ptr, body.len);
    request->answer_bytes = body.len;
}

static void set_broken(struct request *request, int64_t delay_ms)
{
    if (decide(request, delay_ms))
        request->is_broken = 1;
}

/* A captive portal, a proxy that cuts, a server that counts wrongly: all say 200. */
static void answer_garbage(struct request *request)
{
    static const char *const garbage[] = {
        "<html><body>Please log in to the network</body></html>",
        "{\"accepted\":1,\"duplicat",
        "{\"accepted\":999,\"duplicated\":0,\"rejected\":0}",
        /* names an event that was never sent */
        "{\"rejected\":1,\"errors\":[{\"event_id\":\"x\",\"error\":\"no\"}]}",
        "{\"status\":\"ok\"}",
        "",
    };
    const char *text = garbage[sim_random() % (sizeof garbage / sizeof *garbage)];

    set_answer(request, 200, shim_str(text));
}

void shim_http_respond(struct shim_http_exchange *exchange,
                       const struct shim_http_response *response)
{
    struct request *request = exchange->request;
    int is_gone = exchange->node->is_dead || exchange->node->lives != exchange->life;

    if (!is_gone && !sim_http_faults.is_cut_off &&
        !sim_chance(sim_http_faults.lose_answer))
        set_answer(request, response->status, response->body);
    let_go(request);
    free(exchange);
}

/* ## The way there */

static struct sim_node *find_server(const char *host)
{
    struct sim_node *candidates[8], *node;
    uint32_t count = 0;

    for (node = sim_nodes(); node && count < 8; node = node->next)
        if (node->host && strcmp(node->host, host) == 0 && node->http && !node->is_dead)
            candidates[count++] = node;
    return count ? candidates[sim_random() % count] : NULL;
}

static void hand_to_server(void *ctx)
{
    struct shim_http_exchange *exchange = ctx;
    const struct shim_http_server *server = exchange->node->http;

    server->options.on_request(server->options.ctx, exchange);
}

static void arrive(void *ctx)
{
    struct request *request = ctx;
    struct sim_node *node = find_server(request->host);
    struct shim_http_exchange *exchange;

    if (sim_http_faults.is_cut_off || sim_is_ending()) {
        let_go(request);
        return;
    }
    if (!node) { /* connection refused */
        set_broken(request, LATENCY_LEAST_MS);
        let_go(request);
        return;
    }
    if (watch)
        watch(request->host, shim_str(request->path),
              (struct farmiq_str){ request->body, request->body_bytes });
    if (request->body_bytes > node->http->options.max_body_bytes) {
        set_answer(request, 413, shim_str("too large"));
        let_go(request);
        return;
    }
    exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        abort();
    *exchange = (struct shim_http_exchange){ request, node, node->lives };
    sim_node_enter(node, hand_to_server, exchange);
}

static void send_copy(struct request *request)
{
    int64_t delay_ms = latency_ms();

    if (sim_chance(sim_http_faults.delay))
        delay_ms = sim_between(LATENCY_MOST_MS, sim_http_faults.delay_ms);
    request->holders++;
    sim_after(delay_ms, arrive, request);
}

static void send_into_network(struct request *request)
{
    const struct sim_http_faults *f = &sim_http_faults;

    request_count++;
    if (f->is_cut_off)
        return; /* into the void; the client's own patience ends it */
    if (f->is_refusing || sim_chance(f->overloaded)) {
        request->retry_after_ms = f->retry_after_ms;
        set_answer(request, sim_chance(300000) ? 429 : 503, shim_str("busy"));
    } else if (sim_chance(f->garbage)) {
        answer_garbage(request);
    } else if (!sim_chance(f->lose_request)) {
        send_copy(request);
        if (sim_chance(f->duplicate))
            send_copy(request);
        if (sim_chance(f->cut))
            set_broken(request, LATENCY_MOST_MS);
    }
}

/* ## kit/http_client.h */

struct shim_http_client {
    int nothing;
};
static struct shim_http_client the_client;

int shim_http_client_open(struct shim_http_client **out,
                          const struct shim_http_client_options *options,
                          struct farmiq_error *error)
{
    (void)options;
    (void)error;
    *out = &the_client;
    return FARMIQ_OK;
}

void shim_http_client_close(struct shim_http_client *client) { (void)client; }

/* "http://host:port/path" */
static void take_url_apart(struct request *request, const char *url)
{
    const char *host = strstr(url, "://");
    size_t len;

    assert(host);
    host += 3;
    len = strcspn(host, ":/");
    snprintf(request->host, sizeof request->host, "%.*s", (int)len, host);
    host += strcspn(host, "/");
    snprintf(request->path, sizeof request->path, "%s", *host ? host : "/");
}

static struct request *make_request(const struct shim_http_send *send)
{
    struct request *request = calloc(1, sizeof *request);

    if (!request)
        abort();
    request->holders = 1;
    request->retry_after_ms = -1;
    snprintf(request->method, sizeof request->method, "%s", send->method);
    take_url_apart(request, send->url);
    request->body = copy_bytes(send->body.ptr, send->body.len);
    request->body_bytes = send->body.len;
    for (const char *const *h = send->headers; h && *h; h++) {
        assert(request->header_count < MAX_HEADERS);
        request->headers[request->header_count++] = copy_bytes(*h, strlen(*h));
    }
    return request;
}

/* The reply is the client's until its next request: one buffer for all, because the
 * kit copies it before anybody else gets a turn. */
static struct farmiq_str keep_reply(const struct request *request)
{
    static char *kept;
    struct farmiq_str reply = { NULL, request->answer_bytes };

    free(kept);
    kept = copy_bytes(request->answer, request->answer_bytes);
    reply.ptr = kept;
    return reply;
}

int shim_http_client_send(struct shim_http_client *client, struct shim_http_send *send,
                          struct farmiq_error *error)
{
    struct sim_node *node = sim_node_current();
    struct request *request = make_request(send);
    int64_t until_ms = sim_now_ms() + send->timeout_ms;
    int r = FARMIQ_E_UNREACHABLE;

    (void)client;
    if (!node->is_dead)
        send_into_network(request);
    while (!node->is_dead && !request->has_arrived && sim_now_ms() < until_ms)
        sim_wait(request, until_ms);
    snprintf(error->detail, sizeof error->detail, "no answer");
    if (!node->is_dead && request->has_arrived && !request->is_broken) {
        send->status = request->status;
        send->retry_after_ms = request->retry_after_ms;
        send->reply = keep_reply(request);
        r = FARMIQ_OK;
    }
    let_go(request);
    return r;
}

/* ## kit/http_server.h */

int shim_http_server_open(struct shim_http_server **out,
                          const struct shim_http_server_options *options,
                          struct farmiq_error *error)
{
    struct shim_http_server *server = calloc(1, sizeof *server);

    (void)error;
    if (!server)
        return FARMIQ_E_NOMEM;
    server->options = *options;
    server->node = sim_node_current();
    server->node->http = server;
    *out = server;
    return FARMIQ_OK;
}

uint16_t shim_http_server_port(const struct shim_http_server *server)
{
    return server->options.port;
}

void shim_http_server_close(struct shim_http_server *server, uint32_t drain_ms)
{
    (void)drain_ms;
    if (!server)
        return;
    server->node->http = NULL;
    free(server);
}

struct farmiq_str shim_http_method(const struct shim_http_exchange *exchange)
{
    return shim_str(exchange->request->method);
}

struct farmiq_str shim_http_path(const struct shim_http_exchange *exchange)
{
    struct farmiq_str path = shim_str(exchange->request->path);

    path.len = strcspn(path.ptr, "?");
    return path;
}

struct farmiq_str shim_http_raw_path(const struct shim_http_exchange *exchange)
{
    return shim_http_path(exchange);
}

struct farmiq_str shim_http_raw_target(const struct shim_http_exchange *exchange)
{
    return shim_str(exchange->request->path);
}

struct farmiq_str shim_http_body(const struct shim_http_exchange *exchange)
{
    return (struct farmiq_str){ exchange->request->body, exchange->request->body_bytes };
}

struct farmiq_str shim_http_header(const struct shim_http_exchange *exchange,
                                   const char *name)
{
    const struct request *request = exchange->request;
    size_t len = strlen(name);

    for (uint32_t i = 0; i < request->header_count; i++)
        if (strncasecmp(request->headers[i], name, len) == 0 &&
            strncmp(request->headers[i] + len, ": ", 2) == 0)
            return shim_str(request->headers[i] + len + 2);
    return shim_str("");
}

/* Nobody in the simulated farm asks with a query, a certificate or a stream. */
struct farmiq_str shim_http_query(const struct shim_http_exchange *exchange,
                                  const char *name)
{
    (void)exchange;
    (void)name;
    return shim_str("");
}

void *shim_http_sink_of(const struct shim_http_exchange *exchange)
{
    (void)exchange;
    return NULL;
}

uint64_t shim_http_origin(const struct shim_http_exchange *exchange)
{
    (void)exchange;
    return 1;
}

const struct shim_peer *shim_http_peer(const struct shim_http_exchange *exchange)
{
    (void)exchange;
    return NULL;
}

void shim_http_stream(struct shim_http_exchange *exchange, const char *channel,
                      struct farmiq_str first_event)
{
    struct shim_http_response once = { .status = 200, .body = first_event };

    (void)channel;
    shim_http_respond(exchange, &once);
}

void shim_http_server_send(struct shim_http_server *server, const char *channel,
                           const char *event, struct farmiq_str data)
{
    (void)server;
    (void)channel;
    (void)event;
    (void)data;
}

uint32_t shim_http_server_listeners(struct shim_http_server *server, const char *channel)
{
    (void)server;
    (void)channel;
    return 0;
}

void shim_http_server_end(struct shim_http_server *server, const char *channel)
{
    (void)server;
    (void)channel;
}

size_t shim_http_server_bodies_bytes(const struct shim_http_server *server)
{
    (void)server;
    return 0;
}

uint32_t shim_http_server_streams(const struct shim_http_server *server)
{
    (void)server;
    return 0;
}
