# SPDX-License-Identifier: MIT
# The loads of the lab on this machine: by turns, and by threads.
lab-srcs := bench/bench.c bench/lab/table_smp.c
unit-y += test_lab_smp
test_lab_smp-srcs := $(lab-srcs)
test_lab_smp-libs := mm
unit-y += test_lab_threads
test_lab_threads-srcs := $(lab-srcs)
test_lab_threads-libs := mm
test_lab_threads-san := tsan
