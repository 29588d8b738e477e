# SPDX-License-Identifier: MIT
# Quarry. `make help` lists what can be made; docs/build.md tells the rest.
MAKEFLAGS += -rR --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
SHELL := /bin/sh

-include config.mk

B       ?= build
V       ?= 0
VARIANT ?=
HARTS   ?= 4
MEM     ?= 256M
MACHINE ?= virt
MODE    ?= smp
APPEND  ?=
INITRD  ?=

Q   := $(if $(filter 1,$(V)),,@)
say  = $(if $(filter 1,$(V)),@:,@printf '  %-8s%s\n' '$(1)' \
	'$(patsubst $(B)/%,%,$(2))')

# A variant of all objects lives in a folder of its own under $(B).
ifneq ($(filter-out analyze,$(VARIANT)),)
$(error VARIANT=$(VARIANT) is none: analyze (objects only, for make lint))
endif
O := $(B)$(if $(VARIANT),/$(VARIANT))

include make/flags.mk
include make/third_party.mk
include make/kernel.mk
include make/host.mk
include make/gates.mk
include make/bench.mk
include make/variants.mk
include make/bench-host.mk
include make/boards.mk

# A person who types `make run` wants the first build to be quick.
parallel = $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc))

all: image ## (the default) the kernel image: build/quarry.elf and .bin

run: setup-run ## boot QEMU to the Lua prompt (installs and builds first)
	$(Q)$(MAKE) $(parallel) image
	$(Q)scripts/run-qemu --machine '$(MACHINE)' --harts '$(HARTS)' \
	    --mem '$(MEM)' --kernel '$(O)/quarry.elf' \
	    $(if $(APPEND),--append '$(APPEND)') \
	    $(if $(INITRD),--initrd '$(INITRD)')

gdb: setup-run ## like run, but wait for a debugger on port 1234
	$(Q)$(MAKE) $(parallel) image
	$(Q)scripts/run-qemu --gdb --machine '$(MACHINE)' --harts '$(HARTS)' \
	    --mem '$(MEM)' --kernel '$(O)/quarry.elf' \
	    $(if $(APPEND),--append '$(APPEND)') \
	    $(if $(INITRD),--initrd '$(INITRD)')

test: setup-test ## every test; ends with "N passed, N failed"
	$(Q)tests/run --build-dir '$(B)' $(TESTFLAGS)

mutants: $(tp-stamp) setup-test ## plant faults: the tests must find each
	$(Q)scripts/mutants --build-dir '$(B)' $(if $(ONLY),--only '$(ONLY)')

setup: ## install everything any target needs
	$(Q)scripts/setup all

setup-%:
	$(Q)scripts/setup $*

clean: ## remove what was built, but keep the fetched sources
	$(Q)if [ ! -d '$(B)' ]; then :; elif [ ! -d '$(TP)' ]; then \
	    echo 'make clean: $(B) is no build folder of Quarry: left' \
	    'as it is'; exit 2; else find '$(B)' -mindepth 1 -maxdepth 1 \
	    ! -name third_party -exec rm -rf {} +; fi

lab: setup-run ## boot the image with the benchmarks to its prompt: lab.list()
	$(Q)$(MAKE) $(parallel) bench-image
	$(Q)scripts/run-qemu --machine '$(MACHINE)' --harts '$(HARTS)' \
	    --mem '$(MEM)' --mode '$(MODE)' --kernel '$(O)/bench/quarry.elf' \
	    $(if $(APPEND),--append '$(APPEND)')

help: ## this list
	@printf 'usage: make [target] [VARIABLE=value]\n\ntargets:\n'
	@awk -F':.*## ' '/^[a-z -]+:.*## / { n = split($$1, t, " "); \
	    for (i = 1; i <= n; i++) printf "  %-14s %s\n", t[i], $$2 }' \
	    $(MAKEFILE_LIST)
	@printf '\nvariables (with their values now):\n'
	@printf '  %-14s %s\n' HARTS '$(HARTS)' MEM '$(MEM)' \
	    MACHINE '$(MACHINE)' MODE '$(MODE)' APPEND '$(APPEND)' \
	    INITRD '$(INITRD)' \
	    V '$(V)' B '$(B)' VARIANT '$(VARIANT)' CROSS '$(CROSS)' \
	    HOSTCC '$(HOSTCC)'
	@printf '\nenvironment:\n  %-14s %s\n' QUARRY_DEPS \
	    'folder with the two source archives, instead of the network'

FORCE:
.PHONY: all run gdb lab test mutants setup clean help FORCE

-include $(shell [ -d '$(B)' ] && find '$(B)' -path '$(TP)' -prune -o \
	-name '*.d' -print 2>/dev/null)
