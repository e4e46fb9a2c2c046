/* SPDX-License-Identifier: Apache-2.0 */
/* Chance that can be repeated. */
#include "agent/chance.h"

/* splitmix64 (Steele, Lea, Flood 2014): good bits from any counter. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

double agent_chance(uint64_t seed, uint64_t a, uint64_t b)
{
    return (double)(mix(seed ^ mix(a ^ mix(b))) >> 11) * 0x1p-53;
}
