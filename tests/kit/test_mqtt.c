/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT in and out, against a real Mosquitto: what was acknowledged was committed, and
 * what was not comes again (architecture, decision 6; reliability, findings 5 and 6). */
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

#include "broker.h"
#include "kit/mqtt_publisher.h"
#include "kit/mqtt_subscriber.h"

#define PATIENCE_S 20
#define MAX_ID 1000

/* ## What a subscriber saw */

struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t seen[MAX_ID]; /* by id, over all deliveries */
    uint32_t distinct;
    uint32_t deliveries;
    uint32_t batches;
    uint32_t largest_batch;
    size_t last_len;
    char last_topic[64];
    int failures_left; /* refuse this many batches first */
    int reply;         /* publish an application acknowledgement from on_batch */
    int drops;         /* links that went down */
    int report_fd;     /* write the batch size here and sleep: to be killed in between */
    struct shim_mqtt_subscriber *subscriber;
};

static struct inbox new_inbox(void)
{
    struct inbox inbox = { .lock = PTHREAD_MUTEX_INITIALIZER,
                           .changed = PTHREAD_COND_INITIALIZER,
                           .report_fd = -1 };

    return inbox;
}

static void note(struct inbox *inbox, const struct shim_message *message)
{
    char text[8] = "";
    int id;

    inbox->deliveries++;
    inbox->last_len = message->body.len;
    snprintf(inbox->last_topic, sizeof inbox->last_topic, "%.*s", (int)message->topic.len,
             message->topic.ptr);
    memcpy(text, message->body.ptr, message->body.len < 7 ? message->body.len : 7);
    id = atoi(text);
    if (id >= 0 && id < MAX_ID && inbox->seen[id]++ == 0)
        inbox->distinct++;
}

static void report_and_sleep(int fd, uint32_t count)
{
    if (write(fd, &count, sizeof count) == sizeof count)
        for (;;)
            pause();
}

static int take_batch(void *ctx, struct shim_message *first, uint32_t count)
{
    struct inbox *inbox = ctx;
    int r = 0;

    if (inbox->report_fd >= 0)
        report_and_sleep(inbox->report_fd, count);
    pthread_mutex_lock(&inbox->lock);
    inbox->batches++;
    if (count > inbox->largest_batch)
        inbox->largest_batch = count;
    if (inbox->reply) {
        struct farmiq_str topic = { "iot/ack/t/f/b/d", 15 }, body = { "500", 3 };

        assert_int_equal(shim_mqtt_subscriber_send(inbox->subscriber, topic, body), 0);
    }
    if (inbox->failures_left) {
        inbox->failures_left--;
        r = FARMIQ_E_BUSY;
    }
    for (; r == 0 && first; first = first->next, count--)
        note(inbox, first);
    assert_true(r != 0 || count == 0); /* the chain is as long as it says */
    pthread_cond_broadcast(&inbox->changed);
    pthread_mutex_unlock(&inbox->lock);
    return r;
}

static void count_drops(void *ctx, int connected, const char *why)
{
    struct inbox *inbox = ctx;

    assert_non_null(why);
    pthread_mutex_lock(&inbox->lock);
    inbox->drops += !connected;
    pthread_cond_broadcast(&inbox->changed);
    pthread_mutex_unlock(&inbox->lock);
}

static struct timespec deadline(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    return until;
}

/* Wait until *value reaches `target`; 0 if it does not. */
static int wait_for(struct inbox *inbox, const uint32_t *value, uint32_t target)
{
    struct timespec until = deadline();
    int r = 0;

    pthread_mutex_lock(&inbox->lock);
    while (*value < target && r == 0)
        r = pthread_cond_timedwait(&inbox->changed, &inbox->lock, &until);
    r = *value >= target;
    pthread_mutex_unlock(&inbox->lock);
    return r;
}

static void nap_ms(long ms)
{
    struct timespec nap = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&nap, NULL);
}

static void wait_until_subscribed(const struct shim_mqtt_subscriber *subscriber)
{
    for (int i = 0; i < PATIENCE_S * 100; i++, nap_ms(10))
        if (shim_mqtt_subscriber_is_connected(subscriber))
            return;
    fail_msg("the subscriber does not connect");
}

