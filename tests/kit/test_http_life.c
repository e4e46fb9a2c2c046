/* SPDX-License-Identifier: Apache-2.0 */
/* The server over time: peers that are slow or leave, limits, opening and closing. */
#include "rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD(method, path) method " " path " HTTP/1.1\r\nHost: x\r\n"

static void send_text(int fd, const char *text) { raw_send(fd, text, strlen(text)); }

/* ## Slow peers: judged by what they completed, not by their last byte */

static struct shim_http_server_options impatient(void)
{
    struct shim_http_server_options options = rig_options();

    options.idle_timeout_ms = 300;
    return options;
}

/* Send `first`, then one byte each 50 ms. Milliseconds until the server hung up. */
static int64_t trickle(uint16_t port, const char *first)
{
    int64_t began_ms = rig_now_ms();
    int ended = 0, fd = raw_connect(port);
    char waste[512];

    send_text(fd, first);
    while (!ended && rig_now_ms() - began_ms < 5000) {
        raw_send(fd, "a", 1);
        raw_read(fd, waste, sizeof waste, 50, &ended);
    }
    close(fd);
    return rig_now_ms() - began_ms;
}

static void slow_peers_are_cut(void **state)
{
    static const char *const openings[] = {
        "",                                            /* not even a request line */
        "GET /method HTTP/1.1\r\nHost: x\r\nX-Slow: ", /* slowloris */
        HEAD("POST", "/echo") "Content-Length: 100000\r\n\r\n", /* a slow body */
    };
    struct rig rig;

    (void)state;
    rig_open(&rig, impatient(), 1);
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
        assert_in_range(trickle(rig.port, openings[i]), 250, 2000);
    assert_int_equal(rig_served(&rig), 0);
    rig_close(&rig, 0);
}

/* A body at 10 kB/s takes longer than the idle timeout, and may. */
static void steady_bodies_are_not(void **state)
{
    static char piece[2000];
    struct rig rig;
    int fd;

    (void)state;
    rig_open(&rig, impatient(), 1);
    fd = raw_connect(rig.port);
    memset(piece, 'x', sizeof piece);
    send_text(fd, HEAD("POST", "/method") "Content-Length: 10000\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        rig_sleep_ms(150);
        raw_send(fd, piece, sizeof piece);
    }
    assert_int_equal(raw_await(fd, "POST", 2000), 1);
    close(fd);
    rig_close(&rig, 0);
}

/* Our own slowness is not the client's fault. */
static void patience_with_ourselves(void **state)
{
    struct rig rig;
    int fd;

    (void)state;
    rig_open(&rig, impatient(), 1);
    fd = raw_connect(rig.port);
    send_text(fd, HEAD("GET", "/hold") "\r\n");
    rig_wait_held(&rig, 1);
    rig_sleep_ms(800);
    rig_release(&rig);
    assert_int_equal(raw_await(fd, "held", 2000), 1);
    close(fd);
    rig_close(&rig, 0);
}

/* An answer nobody reads holds its connection only so long (libmicrohttpd counts whole
 * seconds without progress): then the one place there is becomes free. */
static void slow_readers_are_cut(void **state)
{
    struct shim_http_server_options options = impatient();
    int64_t began_ms = rig_now_ms();
    struct rig rig;
    int fd, status = 0;

    (void)state;
    options.max_connections = options.max_connections_per_ip = 1;
    rig_open(&rig, options, 1);
    fd = raw_connect(rig.port);
    send_text(fd, HEAD("GET", "/big?bytes=50000000") "\r\n");
    assert_int_equal(raw_await(fd, "HTTP/1.1 200", 5000), 1);
    assert_int_equal(raw_status(rig.port, HEAD("GET", "/method") "\r\n"), 0);
    while (status != 200 && rig_now_ms() - began_ms < 15000)
        status = raw_status(rig.port, HEAD("GET", "/method") "\r\n");
    assert_int_equal(status, 200);
    close(fd);
    rig_close(&rig, 0);
}

/* ## Peers that leave */

/* A client that hangs up while its request is in hand: the answer finds nobody, and
 * nothing is leaked (address sanitizer) or disturbed. */
