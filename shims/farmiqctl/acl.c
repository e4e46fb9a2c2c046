/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl acl: from a list of devices to the file of Mosquitto's dynamic security
 * plugin, a role for each user. It holds no passwords: those stay in the broker's
 * password file (decision 15; spec edge 2.1, 13-E9). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#define LIST_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* What a kind of user may do. A placed user's topics are completed by its place. */
struct rule {
    int reads;
    const char *topic; /* the family, or the whole topic where there is no place */
    const char *tail;
};

enum { WRITES, READS };

#define MAX_RULES 6

static const struct kind {
    const char *name;
    int is_placed;
    const char *everybody; /* not NULL: stands for all devices of its barn */
    struct rule rules[MAX_RULES];
} kinds[] = {
    { "device",
      1,
      NULL,
      { { WRITES, "telemetry", "/+" },
        { WRITES, "event", "/+" },
        { WRITES, "status", "" },
        { READS, "ack", "" } } },
    { "agent",
      1,
      "+",
      { { WRITES, "telemetry", "/+" },
        { WRITES, "event", "/+" },
        { WRITES, "status", "" },
        { READS, "ack", "" } } },
    { "station",
      1,
      NULL,
      { { WRITES, "weighvision", "/session/+/+" },
        { WRITES, "event", "/+" },
        { WRITES, "status", "" },
        { READS, "ack", "" } } },
    { "gateway",
      0,
      NULL,
      { { READS, "iot/telemetry/#", NULL },
        { READS, "iot/event/#", NULL },
        { READS, "iot/weighvision/#", NULL },
        { READS, "iot/status/#", NULL },
        { WRITES, "iot/ack/#", NULL } } },
    { "intake",
      0,
      NULL,
      { { READS, "iot/event/#", NULL }, { WRITES, "iot/ack/#", NULL } } },
    { "monitor", 0, NULL, { { READS, "$SYS/#", NULL } } },
};

enum { KIND, USER, TENANT, FARM, BARN, DEVICE, MAX_WORDS };
static const char *const word_names[] = { "kind", "user", "tenant",
                                          "farm", "barn", "device" };

struct entry {
    const struct kind *kind;
    char *words[MAX_WORDS];
    unsigned line;
};

