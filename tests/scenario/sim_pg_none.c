/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of sim_pg.c where there is no PostgreSQL to start. */
#include "sim_pg.h"

int sim_pg_start(void) { return 0; }
void sim_pg_stop(void) {}
int sim_pg_is_on(void) { return 0; }
void sim_pg_make_place(char *url, size_t room) { (void)url, (void)room; }
void sim_pg_take_clock(const char *url) { (void)url; }
void sim_pg_set_clock(void) {}
