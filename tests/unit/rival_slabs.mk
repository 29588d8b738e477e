# SPDX-License-Identifier: MIT
# Rivals with slabs: seed2006 and linux24. Their counting twins are linked
# into the test of them.
rival-slabs := bench/rival/linux24.c bench/rival/rival.c bench/rival/seed2006.c

unit-y += test_rival_slabs
test_rival_slabs-srcs := tests/host/world.c $(rival-slabs)
test_rival_slabs-libs := mm

unit-y += test_rival_counts
test_rival_counts-srcs := tests/host/world.c bench/rival/rival.c \
	tests/unit/rival_counted_linux24.c tests/unit/rival_counted_seed2006.c
test_rival_counts-libs := mm

unit-y += test_rival_threads
test_rival_threads-srcs := tests/host/world.c $(rival-slabs)
test_rival_threads-libs := mm
test_rival_threads-san := tsan
