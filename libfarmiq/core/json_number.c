/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of JSON: text to the nearest double and back by the shortest text. */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_private.h"

/* The only file of the core that uses stdio and stdlib: correct rounding in both
 * directions is what strtod() and snprintf() are for. Both see digits and an
 * exponent only, never a decimal point, so the locale does not matter.
 *
 * No heap of ours, but newlib's: its conversions of doubles allocate. They are asked
 * for numbers that is_exact() or few_digits() cannot take (docs/firmware.md). */

#ifdef _NANO_FORMATTED_IO
/* newlib-nano prints no doubles unless somebody needs this function by name. */
__asm__(".global _printf_float");
#endif

#define EXPONENT_MAX 999   /* jsonb's numeric has no room for more fraction digits */
#define MANTISSA_DIGITS 19 /* always fit 64 bits */

struct decimal {
    uint64_t mantissa; /* the first MANTISSA_DIGITS significant digits */
    int digits;        /* all significant digits */
    int exponent;      /* of ten, for all digits as one integer */
};

static int is_digit(char c) { return (unsigned char)(c - '0') <= 9; }

static void take_digit(struct decimal *number, char c)
{
    if (number->digits == 0 && c == '0')
        return;
    if (number->digits++ < MANTISSA_DIGITS)
        number->mantissa = number->mantissa * 10 + (uint64_t)(c - '0');
}

static int take_exponent(const char *at, const char *end, int *exponent)
{
    int negative = *at == '-', value = 0;

    for (at += *at == '-' || *at == '+'; at < end; at++) {
        value = value * 10 + (*at - '0');
        if (value > EXPONENT_MAX)
            return FARMIQ_E_RANGE;
    }
    *exponent += negative ? -value : value;
    return FARMIQ_OK;
}

/* The grammar has been checked: digits, a fraction, an exponent, in this order. */
static int take_apart(const char *at, const char *end, struct decimal *number)
{
    for (; at < end && is_digit(*at); at++)
        take_digit(number, *at);
    if (at < end && *at == '.')
        for (at++; at < end && is_digit(*at); at++) {
            take_digit(number, *at);
            number->exponent--;
        }
    return at < end ? take_exponent(at + 1, end, &number->exponent) : FARMIQ_OK;
}

/* Two doubles without rounding give a correctly rounded quotient or product:
 * W. D. Clinger, How to read floating point numbers accurately, PLDI 1990. */
static int is_exact(const struct decimal *number)
{
    return number->digits <= MANTISSA_DIGITS &&
           number->mantissa <= 1ull << DBL_MANT_DIG && number->exponent >= -22 &&
           number->exponent <= 22;
}

