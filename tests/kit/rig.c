/* SPDX-License-Identifier: Apache-2.0 */
/* The server, client and sockets the HTTP tests share. */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ## The repertoire */

static void respond_text(struct shim_http_exchange *exchange, int status,
                         struct farmiq_str body)
{
    static const struct shim_http_field later = { "Retry-After", "7" };
    struct shim_http_response response = { status, "text/plain", body, &later,
                                           status == 503 };

    shim_http_respond(exchange, &response);
}

static void do_echo(struct rig *rig, struct shim_http_exchange *exchange)
{
    (void)rig;
    respond_text(exchange, 200, shim_http_body(exchange));
}

static void do_method(struct rig *rig, struct shim_http_exchange *exchange)
{
    (void)rig;
    respond_text(exchange, 200, shim_http_method(exchange));
}

static void do_header(struct rig *rig, struct shim_http_exchange *exchange)
{
    char name[64];
    struct farmiq_str asked = shim_http_query(exchange, "name");

    (void)rig;
    snprintf(name, sizeof name, "%.*s", (int)asked.len, asked.ptr ? asked.ptr : "");
    respond_text(exchange, 200, shim_http_header(exchange, name));
}

static void do_query(struct rig *rig, struct shim_http_exchange *exchange)
{
    (void)rig;
    respond_text(exchange, 200, shim_http_query(exchange, "value"));
}

static void do_path(struct rig *rig, struct shim_http_exchange *exchange)
{
    (void)rig;
    respond_text(exchange, 200, shim_http_path(exchange));
}

static void do_raw_path(struct rig *rig, struct shim_http_exchange *exchange)
{
    (void)rig;
    respond_text(exchange, 200, shim_http_raw_path(exchange));
}

static void do_peer(struct rig *rig, struct shim_http_exchange *exchange)
{
    const struct shim_peer *peer = shim_http_peer(exchange);
    char text[sizeof *peer + 8] = "";

    (void)rig;
    if (peer)
        snprintf(text, sizeof text, "%s|%s|%s", peer->subject, peer->common_name,
                 peer->uri);
    respond_text(exchange, 200, (struct farmiq_str){ text, strlen(text) });
}

static unsigned long number_of(struct farmiq_str text)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
    return strtoul(digits, NULL, 10);
}

static void do_big(struct rig *rig, struct shim_http_exchange *exchange)
{
    size_t len = number_of(shim_http_query(exchange, "bytes"));
    char *bytes = malloc(len + 1);

    (void)rig;
    assert(bytes);
    memset(bytes, 'x', len);
    respond_text(exchange, 200, (struct farmiq_str){ bytes, len });
    free(bytes);
}

static void do_status(struct rig *rig, struct shim_http_exchange *exchange)
{
    struct farmiq_str path = shim_http_path(exchange);
    size_t skip = strlen("/status/");

    (void)rig;
    respond_text(exchange,
                 (int)number_of((struct farmiq_str){ path.ptr + skip, path.len - skip }),
                 (struct farmiq_str){ 0 });
}

static void do_stream(struct rig *rig, struct shim_http_exchange *exchange)
{
    struct farmiq_str asked = shim_http_query(exchange, "channel");
    char channel[64];

    (void)rig;
    snprintf(channel, sizeof channel, "%.*s", (int)asked.len, asked.ptr ? asked.ptr : "");
    shim_http_stream(exchange, channel, (struct farmiq_str){ "{\"first\":1}", 11 });
}

