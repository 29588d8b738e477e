/* SPDX-License-Identifier: MIT */
/*
 * What mm needs, on metal (mm/include/mm/port.h tells what each must do).
 *
 * Theory of operation
 * 1. Pin is "interrupts of this hart off": remote calls are interrupts, and a
 *    thread never changes harts, so nothing else can come between. It and what
 *    else mm asks for at every exchange of magazines is in mm_pin.c.
 * 2. A slot lies in its hart's block, behind the TLS, at the same distance from
 *    tp on every hart: that distance is what a cache descriptor starts with and
 *    what arch/riscv/mag.S adds to tp. It begins at a constant, so a fixed slot
 *    is an immediate (kernel/static_cache.h).
 * 3. A remote call runs in an interrupt; the trap entry has put a half-done
 *    hot pair operation back to its beginning (arch/riscv/mag.S), so the
 *    function sees a slot in which nothing is half done.
 */
#include <stdatomic.h>

#include <arch/csr.h>
#include <arch/hart.h>
#include <arch/mag.h>
#include <arch/mag_frame.h>
#include <kernel/boot.h>
#include <kernel/klog.h>
#include <kernel/panic.h>
#include <kernel/platform.h>
#include <kernel/smp.h>
#include <kernel/symbols.h>
#include <kernel/time.h>
#include <mm/frame.h>
#include <mm/mag.h>
#include <mm/port.h>

#include "kernel_impl.h"
#include "smp_impl.h"

_Static_assert(sizeof(struct mag_slot) == ARCH_MAG_SLOT_BYTES, "mag.S: slot");
_Static_assert(
    offsetof(struct mag_slot, top) == ARCH_MAG_SLOT_TOP, "mag.S: top");
_Static_assert(MAG_BYTES == ARCH_MAG_BYTES, "mag.S: end of a magazine");
_Static_assert(FRAME_SHIFT == ARCH_FRAME_SHIFT, "mag_frame.S: frame");
_Static_assert(MAG_BYTES == ARCH_FRAME_MAGAZINE, "mag_frame.S: its end");
_Static_assert(offsetof(struct frame_home, fh_span.base) == ARCH_FRAME_BASE &&
	offsetof(struct frame_home, fh_span.bytes) == ARCH_FRAME_BYTES &&
	offsetof(struct frame_home, fh_slot) == ARCH_FRAME_SLOT &&
	offsetof(struct frame_home, fh_kinds) == ARCH_FRAME_KINDS &&
	FRAME_KIND_TO_OWNER == ARCH_FRAME_OWNER,
    "mag_frame.S: zone and record");
_Static_assert(sizeof(void *) == 8, "mag.S: rounds are 8 bytes");
_Static_assert(offsetof(struct mag_cold, allocs) == ARCH_MAG_SLOT_ALLOCS &&
	offsetof(struct mag_cold, frees) == ARCH_MAG_SLOT_FREES,
    "mag.S: counts");

unsigned
port_hart_count(void)
{
	return smp_hart_count();
}

#ifdef QUARRY_TEST_NO_DRAIN
/* Negative control: the hart whose magazines are being taken, + 1; or 0. */
static unsigned posing_as[PLATFORM_HARTS_MAX];

unsigned
port_hart_self(void)
{
	if (posing_as[smp_hart_self()] != 0)
		return posing_as[smp_hart_self()] - 1;
	return smp_hart_self();
}
#endif

void *
port_slot_base(unsigned hart)
{
	uintptr_t tp;

	KASSERT(hart < smp_n_harts);
	tp = (uintptr_t)smp_harts[hart].sh_hart + HART_SIZE;
	return (void *)tp; /* an address, by construction */
}

size_t
port_slot_origin(void)
{
	return HART_SLOTS;
}

size_t
port_slot_count(void)
{
	return smp_slot_count();
}

bool
port_hart_call(unsigned hart, void (*fn)(void *), void *arg)
{
#ifdef QUARRY_TEST_NO_DRAIN
	/* The negative control: touch the other's magazines from here. */
	unsigned long irq;

	if (hart >= smp_hart_count())
		return false;
	irq = csr_irq_save();
	posing_as[smp_hart_self()] = hart + 1;
	fn(arg);
	posing_as[smp_hart_self()] = 0;
	csr_irq_restore(irq);
	return true;
#else
	return smp_call(hart, fn, arg);
#endif
}

void
port_pause(void)
{
	csr_pause();
}

void
port_report(const struct mm_report *r)
{
	char caller[96];

	(void)symbol_format(caller, sizeof(caller), r->caller);
	klog_printf("HEAP-ERROR kind=%s cache=%s obj=0x%llx base=0x%llx "
		    "off=%lld size=%zu hart=%u caller=%s seq=%llu\n",
	    mm_error_name(r->kind), r->cache, (unsigned long long)r->obj,
	    (unsigned long long)r->base, (long long)r->offset, r->size, r->hart,
	    caller, (unsigned long long)r->seq);
	if (r->kind == MM_WRONG_CACHE)
		klog_printf("  owner: cache %s\n", r->owner);
	if (r->slab != 0)
		klog_printf("  slab: 0x%llx, %u of %u objects in use\n",
		    (unsigned long long)r->slab, r->inuse, r->total);
	if (r->detail != NULL)
		klog_printf("  %s\n", r->detail);
	klog_printf(
	    "  action=%s\n", boot_args()->heap_fatal ? "halted" : r->action);
	if (boot_args()->heap_fatal)
		panic("heap error %s in cache %s (heap=fatal)",
		    mm_error_name(r->kind), r->cache);
}

void
port_panic(
    const char *file, int line, const char *what, uintptr_t a, uintptr_t b)
{
	panic("%s:%d: broken invariant of the allocator: %s (0x%llx, 0x%llx)",
	    file, line, what, (unsigned long long)a, (unsigned long long)b);
}
