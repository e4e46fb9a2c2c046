/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take turns: each has a stack of its own and runs until it waits. */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "sim.h"

#define STACK_BYTES (1024 * 1024) /* untouched pages cost nothing */

struct sim_fiber {
    ucontext_t context;
    void *stack;
    struct sim_node *node;
    void (*run)(void *arg);
    void *arg;
    const void *waits_for; /* NULL: it does not wait */
    uint64_t waits;        /* how often it has waited: tells a stale timer */
    int was_woken;
    int is_done;
    struct sim_fiber *next_waiting;
    struct sim_fiber *next; /* of all */
};

struct timer {
    struct sim_fiber *fiber;
    uint64_t waits;
};

static struct sim_fiber *all, *current;
static struct sim_fiber *waiting, **waiting_end = &waiting;
static ucontext_t scheduler;

static void begin(void)
{
    current->run(current->arg);
    current->is_done = 1;
    sim_wake_all(current);
    swapcontext(&current->context, &scheduler);
    abort(); /* nobody resumes what is done */
}

static void resume(void *ctx)
{
    struct sim_fiber *fiber = ctx;

    assert(!current && !fiber->is_done);
    current = fiber;
    swapcontext(&scheduler, &fiber->context);
    current = NULL;
    if (fiber->is_done && fiber->stack) {
        munmap(fiber->stack, STACK_BYTES);
        fiber->stack = NULL;
    }
}

struct sim_fiber *sim_fiber_start(struct sim_node *node, void (*run)(void *), void *arg)
{
    struct sim_fiber *fiber = calloc(1, sizeof *fiber);

    if (!fiber)
        abort();
    fiber->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fiber->stack == MAP_FAILED)
        abort();
    fiber->node = node;
    fiber->run = run;
    fiber->arg = arg;
    fiber->next = all;
    all = fiber;
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&fiber->context, begin, 0);
    sim_after(0, resume, fiber);
    return fiber;
}

struct sim_fiber *sim_fiber_current(void) { return current; }

struct sim_node *sim_fiber_node(const struct sim_fiber *fiber) { return fiber->node; }

int sim_fiber_is_done(const struct sim_fiber *fiber) { return fiber->is_done; }

static void stop_waiting(struct sim_fiber *fiber)
{
    struct sim_fiber **at = &waiting;

    while (*at != fiber)
        at = &(*at)->next_waiting;
    *at = fiber->next_waiting;
    if (!*at)
        waiting_end = at;
    fiber->waits_for = NULL;
}

static void time_out(void *ctx)
{
    struct timer *timer = ctx;
    struct sim_fiber *fiber = timer->fiber;
    int is_stale = !fiber->waits_for || fiber->waits != timer->waits;

    free(timer);
    if (is_stale)
        return;
    stop_waiting(fiber);
    resume(fiber);
}

static void set_timer(struct sim_fiber *fiber, int64_t until_ms)
{
    struct timer *timer = malloc(sizeof *timer);

    if (!timer)
        abort();
    *timer = (struct timer){ fiber, fiber->waits };
    sim_at(until_ms, time_out, timer);
}

int sim_wait(const void *what, int64_t until_ms)
{
    struct sim_fiber *fiber = current;

    assert(fiber && what);
    fiber->waits_for = what;
    fiber->waits++;
    fiber->was_woken = 0;
    fiber->next_waiting = NULL;
    *waiting_end = fiber;
    waiting_end = &fiber->next_waiting;
    if (until_ms != SIM_FOR_EVER)
        set_timer(fiber, until_ms);
    swapcontext(&fiber->context, &scheduler);
    return fiber->was_woken;
}

void sim_sleep(int64_t duration_ms)
{
    int nobody;

    sim_wait(&nobody, sim_now_ms() + duration_ms);
}

/* Whoever waits for `what`, or belongs to `node`: at most so many, in their order. */
static void wake(const void *what, const struct sim_node *node, int most)
{
    struct sim_fiber *fiber = waiting;

    while (fiber && most > 0) {
        struct sim_fiber *next = fiber->next_waiting;

        if (fiber->waits_for == what || (node && fiber->node == node)) {
            stop_waiting(fiber);
            fiber->was_woken = 1;
            sim_after(0, resume, fiber);
            most--;
        }
        fiber = next;
    }
}

void sim_wake_one(const void *what) { wake(what, NULL, 1); }

void sim_wake_all(const void *what) { wake(what, NULL, INT32_MAX); }

void sim_wake_node(const struct sim_node *node) { wake(node, node, INT32_MAX); }

void sim_fibers_free(void)
{
    while (all) {
        struct sim_fiber *fiber = all;

        all = fiber->next;
        assert(fiber->is_done);
        free(fiber);
    }
    waiting = NULL;
    waiting_end = &waiting;
}
