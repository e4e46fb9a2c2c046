/* SPDX-License-Identifier: Apache-2.0 */
/* Bad days of a farm, one by one. docs/reliability.md lists them with their outcomes. */
#include "farm.h"

void an_ordinary_day(void)
{
    FARM(.barns = 2);
    SENSORS_FOR(DAYS(1));
    STEP_UNTIL_DRAINED(MINUTES(10));
    ASSERT_CLOUD_HAS_EVERYTHING();
    farm_check_everything();
}

/* Seed 000: the edge works for days without the cloud. An outage is not an attempt, so
 * nothing is a dead letter after it (spec edge 13-C4). */
void seven_days_without_cloud(void)
{
    FARM(.barns = 2, .every_ms = MINUTES(30));
    SENSORS_FOR(HOURS(6));
    STEP_UNTIL_DRAINED(MINUTES(10));
    CLOUD_DOWN();
    uint64_t before = sensors_made();
    SENSORS_FOR(DAYS(7));
    QUIET_FOR(MINUTES(10));
    ASSERT_CLOUD_HAS(before);
    ASSERT_BACKLOG(sensors_made() - before);
    ASSERT_DEAD_LETTERS(0);
    CLOUD_UP();
    STEP_UNTIL_DRAINED(MINUTES(15));
    ASSERT_CLOUD_HAS_EVERYTHING();
    ASSERT_DUPLICATES_STORED(0);
    ASSERT_DEAD_LETTERS(0);
    farm_check_everything();
}

/* The cloud is there but has no room: 503 with Retry-After, for a day. */
static void a_day_of_503(void)
{
    FARM(.every_ms = MINUTES(10));
    sim_http_faults.is_refusing = 1;
    sim_http_faults.retry_after_ms = MINUTES(20);
    SENSORS_FOR(DAYS(1));
    ASSERT_DEAD_LETTERS(0);
    /* Who is told to wait 20 minutes does not ask much more often. */
    ASSERT_THAT(sim_http_requests() <= 24 * 3 + 10);
    sim_http_faults.is_refusing = 0;
    STEP_UNTIL_DRAINED(MINUTES(30));
    farm_check_everything();
}

static void repeated_and_reordered(void)
{
    FARM(.barns = 2);
    sim_mqtt_faults.duplicate = 300000;
    sim_mqtt_faults.reorder = 300000;
    sim_mqtt_faults.lose_ack = 200000;
    sim_http_faults.duplicate = 300000;
    sim_http_faults.lose_answer = 200000;
    sim_http_faults.delay = 200000;
    sim_http_faults.delay_ms = MINUTES(15);
    SENSORS_FOR(HOURS(12));
    STEP_UNTIL_DRAINED(HOURS(3));
    QUIET_FOR(MINUTES(20)); /* what is still under way arrives, and changes nothing */
    farm_check_everything();
}

/* Die before and after each verb of the store, one after the other, until a pass is
 * through before its turn comes (habit 18: fail the N-th thing, for every N). */
static void crash_at_every_step_of(struct sim_node *node)
{
    uint64_t n = 0;

    do {
        node->crashed_at_step = 0;
        node->crash_at_step = node->store_steps + ++n;
        READINGS(2);
        STEP_UNTIL_DRAINED(HOURS(1));
    } while (node->crashed_at_step && !sim_failure());
    node->crash_at_step = 0;
    ASSERT_THAT(n > 30);
    farm_check_everything();
}

void crash_at_every_edge_step(void)
{
    FARM(.sensors_per_barn = 2);
    crash_at_every_step_of(farm_edge());
}

void crash_at_every_cloud_step(void)
{
    FARM(.sensors_per_barn = 2);
    crash_at_every_step_of(farm_cloud());
}

