/* SPDX-License-Identifier: Apache-2.0 */
/* The client against servers that answer strangely: a script on a raw socket. */
#include "rig.h"

#include <gnutls/gnutls.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig_certificates files;

/* A server that accepts one connection for each script, reads one request of it, answers
 * with the script's bytes and hangs up. */
struct script {
    pthread_t thread;
    int listener;
    uint16_t port;
    const char *answer;
    int pause_ms; /* before the answer */
    int is_tls;
    int is_cut; /* TLS: the last record is torn in the middle */
    unsigned rounds;
    char request[8192];
};

static void answer_plain(struct script *script, int fd)
{
    size_t used = 0, n;

    do { /* enough of the request: its head and what came with it */
        n = raw_read(fd, script->request + used, sizeof script->request - used, 50, NULL);
        used += n;
    } while (n > 0);
    rig_sleep_ms(script->pause_ms);
    raw_send(fd, script->answer, strlen(script->answer));
}

/* Everything GnuTLS would send, caught, so that its last record can be torn. */
static struct {
    unsigned char bytes[32 * 1024];
    size_t len;
} caught;

static ssize_t catch_record(gnutls_transport_ptr_t transport, const void *bytes,
                            size_t len)
{
    (void)transport;
    memcpy(caught.bytes + caught.len, bytes, len);
    caught.len += len;
    return (ssize_t)len;
}

static void answer_tls(struct script *script, int fd)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;

    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_certificate_set_x509_key_file(credentials, files.server, files.server_key,
                                         GNUTLS_X509_FMT_PEM);
    gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    gnutls_handshake_set_timeout(session, 5000);
    if (gnutls_handshake(session) >= 0 &&
        gnutls_record_recv(session, script->request, sizeof script->request - 1) > 0) {
        caught.len = 0;
        gnutls_transport_set_push_function(session, catch_record);
        gnutls_record_send(session, script->answer, strlen(script->answer));
        raw_send(fd, (char *)caught.bytes, script->is_cut ? caught.len / 2 : caught.len);
    }
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
}

static void *play(void *arg)
{
    struct script *script = arg;

    for (unsigned i = 0; i < script->rounds; i++) {
        int fd = accept(script->listener, NULL, NULL);
        if (script->is_tls)
            answer_tls(script, fd);
        else
            answer_plain(script, fd);
        close(fd);
    }
    return NULL;
}

static void start(struct script *script)
{
    if (!script->rounds)
        script->rounds = 1;
    script->listener = raw_listen(&script->port);
    assert_int_equal(pthread_create(&script->thread, NULL, play, script), 0);
}

static void stop(struct script *script)
{
    pthread_join(script->thread, NULL);
    close(script->listener);
}

static const char *url_of(const struct script *script, const char *path)
{
    static char url[256];

    snprintf(url, sizeof url, "%s://127.0.0.1:%u%s", script->is_tls ? "https" : "http",
             script->port, path);
    return url;
}

/* One GET against `script`; the client is closed, only figures come back. */
static int ask(struct script *script, struct shim_http_send *send)
{
    struct farmiq_error error = { .size = sizeof error };
    struct shim_http_client *client = rig_client(files.ca, NULL, NULL);
    int r;

    start(script);
    *send = (struct shim_http_send){ .method = "GET",
                                     .url = url_of(script, "/"),
                                     .timeout_ms = 3000 };
    r = shim_http_client_send(client, send, &error);
    stop(script);
    shim_http_client_close(client);
    return r;
}

/* Header http_client.h: only part of an answer is no answer. */
static void answers_that_are_cut(void **state)
{
    static const struct {
        const char *answer;
        int is_tls, is_cut;
        int result;
    } cases[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 0, 0, FARMIQ_OK },
        { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", 0, 0, FARMIQ_E_UNREACHABLE },
        { "HTTP/1.1 200 OK\r\nContent-Le", 0, 0, FARMIQ_E_UNREACHABLE },
        { "", 0, 0, FARMIQ_E_UNREACHABLE },
        { "SSH-2.0-x\r\n", 0, 0, FARMIQ_E_UNREACHABLE },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 0,
          0, FARMIQ_OK },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 0, 0,
          FARMIQ_E_UNREACHABLE },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhi", 0, 0,
          FARMIQ_E_UNREACHABLE },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 1, 0, FARMIQ_OK },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 1, 1, FARMIQ_E_UNREACHABLE },
        /* Ends with the connection, but TLS did not say goodbye: it may have been cut. */
        { "HTTP/1.1 200 OK\r\n\r\nhi", 1, 0, FARMIQ_E_UNREACHABLE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script script = { .answer = cases[i].answer,
                                 .is_tls = cases[i].is_tls,
                                 .is_cut = cases[i].is_cut };
        struct shim_http_send send;
        int r = ask(&script, &send);
        if (r != cases[i].result)
            fail_msg("answer %zu: %s", i, farmiq_errname(r));
        if (r < 0) /* base.h: on failure outputs are untouched */
            assert_int_equal(send.status, 0);
    }
}

