/* SPDX-License-Identifier: Apache-2.0 */
/* A worker as a job sees it: the one of its thread, found by its program's name. */
#include <stdio.h>
#include <string.h>

#include "kit/internal.h"
#include "kit/worker.h"

#define ANSWER_BYTES (64 * 1024)
#define PATH_BYTES 1024

/* A worker ends with the thread that started it, and so does its use. */
static _Thread_local struct {
    struct shim_worker *worker;
    char program[PATH_BYTES], argument[PATH_BYTES];
    const char *argv[3];
} thread;

void shim_worker_thread_end(void)
{
    shim_worker_close(thread.worker);
    thread.worker = NULL;
}

static int copy_argument(char *to, const char *folder, const char *text)
{
    int len = snprintf(to, PATH_BYTES, "%s%s", folder, text);

    return len < PATH_BYTES ? FARMIQ_OK : FARMIQ_E_RANGE;
}

static int open_worker(const struct shim_question *question)
{
    const struct shim_worker_options options = { .argv = thread.argv,
                                                 .timeout_ms = question->timeout_ms,
                                                 .memory_bytes = question->memory_bytes,
                                                 .answer_bytes = ANSWER_BYTES };
    int is_path = strchr(question->program, '/') != NULL;
    int r = copy_argument(thread.program, is_path ? "" : SHIM_PROGRAMS_FOLDER "/",
                          question->program);

    if (r == FARMIQ_OK)
        r = copy_argument(thread.argument, "", question->argument);
    thread.argv[0] = thread.program;
    thread.argv[1] = thread.argument;
    return r < 0 ? r : shim_worker_open(&thread.worker, &options);
}

int shim_ask_worker(struct shim_call *call, struct shim_question *question)
{
    struct farmiq_error error;
    int r = thread.worker ? FARMIQ_OK : open_worker(question);

    farmiq_error_init(&error, sizeof error);
    question->greeting = question->answer = shim_str("");
    if (r == FARMIQ_OK)
        r = shim_worker_start(thread.worker, &question->greeting, &error);
    if (r == FARMIQ_OK && question->text.ptr)
        r = shim_worker_ask(thread.worker, question->text, &question->answer, &error);
    question->fault = shim_call_copy(call, shim_str(error.detail));
    return r;
}
