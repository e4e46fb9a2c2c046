/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer of a process. Units of work queue up; whatever is there when the
 * writer is free becomes one transaction, each unit in a savepoint of its own, and
 * everybody is told after the commit. Concurrent requests thus share one fsync, and
 * no service ever meets a lock. */
#include <assert.h>
#include <stdlib.h>

#include "kit/internal.h"
#include "kit/log.h"
#include "kit/store_open.h"

/* Units in one transaction at most, so that the first does not wait long. */
#define GROUP_MAX 64
#define BUSY_RETRIES 5

struct shim_writer {
    struct shim_runtime *runtime;
    struct farmiq_store store;
    pthread_t thread;
    struct shim_units units;
};

static int run_unit(struct shim_writer *writer, struct shim_unit *unit)
{
    shim_call_reset(unit->call);
    unit->call->store = &writer->store;
    return unit->run(unit->call, unit->arg);
}

/* In a savepoint: a unit that fails leaves nothing and disturbs nobody. */
static int run_apart(struct shim_writer *writer, struct shim_unit *unit)
{
    int r = farmiq_store_begin(&writer->store), committed;

    if (r < 0)
        return r;
    r = run_unit(writer, unit);
    committed = r < 0 ? r : farmiq_store_commit(&writer->store);
    if (committed < 0)
        farmiq_store_rollback(&writer->store);
    return committed < 0 ? committed : r;
}

static void log_failure(const struct shim_writer *writer, int code)
{
    shim_log_line(SHIM_ERROR, "store.failed", "%s: %s (%s)", farmiq_errname(code),
                  farmiq_strerror(code), shim_store_words(&writer->store));
}

/* A unit alone needs no savepoint: the transaction is its own. */
static int run_alone(struct shim_writer *writer, struct shim_unit *unit)
{
    unit->result = run_apart(writer, unit);
    if (unit->result == FARMIQ_E_STORE)
        log_failure(writer, FARMIQ_E_STORE);
    return unit->result == FARMIQ_E_BUSY ? FARMIQ_E_BUSY : FARMIQ_OK;
}

/* Where one loses a race against another process, all run again. */
static int run_together(struct shim_writer *writer, struct shim_unit *group)
{
    int r = farmiq_store_begin(&writer->store);

    if (r < 0)
        return r;
    for (struct shim_unit *unit = group; unit && r != FARMIQ_E_BUSY; unit = unit->next)
        r = unit->result = run_apart(writer, unit);
    if (r != FARMIQ_E_BUSY)
        r = farmiq_store_commit(&writer->store);
    if (r < 0)
        farmiq_store_rollback(&writer->store);
    return r;
}

static int run_group(struct shim_writer *writer, struct shim_unit *group)
{
    return group->next ? run_together(writer, group) : run_alone(writer, group);
}

/* When the transaction as a whole failed, nobody succeeded. */
static void fail_group(const struct shim_writer *writer, struct shim_unit *group,
                       int code)
{
    log_failure(writer, code);
    shim_count("farmiq_store_failures_total", farmiq_errname(code), 1);
    for (; group; group = group->next)
        if (group->result >= 0)
            group->result = code;
}

static void finish_group(struct shim_unit *group)
{
    while (group) {
        struct shim_unit *unit = group;

        group = group->next; /* `done` may free the unit */
        unit->next = NULL;
        unit->done(unit);
    }
}

static void *write_for_ever(void *arg)
{
    struct shim_writer *writer = arg;
    struct shim_unit *group;

    pthread_setname_np(pthread_self(), "writer"); /* for top -H and the benchmark */
    while ((group = shim_units_take(&writer->units, GROUP_MAX)) != NULL) {
        int r = FARMIQ_E_BUSY;

        for (int tries = 0; r == FARMIQ_E_BUSY && tries < BUSY_RETRIES; tries++)
            r = run_group(writer, group);
        if (r < 0)
            fail_group(writer, group, r);
        shim_count("farmiq_store_commits_total", NULL, 1);
        finish_group(group);
    }
    return NULL;
}

int shim_writer_open(struct shim_writer **out, struct shim_runtime *runtime,
                     struct farmiq_error *error)
{
    struct shim_writer *writer = calloc(1, sizeof *writer);
    int r;

    if (!writer)
        return FARMIQ_E_NOMEM;
    writer->runtime = runtime;
    r = shim_store_open(&writer->store, runtime->options, runtime->schema,
                        SHIM_STORE_WRITE, error);
    if (r < 0) {
        free(writer);
        return r;
    }
    shim_units_init(&writer->units);
    if (pthread_create(&writer->thread, NULL, write_for_ever, writer)) {
        farmiq_store_close(&writer->store);
        free(writer);
        return FARMIQ_E_NOMEM;
    }
    *out = writer;
    return FARMIQ_OK;
}

void shim_writer_close(struct shim_writer *writer)
{
    if (!writer)
        return;
    shim_units_end(&writer->units);
    pthread_join(writer->thread, NULL);
    farmiq_store_close(&writer->store);
    shim_units_fini(&writer->units);
    free(writer);
}

void shim_writer_submit(struct shim_writer *writer, struct shim_unit *unit)
{
    assert(unit->run && unit->done && unit->call);
    shim_units_push(&writer->units, unit);
}

/* Somebody who waits for one unit. */
struct shim_waiter {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    int is_done;
};

static void wake_waiter(struct shim_unit *unit)
{
    struct shim_waiter *waiter = unit->waiter;

    pthread_mutex_lock(&waiter->lock);
    waiter->is_done = 1;
    pthread_cond_signal(&waiter->finished);
    pthread_mutex_unlock(&waiter->lock);
}

int shim_writer_run(struct shim_writer *writer, struct shim_unit *unit)
{
    struct shim_waiter waiter = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                                  0 };

    unit->waiter = &waiter;
    unit->done = wake_waiter;
    shim_writer_submit(writer, unit);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_done)
        pthread_cond_wait(&waiter.finished, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    return unit->result;
}