/* The same with the facts of weigh sessions, which set out in any order. */
static void weigh_through_crashes_of(struct sim_node *node)
{
    uint64_t n = 0;

    do {
        node->crashed_at_step = 0;
        node->crash_at_step = node->store_steps + ++n;
        WEIGHINGS(1);
        QUIET_FOR(SECONDS(30));
        STEP_UNTIL_DRAINED(HOURS(1));
    } while (node->crashed_at_step && !sim_failure());
    node->crash_at_step = 0;
    ASSERT_THAT(n > 30);
    farm_check_everything();
}

static void weighing_through_every_edge_step(void)
{
    FARM(.scales = 2);
    weigh_through_crashes_of(farm_edge());
}

static void weighing_through_every_cloud_step(void)
{
    FARM(.scales = 2);
    weigh_through_crashes_of(farm_cloud());
}

/* What was fed before the cloud had a service for it waits there. The release that brings
 * one dies before and after each verb of the store while it hands the feedings over. */
static void feedings_wait_for_a_release(void)
{
    struct sim_node *cloud = farm_cloud();
    uint64_t n = 0, fed = 0;

    FARM(.scales = 2, .is_before_feed = 1);
    do {
        WEIGHINGS(1);
        QUIET_FOR(SECONDS(30));
        STEP_UNTIL_DRAINED(HOURS(1));
        ASSERT_COUNT("feedings at the cloud", farm_cloud_fed(), fed);
        fed += 2;
        farm_cloud_becomes(1);
        sim_node_stop(cloud);
        cloud->crashed_at_step = 0;
        cloud->crash_at_step = cloud->store_steps + ++n;
        STEP_UNTIL_DRAINED(HOURS(1));
        cloud->crash_at_step = 0;
        ASSERT_COUNT("feedings at the cloud", farm_cloud_fed(), fed);
        farm_cloud_becomes(0);
        sim_node_stop(cloud);
    } while (cloud->crashed_at_step && !sim_failure());
    ASSERT_THAT(n > 30);
    farm_check_everything();
}

/* Facts come twice, late and in any order; everybody dies now and then. */
static void a_rough_weighing_day(void)
{
    FARM(.scales = 3, .tenants = 2, .barns = 2);
    sim_mqtt_faults.duplicate = 300000;
    sim_mqtt_faults.reorder = 300000;
    sim_mqtt_faults.lose_ack = 200000;
    sim_http_faults.duplicate = 200000;
    sim_http_faults.lose_answer = 200000;
    farm_edge()->crash_chance = farm_cloud()->crash_chance = 300;
    for (int i = 0; i < 40; i++) {
        WEIGHINGS(1);
        SENSORS_FOR(MINUTES(15));
    }
    farm_edge()->crash_chance = farm_cloud()->crash_chance = 0;
    STEP_UNTIL_DRAINED(HOURS(3));
    QUIET_FOR(MINUTES(20));
    farm_check_everything();
}

/* The database judges leases by what its clients say the time is: two forwarders whose
 * clocks are two hours apart take each other's batches for expired, and the fencing
 * token keeps that harmless. */
void two_skewed_forwarders(void)
{
    FARM(.barns = 2, .forwarders = 2, .edge_skew_ms = { HOURS(1), -HOURS(1) });
    sim_http_faults.delay = 300000;
    sim_http_faults.delay_ms = MINUTES(3);
    farm_edge()->crash_chance = farm_second_forwarder()->crash_chance = 300;
    SENSORS_FOR(DAYS(1));
    STEP_UNTIL_DRAINED(HOURS(1));
    farm_check_everything();
}

/* Without the rule for leases taken in the future, everything claimed before the jump
 * would rest for an hour. */
static void a_clock_jumps_back(void)
{
    FARM(.every_ms = MINUTES(1));
    sensors_on();
    sim_run(HOURS(1));
    sim_http_faults.is_cut_off = 1;
    sim_run(MINUTES(3));
    farm_edge()->skew_ms -= HOURS(1);
    sim_run(MINUTES(3));
    sensors_off();
    sim_http_faults.is_cut_off = 0;
    STEP_UNTIL_DRAINED(MINUTES(15));
    farm_check_everything();
}

