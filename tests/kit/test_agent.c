/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor agent as a process, with a real Mosquitto and an edge that acknowledges,
 * keeps silent or refuses (spec edge 2.13; architecture, decision 6). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <farmiq/store_sqlite.h>

#include "broker.h"
#include "kit/mqtt_subscriber.h"

#define PATIENCE_MS 30000
#define SLOTS 16384 /* of the table of ids; a power of two */

/* ## An edge */

enum conduct { ACKNOWLEDGE, KEEP_SILENT, REFUSE };

struct seen {
    char id[40];
    uint32_t count;
};

struct edge {
    pthread_mutex_t lock;
    struct shim_mqtt_subscriber *subscriber;
    enum conduct conduct;
    struct seen seen[SLOTS];
    uint32_t distinct, deliveries;
    int64_t first_ms, last_ms;
    char last_topic[200], last_body[600];
    char last_status[600];
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap_ms(long ms)
{
    struct timespec nap = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&nap, NULL);
}

static struct seen *find_seen(struct edge *edge, const char *id, size_t len)
{
    uint64_t at = farmiq_content_hash(id, len);

    for (;; at++) {
        struct seen *seen = &edge->seen[at % SLOTS];

        if (!seen->count || (strlen(seen->id) == len && memcmp(seen->id, id, len) == 0))
            return seen;
    }
}

static void note(struct edge *edge, const struct farmiq_envelope *env)
{
    struct seen *seen = find_seen(edge, env->event_id.ptr, env->event_id.len);

    if (seen->count++ == 0) {
        snprintf(seen->id, sizeof seen->id, "%.*s", (int)env->event_id.len,
                 env->event_id.ptr);
        edge->distinct++;
    }
    edge->last_ms = now_ms();
    if (edge->deliveries++ == 0)
        edge->first_ms = edge->last_ms;
}

static void answer(struct edge *edge, const struct farmiq_topic *topic,
                   const struct farmiq_envelope *env)
{
    struct farmiq_topic to = *topic;
    char name[300], body[200];
    size_t name_len;
    int len;

    if (edge->conduct == KEEP_SILENT)
        return;
    len =
        snprintf(body, sizeof body,
                 edge->conduct == REFUSE
                     ? "{\"refused\":[{\"event_id\":\"%.*s\",\"error\":\"NOT_ALLOWED\"}]}"
                     : "{\"acked\":[\"%.*s\"]}",
                 (int)env->event_id.len, env->event_id.ptr);
    to.kind = FARMIQ_TOPIC_ACK;
    assert_int_equal(farmiq_topic_format(&to, name, sizeof name, &name_len), FARMIQ_OK);
    assert_int_equal(shim_mqtt_subscriber_send(edge->subscriber,
                                               (struct farmiq_str){ name, name_len },
                                               (struct farmiq_str){ body, (size_t)len }),
                     FARMIQ_OK);
}

/* Everything that an agent says must be sound: topic, envelope, and one fits the other.
 */
static void hear(struct edge *edge, const struct shim_message *message)
{
    int64_t scratch[1024];
    struct farmiq_topic topic;
    struct farmiq_envelope env;

    farmiq_topic_init(&topic, sizeof topic);
    farmiq_envelope_init(&env, sizeof env);
    assert_int_equal(
        farmiq_topic_parse(&topic, message->topic.ptr, message->topic.len, NULL),
        FARMIQ_OK);
    assert_int_equal(farmiq_envelope_parse(&env, NULL, message->body.ptr,
                                           message->body.len, scratch, sizeof scratch,
                                           NULL),
                     FARMIQ_OK);
    assert_int_equal(farmiq_envelope_check_topic(&env, &topic, NULL), FARMIQ_OK);
    if (topic.kind == FARMIQ_TOPIC_STATUS) {
        snprintf(edge->last_status, sizeof edge->last_status, "%.*s",
                 (int)env.payload.len, env.payload.ptr);
        return;
    }
    note(edge, &env);
    snprintf(edge->last_topic, sizeof edge->last_topic, "%.*s", (int)message->topic.len,
             message->topic.ptr);
    snprintf(edge->last_body, sizeof edge->last_body, "%.*s", (int)message->body.len,
             message->body.ptr);
    answer(edge, &topic, &env);
}

