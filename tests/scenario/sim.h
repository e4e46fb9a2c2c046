/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated machine room: one clock, one source of chance, threads that take turns.
 *
 * The farm's processes run the real kit and the real services on real stores. What they
 * take from the operating system comes from here instead: time, threads, signals
 * (sim_threads.c), sockets (sim_http.c, sim_mqtt.c), randomness, and a disk that can
 * fail (sim_store.c). Everything happens in one thread, in an order that the seed
 * decides: the same seed gives the same run, down to the last byte. */
#ifndef SIM_H
#define SIM_H

#include <stddef.h>
#include <stdint.h>

#define SECONDS(n) ((int64_t)(n)*1000)
#define MINUTES(n) SECONDS((n)*60LL)
#define HOURS(n) MINUTES((n)*60LL)
#define DAYS(n) HOURS((n)*24LL)
#define SIM_FOR_EVER INT64_MAX

/* ## The world (sim.c) */

void sim_open(uint64_t seed);
void sim_close(void);
int sim_is_open(void);

int64_t sim_now_ms(void); /* true time, as UTC milliseconds */
uint64_t sim_random(void);
int64_t sim_between(int64_t least, int64_t most);
int sim_chance(uint32_t per_million);

/* Run `run(ctx)` then. Events of one moment run in the order in which they were made. */
void sim_at(int64_t when_ms, void (*run)(void *ctx), void *ctx);
void sim_after(int64_t delay_ms, void (*run)(void *ctx), void *ctx);
/* Run the next event. 0: there is none before or at `until_ms`, or the run has failed. */
int sim_step(int64_t until_ms);
void sim_run(int64_t duration_ms);
/* The world is being taken down: whoever repeats himself must stop. */
int sim_is_ending(void);

/* Everything that happens goes into the run's fingerprint. */
void sim_mix(uint64_t value);
uint64_t sim_hash(void);
uint64_t sim_steps(void);

/* The first violation ends the run; later ones are its consequences. */
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *sim_failure(void); /* NULL: none */

/* ## Threads that take turns (sim_fiber.c) */

struct sim_node;
struct sim_fiber;

struct sim_fiber *sim_fiber_start(struct sim_node *node, void (*run)(void *), void *arg);
struct sim_fiber *sim_fiber_current(void); /* NULL: the world itself */
struct sim_node *sim_fiber_node(const struct sim_fiber *fiber);
int sim_fiber_is_done(const struct sim_fiber *fiber);
/* Let others go on until somebody wakes `what`, or until then. 1: woken. */
int sim_wait(const void *what, int64_t until_ms);
void sim_sleep(int64_t duration_ms);
void sim_wake_one(const void *what);
void sim_wake_all(const void *what);
/* All of a process. Waits must allow for waking up early, as POSIX says they may. */
void sim_wake_node(const struct sim_node *node);
void sim_fibers_free(void);

/* ## Processes (sim_node.c) */

struct shim_service;

enum sim_node_state { SIM_DOWN, SIM_UP, SIM_STOPPING };

struct sim_node {
    const char *name;
    const char *host; /* the name in URLs; several nodes may share it */
    const struct shim_service *const *services;
    char *argv[48];
    int argc;
    int64_t skew_ms;       /* its wall clock minus the true time */
    uint32_t pause_chance; /* per million commits: stand still before one */
    int64_t pause_ms;
    enum sim_node_state state;
    int is_dead; /* killed: nothing it still does has any effect */
    uint32_t lives;
    int64_t restart_ms;            /* after its end; negative: not by itself */
    struct shim_http_server *http; /* NULL: does not listen */
    /* The disk (sim_store.c). */
    uint64_t store_steps;   /* so far */
    uint64_t crash_at_step; /* 0: never; counts from the first */
    int crashed_at_step;    /* it happened */
    uint32_t crash_chance;  /* per million store steps */
    int disk_is_full;
    struct sim_node *next;
};

void sim_node_add(struct sim_node *node);
struct sim_node *sim_nodes(void);
struct sim_node *sim_node_current(void); /* NULL: the world itself */
/* Run `run(ctx)` as if it came from the node's kernel: its clock, its transports. */
void sim_node_enter(struct sim_node *node, void (*run)(void *ctx), void *ctx);
void sim_node_start(struct sim_node *node);
void sim_node_stop(struct sim_node *node); /* SIGTERM */
void sim_node_kill(struct sim_node *node); /* SIGKILL */
void sim_node_argument(struct sim_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_node_wait_for_signal(void);
void sim_nodes_kill(void);
void sim_nodes_free(void);
/* Print the log lines of all processes, with the simulated time (sim_log.c). */
void sim_log_to_stdout(int is_on);

#endif
