/* SPDX-License-Identifier: Apache-2.0 */
/* A real Mosquitto for a test: on a free loopback port, in a folder of its own. */
#ifndef TEST_BROKER_H
#define TEST_BROKER_H

#include <stdint.h>
#include <sys/types.h>

struct broker {
    pid_t pid; /* 0: not running */
    uint16_t port;
    char dir[64];
    char url[64]; /* mqtt://127.0.0.1:port */
    char conf[96];
};

/* Choose a port and a folder and write a configuration: a listener, persistence, and
 * `more` lines ("allow_anonymous true\n" when NULL). Relative paths in it are relative
 * to the folder. Does not start. */
void broker_init(struct broker *broker, const char *more);
/* The same from a file that ships, with the values of some keys replaced: pairs of key
 * and value, ended by NULL. A value of "" drops the line. */
void broker_init_from(struct broker *broker, const char *file,
                      const char *const *replacements);
/* Put a file into the broker's folder and return its path (static buffer). */
const char *broker_file(struct broker *broker, const char *name, const char *text);

void broker_start(struct broker *broker); /* returns when it answers; fails the test */
void broker_stop(struct broker *broker, int signal_number); /* and waits for its end */
void broker_fini(struct broker *broker); /* stops, removes the folder */
int broker_is_installed(void);

#endif