static void leaving_while_held(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, rig_options(), 1);
    for (int i = 0; i < 20; i++) {
        int fd = raw_connect(rig.port);
        send_text(fd, HEAD("POST", "/hold") "Content-Length: 5\r\n\r\nhello");
        rig_wait_held(&rig, 1);
        close(fd);
        rig_release(&rig);
    }
    assert_int_equal(raw_status(rig.port, HEAD("GET", "/method") "\r\n"), 200);
    rig_close(&rig, 1000);
}

/* In the middle of a head, of a body, of a chunk, of gzip. */
static void leaving_midway(void **state)
{
    static const char *const parts[] = {
        "GET /met",
        HEAD("GET", "/method") "A: ",
        HEAD("POST", "/echo") "Content-Length: 100\r\n\r\nabc",
        HEAD("POST", "/echo") "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        HEAD("POST",
             "/echo") "Content-Encoding: gzip\r\nContent-Length: 99\r\n\r\n\x1f\x8b",
    };
    struct rig rig;

    (void)state;
    rig_open(&rig, rig_options(), 1);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int fd = raw_connect(rig.port);
        send_text(fd, parts[i]);
        rig_sleep_ms(20);
        close(fd);
    }
    assert_int_equal(raw_status(rig.port, HEAD("GET", "/method") "\r\n"), 200);
    assert_int_equal(rig_served(&rig), 1);
    rig_close(&rig, 1000);
}

/* ## Limits */

static int is_hung_up(int fd)
{
    char waste[16];
    int ended;

    raw_read(fd, waste, sizeof waste, 300, &ended);
    return ended;
}

static void connection_limits(void **state)
{
    struct shim_http_server_options options = rig_options();
    struct rig rig;
    int fds[4];

    (void)state;
    options.max_connections_per_ip = 3;
    rig_open(&rig, options, 0);
    for (int i = 0; i < 4; i++) {
        fds[i] = raw_connect(rig.port);
        send_text(fds[i], HEAD("GET", "/method") "\r\n");
        if (i < 3)
            assert_int_equal(raw_await(fds[i], "\r\n\r\nGET", 2000), 1);
    }
    assert_int_equal(is_hung_up(fds[3]), 1);
    close(fds[3]);
    close(fds[0]); /* makes room */
    rig_sleep_ms(100);
    assert_int_equal(raw_status(rig.port, HEAD("GET", "/method") "\r\n"), 200);
    close(fds[1]);
    close(fds[2]);
    rig_close(&rig, 0);
}

/* ## Closing */

struct closing {
    pthread_t thread;
    struct shim_http_server *server;
    uint32_t drain_ms;
    int64_t began_ms; /* before the thread: it may be late to start */
    int64_t took_ms;
};

static void *close_it(void *arg)
{
    struct closing *closing = arg;

    shim_http_server_close(closing->server, closing->drain_ms);
    closing->took_ms = rig_now_ms() - closing->began_ms;
    return NULL;
}

static void start_closing(struct closing *closing, struct rig *rig, uint32_t drain_ms)
{
    *closing = (struct closing){ .server = rig->server,
                                 .drain_ms = drain_ms,
                                 .began_ms = rig_now_ms() };
    rig->server = NULL;
    assert_int_equal(pthread_create(&closing->thread, NULL, close_it, closing), 0);
    rig_sleep_ms(150);
}

/* Header http_server.h: what is in hand is finished, new connections are refused, new
 * requests on old connections get 503. */
static void drain_waits_for_what_is_in_hand(void **state)
{
    struct closing closing;
    struct rig rig;
    int busy, idle;

    (void)state;
    rig_open(&rig, rig_options(), 1);
    idle = raw_connect(rig.port);
    send_text(idle, HEAD("GET", "/method") "\r\n");
    assert_int_equal(raw_await(idle, "\r\n\r\nGET", 2000), 1);
    busy = raw_connect(rig.port);
    send_text(busy, HEAD("GET", "/hold") "\r\n");
    rig_wait_held(&rig, 1);
    start_closing(&closing, &rig, 10000);
    send_text(idle, HEAD("GET", "/method") "\r\n");
    assert_int_equal(raw_await(idle, "HTTP/1.1 503", 2000), 1);
    rig_release(&rig);
    assert_int_equal(raw_await(busy, "\r\n\r\nheld", 2000), 1);
    assert_int_equal(is_hung_up(busy), 1);
    pthread_join(closing.thread, NULL);
    assert_in_range(closing.took_ms, 150, 2000);
    close(busy);
    close(idle);
    rig_close(&rig, 0);
}

