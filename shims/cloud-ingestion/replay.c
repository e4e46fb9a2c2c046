/* SPDX-License-Identifier: Apache-2.0 */
/* A signature is accepted once (spec edge 6.7). */
#include "ingestion.h"

#include "queries.h"

static int note_row(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    *(int *)ctx = 1;
    return 0;
}

/* The row is written with the batch's effects: a batch that failed may come again. Its
 * key is what was proved and nothing the sender could vary: neither the header's
 * tenant nor the optional "sha256=". */
int ingestion_admit_once(struct shim_call *call, const struct credential *credential)
{
    struct farmiq_str signature = shim_header(call, "x-edge-signature");
    struct farmiq_sql_value params[3];
    int is_new = 0, r;

    if (ingestion_mode(call)->proof != PROOF_SIGNATURE)
        return FARMIQ_OK;
    if (signature.len > FARMIQ_SIGN_HEX_STRLEN) {
        signature.ptr += signature.len - FARMIQ_SIGN_HEX_STRLEN;
        signature.len = FARMIQ_SIGN_HEX_STRLEN;
    }
    params[0] = farmiq_sql_text(credential->edge_id);
    params[1] = farmiq_sql_text(signature);
    params[2] = farmiq_sql_integer(call->now_unix_ms);
    r = farmiq_sql_run(call->store, &sql_replay_add, NULL, params, 3, note_row, &is_new);
    if (r < 0)
        return r;
    return is_new ? FARMIQ_OK : ingestion_reply_verdict(call, FARMIQ_SIGN_REPLAYED, 0);
}
