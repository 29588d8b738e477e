/* SPDX-License-Identifier: MIT */
/* Every access that mm makes to memory passes here. */

/*
 * Theory of operation
 *
 * mm is compiled with -fsanitize=thread: the compiler puts a call before each
 * plain access to memory and replaces each atomic operation by one. The
 * functions called are these, not ThreadSanitizer's. So every shared access of
 * mm is a point of the simulator, whatever accessor it went through, and none
 * can be forgotten; what a plain access is to the schedule, to the race
 * detector and to the log of lines is decided here.
 *
 * Names and types are the compiler's (gcc and clang agree on them).
 */

#include "sim_impl.h"

#include <string.h>

/* The compiler declares them as built-ins, in its own types. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"

#define HERE ((uintptr_t)__builtin_return_address(0))

static inline void
plain(const void *at, bool write, uintptr_t pc)
{
	if ((sim_watching & ~(unsigned)SIM_POINTS) == 0)
		return;
	if ((sim_watching & SIM_PLAIN) != 0)
		sim_point_plain();
	if ((sim_watching & SIM_RACES) != 0)
		sim_race_plain((uintptr_t)at, write, pc);
	if (write && (sim_watching & SIM_LINES) != 0)
		sim_lines_store((uintptr_t)at, false);
}

static inline void
atomic(const volatile void *at, bool read, bool write, int order, uintptr_t pc)
{
	if (sim_watching == 0)
		return;
	sim_point();
	if ((sim_watching & SIM_RACES) != 0)
		sim_race_atomic((uintptr_t)at, read, write, order, pc);
	if (write && (sim_watching & SIM_LINES) != 0)
		sim_lines_store((uintptr_t)at, false);
}

#define PLAIN(name, write)                                                     \
	void name(void *at);                                                   \
	void name(void *at)                                                    \
	{                                                                      \
		plain(at, write, HERE);                                        \
	}
PLAIN(__tsan_read1, false)
PLAIN(__tsan_read2, false)
PLAIN(__tsan_read4, false)
PLAIN(__tsan_read8, false)
PLAIN(__tsan_read16, false)
PLAIN(__tsan_write1, true)
PLAIN(__tsan_write2, true)
PLAIN(__tsan_write4, true)
PLAIN(__tsan_write8, true)
PLAIN(__tsan_write16, true)
PLAIN(__tsan_unaligned_read2, false)
PLAIN(__tsan_unaligned_read4, false)
PLAIN(__tsan_unaligned_read8, false)
PLAIN(__tsan_unaligned_read16, false)
PLAIN(__tsan_unaligned_write2, true)
PLAIN(__tsan_unaligned_write4, true)
PLAIN(__tsan_unaligned_write8, true)
PLAIN(__tsan_unaligned_write16, true)

void
__tsan_init(void)
{
}

void
__tsan_func_entry(void *pc)
{
	(void)pc;
}

void
__tsan_func_exit(void)
{
}

static void
range(char *at, size_t bytes, bool write, uintptr_t pc)
{
	for (size_t i = 0; i < bytes; i += 8)
		plain(at + i, write, pc);
}

void
__tsan_read_range(void *at, size_t bytes)
{
	range(at, bytes, false, HERE);
}

void
__tsan_write_range(void *at, size_t bytes)
{
	range(at, bytes, true, HERE);
}

void *
__tsan_memset(void *to, int value, size_t bytes)
{
	range(to, bytes, true, HERE);
	return memset(to, value, bytes);
}

void *
__tsan_memcpy(void *to, const void *from, size_t bytes)
{
	range(to, bytes, true, HERE);
	return memcpy(to, from, bytes);
}

void
__tsan_atomic_thread_fence(int order)
{
	(void)order;
	sim_point();
}

void
__tsan_atomic_signal_fence(int order)
{
	(void)order;
}

#define SEQ __ATOMIC_SEQ_CST
#define MODIFY(bits, type, op)                                                 \
	type __tsan_atomic##bits##_fetch_##op(                                 \
	    volatile type *at, type value, int order)                          \
	{                                                                      \
		atomic(at, true, true, order, HERE);                           \
		return __atomic_fetch_##op(at, value, SEQ);                    \
	}
/* All operations on atomics of one size. */
#define ATOMICS(bits, type)                                                    \
	type __tsan_atomic##bits##_load(const volatile type *at, int order)    \
	{                                                                      \
		atomic(at, true, false, order, HERE);                          \
		return __atomic_load_n(at, SEQ);                               \
	}                                                                      \
	void __tsan_atomic##bits##_store(                                      \
	    volatile type *at, type value, int order)                          \
	{                                                                      \
		atomic(at, false, true, order, HERE);                          \
		__atomic_store_n(at, value, SEQ);                              \
	}                                                                      \
	type __tsan_atomic##bits##_exchange(                                   \
	    volatile type *at, type value, int order)                          \
	{                                                                      \
		atomic(at, true, true, order, HERE);                           \
		return __atomic_exchange_n(at, value, SEQ);                    \
	}                                                                      \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *at,   \
	    type *expected, type value, int order, int failed)                 \
	{                                                                      \
		bool same;                                                     \
                                                                               \
		atomic(at, false, false, order, HERE);                         \
		same = __atomic_compare_exchange_n(                            \
		    at, expected, value, false, SEQ, SEQ);                     \
		if ((sim_watching & SIM_RACES) != 0)                           \
			sim_race_atomic((uintptr_t)at, true, same,             \
			    same ? order : failed, HERE);                      \
		return same;                                                   \
	}                                                                      \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile type *at,     \
	    type *expected, type value, int order, int failed)                 \
	{                                                                      \
		return __tsan_atomic##bits##_compare_exchange_strong(          \
		    at, expected, value, order, failed);                       \
	}                                                                      \
	MODIFY(bits, type, add)                                                \
	MODIFY(bits, type, sub)                                                \
	MODIFY(bits, type, and)                                                \
	MODIFY(bits, type, or)                                                 \
	MODIFY(bits, type, xor)

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)
