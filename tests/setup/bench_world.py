# SPDX-License-Identifier: MIT
"""What tests of scripts/bench run share: a made-up image, and the machine
tests/setup/fake_machine.py that stands in for an emulator."""
import json
import os
import re
import struct
import sys

from lib import ROOT, check, equal, folder, run_command, write

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry.bench import result

BENCH = os.path.join(ROOT, "scripts", "bench")
FAKE = os.path.join(ROOT, "tests", "setup", "fake_machine.py")
LARSON = "smp/larson,ours,harts=8"
PAIR = "micro/pair,ours,harts=1"

MAP = """
Linker script and memory map

.text           0xffffffff80000000     0x1000
 *(.text)
 .text.kmem     0xffffffff80000000      0x100 build/libmm.a(kmem_mag.o)
 .text.a_very_long_name_of_a_function
                0xffffffff80000100       0x20 build/kernel/lua/main.o
                                         0x30 (size before relaxing)
 *fill*         0xffffffff80000120       0x10
.bss            0xffffffff80001000      0x200
 .bss.table     0xffffffff80001000       0x40 build/kernel/kernel/main.o
.debug_info     0x0000000000000000    0x99999
 .debug_info    0x0000000000000000    0x99999 build/kernel/kernel/main.o
"""
OBJDUMP = """#!/bin/sh
printf '0 <arch_mag_pop>:\\n 0:\\tld a0\\n\\n'
printf '4 <arch_mag_push>:\\n 4:\\tsd a0\\n'
"""


def elf(comment):
    """A file with a section .comment and nothing else."""
    names = b"\0.comment\0"
    data = b"\x7fELF\x02\x01" + bytes(34) + struct.pack(
        "<Q", 64 + len(comment) + len(names)) + bytes(10)
    data += struct.pack("<3H", 64, 2, 1) + comment + names
    for name, start, length in ((1, 64, len(comment)),
                                (0, 64 + len(comment), len(names))):
        data += struct.pack("<IIQQQQ", name, 1, 0, 0, start, length)
        data += bytes(64 - 40)
    return data


class World:
    """A folder with all that a run takes for an image."""

    def __init__(self):
        self.folder = folder()
        self.json = os.path.join(self.folder, "run.json")
        self.log = os.path.join(self.folder, "log")
        self.kernel = os.path.join(self.folder, "quarry.elf")
        with open(self.kernel, "wb") as f:
            f.write(elf(b"GCC: (made up) 12.2.0\0GCC: (libc) 11.1\0"))
        write(os.path.join(self.folder, "quarry.map"), MAP)
        self.objdump = os.path.join(self.folder, "objdump")
        write(self.objdump, OBJDUMP)
        os.chmod(self.objdump, 0o755)

    def command(self, *options):
        return [BENCH, "run", "--runner", FAKE, "--kernel", self.kernel,
                "--boot-kernel", self.kernel, "--objdump", self.objdump,
                "--json", self.json, "--jobs", "2"] + list(options)

    def env(self, fake, once=False):
        env = dict(os.environ, FAKE=json.dumps(fake), FAKE_DIR=self.folder,
                   FAKE_LOG=self.log, NO_COLOR="1",
                   # Not the tree's own: what it has is not this machine's.
                   QUARRY_BENCH_BASELINES=os.path.join(self.folder, "none"))
        if once:
            env["FAKE_ONCE"] = self.folder
        return env

    def run(self, *options, status=0, once=False, baseline="none", **fake):
        return run_command(
            self.command("--baseline", baseline, *options), status,
            env=self.env(fake, once), timeout=100)

    def data(self):
        return result.load(self.json)

    def boots(self):
        """Command lines of the machines that were started."""
        with open(self.log, encoding="utf-8") as f:
            return [json.loads(line) for line in f]


FAIR = {"seed2006.net": 137, "seed2006.atomics": 6}


def one_line(text, pattern):
    """Of what is said: one line has it, and there is no traceback."""
    check("Traceback" not in text, text)
    equal(len(re.findall(pattern, text, re.MULTILINE)), 1,
          "lines with %r" % pattern)
