/* SPDX-License-Identifier: Apache-2.0 */
/* TIME_ZONE: where the days of a service begin. */
#include "common/zone.h"

int zone_check(struct shim_call *call)
{
    struct shim_day day;

    if (shim_zone_day(shim_text(call, "TIME_ZONE"), call->now_unix_ms, &day) == FARMIQ_OK)
        return FARMIQ_OK;
    shim_log(call, SHIM_ERROR, "start.failed",
             "TIME_ZONE: there is no time zone of that name, as Europe/Berlin is one");
    return FARMIQ_E_ARG;
}
