/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 (FIPS 180-4), for version 5 UUIDs only: a name, never a safeguard. */
#include "private.h"

#define BLOCK_BYTES 64
#define LENGTH_BYTES 8

struct sha1 {
    uint32_t state[5];
    uint32_t used; /* bytes waiting in `block` */
    uint64_t total_bytes;
    uint8_t block[BLOCK_BYTES];
};

static uint32_t rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static void store_be32(uint8_t *to, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* The message schedule needs only its last sixteen words, which saves a device
 * 256 bytes of stack. */
static uint32_t schedule(uint32_t w[16], unsigned t)
{
    if (t >= 16)
        w[t % 16] =
            rotate(w[(t + 13) % 16] ^ w[(t + 8) % 16] ^ w[(t + 2) % 16] ^ w[t % 16], 1);
    return w[t % 16];
}

/* The function and the constant of round `t`, already added (FIPS 180-4, 4.1.1). */
static uint32_t mix(unsigned t, uint32_t b, uint32_t c, uint32_t d)
{
    switch (t / 20) {
    case 0:
        return ((b & c) ^ (~b & d)) + 0x5a827999;
    case 1:
        return (b ^ c ^ d) + 0x6ed9eba1;
    case 2:
        return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    default:
        return (b ^ c ^ d) + 0xca62c1d6;
    }
}

static void compress(uint32_t state[5], const uint8_t block[BLOCK_BYTES])
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    uint32_t w[16];

    for (unsigned t = 0; t < 16; t++)
        w[t] = farmiq__load_be32(block + 4 * t);
    for (unsigned t = 0; t < 80; t++) {
        uint32_t next = rotate(a, 5) + mix(t, b, c, d) + e + schedule(w, t);

        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

static void feed(struct sha1 *hash, const uint8_t *bytes, size_t len)
{
    hash->total_bytes += len;
    while (len--) {
        hash->block[hash->used++] = *bytes++;
        if (hash->used == BLOCK_BYTES) {
            compress(hash->state, hash->block);
            hash->used = 0;
        }
    }
}

/* A one bit, zeros to the end of a block less eight bytes, the length in bits. */
static void finish(struct sha1 *hash, uint8_t out[FARMIQ__SHA1_BYTES])
{
    static const uint8_t one = 0x80, zero = 0x00;
    uint64_t bits = hash->total_bytes * 8;
    uint8_t length[LENGTH_BYTES];

    store_be32(length, (uint32_t)(bits >> 32));
    store_be32(length + 4, (uint32_t)bits);
    feed(hash, &one, 1);
    while (hash->used != BLOCK_BYTES - LENGTH_BYTES)
        feed(hash, &zero, 1);
    feed(hash, length, sizeof length);
    for (unsigned i = 0; i < 5; i++)
        store_be32(out + 4 * i, hash->state[i]);
}

void farmiq__sha1(const struct farmiq_str *parts, uint32_t part_count,
                  uint8_t out[FARMIQ__SHA1_BYTES])
{
    struct sha1 hash = {
        .state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 },
    };

    for (uint32_t i = 0; i < part_count; i++)
        feed(&hash, (const uint8_t *)parts[i].ptr, parts[i].len);
    finish(&hash, out);
}
