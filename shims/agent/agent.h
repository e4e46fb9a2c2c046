/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's life: options, loop, end. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/kind.h"

struct agent;

/* FARMIQ_OK; FARMIQ_E_*: `error` says what is wrong with the buffer, the ledger, the
 * broker's address or the feed. */
int agent_open(struct agent **out, const struct agent_options *agent,
               const struct shim_options *options, struct farmiq_error *error);
void agent_close(struct agent *agent); /* NULL is fine */
/* Run until `stop_fd` can be read, or the feed is over and every event is acknowledged.
 * FARMIQ_OK: everything durable is where it belongs. */
int agent_run(struct agent *agent, int stop_fd);

/* A whole program of this kind. Returns its exit code. */
int agent_main(int argc, char **argv, const struct agent_kind *kind);

#endif
