# SPDX-License-Identifier: MIT
"""Traps: what a fault becomes, and what a panic tells."""
import subprocess

from lib import check, contains, equal, kernel_path, matches, run

GUARDED = "assert(slab.verify()) print('ALIVE', 6 * 7)"


def address(name):
    """Of a function of the image under test, as a Lua number."""
    out = subprocess.run(["riscv64-unknown-elf-nm", kernel_path()],
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    return "0x" + matches(out, r"^([0-9a-f]{16}) [tT] %s$" % name).group(1)


def unsafe(*texts, **machine):
    return run(*texts, append="unsafe=1", timeout=30, **machine)


def fault(expression, *words):
    """The expression raises a fault, and the prompt's state lives on."""
    result = unsafe("print(pcall(%s))" % expression, GUARDED, harts=2,
                    status=0)
    line = matches(result.out, r"^false\t(fault: .*)$").group(1)
    for word in words:
        contains(line, word, "the fault's text")
    contains(result.out, "ALIVE\t42")


def I2_3_page_zero_is_not_mapped():
    fault("unsafe.peek, 0x10, 4", "load page fault at 0x10 ", "+0x")


def I2_3_text_is_not_writable():
    where = address("lua_main")
    fault("unsafe.poke, %s, 4, 1" % where,
          "store page fault at %s" % where)


def I2_3_text_has_no_writable_twin():
    # Where the linear map would show the image's physical address.
    fault("unsafe.poke, 0xffffffc080200000, 4, 1", "store page fault")


def I2_3_firmware_is_not_mapped():
    fault("unsafe.peek, 0xffffffc080000000, 4", "load page fault")


def I2_3_data_is_not_executable():
    # The device tree's window: readable, and that is all.
    fault("unsafe.call, 0xffffffe080000000", "instruction page fault")


def I2_3_device_tree_is_not_writable():
    fault("unsafe.poke, 0xffffffe080000000, 4, 1", "store page fault")


def I2_3_fault_on_another_hart_is_its_jobs_error():
    result = unsafe("print(hart.call(1, function() "
                    "return pcall(unsafe.peek, 8, 4) end))",
                    "assert(hart.call(1, function() return hart.id() end) "
                    "== 1)", GUARDED, harts=2, status=0)
    matches(result.out, r"^false\tfault: load page fault at 0x8 pc=")
    contains(result.out, "ALIVE\t42")


def panic(*texts, **machine):
    result = unsafe(*texts, status=3, **machine)
    contains(result.out, "\nPANIC hart ")
    contains(result.out, "\nbacktrace:\n")
    equal(result.out.strip().splitlines()[-1], "QUARRY-EXIT code=3", "end")
    return result.out


def I2_3_fault_inside_the_allocator_is_a_panic():
    out = panic("pcall(unsafe.call, %s, 0x10, 0x20)"
                % address("arch_mag_push"), harts=2)
    matches(out, r"PANIC hart 0 .*: exception: load page fault at 0x10 "
            r"pc=arch_mag_push\+0x0")
    # Registers, and names all the way down.
    matches(out, r"^  ra  [0-9a-f]{16} sp  ffffffe0[0-9a-f]{8} ")
    matches(out, r"^  #\d+ 0x[0-9a-f]{16} lua_main\+0x")


def I2_3_exception_in_a_trap_takes_the_emergency_stack():
    # A remote call of a function that is not there: it traps in the trap.
    out = panic("unsafe.call(%s, 1, 0x40, 0)" % address("smp_call"), harts=2)
    matches(out, r"PANIC hart 1 .*: exception inside a trap: "
            r"instruction page fault at 0x40")
    matches(out, r"^  #\d+ 0x[0-9a-f]{16} kernel_interrupt\+0x")
    # The chain leads on into what the trap interrupted.
    matches(out, r"^  #\d+ 0x[0-9a-f]{16} smp_work_loop\+0x")


def I2_3_panic_names_hart_and_backtrace():
    out = panic("hart.call(1, function() unsafe.crash() end)", harts=4)
    matches(out, r"PANIC hart 1 \(hartid \d\): ")
    matches(out, r"^  #\d+ 0x[0-9a-f]{16} smp_work_loop\+0x")


def test_floats_survive_interrupts():
    """A float loop on every hart, under a storm of IPIs and timers."""
    work = """
local function work(n)
  local x, y = 0.5, 1.25
  for i = 1, n do x = x * 1.0000001 + y / i  y = y + x % 3.7 end
  return string.format("%a %a", x, y)
end
"""
    result = run(work + """
local want = work(300000)
local j = hart.run("others", function(n)
  local x, y = 0.5, 1.25
  for i = 1, n do x = x * 1.0000001 + y / i  y = y + x % 3.7 end
  return string.format("%a %a", x, y)
end, 300000)
for i = 1, 300 do slab.reap{level="all"} end
local ok, all = j:wait()
assert(ok, all)
local seen = 0
for h, r in pairs(all) do
  seen = seen + 1
  assert(r[1] == want, "hart " .. h .. ": " .. tostring(r[1]))
end
print("SAME", seen, want == work(300000))
""", harts=4, status=0)
    matches(result.out, r"^SAME\t3\ttrue$")
    check("HEAP-ERROR" not in result.out, "heap error")
