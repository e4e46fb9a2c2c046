/* SPDX-License-Identifier: Apache-2.0 */
/* Options: every source, their ranks, and clear refusals (architecture, decision 12). */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit/options.h"

static const struct shim_option table[] = {
    { "OUTBOX_BATCH_SIZE", SHIM_COUNT, "100", "rows per request" },
    { "LEASE", SHIM_MS, "2m", "how long" },
    { "OUTBOX_LEASE_SECONDS", SHIM_SECONDS, "120", "how long" },
    { "BODY", SHIM_BYTES, "10M", "how much" },
    { "NAME", SHIM_STRING, "barn", "who" },
    { "KEY", SHIM_SECRET, "", "a secret" },
    { "ADMIN", SHIM_FLAG, "false", "whether" },
    { "MODE", SHIM_CHOICE, "hmac", "none|api_key|hmac: how" },
    { "CLOUD_URL", SHIM_URL, "", "where" },
    { 0 },
};
static const struct shim_option twin[] = {
    { "NAME", SHIM_STRING, "ignored", "the first table's row is the option" },
    { 0 },
};
static const struct shim_option *const tables[] = { table, twin, NULL };

static char caught[4096]; /* what the last open said on standard error */

/* Open with these arguments, standard error kept for the test to read. */
static int open_with(struct shim_options **out, int argc, char **argv)
{
    char path[] = "/tmp/farmiq-options-XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO), r;
    ssize_t len;

    fflush(stderr);
    dup2(file, STDERR_FILENO);
    *out = NULL;
    r = shim_options_open(out, "prog", "a test", tables, argc, argv);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    len = pread(file, caught, sizeof caught - 1, 0);
    caught[len > 0 ? len : 0] = '\0';
    close(saved);
    close(file);
    unlink(path);
    return r;
}

#define OPEN(out, ...)                                                                   \
    open_with(out, (int)(sizeof((char *[]){ "prog", __VA_ARGS__ }) / sizeof(char *)),    \
              (char *[]){ "prog", __VA_ARGS__, NULL })

static void refused(const char *expected, int argc, char **argv)
{
    struct shim_options *options;

    assert_int_equal(open_with(&options, argc, argv), FARMIQ_E_ARG);
    assert_null(options);
    if (!strstr(caught, expected))
        fail_msg("expected '%s' in: %s", expected, caught);
}

#define REFUSED(expected, ...)                                                           \
    refused(expected, (int)(sizeof((char *[]){ "prog", __VA_ARGS__ }) / sizeof(char *)), \
            (char *[]){ "prog", __VA_ARGS__, NULL })

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void defaults_are_read_by_their_units(void **state)
{
    struct shim_options *options;

    (void)state;
    assert_int_equal(open_with(&options, 1, (char *[]){ "prog", NULL }), FARMIQ_OK);
    assert_int_equal(shim_options_number(options, "OUTBOX_BATCH_SIZE"), 100);
    assert_int_equal(shim_options_number(options, "LEASE"), 120000);
    assert_int_equal(shim_options_number(options, "OUTBOX_LEASE_SECONDS"), 120000);
    assert_int_equal(shim_options_number(options, "BODY"), 10 << 20);
    assert_int_equal(shim_options_number(options, "ADMIN"), 0);
    assert_string_equal(shim_options_text(options, "NAME"), "barn");
    assert_string_equal(shim_options_text(options, "MODE"), "hmac");
    assert_int_equal(shim_options_is_set(options, "NAME"), 0);
    shim_options_close(options);
}