static int on_batch(void *ctx, struct shim_message *first, uint32_t count)
{
    struct edge *edge = ctx;

    (void)count;
    pthread_mutex_lock(&edge->lock);
    for (; first; first = first->next)
        hear(edge, first);
    pthread_mutex_unlock(&edge->lock);
    return 0;
}

static struct edge *open_edge(const struct broker *broker, enum conduct conduct)
{
    static const char *const filters[] = { "iot/telemetry/#", "iot/status/#", NULL };
    struct edge *edge = calloc(1, sizeof *edge);
    struct shim_mqtt_subscriber_options options = {
        .url = broker->url,
        .client_id = "edge",
        .filters = filters,
        .batch_wait_ms = 2,
        .on_batch = on_batch,
        .ctx = edge,
    };

    pthread_mutex_init(&edge->lock, NULL);
    edge->conduct = conduct;
    assert_int_equal(shim_mqtt_subscriber_open(&edge->subscriber, &options, NULL), 0);
    for (int64_t end = now_ms() + PATIENCE_MS;
         !shim_mqtt_subscriber_is_connected(edge->subscriber) && now_ms() < end;)
        nap_ms(5);
    return edge;
}

static void close_edge(struct edge *edge)
{
    shim_mqtt_subscriber_close(edge->subscriber);
    free(edge);
}

/* The edge as it is now: its thread goes on while a test looks. */
static struct edge *look(struct edge *edge)
{
    static struct edge now;

    pthread_mutex_lock(&edge->lock);
    now = *edge;
    pthread_mutex_unlock(&edge->lock);
    return &now;
}

static uint32_t read_count(struct edge *edge, const uint32_t *count)
{
    uint32_t value;

    pthread_mutex_lock(&edge->lock);
    value = *count;
    pthread_mutex_unlock(&edge->lock);
    return value;
}

static int wait_count(struct edge *edge, const uint32_t *count, uint32_t target)
{
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; nap_ms(10))
        if (read_count(edge, count) >= target)
            return 1;
    return 0;
}

static int wait_status(struct edge *edge, const char *part)
{
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; nap_ms(10)) {
        int is_there;

        pthread_mutex_lock(&edge->lock);
        is_there = strstr(edge->last_status, part) != NULL;
        pthread_mutex_unlock(&edge->lock);
        if (is_there)
            return 1;
    }
    return 0;
}

/* ## An agent */

struct setting {
    const char *name, *value;
};

/* Its files are in the broker's folder, and go with it. */
static pid_t start_agent(const struct broker *broker, const struct setting *settings)
{
    char port[16], database[128], ledger[128], log[128];
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(port, sizeof port, "%u", (unsigned)broker->port);
    snprintf(database, sizeof database, "sqlite:%s/agent.db", broker->dir);
    snprintf(ledger, sizeof ledger, "%s/ledger", broker->dir);
    snprintf(log, sizeof log, "%s/agent.log", broker->dir);
    setenv("MQTT_HOST", "127.0.0.1", 1);
    setenv("MQTT_PORT", port, 1);
    setenv("DATABASE_URL", database, 1);
    setenv("LEDGER", ledger, 1);
    for (; settings->name; settings++)
        setenv(settings->name, settings->value, 1);
    if (!freopen(log, "a", stdout))
        _exit(126);
    execl(getenv("SENSOR_AGENT"), "iot-sensor-agent", (char *)NULL);
    _exit(127);
}

static int end_agent(pid_t pid, int signal_number)
{
    int status;

    kill(pid, signal_number);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int await_agent(pid_t pid)
{
    int status;

    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; nap_ms(10))
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1000;
}

/* The ids in the ledger; the caller frees. A kill may leave half a line at the end, which
 * is no entry. */
