# SPDX-License-Identifier: MIT
unit-y += test_l1
test_l1-srcs := bench/lab/l1.c

# The loads of the lab, on an allocator of the test's own, and on mm.
lab-trial-srcs := bench/hist.c bench/lab/l1.c tests/unit/lab_trial.c \
	bench/lab/table_micro.c bench/lab/table_memory.c \
	bench/lab/table_latency.c bench/lab/table_control.c
unit-y += test_lab_loads test_lab_kmem
test_lab_loads-srcs := $(lab-trial-srcs)
test_lab_loads-libs := mm
test_lab_kmem-srcs := $(lab-trial-srcs) tests/host/world.c
test_lab_kmem-libs := mm
