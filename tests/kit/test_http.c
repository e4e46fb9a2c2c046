/* SPDX-License-Identifier: Apache-2.0 */
/* Our client against our server, plain and TLS. */
#include <unistd.h>

#include "rig.h"

static struct rig_certificates files;

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

/* Every test below runs once per row. */
static const struct transport {
    const char *scheme;
    int answers_elsewhere;
} transports[] = { { "http", 0 }, { "http", 1 }, { "https", 0 }, { "https", 1 } };
#define EACH_TRANSPORT(t)                                                                \
    const struct transport *t = transports;                                              \
    t < transports + sizeof transports / sizeof *transports;                             \
    t++

static void open_pair(const struct transport *t, struct rig *rig,
                      struct shim_http_client **client)
{
    struct shim_http_server_options options = rig_options();

    if (strcmp(t->scheme, "https") == 0) {
        options.cert_file = files.server;
        options.key_file = files.server_key;
    }
    rig_open(rig, options, t->answers_elsewhere);
    *client = rig_client(files.ca, NULL, NULL);
}

static void close_pair(struct rig *rig, struct shim_http_client *client)
{
    shim_http_client_close(client);
    rig_close(rig, 1000);
}

/* Header http_server.h: method, path, query, header and body reach the handler, its
 * answer reaches the client, whichever thread gives it. */
static void a_request_and_its_answer(void **state)
{
    (void)state;
    for (EACH_TRANSPORT(t)) {
        struct rig rig;
        struct shim_http_client *client;
        struct farmiq_str reply;
        const char *headers[] = { "X-Edge: edge-01", NULL };

        open_pair(t, &rig, &client);
        assert_int_equal(rig_post(client, rig_url(&rig, t->scheme, "/echo"),
                                  (struct farmiq_str){ "{\"a\":1}", 7 }, &reply),
                         200);
        assert_str(reply, "{\"a\":1}");
        assert_int_equal(rig_get(client, rig_url(&rig, t->scheme, "/method"), &reply),
                         200);
        assert_str(reply, "GET");
        assert_int_equal(
            rig_get(client, rig_url(&rig, t->scheme, "/query?a=1&value=x%26y+z%C3%A9"),
                    &reply),
            200);
        assert_str(reply, "x&y z\xc3\xa9");
        assert_int_equal(
            rig_get(client, rig_url(&rig, t->scheme, "/path/a%20b/%C3%A9?x=1"), &reply),
            200);
        assert_str(reply, "/path/a b/\xc3\xa9");
        struct shim_http_send send = { .method = "DELETE",
                                       .url = rig_url(&rig, t->scheme,
                                                      "/header?name=x-edge"),
                                       .headers = headers };
        assert_int_equal(shim_http_client_send(client, &send, NULL), FARMIQ_OK);
        assert_str(send.reply, "edge-01");
        assert_int_equal(rig_get(client, rig_url(&rig, t->scheme, "/nothing"), &reply),
                         404);
        assert_int_equal(reply.len, 0);
        close_pair(&rig, client);
    }
}

/* Bodies of every size up to the limit come back whole (performance.md: 33 kB batches).
 */
static void bodies_of_any_size(void **state)
{
    static const size_t sizes[] = { 0, 1, 4096, 33 * 1024, 65536, 65537, 1024 * 1024 };
    char *body = malloc(1024 * 1024);

    (void)state;
    for (size_t i = 0; i < 1024 * 1024; i++)
        body[i] = (char)('a' + i % 23);
    for (EACH_TRANSPORT(t)) {
        struct rig rig;
        struct shim_http_client *client;
        struct farmiq_str reply;

        open_pair(t, &rig, &client);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            assert_int_equal(rig_post(client, rig_url(&rig, t->scheme, "/echo"),
                                      (struct farmiq_str){ body, sizes[i] }, &reply),
                             200);
            assert_int_equal(reply.len, sizes[i]);
            assert_memory_equal(reply.ptr, body, sizes[i]);
        }
        close_pair(&rig, client);
    }
    free(body);
}

