# SPDX-License-Identifier: MIT
# The loads of the lab that harts run together, on this machine: by turns, and
# by threads at once. The file of a trace; zones, and the heap of a guest.
lab-srcs := bench/bench.c bench/hist.c bench/lab/l1.c bench/lab/table_smp.c \
	bench/lab/table_system.c bench/lab/table_trace.c bench/lab/trace.c \
	bench/lab/trace_make.c
lab-tests := test_lab_harts test_lab_threads test_lab_trace test_lab_system
unit-y += $(lab-tests)
$(foreach t,$(lab-tests),$(eval $(t)-srcs := $(lab-srcs)) \
	$(eval $(t)-libs := mm))
test_lab_threads-san := tsan
