/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's loop. A tick learns what came from the broker, reads the feed, writes
 * everything in one transaction, and only after its commit publishes. */
#include "agent/agent.h"

#include <stdlib.h>
#include <sys/poll.h>
#include <time.h>

#include "agent/ledger.h"
#include "agent/pump.h"
#include "kit/log.h"

#define LONGEST_WAIT_MS 60000
#define RECOVER_MS 1000
#define REPORT_MS 60000

struct agent {
    const struct agent_options *options;
    struct buffer buffer;
    struct link *link;
    struct pump pump;
    struct agent_feed *feed;
    int ledger_fd;
    struct moment now;
    int64_t report_steady_ms;
    int64_t stop_steady_ms; /* when to stop draining; 0: not stopping */
};

static struct moment read_clocks(void)
{
    struct timespec wall, steady;
    struct moment now;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &steady);
    now.unix_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    now.steady_ms = (int64_t)steady.tv_sec * 1000 + steady.tv_nsec / 1000000;
    return now;
}

/* ## Opening and closing */

int agent_open(struct agent **out, const struct agent_options *agent,
               const struct shim_options *options, struct farmiq_error *error)
{
    struct agent *a = calloc(1, sizeof *a);
    int r;

    if (!a)
        return FARMIQ_E_NOMEM;
    a->options = agent;
    a->now = read_clocks();
    r = ledger_open(&a->ledger_fd, agent->ledger, error);
    if (r == FARMIQ_OK)
        r = buffer_open(&a->buffer, agent, a->now, error);
    if (r == FARMIQ_OK)
        r = agent->kind->open(&a->feed, agent, options, a->now, error);
    if (r == FARMIQ_OK)
        r = link_open(&a->link, agent, a->now, error);
    if (r == FARMIQ_OK)
        r = pump_open(&a->pump, agent, &a->buffer, a->link);
    if (r == FARMIQ_OK)
        *out = a;
    else
        agent_close(a);
    return r;
}

void agent_close(struct agent *a)
{
    if (!a)
        return;
    link_close(a->link);
    pump_close(&a->pump);
    if (a->feed)
        a->options->kind->close(a->feed);
    buffer_close(&a->buffer);
    ledger_close(a->ledger_fd);
    free(a);
}

/* ## One tick */

static int write_all(struct agent *a, int is_last)
{
    int r = buffer_add(&a->buffer, a->feed->first, a->feed->count, a->now);

    if (r == FARMIQ_OK)
        r = pump_settle(&a->pump, is_last);
    if (r == FARMIQ_OK)
        r = buffer_shed(&a->buffer, a->now);
    if (r == FARMIQ_OK && !is_last)
        r = pump_board(&a->pump);
    return r;
}

static int commit_all(struct agent *a, int is_last)
{
    struct farmiq_store *store = &a->buffer.store;
    int r = farmiq_store_begin(store);

    if (r != FARMIQ_OK)
        return r;
    r = write_all(a, is_last);
    if (r == FARMIQ_OK)
        r = farmiq_store_commit(store);
    if (r != FARMIQ_OK)
        farmiq_store_rollback(store);
    return r;
}

/* What is in memory and what is in the file may differ now. The file is right: begin
 * again as after a crash, with the feed's rows still in hand. */
static void recover(struct agent *a, int why)
{
    shim_log_line(SHIM_ERROR, "buffer.failed", "%s: %s", farmiq_errname(why),
                  farmiq_strerror(why));
    pump_forget(&a->pump);
    if (buffer_recover(&a->buffer, a->now) != FARMIQ_OK)
        shim_log_line(SHIM_ERROR, "buffer.failed", "it cannot be read either");
}

static int has_work(struct agent *a)
{
    return a->feed->count || pump_due(&a->pump) <= a->now.steady_ms;
}

/* What the feed made is durable: the ledger may say so, and the feed forget it. */
static void let_go(struct agent *a)
{
    if (a->feed->count == 0)
        return;
    if (ledger_note(a->ledger_fd, a->feed->first) != FARMIQ_OK)
        shim_log_line(SHIM_ERROR, "ledger.failed", "the ledger lacks events");
    a->options->kind->taken(a->feed);
}

