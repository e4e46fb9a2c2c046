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

#define GROUP_MAX 64 /* units in one transaction, so that the first does not wait long   \
                      */
#define BUSY_RETRIES 5

struct shim_writer {
    struct shim_runtime *runtime;
    struct farmiq_store store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct shim_unit *first, *last;
    int is_closing;
};

/* Take up to GROUP_MAX units; wait for the first. NULL: closing, and none are left. */
static struct shim_unit *take_group(struct shim_writer *writer)
{
    struct shim_unit *group, *end;
    int taken = 1;

    pthread_mutex_lock(&writer->lock);
    while (!writer->first && !writer->is_closing)
        pthread_cond_wait(&writer->arrived, &writer->lock);
    group = end = writer->first;
    while (end && end->next && taken < GROUP_MAX) {
        end = end->next;
        taken++;
    }
    if (end) {
        writer->first = end->next;
        end->next = NULL;
    }
    if (!writer->first)
        writer->last = NULL;
    pthread_mutex_unlock(&writer->lock);
    return group;
}

/* In a savepoint: a unit that fails leaves nothing and disturbs nobody. */
static int run_unit(struct shim_writer *writer, struct shim_unit *unit)
{
    int r;

    shim_call_reset(unit->call);
    unit->call->store = &writer->store;
    r = farmiq_store_begin(&writer->store);
    if (r < 0)
        return r;
    r = unit->run(unit->call, unit->arg);
    if (r < 0) {
        farmiq_store_rollback(&writer->store);
        return r;
    }
    if (farmiq_store_commit(&writer->store) < 0) {
        farmiq_store_rollback(&writer->store);
        return FARMIQ_E_STORE;
    }
    return r;
}

static int run_group(struct shim_writer *writer, struct shim_unit *group)
{
    int r = farmiq_store_begin(&writer->store);

    if (r < 0)
        return r;
    for (struct shim_unit *unit = group; unit; unit = unit->next)
        unit->result = run_unit(writer, unit);
    r = farmiq_store_commit(&writer->store);
    if (r < 0)
        farmiq_store_rollback(&writer->store);
    return r;
}

/* When the transaction as a whole failed, nobody succeeded. */
static void fail_group(struct shim_unit *group, int code)
{
    shim_log_line(SHIM_ERROR, "store.failed", "%s: %s", farmiq_errname(code),
                  farmiq_strerror(code));
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

    while ((group = take_group(writer)) != NULL) {
        int r = FARMIQ_E_BUSY;

        for (int tries = 0; r == FARMIQ_E_BUSY && tries < BUSY_RETRIES; tries++)
            r = run_group(writer, group);
        if (r < 0)
            fail_group(group, r);
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
                        FARMIQ_SQLITE_WRITE, error);
    if (r < 0) {
        free(writer);
        return r;
    }
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->arrived, NULL);
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
    pthread_mutex_lock(&writer->lock);
    writer->is_closing = 1;
    pthread_cond_signal(&writer->arrived);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    farmiq_store_close(&writer->store);
    pthread_cond_destroy(&writer->arrived);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

void shim_writer_submit(struct shim_writer *writer, struct shim_unit *unit)
{
    assert(unit->run && unit->done && unit->call);
    unit->next = NULL;
    pthread_mutex_lock(&writer->lock);
    if (writer->last)
        writer->last->next = unit;
    else
        writer->first = unit;
    writer->last = unit;
    pthread_cond_signal(&writer->arrived);
    pthread_mutex_unlock(&writer->lock);
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
