/* SPDX-License-Identifier: Apache-2.0 */
/* The words in which scenarios are written: a farm, its bad days, and what must be true
 * after them. docs/reliability.md explains the invariants I1 to I10. */
#ifndef FARM_H
#define FARM_H

#include "sim.h"
#include "sim_net.h"
#include "sim_store.h"

/* What stands where. 0 stands for the default in the comment. */
struct farm_options {
    int barns;            /* 1 */
    int sensors_per_barn; /* 2 */
    int tenants;          /* 1; barns are dealt out to them */
    int scales;           /* none */
    int same_ids;         /* both tenants' devices use the same event ids */
    int64_t every_ms;     /* 5 minutes between the readings of a sensor */
    int forwarders;       /* 1; the second is a process of its own on the same store */
    int cloud_workers;    /* 1; the second likewise */
    int64_t edge_skew_ms[2];
    int64_t cloud_skew_ms;
    uint32_t batch_max; /* events in one request; the service's default */
    uint32_t batch_max_bytes;
    uint32_t cloud_body_max_bytes;
    int plain_devices;         /* they know PUBACK only, and forget at it */
    int emit_aggregates;       /* the edge sends its hourly aggregates, too */
    int64_t poll_ms;           /* 1 minute: who is not woken looks this often */
    uint32_t edge_quota_bytes; /* none */
    int is_before_feed;        /* the cloud has no feed service yet */
};

void farm_open(const struct farm_options *options);
void farm_close(void);

/* ## Sensors (farm_sensors.c) */
void sensors_on(void);
void sensors_off(void);
/* The next reading is one that the cloud will never take: its time lies in the future. */
void sensor_makes_poison(void);
/* Another program on the edge adds a row that is too long for the scenario's limits. */
void foreign_writer_adds_giant(uint32_t bytes);
void sensors_measure(uint32_t times); /* all of them, at once */
uint64_t sensors_made(void);          /* readings that the cloud must end up with */
uint64_t sensors_poisoned(void);      /* readings that must end among the dead letters */
uint64_t sensors_holding(void);       /* readings that no edge has acknowledged yet */

/* ## Scales (farm_scales.c) */
void scales_weigh(uint32_t times); /* all of them, within seconds */
uint64_t scales_holding(void);     /* facts that no edge has acknowledged yet */

/* ## The processes */
struct sim_node *farm_edge(void);
struct sim_node *farm_second_forwarder(void);
struct sim_node *farm_cloud(void);
/* From its next start on, the cloud has a feed service, or none. */
void farm_cloud_becomes(int with_feed);
int farm_cloud_feeds(void);

/* ## What is where (farm_checks.c) */
uint64_t farm_backlog(void);      /* in the edge's outbox, on the way */
uint64_t farm_dead_letters(void); /* in the edge's outbox */
uint64_t farm_cloud_has(void);    /* readings in the cloud's table */
uint64_t farm_cloud_dead_letters(void);
uint64_t farm_cloud_fed(void);  /* feedings in the cloud's table */
uint64_t farm_duplicates(void); /* effects beyond the first, in table and aggregates */
int farm_is_drained(void);
/* I1, I2, I3, I9 and the contents of every row; at the end of a run. */
void farm_check_everything(void);

/* ## Words */
#define FARM(...) farm_open(&(struct farm_options){ __VA_ARGS__ })
#define SENSORS_FOR(duration_ms) (sensors_on(), sim_run(duration_ms), sensors_off())
#define READINGS(times) sensors_measure(times)
#define WEIGHINGS(times) scales_weigh(times)
#define QUIET_FOR(duration_ms) sim_run(duration_ms)
#define CLOUD_DOWN() ((void)(sim_http_faults.is_cut_off = 1))
#define CLOUD_UP() ((void)(sim_http_faults.is_cut_off = 0))
#define EDGE_DISK_FULL() ((void)(farm_edge()->disk_is_full = 1))
#define EDGE_DISK_FREED() ((void)(farm_edge()->disk_is_full = 0))
#define STEP_UNTIL_DRAINED(bound_ms) farm_step_until_drained(bound_ms)
#define ASSERT_THAT(condition)                                                           \
    ((condition) ? (void)0 : sim_fail("line %d: not so: %s", __LINE__, #condition))
#define ASSERT_COUNT(what, is, wanted) farm_assert_count(__LINE__, what, is, wanted)
#define ASSERT_BACKLOG(n) ASSERT_COUNT("backlog", farm_backlog(), n)
#define ASSERT_CLOUD_HAS(n) ASSERT_COUNT("readings in the cloud", farm_cloud_has(), n)
#define ASSERT_CLOUD_HAS_EVERYTHING() ASSERT_CLOUD_HAS(sensors_made())
#define ASSERT_DEAD_LETTERS(n) ASSERT_COUNT("dead letters", farm_dead_letters(), n)
#define ASSERT_DUPLICATES_STORED(n)                                                      \
    ASSERT_COUNT("duplicates stored", farm_duplicates(), n)

void farm_step_until_drained(int64_t bound_ms);
void farm_assert_count(int line, const char *what, uint64_t is, uint64_t wanted);

/* ## Scenarios (scenarios.c, swarm.c) */
struct scenario {
    const char *name;
    const char *what;
    void (*run)(void);
    enum sim_bug bug; /* planted for the whole run: the run must fail */
    int needs_file;   /* it is about what only a file has: a quota, its owners' clocks */
};
extern const struct scenario scenarios[], swarms[], planted[];
/* Those that a planted bug must spoil. */
void an_ordinary_day(void);
void seven_days_without_cloud(void);
void crash_at_every_edge_step(void);
void crash_at_every_cloud_step(void);
void two_skewed_forwarders(void);
void garbage_with_200(void);
void broker_amnesia(void);
void plain_devices(void);
void edge_disk_full(void);
void two_tenants_same_ids(void);
extern double farm_days; /* --days: how long random scenarios last */

#endif
