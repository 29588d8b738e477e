# SPDX-License-Identifier: MIT
"""The image itself: size, reproducibility, and what its code may contain."""
import bisect
import hashlib
import os
import re
import struct
import subprocess

from lib import BUILD, ROOT, check, equal, folder, kernel_path, run_command, \
    test

IMAGE_MAX = 450 << 10
FP_REGISTER = re.compile(r"\bf(?:[ast]\d+|csr)\b")
FP_OPCODE = re.compile(r"^(?:c\.)?(?:fl[dw]|fs[dw](?:sp)?|fld(?:sp)?|"
                       r"f\w+\.[sdwlx]|frcsr|fscsr|frflags|fsflags)\b")
SENSITIVE = re.compile(r"^(amo|lr\.|sc\.|csr|fence|ecall)")


def disassembly(path=None):
    """[(function, its address, [(instruction, its text)])] of a file.

    A list, because static functions of several files may share a name.
    """
    done = subprocess.run(
        ["riscv64-unknown-elf-objdump", "-d", "--no-show-raw-insn",
         path or kernel_path()], stdout=subprocess.PIPE, check=True)
    functions, code = [], None
    for line in done.stdout.decode().splitlines():
        head = re.match(r"([0-9a-f]+) <(.+)>:$", line)
        if head:
            code = []
            functions.append((head.group(2), int(head.group(1), 16), code))
            continue
        body = re.match(r"\s*[0-9a-f]+:\s+(\S+)\s*(.*)$", line)
        if body and code is not None:
            code.append((body.group(1), body.group(2)))
    return functions


def file_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def I2_figures_image_size():
    size = len(file_bytes(kernel_path()[:-4] + ".bin"))
    print("image:", size, "bytes")
    check(size <= IMAGE_MAX, "%d bytes; the limit is %d" % (size, IMAGE_MAX))


def jump_target(code):
    """Where a `j` at offset 0 goes: JAL with no link, as the manual lays out
    its immediate."""
    equal(code & 0xfff, 0x06f, "opcode and register of code0")
    offset = ((code >> 21 & 0x3ff) << 1 | (code >> 20 & 1) << 11
              | (code >> 12 & 0xff) << 12)
    return offset - (code >> 31 << 20)


def I4_2_image_header_is_exact():
    """All 64 bytes, by their meaning."""
    data = file_bytes(kernel_path()[:-4] + ".bin")
    at = symbols(kernel_path())
    (code0, code1, offset, image_size, flags, version, reserved1, reserved2,
     magic, magic2, reserved3) = struct.unpack_from("<IIQQQIIQ8s4sI", data)
    equal(struct.calcsize("<IIQQQIIQ8s4sI"), 64, "bytes of the header")
    equal(jump_target(code0), at["boot_hart"] - at["__image_start"],
          "where code0 jumps to")
    check(jump_target(code0) >= 64, "a jump into the header")
    equal(code1, 0x00000013, "code1, a nop")
    check(data[:2] != b"MZ", "looks like an EFI program")
    equal(offset, 0x200000, "text_offset")
    # With bss and the early stacks: loaders put initrd and tree behind it.
    equal(image_size, at["__image_end"] - at["__image_start"], "image_size")
    check(image_size >= len(data), "image_size does not cover the file")
    check(at["__image_end"] >= at["__bss_end"], "ends before its bss")
    equal(len(data), at["__bss_start"] - at["__image_start"],
          "bytes of the file: all that is loaded and nothing more")
    equal(flags, 0, "flags: little endian, pages of no stated size")
    equal(version, 2, "version: 0.2")
    equal((reserved1, reserved2, reserved3), (0, 0, 0), "reserved words")
    equal((magic, magic2), (b"RISCV\0\0\0", b"RSC\x05"), "magic numbers")


def I2_2_products_lie_beside_the_image():
    for suffix in (".elf", ".bin", ".map", ".dis"):
        path = kernel_path()[:-4] + suffix
        check(os.path.isfile(path) and os.path.getsize(path) > 0, path)


@test(timeout=400)
def I2_2_two_builds_are_bit_identical():
    """A copy of the tree, built in another folder: the same bytes."""
    copy = os.path.join(folder(), "elsewhere", "tree")
    os.makedirs(copy)
    subprocess.run("tar --exclude=./build --exclude=./.git -cf - . | "
                   "tar -xf - -C '%s'" % copy, shell=True, cwd=ROOT,
                   check=True)
    env = dict(os.environ, QUARRY_DEPS=os.path.join(
        BUILD, "third_party", "archives"))
    run_command(["make", "-j2", "B=build", "image"], status=0, timeout=380,
                cwd=copy, env=env)
    for suffix in (".bin", ".elf"):
        sums = [hashlib.sha256(file_bytes(p)).hexdigest() for p in (
            kernel_path()[:-4] + suffix,
            os.path.join(copy, "build", "quarry" + suffix))]
        equal(sums[1], sums[0], "quarry" + suffix)


def called_from(functions, start):
    """Functions reachable by direct calls and jumps from those in start."""
    starts = [address for _, address, _ in functions]
    seen, waiting = set(), [i for i, f in enumerate(functions)
                            if f[0] in start]
    while waiting:
        i = waiting.pop()
        if i in seen:
            continue
        seen.add(i)
        for op, text in functions[i][2]:
            target = re.search(r"\b([0-9a-f]{8,16}) <", text)
            if target and not op.startswith(("l", "s", "f", "a")):
                at = bisect.bisect(starts, int(target.group(1), 16)) - 1
                if at >= 0:
                    waiting.append(at)
    return [functions[i] for i in sorted(seen)]


def uses_fp(code):
    return [op + " " + text for op, text in code
            if FP_OPCODE.match(op) or FP_REGISTER.search(text)]


