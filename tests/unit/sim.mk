# SPDX-License-Identifier: MIT
# The hart simulator: mm compiled so that each access to memory is a call, into
# tests/host/sim_access.c instead of ThreadSanitizer; and once more for each
# fault in tests/mutants that it has to find.
sim-cc-host = $(HOSTCC) -O2 $(h-own) -DMM_TEST
sim-cc-mm = $(sim-cc-host) -fsanitize=thread \
	$(if $(findstring clang,$(HOSTCC)),,\
	--param tsan-instrument-func-entry-exit=0)

# In the order of the link: what lies between first and last starts anew in
# each run.
sim-mm := $(patsubst %.o,mm/%.c,$(filter-out %_hot.o %_cold.o,$(mm-y)))
sim-state := tests/host/sim_props.c tests/host/sim_look.c \
	tests/host/sim_scenes.c tests/host/sim_line_scenes.c \
	tests/host/sim_square.c
sim-rest := tests/host/port_sim.c tests/host/sim_access.c \
	tests/host/sim_command.c tests/host/sim_hot.c tests/host/sim_lines.c \
	tests/host/sim_race.c tests/host/sim_run.c tests/host/sim_world.c
sim-srcs := tests/host/sim_first.c $(sim-mm) $(sim-state) \
	tests/host/sim_last.c $(sim-rest)
sim-objs := $(sim-srcs:%.c=$(B)/host-sim/%.o)

unit-y += test_sim test_sim_plant
test_sim-san := none
test_sim-ldflags := -no-pie
$(B)/tests/test_sim: $(sim-objs)

$(B)/host-sim/%.o: %.c $(B)/.flags-host tests/unit/sim.mk | setup-test
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(filter mm/%,$<),$(sim-cc-mm),$(sim-cc-host)) \
	    -MMD -MP -c -o $@ $<

# Each planted fault is a program that plays a scene, like test_sim.
sim-plants := $(sort $(patsubst tests/mutants/%.patch,%,\
	$(shell grep -ls '^Killed-by: sim ' tests/mutants/*.patch)))
sim-plant-bins := $(sim-plants:%=$(B)/sim-plants/%)
test_sim_plant-san := none
$(B)/tests/test_sim_plant: $(sim-plant-bins)

$(B)/sim-plants/%: tests/mutants/%.patch tests/sim-plant $(B)/tests/test_sim
	$(call say,PLANT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)CC_MM='$(sim-cc-mm)' CC_HOST='$(sim-cc-host)' LIBS=-lcmocka \
	    tests/sim-plant --objects $(B)/host-sim --out $@ \
	    --main $(H-none)/tests/unit/test_sim.o $< $(sim-srcs)