static void the_line_wins_over_the_environment_and_that_over_the_file(void **state)
{
    struct shim_options *options;

    (void)state;
    write_file("options.conf",
               "# a comment\n\n name = from file \nlease=3s\nbody = 1k\n");
    setenv("LEASE", "4s", 1);
    setenv("BODY", "2k", 1);
    assert_int_equal(OPEN(&options, "--config", "options.conf", "--body=3k"), FARMIQ_OK);
    assert_string_equal(shim_options_text(options, "NAME"), "from file");
    assert_int_equal(shim_options_number(options, "LEASE"), 4000);
    assert_int_equal(shim_options_number(options, "BODY"), 3072);
    assert_int_equal(shim_options_is_set(options, "NAME"), 1);
    shim_options_close(options);
    unsetenv("LEASE");
    unsetenv("BODY");
    unlink("options.conf");
}

static void a_secret_may_come_from_a_file_of_its_own(void **state)
{
    struct shim_options *options;

    (void)state;
    write_file("key.txt", "s3cret\n");
    setenv("KEY_FILE", "key.txt", 1);
    assert_int_equal(OPEN(&options, "--admin"), FARMIQ_OK);
    assert_string_equal(shim_options_text(options, "KEY"), "s3cret");
    assert_int_equal(shim_options_number(options, "ADMIN"), 1);
    shim_options_close(options);
    setenv("KEY", "nearer", 1);
    assert_int_equal(OPEN(&options, "--admin", "--admin=false"), FARMIQ_OK);
    assert_string_equal(shim_options_text(options, "KEY"), "nearer");
    assert_int_equal(shim_options_number(options, "ADMIN"), 0);
    shim_options_close(options);
    unsetenv("KEY");
    setenv("KEY_FILE", "no-such-file", 1);
    REFUSED("KEY_FILE", "--admin");
    unsetenv("KEY_FILE");
    unlink("key.txt");
}

/* Two hundred edges' secrets in one list, as a file of its own and as a line of the
 * --config file: a list that ends early would lock edges out without a word. */
static void a_long_list_of_secrets_is_read_to_its_end(void **state)
{
    char list[16384] = "", line[sizeof list + 8];
    struct shim_options *options;

    (void)state;
    while (strlen(list) < sizeof list - 64)
        strcat(list, "edge-north:5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c:t-123,");
    snprintf(line, sizeof line, "key = %s\n", list);
    write_file("key.txt", list);
    write_file("options.conf", line);
    setenv("KEY_FILE", "key.txt", 1);
    assert_int_equal(OPEN(&options, "--admin"), FARMIQ_OK);
    assert_string_equal(shim_options_text(options, "KEY"), list);
    shim_options_close(options);
    unsetenv("KEY_FILE");
    assert_int_equal(OPEN(&options, "--config", "options.conf"), FARMIQ_OK);
    assert_string_equal(shim_options_text(options, "KEY"), list);
    shim_options_close(options);
    write_file("key.txt", "");
    setenv("KEY_FILE", "key.txt", 1);
    assert_int_equal(OPEN(&options, "--admin"), FARMIQ_OK);
    assert_string_equal(shim_options_text(options, "KEY"), "");
    shim_options_close(options);
    unsetenv("KEY_FILE");
    unlink("key.txt");
    unlink("options.conf");
}

static void a_wrong_value_is_named_with_what_would_be_right(void **state)
{
    (void)state;
    REFUSED("LEASE from the command line is not valid: it must be a duration", "--lease",
            "soon");
    REFUSED("OUTBOX_BATCH_SIZE", "--outbox-batch-size", "-1");
    REFUSED("a whole number", "--outbox-batch-size", "10k");
    REFUSED("none|api_key|hmac", "--mode", "api");
    REFUSED("true or false", "--admin=yes");
    REFUSED("an URL", "--cloud-url", "nowhere");
    REFUSED("a size", "--body", "99999999999G");
    REFUSED("no option '--bodi'", "--bodi", "1");
    REFUSED("no option 'word'", "word");
    REFUSED("needs a value", "--name");
    REFUSED("cannot open the configuration file", "--config", "no-such-file");
}

