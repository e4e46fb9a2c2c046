/* SPDX-License-Identifier: Apache-2.0 */
/* The MQTT topic families: one table for reading, writing and subscribing
 * (spec edge 2.2, 2.3). */
#include <farmiq/topic.h>

#include "private.h"

#define LEVELS_MAX 9

/* A level is a word that must be there, or an id with a place in farmiq_topic. */
struct level {
    const char *word; /* NULL for an id */
    const char *name;
    size_t member;
};

#define WORD(text)                                                                       \
    {                                                                                    \
        text, "topic", 0                                                                 \
    }
#define ID(name)                                                                         \
    {                                                                                    \
        NULL, #name, offsetof(struct farmiq_topic, name)                                 \
    }
#define SOURCE ID(tenant_id), ID(farm_id), ID(barn_id), ID(source_id)

static const struct family {
    int32_t kind;
    uint32_t level_count;
    struct level levels[LEVELS_MAX];
} families[] = {
    { FARMIQ_TOPIC_TELEMETRY, 7, { WORD("iot"), WORD("telemetry"), SOURCE, ID(leaf) } },
    { FARMIQ_TOPIC_EVENT, 7, { WORD("iot"), WORD("event"), SOURCE, ID(leaf) } },
    { FARMIQ_TOPIC_WEIGHVISION,
      9,
      { WORD("iot"), WORD("weighvision"), SOURCE, WORD("session"), ID(session_id),
        ID(leaf) } },
    { FARMIQ_TOPIC_STATUS, 6, { WORD("iot"), WORD("status"), SOURCE } },
    { FARMIQ_TOPIC_ACK, 6, { WORD("iot"), WORD("ack"), SOURCE } },
};

/* Seed 002 puts the short form on the topic, the devices' documentation the full
 * one; the envelope always has the full one (spec edge 2.2). */
static const struct {
    const char *short_form;
    const char *event_type;
} spellings[] = {
    { "created", "weighvision.session.created" },
    { "weight.recorded", "weighvision.weight.recorded" },
    { "finalized", "weighvision.session.finalized" },
    { "image.captured", "weighvision.image.captured" },
    { "inference.completed", "weighvision.inference.completed" },
};

void farmiq_topic_init(struct farmiq_topic *topic, size_t size)
{
    static const struct farmiq_topic defaults = { 0 };

    farmiq__init(topic, size, &defaults, sizeof defaults);
}

/* [A-Za-z0-9._:@-], a byte each: this is the innermost loop of the message path. */
static int is_id_byte(char c)
{
    static const uint8_t legal[256] = {
        ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['.'] = 1,
        ['_'] = 1,         [':'] = 1,         ['@'] = 1,         ['-'] = 1,
    };

    return legal[(uint8_t)c];
}

/* How many legal bytes an id begins with. Nearly all are, so four are asked at once. */
static size_t legal_prefix(struct farmiq_str id)
{
    size_t len = 0;

    while (len + 4 <= id.len &&
           (is_id_byte(id.ptr[len]) & is_id_byte(id.ptr[len + 1]) &
            is_id_byte(id.ptr[len + 2]) & is_id_byte(id.ptr[len + 3])))
        len += 4;
    while (len < id.len && is_id_byte(id.ptr[len]))
        len++;
    return len;
}

/* What is wrong with an id, or NULL; `*at` gets the byte. */
static const char *id_flaw(struct farmiq_str id, size_t *at)
{
    size_t len;

    *at = 0;
    if (id.len == 0)
        return "is empty";
    if (id.len > FARMIQ_ID_MAX_BYTES) {
        *at = FARMIQ_ID_MAX_BYTES;
        return "is longer than 128 bytes";
    }
    len = legal_prefix(id);
    if (len < id.len) {
        *at = len;
        return "has a byte other than A-Z a-z 0-9 . _ : @ -";
    }
    if (farmiq__str_is(id, ".") || farmiq__str_is(id, ".."))
        return "is a dot name";
    return NULL;
}

int farmiq_id_is_valid(const char *text, size_t len)
{
    struct farmiq_str id = { text, len };
    size_t at;

    return text && !id_flaw(id, &at);
}

/* Spec edge 2.3: strictness is a setting, whose loose value is the reference's. */
static const char *level_flaw(const struct farmiq_topic *topic, struct farmiq_str id,
                              size_t *at)
{
    if (!topic->loose_ids)
        return id_flaw(id, at);
    *at = 0;
    return farmiq__is_topic_level(id) ? NULL : "is not a topic level";
}

/* Cut at the slashes. Returns the number of levels, at most LEVELS_MAX + 1: more
 * than any family has. */
static uint32_t split(struct farmiq_str text, struct farmiq_str levels[LEVELS_MAX + 1])
{
    const char *at = text.ptr, *end = text.ptr + text.len, *slash;
    uint32_t count = 0;

    do {
        slash = memchr(at, '/', (size_t)(end - at));
        levels[count++] = farmiq__str(at, (size_t)((slash ? slash : end) - at));
        at = slash ? slash + 1 : end;
    } while (slash && count <= LEVELS_MAX);
    return count;
}

