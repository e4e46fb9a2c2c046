/* SPDX-License-Identifier: Apache-2.0 */
/* The course of the session in progress. */
#include "course.h"

#include "kit/log.h"

/* Where this fails, only a kill makes a difference. */
static void note(struct course *c)
{
    if (record_write(&c->record, c->spool_dir) != FARMIQ_OK)
        shim_log_line(SHIM_ERROR, "session.not_noted",
                      "session_id=%s cannot be written to SPOOL_DIR",
                      c->record.ids[RECORD_SESSION]);
}

void course_begin(struct course *c, struct moment now)
{
    if (session_begin(&c->record, c->teller->drafts, now) != FARMIQ_OK) {
        c->teller->feed->skipped++;
        return;
    }
    c->has_record = 1;
    note(c);
    if (session_tell_created(c->teller, &c->record) != FARMIQ_OK)
        c->teller->feed->skipped++;
}

void course_weigh(struct course *c, double weight_kg, struct moment now)
{
    if (!c->has_record)
        return;
    c->record.weight_kg = weight_kg;
    c->record.weighed_unix_ms = now.unix_ms;
    pictures_take(c->pictures, &c->record, c->teller->drafts, now);
    note(c);
    if (session_tell_weight(c->teller, &c->record) != FARMIQ_OK)
        c->teller->feed->skipped++;
}

void course_end(struct course *c, struct moment now)
{
    int state;

    if (!c->has_record)
        return;
    c->record.ended_unix_ms = now.unix_ms;
    note(c);
    state = record_state(&c->record);
    shim_log_line(state == SESSION_FAILED ? SHIM_WARN : SHIM_DEBUG, "session.ended",
                  "session_id=%s is %s, weight %.3f kg, %u images",
                  c->record.ids[RECORD_SESSION], record_state_name(state),
                  c->record.weight_kg, c->record.image_count);
    if (session_tell_finalized(c->teller, &c->record) != FARMIQ_OK)
        c->teller->feed->skipped++;
}

int course_resume(struct course *c)
{
    int r = record_read(&c->record, c->spool_dir);

    if (r == FARMIQ_NONE)
        return 0;
    if (r == FARMIQ_OK)
        r = session_tell_again(c->teller, &c->record);
    if (r != FARMIQ_OK) {
        shim_log_line(SHIM_WARN, "session.forgotten",
                      "what was in progress cannot be read: %s", farmiq_errname(r));
        record_remove(c->spool_dir);
        return 0;
    }
    c->has_record = 1;
    shim_log_line(SHIM_INFO, "session.resumed", "session_id=%s",
                  c->record.ids[RECORD_SESSION]);
    return c->record.ended_unix_ms == 0;
}

int course_is_ending(const struct course *c)
{
    return c->has_record && c->record.ended_unix_ms;
}

void course_taken(struct course *c)
{
    if (!course_is_ending(c))
        return;
    record_remove(c->spool_dir);
    c->has_record = 0;
}
