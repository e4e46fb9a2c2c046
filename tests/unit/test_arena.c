/* SPDX-License-Identifier: Apache-2.0 */
/* The bump allocator: it never leaves the caller's memory, and the newest block grows
 * where it stands (design: no heap call on the message path). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/arena.h"

#define BYTES 256

static union {
    int64_t aligned;
    char bytes[BYTES + FARMIQ__ARENA_ALIGN];
} memory;

static void takes_blocks_one_after_the_other(void **state)
{
    struct farmiq__arena arena;
    char *a, *b;

    (void)state;
    farmiq__arena_init(&arena, memory.bytes, BYTES);
    a = farmiq__arena_take(&arena, 3);
    b = farmiq__arena_take(&arena, 8);
    assert_ptr_equal(a, memory.bytes);
    assert_ptr_equal(b, memory.bytes + 8);
    assert_int_equal(farmiq__arena_left(&arena), BYTES - 16);
}

static void blocks_never_overlap(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= 33; bytes++) {
        struct farmiq__arena arena;
        char *a, *b;

        farmiq__arena_init(&arena, memory.bytes, BYTES);
        a = farmiq__arena_take(&arena, bytes);
        b = farmiq__arena_take(&arena, 1);
        assert_true(b >= a + bytes && b < a + bytes + FARMIQ__ARENA_ALIGN);
    }
}

static void every_start_and_size_stays_inside_and_aligned(void **state)
{
    (void)state;
    for (size_t skip = 0; skip < FARMIQ__ARENA_ALIGN; skip++)
        for (size_t bytes = 0; bytes <= BYTES; bytes++) {
            struct farmiq__arena arena;
            char *block;

            farmiq__arena_init(&arena, memory.bytes + skip, bytes);
            while ((block = farmiq__arena_take(&arena, 5)) != NULL) {
                assert_int_equal((uintptr_t)block % FARMIQ__ARENA_ALIGN, 0);
                assert_true(block >= memory.bytes + skip);
                assert_true(block + 5 <= memory.bytes + skip + bytes);
            }
            assert_true(farmiq__arena_left(&arena) < 5);
        }
}

static void refuses_what_does_not_fit_and_stays_usable(void **state)
{
    struct farmiq__arena arena;

    (void)state;
    farmiq__arena_init(&arena, memory.bytes, BYTES);
    assert_null(farmiq__arena_take(&arena, BYTES + 1));
    assert_null(farmiq__arena_take(&arena, SIZE_MAX));
    assert_null(farmiq__arena_take(&arena, SIZE_MAX - 3));
    assert_int_equal(farmiq__arena_left(&arena), BYTES);
    assert_non_null(farmiq__arena_take(&arena, BYTES));
    assert_null(farmiq__arena_take(&arena, 1));
}

static void no_memory_is_an_empty_arena(void **state)
{
    struct farmiq__arena arena;

    (void)state;
    farmiq__arena_init(&arena, NULL, BYTES);
    assert_int_equal(farmiq__arena_left(&arena), 0);
    assert_null(farmiq__arena_take(&arena, 1));
}

static void the_newest_block_grows_in_place(void **state)
{
    struct farmiq__arena arena;
    char *block;

    (void)state;
    farmiq__arena_init(&arena, memory.bytes, BYTES);
    block = farmiq__arena_take(&arena, 8);
    assert_ptr_equal(farmiq__arena_grow(&arena, block, 100), block);
    assert_int_equal(farmiq__arena_left(&arena), BYTES - 104);
    assert_ptr_equal(farmiq__arena_grow(&arena, block, BYTES), block);
    assert_int_equal(farmiq__arena_left(&arena), 0);
    assert_null(farmiq__arena_grow(&arena, block, BYTES + 1));
    assert_int_equal(farmiq__arena_left(&arena), 0);
}

static void an_older_block_moves_with_its_content(void **state)
{
    struct farmiq__arena arena;
    char *old, *newest, *moved;

    (void)state;
    farmiq__arena_init(&arena, memory.bytes, BYTES);
    old = farmiq__arena_take(&arena, 16);
    memcpy(old, "0123456789abcdef", 16);
    newest = farmiq__arena_take(&arena, 8);
    memcpy(newest, "neighbor", 8);
    moved = farmiq__arena_grow(&arena, old, 64);
    assert_ptr_equal(moved, newest + 8);
    assert_memory_equal(moved, "0123456789abcdef", 16);
    assert_memory_equal(newest, "neighbor", 8);
    assert_null(farmiq__arena_grow(&arena, old, BYTES));
    assert_memory_equal(moved, "0123456789abcdef", 16);
}

static void an_older_block_that_shrinks_writes_only_what_it_takes(void **state)
{
    struct farmiq__arena arena;
    char *old, *moved;

    (void)state;
    memset(memory.bytes, '#', BYTES);
    farmiq__arena_init(&arena, memory.bytes, BYTES);
    old = farmiq__arena_take(&arena, 64);
    memset(old, '-', 64);
    memcpy(old, "01234567", 8);
    farmiq__arena_take(&arena, 8);
    moved = farmiq__arena_grow(&arena, old, 8);
    assert_memory_equal(moved, "01234567########", 16);
}

static void growing_nothing_is_taking(void **state)
{
    struct farmiq__arena arena;

    (void)state;
    farmiq__arena_init(&arena, memory.bytes, BYTES);
    assert_ptr_equal(farmiq__arena_grow(&arena, NULL, 8), memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_blocks_one_after_the_other),
        cmocka_unit_test(blocks_never_overlap),
        cmocka_unit_test(an_older_block_that_shrinks_writes_only_what_it_takes),
        cmocka_unit_test(every_start_and_size_stays_inside_and_aligned),
        cmocka_unit_test(refuses_what_does_not_fit_and_stays_usable),
        cmocka_unit_test(no_memory_is_an_empty_arena),
        cmocka_unit_test(the_newest_block_grows_in_place),
        cmocka_unit_test(an_older_block_moves_with_its_content),
        cmocka_unit_test(growing_nothing_is_taking),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
