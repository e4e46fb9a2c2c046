/* SPDX-License-Identifier: Apache-2.0 */
/* Result codes as names and sentences. */
#include <farmiq/error.h>

#include "private.h"

static const struct {
    int code;
    const char *name;
    const char *text;
} codes[] = {
    { FARMIQ_OK, "FARMIQ_OK", "done" },
    { FARMIQ_DUPLICATE, "FARMIQ_DUPLICATE", "seen before" },
    { FARMIQ_UNCHANGED, "FARMIQ_UNCHANGED", "nothing had to change" },
    { FARMIQ_NONE, "FARMIQ_NONE", "nothing matched" },
    { FARMIQ_UNDEFINED, "FARMIQ_UNDEFINED",
      "the quantity does not exist for these inputs" },
    { FARMIQ_EXHAUSTED, "FARMIQ_EXHAUSTED", "no attempts are left" },
    { FARMIQ_CONFLICT, "FARMIQ_CONFLICT",
      "the same key was seen with different content" },
    { FARMIQ_E_ARG, "FARMIQ_E_ARG", "an argument is NULL or out of bounds" },
    { FARMIQ_E_NOSPACE, "FARMIQ_E_NOSPACE", "there is not enough room" },
    { FARMIQ_E_SYNTAX, "FARMIQ_E_SYNTAX", "the input does not follow its grammar" },
    { FARMIQ_E_SCHEMA, "FARMIQ_E_SCHEMA", "the input is well-formed but breaks a rule" },
    { FARMIQ_E_RANGE, "FARMIQ_E_RANGE", "a value is outside its range" },
    { FARMIQ_E_STATE, "FARMIQ_E_STATE", "not allowed in this state" },
    { FARMIQ_E_TENANT, "FARMIQ_E_TENANT", "this would cross a tenant boundary" },
    { FARMIQ_E_BUSY, "FARMIQ_E_BUSY", "busy; try again later" },
    { FARMIQ_E_NOMEM, "FARMIQ_E_NOMEM", "out of memory" },
    { FARMIQ_E_STORE, "FARMIQ_E_STORE", "the store, or the system below it, failed" },
    { FARMIQ_E_UNSUPPORTED, "FARMIQ_E_UNSUPPORTED", "not supported here" },
    { FARMIQ_E_UNREACHABLE, "FARMIQ_E_UNREACHABLE", "the peer gave no answer" },
    { FARMIQ_E_REFUSED, "FARMIQ_E_REFUSED", "the peer refused for good" },
};

void farmiq_error_init(struct farmiq_error *error, size_t size)
{
    static const struct farmiq_error defaults = { 0, 0, FARMIQ_NO_OFFSET, 0, "", "" };

    farmiq__init(error, size, &defaults, sizeof defaults);
}

/* Copy what fits and always end it: an error text that is cut is better than none. */
static void copy_text(char *out, size_t out_bytes, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (len >= out_bytes)
        len = out_bytes - 1;
    memcpy(out, text ? text : "", len);
    out[len] = '\0';
}

int farmiq__fail(struct farmiq_error *error, int code, uint32_t offset, const char *field,
                 const char *detail)
{
    if (!error || error->size < sizeof *error)
        return code;
    error->code = code;
    error->offset = offset;
    copy_text(error->field, sizeof error->field, field);
    copy_text(error->detail, sizeof error->detail, detail);
    return code;
}

const char *farmiq_errname(int code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            return codes[i].name;
    return "FARMIQ_E_UNKNOWN";
}

const char *farmiq_strerror(int code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            return codes[i].text;
    return "unknown result code";
}

int farmiq_err_is_retryable(int code)
{
    return code == FARMIQ_E_BUSY || code == FARMIQ_E_NOMEM || code == FARMIQ_E_STORE ||
           code == FARMIQ_E_UNREACHABLE;
}
