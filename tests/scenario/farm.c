/* SPDX-License-Identifier: Apache-2.0 */
/* The farm's processes: an edge box, perhaps a second forwarder on its disk, and a cloud
 * with one or two workers; and the words that drive them. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "farm_private.h"
#include "kit/shim.h"
#include "sim_pg.h"

extern const struct shim_service *const edge_ingress_gateway;
extern const struct shim_service *const edge_telemetry_timeseries;
extern const struct shim_service *const edge_weighvision_session;
extern const struct shim_service *const edge_feed_intake;
extern const struct shim_service *const edge_sync_forwarder;
extern const struct shim_service *const cloud_ingestion;
extern const struct shim_service *const cloud_telemetry_service;
extern const struct shim_service *const cloud_weighvision_readmodel;
extern const struct shim_service *const cloud_feed_service;

#define RESTART_MS SECONDS(5)
#define STEP_MS SECONDS(10)

enum { EDGE, SECOND_FORWARDER, CLOUD, SECOND_WORKER, NODE_COUNT };

static const struct shim_service *edge_services[6], *forwarder_services[2],
    *cloud_services[5];
static struct sim_node machines[NODE_COUNT];
static char folder[64], edge_url[256], cloud_url[256];
double farm_days;

struct sim_node *farm_edge(void) { return &machines[EDGE]; }
struct sim_node *farm_second_forwarder(void) { return &machines[SECOND_FORWARDER]; }
struct sim_node *farm_cloud(void) { return &machines[CLOUD]; }

/* ## Databases: files on a disk that is memory, where there is one, because every seed
 * writes many thousand transactions; or places on a server */

static void make_databases(void)
{
    if (sim_pg_is_on()) {
        sim_pg_make_place(edge_url, sizeof edge_url);
        sim_pg_make_place(cloud_url, sizeof cloud_url);
        return;
    }
    snprintf(folder, sizeof folder, "%s/farm-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        abort();
    snprintf(edge_url, sizeof edge_url, "sqlite:%s/edge.db", folder);
    snprintf(cloud_url, sizeof cloud_url, "sqlite:%s/cloud.db", folder);
}

static void remove_files(void)
{
    static const char *const names[] = { "edge.db", "cloud.db" };
    static const char *const suffixes[] = { "", "-wal", "-shm", "-journal", "-open" };
    char path[160];

    if (!*folder)
        return;
    for (size_t n = 0; n < 2; n++)
        for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes; s++) {
            snprintf(path, sizeof path, "%s/%s%s", folder, names[n], suffixes[s]);
            unlink(path);
        }
    rmdir(folder);
}

/* ## Machines */

static struct sim_node *set_up(int which, const char *name, const char *host,
                               const struct shim_service *const *services,
                               const char *database_url, int64_t skew_ms)
{
    struct sim_node *node = &machines[which];

    *node = (struct sim_node){ .name = name,
                               .host = host,
                               .services = services,
                               .skew_ms = skew_ms,
                               .restart_ms = RESTART_MS };
    sim_node_add(node);
    sim_node_argument(node, "--database-url=%s", database_url);
    sim_node_argument(node, "--store-sync=normal");
    sim_node_argument(node, "--store-busy-ms=0");
    sim_node_argument(node, "--farmiq-insecure-dev");
    sim_node_argument(node, "--cloud-auth-mode=none");
    sim_node_argument(node, "--app-port=0");
    return node;
}

/* The slow periods keep a simulated month short. Nothing depends on them: whatever is
 * due is also announced by a wake-up. */
static void add_forwarder_options(struct sim_node *node, const struct farm_options *with,
                                  const char *instance)
{
    sim_node_argument(node, "--cloud-ingestion-url=http://cloud/api/v1/edge/batch");
    sim_node_argument(node, "--sync-interval-ms=%" PRId64, with->poll_ms);
    sim_node_argument(node, "--instance-id=%s", instance);
    sim_node_argument(node, "--edge-id=edge-1");
    if (with->batch_max)
        sim_node_argument(node, "--outbox-batch-size=%u", with->batch_max);
    if (with->batch_max_bytes)
        sim_node_argument(node, "--sync-batch-max-bytes=%u", with->batch_max_bytes);
    if (sim_bug_is(SIM_BUG_ANY_200))
        sim_node_argument(node, "--sync-trust-bare-answer");
    if (sim_bug_is(SIM_BUG_OUTAGES_COUNT))
        sim_node_argument(node, "--sync-attempts-count-outages");
}

static void start_late(void *node) { sim_node_start(node); }

