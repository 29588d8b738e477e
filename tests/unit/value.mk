# SPDX-License-Identifier: MIT
unit-y += test_value
test_value-srcs := lua/value.c lua/handle.c
test_value-libs := lua mm
