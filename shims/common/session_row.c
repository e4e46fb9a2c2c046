/* SPDX-License-Identifier: Apache-2.0 */
/* A session's row, between its statements and the struct. */
#include "common/session_private.h"

#include "common/text.h"

static struct farmiq_sql_value time_or_null(int64_t unix_ms)
{
    return unix_ms ? farmiq_sql_integer(unix_ms) : farmiq_sql_null();
}

static struct farmiq_sql_value weight_or_null(const struct farmiq_session *fold,
                                              double kg)
{
    return fold->weight_count ? farmiq_sql_real(kg) : farmiq_sql_null();
}

static void put_fold(struct farmiq_sql_value *to, const struct farmiq_session *fold)
{
    to[0] = farmiq_sql_integer(fold->state);
    to[1] = time_or_null(fold->start_at_unix_ms);
    to[2] = time_or_null(fold->end_at_unix_ms);
    to[3] = weight_or_null(fold, fold->initial_weight_kg);
    to[4] = weight_or_null(fold, fold->final_weight_kg);
    to[5] = time_or_null(fold->initial_weight_at_unix_ms);
    to[6] = time_or_null(fold->final_weight_at_unix_ms);
    to[7] = farmiq_sql_integer(fold->weight_count);
    to[8] = farmiq_sql_integer(fold->late_weight_count);
    to[9] = farmiq_sql_integer(fold->image_count);
    to[10] = farmiq_sql_integer(fold->declared_image_count);
    to[11] = farmiq_sql_integer(fold->flags);
}

/* NULL reads as 0, which is what the fold has where nothing is known. */
static void get_fold(struct farmiq_session *fold, const struct farmiq_sql_value *columns)
{
    fold->state = (int32_t)columns[0].integer;
    fold->start_at_unix_ms = columns[1].integer;
    fold->end_at_unix_ms = columns[2].integer;
    fold->initial_weight_kg = columns[3].real;
    fold->final_weight_kg = columns[4].real;
    fold->initial_weight_at_unix_ms = columns[5].integer;
    fold->final_weight_at_unix_ms = columns[6].integer;
    fold->weight_count = (uint32_t)columns[7].integer;
    fold->late_weight_count = (uint32_t)columns[8].integer;
    fold->image_count = (uint32_t)columns[9].integer;
    fold->declared_image_count = (uint32_t)columns[10].integer;
    fold->flags = (uint32_t)columns[11].integer;
}

static int may_be_null(int text) { return text >= SESSION_BATCH; }

void session_row_put(struct farmiq_sql_value to[SESSION_SAVED],
                     const struct session *session)
{
    to[0] = farmiq_sql_text(session_tenant(session));
    to[1] = farmiq_sql_text(session_name(session));
    put_fold(to + 2, &session->fold);
    to += 2 + SESSION_FOLD_COLUMNS;
    for (int i = 0; i < SESSION_TEXTS; i++)
        to[i] = may_be_null(i) ? farmiq_sql_text_or_null(session->text[i])
                               : farmiq_sql_text(session->text[i]);
    to += SESSION_TEXTS;
    for (int i = 0; i < SESSION_TIMES; i++)
        to[i] = time_or_null(session->time_unix_ms[i]);
    to[SESSION_FIRST_FACT_AT] =
        farmiq_sql_integer(session->time_unix_ms[SESSION_FIRST_FACT_AT]);
    to[SESSION_TIMES] = session->declared_weight_kg > 0
                            ? farmiq_sql_real(session->declared_weight_kg)
                            : farmiq_sql_null();
}

int session_row_get(struct shim_call *call, struct session *session,
                    const struct farmiq_sql_value *columns)
{
    get_fold(&session->fold, columns);
    session->loaded_state = session->fold.state;
    columns += SESSION_FOLD_COLUMNS;
    for (int i = 0; i < SESSION_TEXTS; i++) {
        session->text[i] = text_copy(call, columns[i].text);
        if (columns[i].text.len && !session->text[i].len)
            return FARMIQ_E_NOMEM;
    }
    columns += SESSION_TEXTS;
    for (int i = 0; i < SESSION_TIMES; i++)
        session->time_unix_ms[i] = columns[i].integer;
    session->declared_weight_kg = columns[SESSION_TIMES].real;
    return FARMIQ_OK;
}
