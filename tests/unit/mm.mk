# SPDX-License-Identifier: MIT
# Tests of mm: unit tests on the port to threads, the model test, the stress
# with and without ThreadSanitizer. The simulator is in sim.mk.
mm-port-src := tests/host/port_threads.c tests/host/host.c

# Fault injection (frame_set_fail_after) is in the tests' mm only.
$(B)/host-asan/mm/%.o $(B)/host-tsan/mm/%.o: host-cflags := -DMM_TEST

mm-tests := test_port test_frame test_frame_hart test_kmem_cache \
	test_kmem_kinds test_kmem_geom test_kmem_mag test_kmem_reap \
	test_kmem_stat test_kmalloc test_kmem_misuse test_kmem_oom \
	test_kmem_bulk test_kmem_reserve test_kmem_idle
unit-y += $(mm-tests)
$(foreach t,$(mm-tests),$(eval $(t)-srcs := tests/host/world.c) \
	$(eval $(t)-libs := mm))

# The same stress twice: with the product's library, and with ThreadSanitizer.
unit-y += stress_threads stress_tsan
stress_threads-srcs := tests/host/stress.c
stress_threads-libs := mm
stress_threads-san := none
stress_tsan-main := stress_threads
stress_tsan-cflags := -DROUNDS=30000u
stress_tsan-srcs := tests/host/stress.c
stress_tsan-libs := mm
stress_tsan-san := tsan

model-y += model_mm
model_mm-srcs := tests/model/model.c
model_mm-libs := mm

# Rows of docs/features.md, each shown by a test of its name.
mm-rows := test_rows_a test_rows_b test_defects_t test_defects_g
unit-y += $(mm-rows)
$(foreach t,$(mm-rows),$(eval $(t)-srcs := tests/host/world.c) \
	$(eval $(t)-libs := mm))

# mm with a call per basic block, and with its own calls intercepted.
section-lib := $(B)/host-blocks/libmm.a
section-wraps := port_pin port_unpin port_pause port_hart_call frame_alloc_any \
	frame_free_any kmem_alloc_slow kmem_free_slow depot_swap_full \
	depot_swap_empty depot_put slab_take slab_put mag_create
section-objs := $(patsubst %.o,$(B)/host-blocks/mm/%.o,$(mm-y) $(mm-host-y)) \
	$(mm-port-src:%.c=$(B)/host-blocks/%.o)
unit-y += test_sections
test_sections-san := none
test_sections-srcs := tests/host/world.c
test_sections-ldflags := $(section-lib) \
	$(section-wraps:%=-Wl,--wrap=%)
$(B)/tests/test_sections: $(section-lib)

$(B)/host-blocks/%.o: %.c $(B)/.flags-host | setup-test
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 $(h-own) -DMM_TEST \
	    $(if $(filter mm/%,$<),-fsanitize-coverage=trace-pc) \
	    -MMD -MP -c -o $@ $<

$(section-lib): $(section-objs) $(B)/.list-host
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $(section-objs)

# All harts at once; again under ThreadSanitizer.
unit-y += test_together together_tsan
test_together-srcs := tests/host/world.c
test_together-libs := mm
together_tsan-main := test_together
together_tsan-srcs := tests/host/world.c
together_tsan-libs := mm
together_tsan-san := tsan
