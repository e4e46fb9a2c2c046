/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target promises, and how it fails. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(int condition)
{
    if (!condition)
        abort();
}

#endif
