/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl topic: what does the grammar make of these topics? */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const char *const kinds[] = {
    [FARMIQ_TOPIC_TELEMETRY] = "telemetry",
    [FARMIQ_TOPIC_EVENT] = "event",
    [FARMIQ_TOPIC_WEIGHVISION] = "weighvision",
    [FARMIQ_TOPIC_STATUS] = "status",
    [FARMIQ_TOPIC_ACK] = "ack",
};

static void print_part(const char *name, struct farmiq_str part)
{
    if (part.len)
        printf(" %s=%.*s", name, (int)part.len, part.ptr);
}

static int show(const char *text)
{
    struct farmiq_topic topic;
    struct farmiq_error error;
    int r;

    farmiq_topic_init(&topic, sizeof topic);
    farmiq_error_init(&error, sizeof error);
    r = farmiq_topic_parse(&topic, text, strlen(text), &error);
    if (r < 0) {
        printf("%s %s %s\n", farmiq_errname(r), error.field, error.detail);
        return 1;
    }
    printf("FARMIQ_OK kind=%s", kinds[topic.kind]);
    print_part("tenant", topic.tenant_id);
    print_part("farm", topic.farm_id);
    print_part("barn", topic.barn_id);
    print_part("source", topic.source_id);
    print_part("session", topic.session_id);
    print_part("leaf", topic.leaf);
    putchar('\n');
    return 0;
}

static int take_apart(int argc, char **argv)
{
    int r = 0;

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        printf(
            "Usage: farmiqctl topic TOPIC...\n\nPrints the parts of each MQTT topic, or "
            "what is wrong with it.\n");
        return argc < 2 ? 2 : 0;
    }
    for (int i = 1; i < argc; i++)
        r |= show(argv[i]);
    return r;
}

const struct ctl_command ctl_topic = {
    .name = "topic",
    .arguments = "TOPIC...",
    .summary = "take MQTT topics apart, or say what is wrong with them",
    .run = take_apart,
};
