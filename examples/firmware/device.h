/* SPDX-License-Identifier: Apache-2.0 */
/* A device's side of FarmIQ, without heap, clock, files or operating system. */
#ifndef DEVICE_H
#define DEVICE_H

#include <farmiq/dedupe.h>
#include <farmiq/uuid.h>

#define DEVICE_COMMANDS 16 /* recent commands that are recognized when they repeat */
#define DEVICE_COMMAND_TTL_MS 3600000
#define DEVICE_MESSAGE_BYTES 512

/* Who it is: texts that end with a NUL and outlive the device. */
struct device_name {
    const char *tenant_id;
    const char *device_id;
};

/* All it remembers; put it where it survives what it should survive. */
struct device {
    struct device_name name;
    struct farmiq_uuid_seq ids;
    struct farmiq_dedupe *commands;
    int64_t memory[(40 + 32 * DEVICE_COMMANDS) / 8]; /* dedupe.h says how much */
};

/* `key` is random, and this device's own. 0, or what farmiq_dedupe_init() says. */
int device_init(struct device *device, struct device_name name, const uint8_t key[16]);

/* Write a temperature as an envelope, ready to publish: each call a new event, so keep
 * the text until it is acknowledged and send the same text again. `entropy` comes from
 * the chip's random number generator. FARMIQ_E_NOSPACE, FARMIQ_E_RANGE (time). */
int device_temperature(struct device *device, int32_t milli_celsius, int64_t now_unix_ms,
                       const uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES],
                       char text[DEVICE_MESSAGE_BYTES], size_t *len);

/* How long to wait after the broker was unreachable `failures` times in a row. A device
 * never gives up: past the last attempt it goes on at the longest delay. */
uint32_t device_wait_ms(uint32_t failures, uint32_t random);

/* 1: act on this command; 0: it is a repeat; negative: see farmiq_dedupe_check(). */
int device_is_new(struct device *device, const char *command_id, size_t len,
                  int64_t now_unix_ms);

#endif