/* Design, architecture 14: a client that trusts somebody else gives nobody its events. */
static void tls_with_the_wrong_ca(void **state)
{
    struct rig rig;
    struct shim_http_client *client;
    struct farmiq_error error = { .size = sizeof error };
    struct shim_http_send send = { .method = "GET" };

    (void)state;
    open_pair(&transports[2], &rig, &client);
    shim_http_client_close(client);
    client = rig_client(files.stranger, NULL, NULL);
    send.url = rig_url(&rig, "https", "/method?token=hunter2");
    assert_int_equal(shim_http_client_send(client, &send, &error), FARMIQ_E_UNREACHABLE);
    assert_null(strstr(error.detail, "hunter2"));
    assert_int_equal(rig_served(&rig), 0);
    close_pair(&rig, client);
}

/* TLS 1.2 at least: an old client is refused in the handshake. The curl command is the
 * independent client, and shows that a new one gets in. */
static void tls_versions(void **state)
{
    static const struct {
        const char *options;
        int works;
    } cases[] = { { "--tls-max 1.1 --tlsv1.0 --ciphers DEFAULT@SECLEVEL=0", 0 },
                  { "--tls-max 1.2", 1 },
                  { "--tlsv1.3", 1 } };
    struct rig rig;
    struct shim_http_client *client;
    char command[512];

    (void)state;
    open_pair(&transports[3], &rig, &client);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(command, sizeof command,
                 "curl -s --noproxy '*' --max-time 10 --cacert %s %s %s | grep -q GET",
                 files.ca, cases[i].options, rig_url(&rig, "https", "/method"));
        assert_int_equal(system(command) == 0, cases[i].works);
    }
    close_pair(&rig, client);
}

/* Header http_server.h: the subject of a certificate that verifies; none is no crime
 * (the service decides); one that does not verify never reaches a handler. */
static void client_certificates(void **state)
{
    struct shim_http_server_options options = rig_options();
    struct shim_http_client *known, *nobody, *stranger;
    struct farmiq_str reply;
    struct rig rig;

    (void)state;
    options.cert_file = files.server;
    options.key_file = files.server_key;
    options.client_ca_file = files.ca;
    rig_open(&rig, options, 1);
    known = rig_client(files.ca, files.client, files.client_key);
    nobody = rig_client(files.ca, NULL, NULL);
    stranger = rig_client(files.ca, files.stranger, files.stranger_key);
    for (int i = 0; i < 2; i++) { /* the second time on the same connection */
        assert_int_equal(rig_get(known, rig_url(&rig, "https", "/peer"), &reply), 200);
        assert_str(reply, "CN=edge-01|edge-01|");
        assert_int_equal(rig_get(nobody, rig_url(&rig, "https", "/peer"), &reply), 200);
        assert_str(reply, "");
    }
    assert_int_equal(rig_served(&rig), 4);
    assert_true(rig_get(stranger, rig_url(&rig, "https", "/peer"), &reply) != 200);
    assert_int_equal(rig_served(&rig), 4);
    shim_http_client_close(known);
    shim_http_client_close(nobody);
    shim_http_client_close(stranger);
    rig_close(&rig, 1000);
}

/* 64 keep-alive connections at once, all answered from another thread. */
#define CROWD 64
#define ROUNDS 20

struct visitor {
    pthread_t thread;
    const char *url;
    unsigned number;
    unsigned wrong;
};

static void *visit(void *arg)
{
    struct visitor *visitor = arg;
    struct shim_http_client *client = rig_client(files.ca, NULL, NULL);

    for (unsigned i = 0; i < ROUNDS; i++) {
        char body[64];
        int len = snprintf(body, sizeof body, "%u/%u", visitor->number, i);
        struct farmiq_str reply;
        if (rig_post(client, visitor->url, (struct farmiq_str){ body, (size_t)len },
                     &reply) != 200 ||
            reply.len != (size_t)len || memcmp(reply.ptr, body, reply.len) != 0)
            visitor->wrong++;
    }
    shim_http_client_close(client);
    return NULL;
}