/* While something is still in hand nobody new is let in: refused by the kernel, so that a
 * balancer in front turns to the next replica at once. */
static void drain_refuses_newcomers(void **state)
{
    struct closing closing;
    struct rig rig;
    int busy;

    (void)state;
    rig_open(&rig, rig_options(), 1);
    busy = raw_connect(rig.port);
    send_text(busy, HEAD("GET", "/hold") "\r\n");
    rig_wait_held(&rig, 1);
    start_closing(&closing, &rig, 10000);
    for (int i = 0; i < 10; i++)
        assert_int_equal(raw_try_connect(rig.port), -ECONNREFUSED);
    rig_release(&rig);
    assert_int_equal(raw_await(busy, "\r\n\r\nheld", 2000), 1);
    pthread_join(closing.thread, NULL);
    close(busy);
    rig_close(&rig, 0);
}

/* Nor does closing wait longer than it was told for a client that does not read. */
static void drain_is_not_held_up(void **state)
{
    struct closing closing;
    struct rig rig;
    int fd;

    (void)state;
    rig_open(&rig, rig_options(), 1);
    fd = raw_connect(rig.port);
    send_text(fd, HEAD("GET", "/big?bytes=50000000") "\r\n");
    assert_int_equal(raw_await(fd, "HTTP/1.1 200", 2000), 1);
    start_closing(&closing, &rig, 300);
    pthread_join(closing.thread, NULL);
    assert_in_range(closing.took_ms, 300, 2000);
    close(fd);
    rig_close(&rig, 0);
}

/* Unanswered at the end: 503 with the error body; the handler's late answer is harmless
 * (its exchange outlives the server). */
static void drain_has_an_end(void **state)
{
    struct closing closing;
    struct rig rig;
    char answer[2048];
    int fd;

    (void)state;
    rig_open(&rig, rig_options(), 1);
    fd = raw_connect(rig.port);
    send_text(fd,
              HEAD("POST", "/hold") "Content-Length: 2\r\nX-Request-Id: r-9\r\n\r\nhi");
    rig_wait_held(&rig, 1);
    start_closing(&closing, &rig, 300);
    raw_read(fd, answer, sizeof answer, 3000, NULL);
    assert_non_null(strstr(answer, "HTTP/1.1 503"));
    assert_non_null(strstr(answer, "\"code\":\"SERVICE_UNAVAILABLE\""));
    assert_non_null(strstr(answer, "\"traceId\":\"r-9\""));
    pthread_join(closing.thread, NULL);
    assert_in_range(closing.took_ms, 250, 2000);
    close(fd);
    /* The exchange is still ours to read and to answer. */
    assert_int_equal(rig.held_count, 1);
    assert_str(shim_http_body(rig.held[0]), "hi");
    assert_str(shim_http_header(rig.held[0], "x-request-id"), "r-9");
    rig_close(&rig, 0);
}

/* Closed while handlers are answering as fast as they can: nobody is answered twice, no
 * connection is left suspended (libmicrohttpd would abort). */
static void *hammer(void *arg)
{
    const char *url = arg;
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);

    while (rig_get(client, url, NULL) == 200)
        ;
    shim_http_client_close(client);
    return NULL;
}

static void close_under_load(void **state)
{
    pthread_t threads[8];

    (void)state;
    for (int round = 0; round < 6; round++) {
        struct rig rig;
        char url[128];
        rig_open(&rig, rig_options(), round % 2);
        snprintf(url, sizeof url, "%s", rig_url(&rig, "http", "/method"));
        for (int i = 0; i < 8; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, hammer, url), 0);
        rig_sleep_ms(60);
        rig_close(&rig, round % 3 ? 1000 : 0);
        for (int i = 0; i < 8; i++)
            pthread_join(threads[i], NULL);
    }
}

/* Closed while clients are at the door, at its connection limit and below it: the socket
 * that listens belongs to one thread until it is closed (thread sanitizer). */
static void *knock(void *arg)
{
    const uint16_t *port = arg;
    int fd;

    while ((fd = raw_try_connect(*port)) >= 0) {
        send_text(fd, HEAD("GET", "/method") "\r\n");
        close(fd);
    }
    return NULL;
}

