/* SPDX-License-Identifier: Apache-2.0 */
#include "common/url_secret.h"

#include <string.h>

#include "common_queries.h"

static int note_secret(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    struct url_secret *secret = ctx;

    (void)row;
    (void)count;
    if (columns[0].text.len != URL_SECRET_BYTES)
        return FARMIQ_E_STORE;
    memcpy(secret->text, columns[0].text.ptr, URL_SECRET_BYTES);
    return 0;
}

int url_secret_start(struct shim_call *call, struct url_secret *secret)
{
    static const char digits[] = "0123456789abcdef";
    char fresh[URL_SECRET_BYTES];
    struct farmiq_sql_value params[2];
    int r;

    shim_random_bytes(call, fresh, sizeof fresh);
    for (size_t i = 0; i < sizeof fresh; i++)
        fresh[i] = digits[fresh[i] & 15];
    params[0] = farmiq_sql_text((struct farmiq_str){ fresh, sizeof fresh });
    params[1] = farmiq_sql_integer(call->now_unix_ms);
    r = farmiq_sql_run(call->store, &sql_url_secret_add, NULL, params, 2, NULL, NULL);
    return r < 0 ? r
                 : farmiq_sql_run(call->store, &sql_url_secret, NULL, NULL, 0,
                                  note_secret, secret);
}
