/* SPDX-License-Identifier: Apache-2.0 */
/* TIME_ZONE: where the days of a service begin. */
#ifndef COMMON_ZONE_H
#define COMMON_ZONE_H

#include "kit/shim.h"

#define ZONE_OPTION                                                                      \
    {                                                                                    \
        "TIME_ZONE", SHIM_STRING, "UTC",                                                 \
            "the IANA time zone whose days are summed up, where a question names none: " \
            "Europe/Berlin"                                                              \
    }

/* A service's start: FARMIQ_OK, or FARMIQ_E_ARG after saying that there is no such zone.
 */
int zone_check(struct shim_call *call);

#endif
