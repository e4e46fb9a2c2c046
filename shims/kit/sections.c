/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sections, read by inih. */
#include "kit/sections.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "kit/fail.h"

struct reading {
    shim_sections_fn on_line;
    void *ctx;
    struct farmiq_error *error;
    int result; /* of the first line that was not taken */
};

/* inih goes on after a line that was refused: the first refusal is the one that counts.
 */
static int on_pair(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;

    if (reading->result == FARMIQ_OK)
        reading->result =
            reading->on_line(reading->ctx, section, name, value, reading->error);
    return reading->result == FARMIQ_OK;
}

int shim_sections_read(const char *path, shim_sections_fn on_line, void *ctx,
                       struct farmiq_error *error)
{
    struct reading reading = { on_line, ctx, error, FARMIQ_OK };
    FILE *file = fopen(path, "re");
    int line;

    if (!file)
        return shim_fail(error, FARMIQ_E_STORE, path, "%s", strerror(errno));
    line = ini_parse_file(file, on_pair, &reading);
    fclose(file);
    if (reading.result != FARMIQ_OK)
        return reading.result;
    return line == 0 ? FARMIQ_OK
                     : shim_fail(error, FARMIQ_E_SYNTAX, path,
                                 "line %d is neither [section] nor name = value", line);
}
