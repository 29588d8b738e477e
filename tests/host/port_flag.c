/* SPDX-License-Identifier: MIT */
/*
 * The second port of mm to POSIX threads, for speed: a hart is a flag that its
 * thread raises while it works, and whoever wants the hart pays for the fence.
 */

/*
 * Theory of operation
 *
 * 1. The owner of a hart raises a flag (fh_in_op in the hot pair, fh_depth in
 *    a pin), then loads fh_slots, works, and lowers the flag: two plain stores
 *    and no fence. A drainer shuts the slots (fh_slots = flag_shut), makes
 *    every running thread of the process pass a full barrier (membarrier,
 *    PRIVATE_EXPEDITED), and waits until both flags are down. This is Dekker's
 *    handshake, store mine then load yours, with the fence of both sides paid
 *    by one (Dice, Huang and Yang 2001, "Asymmetric Dekker synchronization").
 *
 * 2. Why both cannot be inside. Membarrier puts a full barrier into the owner
 *    somewhere between the drainer's store and its load; call it X. The signal
 *    fence keeps the owner's store before its load in program order. Of each
 *    operation of the owner:
 *      - its store lies before X: then the drainer, loading after X, sees the
 *        flag up, or what later stores made of it, and waits;
 *      - its store, and so its load, lie behind X: then the load sees the
 *        slots shut. The hot pair falls through to the slow path, whose pin
 *        backs out: it lowers its flag and waits (flag_wait).
 *    A thread that does not run passes a full barrier when it is switched in.
 *    test_flag_protocol walks every interleaving of this on processors with
 *    store buffers, and finds the failure without the membarrier.
 *
 * 3. Order of data. The owner lowers with release, the drainer loads with
 *    acquire: it sees the magazines as the last operation left them. The
 *    drainer opens with release, the owner loads with acquire: it sees what
 *    the drain left. An owner that loaded the open slots of before X is still
 *    inside, with its flag up (2), or has left.
 *
 * 4. The shut slots say everything in one word: every offset in them holds a
 *    magazine that reads both empty and full. So the hot pair pays no test for
 *    the drainer, nor for a thread that was never attached: that one has a
 *    hart of its own whose slots are never opened (flag_nobody), falls through
 *    to the slow path, and its pin panics.
 *
 * 5. Waiting. The owner waits for the mutex that the drainer holds, so it
 *    sleeps. The drainer waits for a section of a few hundred instructions and
 *    yields meanwhile. An owner that waits holds no pin, hence no lock, and a
 *    drainer must not be pinned either: two harts that drain each other both
 *    find the other's flags down.
 *
 * 6. The function runs on the drainer's thread, which for that time is a guest:
 *    flag_me points at a hart on its stack with the target's number and slots.
 *    Its pins and hot pairs raise flags that nobody watches.
 *
 * 7. One thread a hart at a time: unlike the mutex of port_threads.c, the flag
 *    does not keep two apart. ThreadSanitizer does not know membarrier; it
 *    runs on the other port.
 */

#include "port_flag.h"

#include "host.h"

#include <mm/host.h>

#include <linux/membarrier.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define UNATTACHED UINT32_MAX
#define SHUT_SLOTS 4096u /* as many as mm ever uses, and room below */

_Alignas(PORT_CACHE_LINE) unsigned char flag_shut[(SHUT_SLOTS + 64u) *
    sizeof(struct mag_slot)];
/* NULL below the middle, and the middle is a multiple of MAG_BYTES. */
static _Alignas(MAG_BYTES) void *shut_words[2 * MAG_BYTES / sizeof(void *)];

static struct flag_hart flag_harts[HOST_HARTS_MAX];
static struct flag_hart flag_nobody = {
	.fh_slots = flag_shut,
	.fh_self = UNATTACHED,
};
_Thread_local struct flag_hart *flag_me = &flag_nobody;

static long
membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

static void
shut_fill(void)
{
	struct mag_slot *s = (struct mag_slot *)(void *)flag_shut;

	for (size_t i = 0; i < sizeof(flag_shut) / sizeof(*s); i++) {
		s[i].top = &shut_words[MAG_BYTES / sizeof(void *)];
		s[i].previous = s[i].top;
	}
}

int
host_port_start(unsigned n)
{
	size_t end =
	    port_slot_origin() + port_slot_count() * sizeof(struct mag_slot);

	if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0) {
		(void)fprintf(stderr,
		    "port_flag: this kernel has no membarrier (Linux 4.14 "
		    "and later have it); use the mutex port\n");
		return -1;
	}
	if (end > sizeof(flag_shut))
		return -1;
	shut_fill();
	for (unsigned h = 0; h < n; h++) {
		struct flag_hart *fh = &flag_harts[h];

		memset(fh, 0, sizeof(*fh));
		fh->fh_self = h;
		fh->fh_own = port_slot_base(h);
		atomic_store(&fh->fh_slots, fh->fh_own);
		if (pthread_mutex_init(&fh->fh_call, NULL) != 0)
			return -1;
	}
	flag_me = &flag_harts[0];
	return 0;
}

