/* SPDX-License-Identifier: Apache-2.0 */
/* The bus on RabbitMQ with a consumer of this test's own, whose handler fails as it is
 * told: in a process of its own, beside a real broker (tests/kit/with_rabbit.py). */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit/amqp.h"
#include "kit/shim.h"

#define EXCHANGE "farmiq.telemetry.exchange"
#define HOME "farmiq.cloud-telemetry-service.ingest.queue"
#define STEP "farmiq.cloud-telemetry-service.retry.5s"
#define DLQ "farmiq.cloud-telemetry-service.dlq.queue"

/* ## The consumer */

static const struct farmiq_migration schema[] = {
    { 1, 0, "seen", "CREATE TABLE seen (event_id TEXT);\n", NULL }, { 0 }
};

static const struct farmiq_migration *schema_of(void) { return schema; }

static const struct farmiq_sql_query add_seen = {
    "add_seen", "INSERT INTO seen (event_id) VALUES ($1)", NULL
};
static const struct farmiq_sql_query count_seen = {
    "count_seen", "SELECT count(*) FROM seen WHERE $1 = '' OR event_id = $1", NULL
};

static int has(const struct shim_message *message, const char *word)
{
    return memmem(message->body.ptr, message->body.len, word, strlen(word)) != NULL;
}

static int consume(struct shim_call *call)
{
    if (access("trouble", F_OK) == 0)
        return FARMIQ_E_BUSY; /* as a database that is away */
    for (struct shim_message *m = call->messages; m; m = m->next) {
        struct farmiq_sql_value id = farmiq_sql_text(m->event->event_id);
        int r = farmiq_sql_run(call->store, &add_seen, NULL, &id, 1, NULL, NULL);

        if (r < 0)
            return r;
        if (has(m, "poison"))
            return FARMIQ_E_STATE; /* after the insert: it must vanish */
        if (has(m, "not now"))
            m->verdict = FARMIQ_E_BUSY;
    }
    return FARMIQ_OK;
}

static const struct shim_queue queues[] = {
    { "telemetry", "telemetry.ingested", consume }, { 0 }
};
static const struct shim_service service = { .name = "cloud-telemetry-service",
                                             .summary = "a test",
                                             .queues = queues,
                                             .schema = schema_of };

/* ## The test's side */

struct bench {
    char folder[64];
    pid_t pid;
    struct shim_amqp *link;
    int next_id;
};

static void pause_ms(long ms)
{
    struct timespec rest = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&rest, NULL);
}

