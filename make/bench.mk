# SPDX-License-Identifier: MIT
# The image of `make bench`: the kernel's objects, and the probes. Nothing of
# the kernel is compiled differently for it.
probe-objs := $(call objs-of,bench,$(bench-probe-y)) \
	$(call objs-of,lua,$(lua-probe-y))
kernel-c += $(wildcard $(patsubst $(K)/%.o,%.c,$(probe-objs)))

$(O)/bench/.flags-link: FORCE
	$(Q)$(call stamp,$@,$(link-flags) $(link-objs) $(probe-objs))

$(O)/bench/quarry.elf: $(link-objs) $(probe-objs) $(O)/libmm.a \
		$(link-script) scripts/gen-symbols scripts/link-image \
		$(O)/bench/.flags-link
	$(call say,LINK,$@)
	$(Q)scripts/link-image --output $@ --map $(O)/bench/quarry.map \
	    --nm '$(CROSS)nm' --assemble '$(KCC) $(k-asm)' -- \
	    $(KCC) $(link-flags) $(link-objs) $(probe-objs) $(O)/libmm.a

# What a board is sent.
$(O)/bench/quarry.bin: $(O)/bench/quarry.elf
	$(call say,BIN,$@)
	$(Q)$(CROSS)objcopy -O binary $< $@

bench-image: $(O)/bench/quarry.elf $(O)/bench/quarry.bin
objects: $(probe-objs)

# docs/benchmarks.md. BENCH_FLAGS: more options for scripts/bench run.
BENCH_FLAGS ?=
PORT        ?=
bench-run := scripts/bench run --kernel '$(O)/bench/quarry.elf' \
	--boot-kernel '$(O)/quarry.elf' --objdump '$(CROSS)objdump' \
	--history '$(B)/bench-history'
bench-smp-run = $(bench-run) --mode smp --json '$(B)/bench-smp.json' \
	--html '$(B)/bench-smp.html' $(BENCH_FLAGS)

bench: setup-bench ## exact benchmarks, compared with the baseline; a report
	$(Q)$(MAKE) $(parallel) bench-image image
	$(Q)$(bench-run) --json '$(B)/bench.json' --html '$(B)/bench.html' \
	    $(BENCH_FLAGS)

bench-smp: setup-bench ## the same in real time, on QEMU
	$(Q)$(MAKE) $(parallel) bench-image image
	$(Q)$(bench-smp-run)

# The second runs whatever the first said; the first status that is not 0 is
# make's. The report holds both.
bench-full: setup-bench ## every benchmark, exact, then in real time; a report
	$(Q)$(MAKE) $(parallel) bench-image image
	$(Q)status=0; \
	$(bench-run) --full --json '$(B)/bench-full.json' \
	    $(BENCH_FLAGS) || status=$$?; \
	$(bench-smp-run) || status=$$(($$status ? $$status : $$?)); \
	scripts/bench report '$(B)/bench-full.json' '$(B)/bench-smp.json' \
	    --html '$(B)/bench-full.html'; exit $$status

bench-board: ## the same on a board at PORT=/dev/tty… (or host:port)
	$(Q)[ -n '$(PORT)' ] || { echo 'make bench-board: PORT=/dev/ttyUSB0,' \
	    'or PORT=host:port' >&2; exit 2; }
	$(Q)$(MAKE) $(parallel) bench-image
	$(Q)scripts/bench run --kernel '$(O)/bench/quarry.elf' \
	    --target '$(if $(filter /%,$(PORT)),serial,tcp):$(PORT)' \
	    --json '$(B)/bench-board.json' --html '$(B)/bench-board.html' \
	    $(BENCH_FLAGS)

.PHONY: bench bench-smp bench-full bench-board bench-image
