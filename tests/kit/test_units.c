/* SPDX-License-Identifier: Apache-2.0 */
/* The queue between threads: in order for one origin, in turns among many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/internal.h"

struct item {
    struct shim_unit unit;
    char name;
};

/* "a1 b2": item a of origin 1, item b of origin 2. */
static void push_all(struct shim_units *units, struct item *items, const char *what)
{
    for (; *what; what += what[2] ? 3 : 2, items++) {
        *items =
            (struct item){ .unit.origin = (uint64_t)(what[1] - '0'), .name = what[0] };
        shim_units_push(units, &items->unit);
    }
}

static const char *take(struct shim_units *units, int most)
{
    static char names[32];
    size_t len = 0;

    for (struct shim_unit *u = shim_units_take(units, most); u; u = u->next)
        names[len++] = ((struct item *)u)->name;
    names[len] = '\0';
    return names;
}

static void order(void **state)
{
    static const struct {
        const char *pushed;
        int most;
        const char *first, *second;
    } cases[] = {
        { "a1", 8, "a", "" },
        { "a1 b1 c1", 8, "abc", "" },
        { "a1 b1 c1", 2, "ab", "c" },
        { "a1 b1 c1 x2", 8, "axbc", "" }, /* the newcomer is second, not last */
        { "a1 b1 c1 x2 y2", 3, "axb", "yc" },
        { "a1 b2 c3 d1 e2 f3", 8, "abcdef", "" },
        { "a1 b1 c1 x2 y3", 1, "a", "xybc" },
        { "a0 b0 x1", 8, "axb", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shim_units units;
        struct item items[8];

        shim_units_init(&units);
        push_all(&units, items, cases[i].pushed);
        assert_string_equal(take(&units, cases[i].most), cases[i].first);
        shim_units_end(&units);
        assert_string_equal(take(&units, 8), cases[i].second);
        assert_string_equal(take(&units, 8), "");
        shim_units_fini(&units);
    }
}

/* A lane that was emptied begins anew, and one that was not keeps its end. */
static void lanes_come_and_go(void **state)
{
    struct shim_units units;
    struct item items[3][8];

    (void)state;
    shim_units_init(&units);
    push_all(&units, items[0], "a1 b1 x2");
    assert_string_equal(take(&units, 2), "ax");
    push_all(&units, items[1], "c1 y2");
    assert_string_equal(take(&units, 2), "by");
    push_all(&units, items[2], "d1 z2 e1");
    shim_units_end(&units);
    assert_string_equal(take(&units, 8), "czde");
    shim_units_fini(&units);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(order),
                                        cmocka_unit_test(lanes_come_and_go) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
