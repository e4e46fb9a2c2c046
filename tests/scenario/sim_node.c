/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: the real shim_host() as the body of a thread that takes turns.
 *
 * A killed process is not unwound by force. It goes on, but its disk and its network no
 * longer do anything, and it is told to stop: what was not committed is gone, and the
 * memory it held is given back by its own orderly end. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/shim.h"
#include "sim.h"

static struct sim_node *nodes, *entered;

void sim_node_add(struct sim_node *node)
{
    struct sim_node **end = &nodes;

    while (*end)
        end = &(*end)->next;
    *end = node;
    node->next = NULL;
    sim_node_argument(node, "%s", node->name);
}

struct sim_node *sim_nodes(void) { return nodes; }

struct sim_node *sim_node_current(void)
{
    const struct sim_fiber *fiber = sim_fiber_current();

    return fiber ? sim_fiber_node(fiber) : entered;
}

void sim_node_enter(struct sim_node *node, void (*run)(void *ctx), void *ctx)
{
    assert(!entered);
    entered = node;
    run(ctx);
    entered = NULL;
}

void sim_node_argument(struct sim_node *node, const char *format, ...)
{
    char text[512];
    va_list args;

    assert(node->argc + 1 < (int)(sizeof node->argv / sizeof *node->argv));
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    node->argv[node->argc] = strdup(text);
    if (!node->argv[node->argc++])
        abort();
}

static void start_again(void *node) { sim_node_start(node); }

static void live(void *arg)
{
    struct sim_node *node = arg;
    int status =
        shim_host(node->argc, node->argv, node->name, "a simulated node", node->services);

    if (status != EXIT_SUCCESS && !node->is_dead && !node->disk_is_full)
        sim_fail("%s: could not start", node->name);
    node->state = SIM_DOWN;
    if (node->restart_ms >= 0)
        sim_after(node->restart_ms, start_again, node);
}

void sim_node_start(struct sim_node *node)
{
    if (node->state != SIM_DOWN || sim_is_ending())
        return;
    node->state = SIM_UP;
    node->is_dead = 0;
    node->lives++;
    sim_fiber_start(node, live, node);
}

void sim_node_stop(struct sim_node *node)
{
    if (node->state != SIM_UP)
        return;
    node->state = SIM_STOPPING;
    sim_wake_all(&node->state);
}

/* Whoever waits for the network wakes and finds it gone. */
void sim_node_kill(struct sim_node *node)
{
    if (node->state == SIM_DOWN)
        return;
    node->is_dead = 1;
    node->state = SIM_STOPPING;
    sim_mix(node->store_steps);
    sim_wake_node(node);
}

void sim_node_wait_for_signal(void)
{
    struct sim_node *node = sim_node_current();

    while (node->state == SIM_UP)
        sim_wait(&node->state, SIM_FOR_EVER);
}

void sim_nodes_kill(void)
{
    for (struct sim_node *node = nodes; node; node = node->next)
        sim_node_kill(node);
}

void sim_nodes_free(void)
{
    while (nodes) {
        struct sim_node *node = nodes;

        nodes = node->next;
        for (int i = 0; i < node->argc; i++)
            free(node->argv[i]);
        node->argc = 0;
    }
}
