/* SPDX-License-Identifier: Apache-2.0 */
/* The body of presign and complete, in either spelling (spec edge 8.5). */
#include "media.h"

#include <string.h>

#include "common/scratch.h"
#include "form.h"

static const struct {
    const char *names[4]; /* the first is the contract's, the second the agent's */
} texts[] = {
    [MEDIA_TENANT] = { { "tenant_id", "tenantId" } },
    [MEDIA_FARM] = { { "farm_id", "farmId" } },
    [MEDIA_BARN] = { { "barn_id", "barnId" } },
    [MEDIA_DEVICE] = { { "device_id", "deviceId" } },
    [MEDIA_SESSION] = { { "session_id", "sessionId" } },
    [MEDIA_KEY] = { { "object_key", "objectKey" } },
    [MEDIA_TYPE] = { { "content_type", "contentType", "mime_type", "mimeType" } },
};

enum {
    SPELLINGS = 4,
    FILE_NAME = MEDIA_TEXTS * SPELLINGS,
    TIME = FILE_NAME + 2,
    SIZE = TIME + 2,
    MEMBERS = SIZE + 4
};

static int refuse(struct shim_call *call, const char *name, const char *fault)
{
    shim_reply_error(call, 400, "VALIDATION_ERROR", "%s %s", name, fault);
    return 1;
}

static int is_there(const struct farmiq_json_member *member)
{
    return member->type != FARMIQ_JSON_ABSENT && member->type != FARMIQ_JSON_NULL;
}

/* The first of several spellings that is there, or the first. */
static const struct farmiq_json_member *find(const struct farmiq_json_member *members,
                                             int count)
{
    for (int i = 0; i < count; i++)
        if (members[i].name && is_there(&members[i]))
            return &members[i];
    return members;
}

static int is_text(int which, const struct farmiq_json_member *member)
{
    size_t most = which == MEDIA_KEY ? SHIM_FILE_NAME_MAX_BYTES : FARMIQ_ID_MAX_BYTES;

    if (member->type != FARMIQ_JSON_STRING || !member->text.len ||
        member->text.len > most)
        return 0;
    return which > MEDIA_SESSION ||
           farmiq_id_is_valid(member->text.ptr, member->text.len);
}

static int take_texts(struct shim_call *call, const struct farmiq_json_member *members,
                      uint32_t needed, struct media *media)
{
    for (int i = 0; i < MEDIA_TEXTS; i++) {
        const struct farmiq_json_member *member =
            find(members + i * SPELLINGS, SPELLINGS);

        if (!is_there(member) && !(needed & UINT32_C(1) << i))
            continue;
        if (!is_text(i, member))
            return refuse(call, texts[i].names[0],
                          i == MEDIA_KEY ? "must be text"
                                         : "must be 1 to 128 bytes of "
                                           "text that is an id");
        media->text[i] = member->text;
    }
    return FARMIQ_OK;
}

/* A bare name: nothing that leads anywhere. */
static int take_file_name(struct shim_call *call, const struct farmiq_json_member *member,
                          struct farmiq_str *name)
{
    int has_dots = 0;

    if (!is_there(member))
        return FARMIQ_OK;
    for (size_t i = 0; i + 1 < member->text.len; i++)
        has_dots |= member->text.ptr[i] == '.' && member->text.ptr[i + 1] == '.';
    if (member->type != FARMIQ_JSON_STRING || !member->text.len ||
        member->text.len > 255 || has_dots ||
        memchr(member->text.ptr, '/', member->text.len) ||
        memchr(member->text.ptr, '\\', member->text.len))
        return refuse(call, "filename", "must be a bare name, without a folder");
    *name = member->text;
    return FARMIQ_OK;
}

static int take_numbers(struct shim_call *call, const struct farmiq_json_member *members,
                        struct media *media)
{
    const struct farmiq_json_member *time = find(members + TIME, 2);
    const struct farmiq_json_member *size = find(members + SIZE, 4);

