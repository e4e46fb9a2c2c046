/* SPDX-License-Identifier: Apache-2.0 */
/* kit/amqp.h against a real RabbitMQ (tests/kit/with_rabbit.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/amqp.h"

static const struct shim_amqp_argument quorum[] = { { "x-queue-type", "quorum", 0 },
                                                    { 0 } };

static struct farmiq_str str(const char *text)
{
    struct farmiq_str made = { text, strlen(text) };

    return made;
}

static int open_url(struct shim_amqp **link, const char *url, struct farmiq_error *error)
{
    const struct shim_amqp_options options = {
        .url = url, .name = "test", .connect_timeout_ms = 10000, .heartbeat_s = 10
    };

    farmiq_error_init(error, sizeof *error);
    return shim_amqp_open(link, &options, error);
}

static struct shim_amqp *connect_link(void)
{
    struct shim_amqp *link = NULL;
    struct farmiq_error error;

    assert_int_equal(open_url(&link, getenv("RABBIT_URL"), &error), FARMIQ_OK);
    return link;
}

static struct shim_amqp_letter letter_to(const char *queue, const char *body)
{
    struct shim_amqp_letter letter = { .exchange = str(""),
                                       .routing_key = str(queue),
                                       .body = str(body),
                                       .message_id = str("id-1") };

    return letter;
}

static void must_send(struct shim_amqp *link, const char *queue, const char *body)
{
    struct shim_amqp_letter letter = letter_to(queue, body);

    assert_int_equal(shim_amqp_send_and_wait(link, &letter), FARMIQ_OK);
}

static uint32_t depth_of(struct shim_amqp *link, const char *queue)
{
    uint32_t messages = 0;

    assert_int_equal(shim_amqp_depth(link, queue, &messages), FARMIQ_OK);
    return messages;
}

/* ## The URL */

static void the_place_in_an_url_is_all_that_is_shown(void **state)
{
    static const struct {
        const char *url, *place;
    } cases[] = {
        { "amqp://u:secret@host:1234/vhost", "host:1234/vhost" },
        { "amqp://u:secret@host", "host:5672/" },
        { "amqp://u:secret@host/", "host:5672/" },
        { "amqps://u:secret@host/%2F", "host:5671/" },
        { "amqp://[::1]:9", "::1:9/" },
    };
    char place[SHIM_AMQP_PLACE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(shim_amqp_url_check(cases[i].url, place), FARMIQ_OK);
        assert_string_equal(place, cases[i].place);
    }
    assert_int_equal(shim_amqp_url_check("http://host", place), FARMIQ_E_SYNTAX);
    assert_int_equal(shim_amqp_url_check("amqp://u@host:port", place), FARMIQ_E_SYNTAX);
}

static void who_is_not_let_in_is_told_so_without_the_secret(void **state)
{
    struct shim_amqp *link = NULL;
    struct farmiq_error error;
    char url[200];

    (void)state;
    snprintf(url, sizeof url, "amqp://farmiq:hush%s", strchr(getenv("RABBIT_URL"), '@'));
    assert_int_equal(open_url(&link, url, &error), FARMIQ_E_UNREACHABLE);
    assert_non_null(strstr(error.detail, "ACCESS_REFUSED"));
    assert_null(strstr(error.detail, "hush"));
    assert_int_equal(open_url(&link, "amqp://u@127.0.0.1:1", &error),
                     FARMIQ_E_UNREACHABLE);
}

/* ## Declaring */

