# SPDX-License-Identifier: MIT
# The comparison with malloc libraries on this machine: mm as it is, on the
# flag port, compiled as distributions compile the libraries.
bh      := $(B)/bench-host
bh-objs  = $(addprefix $(bh)/,$(patsubst %,bench/%,$(bench-host-y)) \
	bench/bench.o $(patsubst %,mm/%,$(mm-y) \
	$(filter-out kmem_hot.o,$(mm-host-y))) tests/host/host.o \
	tests/host/port_flag.o tests/host/hot_flag.o)
# no-plt: a call of a library costs what a call of ours costs. no-builtin: the
# compiler may not drop a malloc whose object nobody looks at.
bh-flags = -O2 $(h-own) -fomit-frame-pointer -fno-plt \
	-fno-builtin-malloc -fno-builtin-free
BENCH_HOST_FLAGS ?=

$(bh)/%.o: %.c $(B)/.flags-bench-host | setup-host
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(bh-flags) -MMD -MP -c -o $@ $<

$(bh)/bench-host: $(bh-objs) $(B)/.list-bench-host
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -pthread -o $@ $(filter %.o,$^)

$(B)/.flags-bench-host: FORCE
	$(Q)$(call stamp,$@,$(HOSTCC) $(bh-flags))
$(B)/.list-bench-host: FORCE
	$(Q)$(call stamp,$@,$(bh-objs))

bench-host: $(bh)/bench-host setup-bench-host ## compare with malloc libraries
	$(Q)scripts/bench-host --program $(bh)/bench-host \
	    --json $(bh)/bench-host.json --html $(bh)/report.html \
	    $(BENCH_HOST_FLAGS)

# tests/setup/test_bench_host.py runs the program.
host-tests: $(bh)/bench-host

.PHONY: bench-host
