/* SPDX-License-Identifier: Apache-2.0 */
/* How much is logged, as the operator says it. */
#include <string.h>

#include "kit/log.h"
#include "kit/options.h"

const struct shim_option shim_log_options[] = {
    { "LOG_LEVEL", SHIM_CHOICE, "info",
      "error|warn|info|debug: the least urgent line written" },
    { 0 },
};

int shim_log_level(const struct shim_options *options)
{
    const char *name = shim_options_text(options, "LOG_LEVEL");

    return strcmp(name, "error") == 0  ? SHIM_ERROR
           : strcmp(name, "warn") == 0 ? SHIM_WARN
           : strcmp(name, "info") == 0 ? SHIM_INFO
                                       : SHIM_DEBUG;
}
