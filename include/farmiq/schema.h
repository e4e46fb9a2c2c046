/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_SCHEMA_H
#define FARMIQ_SCHEMA_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** A numbered step of a schema; the array ends with version 0. `name` is
 * "SCHEMA/NNNN_what". Generated from the files of a schema folder, in which a line
 * `-- queue NAME` stands for the tables of that queue, and `-- monthly NAME` for what a
 * table in monthly parts has beside itself (PostgreSQL). Frozen. */
struct farmiq_migration {
    uint32_t version;
    uint32_t reserved;
    const char *name;
    const char *sqlite;
    const char *pg;
};

/** The schemas that ship, for every engine. Static. */
FARMIQ_API const struct farmiq_migration *farmiq_schema_edge(void);
FARMIQ_API const struct farmiq_migration *farmiq_schema_cloud(void);
FARMIQ_API const struct farmiq_migration *farmiq_schema_agent(void);

FARMIQ_END

#endif
