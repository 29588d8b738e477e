# SPDX-License-Identifier: MIT
# The flag port (tests/host/port_flag.c): what its handshake promises, the
# tests of the mutex port, and the same stress, with the product's flags. Not
# with ThreadSanitizer: it does not know membarrier.
flag-parts = $(patsubst %,mm/%,$(mm-y) $(filter-out kmem_hot.o,$(mm-host-y))) \
	$(patsubst %,tests/host/%.o,port_flag hot_flag host)

unit-y += test_flag test_port_flag stress_flag test_flag_protocol
test_flag-srcs := tests/host/world.c
test_port_flag-main := test_port
test_port_flag-srcs := tests/host/world.c
stress_flag-main := stress_threads
stress_flag-srcs := tests/host/stress.c
stress_flag-san := none

# $(1): folder of the objects, $(2): the tests that link them.
define flag-rules
$(1)/libmm-flag.a: $$(addprefix $(1)/,$$(flag-parts)) $(B)/.list-host
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$(filter %.o,$$^)
$(foreach t,$(2),$(eval $(t)-ldflags := $(1)/libmm-flag.a))
$(2:%=$(B)/tests/%): $(1)/libmm-flag.a
endef
$(eval $(call flag-rules,$(B)/host-asan,test_flag test_port_flag))
$(eval $(call flag-rules,$(B)/host,stress_flag))
