/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true, and how it is found out: by looking into the databases with stores
 * of our own, beside the processes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks_queries.h"
#include "farm_private.h"
#include "kit/shim.h"

#define MOST_EVENTS 1000

static struct {
    const char *edge_url;
    struct farmiq_store edge, cloud;
    /* By seq of the edge's outbox: a fingerprint of the event that was acknowledged; 0:
     * none. A number may be given again once its event was purged. */
    uint64_t *acked;
    int64_t acked_room;
    uint64_t from_the_future;
} checks;

/* ## Looking */

static void open_store(struct farmiq_store *store, const char *url, int reads_only)
{
    int r = sim_store_open_beside(store, url, reads_only);

    if (r < 0)
        sim_fail("cannot look into a database: %s", farmiq_strerror(r));
}

static void ask(struct farmiq_store *store, const struct farmiq_sql_query *query,
                const struct farmiq_sql_value *params, uint32_t param_count,
                farmiq_sql_row_fn on_row, void *ctx)
{
    int r = farmiq_sql_run(store, query, NULL, params, param_count, on_row, ctx);

    if (r < 0)
        sim_fail("%s: %s", query->name, farmiq_strerror(r));
}

static int take_number(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    (void)row, (void)count;
    *(uint64_t *)ctx = (uint64_t)columns[0].integer;
    return FARMIQ_OK;
}

/* The number that it gives; 0 where it gives none. */
static uint64_t count(struct farmiq_store *store, const struct farmiq_sql_query *query)
{
    uint64_t result = 0;

    ask(store, query, NULL, 0, take_number, &result);
    return result;
}

static struct farmiq_sql_value text(const char *text)
{
    return farmiq_sql_text(shim_str(text));
}

static int has(struct farmiq_store *store, const struct farmiq_sql_query *query,
               const char *tenant_id, const char *event_id)
{
    const struct farmiq_sql_value params[] = { text(tenant_id), text(event_id) };
    uint64_t found = 0;

    ask(store, query, params, 2, take_number, &found);
    return found != 0;
}

int edge_holds(const char *tenant_id, const char *event_id)
{
    return has(&checks.edge, &sql_edge_has, tenant_id, event_id) ||
           has(&checks.cloud, &sql_cloud_has, tenant_id, event_id);
}

void edge_insert(const char *tenant_id, const char *event_id, const char *device_id,
                 uint32_t payload_bytes)
{
    static const char head[] =
        "{\"metric_type\":\"temperature\",\"metric_value\":20,\"note\":\"";
    char *payload = malloc(sizeof head + payload_bytes + 2);
    struct farmiq_store edge = { 0 };

    if (!payload)
        abort();
    memcpy(payload, head, sizeof head - 1);
    memset(payload + sizeof head - 1, 'x', payload_bytes);
    strcpy(payload + sizeof head - 1 + payload_bytes, "\"}");
    const struct farmiq_sql_value params[] = { text(tenant_id), text(event_id),
                                               text(device_id),
                                               farmiq_sql_integer(sim_now_ms()),
                                               text(payload) };
    open_store(&edge, checks.edge_url, 0);
    ask(&edge, &sql_foreign_row, params, 5, NULL, NULL);
    farmiq_store_close(&edge);
    free(payload);
}

uint64_t farm_backlog(void) { return count(&checks.edge, &sql_backlog); }

uint64_t farm_dead_letters(void) { return count(&checks.edge, &sql_dead_letters); }

uint64_t farm_cloud_has(void) { return count(&checks.cloud, &sql_readings); }

uint64_t farm_cloud_dead_letters(void)
{
    return count(&checks.cloud, &sql_cloud_dead_letters);
}

uint64_t farm_cloud_fed(void) { return count(&checks.cloud, &sql_feedings); }

/* An effect beyond the first shows as a second row, or as an aggregate that counted a
 * reading twice. */
uint64_t farm_duplicates(void)
{
    uint64_t rows = farm_cloud_has();
    uint64_t ids = count(&checks.cloud, &sql_ids);
    uint64_t counted = count(&checks.cloud, &sql_counted);

    return rows - ids + (counted > ids ? counted - ids : 0);
}

int farm_is_drained(void)
{
    return sensors_holding() == 0 && scales_holding() == 0 && sim_mqtt_queued() == 0 &&
           farm_backlog() == 0 && count(&checks.cloud, &sql_cloud_bus) == 0 &&
           (!farm_cloud_feeds() || count(&checks.cloud, &sql_waiting_feedings) == 0);
}

