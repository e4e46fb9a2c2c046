/* SPDX-License-Identifier: Apache-2.0 */
/* Options from the command line, the environment and a file (architecture, 12). */
#include "kit/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/options_print.h"

enum origin { FROM_FALLBACK, FROM_FILE, FROM_SECRET_FILE, FROM_ENVIRONMENT, FROM_LINE };

static const char *const origin_names[] = {
    [FROM_FALLBACK] = "the default",
    [FROM_FILE] = "the configuration file",
    [FROM_SECRET_FILE] = "the file named by its _FILE variable",
    [FROM_ENVIRONMENT] = "the environment",
    [FROM_LINE] = "the command line",
};

struct value {
    const struct shim_option *option;
    _Atomic(char *) text; /* a secret's may be renewed while others read it */
    int64_t number;
    enum origin origin;
};

struct shim_options {
    const char *program;
    const char *summary;
    struct value *values;
    size_t count;
    struct shim_options *renewed_from; /* the texts that were replaced */
};

/* Every program has these, whatever its tables say. */
static const struct shim_option common[] = {
    { "CONFIG", SHIM_STRING, "",
      "read more options from this file of 'name = value' lines" },
    { 0 },
};

static const struct {
    const char *suffix;
    int64_t factor; /* to milliseconds or bytes */
} durations[] = { { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
                  { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } },
  sizes[] = {
      { "k", 1024 }, { "K", 1024 }, { "M", 1048576 }, { "G", 1073741824 }, { NULL, 0 }
  };

static int64_t suffix_factor(int type, const char *suffix)
{
    int is_time = type == SHIM_MS || type == SHIM_SECONDS;

    if (!*suffix)
        return type == SHIM_SECONDS ? 1000 : 1;
    if (!is_time && type != SHIM_BYTES)
        return 0;
    for (size_t i = 0; i < 5; i++) {
        const char *known = is_time ? durations[i].suffix : sizes[i].suffix;

        if (!known)
            break;
        if (strcmp(known, suffix) == 0)
            return is_time ? durations[i].factor : sizes[i].factor;
    }
    return 0;
}

int shim_options_read_number(int type, const char *text, int64_t *number)
{
    char *end;
    long long value;
    int64_t factor;

    if (type == SHIM_FLAG) {
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return FARMIQ_E_SYNTAX;
        *number = text[0] == 't';
        return FARMIQ_OK;
    }
    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || !isdigit((unsigned char)*text))
        return FARMIQ_E_SYNTAX;
    factor = suffix_factor(type, end);
    if (!factor)
        return FARMIQ_E_SYNTAX;
    if (errno || value > INT64_MAX / factor)
        return FARMIQ_E_RANGE;
    *number = value * factor;
    return FARMIQ_OK;
}

static const char *expectation(const struct shim_option *option)
{
    switch (option->type) {
    case SHIM_COUNT:
        return "a whole number";
    case SHIM_MS:
        return "a duration such as 500ms, 5s, 2m, 72h (a bare number is milliseconds)";
    case SHIM_SECONDS:
        return "a duration such as 30s, 2m, 72h (a bare number is seconds)";
    case SHIM_BYTES:
        return "a size such as 512, 64k, 10M";
    case SHIM_FLAG:
        return "true or false";
    case SHIM_URL:
        return "an URL such as https://host:port/path";
    default:
        return option->help;
    }
}

/* The choices are the help's first word: "none|api_key|hmac: how ...". */
static int is_choice(const char *help, const char *text)
{
    size_t len = strlen(text), end = strcspn(help, ":");
    const char *at = help;

    while (at < help + end) {
        size_t word = strcspn(at, "|:");

        if (word == len && memcmp(at, text, len) == 0)
            return 1;
        at += word + 1;
    }
    return 0;
}

static int is_valid(const struct shim_option *option, const char *text, int64_t *number)
{
    switch (option->type) {
    case SHIM_STRING:
    case SHIM_SECRET:
        return 1;
    case SHIM_URL:
        return !*text || strstr(text, "://") || strncmp(text, "sqlite:", 7) == 0 ||
               strncmp(text, "local:", 6) == 0;
    case SHIM_CHOICE:
        return is_choice(option->help, text);
    default:
        return (!*text && !*option->fallback) ||
               shim_options_read_number(option->type, text, number) == FARMIQ_OK;
    }
}

static int assign(const struct shim_options *options, struct value *value,
                  const char *text, enum origin origin)
{
    int64_t number = 0;
    char *copy;

    if (!is_valid(value->option, text, &number)) {
        fprintf(stderr, "%s: %s from %s is not valid: it must be %s\n", options->program,
                value->option->name, origin_names[origin], expectation(value->option));
        return FARMIQ_E_ARG;
    }
    copy = strdup(text);
    if (!copy)
        return FARMIQ_E_NOMEM;
    free(value->text);
    value->text = copy;
    value->number = number;
    value->origin = origin;
    return FARMIQ_OK;
}

