# SPDX-License-Identifier: MIT
kernel-y += fmt.o
kernel-y += klog.o
kernel-y += platform.o
kernel-y += platform_node.o
kernel-y += platform_cpus.o
kernel-y += platform_memory.o
kernel-y += platform_uart.o
kernel-y += platform_plic.o
kernel-y += memmap.o
kernel-y += plan.o
kernel-y += bootargs.o
kernel-y += archive.o
kernel-y += boot.o
kernel-y += fault.o
kernel-y += io.o
kernel-y += irq.o
kernel-y += libc.o
kernel-y += lock.o
kernel-y += machine.o
kernel-y += main.o
kernel-y += mm_pin.o
kernel-y += mm_port.o
kernel-y += panic.o
kernel-y += smp.o
kernel-y += smp_start.o
kernel-y += symbols.o
kernel-y += time.o
kernel-y += trap.o
kernel-y += vm.o
kernel-y += waitq.o

# Leaves of a few instructions; see the file.
CFLAGS-kernel/mm_pin := -O2 -fomit-frame-pointer

# Run once, and tested on the host: small, and left out of backtraces, which
# step over them because s0 is left alone.
$(foreach f,bootargs memmap plan platform platform_cpus platform_memory \
	platform_node platform_plic platform_uart,$(eval \
	CFLAGS-kernel/$(f) := -fomit-frame-pointer -ffixed-s0))
