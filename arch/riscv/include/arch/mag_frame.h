/* SPDX-License-Identifier: MIT */
/*
 * The pair on a hart's magazine of single frames, as restartable sequences.
 * Theory: mag_frame.S. As in arch/mag.h the layout is written again here, and
 * kernel/mm_port.c proves it equal to mm's.
 */
#ifndef ARCH_MAG_FRAME_H
#define ARCH_MAG_FRAME_H

#define ARCH_FRAME_SHIFT    12
#define ARCH_FRAME_MAGAZINE 512 /* its size, to which its end is aligned */
/* The home zone, behind the first argument. */
#define ARCH_FRAME_BASE     0  /* address of the first frame */
#define ARCH_FRAME_BYTES    8  /* from there on that have records */
#define ARCH_FRAME_SLOT     24 /* offset of the magazine's top from tp */
#define ARCH_FRAME_KINDS    32 /* kind of a frame: at this + address / 256 */
/* The owner's word of a frame, from its kind. */
#define ARCH_FRAME_OWNER    (-12)

#ifndef __ASSEMBLER__

#include <stdint.h>

/*
 * Take pops a frame, makes `kind` its record's, and returns it; with no rounds
 * it goes on in arch_frame_take_slow(any, kind, flags). Give pushes; it goes on
 * in arch_frame_give_far when `run` is no frame of the zone, ..._bad(home, run,
 * kind) when it was not in use, ..._slow when there is no room, the record
 * being done. Who links the image says what these are.
 */
void *arch_frame_take(void *home, uint32_t kind, unsigned flags);
void arch_frame_give(void *home, void *run);

#endif
#endif
