/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests on PostgreSQL share. */
#ifndef FARMIQ_CONFORMANCE_HARNESS_PG_H
#define FARMIQ_CONFORMANCE_HARNESS_PG_H

#include "harness.h"

#include <libpq-fe.h>

struct pg_server;

/* The one of this program; it runs once a store or a namespace was asked for. */
struct pg_server *pg_harness_server(void);
/* A namespace of its own for a test, empty. */
void pg_harness_schema(char *out, size_t room);
/* Run it beside the stores, or fail the test. */
void pg_harness_exec(const char *sql);
/* Connect that again, after the server was restarted. */
void pg_harness_connect(void);

/* A store as programs open it: the server's clock judges its leases. */
int pg_harness_open_plain(const char *schema, struct farmiq_store *out);
/* For `store_kinds`: the caller's times judge. */
int pg_harness_open(struct fixture *f, struct farmiq_store *out, uint64_t quota_bytes);
int pg_harness_open_again(struct fixture *f, struct farmiq_store *out);

/* A namespace with the edge's tables, and a store on it: what a test starts from. */
struct pg_place {
    char schema[32];
    struct farmiq_store store;
};

/* cmocka's setup and teardown. */
int pg_place_open(void **state);
int pg_place_close(void **state);
/* A connection of the test's own to that namespace. */
PGconn *pg_place_connect(const struct pg_place *p);
/* Run it, or fail the test. */
void pg_must(PGconn *conn, const char *sql);
/* The answer, a number, of a question asked beside the store. */
long long pg_ask(const struct pg_place *p, const char *sql);

#endif