static void a_clock_leaps_ahead(void)
{
    FARM(.forwarders = 2, .every_ms = MINUTES(5));
    SENSORS_FOR(HOURS(1));
    farm_edge()->skew_ms = DAYS(400); /* the CMOS battery is new */
    SENSORS_FOR(HOURS(1));
    farm_edge()->skew_ms = 0;
    SENSORS_FOR(HOURS(1));
    STEP_UNTIL_DRAINED(MINUTES(15));
    farm_check_everything();
}

/* A captive portal on the farm's uplink: 200, and not a word of it true. */
void garbage_with_200(void)
{
    FARM(.every_ms = MINUTES(10));
    sim_http_faults.garbage = 1000000;
    SENSORS_FOR(HOURS(12));
    ASSERT_CLOUD_HAS(0);
    ASSERT_DEAD_LETTERS(0);
    ASSERT_BACKLOG(sensors_made());
    sim_http_faults.garbage = 0;
    STEP_UNTIL_DRAINED(MINUTES(30));
    farm_check_everything();
}

/* One event that the cloud will never take, among its neighbours. */
static void one_poison_event(void)
{
    FARM(.sensors_per_barn = 20);
    CLOUD_DOWN();
    READINGS(1);
    sensor_makes_poison();
    READINGS(1);
    QUIET_FOR(MINUTES(5));
    CLOUD_UP();
    STEP_UNTIL_DRAINED(MINUTES(15));
    ASSERT_DEAD_LETTERS(1);
    farm_check_everything();
}

/* An event that no request of ours can hold. */
static void one_event_too_large(void)
{
    FARM(.sensors_per_barn = 20, .batch_max_bytes = 8192);
    CLOUD_DOWN();
    READINGS(1);
    foreign_writer_adds_giant(20000);
    READINGS(1);
    QUIET_FOR(MINUTES(5));
    CLOUD_UP();
    STEP_UNTIL_DRAINED(MINUTES(15));
    ASSERT_DEAD_LETTERS(1);
    farm_check_everything();
}

/* A cloud that takes less than we send: 413, and the forwarder halves until the culprit
 * stands alone (spec edge 13-C6). */
static void one_event_too_large_for_the_cloud(void)
{
    FARM(.sensors_per_barn = 20, .cloud_body_max_bytes = 16384);
    CLOUD_DOWN();
    READINGS(2);
    foreign_writer_adds_giant(20000);
    READINGS(1);
    QUIET_FOR(MINUTES(5));
    CLOUD_UP();
    STEP_UNTIL_DRAINED(MINUTES(30));
    ASSERT_DEAD_LETTERS(1);
    farm_check_everything();
}

/* kill -9 of a broker that acknowledged and had not written: the devices still know. */
void broker_amnesia(void)
{
    FARM(.barns = 2, .every_ms = MINUTES(1));
    sensors_on();
    for (int i = 0; i < 20; i++) {
        sim_run(sim_between(MINUTES(1), MINUTES(30)));
        sim_node_kill(farm_edge());
        sim_run(SECONDS(4)); /* the broker fills up while the gateway is away */
        sim_mqtt_crash(SECONDS(10));
    }
    sensors_off();
    STEP_UNTIL_DRAINED(HOURS(2));
    farm_check_everything();
}

/* Devices that know nothing of our acknowledgement lose nothing as long as the broker
 * keeps what it acknowledged, whatever happens to the edge. */
void plain_devices(void)
{
    FARM(.barns = 2, .plain_devices = 1, .every_ms = MINUTES(1));
    sim_mqtt_faults.is_durable = 1;
    farm_edge()->crash_chance = 2000;
    sensors_on();
    for (int i = 0; i < 10; i++) {
        sim_run(sim_between(MINUTES(1), MINUTES(30)));
        sim_mqtt_crash(SECONDS(10));
    }
    sensors_off();
    farm_edge()->crash_chance = 0;
    STEP_UNTIL_DRAINED(HOURS(2));
    farm_check_everything();
}