void
host_port_stop(void)
{
	unsigned n = port_hart_count();

	/* After a panic that a test expected, a mutex may still be held. */
	for (unsigned h = 0; h < n; h++)
		(void)pthread_mutex_destroy(&flag_harts[h].fh_call);
	flag_me = &flag_nobody;
}

static uint32_t
depth_of(const struct flag_hart *fh)
{
	return atomic_load_explicit(&fh->fh_depth, memory_order_relaxed);
}

void
mm_host_attach(unsigned hart)
{
	if (hart >= port_hart_count())
		port_panic(__FILE__, __LINE__, "no such hart", hart,
		    port_hart_count());
	if (depth_of(flag_me) != 0)
		port_panic(__FILE__, __LINE__, "attach while pinned", hart,
		    depth_of(flag_me));
	flag_me = &flag_harts[hart];
}

unsigned
port_hart_self(void)
{
	unsigned self = flag_me->fh_self;

	if (self == UNATTACHED)
		port_panic(__FILE__, __LINE__,
		    "thread uses mm without mm_host_attach", 0, 0);
	return self;
}

/* The slots were shut when we came: back out, let the drainer finish. */
static __attribute__((noinline)) void
flag_wait(struct flag_hart *me)
{
	do {
		/* Pairs with the acquire load in port_hart_call. */
		atomic_store_explicit(&me->fh_depth, 0u, memory_order_release);
		(void)port_hart_self(); /* panics for who is no hart */
		(void)pthread_mutex_lock(&me->fh_call);
		(void)pthread_mutex_unlock(&me->fh_call);
		atomic_store_explicit(&me->fh_depth, 1u, memory_order_relaxed);
		atomic_signal_fence(memory_order_seq_cst);
	} while (atomic_load_explicit(&me->fh_slots, memory_order_acquire) ==
	    flag_shut);
}

unsigned long
port_pin(void)
{
	struct flag_hart *me = flag_me;
	uint32_t was = depth_of(me);

	atomic_store_explicit(&me->fh_depth, was + 1, memory_order_relaxed);
	if (was != 0)
		return was;
	/* As in flag_enter. */
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(atomic_load_explicit(&me->fh_slots,
				 memory_order_acquire) == flag_shut,
		0))
		flag_wait(me);
	return 0;
}

void
port_unpin(unsigned long saved)
{
	struct flag_hart *me = flag_me;
	uint32_t depth = depth_of(me);

	if (__builtin_expect(depth == 0 || saved != depth - 1, 0))
		port_panic(
		    __FILE__, __LINE__, "unpin out of order", saved, depth);
	/* Pairs with the acquire load in port_hart_call. */
	atomic_store_explicit(
	    &me->fh_depth, (uint32_t)saved, memory_order_release);
}

static bool
flags_up(const struct flag_hart *fh)
{
	/* Pair with flag_leave and port_unpin. */
	return atomic_load_explicit(&fh->fh_in_op, memory_order_acquire) != 0 ||
	    atomic_load_explicit(&fh->fh_depth, memory_order_acquire) != 0;
}

/* Be hart `fh` for as long as fn runs. Its flags are down, its slots shut. */
static void
run_as_guest(const struct flag_hart *fh, void (*fn)(void *), void *arg)
{
	struct flag_hart *was = flag_me;
	struct flag_hart guest = {
		.fh_self = fh->fh_self,
		.fh_own = fh->fh_own,
		.fh_slots = fh->fh_own,
		.fh_depth = 1,
		.fh_guest = true,
	};

	flag_me = &guest;
	fn(arg);
	if (depth_of(&guest) != 1)
		port_panic(__FILE__, __LINE__,
		    "port_hart_call function returned pinned", fh->fh_self,
		    depth_of(&guest));
	flag_me = was;
}

bool
port_hart_call(unsigned hart, void (*fn)(void *), void *arg)
{
	struct flag_hart *fh = &flag_harts[hart];

	(void)port_hart_self();
	if (depth_of(flag_me) != 0)
		port_panic(__FILE__, __LINE__, "port_hart_call while pinned",
		    hart, depth_of(flag_me));
	if (hart >= port_hart_count())
		port_panic(__FILE__, __LINE__, "no such hart", hart,
		    port_hart_count());
	if (host_is_deaf(hart))
		return false;
	(void)pthread_mutex_lock(&fh->fh_call);
	/* The barrier orders it before the loads, see (2). */
	atomic_store_explicit(&fh->fh_slots, flag_shut, memory_order_relaxed);
	if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0)
		port_panic(__FILE__, __LINE__, "membarrier refused", hart, 0);
	while (flags_up(fh))
		port_pause();
	run_as_guest(fh, fn, arg);
	/* Pairs with the acquire loads of flag_enter and port_pin. */
	atomic_store_explicit(&fh->fh_slots, fh->fh_own, memory_order_release);
	(void)pthread_mutex_unlock(&fh->fh_call);
	(void)atomic_fetch_add_explicit(&host_hart_calls, 1,
	    memory_order_relaxed); /* a statistic: orders nothing */
	return true;
}

unsigned
host_pins(void)
{
	return depth_of(flag_me) - (flag_me->fh_guest ? 1u : 0u);
}

bool
port_in_interrupt(void)
{
	return flag_me->fh_guest;
}

void
port_pause(void)
{
	(void)sched_yield();
}
