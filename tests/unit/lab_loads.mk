# SPDX-License-Identifier: MIT
unit-y += test_l1
test_l1-srcs := bench/lab/l1.c

# The loads of the lab, on an allocator of the test's own, and on mm. All of
# them are compiled, and those of other groups need what is theirs.
lab-trial-srcs := bench/hist.c bench/lab/l1.c tests/unit/lab_trial.c \
	$(wildcard bench/lab/table_*.c bench/lab/trace*.c) \
	$(if $(wildcard bench/lab/trace.c),bench/bench.c)
unit-y += test_lab_loads test_lab_kmem
test_lab_loads-srcs := $(lab-trial-srcs)
test_lab_loads-libs := mm
test_lab_kmem-srcs := $(lab-trial-srcs) tests/host/world.c
test_lab_kmem-libs := mm