static void declaring_again_is_harmless_and_otherwise_is_a_conflict(void **state)
{
    static const struct shim_amqp_argument other[] = { { "x-max-length", NULL, 5 },
                                                       { 0 } };
    struct shim_amqp *link = connect_link();

    (void)state;
    assert_int_equal(shim_amqp_declare_queue(link, "again", quorum), FARMIQ_OK);
    assert_int_equal(shim_amqp_declare_queue(link, "again", quorum), FARMIQ_OK);
    assert_int_equal(shim_amqp_declare_queue(link, "again", other), FARMIQ_CONFLICT);
    assert_non_null(strstr(shim_amqp_why(link), "inequivalent"));
    assert_int_equal(shim_amqp_bind_queue(link, "again", "no.such", "k"), FARMIQ_NONE);
    assert_int_equal(shim_amqp_declare_queue(link, "again", quorum), FARMIQ_OK);
    shim_amqp_close(link);
}

/* ## Out */

#define MANY 5000

static void every_letter_through_a_window_is_confirmed(void **state)
{
    struct shim_amqp_letter *letters = calloc(MANY, sizeof *letters);
    struct shim_amqp *link = connect_link();

    (void)state;
    assert_non_null(letters);
    assert_int_equal(shim_amqp_declare_queue(link, "window", quorum), FARMIQ_OK);
    for (int i = 0; i < MANY; i++) {
        letters[i] = letter_to("window", "x");
        assert_int_equal(shim_amqp_send(link, &letters[i], 100), FARMIQ_OK);
    }
    assert_int_equal(shim_amqp_await(link, letters[MANY - 1].tag), FARMIQ_OK);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(letters[i].fate, SHIM_AMQP_CONFIRMED);
    assert_int_equal(depth_of(link, "window"), MANY);
    shim_amqp_close(link);
    free(letters);
}

static void what_no_queue_takes_is_returned_and_its_neighbours_are_not(void **state)
{
    struct shim_amqp *link = connect_link();
    struct shim_amqp_letter letters[3];

    (void)state;
    assert_int_equal(shim_amqp_declare_queue(link, "near", quorum), FARMIQ_OK);
    letters[0] = letter_to("near", "a");
    letters[1] = letter_to("no.such.queue", "b");
    letters[2] = letter_to("near", "c");
    for (int i = 0; i < 3; i++)
        assert_int_equal(shim_amqp_send(link, &letters[i], 10), FARMIQ_OK);
    assert_int_equal(shim_amqp_await(link, letters[2].tag), FARMIQ_OK);
    assert_int_equal(letters[0].fate, SHIM_AMQP_CONFIRMED);
    assert_int_equal(letters[1].fate, SHIM_AMQP_RETURNED);
    assert_int_equal(letters[2].fate, SHIM_AMQP_CONFIRMED);
    shim_amqp_close(link);
}

static void what_a_full_queue_refuses_is_nacked(void **state)
{
    static const struct shim_amqp_argument full[] = {
        { "x-max-length", NULL, 1 }, { "x-overflow", "reject-publish", 0 }, { 0 }
    };
    struct shim_amqp *link = connect_link();
    struct shim_amqp_letter letter = letter_to("full", "x");
    int r = FARMIQ_OK;

    (void)state;
    assert_int_equal(shim_amqp_declare_queue(link, "full", full), FARMIQ_OK);
    for (int i = 0; i < 10 && r == FARMIQ_OK; i++)
        r = shim_amqp_send_and_wait(link, &letter);
    assert_int_equal(r, FARMIQ_E_BUSY);
    assert_int_equal(letter.fate, SHIM_AMQP_NACKED);
    shim_amqp_close(link);
}

static void a_letter_to_no_exchange_is_lost_with_its_link(void **state)
{
    struct shim_amqp *link = connect_link();
    struct shim_amqp_letter letter = letter_to("k", "x");

    (void)state;
    letter.exchange = str("no.such.exchange");
    assert_int_equal(shim_amqp_send_and_wait(link, &letter), FARMIQ_E_UNREACHABLE);
    assert_int_equal(letter.fate, SHIM_AMQP_LOST);
    assert_true(shim_amqp_is_lost(link));
    assert_non_null(strstr(shim_amqp_why(link), "no.such.exchange"));
    assert_int_equal(shim_amqp_send(link, &letter, 10), FARMIQ_E_UNREACHABLE);
    shim_amqp_close(link);
}

