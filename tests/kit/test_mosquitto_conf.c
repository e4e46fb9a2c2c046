/* SPDX-License-Identifier: Apache-2.0 */
/* The Mosquitto configurations that ship: they load, and keep devices to their topics
 * (architecture, decision 6; spec edge 13-E9). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "broker.h"
#include "kit/mqtt_publisher.h"

#ifndef DEPLOY_DIR
#error "DEPLOY_DIR: where deploy/mosquitto is"
#endif

#define PATIENCE_S 20
enum { NO_ANSWER = 99 };

/* One publish and its answer. */
struct attempt {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int result;
    int reason_code;
    int was_connected;
    char why[120];
};

static void take_answer(void *ctx, uint64_t cookie, int result, int reason_code)
{
    struct attempt *attempt = ctx;

    (void)cookie;
    pthread_mutex_lock(&attempt->lock);
    attempt->result = result;
    attempt->reason_code = reason_code;
    pthread_cond_broadcast(&attempt->changed);
    pthread_mutex_unlock(&attempt->lock);
}

static void take_state(void *ctx, int connected, const char *why)
{
    struct attempt *attempt = ctx;

    pthread_mutex_lock(&attempt->lock);
    attempt->was_connected |= connected;
    if (!connected)
        snprintf(attempt->why, sizeof attempt->why, "%s", why);
    pthread_cond_broadcast(&attempt->changed);
    pthread_mutex_unlock(&attempt->lock);
}

static void wait_while(struct attempt *attempt, int (*is_open)(const struct attempt *a))
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&attempt->lock);
    while (is_open(attempt))
        if (pthread_cond_timedwait(&attempt->changed, &attempt->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&attempt->lock);
}

static int has_no_link(const struct attempt *a)
{
    return !a->was_connected && !a->why[0];
}

static int has_no_answer(const struct attempt *a) { return a->result == NO_ANSWER; }

/* Connect as `user`, publish one message, and say how it ended. */
static struct attempt publish_as(const char *url, const char *user, const char *password,
                                 const char *ca_file, const char *topic)
{
    struct attempt attempt = { .lock = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER,
                               .result = NO_ANSWER };
    struct shim_mqtt_publisher_options options = {
        .url = url,
        .client_id = user ? user : "nobody",
        .access = { .username = user, .password = password, .ca_file = ca_file },
        .on_published = take_answer,
        .on_state = take_state,
        .ctx = &attempt,
    };
    struct shim_mqtt_publisher *publisher;
    struct farmiq_str body = { "{}", 2 };

    assert_int_equal(shim_mqtt_publisher_open(&publisher, &options, NULL), 0);
    wait_while(&attempt, has_no_link);
    if (attempt.was_connected) {
        assert_int_equal(shim_mqtt_publisher_send(publisher, topic, body, 0, 1), 0);
        wait_while(&attempt, has_no_answer);
    }
    shim_mqtt_publisher_close(publisher);
    return attempt;
}

static void test_dev_configuration(void **state)
{
    static const char *const changes[] = { "listener", "", "persistence_location", "",
                                           NULL };
    struct broker broker;
    struct attempt attempt;

    (void)state;
    broker_init_from(&broker, DEPLOY_DIR "/farmiq-dev.conf", changes);
    broker_start(&broker);
    attempt = publish_as(broker.url, NULL, NULL, NULL, "iot/status/t/f/b/d");
    assert_int_equal(attempt.result, FARMIQ_OK);
    broker_fini(&broker);
}

static void run(const char *format, const char *dir)
{
    char command[1024];

    snprintf(command, sizeof command, format, dir);
    assert_int_equal(system(command), 0);
}

/* A self-signed certificate for 127.0.0.1, and two users. */
static void make_secrets(const char *dir)
{
    run("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=IP:127.0.0.1 -keyout broker.key -out broker.crt "
        "2>/dev/null",
        dir);
    run("cd %s && mosquitto_passwd -c -b passwd d-001 rooster 2>/dev/null", dir);
    run("cd %s && mosquitto_passwd -b passwd st-01 hen 2>/dev/null", dir);
    run("cd %s && chmod 600 passwd broker.key", dir);
}

static const char mine[] = "iot/telemetry/t-123/f-456/b-789/d-001/temperature";

static const struct {
    const char *user, *password, *topic;
    int result, reason_code;
} cases[] = {
    { "d-001", "rooster", mine, FARMIQ_OK, 0 },
    { "d-001", "rooster", "iot/status/t-123/f-456/b-789/d-001", FARMIQ_OK, 0 },
    { "d-001", "rooster", "iot/telemetry/t-999/f-456/b-789/d-001/temperature",
      FARMIQ_E_REFUSED, 0x87 },
    { "d-001", "rooster", "iot/telemetry/t-123/f-456/b-789/d-002/temperature",
      FARMIQ_E_REFUSED, 0x87 },
    { "d-001", "rooster", "iot/ack/t-123/f-456/b-789/d-001", FARMIQ_E_REFUSED, 0x87 },
    { "st-01", "hen", mine, FARMIQ_E_REFUSED, 0x87 },
    { "st-01", "hen", "iot/weighvision/t-123/f-456/b-789/st-01/session/s/created",
      FARMIQ_OK, 0 },
    { "d-001", "hen", mine, NO_ANSWER, 0 },
    { NULL, NULL, mine, NO_ANSWER, 0 },
};

static void test_production_configuration(void **state)
{
    static const char *const changes[] = { "listener",
                                           "",
                                           "persistence_location",
                                           "",
                                           "cafile",
                                           "broker.crt",
                                           "certfile",
                                           "broker.crt",
                                           "keyfile",
                                           "broker.key",
                                           "password_file",
                                           "passwd",
                                           "plugin_opt_config_file",
                                           DEPLOY_DIR "/dynamic-security.json",
                                           NULL };
    struct broker broker;
    char ca_file[128];

    (void)state;
    broker_init_from(&broker, DEPLOY_DIR "/farmiq.conf", changes);
    make_secrets(broker.dir);
    broker_start(&broker);
    snprintf(broker.url, sizeof broker.url, "mqtts://127.0.0.1:%u",
             (unsigned)broker.port);
    snprintf(ca_file, sizeof ca_file, "%s/broker.crt", broker.dir);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct attempt attempt = publish_as(broker.url, cases[i].user, cases[i].password,
                                            ca_file, cases[i].topic);

        if (cases[i].result == NO_ANSWER)
            assert_non_null(strstr(attempt.why, "authorized"));
        assert_int_equal(attempt.result, cases[i].result);
        assert_int_equal(attempt.reason_code, cases[i].reason_code);
        assert_int_equal(attempt.was_connected, cases[i].result != NO_ANSWER);
    }
    /* An unknown authority's broker is not spoken to. */
    assert_false(publish_as(broker.url, "d-001", "rooster", NULL, mine).was_connected);
    broker_fini(&broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dev_configuration),
        cmocka_unit_test(test_production_configuration),
    };

    if (!broker_is_installed())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