static const char *const any_telemetry[] = { "iot/telemetry/#", NULL };

static struct shim_mqtt_subscriber_options subscriber_options(const struct broker *broker,
                                                              struct inbox *inbox)
{
    struct shim_mqtt_subscriber_options options = {
        .url = broker->url,
        .client_id = "gateway",
        .filters = any_telemetry,
        .batch_max = 64,
        .batch_wait_ms = 20,
        .on_batch = take_batch,
        .on_state = count_drops,
        .ctx = inbox,
    };

    return options;
}

static void open_subscriber(struct inbox *inbox,
                            const struct shim_mqtt_subscriber_options *options)
{
    assert_int_equal(shim_mqtt_subscriber_open(&inbox->subscriber, options, NULL), 0);
}

/* ## What a publisher was told */

struct outcome {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t ok, refused, unreachable;
    uint32_t answers[MAX_ID]; /* by cookie */
    int reason_code;
    uint32_t received;
    struct shim_mqtt_publisher *publisher;
};

static struct outcome new_outcome(void)
{
    struct outcome outcome = { .lock = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER };

    return outcome;
}

static void take_answer(void *ctx, uint64_t cookie, int result, int reason_code)
{
    struct outcome *outcome = ctx;

    pthread_mutex_lock(&outcome->lock);
    outcome->ok += result == FARMIQ_OK;
    outcome->refused += result == FARMIQ_E_REFUSED;
    outcome->unreachable += result == FARMIQ_E_UNREACHABLE;
    outcome->reason_code = reason_code;
    outcome->answers[cookie % MAX_ID]++;
    pthread_cond_broadcast(&outcome->changed);
    pthread_mutex_unlock(&outcome->lock);
}

static void take_message(void *ctx, struct farmiq_str topic, struct farmiq_str body)
{
    struct outcome *outcome = ctx;

    (void)topic, (void)body;
    pthread_mutex_lock(&outcome->lock);
    outcome->received++;
    pthread_cond_broadcast(&outcome->changed);
    pthread_mutex_unlock(&outcome->lock);
}

static int wait_outcome(struct outcome *outcome, const uint32_t *value, uint32_t target)
{
    struct timespec until = deadline();
    int r = 0;

    pthread_mutex_lock(&outcome->lock);
    while (*value < target && r == 0)
        r = pthread_cond_timedwait(&outcome->changed, &outcome->lock, &until);
    r = *value >= target;
    pthread_mutex_unlock(&outcome->lock);
    return r;
}

static void wait_until_linked(const struct shim_mqtt_publisher *publisher)
{
    for (int i = 0; i < PATIENCE_S * 100; i++, nap_ms(10))
        if (shim_mqtt_publisher_is_connected(publisher))
            return;
    fail_msg("the publisher does not connect");
}

static struct shim_mqtt_publisher_options publisher_options(const struct broker *broker,
                                                            struct outcome *outcome)
{
    struct shim_mqtt_publisher_options options = {
        .url = broker->url,
        .client_id = "device-1",
        .on_published = take_answer,
        .on_message = take_message,
        .ctx = outcome,
    };

    return options;
}

static void open_publisher(struct outcome *outcome,
                           const struct shim_mqtt_publisher_options *options)
{
    assert_int_equal(shim_mqtt_publisher_open(&outcome->publisher, options, NULL), 0);
}

#define TOPIC "iot/telemetry/t/f/b/d/temperature"

static int send_id(struct outcome *outcome, uint64_t id)
{
    char text[16];
    struct farmiq_str body = { text,
                               (size_t)snprintf(text, sizeof text, "%u", (unsigned)id) };

    return shim_mqtt_publisher_send(outcome->publisher, TOPIC, body, 0, id);
}

/* Send first..last, patiently: a full window or a missing link is not an error. */
static void send_ids(struct outcome *outcome, uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++) {
        int r = send_id(outcome, id);

        for (int i = 0; r != 0 && i < PATIENCE_S * 100; i++, nap_ms(10))
            r = send_id(outcome, id);
        assert_int_equal(r, 0);
    }
}