/* ## Watching */

static void grow_acked(int64_t seq)
{
    int64_t room = checks.acked_room ? checks.acked_room : 4096;

    while (room <= seq)
        room *= 2;
    if (room == checks.acked_room)
        return;
    checks.acked = realloc(checks.acked, (size_t)room * sizeof *checks.acked);
    if (!checks.acked)
        abort();
    memset(checks.acked + checks.acked_room, 0,
           (size_t)(room - checks.acked_room) * sizeof *checks.acked);
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
        if (checks.acked[first->seq] ==
            farmiq_content_hash(first->event->event_id.ptr, first->event->event_id.len))
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
    uint64_t fingerprint = farmiq_content_hash(row->event_id, strlen(row->event_id));

    if (strcmp(row->queue, "sync") != 0)
        return;
    grow_acked(row->seq);
    sim_mix((uint64_t)row->seq * 8 + (uint64_t)row->status);
    if (checks.acked[row->seq] == fingerprint)
        sim_fail("I6: row %" PRId64 " was written after it was acknowledged", row->seq);
    if (row->status == FARMIQ_OUTBOX_DLQ || row->status == FARMIQ_OUTBOX_FAILED)
        check_refused(row);
    if (row->status != FARMIQ_OUTBOX_ACKED)
        return;
    checks.acked[row->seq] = fingerprint;
    if (!has(&checks.cloud, &sql_cloud_marked, row->tenant_id, row->event_id))
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

static int compare_row(void *ctx, uint32_t index, const struct farmiq_sql_value *row,
                       uint32_t columns)
{
    char tenant_id[FARMIQ_ID_MAX_BYTES + 1], event_id[FARMIQ_ID_MAX_BYTES + 1];
    const struct reading *reading;

    (void)ctx, (void)index, (void)columns;
    snprintf(tenant_id, sizeof tenant_id, "%.*s", (int)row[0].text.len, row[0].text.ptr);
    snprintf(event_id, sizeof event_id, "%.*s", (int)row[1].text.len, row[1].text.ptr);
    reading = reading_find(tenant_id, event_id);
    if (!reading) {
        sim_fail("I3: the cloud has %s of %s, which nobody made", event_id, tenant_id);
        return FARMIQ_OK;
    }
    if (reading->is_poison)
        sim_fail("I3: the cloud stored the poison %s", event_id);
    if (fabs(row[2].real - reading->value) > 1e-9 ||
        row[3].integer != reading->ts_unix_ms ||
        strncmp(row[4].text.ptr, device_id_of(reading), row[4].text.len) != 0)
        sim_fail("I3: the cloud's %s is not what the device measured", event_id);
    sim_mix((uint64_t)reading->ts_unix_ms);
    return FARMIQ_OK;
}

/* ## The weighings, at the edge and at the cloud */

int edge_holds_fact(const struct weighing *weighing, int fact)
{
    const struct farmiq_sql_query *query = fact == 0                    ? &sql_began
                                           : fact == WEIGHING_FINALIZED ? &sql_ended
                                           : fact == WEIGHING_FEEDING   ? &sql_fed_at
                                           : fact == WEIGHING_IMAGE     ? &sql_image_at
                                                                        : &sql_weight_at;
    const struct farmiq_sql_value params[] = {
        text(tenant_at(weighing->tenant)->id),
        text(weighing->name),
        farmiq_sql_integer(weighing->start_unix_ms + SECONDS(fact)),
    };
    uint64_t found = 0;

    ask(&checks.edge, query, params, 3, take_number, &found);
    return found != 0;
}

struct comparison {
    const struct weighing *weighing;
    const char *where;
    int64_t least_images;
    int rows;
};

/* I2, I3: one session, finalized, of the weights and the times that it had. The cloud is
 * told of images by the end, which does not wait for them for ever. */
static int compare_weighing(void *ctx, uint32_t index, const struct farmiq_sql_value *row,
                            uint32_t columns)
{
    struct comparison *comparison = ctx;
    const struct weighing *weighing = comparison->weighing;

    (void)index, (void)columns;
    comparison->rows++;
    if (row[0].integer != FARMIQ_SESSION_FINALIZED ||
        row[1].integer != weighing->start_unix_ms ||
        row[2].integer != weighing->start_unix_ms + SECONDS(WEIGHING_FINALIZED) ||
        fabs(row[3].real - weighing->kg[0]) > 1e-9 ||
        fabs(row[4].real - weighing->kg[WEIGHING_WEIGHTS - 1]) > 1e-9 ||
        row[5].integer != WEIGHING_WEIGHTS || row[6].integer > 1 ||
        row[6].integer < comparison->least_images)
        sim_fail("I3: session %s of the %s is not what was weighed", weighing->name,
                 comparison->where);
    return FARMIQ_OK;
}

static void check_weighing(struct farmiq_store *store, struct comparison comparison)
{
    const struct farmiq_sql_value params[] = {
        text(tenant_at(comparison.weighing->tenant)->id),
        text(comparison.weighing->name),
    };

    ask(store, &sql_weighing, params, 2, compare_weighing, &comparison);
    if (comparison.rows != 1)
        sim_fail("I1: %d sessions %s at the %s", comparison.rows,
                 comparison.weighing->name, comparison.where);
}

/* I3: what a scale fed, found by scale and time. */
static void check_feeding(const struct weighing *weighing)
{
    const struct farmiq_sql_value params[] = {
        text(tenant_at(weighing->tenant)->id),
        farmiq_sql_integer(weighing->start_unix_ms + SECONDS(WEIGHING_FEEDING)),
        farmiq_sql_real(weighing->fed_kg),
    };
    uint64_t found = 0;

    ask(&checks.cloud, &sql_fed, params, 3, take_number, &found);
    if (!found)
        sim_fail("I2: what %s was fed is not in the cloud", weighing->name);
}

static void check_weighings(void)
{
    uint64_t sessions = weighing_count();

    for (uint32_t i = 0; i < sessions; i++) {
        check_weighing(&checks.edge, (struct comparison){ weighing_at(i), "edge", 1, 0 });
        check_weighing(&checks.cloud,
                       (struct comparison){ weighing_at(i), "cloud", 1, 0 });
        check_feeding(weighing_at(i));
    }
    farm_assert_count(__LINE__, "I2: feedings at the cloud", farm_cloud_fed(), sessions);
    farm_assert_count(__LINE__, "I2: weights at the cloud",
                      count(&checks.cloud, &sql_weights), sessions * WEIGHING_WEIGHTS);
    farm_assert_count(__LINE__, "I2: events of sessions told to the cloud",
                      count(&checks.edge, &sql_told), sessions * WEIGHING_TOLD);
    farm_assert_count(__LINE__, "I2: images told after their session's end",
                      count(&checks.edge, &sql_images_told),
                      count(&checks.cloud, &sql_late_images));
    farm_assert_count(__LINE__, "I2: images that the cloud counts",
                      count(&checks.cloud, &sql_images), sessions);
    farm_assert_count(__LINE__, "I2: weights in the cloud's days",
                      count(&checks.cloud, &sql_weighed), sessions);
}

void farm_check_everything(void)
{
    ask(&checks.cloud, &sql_every_reading, NULL, 0, compare_row, NULL);
    farm_assert_count(__LINE__, "I1, I2: readings in the cloud", farm_cloud_has(),
                      sensors_made());
    farm_assert_count(__LINE__, "I2: duplicates stored", farm_duplicates(), 0);
    farm_assert_count(__LINE__, "I2: readings in the cloud's aggregates",
                      count(&checks.cloud, &sql_counted), sensors_made());
    farm_assert_count(__LINE__, "I9: dead letters of the edge", farm_dead_letters(),
                      sensors_poisoned() + checks.from_the_future);
    farm_assert_count(__LINE__, "I9: dead letters of the cloud",
                      farm_cloud_dead_letters(), 0);
    check_weighings();
}

void checks_open(const char *edge_url, const char *cloud_url)
{
    memset(&checks, 0, sizeof checks);
    checks.edge_url = edge_url;
    open_store(&checks.edge, edge_url, 1);
    open_store(&checks.cloud, cloud_url, 1);
    sim_store_watch(&watcher);
    sim_http_watch(on_request);
}

void checks_close(void)
{
    sim_store_watch(NULL);
    sim_http_watch(NULL);
    farmiq_store_close(&checks.edge);
    farmiq_store_close(&checks.cloud);
    free(checks.acked);
    memset(&checks, 0, sizeof checks);
}
