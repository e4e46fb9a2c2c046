/* SPDX-License-Identifier: Apache-2.0 */
/* A program that is an agent of some kind. */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent.h"
#include "kit/log.h"

#define EXIT_USAGE 2

/* Signals are read like everything else; the threads to come inherit the mask. */
static int open_signals(void)
{
    sigset_t stop;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    return signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct agent_options *own, const struct shim_options *options)
{
    struct agent *agent = NULL;
    struct farmiq_error error;
    int stop_fd = open_signals(), r;

    shim_log_open(own->kind->program, own->log_level);
    farmiq_error_init(&error, sizeof error);
    r = agent_open(&agent, own, options, &error);
    if (r == FARMIQ_OK)
        r = agent_run(agent, stop_fd);
    else
        shim_log_line(SHIM_ERROR, "agent.start_failed", "%s: %s %s", farmiq_errname(r),
                      error.field, error.detail);
    agent_close(agent);
    close(stop_fd);
    return r == FARMIQ_OK ? 0 : 1;
}

int agent_main(int argc, char **argv, const struct agent_kind *kind)
{
    const struct shim_option *const tables[] = { kind->options, agent_option_table,
                                                 shim_mqtt_access_options,
                                                 shim_log_options, NULL };
    struct shim_options *options = NULL;
    struct agent_options own;
    int r = shim_options_open(&options, kind->program, kind->summary, tables, argc, argv);

    if (r == SHIM_OPTIONS_DONE)
        return 0;
    if (r == FARMIQ_OK)
        r = agent_options_read(&own, kind, options);
    r = r == FARMIQ_OK ? run(&own, options) : EXIT_USAGE;
    shim_options_close(options);
    return r;
}
