/* SPDX-License-Identifier: Apache-2.0 */
/* DATABASE_URL to a store. */
#ifndef SHIM_STORE_OPEN_H
#define SHIM_STORE_OPEN_H

#include "kit/options.h"

extern const struct shim_option shim_store_options[];

/* FARMIQ_OK; what the store's open returned, with `error` filled. `access` is enum
 * farmiq_sqlite_access. */
int shim_store_open(struct farmiq_store *out, const struct shim_options *options,
                    const struct farmiq_migration *schema, int32_t access,
                    struct farmiq_error *error);

#endif
