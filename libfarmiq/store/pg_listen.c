/* SPDX-License-Identifier: Apache-2.0 */
/* News from process to process through PostgreSQL's LISTEN and NOTIFY: a hint that there
 * is something to look for, never the thing itself. */
#include "pg_private.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 100
#define PAUSE_MAX_MS 5000

struct farmiq_pg_listener {
    PGconn *conn;
    int64_t retry_at_ms, pause_ms; /* of reconnecting; monotonic */
};

static int listen_on(PGconn *conn)
{
    PGresult *result = PQexec(conn, "LISTEN farmiq");
    int is_good = PQresultStatus(result) == PGRES_COMMAND_OK;

    PQclear(result);
    return is_good ? FARMIQ_OK : FARMIQ_E_STORE;
}

int farmiq_pg_listen(struct farmiq_pg_listener **out, const char *conninfo,
                     struct farmiq_error *error)
{
    struct farmiq_pg_listener *listener;
    struct farmiq_pg_options options;
    int r;

    if (!out || !conninfo)
        return FARMIQ_E_ARG;
    listener = calloc(1, sizeof *listener);
    if (!listener)
        return farmiq__fill_error(error, FARMIQ_E_NOMEM, "", "out of memory");
    farmiq_pg_options_init(&options, sizeof options);
    r = farmiq__pg_connect(&listener->conn, conninfo, &options, error);
    if (!r && listen_on(listener->conn))
        r = farmiq__fill_error(error, FARMIQ_E_STORE, "conninfo",
                               PQerrorMessage(listener->conn));
    if (r)
        farmiq_pg_listener_close(listener);
    else
        *out = listener;
    return r;
}

void farmiq_pg_listener_close(struct farmiq_pg_listener *listener)
{
    if (!listener)
        return;
    PQfinish(listener->conn);
    free(listener);
}

int farmiq_pg_listener_fd(const struct farmiq_pg_listener *listener)
{
    return listener ? PQsocket(listener->conn) : -1;
}

static int is_connected(const struct farmiq_pg_listener *listener)
{
    return PQstatus(listener->conn) == CONNECTION_OK;
}

int farmiq_pg_listener_tell(struct farmiq_pg_listener *listener, const char *topic)
{
    PGresult *result;
    int is_good;

    if (!listener || !topic)
        return FARMIQ_E_ARG;
    if (!is_connected(listener))
        return FARMIQ_E_STORE;
    result = PQexecParams(listener->conn, "SELECT pg_notify('farmiq', $1)", 1, NULL,
                          &topic, NULL, NULL, 0);
    is_good = PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
    return is_good ? FARMIQ_OK : FARMIQ_E_STORE;
}

/* What we told ourselves we know. */
static int give_news(struct farmiq_pg_listener *listener, farmiq_pg_news_fn on_news,
                     void *ctx)
{
    int r = FARMIQ_NONE;

    for (PGnotify *news; (news = PQnotifies(listener->conn)); PQfreemem(news)) {
        if (news->be_pid == PQbackendPID(listener->conn))
            continue;
        on_news(ctx, news->extra);
        r = FARMIQ_OK;
    }
    return r;
}

static void rest(int64_t ms)
{
    if (ms > 0)
        (void)poll(NULL, 0, (int)ms);
}

/* After an attempt that failed there is a pause, twice as long as the one before; what
 * was told meanwhile is lost, so that everything may have news. */
static int reconnect(struct farmiq_pg_listener *listener, int timeout_ms,
                     farmiq_pg_news_fn on_news, void *ctx)
{
    int64_t wait_ms = listener->retry_at_ms - farmiq__pg_monotonic_ms();

    rest(wait_ms < timeout_ms ? wait_ms : timeout_ms);
    if (wait_ms > timeout_ms)
        return FARMIQ_E_STORE;
    PQreset(listener->conn);
    if (is_connected(listener) && listen_on(listener->conn) == FARMIQ_OK) {
        listener->pause_ms = 0;
        on_news(ctx, "");
        return FARMIQ_OK;
    }
    listener->pause_ms = listener->pause_ms ? listener->pause_ms * 2 : PAUSE_MS;
    if (listener->pause_ms > PAUSE_MAX_MS)
        listener->pause_ms = PAUSE_MAX_MS;
    listener->retry_at_ms = farmiq__pg_monotonic_ms() + listener->pause_ms;
    return FARMIQ_E_STORE;
}

int farmiq_pg_listener_wait(struct farmiq_pg_listener *listener, int timeout_ms,
                            farmiq_pg_news_fn on_news, void *ctx)
{
    struct pollfd socket = { .events = POLLIN };
    int r;

    if (!listener || !on_news || timeout_ms < 0)
        return FARMIQ_E_ARG;
    if (!is_connected(listener))
        return reconnect(listener, timeout_ms, on_news, ctx);
    r = give_news(listener, on_news, ctx);
    socket.fd = PQsocket(listener->conn);
    if (r == FARMIQ_NONE && poll(&socket, 1, timeout_ms) > 0) {
        (void)PQconsumeInput(listener->conn);
        r = give_news(listener, on_news, ctx);
    }
    return is_connected(listener) ? r : FARMIQ_E_STORE;
}
