/* SPDX-License-Identifier: Apache-2.0 */
/* Wake-ups between processes on one database: what wakes a task here after a commit wakes
 * its namesakes elsewhere, too. Only a hint: every task looks by itself from time to
 * time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <unistd.h>

#include <farmiq/store_pg.h>

#include "kit/internal.h"
#include "kit/log.h"
#include "kit/store_open.h"

#define TELL_EVERY_MS 20 /* telling takes a lock of the whole database */
#define LOOK_MS 1000
#define LOST_LOOK_MS 100
#define MAX_TASKS 16

struct shim_news {
    struct shim_runtime *runtime;
    struct farmiq_pg_listener *listener;
    pthread_t thread;
    int wake_fd;
    int64_t told_at_ms;
    pthread_mutex_t lock; /* of what follows */
    int is_closing;
    uint32_t count;
    char tasks[MAX_TASKS][64]; /* not yet told of */
};

static void on_news(void *ctx, const char *task)
{
    struct shim_news *news = ctx;

    shim_tasks_wake(news->runtime->tasks, *task ? task : NULL);
}

/* Take what is to be told, if it is time; 1: all is over. */
static int take(struct shim_news *news, char tasks[MAX_TASKS][64], uint32_t *count)
{
    int is_over;

    *count = 0;
    pthread_mutex_lock(&news->lock);
    if (shim_clock_monotonic_ms() - news->told_at_ms >= TELL_EVERY_MS) {
        *count = news->count;
        memcpy(tasks, news->tasks, sizeof news->tasks);
        news->count = 0;
    }
    is_over = news->is_closing;
    pthread_mutex_unlock(&news->lock);
    return is_over;
}

static int is_waiting(struct shim_news *news)
{
    int waiting;

    pthread_mutex_lock(&news->lock);
    waiting = news->count > 0;
    pthread_mutex_unlock(&news->lock);
    return waiting;
}

static void rest(struct shim_news *news, int ms)
{
    struct pollfd fds[] = {
        { .fd = news->wake_fd, .events = POLLIN },
        { .fd = farmiq_pg_listener_fd(news->listener), .events = POLLIN },
    };
    eventfd_t ignored;

    if (poll(fds, 2, is_waiting(news) ? TELL_EVERY_MS : ms) > 0 && fds[0].revents)
        eventfd_read(news->wake_fd, &ignored);
}

static void *listen_for_ever(void *arg)
{
    struct shim_news *news = arg;
    char tasks[MAX_TASKS][64];
    uint32_t count;

    while (!take(news, tasks, &count)) {
        int r = FARMIQ_OK;

        /* What is not told because the connection is lost, others find by themselves. */
        for (uint32_t i = 0; i < count && r == FARMIQ_OK; i++) {
            r = farmiq_pg_listener_tell(news->listener, tasks[i]);
            news->told_at_ms = shim_clock_monotonic_ms();
        }
        r = farmiq_pg_listener_wait(news->listener, 0, on_news, news);
        if (r != FARMIQ_OK)
            rest(news, r == FARMIQ_E_STORE ? LOST_LOOK_MS : LOOK_MS);
    }
    return NULL;
}

static int start(struct shim_news *news)
{
    struct farmiq_error error;
    int r;

    farmiq_error_init(&error, sizeof error);
    r = farmiq_pg_listen(&news->listener,
                         shim_options_text(news->runtime->options, "DATABASE_URL"),
                         &error);
    if (r < 0)
        shim_log_line(SHIM_WARN, "news.failed", "each process looks by itself: %s",
                      error.detail);
    else if ((news->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0 ||
             pthread_create(&news->thread, NULL, listen_for_ever, news))
        r = FARMIQ_E_NOMEM;
    return r;
}

static void destroy(struct shim_news *news)
{
    if (news->wake_fd >= 0)
        close(news->wake_fd);
    farmiq_pg_listener_close(news->listener);
    pthread_mutex_destroy(&news->lock);
    free(news);
}

/* Without news everything works, a little later. */
int shim_news_open(struct shim_news **out, struct shim_runtime *runtime)
{
    struct shim_news *news;

    if (!runtime->schema || !shim_store_is_shared_by(runtime->options) ||
        strcmp(shim_options_text(runtime->options, "STORE_NOTIFY"), "on") != 0)
        return FARMIQ_OK;
    news = calloc(1, sizeof *news);
    if (!news)
        return FARMIQ_E_NOMEM;
    news->runtime = runtime;
    news->wake_fd = -1;
    pthread_mutex_init(&news->lock, NULL);
    if (start(news) < 0)
        destroy(news);
    else
        *out = news;
    return FARMIQ_OK;
}

/* If there are too many to remember, everybody is told. */
static void add_task(struct shim_news *news, const char *task)
{
    for (uint32_t i = 0; i < news->count; i++)
        if (strcmp(news->tasks[i], task) == 0)
            return;
    if (news->count == MAX_TASKS) {
        news->count = 1;
        news->tasks[0][0] = '\0';
    } else {
        snprintf(news->tasks[news->count++], sizeof *news->tasks, "%s", task);
    }
}

void shim_news_tell(struct shim_news *news, const char *task)
{
    if (!news)
        return;
    pthread_mutex_lock(&news->lock);
    add_task(news, task);
    pthread_mutex_unlock(&news->lock);
    eventfd_write(news->wake_fd, 1);
}

void shim_news_close(struct shim_news *news)
{
    if (!news)
        return;
    pthread_mutex_lock(&news->lock);
    news->is_closing = 1;
    pthread_mutex_unlock(&news->lock);
    eventfd_write(news->wake_fd, 1);
    pthread_join(news->thread, NULL);
    destroy(news);
}
