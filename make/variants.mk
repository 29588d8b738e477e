# SPDX-License-Identifier: MIT
# Images that only tests boot. A few objects are compiled differently, the rest
# are the kernel's own, so each costs seconds:
#   nodrain   remote drains without their handshake: the storm must fail on it
#   boundary  the trap entry counts interrupts by instruction of the hot pair
#   norewind  the same without the rewind: the count's test must fail on it
#   stale     harts are started with what was there before: all must arrive
#   hardware  believes that instret counts, as on a processor: harts that are
#             timed must run together, and cycles be reported
#   padded    the image of `make bench` whose hot pair is one nop longer: the
#             comparison must name it
variants := nodrain boundary norewind stale hardware padded

variant-flags-nodrain := -DQUARRY_TEST_NO_DRAIN
variant-flags-boundary := -DQUARRY_TEST_BOUNDARY
variant-flags-norewind := -DQUARRY_TEST_BOUNDARY -DQUARRY_TEST_NO_REWIND
variant-flags-hardware := -DQUARRY_TEST_HARDWARE
variant-flags-padded := -DQUARRY_TEST_PADDED
variant-flags-stale := -DQUARRY_TEST_STALE_START
# Compiled with these flags, instead of the kernel's own.
# The drain runs on the asking hart there, so who asks for its own hart must be
# told another one; in mm that question is inlined.
variant-changed-nodrain := kernel/mm_pin.o kernel/mm_port.o mm/kmem_mag.o \
	mm/frame_hart.o
variant-changed-boundary := arch/riscv/trap.o
variant-changed-norewind := arch/riscv/trap.o
variant-changed-stale := arch/riscv/hart.o
variant-changed-hardware := kernel/time.o
variant-changed-padded := arch/riscv/mag.o
# Not in the kernel's image.
boundary-objs := $(call objs-of,bench,$(bench-boundary-y)) \
	$(call objs-of,lua,$(lua-boundary-y))
variant-added-boundary := $(boundary-objs)
variant-added-norewind := $(boundary-objs)
variant-added-padded := $(probe-objs)
kernel-c += $(wildcard $(patsubst $(K)/%.o,%.c,$(boundary-objs)))

# What is linked for variant $(1).
variant-objs = $(variant-changed-$(1):%=$(O)/$(1)/%) \
	$(filter-out $(variant-changed-$(1):%=$(K)/%),$(link-objs)) \
	$(variant-added-$(1))

define variant-rules
$(O)/$(1)/%.o: %.c make/variants.mk $(O)/.flags-kernel | setup-build
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(KCC) $$(k-own) $$(cflags-$$(call folder-of,$$<)) \
	    $$(CFLAGS-$$*) $(variant-flags-$(1)) -MMD -MP -c -o $$@ $$<

$(O)/$(1)/%.o: %.S make/variants.mk $(O)/.flags-kernel | setup-build
	$$(call say,AS,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(KCC) $$(k-asm) $$(ARCH_ASFLAGS) $(variant-flags-$(1)) \
	    -MMD -MP -c -o $$@ $$<

$(O)/$(1)/.flags-link: FORCE
	$$(Q)$$(call stamp,$$@,$$(link-flags) $$(call variant-objs,$(1)))

$(O)/$(1)/quarry.elf: $$(call variant-objs,$(1)) $(O)/libmm.a $(link-script) \
		scripts/gen-symbols scripts/link-image $(O)/$(1)/.flags-link
	$$(call say,LINK,$$@)
	$$(Q)scripts/link-image --output $$@ --map $(O)/$(1)/quarry.map \
	    --nm '$$(CROSS)nm' --assemble '$$(KCC) $$(k-asm)' -- \
	    $$(KCC) $$(link-flags) $$(call variant-objs,$(1)) $(O)/libmm.a
endef
$(foreach v,$(variants),$(eval $(call variant-rules,$(v))))

test-images: $(variants:%=$(O)/%/quarry.elf) ## kernels that only tests boot
objects: $(boundary-objs)

.PHONY: test-images
