/* SPDX-License-Identifier: MIT */
/*
 * The loads on kmem, each call under one lock of all harts and caches, with
 * interrupts off: what a kernel pays that makes its allocator safe from
 * outside. Nobody waits under the lock, so allocations are KMEM_NOWAIT.
 */
#include "../rival/rival.h"

#define ADAPTER_CREATE_FLAGS 0u
#define ADAPTER_ALLOC_FLAGS  KMEM_NOWAIT

static struct rival_lock big_lock;

static inline unsigned long
adapter_enter(void)
{
	unsigned long saved = rival_irq_off();

	rival_lock(&big_lock);
	return saved;
}

static inline void
adapter_leave(unsigned long saved)
{
	rival_unlock(&big_lock);
	rival_irq_restore(saved);
}

#include "adapter_kmem.h"

#define ADAPTER_GROUPS biglock_groups
#include "load/all.c"

static const struct lab_variant biglock_variant = { "biglock",
	"ours, all calls under one lock with interrupts off",
	LAB_CAN_CTOR | LAB_CAN_REAP | LAB_CAN_COLOUR | LAB_IS_OURS };

const struct lab_code lab_biglock_code = { &biglock_variant, biglock_groups,
	NULL };
