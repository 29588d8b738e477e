/* SPDX-License-Identifier: MIT */
/*
 * The allocator's hot pair as a restartable sequence. Theory: mag.S.
 *
 * The layout below is what mag.S knows of a slot and a magazine. It is written
 * again, not included, because arch/ and mm/ do not know each other;
 * kernel/mm_port.c proves the two equal.
 */
#ifndef ARCH_MAG_H
#define ARCH_MAG_H

#define ARCH_MAG_BYTES      512 /* size and alignment of a magazine */
#define ARCH_MAG_SLOT_BYTES 16
#define ARCH_MAG_SLOT_TOP   0 /* of the top pointer in a slot */
#define ARCH_MAG_DESC_SLOT  0 /* of the slot's tp offset in a descriptor */

#ifndef __ASSEMBLER__

#include <stdint.h>

/*
 * Hot pair. `desc` starts with its slot's offset from tp. Pop returns NULL when
 * the loaded magazine has no round; push goes to arch_mag_push_slow with the
 * same arguments when it has no room: who links the image says what that is.
 */
void *arch_mag_pop(void *desc);
void arch_mag_push(void *desc, void *obj);

/* Interrupts only: where the hart must resume instead of at pc. */
uintptr_t arch_mag_rewind(uintptr_t pc);

#endif
#endif
