/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/feed-intake/import: a file of feedings, a record in each line, the first
 * names the columns. A line that makes no sense is named, the others go through. */
#include <string.h>

#include "common/ask.h"
#include "common/members.h"
#include "common/text.h"
#include "feedings.h"

struct import {
    struct shim_call *call;
    struct scratch scratch;
    struct farmiq_str tenant_id;
    struct csv csv;
    struct farmiq_str columns[CSV_COLUMNS_MAX];
    uint32_t column_count;
    struct feeding *first, **end;
    uint32_t count;
};

/* One record as the object that it is, with the header's names. */
struct record {
    const struct import *import;
    struct farmiq_str cells[CSV_COLUMNS_MAX];
    uint32_t count, line;
};

static int is_number(struct farmiq_str column)
{
    return text_is(column, "quantity_kg") || text_is(column, "quantityKg") ||
           text_is(column, "sequence");
}

/* Nothing but a number could be made of these; whether one is, the parser says. */
static int has_digits_only(struct farmiq_str cell)
{
    for (size_t i = 0; i < cell.len; i++)
        if (!memchr("0123456789+-.eE", cell.ptr[i], 15))
            return 0;
    return cell.len > 0;
}

static void write_record(struct farmiq_json_writer *json, const void *ctx)
{
    const struct record *record = ctx;

    farmiq_json_open(json, '{');
    for (uint32_t i = 0; i < record->count && i < record->import->column_count; i++) {
        struct farmiq_str column = record->import->columns[i], cell = record->cells[i];
        char name[64] = { 0 };

        if (!cell.len || !column.len || column.len >= sizeof name)
            continue;
        memcpy(name, column.ptr, column.len);
        farmiq_json_key(json, name);
        if (is_number(column) && has_digits_only(cell))
            farmiq_json_raw(json, cell);
        else
            farmiq_json_str(json, cell);
    }
    farmiq_json_close(json, '}');
}

/* NULL, or what is wrong with the record; negative codes by `*r`. */
static const char *read_record(struct import *import, const struct record *record,
                               struct feeding *feeding, int *r)
{
    const char *fault = "the line has other cells than the header";
    struct farmiq_str json;

    if (record->count != import->column_count)
        return fault;
    *r = scratch_build(import->call, 1024, write_record, record, &json);
    if (*r == FARMIQ_OK)
        *r = feed_read(feeding, &import->scratch, import->call, json, &fault);
    if (*r == FARMIQ_E_NOMEM)
        return NULL;
    if (*r == FARMIQ_E_SYNTAX)
        fault = "the line holds a number that is none, or text that is not UTF-8";
    if (*r == FARMIQ_OK)
        fault = feed_fault(feeding);
    *r = FARMIQ_OK;
    return fault;
}

static int take_record(struct import *import, const struct record *record,
                       const char *fault)
{
    struct feeding *feeding = shim_memory(import->call, sizeof *feeding);
    int r = FARMIQ_OK;

    if (!feeding)
        return FARMIQ_E_NOMEM;
    feeding->tenant_id = import->tenant_id;
    feeding->trace_id = import->call->trace_id;
    feeding->source = shim_str("API_IMPORT");
    feeding->line = record->line;
    feeding->refusal = fault ? fault : read_record(import, record, feeding, &r);
    *import->end = feeding;
    import->end = &feeding->next;
    import->count++;
    return r;
}

/* 0, 1 when refused, or FARMIQ_E_NOMEM. */
static int refuse(struct shim_call *call, int status, const char *fault)
{
    shim_reply_error(call, status,
                     status == 413 ? "PAYLOAD_TOO_LARGE" : "VALIDATION_ERROR", "%s",
                     fault);
    return 1;
}

static int has_column(const struct import *import, const char *name, const char *other)
{
    for (uint32_t i = 0; i < import->column_count; i++)
        if (text_is(import->columns[i], name) || text_is(import->columns[i], other))
            return 1;
    return 0;
}

static int read_header(struct import *import)
{
    uint32_t line;
    int r = csv_open(&import->csv, import->call, import->call->body);

    if (r == FARMIQ_OK)
        r = csv_next(&import->csv, import->columns, &import->column_count, &line);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r != FARMIQ_OK || !has_column(import, "quantity_kg", "quantityKg") ||
        !has_column(import, "occurred_at", "occurredAt"))
        return refuse(
            import->call, 400,
            "the first line must name the columns, among them farm_id, barn_id, "
            "occurred_at and quantity_kg");
    return FARMIQ_OK;
}

static int read_records(struct import *import)
{
    struct record record = { .import = import };
    int r;

    for (;;) {
        r = csv_next(&import->csv, record.cells, &record.count, &record.line);
        if (r == FARMIQ_EXHAUSTED)
            return FARMIQ_OK;
        if (import->count == FEED_ROWS_MAX)
            return refuse(import->call, 413,
                          "a file has at most 1000 lines: send it in parts");
        r = take_record(import, &record,
                        r == FARMIQ_E_SYNTAX ? "a quote does not end, or stands within a "
                                               "cell"
                        : r == FARMIQ_E_RANGE ? "the line has more than 32 cells"
                                              : NULL);
        if (r < 0)
            return r;
    }
}

static void write_errors(struct farmiq_json_writer *json, const struct feeding *feeding)
{
    farmiq_json_key(json, "errors");
    farmiq_json_open(json, '[');
    for (; feeding; feeding = feeding->next)
        if (feeding->refusal) {
            farmiq_json_open(json, '{');
            member_int(json, "line", feeding->line);
            member_text(json, "error", shim_str(feeding->refusal));
            farmiq_json_close(json, '}');
        }
    farmiq_json_close(json, ']');
}

static int reply(const struct import *import)
{
    struct farmiq_json_writer *json =
        shim_json(import->call, 256 + (size_t)import->count * 256);
    uint32_t imported = 0, rejected = 0;

    for (const struct feeding *f = import->first; f; f = f->next) {
        imported += f->is_new != 0;
        rejected += f->refusal != NULL;
    }
    farmiq_json_open(json, '{');
    member_int(json, "imported_count", imported);
    member_int(json, "duplicate_count", import->count - imported - rejected);
    member_int(json, "rejected_count", rejected);
    write_errors(json, import->first);
    farmiq_json_close(json, '}');
    return shim_reply(import->call, 200);
}

int feed_post_import(struct shim_call *call)
{
    struct import import = { .call = call };
    struct ask ask = { call, 0 };
    int r;

    import.end = &import.first;
    import.tenant_id = ask_text(&ask, ASK_TENANT);
    if (!import.tenant_id.len)
        import.tenant_id = shim_header(call, "x-tenant-id");
    if (!import.tenant_id.len || import.tenant_id.len > FARMIQ_ID_MAX_BYTES)
        ask_refuse(&ask, "say whose feedings these are, as x-tenant-id or tenantId");
    if (ask.is_refused)
        return 0;
    r = read_header(&import);
    if (r == FARMIQ_OK)
        r = read_records(&import);
    if (r == FARMIQ_OK)
        r = feedings_keep(call, import.first);
    return r < 0 ? r : r > 0 ? FARMIQ_OK : reply(&import);
}