static char *read_ledger(const struct broker *broker, uint32_t *count)
{
    char path[128];
    char *text = calloc(1, 4194304);
    FILE *file;

    snprintf(path, sizeof path, "%s/ledger", broker->dir);
    file = fopen(path, "r");
    assert_non_null(file);
    *count = (uint32_t)(fread(text, 1, 4194303, file) / 37);
    fclose(file);
    return text;
}

static struct farmiq_outbox_stats read_buffer(const struct broker *broker)
{
    struct farmiq_sqlite_options options;
    struct farmiq_outbox_stats stats;
    struct farmiq_store store;
    char path[128];

    snprintf(path, sizeof path, "%s/agent.db", broker->dir);
    farmiq_sqlite_options_init(&options, sizeof options);
    options.migrations = farmiq_schema_agent();
    farmiq_outbox_stats_init(&stats, sizeof stats);
    assert_int_equal(farmiq_store_open_sqlite(&store, path, &options, NULL), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_stats(&store, "agent", &stats), FARMIQ_OK);
    farmiq_store_close(&store);
    return stats;
}

static void assert_ledger_was_seen(const struct broker *broker, struct edge *edge)
{
    uint32_t count;
    char *ledger = read_ledger(broker, &count);

    edge = look(edge);
    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++)
        assert_true(find_seen(edge, ledger + i * 37, 36)->count > 0);
    free(ledger);
}

/* ## Tests */

static int start_broker(void **state)
{
    struct broker *broker = malloc(sizeof *broker);

    broker_init(broker, NULL);
    broker_start(broker);
    *state = broker;
    return 0;
}

static int end_broker(void **state)
{
    broker_fini(*state);
    free(*state);
    return 0;
}

static void test_all_is_acknowledged_and_the_buffer_empties(void **state)
{
    static const struct setting settings[] = { { "RATE", "200" },
                                               { "COUNT", "120" },
                                               { NULL, NULL } };
    struct edge *edge = open_edge(*state, ACKNOWLEDGE);
    struct farmiq_outbox_stats stats;

    assert_int_equal(await_agent(start_agent(*state, settings)), 0);
    stats = read_buffer(*state);
    assert_int_equal(look(edge)->distinct, 120);
    assert_int_equal(look(edge)->deliveries, 120);
    assert_ledger_was_seen(*state, edge);
    assert_int_equal(stats.pending + stats.claimed + stats.dlq, 0);
    close_edge(edge);
}

/* 13-A14: what the ledger has, the edge gets, wherever the agent was killed. */
static void test_kill_loses_nothing(void **state)
{
    static const struct setting busy[] = { { "RATE", "400" },
                                           { "REPLAY_RATE", "0" },
                                           { "BUFFER_MAX_MESSAGES", "100000" },
                                           { NULL, NULL } };
    static const struct setting last[] = { { "RATE", "400" },
                                           { "REPLAY_RATE", "0" },
                                           { "BUFFER_MAX_MESSAGES", "100000" },
                                           { "COUNT", "10" },
                                           { NULL, NULL } };
    struct edge *edge = open_edge(*state, ACKNOWLEDGE);

    srand(7);
    for (int i = 0; i < 12; i++) {
        pid_t agent = start_agent(*state, busy);

        pthread_mutex_lock(&edge->lock);
        edge->conduct = i % 3 == 2 ? KEEP_SILENT : ACKNOWLEDGE;
        pthread_mutex_unlock(&edge->lock);
        nap_ms(30 + rand() % 250);
        assert_int_equal(end_agent(agent, SIGKILL), -SIGKILL);
    }
    pthread_mutex_lock(&edge->lock);
    edge->conduct = ACKNOWLEDGE;
    pthread_mutex_unlock(&edge->lock);
    assert_int_equal(await_agent(start_agent(*state, last)), 0);
    assert_ledger_was_seen(*state, edge);
    assert_int_equal(read_buffer(*state).pending, 0);
    close_edge(edge);
}

/* PUBACK is transport only: without the edge's word it goes out again, and with it never
 * more. */