/* Mosquitto drops silently what its queue does not hold; PUBACK was sent all the same. */
static void broker_queue_overflows(void)
{
    FARM(.barns = 2, .every_ms = MINUTES(1));
    sim_mqtt_faults.queue_max = 10;
    farm_edge()->restart_ms = HOURS(12);
    sim_node_stop(farm_edge());
    SENSORS_FOR(HOURS(6));
    ASSERT_THAT(sim_mqtt_queued() == 10);
    QUIET_FOR(HOURS(7));
    sim_mqtt_faults.queue_max = 100000;
    STEP_UNTIL_DRAINED(HOURS(3));
    farm_check_everything();
}

/* No room at the edge, from the middle of a batch on: nothing is acknowledged, nothing
 * crashes, and everything goes on by itself when there is room again (I8). */
void edge_disk_full(void)
{
    FARM(.barns = 2, .every_ms = MINUTES(1));
    sensors_on();
    sim_run(HOURS(1));
    EDGE_DISK_FULL();
    sim_run(HOURS(3));
    ASSERT_THAT(sensors_holding() > 0);
    ASSERT_THAT(farm_edge()->lives == 1);
    EDGE_DISK_FREED();
    sim_run(HOURS(1));
    sensors_off();
    STEP_UNTIL_DRAINED(HOURS(2));
    ASSERT_THAT(farm_edge()->lives == 1);
    farm_check_everything();
}

/* The backlog itself fills the quota. The forwarder needs no more room than it gives
 * back, so the backlog still drains; what the devices hold waits for the operator. */
static void edge_quota_full(void)
{
    FARM(.every_ms = MINUTES(1), .edge_quota_bytes = 640 << 10);
    CLOUD_DOWN();
    SENSORS_FOR(HOURS(6));
    ASSERT_THAT(sensors_holding() > 0);
    CLOUD_UP();
    QUIET_FOR(HOURS(1));
    ASSERT_BACKLOG(0);
    ASSERT_THAT(sensors_holding() > 0 && farm_cloud_has() > 0);
    ASSERT_THAT(farm_edge()->lives == 1);
    sim_node_argument(farm_edge(), "--store-quota-bytes=0");
    sim_node_stop(farm_edge());
    STEP_UNTIL_DRAINED(HOURS(6));
    farm_check_everything();
}

static void cloud_disk_full(void)
{
    FARM(.every_ms = MINUTES(10));
    sensors_on();
    sim_run(HOURS(1));
    farm_cloud()->disk_is_full = 1;
    sim_run(HOURS(12));
    ASSERT_DEAD_LETTERS(0);
    farm_cloud()->disk_is_full = 0;
    sensors_off();
    STEP_UNTIL_DRAINED(MINUTES(30));
    farm_check_everything();
}

/* An id belongs to its tenant: two devices that count alike are not one. */
void two_tenants_same_ids(void)
{
    FARM(.barns = 2, .tenants = 2, .same_ids = 1, .every_ms = MINUTES(10));
    sim_http_faults.lose_answer = 200000;
    SENSORS_FOR(DAYS(1));
    STEP_UNTIL_DRAINED(MINUTES(30));
    farm_check_everything();
}

/* The devices do not hear the edge for longer than it remembers their ids: what they
 * repeat after that is still known to the outbox. */
static void acknowledgements_lost_for_days(void)
{
    FARM(.every_ms = HOURS(2));
    sim_mqtt_faults.lose_ack = 1000000;
    SENSORS_FOR(DAYS(5));
    sim_mqtt_faults.lose_ack = 0;
    STEP_UNTIL_DRAINED(HOURS(3));
    farm_check_everything();
}

