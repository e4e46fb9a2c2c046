/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request, judged without a socket: RFC 9110, RFC 9112, RFC 3986. */
#include "rig.h"

#include "kit/http_private.h"

static struct farmiq_str str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

static const struct shim__http_refusal *read_target(struct shim__http_head *head,
                                                    const char *target)
{
    struct shim__http_raw_head raw = { .method = str("GET"),
                                       .target = str(target),
                                       .version = str("HTTP/1.1") };

    return shim__http_head_read(head, &raw);
}

/* Paths are decoded once; what walks out, hides a NUL or is not UTF-8 is refused. */
static void targets(void **state)
{
    static const struct {
        const char *target;
        const char *path; /* NULL: refused */
    } cases[] = {
        { "/", "/" },
        { "/api/health", "/api/health" },
        { "/a%20b", "/a b" },
        { "/a+b", "/a+b" }, /* a plus is a plus in a path */
        { "/%C3%A9", "/\xc3\xa9" },
        { "/a%2Fb", "/a/b" },
        { "/...", "/..." },
        { "/a..b/..c", "/a..b/..c" },
        { "http://barn.example/x?y=1", "/x" }, /* absolute form, RFC 9112 3.2.2 */
        { "HTTPS://barn.example/x", "/x" },
        { "/%f0%9f%90%84", "/\xf0\x9f\x90\x84" },
        { "", NULL },
        { "*", NULL },
        { "x", NULL },
        { "http://barn.example", NULL },
        { "ftp://barn.example/x", NULL },
        { "/..", NULL },
        { "/a/../b", NULL },
        { "/a/..", NULL },
        { "/./a", NULL },
        { "/a/%2e%2E/b", NULL },
        { "/a%2f..%2fb", NULL },
        { "/%", NULL },
        { "/%4", NULL },
        { "/%zz", NULL },
        { "/%00", NULL },
        { "/a%00b", NULL },
        { "/%ff", NULL },
        { "/%c0%af", NULL },       /* an overlong slash */
        { "/%e0%80%af", NULL },    /* another */
        { "/%ed%a0%80", NULL },    /* a surrogate */
        { "/%f4%90%80%80", NULL }, /* above U+10FFFF */
        { "/%c3", NULL },          /* cut */
        { "/%e2%82", NULL },
        { "/a#b", NULL },
        { "/a\tb", NULL },
        { "/a b", NULL },
        { "/a\x7f", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shim__http_head head;
        const struct shim__http_refusal *refusal = read_target(&head, cases[i].target);

        if (refusal && cases[i].path)
            fail_msg("%s is refused", cases[i].target);
        if (!refusal && !cases[i].path)
            fail_msg("%s is taken", cases[i].target);
        if (refusal)
            assert_int_equal(refusal->status, 400);
        else
            assert_str(head.path, cases[i].path);
        shim__http_head_free(&head);
    }
}

static void queries(void **state)
{
    struct shim__http_head head;

    (void)state;
    assert_null(read_target(&head, "/x?a=1&b=two+words&c=%26%3D&d&=e&a=again&f=g=h&"));
    assert_str(head.raw_path, "/x");
    assert_str(shim__http_head_query(&head, "a"), "1"); /* the first one counts */
    assert_str(shim__http_head_query(&head, "b"), "two words");
    assert_str(shim__http_head_query(&head, "c"), "&=");
    assert_str(shim__http_head_query(&head, "d"), "");
    assert_str(shim__http_head_query(&head, "f"), "g=h");
    assert_str(shim__http_head_query(&head, "A"), ""); /* names are case-sensitive */
    assert_null(shim__http_head_query(&head, "missing").ptr);
    shim__http_head_free(&head);
    assert_ptr_equal(read_target(&head, "/x?a=%00"), &shim__http_bad_target);
    shim__http_head_free(&head);
    assert_ptr_equal(read_target(&head, "/x?%zz=1"), &shim__http_bad_target);
    shim__http_head_free(&head);
    assert_ptr_equal(read_target(&head, "/x?a=%e2%28"), &shim__http_bad_target);
    shim__http_head_free(&head);
}

/* RFC 9112 6.1 to 6.3 and 11.2: one way to know where the body ends, or none. */
static void framings(void **state)
{
    static const struct {
        const char *version;
        const char *headers[6]; /* name, value, ... */
        const struct shim__http_refusal *refusal;
    } cases[] = {
        { "HTTP/1.1", { "Content-Length", "5" }, NULL },
        { "HTTP/1.1", { "content-length", "0" }, NULL },
        { "HTTP/1.1", { "Transfer-Encoding", "chunked" }, NULL },
        { "HTTP/1.1", { "Transfer-Encoding", "Chunked" }, NULL },
        { "HTTP/1.1",
          { "Content-Length", "5", "Transfer-Encoding", "chunked" },
          &shim__http_bad_framing },
        { "HTTP/1.1",
          { "Content-Length", "5", "Content-Length", "6" },
          &shim__http_said_twice },
        { "HTTP/1.1",
          { "Content-Length", "5", "content-length", "5" },
          &shim__http_said_twice },
        { "HTTP/1.1", { "Content-Length", "+5" }, &shim__http_bad_framing },
        { "HTTP/1.1", { "Content-Length", "5, 5" }, &shim__http_bad_framing },
        { "HTTP/1.1", { "Content-Length", "0x5" }, &shim__http_bad_framing },
        { "HTTP/1.1", { "Content-Length", "" }, &shim__http_bad_framing },
        { "HTTP/1.1", { "Transfer-Encoding", "gzip, chunked" }, &shim__http_bad_coding },
        { "HTTP/1.1", { "Transfer-Encoding", "xchunked" }, &shim__http_bad_coding },
        { "HTTP/1.1", { "Transfer-Encoding", "chunked " }, &shim__http_bad_coding },
        { "HTTP/1.1", { "Transfer-Encoding", "identity" }, &shim__http_bad_coding },
        { "HTTP/1.1",
          { "Transfer-Encoding", "chunked", "Transfer-Encoding", "identity" },
          &shim__http_said_twice },
        { "HTTP/1.0", { "Transfer-Encoding", "chunked" }, &shim__http_bad_framing },
        { "HTTP/1.1", { "Transfer-Encoding ", "chunked" }, &shim__http_bad_head },
        { "HTTP/1.1", { "Content-Length\t", "5" }, &shim__http_bad_head },
        { "HTTP/1.1", { "X y", "5" }, &shim__http_bad_head },
        { "HTTP/1.1", { "", "5" }, &shim__http_bad_head },
        { "HTTP/1.1", { "X", "a\rb" }, &shim__http_bad_head },
        { "HTTP/1.1", { "X", "a\tb \xc3\xa9" }, NULL },
        { "HTTP/1.1", { "Host", "a", "host", "b" }, &shim__http_said_twice },
        { "HTTP/1.1",
          { "Authorization", "a", "authorization", "a" },
          &shim__http_said_twice },
        { "HTTP/1.1",
          { "x-edge-signature", "a", "X-Edge-Signature", "b" },
          &shim__http_said_twice },
        { "HTTP/1.1", { "Accept", "a", "Accept", "b" }, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shim__http_raw_head raw = { .method = str("POST"),
                                           .target = str("/"),
                                           .version = str(cases[i].version) };
        struct shim__http_head head;
        const struct shim__http_refusal *refusal;

        for (size_t h = 0; h + 1 < 6 && cases[i].headers[h]; h += 2)
            raw.headers[raw.header_count++] =
                (struct shim__http_field){ str(cases[i].headers[h]),
                                           str(cases[i].headers[h + 1]) };
        refusal = shim__http_head_read(&head, &raw);
        if (refusal != cases[i].refusal)
            fail_msg("case %zu (%s: %s): %s", i, cases[i].headers[0], cases[i].headers[1],
                     refusal ? refusal->message : "taken");
        shim__http_head_free(&head);
    }
}

/* Spec cloud 0.3 and 0.4: the trace id of the caller, never able to break the body. */
static void refusals(void **state)
{
    char json[SHIM__HTTP_REFUSAL_BYTES];
    char longest[129];
    size_t len;

    (void)state;
    len = shim__http_refusal_json(&shim__http_too_large, str("0190-AbC"), json);
    assert_string_equal(json,
                        "{\"error\":{\"code\":\"PAYLOAD_TOO_LARGE\",\"message\":\"the "
                        "body is larger than allowed\",\"traceId\":\"0190-AbC\"}}");
    assert_int_equal(len, strlen(json));
    shim__http_refusal_json(&shim__http_closing, str("x\",\"y\":\""), json);
    assert_non_null(strstr(json, "\"traceId\":\"\"}}"));
    memset(longest, 'a', 128);
    longest[128] = '\0';
    shim__http_refusal_json(&shim__http_closing, str(longest), json);
    assert_non_null(strstr(json, longest));
    assert_string_equal(json + strlen(json) - 3, "\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),
        cmocka_unit_test(queries),
        cmocka_unit_test(framings),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
