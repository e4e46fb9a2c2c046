/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a link. */
#include "kit/broker.h"

#include "kit/fail.h"

const struct shim_option shim_broker_options[] = {
    { "RABBITMQ_URL", SHIM_URL, "local:",
      "the bus: local: (inside this process and its database), or "
      "amqp://user:password@host:port/vhost, or amqps://; a secret: better in the file "
      "that RABBITMQ_URL_FILE names" },
    { "RABBITMQ_CA_FILE", SHIM_STRING, "", "trust these certificates (amqps)" },
    { "RABBITMQ_CERT_FILE", SHIM_STRING, "", "our client certificate" },
    { "RABBITMQ_KEY_FILE", SHIM_STRING, "", "and its key" },
    { "RABBITMQ_CONNECT_TIMEOUT_MS", SHIM_MS, "5s",
      "how long the broker may take to let us in, or to answer a request" },
    { "RABBITMQ_HEARTBEAT", SHIM_SECONDS, "30s",
      "a broker silent for two of these is gone; 0: never ask" },
    { 0 },
};

int shim_broker_check(const struct shim_options *options,
                      char place[SHIM_AMQP_PLACE_BYTES], struct farmiq_error *error)
{
    if (shim_amqp_url_check(shim_options_text(options, "RABBITMQ_URL"), place) ==
        FARMIQ_OK)
        return FARMIQ_OK;
    return shim_fail(error, FARMIQ_E_ARG, "RABBITMQ_URL",
                     "must be amqp://user:password@host:port/vhost, or amqps://");
}

int shim_broker_open(struct shim_amqp **out, const struct shim_options *options,
                     const char *name, struct farmiq_error *error)
{
    const struct shim_amqp_options amqp = {
        .url = shim_options_text(options, "RABBITMQ_URL"),
        .ca_file = shim_options_text_or_null(options, "RABBITMQ_CA_FILE"),
        .cert_file = shim_options_text_or_null(options, "RABBITMQ_CERT_FILE"),
        .key_file = shim_options_text_or_null(options, "RABBITMQ_KEY_FILE"),
        .name = name,
        .connect_timeout_ms =
            shim_options_number32(options, "RABBITMQ_CONNECT_TIMEOUT_MS"),
        .heartbeat_s = shim_options_number32(options, "RABBITMQ_HEARTBEAT") / 1000,
    };
    char place[SHIM_AMQP_PLACE_BYTES];
    int r = shim_broker_check(options, place, error);

    return r < 0 ? r : shim_amqp_open(out, &amqp, error);
}
