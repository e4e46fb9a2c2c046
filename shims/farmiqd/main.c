/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqd: a whole site, or a whole cloud, in one process.
 *
 *     farmiqd edge  [--option value]...
 *     farmiqd cloud [--option value]...
 */
#include <stdio.h>
#include <string.h>

#include "kit/options_print.h"
#include "kit/shim.h"

extern const struct shim_service *const edge_ingress_gateway;
extern const struct shim_service *const edge_telemetry_timeseries;
extern const struct shim_service *const edge_weighvision_session;
extern const struct shim_service *const edge_media_store;
extern const struct shim_service *const edge_feed_intake;
extern const struct shim_service *const edge_vision_inference;
extern const struct shim_service *const edge_observability_agent;
extern const struct shim_service *const edge_policy_sync;
extern const struct shim_service *const edge_retention_janitor;
extern const struct shim_service *const edge_sync_forwarder;
extern const struct shim_service *const cloud_ingestion;
extern const struct shim_service *const cloud_telemetry_service;
extern const struct shim_service *const cloud_weighvision_readmodel;
extern const struct shim_service *const cloud_feed_service;
extern const struct shim_service *const cloud_media_store;
extern const struct shim_service *const dashboard_web;

#define MAX_SERVICES 12

static const struct role {
    const char *name;
    const char *program;
    const char *summary;
    const struct shim_service *const *services[MAX_SERVICES];
} roles[] = {
    { "edge",
      "farmiqd-edge",
      "the box at the barn: takes in what devices say, keeps it, brings it to the cloud",
      /* The media store before the gateway, which sends who asks it for images away. */
      { &edge_media_store, &edge_ingress_gateway, &edge_telemetry_timeseries,
        &edge_weighvision_session, &edge_feed_intake, &edge_vision_inference,
        &edge_observability_agent, &edge_policy_sync, &edge_retention_janitor,
        &edge_sync_forwarder } },
    { "cloud",
      "farmiqd-cloud",
      "the other end: takes in what edges send, keeps it, answers and shows it",
      { &cloud_ingestion, &cloud_telemetry_service, &cloud_weighvision_readmodel,
        &cloud_feed_service, &cloud_media_store, &dashboard_web } },
};

static const char program_summary[] = "many FarmIQ services in one process";

static int usage(FILE *out)
{
    fprintf(out, "farmiqd %s - %s\n\nUsage:\n", farmiq_version_string(), program_summary);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        fprintf(out, "  farmiqd %-6s [--name value]...   %s\n", roles[i].name,
                roles[i].summary);
    fprintf(out, "\n'farmiqd ROLE --help' lists the options of that role.\n");
    return out == stdout ? 0 : 2;
}

static int print_man(void)
{
    shim_man_title("farmiqd", 8, program_summary);
    printf(".SH SYNOPSIS\n.B farmiqd\n.I ROLE\n[\\fB\\-\\-\\fIname value\\fR]...\n.SH "
           "ROLES\n");
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        printf(".TP\n.B %s\n", roles[i].name);
        shim_man_text(roles[i].summary);
    }
    printf(".SH SEE ALSO\n.BR farmiqd\\-edge (8),\n.BR farmiqd\\-cloud (8),\n"
           ".BR farmiqctl (1)\n");
    return 0;
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
    if (argc > 1 && strcmp(argv[1], "--print-man") == 0)
        return print_man();
    return usage(stderr);
}
