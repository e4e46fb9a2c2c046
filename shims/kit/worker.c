/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of a worker: a process, a pair of pipes, a deadline. */
#include "kit/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit/fail.h"

#define HEAD_BYTES 4
#define LAST_BREATH_MS 200

struct shim_worker {
    struct shim_worker_options options;
    pid_t pid;         /* 0: does not run */
    int in_fd, out_fd; /* its standard input and output */
    char *greeting, *answer;
    uint32_t greeting_bytes;
};

static int64_t steady_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ## Life and death */

/* In the child, between fork and exec: only what is safe there. */
static void become(const struct shim_worker_options *o, int in_fd, int out_fd)
{
    struct rlimit no_core = { 0, 0 };
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    if (o->memory_bytes) {
        struct rlimit memory = { o->memory_bytes, o->memory_bytes };

        setrlimit(RLIMIT_AS, &memory);
    }
    if (dup2(in_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0)
        _exit(127);
    execv(o->argv[0], (char *const *)(uintptr_t)o->argv);
    _exit(127);
}

static void hang_up(struct shim_worker *w)
{
    close(w->in_fd);
    close(w->out_fd);
    w->pid = 0;
}

static void bury(struct shim_worker *w)
{
    if (!w->pid)
        return;
    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
    hang_up(w);
}

/* It has closed its output, so it is about to end: how, for people. */
static int autopsy(struct shim_worker *w, struct farmiq_error *error)
{
    struct timespec tick = { 0, 1000000 };
    int status = 0, has_ended = 0;

    for (int i = 0; i < LAST_BREATH_MS && !has_ended; i++) {
        has_ended = waitpid(w->pid, &status, WNOHANG) != 0;
        if (!has_ended)
            nanosleep(&tick, NULL);
    }
    if (!has_ended) {
        bury(w);
        return shim_fail(error, FARMIQ_E_UNREACHABLE, "worker", "closed its output");
    }
    hang_up(w);
    if (WIFSIGNALED(status))
        return shim_fail(error, FARMIQ_E_UNREACHABLE, "worker", "was ended by signal %d",
                         WTERMSIG(status));
    return shim_fail(error, FARMIQ_E_UNREACHABLE, "worker", "ended with code %d",
                     WEXITSTATUS(status));
}

static int silence(struct shim_worker *w, struct farmiq_error *error)
{
    bury(w);
    return shim_fail(error, FARMIQ_E_UNREACHABLE, "worker", "gave no answer in %u ms",
                     w->options.timeout_ms);
}

/* ## Frames */

/* Returns 1 when `fd` is ready, 0 when the time is over. */
static int wait_for(int fd, short events, int64_t until_steady_ms)
{
    struct pollfd polled = { .fd = fd, .events = events };

    for (;;) {
        int64_t left_ms = until_steady_ms - steady_ms();
        int ready = poll(&polled, 1, left_ms > 0 ? (int)left_ms : 0);

        if (ready > 0)
            return 1;
        if (ready == 0)
            return 0;
    }
}

static int send_bytes(struct shim_worker *w, const char *bytes, size_t len,
                      int64_t until_steady_ms, struct farmiq_error *error)
{
    while (len > 0) {
        ssize_t sent;

        if (!wait_for(w->in_fd, POLLOUT, until_steady_ms))
            return silence(w, error);
        sent = write(w->in_fd, bytes, len);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return autopsy(w, error);
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
    }
    return FARMIQ_OK;
}

static int receive_bytes(struct shim_worker *w, char *bytes, size_t len,
                         int64_t until_steady_ms, struct farmiq_error *error)
{
    while (len > 0) {
        ssize_t got;

        if (!wait_for(w->out_fd, POLLIN, until_steady_ms))
            return silence(w, error);
        got = read(w->out_fd, bytes, len);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return autopsy(w, error);
        if (got > 0) {
            bytes += got;
            len -= (size_t)got;
        }
    }
    return FARMIQ_OK;
}

static int send_frame(struct shim_worker *w, struct farmiq_str frame,
                      int64_t until_steady_ms, struct farmiq_error *error)
{
    char head[HEAD_BYTES];
    int r;

    for (int i = 0; i < HEAD_BYTES; i++)
        head[i] = (char)(frame.len >> (8 * i));
    r = send_bytes(w, head, sizeof head, until_steady_ms, error);
    return r ? r : send_bytes(w, frame.ptr, frame.len, until_steady_ms, error);
}

static int receive_frame(struct shim_worker *w, char *into, struct farmiq_str *frame,
                         int64_t until_steady_ms, struct farmiq_error *error)
{
    unsigned char head[HEAD_BYTES];
    uint32_t len = 0;
    int r = receive_bytes(w, (char *)head, sizeof head, until_steady_ms, error);

    if (r)
        return r;
    for (int i = 0; i < HEAD_BYTES; i++)
        len |= (uint32_t)head[i] << (8 * i);
    if (len > w->options.answer_bytes) {
        bury(w);
        return shim_fail(error, FARMIQ_E_UNREACHABLE, "worker", "answered %u bytes", len);
    }
    r = receive_bytes(w, into, len, until_steady_ms, error);
    *frame = (struct farmiq_str){ into, len };
    return r;
}

/* ## Starting */

static int launch(struct shim_worker *w)
{
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) != 0)
        return FARMIQ_E_NOMEM;
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return FARMIQ_E_NOMEM;
    }
    w->pid = fork();
    if (w->pid == 0)
        become(&w->options, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    w->in_fd = in[1];
    w->out_fd = out[0];
    if (w->pid < 0) {
        close(in[1]);
        close(out[0]);
        w->pid = 0;
        return FARMIQ_E_NOMEM;
    }
    fcntl(w->in_fd, F_SETFL, O_NONBLOCK);
    fcntl(w->out_fd, F_SETFL, O_NONBLOCK);
    return FARMIQ_OK;
}

