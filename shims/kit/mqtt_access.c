/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are at a broker of MQTT, and whom we trust there. */
#include "kit/mqtt_access.h"

const struct shim_option shim_mqtt_access_options[] = {
    { "MQTT_USERNAME", SHIM_STRING, "", "our name at the broker; empty: none" },
    { "MQTT_PASSWORD", SHIM_SECRET, "", "our password there; empty: none" },
    { "MQTT_CA_FILE", SHIM_STRING, "",
      "mqtts: trust these certificates; empty: the system's" },
    { "MQTT_CERT_FILE", SHIM_STRING, "", "our client certificate" },
    { "MQTT_KEY_FILE", SHIM_STRING, "", "and its key" },
    { 0 },
};

struct shim_mqtt_access shim_mqtt_access_of(const struct shim_options *options)
{
    return (struct shim_mqtt_access){
        .username = shim_options_text(options, "MQTT_USERNAME"),
        .password = shim_options_text(options, "MQTT_PASSWORD"),
        .ca_file = shim_options_text(options, "MQTT_CA_FILE"),
        .cert_file = shim_options_text(options, "MQTT_CERT_FILE"),
        .key_file = shim_options_text(options, "MQTT_KEY_FILE"),
    };
}
