/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl migrate: bring a database up to date before the services start. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "kit/store_open.h"

static const struct shim_option options[] = {
    { "SCHEMA", SHIM_CHOICE, "edge", CTL_SCHEMA_HELP },
    { 0 },
};
static const struct shim_option *const tables[] = { options, shim_store_options, NULL };

static const struct {
    const char *name;
    const struct farmiq_migration *(*schema)(void);
} schemas[] = {
    { "edge", farmiq_schema_edge },
    { "cloud", farmiq_schema_cloud },
    { "agent", farmiq_schema_agent },
};

const struct farmiq_migration *ctl_find_schema(const char *name)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        if (strcmp(schemas[i].name, name) == 0)
            return schemas[i].schema();
    return NULL;
}

static int migrate(int argc, char **argv)
{
    const struct farmiq_migration *schema;
    struct farmiq_store store = { 0 };
    struct shim_options *given;
    struct farmiq_error error;
    uint32_t version = 0;
    int r = shim_options_open(&given, "farmiqctl migrate", ctl_migrate.summary, tables,
                              argc, argv);

    if (r)
        return r == SHIM_OPTIONS_DONE ? 0 : 2;
    farmiq_error_init(&error, sizeof error);
    schema = ctl_find_schema(shim_options_text(given, "SCHEMA"));
    r = shim_store_open(&store, given, schema, SHIM_STORE_WRITE, &error);
    for (; schema->version; schema++)
        version = schema->version;
    shim_options_close(given);
    if (r < 0)
        return ctl_fail("--database-url", r, &error);
    farmiq_store_close(&store);
    printf("the schema is at version %u\n", version);
    return 0;
}

const struct ctl_command ctl_migrate = {
    .name = "migrate",
    .arguments = "[--name value]...",
    .summary = "create a database, or bring its schema up to date",
    .tables = tables,
    .run = migrate,
};
