/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF"): fingerprints that nobody without the key can make collide. */
#include "private.h"

struct sip {
    uint64_t v[4];
    uint64_t word;  /* bytes waiting for the rest of their word, lowest first */
    uint8_t length; /* of everything, modulo 256 */
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t load_le64(const uint8_t *from)
{
    uint64_t word = 0;

    for (unsigned i = 8; i-- > 0;)
        word = word << 8 | from[i];
    return word;
}

static void store_le64(uint8_t *to, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(word >> 8 * i);
}

static void rounds(uint64_t v[4], unsigned count)
{
    while (count--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static void absorb(struct sip *sip, uint64_t word)
{
    sip->v[3] ^= word;
    rounds(sip->v, 2);
    sip->v[0] ^= word;
}

static void feed(struct sip *sip, const uint8_t *bytes, size_t len)
{
    while (len--) {
        sip->word |= (uint64_t)*bytes++ << 8 * (sip->length % 8);
        if (++sip->length % 8 == 0) {
            absorb(sip, sip->word);
            sip->word = 0;
        }
    }
}

static uint64_t squeeze(struct sip *sip, unsigned lane, uint64_t domain)
{
    sip->v[lane] ^= domain;
    rounds(sip->v, 4);
    return sip->v[0] ^ sip->v[1] ^ sip->v[2] ^ sip->v[3];
}

void farmiq__siphash(const uint8_t key[16], const struct farmiq_str *parts,
                     uint32_t part_count, uint8_t out[FARMIQ__SIPHASH_BYTES])
{
    uint64_t k0 = load_le64(key), k1 = load_le64(key + 8);
    struct sip sip = {
        .v = { k0 ^ UINT64_C(0x736f6d6570736575),
               k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
               k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) },
    };

    for (uint32_t i = 0; i < part_count; i++)
        feed(&sip, (const uint8_t *)parts[i].ptr, parts[i].len);
    absorb(&sip, sip.word | (uint64_t)sip.length << 56);
    store_le64(out, squeeze(&sip, 2, 0xee));
    store_le64(out + 8, squeeze(&sip, 1, 0xdd));
}