    media->bytes = -1;
    if (is_there(time) && (time->type != FARMIQ_JSON_STRING ||
                           farmiq_time_parse(time->text.ptr, time->text.len,
                                             &media->captured_at_unix_ms) != FARMIQ_OK))
        return refuse(call, time->name, "must be an RFC 3339 time");
    if (!is_there(size))
        return FARMIQ_OK;
    if (size->type != FARMIQ_JSON_NUMBER || !(size->number >= 0 && size->number < 1e15))
        return refuse(call, size->name, "must be an integer of at least 0");
    media->bytes = (int64_t)size->number;
    return (double)media->bytes == size->number
               ? FARMIQ_OK
               : refuse(call, size->name, "must be an integer of at least 0");
}

static int check_tenant(struct shim_call *call, const struct media *media)
{
    if (text_equal(shim_header(call, "x-tenant-id"), media->text[MEDIA_TENANT]))
        return FARMIQ_OK;
    shim_reply_error(call, 403, "TENANT_MISMATCH",
                     "the header x-tenant-id must name the tenant of the body");
    return 1;
}

static void name_members(struct farmiq_json_member members[MEMBERS])
{
    static const char *const rest[] = { "filename",       "fileName",     "captured_at",
                                        "capturedAt",     "size_bytes",   "sizeBytes",
                                        "content_length", "contentLength" };

    for (int i = 0; i < MEDIA_TEXTS; i++)
        for (int j = 0; j < SPELLINGS; j++)
            members[i * SPELLINGS + j].name = texts[i].names[j];
    for (int i = FILE_NAME; i < MEMBERS; i++)
        members[i].name = rest[i - FILE_NAME];
}

/* A parser is given no spelling that is not there. */
static int read_members(struct shim_call *call, struct farmiq_json_member *members)
{
    struct farmiq_json_member wanted[MEMBERS];
    struct scratch scratch = { 0 };
    uint32_t count = 0;
    int r;

    for (int i = 0; i < MEMBERS; i++)
        if (members[i].name)
            wanted[count++] = members[i];
    r = scratch_members(&scratch, call, call->body, wanted, count);
    count = 0;
    for (int i = 0; i < MEMBERS; i++)
        if (members[i].name)
            members[i] = wanted[count++];
    return r;
}

static int take(struct shim_call *call, const struct farmiq_json_member *members,
                uint32_t needed, struct media_request *out)
{
    int r = take_texts(call, members, needed, &out->media);

    if (r == FARMIQ_OK)
        r = take_file_name(call, find(members + FILE_NAME, 2), &out->file_name);
    if (r == FARMIQ_OK)
        r = take_numbers(call, members, &out->media);
    out->is_agent = is_there(&members[MEDIA_TENANT * SPELLINGS + 1]);
    return r == FARMIQ_OK ? check_tenant(call, &out->media) : r;
}

int media_read_body(struct shim_call *call, uint32_t needed, struct media_request *out)
{
    struct farmiq_json_member members[MEMBERS] = { { 0 } };
    int r;

    *out = (struct media_request){ 0 };
    name_members(members);
    r = read_members(call, members);
    if (r == FARMIQ_E_NOMEM)
        return r;
    return r == FARMIQ_OK ? take(call, members, needed, out)
                          : refuse(call, "the body", "must be a JSON object");
}

static void say(struct farmiq_json_member *member, struct farmiq_str text)
{
    if (!text.len)
        return;
    member->type = FARMIQ_JSON_STRING;
    member->text = text;
}

int media_read_form(struct shim_call *call, const struct form *form,
                    const struct form_part *image, uint32_t needed,
                    struct media_request *out)
{
    struct farmiq_json_member members[MEMBERS] = { { 0 } };

    *out = (struct media_request){ 0 };
    name_members(members);
    for (int i = 0; i < SIZE; i++) /* a form needs no length */
        for (uint32_t j = 0; members[i].name && j < form->count; j++)
            if (text_is(form->parts[j].name, members[i].name))
                say(&members[i], form->parts[j].value);
    say(&members[FILE_NAME], image->file_name);
    if (!is_there(find(members + MEDIA_TYPE * SPELLINGS, SPELLINGS)))
        say(&members[MEDIA_TYPE * SPELLINGS], image->type);
    return take(call, members, needed, out);
}