static void do_hold(struct rig *rig, struct shim_http_exchange *exchange)
{
    pthread_mutex_lock(&rig->lock);
    rig->held[rig->held_count++] = exchange;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static const struct {
    const char *prefix;
    void (*run)(struct rig *rig, struct shim_http_exchange *exchange);
} repertoire[] = {
    { "/echo", do_echo },     { "/method", do_method }, { "/header", do_header },
    { "/query", do_query },   { "/path", do_path },     { "/rawpath", do_raw_path },
    { "/peer", do_peer },     { "/big", do_big },       { "/status/", do_status },
    { "/stream", do_stream }, { "/hold", do_hold },
};

static void perform(struct rig *rig, struct shim_http_exchange *exchange)
{
    struct farmiq_str path = shim_http_path(exchange);

    for (size_t i = 0; i < sizeof repertoire / sizeof *repertoire; i++) {
        size_t len = strlen(repertoire[i].prefix);
        if (path.len >= len && memcmp(path.ptr, repertoire[i].prefix, len) == 0) {
            repertoire[i].run(rig, exchange);
            return;
        }
    }
    respond_text(exchange, 404, (struct farmiq_str){ 0 });
}

/* ## The server */

static void on_request(void *ctx, struct shim_http_exchange *exchange)
{
    struct rig *rig = ctx;
    int elsewhere = rig->answers_elsewhere;

    pthread_mutex_lock(&rig->lock);
    rig->served++;
    if (elsewhere) {
        rig->queue[rig->queued++] = exchange;
        pthread_cond_broadcast(&rig->changed);
    }
    pthread_mutex_unlock(&rig->lock);
    if (!elsewhere)
        perform(rig, exchange);
}

static void *work(void *arg)
{
    struct rig *rig = arg;

    pthread_mutex_lock(&rig->lock);
    while (!rig->is_over || rig->queued) {
        if (!rig->queued) {
            pthread_cond_wait(&rig->changed, &rig->lock);
            continue;
        }
        struct shim_http_exchange *exchange = rig->queue[--rig->queued];
        pthread_mutex_unlock(&rig->lock);
        perform(rig, exchange);
        pthread_mutex_lock(&rig->lock);
    }
    pthread_mutex_unlock(&rig->lock);
    return NULL;
}

struct shim_http_server_options rig_options(void)
{
    return (struct shim_http_server_options){ .bind_address = "127.0.0.1",
                                              .max_body_bytes = 1024 * 1024 };
}

void rig_open(struct rig *rig, struct shim_http_server_options options,
              int answers_elsewhere)
{
    struct farmiq_error error = { .size = sizeof error };

    memset(rig, 0, sizeof *rig);
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    rig->answers_elsewhere = answers_elsewhere;
    options.on_request = on_request;
    options.ctx = rig;
    if (answers_elsewhere)
        assert_int_equal(pthread_create(&rig->thread, NULL, work, rig), 0);
    if (shim_http_server_open(&rig->server, &options, &error) < 0)
        fail_msg("server: %s %s", error.field, error.detail);
    rig->port = shim_http_server_port(rig->server);
}

void rig_close(struct rig *rig, uint32_t drain_ms)
{
    shim_http_server_close(rig->server, drain_ms);
    rig_release(rig); /* what is still held is owed an answer, late as it is */
    pthread_mutex_lock(&rig->lock);
    rig->is_over = 1;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
    if (rig->answers_elsewhere)
        pthread_join(rig->thread, NULL);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
}

unsigned rig_served(struct rig *rig)
{
    unsigned served;

    pthread_mutex_lock(&rig->lock);
    served = rig->served;
    pthread_mutex_unlock(&rig->lock);
    return served;
}

void rig_wait_held(struct rig *rig, unsigned count)
{
    pthread_mutex_lock(&rig->lock);
    while (rig->held_count < count)
        pthread_cond_wait(&rig->changed, &rig->lock);
    pthread_mutex_unlock(&rig->lock);
}

void rig_release(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    while (rig->held_count)
        respond_text(rig->held[--rig->held_count], 200, (struct farmiq_str){ "held", 4 });
    pthread_mutex_unlock(&rig->lock);
}

const char *rig_url(const struct rig *rig, const char *scheme, const char *path)
{
    static _Thread_local char url[512];

    snprintf(url, sizeof url, "%s://127.0.0.1:%u%s", scheme, rig->port, path);
    return url;
}

/* ## The client */

struct shim_http_client *rig_client(const char *ca_file, const char *cert_file,
                                    const char *key_file)
{
    struct shim_http_client_options options = { .ca_file = ca_file,
                                                .cert_file = cert_file,
                                                .key_file = key_file };
    struct shim_http_client *client = NULL;

    assert_int_equal(shim_http_client_open(&client, &options, NULL), FARMIQ_OK);
    return client;
}

static int ask(struct shim_http_client *client, struct shim_http_send *send,
               struct farmiq_str *reply)
{
    int r = shim_http_client_send(client, send, NULL);

    if (r < 0)
        return r;
    if (reply)
        *reply = send->reply;
    return send->status;
}

int rig_get(struct shim_http_client *client, const char *url, struct farmiq_str *reply)
{
    struct shim_http_send send = { .method = "GET", .url = url, .timeout_ms = 10000 };

    return ask(client, &send, reply);
}

int rig_post(struct shim_http_client *client, const char *url, struct farmiq_str body,
             struct farmiq_str *reply)
{
    struct shim_http_send send = {
        .method = "POST", .url = url, .body = body, .timeout_ms = 10000
    };

    return ask(client, &send, reply);
}

void assert_str(struct farmiq_str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    if (text.len)
        assert_memory_equal(text.ptr, expected, text.len);
}

/* ## A raw connection */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int raw_try_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int reason;

    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    reason = errno;
    close(fd);
    return -reason;
}

int raw_connect(uint16_t port)
{
    int fd = raw_try_connect(port);

    assert_true(fd >= 0);
    return fd;
}

int raw_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

void raw_send(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

size_t raw_read(int fd, char *out, size_t len, int timeout_ms, int *ended)
{
    int64_t until_ms = rig_now_ms() + timeout_ms;
    size_t used = 0;

    if (ended)
        *ended = 0;
    while (used < len - 1 && rig_now_ms() < until_ms) {
        struct pollfd one = { fd, POLLIN, 0 };
        if (poll(&one, 1, (int)(until_ms - rig_now_ms())) <= 0)
            break;
        ssize_t n = recv(fd, out + used, len - 1 - used, 0);
        if (n <= 0) {
            if (ended)
                *ended = 1;
            break;
        }
        used += (size_t)n;
    }
    out[used] = '\0';
    return used;
}

int raw_await(int fd, const char *text, int timeout_ms)
{
    char seen[64 * 1024];
    size_t used = 0;
    int64_t until_ms = rig_now_ms() + timeout_ms;

    while (rig_now_ms() < until_ms && used < sizeof seen - 1) {
        struct pollfd one = { fd, POLLIN, 0 };
        if (poll(&one, 1, (int)(until_ms - rig_now_ms())) <= 0)
            return 0;
        ssize_t n = recv(fd, seen + used, sizeof seen - 1 - used, 0);
        if (n <= 0)
            return 0;
        used += (size_t)n;
        if (memmem(seen, used, text, strlen(text)))
            return 1;
    }
    return 0;
}

int raw_status(uint16_t port, const char *text)
{
    char answer[4096];
    int fd = raw_connect(port), status = 0;

    raw_send(fd, text, strlen(text));
    raw_read(fd, answer, sizeof answer, 300, NULL);
    close(fd);
    sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

int64_t rig_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rig_sleep_ms(int ms)
{
    struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&pause, NULL);
}

long rig_rss_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*s %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}
