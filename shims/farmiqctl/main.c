/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl: what an operator asks and does by hand. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    { "validate", ctl_validate, "check envelopes, one per line, and say what is wrong" },
    { "topic", ctl_topic, "take MQTT topics apart" },
    { "outbox", ctl_outbox, "ls, stats, redrive and unclaim a queue's rows" },
    { "migrate", ctl_migrate, "bring a database's schema up to date" },
    { "keygen", ctl_keygen, "make a secret for signing or a query token" },
    { "version", ctl_version, "print the version" },
};

static int usage(FILE *out)
{
    fprintf(out,
            "farmiqctl %s - the operator's tool of FarmIQ\n\n"
            "Usage: farmiqctl COMMAND [--name value]...\n\n",
            farmiq_version_string());
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n'farmiqctl COMMAND --help' says more. Exit codes: 0 done, 1 no or "
                 "nothing, 2 failed.\n");
    return out == stdout ? 0 : 2;
}

int ctl_fail(const char *what, int code, const struct farmiq_error *error)
{
    fprintf(stderr, "farmiqctl: %s: %s", what, farmiq_strerror(code));
    if (error && error->detail[0])
        fprintf(stderr, ": %s %s", error->field, error->detail);
    fputc('\n', stderr);
    return 2;
}

int ctl_read(const char *path, size_t max_bytes, struct farmiq_str *out)
{
    int is_input = !path || strcmp(path, "-") == 0;
    FILE *file = is_input ? stdin : fopen(path, "re");
    char *text = malloc(max_bytes + 1);
    size_t len;

    if (!file || !text) {
        free(text);
        return file ? FARMIQ_E_NOMEM : FARMIQ_E_STORE;
    }
    len = fread(text, 1, max_bytes + 1, file);
    if (!is_input)
        fclose(file);
    if (len > max_bytes) {
        free(text);
        return FARMIQ_E_RANGE;
    }
    text[len] = '\0';
    out->ptr = text;
    out->len = len;
    return FARMIQ_OK;
}

int ctl_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("farmiqctl %s\n", farmiq_version_string());
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
        return usage(stdout);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return ctl_version(argc, argv);
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return usage(stderr);
}