def objects_of(folders):
    for top in folders:
        for where, _, files in os.walk(os.path.join(BUILD, "kernel", top)):
            for file in sorted(files):
                if file.endswith(".o"):
                    yield os.path.join(where, file)


# They set rounding mode and flags once, before the hart takes interrupts.
ALLOWED_FP = {"boot_hart", "own_record"}


def I2_traps_touch_no_fp_register():
    """What runs in a trap and returns must not disturb Lua's floats.

    Looked at is what the trap entry reaches by direct calls, and, since
    interrupts and reports reach much through pointers, every function of the
    folders that serve them.
    """
    image = disassembly()
    entry = {name for name, _, _ in image if name.startswith("trap_")}
    check("trap_dispatch" in entry, "no trap_dispatch in the image")
    looked_at = called_from(image, entry)
    check(len(looked_at) > 20, "only %d functions reached" % len(looked_at))
    for path in objects_of(["arch/riscv", "kernel", "mm", "console"]):
        looked_at += disassembly(path)
    print("%d functions looked at" % len(looked_at))
    bad = ["%s: %s" % (name, uses_fp(code)[0]) for name, _, code in looked_at
           if uses_fp(code) and name not in ALLOWED_FP]
    check(not bad, "use floating point registers:", bad)


def I2_lua_does_use_fp_registers():
    """The opposite of the test before: it can see such code at all."""
    users = [name for name, _, code in disassembly() if uses_fp(code)]
    check(len(users) > 20, "found only", users)


def symbols(path):
    """Addresses of an image's symbols, by name."""
    done = subprocess.run(["riscv64-unknown-elf-nm", path],
                          stdout=subprocess.PIPE, check=True)
    found = re.findall(r"^([0-9a-f]+) \w (\S+)$", done.stdout.decode(),
                       re.MULTILINE)
    return {name: int(address, 16) for address, name in found}


def restart_ranges(path):
    """[(first, end)] of the table by which the trap entry rewinds."""
    at = symbols(path)
    done = subprocess.run(
        ["riscv64-unknown-elf-objdump", "-s", "-j", ".rodata",
         "--start-address=%#x" % at["__restart_start"],
         "--stop-address=%#x" % at["__restart_end"], path],
        stdout=subprocess.PIPE, check=True)
    lines = re.findall(r"^ [0-9a-f]+ ((?:[0-9a-f]+ )+)", done.stdout.decode(),
                       re.MULTILINE)
    words = bytes.fromhex("".join(lines))
    return list(struct.iter_unpack("<QQ", words))


def code_between(path, first, end):
    done = subprocess.run(
        ["riscv64-unknown-elf-objdump", "-d", "--no-show-raw-insn",
         "--start-address=%#x" % first, "--stop-address=%#x" % end, path],
        stdout=subprocess.PIPE, check=True)
    return re.findall(r"^\s*[0-9a-f]+:\s+(\S+)[ \t]*(.*?)\s*(?:[#<].*)?$",
                      done.stdout.decode(), re.MULTILINE)


def check_plain(where, code):
    bad = [op for op, _ in code if SENSITIVE.match(op)]
    check(not bad, "%s contains %s" % (where, bad))


def I2_figures_hot_pair_has_no_atomic_and_no_csr():
    """Out of line: 8 + 9 instructions, the rets included."""
    found = {name: code for name, _, code in disassembly()
             if name in ("arch_mag_pop", "arch_mag_push")}
    equal(len(found), 2, "functions of the hot pair in the image")
    total = 0
    for name, code in sorted(found.items()):
        check_plain(name, code)
        hit = [op for op, _ in code].index("ret") + 1
        print("%s: %d instructions with its ret" % (name, hit))
        total += hit
    print("hot pair: %d instructions" % total)
    check(total <= 17, "%d instructions; the limit is 17" % total)


OUT_OF_LINE = ("arch_mag_pop", "arch_mag_push", "arch_mag_cold_alloc",
               "arch_mag_cold_free", "arch_frame_take", "arch_frame_give")


def I3_1_inline_sites_have_no_atomic_and_no_csr():
    """Every range of every image, and what an inlined pair costs."""
    lengths = {}
    for image in (None, "boundary", "bench"):
        path = kernel_path(image)
        at = symbols(path)
        ranges = restart_ranges(path)
        check(6 <= len(ranges) <= 22, "%d ranges in the table" % len(ranges))
        for first, end in ranges:
            code = code_between(path, first, end)
            check_plain("%s, %#x" % (path, first), code)
            if any(0 <= first - at[f] < 64 for f in OUT_OF_LINE):
                continue
            # First the top is loaded; its only store is the last instruction.
            slot = [i for i, (_, text) in enumerate(code) if "(tp)" in text]
            equal(slot, [0, len(code) - 1], "accesses to the slot, %#x" % first)
            equal((code[0][0], code[-1][0]), ("ld", "sd"), "%#x" % first)
            kind = "push" if code[1][0].startswith("and") else "pop"
            lengths.setdefault(kind, set()).add(len(code))
            print("%s: inline %s at %#x: %d instructions" % (
                os.path.relpath(path, BUILD), kind, first, len(code)))
    equal(lengths, {"pop": {5}, "push": {6}}, "lengths of inline sites")
    print("inlined pair: 11 instructions")


def I2_3_no_section_is_writable_and_executable():
    """The link script must keep W and X in different pages."""
    done = subprocess.run(
        ["riscv64-unknown-elf-readelf", "-SW", kernel_path()],
        stdout=subprocess.PIPE, check=True)
    both = re.findall(r"\] (\S+) .* [A-Z]*W[A-Z]*X[A-Z]* ",
                      done.stdout.decode())
    check(not both, "writable and executable:", both)
