/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server of the test's own: in a folder that goes away with it, reachable
 * through a socket there and by nothing else. */
#ifndef FARMIQ_CONFORMANCE_PG_SERVER_H
#define FARMIQ_CONFORMANCE_PG_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct pg_server {
    char dir[64];
    pid_t pid;
    const char *shared_buffers; /* NULL: 32MB */
};

/* Fails the test if it cannot. fsync is on, as everywhere else. */
void pg_server_start(struct pg_server *server);
/* Start again what pg_server_kill() ended. */
void pg_server_restart(struct pg_server *server);
/* Crash it: no checkpoint, no goodbye. */
void pg_server_kill(struct pg_server *server);
/* End it and remove the folder. */
void pg_server_stop(struct pg_server *server);
/* The conninfo of its database, where new tables go into this namespace. */
void pg_server_conninfo(const struct pg_server *server, const char *schema, char *out,
                        size_t room);
/* How often this process has asked a server since the last call, and waited. */
uint32_t pg_server_trips(void);

#endif