static void test_acknowledgement_ends_repetition(void **state)
{
    static const struct setting settings[] = {
        { "RATE", "100" }, { "COUNT", "5" }, { "ACK_TIMEOUT", "300ms" }, { NULL, NULL }
    };
    struct edge *edge = open_edge(*state, KEEP_SILENT);
    pid_t agent = start_agent(*state, settings);
    uint32_t deliveries;

    assert_true(wait_count(edge, &edge->deliveries, 12));
    assert_int_equal(read_count(edge, &edge->distinct), 5);
    pthread_mutex_lock(&edge->lock);
    edge->conduct = ACKNOWLEDGE;
    pthread_mutex_unlock(&edge->lock);
    assert_int_equal(await_agent(agent), 0); /* it ends when all is acknowledged */
    deliveries = read_count(edge, &edge->deliveries);
    nap_ms(500);
    assert_int_equal(read_count(edge, &edge->deliveries), deliveries);
    assert_int_equal(look(edge)->distinct, 5);
    close_edge(edge);
}

/* 2.13: drop oldest. The newest survive an outage, in the order of their time. */
static void test_full_buffer_drops_the_oldest(void **state)
{
    static const struct setting settings[] = { { "RATE", "500" },
                                               { "COUNT", "300" },
                                               { "BUFFER_MAX_MESSAGES", "20" },
                                               { NULL, NULL } };
    struct broker *broker = *state;
    struct farmiq_outbox_stats stats;
    struct edge *edge, *heard;
    uint32_t count;
    pid_t agent;
    char *ledger;

    broker_stop(broker, SIGTERM);
    agent = start_agent(broker, settings);
    nap_ms(1200);
    assert_int_equal(end_agent(agent, SIGTERM), 0);
    stats = read_buffer(broker);
    assert_int_equal(stats.pending, 20);
    ledger = read_ledger(broker, &count);
    assert_int_equal(count, 300);
    broker_start(broker);
    edge = open_edge(broker, ACKNOWLEDGE);
    agent = start_agent(broker, (const struct setting[]){ { "RATE", "1000000" },
                                                          { "COUNT", "1" },
                                                          { NULL, NULL } });
    assert_int_equal(await_agent(agent), 0);
    heard = look(edge);
    assert_int_equal(heard->distinct, 21);
    for (uint32_t i = 280; i < 300; i++)
        assert_int_equal(find_seen(heard, ledger + i * 37, 36)->count, 1);
    free(ledger);
    close_edge(edge);
}

/* Too old to be of use: not sent any more, and not kept either. */
static void test_old_events_are_not_sent(void **state)
{
    static const struct setting settings[] = {
        { "RATE", "500" }, { "COUNT", "10" }, { "BUFFER_MAX_AGE", "1s" }, { NULL, NULL }
    };
    struct broker *broker = *state;
    struct edge *edge;
    pid_t agent;

    broker_stop(broker, SIGTERM);
    agent = start_agent(broker, settings);
    nap_ms(1500);
    broker_start(broker);
    edge = open_edge(broker, ACKNOWLEDGE);
    assert_int_equal(await_agent(agent), 0);
    assert_int_equal(look(edge)->distinct, 0);
    assert_int_equal(read_buffer(broker).pending, 0);
    close_edge(edge);
}

static void test_refused_events_become_dead_letters(void **state)
{
    static const struct setting settings[] = {
        { "RATE", "100" }, { "COUNT", "7" }, { "ACK_TIMEOUT", "300ms" }, { NULL, NULL }
    };
    struct edge *edge = open_edge(*state, REFUSE);
    struct farmiq_outbox_stats stats;

    assert_int_equal(await_agent(start_agent(*state, settings)), 0);
    stats = read_buffer(*state);
    assert_int_equal(stats.dlq, 7);
    assert_int_equal(stats.pending + stats.claimed, 0);
    assert_int_equal(look(edge)->deliveries, 7);
    close_edge(edge);
}

