/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a GET, read with its limits. */
#include "common/ask.h"

#include "common/text.h"

void ask_refuse(struct ask *ask, const char *message)
{
    if (!ask->is_refused)
        shim_reply_error(ask->call, 400, "VALIDATION_ERROR", "%s", message);
    ask->is_refused = 1;
}

/* The first spelling names the parameter in the answer. */
static void refuse_parameter(struct ask *ask, const char *spellings, const char *fault)
{
    struct farmiq_str list = shim_str(spellings);
    struct farmiq_str name = text_next(&list, '|');

    if (!ask->is_refused)
        shim_reply_error(ask->call, 400, "VALIDATION_ERROR", "%.*s %s", (int)name.len,
                         name.ptr, fault);
    ask->is_refused = 1;
}

struct farmiq_str ask_text(struct ask *ask, const char *spellings)
{
    struct farmiq_str text = shim_query(ask->call, spellings);

    if (text.len > FARMIQ_ID_MAX_BYTES)
        refuse_parameter(ask, spellings, "is longer than 128 bytes");
    return text;
}

struct farmiq_str ask_required(struct ask *ask, const char *spellings)
{
    struct farmiq_str text = ask_text(ask, spellings);

    if (!text.len)
        refuse_parameter(ask, spellings, "is required");
    return text;
}

int64_t ask_time(struct ask *ask, const char *spellings, int64_t fallback)
{
    struct farmiq_str text = ask_text(ask, spellings);
    int64_t unix_ms = fallback;

    if (text.len && farmiq_time_parse(text.ptr, text.len, &unix_ms) != FARMIQ_OK)
        refuse_parameter(ask, spellings, "is not an RFC 3339 time");
    return unix_ms;
}

int64_t ask_limit(struct ask *ask, int64_t fallback, int64_t most)
{
    struct farmiq_str text = ask_text(ask, "limit");
    int64_t limit = fallback;

    if (text.len && (text_number(text, &limit) != FARMIQ_OK || limit < 1 || limit > most))
        refuse_parameter(ask, "limit", "is out of range");
    return limit;
}
