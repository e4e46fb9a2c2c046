/* SPDX-License-Identifier: Apache-2.0 */
/* What smugglers send (RFC 9112 section 11.2), with a second request behind it that
 * nobody may ever answer. Raw sockets, one table a kind. */
#include "rig.h"

#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n"
#define POST "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define SMUGGLED "GET /path/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

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

struct attack {
    const char *what;
    const char *text; /* NUL-terminated */
    int status;       /* of the one answer; 0: hung up on without one */
};

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;

    while ((text = strstr(text, word)) != NULL) {
        count++;
        text += strlen(word);
    }
    return count;
}

/* The connection is over, what was smuggled was not answered, and so many requests
 * reached a handler. (libmicrohttpd 0.9 may write its own refusal's head twice.) */
static void expect_an_end(const struct attack *attack, unsigned handled)
{
    unsigned before = rig_served(&rig);
    int status = 0, ended, fd = raw_connect(rig.port);
    char answer[8192];

    raw_send(fd, attack->text, strlen(attack->text));
    raw_read(fd, answer, sizeof answer, 3000, &ended);
    close(fd);
    sscanf(answer, "HTTP/1.1 %d", &status);
    if (status != attack->status)
        fail_msg("%s: %d instead of %d", attack->what, status, attack->status);
    if (count_of(answer, " 200 ") != handled || strstr(answer, "smuggled"))
        fail_msg("%s: the second request was answered", attack->what);
    if (!ended)
        fail_msg("%s: the connection stayed open", attack->what);
    if (rig_served(&rig) != before + handled)
        fail_msg("%s: %u requests reached a handler", attack->what,
                 rig_served(&rig) - before);
}

#define EXPECT(table, handled)                                                           \
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)                            \
    expect_an_end(&table[i], handled)

/* ## Two lengths: which of them would a proxy in front believe? */

