/* SPDX-License-Identifier: Apache-2.0 */
/* What to ask whom: the file of devices.
 *
 *     [ups-1]                              the device's name in topics
 *     address = 192.0.2.10                 udp, port 161; or udp:host:port,
 * udp6:[::1]:161 version = 2c                         or 3 community_file =
 * /etc/farmiq/ups-1   a secret, or a file that holds it interval = 30s
 *     metric.battery.charge = 1.3.6.1.2.1.33.1.2.4.0 %
 *     metric.temperature = 1.3.6.1.2.1.33.1.2.7.0 C 0.1
 *
 * A metric has an OID, a unit ("-": none), and a scale by which the number is multiplied.
 * Version 3 has user, auth_protocol, auth_password, priv_protocol, priv_password. */
#ifndef SNMP_DEVICES_H
#define SNMP_DEVICES_H

#include "agent/draft.h"
#include "kit/snmp.h"

struct snmp_metric {
    char name[METRIC_BYTES];
    char unit[UNIT_BYTES];
    double scale;
    struct shim_snmp_oid oid;
};

struct snmp_device {
    char *name;
    struct shim_snmp_options peer; /* its texts belong to the device */
    int64_t interval_ms;
    struct snmp_metric *metrics;
    uint32_t metric_count;
};

struct snmp_devices {
    struct snmp_device *list;
    uint32_t count;
};

/* FARMIQ_OK; FARMIQ_E_*: `error` has the section or the file, and what is wrong. Either
 * way the caller frees. */
int snmp_devices_read(struct snmp_devices *out, const char *path,
                      int64_t default_interval_ms, struct farmiq_error *error);
void snmp_devices_free(struct snmp_devices *devices);

/* `value` is taken apart in place. FARMIQ_OK; FARMIQ_E_SYNTAX. */
int snmp_metric_parse(struct snmp_metric *metric, const char *name, char *value);

#endif
