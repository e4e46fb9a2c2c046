/* SPDX-License-Identifier: Apache-2.0 */
/* One line of an indicator. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scale.h"

#define NUMBER_BYTES 24

static const char *skip_gaps(const char *at) { return at + strspn(at, " \t,"); }

/* Take one of the two-letter words off the line. Returns 1 if it stood there. */
static int take_word(const char **at, const char *word)
{
    if (strncasecmp(*at, word, 2) != 0 || isalnum((unsigned char)(*at)[2]))
        return 0;
    *at = skip_gaps(*at + 2);
    return 1;
}

/* [+-] digits [. digits]: spaces may stand behind the sign, where the indicator blanks
 * leading zeros. */
static int take_number(const char **at, double *number)
{
    char text[NUMBER_BYTES];
    size_t sign = **at == '+' || **at == '-' ? 1 : 0, len;
    const char *digits = *at + sign;
    char *end;

    digits += strspn(digits, " ");
    len = strspn(digits, "0123456789.");
    if (sign + len >= sizeof text)
        return FARMIQ_E_SYNTAX;
    memcpy(text, *at, sign);
    memcpy(text + sign, digits, len);
    text[sign + len] = '\0';
    *number = strtod(text, &end);
    *at = digits + len;
    return len && !*end ? FARMIQ_OK : FARMIQ_E_SYNTAX; /* "1.2.3", "." */
}

static int take_unit(const char **at, double *weight_kg)
{
    static const struct {
        const char *name;
        double kg;
    } units[] = { { "kg", 1 }, { "g", 0.001 }, { "lb", 0.45359237 }, { "t", 1000 } };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t len = strlen(units[i].name);

        if (strncasecmp(*at, units[i].name, len) == 0 &&
            !isalnum((unsigned char)(*at)[len])) {
            *weight_kg *= units[i].kg;
            *at += len;
            return FARMIQ_OK;
        }
    }
    return FARMIQ_E_SYNTAX;
}

int scale_line_parse(struct scale_sample *out, const char *line)
{
    struct scale_sample sample = { .at_ms = out->at_ms };
    const char *at = skip_gaps(line);

    if (take_word(&at, "OL"))
        return FARMIQ_E_RANGE;
    sample.is_stable = !take_word(&at, "US");
    if (sample.is_stable)
        take_word(&at, "ST");
    sample.is_net = take_word(&at, "NT");
    if (!sample.is_net)
        take_word(&at, "GS");
    if (take_number(&at, &sample.weight_kg) != FARMIQ_OK)
        return FARMIQ_E_SYNTAX;
    at = skip_gaps(at);
    if (take_unit(&at, &sample.weight_kg) != FARMIQ_OK || at[strspn(at, " \t\r\n")])
        return FARMIQ_E_SYNTAX;
    *out = sample;
    return FARMIQ_OK;
}
