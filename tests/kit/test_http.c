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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_answer),
        cmocka_unit_test(bodies_of_any_size),
    };
    return cmocka_run_group_tests(tests, make_certificates, forget_certificates);
}
