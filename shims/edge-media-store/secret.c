/* SPDX-License-Identifier: Apache-2.0 */
/* The secret behind URLs and keys. Where the operator gives none, the store makes one at
 * its first start and keeps it beside the rows, so that a restart voids no URL and
 * replicas agree. */
#include "media.h"

#include <string.h>

#include "queries.h"

static int note_secret(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    struct media_state *state = ctx;

    (void)row;
    (void)count;
    if (columns[0].text.len != MEDIA_SECRET_BYTES)
        return FARMIQ_E_STORE;
    memcpy(state->secret, columns[0].text.ptr, MEDIA_SECRET_BYTES);
    return 0;
}

int media_start(struct shim_call *call)
{
    static const char digits[] = "0123456789abcdef";
    char fresh[MEDIA_SECRET_BYTES];
    struct farmiq_sql_value params[2];
    int r;

    shim_random_bytes(call, fresh, sizeof fresh);
    for (size_t i = 0; i < sizeof fresh; i++)
        fresh[i] = digits[fresh[i] & 15];
    params[0] = farmiq_sql_text((struct farmiq_str){ fresh, sizeof fresh });
    params[1] = farmiq_sql_integer(call->now_unix_ms);
    r = farmiq_sql_run(call->store, &sql_secret_add, NULL, params, 2, NULL, NULL);
    return r < 0 ? r
                 : farmiq_sql_run(call->store, &sql_secret, NULL, NULL, 0, note_secret,
                                  call->state);
}
