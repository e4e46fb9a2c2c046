/* SPDX-License-Identifier: Apache-2.0 */
/* What makes an agent an SNMP collector: what devices answered, as telemetry events under
 * the devices' own names (seed 004: data collection). */
#include "collect.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/draft.h"
#include "kit/log.h"
#include "poller.h"

struct collector {
    struct agent_feed base;
    struct snmp_devices devices;
    struct poller *poller;
    struct drafts *drafts;
    struct reading readings[AGENT_ROWS_MAX]; /* taken, and not yet events */
    uint32_t taken, drafted;
};

static const struct shim_option option_table[] = {
    { "SNMP_DEVICES_FILE", SHIM_STRING, "/etc/farmiq/snmp-devices.ini",
      "whom to ask and for what; see the example that is installed with the program" },
    { "POLL_INTERVAL_MS", SHIM_MS, "60s", "how often, where a device says nothing else" },
    { "DEVICE_ID", SHIM_STRING, "snmp-collector", "this collector, for its status" },
    { "DATABASE_URL", SHIM_URL, "sqlite:/var/lib/farmiq/iot-snmp-agent.db",
      "the durable buffer" },
    { 0 },
};

static const struct agent_limit limits[] = { { "POLL_INTERVAL_MS", 100, INT32_MAX },
                                             { 0 } };

static const char *const health[] = { "poller_ok", "mqtt_ok", "disk_ok", NULL };

static int read_devices(struct snmp_devices *out, const struct shim_options *options,
                        struct farmiq_error *error)
{
    return snmp_devices_read(out, shim_options_text(options, "SNMP_DEVICES_FILE"),
                             shim_options_number(options, "POLL_INTERVAL_MS"), error);
}

static int check(const struct agent_kind *kind, const struct shim_options *options)
{
    struct snmp_devices devices;
    struct farmiq_error error;
    char why[sizeof error.field + sizeof error.detail + 8];
    int r;

    farmiq_error_init(&error, sizeof error);
    r = read_devices(&devices, options, &error);
    snmp_devices_free(&devices);
    if (r == FARMIQ_OK)
        return r;
    snprintf(why, sizeof why, "[%s] %s", error.field, error.detail);
    return agent_refuse(kind, "SNMP_DEVICES_FILE", why);
}

/* The collector itself is a device, too: its status is its own. */
static uint32_t count_devices(const struct shim_options *options)
{
    struct snmp_devices devices;
    uint32_t count = 1;

    if (read_devices(&devices, options, NULL) == FARMIQ_OK)
        count += devices.count;
    snmp_devices_free(&devices);
    return count;
}

static void close_collector(struct agent_feed *feed)
{
    struct collector *c = (struct collector *)feed;

    poller_close(c->poller);
    snmp_devices_free(&c->devices);
    drafts_close(c->drafts);
    free(c);
}

static int open_collector(struct agent_feed **out, const struct agent_options *agent,
                          const struct shim_options *options, struct moment now,
                          struct farmiq_error *error)
{
    struct collector *c = calloc(1, sizeof *c);
    int r;

    (void)now;
    if (!c)
        return FARMIQ_E_NOMEM;
    c->base.due_steady_ms = INT64_MAX;
    c->drafts = drafts_open(agent, AGENT_ROWS_MAX);
    r = c->drafts ? read_devices(&c->devices, options, error) : FARMIQ_E_NOMEM;
    if (r == FARMIQ_OK)
        r = poller_open(&c->poller, &c->devices);
    if (r != FARMIQ_OK) {
        close_collector(&c->base);
        return r;
    }
    c->base.fd = poller_fd(c->poller);
    *out = &c->base;
    return FARMIQ_OK;
}

/* Without entropy an event has no id: the rest is made at the next look. */
static void read_collector(struct agent_feed *feed, struct moment now)
{
    struct collector *c = (struct collector *)feed;

    if (feed->count == 0)
        feed->first = NULL;
    if (c->drafted == c->taken && feed->count == 0) {
        c->drafted = 0;
        c->taken = poller_take(c->poller, c->readings, AGENT_ROWS_MAX);
    }
    while (c->drafted < c->taken) {
        const struct reading *reading = &c->readings[c->drafted];
        int r = drafts_make(c->drafts, feed->count, c->devices.list[reading->device].name,
                            reading, now);

        if (r == FARMIQ_E_BUSY)
            return;
        c->drafted++;
        feed->skipped += r != FARMIQ_OK;
        feed->produced += r == FARMIQ_OK;
        feed->count += r == FARMIQ_OK;
    }
    feed->first = feed->count ? drafts_first(c->drafts) : NULL;
}

static void forget_taken(struct agent_feed *feed)
{
    feed->count = 0;
    feed->first = NULL;
}

const struct agent_kind snmp_agent_kind = {
    .program = "iot-snmp-agent",
    .summary = "ask SNMP devices, keep what they say until the edge has it",
    .options = option_table,
    .limits = limits,
    .health = health,
    .count_devices = count_devices,
    .check = check,
    .topic = draft_topic,
    .open = open_collector,
    .read = read_collector,
    .taken = forget_taken,
    .close = close_collector,
};
