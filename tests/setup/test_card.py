# SPDX-License-Identifier: MIT
"""scripts/make-card: what is on the card, byte by byte, and what is refused."""
import io
import os
import signal
import struct
import subprocess
import sys
import tarfile
import time
import zlib

from lib import ROOT, check, contains, equal, folder, run_command, skip, write

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry import bootfiles

MAKE_CARD = os.path.join(ROOT, "scripts", "make-card")
SECTOR = 512
GUIDS = {
    "spl": "2E54B353-1271-4842-806F-E436D6AF6985",
    "uboot": "BC13C2FF-59E6-4262-A352-B275FD6F7172",
    "system": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
}
LEGACY_BOOT = 1 << 2


def image(body=5000, **changes):
    """A file that has an Image header, and nothing that runs."""
    fields = dict(code0=0x0b00006f, code1=0x13, offset=0x200000, span=1 << 20,
                  flags=0, version=2, res1=0, res2=0, magic=b"RISCV\0\0\0",
                  magic2=b"RSC\x05", res3=0)
    fields.update(changes)
    head = struct.pack("<IIQQQIIQ8s4sI", *fields.values())
    return head + bytes(i * 7 & 0xff for i in range(body))


def make(where, *options, data=None, **keywords):
    path = write(os.path.join(where, "in.bin"),
                 image() if data is None else data)
    return run_command([MAKE_CARD, "--image", path, "--output",
                        os.path.join(where, "card.img")] + list(options),
                       **keywords)


def made(*options, data=None):
    """The bytes of a card that must be made."""
    where = folder()
    make(where, *options, data=data, status=0)
    equal(sorted(os.listdir(where)), ["card.img", "in.bin"], "files there")
    with open(os.path.join(where, "card.img"), "rb") as f:
        return f.read()


def guid(data):
    a, b, c = struct.unpack_from("<IHH", data)
    rest = data[8:16].hex().upper()
    return "%08X-%04X-%04X-%s-%s" % (a, b, c, rest[:4], rest[4:])


def header(card, at):
    """A GPT header with its own checksum verified: (fields, entries)."""
    (magic, revision, size, crc, _, here, other, first, last) = \
        struct.unpack_from("<8sIIIIQQQQ", card, at)
    equal(magic, b"EFI PART", "mark")
    equal((revision, size), (0x10000, 92), "revision and size")
    zeroed = card[at:at + 16] + bytes(4) + card[at + 20:at + size]
    equal(zlib.crc32(zeroed), crc, "checksum of the header")
    table, count, each, table_crc = struct.unpack_from("<QIII", card, at + 72)
    equal(each, 128, "bytes of an entry")
    entries = card[table * SECTOR:table * SECTOR + count * each]
    equal(zlib.crc32(entries), table_crc, "checksum of the entries")
    return (here, other, first, last), entries


def partitions(entries):
    found = []
    for at in range(0, len(entries), 128):
        entry = entries[at:at + 128]
        if entry[:16] == bytes(16):
            continue
        first, last, attributes = struct.unpack_from("<QQQ", entry, 32)
        name = entry[56:].decode("utf-16-le").rstrip("\0")
        found.append((name, guid(entry), first, last - first + 1, attributes))
    return found


def I4_2_card_layout():
    card = made()
    last = len(card) // SECTOR - 1
    # Old partition tables see one partition that covers the disk.
    equal(card[510:512], b"\x55\xaa", "end of the protective MBR")
    kind, start, count = card[450], *struct.unpack_from("<II", card, 454)
    equal((kind, start, count), (0xee, 1, last), "protective entry")
    equal(card[462:510], bytes(48), "its other entries")
    (here, other, _, usable), entries = header(card, SECTOR)
    equal((here, other), (1, last), "places of the two headers")
    (there, back, _, _), copy = header(card, last * SECTOR)
    equal((there, back), (last, 1), "places, from the second one")
    equal(copy, entries, "second table")
    parts = partitions(entries)
    equal([p[0] for p in parts], ["spl", "uboot", "system"], "partitions")
    equal([p[1] for p in parts], [GUIDS[p[0]] for p in parts], "their types")
    equal([p[2:4] for p in parts],
          [(4096, 4096), (8192, 8192), (16384, 81920)], "places and sizes")
    equal([p[4] for p in parts], [0, 0, LEGACY_BOOT], "attributes")
    check(parts[2][2] + parts[2][3] - 1 <= usable, "system ends too late")
    identities = {entries[at + 16:at + 32] for at in (0, 128, 256)}
    equal(len(identities), 3, "different identifiers")