/* RFC 9110 10.2.3, both forms; a date is measured by the server's clock if it tells it.
 */
static void retry_after(void **state)
{
    static const struct {
        const char *headers;
        int64_t wait_ms;
    } cases[] = {
        { "", -1 },
        { "Retry-After: 120\r\n", 120000 },
        { "retry-after:0\r\n", 0 },
        { "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", 0 }, /* long ago */
        { "Date: Fri, 31 Dec 1999 23:59:00 GMT\r\n"
          "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n",
          59000 },
        { "Retry-After: Friday, 31-Dec-99 23:59:59 GMT\r\n"
          "Date: Fri Dec 31 23:59:58 1999\r\n",
          1000 },
        { "Retry-After: soon\r\n", -1 },
        { "Retry-After: -5\r\n", -1 },
        { "Retry-After: 99999999999999999999\r\n", -1 },
        { "Retry-After:\r\n", -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[256];
        struct script script = { .answer = answer };
        struct shim_http_send send;
        snprintf(answer, sizeof answer, "HTTP/1.1 503 No\r\n%sContent-Length: 0\r\n\r\n",
                 cases[i].headers);
        assert_int_equal(ask(&script, &send), FARMIQ_OK);
        assert_int_equal(send.status, 503);
        if (send.retry_after_ms != cases[i].wait_ms)
            fail_msg("%s gives %lld ms", cases[i].headers,
                     (long long)send.retry_after_ms);
    }
}

/* Redirects are an answer, not an order; an interim answer is not one. */
static void redirects_and_interim_answers(void **state)
{
    struct script moved = { .answer =
                                "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\n"
                                "Content-Length: 0\r\n\r\n" };
    struct script early = { .answer = "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                                      "HTTP/1.1 204 No Content\r\n\r\n" };
    struct shim_http_send send;

    (void)state;
    assert_int_equal(ask(&moved, &send), FARMIQ_OK);
    assert_int_equal(send.status, 307);
    assert_int_equal(ask(&early, &send), FARMIQ_OK);
    assert_int_equal(send.status, 204);
    assert_int_equal(send.retry_after_ms, -1);
}

static void timeouts(void **state)
{
    struct script script = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                             .pause_ms = 1000 };
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);
    struct shim_http_send send = { .method = "GET", .timeout_ms = 300 };
    int64_t began_ms = rig_now_ms();

    (void)state;
    start(&script);
    send.url = url_of(&script, "/");
    assert_int_equal(shim_http_client_send(client, &send, NULL), FARMIQ_E_UNREACHABLE);
    assert_in_range(rig_now_ms() - began_ms, 280, 900);
    stop(&script);
    shim_http_client_close(client);
}

/* Error texts go to logs: neither the query nor the credentials of a URL may. */
static void errors_keep_secrets(void **state)
{
    static const char *const urls[] = {
        "http://user:hunter2@127.0.0.1:1/x?sig=hunter2", /* nobody listens on port 1 */
        "https://user:hunter2@hunter2.invalid/x?sig=hunter2",
        "http://127.0.0.1:99999/hunter2?sig=hunter2",
    };
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct farmiq_error error = { .size = sizeof error };
        struct shim_http_send send = { .method = "GET",
                                       .url = urls[i],
                                       .timeout_ms = 2000 };
        int r = shim_http_client_send(client, &send, &error);
        assert_true(r == FARMIQ_E_UNREACHABLE || r == FARMIQ_E_ARG);
        assert_int_equal(error.code, r);
        assert_true(strlen(error.detail) > 0);
        assert_null(strstr(error.detail, "hunter2"));
    }
    shim_http_client_close(client);
}

