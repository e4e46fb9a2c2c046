/* SPDX-License-Identifier: Apache-2.0 */
/* RABBITMQ_URL and what belongs to it, to a link: the one place that reads them. */
#ifndef SHIM_BROKER_H
#define SHIM_BROKER_H

#include "kit/amqp.h"
#include "kit/options.h"

extern const struct shim_option shim_broker_options[];

/* `name` is shown in the broker's list of connections. Codes as shim_amqp_open(). */
int shim_broker_open(struct shim_amqp **out, const struct shim_options *options,
                     const char *name, struct farmiq_error *error);
/* FARMIQ_OK, with "host:port/vhost" in `place`; FARMIQ_E_ARG: no URL of a broker, with
 * `error` filled. */
int shim_broker_check(const struct shim_options *options,
                      char place[SHIM_AMQP_PLACE_BYTES], struct farmiq_error *error);

#endif
