/* SPDX-License-Identifier: Apache-2.0 */
/* The heap budget of the message path is zero (design/performance.md). The program's own
 * malloc stands in front of everybody's, yajl and the C library included. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/batch.h>
#include <farmiq/envelope.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

static unsigned heap_calls;

void *malloc(size_t bytes)
{
    heap_calls++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    heap_calls++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    heap_calls++;
    return __libc_realloc(block, bytes);
}

static int64_t scratch[8192];
static char text[4096];
static size_t len;

static const char envelope[] =
    "{\"schema_version\":\"1.0\",\"event_id\":\"e\\u0031\",\"trace_id\":\"t\\n\","
    "\"event_type\":\"telemetry.reading\",\"tenant_id\":\"t-001\",\"device_id\":\"d\","
    "\"ts\":\"2025-01-01T10:00:00Z\",\"payload\":{\"value\":0.30000000000000004e-300,"
    "\"note\":\"\\ud83d\\udc14\",\"deep\":[[[[[[[[[[{}]]]]]]]]]]}}";

static const char batch_body[] =
    "{\"tenant_id\":\"t\",\"events\":[null,{\"event_id\":\"e0\",\"event_type\":\"x.y\","
    "\"tenant_id\":\"t\",\"occurred_at\":\"2025-01-01T10:00:00Z\",\"trace_id\":\"\\t\","
    "\"payload\":{\"a\":\"\\u0000\"}}]}";

static const char answer_body[] =
    "{\"accepted\":0,\"duplicated\":0,\"rejected\":1,"
    "\"errors\":[{\"event_id\":\"e\\u0030\",\"error\":\"no\",\"code\":\"NO\","
    "\"retryable\":false}]}";

static void the_watch_sees_the_heap(void **state)
{
    unsigned before = heap_calls;
    void *volatile block = malloc(1);

    (void)state;
    free(block);
    assert_int_equal(heap_calls, before + 1);
}

static void parsing_an_envelope_allocates_nothing(void **state)
{
    struct farmiq_envelope env = { .size = sizeof env };
    unsigned before = heap_calls;
    int ok = 0;

    (void)state;
    for (size_t cut = 0; cut < sizeof envelope; cut++)
        ok += farmiq_envelope_parse(&env, NULL, envelope, cut, scratch, 4096, NULL) ==
              FARMIQ_OK;
    assert_int_equal(heap_calls, before);
    assert_int_equal(ok, 1);
    assert_int_equal(farmiq_envelope_write(&env, text, sizeof text, &len), FARMIQ_OK);
    assert_int_equal(heap_calls, before);
}

static void a_batch_and_its_answer_allocate_nothing(void **state)
{
    struct farmiq_batch batch = { .size = sizeof batch };
    struct farmiq_batch_answer answer = { .size = sizeof answer };
    unsigned before = heap_calls;
    int parsed, answered, applied;

    (void)state;
    parsed = farmiq_batch_parse(&batch, batch_body, sizeof batch_body - 1, scratch, 8192,
                                NULL);
    answered = farmiq_batch_answer_parse(&answer, answer_body, sizeof answer_body - 1,
                                         scratch + 1024, 8192, NULL);
    batch.first->next->refusal = NULL;
    applied = farmiq_batch_answer_apply(&answer, batch.first->next, 1, NULL);
    assert_int_equal(heap_calls, before);
    assert_int_equal(parsed, FARMIQ_OK);
    assert_int_equal(answered, FARMIQ_OK);
    assert_int_equal(applied, FARMIQ_OK);
    assert_string_equal(batch.first->next->refusal, "NO");
}

/* Correct rounding is left to the C library, which might have gone to the heap. */
static void writing_any_number_allocates_nothing(void **state)
{
    static const double values[] = { 0.1, 1e300, 5e-324, 1.7976931348623157e308,
                                     2.2250738585072011e-308 };
    struct farmiq_json_writer w;
    unsigned before;

    (void)state;
    farmiq_json_begin(&w, text, sizeof text);
    before = heap_calls;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        farmiq_json_double(&w, values[i]);
    assert_int_equal(heap_calls, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_watch_sees_the_heap),
        cmocka_unit_test(parsing_an_envelope_allocates_nothing),
        cmocka_unit_test(a_batch_and_its_answer_allocate_nothing),
        cmocka_unit_test(writing_any_number_allocates_nothing),
    };

    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
