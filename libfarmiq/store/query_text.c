/* SPDX-License-Identifier: Apache-2.0 */
/* What a statement says once it is known whose: {queue} becomes a name. */
#include "query_text.h"

#include <stdlib.h>
#include <string.h>

int farmiq__is_queue_name(const char *queue)
{
    size_t len = strspn(queue, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return len < FARMIQ__QUEUE_BYTES && !queue[len];
}

char *farmiq__query_text(const char *text, const char *queue)
{
    static const char hole[] = "{queue}";
    size_t room = strlen(text) + 1, len = 0;
    char *sql;

    for (const char *at = text; (at = strstr(at, hole)); at++)
        room += FARMIQ__QUEUE_BYTES;
    sql = malloc(room);
    while (sql && *text) {
        int is_hole = strncmp(text, hole, sizeof hole - 1) == 0;
        const char *from = is_hole ? queue : text;
        size_t from_len = is_hole ? strlen(queue) : 1;

        memcpy(sql + len, from, from_len);
        len += from_len;
        text += is_hole ? sizeof hole - 1 : 1;
    }
    if (sql)
        sql[len] = '\0';
    return sql;
}
