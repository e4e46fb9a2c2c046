/* SPDX-License-Identifier: Apache-2.0 */
/* DATABASE_URL to a store. */
#ifndef SHIM_STORE_OPEN_H
#define SHIM_STORE_OPEN_H

#include "kit/options.h"

extern const struct shim_option shim_store_options[];

enum shim_store_access {
    SHIM_STORE_WRITE, /* brings the schema up to date */
    SHIM_STORE_READ   /* beside a writer; changes nothing */
};

/* FARMIQ_OK; FARMIQ_E_UNSUPPORTED (no such engine, or not in this build); what the
 * store's open returned. `error` is filled, and quotes nothing of the URL. */
int shim_store_open(struct farmiq_store *out, const struct shim_options *options,
                    const struct farmiq_migration *schema, enum shim_store_access access,
                    struct farmiq_error *error);

/* 1: other processes may do the same work on this database at the same time. */
int shim_store_is_shared_by(const struct shim_options *options);

/* What is asked next is asked for this tenant (empty: for none in particular): of no
 * other's rows is anything shown where the engine keeps tenants apart. */
int shim_store_look_for(struct farmiq_store *store, struct farmiq_str tenant_id);

/* The engine's own words about the last failure, for the log. Never NULL. */
const char *shim_store_words(const struct farmiq_store *store);

#endif
