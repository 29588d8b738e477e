# SPDX-License-Identifier: MIT
# Linux 7's sheaves.
rivals-b-tests := test_rival_sheaf
rivals-b-common := tests/host/world.c tests/unit/rival_model.c
unit-y += $(rivals-b-tests)
test_rival_sheaf-srcs := $(rivals-b-common) bench/rival/sheaf.c \
	bench/rival/sheaf_counted.c bench/rival/rival.c
$(foreach t,$(rivals-b-tests),$(eval $(t)-libs := mm))
