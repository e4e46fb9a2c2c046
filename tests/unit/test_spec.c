/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tables of docs/spec row by row. usage: test_spec <folder of the tables> */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/envelope.h>
#include <farmiq/topic.h>

#define CELLS 4
#define LINE_BYTES 4096

static const char *folder;

/* ## Tables in Markdown */

struct row {
    const char *heading; /* of the section it stands in */
    int line;
    char *cells[CELLS];
};

static char *trimmed(char *text)
{
    size_t len;

    text += strspn(text, " `");
    len = strlen(text);
    while (len > 0 && strchr(" `\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* "| a | b |" into cells; 0 for a line that is no row of content. */
static int take_cells(char *line, struct row *row)
{
    char *at = line;

    if (*at != '|' || strncmp(line, "| ---", 5) == 0)
        return 0;
    for (int i = 0; i < CELLS; i++) {
        char *end = strchr(at + 1, '|');

        if (!end)
            return 0;
        *end = '\0';
        row->cells[i] = trimmed(at + 1);
        at = end;
    }
    return 1;
}

/* Calls `check` for every row under the header whose first cell is `title`. */
static int run_table(const char *file, const char *title,
                     void (*check)(const struct row *))
{
    char path[512], line[LINE_BYTES], heading[LINE_BYTES] = "";
    struct row row = { .heading = heading };
    FILE *in;
    int rows = 0;

    snprintf(path, sizeof path, "%s/%s", folder, file);
    in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        row.line++;
        if (strncmp(line, "## ", 3) == 0)
            memcpy(heading, line, sizeof heading);
        if (!take_cells(line, &row) || strcmp(row.cells[0], title) == 0)
            continue;
        check(&row);
        rows++;
    }
    fclose(in);
    return rows;
}

static void expect(const struct row *row, int code, const char *named)
{
    if (strcmp(farmiq_errname(code), row->cells[2]) != 0)
        fail_msg("line %d, %s: %s instead of %s", row->line, row->cells[0],
                 farmiq_errname(code), row->cells[2]);
    if (strcmp(named, row->cells[3]) != 0)
        fail_msg("line %d, %s: names '%s' instead of '%s'", row->line, row->cells[0],
                 named, row->cells[3]);
}

/* ## Envelopes */

static const struct {
    const char *name;
    const char *value;
} message[] = {
    { "schema_version", "\"1.0\"" },
    { "event_id", "\"018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001\"" },
    { "trace_id", "\"trace-id-123\"" },
    { "event_type", "\"telemetry.reading\"" },
    { "tenant_id", "\"t-001\"" },
    { "device_id", "\"device-sensor-001\"" },
    { "ts", "\"2025-01-01T10:00:00Z\"" },
    { "payload", "{\"metric\": \"temperature\", \"value\": 26.4, \"unit\": \"C\"}" },
};

static void add(char *json, const char *name, const char *value)
{
    size_t len = strlen(json);

    if (*value)
        snprintf(json + len, LINE_BYTES - len, "%s\"%s\": %s", len > 1 ? ", " : "", name,
                 value);
}

static void compose(char *json, const char *name, const char *value)
{
    int is_new = 1;

    strcpy(json, "{");
    for (size_t i = 0; i < sizeof message / sizeof *message; i++) {
        int is_it = strcmp(message[i].name, name) == 0;

        add(json, message[i].name, is_it ? value : message[i].value);
        is_new &= !is_it;
    }
    if (is_new)
        add(json, name, value);
    strcat(json, "}");
}

static void check_envelope(const struct row *row)
{
    static int64_t scratch[FARMIQ_ENVELOPE_SCRATCH_BYTES / sizeof(int64_t)];
    struct farmiq_envelope env = { .size = sizeof env };
    struct farmiq_envelope_rules rules;
    struct farmiq_error error;
    char json[LINE_BYTES];
    int r;

    farmiq_error_init(&error, sizeof error);
    farmiq_envelope_rules_init(&rules, sizeof rules);
    rules.default_schema_version = strstr(row->heading, "default_schema_version") != NULL;
    rules.loose_ids = strstr(row->heading, "loose_ids") != NULL;
    if (strcmp(row->cells[0], "*") == 0)
        strcpy(json, row->cells[1]);
    else
        compose(json, row->cells[0], row->cells[1]);
    r = farmiq_envelope_parse(&env, &rules, json, strlen(json), scratch, sizeof scratch,
                              &error);
    expect(row, r, error.field);
}

static void every_row_of_the_envelope_holds(void **state)
{
    (void)state;
    assert_true(run_table("envelope.md", "member", check_envelope) > 100);
}

/* ## Topics */

static void check_topic(const struct row *row)
{
    static const char *const kinds[] = { "",       "telemetry", "event", "weighvision",
                                         "status", "ack" };
    struct farmiq_topic topic = { .size = sizeof topic };
    char leaf[FARMIQ_ID_MAX_BYTES + 1] = "";
    int r = farmiq_topic_parse(&topic, row->cells[0], strlen(row->cells[0]), NULL);

    if (topic.leaf.len > 0)
        snprintf(leaf, sizeof leaf, "%.*s", (int)topic.leaf.len, topic.leaf.ptr);
    assert_in_range(topic.kind, 0, FARMIQ_TOPIC_ACK);
    assert_string_equal(kinds[topic.kind], row->cells[1]);
    expect(row, r, leaf);
}

static void every_row_of_the_topics_holds(void **state)
{
    (void)state;
    assert_true(run_table("topic.md", "topic", check_topic) > 30);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_envelope_holds),
        cmocka_unit_test(every_row_of_the_topics_holds),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: test_spec <folder of the tables>\n");
        return 2;
    }
    folder = argv[1];
    return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
