/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqd: a whole site, or a whole cloud, in one process.
 *
 *     farmiqd edge  [--option value]...
 *     farmiqd cloud [--option value]...
 */
#include <stdio.h>
#include <string.h>

#include "kit/shim.h"

extern const struct shim_service *const edge_ingress_gateway;
extern const struct shim_service *const edge_telemetry_timeseries;
extern const struct shim_service *const edge_sync_forwarder;
extern const struct shim_service *const cloud_ingestion;
extern const struct shim_service *const cloud_telemetry_service;
extern const struct shim_service *const dashboard_web;

#define MAX_SERVICES 8

static const struct role {
    const char *name;
    const char *program;
    const char *summary;
    const struct shim_service *const *services[MAX_SERVICES];
} roles[] = {
    { "edge",
      "farmiqd-edge",
      "the box at the barn: takes in what devices say, keeps it, brings it to the cloud",
      { &edge_ingress_gateway, &edge_telemetry_timeseries, &edge_sync_forwarder } },
    { "cloud",
      "farmiqd-cloud",
      "the other end: takes in what edges send, keeps it, answers and shows it",
      { &cloud_ingestion, &cloud_telemetry_service, &dashboard_web } },
};

static int usage(FILE *out)
{
    fprintf(out, "farmiqd %s - many FarmIQ services in one process\n\nUsage:\n",
            farmiq_version_string());
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        fprintf(out, "  farmiqd %-6s [--name value]...   %s\n", roles[i].name,
                roles[i].summary);
    fprintf(out, "\n'farmiqd ROLE --help' lists the options of that role.\n");
    return out == stdout ? 0 : 2;
}

static int host(const struct role *role, int argc, char **argv)
{
    const struct shim_service *services[MAX_SERVICES + 1] = { NULL };

    for (size_t i = 0; i < MAX_SERVICES && role->services[i]; i++)
        services[i] = *role->services[i];
    return shim_host(argc, argv, role->program, role->summary, services);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
            if (strcmp(argv[1], roles[i].name) == 0)
                return host(&roles[i], argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0))
        return usage(stdout);
    return usage(stderr);
}
