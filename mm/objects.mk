# SPDX-License-Identifier: MIT
# One file per line; see the Makefile for what each list is linked into.
mm-y += frame.o
mm-y += frame_run.o
mm-y += kmalloc.o
mm-y += kmem_bulk.o
mm-y += kmem_cache.o
mm-y += kmem_depot.o
mm-y += kmem_error.o
mm-y += kmem_geom.o
mm-y += kmem_internal.o
mm-y += kmem_mag.o
mm-y += kmem_reap.o
mm-y += kmem_slab.o
mm-y += kmem_slot.o
mm-y += kmem_stat.o
mm-y += kmem_tune.o
mm-y += kmem_verify.o
# The hot pair in C: every embedder but the kernel, which has its own.
mm-host-y += kmem_hot.o