static double exact(const struct decimal *number)
{
    static const double power[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    double mantissa = (double)number->mantissa;

    return number->exponent < 0 ? mantissa / power[-number->exponent]
                                : mantissa * power[number->exponent];
}

static double rounded(const char *at, const char *end, int exponent)
{
    char text[FARMIQ__NUMBER_MAX_BYTES + 8];
    int len = 0;

    for (; at < end && *at != 'e' && *at != 'E'; at++)
        if (*at != '.')
            text[len++] = *at;
    snprintf(text + len, sizeof text - (size_t)len, "e%d", exponent);
    return strtod(text, NULL);
}

int farmiq__number_parse(const char *text, size_t len, double *value)
{
    struct decimal number = { 0, 0, 0 };
    int negative = len > 0 && *text == '-';
    double size;

    if (len > FARMIQ__NUMBER_MAX_BYTES ||
        take_apart(text + negative, text + len, &number) != FARMIQ_OK)
        return FARMIQ_E_RANGE;
    if (number.digits == 0)
        size = 0;
    else if (is_exact(&number))
        size = exact(&number);
    else
        size = rounded(text + negative, text + len, number.exponent);
    if (size > DBL_MAX || (size == 0 && number.digits > 0))
        return FARMIQ_E_RANGE;
    *value = negative ? -size : size;
    return FARMIQ_OK;
}

int farmiq__number_to_uint32(double number, uint32_t *count)
{
    if (!(number >= 0 && number <= UINT32_MAX) || number != (double)(uint32_t)number)
        return FARMIQ_E_RANGE;
    *count = (uint32_t)number;
    return FARMIQ_OK;
}

/* Print `digits` significant digits as one integer and an exponent of ten. */
static int print_digits(double value, int digits, char out[DBL_DECIMAL_DIG + 1])
{
    char text[DBL_DECIMAL_DIG + 16];
    int count = 0, at = 0;

    snprintf(text, sizeof text, "%.*e", digits - 1, value);
    for (; text[at] != 'e'; at++)
        if (is_digit(text[at]))
            out[count++] = text[at];
    while (count > 1 && out[count - 1] == '0')
        count--;
    out[count] = '\0';
    return (int)strtol(text + at + 1, NULL, 10);
}

static int reads_back(double value, const char *digits, int exponent)
{
    char text[DBL_DECIMAL_DIG + 16];

    snprintf(text, sizeof text, "%se%d", digits, exponent + 1 - (int)strlen(digits));
    return strtod(text, NULL) == value;
}

/* Digits of `count`, zeros at its end stripped. Returns how many it has with them. */
static int put_digits(uint64_t count, char out[DBL_DECIMAL_DIG + 1])
{
    char backwards[DBL_DECIMAL_DIG + 1];
    int len = 0, kept;

    for (; count; count /= 10)
        backwards[len++] = (char)('0' + count % 10);
    for (int i = 0; i < len; i++)
        out[i] = backwards[len - 1 - i];
    for (kept = len; kept > 1 && out[kept - 1] == '0'; kept--)
        ;
    out[kept] = '\0';
    return len;
}

/* What sensors say has a few decimals, and needs no formatting by the C library: when an
 * integer below 2^53 divided by a small power of ten gives the very same double, then
 * that quotient, rounded once, is what its decimal text reads back to. The first power
 * that does gives the shortest text. Returns 1, or 0 if it takes more than that. */
static int few_digits(double value, char out[DBL_DECIMAL_DIG + 1], int *exponent)
{
    static const double powers[] = { 1, 10, 100, 1000, 10000 };

    if (!(value < 1e11))
        return 0;
    for (int i = 0; i < (int)(sizeof powers / sizeof *powers); i++) {
        uint64_t count = (uint64_t)(value * powers[i] + 0.5);

        if (count && (double)count / powers[i] == value) {
            *exponent = put_digits(count, out) - 1 - i;
            return 1;
        }
    }
    return 0;
}

/* Any decimal of DBL_DIG digits survives a normal double, so the shortest text of
 * up to DBL_DIG digits is what DBL_DIG digits print, zeros stripped. Subnormal
 * numbers have less to say. */
static int shortest_digits(double value, char out[DBL_DECIMAL_DIG + 1])
{
    int digits = value < DBL_MIN ? 1 : DBL_DIG, exponent;

    if (few_digits(value, out, &exponent))
        return exponent;
    for (;; digits++) {
        exponent = print_digits(value, digits, out);
        if (digits == DBL_DECIMAL_DIG || reads_back(value, out, exponent))
            return exponent;
    }
}

static char *put(char *out, const char *text, int len)
{
    memcpy(out, text, (size_t)len);
    return out + len;
}

static char *put_zeros(char *out, int count)
{
    while (count-- > 0)
        *out++ = '0';
    return out;
}

/* The layout of ECMAScript, which RFC 8785 made canonical: plain between 1e-6 and
 * 1e21, an exponent outside. */
static char *lay_out(char *out, const char *digits, int exponent)
{
    int len = (int)strlen(digits);

    if (exponent >= 0 && exponent < 21 && len <= exponent + 1)
        return put_zeros(put(out, digits, len), exponent + 1 - len);
    if (exponent >= 0 && exponent < 21) {
        out = put(put(out, digits, exponent + 1), ".", 1);
        return put(out, digits + exponent + 1, len - exponent - 1);
    }
    if (exponent < 0 && exponent >= -6)
        return put(put_zeros(put(out, "0.", 2), -exponent - 1), digits, len);
    out = put(out, digits, 1);
    if (len > 1)
        out = put(put(out, ".", 1), digits + 1, len - 1);
    return out + snprintf(out, sizeof "e-324", "e%+d", exponent);
}

size_t farmiq__number_format(double value, char out[FARMIQ__NUMBER_STRLEN + 1])
{
    char digits[DBL_DECIMAL_DIG + 1];
    char *end = out;
    int exponent;

    /* The sign of zero is kept: the text must read back to the same double. */
    if (__builtin_signbit(value)) {
        *end++ = '-';
        value = -value;
    }
    if (value == 0) {
        end = put(end, "0", 1);
    } else {
        exponent = shortest_digits(value, digits);
        end = lay_out(end, digits, exponent);
    }
    *end = '\0';
    return (size_t)(end - out);
}
