# SPDX-License-Identifier: MIT
"""Which harts run, on which machines, under which firmware."""
import os
import subprocess

from lib import check, contains, equal, folder, kernel_path, matches, run

HERE = os.path.dirname(os.path.abspath(__file__))

EACH = """
for h = 1, hart.count() - 1 do
  assert(hart.call(h, function() return hart.id() end) == h)
end
local ids = {}
for i, h in ipairs(hart.list()) do
  assert(h.id == i - 1)
  ids[i] = h.hartid
end
table.sort(ids)
print("HARTS", hart.count(), table.concat(ids, " "))
"""


def machine_tree(harts, edit):
    """QEMU virt's own tree, its text changed by edit(), compiled."""
    where = folder()
    plain, text = os.path.join(where, "a.dtb"), os.path.join(where, "b.dts")
    blob = os.path.join(where, "b.dtb")
    subprocess.run(["qemu-system-riscv64", "-machine",
                    "virt,dumpdtb=" + plain, "-smp", str(harts), "-m", "128M",
                    "-nographic"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    source = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", plain],
                            check=True, stdout=subprocess.PIPE).stdout
    with open(text, "w") as f:
        f.write(edit(source.decode()))
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", blob, text],
                   check=True)
    return blob


def in_cpu(text, hart, old, new):
    """Replace inside the node of one hart."""
    head, mark, tail = text.partition("cpu@%x {" % hart)
    check(mark, "no cpu@%x" % hart)
    check(old in tail, "no %r in cpu@%x" % (old, hart))
    return head + mark + tail.replace(old, new, 1)


def with_tree(harts, edit, status=0):
    blob = machine_tree(harts, edit)
    return run(EACH, harts=harts, mem="128M", status=status, timeout=30,
               qemu_args=["-dtb", blob])


def I2_3_sparse_hart_ids():
    """Two of six harts have no MMU: the others keep their ids. Any of the six
    may boot; one that does has an MMU, whatever the tree says."""
    def edit(text):
        for hart in (1, 4):
            # sv48 or sv57, as QEMU's version has it.
            mmu = matches(text, r'mmu-type = "riscv,sv\d+"').group()
            text = in_cpu(text, hart, mmu, 'mmu-type = "riscv,none"')
        return text
    out = with_tree(6, edit).out
    boot = int(matches(out, r"smp: \d harts, boot hartid (\d)").group(1))
    ids = sorted({0, 2, 3, 5, boot})
    matches(out, r"^HARTS\t%d\t%s$" % (len(ids), " ".join(map(str, ids))))
    for hart in {1, 4} - {boot}:
        contains(out, "hartid %d skipped: no mmu" % hart)
    equal(out.count("and it runs"), len({1, 4} & {boot}), "contradictions")


def I2_3_harts_the_tree_invents_are_skipped():
    """A tree for four harts on a machine of two: found out in time."""
    blob = machine_tree(4, lambda text: text)
    result = run(EACH, harts=2, mem="128M", timeout=40, status=0,
                 qemu_args=["-dtb", blob])
    matches(result.out, r"^HARTS\t2\t0 1$")
    for hart in (2, 3):
        matches(result.out, r"hartid %d skipped: (was started and has not "
                r"checked in|unknown to the firmware)" % hart)


def I2_3_monitor_core_of_sifive_u_is_left_alone():
    result = run(EACH, machine="sifive_u", harts=4, mem="512M", status=0)
    matches(result.out, r"^HARTS\t4\t1 2 3 4$")
    contains(result.out, "hartid 0 skipped: ")


def I2_3_icicle_boots():
    result = run(EACH, machine="icicle", harts=4, mem="2G", status=0)
    matches(result.out, r"^HARTS\t4\t1 2 3 4$")
    contains(result.out, "hartid 0 skipped: ")


def I4_a_hart_that_wakes_too_early_finds_its_way():
    """Old address or old argument, as firmware's race leaves them."""
    for harts in (2, 8):
        result = run(EACH, harts=harts, mem="256M", status=0,
                     kernel=kernel_path("stale"))
        matches(result.out, r"^HARTS\t%d\t%s$" % (
            harts, " ".join(map(str, range(harts)))))


def I2_3_bank_that_is_not_there_is_left_out():
    """The tree names a second bank; nothing answers in it."""
    def edit(text):
        return text.replace(
            "\tcpus {", "\tmemory@200000000 {\n\t\tdevice_type = \"memory\";"
            "\n\t\treg = <0x02 0x00 0x00 0x40000000>;\n\t};\n\n\tcpus {", 1)
    out = with_tree(2, edit).out
    matches(out, r"memory at 0x200000000, \d+ KiB, left out")
    matches(out, r"^HARTS\t2\t0 1$")


def I2_3_two_sockets_two_banks_two_plics():
    result = run(EACH, "print('FREE', frame.free() > 100000)", harts=4,
                 mem="512M", status=0, qemu_args=[
        "-machine", "virt", "-smp", "4,sockets=2",
        "-object", "memory-backend-ram,id=m0,size=256M",
        "-object", "memory-backend-ram,id=m1,size=256M",
        "-numa", "node,memdev=m0", "-numa", "node,memdev=m1"])
    matches(result.out, r"^HARTS\t4\t0 1 2 3$")
    contains(result.out, "FREE\ttrue")


def I2_3_firmware_without_hsm_time_and_ipi():
    """SBI 0.1, own firmware: one hart, one line for each gap, timers work."""
    where = folder()
    elf, blob = os.path.join(where, "f.elf"), os.path.join(where, "f.bin")
    subprocess.run(["riscv64-unknown-elf-gcc", "-march=rv64gc", "-mabi=lp64d",
                    "-nostdlib", "-static", "-Wl,-Ttext=0x80000000",
                    "-Wl,--no-relax", "-Wl,--build-id=none", "-o", elf,
                    os.path.join(HERE, "legacy_firmware.S")], check=True)
    subprocess.run(["riscv64-unknown-elf-objcopy", "-O", "binary", elf, blob],
                   check=True)
    result = run(EACH, "local t = sys.uptime()  "
                 "print(select(3, hart.chan(1):recv(50)), "
                 "sys.uptime() - t >= 50e6)", harts=2, mem="128M", status=0,
                 timeout=30, qemu_args=["-bios", blob])
    matches(result.out, r"^HARTS\t1\t0$")
    for name in ("HSM", "TIME", "IPI"):
        contains(result.out, "firmware: no %s extension" % name)
    contains(result.out, "hartid 1 skipped: the firmware has no HSM")
    matches(result.out, r"^ETIMEDOUT\ttrue$")
