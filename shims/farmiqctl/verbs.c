/* SPDX-License-Identifier: Apache-2.0 */
/* A command with verbs: "farmiqctl COMMAND VERB [--name value]...". */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "kit/options_print.h"

void ctl_verbs_man(const struct ctl_verb *verbs)
{
    for (; verbs->name; verbs++) {
        printf(".TP\n.B %s\n", verbs->name);
        shim_man_text(verbs->summary);
    }
}

static int usage(FILE *out, const char *command, const struct ctl_verb *verbs)
{
    fprintf(out, "Usage: farmiqctl %s VERB [--name value]...\n\n", command);
    for (; verbs->name; verbs++)
        fprintf(out, "  %-11s %s\n", verbs->name, verbs->summary);
    fprintf(out, "\n'farmiqctl %s VERB --help' lists the options.\n", command);
    return out == stdout ? 0 : 2;
}

static int run(const char *command, const struct ctl_verb *verb,
               const struct shim_option *const *tables, int argc, char **argv)
{
    struct shim_options *given;
    char program[64];
    int r;

    snprintf(program, sizeof program, "farmiqctl %s", command);
    r = shim_options_open(&given, program, verb->summary, tables, argc, argv);
    if (r)
        return r == SHIM_OPTIONS_DONE ? 0 : 2;
    r = verb->run(given);
    shim_options_close(given);
    return r;
}

int ctl_verbs_run(const char *command, const struct ctl_verb *verbs,
                  const struct shim_option *const *tables, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, command, verbs);
    for (const struct ctl_verb *verb = verbs; argc > 1 && verb->name; verb++)
        if (strcmp(argv[1], verb->name) == 0)
            return run(command, verb, tables, argc - 1, argv + 1);
    return usage(stderr, command, verbs);
}
