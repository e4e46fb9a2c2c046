/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection to PostgreSQL is made. */
#include "pg_private.h"

#include <stdio.h>
#include <string.h>

/* Later words prevail: a peer that vanished is noticed within a minute unless the caller
 * says otherwise; what the store depends on is not his to change. */
static PGconn *connect(const char *conninfo, const struct farmiq_pg_options *options)
{
    char timeout[16];
    const char *const words[] = { "fallback_application_name",
                                  "keepalives_idle",
                                  "tcp_user_timeout",
                                  "connect_timeout",
                                  "dbname",
                                  "target_session_attrs",
                                  "client_encoding",
                                  NULL };
    const char *const values[] = { "farmiq", "30",
                                   "60000",  timeout,
                                   conninfo, options->read_only ? NULL : "read-write",
                                   "UTF8",   NULL };

    snprintf(timeout, sizeof timeout, "%u", options->connect_timeout_s);
    return PQconnectdbParams(words, values, 1);
}

/* libpq's own complaint would quote the text, and with it a password. */
static int check_conninfo(const char *conninfo, struct farmiq_error *error)
{
    char *words = NULL;
    PQconninfoOption *parsed = PQconninfoParse(conninfo, &words);

    PQfreemem(words);
    if (!parsed)
        return farmiq__fill_error(error, FARMIQ_E_SYNTAX, "conninfo",
                                  "is not a connection string: postgresql://user@host/"
                                  "database, special characters as %40");
    PQconninfoFree(parsed);
    return FARMIQ_OK;
}

/* libpq would write them to stderr; what matters comes as an error as well. */
static void ignore_notice(void *arg, const char *message) { (void)arg, (void)message; }

int farmiq__pg_connect(PGconn **out, const char *conninfo,
                       const struct farmiq_pg_options *options,
                       struct farmiq_error *error)
{
    char words[160];
    int r = check_conninfo(conninfo, error);

    if (r)
        return r;
    *out = connect(conninfo, options);
    if (!*out)
        return farmiq__fill_error(error, FARMIQ_E_NOMEM, "", "out of memory");
    PQsetNoticeProcessor(*out, ignore_notice, NULL);
    if (PQstatus(*out) == CONNECTION_OK)
        return FARMIQ_OK;
    farmiq__pg_connect_failure(*out, words, sizeof words);
    return farmiq__fill_error(error, FARMIQ_E_STORE, "conninfo", words);
}

/* The first line says it; what follows are hints. */
void farmiq__pg_connect_failure(PGconn *conn, char *out, size_t room)
{
    const char *words = PQerrorMessage(conn);

    snprintf(out, room, "08001: %.*s", (int)strcspn(words, "\n"), words);
}
