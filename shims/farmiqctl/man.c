/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl(1), from the tables that also parse the command line. */
#include <stdio.h>

#include "command.h"
#include "kit/options_print.h"

static void print_command(const struct ctl_command *command)
{
    printf(".SS %s\n.B farmiqctl %s\n", command->name, command->name);
    shim_man_text(command->arguments);
    printf(".PP\n");
    shim_man_text(command->summary);
    if (command->man)
        command->man();
    for (size_t t = 0; command->tables && command->tables[t]; t++)
        for (const struct shim_option *o = command->tables[t]; o->name; o++)
            shim_man_option(o);
}

void ctl_print_man(const struct ctl_command *const *commands, const char *summary)
{
    shim_man_title("farmiqctl", 1, summary);
    printf(".SH SYNOPSIS\n.B farmiqctl\n.I COMMAND\n"
           "[\\fB\\-\\-\\fIname value\\fR]...\n.SH COMMANDS\n");
    for (; *commands; commands++)
        print_command(*commands);
    printf(".SH OPTIONS\n");
    shim_man_sources();
    printf(
        ".SH EXIT STATUS\n0: done; 1: the answer is no, or nothing was found; 2: wrong "
        "usage, or it failed.\n"
        ".SH SEE ALSO\n.BR farmiqd (8),\n.BR iot\\-sensor\\-agent (8)\n");
}
