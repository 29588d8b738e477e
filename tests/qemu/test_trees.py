# SPDX-License-Identifier: MIT
"""Hostile device trees, end to end: a prompt and a line that says what is
odd, or one line that says what is missing and exit code 3; never a hang.

The trees are dts/virt-4.dtsi with changes, so what the firmware refuses is not
seen here: tests/unit/test_boot_hostile.c has those as well, and the decisions
in full. Harts: as many as the tree lists, unless the test is about them.
"""
import os
import subprocess

from lib import ROOT, Session, check, contains, equal, folder, matches, run, \
    skip, write

WORKS = "print('alive', hart.count())"
DTS = os.path.join(ROOT, "dts")


def compile_tree(text):
    """A blob of `text`, which may include the files of dts/."""
    where = folder()
    source = write(os.path.join(where, "t.dts"), text)
    blob = os.path.join(where, "t.dtb")
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-i", DTS, "-o",
                    blob, source], check=True)
    return blob


def virt(changes):
    return compile_tree('/dts-v1/;\n/include/ "virt-4.dtsi"\n' + changes)


def boot(blob, harts=4, script=WORKS, **keywords):
    result = run(script, harts=harts, mem="128M", timeout=40,
                 qemu_args=["-dtb", blob], **keywords)
    if not result.out:
        skip("this firmware does not come as far as its own first line")
    return result


def lives(blob, *texts, harts=4, count=None, **keywords):
    """A script runs; each text stands in the log, once."""
    result = boot(blob, harts, **keywords)
    equal(result.status, 0, "status")
    matches(result.out, r"^alive\t%s\r?$" % (harts if count is None else count))
    for text in texts:
        equal(result.out.count(text), 1, "lines with %r" % text)
    return result.out


def stops(blob, text, **keywords):
    """One line why, at once, and nothing behind it but the sentinel."""
    result = boot(blob, **keywords)
    equal(result.status, 3, "status")
    matches(result.out, r"error: boot: .*%s.*\r?\n+QUARRY-EXIT code=3" % text)
    check("PANIC" not in result.out, "a panic")


# ---- Memory ----

def I4_bad_tree_without_memory():
    stops(virt("/delete-node/ &memory;"), "no usable /memory")


def I4_bad_tree_banks_that_overlap():
    out = lives(virt("&memory { reg = <0 0x80000000 0 0x4000000>, "
                     "<0 0x82000000 0 0x6000000>, "
                     "<0 0x80000000 0 0x8000000>; };"))
    contains(out, "memory: 128 MiB in 3 banks, ")


def I4_bad_tree_bank_that_wraps():
    """Only what lies between kernel and tree answers at both ends."""
    out = lives(virt("&memory { reg = <0 0x80000000 0xffffffff 0xffffffff>; "
                     "};"), "reaches beyond 2^64 and is cut there")
    equal(out.count("left out: the device tree names it"), 2, "ranges")


def I4_bad_tree_bank_that_wraps_beside_a_good_one():
    lives(virt("&memory { reg = <0 0x80000000 0 0x8000000>, "
               "<0xffffffff 0xfffff000 0 0x2000>; };"),
          "reaches beyond 2^64 and is cut there")


def I4_bad_tree_many_banks_that_are_not_there():
    """More than the kernel's first page tables can show; some can be read."""
    banks = "".join(", <0x%x 0x%x 0 0x201000>" % (4 + i, 0x1ff000 + i * 4096)
                    for i in range(15))
    out = lives(virt("&memory { reg = <0 0x80000000 0 0x8000000>%s; };"
                     % banks))
    equal(out.count("left out: the device tree names it"), 15, "banks")


def I4_bad_tree_reserves_everything():
    stops(virt("/ { reserved-memory { #address-cells = <2>; "
               "#size-cells = <2>; ranges; all@0 { "
               "reg = <0 0x80000000 0 0x8000000>; }; }; };"),
          "too little memory: 0 KiB usable of 131072 KiB")