static int complain(unsigned line, const char *what, const char *why)
{
    fprintf(stderr, "farmiqctl: line %u: %s %s\n", line, what, why);
    return 2;
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static int words_of(const struct kind *kind)
{
    return !kind->is_placed ? USER + 1 : kind->everybody ? DEVICE : MAX_WORDS;
}

static int check_entry(struct entry *entry, int count)
{
    entry->kind = find_kind(entry->words[KIND]);
    if (!entry->kind)
        return complain(entry->line, entry->words[KIND],
                        "is no kind; see farmiqctl acl --help");
    if (entry->kind->is_placed && !entry->kind->everybody && count == DEVICE)
        entry->words[count++] = entry->words[USER]; /* its user is named like it */
    if (count != words_of(entry->kind))
        return complain(entry->line, entry->words[KIND],
                        entry->kind->is_placed
                            ? "wants: user tenant farm barn, and perhaps a device"
                            : "wants: user");
    for (int i = USER; i < count; i++)
        if (!farmiq_id_is_valid(entry->words[i], strlen(entry->words[i])))
            return complain(entry->line, word_names[i],
                            "must be 1 to 128 of A-Z a-z 0-9 . _ : @ -");
    return 0;
}

/* 0, and `entry->kind` NULL: the line says nothing. */
static int read_entry(char *text, struct entry *entry)
{
    char *rest = NULL;
    int count = 0;

    text[strcspn(text, "#")] = '\0';
    for (char *word = strtok_r(text, " \t\r", &rest); word;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (count == MAX_WORDS)
            return complain(entry->line, word, "is one word too many");
        entry->words[count++] = word;
    }
    return count ? check_entry(entry, count) : 0;
}

static int by_user(const void *a, const void *b)
{
    const struct entry *const *left = a, *const *right = b;

    return strcmp((*left)->words[USER], (*right)->words[USER]);
}

/* Two blocks of one user would add up: each device could speak as the other. */
static int check_users(struct entry *entries, size_t count)
{
    struct entry **sorted = calloc(count + 1, sizeof *sorted);
    int r = 0;

    if (!sorted)
        return ctl_fail("acl", FARMIQ_E_NOMEM, NULL);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &entries[i];
    qsort(sorted, count, sizeof *sorted, by_user);
    for (size_t i = 1; i < count && !r; i++)
        if (by_user(&sorted[i - 1], &sorted[i]) == 0)
            r = complain(sorted[i]->line, sorted[i]->words[USER],
                         "is a user twice; name the device in a sixth word");
    free(sorted);
    return r;
}

/* ## The plugin's file */

static void print_topic(const struct entry *entry, const struct rule *rule)
{
    if (entry->kind->is_placed)
        printf("iot/%s/%s/%s/%s/%s%s", rule->topic, entry->words[TENANT],
               entry->words[FARM], entry->words[BARN],
               entry->kind->everybody ? entry->kind->everybody : entry->words[DEVICE],
               rule->tail);
    else
        printf("%s", rule->topic);
}

static void print_right(const struct entry *entry, const struct rule *rule,
                        const char *right, const char *prefix, const char *before)
{
    printf("%s\n    { \"acltype\": \"%s\", \"topic\": \"%s", before, right, prefix);
    print_topic(entry, rule);
    printf("\", \"allow\": true }");
}

/* To read is to subscribe and to receive; the gateways also share a subscription. */
static void print_role(const struct entry *entry, const char *before)
{
    const char *comma = "";

    printf("%s\n  { \"rolename\": \"%s\", \"acls\": [", before, entry->words[USER]);
    for (const struct rule *rule = entry->kind->rules; rule->topic; rule++) {
        if (!rule->reads) {
            print_right(entry, rule, "publishClientSend", "", comma);
        } else {
            print_right(entry, rule, "subscribePattern", "", comma);
            if (!entry->kind->is_placed)
                print_right(entry, rule, "subscribePattern", "$share/+/", ",");
            print_right(entry, rule, "publishClientReceive", "", ",");
        }
        comma = ",";
    }
    printf(" ] }");
}

static void print_client(const struct entry *entry, const char *before)
{
    printf("%s\n  { \"username\": \"%s\", \"roles\": [ { \"rolename\": \"%s\" } ] }",
           before, entry->words[USER], entry->words[USER]);
}

static void print_file(const struct entry *entries, size_t count)
{
    printf("{\n\"defaultACLAccess\": { \"publishClientSend\": false,\n"
           "  \"publishClientReceive\": false, \"subscribe\": false, "
           "\"unsubscribe\": true },\n\"clients\": [");
    for (size_t i = 0; i < count; i++)
        print_client(&entries[i], i ? "," : "");
    printf(" ],\n\"roles\": [");
    for (size_t i = 0; i < count; i++)
        print_role(&entries[i], i ? "," : "");
    printf(" ]\n}\n");
}

/* Nothing is printed before everything is right: what is redirected over a broker's file
 * must be the whole of it. */
static int convert(char *text)
{
    struct entry *entries = NULL;
    size_t count = 0, lines = 1;
    char *rest = text;
    int r = 0;

    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    entries = calloc(lines, sizeof *entries);
    if (!entries)
        return ctl_fail("acl", FARMIQ_E_NOMEM, NULL);
    for (unsigned line = 1; rest && !r; line++) {
        struct entry *entry = &entries[count];

        entry->line = line;
        r = read_entry(strsep(&rest, "\n"), entry);
        count += entry->kind != NULL;
    }
    if (!r)
        r = check_users(entries, count);
    if (!r)
        print_file(entries, count);
    free(entries);
    return r;
}

static int usage(FILE *out)
{
    fprintf(out,
            "Usage: farmiqctl acl [FILE]\n\n"
            "Prints the file of Mosquitto's dynamic security plugin from a list of "
            "users,\n"
            "one a line:\n\n"
            "  device USER TENANT FARM BARN [DEVICE]    may speak as this device\n"
            "  station USER TENANT FARM BARN [STATION]  may speak as this station\n"
            "  agent USER TENANT FARM BARN              may speak as any device there\n"
            "  gateway USER                             reads devices, acknowledges\n"
            "  intake USER                              reads events, acknowledges\n"
            "  monitor USER                             reads the broker's own "
            "figures\n\n"
            "DEVICE is USER where it is not said. # begins a comment.\n");
    return out == stdout ? 0 : 2;
}

static int make_list(int argc, char **argv)
{
    struct farmiq_str text;
    int r;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc > 2)
        return usage(stderr);
    r = ctl_read(argc == 2 ? argv[1] : NULL, LIST_MAX_BYTES, &text);
    if (r < 0)
        return ctl_fail(argc == 2 ? argv[1] : "standard input", r, NULL);
    r = convert((char *)(uintptr_t)text.ptr);
    free((void *)(uintptr_t)text.ptr);
    return r;
}

const struct ctl_command ctl_acl = {
    .name = "acl",
    .arguments = "[FILE]",
    .summary = "the broker's access file from a list of devices",
    .run = make_list,
};
