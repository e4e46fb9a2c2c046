/* SPDX-License-Identifier: Apache-2.0 */
/* librabbitmq with nothing around it: what the bus is measured against.
 *
 *     amqp_peer pub URL COUNT RUN    publish events, confirms, a window of 1000
 *     amqp_peer sub URL COUNT QUEUE  consume, prefetch 1000, one ack for 100
 *
 * Prints messages per second. Publishing before and consuming after nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <amqp.h>
#include <amqp_tcp_socket.h>

#define WINDOW 1000
#define ACK_EVERY 100

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void must(const char *what, amqp_rpc_reply_t reply)
{
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return;
    fprintf(stderr, "amqp_peer: %s failed\n", what);
    exit(1);
}

static amqp_connection_state_t connect_to(const char *url)
{
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    struct amqp_connection_info info;
    char *copy = strdup(url);

    if (amqp_parse_url(copy, &info) || amqp_socket_open(socket, info.host, info.port)) {
        fprintf(stderr, "amqp_peer: cannot connect\n");
        exit(1);
    }
    must("login", amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN,
                             info.user, info.password));
    amqp_channel_open(connection, 1);
    must("channel", amqp_get_rpc_reply(connection));
    free(copy);
    return connection;
}

static size_t write_event(char *out, size_t room, long run, long number)
{
    time_t now = time(NULL);
    char at[32];

    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&now));
    return (size_t)snprintf(
        out, room,
        "{\"event_id\":\"%08lx-0000-4000-8000-%012lx\","
        "\"event_type\":\"telemetry.ingested\",\"tenant_id\":\"t-demo\","
        "\"farm_id\":\"farm-1\",\"barn_id\":\"barn-1\",\"device_id\":\"sensor-%02ld\","
        "\"occurred_at\":\"%s\",\"trace_id\":\"trace-%ld\",\"schema_version\":\"1.0\","
        "\"payload\":{\"metric_type\":\"temperature\",\"metric_value\":%ld.5,"
        "\"unit\":\"C\"}}",
        run, number, number % 20, at, number, 20 + number % 10);
}

/* The highest number confirmed; the broker confirms in order, or nearly. */
static long take_confirms(amqp_connection_state_t connection, long confirmed, int is_full)
{
    struct timeval wait = { is_full ? 10 : 0, 0 };
    amqp_frame_t frame;

    amqp_maybe_release_buffers(connection);
    while (amqp_simple_wait_frame_noblock(connection, &frame, &wait) == AMQP_STATUS_OK) {
        amqp_basic_ack_t *ack = frame.payload.method.decoded;

        if (frame.frame_type != AMQP_FRAME_METHOD ||
            frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
            exit(1);
        if ((long)ack->delivery_tag > confirmed)
            confirmed = (long)ack->delivery_tag;
        wait.tv_sec = 0;
    }
    return confirmed;
}

static void publish(amqp_connection_state_t connection, const char *body, size_t len)
{
    amqp_basic_properties_t properties = { 0 };
    amqp_bytes_t bytes = { len, (void *)(uintptr_t)body };

    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                        AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.content_type = amqp_cstring_bytes("application/json");
    properties.delivery_mode = 2;
    properties.message_id = (amqp_bytes_t){ 36, (char *)bytes.bytes + 13 };
    if (amqp_basic_publish(connection, 1, amqp_cstring_bytes("farmiq.telemetry.exchange"),
                           amqp_cstring_bytes("telemetry.ingested"), 1, 0, &properties,
                           bytes))
        exit(1);
}

static double publish_all(amqp_connection_state_t connection, long count, long run)
{
    long sent = 0, confirmed = 0;
    double begin;

    amqp_confirm_select(connection, 1);
    must("confirms", amqp_get_rpc_reply(connection));
    begin = now_s();
    while (confirmed < count) {
        for (; sent < count && sent - confirmed < WINDOW; sent++) {
            char body[512];

            publish(connection, body, write_event(body, sizeof body, run, sent));
            if (sent - confirmed > WINDOW / 2)
                confirmed = take_confirms(connection, confirmed, 0);
        }
        confirmed = take_confirms(connection, confirmed, 1);
    }
    return now_s() - begin;
}

static double consume_all(amqp_connection_state_t connection, long count,
                          const char *queue)
{
    double begin = 0;

    amqp_basic_qos(connection, 1, 0, 1000, 0);
    must("qos", amqp_get_rpc_reply(connection));
    amqp_basic_consume(connection, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0,
                       0, amqp_empty_table);
    must("consume", amqp_get_rpc_reply(connection));
    for (long got = 1; got <= count; got++) {
        amqp_envelope_t envelope;

        amqp_maybe_release_buffers(connection);
        must("delivery", amqp_consume_message(connection, &envelope, NULL, 0));
        if (got == 1)
            begin = now_s();
        if (got % ACK_EVERY == 0 || got == count)
            amqp_basic_ack(connection, 1, envelope.delivery_tag, 1);
        amqp_destroy_envelope(&envelope);
    }
    return now_s() - begin;
}

int main(int argc, char **argv)
{
    amqp_connection_state_t connection;
    double seconds;
    long count;

    if (argc != 5)
        return 2;
    count = atol(argv[3]);
    connection = connect_to(argv[2]);
    seconds = strcmp(argv[1], "pub") == 0 ? publish_all(connection, count, atol(argv[4]))
                                          : consume_all(connection, count, argv[4]);
    printf("%.0f\n", (double)count / seconds);
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
    return 0;
}