/* What would be two headers, another protocol, or nonsense is the caller's bug. */
static void bad_arguments(void **state)
{
    static const char *const split[] = { "A: b\r\nC: d", NULL };
    static const char *const no_colon[] = { "A", NULL };
    static const struct shim_http_send cases[] = {
        { .url = "http://127.0.0.1:1/" },
        { .method = "GET" },
        { .method = "", .url = "http://127.0.0.1:1/" },
        { .method = "GET /x", .url = "http://127.0.0.1:1/" },
        { .method = "GET\r\nA: b", .url = "http://127.0.0.1:1/" },
        { .method = "GET", .url = "file:///etc/passwd" },
        { .method = "GET", .url = "ftp://127.0.0.1/" },
        { .method = "GET", .url = "gopher://127.0.0.1:1/" },
        { .method = "GET", .url = "127.0.0.1:1" },
        { .method = "GET", .url = "http://127.0.0.1:1/", .headers = split },
        { .method = "GET", .url = "http://127.0.0.1:1/", .headers = no_colon },
        { .method = "POST", .url = "http://127.0.0.1:1/", .body = { NULL, 1 } },
    };
    struct shim_http_client *client = rig_client(NULL, NULL, NULL), *none = NULL;
    struct shim_http_client_options half = { .cert_file = "x" };
    struct shim_http_send send;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        send = cases[i];
        if (shim_http_client_send(client, &send, NULL) != FARMIQ_E_ARG)
            fail_msg("case %zu", i);
    }
    assert_int_equal(shim_http_client_send(NULL, &send, NULL), FARMIQ_E_ARG);
    assert_int_equal(shim_http_client_send(client, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(shim_http_client_open(&none, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(shim_http_client_open(&none, &half, NULL), FARMIQ_E_ARG);
    assert_int_equal(shim_http_client_open(NULL, &half, NULL), FARMIQ_E_ARG);
    shim_http_client_close(client);
    shim_http_client_close(NULL);
}

/* What goes over the wire, as a stranger sees it. */
static void the_request_on_the_wire(void **state)
{
    static const char *const headers[] = { "X-Edge-Timestamp: 1",
                                           "Content-Type: text/plain", NULL };
    struct script script = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" };
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);
    struct shim_http_send send = { .method = "PATCH",
                                   .body = { "hello", 5 },
                                   .headers = headers };

    (void)state;
    start(&script);
    send.url = url_of(&script, "/a/b?c=d");
    assert_int_equal(shim_http_client_send(client, &send, NULL), FARMIQ_OK);
    stop(&script);
    assert_int_equal(strncmp(script.request, "PATCH /a/b?c=d HTTP/1.1\r\n", 25), 0);
    assert_non_null(strstr(script.request, "\r\nX-Edge-Timestamp: 1\r\n"));
    assert_non_null(strstr(script.request, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(script.request, "\r\nContent-Length: 5\r\n"));
    assert_null(strcasestr(script.request, "accept-encoding"));
    assert_null(strcasestr(script.request, "expect"));
    assert_null(strcasestr(script.request, "application/"));
    assert_non_null(strstr(script.request, "\r\n\r\nhello"));
    shim_http_client_close(client);
}

/* Each method does what it says on one reused connection. */
static void methods_in_a_row(void **state)
{
    static const char *const methods[] = { "GET", "POST",  "HEAD", "PUT", "DELETE",
                                           "GET", "PATCH", "HEAD", "POST" };
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);
    struct rig rig;

    (void)state;
    rig_open(&rig, rig_options(), 0);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct shim_http_send send = { .method = methods[i],
                                       .url = rig_url(&rig, "http", "/method") };
        assert_int_equal(shim_http_client_send(client, &send, NULL), FARMIQ_OK);
        assert_int_equal(send.status, 200);
        assert_str(send.reply, strcmp(methods[i], "HEAD") == 0 ? "" : methods[i]);
    }
    shim_http_client_close(client);
    rig_close(&rig, 1000);
}

static void replies_too_long(void **state)
{
    struct shim_http_client_options options = { .max_reply_bytes = 10000 };
    struct shim_http_client *client;
    struct farmiq_error error = { .size = sizeof error };
    struct farmiq_str reply;
    struct rig rig;

    (void)state;
    rig_open(&rig, rig_options(), 0);
    assert_int_equal(shim_http_client_open(&client, &options, NULL), FARMIQ_OK);
    assert_int_equal(rig_get(client, rig_url(&rig, "http", "/big?bytes=10000"), &reply),
                     200);
    assert_int_equal(reply.len, 10000);
    struct shim_http_send send = { .method = "GET",
                                   .url = rig_url(&rig, "http", "/big?bytes=10001") };
    assert_int_equal(shim_http_client_send(client, &send, &error), FARMIQ_E_RANGE);
    assert_string_equal(error.field, "reply");
    assert_int_equal(rig_get(client, rig_url(&rig, "http", "/big?bytes=9"), &reply), 200);
    assert_str(reply, "xxxxxxxxx");
    shim_http_client_close(client);
    rig_close(&rig, 1000);
}

/* A server that went away and came back is found again by the same client. */
static void a_new_server_on_the_same_port(void **state)
{
    struct shim_http_client *client = rig_client(NULL, NULL, NULL);
    struct shim_http_server_options options = rig_options();
    struct rig rig;
    char url[128];

    (void)state;
    rig_open(&rig, options, 0);
    options.port = rig.port;
    snprintf(url, sizeof url, "%s", rig_url(&rig, "http", "/method"));
    assert_int_equal(rig_get(client, url, NULL), 200);
    rig_close(&rig, 1000);
    assert_int_equal(rig_get(client, url, NULL), FARMIQ_E_UNREACHABLE);
    rig_open(&rig, options, 0);
    assert_int_equal(rig_get(client, url, NULL), 200);
    shim_http_client_close(client);
    rig_close(&rig, 1000);
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
        cmocka_unit_test(answers_that_are_cut),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(redirects_and_interim_answers),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(errors_keep_secrets),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(the_request_on_the_wire),
        cmocka_unit_test(methods_in_a_row),
        cmocka_unit_test(replies_too_long),
        cmocka_unit_test(a_new_server_on_the_same_port),
    };
    return cmocka_run_group_tests(tests, make_certificates, forget_certificates);
}
