/* SPDX-License-Identifier: Apache-2.0 */
/* Readings from text, and the table of sources. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

static const struct source_kind *const kinds[] = { &source_simulator, &source_csv,
                                                   &source_command };

int source_open(struct source **out, const struct sensor_options *options,
                struct moment now, struct farmiq_error *error)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->name, options->source) == 0)
            return kinds[i]->open(out, options, now, error);
    return FARMIQ_E_ARG;
}

void source_close(struct source *source)
{
    if (source)
        source->kind->close(source);
}

/* A metric is the last level of the topic. */
static int set_metric(struct reading *out, struct farmiq_str text)
{
    if (text.len >= sizeof out->metric || !farmiq_id_is_valid(text.ptr, text.len))
        return FARMIQ_E_SYNTAX;
    memcpy(out->metric, text.ptr, text.len);
    out->metric[text.len] = '\0';
    return FARMIQ_OK;
}

static int set_unit(struct reading *out, struct farmiq_str text)
{
    if (text.len >= sizeof out->unit)
        return FARMIQ_E_SYNTAX;
    if (text.len)
        memcpy(out->unit, text.ptr, text.len);
    out->unit[text.len] = '\0';
    return FARMIQ_OK;
}

static int set_value(struct reading *out, struct farmiq_str text)
{
    char copy[64], *end;
    double value;

    if (text.len == 0 || text.len >= sizeof copy)
        return FARMIQ_E_SYNTAX;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    value = strtod(copy, &end);
    if (*end || !isfinite(value))
        return FARMIQ_E_SYNTAX;
    out->value = value;
    return FARMIQ_OK;
}

static int set_ts(struct reading *out, struct farmiq_str text)
{
    return farmiq_time_parse(text.ptr, text.len, &out->ts_unix_ms) == FARMIQ_OK
               ? FARMIQ_OK
               : FARMIQ_E_SYNTAX;
}

static const struct {
    const char *name;
    int (*set)(struct reading *out, struct farmiq_str text);
} fields[] = {
    { "ts", set_ts },
    { "metric", set_metric },
    { "value", set_value },
    { "unit", set_unit },
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

int reading_set(struct reading *out, const char *field, struct farmiq_str text)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (strcmp(fields[i].name, field) == 0)
            return fields[i].set(out, text);
    return FARMIQ_NONE;
}

static int parse_json(struct reading *out, const char *line)
{
    struct farmiq_json_member members[FIELD_COUNT];
    struct reading reading = *out;
    int64_t scratch[768];

    for (size_t i = 0; i < FIELD_COUNT; i++)
        members[i] = (struct farmiq_json_member){ .name = fields[i].name };
    if (farmiq_json_members(line, strlen(line), members, FIELD_COUNT, scratch,
                            sizeof scratch, NULL) != FARMIQ_OK)
        return FARMIQ_E_SYNTAX;
    reading.metric[0] = '\0';
    reading.value = NAN;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (members[i].type != FARMIQ_JSON_ABSENT &&
            members[i].type != FARMIQ_JSON_NULL &&
            fields[i].set(&reading, members[i].text) != FARMIQ_OK)
            return FARMIQ_E_SYNTAX;
    if (!reading.metric[0] || isnan(reading.value))
        return FARMIQ_E_SYNTAX;
    *out = reading;
    return FARMIQ_OK;
}

static int parse_words(struct reading *out, char *line)
{
    static const char *const order[] = { "metric", "value", "unit" };
    struct reading reading = *out;
    char *rest = line, *word;
    size_t count = 0;

    reading.unit[0] = '\0';
    while ((word = strsep(&rest, " \t")) != NULL) {
        struct farmiq_str text = { word, strlen(word) };

        if (!*word)
            continue;
        if (count == 3 || reading_set(&reading, order[count++], text) != FARMIQ_OK)
            return FARMIQ_E_SYNTAX;
    }
    if (count < 2)
        return FARMIQ_E_SYNTAX;
    *out = reading;
    return FARMIQ_OK;
}

int reading_parse(struct reading *out, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    line += strspn(line, " \t");
    return *line == '{' ? parse_json(out, line) : parse_words(out, line);
}
