/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing ways to do one thing: interleaved rounds, CPU time of this thread, medians.
 * Machines differ and drift; only ratios measured in one run mean anything. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_ROUNDS_MAX 101

struct bench_case {
    const char *name;
    void (*run)(void *ctx);
    double median_s; /* of one run */
};

static inline double bench_cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static inline double bench_time(const struct bench_case *one, void *ctx)
{
    double begin = bench_cpu_s();

    one->run(ctx);
    return bench_cpu_s() - begin;
}

/* Each case once per round, after one round that only warms up. */
static inline void bench_run(struct bench_case *cases, size_t count, size_t rounds,
                             void *ctx)
{
    double(*times)[BENCH_ROUNDS_MAX] = calloc(count, sizeof *times);

    if (!times || rounds > BENCH_ROUNDS_MAX)
        abort();
    for (size_t i = 0; i < count; i++)
        bench_time(&cases[i], ctx);
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++)
            times[i][round] = bench_time(&cases[i], ctx);
    for (size_t i = 0; i < count; i++) {
        qsort(times[i], rounds, sizeof **times, bench_compare);
        cases[i].median_s = times[i][rounds / 2];
    }
    free(times);
}

/* Print one line of a comparison; 1 if `ours` is at least `target` times as fast. */
static inline int bench_against(const struct bench_case *ours,
                                const struct bench_case *peer, double target)
{
    double ratio = peer->median_s / ours->median_s;

    printf("%-24s is %.2f x %-32s target %.2f  %s\n", ours->name, ratio, peer->name,
           target, ratio >= target ? "met" : "MISSED");
    return ratio >= target;
}

#endif
