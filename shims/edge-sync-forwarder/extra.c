/* SPDX-License-Identifier: Apache-2.0 */
/* CLOUD_INGESTION_HEADERS_JSON: headers that a proxy on the way may want, as an object of
 * texts without escapes. */
#include "forwarder.h"

#include <string.h>

#include "common/text.h"

/* The text in quotes that `*rest` begins with; moves past it. FARMIQ_E_SYNTAX: none. */
static int take_quoted(struct farmiq_str *rest, struct farmiq_str *out)
{
    const char *end;

    if (rest->len < 2 || rest->ptr[0] != '"')
        return FARMIQ_E_SYNTAX;
    end = memchr(rest->ptr + 1, '"', rest->len - 1);
    if (!end || memchr(rest->ptr, '\\', (size_t)(end - rest->ptr)))
        return FARMIQ_E_SYNTAX;
    out->ptr = rest->ptr + 1;
    out->len = (size_t)(end - out->ptr);
    rest->ptr = end + 1;
    rest->len -= out->len + 2;
    return FARMIQ_OK;
}

/* White space, and what stands between the texts of an object known to be JSON. */
static void skip(struct farmiq_str *rest)
{
    while (rest->len && strchr(" \t\r\n{},:", rest->ptr[0])) {
        rest->ptr++;
        rest->len--;
    }
}

static int is_object(struct shim_call *call, struct farmiq_str json)
{
    size_t bytes = FARMIQ_ENVELOPE_SCRATCH_BYTES + json.len;
    void *memory = shim_memory(call, bytes);
    struct farmiq_json_member none = { .name = "" };

    return memory && farmiq_json_members(json.ptr, json.len, &none, 1, memory, bytes,
                                         NULL) == FARMIQ_OK;
}

int forwarder_extra_headers(struct shim_call *call, struct shim_header_line *out,
                            uint32_t room, uint32_t *count)
{
    struct farmiq_str rest = shim_str(shim_text(call, "CLOUD_INGESTION_HEADERS_JSON"));
    struct farmiq_str name, value;

    *count = 0;
    if (!rest.len)
        return FARMIQ_OK;
    if (!is_object(call, rest))
        return FARMIQ_E_SYNTAX;
    for (skip(&rest); rest.len; skip(&rest)) {
        int r = take_quoted(&rest, &name);

        skip(&rest);
        if (r == FARMIQ_OK)
            r = take_quoted(&rest, &value);
        if (r < 0 || *count == room)
            return FARMIQ_E_SYNTAX;
        out[*count].name = text_copy(call, name).ptr; /* ends with a NUL */
        out[(*count)++].value = value;
    }
    return FARMIQ_OK;
}
