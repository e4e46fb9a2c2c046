/* SPDX-License-Identifier: Apache-2.0 */
/* One record of comma separated values (RFC 4180): cells in quotes may hold commas, line
 * ends and doubled quotes. */
#include <string.h>

#include "feedings.h"

static char peek(const struct csv *csv)
{
    return csv->rest.len ? csv->rest.ptr[0] : '\n';
}

static char step(struct csv *csv)
{
    char c = csv->rest.ptr[0];

    csv->rest.ptr++;
    csv->rest.len--;
    csv->line += c == '\n';
    return c;
}

static int is_end(char c) { return c == '\n' || c == '\r'; }

static void skip_line(struct csv *csv)
{
    while (csv->rest.len && peek(csv) != '\n')
        step(csv);
    if (csv->rest.len)
        step(csv);
}

static int read_quoted(struct csv *csv, char *out, size_t *len)
{
    step(csv);
    while (csv->rest.len) {
        char c = step(csv);

        if (c != '"')
            out[(*len)++] = c;
        else if (csv->rest.len && peek(csv) == '"')
            out[(*len)++] = step(csv);
        else
            return is_end(peek(csv)) || peek(csv) == ',' ? FARMIQ_OK : FARMIQ_E_SYNTAX;
    }
    return FARMIQ_E_SYNTAX; /* the file ends within quotes */
}

static int read_plain(struct csv *csv, char *out, size_t *len)
{
    while (csv->rest.len && peek(csv) != ',' && !is_end(peek(csv)))
        out[(*len)++] = step(csv);
    return memchr(out, '"', *len) ? FARMIQ_E_SYNTAX : FARMIQ_OK;
}

static int read_cell(struct csv *csv, struct farmiq_str *cell)
{
    size_t len = 0;
    int r = peek(csv) == '"' ? read_quoted(csv, csv->room, &len)
                             : read_plain(csv, csv->room, &len);

    *cell = (struct farmiq_str){ csv->room, len };
    csv->room += len;
    return r;
}

int csv_open(struct csv *csv, struct shim_call *call, struct farmiq_str text)
{
    *csv = (struct csv){ text, shim_memory(call, text.len + 1), 1 };
    return csv->room ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

int csv_next(struct csv *csv, struct farmiq_str cells[CSV_COLUMNS_MAX], uint32_t *count,
             uint32_t *line)
{
    int r = FARMIQ_OK;

    while (csv->rest.len && is_end(peek(csv)))
        step(csv);
    *line = csv->line;
    *count = 0;
    if (!csv->rest.len)
        return FARMIQ_EXHAUSTED;
    while (r == FARMIQ_OK && *count < CSV_COLUMNS_MAX) {
        r = read_cell(csv, &cells[(*count)++]);
        if (r != FARMIQ_OK || !csv->rest.len || is_end(peek(csv)))
            break;
        step(csv);
        if (*count == CSV_COLUMNS_MAX)
            r = FARMIQ_E_RANGE;
    }
    skip_line(csv);
    return r;
}
