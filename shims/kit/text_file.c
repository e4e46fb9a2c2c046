/* SPDX-License-Identifier: Apache-2.0 */
/* A small file that the operator names. */
#include <stdio.h>

#include "kit/shim.h"

int shim_read_file(struct shim_call *call, const char *path, size_t max_bytes,
                   struct farmiq_str *text)
{
    char *bytes = shim_memory(call, max_bytes + 1);
    FILE *file = bytes ? fopen(path, "re") : NULL;
    int is_read;

    if (!file)
        return bytes ? FARMIQ_E_STORE : FARMIQ_E_NOMEM;
    *text = (struct farmiq_str){ bytes, fread(bytes, 1, max_bytes + 1, file) };
    is_read = !ferror(file);
    fclose(file);
    if (!is_read)
        return FARMIQ_E_STORE;
    return text->len <= max_bytes ? FARMIQ_OK : FARMIQ_E_RANGE;
}
