/* SPDX-License-Identifier: Apache-2.0 */
/* A load for measurements: publish COUNT distinct telemetry envelopes at QoS 1, as fast
 * as WINDOW unacknowledged ones allow, and say when the last PUBACK came.
 *
 *     load_publisher PORT COUNT WINDOW RUN
 *
 * RUN (a number) makes the event ids of this run different from those of others. */
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TENANT "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0002"
#define DEVICES 20

static sem_t window;
static atomic_int acknowledged;

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void on_publish(struct mosquitto *m, void *ctx, int id)
{
    (void)m, (void)ctx, (void)id;
    atomic_fetch_add(&acknowledged, 1);
    sem_post(&window);
}

static int envelope(char *buf, size_t room, unsigned run, int i)
{
    return snprintf(buf, room,
                    "{\"schema_version\":\"1.0\","
                    "\"event_id\":\"018f1a84-%04x-7d3f-b2e4-%012x\","
                    "\"trace_id\":\"trace-%012x\",\"event_type\":\"telemetry.reading\","
                    "\"tenant_id\":\"" TENANT "\",\"device_id\":\"device-sensor-%03d\","
                    "\"ts\":\"2025-01-01T%02d:%02d:%02d.%03dZ\","
                    "\"payload\":{\"metric\":\"temperature\",\"value\":%d.%d,\"unit\":"
                    "\"C\"}}",
                    run & 0xffff, (unsigned)i, (unsigned)i, i % DEVICES, i / 3600000 % 24,
                    i / 60000 % 60, i / 1000 % 60, i % 1000, 20 + i % 9, i % 10);
}

static struct mosquitto *connect_to(int port, int most)
{
    struct mosquitto *m = mosquitto_new(NULL, true, NULL);

    if (!m)
        return NULL;
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(m, MOSQ_OPT_SEND_MAXIMUM, most);
    mosquitto_publish_callback_set(m, on_publish);
    if (mosquitto_connect(m, "127.0.0.1", port, 60) || mosquitto_loop_start(m)) {
        mosquitto_destroy(m);
        return NULL;
    }
    return m;
}

static int publish_all(struct mosquitto *m, int count, unsigned run)
{
    char topic[160], body[512];

    for (int i = 0; i < count; i++) {
        int len = envelope(body, sizeof body, run, i);

        snprintf(topic, sizeof topic,
                 "iot/telemetry/" TENANT "/farm-1/barn-1/device-sensor-%03d/temperature",
                 i % DEVICES);
        sem_wait(&window);
        if (mosquitto_publish(m, NULL, topic, len, body, 1, false))
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct timespec pause = { 0, 1000000 };
    struct mosquitto *m;
    double begin;
    int count;

    if (argc != 5) {
        fprintf(stderr, "usage: load_publisher PORT COUNT WINDOW RUN\n");
        return 2;
    }
    count = atoi(argv[2]);
    sem_init(&window, 0, (unsigned)atoi(argv[3]));
    mosquitto_lib_init();
    m = connect_to(atoi(argv[1]), atoi(argv[3]));
    if (!m)
        return 1;
    begin = seconds();
    if (publish_all(m, count, (unsigned)atoi(argv[4])))
        return 1;
    while (atomic_load(&acknowledged) < count)
        nanosleep(&pause, NULL);
    printf("%.3f\n", seconds() - begin);
    mosquitto_disconnect(m);
    mosquitto_loop_stop(m, false);
    mosquitto_destroy(m);
    return 0;
}
