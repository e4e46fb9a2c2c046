/* SPDX-License-Identifier: Apache-2.0 */
/* A real Mosquitto for a test. */
#include "broker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const programs[] = { "/usr/sbin/mosquitto",
                                        "/usr/local/sbin/mosquitto",
                                        "/usr/bin/mosquitto" };

static void die(const char *what)
{
    perror(what);
    abort();
}

static const char *program(void)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (access(programs[i], X_OK) == 0)
            return programs[i];
    return NULL;
}

int broker_is_installed(void) { return program() != NULL; }

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static bool is_free(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool free = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

    if (fd >= 0)
        close(fd);
    return free;
}

/* Below the range that the kernel takes for connections that leave this machine: a port
 * of its own choice may be such a connection's again before the broker listens there. */
static uint16_t free_port(void)
{
    for (;;) {
        uint16_t chance, port;

        if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
            die("getrandom");
        port = (uint16_t)(10000 + chance % 20000);
        if (is_free(port))
            return port;
    }
}

const char *broker_file(struct broker *broker, const char *name, const char *text)
{
    static char path[160];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", broker->dir, name);
    file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        die(path);
    chmod(path, 0600); /* Mosquitto warns of readable secrets */
    return path;
}

static void make_place(struct broker *broker)
{
    memset(broker, 0, sizeof *broker);
    snprintf(broker->dir, sizeof broker->dir, "/tmp/farmiq-broker-XXXXXX");
    if (!mkdtemp(broker->dir))
        die("mkdtemp");
    broker->port = free_port();
    snprintf(broker->url, sizeof broker->url, "mqtt://127.0.0.1:%u",
             (unsigned)broker->port);
}

static const char *user_name(void)
{
    const struct passwd *me = getpwuid(getuid());

    return me ? me->pw_name : "root";
}

void broker_init(struct broker *broker, const char *more)
{
    char text[2048];

    make_place(broker);
    snprintf(text, sizeof text,
             "user %s\nlistener %u 127.0.0.1\npersistence true\n"
             "persistence_location %s/\nmax_inflight_messages 1000\n"
             "max_queued_messages 100000\n%s",
             user_name(), (unsigned)broker->port, broker->dir,
             more ? more : "allow_anonymous true\n");
    snprintf(broker->conf, sizeof broker->conf, "%s",
             broker_file(broker, "mosquitto.conf", text));
}

static const char *replacement(const char *line, const char *const *pairs)
{
    for (; *pairs; pairs += 2) {
        size_t len = strlen(pairs[0]);

        if (strncmp(line, pairs[0], len) == 0 && line[len] == ' ')
            return pairs[1];
    }
    return NULL;
}

void broker_init_from(struct broker *broker, const char *file,
                      const char *const *replacements)
{
    char line[512], text[16384];
    size_t used;
    FILE *in = fopen(file, "r");

    if (!in)
        die(file);
    make_place(broker);
    used = (size_t)snprintf(text, sizeof text,
                            "user %s\npersistence_location %s/\nlistener %u 127.0.0.1\n",
                            user_name(), broker->dir, (unsigned)broker->port);
    while (fgets(line, sizeof line, in)) {
        const char *value = replacement(line, replacements);
        int key_len = (int)strcspn(line, " ");

        if (value && *value)
            used += (size_t)snprintf(text + used, sizeof text - used, "%.*s %s\n",
                                     key_len, line, value);
        else if (!value)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s", line);
    }
    fclose(in);
    snprintf(broker->conf, sizeof broker->conf, "%s",
             broker_file(broker, "mosquitto.conf", text));
}

static int answers(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = connect(fd, (struct sockaddr *)&address, sizeof address);

    close(fd);
    return r == 0;
}

static void exec_broker(const struct broker *broker)
{
    char log[160];
    int fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves nothing behind */
    snprintf(log, sizeof log, "%s/log", broker->dir);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (chdir(broker->dir) != 0)
        _exit(127);
    execl(program(), "mosquitto", "-c", broker->conf, (char *)NULL);
    _exit(127);
}

void broker_start(struct broker *broker)
{
    struct timespec tick = { 0, 10000000 };

    broker->pid = fork();
    if (broker->pid < 0)
        die("fork");
    if (broker->pid == 0)
        exec_broker(broker);
    for (int i = 0; i < 1000; i++) {
        if (answers(broker->port))
            return;
        if (waitpid(broker->pid, NULL, WNOHANG) == broker->pid)
            break;
        nanosleep(&tick, NULL);
    }
    fprintf(stderr, "the broker does not answer; see %s/log\n", broker->dir);
    abort();
}

void broker_stop(struct broker *broker, int signal_number)
{
    if (!broker->pid)
        return;
    kill(broker->pid, signal_number);
    waitpid(broker->pid, NULL, 0);
    broker->pid = 0;
}

void broker_fini(struct broker *broker)
{
    char command[128];

    broker_stop(broker, SIGKILL);
    snprintf(command, sizeof command, "rm -rf '%s'", broker->dir);
    if (system(command) != 0)
        perror(command);
}
