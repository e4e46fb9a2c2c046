/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl outbox: look at a queue's rows, and put dead letters back to work. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "kit/options_print.h"
#include "kit/store_open.h"
#include "ctl_queries.h"

#define REDRIVE_MAX 1000

static const struct shim_option options[] = {
    { "QUEUE", SHIM_STRING, "sync", "which queue: sync, bus_telemetry, agent, ..." },
    { "STATUS", SHIM_CHOICE, "all",
      "all|pending|claimed|acked|dlq|failed: ls shows only these" },
    { "LIMIT", SHIM_COUNT, "100", "ls shows at most this many rows" },
    { "SEQS", SHIM_STRING, "",
      "redrive only these rows, separated by commas; empty: all" },
    { "REASON", SHIM_STRING, "", "why they are redriven; kept for the audit" },
    { "OLDER_THAN", SHIM_SECONDS, "300s",
      "unclaim leases that ended longer ago than this" },
    { "SINCE", SHIM_STRING, "",
      "replay what was acknowledged from this time on: 2026-11-28T06:00:00Z" },
    { "TENANT", SHIM_STRING, "", "replay only this tenant's events; empty: everybody's" },
    { 0 },
};
static const struct shim_option *const tables[] = { options, shim_store_options, NULL };

struct asked {
    const struct shim_options *options;
    const char *queue;
    struct farmiq_store store;
    int64_t now_unix_ms;
};

static int64_t now_unix_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int print_row(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    char occurred_at[FARMIQ_TIME_STRLEN + 1] = "";
    uint32_t *rows = ctx;

    (void)count;
    *rows = row + 1;
    (void)!farmiq_time_format(columns[4].integer, occurred_at);
    printf("%" PRId64 "\t%.*s\t%" PRId64 "\t%s\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\n",
           columns[0].integer, (int)columns[6].text.len, columns[6].text.ptr,
           columns[7].integer, occurred_at, (int)columns[3].text.len, columns[3].text.ptr,
           (int)columns[1].text.len, columns[1].text.ptr, (int)columns[2].text.len,
           columns[2].text.ptr, (int)columns[8].text.len, columns[8].text.ptr,
           (int)columns[9].text.len, columns[9].text.ptr);
    return FARMIQ_OK;
}

static int list_rows(struct asked *asked)
{
    const char *status = shim_options_text(asked->options, "STATUS");
    struct farmiq_sql_value params[2] = {
        farmiq_sql_text((struct farmiq_str){ status, strlen(status) }),
        farmiq_sql_integer(shim_options_number(asked->options, "LIMIT")),
    };
    uint32_t rows = 0;
    int r;

    printf("seq\tstatus\tattempts\toccurred_at\tevent_type\ttenant_id\tevent_id\terror\t"
           "message\n");
    r = farmiq_sql_run(&asked->store, &sql_list, asked->queue, params, 2, print_row,
                       &rows);
    return r < 0 ? ctl_fail("outbox ls", r, NULL) : rows ? 0 : 1;
}

static int print_stats(struct asked *asked)
{
    struct farmiq_outbox_stats stats;
    int64_t oldest;
    int r;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    r = farmiq_store_outbox_stats(&asked->store, asked->queue, &stats);
    if (r < 0)
        return ctl_fail("outbox stats", r, NULL);
    oldest = stats.oldest_pending_unix_ms;
    printf("pending %" PRIu64 "\nclaimed %" PRIu64 "\nacked %" PRIu64 "\ndead %" PRIu64
           "\n"
           "oldest_pending_age_s %" PRId64 "\n",
           stats.pending, stats.claimed, stats.acked, stats.dlq,
           oldest ? (asked->now_unix_ms - oldest) / 1000 : 0);
    return 0;
}

/* "3,14,15" to numbers. Returns how many; -1: not a list of numbers, or too long. */
static int read_seqs(const char *text, int64_t *seqs)
{
    int count = 0;

    while (*text) {
        char *end;

        if (count == REDRIVE_MAX)
            return -1;
        seqs[count++] = strtoll(text, &end, 10);
        if (end == text || (*end && *end != ','))
            return -1;
        text = end + (*end == ',');
    }
    return count;
}

static int redrive(struct asked *asked)
{
    const char *reason = shim_options_text(asked->options, "REASON");
    const char *user = getlogin();
    int64_t seqs[REDRIVE_MAX];
    int count = read_seqs(shim_options_text(asked->options, "SEQS"), seqs), r;
    uint32_t redriven = 0;

    if (count < 0 || !*reason) {
        fprintf(stderr, "farmiqctl outbox redrive: %s\n",
                count < 0 ? "--seqs must be row numbers separated by commas, at most 1000"
                          : "--reason is needed: it is kept with the audit");
        return 2;
    }
    r = farmiq_store_outbox_redrive(
        &asked->store, asked->queue, seqs, (uint32_t)count,
        (struct farmiq_str){ user ? user : "operator", strlen(user ? user : "operator") },
        (struct farmiq_str){ reason, strlen(reason) }, asked->now_unix_ms, &redriven);
    if (r < 0)
        return ctl_fail("outbox redrive", r, NULL);
    printf("%u rows are pending again\n", redriven);
    return redriven ? 0 : 1;
}

