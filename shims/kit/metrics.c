/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and gauges in one fixed table: a metric is bounded by construction. */
#include "kit/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 4096 /* a power of two, far more than all tables together */
#define LABEL_BYTES (FARMIQ_ID_MAX_BYTES + 1)
#define MAX_DECLARED 256

/* One time series. `metric` is set last, so that readers need no lock. */
struct series {
    _Atomic(const struct shim_metric *) metric;
    char label[LABEL_BYTES];
    _Atomic uint64_t value; /* a counter, or the bits of a double */
};

static struct series table[SLOTS];
static const struct shim_metric *declared[MAX_DECLARED];
static size_t declared_count;
static pthread_mutex_t creation = PTHREAD_MUTEX_INITIALIZER;

static const struct shim_metric *find_declared(const char *name)
{
    for (size_t i = 0; i < declared_count; i++)
        if (strcmp(declared[i]->name, name) == 0)
            return declared[i];
    return NULL;
}

static uint32_t hash_of(const char *name, const char *label)
{
    uint32_t hash = 2166136261u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    for (hash *= 31; *label; label++)
        hash = (hash ^ (unsigned char)*label) * 16777619u;
    return hash;
}

static int is_series(const struct series *series, const struct shim_metric *metric,
                     const char *name, const char *label)
{
    return strcmp(metric->name, name) == 0 &&
           strncmp(series->label, label, LABEL_BYTES - 1) == 0;
}

/* The slot of a series, or the free slot where it belongs. NULL: the table is full. */
static struct series *probe(const char *name, const char *label)
{
    uint32_t at = hash_of(name, label);

    for (uint32_t step = 0; step < SLOTS; step++) {
        struct series *series = &table[(at + step) % SLOTS];
        const struct shim_metric *metric =
            atomic_load_explicit(&series->metric, memory_order_acquire);

        if (!metric || is_series(series, metric, name, label))
            return series;
    }
    return NULL;
}

static struct series *create(const char *name, const char *label)
{
    const struct shim_metric *metric = find_declared(name);
    struct series *series;

    assert(metric && "a metric must stand in a table before it is counted");
    if (!metric)
        return NULL;
    pthread_mutex_lock(&creation);
    series = probe(name, label);
    if (series && !atomic_load(&series->metric)) {
        snprintf(series->label, sizeof series->label, "%s", label);
        atomic_store_explicit(&series->metric, metric, memory_order_release);
    }
    pthread_mutex_unlock(&creation);
    return series;
}

static struct series *series_of(const char *name, const char *label)
{
    struct series *series;

    label = label ? label : "";
    series = probe(name, label);
    if (series && atomic_load_explicit(&series->metric, memory_order_acquire))
        return series;
    return create(name, label);
}

void shim_metrics_declare(const struct shim_metric *metrics)
{
    for (; metrics && metrics->name; metrics++) {
        if (find_declared(metrics->name))
            continue;
        assert(declared_count < MAX_DECLARED);
        declared[declared_count++] = metrics;
        if (!metrics->label)
            series_of(metrics->name, ""); /* shown from the first scrape, at zero */
    }
}

void shim_count(const char *metric, const char *label, uint64_t n)
{
    struct series *series = series_of(metric, label);

    if (series)
        atomic_fetch_add_explicit(&series->value, n, memory_order_relaxed);
}

void shim_gauge(const char *metric, const char *label, double value)
{
    struct series *series = series_of(metric, label);
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    if (series)
        atomic_store_explicit(&series->value, bits, memory_order_relaxed);
}

uint64_t shim_counted(const char *metric, const char *label)
{
    struct series *series = probe(metric, label ? label : "");

    if (!series || !atomic_load_explicit(&series->metric, memory_order_acquire))
        return 0;
    return atomic_load_explicit(&series->value, memory_order_relaxed);
}

struct printer {
    char *buf;
    size_t buf_bytes;
    size_t len;
};

static void __attribute__((format(printf, 2, 3)))
put(struct printer *printer, const char *format, ...)
{
    size_t room =
        printer->len < printer->buf_bytes ? printer->buf_bytes - printer->len : 0;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(room ? printer->buf + printer->len : NULL, room, format, args);
    va_end(args);
    printer->len += n > 0 ? (size_t)n : 0;
}

static void print_series(struct printer *printer, const struct shim_metric *metric,
                         const struct series *series)
{
    uint64_t bits = atomic_load_explicit(&series->value, memory_order_relaxed);
    double value;

    memcpy(&value, &bits, sizeof value);
    put(printer, "%s", metric->name);
    if (metric->label) {
        put(printer, "{%s=\"", metric->label);
        for (const char *c = series->label; *c; c++)
            put(printer, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
        put(printer, "\"}");
    }
    if (metric->type == SHIM_COUNTER)
        put(printer, " %llu\n", (unsigned long long)bits);
    else
        put(printer, " %.17g\n", value);
}

size_t shim_metrics_print(char *buf, size_t buf_bytes)
{
    struct printer printer = { buf, buf_bytes, 0 };

    for (size_t i = 0; i < declared_count; i++) {
        const struct shim_metric *metric = declared[i];

        put(&printer, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
            metric->name, metric->type == SHIM_COUNTER ? "counter" : "gauge");
        for (size_t slot = 0; slot < SLOTS; slot++)
            if (atomic_load_explicit(&table[slot].metric, memory_order_acquire) == metric)
                print_series(&printer, metric, &table[slot]);
    }
    return printer.len;
}
