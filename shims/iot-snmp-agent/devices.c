/* SPDX-License-Identifier: Apache-2.0 */
/* The file of devices: a table of names, and what each sets. */
#include "devices.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fail.h"
#include "kit/sections.h"

#define SECRET_BYTES 256
#define TIMEOUT_MS 1000
#define LEAST_INTERVAL_MS 100
#define METRIC_PREFIX "metric."

struct reading_file {
    struct snmp_devices *devices;
    int64_t default_interval_ms;
};

/* ## Values */

static int set_text(const char **text, const char *value)
{
    free((void *)(uintptr_t)*text);
    *text = strdup(value);
    return *text ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static int set_version(struct snmp_device *device, const char *value)
{
    device->peer.version = strcmp(value, "2c") == 0 ? 2 : strcmp(value, "3") == 0 ? 3 : 0;
    return device->peer.version ? FARMIQ_OK : FARMIQ_E_SYNTAX;
}

static int set_interval(struct snmp_device *device, const char *value)
{
    int r = shim_options_read_number(SHIM_MS, value, &device->interval_ms);

    return r == FARMIQ_OK && device->interval_ms < LEAST_INTERVAL_MS ? FARMIQ_E_RANGE : r;
}

static int set_timeout(struct snmp_device *device, const char *value)
{
    int64_t ms;
    int r = shim_options_read_number(SHIM_MS, value, &ms);

    if (r == FARMIQ_OK && (ms < 1 || ms > 60000))
        r = FARMIQ_E_RANGE;
    if (r == FARMIQ_OK)
        device->peer.timeout_ms = (uint32_t)ms;
    return r;
}

static int set_retries(struct snmp_device *device, const char *value)
{
    int64_t number;
    int r = shim_options_read_number(SHIM_COUNT, value, &number);

    if (r == FARMIQ_OK && number > 10)
        r = FARMIQ_E_RANGE;
    if (r == FARMIQ_OK)
        device->peer.retries = (uint32_t)number;
    return r;
}

#define TEXT(member) offsetof(struct snmp_device, peer.member)

static const struct {
    const char *name;
    size_t text; /* the member that it is; 0: `set` knows */
    int is_secret;
    int (*set)(struct snmp_device *device, const char *value);
    const char *rule;
} fields[] = {
    { "address", TEXT(address), 0, NULL, NULL },
    { "community", TEXT(community), 1, NULL, NULL },
    { "user", TEXT(user), 0, NULL, NULL },
    { "auth_protocol", TEXT(auth_protocol), 0, NULL, NULL },
    { "auth_password", TEXT(auth_password), 1, NULL, NULL },
    { "priv_protocol", TEXT(priv_protocol), 0, NULL, NULL },
    { "priv_password", TEXT(priv_password), 1, NULL, NULL },
    { "version", 0, 0, set_version, "must be 2c or 3" },
    { "interval", 0, 0, set_interval, "must be a time like 30s, from 100ms" },
    { "timeout", 0, 0, set_timeout, "must be a time like 1s, up to 60s" },
    { "retries", 0, 0, set_retries, "must be a number from 0 to 10" },
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static int set_field(struct snmp_device *device, size_t i, const char *value,
                     struct farmiq_error *error)
{
    if (fields[i].text)
        return set_text((const char **)(void *)((char *)device + fields[i].text), value);
    return fields[i].set(device, value) == FARMIQ_OK
               ? FARMIQ_OK
               : shim_fail(error, FARMIQ_E_ARG, device->name, "%s %s", fields[i].name,
                           fields[i].rule);
}

/* NAME_file: the first line of that file is the value. */
static int set_from_file(struct snmp_device *device, size_t i, const char *path,
                         struct farmiq_error *error)
{
    char secret[SECRET_BYTES] = "";
    FILE *file = fopen(path, "re");
    int r, has_line = file && fgets(secret, sizeof secret, file);

    if (file)
        fclose(file);
    if (!has_line)
        return shim_fail(error, FARMIQ_E_ARG, device->name, "%s_file cannot be read",
                         fields[i].name);
    secret[strcspn(secret, "\r\n")] = '\0';
    r = set_field(device, i, secret, error);
    explicit_bzero(secret, sizeof secret);
    return r;
}

/* ## Lines */

static int add_metric(struct snmp_device *device, const char *name, const char *value,
                      struct farmiq_error *error)
{
    struct snmp_metric *grown =
        reallocarray(device->metrics, device->metric_count + 1, sizeof *device->metrics);
    char copy[512];

    if (!grown)
        return FARMIQ_E_NOMEM;
    device->metrics = grown;
    snprintf(copy, sizeof copy, "%s", value);
    if (snmp_metric_parse(&grown[device->metric_count], name, copy) != FARMIQ_OK)
        return shim_fail(error, FARMIQ_E_ARG, device->name,
                         "metric.%.40s must be: numeric OID [unit [scale]]", name);
    device->metric_count++;
    return FARMIQ_OK;
}

static struct snmp_device *find_or_add(const struct reading_file *file, const char *name)
{
    struct snmp_devices *d = file->devices;
    struct snmp_device *grown;

    for (uint32_t i = 0; i < d->count; i++)
        if (strcmp(d->list[i].name, name) == 0)
            return &d->list[i];
    grown = reallocarray(d->list, d->count + 1, sizeof *d->list);
    if (!grown)
        return NULL;
    d->list = grown;
    grown[d->count] = (struct snmp_device){
        .name = strdup(name),
        .interval_ms = file->default_interval_ms,
        .peer = { .version = 2, .timeout_ms = TIMEOUT_MS, .retries = 1 }
    };
    return grown[d->count].name ? &grown[d->count++] : NULL;
}

static int set(struct snmp_device *device, const char *name, const char *value,
               struct farmiq_error *error)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        size_t len = strlen(fields[i].name);

        if (strcmp(name, fields[i].name) == 0)
            return set_field(device, i, value, error);
        if (fields[i].is_secret && strncmp(name, fields[i].name, len) == 0 &&
            strcmp(name + len, "_file") == 0)
            return set_from_file(device, i, value, error);
    }
    return shim_fail(error, FARMIQ_E_ARG, device->name, "%.40s is no known name", name);
}