static void close_at_the_door(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (uint32_t round = 0; round < 100; round++) {
        struct shim_http_server_options options = rig_options();
        struct rig rig;
        options.max_connections = options.max_connections_per_ip = 1 + round % 8;
        rig_open(&rig, options, 0);
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, knock, &rig.port), 0);
        rig_sleep_ms((int)round % 5);
        rig_close(&rig, 0);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
}

/* ## What all bodies may take together */

#define MIB (1024u * 1024u)
#define PATIENCE_MS 60000

static _Atomic unsigned crowded;

static void count_crowded(void *ctx)
{
    (void)ctx;
    crowded++;
}

static int take_piece(void *ctx, struct farmiq_str bytes)
{
    (void)ctx;
    (void)bytes;
    return FARMIQ_OK;
}

/* A PUT goes elsewhere as it comes, as an image goes to its file. */
static int sink_puts(void *ctx, struct shim_http_exchange *exchange,
                     struct shim_http_sink *sink)
{
    (void)ctx;
    if (shim_http_method(exchange).len == strlen("PUT"))
        *sink = (struct shim_http_sink){ .max_bytes = 16 * MIB, .write = take_piece };
    return 0;
}

static void wait_for_bodies(const struct rig *rig, size_t bytes)
{
    int64_t until_ms = rig_now_ms() + PATIENCE_MS;

    while (shim_http_server_bodies_bytes(rig->server) != bytes)
        if (rig_now_ms() > until_ms)
            fail_msg("bodies take %zu bytes instead of %zu",
                     shim_http_server_bodies_bytes(rig->server), bytes);
        else
            rig_sleep_ms(5);
}

/* A client that sends most of its megabyte, and then nothing for long. */
static int slow_client(const struct rig *rig)
{
    static char most[700 * 1024];
    int fd = raw_connect(rig->port);

    send_text(fd, HEAD("POST", "/method") "Content-Length: 1048576\r\n\r\n");
    raw_send(fd, most, sizeof most);
    return fd;
}

/* Refused with a time to come again; `text` is how the request begins. */
static void assert_crowded(const struct rig *rig, const char *text, size_t body_bytes)
{
    static char body[MIB];
    unsigned before = crowded;
    char answer[2048];
    int fd = raw_connect(rig->port);

    send_text(fd, text);
    raw_send(fd, body, body_bytes);
    raw_read(fd, answer, sizeof answer, PATIENCE_MS, NULL);
    close(fd);
    assert_non_null(strstr(answer, "HTTP/1.1 503 "));
    assert_non_null(strstr(answer, "\r\nRetry-After: 5\r\n"));
    assert_non_null(strstr(answer, "\"code\":\"SERVICE_UNAVAILABLE\""));
    assert_int_equal(crowded, before + 1);
}

