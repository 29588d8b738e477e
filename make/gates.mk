# SPDX-License-Identifier: MIT
# Gates: what keeps the floors apart and the text in order. The three
# check-… are part of `make test`; `make lint` is these and all others.
CLANG        ?= $(firstword $(foreach c,clang-14 clang,$(if \
	$(shell command -v $(c) 2>/dev/null),$(c))) clang)
CLANG_FORMAT ?= clang-format-14

own-c := $(sort $(foreach d,$(folders) tests,$(foreach e,c h,\
	$(wildcard $(d)/*.$(e) $(d)/*/*.$(e) $(d)/*/*/*.$(e) \
	$(d)/*/*/*/*.$(e)))))
public-h := $(filter $(foreach d,$(folders),$(d)/include/%.h),$(own-c))
kernel-c := $(wildcard $(patsubst $(K)/%.o,%.c,$(own-objs) $(mm-objs)))
mm-c := $(filter mm/%.c,$(own-c))

check-layers:
	$(call say,CHECK,layers)
	$(Q)scripts/check-layers

check-symbols: $(mm-objs)
	$(call say,CHECK,symbols of mm)
	$(Q)scripts/check-symbols --ld '$(CROSS)ld' --nm '$(CROSS)nm' \
	    --allowed mm/port.symbols --output $(O)/mm-all.o $^

check-headers: | $(tp-stamp) setup-build
	$(call say,CHECK,headers)
	$(Q)for h in $(public-h); do \
	    printf '#include "%s"\n#include "%s"\n' "$$h" "$$h" | \
	    $(KCC) $(k-own) $(lua-includes) $(fdt-includes) -I. \
	    -Wno-unused-macros -fsyntax-only -x c - || \
	    { echo "check-headers: $$h does not compile alone and twice"; \
	    exit 1; }; done

lint-format: | setup-lint
	$(call say,LINT,format)
	$(Q)if command -v '$(CLANG_FORMAT)' >/dev/null; then \
	    '$(CLANG_FORMAT)' --dry-run -Werror $(own-c); else \
	    echo 'lint-format: no $(CLANG_FORMAT) here (other versions' \
	    'format otherwise): not checked'; fi

lint-tidy:
	$(call say,LINT,tidy)
	$(Q)scripts/tidy

lint-cppcheck: | setup-lint
	$(call say,LINT,cppcheck)
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,performance,portability \
	    --suppress=missingIncludeSystem \
	    --suppressions-list=scripts/cppcheck.suppressions \
	    -D__STDC_VERSION__=201112L -D__riscv_xlen=64 \
	    $(own-includes) -I. $(mm-c) $(kernel-c)

# clang sees what gcc does not: above all the lock ranks (-Wthread-safety).
clang-common = -std=gnu11 -fsyntax-only $(warn-common) $(warn-clang) -Werror \
	-Wno-unknown-warning-option $(own-includes) $(fdt-includes)
picolibc-include = $(dir $(shell $(KCC) --specs=picolibc.specs -M \
	-include stdio.h -x c /dev/null | tr ' ' '\n' | grep '/stdio\.h$$'))

lint-clang-host: | $(tp-stamp) setup-lint
	$(call say,LINT,clang: mm for the host)
	$(Q)$(CLANG) $(clang-common) $(mm-c) $(mm-port-src)

lint-clang-kernel: | $(tp-stamp) setup-lint
	$(call say,LINT,clang: kernel)
	$(Q)$(CLANG) --target=riscv64-unknown-elf $(k-arch-clang) \
	    -ffreestanding -nostdlibinc -isystem '$(picolibc-include)' \
	    $(clang-common) $(filter-out lua/%,$(kernel-c))

lint-clang-lua: | $(tp-stamp) setup-lint
	$(call say,LINT,clang: lua)
	$(Q)$(CLANG) --target=riscv64-unknown-elf $(k-arch-clang) \
	    -ffreestanding -nostdlibinc -isystem '$(picolibc-include)' \
	    $(clang-common) $(lua-includes) $(filter lua/%,$(kernel-c))
k-arch-clang := -march=rv64gc -mabi=lp64d -mcmodel=medany

lint-analyzer: | setup-lint
	$(call say,LINT,gcc -fanalyzer)
	$(Q)$(MAKE) VARIANT=analyze objects

linters := lint-format lint-tidy lint-cppcheck lint-clang-host \
	lint-clang-kernel lint-clang-lua lint-analyzer check-layers \
	check-symbols check-headers
lint: $(linters) ## every static check

format: | setup-lint ## apply .clang-format to every C file
	$(Q)$(CLANG_FORMAT) -i $(own-c)

docs: ## check the documents, print docs/lua-api.md anew
	$(Q)scripts/tidy

.PHONY: lint format docs $(linters)
