/* SPDX-License-Identifier: Apache-2.0 */
/* Where a page ends. */
#include "common/cursor.h"

#include "common/text.h"

#define CURSOR_MAX_BYTES (FARMIQ_ID_MAX_BYTES + 21)

struct cursor cursor_ask(struct ask *ask)
{
    struct cursor cursor = { ASK_LAST_UNIX_MS + 1, shim_str("") };
    struct farmiq_str text = shim_query(ask->call, "cursor");

    if (!text.len)
        return cursor;
    if (text.len > CURSOR_MAX_BYTES ||
        text_number(text_next(&text, '.'), &cursor.unix_ms) != FARMIQ_OK || !text.len)
        ask_refuse(ask, "cursor is not one that was given");
    cursor.id = text;
    return cursor;
}

void cursor_write(struct shim_call *call, struct farmiq_json_writer *json,
                  const struct cursor *last, int is_last)
{
    const struct farmiq_str parts[] = { text_of_number(call, last->unix_ms),
                                        shim_str("."), last->id };

    farmiq_json_key(json, "nextCursor");
    if (is_last)
        farmiq_json_null(json);
    else
        farmiq_json_str(json, text_join(call, parts, 3));
}