static void a_wrong_line_of_the_file_is_named_by_its_number(void **state)
{
    (void)state;
    write_file("options.conf", "name = x\nbodi = 3\n");
    REFUSED("line 2 of the configuration file: no option 'bodi'", "--config",
            "options.conf");
    write_file("options.conf", "just words\n");
    REFUSED("line 1 of the configuration file is not 'name = value'", "--config",
            "options.conf");
    unlink("options.conf");
}

static void numbers_know_their_suffixes_and_limits(void **state)
{
    static const struct {
        int type;
        const char *text;
        int result;
        int64_t number;
    } rows[] = {
        { SHIM_MS, "0", FARMIQ_OK, 0 },
        { SHIM_MS, "7d", FARMIQ_OK, 604800000 },
        { SHIM_MS, "72h", FARMIQ_OK, 259200000 },
        { SHIM_MS, "5 s", FARMIQ_E_SYNTAX, 0 },
        { SHIM_MS, "", FARMIQ_E_SYNTAX, 0 },
        { SHIM_MS, "+5", FARMIQ_E_SYNTAX, 0 },
        { SHIM_MS, "5k", FARMIQ_E_SYNTAX, 0 },
        { SHIM_SECONDS, "30", FARMIQ_OK, 30000 },
        { SHIM_SECONDS, "30ms", FARMIQ_OK, 30 },
        { SHIM_BYTES, "64k", FARMIQ_OK, 65536 },
        { SHIM_BYTES, "1G", FARMIQ_OK, 1073741824 },
        { SHIM_BYTES, "5s", FARMIQ_E_SYNTAX, 0 },
        { SHIM_COUNT, "9223372036854775807", FARMIQ_OK, INT64_MAX },
        { SHIM_COUNT, "9223372036854775808", FARMIQ_E_RANGE, 0 },
        { SHIM_MS, "9223372036854775807s", FARMIQ_E_RANGE, 0 },
        { SHIM_FLAG, "true", FARMIQ_OK, 1 },
        { SHIM_FLAG, "TRUE", FARMIQ_E_SYNTAX, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t number = 0;

        assert_int_equal(shim_options_read_number(rows[i].type, rows[i].text, &number),
                         rows[i].result);
        assert_int_equal(number, rows[i].number);
    }
}

static void questions_are_answered_and_end_the_program(void **state)
{
    static const struct {
        char *question;
        const char *answer;
    } rows[] = {
        { "--help", "--outbox-batch-size N  (100)" },
        { "--version", "prog " FARMIQ_VERSION_STRING },
        { "--print-config", "#outbox_batch_size = 100" },
        { "--print-man", "\\fB\\-\\-outbox\\-batch\\-size\\fR \\fIN\\fR" },
    };
    char text[16384];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shim_options *options;
        int saved = dup(STDOUT_FILENO);
        int file = open("answer.txt", O_RDWR | O_CREAT | O_TRUNC, 0600);
        ssize_t len;

        fflush(stdout);
        dup2(file, STDOUT_FILENO);
        assert_int_equal(OPEN(&options, rows[i].question), SHIM_OPTIONS_DONE);
        fflush(stdout);
        dup2(saved, STDOUT_FILENO);
        len = pread(file, text, sizeof text - 1, 0);
        assert_true(len > 0);
        text[len] = '\0';
        close(file);
        close(saved);
        assert_non_null(strstr(text, rows[i].answer));
    }
    unlink("answer.txt");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_read_by_their_units),
        cmocka_unit_test(the_line_wins_over_the_environment_and_that_over_the_file),
        cmocka_unit_test(a_secret_may_come_from_a_file_of_its_own),
        cmocka_unit_test(a_long_list_of_secrets_is_read_to_its_end),
        cmocka_unit_test(a_wrong_value_is_named_with_what_would_be_right),
        cmocka_unit_test(a_wrong_line_of_the_file_is_named_by_its_number),
        cmocka_unit_test(numbers_know_their_suffixes_and_limits),
        cmocka_unit_test(questions_are_answered_and_end_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
