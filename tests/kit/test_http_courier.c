/* SPDX-License-Identifier: Apache-2.0 */
/* The courier against servers that answer in pieces, strangely, or not at all. */
#include "rig.h"

#include <sys/socket.h>
#include <unistd.h>

#include "kit/http_courier.h"

#define EVENTS_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

/* A server for one connection: each piece after a pause, then the end. */
struct server {
    pthread_t thread;
    int listener;
    uint16_t port;
    const char *const *pieces;
    int stays; /* until the client leaves */
    char request[4096];
};

static void *serve(void *arg)
{
    struct server *server = arg;
    int fd = accept(server->listener, NULL, NULL);
    char rest[64];

    raw_read(fd, server->request, sizeof server->request, 100, NULL);
    for (const char *const *piece = server->pieces; *piece; piece++) {
        raw_send(fd, *piece, strlen(*piece));
        rig_sleep_ms(30);
    }
    while (server->stays && recv(fd, rest, sizeof rest, 0) > 0)
        ;
    close(fd);
    return NULL;
}

/* One trip and what was heard of it. */
struct journey {
    struct shim_http_trip trip; /* first: the two are cast into each other */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char heard[1024];
    int answers, ends;
    int events_wanted; /* 0: all of them */
    int events;
};

static void note(struct journey *journey, const char *format, const char *name,
                 struct farmiq_str text)
{
    size_t used = strlen(journey->heard);

    snprintf(journey->heard + used, sizeof journey->heard - used, format, name,
             (int)text.len, text.ptr);
}

static void on_answer(struct shim_http_trip *trip)
{
    struct journey *journey = (struct journey *)trip;

    journey->answers++;
    note(journey, "[%s %.*s]", trip->content_type ? trip->content_type : "-",
         trip->status ? trip->reply : (struct farmiq_str){ "", 0 });
}

static int on_event(struct shim_http_trip *trip, const char *name, struct farmiq_str data)
{
    struct journey *journey = (struct journey *)trip;

    note(journey, "(%s %.*s)", name ? name : "-", data);
    return ++journey->events == journey->events_wanted;
}

static void on_end(struct shim_http_trip *trip)
{
    struct journey *journey = (struct journey *)trip;

    pthread_mutex_lock(&journey->lock);
    journey->ends++;
    pthread_cond_broadcast(&journey->changed);
    pthread_mutex_unlock(&journey->lock);
}

static struct shim_http_courier *open_courier(void)
{
    struct shim_http_courier_options options = { .connect_timeout_ms = 2000,
                                                 .max_reply_bytes = 64 };
    struct shim_http_courier *courier;

    assert_int_equal(shim_http_courier_open(&courier, &options), FARMIQ_OK);
    return courier;
}

static void set_off(struct journey *journey, struct shim_http_courier *courier,
                    uint16_t port)
{
    static const char *const headers[] = { "x-trace-id: trace-7", NULL };
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/a?b=c", port);
    pthread_mutex_init(&journey->lock, NULL);
    pthread_cond_init(&journey->changed, NULL);
    journey->trip = (struct shim_http_trip){ .url = url,
                                             .headers = headers,
                                             .silence_ms = 1500,
                                             .on_answer = on_answer,
                                             .on_event = on_event,
                                             .on_end = on_end };
    assert_int_equal(shim_http_courier_send(courier, &journey->trip), FARMIQ_OK);
}

static void wait_for_end(struct journey *journey)
{
    pthread_mutex_lock(&journey->lock);
    while (!journey->ends)
        pthread_cond_wait(&journey->changed, &journey->lock);
    pthread_mutex_unlock(&journey->lock);
    assert_int_equal(journey->answers, 1);
    assert_int_equal(journey->ends, 1);
}

