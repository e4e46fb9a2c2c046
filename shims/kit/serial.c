/* SPDX-License-Identifier: Apache-2.0 */
/* Serial lines. */
#include "kit/serial.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "kit/fail.h"

static const struct {
    uint32_t baud;
    speed_t speed;
} speeds[] = {
    { 1200, B1200 },   { 2400, B2400 },   { 4800, B4800 },   { 9600, B9600 },
    { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 },
};

static int find_speed(uint32_t baud, speed_t *speed)
{
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
        if (speeds[i].baud == baud) {
            *speed = speeds[i].speed;
            return FARMIQ_OK;
        }
    return FARMIQ_E_ARG;
}

static int set_line(int fd, speed_t speed)
{
    struct termios line;

    if (tcgetattr(fd, &line) != 0)
        return -1;
    cfmakeraw(&line);
    line.c_cflag |= CREAD | CLOCAL; /* three wires are enough */
    cfsetispeed(&line, speed);
    cfsetospeed(&line, speed);
    return tcsetattr(fd, TCSANOW, &line);
}

int shim_serial_open(int *fd, const char *path, uint32_t baud, struct farmiq_error *error)
{
    speed_t speed;
    int opened, r = find_speed(baud, &speed);

    if (r != FARMIQ_OK)
        return shim_fail(error, r, path, "no such speed");
    opened = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (opened < 0)
        return shim_fail(error, FARMIQ_E_UNREACHABLE, path, "cannot be opened");
    if (set_line(opened, speed) != 0) {
        close(opened);
        return shim_fail(error, FARMIQ_E_UNREACHABLE, path, "is no serial line");
    }
    *fd = opened;
    return FARMIQ_OK;
}
