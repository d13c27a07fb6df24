/* A PLC as a libmodbus server in a thread: registers, and the ways a PLC or its network fails. */
#ifndef WHARF_TEST_PLC_RIG_H
#define WHARF_TEST_PLC_RIG_H

#include <modbus.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct plc_rig {
	int port;
	pthread_t thread;
	pthread_mutex_t lock; /* registers and writes */
	modbus_mapping_t *map;
	atomic_bool ends, mute, refuse, reset;
	atomic_int reads, writes, connections;
	int listener;
};

/* Block A begins at register 10, block B at 200. The heartbeat runs by itself. */
#define PLC_RIG_A 10
#define PLC_RIG_B 200
#define PLC_RIG_WORDS 300

void plc_rig_open(struct plc_rig *rig);
void plc_rig_close(struct plc_rig *rig);

uint16_t plc_rig_get(struct plc_rig *rig, unsigned word);
void plc_rig_set(struct plc_rig *rig, unsigned word, const uint16_t *values, unsigned n);

#endif
