/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest image that links: no startup code, no board, just calls of everything that
 * the device does. The firmware test weighs it and looks what it brought along. */
#include "device.h"

struct device device;
char message[DEVICE_MESSAGE_BYTES];

/* A board's own: its clock, its random numbers, its radio. */
int64_t board_unix_ms(void);
void board_random(void *bytes, size_t len);
int board_publish(const char *text, size_t len);
void board_sleep_ms(uint32_t ms);
size_t board_command(const char **id);
void board_obey(void);
int32_t board_milli_celsius(void);

/* Where the board's reset handler ends up. */
void image(void);

static void publish(size_t len)
{
    for (uint32_t failures = 1; board_publish(message, len) != 0; failures++) {
        uint32_t random;

        board_random(&random, sizeof random);
        board_sleep_ms(device_wait_ms(failures, random));
    }
}

void image(void)
{
    uint8_t entropy[16];
    const char *command;
    size_t len;

    board_random(entropy, sizeof entropy);
    if (device_init(&device, (struct device_name){ "tenant-1", "sensor-7" }, entropy) < 0)
        return;
    for (;;) {
        board_random(entropy, sizeof entropy);
        if (device_temperature(&device, board_milli_celsius(), board_unix_ms(), entropy,
                               message, &len) == 0)
            publish(len);
        len = board_command(&command);
        if (len > 0 && device_is_new(&device, command, len, board_unix_ms()) == 1)
            board_obey();
        board_sleep_ms(60000);
    }
}