static void open_edge(const struct farm_options *with)
{
    struct sim_node *node =
        set_up(EDGE, "edge", "edge", edge_services, edge_url, with->edge_skew_ms[0]);

    sim_node_argument(node, "--mqtt-broker-url=mqtt://broker");
    sim_node_argument(node, "--allowlist-mode=open");
    sim_node_argument(node, "--dedupe-cleanup-interval-ms=1h");
    sim_node_argument(node, "--session-settle-interval-ms=1m");
    sim_node_argument(node, "--session-sweep-interval-ms=10m");
    sim_node_argument(node, "--emit-aggregates-interval-ms=10m");
    sim_node_argument(node, "--emit-aggregates=%s",
                      with->emit_aggregates ? "true" : "false");
    if (with->edge_quota_bytes)
        sim_node_argument(node, "--store-quota-bytes=%u", with->edge_quota_bytes);
    add_forwarder_options(node, with, "forwarder-1");
    sim_node_start(node);
    if (with->forwarders < 2)
        return;
    node = set_up(SECOND_FORWARDER, "forwarder-2", NULL, forwarder_services, edge_url,
                  with->edge_skew_ms[1]);
    add_forwarder_options(node, with, "forwarder-2");
    sim_after(SECONDS(1), start_late, node);
}

static void open_cloud(const struct farm_options *with)
{
    static const char *const names[] = { "cloud", "cloud-2" };

    for (int i = 0; i < with->cloud_workers; i++) {
        struct sim_node *node = set_up(CLOUD + i, names[i], "cloud", cloud_services,
                                       cloud_url, with->cloud_skew_ms);

        sim_node_argument(node, "--ingest-cleanup-interval-ms=1h");
        sim_node_argument(node, "--weight-rollup-interval-ms=%" PRId64, with->poll_ms);
        sim_node_argument(node, "--bus-poll-ms=%" PRId64, with->poll_ms);
        if (with->cloud_body_max_bytes)
            sim_node_argument(node, "--http-max-body-bytes=%u",
                              with->cloud_body_max_bytes);
        sim_after(SECONDS(i), start_late, node);
    }
}

static void list_services(void)
{
    edge_services[0] = edge_ingress_gateway;
    edge_services[1] = edge_telemetry_timeseries;
    edge_services[2] = edge_weighvision_session;
    edge_services[3] = edge_feed_intake;
    edge_services[4] = edge_sync_forwarder;
    forwarder_services[0] = edge_sync_forwarder;
    cloud_services[0] = cloud_ingestion;
    cloud_services[1] = cloud_telemetry_service;
    cloud_services[2] = cloud_weighvision_readmodel;
}

void farm_cloud_becomes(int with_feed)
{
    cloud_services[3] = with_feed ? cloud_feed_service : NULL;
}

int farm_cloud_feeds(void) { return cloud_services[3] != NULL; }

static void set_default(int *value, int fallback)
{
    if (!*value)
        *value = fallback;
}

void farm_open(const struct farm_options *options)
{
    struct farm_options with = *options;

    set_default(&with.barns, 1);
    set_default(&with.sensors_per_barn, 2);
    set_default(&with.tenants, 1);
    set_default(&with.forwarders, 1);
    set_default(&with.cloud_workers, 1);
    if (!with.every_ms)
        with.every_ms = MINUTES(5);
    if (!with.poll_ms)
        with.poll_ms = MINUTES(1);
    list_services();
    farm_cloud_becomes(!with.is_before_feed);
    make_databases();
    sim_http_reset();
    sim_mqtt_reset();
    memset(machines, 0, sizeof machines);
    open_edge(&with);
    open_cloud(&with);
    sim_run(SECONDS(3));
    sensors_open(&with);
    scales_open(&with);
    checks_open(edge_url, cloud_url);
}

void farm_close(void)
{
    checks_close();
    sim_close();
    scales_close();
    sensors_close();
    sim_mqtt_reset();
    sim_http_reset();
    remove_files();
}

/* ## Words */

void farm_step_until_drained(int64_t bound_ms)
{
    int64_t until_ms = sim_now_ms() + bound_ms;

    while (!farm_is_drained() && !sim_failure()) {
        if (sim_now_ms() >= until_ms) {
            sim_fail("I10: not drained in time: devices hold %" PRIu64
                     ", broker %u, outbox %" PRIu64 "; the cloud has %" PRIu64
                     " of %" PRIu64,
                     sensors_holding(), sim_mqtt_queued(), farm_backlog(),
                     farm_cloud_has(), sensors_made());
            return;
        }
        sim_run(STEP_MS);
    }
}

void farm_assert_count(int line, const char *what, uint64_t is, uint64_t wanted)
{
    if (is != wanted)
        sim_fail("line %d: %s: %" PRIu64 ", wanted %" PRIu64, line, what, is, wanted);
}