/* ## In */

static struct shim_amqp_delivery *must_receive(struct shim_amqp *link)
{
    struct shim_amqp_delivery *delivery = NULL;

    assert_int_equal(shim_amqp_receive(link, 10000, &delivery), FARMIQ_OK);
    return delivery;
}

static void what_is_not_acknowledged_comes_again(void **state)
{
    struct shim_amqp *link = connect_link();
    struct shim_amqp_delivery *delivery;

    (void)state;
    assert_int_equal(shim_amqp_declare_queue(link, "again-and", quorum), FARMIQ_OK);
    must_send(link, "again-and", "1");
    must_send(link, "again-and", "2");
    must_send(link, "again-and", "3");
    assert_int_equal(shim_amqp_consume(link, "again-and", 10), FARMIQ_OK);
    shim_amqp_delivery_free(must_receive(link));
    delivery = must_receive(link);
    assert_int_equal(shim_amqp_ack(link, delivery->tag, 1), FARMIQ_OK); /* both */
    shim_amqp_delivery_free(delivery);
    shim_amqp_close(link);
    link = connect_link();
    assert_int_equal(shim_amqp_consume(link, "again-and", 10), FARMIQ_OK);
    delivery = must_receive(link);
    assert_memory_equal(delivery->body.ptr, "3", 1);
    assert_true(delivery->is_redelivered);
    shim_amqp_delivery_free(delivery);
    shim_amqp_close(link);
}

static void a_message_of_many_frames_arrives_whole(void **state)
{
    size_t len = 700000;
    char *body = malloc(len);
    struct shim_amqp *link = connect_link();
    struct shim_amqp_letter letter = letter_to("large", "");
    struct shim_amqp_delivery *delivery = NULL;

    (void)state;
    assert_non_null(body);
    for (size_t i = 0; i < len; i++)
        body[i] = (char)('a' + i % 26);
    letter.body = (struct farmiq_str){ body, len };
    assert_int_equal(shim_amqp_declare_queue(link, "large", quorum), FARMIQ_OK);
    assert_int_equal(shim_amqp_send_and_wait(link, &letter), FARMIQ_OK);
    assert_int_equal(shim_amqp_get(link, "large", &delivery), FARMIQ_OK);
    assert_int_equal(delivery->body.len, len);
    assert_memory_equal(delivery->body.ptr, body, len);
    assert_int_equal(shim_amqp_ack(link, delivery->tag, 0), FARMIQ_OK);
    shim_amqp_delivery_free(delivery);
    assert_int_equal(shim_amqp_get(link, "large", &delivery), FARMIQ_EXHAUSTED);
    shim_amqp_close(link);
    free(body);
}

static void assert_header(const struct shim_amqp_delivery *delivery, const char *name,
                          const char *text)
{
    struct farmiq_str got = shim_amqp_header_text(delivery, name);

    assert_int_equal(got.len, strlen(text));
    assert_memory_equal(got.ptr, text, got.len);
}