static int tick(struct agent *a)
{
    int r = FARMIQ_OK;

    a->now = read_clocks();
    pump_learn(&a->pump, a->now);
    if (!a->stop_steady_ms)
        a->options->kind->read(a->feed, a->now);
    if (a->feed->count)
        pump_wake(&a->pump);
    if (has_work(a))
        r = commit_all(a, 0);
    if (r == FARMIQ_OK)
        let_go(a);
    else
        recover(a, r);
    pump_send(&a->pump);
    return r;
}

/* ## The loop */

static void report(struct agent *a)
{
    const struct pump *p = &a->pump;

    if (a->now.steady_ms < a->report_steady_ms)
        return;
    a->report_steady_ms = a->now.steady_ms + REPORT_MS;
    shim_log_line(SHIM_INFO, "agent.state",
                  "buffered %llu, produced %llu, published %llu, acknowledged %llu, "
                  "repeated %llu, refused %llu, denied %llu, dropped %llu, skipped %llu",
                  (unsigned long long)a->buffer.held,
                  (unsigned long long)a->feed->produced, (unsigned long long)p->published,
                  (unsigned long long)p->acked, (unsigned long long)p->repeated,
                  (unsigned long long)p->refused, (unsigned long long)p->denied,
                  (unsigned long long)(a->buffer.dropped_full + a->buffer.dropped_old),
                  (unsigned long long)a->feed->skipped);
}

static int reads_feed(const struct agent *a)
{
    return !a->feed->is_over && !a->stop_steady_ms;
}

static int wait_ms(struct agent *a, int tick_result)
{
    int64_t due = pump_due(&a->pump);

    if (reads_feed(a) && a->feed->due_steady_ms < due)
        due = a->feed->due_steady_ms;
    if (a->stop_steady_ms && a->stop_steady_ms < due)
        due = a->stop_steady_ms;
    due -= a->now.steady_ms;
    if (tick_result != FARMIQ_OK && due < RECOVER_MS)
        return RECOVER_MS; /* a disk that failed needs more than a moment */
    return due < 0 ? 0 : due < LONGEST_WAIT_MS ? (int)due : LONGEST_WAIT_MS;
}

/* Returns 1 when asked to stop. */
static int wait_for_news(struct agent *a, int stop_fd, int tick_result)
{
    struct pollfd fds[] = {
        { .fd = a->stop_steady_ms ? -1 : stop_fd, .events = POLLIN },
        { .fd = tick_result == FARMIQ_OK ? link_fd(a->link) : -1, .events = POLLIN },
        { .fd = reads_feed(a) ? a->feed->fd : -1, .events = POLLIN },
    };

    return poll(fds, 3, wait_ms(a, tick_result)) > 0 && fds[0].revents;
}

/* Draining ends when there is nothing left to hear, or its time is over. */
static int is_done(const struct agent *a)
{
    int is_empty = a->buffer.held == 0 && a->feed->count == 0;

    if (!a->stop_steady_ms)
        return a->feed->is_over && is_empty;
    return is_empty || !a->pump.is_connected || a->now.steady_ms >= a->stop_steady_ms;
}

/* What is unacknowledged stays in the file; the next start sends it again. */
static int farewell(struct agent *a)
{
    int r;

    a->now = read_clocks();
    pump_learn(&a->pump, a->now);
    r = commit_all(a, 1);
    if (a->pump.is_connected)
        (void)link_send_status(a->link, 0, a->now);
    a->report_steady_ms = 0;
    report(a);
    return r;
}

int agent_run(struct agent *a, int stop_fd)
{
    shim_log_line(SHIM_INFO, "agent.started", "%llu events in the buffer",
                  (unsigned long long)a->buffer.held);
    for (;;) {
        int r = tick(a);

        report(a);
        if (is_done(a))
            return farewell(a);
        if (wait_for_news(a, stop_fd, r) && !a->stop_steady_ms)
            a->stop_steady_ms = read_clocks().steady_ms + a->options->drain_ms;
    }
}
