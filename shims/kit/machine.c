/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as /proc and the file system tell of it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "kit/shim.h"

static void look_at_memory(struct shim_machine *machine)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    long long kib;

    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "MemTotal: %lld", &kib) == 1)
            machine->memory_total_bytes = kib * 1024;
        else if (sscanf(line, "MemAvailable: %lld", &kib) == 1)
            machine->memory_free_bytes = kib * 1024;
    }
    if (file)
        fclose(file);
}

static void look_at_disk(struct shim_machine *machine, const char *path)
{
    struct statvfs disk;

    if (statvfs(path, &disk))
        return;
    machine->disk_free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    machine->disk_total_bytes = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize;
}

void shim_machine_look(struct shim_machine *machine, const char *disk_path)
{
    *machine = (struct shim_machine){ { -1, -1, -1 }, -1, -1, -1, -1 };
    if (getloadavg(machine->load, 3) != 3)
        machine->load[0] = machine->load[1] = machine->load[2] = -1;
    look_at_memory(machine);
    look_at_disk(machine, disk_path);
}
