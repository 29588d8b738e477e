# SPDX-License-Identifier: MIT
# bench/lab itself, with benchmarks and allocators of the test's own.
unit-y += test_lab
test_lab-srcs := bench/lab/lab.c bench/lab/frames.c bench/lab/ground.c \
	bench/lab/heap_kmem.c tests/host/world.c
test_lab-libs := mm