static void publish_ids(const struct broker *broker, uint64_t first, uint64_t last)
{
    struct outcome outcome = new_outcome();
    struct shim_mqtt_publisher_options options = publisher_options(broker, &outcome);

    open_publisher(&outcome, &options);
    send_ids(&outcome, first, last);
    assert_true(wait_outcome(&outcome, &outcome.ok, (uint32_t)(last - first + 1)));
    shim_mqtt_publisher_close(outcome.publisher);
}

/* ## A process of its own, to be killed: this program again, in another role */

static int be_subscriber(const struct broker *broker, int report_fd)
{
    struct inbox inbox = new_inbox();
    struct shim_mqtt_subscriber_options options = subscriber_options(broker, &inbox);

    inbox.report_fd = report_fd;
    if (shim_mqtt_subscriber_open(&inbox.subscriber, &options, NULL) != 0)
        return 1;
    for (;;)
        pause();
}

static int be_publisher(const struct broker *broker, int report_fd)
{
    struct outcome outcome = new_outcome();
    struct shim_mqtt_publisher_options options = publisher_options(broker, &outcome);

    options.will_topic = "iot/status/t/f/b/d";
    options.will_body = (struct farmiq_str){ "77", 2 };
    if (shim_mqtt_publisher_open(&outcome.publisher, &options, NULL) != 0)
        return 1;
    while (!shim_mqtt_publisher_is_connected(outcome.publisher))
        nap_ms(10);
    report_and_sleep(report_fd, 1);
    return 1;
}

static int be_child(const char *role, const char *url, const char *fd)
{
    struct broker broker = { .pid = 0 };

    snprintf(broker.url, sizeof broker.url, "%s", url);
    return strcmp(role, "publisher") == 0 ? be_publisher(&broker, atoi(fd))
                                          : be_subscriber(&broker, atoi(fd));
}

static pid_t start_child(const char *role, const struct broker *broker, int report_fd)
{
    pid_t child = fork();
    char fd[16];

    assert_true(child >= 0);
    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(fd, sizeof fd, "%d", report_fd);
    execl("/proc/self/exe", "test_mqtt", role, broker->url, fd, (char *)NULL);
    _exit(127);
}

/* ## Tests. Each has a broker of its own. */

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

static void test_messages_arrive_in_batches(void **state)
{
    struct inbox inbox = new_inbox();
    struct shim_mqtt_subscriber_options options = subscriber_options(*state, &inbox);

    options.batch_wait_ms = 300;
    open_subscriber(&inbox, &options);
    wait_until_subscribed(inbox.subscriber);
    publish_ids(*state, 1, 200);
    assert_true(wait_for(&inbox, &inbox.distinct, 200));
    assert_int_equal(inbox.deliveries, 200);
    assert_true(inbox.largest_batch > 1 && inbox.largest_batch <= 64);
    assert_string_equal(inbox.last_topic, TOPIC);
    shim_mqtt_subscriber_close(inbox.subscriber);
    assert_int_equal(inbox.deliveries, 200);
}

/* 13-A1: no acknowledgement without a commit. The handler fails twice; the broker must
 * send everything again, and nothing may be lost. */
static void test_failed_batch_comes_again(void **state)
{
    struct inbox inbox = new_inbox();
    struct shim_mqtt_subscriber_options options = subscriber_options(*state, &inbox);

    inbox.failures_left = 2;
    open_subscriber(&inbox, &options);
    wait_until_subscribed(inbox.subscriber);
    publish_ids(*state, 1, 150);
    assert_true(wait_for(&inbox, &inbox.distinct, 150));
    assert_int_equal(inbox.failures_left, 0);
    assert_true(inbox.drops >= 2); /* each failure dropped the link */
    shim_mqtt_subscriber_close(inbox.subscriber);
}

/* What was committed is acknowledged: a new link brings none of it again. */
static void test_committed_batch_does_not_come_again(void **state)
{
    struct inbox inbox = new_inbox();
    struct shim_mqtt_subscriber_options options = subscriber_options(*state, &inbox);

    open_subscriber(&inbox, &options);
    wait_until_subscribed(inbox.subscriber);
    publish_ids(*state, 1, 100);
    assert_true(wait_for(&inbox, &inbox.distinct, 100));
    shim_mqtt_subscriber_close(inbox.subscriber);
    publish_ids(*state, 101, 110); /* the session waits for us */
    open_subscriber(&inbox, &options);
    assert_true(wait_for(&inbox, &inbox.distinct, 110));
    shim_mqtt_subscriber_close(inbox.subscriber);
    assert_int_equal(inbox.deliveries, 110);
}