static int words_match(const struct family *family, const struct farmiq_str *levels)
{
    for (uint32_t i = 0; i < family->level_count; i++)
        if (family->levels[i].word && !farmiq__str_is(levels[i], family->levels[i].word))
            return 0;
    return 1;
}

static const struct family *recognize(const struct farmiq_str *levels, uint32_t count)
{
    for (size_t i = 0; i < COUNT(families); i++)
        if (families[i].level_count == count && words_match(&families[i], levels))
            return &families[i];
    return NULL;
}

static const struct family *family_of(int32_t kind)
{
    for (size_t i = 0; i < COUNT(families); i++)
        if (families[i].kind == kind)
            return &families[i];
    return NULL;
}

static struct farmiq_str full_event_type(struct farmiq_str leaf)
{
    for (size_t i = 0; i < COUNT(spellings); i++)
        if (farmiq__str_is(leaf, spellings[i].short_form))
            return farmiq__str(spellings[i].event_type, strlen(spellings[i].event_type));
    return leaf;
}

static struct farmiq_str *member_of(struct farmiq_topic *topic, const struct level *level)
{
    return (struct farmiq_str *)(void *)((char *)topic + level->member);
}

int farmiq_topic_parse(struct farmiq_topic *out, const char *text, size_t len,
                       struct farmiq_error *error)
{
    struct farmiq_str levels[LEVELS_MAX + 1];
    struct farmiq_topic topic = { 0 };
    const struct family *family;

    if (!farmiq__is_sized(out, sizeof *out) || !text)
        return FARMIQ_E_ARG;
    family = recognize(levels, split(farmiq__str(text, len), levels));
    if (!family)
        return farmiq__fail(error, FARMIQ_E_SYNTAX, FARMIQ_NO_OFFSET, "topic",
                            "is of none of the families");
    topic.size = out->size;
    topic.loose_ids = out->loose_ids;
    topic.kind = family->kind;
    for (uint32_t i = 0; i < family->level_count; i++) {
        const struct level *level = &family->levels[i];
        const char *flaw;
        size_t at;

        if (level->word)
            continue;
        flaw = level_flaw(&topic, levels[i], &at);
        if (flaw)
            return farmiq__fail(error, FARMIQ_E_SCHEMA,
                                (uint32_t)(levels[i].ptr + at - text), level->name, flaw);
        *member_of(&topic, level) = levels[i];
    }
    if (topic.kind == FARMIQ_TOPIC_WEIGHVISION)
        topic.leaf = full_event_type(topic.leaf);
    *out = topic;
    return FARMIQ_OK;
}

/* Write the levels with slashes between them. The length is told even when the
 * buffer is too small, and then the buffer is left alone. */
static int join(const struct farmiq_str *levels, uint32_t count, char *buf,
                size_t buf_bytes, size_t *len)
{
    size_t total = count - 1;

    for (uint32_t i = 0; i < count; i++)
        total += levels[i].len;
    *len = total;
    if (total >= buf_bytes)
        return FARMIQ_E_NOSPACE;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(buf, levels[i].ptr, levels[i].len);
        buf += levels[i].len;
        *buf++ = i + 1 < count ? '/' : '\0';
    }
    return FARMIQ_OK;
}

int farmiq_topic_format(const struct farmiq_topic *topic, char *buf, size_t buf_bytes,
                        size_t *len)
{
    struct farmiq_str levels[LEVELS_MAX];
    const struct family *family;
    struct farmiq_topic copy;

    if (!farmiq__is_sized(topic, sizeof *topic) || (!buf && buf_bytes > 0) || !len)
        return FARMIQ_E_ARG;
    family = family_of(topic->kind);
    if (!family)
        return FARMIQ_E_ARG;
    copy = *topic;
    for (uint32_t i = 0; i < family->level_count; i++) {
        const struct level *level = &family->levels[i];
        size_t at;

        levels[i] = level->word ? farmiq__str(level->word, strlen(level->word))
                                : *member_of(&copy, level);
        if (!farmiq__str_is_sound(levels[i]) || level_flaw(topic, levels[i], &at))
            return FARMIQ_E_SCHEMA;
    }
    return join(levels, family->level_count, buf, buf_bytes, len);
}

static struct farmiq_str filter_level(const struct level *level, struct farmiq_str tenant)
{
    if (level->word)
        return farmiq__str(level->word, strlen(level->word));
    if (level->member == offsetof(struct farmiq_topic, tenant_id) && tenant.ptr)
        return tenant;
    return farmiq__str("+", 1);
}

int farmiq_topic_filter(int32_t kind, const char *tenant_id, size_t tenant_id_len,
                        char *buf, size_t buf_bytes, size_t *len)
{
    const struct family *family = family_of(kind);
    struct farmiq_str levels[LEVELS_MAX];

    if (!family || (!buf && buf_bytes > 0) || !len)
        return FARMIQ_E_ARG;
    if (tenant_id && !farmiq_id_is_valid(tenant_id, tenant_id_len))
        return FARMIQ_E_SCHEMA;
    for (uint32_t i = 0; i < family->level_count; i++)
        levels[i] =
            filter_level(&family->levels[i], farmiq__str(tenant_id, tenant_id_len));
    return join(levels, family->level_count, buf, buf_bytes, len);
}
