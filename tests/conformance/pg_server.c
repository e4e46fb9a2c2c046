/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server of the test's own. */
#include "pg_server.h"

#include "harness.h"

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#define ARGS_MAX 24

/* PostgreSQL refuses to run as root: then it runs as the user that its package made. */
static const struct passwd *other_user(void)
{
    return geteuid() == 0 ? getpwnam("postgres") : NULL;
}

static void become_other_user(void)
{
    const struct passwd *user = other_user();

    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
}

/* By its whole path: initdb looks for the server where it was called from itself. */
static void __attribute__((noreturn)) become(char *const argv[])
{
    char path[256];
    char *args[ARGS_MAX + 1] = { path };

    snprintf(path, sizeof path, "%s/%s", PG_BINDIR, argv[0]);
    for (int i = 1; i < ARGS_MAX && argv[i]; i++)
        args[i] = argv[i];
    execv(path, args);
    _exit(127);
}

/* The child writes to a log in its folder, and dies with us. */
static pid_t spawn(const struct pg_server *server, char *const argv[])
{
    char path[256];
    pid_t parent = getpid(), pid = fork();
    int log;

    assert_true(pid >= 0);
    if (pid)
        return pid;
    become_other_user();
    snprintf(path, sizeof path, "%s/log", server->dir);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() != parent || chdir(server->dir) != 0)
        _exit(126);
    become(argv);
}

static int wait_for(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

void pg_server_conninfo(const struct pg_server *server, const char *schema, char *out,
                        size_t room)
{
    snprintf(out, room, "host=%s user=farmiq dbname=postgres options='-c search_path=%s'",
             server->dir, schema);
}

static void wait_until_ready(const struct pg_server *server)
{
    char conninfo[256];
    int tries = 0;

    pg_server_conninfo(server, "public", conninfo, sizeof conninfo);
    while (PQping(conninfo) != PQPING_OK) {
        assert_true(tries++ < 2400); /* recovery first syncs every file */
        usleep(50000);
    }
}

void pg_server_restart(struct pg_server *server)
{
    char buffers[48];
    char *const argv[] = { "postgres",
                           "-D",
                           "data",
                           "-k",
                           server->dir,
                           "-c",
                           "listen_addresses=",
                           "-c",
                           "max_connections=40",
                           "-c",
                           buffers,
                           "-c",
                           "log_error_verbosity=terse",
                           NULL };

    snprintf(buffers, sizeof buffers, "shared_buffers=%s",
             server->shared_buffers ? server->shared_buffers : "32MB");
    server->pid = spawn(server, argv);
    wait_until_ready(server);
}

void pg_server_start(struct pg_server *server)
{
    char *const argv[] = { "initdb", "-D", "data", "-U",         "farmiq", "-A",
                           "trust",  "-E", "UTF8", "--locale=C", "-N",     NULL };
    const char *base = getenv("TMPDIR");
    const struct passwd *user = other_user();

    snprintf(server->dir, sizeof server->dir, "%s/farmiq-pg-XXXXXX",
             base && strlen(base) < 40 ? base : "/tmp");
    assert_non_null(mkdtemp(server->dir));
    if (user)
        assert_int_equal(chown(server->dir, user->pw_uid, user->pw_gid), 0);
    assert_int_equal(wait_for(spawn(server, argv)), 0);
    pg_server_restart(server);
}

void pg_server_kill(struct pg_server *server)
{
    assert_int_equal(kill(server->pid, SIGQUIT), 0);
    (void)wait_for(server->pid);
}

static int remove_entry(const char *path, const struct stat *status, int flag,
                        struct FTW *ftw)
{
    (void)status, (void)flag, (void)ftw;
    return remove(path);
}

void pg_server_stop(struct pg_server *server)
{
    assert_int_equal(kill(server->pid, SIGINT), 0);
    (void)wait_for(server->pid);
    assert_int_equal(nftw(server->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* libpq finds this one, and writes through it once for each time that it waits. */
static atomic_uint trips;

__attribute__((visibility("default"))) ssize_t send(int fd, const void *bytes, size_t len,
                                                    int flags)
{
    trips++;
    return sendto(fd, bytes, len, flags, NULL, 0);
}

uint32_t pg_server_trips(void) { return atomic_exchange(&trips, 0); }
