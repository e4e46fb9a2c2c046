/* SPDX-License-Identifier: Apache-2.0 */
/* Readings from a program's standard output: one that never ends, or one that prints
 * and ends, and is started again after POLL_INTERVAL_MS. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source.h"

#define LINE_BYTES 4096

struct command {
    struct source base;
    const char *line;
    int64_t interval_ms;
    pid_t pid;
    int64_t started_steady_ms;
    char text[LINE_BYTES]; /* the line that is still growing */
    size_t len;
    int is_too_long; /* skip to the end of this line */
};

/* The child must not inherit the signals that the agent keeps for itself. */
static void become(const char *line, int out)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(out, STDOUT_FILENO);
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
}

static int start(struct command *c, struct moment now)
{
    int fds[2];

    c->started_steady_ms = now.steady_ms;
    c->len = 0;
    c->is_too_long = 0;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return FARMIQ_E_NOMEM;
    c->pid = fork();
    if (c->pid == 0)
        become(c->line, fds[1]);
    close(fds[1]);
    if (c->pid < 0) {
        close(fds[0]);
        return FARMIQ_E_NOMEM;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    c->base.fd = fds[0];
    return FARMIQ_OK;
}

static void stop(struct command *c)
{
    if (c->base.fd >= 0)
        close(c->base.fd);
    c->base.fd = -1;
    if (c->pid > 0) {
        kill(c->pid, SIGTERM);
        waitpid(c->pid, NULL, 0);
    }
    c->pid = 0;
}

static int open_command(struct source **out, const struct sensor_options *o,
                        struct moment now, struct farmiq_error *error)
{
    struct command *c = calloc(1, sizeof *c);

    (void)error;
    if (!c)
        return FARMIQ_E_NOMEM;
    c->base = (struct source){ .kind = &source_command, .fd = -1 };
    c->line = o->command;
    c->interval_ms = o->poll_interval_ms;
    if (start(c, now) != FARMIQ_OK) {
        free(c);
        return FARMIQ_E_NOMEM;
    }
    *out = &c->base;
    return FARMIQ_OK;
}

/* Take the first whole line off the text. */
static int take_line(struct command *c, struct moment now, struct reading *out)
{
    char line[LINE_BYTES], *end = memchr(c->text, '\n', c->len);
    size_t len;
    int was_too_long = c->is_too_long;

    if (!end && c->len < sizeof c->text)
        return FARMIQ_NONE;
    len = end ? (size_t)(end - c->text) + 1 : c->len;
    memcpy(line, c->text, len - 1);
    line[len - 1] = '\0';
    c->len -= len;
    memmove(c->text, c->text + len, c->len);
    c->is_too_long = !end;
    if (!end || was_too_long)
        return FARMIQ_E_SYNTAX;
    *out = (struct reading){ .ts_unix_ms = now.unix_ms };
    return reading_parse(out, line);
}

/* Returns 1 if the text has grown. The last line may lack its end. */
static int read_more(struct command *c)
{
    ssize_t got = read(c->base.fd, c->text + c->len, sizeof c->text - c->len);
    int is_over = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);

    if (is_over)
        stop(c);
    if (is_over && c->len > 0) {
        c->text[c->len] = '\n'; /* take_line() left room */
        got = 1;
    }
    if (got > 0)
        c->len += (size_t)got;
    return got > 0;
}

static int read_command(struct source *source, struct moment now, struct reading *out)
{
    struct command *c = (struct command *)source;
    int r = take_line(c, now, out);

    if (source->fd < 0 && r == FARMIQ_NONE) {
        source->due_steady_ms = c->started_steady_ms + c->interval_ms;
        if (now.steady_ms < source->due_steady_ms)
            return FARMIQ_NONE;
        r = start(c, now);
        return r == FARMIQ_OK ? FARMIQ_NONE : r;
    }
    source->due_steady_ms = INT64_MAX;
    while (r == FARMIQ_NONE && source->fd >= 0 && read_more(c))
        r = take_line(c, now, out);
    if (source->fd < 0)
        source->due_steady_ms = c->started_steady_ms + c->interval_ms;
    return r;
}

static void close_command(struct source *source)
{
    stop((struct command *)source);
    free(source);
}

const struct source_kind source_command = { "command", open_command, read_command,
                                            close_command };