static int unclaim(struct asked *asked)
{
    uint32_t unclaimed = 0;
    int r = farmiq_store_outbox_unclaim(&asked->store, asked->queue, asked->now_unix_ms,
                                        shim_options_number(asked->options, "OLDER_THAN"),
                                        &unclaimed);

    if (r < 0)
        return ctl_fail("outbox unclaim", r, NULL);
    printf("%u rows are pending again\n", unclaimed);
    return unclaimed ? 0 : 1;
}

/* A thousand events in a transaction: the daemon works on meanwhile, and a replay that is
 * interrupted has done what it has done. */
static int replay_all(struct asked *asked, struct farmiq_outbox_replay *replay,
                      uint64_t *total)
{
    uint32_t replayed = 0;
    int r;

    do {
        r = farmiq_store_outbox_replay(&asked->store, asked->queue, replay, &replayed);
        *total += r < 0 ? 0 : replayed;
    } while (r == FARMIQ_OK);
    return r;
}

static int replay(struct asked *asked)
{
    const char *since = shim_options_text(asked->options, "SINCE");
    const char *tenant = shim_options_text(asked->options, "TENANT");
    struct farmiq_outbox_replay replay;
    uint64_t total = 0;
    int r;

    farmiq_outbox_replay_init(&replay, sizeof replay);
    r = farmiq_time_parse(since, strlen(since), &replay.since_unix_ms);
    if (r < 0) {
        fprintf(stderr, "farmiqctl outbox replay: --since is needed: a time with a zone, "
                        "like 2026-11-28T06:00:00Z\n");
        return 2;
    }
    replay.before_unix_ms = asked->now_unix_ms;
    replay.tenant_id = (struct farmiq_str){ tenant, strlen(tenant) };
    r = replay_all(asked, &replay, &total);
    printf("%" PRIu64 " events are pending again\n", total);
    return r < 0 ? ctl_fail("outbox replay", r, NULL) : total ? 0 : 1;
}

static const struct {
    const char *name;
    int (*run)(struct asked *asked);
    const char *summary;
} verbs[] = {
    { "ls", list_rows, "list rows: tab-separated, oldest first" },
    { "stats", print_stats, "count rows by state" },
    { "redrive", redrive, "put dead letters back to work" },
    { "unclaim", unclaim, "end leases that expired long ago" },
    { "replay", replay, "send again what was acknowledged, to a restored cloud" },
};

static void man(void)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        printf(".TP\n.B %s\n", verbs[i].name);
        shim_man_text(verbs[i].summary);
    }
}

static int usage(FILE *out)
{
    fprintf(out, "Usage: farmiqctl outbox VERB [--database-url sqlite:PATH] [--name "
                 "value]...\n\n");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
    fprintf(out, "\n'farmiqctl outbox VERB --help' lists the options.\n");
    return out == stdout ? 0 : 2;
}

static int run(const struct shim_options *given, int (*verb)(struct asked *asked))
{
    struct asked asked = { .options = given,
                           .queue = shim_options_text(given, "QUEUE"),
                           .now_unix_ms = now_unix_ms() };
    struct farmiq_error error;
    int r;

    farmiq_error_init(&error, sizeof error);
    /* No schema: a tool that looks must not change what it looks at. */
    r = shim_store_open(&asked.store, given, NULL,
                        verb == list_rows || verb == print_stats ? SHIM_STORE_READ
                                                                 : SHIM_STORE_WRITE,
                        &error);
    if (r < 0)
        return ctl_fail("--database-url", r, &error);
    r = verb(&asked);
    farmiq_store_close(&asked.store);
    return r;
}

static int outbox(int argc, char **argv)
{
    struct shim_options *given;
    int r;

    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[1], verbs[i].name) != 0)
            continue;
        r = shim_options_open(&given, "farmiqctl outbox", verbs[i].summary, tables,
                              argc - 1, argv + 1);
        if (r)
            return r == SHIM_OPTIONS_DONE ? 0 : 2;
        r = run(given, verbs[i].run);
        shim_options_close(given);
        return r;
    }
    return usage(stderr);
}

const struct ctl_command ctl_outbox = {
    .name = "outbox",
    .arguments = "VERB [--name value]...",
    .summary = "look at a queue's rows, and put them back to work",
    .tables = tables,
    .man = man,
    .run = outbox,
};
