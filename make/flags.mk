# SPDX-License-Identifier: MIT
# Compilers and flags. Our own code is held to every warning below.
CROSS  ?= riscv64-unknown-elf-
HOSTCC ?= gcc
KCC    := $(CROSS)gcc
WERROR ?= 1

warn-common := -Wall -Wextra -Wpedantic -Wshadow -Wundef \
	-Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations \
	-Wold-style-definition -Wnested-externs -Wredundant-decls \
	-Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wformat=2 \
	-Wvla -Walloca -Wconversion -Wsign-conversion -Wswitch-enum \
	-Wimplicit-fallthrough -Wdouble-promotion -Wnull-dereference \
	-Wunused-macros -Wdate-time -Wfloat-equal
warn-gcc := -Wjump-misses-init -Wlogical-op -Wduplicated-cond \
	-Wduplicated-branches -Wstringop-overflow=4 -Warray-bounds=2 \
	-Wformat-signedness -Wcast-align=strict
warn-clang := -Wthread-safety -Wthread-safety-beta -Wassign-enum -Wcomma \
	-Wconditional-uninitialized -Wextra-semi \
	-Wunreachable-code-aggressive -Wshift-sign-overflow -Wnewline-eof \
	-Wdocumentation
# A kernel stack is small and has a guard page: no frame may jump over it.
warn-stack := -Wframe-larger-than=1024 -Wstack-usage=1024
werror := $(if $(filter 1,$(WERROR)),-Werror)

# Folders whose public headers are <folder/…>.
own-includes := -Iarch/riscv/include -Imm/include -Ikernel/include \
	-Iconsole/include -Ibench/include -Ilua/include
lua-includes = -isystem $(LUA_SRC) $(if $(wildcard $(lua-config)),\
	-Ilua -include $(lua-config))
lua-config := lua/luaconf_quarry.h
fdt-includes = -isystem $(FDT_SRC)

# No path of the building machine may reach the objects: two builds in two
# folders are bit-identical. gcc 12 does not pass the map on to the assembler.
maps = -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(B)=build \
	-ffile-prefix-map=$(O)=build

k-arch := -march=rv64gc -mabi=lp64d -mcmodel=medany -mstrict-align
k-common = $(k-arch) --specs=picolibc.specs -ffreestanding -fno-common \
	-fno-omit-frame-pointer -ffunction-sections -fdata-sections -g \
	-fno-pie -fno-asynchronous-unwind-tables $(maps) $(ARCH_CFLAGS) \
	$(variant-flags)
# analyze: objects only, for make lint.
variant-flags := $(if $(filter analyze,$(VARIANT)),-fanalyzer)
k-own = -std=gnu11 -O2 -fno-tree-loop-distribute-patterns $(k-common) \
	$(warn-common) $(warn-gcc) $(warn-stack) $(werror) $(own-includes)
k-asm = $(k-arch) -g -Wa,--fatal-warnings $(maps) \
	-Wa,--debug-prefix-map=$(CURDIR)=. $(own-includes)

h-common := -fno-omit-frame-pointer -g -pthread
h-own = -std=gnu11 $(h-common) $(maps) $(warn-common) $(warn-gcc) $(werror) \
	$(own-includes) -I.
