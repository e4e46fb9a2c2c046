/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: the backlog alone, then through real sockets. */
#include "rig.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/http_private.h"

static struct farmiq_str str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

/* ## The backlog, without a transport */

static int woken, cut;
static void count_wake(struct shim__stream *stream) { woken += stream != NULL; }
static void count_cut(struct shim__stream *stream) { cut += stream != NULL; }

static struct shim__stream make_stream(void)
{
    struct shim__stream stream = { .wake = count_wake, .cut = count_cut };

    woken = cut = 0;
    assert_int_equal(shim__stream_init(&stream, "barn"), FARMIQ_OK);
    return stream;
}

/* WHATWG HTML 9.2.5: the form of an event; a line break in the data cannot end it. */
static void form_of_an_event(void **state)
{
    static const struct {
        const char *name, *data, *text;
    } cases[] = {
        { "alarm", "{\"a\":1}", "event: alarm\ndata: {\"a\":1}\n\n" },
        { NULL, "{}", "data: {}\n\n" },
        { "x", "", "event: x\ndata: \n\n" },
        { "x", "{\n\"a\":\r\n1}\n", "event: x\ndata: { \"a\":  1} \n\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct farmiq_str text = shim__stream_event(cases[i].name, str(cases[i].data));
        assert_str(text, cases[i].text);
        free((void *)(uintptr_t)text.ptr);
    }
}

/* What goes in comes out, in order, whatever the pieces. */
static void backlog_keeps_order(void **state)
{
    struct shim__stream stream = make_stream();
    char out[1000], expected = 0;
    unsigned in = 0;

    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        char piece[97];
        size_t len = round * 31 % sizeof piece, n;
        for (size_t i = 0; i < len; i++)
            piece[i] = (char)in++;
        shim__stream_push(&stream, (struct farmiq_str){ piece, len }, round);
        n = shim__stream_pull(&stream, out, round * 53 % sizeof out);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(out[i], expected++);
    }
    assert_int_equal(cut, 0);
    assert_true(stream.room <= 4096); /* it never needed more */
    shim__stream_fini(&stream);
}

/* An empty stream sleeps and is woken once by the next event; an ended one never sleeps.
 */
static void sleep_and_wake(void **state)
{
    struct shim__stream stream = make_stream();
    char out[16];

    (void)state;
    assert_int_equal(shim__stream_pull(&stream, out, sizeof out), 0);
    assert_int_equal(stream.asleep, 1);
    shim__stream_push(&stream, str("a"), 5);
    shim__stream_push(&stream, str("b"), 6);
    assert_int_equal(woken, 1);
    assert_int_equal(stream.spoke_ms, 6);
    assert_int_equal(shim__stream_pull(&stream, out, sizeof out), 2);
    assert_int_equal(shim__stream_pull(&stream, out, sizeof out), 0);
    shim__stream_end(&stream);
    assert_int_equal(woken, 2);
    assert_int_equal(shim__stream_pull(&stream, out, sizeof out), 0);
    assert_int_equal(stream.asleep, 0);
    shim__stream_push(&stream, str("late"), 7);
    assert_int_equal(shim__stream_pull(&stream, out, sizeof out), 0);
    shim__stream_fini(&stream);
}

/* Header http_server.h: a backlog past 256 KiB ends the stream, not one byte sooner. */
static void backlog_has_an_end(void **state)
{
    struct shim__stream stream = make_stream();
    static char block[1024];
    char out[16];

    (void)state;
    for (size_t i = 0; i < 256; i++)
        shim__stream_push(&stream, (struct farmiq_str){ block, sizeof block }, 1);
    assert_int_equal(cut, 0);
    shim__stream_push(&stream, str("x"), 1);
    assert_int_equal(cut, 1);
    assert_int_equal(stream.ended, 1);
    assert_int_equal(shim__stream_pull(&stream, out, sizeof out), 0);
    shim__stream_fini(&stream);
}