static void check(const char *const *pieces, int stays, int events_wanted, int status,
                  const char *heard)
{
    struct server server = { .pieces = pieces, .stays = stays };
    struct journey journey = { .events_wanted = events_wanted };
    struct shim_http_courier *courier = open_courier();

    server.listener = raw_listen(&server.port);
    pthread_create(&server.thread, NULL, serve, &server);
    set_off(&journey, courier, server.port);
    wait_for_end(&journey);
    shim_http_courier_close(courier);
    pthread_join(server.thread, NULL);
    close(server.listener);
    assert_int_equal(journey.trip.status, status);
    assert_string_equal(journey.heard, heard);
    assert_non_null(strstr(server.request, "GET /a?b=c HTTP/1.1\r\n"));
    assert_non_null(strstr(server.request, "x-trace-id: trace-7\r\n"));
}

#define PIECES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_a_whole_answer_comes_as_it_is(void **state)
{
    (void)state;
    check(PIECES("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 6\r\n\r\nabc",
                 "\r\nd"),
          1, 0, 200, "[a/b abc\r\nd]");
    check(PIECES("HTTP/1.1 401 No\r\nContent-Type: text/event-stream\r\n"
                 "Content-Length: 2\r\n\r\nno"),
          1, 0, 401, "[text/event-stream no]");
}

static void test_half_an_answer_is_none(void **state)
{
    (void)state;
    check(PIECES("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 9\r\n\r\nabc"),
          0, 0, 0, "[a/b ]");
    check(PIECES("garbage"), 0, 0, 0, "[- ]");
}

static void test_an_answer_that_is_too_long_is_none(void **state)
{
    (void)state;
    check(
        PIECES("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n"
               "0123456789012345678901234567890123456789012345678901234567890123456789"),
        0, 0, 0, "[a/b ]");
}

static void test_whoever_says_nothing_does_not_answer(void **state)
{
    (void)state;
    check(PIECES("HTTP/1.1 200 OK\r\n"), 1, 0, 0, "[- ]");
}

static void test_events_are_put_together_from_pieces(void **state)
{
    (void)state;
    check(PIECES(EVENTS_HEAD "event: one\nda", "ta: 1", "\n\n:\n\ndata:2\n", "\nevent: "),
          0, 0, 200, "[text/event-stream ](one 1)(- )(- 2)");
    check(PIECES(EVENTS_HEAD "data: a\r\ndata:  b\r\nid: 7\r\nevent: two\r\n", "\r\n"), 0,
          0, 200, "[text/event-stream ](two a\n b)");
}

static void test_a_listener_that_left_ends_the_stream(void **state)
{
    (void)state;
    check(PIECES(EVENTS_HEAD "data: 1\n\n", "data: 2\n\n", "data: 3\n\n"), 1, 2, 200,
          "[text/event-stream ](- 1)(- 2)");
}

static void test_nobody_there_is_no_answer(void **state)
{
    struct journey journey = { 0 };
    struct shim_http_courier *courier = open_courier();
    uint16_t port;

    (void)state;
    close(raw_listen(&port));
    set_off(&journey, courier, port);
    wait_for_end(&journey);
    assert_int_equal(journey.trip.status, 0);
    shim_http_courier_close(courier);
}

static void test_closing_ends_what_is_on_its_way(void **state)
{
    struct journey journeys[3] = { { .answers = 0 } };
    struct shim_http_courier *courier = open_courier();
    uint16_t port;
    int listener = raw_listen(&port);

    (void)state;
    for (int i = 0; i < 3; i++)
        set_off(&journeys[i], courier, port);
    rig_sleep_ms(50);
    shim_http_courier_close(courier);
    close(listener);
    for (int i = 0; i < 3; i++) {
        wait_for_end(&journeys[i]);
        assert_int_equal(journeys[i].trip.status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_answer_comes_as_it_is),
        cmocka_unit_test(test_half_an_answer_is_none),
        cmocka_unit_test(test_an_answer_that_is_too_long_is_none),
        cmocka_unit_test(test_whoever_says_nothing_does_not_answer),
        cmocka_unit_test(test_events_are_put_together_from_pieces),
        cmocka_unit_test(test_a_listener_that_left_ends_the_stream),
        cmocka_unit_test(test_nobody_there_is_no_answer),
        cmocka_unit_test(test_closing_ends_what_is_on_its_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