/* A child process receives a batch and is killed inside its handler. */
static void test_kill_between_receipt_and_commit(void **state)
{
    struct inbox inbox = new_inbox();
    struct shim_mqtt_subscriber_options options = subscriber_options(*state, &inbox);
    int pipe_fds[2];
    uint32_t count = 0;
    pid_t child;

    assert_int_equal(pipe(pipe_fds), 0);
    child = start_child("subscriber", *state, pipe_fds[1]);
    nap_ms(300); /* its subscription must exist before the first message */
    publish_ids(*state, 1, 40);
    assert_int_equal(read(pipe_fds[0], &count, sizeof count), sizeof count);
    assert_true(count > 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    open_subscriber(&inbox, &options);
    assert_true(wait_for(&inbox, &inbox.distinct, 40));
    shim_mqtt_subscriber_close(inbox.subscriber);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void test_broker_restart_in_mid_stream(void **state)
{
    struct broker *broker = *state;
    struct inbox inbox = new_inbox();
    struct outcome outcome = new_outcome();
    struct shim_mqtt_subscriber_options in = subscriber_options(broker, &inbox);
    struct shim_mqtt_publisher_options out = publisher_options(broker, &outcome);

    open_subscriber(&inbox, &in);
    wait_until_subscribed(inbox.subscriber);
    open_publisher(&outcome, &out);
    send_ids(&outcome, 1, 80);
    broker_stop(broker, SIGTERM);
    broker_start(broker);
    send_ids(&outcome, 1, 160); /* a device sends again what was not answered */
    assert_true(wait_for(&inbox, &inbox.distinct, 160));
    shim_mqtt_publisher_close(outcome.publisher);
    shim_mqtt_subscriber_close(inbox.subscriber);
}

static void test_broker_that_comes_late(void **state)
{
    struct broker *broker = *state;
    struct inbox inbox = new_inbox();
    struct outcome outcome = new_outcome();
    struct shim_mqtt_subscriber_options in = subscriber_options(broker, &inbox);
    struct shim_mqtt_publisher_options out = publisher_options(broker, &outcome);

    broker_stop(broker, SIGTERM);
    open_subscriber(&inbox, &in);
    open_publisher(&outcome, &out);
    nap_ms(500);
    assert_false(shim_mqtt_subscriber_is_connected(inbox.subscriber));
    assert_false(shim_mqtt_publisher_is_connected(outcome.publisher));
    assert_int_equal(send_id(&outcome, 1), FARMIQ_E_UNREACHABLE);
    broker_start(broker);
    wait_until_subscribed(inbox.subscriber);
    send_ids(&outcome, 1, 5);
    assert_true(wait_for(&inbox, &inbox.distinct, 5));
    shim_mqtt_publisher_close(outcome.publisher);
    shim_mqtt_subscriber_close(inbox.subscriber);
}

static void test_stopping_without_a_broker_is_quick(void **state)
{
    struct broker *broker = *state;
    struct inbox inbox = new_inbox();
    struct outcome outcome = new_outcome();
    struct shim_mqtt_subscriber_options in = subscriber_options(broker, &inbox);
    struct shim_mqtt_publisher_options out = publisher_options(broker, &outcome);
    time_t before = time(NULL);

    broker_stop(broker, SIGTERM);
    open_subscriber(&inbox, &in);
    open_publisher(&outcome, &out);
    nap_ms(1500); /* by now they sleep for longer than that */
    shim_mqtt_subscriber_close(inbox.subscriber);
    shim_mqtt_publisher_close(outcome.publisher);
    assert_true(time(NULL) - before <= 4);
}

/* The handler must be able to refuse by length, without us holding the whole thing. */
static void test_oversized_message_is_cut(void **state)
{
    static const size_t lengths[][2] = {
        { 99, 99 }, { 100, 100 }, { 101, 101 }, { 5000, 101 }
    };
    struct inbox inbox = new_inbox();
    struct outcome outcome = new_outcome();
    struct shim_mqtt_subscriber_options in = subscriber_options(*state, &inbox);
    struct shim_mqtt_publisher_options out = publisher_options(*state, &outcome);
    char bytes[5000];

    memset(bytes, '7', sizeof bytes);
    in.message_max_bytes = 100;
    open_subscriber(&inbox, &in);
    wait_until_subscribed(inbox.subscriber);
    open_publisher(&outcome, &out);
    wait_until_linked(outcome.publisher);
    for (uint32_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct farmiq_str body = { bytes, lengths[i][0] };

        assert_int_equal(shim_mqtt_publisher_send(outcome.publisher, TOPIC, body, 0, i),
                         0);
        assert_true(wait_for(&inbox, &inbox.deliveries, i + 1));
        assert_int_equal(inbox.last_len, lengths[i][1]);
    }
    shim_mqtt_publisher_close(outcome.publisher);
    shim_mqtt_subscriber_close(inbox.subscriber);
}

/* A batch is bounded in bytes, too: many messages of the largest size still pass. */
static void test_large_messages_fill_many_batches(void **state)
{
    static char bytes[20000];
    struct inbox inbox = new_inbox();
    struct outcome outcome = new_outcome();
    struct shim_mqtt_subscriber_options in = subscriber_options(*state, &inbox);
    struct shim_mqtt_publisher_options out = publisher_options(*state, &outcome);
    struct farmiq_str body = { bytes, sizeof bytes };

    memset(bytes, '1', sizeof bytes);
    in.message_max_bytes = sizeof bytes;
    in.batch_wait_ms = 1000;
    open_subscriber(&inbox, &in);
    wait_until_subscribed(inbox.subscriber);
    open_publisher(&outcome, &out);
    wait_until_linked(outcome.publisher);
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(shim_mqtt_publisher_send(outcome.publisher, TOPIC, body, 0, i),
                         0);
    assert_true(wait_for(&inbox, &inbox.deliveries, 50));
    assert_true(inbox.batches > 1 && inbox.largest_batch < 50);
    shim_mqtt_publisher_close(outcome.publisher);
    shim_mqtt_subscriber_close(inbox.subscriber);
}

/* The application acknowledgement leaves after the commit, and a batch that failed
 * takes what it sent down with it. */
static void test_acknowledgement_follows_the_commit(void **state)
{
    static const char *const acks[] = { "iot/ack/t/f/b/d", NULL };
    struct inbox inbox = new_inbox();
    struct outcome outcome = new_outcome();
    struct shim_mqtt_subscriber_options in = subscriber_options(*state, &inbox);
    struct shim_mqtt_publisher_options out = publisher_options(*state, &outcome);

    inbox.reply = 1;
    inbox.failures_left = 1;
    in.batch_wait_ms = 200;
    open_subscriber(&inbox, &in);
    wait_until_subscribed(inbox.subscriber);
    out.filters = acks;
    open_publisher(&outcome, &out);
    send_ids(&outcome, 1, 3);
    assert_true(wait_for(&inbox, &inbox.distinct, 3));
    assert_true(wait_outcome(&outcome, &outcome.received, 1));
    nap_ms(300); /* time for one too many */
    assert_int_equal(outcome.received, inbox.batches - 1);
    shim_mqtt_publisher_close(outcome.publisher);
    shim_mqtt_subscriber_close(inbox.subscriber);
}

static uint32_t count_distinct(struct inbox *inbox)
{
    uint32_t count;

    pthread_mutex_lock(&inbox->lock);
    count = inbox->distinct;
    pthread_mutex_unlock(&inbox->lock);
    return count;
}

static void test_replicas_share_the_load(void **state)
{
    struct inbox a = new_inbox(), b = new_inbox();
    struct shim_mqtt_subscriber_options first = subscriber_options(*state, &a);
    struct shim_mqtt_subscriber_options second = subscriber_options(*state, &b);
    uint32_t once = 0;

    first.share_group = second.share_group = "gateway";
    second.client_id = "gateway-2";
    open_subscriber(&a, &first);
    open_subscriber(&b, &second);
    wait_until_subscribed(a.subscriber);
    wait_until_subscribed(b.subscriber);
    publish_ids(*state, 1, 200);
    for (int i = 0; i < PATIENCE_S * 100 && count_distinct(&a) + count_distinct(&b) < 200;
         i++)
        nap_ms(10);
    shim_mqtt_subscriber_close(a.subscriber);
    shim_mqtt_subscriber_close(b.subscriber);
    for (int id = 1; id <= 200; id++)
        once += a.seen[id] + b.seen[id] == 1;
    assert_int_equal(once, 200);
    assert_true(a.distinct >= 50 && b.distinct >= 50);
}

/* The window is the caller's protection: the 101st publish waits here, not in Paho. */
static void test_publisher_window(void **state)
{
    struct broker *broker = *state;
    struct outcome outcome = new_outcome();
    struct shim_mqtt_publisher_options options = publisher_options(broker, &outcome);

    options.window = 150;
    open_publisher(&outcome, &options);
    wait_until_linked(outcome.publisher);
    kill(broker->pid, SIGSTOP);
    for (uint64_t id = 1; id <= 150; id++)
        assert_int_equal(send_id(&outcome, id), FARMIQ_OK);
    assert_int_equal(send_id(&outcome, 151), FARMIQ_E_BUSY);
    kill(broker->pid, SIGCONT);
    assert_true(wait_outcome(&outcome, &outcome.ok, 150));
    send_ids(&outcome, 151, 151);
    assert_true(wait_outcome(&outcome, &outcome.ok, 151));
    for (int id = 1; id <= 151; id++)
        assert_int_equal(outcome.answers[id], 1);
    shim_mqtt_publisher_close(outcome.publisher);
}

static void test_lost_link_answers_every_publish_once(void **state)
{
    struct broker *broker = *state;
    struct outcome outcome = new_outcome();
    struct shim_mqtt_publisher_options options = publisher_options(broker, &outcome);

    open_publisher(&outcome, &options);
    wait_until_linked(outcome.publisher);
    kill(broker->pid, SIGSTOP);
    for (uint64_t id = 1; id <= 50; id++)
        assert_int_equal(send_id(&outcome, id), FARMIQ_OK);
    broker_stop(broker, SIGKILL);
    assert_true(wait_outcome(&outcome, &outcome.unreachable, 50));
    broker_start(broker);
    send_ids(&outcome, 51, 100);
    assert_true(wait_outcome(&outcome, &outcome.ok, 50));
    shim_mqtt_publisher_close(outcome.publisher);
    for (int id = 1; id <= 100; id++)
        assert_int_equal(outcome.answers[id], 1);
    assert_int_equal(outcome.unreachable, 50);
}

/* Ecosystem, section 6: only MQTT 5 tells the publisher. */
static void test_refusal_is_told(void **state)
{
    struct broker *broker = *state;
    struct outcome outcome = new_outcome();
    struct shim_mqtt_publisher_options options = publisher_options(broker, &outcome);
    struct farmiq_str body = { "1", 1 };

    broker_fini(broker);
    broker_init(broker, "allow_anonymous true\nacl_file acl\n");
    broker_file(broker, "acl", "topic write iot/telemetry/t/#\n");
    broker_start(broker);
    open_publisher(&outcome, &options);
    wait_until_linked(outcome.publisher);
    assert_int_equal(shim_mqtt_publisher_send(
                         outcome.publisher, "iot/telemetry/foreign/f/b/d/m", body, 0, 1),
                     FARMIQ_OK);
    assert_true(wait_outcome(&outcome, &outcome.refused, 1));
    assert_int_equal(outcome.reason_code, 0x87);
    assert_int_equal(send_id(&outcome, 2), FARMIQ_OK);
    assert_true(wait_outcome(&outcome, &outcome.ok, 1));
    shim_mqtt_publisher_close(outcome.publisher);
}

static void test_last_will_speaks_for_the_dead(void **state)
{
    static const char *const status[] = { "iot/status/#", NULL };
    struct broker *broker = *state;
    struct inbox inbox = new_inbox();
    struct shim_mqtt_subscriber_options in = subscriber_options(broker, &inbox);
    int pipe_fds[2];
    uint32_t one = 1;
    pid_t child;

    assert_int_equal(pipe(pipe_fds), 0);
    child = start_child("publisher", broker, pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &one, sizeof one), sizeof one);
    in.filters = status;
    open_subscriber(&inbox, &in);
    wait_until_subscribed(inbox.subscriber);
    assert_int_equal(inbox.deliveries, 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(wait_for(&inbox, &inbox.seen[77], 1));
    shim_mqtt_subscriber_close(inbox.subscriber);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* An orderly goodbye is no death. */
static void test_close_sends_no_will(void **state)
{
    static const char *const status[] = { "iot/status/#", NULL };
    struct inbox inbox = new_inbox();
    struct shim_mqtt_subscriber_options in = subscriber_options(*state, &inbox);
    struct outcome outcome = new_outcome();
    struct shim_mqtt_publisher_options out = publisher_options(*state, &outcome);

    in.filters = status;
    open_subscriber(&inbox, &in);
    wait_until_subscribed(inbox.subscriber);
    out.will_topic = "iot/status/t/f/b/d";
    out.will_body = (struct farmiq_str){ "77", 2 };
    open_publisher(&outcome, &out);
    wait_until_linked(outcome.publisher);
    shim_mqtt_publisher_close(outcome.publisher);
    nap_ms(300);
    assert_int_equal(inbox.deliveries, 0);
    shim_mqtt_subscriber_close(inbox.subscriber);
}

static void test_bad_options_are_refused(void **state)
{
    struct inbox inbox = new_inbox();
    struct outcome outcome = new_outcome();
    struct shim_mqtt_subscriber_options in = subscriber_options(*state, &inbox);
    struct shim_mqtt_publisher_options out = publisher_options(*state, &outcome);
    struct farmiq_error error;

    farmiq_error_init(&error, sizeof error);
    in.client_id = "";
    assert_int_equal(shim_mqtt_subscriber_open(&inbox.subscriber, &in, &error),
                     FARMIQ_E_ARG);
    assert_string_equal(error.field, "client_id");
    in = subscriber_options(*state, &inbox);
    in.url = "http://host";
    assert_int_equal(shim_mqtt_subscriber_open(&inbox.subscriber, &in, &error),
                     FARMIQ_E_ARG);
    assert_string_equal(error.field, "url");
    in = subscriber_options(*state, &inbox);
    in.on_batch = NULL;
    assert_int_equal(shim_mqtt_subscriber_open(&inbox.subscriber, &in, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(shim_mqtt_subscriber_open(NULL, &in, NULL), FARMIQ_E_ARG);
    out.window = 1000000;
    assert_int_equal(shim_mqtt_publisher_open(&outcome.publisher, &out, &error),
                     FARMIQ_E_ARG);
    assert_string_equal(error.field, "window");
    assert_null(inbox.subscriber);
    assert_null(outcome.publisher);
    shim_mqtt_subscriber_close(NULL);
    shim_mqtt_publisher_close(NULL);
    assert_int_equal(shim_mqtt_publisher_is_connected(NULL), 0);
}

#define WITH_BROKER(test) cmocka_unit_test_setup_teardown(test, start_broker, end_broker)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_BROKER(test_bad_options_are_refused),
        WITH_BROKER(test_messages_arrive_in_batches),
        WITH_BROKER(test_failed_batch_comes_again),
        WITH_BROKER(test_committed_batch_does_not_come_again),
        WITH_BROKER(test_kill_between_receipt_and_commit),
        WITH_BROKER(test_broker_restart_in_mid_stream),
        WITH_BROKER(test_broker_that_comes_late),
        WITH_BROKER(test_stopping_without_a_broker_is_quick),
        WITH_BROKER(test_oversized_message_is_cut),
        WITH_BROKER(test_large_messages_fill_many_batches),
        WITH_BROKER(test_acknowledgement_follows_the_commit),
        WITH_BROKER(test_replicas_share_the_load),
        WITH_BROKER(test_publisher_window),
        WITH_BROKER(test_lost_link_answers_every_publish_once),
        WITH_BROKER(test_refusal_is_told),
        WITH_BROKER(test_last_will_speaks_for_the_dead),
        WITH_BROKER(test_close_sends_no_will),
    };

    if (argc == 4)
        return be_child(argv[1], argv[2], argv[3]);
    if (!broker_is_installed())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
