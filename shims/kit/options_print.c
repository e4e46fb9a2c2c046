/* SPDX-License-Identifier: Apache-2.0 */
/* --help, --version, the sample configuration and the man page, from one table. */
#include "kit/options_print.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *placeholder(int type)
{
    static const char *const names[] = {
        [SHIM_STRING] = "TEXT", [SHIM_URL] = "URL",       [SHIM_COUNT] = "N",
        [SHIM_MS] = "TIME",     [SHIM_SECONDS] = "TIME",  [SHIM_BYTES] = "SIZE",
        [SHIM_FLAG] = "",       [SHIM_SECRET] = "SECRET", [SHIM_CHOICE] = "CHOICE",
    };

    return names[type];
}

/* OUTBOX_BATCH_SIZE is --outbox-batch-size on the line, outbox_batch_size in a file. */
static const char *spelled(const struct shim_option *option, char underscore, char *buf,
                           size_t buf_bytes)
{
    size_t i;

    for (i = 0; option->name[i] && i + 1 < buf_bytes; i++)
        buf[i] = option->name[i] == '_' ? underscore
                                        : (char)tolower((unsigned char)option->name[i]);
    buf[i] = '\0';
    return buf;
}

/* Text in lines of at most 78 columns, each after `indent` spaces. */
static void print_wrapped(const char *text, int indent)
{
    int column = indent;

    printf("%*s", indent, "");
    while (*text) {
        int word = (int)strcspn(text, " ");

        if (column > indent && column + 1 + word > 78) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        column += printf("%s%.*s", column > indent ? " " : "", word, text);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

void shim_options_print_help(const struct shim_options_page *page)
{
    char name[128];

    printf("%s - %s\n\nUsage: %s [--name value]...\n\n", page->program, page->summary,
           page->program);
    printf("Each option is also an environment variable (NAME, or NAME_FILE for a file\n"
           "that holds the value) and a line 'name = value' in the --config file.\n\n");
    for (size_t i = 0; i < page->count; i++) {
        const struct shim_option *option = page->options[i];

        printf("  --%s %s", spelled(option, '-', name, sizeof name),
               placeholder(option->type));
        if (*option->fallback && option->type != SHIM_SECRET)
            printf("  (%s)", option->fallback);
        putchar('\n');
        print_wrapped(option->help, 6);
    }
    printf("  --help, --version, --print-config (a sample file), --print-man\n");
}

void shim_options_print_version(const struct shim_options_page *page)
{
    printf("%s %s\n", page->program, farmiq_version_string());
}

void shim_options_print_config(const struct shim_options_page *page)
{
    char name[128];

    printf("# %s: a sample configuration. Every line shows its default.\n",
           page->program);
    for (size_t i = 0; i < page->count; i++) {
        const struct shim_option *option = page->options[i];

        if (strcmp(option->name, "CONFIG") == 0)
            continue;
        printf("\n# %s\n#%s = %s\n", option->help,
               spelled(option, '_', name, sizeof name), option->fallback);
    }
}

/* A line must not begin with a dot or an apostrophe, nor hold a bare backslash. */
void shim_man_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        printf("\\&");
    for (; *text; text++)
        printf(*text == '\\' ? "\\e" : *text == '-' ? "\\-" : "%c", *text);
    putchar('\n');
}

void shim_man_title(const char *program, int section, const char *summary)
{
    printf(".TH %s %d \"\" \"FarmIQ %s\" \"FarmIQ\"\n.SH NAME\n%s \\- ", program, section,
           farmiq_version_string(), program);
    shim_man_text(summary);
}

void shim_man_sources(void)
{
    printf(
        "Each option is also an environment variable NAME (or NAME_FILE, the name of a\n"
        "file that holds the value) and a line \\fIname = value\\fR in the file of\n"
        "\\fB\\-\\-config\\fR. The command line wins over the environment, that over\n"
        "the file.\n");
}

void shim_man_option(const struct shim_option *option)
{
    char name[128];

    printf(".TP\n\\fB\\-\\-");
    for (const char *c = spelled(option, '-', name, sizeof name); *c; c++)
        printf(*c == '-' ? "\\-" : "%c", *c);
    printf("\\fR \\fI%s\\fR\n", placeholder(option->type));
    shim_man_text(option->help);
    if (*option->fallback) {
        printf(".br\nDefault: ");
        shim_man_text(option->fallback);
    }
}

void shim_options_print_man(const struct shim_options_page *page)
{
    shim_man_title(page->program, 8, page->summary);
    printf(".SH SYNOPSIS\n.B %s\n[\\fB\\-\\-\\fIname value\\fR]...\n.SH OPTIONS\n",
           page->program);
    shim_man_sources();
    for (size_t i = 0; i < page->count; i++)
        shim_man_option(page->options[i]);
    printf(".SH SIGNALS\nSIGTERM and SIGINT finish what is in hand and stop.\n"
           ".SH EXIT STATUS\n0 after a signal; 1 when a setting is wrong or something it "
           "needs is missing.\n"
           ".SH SEE ALSO\n.BR farmiqd (8),\n.BR iot\\-sensor\\-agent (8),\n"
           ".BR farmiqctl (1)\n");
}
