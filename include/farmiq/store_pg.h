/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_STORE_PG_H
#define FARMIQ_STORE_PG_H

#include <farmiq/error.h>
#include <farmiq/schema.h>
#include <farmiq/store.h>

struct pg_conn; /* PGconn */

FARMIQ_BEGIN

/** In libfarmiq-pg: the store on PostgreSQL, tested on 15. I/O and allocation happen
 * here. A store is one connection, for one thread; open one per worker.
 *
 * Leases are judged by the database's clock alone: of the times that callers pass to
 * claim, renew and unclaim only the differences count. A build without libpq answers
 * FARMIQ_E_UNSUPPORTED to everything. */

struct farmiq_pg_options {
    uint32_t size;
    uint32_t statement_timeout_ms; /* 30000; 0: none */
    uint32_t connect_timeout_s;    /* 10 */
    uint32_t reconnect_ms;         /* the first pause after a failed attempt: 100 */
    uint32_t reconnect_max_ms;     /* it doubles up to this: 30000 */
    uint32_t read_only;            /* 1: a reader beside writers; it creates nothing */
    const struct farmiq_migration *migrations; /* NULL: the edge schema */
};

FARMIQ_API void farmiq_pg_options_init(struct farmiq_pg_options *options, size_t size);

/** Connect to a server that takes writes and bring the schema up to date, one process
 * at a time. `conninfo` is libpq's: "host=db dbname=farmiq" or "postgresql://...".
 * `options` may be NULL. A reader is content with a server that only reads, where
 * `conninfo` names several and asks for no other; it leaves the schema as it is.
 *
 * A connection that is lost is FARMIQ_E_STORE for what was in flight; what was not
 * committed is gone. A commit that answers so may have happened: do the unit again, the
 * verbs tell what is there already. The next begin, or verb outside a transaction,
 * connects again; while that fails it answers FARMIQ_E_STORE at once between attempts.
 * A reader's statement that met the loss, and the first of a transaction, is asked again
 * at once. Begin is sent with that first statement: a commit before it sends nothing.
 *
 * Returns FARMIQ_OK; FARMIQ_E_STORE (`error->detail` has the server's words);
 * FARMIQ_E_SYNTAX (`conninfo` is not understood; nothing of it is quoted);
 * FARMIQ_E_UNSUPPORTED (the schema is newer than this library); FARMIQ_E_NOMEM;
 * FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_open_pg(struct farmiq_store *out, const char *conninfo,
                     const struct farmiq_pg_options *options, struct farmiq_error *error);

/** Use the caller's connection, so that his rows and an outbox row commit or vanish
 * together. Transactions stay his: begin and commit here become savepoints inside one
 * that he opened. He wants READ COMMITTED, for which the statements are written. The
 * schema must be there (farmiq_pg_migrate()). A lost connection stays lost. Closing the
 * store leaves the connection open.
 * Returns FARMIQ_OK, FARMIQ_E_NOMEM, FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_wrap_pg(struct farmiq_store *out,
                                                    struct pg_conn *connection);

/** Bring the caller's database up to date. Codes as farmiq_store_open_pg(). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_pg_migrate(struct pg_conn *connection,
                                                 const struct farmiq_migration *steps,
                                                 struct farmiq_error *error);

/** Bring another schema up to date in an open store. Codes as farmiq_store_open_pg(),
 * and FARMIQ_E_ARG for a store that is not on PostgreSQL. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_pg_add_schema(struct farmiq_store *store,
                                                    const struct farmiq_migration *steps,
                                                    struct farmiq_error *error);

/** Name the tenant that this store's connection asks for, in `farmiq.tenant_id`: where
 * deploy/postgres/roles.sql was applied, a query role sees no other's rows. "*": all of
 * them. It holds, over lost connections too, until another is named.
 * Returns FARMIQ_OK; FARMIQ_E_STATE inside a transaction; FARMIQ_E_ARG (longer than 128
 * bytes); FARMIQ_E_UNSUPPORTED for a store that is not on PostgreSQL; FARMIQ_E_STORE. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_pg_set_tenant(struct farmiq_store *store,
                                                    struct farmiq_str tenant_id);

/** SQLSTATE and message of the last failure on this store, for the log, without its
 * DETAIL, which quotes rows. Lives until the next call; never NULL; "" for a store that
 * is not on PostgreSQL. */
FARMIQ_API const char *farmiq_pg_error_text(const struct farmiq_store *store);

/** News from process to process: "there is something new in this queue". It is a hint:
 * what is told while nobody listens, or while a connection is lost, is told to nobody, so
 * that whoever waits for news also looks by himself from time to time. On a connection of
 * its own, for one thread at a time. */
struct farmiq_pg_listener;

/** `topic` is what the other process told; valid during the call. Empty: the connection
 * was lost meanwhile, so that there may be news of everything. */
typedef void (*farmiq_pg_news_fn)(void *ctx, const char *topic);

/** Connect and listen, to what is told in the database that `conninfo` names.
 * Codes as farmiq_store_open_pg(). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_pg_listen(struct farmiq_pg_listener **out,
                                                const char *conninfo,
                                                struct farmiq_error *error);

/** Wait for news, at most `timeout_ms`; 0: only look. A lost connection is made again
 * here, after a pause that doubles up to five seconds.
 * Returns FARMIQ_OK (there was news), FARMIQ_NONE (there was not), FARMIQ_E_STORE (there
 * is no connection at the moment), FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_pg_listener_wait(struct farmiq_pg_listener *listener, int timeout_ms,
                        farmiq_pg_news_fn on_news, void *ctx);

/** What to poll for input beside other things; look with a timeout of 0 then, and after
 * each farmiq_pg_listener_tell(). Changes with each new connection. -1: none. */
FARMIQ_API int farmiq_pg_listener_fd(const struct farmiq_pg_listener *listener);

/** Tell all others that listen in this database; `topic` (up to 7999 bytes) is commonly
 * the name of a queue. Tell after the commit, and a few dozen times a second at most:
 * telling takes a lock that the whole database has one of.
 * Returns FARMIQ_OK, FARMIQ_E_STORE (nobody was told), FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_pg_listener_tell(struct farmiq_pg_listener *listener, const char *topic);

/** NULL is allowed. */
FARMIQ_API void farmiq_pg_listener_close(struct farmiq_pg_listener *listener);

FARMIQ_END

#endif