static int on_line(void *ctx, const char *section, const char *name, const char *value,
                   struct farmiq_error *error)
{
    struct snmp_device *device;

    if (!farmiq_id_is_valid(section, strlen(section)))
        return shim_fail(error, FARMIQ_E_ARG, section,
                         "a device's name must be 1 to 128 of A-Z a-z 0-9 . _ : @ -");
    device = find_or_add(ctx, section);
    if (!device)
        return FARMIQ_E_NOMEM;
    if (strncmp(name, METRIC_PREFIX, strlen(METRIC_PREFIX)) == 0)
        return add_metric(device, name + strlen(METRIC_PREFIX), value, error);
    return set(device, name, value, error);
}

/* What only the whole device tells: the peer is opened to see whether it could be. */
static int check(const struct snmp_device *device, struct farmiq_error *error)
{
    struct farmiq_error why;
    struct shim_snmp *peer = NULL;
    int r;

    if (device->metric_count == 0)
        return shim_fail(error, FARMIQ_E_ARG, device->name, "has no metric");
    farmiq_error_init(&why, sizeof why);
    r = shim_snmp_open(&peer, &device->peer, &why);
    shim_snmp_close(peer);
    return r == FARMIQ_OK
               ? r
               : shim_fail(error, r, device->name, "%s %s", why.field, why.detail);
}

int snmp_devices_read(struct snmp_devices *out, const char *path,
                      int64_t default_interval_ms, struct farmiq_error *error)
{
    struct reading_file file = { out, default_interval_ms };
    int r;

    *out = (struct snmp_devices){ 0 };
    r = shim_sections_read(path, on_line, &file, error);
    if (r == FARMIQ_OK && out->count == 0)
        r = shim_fail(error, FARMIQ_E_ARG, path, "names no device");
    for (uint32_t i = 0; i < out->count && r == FARMIQ_OK; i++)
        r = check(&out->list[i], error);
    return r;
}

void snmp_devices_free(struct snmp_devices *devices)
{
    for (uint32_t i = 0; i < devices->count; i++) {
        struct snmp_device *device = &devices->list[i];

        for (size_t k = 0; k < FIELD_COUNT; k++)
            if (fields[k].text)
                free(*(char **)(void *)((char *)device + fields[k].text));
        free(device->metrics);
        free(device->name);
    }
    free(devices->list);
    *devices = (struct snmp_devices){ 0 };
}
