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

#define ARCH_MAG_BYTES       512 /* size and alignment of a magazine */
#define ARCH_MAG_SLOT_BYTES  16
#define ARCH_MAG_SLOT_ALLOCS 16 /* of the counts behind a cold slot */
#define ARCH_MAG_SLOT_FREES  24
#define ARCH_MAG_SLOT_TOP    0  /* of the top pointer in a slot */
#define ARCH_MAG_DESC_SLOT   0  /* of the slot's tp offset in a descriptor */
#define ARCH_MAG_DESC_COLD   16 /* of the cold slot's */

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

/*
 * Hot pair. `desc` starts with its slot's offset from tp. Pop returns NULL when
 * the loaded magazine has no round; push goes to arch_mag_push_slow with the
 * same arguments when it has no room: who links the image says what that is.
 */
void *arch_mag_pop(void *desc);
void arch_mag_push(void *desc, void *obj);
/*
 * The counting pair. `desc` has its cold slot's offset from tp in its third
 * word. They end in arch_mag_cold_claim(desc, flags, obj) or, when the loaded
 * magazine does not serve, in arch_mag_cold_empty / arch_mag_cold_full with the
 * arguments they were given.
 */
void *arch_mag_cold_alloc(void *desc, unsigned flags);
bool arch_mag_cold_free(void *desc, void *obj);

/* A range of assembly or of an inline site: replayed from first, until end. */
struct mag_range {
	uintptr_t mr_first, mr_end;
};
/* The table, in no order that means anything. */
extern const struct mag_range __restart_start[], __restart_end[];

static inline uintptr_t
arch_mag_range_count(void)
{
	return ((uintptr_t)__restart_end - (uintptr_t)__restart_start) /
	    sizeof(struct mag_range);
}

/* Once, before the first interrupt. */
void arch_mag_init(void);
/* Interrupts only: where the hart must resume instead of at pc. */
uintptr_t arch_mag_rewind(uintptr_t pc);
/* An exception here is a smashed slot or magazine, not the caller's. */
bool arch_mag_inside(uintptr_t pc);

/*
 * Told of every interrupt: where it came, and where the hart resumes. There
 * only in the images of make/variants.mk; others do not link with it.
 */
extern void (*volatile arch_mag_watch)(uintptr_t pc, uintptr_t resume);

#endif
#endif
