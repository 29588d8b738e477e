# SPDX-License-Identifier: MIT
"""One image on every machine: it finds harts, memory, console and interrupts,
and the stress scripts hold.

`make test` boots the short part of the matrix, `make test-boards` all of it.
Everything here boots quarry.bin, the file that goes on a card.
"""
import os
import re
import subprocess

from lib import check, contains, equal, folder, kernel_path, matches, run, \
    skip, test

# Dense ids, an answer from each hart that slept on its timer, an IPI at each.
EACH_HART = """
local function nap()
  local me = hart.id()
  -- A sleep that something else ends late enough needs no timer interrupt.
  for _ = 1, 100 do
    local v, message, code = hart.chan(1):recv(5)
    assert(v == nil and code == "ETIMEDOUT", code)
    if hart.list()[me + 1].timer_irqs > 0 then return me end
  end
  error("no timer interrupt on hart " .. me)
end
nap()
for h = 1, hart.count() - 1 do assert(hart.call(h, nap) == h) end
local ids = {}
for i, h in ipairs(hart.list()) do
  assert(h.id == i - 1 and h.timer_irqs > 0)
  assert(hart.count() == 1 or h.ipis > 0)
  ids[i] = h.hartid
end
table.sort(ids)
print("HARTS", hart.count(), table.concat(ids, " "))
"""


def flat():
    return kernel_path()[:-len(".elf")] + ".bin"


def boots(harts, ids=None, s=0.5, **machine):
    """Boot, see every hart, run both scripts; the result of the run."""
    result = run(EACH_HART, "run('smoke', {s = %g})" % s,
                 "run('storm', {s = %g})" % s, harts=harts, kernel=flat(),
                 status=0, **machine)
    ids = range(harts) if ids is None else ids
    matches(result.out, r"^HARTS\t%d\t%s$" % (
        len(ids), " ".join(str(i) for i in ids)))
    for script in ("smoke", "storm"):
        matches(result.out, r"^%s: ok  %d harts" % (script, len(ids)))
    return result


def by_interrupt(result, device):
    matches(result.out, r"console: %s \S+, by interrupt" % device)


# ---- The short part: in make test, too ----

@test(boards="too")
def I4_1_virt_1_hart():
    by_interrupt(boots(1), "ns16550a")


@test(boards="too")
def I4_1_virt_4_harts():
    by_interrupt(boots(4), "ns16550a")


@test(boards="too")
def I4_1_virt_16_harts():
    by_interrupt(boots(16, mem="1G"), "ns16550a")


@test(boards="too")
def I4_1_sifive_u():
    result = boots(4, ids=[1, 2, 3, 4], machine="sifive_u")
    by_interrupt(result, "sifive,uart0")
    contains(result.out, "hartid 0 skipped: ")


@test(boards="too")
def I4_1_icicle():
    result = boots(4, ids=[1, 2, 3, 4], machine="icicle", mem="2G")
    by_interrupt(result, "ns16550a")
    contains(result.out, "hartid 0 skipped: ")
    matches(result.out, r"memory: 2048 MiB in 2 banks")


# ---- All of it ----

@test(boards=True)
def I4_1_virt_2_harts():
    boots(2)


@test(boards=True)
def I4_1_virt_8_harts():
    boots(8)


@test(timeout=300, alone=True, boards=True)
def I4_1_virt_32_harts():
    boots(32, mem="1G", s=1, timeout=200)


@test(timeout=400, alone=True, boards=True)
def I4_1_virt_64_harts():
    boots(64, mem="2G", s=1, timeout=300)


@test(timeout=900, alone=True, boards=True)
def I4_1_virt_128_harts():
    """As many as firmware can have; it may lose some before we ask."""
    result = run("print('HARTS', hart.count())", "run('storm', {s = 1})",
                 harts=128, mem="4G", status=0, timeout=800)
    count = int(matches(result.out, r"^HARTS\t(\d+)$").group(1))
    missing = len(re.findall(r"hartid \d+ skipped: was started and has not",
                             result.out))
    equal(count + missing, 128, "harts that run and harts that are named")
    check(count >= 100, "only %d of 128 harts" % count)
    matches(result.out, r"^storm: ok  %d harts" % count)


@test(boards=True)
def I4_1_spike():
    result = boots(4, machine="spike")
    contains(result.out, "irq: no PLIC for the boot hart")
    matches(result.out, r"console: firmware \(SBI\), polled")


@test(boards=True)
def I4_1_several_nodes_and_plics():
    nodes = []
    for n in range(2):
        nodes += ["-object", "memory-backend-ram,id=m%d,size=256M" % n,
                  "-numa", "node,memdev=m%d" % n]
    result = boots(4, mem="512M", qemu_args=[
        "-machine", "virt", "-smp", "4,sockets=2"] + nodes)
    matches(result.out, r"memory: 512 MiB in 2 banks")
    by_interrupt(result, "ns16550a")


def zones(mem):
    """{name: frames} of a machine with so much memory, and a frame of each."""
    out = run("for _, z in ipairs(frame.zones()) do "
              "print('ZONE', z.name, z.total) end "
              "local g = frame.alloc(1) local c = slab.create('low', 64, "
              "{low = true}) local o = c:alloc() "
              "print('LOW', o:addr() - 0xffffffc000000000 < 1 << 32)",
              harts=4, mem=mem, kernel=flat(), status=0).out
    contains(out, "LOW\ttrue")
    return {name: int(frames) for name, frames in
            re.findall(r"^ZONE\t(\w+)\t(\d+)\r?$", out, re.MULTILINE)}


@test(boards=True)
def I4_1_3_GiB_and_8_GiB_have_zones_below_and_above_4_GiB():
    for gib in (3, 8):
        found = zones("%dG" % gib)
        high = sum(n for name, n in found.items() if name.startswith("high"))
        low = sum(n for name, n in found.items() if name.startswith("low"))
        # Memory begins at 2 GiB. Records and the image cost under 1 %.
        for got, gibs in ((low, 2), (high, gib - 2)):
            check(0.99 * (gibs << 18) < got <= gibs << 18,
                  "%d frames where there are %d GiB" % (got, gibs))
        boots(4, mem="%dG" % gib)


def offers(*options):
    """Does the QEMU that is installed know these options?"""
    done = subprocess.run(
        ["qemu-system-riscv64", "-machine",
         "virt,dumpdtb=" + os.path.join(folder(), "x.dtb"), "-display",
         "none"] + list(options), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def only_where(*options):
    if not offers(*options):
        skip("this QEMU has no " + " ".join(options))
    return list(options)


@test(boards=True)
def I4_1_without_a_plic_by_message_signalled_interrupts():
    options = only_where("-M", "virt,aia=aplic-imsic")
    result = boots(4, qemu_args=options)
    contains(result.out, "irq: no PLIC for the boot hart")
    matches(result.out, r"console: ns16550a \S+, polled")


@test(boards=True)
def I4_3_harts_that_fault_instead_of_setting_accessed_and_dirty():
    boots(4, qemu_args=only_where("-cpu", "rv64,svadu=off,svade=on"))


@test(boards=True)
def I4_3_harts_without_sstc():
    boots(4, qemu_args=only_where("-cpu", "rv64,sstc=off"))


@test(boards=True)
def I4_1_harts_with_everything_there_is():
    boots(4, qemu_args=only_where("-cpu", "max"))
