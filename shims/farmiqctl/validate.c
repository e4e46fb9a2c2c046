/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl validate: are these envelopes what a device may send? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#define INPUT_MAX_BYTES (64u << 20)
#define SCRATCH_BYTES (FARMIQ_ENVELOPE_SCRATCH_BYTES + FARMIQ_ENVELOPE_MAX_BYTES)

static const struct shim_option options[] = {
    { "FILE", SHIM_STRING, "-", "one envelope per line; - reads standard input" },
    { "TOPIC", SHIM_STRING, "", "also check that each belongs on this MQTT topic" },
    { "WHOLE", SHIM_FLAG, "false", "the input is one envelope, over several lines" },
    { 0 },
};
static const struct shim_option *const tables[] = { options, NULL };

struct check {
    const char *topic_text;
    struct farmiq_topic topic;
    void *scratch;
    unsigned long good, bad;
};

static void check_one(struct check *check, const char *text, size_t len,
                      unsigned long line)
{
    struct farmiq_envelope envelope;
    struct farmiq_error error;
    int r;

    farmiq_envelope_init(&envelope, sizeof envelope);
    farmiq_error_init(&error, sizeof error);
    r = farmiq_envelope_parse(&envelope, NULL, text, len, check->scratch, SCRATCH_BYTES,
                              &error);
    if (r == FARMIQ_OK && *check->topic_text)
        r = farmiq_envelope_check_topic(&envelope, &check->topic, &error);
    if (r == FARMIQ_OK) {
        check->good++;
        return;
    }
    check->bad++;
    printf("line %lu: %s", line, farmiq_errname(r));
    if (error.offset != FARMIQ_NO_OFFSET)
        printf(" at byte %u", error.offset);
    printf(": %s %s\n", error.field, error.detail);
}

static void check_lines(struct check *check, struct farmiq_str input)
{
    const char *at = input.ptr, *end = input.ptr + input.len;

    for (unsigned long line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);

        if (len)
            check_one(check, at, len, line);
        at += len + 1;
    }
}

static int check_input(const struct shim_options *given, struct check *check)
{
    struct farmiq_str input;
    int r = ctl_read(shim_options_text(given, "FILE"), INPUT_MAX_BYTES, &input);

    if (r < 0)
        return ctl_fail("cannot read the input", r, NULL);
    if (shim_options_number(given, "WHOLE"))
        check_one(check, input.ptr, input.len, 1);
    else
        check_lines(check, input);
    free((char *)input.ptr);
    printf("%lu valid, %lu not\n", check->good, check->bad);
    return check->bad ? 1 : 0;
}

static int validate(int argc, char **argv)
{
    struct shim_options *given;
    struct farmiq_error error;
    struct check check = { 0 };
    int r = shim_options_open(&given, "farmiqctl validate", ctl_validate.summary, tables,
                              argc, argv);

    if (r)
        return r == SHIM_OPTIONS_DONE ? 0 : 2;
    farmiq_error_init(&error, sizeof error);
    farmiq_topic_init(&check.topic, sizeof check.topic);
    check.topic_text = shim_options_text(given, "TOPIC");
    check.scratch = malloc(SCRATCH_BYTES);
    if (*check.topic_text)
        r = farmiq_topic_parse(&check.topic, check.topic_text, strlen(check.topic_text),
                               &error);
    if (r < 0 || !check.scratch)
        r = ctl_fail("--topic", r < 0 ? r : FARMIQ_E_NOMEM, &error);
    else
        r = check_input(given, &check);
    free(check.scratch);
    shim_options_close(given);
    return r;
}

const struct ctl_command ctl_validate = {
    .name = "validate",
    .arguments = "[--name value]...",
    .summary = "check envelopes, one per line, and say what is wrong",
    .tables = tables,
    .run = validate,
};