/* ## Through sockets */

static struct rig rig;
static struct rig_certificates files;

static void open_rig(int is_tls, uint32_t heartbeat_ms)
{
    struct shim_http_server_options options = rig_options();

    options.stream_heartbeat_ms = heartbeat_ms;
    if (is_tls) {
        options.cert_file = files.server;
        options.key_file = files.server_key;
    }
    rig_open(&rig, options, 1);
}

static int subscribe(const char *channel)
{
    char request[256];
    int fd = raw_connect(rig.port);
    int len = snprintf(request, sizeof request,
                       "GET /stream?channel=%s HTTP/1.1\r\nHost: x\r\n\r\n", channel);

    raw_send(fd, request, (size_t)len);
    assert_int_equal(raw_await(fd, "data: {\"first\":1}\n\n", 2000), 1);
    return fd;
}

static int wait_for_streams(uint32_t count)
{
    for (int i = 0; i < 300 && shim_http_server_streams(rig.server) != count; i++)
        rig_sleep_ms(10);
    return shim_http_server_streams(rig.server) == count;
}

/* Events reach every reader of their channel, and nobody else. */
static void delivery(void **state)
{
    int east, east_too, west;

    (void)state;
    open_rig(0, 0);
    east = subscribe("east");
    east_too = subscribe("east");
    west = subscribe("west");
    assert_int_equal(shim_http_server_streams(rig.server), 3);
    shim_http_server_send(rig.server, "east", "alarm", str("{\"n\":1}"));
    shim_http_server_send(rig.server, "nowhere", "alarm", str("{\"n\":2}"));
    shim_http_server_send(rig.server, "west", "calm", str("{\"n\":3}"));
    assert_int_equal(raw_await(east, "event: alarm\ndata: {\"n\":1}\n\n", 2000), 1);
    assert_int_equal(raw_await(east_too, "event: alarm\ndata: {\"n\":1}\n\n", 2000), 1);
    assert_int_equal(raw_await(west, "event: calm\ndata: {\"n\":3}\n\n", 2000), 1);
    shim_http_server_send(rig.server, "east", "alarm", str("{\"n\":4}"));
    assert_int_equal(raw_await(east, "{\"n\":4}", 2000), 1);
    assert_int_equal(raw_await(west, "\"n\"", 100), 0);
    close(east);
    close(east_too);
    close(west);
    assert_int_equal(wait_for_streams(0), 1);
    rig_close(&rig, 0);
}

/* The independent client, over TLS: the curl command prints what an EventSource sees. */
static void delivery_over_tls(void **state)
{
    char command[512], line[128];
    FILE *pipe;

    (void)state;
    open_rig(1, 0);
    snprintf(command, sizeof command,
             "curl -sN --noproxy '*' --max-time 10 -i --cacert %s "
             "'https://127.0.0.1:%u/stream?channel=barn'",
             files.ca, rig.port);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(wait_for_streams(1), 1);
    for (int i = 0; i < 3; i++)
        shim_http_server_send(rig.server, "barn", "tick", str("{}"));
    int is_typed = 0, ticks = 0;
    while (ticks < 3 && fgets(line, sizeof line, pipe)) {
        is_typed |= strcasecmp(line, "Content-Type: text/event-stream\r\n") == 0;
        ticks += strcmp(line, "event: tick\n") == 0;
    }
    assert_int_equal(is_typed, 1);
    assert_int_equal(ticks, 3);
    rig_close(&rig, 1000); /* ends the stream properly: curl is content */
    while (fgets(line, sizeof line, pipe))
        ;
    assert_int_equal(pclose(pipe), 0);
}

/* A silent stream is kept alive by comments. */
static void heartbeat(void **state)
{
    int fd;

    (void)state;
    open_rig(0, 100);
    fd = subscribe("barn");
    for (int i = 0; i < 3; i++)
        assert_int_equal(raw_await(fd, ":\n\n", 1000), 1);
    close(fd);
    rig_close(&rig, 0);
}

