# SPDX-License-Identifier: MIT
"""Pairs as restartable sequences: interrupts on every instruction.

The images are those of make/variants.mk: `boundary` counts interrupts by
instruction, `norewind` does too and leaves the rewind out. Exact mode, because
there QEMU takes an interrupt between any two instructions.
"""
import re
import subprocess

from lib import check, contains, equal, kernel_path, matches, run, test

# Per instruction: does an interrupt there start the sequence anew? The first
# load of a range is where it resumes; beside it lie what is not replayed.
TAKES = r"\.+r{4}\.+"
GIVES = r"\.+r{5}\.+"
SHAPES = {
    "arch_mag_pop": [r"\.{3}r{4}\."], "arch_mag_push": [r"\.{3}r{5}\."],
    "inline_turn": [r"\.r{4}\.", r"\.r{5}\."],
    "arch_mag_cold_alloc": [TAKES], "arch_mag_cold_free": [GIVES],
    "arch_frame_take": [TAKES], "arch_frame_give": [GIVES],
}
HITS_MIN = 100

STORM = """
local function free()
   collectgarbage() slab.reap{level="all"}
   local m = sys.mem()
   return m.free_frames + m.lua_frames
end
local before = free()
local r = assert(boundary.run{%s})
print("SUM", r.interrupts, r.rewinds, r.pairs, r.irq_ops, r.drained)
for _, w in ipairs(r.rows) do
   print("ROW", w.window, ("%%x"):format(w.pc), w.where, w.interrupts,
      w.rewinds)
end
assert(r.findings == 0, ("after %%d interrupts: %%s"):format(r.interrupts,
   r.finding))
r = nil
assert(free() == before, ("%%d frames free before, %%d after"):format(before,
   free()))
print("NO CORRUPTION")
"""


def instructions(kernel):
    """Text of every instruction, by address."""
    done = subprocess.run(
        ["riscv64-unknown-elf-objdump", "-d", "--no-show-raw-insn", kernel],
        stdout=subprocess.PIPE, check=True)
    found = re.findall(r"^\s*([0-9a-f]+):\s+(\S.*?)(?:\s+[#<].*)?$",
                       done.stdout.decode(), re.MULTILINE)
    return {int(address, 16): text.replace("\t", " ")
            for address, text in found}


def address_of(kernel, name):
    done = subprocess.run(["riscv64-unknown-elf-nm", kernel],
                          stdout=subprocess.PIPE, check=True)
    return int(matches(done.stdout.decode(), r"^([0-9a-f]+) \w %s$" % name)
               .group(1), 16)


def storm(image, options, status=None, harts=1):
    """(exit status, output, sums, rows by window) of one storm."""
    result = run(STORM % options, kernel=kernel_path(image), mode="exact",
                 harts=harts, status=status)
    sums = re.findall(r"^SUM\t(\d+)\t(\d+)\t(\d+)\t(\d+)\t(\d+)", result.out,
                      re.MULTILINE)
    windows = {}
    for window, pc, where, hits, rewinds in re.findall(
            r"^ROW\t(\d+)\t([0-9a-f]+)\t(\S+)\t(\d+)\t(\d+)", result.out,
            re.MULTILINE):
        windows.setdefault(int(window), []).append(
            (int(pc, 16), where, int(hits), int(rewinds)))
    return (result, [int(n) for n in sums[0]] if sums else None,
            list(windows.values()))