static void in_child(const struct bench *bench)
{
    char *argv[] = { (char *)"consumer", (char *)"--app-port=0",
                     (char *)"--database-url=sqlite:seen.db", NULL };

    if (chdir(bench->folder) || !freopen("log", "w", stdout))
        _exit(99);
    setenv("RABBITMQ_URL", getenv("RABBIT_URL"), 1);
    _exit(shim_main(3, argv, &service));
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    char command[100];
    int status = 0;

    shim_amqp_close(bench->link);
    kill(bench->pid, SIGTERM);
    waitpid(bench->pid, &status, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", bench->folder);
    return system(command) || !WIFEXITED(status) || WEXITSTATUS(status);
}

/* Publish an event whose payload says what the handler shall do. Its id goes to `id`. */
static void publish(struct bench *bench, const char *what, int64_t attempt, char id[40])
{
    char body[400];
    const struct shim_amqp_header header = { "x-farmiq-attempt", { NULL, 0 }, attempt };
    struct shim_amqp_letter letter = { .exchange = shim_str(EXCHANGE),
                                       .routing_key = shim_str("telemetry.ingested"),
                                       .body.ptr = body,
                                       .headers = &header,
                                       .header_count = attempt > 0 };

    snprintf(id, 40, "event-%d", ++bench->next_id);
    letter.body.len = (size_t)snprintf(
        body, sizeof body,
        "{\"event_id\":\"%s\",\"event_type\":\"telemetry.ingested\","
        "\"tenant_id\":\"t-1\",\"occurred_at\":\"2026-11-28T10:00:00.000Z\","
        "\"trace_id\":\"x\",\"payload\":{\"do\":\"%s\"}}",
        id, what);
    assert_int_equal(shim_amqp_send_and_wait(bench->link, &letter), FARMIQ_OK);
}

static int on_count(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row, (void)count;
    *(int64_t *)ctx = columns[0].integer;
    return FARMIQ_OK;
}

static int64_t seen(const struct bench *bench, const char *id)
{
    struct farmiq_sql_value param = farmiq_sql_text(shim_str(id));
    struct farmiq_sqlite_options options;
    struct farmiq_store store;
    int64_t count = -1;
    char path[100];

    farmiq_sqlite_options_init(&options, sizeof options);
    options.access = FARMIQ_SQLITE_READ;
    snprintf(path, sizeof path, "%s/seen.db", bench->folder);
    assert_int_equal(farmiq_store_open_sqlite(&store, path, &options, NULL), FARMIQ_OK);
    assert_true(farmiq_sql_run(&store, &count_seen, NULL, &param, 1, on_count, &count) >=
                0);
    farmiq_store_close(&store);
    return count;
}

static int open_bench(void **state)
{
    static struct bench bench;
    const struct shim_amqp_options options = { .url = getenv("RABBIT_URL"),
                                               .name = "test",
                                               .connect_timeout_ms = 10000,
                                               .heartbeat_s = 60 };
    uint32_t messages;
    int r = FARMIQ_NONE, is_there = 0;
    char id[40];

    *state = &bench;
    snprintf(bench.folder, sizeof bench.folder, "/tmp/farmiq-bus-XXXXXX");
    if (!mkdtemp(bench.folder))
        return -1;
    bench.pid = fork();
    if (bench.pid == 0)
        in_child(&bench);
    if (shim_amqp_open(&bench.link, &options, NULL) < 0)
        return -1;
    for (int i = 0; i < 1000 && r == FARMIQ_NONE; i++) {
        r = shim_amqp_depth(bench.link, HOME, &messages);
        pause_ms(20);
    }
    /* The queue is there; its bindings, and the consumer, when something gets through. */
    for (int i = 0; i < 200 && r == FARMIQ_OK && !is_there; i++) {
        publish(&bench, "keep", 0, id);
        pause_ms(50);
        is_there = seen(&bench, "") > 0;
    }
    return is_there ? 0 : -1;
}

static void await_seen(const struct bench *bench, const char *id)
{
    for (int i = 0; i < 1500 && seen(bench, id) == 0; i++)
        pause_ms(10);
    assert_int_equal(seen(bench, id), 1);
}

/* The next message of a queue, taken away. */
static struct shim_amqp_delivery *take(struct bench *bench, const char *queue)
{
    struct shim_amqp_delivery *delivery = NULL;
    int r = FARMIQ_EXHAUSTED;

    for (int i = 0; i < 1500 && r == FARMIQ_EXHAUSTED; i++) {
        r = shim_amqp_get(bench->link, queue, &delivery);
        pause_ms(10);
    }
    assert_int_equal(r, FARMIQ_OK);
    assert_int_equal(shim_amqp_ack(bench->link, delivery->tag, 0), FARMIQ_OK);
    return delivery;
}

static void assert_about(const struct shim_amqp_delivery *delivery, const char *id,
                         int64_t attempt)
{
    struct farmiq_str key = shim_amqp_header_text(delivery, "x-farmiq-routing-key");

    assert_non_null(memmem(delivery->body.ptr, delivery->body.len, id, strlen(id)));
    assert_int_equal(shim_amqp_header_number(delivery, "x-farmiq-attempt", -1), attempt);
    assert_true(shim_amqp_header_text(delivery, "x-farmiq-error").len > 0);
    assert_true(shim_amqp_header_text(delivery, "x-farmiq-first-failed-at").len > 0);
    assert_int_equal(key.len, strlen("telemetry.ingested"));
}

/* ## The tests */

static void one_poison_message_goes_up_the_ladder_and_its_neighbours_through(void **state)
{
    struct bench *bench = *state;
    char ids[21][40];
    struct shim_amqp_delivery *delivery;

    for (int i = 0; i < 21; i++)
        publish(bench, i == 10 ? "poison" : "keep", 0, ids[i]);
    delivery = take(bench, STEP);
    assert_about(delivery, ids[10], 1);
    for (int i = 0; i < 21; i++)
        if (i != 10)
            await_seen(bench, ids[i]);
    assert_int_equal(seen(bench, ids[10]), 0);
    shim_amqp_delivery_free(delivery);
}

static void what_is_not_for_now_goes_up_the_ladder(void **state)
{
    struct bench *bench = *state;
    struct shim_amqp_delivery *delivery;
    char id[40];

    publish(bench, "not now", 0, id);
    delivery = take(bench, STEP);
    assert_about(delivery, id, 1);
    shim_amqp_delivery_free(delivery);
}

static void a_message_comes_back_from_the_first_step_until_it_is_taken(void **state)
{
    struct bench *bench = *state;
    struct shim_amqp_delivery *delivery;
    char id[40];

    publish(bench, "poison", 0, id);
    delivery = take(bench, "farmiq.cloud-telemetry-service.retry.60s");
    assert_about(delivery, id, 2);
    shim_amqp_delivery_free(delivery);
}

static void after_five_attempts_it_is_a_dead_letter(void **state)
{
    struct bench *bench = *state;
    struct shim_amqp_delivery *delivery;
    char id[40];

    publish(bench, "poison", 4, id);
    delivery = take(bench, DLQ);
    assert_non_null(memmem(delivery->body.ptr, delivery->body.len, id, strlen(id)));
    assert_int_equal(shim_amqp_header_number(delivery, "x-farmiq-attempt", -1), 5);
    shim_amqp_delivery_free(delivery);
}

/* The batch stays in hand: neither a step of the ladder nor a delivery is used up. */
static void the_store_s_trouble_is_nobody_s_fault(void **state)
{
    struct bench *bench = *state;
    char id[40], path[100];
    uint32_t messages = 1;

    snprintf(path, sizeof path, "%s/trouble", bench->folder);
    fclose(fopen(path, "w"));
    publish(bench, "keep", 0, id);
    pause_ms(4000);
    assert_int_equal(seen(bench, id), 0);
    assert_int_equal(shim_amqp_depth(bench->link, HOME, &messages), FARMIQ_OK);
    assert_int_equal(messages, 0); /* in hand, not given back */
    assert_int_equal(shim_amqp_depth(bench->link, STEP, &messages), FARMIQ_OK);
    assert_int_equal(messages, 0);
    unlink(path);
    await_seen(bench, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            one_poison_message_goes_up_the_ladder_and_its_neighbours_through),
        cmocka_unit_test(what_is_not_for_now_goes_up_the_ladder),
        cmocka_unit_test(a_message_comes_back_from_the_first_step_until_it_is_taken),
        cmocka_unit_test(after_five_attempts_it_is_a_dead_letter),
        cmocka_unit_test(the_store_s_trouble_is_nobody_s_fault),
    };

    if (!getenv("RABBIT_URL"))
        return 77;
    return cmocka_run_group_tests(tests, open_bench, close_bench);
}
