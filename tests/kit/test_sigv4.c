/* SPDX-License-Identifier: Apache-2.0 */
/* common/sigv4.h against the vector of the Amazon S3 API Reference, "Authenticating
 * Requests: Using Query Parameters", and against botocore 1.29 (with headers and odd
 * names). */
#include "rig.h"

#include "common/sigv4.h"
#include "kit/crypto.h"

/* What it asks of the kit. */
struct farmiq_str shim_str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

static void *taken[256];
static size_t taken_count;

void *shim_memory(struct shim_call *call, size_t bytes)
{
    (void)call;
    assert_true(taken_count < 256);
    return taken[taken_count++] = calloc(1, bytes);
}

int shim_sha256(struct farmiq_str bytes, uint8_t out[32])
{
    return shim_crypto_sha256(bytes, out);
}

int shim_hmac_sha256(void *ctx, const char *secret, size_t secret_len,
                     const struct farmiq_str *parts, uint32_t part_count, uint8_t out[32])
{
    return shim_crypto_hmac_sha256(ctx, secret, secret_len, parts, part_count, out);
}

static void check(const struct sigv4 *what, const char *query)
{
    struct farmiq_str made = sigv4_query(NULL, what);

    assert_int_equal(made.len, strlen(query));
    assert_memory_equal(made.ptr, query, made.len);
    while (taken_count)
        free(taken[--taken_count]);
}

static void the_vector_of_the_documentation(void **state)
{
    const struct sigv4 what = {
        .method = "GET",
        .host = shim_str("examplebucket.s3.amazonaws.com"),
        .path = shim_str("/test.txt"),
        .region = shim_str("us-east-1"),
        .access_key = shim_str("AKIAIOSFODNN7EXAMPLE"),
        .secret_key = shim_str("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        .now_unix_ms = 1369353600000,
        .life_s = 86400,
    };

    (void)state;
    check(&what,
          "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
          "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
          "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
          "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

static void names_are_escaped_once(void **state)
{
    struct farmiq_str made = sigv4_escape(NULL, shim_str("a b/c+d~e\xc3\xa9"), "/");

    (void)state;
    assert_int_equal(made.len, strlen("a%20b/c%2Bd~e%C3%A9"));
    assert_memory_equal(made.ptr, "a%20b/c%2Bd~e%C3%A9", made.len);
    while (taken_count)
        free(taken[--taken_count]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_the_documentation),
        cmocka_unit_test(names_are_escaped_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
