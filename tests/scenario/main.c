/* SPDX-License-Identifier: Apache-2.0 */
/* farm: run scenarios of a simulated farm. A failed run prints what reproduces it. */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "farm.h"
#include "sim_pg.h"

static const struct scenario *const tables[] = { scenarios, swarms, planted };
static const char *const table_names[] = { "scenarios", "swarms", "planted" };
#define TABLES (sizeof tables / sizeof *tables)

static struct {
    uint64_t seed;
    uint32_t seeds; /* how many, counting up */
    const char *name;
    int is_verbose, lists;
    int is_twice; /* run every seed twice: the hashes must agree */
    int on_postgresql;
} wish = { .seed = 1, .seeds = 1 };

struct run {
    const struct scenario *scenario;
    uint64_t seed;
    uint64_t hash, steps;
    char failure[512];
};

static void *run_in_thread(void *arg)
{
    struct run *run = arg;

    sim_bug_plant(run->scenario->bug);
    sim_open(run->seed);
    run->scenario->run();
    snprintf(run->failure, sizeof run->failure, "%s", sim_failure() ? sim_failure() : "");
    run->hash = sim_hash();
    run->steps = sim_steps();
    farm_close();
    sim_bug_plant(SIM_NO_BUG);
    return NULL;
}

/* The linker's names for the functions that simulated processes do not get. */
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __real_pthread_join(pthread_t, void **);

/* A thread of its own gives the kit's thread-local variables a fresh start: a run must
 * not depend on those before it. */
static void run_once(struct run *run)
{
    pthread_t thread;

    if (__real_pthread_create(&thread, NULL, run_in_thread, run))
        abort();
    __real_pthread_join(thread, NULL);
}

static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

static void run_seed(struct run *run)
{
    struct run again = *run;

    run_once(run);
    if (!wish.is_twice)
        return;
    run_once(&again);
    if (again.hash != run->hash || again.steps != run->steps)
        snprintf(run->failure, sizeof run->failure,
                 "the second run was another one: %" PRIu64 " steps, hash %016" PRIx64,
                 again.steps, again.hash);
}

static void print_run(const struct run *run)
{
    const struct scenario *scenario = run->scenario;

    printf("%-28s seed=%" PRIu64 " steps=%" PRIu64 " hash=%016" PRIx64 " %s%s\n",
           scenario->name, run->seed, run->steps, run->hash,
           !*run->failure  ? "ok"
           : scenario->bug ? "found: "
                           : "VIOLATION: ",
           run->failure);
    if (*run->failure && !scenario->bug)
        printf("  again: farm --seed %" PRIu64 " --days %g --scenario %s --verbose%s\n",
               run->seed, farm_days, scenario->name,
               wish.on_postgresql ? " --postgresql" : "");
    fflush(stdout);
}

/* A planted bug must be found by one of the seeds; anything else must hold for all. */
static int run_scenario(const struct scenario *scenario)
{
    double began = cpu_seconds();
    int failures = 0;

    for (uint32_t i = 0; i < wish.seeds && !(scenario->bug && failures); i++) {
        struct run run = { .scenario = scenario, .seed = wish.seed + i };

        run_seed(&run);
        failures += *run.failure != '\0';
        print_run(&run);
    }
    printf("%-28s %.2f s of CPU\n", scenario->name, cpu_seconds() - began);
    if (scenario->bug && !failures)
        printf("%-28s NOT FOUND: %s\n", scenario->name, scenario->what);
    return scenario->bug ? !failures : failures != 0;
}

static int is_wanted(size_t table, const struct scenario *scenario)
{
    if (wish.on_postgresql && scenario->needs_file)
        return 0;
    return strcmp(wish.name, scenario->name) == 0 ||
           strcmp(wish.name, table_names[table]) == 0;
}

static int run_wanted(void)
{
    int wrong = 0, count = 0;

    for (size_t t = 0; t < TABLES; t++)
        for (const struct scenario *s = tables[t]; s->name; s++)
            if (wish.lists) {
                printf("%-28s %s\n", s->name, s->what);
            } else if (wish.name && is_wanted(t, s)) {
                wrong += run_scenario(s);
                count++;
            }
    if (!wish.lists && !count)
        fprintf(stderr, "farm: no such scenario; --list shows them\n");
    return wrong || (!wish.lists && !count);
}

static const struct option arguments[] = {
    { "seed", required_argument, NULL, 's' },
    { "seeds", required_argument, NULL, 'n' },
    { "days", required_argument, NULL, 'd' },
    { "scenario", required_argument, NULL, 'c' },
    { "verbose", no_argument, &wish.is_verbose, 1 },
    { "twice", no_argument, &wish.is_twice, 1 },
    { "postgresql", no_argument, &wish.on_postgresql, 1 },
    { "list", no_argument, &wish.lists, 1 },
    { 0 },
};

static void read_arguments(int argc, char **argv)
{
    int c;

    while ((c = getopt_long(argc, argv, "", arguments, NULL)) != -1)
        if (c == 's') {
            wish.seed = strtoull(optarg, NULL, 0);
        } else if (c == 'n') {
            wish.seeds = (uint32_t)strtoul(optarg, NULL, 0);
        } else if (c == 'd') {
            farm_days = strtod(optarg, NULL);
        } else if (c == 'c') {
            wish.name = optarg;
        } else if (c == '?') {
            fprintf(stderr, "usage: farm --list\n"
                            "       farm --scenario NAME|scenarios|swarms|planted"
                            " [--seed S] [--seeds N] [--days D] [--twice] [--verbose]"
                            " [--postgresql]\n");
            exit(2);
        }
}

int main(int argc, char **argv)
{
    int wrong;

    read_arguments(argc, argv);
    if (wish.on_postgresql && !sim_pg_start()) {
        fprintf(stderr, "farm: there is no PostgreSQL to start\n");
        return 2;
    }
    clearenv(); /* the services read options from it */
    sim_log_to_stdout(wish.is_verbose);
    wrong = run_wanted();
    sim_pg_stop();
    return wrong;
}
