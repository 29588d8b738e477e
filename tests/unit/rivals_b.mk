# SPDX-License-Identifier: MIT
# Linux 7's sheaves and the general-purpose rivals, and all of them from four
# threads under ThreadSanitizer.
rivals-b-tests := test_rival_sheaf test_rival_tlsf test_rival_firstfit \
	test_rival_flag
rivals-b-common := tests/host/world.c tests/unit/rival_model.c
unit-y += $(rivals-b-tests) test_rival_crossing
test_rival_sheaf-srcs := $(rivals-b-common) bench/rival/sheaf.c \
	bench/rival/sheaf_counted.c bench/rival/rival.c
# It includes sheaf.c.
test_rival_flag-srcs := tests/host/world.c
test_rival_tlsf-srcs := $(rivals-b-common) bench/rival/tlsf.c \
	bench/rival/arena.c
test_rival_firstfit-srcs := $(rivals-b-common) bench/rival/firstfit.c \
	bench/rival/arena.c
test_rival_crossing-srcs := tests/host/world.c bench/rival/sheaf.c \
	bench/rival/tlsf.c bench/rival/firstfit.c bench/rival/arena.c
test_rival_crossing-san := tsan
$(foreach t,$(rivals-b-tests) test_rival_crossing,$(eval $(t)-libs := mm))
