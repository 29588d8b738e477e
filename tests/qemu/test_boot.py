# SPDX-License-Identifier: MIT
"""The boot matrix: harts, memory, what the boot costs."""
import os

from lib import check, contains, equal, lua_value, matches, run, test

# Every hart counts; each has answered a timer interrupt and an IPI; and each
# frees what another allocated.
ALL_HARTS = """
local n = %d
assert(hart.count() == n, "hart.count() is " .. hart.count())
local list = hart.list()
assert(#list == n, "hart.list() has " .. #list)
for i, h in ipairs(list) do
  assert(h.id == i - 1, "ids are not dense")
end
-- A wait with a limit: the timer is what ends it.
local function nap()
  local v, message, code = hart.chan(1):recv(20)
  assert(v == nil and code == "ETIMEDOUT", code)
  return hart.id()
end
nap()
for h = 1, n - 1 do
  assert(hart.call(h, nap) == h)
end
for i, h in ipairs(hart.list()) do
  print("HART", h.id, h.ipis, h.timer_irqs)
  assert(h.timer_irqs > 0, "no timer interrupt on hart " .. h.id)
  assert(n == 1 or h.ipis > 0, "no IPI on hart " .. h.id)
end
"""


def boots(harts, mem):
    run(ALL_HARTS % harts, "run('crosshart', {s = 1})",
        "assert(slab.verify()) print('BOOTED', hart.count())",
        harts=harts, mem=mem, status=0)


def I2_9_boot_1_hart():
    boots(1, "256M")


def I2_9_boot_2_harts():
    boots(2, "256M")


def I2_9_boot_4_harts():
    boots(4, "256M")


def I2_9_boot_8_harts():
    boots(8, "256M")


def memory(mem, at_least):
    """The machine boots, and most of its memory is there to allocate."""
    free = int(lua_value("frame.free()", harts=4, mem=mem))
    check(free * 4096 > at_least, "%d frames free with %s" % (free, mem))


def I2_figures_8_MiB_1_hart():
    run("local c = slab.create('pt', 64) local o = c:alloc() o:free() "
        "c:destroy() assert(slab.verify()) print('BOOTED')",
        harts=1, mem="8M", status=0)


def I2_9_memory_16_MiB():
    memory("16M", 4 << 20)


def I2_9_memory_32_MiB():
    memory("32M", 20 << 20)


def I2_9_memory_128_MiB():
    memory("128M", 110 << 20)


def I2_9_memory_1_GiB():
    memory("1G", 900 << 20)


def I2_9_memory_4_GiB():
    memory("4G", 3800 << 20)


def boot_instructions(mem, harts=1):
    return int(lua_value("sys.info().boot_instructions", harts=harts, mem=mem,
                         mode="exact"))


def I2_figures_boot_instructions():
    count = boot_instructions("128M")
    print("boot instructions:", count)
    check(0 < count <= 3_000_000, "%d instructions to the prompt" % count)
    equal(boot_instructions("128M"), count, "the same boot again")


def I2_figures_boot_does_not_grow_with_memory():
    small, large = boot_instructions("128M"), boot_instructions("16G")
    print("boot instructions:", small, "to", large)
    check(large < small * 1.05, "%d with 128M, %d with 16G" % (small, large))


def I4_figures_boot_instructions_of_each_more_hart():
    """Of all harts together, firmware included, for each beyond the first."""
    counts = {n: boot_instructions("256M", n) for n in (1, 4, 8)}
    each = {(a, b): (counts[b] - counts[a]) // (b - a)
            for a, b in ((1, 4), (4, 8))}
    print("boot instructions:", counts, "each more hart:", each)
    check(0 < min(each.values()) and max(each.values()) <= 60_000,
          "%s instructions for each more hart" % each)


@test(alone=True)
def I2_figures_prompt_time_is_told():
    """Printed, not judged: wall time is the host's. Asked: 500 ms."""
    times = [float(lua_value("sys.info().prompt_ns")) for _ in range(3)]
    print("prompt after, ms:", [t / 1e6 for t in times])
    check(min(times) > 0, "no time to the prompt")


def test_maxharts_leaves_harts_alone():
    equal(lua_value("hart.count()", harts=4, append="maxharts=2"), "2")


def test_mem_limits_memory():
    free = int(lua_value("frame.free()", append="mem=64M"))
    check(free * 4096 < 64 << 20, "%d frames free" % free)


def test_flat_image_boots():
    from lib import kernel_path
    flat = kernel_path()[:-len(".elf")] + ".bin"
    check(os.path.isfile(flat), "no " + flat)
    equal(lua_value("hart.count()", kernel=flat), "4")


def test_boot_log_names_what_it_found():
    out = run("print(sys.log())", status=0).out
    contains(out, "hart")
    matches(out, r"(?i)\b25[0-9]|\b256\b")
