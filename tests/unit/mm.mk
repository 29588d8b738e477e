# SPDX-License-Identifier: MIT
# Tests of mm: unit tests on the port to threads, the model test, the stress
# with and without ThreadSanitizer, and the simulator.
mm-port-src := tests/host/port_threads.c tests/host/host.c

# Fault injection (frame_set_fail_after) is in the tests' mm only.
$(B)/host-asan/mm/%.o $(B)/host-tsan/mm/%.o: host-cflags := -DMM_TEST
$(B)/host-sim/%.o: host-cflags := -DMM_TEST -DMM_SIM

mm-tests := test_port test_frame test_kmem_cache test_kmem_kinds \
	test_kmem_geom test_kmem_mag test_kmem_reap test_kmem_stat \
	test_kmalloc test_kmem_misuse test_kmem_oom
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

# The simulator: mm compiled so that every shared access is a place where the
# scheduler may switch harts. One library as it is, one with a planted bug.
sim-srcs := $(patsubst %.o,mm/%.c,$(mm-y) $(mm-host-y)) \
	tests/host/host.c tests/host/port_sim.c tests/host/sim_scenes.c
sim-lib := $(B)/host-sim/libmm.a
plant-lib := $(B)/host-sim/libmm-plant.a

unit-y += test_sim test_sim_plant
test_sim-san := none
test_sim-ldflags := $(sim-lib)
test_sim_plant-san := none
test_sim_plant-ldflags := $(plant-lib)
$(B)/tests/test_sim: $(sim-lib)
$(B)/tests/test_sim_plant: $(plant-lib)

$(B)/host-sim/%.o: %.c $(B)/.flags-host | setup-test
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 $(h-own) $(host-cflags) -MMD -MP -c -o $@ $<

$(B)/host-sim/plant/port_sim.o: tests/host/port_sim.c $(B)/.flags-host
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 $(h-own) -DMM_TEST -DMM_SIM \
	    -DMM_PLANT_NO_DRAIN_HANDSHAKE -MMD -MP -c -o $@ $<

sim-objs := $(sim-srcs:%.c=$(B)/host-sim/%.o)

$(sim-lib): $(sim-objs) $(B)/.list-host
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $(sim-objs)

$(plant-lib): $(sim-objs) $(B)/host-sim/plant/port_sim.o $(B)/.list-host
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $(filter-out %/port_sim.o,$(sim-objs)) \
	    $(B)/host-sim/plant/port_sim.o