static void test_dead_letters_are_as_many_as_the_buffer_may_hold(void **state)
{
    static const struct setting settings[] = { { "RATE", "100" },
                                               { "COUNT", "12" },
                                               { "ACK_TIMEOUT", "300ms" },
                                               { "BUFFER_MAX_MESSAGES", "5" },
                                               { NULL, NULL } };
    struct edge *edge = open_edge(*state, REFUSE);
    struct farmiq_outbox_stats stats;

    assert_int_equal(await_agent(start_agent(*state, settings)), 0);
    stats = read_buffer(*state);
    assert_int_equal(stats.dlq, 5);
    assert_int_equal(stats.pending + stats.claimed, 0);
    close_edge(edge);
}

static void test_broker_that_comes_late(void **state)
{
    static const struct setting settings[] = {
        { "RATE", "100" }, { "COUNT", "30" }, { "REPLAY_RATE", "1000" }, { NULL, NULL }
    };
    struct broker *broker = *state;
    struct edge *edge;
    pid_t agent;

    broker_stop(broker, SIGTERM);
    agent = start_agent(broker, settings);
    nap_ms(700);
    broker_start(broker);
    edge = open_edge(broker, ACKNOWLEDGE);
    assert_int_equal(await_agent(agent), 0);
    assert_int_equal(look(edge)->distinct, 30);
    assert_ledger_was_seen(broker, edge);
    close_edge(edge);
}

/* 2.13: a backlog returns slowly, so that a barn that comes back does not trample its
 * gateway. Twenty old events at ten a second take two seconds, less the first step. */
static void test_replay_is_paced(void **state)
{
    static const struct setting settings[] = {
        { "RATE", "500" }, { "COUNT", "20" }, { "REPLAY_RATE", "10" }, { NULL, NULL }
    };
    struct broker *broker = *state;
    struct edge *edge;
    pid_t agent;

    broker_stop(broker, SIGTERM);
    agent = start_agent(broker, settings);
    nap_ms(5500); /* younger ones are not a replay */
    broker_start(broker);
    edge = open_edge(broker, ACKNOWLEDGE);
    assert_int_equal(await_agent(agent), 0);
    assert_int_equal(look(edge)->distinct, 20);
    assert_true(look(edge)->last_ms - look(edge)->first_ms >= 1500);
    close_edge(edge);
}

static void test_status_tells_life_and_death(void **state)
{
    static const struct setting settings[] = { { "POLL_INTERVAL_MS", "60000" },
                                               { NULL, NULL } };
    struct edge *edge = open_edge(*state, ACKNOWLEDGE);
    pid_t agent = start_agent(*state, settings);

    assert_true(wait_status(edge, "\"status\":\"online\""));
    assert_non_null(strstr(look(edge)->last_status, "\"sensor_ok\":true"));
    end_agent(agent, SIGKILL);
    assert_true(wait_status(edge, "\"status\":\"offline\""));
    assert_null(strstr(look(edge)->last_status, "true")); /* every health flag is false */
    agent = start_agent(*state, settings);
    assert_true(wait_status(edge, "\"status\":\"online\""));
    assert_int_equal(end_agent(agent, SIGTERM), 0);
    assert_true(wait_status(edge, "\"status\":\"offline\""));
    close_edge(edge);
}

/* An edge that knows nothing of application acknowledgements. */
static void test_puback_can_be_enough(void **state)
{
    static const struct setting settings[] = {
        { "RATE", "200" }, { "COUNT", "50" }, { "ACK_MODE", "puback" }, { NULL, NULL }
    };
    struct edge *edge = open_edge(*state, KEEP_SILENT);

    assert_int_equal(await_agent(start_agent(*state, settings)), 0);
    assert_true(wait_count(edge, &edge->distinct, 50));
    assert_int_equal(read_buffer(*state).pending, 0);
    close_edge(edge);
}

/* Many devices on one connection: each has its own topic and its own acknowledgements. */
static void test_many_devices(void **state)
{
    static const struct setting settings[] = { { "DEVICES", "300" },
                                               { "RATE", "2000" },
                                               { "COUNT", "2100" },
                                               { "WINDOW", "1000" },
                                               { NULL, NULL } };
    struct edge *edge = open_edge(*state, ACKNOWLEDGE);

    assert_int_equal(await_agent(start_agent(*state, settings)), 0);
    assert_int_equal(look(edge)->distinct, 2100);
    assert_string_equal(look(edge)->last_topic,
                        "iot/telemetry/t-123/f-456/b-789/d-001-0300/pressure");
    close_edge(edge);
}

