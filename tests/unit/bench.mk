# SPDX-License-Identifier: MIT
unit-y += test_hist
test_hist-srcs := bench/hist.c
unit-y += test_march
