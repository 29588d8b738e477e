/* SPDX-License-Identifier: MIT */
/*
 * The end, told well.
 *
 * Theory of operation
 * 1. The first hart to come here speaks; the others, and those who panic
 *    because of it, sleep. It stops them before it prints, so that nothing
 *    mixes with the report and nothing changes under it.
 * 2. From then on locks of log and console are tried, not waited for: their
 *    holders may be asleep.
 * 3. A panic inside the panic prints its one line through the firmware and
 *    goes straight to the exit.
 */
#include <stdarg.h>
#include <stdatomic.h>

#include <arch/csr.h>
#include <kernel/fmt.h>
#include <kernel/io.h>
#include <kernel/klog.h>
#include <kernel/machine.h>
#include <kernel/panic.h>
#include <kernel/symbols.h>

#include "kernel_impl.h"

#define DEPTH 32u

/* Hart + 1 that speaks; 0: all is well. */
static atomic_uint speaker;
static unsigned again; /* how often the speaker came back */

static void
say(const char *text)
{
	for (; *text != '\0'; text++)
		io_firmware_putchar(*text);
}

static void
begin(void)
{
	unsigned nobody = 0, self = hart_self()->h_index + 1;

	(void)csr_irq_save();
	if (!atomic_compare_exchange_strong_explicit(&speaker, &nobody, self,
		memory_order_acq_rel, memory_order_relaxed)) {
		if (nobody != self)
			smp_stopped();
		if (++again == 1) {
			say("\r\npanic inside the panic\r\n");
			machine_exit(3);
		}
		hart_park();
	}
	klog_panic_mode();
	smp_stop_others();
	klog_flush();
}

/*
 * Return addresses are named by the call before them, which matters where the
 * call is a function's last instruction. `first`: pcs[0] is no return address.
 */
static void
backtrace(const uintptr_t *pcs, size_t n, bool first)
{
	klog_printf("backtrace:\n");
	for (size_t i = 0; i < n; i++) {
		size_t back = i == 0 && first ? 0 : 1, offset;
		const char *name = symbol_find(pcs[i] - back, &offset);

		klog_printf("  #%zu 0x%016llx %s+0x%zx\n", i,
		    (unsigned long long)pcs[i], name == NULL ? "?" : name,
		    name == NULL ? 0 : offset + back);
	}
}

void
panic(const char *fmt, ...)
{
	uintptr_t pcs[DEPTH];
	char text[256];
	va_list ap;

	begin();
	va_start(ap, fmt);
	(void)fmt_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	klog_printf("\nPANIC hart %u (hartid %llu): %s\n", hart_self()->h_index,
	    (unsigned long long)hart_self()->h_hartid, text);
	backtrace(pcs,
	    trap_backtrace(pcs, DEPTH, (uintptr_t)__builtin_frame_address(0)),
	    false);
	machine_exit(3);
}

static void
registers(const struct trap_frame *tf)
{
	for (unsigned i = 0; i < 31; i++)
		klog_printf("%s%-3s %016llx",
		    i == 0           ? "  "
			: i % 4 == 0 ? "\n  "
				     : " ",
		    trap_register_name(i), (unsigned long long)tf->tf_x[i]);
	klog_printf("\n");
}

void
panic_trap(const struct trap_frame *tf, const char *what)
{
	uintptr_t pcs[DEPTH];
	char where[96];

	begin();
	(void)symbol_format(where, sizeof(where), tf->tf_epc);
	klog_printf("\nPANIC hart %u (hartid %llu): %s: %s at 0x%llx pc=%s\n",
	    hart_self()->h_index, (unsigned long long)hart_self()->h_hartid,
	    what, trap_cause_name(tf->tf_cause),
	    (unsigned long long)tf->tf_tval, where);
	klog_printf("  cause 0x%llx epc 0x%llx tval 0x%llx sstatus 0x%llx\n",
	    (unsigned long long)tf->tf_cause, (unsigned long long)tf->tf_epc,
	    (unsigned long long)tf->tf_tval, (unsigned long long)tf->tf_status);
	registers(tf);
	backtrace(pcs, trap_backtrace_frame(pcs, DEPTH, tf), true);
	machine_exit(3);
}

/* The compiler's call when a canary has been overwritten. */
_Noreturn void __stack_chk_fail(void);

void
__stack_chk_fail(void)
{
	panic("stack smashed: a local array was overrun in the caller");
}
