/* SPDX-License-Identifier: Apache-2.0 */
/* What both MQTT clients need and neither library has. */
#include "kit/mqtt_link.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const struct {
    const char *prefix;
    uint16_t port;
    int is_tls;
} schemes[] = { { "mqtt://", 1883, 0 }, { "mqtts://", 8883, 1 } };

static int parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || (*end && strcmp(end, "/") != 0))
        return FARMIQ_E_SYNTAX;
    if (value == 0 || value > UINT16_MAX)
        return FARMIQ_E_RANGE;
    *port = (uint16_t)value;
    return FARMIQ_OK;
}

/* host, host:port, [v6], [v6]:port; a single slash may follow. */
static int parse_authority(struct shim_mqtt_url *url, const char *text)
{
    int is_bracketed = *text == '[';
    const char *host = text + is_bracketed;
    size_t len = strcspn(host, is_bracketed ? "]" : ":/");
    const char *rest = host + len;

    if (is_bracketed && *rest++ != ']')
        return FARMIQ_E_SYNTAX;
    if (len == 0 || memchr(host, '@', len) || memchr(host, ' ', len))
        return FARMIQ_E_SYNTAX;
    if (len >= sizeof url->host)
        return FARMIQ_E_RANGE;
    memcpy(url->host, host, len);
    url->host[len] = '\0';
    if (*rest == ':')
        return parse_port(rest + 1, &url->port);
    return *rest == '\0' || strcmp(rest, "/") == 0 ? FARMIQ_OK : FARMIQ_E_SYNTAX;
}

int shim_mqtt_url_parse(struct shim_mqtt_url *out, const char *text)
{
    if (!out || !text)
        return FARMIQ_E_ARG;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i].prefix);
        struct shim_mqtt_url url = { .port = schemes[i].port,
                                     .is_tls = schemes[i].is_tls };
        int r;

        if (strncmp(text, schemes[i].prefix, len) != 0)
            continue;
        r = parse_authority(&url, text + len);
        if (r == FARMIQ_OK)
            *out = url;
        return r;
    }
    return FARMIQ_E_SYNTAX;
}

/* Half of the pause is chance, so that the devices of a barn do not come back as a
 * herd when their broker does. */
uint32_t shim_mqtt_pause_ms(uint32_t attempt)
{
    struct farmiq_backoff policy;
    uint32_t random = 0, pause_ms = 0;

    farmiq_backoff_init(&policy, sizeof policy);
    policy.base_ms = 50;
    policy.max_ms = 15000;
    policy.jitter_ms = attempt < 9 ? 50u << attempt : policy.max_ms;
    policy.max_attempts = UINT32_MAX;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = attempt; /* early boot: a herd of one */
    if (farmiq_backoff_delay(&policy, attempt ? attempt : 1, random, &pause_ms) != 0)
        return policy.max_ms;
    return pause_ms;
}

static char **text_at(void *object, size_t offset)
{
    return (char **)(void *)((char *)object + offset);
}

int shim_mqtt_copy_texts(void *to, const void *from, const size_t *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *text_at(to, offsets[i]) = NULL; /* from here on it can be freed */
    for (size_t i = 0; i < count; i++) {
        const char *text;

        memcpy(&text, (const char *)from + offsets[i], sizeof text);
        if (text && *text && !(*text_at(to, offsets[i]) = strdup(text)))
            return FARMIQ_E_NOMEM;
    }
    return FARMIQ_OK;
}

void shim_mqtt_free_texts(void *of, const size_t *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(*text_at(of, offsets[i]));
}

int shim_mqtt_copy_filters(char ***out, int *out_count, const char *const *filters,
                           const char *share_group)
{
    int is_shared = share_group && *share_group, count = 0;
    char **copy;

    while (filters && filters[count])
        count++;
    copy = calloc((size_t)count + 1, sizeof *copy);
    if (!copy)
        return FARMIQ_E_NOMEM;
    for (int i = 0; i < count; i++) {
        int r = is_shared ? asprintf(&copy[i], "$share/%s/%s", share_group, filters[i])
                          : asprintf(&copy[i], "%s", filters[i]);

        if (r < 0) {
            copy[i] = NULL;
            shim_mqtt_free_filters(copy);
            return FARMIQ_E_NOMEM;
        }
    }
    *out = copy;
    *out_count = count;
    return FARMIQ_OK;
}

void shim_mqtt_free_filters(char **filters)
{
    for (char **filter = filters; filter && *filter; filter++)
        free(*filter);
    free(filters);
}

int shim_mqtt_start_thread(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r ? FARMIQ_E_NOMEM : FARMIQ_OK;
}
