/* SPDX-License-Identifier: Apache-2.0 */
/* Random bad months. Each seed picks a farm and a random subset of the troubles (swarm
 * testing, Groce et al. 2012: leaving some out finds more than using all of them), says
 * what it picked, lets them strike, and then takes them away: whatever was promised must
 * have come true. And the planted bugs: a harness that cannot fail proves nothing. */
#include "farm.h"

#include <inttypes.h>
#include <stdio.h>

/* ## Troubles that strike from time to time and pass */

static int64_t passing_ms(int64_t usually_ms, int64_t rarely_ms)
{
    return sim_chance(50000) ? sim_between(usually_ms, rarely_ms)
                             : sim_between(SECONDS(1), usually_ms);
}

static void uplink_back(void *unused)
{
    (void)unused;
    sim_http_faults.is_cut_off = sim_http_faults.is_refusing = 0;
}

static void cut_uplink(void)
{
    sim_http_faults.is_cut_off = 1;
    sim_after(passing_ms(MINUTES(30), DAYS(4)), uplink_back, NULL);
}

static void refuse_requests(void)
{
    sim_http_faults.is_refusing = 1;
    sim_http_faults.retry_after_ms = sim_chance(500000) ? -1 : sim_between(0, HOURS(2));
    sim_after(passing_ms(MINUTES(30), DAYS(1)), uplink_back, NULL);
}

static void garbage_gone(void *unused)
{
    (void)unused;
    sim_http_faults.garbage = 0;
}

static void answer_with_garbage(void)
{
    sim_http_faults.garbage = 700000;
    sim_after(passing_ms(HOURS(1), DAYS(1)), garbage_gone, NULL);
}

static void crash_broker(void) { sim_mqtt_crash(passing_ms(MINUTES(1), HOURS(6))); }

static void kill_edge(void)
{
    farm_edge()->restart_ms = passing_ms(MINUTES(1), DAYS(1));
    sim_node_kill(farm_edge());
}

static void restart_edge(void)
{
    farm_edge()->restart_ms = SECONDS(5);
    sim_node_stop(farm_edge());
}

static void kill_second_forwarder(void) { sim_node_kill(farm_second_forwarder()); }

static void kill_cloud(void)
{
    farm_cloud()->restart_ms = passing_ms(MINUTES(1), HOURS(12));
    sim_node_kill(farm_cloud());
}

static void free_disk(void *node) { ((struct sim_node *)node)->disk_is_full = 0; }

static void fill_disk(struct sim_node *node)
{
    node->disk_is_full = 1;
    sim_after(passing_ms(MINUTES(10), HOURS(6)), free_disk, node);
}

static void fill_edge_disk(void) { fill_disk(farm_edge()); }

static void fill_cloud_disk(void) { fill_disk(farm_cloud()); }

/* Never far from the true time: a skew of hours is what NTP prevents, and the readings
 * carry the time of their device. */
static void set_edge_clock(void)
{
    farm_edge()->skew_ms = sim_between(-HOURS(1), HOURS(1));
    farm_second_forwarder()->skew_ms = sim_between(-HOURS(1), HOURS(1));
}

static struct trouble {
    const char *name;
    void (*strike)(void);
    int64_t every_ms; /* on average */
    int is_on;
} troubles[] = {
    { "cut", cut_uplink, HOURS(12), 0 },
    { "503", refuse_requests, HOURS(24), 0 },
    { "garbage", answer_with_garbage, HOURS(24), 0 },
    { "broker", crash_broker, HOURS(24), 0 },
    { "edge", kill_edge, HOURS(12), 0 },
    { "edge-restart", restart_edge, HOURS(24), 0 },
    { "forwarder", kill_second_forwarder, HOURS(12), 0 },
    { "cloud", kill_cloud, HOURS(12), 0 },
    { "edge-disk", fill_edge_disk, HOURS(48), 0 },
    { "cloud-disk", fill_cloud_disk, HOURS(48), 0 },
    { "clock", set_edge_clock, HOURS(24), 0 },
};
#define TROUBLES (sizeof troubles / sizeof *troubles)

/* ## Troubles that are always there, at a rate */

static const struct rate {
    const char *name;
    uint32_t *per_million;
    uint32_t most;
} rates[] = {
    { "lose-publish", &sim_mqtt_faults.lose_publish, 100000 },
    { "lose-ack", &sim_mqtt_faults.lose_ack, 200000 },
    { "mqtt-twice", &sim_mqtt_faults.duplicate, 100000 },
    { "mqtt-order", &sim_mqtt_faults.reorder, 200000 },
    { "lose-request", &sim_http_faults.lose_request, 100000 },
    { "lose-answer", &sim_http_faults.lose_answer, 100000 },
    { "http-twice", &sim_http_faults.duplicate, 100000 },
    { "http-late", &sim_http_faults.delay, 100000 },
    { "http-cut", &sim_http_faults.cut, 100000 },
    { "http-busy", &sim_http_faults.overloaded, 100000 },
};
#define RATES (sizeof rates / sizeof *rates)

static void strike(void *ctx)
{
    struct trouble *trouble = ctx;

    if (!trouble->is_on || sim_is_ending())
        return;
    sim_mix((uint64_t)(trouble - troubles));
    trouble->strike();
    sim_after(sim_between(1, 2 * trouble->every_ms), strike, trouble);
}