/* It may have ended while nobody asked, and after a greeting that said why. */
static void notice_end(struct shim_worker *w)
{
    if (w->pid && waitpid(w->pid, NULL, WNOHANG) == w->pid)
        hang_up(w);
}

int shim_worker_start(struct shim_worker *w, struct farmiq_str *greeting,
                      struct farmiq_error *error)
{
    struct farmiq_str frame = { w->greeting, w->greeting_bytes };
    int r = FARMIQ_OK;

    notice_end(w);
    if (!w->pid) {
        r = launch(w);
        if (r == FARMIQ_OK)
            r = receive_frame(w, w->greeting, &frame, steady_ms() + w->options.timeout_ms,
                              error);
    }
    if (r == FARMIQ_OK) {
        w->greeting_bytes = (uint32_t)frame.len;
        if (greeting)
            *greeting = frame;
    }
    return r;
}

int shim_worker_ask(struct shim_worker *w, struct farmiq_str question,
                    struct farmiq_str *answer, struct farmiq_error *error)
{
    int64_t until_steady_ms;
    int r = shim_worker_start(w, NULL, error);

    until_steady_ms = steady_ms() + w->options.timeout_ms;
    if (r == FARMIQ_OK)
        r = send_frame(w, question, until_steady_ms, error);
    return r ? r : receive_frame(w, w->answer, answer, until_steady_ms, error);
}

/* ## Opening and closing */

int shim_worker_open(struct shim_worker **out, const struct shim_worker_options *options)
{
    struct shim_worker *w = calloc(1, sizeof *w);

    if (!w)
        return FARMIQ_E_NOMEM;
    w->options = *options;
    w->greeting = malloc(options->answer_bytes);
    w->answer = malloc(options->answer_bytes);
    if (!w->greeting || !w->answer) {
        shim_worker_close(w);
        return FARMIQ_E_NOMEM;
    }
    *out = w;
    return FARMIQ_OK;
}

void shim_worker_close(struct shim_worker *w)
{
    if (!w)
        return;
    bury(w);
    free(w->greeting);
    free(w->answer);
    free(w);
}