def I4_bad_tree_reserves_the_kernel():
    lives(virt("/ { reserved-memory { #address-cells = <2>; "
               "#size-cells = <2>; ranges; odd@80000000 { "
               "reg = <0 0x80000000 0 0x2000000>; }; }; };"),
          "memory: the device tree reserves what the kernel lies in")


def I4_bad_tree_reserves_what_cannot_be_read():
    stops(virt("/ { reserved-memory { #address-cells = <2>; "
               "#size-cells = <2>; ranges; odd { reg = <1 2 3>; }; }; };"),
          "which memory is safe cannot be known")


# ---- Harts ----

def cpu(number, hartid, more=""):
    return ('cpu@%s { device_type = "cpu"; compatible = "riscv"; '
            'reg = <%#x>; mmu-type = "riscv,sv48"; status = "okay"; '
            'riscv,isa = "rv64imafdc"; %s };' % (number, hartid, more))


def I4_bad_tree_sparse_and_absurd_hart_ids():
    out = lives(virt("/ { cpus { %s %s %s }; };" % (
        cpu("3ff", 0x3ff), cpu("7fffffff", 0x7fffffff),
        cpu("ffffffff", 0xffffffff))))
    for hart in (1023, 0x7fffffff, 0xffffffff):
        matches(out, "hartid %d skipped: (disabled|unknown to the firmware|"
                "was started and has not checked in)" % hart)


def I4_bad_tree_one_hart_twice():
    lives(virt("/ { cpus { %s }; };" % cpu("3,1", 3)),
          "hart id 3 is listed twice", "hartid 3 skipped: duplicate id")


def I4_bad_tree_harts_that_are_dead():
    """Four in the tree, two in the machine: one deadline for both."""
    lives(virt(""), harts=2, count=2)


def I4_bad_tree_of_a_board_with_a_monitor_core():
    """Hart 0 of what claims to be a JH7110 may boot, but is not started."""
    blob = virt('/ { compatible = "starfive,jh7110"; };')
    out = boot(blob, script=WORKS + "\nfor _, h in ipairs(hart.list()) do "
               "print('id', h.id, h.hartid) end").out
    if "id\t0\t0\n" in out.replace("\r", ""):
        contains(out, "smp: boot hartid 0: \"monitor core\", says")
        contains(out, "alive\t4")
    else:
        contains(out, "smp: hartid 0 skipped: monitor core")
        contains(out, "alive\t3")


def I4_bad_tree_hart_without_fpu():
    out = boot(virt('/ { cpus { cpu@3 { riscv,isa = "rv64imac"; }; }; };')).out
    matches(out, "smp: hartid 3 skipped: no fpu|"
            "smp: boot hartid 3: \"no fpu\", says")
    contains(out, "alive\t")


# ---- Console, initrd, arguments, size ----

# An alias in a circle hangs OpenSBI 1.1 before it prints anything.

def I4_bad_tree_alias_of_nothing():
    lives(virt('/ { aliases { a = "b"; b = "/soc/serial@1"; }; };\n'
               '&chosen { stdout-path = "a:115200n8"; };'),
          "stdout-path names a node that does not exist")


def I4_bad_tree_unknown_uart():
    out = lives(virt('&chosen { stdout-path = "/soc/teletype@10001000"; };\n'
                     '&soc { teletype@10001000 { reg = <0 0x10001000 0 4096>; '
                     'compatible = "example,teletype"; }; };'),
                "which is no UART we drive: the firmware's console is used")
    contains(out, "console: firmware (SBI)")


