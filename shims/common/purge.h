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

/* What goes together, such as a session with its facts: the statements, ended by NULL,
 * name the same `most` things that have not changed within an option's days ($1 the time,
 * $2 how many), and the last, which returns a row for each, is the things' own. */
int purge_together(struct shim_call *call, const struct farmiq_sql_query *const *queries,
                   const char *days_option, uint32_t most, uint32_t *rows);

/* The audit rows of a queue, by AUDIT_RETENTION_DAYS. */
#define PURGE_AUDIT_OPTION                                                               \
    {                                                                                    \
        "AUDIT_RETENTION_DAYS", SHIM_COUNT, "90",                                        \
            "how long it is known who redrove a dead letter, and why it died; 0: for "   \
            "ever"                                                                       \
    }
int purge_audit(struct shim_call *call, const char *queue, uint32_t *rows);

/* The dead letters of a queue that nobody came for, by DEAD_RETENTION_DAYS. */
#define PURGE_DEAD_OPTION                                                                \
    {                                                                                    \
        "DEAD_RETENTION_DAYS", SHIM_COUNT, "365",                                        \
            "how long a dead letter waits for somebody to look at it; 0: for ever"       \
    }
int purge_dead(struct shim_call *call, const char *queue, uint32_t *rows);

/* ## Walks: tables that have no index by age, because it would cost each row that is
 * written. A walk goes on behind what it has seen, and begins again at the end. (Should a
 * transaction fail after a step, the next walk finds what it left.) */

/* Rows that are numbered as they come in, of which some may have to stay. `chunk`: behind
 * the number $1, at most $2 rows: the last number, when its row came, how many. `purge`:
 * behind $1 up to $2, what came before $3. The walk ends where rows are young. */
int purge_numbered(struct shim_call *call, int64_t *last_number,
                   const struct farmiq_sql_query *chunk,
                   const struct farmiq_sql_query *purge, int64_t before_unix_ms,
                   uint32_t *rows);

/* Rows that are kept by name and updated: what is known of a device or an edge. */
#define PURGE_NAMES 3
struct purge_place {
    char names[PURGE_NAMES][FARMIQ_ID_MAX_BYTES + 1];
};
#define PURGE_SILENT_OPTIONS                                                             \
    {                                                                                    \
        "SILENT_RETENTION_DAYS", SHIM_COUNT, "365",                                      \
        "how long a device or an edge that says nothing more is remembered; 0: for ever" \
    },                                                                                   \
    {                                                                                    \
        "SILENT_CLEANUP_INTERVAL_MS", SHIM_MS, "6h", "how often those are looked for"    \
    }
/* By SILENT_RETENTION_DAYS. `end`: of the rows behind the key ($1, $2, $3), the key of
 * the one after $4 more; `purge`: of the first $4, what was silent since before $5. */
int purge_silent(struct shim_call *call, struct purge_place *place,
                 const struct farmiq_sql_query *end, const struct farmiq_sql_query *purge,
                 uint32_t *rows);
/* device_last_seen, which edge and cloud have. */
int purge_devices(struct shim_call *call, struct purge_place *place, uint32_t *rows);

/* Readings on PostgreSQL lie in monthly parts (docs/storage.md): the next two are made,
 * and `drop` drops whole ones that ended before $1. Other engines have none. */
int purge_months(struct shim_call *call, const struct farmiq_sql_query *drop,
                 int64_t before_unix_ms);

#endif
