/* SPDX-License-Identifier: Apache-2.0 */
/* The operating system as the kit sees it: the linker sends its calls for threads,
 * clocks, signals and randomness here (--wrap). Outside a simulation they go through.
 *
 * Mutexes stay the real ones: turns change only in a wait, so they are never contended,
 * and a wait that holds a second lock shows itself as a deadlock. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit/crypto.h"
#include "sim.h"

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __real_pthread_join(pthread_t, void **);
int __real_pthread_cond_wait(pthread_cond_t *, pthread_mutex_t *);
int __real_pthread_cond_timedwait(pthread_cond_t *, pthread_mutex_t *,
                                  const struct timespec *);
int __real_pthread_cond_signal(pthread_cond_t *);
int __real_pthread_cond_broadcast(pthread_cond_t *);
int __real_pthread_sigmask(int, const sigset_t *, sigset_t *);
int __real_sigwait(const sigset_t *, int *);
int __real_clock_gettime(clockid_t, struct timespec *);
int __real_shim_crypto_random(void *, size_t);

int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_join(pthread_t, void **);
int __wrap_pthread_cond_wait(pthread_cond_t *, pthread_mutex_t *);
int __wrap_pthread_cond_timedwait(pthread_cond_t *, pthread_mutex_t *,
                                  const struct timespec *);
int __wrap_pthread_cond_signal(pthread_cond_t *);
int __wrap_pthread_cond_broadcast(pthread_cond_t *);
int __wrap_pthread_sigmask(int, const sigset_t *, sigset_t *);
int __wrap_sigwait(const sigset_t *, int *);
int __wrap_clock_gettime(clockid_t, struct timespec *);
int __wrap_shim_crypto_random(void *, size_t);

/* ## Threads */

struct thread {
    void *(*run)(void *arg);
    void *arg;
};

static void run_thread(void *arg)
{
    struct thread thread = *(struct thread *)arg;

    free(arg);
    thread.run(thread.arg);
}

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *arg)
{
    struct thread *thread;

    if (!sim_is_open())
        return __real_pthread_create(out, attributes, run, arg);
    thread = malloc(sizeof *thread);
    if (!thread)
        return EAGAIN;
    *thread = (struct thread){ run, arg };
    *out = (pthread_t)sim_fiber_start(sim_node_current(), run_thread, thread);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    struct sim_fiber *fiber = (struct sim_fiber *)thread;

    if (!sim_is_open())
        return __real_pthread_join(thread, result);
    while (!sim_fiber_is_done(fiber))
        sim_wait(fiber, SIM_FOR_EVER);
    return 0;
}

/* ## Conditions */

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock)
{
    if (!sim_is_open())
        return __real_pthread_cond_wait(condition, lock);
    pthread_mutex_unlock(lock);
    sim_wait(condition, SIM_FOR_EVER);
    pthread_mutex_lock(lock);
    return 0;
}

/* The kit's conditions count on the monotonic clock, which is the true time. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    int was_woken;

    if (!sim_is_open())
        return __real_pthread_cond_timedwait(condition, lock, until);
    pthread_mutex_unlock(lock);
    was_woken =
        sim_wait(condition, (int64_t)until->tv_sec * 1000 + until->tv_nsec / 1000000);
    pthread_mutex_lock(lock);
    return was_woken ? 0 : ETIMEDOUT;
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    if (!sim_is_open())
        return __real_pthread_cond_signal(condition);
    sim_wake_one(condition);
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition)
{
    if (!sim_is_open())
        return __real_pthread_cond_broadcast(condition);
    sim_wake_all(condition);
    return 0;
}

/* ## Signals, clocks, chance */

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return sim_is_open() ? 0 : __real_pthread_sigmask(how, set, old);
}

int __wrap_sigwait(const sigset_t *set, int *caught)
{
    if (!sim_is_open())
        return __real_sigwait(set, caught);
    sim_node_wait_for_signal();
    *caught = SIGTERM;
    return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    const struct sim_node *node;
    int64_t ms;

    if (!sim_is_open())
        return __real_clock_gettime(clock, out);
    node = sim_node_current();
    ms = sim_now_ms() + (node && clock == CLOCK_REALTIME ? node->skew_ms : 0);
    out->tv_sec = (time_t)(ms / 1000);
    out->tv_nsec = (long)(ms % 1000 * 1000000);
    return 0;
}

int __wrap_shim_crypto_random(void *out, size_t bytes)
{
    unsigned char *at = out;

    if (!sim_is_open())
        return __real_shim_crypto_random(out, bytes);
    while (bytes) {
        uint64_t number = sim_random();
        size_t part = bytes < sizeof number ? bytes : sizeof number;

        memcpy(at, &number, part);
        at += part;
        bytes -= part;
    }
    return FARMIQ_OK;
}
