# SPDX-License-Identifier: MIT
bench-y += adapter_kmem.o
bench-y += adapter_noop.o
bench-y += bench.o
bench-y += exhaust.o
bench-y += hist.o
bench-y += metal/board.o
bench-y += metal/board_each.o
bench-y += metal/board_memory.o
bench-y += metal/board_shared.o
bench-y += metal/board_signals.o
bench-y += metal/crew.o
bench-y += metal/destroy.o
bench-y += metal/run.o
bench-y += metal/storm.o
bench-y += metal/storm_audit.o
bench-y += metal/storm_object.o
bench-y += noop.o

# Only in the image of `make bench`: the lab, what it compares with, the probes.
bench-probe-y += lab/adapter_biglock.o
bench-probe-y += lab/adapter_firstfit.o
bench-probe-y += lab/adapter_linux24.o
bench-probe-y += lab/adapter_nocolour.o
bench-probe-y += lab/adapter_nomag.o
bench-probe-y += lab/adapter_noop.o
bench-probe-y += lab/adapter_ours.o
bench-probe-y += lab/adapter_picolibc.o
bench-probe-y += lab/adapter_seed2006.o
bench-probe-y += lab/adapter_seed62.o
bench-probe-y += lab/adapter_sheaf.o
bench-probe-y += lab/adapter_tlsf.o
bench-probe-y += lab/codes.o
bench-probe-y += lab/frames.o
bench-probe-y += lab/ground.o
bench-probe-y += lab/heap_kmem.o
bench-probe-y += lab/l1.o
bench-probe-y += lab/lab.o
bench-probe-y += lab/noop.o
bench-probe-y += lab/table_control.o
bench-probe-y += lab/table_latency.o
bench-probe-y += lab/table_memory.o
bench-probe-y += lab/table_micro.o
bench-probe-y += lab/table_smp.o
bench-probe-y += lab/table_system.o
bench-probe-y += lab/table_trace.o
bench-probe-y += lab/table_turns.o
bench-probe-y += lab/trace.o
bench-probe-y += lab/trace_make.o
bench-probe-y += metal/lab_clock.o
bench-probe-y += metal/lab_facts.o
bench-probe-y += metal/lab_pass.o
bench-probe-y += metal/lab_run.o
bench-probe-y += metal/lab_turns.o
bench-probe-y += metal/probe.o
bench-probe-y += metal/probe_cache.o
bench-probe-y += metal/probe_harts.o
bench-probe-y += metal/probe_hot.o
bench-probe-y += metal/probe_inline.o
bench-probe-y += metal/probe_irqoff.o
bench-probe-y += metal/probe_kmem.o
bench-probe-y += metal/probe_lines.o
bench-probe-y += metal/probe_memory.o
bench-probe-y += metal/probe_noop.o
bench-probe-y += metal/probe_rivals.o
bench-probe-y += metal/probe_sheaf.o
bench-probe-y += metal/probe_worst.o
bench-probe-y += metal/turns.o
bench-probe-y += rival/arena.o
bench-probe-y += rival/counted.o
bench-probe-y += rival/firstfit.o
bench-probe-y += rival/linux24.o
bench-probe-y += rival/picolibc.o
bench-probe-y += rival/rival.o
bench-probe-y += rival/seed2006.o
bench-probe-y += rival/sheaf.o
bench-probe-y += rival/sheaf_counted.o
bench-probe-y += rival/tlsf.o

# Only in the program of `make bench-host`.
bench-host-y += host/adapter_kmem.o
bench-host-y += host/adapter_malloc.o
bench-host-y += host/adapter_noop.o
bench-host-y += host/codes.o
bench-host-y += host/colour.o
bench-host-y += host/lab.o
bench-host-y += host/lab_malloc.o
bench-host-y += host/main.o
bench-host-y += host/memory.o
bench-host-y += host/noop.o
bench-host-y += hist.o
bench-host-y += lab/adapter_noop.o
bench-host-y += lab/adapter_ours.o
bench-host-y += lab/frames.o
bench-host-y += lab/heap_kmem.o
bench-host-y += lab/l1.o
bench-host-y += lab/lab.o
bench-host-y += lab/noop.o
bench-host-y += lab/trace.o
bench-host-y += lab/trace_make.o
bench-host-y += $(patsubst bench/%.c,%.o,$(wildcard bench/lab/table_*.c))

# Only in the images of make/variants.mk.
bench-boundary-y += metal/boundary.o

# What prepares and judges a run; the timed loops are adapter_*.o.
$(foreach f,bench exhaust hist metal/board metal/board_each \
	metal/board_memory metal/board_shared metal/board_signals metal/crew \
	metal/destroy metal/run metal/storm metal/storm_audit \
	metal/storm_object,$(eval CFLAGS-bench/$(f) := -Os))

# What stands for a kernel's own code has interrupts off and the hart's number
# in line, as mm has. Rivals have no frame pointers either: the originals'
# figures were taken without.
CFLAGS-bench/lab/adapter_biglock = $(cflags-mm)
$(foreach f,$(filter rival/%.o,$(bench-probe-y)),$(eval \
	CFLAGS-bench/$(f:.o=) = $$(cflags-mm) -fomit-frame-pointer))
