/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the ledger share. */
#ifndef FARMIQ_CORE_LEDGER_PRIVATE_H
#define FARMIQ_CORE_LEDGER_PRIVATE_H

#include <farmiq/ledger.h>

#include "private.h"

#define FARMIQ__LEDGER_TIME_MAX_MS (INT64_C(1) << 53)

static inline int farmiq__ledger_time_is_sane(int64_t unix_ms)
{
    return unix_ms >= -FARMIQ__LEDGER_TIME_MAX_MS &&
           unix_ms <= FARMIQ__LEDGER_TIME_MAX_MS;
}

/* Is there a book, and does it know its size? */
static inline int farmiq__ledger_is_usable(const struct farmiq_ledger *ledger)
{
    return ledger && ledger->size >= sizeof ledger->size;
}

/* The code of the first event that is not sound, or FARMIQ_OK. */
int farmiq__ledger_check(const struct farmiq_ledger_event *events, size_t count,
                         struct farmiq_error *error);
/* Puts sound events in the order of their ids. */
int farmiq__ledger_find_conflict(struct farmiq_ledger_event *events, size_t count,
                                 struct farmiq_error *error);
/* Put sound events in the order in which they happened. */
void farmiq__ledger_sort(struct farmiq_ledger_event *events, size_t count);
/* Of sorted events: does this one tell again what the one before it told? */
int farmiq__ledger_is_repeat(const struct farmiq_ledger_event *events, size_t i);

#endif
