/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true, and how it is found out: by looking into the databases with
 * connections of our own, beside the processes. */
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm_private.h"
#include "kit/shim.h"

#define MOST_EVENTS 1000

static struct {
    const char *edge_path;
    sqlite3 *edge, *cloud;
    sqlite3_stmt *edge_has, *cloud_marked, *cloud_has;
    uint8_t *is_acked; /* by seq of the edge's outbox */
    int64_t acked_room;
    uint64_t from_the_future;
} checks;

/* ## Looking */

static sqlite3 *open_reader(const char *path)
{
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        sim_fail("cannot look into %s: %s", path, sqlite3_errmsg(db));
    return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        sim_fail("%s: %s", sql, sqlite3_errmsg(db));
    return statement;
}

static uint64_t count(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = prepare(db, sql);
    uint64_t result = 0;

    if (statement && sqlite3_step(statement) == SQLITE_ROW)
        result = (uint64_t)sqlite3_column_int64(statement, 0);
    else
        sim_fail("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    return result;
}

static int has(sqlite3_stmt *statement, const char *tenant_id, const char *event_id)
{
    int found;

    sqlite3_bind_text(statement, 1, tenant_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, event_id, -1, SQLITE_STATIC);
    found = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_reset(statement);
    return found;
}

int edge_holds(const char *tenant_id, const char *event_id)
{
    return has(checks.edge_has, tenant_id, event_id) ||
           has(checks.cloud_has, tenant_id, event_id);
}

void edge_insert(const char *tenant_id, const char *event_id, const char *device_id,
                 uint32_t payload_bytes)
{
    static const char sql[] =
        "INSERT INTO sync_outbox (id, tenant_id, farm_id, barn_id, device_id, event_type,"
        " occurred_at, trace_id, payload_json, created_at)"
        " VALUES (?1, ?2, 'farm-1', 'barn-0', ?3, 'telemetry.ingested', ?4, ?1,"
        " json_object('metric_type', 'temperature', 'metric_value', 20, 'note',"
        " printf('%.*c', ?5, 'x')), ?4)";
    sqlite3 *db = NULL;
    sqlite3_stmt *row;

    if (sqlite3_open(checks.edge_path, &db) != SQLITE_OK)
        sim_fail("cannot write into the edge's database: %s", sqlite3_errmsg(db));
    row = prepare(db, sql);
    sqlite3_bind_text(row, 1, event_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 2, tenant_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 3, device_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 4, sim_now_ms());
    sqlite3_bind_int64(row, 5, payload_bytes);
    if (sqlite3_step(row) != SQLITE_DONE)
        sim_fail("a foreign writer cannot append: %s", sqlite3_errmsg(db));
    sqlite3_finalize(row);
    sqlite3_close(db);
}

uint64_t farm_backlog(void)
{
    return count(checks.edge, "SELECT (SELECT count(*) FROM sync_ready)"
                              " + (SELECT count(*) FROM sync_retry)"
                              " + (SELECT coalesce(sum(json_array_length(seqs)), 0)"
                              "    FROM sync_batch)");
}

uint64_t farm_dead_letters(void)
{
    return count(checks.edge, "SELECT count(*) FROM sync_dead");
}

uint64_t farm_cloud_has(void)
{
    return count(checks.cloud, "SELECT count(*) FROM telemetry_raw");
}

uint64_t farm_cloud_dead_letters(void)
{
    return count(checks.cloud, "SELECT count(*) FROM bus_telemetry_dead");
}

static uint64_t farm_cloud_bus(void)
{
    return count(checks.cloud, "SELECT (SELECT count(*) FROM bus_telemetry_ready)"
                               " + (SELECT count(*) FROM bus_telemetry_retry)"
                               " + (SELECT count(*) FROM bus_telemetry_batch)");
}

/* An effect beyond the first shows as a second row, or as an aggregate that counted a
 * reading twice. */
uint64_t farm_duplicates(void)
{
    uint64_t rows = farm_cloud_has();
    uint64_t ids = count(checks.cloud, "SELECT count(*) FROM (SELECT DISTINCT tenant_id,"
                                       " event_id FROM telemetry_raw)");
    uint64_t counted = count(checks.cloud, "SELECT coalesce(sum(count), 0) FROM"
                                           " telemetry_agg WHERE bucket_size = '1h'");

    return rows - ids + (counted > ids ? counted - ids : 0);
}

int farm_is_drained(void)
{
    return sensors_holding() == 0 && sim_mqtt_queued() == 0 && farm_backlog() == 0 &&
           farm_cloud_bus() == 0;
}

/* ## Watching */

static void grow_acked(int64_t seq)
{
    int64_t room = checks.acked_room ? checks.acked_room : 4096;

    while (room <= seq)
        room *= 2;
    if (room == checks.acked_room)
        return;
    checks.is_acked = realloc(checks.is_acked, (size_t)room);
    if (!checks.is_acked)
        abort();
    memset(checks.is_acked + checks.acked_room, 0, (size_t)(room - checks.acked_room));
    checks.acked_room = room;
}

/* I6: what is acknowledged is never work again. */
static void on_claimed(const char *queue, const struct farmiq_outbox_row *first)
{
    if (strcmp(queue, "sync") != 0)
        return;
    for (; first; first = first->next) {
        grow_acked(first->seq);
        sim_mix((uint64_t)first->seq);
        if (checks.is_acked[first->seq])
            sim_fail("I6: row %" PRId64 " was claimed after it was acknowledged",
                     first->seq);
    }
}

/* An aggregate is the edge's own, dated by the edge's clock: one that runs ahead by more
 * than the cloud allows (spec cloud 1.8) makes events of the future. */
static void check_refused(const struct sim_settled *row)
{
    const struct reading *reading = reading_find(row->tenant_id, row->event_id);

    if (!reading && row->occurred_at_unix_ms > sim_now_ms())
        checks.from_the_future++;
    else if (!reading || !reading->is_poison)
        sim_fail("I9: %s became a dead letter and is no poison", row->event_id);
}

static void on_settled(const struct sim_settled *row)
{
    if (strcmp(row->queue, "sync") != 0)
        return;
    grow_acked(row->seq);
    sim_mix((uint64_t)row->seq * 8 + (uint64_t)row->status);
    if (checks.is_acked[row->seq])
        sim_fail("I6: row %" PRId64 " was written after it was acknowledged", row->seq);
    if (row->status == FARMIQ_OUTBOX_DLQ || row->status == FARMIQ_OUTBOX_FAILED)
        check_refused(row);
    if (row->status != FARMIQ_OUTBOX_ACKED)
        return;
    checks.is_acked[row->seq] = 1;
    if (!has(checks.cloud_marked, row->tenant_id, row->event_id))
        sim_fail("I2: %s was acknowledged and is not in the cloud", row->event_id);
}

/* I5: no byte of one tenant in a request of another; I3: nothing that nobody made. */
static void on_request(const char *host, struct farmiq_str path, struct farmiq_str body)
{
    static _Alignas(16) char scratch[4096 + 512 * (MOST_EVENTS + 1)];
    struct farmiq_batch batch;
    char tenant_id[64], event_id[64];

    farmiq_batch_init(&batch, sizeof batch);
    if (strcmp(host, "cloud") != 0 || !path.len || !body.len)
        return;
    if (farmiq_batch_parse(&batch, body.ptr, body.len, scratch, sizeof scratch, NULL) !=
        FARMIQ_OK) {
        sim_fail("the forwarder sent a body that is no batch");
        return;
    }
    for (const struct farmiq_event *event = batch.first; event; event = event->next) {
        snprintf(tenant_id, sizeof tenant_id, "%.*s", (int)event->tenant_id.len,
                 event->tenant_id.ptr);
        snprintf(event_id, sizeof event_id, "%.*s", (int)event->event_id.len,
                 event->event_id.ptr);
        if (event->tenant_id.len != batch.tenant_id.len ||
            memcmp(event->tenant_id.ptr, batch.tenant_id.ptr, batch.tenant_id.len) != 0)
            sim_fail("I5: %s of %s travels in a batch of another tenant", event_id,
                     tenant_id);
        if (memcmp(event->event_type.ptr, "telemetry.ingested", 18) == 0 &&
            !reading_find(tenant_id, event_id))
            sim_fail("I3: %s was never made by %s", event_id, tenant_id);
    }
}

static const struct sim_store_watcher watcher = { on_claimed, on_settled };

/* ## At the end: the book against the cloud's table, value by value */

static void compare_row(sqlite3_stmt *row)
{
    const char *tenant_id = (const char *)sqlite3_column_text(row, 0);
    const char *event_id = (const char *)sqlite3_column_text(row, 1);
    const struct reading *reading = reading_find(tenant_id, event_id);

    if (!reading) {
        sim_fail("I3: the cloud has %s of %s, which nobody made", event_id, tenant_id);
        return;
    }
    if (reading->is_poison)
        sim_fail("I3: the cloud stored the poison %s", event_id);
    if (fabs(sqlite3_column_double(row, 2) - reading->value) > 1e-9 ||
        sqlite3_column_int64(row, 3) != reading->ts_unix_ms ||
        strcmp((const char *)sqlite3_column_text(row, 4), device_id_of(reading)) != 0)
        sim_fail("I3: the cloud's %s is not what the device measured", event_id);
    sim_mix((uint64_t)reading->ts_unix_ms);
}

static void compare_rows(void)
{
    sqlite3_stmt *row =
        prepare(checks.cloud, "SELECT tenant_id, event_id, value, occurred_at, device_id"
                              " FROM telemetry_raw ORDER BY tenant_id, event_id");

    while (row && sqlite3_step(row) == SQLITE_ROW)
        compare_row(row);
    sqlite3_finalize(row);
}

void farm_check_everything(void)
{
    uint64_t aggregated = count(checks.cloud, "SELECT coalesce(sum(count), 0) FROM"
                                              " telemetry_agg WHERE bucket_size = '1h'");

    compare_rows();
    farm_assert_count(__LINE__, "I1, I2: readings in the cloud", farm_cloud_has(),
                      sensors_made());
    farm_assert_count(__LINE__, "I2: duplicates stored", farm_duplicates(), 0);
    farm_assert_count(__LINE__, "I2: readings in the cloud's aggregates", aggregated,
                      sensors_made());
    farm_assert_count(__LINE__, "I9: dead letters of the edge", farm_dead_letters(),
                      sensors_poisoned() + checks.from_the_future);
    farm_assert_count(__LINE__, "I9: dead letters of the cloud",
                      farm_cloud_dead_letters(), 0);
}

void checks_open(const char *edge_path, const char *cloud_path)
{
    memset(&checks, 0, sizeof checks);
    checks.edge_path = edge_path;
    checks.edge = open_reader(edge_path);
    checks.cloud = open_reader(cloud_path);
    checks.edge_has = prepare(checks.edge, "SELECT 1 FROM sync_event WHERE tenant_id = ?1"
                                           " AND event_id = ?2");
    checks.cloud_marked =
        prepare(checks.cloud, "SELECT 1 FROM cloud_dedupe WHERE tenant_id = ?1"
                              " AND event_id = ?2");
    checks.cloud_has = prepare(checks.cloud, "SELECT 1 FROM telemetry_raw WHERE"
                                             " tenant_id = ?1 AND event_id = ?2");
    sim_store_watch(&watcher);
    sim_http_watch(on_request);
}

void checks_close(void)
{
    sim_store_watch(NULL);
    sim_http_watch(NULL);
    sqlite3_finalize(checks.edge_has);
    sqlite3_finalize(checks.cloud_marked);
    sqlite3_finalize(checks.cloud_has);
    sqlite3_close(checks.edge);
    sqlite3_close(checks.cloud);
    free(checks.is_acked);
    memset(&checks, 0, sizeof checks);
}
