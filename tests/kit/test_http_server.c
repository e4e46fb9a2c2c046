/* SPDX-License-Identifier: Apache-2.0 */
/* The server against peers that smuggle, stall, flood and leave: raw sockets. */
#include "rig.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#define HEAD(method, path) method " " path " HTTP/1.1\r\nHost: x\r\n"

static struct rig rig;

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, rig_options(), 0);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig, 1000);
    return 0;
}

/* ## What two parsers could read differently */

/* Design, ecosystem section 1: refused by us because libmicrohttpd 0.9.75 takes them. No
 * handler may see any of these. */
static void smuggling(void **state)
{
    static const struct {
        const char *what;
        const char *request;
        int status;
    } cases[] = {
        { "an honest one", HEAD("POST", "/echo") "Content-Length: 2\r\n\r\nhi", 200 },
        { "an honest chunked one",
          HEAD("POST", "/echo") "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
          200 },
        { "blanks that are allowed",
          "GET /method HTTP/1.1\r\nHost:x\r\nA: \t b \r\nC:\r\n\r\n", 200 },
        { "length and coding",
          HEAD("POST", "/echo") "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "0\r\n\r\n",
          400 },
        { "coding and length",
          HEAD("POST", "/echo") "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
                                "0\r\n\r\n",
          400 },
        { "two lengths",
          HEAD("POST", "/echo") "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
          400 },
        { "the same length twice",
          HEAD("POST", "/echo") "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400 },
        { "a list of lengths", HEAD("POST", "/echo") "Content-Length: 2, 2\r\n\r\nhi",
          400 },
        { "a signed length", HEAD("POST", "/echo") "Content-Length: +2\r\n\r\nhi", 400 },
        { "a negative length", HEAD("POST", "/echo") "Content-Length: -2\r\n\r\nhi",
          400 },
        { "an unknown coding",
          HEAD("POST", "/echo") "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501 },
        { "a coding with a tail",
          HEAD("POST", "/echo") "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n", 501 },
        { "a blank before the colon",
          HEAD("POST", "/echo") "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400 },
        { "coding in HTTP/1.0",
          "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
        { "a folded header", HEAD("GET", "/method") "A: b\r\n c\r\n\r\n", 400 },
        { "a fold that makes a name",
          HEAD("POST", "/echo") "X-A: b\r\n Content-Length: 2\r\n\r\n", 400 },
        { "a bare LF behind the request line", "GET /method HTTP/1.1\nHost: x\r\n\r\n",
          400 },
        { "a bare LF between headers", HEAD("GET", "/method") "A: b\nC: d\r\n\r\n", 400 },
        { "a bare LF behind the last header", HEAD("GET", "/method") "A: b\n\r\n", 400 },
        { "a bare LF for the blank line", HEAD("GET", "/method") "A: b\r\n\n", 400 },
        { "nothing but bare LF", "GET /method HTTP/1.1\nHost: x\n\n", 400 },
        { "a bare CR in a value", HEAD("GET", "/method") "A: b\rC: d\r\n\r\n", 400 },
        { "two blanks in the request line", "GET  /method HTTP/1.1\r\nHost: x\r\n\r\n",
          400 },
        { "two hosts", HEAD("GET", "/method") "Host: y\r\n\r\n", 400 },
        { "no host", "GET /method HTTP/1.1\r\n\r\n", 400 },
        { "a broken chunk",
          HEAD("POST", "/echo") "Transfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n",
          400 },
        { "dots", HEAD("GET", "/path/../method") "\r\n", 400 },
        { "encoded dots", HEAD("GET", "/path/%2e%2e/method") "\r\n", 400 },
        { "an encoded NUL", HEAD("GET", "/path/%00") "\r\n", 400 },
        { "broken UTF-8", HEAD("GET", "/path/%ff") "\r\n", 400 },
        { "a broken escape", HEAD("GET", "/path/%4") "\r\n", 400 },
        { "an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "an encoding we do not know",
          HEAD("POST", "/echo") "Content-Encoding: br\r\nContent-Length: 2\r\n\r\nhi",
          415 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned before = rig_served(&rig);
        int status = raw_status(rig.port, cases[i].request);

        if (status != cases[i].status)
            fail_msg("%s: %d instead of %d", cases[i].what, status, cases[i].status);
        if (status != 200 && rig_served(&rig) != before)
            fail_msg("%s: reached a handler", cases[i].what);
    }
}

/* A NUL ends a C string: behind it a name, value or target could hide. */
static void hidden_behind_a_nul(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
#define NUL_CASE(text) { text, sizeof text - 1 }
        NUL_CASE("GET /method\0/secret HTTP/1.1\r\nHost: x\r\n\r\n"),
        NUL_CASE("GET /method HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
        NUL_CASE("GET /method HTTP/1.1\r\nHost: x\r\nA\0b: c\r\n\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned before = rig_served(&rig);
        char answer[1024];
        int fd = raw_connect(rig.port);

        raw_send(fd, cases[i].text, cases[i].len);
        raw_read(fd, answer, sizeof answer, 300, NULL);
        close(fd);
        assert_null(strstr(answer, " 200 "));
        assert_int_equal(rig_served(&rig), before);
    }
}

/* A refused request takes its connection along: what follows it is never parsed. */
static void nothing_follows_a_refusal(void **state)
{
    static const char two[] =
        HEAD("GET", "/path/%00") "\r\n" HEAD("GET", "/method") "\r\n";
    unsigned before = rig_served(&rig);
    char answer[4096];
    int ended, fd = raw_connect(rig.port);

    (void)state;
    raw_send(fd, two, sizeof two - 1);
    raw_read(fd, answer, sizeof answer, 3000, &ended);
    close(fd);
    assert_int_equal(ended, 1);
    assert_non_null(strstr(answer, "HTTP/1.1 400"));
    assert_non_null(strcasestr(answer, "connection: close"));
    assert_non_null(strstr(answer, "\"code\":\"VALIDATION_ERROR\""));
    assert_null(strstr(answer, " 200 "));
    assert_int_equal(rig_served(&rig), before);
}

/* ## Honest peers */

/* RFC 9112 9.3.2: pipelined requests are answered in order on one connection. */
static void pipelined(void **state)
{
    char answer[4096], *first, *second;
    static const char both[] = HEAD("POST", "/echo") "Content-Length: 3\r\n\r\none" HEAD(
        "POST", "/echo") "Content-Length: 3\r\n\r\ntwo";
    int fd = raw_connect(rig.port);

    (void)state;
    raw_send(fd, both, sizeof both - 1);
    raw_read(fd, answer, sizeof answer, 300, NULL);
    close(fd);
    first = strstr(answer, "\r\n\r\none");
    second = strstr(answer, "\r\n\r\ntwo");
    assert_true(first && second && first < second);
}

/* RFC 9110 9.3.2: HEAD is GET without the body, with its length. */
static void head_is_get_without_body(void **state)
{
    char answer[4096];
    int fd = raw_connect(rig.port);
    static const char request[] = HEAD("HEAD", "/method") "Connection: close\r\n\r\n";

    (void)state;
    raw_send(fd, request, sizeof request - 1);
    raw_read(fd, answer, sizeof answer, 2000, NULL);
    close(fd);
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_non_null(strstr(answer, "Content-Length: 3\r\n"));
    assert_string_equal(answer + strlen(answer) - 4, "\r\n\r\n");
}

/* RFC 9110 10.1.1: a client that asks before it sends is told to go on, or told why not.
 */
static void expect_continue(void **state)
{
    int fd = raw_connect(rig.port);
    static const char head[] = HEAD("POST", "/echo") "Expect: 100-continue\r\n"
                                                     "Content-Length: 2\r\n\r\n";

    (void)state;
    raw_send(fd, head, sizeof head - 1);
    assert_int_equal(raw_await(fd, "HTTP/1.1 100 Continue\r\n\r\n", 2000), 1);
    raw_send(fd, "hi", 2);
    assert_int_equal(raw_await(fd, "\r\n\r\nhi", 2000), 1);
    close(fd);
    assert_int_equal(raw_status(rig.port,
                                HEAD("POST", "/echo") "Expect: 100-continue\r\n"
                                                      "Content-Length: 9999999\r\n\r\n"),
                     413);
}

/* An independent client: the curl command reads an echo and a refusal. */
static void curl_command(void **state)
{
    char command[512], out[128] = "";
    FILE *pipe;

    (void)state;
    snprintf(
        command, sizeof command,
        "curl -s --noproxy '*' --max-time 10 -H 'X-Trace-Id: t-1' --data-binary 'moo' "
        "http://127.0.0.1:%u/echo -w '|%%{http_code}|%%{num_connects}' "
        "--next -s --noproxy '*' -d x http://127.0.0.1:%u/path/%%00 -o /dev/null "
        "-w '|%%{http_code}'",
        rig.port, rig.port);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(out, sizeof out, pipe));
    assert_int_equal(WEXITSTATUS(pclose(pipe)), 0);
    assert_string_equal(out, "moo|200|1|400");
}

/* ## Too much */

/* Spec cloud 0.4, 0.5: 413 with the error body, before the upload, within 100 ms. */
static void oversize_by_its_length(void **state)
{
    char answer[4096];
    int64_t began_ms = rig_now_ms();
    int ended, fd = raw_connect(rig.port);
    static const char head[] =
        HEAD("POST", "/echo") "X-Trace-Id: trace-7\r\n"
                              "Content-Length: 10000000000\r\n\r\n";

    (void)state;
    raw_send(fd, head, sizeof head - 1);
    raw_read(fd, answer, sizeof answer, 2000, &ended);
    assert_true(rig_now_ms() - began_ms < 1000);
    close(fd);
    assert_int_equal(ended, 1);
    assert_non_null(strstr(answer, "HTTP/1.1 413"));
    assert_non_null(strstr(answer, "{\"error\":{\"code\":\"PAYLOAD_TOO_LARGE\""));
    assert_non_null(strstr(answer, "\"traceId\":\"trace-7\"}}"));
}

static size_t chunk_of_x(char *out, size_t len)
{
    size_t head = (size_t)sprintf(out, "%zx\r\n", len);

    memset(out + head, 'x', len);
    memcpy(out + head + len, "\r\n", 2);
    return head + len + 2;
}

/* An endless chunked upload is cut where it passes the limit, and the answer arrives
 * although the client is still sending. */
static void oversize_while_streaming(void **state)
{
    static const char head[] = HEAD("POST", "/echo") "Transfer-Encoding: chunked\r\n\r\n";
    static char chunk[70000], answer[4096];
    size_t len = chunk_of_x(chunk, 65536);
    int ended, fd = raw_connect(rig.port);
    unsigned before = rig_served(&rig);

    (void)state;
    raw_send(fd, head, sizeof head - 1);
    for (int i = 0; i < 40; i++) /* 2.5 MiB against a limit of 1 MiB */
        raw_send(fd, chunk, len);
    raw_read(fd, answer, sizeof answer, 3000, &ended);
    close(fd);
    assert_int_equal(ended, 1);
    assert_non_null(strstr(answer, "HTTP/1.1 413"));
    assert_non_null(strstr(answer, "PAYLOAD_TOO_LARGE"));
    assert_int_equal(rig_served(&rig), before);
}

/* The limit itself is allowed, one byte more is not. */
static void the_limit_exactly(void **state)
{
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);
    size_t limit = 1024 * 1024;
    char *body = calloc(1, limit + 1);
    struct farmiq_str reply;

    (void)state;
    assert_int_equal(rig_post(client, rig_url(&rig, "http", "/echo"),
                              (struct farmiq_str){ body, limit }, &reply),
                     200);
    assert_int_equal(reply.len, limit);
    assert_int_equal(rig_post(client, rig_url(&rig, "http", "/echo"),
                              (struct farmiq_str){ body, limit + 1 }, &reply),
                     413);
    shim_http_client_close(client);
    free(body);
}

static void too_many_and_too_long_headers(void **state)
{
    static char request[200 * 1024];
    size_t len = (size_t)sprintf(request, HEAD("GET", "/method"));

    (void)state;
    for (int i = 0; i < 70; i++)
        len += (size_t)sprintf(request + len, "A%d: b\r\n", i);
    strcpy(request + len, "\r\n");
    assert_int_equal(raw_status(rig.port, request), 431);
    len = (size_t)sprintf(request, HEAD("GET", "/method") "A: ");
    memset(request + len, 'a', 100 * 1024);
    strcpy(request + len + 100 * 1024, "\r\n\r\n");
    assert_int_equal(raw_status(rig.port, request), 431);
}

/* ## gzip */

static size_t gzip_zeros(size_t zeros, unsigned char *out, size_t room)
{
    static unsigned char block[64 * 1024];
    z_stream z = { .next_out = out, .avail_out = (uInt)room };

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY),
                     Z_OK);
    for (size_t sent = 0; sent < zeros; sent += sizeof block) {
        z.next_in = block;
        z.avail_in = sizeof block;
        assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
    }
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static int post_gzip(uint16_t port, const void *packed, size_t len, char *answer,
                     size_t room)
{
    char head[256];
    int fd = raw_connect(port), status = 0;
    int head_len = snprintf(head, sizeof head,
                            HEAD("POST", "/echo") "Content-Encoding: gzip\r\n"
                                                  "Content-Length: %zu\r\n\r\n",
                            len);

    raw_send(fd, head, (size_t)head_len);
    raw_send(fd, packed, len);
    raw_read(fd, answer, room, 500, NULL);
    close(fd);
    sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

/* Design, reliability: 64 MiB out of 65 kB is refused, and costs no memory. */
static void gzip_bomb(void **state)
{
    static unsigned char bomb[100 * 1024];
    size_t len = gzip_zeros((size_t)64 * 1024 * 1024, bomb, sizeof bomb);
    unsigned before = rig_served(&rig);
    char answer[4096];
    struct rig large;
    struct shim_http_server_options options = rig_options();
    long rss_kb;

    (void)state;
    assert_in_range(len, 60000, 70000);
    assert_int_equal(post_gzip(rig.port, bomb, len, answer, sizeof answer), 413);
    assert_non_null(strstr(answer, "PAYLOAD_TOO_LARGE"));
    assert_int_equal(rig_served(&rig), before);
    /* Also where the size alone would have been allowed. */
    options.max_body_bytes = (size_t)256 * 1024 * 1024;
    rig_open(&large, options, 0);
    rss_kb = rig_rss_kb();
    assert_int_equal(post_gzip(large.port, bomb, len, answer, sizeof answer), 413);
    assert_true(rig_rss_kb() - rss_kb < 2 * 1024);
    rig_close(&large, 0);
}

static void gzip_damaged(void **state)
{
    unsigned char packed[1024];
    size_t len = gzip_zeros(65536, packed, sizeof packed);
    char answer[128 * 1024];

    (void)state;
    assert_int_equal(post_gzip(rig.port, packed, len, answer, sizeof answer), 200);
    assert_int_equal(post_gzip(rig.port, packed, len - 1, answer, sizeof answer), 400);
    packed[len] = 'x'; /* behind the end */
    assert_int_equal(post_gzip(rig.port, packed, len + 1, answer, sizeof answer), 400);
    packed[len - 6] ^= 1; /* the check sum */
    assert_int_equal(post_gzip(rig.port, packed, len, answer, sizeof answer), 400);
    assert_int_equal(post_gzip(rig.port, "not gzip", 8, answer, sizeof answer), 400);
    assert_int_equal(post_gzip(rig.port, "", 0, answer, sizeof answer), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smuggling),
        cmocka_unit_test(hidden_behind_a_nul),
        cmocka_unit_test(nothing_follows_a_refusal),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(head_is_get_without_body),
        cmocka_unit_test(expect_continue),
        cmocka_unit_test(curl_command),
        cmocka_unit_test(oversize_by_its_length),
        cmocka_unit_test(oversize_while_streaming),
        cmocka_unit_test(the_limit_exactly),
        cmocka_unit_test(too_many_and_too_long_headers),
        cmocka_unit_test(gzip_bomb),
        cmocka_unit_test(gzip_damaged),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
