# SPDX-License-Identifier: MIT
# Lua and libfdt: fetched by checksum, built from $(B), never edited.
TP      := $(B)/third_party
LUA_SRC := $(TP)/lua/src
FDT_SRC := $(TP)/libfdt
tp-stamp := $(TP)/.fetched

lua-names := lapi lcode lctype ldebug ldo ldump lfunc lgc llex lmem lobject \
	lopcodes lparser lstate lstring ltable ltm lundump lvm lzio \
	lauxlib lbaselib ltablib lstrlib lmathlib lutf8lib lcorolib ldblib
fdt-names := fdt fdt_ro fdt_wip fdt_sw fdt_rw fdt_strerror fdt_empty_tree \
	fdt_addresses fdt_overlay fdt_check
lua-c := $(lua-names:%=$(LUA_SRC)/%.c)
fdt-c := $(fdt-names:%=$(FDT_SRC)/%.c)

# The script does nothing when the sources lie there as pinned. What includes
# them depends on this file: they keep the dates of their archives, and -MMD
# leaves out what -isystem found.
$(tp-stamp): scripts/fetch-deps
	$(call say,FETCH,lua libfdt)
	$(Q)scripts/fetch-deps '$(TP)'

$(lua-c) $(fdt-c): | $(tp-stamp) ;

tp-flags := -std=gnu99 -Os -Wall -Wextra
# 4: no tree is older than version 17; kernel/platform.c has looked.
fdt-flags := -DFDT_ASSUME_MASK=4 -Wno-unused-parameter
