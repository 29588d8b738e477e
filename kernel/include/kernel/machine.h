/* SPDX-License-Identifier: MIT */
/* Ending a run. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

/*
 * Print `QUARRY-EXIT code=N`, quiet the other harts, and leave by the way that
 * exit= chose (auto: finisher if the tree has one, else SRST, else wfi).
 */
_Noreturn void machine_exit(int code);
_Noreturn void machine_reboot(void);
/* fn waits until what was printed has left the device: called at the end. */
void machine_set_drain(void (*fn)(void));

#endif