/* "outbox-batch-size", "outbox_batch_size" and "OUTBOX_BATCH_SIZE" are one name. */
static int same_name(const char *a, const char *b, size_t b_len)
{
    for (; *a && b_len; a++, b++, b_len--) {
        int c = *b == '-' ? '_' : toupper((unsigned char)*b);

        if (*a != c)
            return 0;
    }
    return !*a && !b_len;
}

static struct value *find(const struct shim_options *options, const char *name,
                          size_t len)
{
    for (size_t i = 0; i < options->count; i++)
        if (same_name(options->values[i].option->name, name, len))
            return &options->values[i];
    return NULL;
}

static int add_table(struct shim_options *options, const struct shim_option *table)
{
    for (; table && table->name; table++) {
        struct value *grown, *twin = find(options, table->name, strlen(table->name));

        if (twin) {
            assert(twin->option->type == table->type);
            continue;
        }
        grown = realloc(options->values, (options->count + 1) * sizeof *grown);
        if (!grown)
            return FARMIQ_E_NOMEM;
        options->values = grown;
        memset(&grown[options->count], 0, sizeof *grown);
        grown[options->count].option = table;
        options->count++;
        if (assign(options, &grown[options->count - 1], table->fallback, FROM_FALLBACK))
            return FARMIQ_E_ARG;
    }
    return FARMIQ_OK;
}

