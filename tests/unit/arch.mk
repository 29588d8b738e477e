# SPDX-License-Identifier: MIT
# Of arch/riscv, what is plain C.
unit-y += test_string
