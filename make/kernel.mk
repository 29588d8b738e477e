# SPDX-License-Identifier: MIT
# The kernel image: objects by folder, the link with its symbol table, and
# the files that lie beside it.
folders := arch/riscv kernel mm console lua bench
arch-y :=
kernel-y :=
mm-y :=
mm-host-y :=
console-y :=
lua-y :=
bench-y :=
-include $(folders:%=%/objects.mk)

K := $(O)/kernel
objs-of = $(patsubst %,$(K)/$(1)/%,$(2))
mm-objs := $(call objs-of,mm,$(mm-y))
own-objs := $(call objs-of,arch/riscv,$(arch-y)) \
	$(call objs-of,kernel,$(kernel-y)) \
	$(call objs-of,console,$(console-y)) \
	$(call objs-of,lua,$(lua-y)) \
	$(call objs-of,bench,$(bench-y))
lua-objs := $(lua-names:%=$(K)/third_party/lua/%.o)
fdt-objs := $(fdt-names:%=$(K)/third_party/libfdt/%.o)
lua-scripts := $(sort $(wildcard lua/scripts/*.lua lua/scripts/lib/*.lua \
	lua/scripts/lib/*/*.lua))
gen-objs := $(if $(lua-scripts),$(K)/gen/scripts.o)
link-script := arch/riscv/link.ld

# Extra flags by folder. What waits for a person, a script or the boot is built
# small: the image has a limit.
cflags-lua = -Os $(lua-includes)
cflags-console = -Os
cflags-mm = -DMM_PORT_INLINE -include kernel/include/kernel/mm_inline.h
cflags-kernel = -Os $(fdt-includes)
folder-of = $(firstword $(subst /, ,$(1)))

$(K)/third_party/lua/%.o: $(LUA_SRC)/%.c $(O)/.flags-kernel $(tp-stamp) \
		| setup-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(tp-flags) $(k-common) $(lua-includes) -MMD -MP -c \
	    -o $@ $<

$(K)/third_party/libfdt/%.o: $(FDT_SRC)/%.c $(O)/.flags-kernel $(tp-stamp) \
		| setup-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(tp-flags) $(fdt-flags) -O3 $(k-common) \
	    $(fdt-includes) -MMD -MP -c -o $@ $<

$(K)/gen/%.o: $(O)/gen/%.c $(O)/.flags-kernel | setup-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(k-own) -Ilua -MMD -MP -c -o $@ $<

$(K)/%.o: %.c $(O)/.flags-kernel $(tp-stamp) | setup-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(k-own) $(cflags-$(call folder-of,$<)) $(CFLAGS-$*) \
	    -MMD -MP -c -o $@ $<

$(K)/%.o: %.S $(O)/.flags-kernel | setup-build
	$(call say,AS,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(k-asm) $(ARCH_ASFLAGS) -MMD -MP -c -o $@ $<

$(O)/gen/scripts.c: scripts/embed-lua $(lua-scripts) $(O)/.list-scripts
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)scripts/embed-lua -o $@ --root lua/scripts $(lua-scripts)

# Written only when the text differs, so that changed flags rebuild.
stamp = mkdir -p $(dir $(1)) && printf '%s\n' '$(2)' >$(1).$$$$ && \
	{ cmp -s $(1).$$$$ $(1) && rm -f $(1).$$$$ || mv $(1).$$$$ $(1); }

$(O)/.flags-kernel: FORCE
	$(Q)$(call stamp,$@,$(KCC) $(k-own) $(k-asm) $(ARCH_ASFLAGS) \
	    $(tp-flags) $(fdt-flags) $(foreach f,$(folders),$(cflags-$(f))) \
	    $(foreach v,$(sort $(filter CFLAGS-%,$(.VARIABLES))),$(v)=$($(v))))

# A file that leaves a list makes nothing newer: what is made from a list
# depends on a copy of it.
$(O)/.flags-link: FORCE
	$(Q)$(call stamp,$@,$(link-flags) $(link-objs) $(mm-objs))

$(O)/.list-scripts: FORCE
	$(Q)$(call stamp,$@,$(lua-scripts))

# mm as a library: what the rest of the image does not call stays out.
$(O)/libmm.a: $(mm-objs) $(O)/.flags-link
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(CROSS)ar rcsD $@ $(mm-objs)

# The hot pair is assembly of arch/riscv here; mm has a C twin elsewhere.
hot-pair := $(if $(filter mag.o,$(arch-y)),\
	-Xlinker --defsym=kmem_cache_pop=arch_mag_pop \
	-Xlinker --defsym=kmem_cache_free=arch_mag_push \
	-Xlinker --defsym=kmem_cold_alloc=arch_mag_cold_alloc \
	-Xlinker --defsym=kmem_cold_free=arch_mag_cold_free \
	-Xlinker --defsym=frame_hot_take=arch_frame_take \
	-Xlinker --defsym=frame_hot_give=arch_frame_give)

link-objs := $(own-objs) $(gen-objs) $(lua-objs) $(fdt-objs)
link-flags = $(k-arch) --specs=picolibc.specs -nostartfiles -static \
	-DPICOLIBC_DOUBLE_PRINTF_SCANF -T $(link-script) \
	-Wl,--gc-sections -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
	-Wl,-z,noexecstack $(hot-pair) $(ARCH_LDFLAGS)

# Linked until the table of function addresses says what the link did.
$(O)/quarry.elf: $(link-objs) $(O)/libmm.a $(link-script) scripts/gen-symbols \
		scripts/link-image $(O)/.flags-link
	$(call say,LINK,$@)
	$(Q)scripts/link-image --output $@ --map $(O)/quarry.map \
	    --nm '$(CROSS)nm' --assemble '$(KCC) $(k-asm)' -- \
	    $(KCC) $(link-flags) $(link-objs) $(O)/libmm.a

$(O)/quarry.bin: $(O)/quarry.elf
	$(call say,BIN,$@)
	$(Q)$(CROSS)objcopy -O binary $< $@

$(O)/quarry.dis: $(O)/quarry.elf
	$(call say,DIS,$@)
	$(Q)$(CROSS)objdump -d $< >$@

image: $(O)/quarry.elf $(O)/quarry.bin $(O)/quarry.dis
objects: $(own-objs) $(mm-objs) $(gen-objs)

.PHONY: image objects
