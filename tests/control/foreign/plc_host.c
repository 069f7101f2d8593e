/* A foreign controller for the tests: libmodbus serves the registers, the reference program runs behind it.

   plc_host tcp PORT | plc_host rtu DEVICE BAUD
   Says "ready" and obeys single letters on its input: p press, r release the emergency stop; ends with its input.
   The belt is simulated: 15 counts a millisecond while the program lets it run. job_ring.c is the translation of
   configs/devices/plc/job_ring.st. */

#include <errno.h>
#include <modbus/modbus.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "job_ring.c"

#define REGISTERS 594
#define COUNTS_PER_MS 15.0
#define CLIENTS 8

static JobRing ring;
static uint32_t longest_on_ms[64];
static uint8_t felt[64];
static double belt = 4294964296.0;
static double belt_ms;
static int estop_ok = 1;

int checked(long index, long size, int line) {
    if (index < 0 || index >= size) {
        fprintf(stderr, "job_ring.st line %d: index %ld of %ld\n", line, index, size);
        exit(3);
    }
    return (int)index;
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void scan(void) {
    double now = now_ms();
    if (ring.run)
        belt += (now - belt_ms) * COUNTS_PER_MS;
    belt_ms = now;
    ring.nowMs = (uint32_t)(uint64_t)now;
    ring.encoderCount = (uint32_t)(uint64_t)belt;
    ring.clockUs = (uint32_t)(uint64_t)(now * 1e3);
    ring.estopOk = estop_ok;
    ring.driveMoves = ring.run;
    ring.guardClosed = ring.airOk = 1;
    JobRing_run(&ring);
}

static void obey(void) {
    char letter;
    if (read(0, &letter, 1) != 1)
        exit(0);
    if (letter == 'p' || letter == 'r')
        estop_ok = letter == 'r';
}

static int serve(modbus_t *bus, modbus_mapping_t *map, int link) {
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(bus, link);
    int length = modbus_receive(bus, request);
    if (length > 0) {
        scan(); /* the count is latched when it is read */
        modbus_reply(bus, request, length, map);
    }
    return length;
}

int main(int argc, char **argv) {
    int is_tcp = argc == 3 && strcmp(argv[1], "tcp") == 0;
    modbus_t *bus = is_tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], atoi(argv[3]), 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, REGISTERS, 0);
    int links[CLIENTS], listener = -1, count = 0;
    if (bus == NULL || map == NULL)
        return 2;
    modbus_set_slave(bus, 1);
    if (is_tcp)
        listener = modbus_tcp_listen(bus, CLIENTS);
    else if (modbus_connect(bus) == 0)
        links[count++] = modbus_get_socket(bus);
    if (is_tcp ? listener < 0 : count == 0) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 2;
    }
    for (int n = 0; n < 64; n++)
        longest_on_ms[n] = 150;
    ring.registers = map->tab_registers;
    ring.longestOnMs = longest_on_ms;
    ring.readBack = ring.outputs;
    ring.felt = felt;
    ring.hasDriveSignal = ring.hasReadBack = ring.hasSensors = ring.hasClock = 1;
    ring.outputCount = 49;
    ring.counterBits = 32;
    ring.ticksPer100m = 1000000;
    ring.lateLimit = 50;
    struct sched_param priority = {50};
    sched_setscheduler(0, SCHED_FIFO, &priority); /* a controller's task; without the right to it, as well as it goes */
    belt_ms = now_ms();
    scan();
    puts("ready");
    fflush(stdout);
    for (;;) {
        fd_set ready;
        struct timeval nap = {0, 1000};
        FD_ZERO(&ready);
        FD_SET(0, &ready);
        int highest = 0;
        if (is_tcp) {
            FD_SET(listener, &ready);
            highest = listener;
        }
        for (int n = 0; n < count; n++) {
            FD_SET(links[n], &ready);
            highest = links[n] > highest ? links[n] : highest;
        }
        if (select(highest + 1, &ready, NULL, NULL, &nap) < 0)
            continue;
        scan();
        if (FD_ISSET(0, &ready))
            obey();
        for (int n = 0; n < count; n++)
            if (FD_ISSET(links[n], &ready) && serve(bus, map, links[n]) == -1 && is_tcp) {
                close(links[n]);
                links[n--] = links[--count];
            }
        if (is_tcp && FD_ISSET(listener, &ready) && count < CLIENTS) {
            int link = modbus_tcp_accept(bus, &listener);
            if (link >= 0)
                links[count++] = link;
        }
    }
}