static void
passing_on_keeps_headers_replaces_ours_and_a_fresh_start_drops_them(void **state)
{
    struct shim_amqp *link = connect_link();
    const struct shim_amqp_header first[] = {
        { "tenant_id", str("t-1"), 0 },
        { "x-farmiq-attempt", { NULL, 0 }, 1 },
    };
    const struct shim_amqp_header second[] = { { "x-farmiq-attempt", { NULL, 0 }, 2 } };
    struct shim_amqp_letter letter = letter_to("pass", "body");
    struct shim_amqp_delivery *delivery = NULL, *passed = NULL;

    (void)state;
    assert_int_equal(shim_amqp_declare_queue(link, "pass", quorum), FARMIQ_OK);
    letter.headers = first;
    letter.header_count = 2;
    assert_int_equal(shim_amqp_send_and_wait(link, &letter), FARMIQ_OK);
    assert_int_equal(shim_amqp_get(link, "pass", &delivery), FARMIQ_OK);
    letter = letter_to("pass", "body");
    letter.base = delivery;
    letter.headers = second;
    letter.header_count = 1;
    assert_int_equal(shim_amqp_send_and_wait(link, &letter), FARMIQ_OK);
    assert_int_equal(shim_amqp_get(link, "pass", &passed), FARMIQ_OK);
    assert_header(passed, "tenant_id", "t-1");
    assert_int_equal(shim_amqp_header_number(passed, "x-farmiq-attempt", 0), 2);
    shim_amqp_delivery_free(passed);
    letter.header_count = 0;
    letter.is_fresh = 1;
    assert_int_equal(shim_amqp_send_and_wait(link, &letter), FARMIQ_OK);
    assert_int_equal(shim_amqp_get(link, "pass", &passed), FARMIQ_OK);
    assert_header(passed, "tenant_id", "t-1");
    assert_int_equal(shim_amqp_header_number(passed, "x-farmiq-attempt", -1), -1);
    shim_amqp_delivery_free(passed);
    shim_amqp_delivery_free(delivery);
    shim_amqp_close(link);
}

static void the_broker_s_dead_letters_tell_where_they_died(void **state)
{
    static const struct shim_amqp_argument brief[] = {
        { "x-queue-type", "quorum", 0 },
        { "x-message-ttl", NULL, 100 },
        { "x-dead-letter-exchange", "", 0 },
        { "x-dead-letter-routing-key", "grave", 0 },
        { 0 },
    };
    struct shim_amqp *link = connect_link();
    struct shim_amqp_delivery *delivery;
    struct shim_amqp_death death;

    (void)state;
    assert_int_equal(shim_amqp_declare_queue(link, "grave", quorum), FARMIQ_OK);
    assert_int_equal(shim_amqp_declare_queue(link, "brief", brief), FARMIQ_OK);
    assert_int_equal(shim_amqp_consume(link, "grave", 10), FARMIQ_OK);
    must_send(link, "brief", "x");
    delivery = must_receive(link);
    assert_int_equal(shim_amqp_death(delivery, &death), 1);
    assert_memory_equal(death.reason.ptr, "expired", 7);
    assert_memory_equal(death.queue.ptr, "brief", 5);
    assert_memory_equal(death.routing_key.ptr, "brief", 5);
    shim_amqp_delivery_free(delivery);
    shim_amqp_close(link);
}

static void silence_is_no_failure(void **state)
{
    struct shim_amqp *link = connect_link();
    struct shim_amqp_delivery *delivery;

    (void)state;
    assert_int_equal(shim_amqp_tend(link, 50), FARMIQ_NONE);
    assert_int_equal(shim_amqp_receive(link, 50, &delivery), FARMIQ_NONE);
    assert_false(shim_amqp_is_lost(link));
    shim_amqp_close(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_place_in_an_url_is_all_that_is_shown),
        cmocka_unit_test(who_is_not_let_in_is_told_so_without_the_secret),
        cmocka_unit_test(declaring_again_is_harmless_and_otherwise_is_a_conflict),
        cmocka_unit_test(every_letter_through_a_window_is_confirmed),
        cmocka_unit_test(what_no_queue_takes_is_returned_and_its_neighbours_are_not),
        cmocka_unit_test(what_a_full_queue_refuses_is_nacked),
        cmocka_unit_test(a_letter_to_no_exchange_is_lost_with_its_link),
        cmocka_unit_test(what_is_not_acknowledged_comes_again),
        cmocka_unit_test(a_message_of_many_frames_arrives_whole),
        cmocka_unit_test(
            passing_on_keeps_headers_replaces_ours_and_a_fresh_start_drops_them),
        cmocka_unit_test(the_broker_s_dead_letters_tell_where_they_died),
        cmocka_unit_test(silence_is_no_failure),
    };

    if (!getenv("RABBIT_URL"))
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
