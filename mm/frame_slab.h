/* SPDX-License-Identifier: MIT */
/*
 * Frames that are part of a slab: their owner word is its descriptor. An
 * embedder's own words, given by frame_set_owner, are never mistaken for one.
 */
#ifndef FRAME_SLAB_H
#define FRAME_SLAB_H

#include <stddef.h>
#include <stdint.h>

void frame_set_slab(void *run, size_t frames, uintptr_t descriptor);
/* The descriptor; 0: the address is in no slab. Any context; O(zones). */
uintptr_t frame_slab(uintptr_t addr);

#endif
