/* SPDX-License-Identifier: Apache-2.0 */
/* Each process of the site is asked whether it is alive and whether it is ready (spec
 * edge 10.4). */
#include <string.h>

#include "common/text.h"
#include "observer.h"

/* ## Whom to ask: "name=url, name=url" */

static int read_target(struct farmiq_str text, struct target *target)
{
    struct farmiq_str url = text, name = text_next(&url, '=');

    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    if (!name.len || name.len >= sizeof target->name || url.len < 8 ||
        url.len >= sizeof target->url || memcmp(url.ptr, "http", 4) != 0)
        return FARMIQ_E_ARG;
    memset(target, 0, sizeof *target);
    memcpy(target->name, name.ptr, name.len);
    memcpy(target->url, url.ptr, url.len);
    return FARMIQ_OK;
}

/* Returns how many there are, or FARMIQ_E_ARG. */
static int read_targets(const struct shim_call *call,
                        struct target targets[OBSERVER_TARGETS_MAX])
{
    struct farmiq_str list = shim_str(shim_text(call, "OBSERVE_TARGETS"));
    int count = 0;

    while (list.len)
        if (count == OBSERVER_TARGETS_MAX ||
            read_target(text_next(&list, ','), &targets[count++]) != FARMIQ_OK)
            return FARMIQ_E_ARG;
    return count;
}

int observer_check(struct shim_call *call)
{
    struct target targets[OBSERVER_TARGETS_MAX];

    if (read_targets(call, targets) >= 0)
        return FARMIQ_OK;
    shim_log(call, SHIM_ERROR, "options",
             "OBSERVE_TARGETS must be name=url, name=url: at most 24, http or https");
    return FARMIQ_E_ARG;
}

/* Without a list there is one: the process that this runs in. */
static int watch_ourselves(struct shim_call *call, struct observer_state *state)
{
    const struct farmiq_str parts[] = {
        shim_str(*shim_text(call, "TLS_CERT_FILE") ? "edge=https://127.0.0.1:"
                                                   : "edge=http://127.0.0.1:"),
        text_of_number(call, shim_number(call, "APP_PORT")),
    };

    state->target_count = 1;
    return read_target(text_join(call, parts, 2), &state->targets[0]);
}

int observer_start(struct shim_call *call)
{
    struct observer_state *state = call->state;
    int count = read_targets(call, state->targets);

    if (count < 0)
        return count;
    state->target_count = (uint32_t)count;
    return count ? FARMIQ_OK : watch_ourselves(call, state);
}

/* ## Asking */

static int says_yes(struct shim_call *call, const struct target *target, const char *path)
{
    struct shim_request request = {
        .service = target->name,
        .url = target->url,
        .method = "GET",
        .path = path,
        .timeout_ms = (uint32_t)shim_number(call, "OBSERVE_TIMEOUT_MS"),
    };

    return shim_request(call, &request) == FARMIQ_OK && request.status == 200;
}

static void look_at(struct shim_call *call, const struct target *target,
                    struct finding *finding)
{
    int64_t before_unix_ms = call->now_unix_ms;

    finding->is_healthy = says_yes(call, target, "/api/health");
    finding->is_ready = finding->is_healthy && says_yes(call, target, "/api/ready");
    finding->at_unix_ms = call->now_unix_ms;
    finding->latency_ms =
        call->now_unix_ms > before_unix_ms ? call->now_unix_ms - before_unix_ms : 0;
    shim_gauge("edge_service_up", target->name, finding->is_healthy);
    shim_gauge("edge_service_ready", target->name, finding->is_ready);
    shim_gauge("edge_service_latency_seconds", target->name,
               (double)finding->latency_ms / 1000);
}

int observer_poll(struct shim_call *call)
{
    struct observer_state *state = call->state;
    struct round *round = &state->rounds[(state->polls + 1) % OBSERVER_ROUNDS];

    for (uint32_t i = 0; i < state->target_count; i++)
        look_at(call, &state->targets[i], &round->findings[i]);
    shim_machine_look(&round->machine, shim_text(call, "OBSERVE_DISK_PATH"));
    shim_gauge("edge_disk_free_bytes", NULL, (double)round->machine.disk_free_bytes);
    shim_gauge("edge_memory_free_bytes", NULL, (double)round->machine.memory_free_bytes);
    round->at_unix_ms = call->now_unix_ms;
    state->polls++;
    return FARMIQ_OK;
}
