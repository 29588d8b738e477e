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
lab-variants := biglock firstfit linux24 nocolour nomag noop ours picolibc \
	seed2006 seed62 sheaf tlsf
lab-names := $(lab-variants:%=adapter_%) codes frames ground heap_kmem l1 lab \
	noop table_control table_latency table_memory table_micro table_smp \
	table_system table_trace table_turns trace trace_make
lab-rivals := arena counted firstfit linux24 picolibc rival seed2006 sheaf \
	sheaf_counted tlsf
lab-driver := lab_clock lab_facts lab_pass lab_run lab_turns turns
bench-probe-y += $(lab-names:%=lab/%.o) $(lab-rivals:%=rival/%.o)
bench-probe-y += $(lab-driver:%=metal/%.o)
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
bench-probe-y += rival/counted.o
bench-probe-y += rival/linux24.o
bench-probe-y += rival/rival.o
bench-probe-y += rival/seed2006.o

bench-probe-y += rival/arena.o
bench-probe-y += rival/firstfit.o
bench-probe-y += rival/picolibc.o
bench-probe-y += rival/sheaf.o
bench-probe-y += rival/sheaf_counted.o
bench-probe-y += rival/tlsf.o
bench-probe-y += lab/adapter_firstfit.o
bench-probe-y += lab/adapter_picolibc.o
bench-probe-y += lab/adapter_sheaf.o
bench-probe-y += lab/adapter_tlsf.o
bench-probe-y += metal/turns.o

# Only in the program of `make bench-host`.
bench-host-y += host/adapter_kmem.o
bench-host-y += host/adapter_malloc.o
bench-host-y += host/adapter_noop.o
bench-host-y += host/colour.o
bench-host-y += host/main.o
bench-host-y += host/memory.o
bench-host-y += host/noop.o

# Only in the images of make/variants.mk.
bench-boundary-y += metal/boundary.o

# What prepares and judges a run; the timed loops are adapter_*.o.
$(foreach f,bench exhaust hist metal/board metal/board_each \
	metal/board_memory metal/board_shared metal/board_signals metal/crew \
	metal/destroy metal/run metal/storm metal/storm_audit \
	metal/storm_object,$(eval CFLAGS-bench/$(f) := -Os))

# Rivals: interrupts and hart number in line, as mm has them, and no frame
# pointers, which the originals' figures were taken without.
$(foreach f,counted linux24 rival seed2006 firstfit picolibc sheaf \
	sheaf_counted tlsf,$(eval CFLAGS-bench/rival/$(f) = \
	-fomit-frame-pointer $$(cflags-mm)))
# What stands for a kernel's own code has interrupts off and the hart's number
# in line, as mm has. Rivals have no frame pointers either: the originals'
# figures were taken without.
CFLAGS-bench/lab/adapter_biglock = $(cflags-mm)
$(foreach f,$(lab-rivals),$(eval CFLAGS-bench/rival/$(f) = $$(cflags-mm) \
	-fomit-frame-pointer))
