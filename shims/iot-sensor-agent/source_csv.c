/* SPDX-License-Identifier: Apache-2.0 */
/* Readings from a file: a header line names the columns, the rows follow in time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fail.h"
#include "source.h"

#define COLUMNS_MAX 16
#define LINE_BYTES 1024

struct csv {
    struct source base;
    FILE *file;
    char *columns[COLUMNS_MAX]; /* point into header */
    size_t column_count;
    char header[LINE_BYTES];
    struct reading next; /* read, but not due yet */
    int has_next;
    int64_t first_ts_unix_ms;
    int has_first;
    struct moment start;
    uint32_t speed;
};

static size_t split(char *line, char *cells[COLUMNS_MAX])
{
    size_t count = 0;
    char *rest = line;

    line[strcspn(line, "\r\n")] = '\0';
    while (rest && count < COLUMNS_MAX)
        cells[count++] = strsep(&rest, ",");
    return count;
}

static int has_column(const struct csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->column_count; i++)
        if (strcmp(csv->columns[i], name) == 0)
            return 1;
    return 0;
}

static void close_csv(struct source *source)
{
    struct csv *csv = (struct csv *)source;

    if (csv->file)
        fclose(csv->file);
    free(csv);
}

static int read_header(struct csv *csv, const char *path, struct farmiq_error *error)
{
    csv->file = fopen(path, "re");
    if (!csv->file || !fgets(csv->header, sizeof csv->header, csv->file))
        return shim_fail(error, FARMIQ_E_ARG, "CSV_FILE", "cannot be read");
    csv->column_count = split(csv->header, csv->columns);
    if (!has_column(csv, "ts") || !has_column(csv, "metric") || !has_column(csv, "value"))
        return shim_fail(error, FARMIQ_E_ARG, "CSV_FILE",
                         "has no columns ts, metric and value");
    return FARMIQ_OK;
}

static int open_csv(struct source **out, const struct sensor_options *o,
                    struct moment now, struct farmiq_error *error)
{
    struct csv *csv = calloc(1, sizeof *csv);
    int r;

    if (!csv)
        return FARMIQ_E_NOMEM;
    csv->base = (struct source){ .kind = &source_csv, .fd = -1 };
    csv->start = now;
    csv->speed = o->speed;
    r = read_header(csv, o->csv_file, error);
    if (r == FARMIQ_OK)
        *out = &csv->base;
    else
        close_csv(&csv->base);
    return r;
}

/* Columns that are no field of a reading are somebody else's. */
static int read_row(struct csv *csv)
{
    struct reading reading = { 0 };
    char line[LINE_BYTES], *cells[COLUMNS_MAX];
    size_t count;

    if (!fgets(line, sizeof line, csv->file))
        return FARMIQ_EXHAUSTED;
    count = split(line, cells);
    if (count < csv->column_count)
        return FARMIQ_E_SYNTAX;
    for (size_t i = 0; i < csv->column_count; i++) {
        struct farmiq_str text = { cells[i], strlen(cells[i]) };

        if (reading_set(&reading, csv->columns[i], text) < 0)
            return FARMIQ_E_SYNTAX;
    }
    csv->next = reading;
    csv->has_next = 1;
    return FARMIQ_OK;
}

static int64_t due(struct csv *csv)
{
    if (!csv->has_first)
        csv->first_ts_unix_ms = csv->next.ts_unix_ms;
    csv->has_first = 1;
    if (csv->speed == 0)
        return 0;
    return csv->start.steady_ms +
           (csv->next.ts_unix_ms - csv->first_ts_unix_ms) / csv->speed;
}

static int read_csv(struct source *source, struct moment now, struct reading *out)
{
    struct csv *csv = (struct csv *)source;
    int r = csv->has_next ? FARMIQ_OK : read_row(csv);

    if (r != FARMIQ_OK)
        return r;
    source->due_steady_ms = due(csv);
    if (source->due_steady_ms > now.steady_ms)
        return FARMIQ_NONE;
    *out = csv->next;
    csv->has_next = 0;
    return FARMIQ_OK;
}

const struct source_kind source_csv = { "csv", open_csv, read_csv, close_csv };
