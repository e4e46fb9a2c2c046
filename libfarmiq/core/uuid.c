/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs: made by time (version 7), made by name (version 5), read and written. */
#include <farmiq/error.h>
#include <farmiq/uuid.h>

#include "private.h"

#define UNIX_MS_MAX ((INT64_C(1) << 48) - 1)
#define COUNTER_SEED_MASK UINT32_C(0x7fffffff)

enum { VERSION_BYTE = 6, VARIANT_BYTE = 8 };

static void stamp(uint8_t id[FARMIQ_UUID_BYTES], unsigned version)
{
    id[VERSION_BYTE] = (uint8_t)(version << 4 | (id[VERSION_BYTE] & 0x0f));
    id[VARIANT_BYTE] = (uint8_t)(0x80 | (id[VARIANT_BYTE] & 0x3f));
}

/* RFC 9562, 6.2, method 1: a counter in the bits right of the time, seeded at random
 * for every new millisecond with its top bit clear, so that at least 2^31 ids fit into
 * one. The clock may step back: time then stands still and the counter goes on. Should
 * the counter run out, time is taken one millisecond from the future. */
static struct farmiq_uuid_seq advance(struct farmiq_uuid_seq last, int64_t now_unix_ms,
                                      uint32_t seed)
{
    if (now_unix_ms <= last.last_unix_ms && last.counter != UINT32_MAX) {
        last.counter++;
        return last;
    }
    last.last_unix_ms =
        now_unix_ms > last.last_unix_ms ? now_unix_ms : last.last_unix_ms + 1;
    last.counter = seed & COUNTER_SEED_MASK;
    return last;
}

/* RFC 9562, 5.7: 48 bits of time; then, around version and variant, 32 bits of counter
 * (12 in rand_a, 20 at the top of rand_b) and 42 random ones. */
static void compose(uint8_t out[FARMIQ_UUID_BYTES], struct farmiq_uuid_seq at,
                    const uint8_t random[6])
{
    for (unsigned i = 0; i < 6; i++)
        out[i] = (uint8_t)(at.last_unix_ms >> (40 - 8 * i));
    out[6] = (uint8_t)(at.counter >> 28);
    out[7] = (uint8_t)(at.counter >> 20);
    out[8] = (uint8_t)(at.counter >> 14 & 0x3f);
    out[9] = (uint8_t)(at.counter >> 6);
    out[10] = (uint8_t)((at.counter & 0x3f) << 2 | (random[0] & 0x03));
    memcpy(out + 11, random + 1, 5);
    stamp(out, 7);
}

int farmiq_uuid_v7(uint8_t out[FARMIQ_UUID_BYTES], struct farmiq_uuid_seq *seq,
                   int64_t now_unix_ms, const uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES])
{
    struct farmiq_uuid_seq at;

    if (!out || !entropy)
        return FARMIQ_E_ARG;
    if (now_unix_ms < 0 || now_unix_ms > UNIX_MS_MAX)
        return FARMIQ_E_RANGE;
    at.last_unix_ms = now_unix_ms;
    at.counter = farmiq__load_be32(entropy);
    at.reserved = 0;
    if (seq)
        at = advance(*seq, now_unix_ms, at.counter);
    if (at.last_unix_ms > UNIX_MS_MAX)
        return FARMIQ_E_RANGE;
    if (seq)
        *seq = at;
    compose(out, at, entropy + 4);
    return FARMIQ_OK;
}

int farmiq_uuid_time(const uint8_t id[FARMIQ_UUID_BYTES], int64_t *unix_ms)
{
    int64_t time = 0;

    if (!id || !unix_ms)
        return FARMIQ_E_ARG;
    if (id[VERSION_BYTE] >> 4 != 7 || id[VARIANT_BYTE] >> 6 != 2)
        return FARMIQ_UNDEFINED;
    for (unsigned i = 0; i < 6; i++)
        time = time << 8 | id[i];
    *unix_ms = time;
    return FARMIQ_OK;
}

/* Bytes 4, 6, 8 and 10 have a hyphen before them: 8-4-4-4-12 digits. */
static int hyphen_before(unsigned byte)
{
    return 4 <= byte && byte <= 10 && byte % 2 == 0;
}

int farmiq_uuid_format(const uint8_t id[FARMIQ_UUID_BYTES],
                       char out[FARMIQ_UUID_STRLEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *to = out;

    if (!id || !out)
        return FARMIQ_E_ARG;
    for (unsigned i = 0; i < FARMIQ_UUID_BYTES; i++) {
        if (hyphen_before(i))
            *to++ = '-';
        *to++ = digits[id[i] >> 4];
        *to++ = digits[id[i] & 0x0f];
    }
    *to = '\0';
    return FARMIQ_OK;
}

static int hex_value(char c)
{
    if ('0' <= c && c <= '9')
        return c - '0';
    if ('a' <= c && c <= 'f')
        return c - 'a' + 10;
    if ('A' <= c && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int farmiq_uuid_parse(uint8_t out[FARMIQ_UUID_BYTES], const char *text, size_t len)
{
    uint8_t id[FARMIQ_UUID_BYTES];

    if (!out || (!text && len > 0))
        return FARMIQ_E_ARG;
    if (len != FARMIQ_UUID_STRLEN)
        return FARMIQ_E_SYNTAX;
    for (unsigned i = 0; i < FARMIQ_UUID_BYTES; i++) {
        int high, low;

        if (hyphen_before(i) && *text++ != '-')
            return FARMIQ_E_SYNTAX;
        high = hex_value(*text++);
        low = hex_value(*text++);
        if (high < 0 || low < 0)
            return FARMIQ_E_SYNTAX;
        id[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(out, id, sizeof id);
    return FARMIQ_OK;
}

int farmiq_uuid_v5(uint8_t out[FARMIQ_UUID_BYTES], const uint8_t space[FARMIQ_UUID_BYTES],
                   const char *name, size_t name_len)
{
    uint8_t digest[FARMIQ__SHA1_BYTES];

    if (!out || !space || (!name && name_len > 0))
        return FARMIQ_E_ARG;

    const struct farmiq_str parts[] = {
        { (const char *)space, FARMIQ_UUID_BYTES },
        { name, name_len },
    };

    farmiq__sha1(parts, 2, digest);
    memcpy(out, digest, FARMIQ_UUID_BYTES);
    stamp(out, 5);
    return FARMIQ_OK;
}

const uint8_t *farmiq_uuid_dns_space(void)
{
    static const uint8_t dns[FARMIQ_UUID_BYTES] = {
        0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
        0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
    };

    return dns;
}