static void lengths(void **state)
{
    static const struct attack attacks[] = {
        { "CL.TE",
          POST "Content-Length: 47\r\nTransfer-Encoding: chunked\r\n\r\n"
               "0\r\n\r\n" SMUGGLED,
          400 },
        { "TE.CL",
          POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
               "2b\r\n" SMUGGLED "\r\n0\r\n\r\n",
          400 },
        { "TE.TE, the second unknown",
          POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n"
               "0\r\n\r\n" SMUGGLED,
          400 },
        { "TE.TE in one line",
          POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" SMUGGLED, 501 },
        { "TE with chunked twice",
          POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 501 },
        { "TE with a word before",
          POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED, 501 },
        { "TE in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" SMUGGLED,
          501 },
        { "TE behind a vertical tab",
          POST "Transfer-Encoding: \x0b"
               "chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
          400 },
        { "TE with a byte of Latin-1",
          POST "Transfer-Encoding: \xa0"
               "chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
          501 },
        { "TE that is empty", POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n" SMUGGLED, 501 },
        { "TE with a blank before the colon",
          POST "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n"
               "0\r\n\r\n" SMUGGLED,
          400 },
        { "TE with a tab before the colon",
          POST "Content-Length: 5\r\nTransfer-Encoding\t: chunked\r\n\r\n"
               "0\r\n\r\n" SMUGGLED,
          400 },
        { "TE in a line that is folded",
          POST "Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n"
               "0\r\n\r\n" SMUGGLED,
          400 },
        { "TE folded before its value",
          POST "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"
               "0\r\n\r\n" SMUGGLED,
          400 },
        { "TE hidden by a bare LF",
          POST "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n"
               "0\r\n\r\n" SMUGGLED,
          400 },
        { "TE hidden by a bare CR",
          POST "Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n"
               "0\r\n\r\n" SMUGGLED,
          400 },
        { "two lengths", POST "Content-Length: 0\r\nContent-Length: 43\r\n\r\n" SMUGGLED,
          400 },
        { "two lengths in one line", POST "Content-Length: 0, 43\r\n\r\n" SMUGGLED, 400 },
        { "a length in hex", POST "Content-Length: 0x2b\r\n\r\n" SMUGGLED, 400 },
        { "a length with a sign", POST "Content-Length: +43\r\n\r\n" SMUGGLED, 400 },
        { "a length below 0", POST "Content-Length: -1\r\n\r\n" SMUGGLED, 400 },
        { "a length with a blank", POST "Content-Length: 4 3\r\n\r\n" SMUGGLED, 400 },
        { "a length with a tail", POST "Content-Length: 43;x\r\n\r\n" SMUGGLED, 400 },
        { "a length that is empty", POST "Content-Length:\r\n\r\n" SMUGGLED, 400 },
        { "a length beyond 64 bits",
          POST "Content-Length: 18446744073709551617\r\n\r\n" SMUGGLED, 413 },
        { "a length of 40 digits",
          POST "Content-Length: 1000000000000000000000000000000000000000\r\n\r\n", 413 },
        { "a length with a blank before the colon",
          POST "Content-Length : 43\r\n\r\n" SMUGGLED, 400 },
        { "a chunked GET with a length",
          GET("/method") "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "0\r\n\r\n" SMUGGLED,
          400 },
    };

    (void)state;
    EXPECT(attacks, 0);
}

/* ## Chunks */

static void chunks(void **state)
{
    static const struct attack attacks[] = {
        { "a size that is no number", CHUNKED "zz\r\nhi\r\n0\r\n\r\n" SMUGGLED, 400 },
        { "a size that is empty", CHUNKED "\r\nhi\r\n0\r\n\r\n" SMUGGLED, 400 },
        { "a size with 0x", CHUNKED "0x2\r\nhi\r\n0\r\n\r\n" SMUGGLED, 400 },
        { "a size with a sign", CHUNKED "+2\r\nhi\r\n0\r\n\r\n" SMUGGLED, 400 },
        { "a size below 0", CHUNKED "-2\r\nhi\r\n0\r\n\r\n" SMUGGLED, 400 },
        { "a size behind a blank", CHUNKED " 2\r\nhi\r\n0\r\n\r\n" SMUGGLED, 400 },
        { "a size with an underscore", CHUNKED "0_2\r\nhi\r\n0\r\n\r\n" SMUGGLED, 400 },
        { "a size beyond 64 bits",
          CHUNKED "10000000000000002\r\nhi\r\n0\r\n\r\n" SMUGGLED, 413 },
        { "less than was said", CHUNKED "1\r\nhi\r\n0\r\n\r\n" SMUGGLED, 400 },
        { "nothing between chunks", CHUNKED "2\r\nhi0\r\n\r\n" SMUGGLED, 400 },
        { "a bare CR behind the size", CHUNKED "2\rhi\r\n0\r\n\r\n" SMUGGLED, 400 },
    };

    (void)state;
    EXPECT(attacks, 0);
}

/* libmicrohttpd 0.9 takes these without a word, and where the body ends is then a matter
 * of opinion. So nothing that follows a chunked request is a request. */
static void nothing_follows_chunks(void **state)
{
    static const struct attack attacks[] = {
        { "an honest one", CHUNKED "2\r\nhi\r\n0\r\n\r\n" SMUGGLED, 200 },
        { "an extension", CHUNKED "2;name=\"v\"\r\nhi\r\n0\r\n\r\n" SMUGGLED, 200 },
        { "a trailer", CHUNKED "0\r\nContent-Length: 43\r\n\r\n" SMUGGLED, 200 },
        { "a bare LF behind the size", CHUNKED "2\nhi\r\n0\r\n\r\n" SMUGGLED, 200 },
        { "a bare LF behind the data", CHUNKED "2\r\nhi\n0\r\n\r\n" SMUGGLED, 200 },
        { "a bare LF behind the last size", CHUNKED "2\r\nhi\r\n0\n\r\n" SMUGGLED, 200 },
        { "a bare LF at the end", CHUNKED "2\r\nhi\r\n0\r\n\n" SMUGGLED, 200 },
        { "an extension that ends with a bare LF",
          CHUNKED "2;x\nhi\r\n0\r\n\r\n" SMUGGLED, 200 },
        { "an extension that hides a chunk",
          CHUNKED "2;\nxx\r\n2b\r\n0\r\n\r\n" SMUGGLED "\r\n0\r\n\r\n", 400 },
    };

    (void)state;
    EXPECT(attacks, attacks[i].status == 200);
}

/* ## Where to, and by what name */

static void targets(void **state)
{
    static const struct attack attacks[] = {
        { "dots", GET("/path/../method") "\r\n", 400 },
        { "dots, encoded", GET("/path/%2e%2E/method") "\r\n", 400 },
        { "dots, half encoded", GET("/path/.%2e/method") "\r\n", 400 },
        { "dots behind an encoded slash", GET("/path%2f..%2fmethod") "\r\n", 400 },
        { "dots at the end", GET("/path/..") "\r\n", 400 },
        { "a dot", GET("/./method") "\r\n", 400 },
        { "dots behind a host", GET("http://x/path/../method") "\r\n", 400 },
        { "a NUL, encoded", GET("/path/a%00b") "\r\n", 400 },
        { "an overlong slash", GET("/path/%c0%af") "\r\n", 400 },
        { "a surrogate", GET("/path/%ed%a0%80") "\r\n", 400 },
        { "a broken escape", GET("/path/%zz") "\r\n", 400 },
        { "a cut escape", GET("/path/%4") "\r\n", 400 },
        { "a fragment", GET("/method#x") "\r\n", 400 },
        { "no slash", GET("method") "\r\n", 400 },
        { "a host without a path", GET("http://x") "\r\n", 400 },
        { "another scheme", GET("ftp://x/method") "\r\n", 400 },
        { "a host and its port for CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
          400 },
        { "an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "a blank in it", GET("/path/a b") "\r\n", 0 },
        { "a tab in it", GET("/path/a\tb") "\r\n", 400 },
        { "two hosts", GET("/method") "Host: y\r\n\r\n", 400 },
        { "no host", "GET /method HTTP/1.1\r\n\r\n", 400 },
        { "a method with a colon", "GE:T /method HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "a name with a blank", GET("/method") "X y: z\r\n\r\n", 400 },
        { "a name that is empty", GET("/method") ": z\r\n\r\n", 400 },
        { "a line without a colon", GET("/method") "nothing\r\n\r\n", 400 },
        { "a name with a slash", GET("/method") "X/y: z\r\n\r\n", 400 },
        { "a CR twice", "GET /method HTTP/1.1\r\nHost: x\r\r\n\r\n", 400 },
        { "HTTP/0.9", "GET /method\r\n\r\n", 400 },
        { "HTTP/2 by its preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
        { "a version in lower case", "GET /method http/1.1\r\nHost: x\r\n\r\n", 400 },
        { "a version with a tail", "GET /method HTTP/1.1x\r\nHost: x\r\n\r\n", 400 },
    };

    (void)state;
    EXPECT(attacks, 0);
}

/* ## Packed bodies (RFC 1952) */

#define GZIP POST "Content-Encoding: gzip\r\n"
#define MAGIC "\x1f\x8b\x08"

struct packed {
    const char *what, *head;
    const char *bytes;
    size_t len;
    int status;
};

static int send_packed(const struct packed *packed)
{
    char head[256], answer[4096];
    int status = 0, fd = raw_connect(rig.port);
    int len = snprintf(head, sizeof head, "%sContent-Length: %zu\r\n\r\n", packed->head,
                       packed->len);

    raw_send(fd, head, (size_t)len);
    raw_send(fd, packed->bytes, packed->len);
    raw_read(fd, answer, sizeof answer, 300, NULL);
    close(fd);
    sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

static void packed_bodies(void **state)
{
#define BYTES(text) text, sizeof text - 1
#define STORED "\x01\x02\x00\xfd\xffhi" /* "hi", not compressed */
#define TRAILER "\xac\x2a\x93\xd8\x02\x00\x00\x00"
    static const struct packed cases[] = {
        { "honest", GZIP, BYTES(MAGIC "\0\0\0\0\0\0\xff" STORED TRAILER), 200 },
        { "with a name", GZIP,
          BYTES(MAGIC "\x08\0\0\0\0\0\xff"
                      "f\0" STORED TRAILER),
          200 },
        { "by its old name", POST "Content-Encoding: x-gzip\r\n",
          BYTES(MAGIC "\0\0\0\0\0\0\xff" STORED TRAILER), 200 },
        { "packed twice, said twice", POST "Content-Encoding: gzip, gzip\r\n",
          BYTES(MAGIC "\0\0\0\0\0\0\xff" STORED TRAILER), 415 },
        { "said in two lines", GZIP "Content-Encoding: gzip\r\n",
          BYTES(MAGIC "\0\0\0\0\0\0\xff" STORED TRAILER), 400 },
        { "said to be deflate", POST "Content-Encoding: deflate\r\n", BYTES(STORED),
          415 },
        { "zlib's format", GZIP, BYTES("\x78\x9c\x01\x02\x00\xfd\xffhi\x01\x3b\x00\xd2"),
          400 },
        { "no header", GZIP, BYTES(STORED), 400 },
        { "another magic", GZIP, BYTES("\x1f\x8c\x08\0\0\0\0\0\0\xff" STORED TRAILER),
          400 },
        { "another method", GZIP, BYTES("\x1f\x8b\x07\0\0\0\0\0\0\xff" STORED TRAILER),
          400 },
        { "a reserved flag", GZIP, BYTES(MAGIC "\x80\0\0\0\0\0\xff" STORED TRAILER),
          400 },
        { "a header that is cut", GZIP, BYTES(MAGIC "\0\0"), 400 },
        { "a trailer that is cut", GZIP,
          BYTES(MAGIC "\0\0\0\0\0\0\xff" STORED "\xac\x2a\x93\xd8"), 400 },
        { "another check sum", GZIP,
          BYTES(MAGIC "\0\0\0\0\0\0\xff" STORED "\xad\x2a\x93\xd8\x02\0\0\0"), 400 },
        { "another size", GZIP,
          BYTES(MAGIC "\0\0\0\0\0\0\xff" STORED "\xac\x2a\x93\xd8\x03\0\0\0"), 400 },
        { "a second member", GZIP,
          BYTES(MAGIC "\0\0\0\0\0\0\xff" STORED TRAILER MAGIC
                      "\0\0\0\0\0\0\xff" STORED TRAILER),
          400 },
        { "a block of an unknown type", GZIP,
          BYTES(MAGIC "\0\0\0\0\0\0\xff\x07\0\0\0\0\0\0\0\0"), 400 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned before = rig_served(&rig);
        int status = send_packed(&cases[i]);

        if (status != cases[i].status)
            fail_msg("%s: %d instead of %d", cases[i].what, status, cases[i].status);
        assert_int_equal(rig_served(&rig) - before, status == 200);
    }
}

/* A name in the header that never ends, and blocks with nothing in them: neither says
 * anything, and both are bodies that are too large. */
static void packed_and_endless(void **state)
{
    static const struct {
        const char *first;
        size_t first_len;
        const char *again;
        size_t again_len;
    } cases[] = {
        { BYTES(MAGIC "\x08\0\0\0\0\0\xff"), BYTES("name") },
        { BYTES(MAGIC "\0\0\0\0\0\0\xff"), BYTES("\0\0\0\xff\xff") },
    };
    static char chunk[65536 + 16], answer[4096];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t head = (size_t)sprintf(chunk, "%zx\r\n", cases[i].again_len * 10000), len;
        int ended, fd = raw_connect(rig.port);

        len = head;
        for (int n = 0; n < 10000; n++, len += cases[i].again_len)
            memcpy(chunk + len, cases[i].again, cases[i].again_len);
        memcpy(chunk + len, "\r\n", 2);
        raw_send(fd, GZIP "Transfer-Encoding: chunked\r\n\r\na\r\n",
                 strlen(GZIP "Transfer-Encoding: chunked\r\n\r\na\r\n"));
        raw_send(fd, cases[i].first, cases[i].first_len);
        raw_send(fd, "\r\n", 2);
        for (int n = 0; n < 60; n++) /* above the limit of 1 MiB */
            raw_send(fd, chunk, len + 2);
        raw_read(fd, answer, sizeof answer, 3000, &ended);
        close(fd);
        assert_int_equal(ended, 1);
        assert_non_null(strstr(answer, "HTTP/1.1 413"));
    }
}

/* ## Many slow clients */

/* Neither heads nor bodies nor answers that never end hold up who is quick. */
static void the_quick_do_not_wait_for_the_slow(void **state)
{
    static const char *const openings[] = {
        "GET /method HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        POST "Content-Length: 100000\r\n\r\nabc",
        CHUNKED "fffff\r\nabc",
        GET("/big?bytes=3000000") "\r\n",
    };
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);
    int64_t began_ms;
    int fds[200];

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        const char *opening = openings[i % 4];

        fds[i] = raw_connect(rig.port);
        raw_send(fds[i], opening, strlen(opening));
    }
    began_ms = rig_now_ms();
    for (int i = 0; i < 50; i++) {
        for (size_t k = 0; k < 200; k++)
            raw_send(fds[k], "a", 1);
        assert_int_equal(rig_get(client, rig_url(&rig, "http", "/method"), NULL), 200);
    }
    assert_in_range(rig_now_ms() - began_ms, 0, 10000); /* a slow one has 30 s */
    for (size_t i = 0; i < 200; i++)
        close(fds[i]);
    shim_http_client_close(client);
}

/* ## What is unusual and right */

static void honest_ones(void **state)
{
    static const struct {
        const char *what, *text, *body;
    } cases[] = {
        { "chunks in small and capital hex",
          CHUNKED "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
          "01234567890123456789" },
        { "a chunk's extension", CHUNKED "2;name=value\r\nhi\r\n0\r\n\r\n", "hi" },
        { "a trailer, which is nobody's header",
          CHUNKED "2\r\nhi\r\n0\r\nX-Edge-Id: e\r\n\r\n", "hi" },
        { "leading zeros", POST "Content-Length: 002\r\n\r\nhi", "hi" },
        { "the absolute form, whose host is the one that counts",
          GET("http://y/path/a") "\r\n", "/path/a" },
        { "an encoded letter", GET("/path/%61") "\r\n", "/path/a" },
        { "an empty line first", "\r\n" GET("/method") "\r\n", "GET" },
        { "a GET with a body", GET("/method") "Content-Length: 2\r\n\r\nhi", "GET" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[4096], *body;
        int fd = raw_connect(rig.port);

        raw_send(fd, cases[i].text, strlen(cases[i].text));
        raw_read(fd, answer, sizeof answer, 300, NULL);
        close(fd);
        body = strstr(answer, "\r\n\r\n");
        if (!strstr(answer, "HTTP/1.1 200") || !body ||
            strcmp(body + 4, cases[i].body) != 0)
            fail_msg("%s: %s", cases[i].what, answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(chunks),
        cmocka_unit_test(nothing_follows_chunks),
        cmocka_unit_test(targets),
        cmocka_unit_test(packed_bodies),
        cmocka_unit_test(packed_and_endless),
        cmocka_unit_test(the_quick_do_not_wait_for_the_slow),
        cmocka_unit_test(honest_ones),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
