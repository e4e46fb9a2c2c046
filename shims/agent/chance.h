/* SPDX-License-Identifier: Apache-2.0 */
/* Chance that can be repeated: what simulators draw is a function of what they ask for.
 */
#ifndef AGENT_CHANCE_H
#define AGENT_CHANCE_H

#include <stdint.h>

/* Uniform in [0, 1), and the same for the same three numbers. */
double agent_chance(uint64_t seed, uint64_t a, uint64_t b);

#endif
