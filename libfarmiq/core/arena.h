/* SPDX-License-Identifier: Apache-2.0 */
/* A bump allocator over memory that the caller brought. */
#ifndef FARMIQ_CORE_ARENA_H
#define FARMIQ_CORE_ARENA_H

#include <stddef.h>

#define FARMIQ__ARENA_ALIGN 8 /* int64_t, double and pointers */

/* Nothing is ever given back one by one; the caller's memory is the limit. */
struct farmiq__arena {
    char *next; /* the first free byte, aligned */
    char *end;
    char *last; /* the newest block: it alone can grow where it stands */
};

void farmiq__arena_init(struct farmiq__arena *arena, void *memory, size_t bytes);

/* NULL when there is not enough room; the arena is then unchanged. */
void *farmiq__arena_take(struct farmiq__arena *arena, size_t bytes);

/* Like realloc(): the newest block grows in place, an older one moves. */
void *farmiq__arena_grow(struct farmiq__arena *arena, void *block, size_t bytes);

/* The bytes that one farmiq__arena_take() could still have. */
size_t farmiq__arena_left(const struct farmiq__arena *arena);

#endif
