/* SPDX-License-Identifier: Apache-2.0 */
/* The world: the heap of events, the clock that follows it, chance from a seed. */
#include "sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-03-01T00:00:00Z: an ordinary day, long after every built-in constant. */
#define BEGINNING_UNIX_MS 1772323200000LL

struct event {
    int64_t when_ms;
    uint64_t number; /* breaks ties, so that order never depends on the heap */
    void (*run)(void *ctx);
    void *ctx;
};

static struct {
    int is_open;
    int64_t now_ms;
    uint64_t chance[4];
    struct event *heap;
    size_t count, room;
    uint64_t numbers, steps, hash;
    int is_ending;
    char failure[512];
} world;

/* splitmix64 (Steele et al. 2014) spreads the seed over the state. */
static uint64_t split(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void sim_open(uint64_t seed)
{
    assert(!world.is_open);
    memset(&world, 0, sizeof world);
    world.is_open = 1;
    world.now_ms = BEGINNING_UNIX_MS;
    world.hash = 0xcbf29ce484222325u;
    for (int i = 0; i < 4; i++)
        world.chance[i] = split(&seed);
}

int sim_is_open(void) { return world.is_open; }

int64_t sim_now_ms(void) { return world.now_ms; }

/* ## Chance: xoshiro256** (Blackman and Vigna 2018) */

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

uint64_t sim_random(void)
{
    uint64_t *s = world.chance, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

int64_t sim_between(int64_t least, int64_t most)
{
    assert(least <= most);
    return least + (int64_t)(sim_random() % (uint64_t)(most - least + 1));
}

/* No number is drawn for what cannot happen: switching a fault off must not change the
 * rest of the run more than it has to. */
int sim_chance(uint32_t per_million)
{
    return per_million && sim_random() % 1000000 < per_million;
}

/* ## Events */

static int is_before(const struct event *a, const struct event *b)
{
    return a->when_ms != b->when_ms ? a->when_ms < b->when_ms : a->number < b->number;
}

static void sift_up(size_t at)
{
    struct event moving = world.heap[at];

    while (at && is_before(&moving, &world.heap[(at - 1) / 2])) {
        world.heap[at] = world.heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world.heap[at] = moving;
}

static void sift_down(struct event moving)
{
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < world.count &&
            is_before(&world.heap[child + 1], &world.heap[child]))
            child++;
        if (child >= world.count || !is_before(&world.heap[child], &moving))
            break;
        world.heap[at] = world.heap[child];
        at = child;
    }
    world.heap[at] = moving;
}

static void make_room(void)
{
    if (world.count < world.room)
        return;
    world.room = world.room ? world.room * 2 : 1024;
    world.heap = realloc(world.heap, world.room * sizeof *world.heap);
    if (!world.heap)
        abort();
}

void sim_at(int64_t when_ms, void (*run)(void *ctx), void *ctx)
{
    make_room();
    world.heap[world.count] =
        (struct event){ when_ms > world.now_ms ? when_ms : world.now_ms, world.numbers++,
                        run, ctx };
    sift_up(world.count++);
}

void sim_after(int64_t delay_ms, void (*run)(void *ctx), void *ctx)
{
    sim_at(world.now_ms + delay_ms, run, ctx);
}

static void run_next(void)
{
    struct event next = world.heap[0];

    if (--world.count)
        sift_down(world.heap[world.count]);
    world.now_ms = next.when_ms;
    world.steps++;
    sim_mix((uint64_t)next.when_ms);
    sim_mix(next.number);
    next.run(next.ctx);
}

int sim_step(int64_t until_ms)
{
    if (!world.count || world.heap[0].when_ms > until_ms || *world.failure)
        return 0;
    run_next();
    return 1;
}

void sim_run(int64_t duration_ms)
{
    int64_t until_ms = world.now_ms + duration_ms;

    while (sim_step(until_ms))
        ;
    if (!*world.failure)
        world.now_ms = until_ms;
}

/* Every event still runs, so that whatever it carries is given back. */
void sim_close(void)
{
    world.is_ending = 1;
    sim_nodes_kill();
    while (world.count)
        run_next();
    sim_nodes_free();
    sim_fibers_free();
    free(world.heap);
    world.heap = NULL;
    world.is_open = 0;
}

int sim_is_ending(void) { return world.is_ending; }

/* ## What is left of a run */

void sim_mix(uint64_t value)
{
    for (int i = 0; i < 8; i++, value >>= 8)
        world.hash = (world.hash ^ (value & 0xff)) * 0x100000001b3u;
}

uint64_t sim_hash(void) { return world.hash; }

uint64_t sim_steps(void) { return world.steps; }

void sim_fail(const char *format, ...)
{
    int len;
    va_list args;

    if (*world.failure)
        return;
    len = snprintf(world.failure, sizeof world.failure, "day %.4f: ",
                   (double)(world.now_ms - BEGINNING_UNIX_MS) / (double)DAYS(1));
    va_start(args, format);
    vsnprintf(world.failure + len, sizeof world.failure - (size_t)len, format, args);
    va_end(args);
}

const char *sim_failure(void) { return *world.failure ? world.failure : NULL; }
