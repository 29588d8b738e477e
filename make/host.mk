# SPDX-License-Identifier: MIT
# Host builds: libmm.a for programs, and the unit and model tests, each with
# its own choice of sanitizer.
#
# tests/unit/*.mk register:  unit-y += test_x     (tests/unit/test_x.c)
#                            model-y += model_x   (tests/model/model_x.c)
#   test_x-main := test_y       its main is test_y.c instead of test_x.c
#   test_x-srcs := kernel/x.c   more sources, compiled for the host
#   test_x-libs := mm fdt lua   libraries to link
#   test_x-san  := asan|tsan|none  default asan (address and undefined)
#   test_x-cflags, test_x-ldflags  more flags
unit-y :=
model-y :=
-include $(sort $(wildcard tests/unit/*.mk) $(wildcard tests/model/*.mk))

mm-port-src ?= $(wildcard tests/host/port_threads.c tests/host/host.c)
mm-host-srcs = $(patsubst %.o,mm/%.c,$(mm-y) $(mm-host-y)) $(mm-port-src)

san-none :=
san-asan := -fsanitize=address,undefined -fno-sanitize-recover=all
san-tsan := -fsanitize=thread
opt-none := -O2
opt-asan := -O1
opt-tsan := -O1

H-none := $(B)/host
H-asan := $(B)/host-asan
H-tsan := $(B)/host-tsan

# Rules of one sanitizer's folder: $(1) is its name.
define host-rules
$(H-$(1))/third_party/lua/%.o: $(LUA_SRC)/%.c $(B)/.flags-host $(tp-stamp) \
		| setup-host
	$$(call say,HOSTCC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $(tp-flags) $(h-common) $(san-$(1)) \
	    -isystem $(LUA_SRC) -MMD -MP -c -o $$@ $$<

$(H-$(1))/third_party/libfdt/%.o: $(FDT_SRC)/%.c $(B)/.flags-host $(tp-stamp) \
		| setup-host
	$$(call say,HOSTCC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $(tp-flags) $(h-common) $(san-$(1)) \
	    $(fdt-flags) $(fdt-includes) -MMD -MP -c -o $$@ $$<

$(H-$(1))/%.o: %.c $(B)/.flags-host $(tp-stamp) | setup-host
	$$(call say,HOSTCC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $(opt-$(1)) $$(h-own) $(san-$(1)) $(fdt-includes) \
	    -isystem $(LUA_SRC) $$(host-cflags) -MMD -MP -c -o $$@ $$<

$(H-$(1))/libmm.a: $$(patsubst %.c,$(H-$(1))/%.o,$$(mm-host-srcs)) \
		$(B)/.list-host
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$(filter %.o,$$^)

$(H-$(1))/libfdt.a: $(fdt-names:%=$(H-$(1))/third_party/libfdt/%.o)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$^

$(H-$(1))/liblua.a: $(lua-names:%=$(H-$(1))/third_party/lua/%.o)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$^
endef
$(foreach s,none asan tsan,$(eval $(call host-rules,$(s))))

# One test program: $(1) its name, $(2) its folder, $(3) its sanitizer.
define test-rules
$(H-$(3))/$(2)/$(or $($(1)-main),$(1)).o: host-cflags := $($(1)-cflags)
$(B)/tests/$(1): $(H-$(3))/$(2)/$(or $($(1)-main),$(1)).o \
		$($(1)-srcs:%.c=$(H-$(3))/%.o) \
		$($(1)-libs:%=$(H-$(3))/lib%.a) $(B)/.list-host
	$$(call say,HOSTLD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $(h-common) $(san-$(3)) -o $$@ \
	    $$(filter %.o %.a,$$^) \
	    $($(1)-ldflags) -lcmocka -lm
endef
san-of = $(or $($(1)-san),asan)
$(foreach t,$(unit-y),$(eval \
	$(call test-rules,$(t),tests/unit,$(call san-of,$(t)))))
$(foreach t,$(model-y),$(eval \
	$(call test-rules,$(t),tests/model,$(call san-of,$(t)))))

$(B)/.flags-host: FORCE
	$(Q)$(call stamp,$@,$(HOSTCC) $(h-own) $(tp-flags) \
	    $(fdt-flags) $(san-asan) \
	    $(foreach t,$(unit-y) $(model-y),$($(t)-cflags)))

$(B)/.list-host: FORCE
	$(Q)$(call stamp,$@,$(mm-host-srcs) $(foreach t,$(unit-y) $(model-y),\
	    $(t): $($(t)-srcs) $($(t)-libs) $($(t)-ldflags)))

host: $(B)/host/libmm.a ## the allocator as a host library: build/host/libmm.a
host-tests: $(unit-y:%=$(B)/tests/%) $(model-y:%=$(B)/tests/%)
list-host-tests:
	@for t in $(unit-y); do echo "unit $$t"; done
	@for t in $(model-y); do echo "model $$t"; done

.PHONY: host host-tests list-host-tests