static void pick_troubles(void)
{
    for (size_t i = 0; i < RATES; i++) {
        if (sim_chance(500000))
            continue;
        *rates[i].per_million = (uint32_t)sim_between(1000, rates[i].most);
        printf(" %s=%u", rates[i].name, *rates[i].per_million);
    }
    sim_http_faults.delay_ms = MINUTES(15);
    for (size_t i = 0; i < TROUBLES; i++) {
        troubles[i].is_on = sim_chance(500000);
        if (!troubles[i].is_on)
            continue;
        sim_after(sim_between(1, 2 * troubles[i].every_ms), strike, &troubles[i]);
        printf(" %s", troubles[i].name);
    }
}

static void pick_node_troubles(void)
{
    for (struct sim_node *node = sim_nodes(); node; node = node->next) {
        node->crash_chance = sim_chance(500000) ? (uint32_t)sim_between(1, 500) : 0;
        node->pause_chance = sim_chance(500000) ? (uint32_t)sim_between(1, 2000) : 0;
        node->pause_ms = MINUTES(5); /* longer than a lease */
        printf(" %s:crash=%u,pause=%u", node->name, node->crash_chance,
               node->pause_chance);
    }
}

static void heal(void)
{
    for (size_t i = 0; i < TROUBLES; i++)
        troubles[i].is_on = 0;
    for (size_t i = 0; i < RATES; i++)
        *rates[i].per_million = 0;
    uplink_back(NULL);
    garbage_gone(NULL);
    for (struct sim_node *node = sim_nodes(); node; node = node->next) {
        node->crash_chance = node->pause_chance = 0;
        node->disk_is_full = 0;
        node->restart_ms = SECONDS(5);
        sim_node_start(node);
    }
}

static void pick_farm(struct farm_options *farm)
{
    *farm = (struct farm_options){
        .barns = (int)sim_between(1, 3),
        .sensors_per_barn = (int)sim_between(1, 2),
        .tenants = (int)sim_between(1, 2),
        .same_ids = sim_chance(300000),
        .every_ms = sim_between(MINUTES(60), MINUTES(240)),
        .forwarders = (int)sim_between(1, 2),
        .cloud_workers = (int)sim_between(1, 2),
        .batch_max = sim_chance(500000) ? (uint32_t)sim_between(1, 20) : 0,
        .emit_aggregates = sim_chance(300000),
        .poll_ms = MINUTES(15),
    };
    printf("  barns=%d sensors=%d tenants=%d same_ids=%d every_ms=%" PRId64
           " forwarders=%d workers=%d batch_max=%u aggregates=%d",
           farm->barns, farm->sensors_per_barn, farm->tenants, farm->same_ids,
           farm->every_ms, farm->forwarders, farm->cloud_workers, farm->batch_max,
           farm->emit_aggregates);
}

/* First safety, with every fault on; then liveness: with the faults gone, all of it must
 * arrive within a bound (the longest patience of a device, and of the forwarder). */
static void a_bad_month(void)
{
    struct farm_options farm;

    pick_farm(&farm);
    farm_open(&farm);
    pick_troubles();
    pick_node_troubles();
    putchar('\n');
    SENSORS_FOR(DAYS(farm_days > 0 ? farm_days : 30));
    heal();
    STEP_UNTIL_DRAINED(HOURS(30));
    QUIET_FOR(MINUTES(30));
    farm_check_everything();
}

const struct scenario swarms[] = {
    { "a-bad-month", "a random farm with random troubles", a_bad_month, SIM_NO_BUG },
    { 0 },
};

/* ## The harness can fail */

const struct scenario planted[] = {
    { "edge-dedupe-first", "its row commits before the outbox row",
      crash_at_every_edge_step, SIM_BUG_EDGE_DEDUPE_FIRST },
    { "cloud-dedupe-first", "its row commits before the bus has the event",
      crash_at_every_cloud_step, SIM_BUG_CLOUD_DEDUPE_FIRST },
    { "lying-commit", "answered when it is not durable", an_ordinary_day,
      SIM_BUG_LYING_COMMIT },
    { "full-disk-ignored", "an append without room counts as done", edge_disk_full,
      SIM_BUG_FULL_DISK_IGNORED },
    { "tenant-blind", "dedupe by event id alone", two_tenants_same_ids,
      SIM_BUG_TENANT_BLIND },
    { "no-fence", "a settlement passes whoever holds the lease", two_skewed_forwarders,
      SIM_BUG_NO_FENCE, 1 }, /* on a server one clock judges, and no lease is early */
    { "lease-for-ever", "what the dead held stays theirs", crash_at_every_edge_step,
      SIM_BUG_LEASE_FOR_EVER },
    { "puback-first", "PUBACK before the commit, to devices that trust it", plain_devices,
      SIM_BUG_PUBACK_FIRST },
    { "forget-at-puback", "devices that trust a broker with amnesia", broker_amnesia,
      SIM_BUG_FORGET_AT_PUBACK },
    { "any-200", "whatever says 200 has taken the batch", garbage_with_200,
      SIM_BUG_ANY_200 },
    { "outages-count", "seed 002, 7.4, literally: an outage is an attempt",
      seven_days_without_cloud, SIM_BUG_OUTAGES_COUNT },
    { 0 },
};
