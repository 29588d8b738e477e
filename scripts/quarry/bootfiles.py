# SPDX-License-Identifier: MIT
"""What a boot loader is given: Image, init.tar and boot arguments, checked.

scripts/make-card puts them on a card, scripts/deploy into a folder for TFTP.
Everything here is judged before anything is written; a Refused is one line for
the person.

Boot arguments pass through U-Boot, which expands $names and takes quotes away:
in the append line of an extlinux.conf by one routine, at its prompt by its
shell. Both are told to leave every byte as it is, so what was typed for
APPEND= is what the kernel finds in /chosen/bootargs. Their buffer
(CONFIG_SYS_CBSIZE) holds 256 bytes in Debian's U-Boot for QEMU and 1024 in the
vendor's; a longer append makes U-Boot give up on the label.
"""
import os
import re
import struct

from quarry.initrd import pack_folder

HEADER = struct.Struct("<IIQQQIIQ8s4sI")  # of an Image; docs/boot.md
MAGIC, MAGIC2 = b"RISCV\0\0\0", b"RSC\x05"
# From the kernel's address to the device tree's, on every JH7110 U-Boot.
IMAGE_SPAN_MAX = 0x46000000 - 0x40200000
ALIGN = 2 << 20                # of the address a kernel is loaded to
INITRD_MAX = 128 << 20         # bytes; leaves a machine of 512 MiB the most
UBOOT_LINE_MAX = 255           # bytes of an append, or of a command

SHELL_PLAIN = re.compile(r"[A-Za-z0-9_=.,:/+@%-]")
# An archive of nothing: the two blocks that end one.
EMPTY_ARCHIVE = bytes(1024)


class Refused(Exception):
    """An input that no boot loader could use; the text says what to do."""


def check_image(data, name):
    """An Image by its header, as U-Boot's booti judges it and more strictly."""
    if len(data) < HEADER.size:
        raise Refused("%s: %d bytes are no Image; `make` builds one, "
                      "build/quarry.bin" % (name, len(data)))
    (_, _, offset, span, _, version, _, _, magic, magic2,
     _) = HEADER.unpack_from(data)
    if magic != MAGIC or magic2 != MAGIC2 or version >> 16 != 0:
        raise Refused("%s: no RISC-V Image header; give build/quarry.bin, "
                      "not the .elf" % name)
    if span < len(data):
        raise Refused("%s: the header promises %d bytes, the file has %d; "
                      "build it again" % (name, span, len(data)))
    if offset % ALIGN != 0 or span > IMAGE_SPAN_MAX:
        raise Refused("%s: the header asks for %d bytes at offset %#x, which "
                      "no board gives" % (name, span, offset))


def read_file(path, limit):
    with open(path, "rb") as f:
        data = f.read(limit + 1)
    if len(data) > limit:
        raise Refused("%s: more than %d MiB" % (path, limit >> 20))
    return data


def read_image(path):
    data = read_file(path, IMAGE_SPAN_MAX)
    check_image(data, path)
    return data


def read_initrd(path):
    """A folder as an archive, an archive or a script as it is.

    Without one it is an empty archive, not none: so the loader's lines are
    always the same, and scripts can be added later by replacing one file.
    """
    if not path:
        return EMPTY_ARCHIVE
    if os.path.isdir(path):
        data = pack_folder(path)
        if len(data) > INITRD_MAX:
            raise Refused("%s: more than %d MiB" % (path, INITRD_MAX >> 20))
        return data
    data = read_file(path, INITRD_MAX)
    if not data:
        raise Refused("%s is empty; leave INITRD away for no scripts" % path)
    return data


def append_bytes(text):
    """The boot arguments; refused when a loader could not pass them on."""
    data = os.fsencode(text).strip(b" ")
    if any(byte < 0x20 or byte == 0x7f for byte in data):
        raise Refused("boot arguments: a control byte (a new line, a tab, …); "
                      "separate the words by blanks")
    return data


def check_length(data, what):
    if len(data) > UBOOT_LINE_MAX:
        raise Refused("boot arguments: %s has %d bytes, U-Boot takes %d; put "
                      "some into a script of the initrd"
                      % (what, len(data), UBOOT_LINE_MAX))
    return data


def extlinux_append(text):
    """Boot arguments as the text behind `append` in an extlinux.conf.

    U-Boot takes away a backslash and takes the next byte as it is; of several
    in a row only the first is taken away.
    """
    out, last = bytearray(), 0
    for byte in append_bytes(text):
        special = byte in b"\\'$" or (not out and byte == ord("#"))
        if special and last != ord("\\"):
            out += b"\\"
        out.append(byte)
        last = byte
    return check_length(bytes(out), "the append line")


def command_word(text):
    """Boot arguments as one word for U-Boot's shell, which takes a backslash
    away and the next byte as it is; blanks too, for words are counted."""
    out = "".join(c if SHELL_PLAIN.match(c) else "\\" + c
                  for c in os.fsdecode(append_bytes(text)))
    if not out.isascii():
        raise Refused("boot arguments: U-Boot's prompt takes ASCII only")
    check_length(b"setenv bootargs " + out.encode(), "the setenv line")
    return out