/* A reader that does not read is dropped when its backlog is full; the others go on. */
static void slow_reader_is_dropped(void **state)
{
    static char big[32 * 1024 + 1];
    int slow, good, ended = 0;
    static char waste[1024 * 1024];

    (void)state;
    open_rig(0, 0);
    slow = subscribe("barn");
    good = subscribe("barn");
    memset(big, 'x', sizeof big - 1);
    for (int i = 0; i < 1000 && shim_http_server_streams(rig.server) == 2; i++) {
        shim_http_server_send(rig.server, "barn", "big", str(big));
        assert_int_equal(raw_await(good, "\n\n", 2000), 1);
    }
    assert_int_equal(wait_for_streams(1), 1);
    shim_http_server_send(rig.server, "barn", "small", str("{}"));
    assert_int_equal(raw_await(good, "event: small", 2000), 1);
    while (!ended && raw_read(slow, waste, sizeof waste, 1000, &ended))
        ;
    assert_int_equal(ended, 1);
    close(slow);
    close(good);
    rig_close(&rig, 0);
}

/* Readers come and go while several threads send, for as long as there are any. */
static atomic_int has_readers;

static void *send_many(void *arg)
{
    (void)arg;
    while (has_readers) {
        shim_http_server_send(rig.server, "barn", "tick", str("{\"n\":1}"));
        rig_sleep_ms(1);
    }
    return NULL;
}

static void coming_and_going(void **state)
{
    pthread_t senders[3];

    (void)state;
    open_rig(0, 100);
    has_readers = 1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&senders[i], NULL, send_many, NULL), 0);
    for (int i = 0; i < 40; i++) {
        int fd = subscribe("barn");
        if (i % 2)
            assert_int_equal(raw_await(fd, "tick", 2000), 1);
        close(fd);
    }
    has_readers = 0;
    for (int i = 0; i < 3; i++)
        pthread_join(senders[i], NULL);
    assert_int_equal(wait_for_streams(0), 1);
    rig_close(&rig, 0);
}

/* Header http_server.h: closing ends streams with a last chunk, without waiting. */
static void close_ends_streams(void **state)
{
    int64_t began_ms;
    int fd;

    (void)state;
    open_rig(0, 0);
    fd = subscribe("barn");
    began_ms = rig_now_ms();
    rig_close(&rig, 5000);
    assert_true(rig_now_ms() - began_ms < 2000);
    assert_int_equal(raw_await(fd, "0\r\n\r\n", 1000), 1);
    close(fd);
}

/* HEAD of a stream: the head, and no stream. */
static void head_of_a_stream(void **state)
{
    (void)state;
    open_rig(0, 0);
    assert_int_equal(raw_status(rig.port, "HEAD /stream?channel=x HTTP/1.1\r\nHost: x\r\n"
                                          "Connection: close\r\n\r\n"),
                     200);
    assert_int_equal(wait_for_streams(0), 1);
    rig_close(&rig, 0);
}

static int make_certificates(void **state)
{
    (void)state;
    rig_make_certificates(&files);
    return 0;
}

static int forget_certificates(void **state)
{
    (void)state;
    rig_forget_certificates(&files);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form_of_an_event), cmocka_unit_test(backlog_keeps_order),
        cmocka_unit_test(sleep_and_wake),   cmocka_unit_test(backlog_has_an_end),
        cmocka_unit_test(delivery),         cmocka_unit_test(delivery_over_tls),
        cmocka_unit_test(heartbeat),        cmocka_unit_test(slow_reader_is_dropped),
        cmocka_unit_test(coming_and_going), cmocka_unit_test(close_ends_streams),
        cmocka_unit_test(head_of_a_stream),
    };
    return cmocka_run_group_tests(tests, make_certificates, forget_certificates);
}
