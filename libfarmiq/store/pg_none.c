/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of pg*.c where there is no libpq: everything is unsupported. */
#include <farmiq/store_pg.h>

#include <string.h>

#include "steps.h"

static int none(struct farmiq_error *error)
{
    return farmiq__fill_error(error, FARMIQ_E_UNSUPPORTED, "store",
                              "this build has no PostgreSQL");
}

void farmiq_pg_options_init(struct farmiq_pg_options *options, size_t size)
{
    if (!options || size < sizeof options->size)
        return;
    memset(options, 0, size);
    options->size = (uint32_t)size;
}

int farmiq_store_open_pg(struct farmiq_store *out, const char *conninfo,
                         const struct farmiq_pg_options *options,
                         struct farmiq_error *error)
{
    (void)out, (void)conninfo, (void)options;
    return none(error);
}

int farmiq_store_wrap_pg(struct farmiq_store *out, struct pg_conn *connection)
{
    (void)out, (void)connection;
    return FARMIQ_E_UNSUPPORTED;
}

int farmiq_pg_migrate(struct pg_conn *connection, const struct farmiq_migration *steps,
                      struct farmiq_error *error)
{
    (void)connection, (void)steps;
    return none(error);
}

int farmiq_pg_add_schema(struct farmiq_store *store, const struct farmiq_migration *steps,
                         struct farmiq_error *error)
{
    (void)store, (void)steps;
    return none(error);
}

int farmiq_pg_set_tenant(struct farmiq_store *store, struct farmiq_str tenant_id)
{
    (void)store, (void)tenant_id;
    return FARMIQ_E_UNSUPPORTED;
}

const char *farmiq_pg_error_text(const struct farmiq_store *store)
{
    (void)store;
    return "";
}

int farmiq_pg_listen(struct farmiq_pg_listener **out, const char *conninfo,
                     struct farmiq_error *error)
{
    (void)out, (void)conninfo;
    return none(error);
}

int farmiq_pg_listener_wait(struct farmiq_pg_listener *listener, int timeout_ms,
                            farmiq_pg_news_fn on_news, void *ctx)
{
    (void)listener, (void)timeout_ms, (void)on_news, (void)ctx;
    return FARMIQ_E_UNSUPPORTED;
}

int farmiq_pg_listener_fd(const struct farmiq_pg_listener *listener)
{
    (void)listener;
    return -1;
}

int farmiq_pg_listener_tell(struct farmiq_pg_listener *listener, const char *topic)
{
    (void)listener, (void)topic;
    return FARMIQ_E_UNSUPPORTED;
}

void farmiq_pg_listener_close(struct farmiq_pg_listener *listener) { (void)listener; }