def fat_of(card, where):
    """The FAT partition in a file, and a way to read files from it."""
    path = write(os.path.join(where, "fat"), card[16384 * SECTOR:][:40 << 20])

    def read(name):
        done = subprocess.run(["mcopy", "-i", path, "::" + name, "-"],
                              stdout=subprocess.PIPE, check=True)
        return done.stdout
    return path, read


def I4_2_card_contents():
    where, scripts = folder(), folder()
    write(os.path.join(scripts, "init.lua"), "print(1)\n")
    write(os.path.join(scripts, "sub", "a.txt"), "text")
    card = made("--initrd", scripts, "--append", " loglevel=debug  term=dumb ")
    fat, read = fat_of(card, where)
    equal(read("/Image"), image(), "Image")
    with tarfile.open(fileobj=io.BytesIO(read("/init.tar"))) as tar:
        equal(sorted(tar.getnames()), ["init.lua", "sub/a.txt"], "init.tar")
    lines = read("/extlinux/extlinux.conf").decode().split("\n")
    equal([s.split(None, 1) for s in lines if s and s[0] != "#"],
          [["label", "quarry"], ["kernel", "/Image"], ["initrd", "/init.tar"],
           ["append", "loglevel=debug  term=dumb"]], "extlinux.conf")
    run_command(["/sbin/fsck.vfat", "-n", fat], status=0)


def I4_2_card_for_the_vendors_loader():
    """It imports 0x17c or 0x200 bytes of uEnv.txt, and defines boot2."""
    _, read = fat_of(made(), folder())
    text = read("/vf2_uEnv.txt")
    equal(read("/uEnv.txt"), text, "uEnv.txt")
    check(len(text) >= 0x200, "%d bytes" % len(text))
    for cut in (0x17c, 0x200, len(text)):
        lines = [s for s in text[:cut].decode().split("\n")
                 if s and not s.startswith("#")]
        equal(len(lines), 1, "variables in the first %d bytes" % cut)
        check(lines[0].startswith("boot2=") and
              lines[0].endswith("/extlinux/extlinux.conf"), lines[0])


def I4_2_card_without_scripts_has_an_empty_archive():
    _, read = fat_of(made(), folder())
    equal(read("/init.tar"), bytes(1024), "init.tar")
    conf = read("/extlinux/extlinux.conf").decode()
    contains(conf, "initrd /init.tar")
    check("append" not in conf, "an append without words")


def I4_2_card_is_reproducible():
    """In another folder, time zone and second: the same bytes."""
    scripts = folder()
    write(os.path.join(scripts, "init.lua"), "print(1)\n")
    options = ("--initrd", scripts, "--append", "x=1")
    first = made(*options)
    begin = int(time.time())
    os.utime(os.path.join(scripts, "init.lua"), (1, 1))
    while int(time.time()) < begin + 2:  # FAT counts in steps of two
        check(made(*options) == first, "the cards differ")
    where = folder()
    make(where, *options, status=0, env=dict(os.environ, TZ="Asia/Tokyo"))
    with open(os.path.join(where, "card.img"), "rb") as f:
        check(f.read() == first, "the cards differ by time zone")


def I4_2_card_escapes_what_uboot_expands():
    for text, wanted in (("a='b'", r"a=\'b\'"), ("$x ${y}", r"\$x \${y}"),
                         ("a\\b", r"a\\b"), ("a\\\\b", r"a\\\b"),
                         ("a\\'b", r"a\\'b"), ("#1 #2", r"\#1 #2"),
                         ('"q"', '"q"')):
        equal(bootfiles.extlinux_append(text).decode(), wanted, text)


def I4_2_card_size():
    equal(len(made()), 49 << 20, "bytes of a card")
    card = made("--size", "100M")
    equal(len(card), 100 << 20, "bytes of a larger card")
    _, entries = header(card, SECTOR)
    equal(partitions(entries)[2][2:4], (16384, (100 - 8 - 1) * 2048),
          "the system partition")
    # Scripts that need more room get it.
    archive = write(os.path.join(folder(), "big.lua"), b"-" * (50 << 20))
    equal(len(made("--initrd", archive)), (8 + 55 + 1) << 20, "bytes")


def refused(*options, data=None, what, **keywords):
    where = folder()
    result = make(where, *options, data=data, **keywords)
    equal(result.status, 2, "status")
    equal(len(result.err.strip().split("\n")), 1, "lines of the message")
    contains(result.err, what)
    equal(os.listdir(where), ["in.bin"], "files left")