/* A secret's file may end with a newline that is not part of the secret. */
static int assign_from_file(const struct shim_options *options, struct value *value,
                            const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    ssize_t len;
    int r;

    if (!file) {
        fprintf(stderr, "%s: %s_FILE: cannot open the file: %s\n", options->program,
                value->option->name, strerror(errno));
        return FARMIQ_E_ARG;
    }
    len = getdelim(&text, &room, '\0', file); /* all of it: no secret has a NUL */
    fclose(file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    r = assign(options, value, len > 0 ? text : "", FROM_SECRET_FILE);
    if (text)
        explicit_bzero(text, room);
    free(text);
    return r;
}

static int read_environment(struct shim_options *options)
{
    char file_name[128];
    int r = FARMIQ_OK;

    for (size_t i = 0; i < options->count && r == FARMIQ_OK; i++) {
        struct value *value = &options->values[i];
        const char *text = getenv(value->option->name), *path;

        snprintf(file_name, sizeof file_name, "%s_FILE", value->option->name);
        path = getenv(file_name);
        if (text)
            r = assign(options, value, text, FROM_ENVIRONMENT);
        else if (path && *path)
            r = assign_from_file(options, value, path);
    }
    return r;
}

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

static int read_line(struct shim_options *options, char *line, int line_number)
{
    char *name = trim(line), *equals = strchr(name, '=');
    struct value *value;

    if (!*name || *name == '#')
        return FARMIQ_OK;
    if (!equals) {
        fprintf(stderr, "%s: line %d of the configuration file is not 'name = value'\n",
                options->program, line_number);
        return FARMIQ_E_ARG;
    }
    *equals = '\0';
    name = trim(name);
    value = find(options, name, strlen(name));
    if (!value) {
        fprintf(stderr,
                "%s: line %d of the configuration file: no option '%s'; --help "
                "lists them\n",
                options->program, line_number, name);
        return FARMIQ_E_ARG;
    }
    return assign(options, value, trim(equals + 1), FROM_FILE);
}

static int read_file(struct shim_options *options, const char *path)
{
    char *line = NULL;
    size_t room = 0;
    int r = FARMIQ_OK, line_number = 0;
    FILE *file = fopen(path, "re");

    if (!file) {
        fprintf(stderr, "%s: cannot open the configuration file: %s\n", options->program,
                strerror(errno));
        return FARMIQ_E_ARG;
    }
    while (r == FARMIQ_OK && getline(&line, &room, file) >= 0)
        r = read_line(options, line, ++line_number);
    free(line);
    fclose(file);
    return r;
}

/* --name value, --name=value; a flag may stand alone. Returns arguments eaten. */
static int read_argument(struct shim_options *options, int argc, char **argv, int at)
{
    const char *name = argv[at] + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    struct value *value =
        strncmp(argv[at], "--", 2) == 0 ? find(options, name, len) : NULL;
    const char *text = equals ? equals + 1 : NULL;
    int eaten = 1;

    if (!value) {
        fprintf(stderr, "%s: no option '%s'; --help lists them\n", options->program,
                argv[at]);
        return FARMIQ_E_ARG;
    }
    if (!text && value->option->type == SHIM_FLAG)
        text = "true";
    if (!text && at + 1 < argc)
        text = argv[at + eaten++];
    if (!text) {
        fprintf(stderr, "%s: %s needs a value: %s\n", options->program, argv[at],
                expectation(value->option));
        return FARMIQ_E_ARG;
    }
    return assign(options, value, text, FROM_LINE) == FARMIQ_OK ? eaten : FARMIQ_E_ARG;
}

static int read_arguments(struct shim_options *options, int argc, char **argv)
{
    for (int at = 1; at < argc;) {
        int eaten = read_argument(options, argc, argv, at);

        if (eaten < 0)
            return eaten;
        at += eaten;
    }
    return FARMIQ_OK;
}

/* The file has the lowest rank but its name may come from a higher one: read the
 * others, then the file, then the others again over it. */
static int read_sources(struct shim_options *options, int argc, char **argv)
{
    int r = read_environment(options);

    if (r == FARMIQ_OK)
        r = read_arguments(options, argc, argv);
    if (r == FARMIQ_OK && *shim_options_text(options, "CONFIG")) {
        r = read_file(options, shim_options_text(options, "CONFIG"));
        if (r == FARMIQ_OK)
            r = read_environment(options);
        if (r == FARMIQ_OK)
            r = read_arguments(options, argc, argv);
    }
    return r;
}

static int answer_question(const struct shim_options *options, int argc, char **argv)
{
    static const struct {
        const char *flag;
        void (*print)(const struct shim_options_page *page);
    } questions[] = {
        { "--help", shim_options_print_help },
        { "--version", shim_options_print_version },
        { "--print-config", shim_options_print_config },
        { "--print-man", shim_options_print_man },
    };
    struct shim_options_page page = { options->program, options->summary, NULL, 0 };
    const struct shim_option **rows = calloc(options->count, sizeof *rows);

    for (size_t i = 0; rows && i < options->count; i++)
        rows[i] = options->values[i].option;
    page.options = rows;
    page.count = rows ? options->count : 0;
    for (int at = 1; at < argc; at++)
        for (size_t q = 0; q < sizeof questions / sizeof *questions; q++)
            if (strcmp(argv[at], questions[q].flag) == 0) {
                questions[q].print(&page);
                free(rows);
                return SHIM_OPTIONS_DONE;
            }
    free(rows);
    return FARMIQ_OK;
}

int shim_options_open(struct shim_options **out, const char *program, const char *summary,
                      const struct shim_option *const *tables, int argc, char **argv)
{
    struct shim_options *options = calloc(1, sizeof *options);
    int r = FARMIQ_OK;

    if (!options)
        return FARMIQ_E_NOMEM;
    options->program = program;
    options->summary = summary;
    for (; *tables && r == FARMIQ_OK; tables++)
        r = add_table(options, *tables);
    if (r == FARMIQ_OK)
        r = add_table(options, common);
    if (r == FARMIQ_OK)
        r = answer_question(options, argc, argv);
    if (r == FARMIQ_OK)
        r = read_sources(options, argc, argv);
    if (r == FARMIQ_OK)
        *out = options;
    else
        shim_options_close(options);
    return r;
}

/* Old and new change places: whoever still reads an old text finds it with us. */
uint32_t shim_options_renew(struct shim_options *options, struct shim_options *fresh)
{
    uint32_t changed = 0;

    assert(options->count == fresh->count);
    for (size_t i = 0; i < options->count; i++) {
        struct value *old = &options->values[i], *new = &fresh->values[i];

        if (old->option->type != SHIM_SECRET || strcmp(old->text, new->text) == 0)
            continue;
        new->text = atomic_exchange(&old->text, new->text);
        changed++;
    }
    fresh->renewed_from = options->renewed_from;
    options->renewed_from = fresh;
    return changed;
}

void shim_options_close(struct shim_options *options)
{
    if (!options)
        return;
    shim_options_close(options->renewed_from);
    for (size_t i = 0; i < options->count; i++) {
        /* Secrets do not stay behind in freed memory. */
        explicit_bzero(options->values[i].text, strlen(options->values[i].text));
        free(options->values[i].text);
    }
    free(options->values);
    free(options);
}

static const struct value *must_find(const struct shim_options *options, const char *name)
{
    const struct value *value = find(options, name, strlen(name));

    if (!value) {
        fprintf(stderr, "%s: bug: no option %s in any table\n", options->program, name);
        abort();
    }
    return value;
}

const char *shim_options_text(const struct shim_options *options, const char *name)
{
    return must_find(options, name)->text;
}

const char *shim_options_text_or_null(const struct shim_options *options,
                                      const char *name)
{
    const char *text = shim_options_text(options, name);

    return *text ? text : NULL;
}

int64_t shim_options_number(const struct shim_options *options, const char *name)
{
    return must_find(options, name)->number;
}

uint32_t shim_options_number32(const struct shim_options *options, const char *name)
{
    return (uint32_t)shim_options_number(options, name);
}

int shim_options_is_set(const struct shim_options *options, const char *name)
{
    return must_find(options, name)->origin != FROM_FALLBACK;
}
