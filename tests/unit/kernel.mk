# SPDX-License-Identifier: MIT
# Tests of kernel/'s pure parts, and the device trees they read.
unit-y += test_fmt
test_fmt-srcs := kernel/fmt.c

unit-y += test_klog
test_klog-srcs := kernel/klog.c kernel/fmt.c

unit-y += test_memmap
test_memmap-srcs := kernel/memmap.c

unit-y += test_bootargs
test_bootargs-srcs := kernel/bootargs.c kernel/fmt.c

unit-y += test_archive
test_archive-srcs := kernel/archive.c

platform-srcs := kernel/platform.c kernel/platform_node.c \
	kernel/platform_cpus.c kernel/platform_memory.c \
	kernel/platform_uart.c kernel/platform_plic.c kernel/fmt.c

unit-y += test_platform
test_platform-srcs := $(platform-srcs)
test_platform-libs := fdt
test_platform-cflags = -DDTB_DIR='"$(B)/dts"' \
	-DQUARRY_DTB_DIR='"$(QUARRY_DTB_DIR)"'

unit-y += test_platform_hostile
test_platform_hostile-srcs := $(platform-srcs)
test_platform_hostile-libs := fdt
test_platform_hostile-cflags = $(test_platform-cflags)

unit-y += test_platform_odd
test_platform_odd-srcs := $(platform-srcs)
test_platform_odd-libs := fdt
test_platform_odd-cflags = $(test_platform-cflags)

# The whole boot path, as far as it decides; mm for the data cache's geometry.
boot-path-srcs := $(platform-srcs) kernel/memmap.c kernel/bootargs.c \
	kernel/plan.c

unit-y += test_boot_path
test_boot_path-srcs := $(boot-path-srcs)
test_boot_path-libs := fdt mm
test_boot_path-cflags = $(test_platform-cflags)

unit-y += test_boot_hostile
test_boot_hostile-srcs := $(boot-path-srcs)
test_boot_hostile-libs := fdt mm
test_boot_hostile-cflags = $(test_platform-cflags)

# The two real VisionFive 2 trees: skipped where they are not.
QUARRY_DTB_DIR ?= ../shared/dtb

dtbs := $(patsubst dts/%.dts,$(B)/dts/%.dtb,$(wildcard dts/*.dts))

$(B)/dts/%.dtb: dts/%.dts $(wildcard dts/*.dtsi) | setup-test
	$(call say,DTC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)dtc -q -I dts -O dtb -i dts -o $@ $<

$(B)/tests/test_platform $(B)/tests/test_platform_odd \
	$(B)/tests/test_platform_hostile $(B)/tests/test_boot_path \
	$(B)/tests/test_boot_hostile: | $(dtbs)
dtbs: $(dtbs)
.PHONY: dtbs

# Not part of `make test`: docs/platform-parsing.md.
FUZZ_S ?= 60
fuzz-srcs := tests/fuzz/fuzz_platform.c $(boot-path-srcs)

$(B)/fuzz/platform: $(fuzz-srcs) kernel/platform_impl.h kernel/plan.h \
		tests/unit/boot_path.h | $(tp-stamp)
	$(call say,FUZZCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -std=gnu11 -g -O1 $(own-includes) -I. $(fdt-includes) \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	    -o $@ $(fuzz-srcs) $(filter-out %/fdt_overlay.c,$(fdt-c))

fuzz-platform: $(B)/fuzz/platform $(dtbs)
	$(Q)mkdir -p $(B)/fuzz/corpus
	$(Q)cp $(dtbs) $(B)/fuzz/corpus/
	$(Q)$(B)/fuzz/platform -max_total_time=$(FUZZ_S) -max_len=16384 \
	    -timeout=5 -artifact_prefix=$(B)/fuzz/ $(B)/fuzz/corpus
.PHONY: fuzz-platform
