/* SPDX-License-Identifier: Apache-2.0 */
/* What a process does by itself: each task on a thread of its own, run by period, by
 * wake-up, and again with backoff after a failure. Services' jobs and the bus's
 * consumers are tasks. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit/internal.h"
#include "kit/log.h"

struct task {
    struct shim_task what;
    struct shim_tasks *tasks;
    struct task *next;
    pthread_t thread;
    pthread_cond_t woken;
    int is_woken;
    uint32_t failures;
};

struct shim_tasks {
    pthread_mutex_t lock;
    int is_closing;
    struct task *first;
};

/* Sleep until the time has passed, somebody wakes the task, or all is over.
 * Returns 1 when all is over. */
static int rest(struct task *task, int64_t ms)
{
    int is_deaf = task->what.is_patient && task->failures;
    struct timespec until;
    int is_over;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&task->tasks->lock);
    while (ms > 0 && (is_deaf || !task->is_woken) && !task->tasks->is_closing)
        if (pthread_cond_timedwait(&task->woken, &task->tasks->lock, &until))
            break;
    task->is_woken = 0;
    is_over = task->tasks->is_closing;
    pthread_mutex_unlock(&task->tasks->lock);
    return is_over;
}

/* How long to rest after a run that ended with `r`. */
static int64_t pause_after(struct task *task, int r)
{
    uint32_t delay_ms = 0;
    struct farmiq_backoff policy;

    if (r >= 0) {
        task->failures = 0;
        return r == SHIM_AGAIN ? 0 : task->what.period_ms;
    }
    farmiq_backoff_init(&policy, sizeof policy);
    policy.max_attempts = UINT32_MAX;
    if (task->what.longest_pause_ms)
        policy.max_ms = task->what.longest_pause_ms;
    if (farmiq_backoff_delay(&policy, ++task->failures, shim_chance(), &delay_ms))
        delay_ms = policy.max_ms;
    shim_log_line(SHIM_WARN, "task.failed", "%s: %s; again in %u ms", task->what.name,
                  farmiq_strerror(r), delay_ms);
    return delay_ms;
}

static void *run_for_ever(void *arg)
{
    struct task *task = arg;
    int64_t pause_ms = 0;

    while (!rest(task, pause_ms))
        pause_ms = pause_after(task, task->what.run(task->what.ctx));
    shim_worker_thread_end();
    shim_request_thread_end();
    return NULL;
}

int shim_tasks_open(struct shim_tasks **out)
{
    struct shim_tasks *tasks = calloc(1, sizeof *tasks);

    if (!tasks)
        return FARMIQ_E_NOMEM;
    pthread_mutex_init(&tasks->lock, NULL);
    *out = tasks;
    return FARMIQ_OK;
}

static struct task *make_task(struct shim_tasks *tasks, const struct shim_task *what)
{
    struct task *task = calloc(1, sizeof *task);
    pthread_condattr_t monotonic;

    if (!task)
        return NULL;
    task->what = *what;
    task->tasks = tasks;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&task->woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return task;
}

int shim_tasks_start(struct shim_tasks *tasks, const struct shim_task *what)
{
    struct task *task = make_task(tasks, what);

    if (!task)
        return FARMIQ_E_NOMEM;
    if (pthread_create(&task->thread, NULL, run_for_ever, task)) {
        pthread_cond_destroy(&task->woken);
        free(task);
        return FARMIQ_E_NOMEM;
    }
    pthread_mutex_lock(&tasks->lock);
    task->next = tasks->first;
    tasks->first = task;
    pthread_mutex_unlock(&tasks->lock);
    return FARMIQ_OK;
}

static void wake(struct task *task)
{
    task->is_woken = 1;
    pthread_cond_signal(&task->woken);
}

void shim_tasks_wake(struct shim_tasks *tasks, const char *name)
{
    pthread_mutex_lock(&tasks->lock);
    for (struct task *task = tasks->first; task; task = task->next)
        if (!name || strcmp(task->what.name, name) == 0)
            wake(task);
    pthread_mutex_unlock(&tasks->lock);
}

void shim_tasks_stop(struct shim_tasks *tasks)
{
    if (!tasks)
        return;
    pthread_mutex_lock(&tasks->lock);
    tasks->is_closing = 1;
    for (struct task *task = tasks->first; task; task = task->next)
        wake(task);
    pthread_mutex_unlock(&tasks->lock);
    for (struct task *task = tasks->first; task; task = task->next)
        pthread_join(task->thread, NULL);
}

void shim_tasks_close(struct shim_tasks *tasks)
{
    if (!tasks)
        return;
    while (tasks->first) {
        struct task *task = tasks->first;

        tasks->first = task->next;
        pthread_cond_destroy(&task->woken);
        free(task);
    }
    pthread_mutex_destroy(&tasks->lock);
    free(tasks);
}