static void edge_off_for_days(void)
{
    FARM(.every_ms = HOURS(1));
    SENSORS_FOR(HOURS(5));
    farm_edge()->restart_ms = DAYS(3);
    sim_node_kill(farm_edge());
    SENSORS_FOR(DAYS(3));
    STEP_UNTIL_DRAINED(HOURS(3));
    farm_check_everything();
}

/* Two workers on one store, both dying now and then in mid-batch. */
static void cloud_workers_die(void)
{
    FARM(.barns = 2, .cloud_workers = 2);
    for (struct sim_node *node = farm_cloud(); node; node = node->next)
        node->crash_chance = 2000;
    SENSORS_FOR(HOURS(12));
    for (struct sim_node *node = farm_cloud(); node; node = node->next)
        node->crash_chance = 0;
    STEP_UNTIL_DRAINED(HOURS(1));
    farm_check_everything();
}

const struct scenario scenarios[] = {
    { "an-ordinary-day", "everything arrives once", an_ordinary_day, 0 },
    { "seven-days-without-cloud", "an empty dead letter queue, and drained in time",
      seven_days_without_cloud, 0 },
    { "a-day-of-503", "Retry-After is honoured, no attempt is used", a_day_of_503, 0 },
    { "repeated-and-reordered", "MQTT and HTTP deliver twice, late and lose answers",
      repeated_and_reordered, 0 },
    { "crash-at-every-edge-step", "kill before and after each store verb of the edge",
      crash_at_every_edge_step, 0 },
    { "crash-at-every-cloud-step", "and of the cloud", crash_at_every_cloud_step, 0 },
    { "weighing-through-every-edge-step", "the same, with weigh sessions",
      weighing_through_every_edge_step, 0 },
    { "weighing-through-every-cloud-step", "and at the cloud",
      weighing_through_every_cloud_step, 0 },
    { "feedings-wait-for-a-release", "and the release dies while it hands them over",
      feedings_wait_for_a_release, 0 },
    { "a-rough-weighing-day", "facts twice, late and in any order, and crashes",
      a_rough_weighing_day, 0 },
    { "two-skewed-forwarders", "+-1 h, dying, with answers later than the lease",
      two_skewed_forwarders, 0 },
    { "a-clock-jumps-back", "one hour, with rows in flight", a_clock_jumps_back, 0 },
    { "a-clock-leaps-ahead", "400 days, and comes back", a_clock_leaps_ahead, 0 },
    { "garbage-with-200", "a captive portal is no acknowledgement", garbage_with_200, 0 },
    { "one-poison-event", "it alone is a dead letter", one_poison_event, 0 },
    { "one-event-too-large", "for our own batch limit", one_event_too_large, 0 },
    { "one-event-too-large-413", "for the cloud's limit: bisected",
      one_event_too_large_for_the_cloud, 0 },
    { "broker-amnesia", "the broker forgets what it acknowledged", broker_amnesia, 0 },
    { "plain-devices", "PUBACK only, and a broker that is durable", plain_devices, 0 },
    { "broker-queue-overflows", "and drops silently", broker_queue_overflows, 0 },
    { "edge-disk-full", "back-pressure, then it goes on by itself", edge_disk_full, 0 },
    { "edge-quota-full", "the backlog fills the quota, and still drains", edge_quota_full,
      0, 1 },
    { "cloud-disk-full", "503, nothing acknowledged", cloud_disk_full, 0 },
    { "two-tenants-same-ids", "an id belongs to its tenant", two_tenants_same_ids, 0 },
    { "acknowledgements-lost", "for longer than the ingress remembers ids",
      acknowledgements_lost_for_days, 0 },
    { "edge-off-for-days", "the devices keep what they measured", edge_off_for_days, 0 },
    { "cloud-workers-die", "two of them, in mid-batch", cloud_workers_die, 0 },
    { 0 },
};