def I4_2_card_refuses_what_is_no_image():
    refused(data=b"", what="no Image")
    refused(data=image()[:63], what="no Image")
    refused(data=b"\x7fELF" + bytes(5000), what="header")
    refused(data=image(magic2=b"RSC\x04"), what="header")
    refused(data=image(magic=b"RISCV\0\0\1"), what="header")
    refused(data=image(version=0x10000), what="header")
    refused(data=image(span=0), what="promises 0 bytes")
    refused(data=image(span=5063), what="promises 5063 bytes")
    refused(data=image(span=1 << 63), what="no board")
    refused(data=image(span=(94 << 20) + 1), what="no board")
    refused(data=image(offset=0x200001), what="no board")
    refused("--image", "/nowhere/Image", what="/nowhere/Image")
    refused("--image", "/", what="directory")
    made(data=image(span=5064))
    made(data=image(offset=0x400000))


def I4_2_card_refuses_boot_arguments():
    refused("--append", "a\nkernel /other", what="control byte")
    refused("--append", "a\tb", what="control byte")
    refused("--append", "a\x1b[2J", what="control byte")
    refused("--append", "a\x7f", what="control byte")
    made("--append", "x" * 255)
    refused("--append", "x" * 256, what="256 bytes")
    # What counts is the line that U-Boot reads.
    refused("--append", "'" * 128, what="256 bytes")


def I4_2_card_refuses_an_initrd():
    refused("--initrd", "/nowhere", what="/nowhere")
    empty = write(os.path.join(folder(), "a"), b"")
    refused("--initrd", empty, what="is empty")
    large = os.path.join(folder(), "large")
    with open(large, "wb") as f:
        f.truncate((128 << 20) + 1)
    refused("--initrd", large, what="more than 128 MiB")
    refused("--initrd", "/dev/zero", what="more than 128 MiB")
    scripts = folder()
    write(os.path.join(scripts, "n" * 200), "x")
    refused("--initrd", scripts, what="n" * 50)


def I4_2_card_refuses_a_size():
    for size in ("0M", "48M", "49", "-1M", "4G", "9999999G", "1e9M", "M"):
        refused("--size=" + size, what="--size")


def I4_2_card_needs_its_tools():
    where = folder()
    os.symlink("/usr/bin/env", os.path.join(where, "env"))
    os.symlink("/usr/bin/python3", os.path.join(where, "python3"))
    for tool in ("/usr/sbin/mkfs.vfat", "/sbin/sfdisk"):
        check(os.path.exists(tool), "no", tool)
    refused(what="Debian package mtools", env={"PATH": where})


def I4_2_card_tool_that_fails_is_one_line():
    where = folder()
    path = write(os.path.join(where, "mcopy"),
                 "#!/bin/sh\necho one; echo the reason >&2; exit 1\n")
    os.chmod(path, 0o755)
    refused(what="mcopy failed: the reason",
            env=dict(os.environ, PATH=where + ":" + os.environ["PATH"]))


def I4_2_card_keeps_the_old_one_when_it_fails():
    where = folder()
    card = write(os.path.join(where, "card.img"), b"old")
    equal(make(where, data=b"bad").status, 2, "status")
    with open(card, "rb") as f:
        equal(f.read(), b"old", "the card that was there")


def I4_2_card_interrupted_leaves_nothing():
    where, tools = folder(), folder()
    os.mkfifo(os.path.join(tools, "wait"))
    path = write(os.path.join(tools, "mcopy"),
                 "#!/bin/sh\necho >%s/wait\nsleep 60\n" % tools)
    os.chmod(path, 0o755)
    source = write(os.path.join(where, "in.bin"), image())
    process = subprocess.Popen(
        [MAKE_CARD, "--image", source, "--output",
         os.path.join(where, "card.img")], stderr=subprocess.PIPE,
        env=dict(os.environ, PATH=tools + ":" + os.environ["PATH"]))
    with open(os.path.join(tools, "wait"), "rb") as f:
        f.read()
    process.send_signal(signal.SIGTERM)
    err = process.communicate(timeout=30)[1].decode()
    equal(process.returncode, 2, "status")
    contains(err, "interrupted")
    equal(os.listdir(where), ["in.bin"], "files left")


def I4_2_card_disk_full():
    if os.geteuid() != 0:
        skip("needs root for a small file system")
    where = folder()
    done = run_command(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs",
                        where])
    if done.status != 0:
        skip("no mounts here")
    try:
        result = make(where, data=image(200_000))
        equal(result.status, 2, "status")
        equal(len(result.err.strip().split("\n")), 1, "lines")
        equal(os.listdir(where), ["in.bin"], "files left")
    finally:
        run_command(["umount", where], status=0)
