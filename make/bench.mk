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

bench-image: $(O)/bench/quarry.elf
objects: $(probe-objs)

.PHONY: bench-image
