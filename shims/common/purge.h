/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting what is old (spec edge 5.8, spec cloud 1.6): a chunk in each transaction, so
 * that no message waits long behind it. */
#ifndef COMMON_PURGE_H
#define COMMON_PURGE_H

#include "kit/shim.h"

#define PURGE_ROWS 2000 /* worked through in one transaction at most */

/* Deletes a chunk and says how many rows it worked through: PURGE_ROWS means that there
 * may be more. Runs in a transaction, perhaps more than once. */
typedef int purge_step(struct shim_call *call, uint32_t *rows);

/* A job: each step once, the list ends with NULL; then freed pages go back to the disk.
 * SHIM_AGAIN if a step may have more. */
int purge_run(struct shim_call *call, purge_step *const *steps);

/* The time before which is old, by an option in days; 0 days: nothing ever is. */
int64_t purge_before_unix_ms(const struct shim_call *call, const char *days_option);

/* What goes first when the disk fills (architecture, 6): what the cloud has and only the
 * operator misses; what can be computed again; at last the readings that the cloud has.
 * Each begins a few percent after the one before. */
enum purge_order { PURGE_HISTORY = 0, PURGE_AGGREGATES = 1, PURGE_READINGS = 2 };

#define PURGE_PRESSURE_OPTION                                                            \
    {                                                                                    \
        "DISK_PRESSURE_PCT", SHIM_COUNT, "85",                                           \
            "from this fullness of quota or disk on, only the last hour is kept: of "    \
            "acknowledged events; 3 percent later of aggregates; 6 percent later of "    \
            "readings that the cloud has"                                                \
    }
/* purge_before_unix_ms(), or an hour ago when it is this order's turn to make room. */
int64_t purge_before_or_pressed_unix_ms(struct shim_call *call, const char *days_option,
                                        enum purge_order order);

/* Run a statement that returns a row for each that it deleted, and count them. */
int purge_rows(struct shim_call *call, const struct farmiq_sql_query *query,
               const char *queue, const struct farmiq_sql_value *params,
               uint32_t param_count, uint32_t *rows);

/* The audit rows of a queue, by AUDIT_RETENTION_DAYS. */
#define PURGE_AUDIT_OPTION                                                               \
    {                                                                                    \
        "AUDIT_RETENTION_DAYS", SHIM_COUNT, "90",                                        \
            "how long it is known who redrove a dead letter, and why it died; 0: for "   \
            "ever"                                                                       \
    }
int purge_audit(struct shim_call *call, const char *queue, uint32_t *rows);

#endif
