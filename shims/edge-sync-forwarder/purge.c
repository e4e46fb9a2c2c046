/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud has had for long enough is forgotten here (spec edge 5.8). */
#include "forwarder.h"

#include "common/purge.h"

static int purge_acked(struct shim_call *call, uint32_t *rows)
{
    return farmiq_store_outbox_purge(
        call->store, "sync",
        purge_before_or_pressed_unix_ms(call, "OUTBOX_RETENTION_DAYS", PURGE_HISTORY),
        PURGE_ROWS, rows);
}

static int purge_sync_audit(struct shim_call *call, uint32_t *rows)
{
    return purge_audit(call, "sync", rows);
}

static int purge_sync_dead(struct shim_call *call, uint32_t *rows)
{
    return purge_dead(call, "sync", rows);
}

int forwarder_purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_acked, purge_sync_audit, purge_sync_dead,
                                         NULL };

    return purge_run(call, steps);
}
