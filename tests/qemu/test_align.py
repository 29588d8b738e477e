# SPDX-License-Identifier: MIT
"""No misaligned access in the allocator, in Lua, nor anywhere in the kernel.

A U74 traps into the firmware for each; QEMU serves them silently. A plugin of
QEMU (align_plugin.c) looks at the address of every load and store.
"""
import os
import re
import subprocess

from lib import check, equal, folder, kernel_path, run, run_command, \
    skip, test

HERE = os.path.dirname(os.path.abspath(__file__))
# QEMU 9 and later refuse version 1, earlier ones know nothing else.
VERSIONS = (2, 1)
# Where the bring-up kit asks what a misaligned access costs.
ON_PURPOSE = re.compile(r"arch_misaligned_\w+")

# Every example of the help but that of the bring-up kit, then the corners of
# Lua that move bytes: packing, strings of odd lengths, tables, coroutines.
LUA_PATHS = r"""
for i = 1, 200 do
  local ok, text = pcall(examples, i)
  if not ok or not text then break end
  if not text:find("board.check", 1, true) then pcall(load(text)) end
end
local parts = {}
for n = 1, 200 do
  local s = ("x"):rep(n) .. n
  parts[n] = s:sub(2, -2):reverse():upper() .. s:byte(-1)
  for _, f in ipairs{"<i1", "<i2", ">i4", "<i8", "<f", ">d", "z", "s2"} do
    local v = (f == "z" or f == "s2") and s or n % 100
    local packed = ("b"):rep(n % 8) .. string.pack(f, v)
    local got = string.unpack(f, packed, n % 8 + 1)
    assert(got == v or math.type(got) == "float")
  end
end
assert(#table.concat(parts, ",") > 1000)
table.sort(parts)
local c = slab.create("align", 61)
local o = c:alloc("zero")
for at = 0, 50 do o:poke(at, "<I8", at) assert(o:peek(at, "<I8") == at) end
o:free() c:destroy()
local co = coroutine.wrap(function() for k in pairs(_G) do
  coroutine.yield(k) end end)
for k in co do assert(utf8.len(tostring(k))) end
fs.put("odd", ("y"):rep(4099)) assert(#fs.read("odd") == 4099) fs.rm("odd")
print(slab.stat("*", "json"):len() > 100, slab.verify())
"""


def build_plugin():
    """For the version that this QEMU takes."""
    where = folder()
    for version in VERSIONS:
        plugin = os.path.join(where, "align%d.so" % version)
        run_command(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-shared",
                     "-fPIC", "-DPLUGIN_VERSION=%d" % version, "-o", plugin,
                     os.path.join(HERE, "align_plugin.c")], status=0)
        tried = subprocess.run(
            ["qemu-system-riscv64", "-machine",
             "virt,dumpdtb=" + os.path.join(where, "x.dtb"), "-display",
             "none", "-plugin", "%s,out=%s" % (plugin, where + "/none")],
            stderr=subprocess.PIPE, check=False)
        if tried.returncode == 0:
            return plugin
    text = tried.stderr.decode(errors="replace")
    if "-plugin" in text:
        skip("this QEMU takes no plugins")
    check(False, "QEMU refuses the plugin:", text)


def watched(*evals, **machine):
    """({function: misaligned accesses}, all accesses) of a run."""
    report = os.path.join(folder(), "report")
    run(*evals, status=0, qemu_args=[
        "-plugin", "%s,out=%s" % (build_plugin(), report)], **machine)
    with open(report, encoding="ascii") as f:
        first, *lines, last = f.read().splitlines()
    equal(last, "all", "the plugin's table overflowed")
    found = {}
    for line in lines:
        pc, count = line.split()
        name = function_at(int(pc, 16))
        found[name] = found.get(name, 0) + int(count)
    return found, int(first.split()[1])


def function_at(pc):
    names = subprocess.run(
        ["riscv64-unknown-elf-nm", "-n", kernel_path()], check=True,
        stdout=subprocess.PIPE).stdout.decode().splitlines()
    below = [w for w in map(str.split, names)
             if w[1] in "tT" and int(w[0], 16) <= pc]
    return below[-1][2]


def nothing_misaligned(*evals, at_least, **machine):
    found, accesses = watched(*evals, timeout=150, **machine)
    print("%d accesses" % accesses)
    check(accesses > at_least, "only %d accesses were seen" % accesses)
    equal(found, {}, "misaligned accesses by function")


@test(timeout=200)
def I4_3_allocator_makes_no_misaligned_access():
    nothing_misaligned(
        *('run("%s", {s = 0.3})' % name
          for name in ("smoke", "storm", "churn", "crosshart")),
        at_least=10_000_000)


@test(timeout=200)
def I4_3_lua_makes_no_misaligned_access():
    nothing_misaligned(LUA_PATHS, harts=4, at_least=10_000_000)


@test(timeout=200)
def I4_3_misaligned_accesses_are_seen_where_they_are_made():
    """The control: those that the bring-up kit makes on purpose."""
    found, _ = watched('board.check{only = "misaligned"}', harts=1)
    check(found, "the plugin saw none")
    equal([n for n in found if not ON_PURPOSE.fullmatch(n)], [], "elsewhere")