def I4_bad_tree_devices_in_memory():
    """Their registers would be the kernel's text, and the heap. (A UART that
    the firmware does not know: it would write there itself.)"""
    out = lives(virt('&chosen { stdout-path = "/soc/serial@80200000"; };\n'
                     "&plic { reg = <0 0x86000000 0 0x600000>; };\n"
                     "&soc { serial@80200000 { reg = <0 0x80200000 0 0x100>; "
                     'compatible = "starfive,jh7110-uart"; '
                     "reg-shift = <2>; reg-io-width = <4>; }; };"),
                "irq: plic at 0x86000000 ignored: cannot map it",
                "at 0x80200000: using the firmware's")
    contains(out, "console: firmware (SBI), polled every 1 ms")


def I4_bad_tree_two_consoles():
    """linux,stdout-path and a second UART: stdout-path counts."""
    lives(virt('&chosen { linux,stdout-path = "/soc/serial@20000000"; };\n'
               '&soc { serial@20000000 { compatible = "ns16550a"; '
               'reg = <0 0x20000000 0 0x100>; }; };'),
          "console: ns16550a /soc/serial@10000000, by interrupt")


def initrd_at(start, end):
    """A prompt in spite of it; what was said on the way."""
    blob = virt("&chosen { linux,initrd-start = <0x%x 0x%x>; "
                "linux,initrd-end = <0x%x 0x%x>; };" % (
                    start >> 32, start & 0xffffffff, end >> 32,
                    end & 0xffffffff))
    with Session(harts=4, mem="128M", qemu_args=["-dtb", blob]) as machine:
        machine.prompt()
        contains(machine.lua("1 + 1"), "2")
        equal(machine.all.count("initrd"), 1, "lines about the initrd")
        return machine.all


def I4_bad_tree_initrd_outside_memory():
    contains(initrd_at(0x20000000, 0x20001000),
             "initrd ignored: 0x20000000 + 0x1000 bytes is not inside memory")


def I4_bad_tree_initrd_of_half_the_world():
    contains(initrd_at(0x84000000, 1 << 63), "is not inside memory")


def I4_bad_tree_initrd_over_the_kernel():
    contains(initrd_at(0x80200000, 0x80300000), "overlaps the kernel")


def I4_bad_tree_initrd_in_the_firmware():
    """Inside memory, and the firmware lets nobody read it."""
    contains(initrd_at(0x80000000, 0x80001000), "cannot be read")


def I4_bad_command_line_of_3_kb():
    line = " ".join("word%d=%d" % (i, i) for i in range(300))
    line += " mem=x" * 20
    check(len(line) > 3000, len(line))
    lives(virt(""), "unknown, ignored: word0=0 word1=1 word2=2 and 297 more",
          "4 more malformed boot arguments", append=line + " maxharts=2",
          count=2)


def I4_bad_tree_a_thousand_nodes():
    nodes = "".join('thing@%x { compatible = "example,thing"; reg = <0 %d 0 '
                    '1>; };\n' % (i, i) for i in range(1000))
    lives(virt("&soc { %s };" % nodes))


# ---- Caches ----

CACHE = ("d-cache-size = <%d>; d-cache-sets = <%d>; "
         "d-cache-block-size = <%d>;")
GEOMETRY = """
local i = sys.info()
print("L1D", i.l1d_bytes, i.l1d_line, i.l1d_sets)
print("ALIGN", slab.create("lined", 384).align)
"""


def with_cache(size, sets, line):
    cells = CACHE % (size, sets, line)
    return boot(virt("/ { cpus { %s }; };" % " ".join(
        "cpu@%d { %s };" % (hart, cells) for hart in range(4))),
        script=GEOMETRY, status=0).out


def I4_3_data_cache_of_the_tree_is_used():
    out = with_cache(65536, 128, 128)
    matches(out, r"^L1D\t65536\t128\t128$")
    matches(out, r"^ALIGN\t128$")
    equal(out.count("d-cache: lines of 128 bytes"), 1, "warnings")


def I4_3_absurd_data_cache_is_ignored():
    out = with_cache(65536, 64, 96)
    matches(out, r"^ALIGN\t64$")
    equal(out.count("d-cache: lines of 96 bytes, ways of 6144: not used"), 1,
          "warnings")
