/* SPDX-License-Identifier: Apache-2.0 */
/* Where the next claim begins to look. A row that was claimed leaves a dead entry in the
 * index until a vacuum takes it away: a claim that began at the smallest key would pass
 * over all those of its predecessors.
 *
 * It is only a memory of one connection, and may be wrong: others append smaller keys,
 * give rows back, or roll back. So it is forgotten each second, and whenever it leads to
 * nothing (decision 22). */
#include "resume.h"

#include <string.h>

#include "number.h"

static struct farmiq__resume *find(struct farmiq__resumes *resumes, const char *queue)
{
    for (uint32_t i = 0; i < FARMIQ__RESUME_QUEUES; i++)
        if (strcmp(resumes->queues[i].queue, queue) == 0)
            return &resumes->queues[i];
    return NULL;
}

static struct farmiq__resume *find_or_add(struct farmiq__resumes *resumes,
                                          const char *queue)
{
    struct farmiq__resume *resume = find(resumes, queue);

    if (resume || strlen(queue) >= sizeof resume->queue)
        return resume;
    resume = &resumes->queues[resumes->next++ % FARMIQ__RESUME_QUEUES];
    memset(resume, 0, sizeof *resume);
    memcpy(resume->queue, queue, strlen(queue));
    return resume;
}

/* The lane of this rank, or where it would stand. */
static uint32_t lane_at(const struct farmiq__resume *resume, int64_t rank)
{
    uint32_t i = 0;

    while (i < resume->lane_count && resume->lanes[i].rank < rank)
        i++;
    return i;
}

static struct farmiq__key *find_lane(struct farmiq__resume *resume, int64_t rank)
{
    uint32_t i = lane_at(resume, rank);

    return i < resume->lane_count && resume->lanes[i].rank == rank ? &resume->lanes[i]
                                                                   : NULL;
}

void farmiq__resume_after(struct farmiq__resumes *resumes, const char *queue,
                          const struct farmiq__key *key)
{
    struct farmiq__resume *resume = find_or_add(resumes, queue);
    struct farmiq__key *lane;
    uint32_t i;

    if (!resume)
        return;
    lane = find_lane(resume, key->rank);
    if (!lane && resume->lane_count < FARMIQ__RESUME_LANES) {
        i = lane_at(resume, key->rank);
        lane = &resume->lanes[i];
        memmove(lane + 1, lane, (resume->lane_count++ - i) * sizeof *lane);
    }
    if (lane)
        *lane = *key;
}

static int is_before(const struct farmiq__key *a, const struct farmiq__key *b)
{
    return a->occurred_at_unix_ms != b->occurred_at_unix_ms
               ? a->occurred_at_unix_ms < b->occurred_at_unix_ms
               : a->seq < b->seq;
}

void farmiq__resume_with(struct farmiq__resumes *resumes, const char *queue,
                         const struct farmiq__key *key)
{
    struct farmiq__resume *resume = find(resumes, queue);
    struct farmiq__key *lane = resume ? find_lane(resume, key->rank) : NULL;

    if (lane && is_before(key, lane))
        *lane = *key;
}

void farmiq__resume_forget(struct farmiq__resumes *resumes, const char *queue)
{
    for (uint32_t i = 0; i < FARMIQ__RESUME_QUEUES; i++)
        if (!queue || strcmp(resumes->queues[i].queue, queue) == 0)
            resumes->queues[i].lane_count = 0;
}

/* A clock that jumps back forgets as well. */
static void forget_old(struct farmiq__resume *resume, int64_t now_unix_ms)
{
    if (now_unix_ms >= resume->since_unix_ms &&
        now_unix_ms - resume->since_unix_ms < FARMIQ__RESUME_MS && resume->lane_count)
        return;
    resume->since_unix_ms = now_unix_ms;
    resume->lane_count = 0;
}

/* The first stretch ends before the first lane; each lane is followed up to the next. */
void farmiq__resume_stretches(struct farmiq__resumes *resumes, const char *queue,
                              int64_t now_unix_ms, struct farmiq_sql_value lists[4])
{
    static const struct farmiq__key start = { INT64_MIN, 0, 0 };
    struct farmiq__resume *resume = find_or_add(resumes, queue);
    uint32_t count = 0;
    char *at[4];

    if (resume)
        forget_old(resume, now_unix_ms);
    if (resume)
        count = resume->lane_count;
    for (int list = 0; list < 4; list++)
        at[list] = resumes->lists[list];
    for (uint32_t i = 0; i <= count; i++) {
        const struct farmiq__key *from = i ? &resume->lanes[i - 1] : &start;
        const int64_t numbers[] = { from->rank, from->occurred_at_unix_ms, from->seq,
                                    i < count ? resume->lanes[i].rank : INT64_MAX };

        for (int list = 0; list < 4; list++) {
            *at[list]++ = i ? ',' : '[';
            at[list] = farmiq__write_number(at[list], numbers[list]);
        }
    }
    for (int list = 0; list < 4; list++) {
        struct farmiq_str text = { resumes->lists[list], 0 };

        *at[list]++ = ']';
        text.len = (size_t)(at[list] - text.ptr);
        lists[list] = farmiq_sql_text(text);
    }
}
