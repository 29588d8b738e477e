/* SPDX-License-Identifier: MIT */
/* What the files of kernel/ tell each other; included nowhere else. */
#ifndef KERNEL_IMPL_H
#define KERNEL_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arch/hart.h>
#include <arch/trap.h>
#include <kernel/memmap.h>
#include <kernel/platform.h>

/*
 * boot.c: from the device tree to the facts of kernel/boot.h. Both end the
 * machine with one line that says why when they cannot.
 */
void boot_read_tree(uint64_t dtb, uint64_t instret, uint64_t time);
void boot_read_memory(void);
/* Entry to now, in timer ticks and instructions. */
uint64_t boot_entry_time(void);
/* One line why, then QUARRY-EXIT code=3. Any context. */
_Noreturn void boot_fail(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* vm.c */
/*
 * Tables for the linear map may shrink a range of `map`. Ranges in which
 * nothing answers leave it; returns their bytes.
 */
uint64_t vm_map_memory(struct memmap *map);
void *vm_linear(uint64_t pa);
const void *vm_map_dtb(uint64_t pa, size_t *avail);
const void *vm_map_initrd(uint64_t pa, uint64_t size);
void vm_frames_ready(void); /* from now on tables come from frame_alloc */
void *vm_map_mmio(uint64_t pa, uint64_t size);
/*
 * Stacks and block of candidate k, in its window, mapped, with guard pages;
 * NULL when there is no memory. `slots` is bytes of slots behind the TLS.
 */
struct hart *vm_hart_create(unsigned k, size_t stack, size_t slots);

/* smp.c */
/* Blocks for all harts that may run. Returns the boot hart's. */
struct hart *smp_prepare(void);
void smp_start(void);   /* start all, wait once, number them */
void smp_release(void); /* let them work */
void smp_interrupt(void);
/* The others forget that a page was not mapped. Thread context. */
void smp_fence_others(void);
size_t smp_slot_count(void);
/* Sleep in wfi until an interrupt; not at all if one came since `seen`. */
uint64_t smp_wakes(void);
void smp_sleep(uint64_t seen);
/* Sleep until cond or time; thread context. */
bool smp_wait(bool (*cond)(void *), void *arg, uint64_t deadline_ns);
/* The others stop where they are, for good. */
void smp_stop_others(void);
_Noreturn void smp_stopped(void);
void smp_run_idle(void);
void smp_count_timer(void);
void smp_count_external(void);

/* time.c */
void time_init(uint64_t hz);
void time_interrupt(void);
/* Wait with interrupts off; ends early for any pending interrupt. */
void time_doze(uint64_t ns);

/* irq.c */
void irq_init(void);
void irq_interrupt(void);

/* fault.c */
/* True: the frame has been changed so that the hart goes on. */
bool fault_survive(struct trap_frame *tf);
/* Which frame fault_divert may change: set for each interrupt, then NULL. */
void fault_interrupt(struct trap_frame *tf);

/* panic.c */
/* Like panic, for an exception: with registers and its own backtrace. */
_Noreturn void panic_trap(const struct trap_frame *tf, const char *what);

/* machine.c */
void machine_init(void);

#endif