static void a_crowd(void **state)
{
    static struct visitor visitors[CROWD];

    (void)state;
    for (EACH_TRANSPORT(t)) {
        struct rig rig;
        struct shim_http_client *client;
        char url[128];

        open_pair(t, &rig, &client);
        snprintf(url, sizeof url, "%s", rig_url(&rig, t->scheme, "/echo"));
        for (unsigned i = 0; i < CROWD; i++) {
            visitors[i] = (struct visitor){ .url = url, .number = i };
            assert_int_equal(
                pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]), 0);
        }
        for (unsigned i = 0; i < CROWD; i++) {
            pthread_join(visitors[i].thread, NULL);
            assert_int_equal(visitors[i].wrong, 0);
        }
        assert_int_equal(rig_served(&rig), CROWD * ROUNDS);
        close_pair(&rig, client);
    }
}

/* Bodies over the threshold travel gzipped and arrive as they were. */
static void gzipped_bodies(void **state)
{
    struct shim_http_client_options options = { .gzip_above_bytes = 1000 };
    struct shim_http_client *client;
    struct farmiq_str reply;
    struct rig rig;
    static char body[500 * 1000];

    (void)state;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)('a' + i * i / 97 % 26); /* compressible, but no bomb */
    rig_open(&rig, rig_options(), 1);
    assert_int_equal(shim_http_client_open(&client, &options, NULL), FARMIQ_OK);
    for (size_t len = 1; len < sizeof body; len = len * 3 + 1) {
        assert_int_equal(rig_post(client, rig_url(&rig, "http", "/echo"),
                                  (struct farmiq_str){ body, len }, &reply),
                         200);
        assert_int_equal(reply.len, len);
        assert_memory_equal(reply.ptr, body, len);
        assert_int_equal(rig_post(client,
                                  rig_url(&rig, "http", "/header?name=content-encoding"),
                                  (struct farmiq_str){ body, len }, &reply),
                         200);
        assert_str(reply, len > 1000 ? "gzip" : "");
    }
    shim_http_client_close(client);
    rig_close(&rig, 1000);
}

/* Architecture 6: a Retry-After of our server reaches the one who has to wait. */
static void statuses_and_retry_after(void **state)
{
    static const int statuses[] = { 201, 204, 304, 400, 404, 409, 429, 500, 503 };

    (void)state;
    for (EACH_TRANSPORT(t)) {
        struct rig rig;
        struct shim_http_client *client;

        open_pair(t, &rig, &client);
        for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
            char path[32];
            struct shim_http_send send = { .method = "GET" };
            snprintf(path, sizeof path, "/status/%d", statuses[i]);
            send.url = rig_url(&rig, t->scheme, path);
            assert_int_equal(shim_http_client_send(client, &send, NULL), FARMIQ_OK);
            assert_int_equal(send.status, statuses[i]);
            assert_int_equal(send.retry_after_ms, statuses[i] == 503 ? 7000 : -1);
        }
        close_pair(&rig, client);
    }
}

/* RFC 9112 9.6: a client in the middle of a large upload gets to read why it was refused,
 * not a reset that overtakes the answer. */
static void refused_uploads_hear_why(void **state)
{
    size_t len = (size_t)30 * 1024 * 1024;
    char *body = calloc(1, len);

    (void)state;
    for (EACH_TRANSPORT(t)) {
        struct rig rig;
        struct shim_http_client *client;
        struct farmiq_str reply;

        open_pair(t, &rig, &client);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(rig_post(client, rig_url(&rig, t->scheme, "/echo"),
                                      (struct farmiq_str){ body, len }, &reply),
                             413);
            assert_non_null(memmem(reply.ptr, reply.len, "PAYLOAD_TOO_LARGE", 17));
        }
        assert_int_equal(rig_served(&rig), 0);
        close_pair(&rig, client);
    }
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_answer),
        cmocka_unit_test(bodies_of_any_size),
        cmocka_unit_test(tls_with_the_wrong_ca),
        cmocka_unit_test(tls_versions),
        cmocka_unit_test(client_certificates),
        cmocka_unit_test(a_crowd),
        cmocka_unit_test(gzipped_bodies),
        cmocka_unit_test(statuses_and_retry_after),
        cmocka_unit_test(refused_uploads_hear_why),
    };
    return cmocka_run_group_tests(tests, make_certificates, forget_certificates);
}
