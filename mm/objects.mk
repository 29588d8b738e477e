# SPDX-License-Identifier: MIT
# One file per line; see the Makefile for what each list is linked into.
mm-y += frame.o
mm-y += frame_hart.o
mm-y += frame_hot.o
mm-y += frame_run.o
mm-y += kmalloc.o
mm-y += kmem_bulk.o
mm-y += kmem_cache.o
mm-y += kmem_depot.o
mm-y += kmem_error.o
mm-y += kmem_geom.o
mm-y += kmem_grow.o
mm-y += kmem_idle.o
mm-y += kmem_internal.o
mm-y += kmem_live.o
mm-y += kmem_mag.o
mm-y += kmem_miss.o
mm-y += kmem_reap.o
mm-y += kmem_reserve.o
mm-y += kmem_rounds.o
mm-y += kmem_slab.o
mm-y += kmem_slot.o
mm-y += kmem_stat.o
mm-y += kmem_tune.o
mm-y += kmem_verify.o
# The hot pair in C: every embedder but the kernel, which has its own.
mm-host-y += kmem_cold.o
mm-host-y += kmem_hot.o

# Leaves but for the port: a frame pointer would cost them a sixth. With the
# other option gcc 12 moves all arguments aside first, for the slow way's sake.
CFLAGS-mm/kmem_bulk := -fomit-frame-pointer -fno-cse-follow-jumps
CFLAGS-mm/kmem_rounds := -fomit-frame-pointer

# Asked for by people, or once in a cache's life: small rather than fast.
$(foreach f,kmem_stat kmem_verify kmem_error kmem_tune \
	kmem_reserve kmem_slot kmem_cache kmem_geom kmem_idle \
	kmem_reap kmem_grow kmalloc frame_hart,$(eval CFLAGS-mm/$(f) := -Os))

# Frames, the ways of every miss, and of verified caches. s0 is left alone, so
# that a backtrace steps over these functions instead of ending at them.
$(foreach f,frame frame_run kmem_live kmem_mag kmem_depot,$(eval \
	CFLAGS-mm/$(f) := -fomit-frame-pointer -ffixed-s0))
