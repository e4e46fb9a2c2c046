/* SPDX-License-Identifier: Apache-2.0 */
/* A bump allocator over memory that the caller brought. */
#include <stdint.h>
#include <string.h>

#include "arena.h"

void farmiq__arena_init(struct farmiq__arena *arena, void *memory, size_t bytes)
{
    size_t skip = -(uintptr_t)memory % FARMIQ__ARENA_ALIGN;

    if (!memory || skip > bytes)
        skip = bytes = 0;
    arena->next = (char *)memory + skip;
    arena->end = arena->next + (bytes - skip) / FARMIQ__ARENA_ALIGN * FARMIQ__ARENA_ALIGN;
    arena->last = NULL;
}

size_t farmiq__arena_left(const struct farmiq__arena *arena)
{
    return (size_t)(arena->end - arena->next);
}

/* The room of an arena is a multiple of the alignment, so a block that fits
 * still fits when it is rounded up. */
static size_t round_up(size_t bytes)
{
    return (bytes + FARMIQ__ARENA_ALIGN - 1) / FARMIQ__ARENA_ALIGN * FARMIQ__ARENA_ALIGN;
}

void *farmiq__arena_take(struct farmiq__arena *arena, size_t bytes)
{
    if (bytes > farmiq__arena_left(arena))
        return NULL;
    arena->last = arena->next;
    arena->next += round_up(bytes);
    return arena->last;
}

static void *grow_in_place(struct farmiq__arena *arena, size_t bytes)
{
    if (bytes > (size_t)(arena->end - arena->last))
        return NULL;
    arena->next = arena->last + round_up(bytes);
    return arena->last;
}

void *farmiq__arena_grow(struct farmiq__arena *arena, void *block, size_t bytes)
{
    char *moved;
    size_t copied;

    if (!block)
        return farmiq__arena_take(arena, bytes);
    if (block == arena->last)
        return grow_in_place(arena, bytes);
    moved = farmiq__arena_take(arena, bytes);
    if (!moved)
        return NULL;
    /* Blocks do not know their size. Whatever lies between the two includes all of
     * the old one, and copying too much of our own memory does no harm. */
    copied = (size_t)(moved - (char *)block);
    memcpy(moved, block, copied < bytes ? copied : bytes);
    return moved;
}
