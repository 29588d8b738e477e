# SPDX-License-Identifier: MIT
unit-y += test_kmem_slot
test_kmem_slot-srcs := tests/host/world.c
test_kmem_slot-libs := mm