def print_histogram(rows, text):
    widest = max(max(hits for _, _, hits, _ in rows), 1)
    for pc, where, hits, rewinds in rows:
        print("  %-24s %-24s %8d %8d  %s" % (
            where, text.get(pc, "?"), hits, rewinds,
            "#" * (hits * 30 // widest)))


@test(timeout=150)
def I3_1_every_boundary_of_every_pair_is_interrupted():
    """100,000 interrupts: all boundaries hit, zero corruptions."""
    _, sums, windows = storm("boundary", "n=100000, seed=1", status=0)
    interrupts, rewinds, pairs, irq_ops, _ = sums
    text = instructions(kernel_path("boundary"))
    print("%d interrupts, %d rewinds, %d pairs of the thread, %d operations "
          "of the handler, 0 corruptions" % (interrupts, rewinds, pairs,
                                              irq_ops))
    print("  %-24s %-24s %8s %8s" % ("before", "", "interr.", "rewinds"))
    wanted = {name: list(shapes) for name, shapes in SHAPES.items()}
    for rows in windows:
        print_histogram(rows, text)
        shape = "".join("r" if again else "." for _, _, _, again in rows)
        name = rows[0][1].split("+")[0]
        fits = [w for w in wanted.get(name, []) if re.fullmatch(w, shape)]
        check(fits, "%s: what is replayed is %s" % (name, shape))
        wanted[name].remove(fits[0])
        for _, where, hits, again in rows:
            check(hits >= HITS_MIN, "%s: only %d interrupts" % (where, hits))
            check(again in (0, hits), "%s: %d interrupts, %d rewinds" % (
                where, hits, again))
    check(not any(wanted.values()), "not in the table:", wanted)
    equal(sum(again for rows in windows for _, _, _, again in rows), rewinds,
          "rewinds in the histogram")


@test(timeout=150)
def I3_1_boundaries_while_another_hart_drains():
    for options in ("n=200, seed=1, harts=2", "n=200, seed=2, harts=2"):
        _, sums, _ = storm("boundary", options, status=0, harts=2)
        check(sums[1] > 0, "no rewind")
        check(sums[4] > 0, "the other hart took no round")


@test(timeout=150)
def I3_1_a_verified_cache_in_a_fixed_slot_survives_the_storm():
    """Its slot reads empty and full: neither commit is ever reached."""
    _, sums, windows = storm("boundary", "n=20000, seed=3, checked=true",
                             status=0)
    check(sums[2] > 1000 and sums[3] > 1000, "nothing happened")
    seen = 0
    for rows in windows:
        if rows[0][1].split("+")[0] in ("arch_mag_pop", "arch_mag_push",
                                        "inline_turn"):
            equal(rows[-2][2], 0, "interrupts before the commit, %s"
                  % rows[-2][1])
            seen += 1
    equal(seen, 4, "functions and inline sites")


@test(timeout=150)
def I3_1_without_the_rewind_the_storm_finds_corruption():
    """The negative control: the same storm must fail, whatever the seed."""
    for options in ("n=200000, seed=1", "n=200000, seed=2"):
        result, sums, _ = storm("norewind", options)
        check(result.status in (1, 3), "status %d" % result.status)
        check("NO CORRUPTION" not in result.out, "the storm saw nothing")
        if result.status == 1:
            equal(sums[1], 0, "rewinds")
            print(matches(result.out, r"after \d+ interrupts: .*").group(0))
        else:
            matches(result.out, r"PANIC")


# A descriptor and a slot inside an object: the slot's top is a wild address.
SMASH = """
local tp = unsafe.call(0x%x, 0)
local at = slab.create("victim", 64):alloc():addr()
unsafe.poke(at, at + 16 - tp)
unsafe.poke(at + 16, %d)
unsafe.call(0x%x, at)
print("NOT REACHED")
"""


def fault(text, kernel, function, load_or_store, address, instruction):
    """The run must end in a panic at that very instruction."""
    result = run(text, kernel=kernel, harts=1, append="unsafe=1", status=3)
    check("NOT REACHED" not in result.out, "it went on")
    contains(result.out, "%s page fault at 0x%x pc=%s+" % (
        load_or_store, address, function))
    epc = int(matches(result.out, r"epc 0x([0-9a-f]+)").group(1), 16)
    got = instructions(kernel)[epc]
    check(re.match(instruction, got), "%s: at %r, wanted %r" % (
        function, got, instruction))


def I3_1_a_fault_inside_pop_is_reported_where_it_is():
    """Bad input: a smashed magazine. Never a replay, never a Lua error."""
    kernel = kernel_path()
    fault(SMASH % (address_of(kernel, "port_slot_base"), 0x1008,
                   address_of(kernel, "arch_mag_pop")),
          kernel, "arch_mag_pop", "load", 0x1000, r"ld a0,-8\(a4\)$")


def I3_1_a_fault_inside_push_is_reported_where_it_is():
    kernel = kernel_path()
    fault(SMASH % (address_of(kernel, "port_slot_base"), 0x2008,
                   address_of(kernel, "arch_mag_push")),
          kernel, "arch_mag_push", "store", 0x2008, r"sd a1,0\(a4\)$")


def I3_1_a_fault_inside_an_inline_site_is_reported_where_it_is():
    """It lies outside mm's text, and is a panic nevertheless."""
    kernel = kernel_path("boundary")
    pool, slot = 512, 2     # HART_SLOTS and STATIC_SLOT_BOUNDARY
    fault("""
        local tp = unsafe.call(0x%x, 0)
        unsafe.poke(tp + %d, 0x1008)
        local o = slab.create("victim", 64):alloc()
        unsafe.poke(o:addr(), 0)
        unsafe.call(0x%x, o:addr())
        print("NOT REACHED")
        """ % (address_of(kernel, "port_slot_base"), pool + slot * 16,
               address_of(kernel, "inline_turn")),
          kernel, "inline_turn", "load", 0x1000, r"ld \w+,-8\(\w+\)$")