static int send_body(const struct rig *rig, const char *head, size_t bytes)
{
    static char body[MIB];
    int fd = raw_connect(rig->port), status = 0;
    char answer[2048];

    send_text(fd, head);
    raw_send(fd, body, bytes);
    raw_read(fd, answer, sizeof answer, PATIENCE_MS, NULL);
    close(fd);
    sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

#define LAST "Connection: close\r\n"

/* Many slow clients with large bodies take what all bodies may; others with large ones
 * are sent away, small requests and uploads go on, and all is well when the slow ones
 * left. */
static void bodies_have_a_budget(void **state)
{
    enum { CLIENTS = 8, OF_EACH = 1024 * 1024 - 64 * 1024 };
    struct shim_http_server_options options = rig_options();
    struct rig rig;
    int slow[CLIENTS];

    (void)state;
    options.max_bodies_bytes = CLIENTS * MIB;
    options.on_crowded = count_crowded;
    options.on_head = sink_puts;
    rig_open(&rig, options, 1);
    for (size_t i = 0; i < CLIENTS; i++) {
        slow[i] = slow_client(&rig);
        wait_for_bodies(&rig, (i + 1) * OF_EACH);
    }
    assert_crowded(&rig, HEAD("POST", "/method") "Content-Length: 1048576\r\n\r\n", 0);
    assert_crowded(&rig,
                   HEAD("POST", "/method") "Transfer-Encoding: chunked\r\n\r\nfffff\r\n",
                   MIB - 1);
    assert_int_equal(
        send_body(&rig, HEAD("POST", "/method") LAST "Content-Length: 65536\r\n\r\n",
                  65536),
        200);
    assert_int_equal(
        send_body(&rig, HEAD("PUT", "/method") LAST "Content-Length: 1048576\r\n\r\n",
                  MIB),
        200);
    for (size_t i = 0; i < CLIENTS; i++)
        close(slow[i]);
    wait_for_bodies(&rig, 0);
    assert_int_equal(
        send_body(&rig, HEAD("POST", "/method") LAST "Content-Length: 1048576\r\n\r\n",
                  MIB),
        200);
    wait_for_bodies(&rig, 0);
    rig_close(&rig, 1000);
}

/* However little all may take: one body of the allowed length goes through. */
static void one_body_always_fits(void **state)
{
    struct shim_http_server_options options = rig_options();
    struct rig rig;

    (void)state;
    options.max_bodies_bytes = 1;
    rig_open(&rig, options, 0);
    assert_int_equal(
        send_body(&rig, HEAD("POST", "/method") LAST "Content-Length: 1048576\r\n\r\n",
                  MIB),
        200);
    rig_close(&rig, 1000);
}

/* ## Opening */

static void never(void *ctx, struct shim_http_exchange *exchange)
{
    (void)ctx;
    (void)exchange;
    fail();
}

static void what_cannot_open(void **state)
{
    struct shim_http_server_options options = rig_options();
    struct farmiq_error error = { .size = sizeof error };
    struct shim_http_server *server = NULL, *twin = NULL;

    (void)state;
    assert_int_equal(shim_http_server_open(NULL, &options, NULL), FARMIQ_E_ARG);
    assert_int_equal(shim_http_server_open(&server, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(shim_http_server_open(&server, &options, NULL), FARMIQ_E_ARG);
    options.on_request = never;
    options.key_file = "/nonexistent";
    assert_int_equal(shim_http_server_open(&server, &options, NULL), FARMIQ_E_ARG);
    options.cert_file = "/nonexistent";
    assert_int_equal(shim_http_server_open(&server, &options, &error), FARMIQ_E_STORE);
    assert_string_equal(error.field, "certificate");
    options.cert_file = options.key_file = "/proc/self/status"; /* no certificate */
    assert_int_equal(shim_http_server_open(&server, &options, &error), FARMIQ_E_STORE);
    assert_string_equal(error.field, "server");
    options.cert_file = options.key_file = NULL;
    options.bind_address = "not an address";
    assert_int_equal(shim_http_server_open(&server, &options, &error), FARMIQ_E_STORE);
    assert_string_equal(error.field, "bind_address");
    options.bind_address = "127.0.0.1";
    assert_null(server);
    assert_int_equal(shim_http_server_open(&server, &options, &error), FARMIQ_OK);
    options.port = shim_http_server_port(server);
    assert_int_equal(shim_http_server_open(&twin, &options, &error), FARMIQ_E_STORE);
    assert_string_equal(error.field, "port");
    assert_null(twin);
    shim_http_server_close(server, 0);
    shim_http_server_close(NULL, 0);
}

static void ipv6(void **state)
{
    struct shim_http_server_options options = rig_options();
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);
    struct rig rig;
    char url[64];

    (void)state;
    options.bind_address = "::1";
    if (access("/proc/net/if_inet6", R_OK) != 0)
        skip();
    rig_open(&rig, options, 0);
    snprintf(url, sizeof url, "http://[::1]:%u/method", rig.port);
    assert_int_equal(rig_get(client, url, NULL), 200);
    shim_http_client_close(client);
    rig_close(&rig, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_peers_are_cut),
        cmocka_unit_test(steady_bodies_are_not),
        cmocka_unit_test(patience_with_ourselves),
        cmocka_unit_test(slow_readers_are_cut),
        cmocka_unit_test(leaving_while_held),
        cmocka_unit_test(leaving_midway),
        cmocka_unit_test(connection_limits),
        cmocka_unit_test(drain_waits_for_what_is_in_hand),
        cmocka_unit_test(drain_refuses_newcomers),
        cmocka_unit_test(drain_is_not_held_up),
        cmocka_unit_test(drain_has_an_end),
        cmocka_unit_test(close_under_load),
        cmocka_unit_test(close_at_the_door),
        cmocka_unit_test(bodies_have_a_budget),
        cmocka_unit_test(one_body_always_fits),
        cmocka_unit_test(what_cannot_open),
        cmocka_unit_test(ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
