# SPDX-License-Identifier: MIT
# Tests of lua/: the heap on mm with threads, the checks of arguments on a host
# Lua, and the records of every module, from which docs/lua-api.md is printed.
unit-y += test_heap
test_heap-srcs := lua/heap.c kernel/fmt.c tests/host/world.c
test_heap-libs := mm

unit-y += test_binding
test_binding-srcs := lua/binding.c kernel/fmt.c
test_binding-libs := lua

# Linked without what the functions call: none of them runs, only their
# records are read.
api-not := binding.o heap.o main.o repl.o show.o state.o
unit-y += test_lua_api
test_lua_api-srcs := lua/binding.c kernel/fmt.c \
	$(patsubst %.o,lua/%.c,$(filter-out $(api-not),$(lua-y)) bench_lab.o \
	lab_compare.o lab_result.o)
test_lua_api-san := asan
test_lua_api-ldflags := -no-pie -Wl,--unresolved-symbols=ignore-all \
	-Wl,--warn-unresolved-symbols -Wl,--no-warnings
test_lua_api-cflags := -fno-pie

docs: lua-api
lua-api: $(B)/tests/test_lua_api
	$(call say,DOC,docs/lua-api.md)
	$(Q)$< docs/lua-api.md
.PHONY: lua-api