static void test_csv_source(void **state)
{
    static const char rows[] = "value,ts,metric,unit,remark\n"
                               "21.5,2026-03-01T06:00:00Z,temperature,C,morning\n"
                               "not a number,2026-03-01T06:00:01Z,temperature,C,\n"
                               "64,2026-03-01T07:00:00+01:00,humidity,%,\n";
    struct broker *broker = *state;
    const struct setting settings[] = { { "SOURCE", "csv" },
                                        { "SPEED", "0" },
                                        { "CSV_FILE",
                                          broker_file(broker, "rows.csv", rows) },
                                        { NULL, NULL } };
    struct edge *edge = open_edge(broker, ACKNOWLEDGE);

    assert_int_equal(await_agent(start_agent(broker, settings)), 0);
    assert_int_equal(look(edge)->distinct, 2);
    assert_string_equal(look(edge)->last_topic,
                        "iot/telemetry/t-123/f-456/b-789/d-001/humidity");
    assert_non_null(strstr(look(edge)->last_body, "\"ts\":\"2026-03-01T06:00:00.000Z\""));
    assert_non_null(strstr(look(edge)->last_body, "\"value\":64"));
    close_edge(edge);
}

static void test_command_source(void **state)
{
    static const struct setting settings[] = {
        { "SOURCE", "command" },
        { "POLL_INTERVAL_MS", "200" },
        { "COMMAND", "echo temperature 20.25 C; echo what is this thing; "
                     "printf '{\"metric\":\"co2\",\"value\":900}'" },
        { "COUNT", "6" },
        { NULL, NULL }
    };
    struct edge *edge = open_edge(*state, ACKNOWLEDGE);

    assert_int_equal(await_agent(start_agent(*state, settings)), 0);
    assert_int_equal(look(edge)->distinct, 6); /* three runs of two */
    assert_string_equal(look(edge)->last_topic,
                        "iot/telemetry/t-123/f-456/b-789/d-001/co2");
    assert_non_null(strstr(look(edge)->last_body, "\"payload\":{\"metric\":\"co2\","
                                                  "\"value\":900}"));
    close_edge(edge);
}

static void test_bad_options_end_at_once(void **state)
{
    static const struct setting bad[][2] = {
        { { "DEVICES", "0" }, { NULL, NULL } },
        { { "TENANT_ID", "a/b" }, { NULL, NULL } },
        { { "SOURCE", "csv" }, { NULL, NULL } },
        { { "SOURCE", "thermometer" }, { NULL, NULL } },
        { { "DATABASE_URL", "postgresql://x" }, { NULL, NULL } },
        { { "BUFFER_MAX_AGE", "soon" }, { NULL, NULL } },
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(await_agent(start_agent(*state, bad[i])), 2);
}

#define WITH_BROKER(test) cmocka_unit_test_setup_teardown(test, start_broker, end_broker)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BROKER(test_bad_options_end_at_once),
        WITH_BROKER(test_all_is_acknowledged_and_the_buffer_empties),
        WITH_BROKER(test_acknowledgement_ends_repetition),
        WITH_BROKER(test_refused_events_become_dead_letters),
        WITH_BROKER(test_dead_letters_are_as_many_as_the_buffer_may_hold),
        WITH_BROKER(test_full_buffer_drops_the_oldest),
        WITH_BROKER(test_old_events_are_not_sent),
        WITH_BROKER(test_broker_that_comes_late),
        WITH_BROKER(test_replay_is_paced),
        WITH_BROKER(test_status_tells_life_and_death),
        WITH_BROKER(test_puback_can_be_enough),
        WITH_BROKER(test_many_devices),
        WITH_BROKER(test_csv_source),
        WITH_BROKER(test_command_source),
        WITH_BROKER(test_kill_loses_nothing),
    };

    if (!broker_is_installed() || !getenv("SENSOR_AGENT"))
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
