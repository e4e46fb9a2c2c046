/* SPDX-License-Identifier: Apache-2.0 */
/* The session in progress. */
#include "record.h"

#include <string.h>

#include "folder.h"

#define FILE_NAME "session.json"
#define FILE_BYTES 1024
#define SCRATCH_WORDS 768

static const char *const id_names[RECORD_IDS] = {
    [RECORD_SESSION] = "session_id",
    [RECORD_CREATED] = "created_event_id",
    [RECORD_WEIGHT] = "weight_event_id",
    [RECORD_FINALIZED] = "finalized_event_id",
};

int record_state(const struct record *r)
{
    if (r->ended_unix_ms)
        return r->weighed_unix_ms ? SESSION_FINALIZED : SESSION_FAILED;
    return r->weighed_unix_ms || r->image_count ? SESSION_CAPTURING : SESSION_CREATED;
}

const char *record_state_name(int state)
{
    static const char *const names[] = { [SESSION_CREATED] = "created",
                                         [SESSION_CAPTURING] = "capturing",
                                         [SESSION_FINALIZED] = "finalized",
                                         [SESSION_FAILED] = "failed" };

    return names[state];
}

static void write_int(struct farmiq_json_writer *w, const char *name, int64_t value)
{
    farmiq_json_key(w, name);
    farmiq_json_int(w, value);
}

int record_write(const struct record *r, const char *dir)
{
    struct farmiq_json_writer w;
    char text[FILE_BYTES];
    size_t len;

    farmiq_json_begin(&w, text, sizeof text);
    farmiq_json_open(&w, '{');
    for (int i = 0; i < RECORD_IDS; i++) {
        farmiq_json_key(&w, id_names[i]);
        farmiq_json_text(&w, r->ids[i]);
    }
    farmiq_json_key(&w, "state");
    farmiq_json_text(&w, record_state_name(record_state(r)));
    write_int(&w, "began_unix_ms", r->began_unix_ms);
    write_int(&w, "weighed_unix_ms", r->weighed_unix_ms);
    write_int(&w, "ended_unix_ms", r->ended_unix_ms);
    write_int(&w, "image_count", r->image_count);
    farmiq_json_key(&w, "weight_kg");
    farmiq_json_double(&w, r->weight_kg);
    farmiq_json_close(&w, '}');
    if (farmiq_json_end(&w, &len) != FARMIQ_OK)
        return FARMIQ_E_STORE;
    return folder_write(dir, FILE_NAME, (struct farmiq_str){ text, len });
}

static int take_ids(struct record *r, const struct farmiq_json_member *members)
{
    uint8_t id[FARMIQ_UUID_BYTES];

    for (int i = 0; i < RECORD_IDS; i++) {
        struct farmiq_str text = members[i].text;

        if (members[i].type != FARMIQ_JSON_STRING || text.len != FARMIQ_UUID_STRLEN ||
            farmiq_uuid_parse(id, text.ptr, text.len) != FARMIQ_OK)
            return FARMIQ_E_SYNTAX;
        memcpy(r->ids[i], text.ptr, text.len);
    }
    return FARMIQ_OK;
}

int record_read(struct record *out, const char *dir)
{
    enum { BEGAN = RECORD_IDS, WEIGHED, ENDED, IMAGES, WEIGHT, MEMBERS };
    struct farmiq_json_member members[MEMBERS] = { [BEGAN] = { .name = "began_unix_ms" },
                                                   { .name = "weighed_unix_ms" },
                                                   { .name = "ended_unix_ms" },
                                                   { .name = "image_count" },
                                                   { .name = "weight_kg" } };
    struct record r = { .began_unix_ms = 0 };
    char text[FILE_BYTES];
    int64_t scratch[SCRATCH_WORDS];
    size_t len;
    int read = folder_read(dir, FILE_NAME, text, sizeof text, &len);

    if (read != FARMIQ_OK)
        return read;
    for (int i = 0; i < RECORD_IDS; i++)
        members[i].name = id_names[i];
    if (farmiq_json_members(text, len, members, MEMBERS, scratch, sizeof scratch, NULL) !=
            FARMIQ_OK ||
        take_ids(&r, members) != FARMIQ_OK)
        return FARMIQ_E_SYNTAX;
    for (int i = BEGAN; i < MEMBERS; i++)
        if (members[i].type != FARMIQ_JSON_NUMBER)
            return FARMIQ_E_SYNTAX;
    r.began_unix_ms = (int64_t)members[BEGAN].number;
    r.weighed_unix_ms = (int64_t)members[WEIGHED].number;
    r.ended_unix_ms = (int64_t)members[ENDED].number;
    r.image_count = (uint32_t)members[IMAGES].number;
    r.weight_kg = members[WEIGHT].number;
    *out = r;
    return FARMIQ_OK;
}

void record_remove(const char *dir) { folder_remove(dir, FILE_NAME); }
