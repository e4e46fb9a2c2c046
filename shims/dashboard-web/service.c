/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard-web: the live page. Files only; it asks the services beside it. */
#include "kit/shim.h"

#include "assets.h"

static const struct shim_service service = {
    .name = "dashboard-web",
    .summary = "the live page",
    .assets = page_assets,
};

SHIM_MAIN(dashboard_web, service)
