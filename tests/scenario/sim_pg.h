/* SPDX-License-Identifier: Apache-2.0 */
/* A real PostgreSQL below the simulated processes. A statement takes no simulated time,
 * and whoever would have to wait for another's lock is told so at once: he who holds it
 * cannot go on meanwhile. The server's own clock, which judges leases, is the true time.
 */
#ifndef SIM_PG_H
#define SIM_PG_H

#include <stddef.h>

/* Before the first run. 0: this build, or this machine, has none. */
int sim_pg_start(void);
void sim_pg_stop(void);
int sim_pg_is_on(void);

/* The DATABASE_URL of a new place, as empty as a file that is not there. */
void sim_pg_make_place(char *url, size_t room);
/* The place has its tables: its clock is ours from now on. */
void sim_pg_take_clock(const char *url);
/* Before a verb that judges by it. */
void sim_pg_set_clock(void);

#endif
