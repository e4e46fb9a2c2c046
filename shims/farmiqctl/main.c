/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl: what an operator asks and does by hand. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const char program_summary[] = "the operator's tool of FarmIQ";

static const struct ctl_command *const commands[] = {
    &ctl_validate, &ctl_topic,   &ctl_outbox, &ctl_migrate, &ctl_keygen, &ctl_acl,
    &ctl_backup,   &ctl_restore, &ctl_bus,    &ctl_dlq,     NULL,
};

static int usage(FILE *out)
{
    fprintf(out,
            "farmiqctl %s - %s\n\n"
            "Usage: farmiqctl COMMAND [--name value]...\n\n",
            farmiq_version_string(), program_summary);
    for (size_t i = 0; commands[i]; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
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

static int print_usage(void) { return usage(stdout); }

static int print_version(void)
{
    printf("farmiqctl %s\n", farmiq_version_string());
    return 0;
}

static int print_man(void)
{
    ctl_print_man(commands, program_summary);
    return 0;
}

static const struct {
    const char *word;
    int (*answer)(void);
} questions[] = {
    { "--help", print_usage },      { "help", print_usage },
    { "--version", print_version }, { "version", print_version },
    { "--print-man", print_man },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof questions / sizeof *questions; i++)
        if (strcmp(argv[1], questions[i].word) == 0)
            return questions[i].answer();
    for (size_t i = 0; argc > 1 && commands[i]; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    return usage(stderr);
}
