/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are at a broker of MQTT, and whom we trust there: the same options for all that
 * comes in and all that goes out. */
#ifndef SHIM_MQTT_ACCESS_H
#define SHIM_MQTT_ACCESS_H

#include "kit/options.h"

/* NULL or "": none. */
struct shim_mqtt_access {
    const char *username;
    const char *password;
    const char *ca_file; /* mqtts; none: the system's */
    const char *cert_file;
    const char *key_file;
};

extern const struct shim_option shim_mqtt_access_options[];

/* The texts are the options'. */
struct shim_mqtt_access shim_mqtt_access_of(const struct shim_options *options);

/* Where its texts are in a struct that has it as `access`, for shim_mqtt_copy_texts(). */
#define SHIM_MQTT_ACCESS_TEXTS(type)                                                     \
    offsetof(type, access.username), offsetof(type, access.password),                    \
        offsetof(type, access.ca_file), offsetof(type, access.cert_file),                \
        offsetof(type, access.key_file)

#endif
