# SPDX-License-Identifier: MIT
"""QEMU's machines, each with what must be known to start it and to see it end.

Seen on QEMU 7.2 with OpenSBI 1.1 and on QEMU 10.0 with OpenSBI 1.5:

* sifive_u and icicle have a monitor core, hart 0, that cannot run the kernel
  and is not counted by --harts. Which hart boots is a lottery.
* icicle comes without a device tree and without firmware of its own choice:
  -bios must not be given, -dtb must; its console is the second serial line.
* spike says that its harts have Sstc and traps on stimecmp: firmware that
  believes it dies. It has no interrupt controller, and its console is the
  firmware's, which loses characters that come quickly.
* Neither icicle nor spike can switch itself off; both end by semihosting.
  With it, firmware from 1.5 on reads its own console from QEMU's standard
  input, so a person's session goes without.
* From about 100 harts on, OpenSBI 1.5 needs more than the 2 MiB below the
  usual load address. The kernel runs from any multiple of 2 MiB; QEMU places
  an ELF file where its program headers say.
"""
import struct

HARTS_LOW_MAX = 96       # that fit below the usual load address
MOVED_BYTES = 2 << 20
PT_LOAD = 1
PROGRAM_HEADERS_MAX = 64
SEMIHOSTING = ["-semihosting-config", "enable=on,target=native"]


class Machine:
    """How one QEMU machine is started."""

    def __init__(self, qemu_name, harts_max, extra_harts=0, mem_min=0,
                 firmware=True, serial_index=0, reboots=True, dtb=None,
                 powers_off=False, semihosts=False, cpu=None,
                 dram=0x80000000):
        self.qemu_name = qemu_name
        self.harts_max = harts_max      # that can run this kernel
        self.extra_harts = extra_harts  # monitor cores without an MMU
        self.mem_min = mem_min          # bytes QEMU insists on
        self.firmware = firmware        # -bios default is right
        self.serial_index = serial_index
        self.reboots = reboots          # may reboot when a person asks
        self.dtb = dtb                  # source of the tree it must be given
        self.powers_off = powers_off
        self.semihosts = semihosts      # the only way out
        self.cpu = cpu                  # instead of the machine's own
        self.dram = dram


MACHINES = {
    "virt": Machine("virt", 512, powers_off=True),
    "sifive_u": Machine("sifive_u", 4, extra_harts=1, reboots=False),
    "icicle": Machine("microchip-icicle-kit", 4, extra_harts=1,
                      mem_min=2 << 30, firmware=False, serial_index=1,
                      reboots=False, dtb="dts/icicle.dts", semihosts=True),
    "spike": Machine("spike", 8, reboots=False, semihosts=True,
                     cpu="rv64,sstc=off"),
}


def moved_up(elf):
    """The ELF file with its load addresses MOVED_BYTES higher, else None."""
    out = bytearray(elf)
    if len(out) < 64 or out[:6] != b"\x7fELF\x02\x01":
        return None
    at, = struct.unpack_from("<Q", out, 32)
    size, count = struct.unpack_from("<HH", out, 54)
    if (size < 56 or count > PROGRAM_HEADERS_MAX
            or at + size * count > len(out)):
        return None
    for header in range(at, at + size * count, size):
        kind, = struct.unpack_from("<I", out, header)
        address, = struct.unpack_from("<Q", out, header + 24)
        if kind == PT_LOAD and address < 1 << 63:
            struct.pack_into("<Q", out, header + 24, address + MOVED_BYTES)
    return bytes(out)
