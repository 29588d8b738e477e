# SPDX-License-Identifier: MIT
"""scripts/deploy: disks that must be spared, the question, what is checked.

What the kernel says of disks is shown by a made-up sysfs and /proc; the whole
way, from the question to the comparison, on a loop device where there are any.
"""
import fcntl
import os
import pty
import select
import stat
import subprocess
import sys
import termios
import time

from lib import PATIENCE_S, ROOT, check, contains, equal, folder, matches, \
    run_command, skip, write

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry import device
from quarry.bootfiles import Refused
from test_card import image

DEPLOY = os.path.join(ROOT, "scripts", "deploy")
CARD_BYTES = 1 << 20


class Machine:
    """A sysfs and a /proc of our own: sda holds /, sdb is a card."""

    def __init__(self):
        top = folder()
        self.sys, self.proc = top + "/sys", top + "/proc"
        os.makedirs(self.sys + "/dev/block")
        self.mounted = []
        self.disk("sda", "8:0", parts=[("sda1", "8:1"), ("sda2", "8:2")])
        self.disk("sdb", "8:16", parts=[("sdb1", "8:17"), ("sdb3", "8:19")],
                  model="SD Reader")
        self.mount("8:1", "/", "/dev/sda1")
        self.swaps()

    def entry(self, path, number, size, **files):
        files.update(dev=number, size=str(size // 512), ro="0")
        for name, text in files.items():
            write(os.path.join(path, name), text + "\n")
        for name in ("holders", "slaves"):
            os.makedirs(os.path.join(path, name))
        os.symlink(path, "%s/dev/block/%s" % (self.sys, number))

    def disk(self, name, number, parts=(), size=32 << 30, model="", virtual=0):
        path = "%s/devices/%d/block/%s" % (self.sys, virtual, name)
        self.entry(path, number, size)
        if model:
            write(path + "/device/model", model + "\n")
        for part, part_number in parts:
            self.entry(os.path.join(path, part), part_number, 1 << 30,
                       partition="1")
        return path

    def set(self, name, key, text):
        for top, folders, _ in os.walk(self.sys + "/devices"):
            if name in folders:
                write(os.path.join(top, name, key), text + "\n")
                return
        check(False, "no", name)

    def mount(self, number, where, source):
        self.mounted.append("22 1 %s / %s rw,relatime shared:1 - ext4 %s rw\n"
                            % (number, where, source))
        write(self.proc + "/self/mountinfo", "".join(self.mounted))

    def swaps(self, *names):
        write(self.proc + "/swaps", "Filename\tType\tSize\n" + "".join(
            "/dev/%s partition 1000\n" % n for n in names))

    def why(self, number="8:16", needed=CARD_BYTES):
        return device.refusal(device.Disk(number, self.sys), needed, self.sys,
                              self.proc)


def I4_5_deploy_takes_a_card():
    machine = Machine()
    equal(machine.why(), None, "refusal")
    disk = device.Disk("8:16", machine.sys)
    equal((disk.name, disk.model, disk.bytes), ("sdb", "SD Reader", 32 << 30),
          "the disk")
    equal(disk.parts(), [("sdb1", 1 << 30), ("sdb3", 1 << 30)], "partitions")


def I4_5_deploy_refuses_a_partition():
    contains(Machine().why("8:17"), "sdb1 is a partition; name the whole "
             "device, sdb")


def I4_5_deploy_refuses_the_running_system():
    machine = Machine()
    contains(machine.why("8:0"), "holds the running system")
    # Through an encrypted volume.
    machine = Machine()
    path = machine.disk("dm-0", "254:0", virtual=1)
    write(path + "/slaves/sdb3/dev", "8:19\n")
    machine.mounted = []
    machine.mount("254:0", "/", "/dev/mapper/root")
    contains(machine.why("8:16"), "holds the running system")
    equal(machine.why("8:0"), None, "the other disk")
    contains(machine.why("254:0"), "made of other devices")


def I4_5_deploy_refuses_what_is_mounted():
    for number in ("8:16", "8:19"):
        machine = Machine()
        machine.mount(number, "/media/card", "/dev/x")
        contains(machine.why(), "is mounted at /media/card")
    # btrfs has a number of its own; its source tells.
    machine = Machine()
    machine.mount("0:44", "/media/b", "/dev/sdb3")
    contains(machine.why(), "sdb3 is mounted at /media/b")


def I4_5_deploy_refuses_swap_and_parts_of_others():
    machine = Machine()
    machine.swaps("sda2")
    equal(machine.why(), None, "another disk's swap")
    machine.swaps("sda2", "sdb1")
    contains(machine.why(), "sdb1 is swap")
    machine = Machine()
    machine.set("sdb3", "holders/md0/dev", "9:0")
    contains(machine.why(), "sdb3 is part of md0")


def I4_5_deploy_refuses_what_cannot_hold_it():
    machine = Machine()
    machine.set("sdb", "ro", "1")
    contains(machine.why(), "read-only")
    machine = Machine()
    machine.set("sdb", "size", "0")
    contains(machine.why(), "no card in it")
    machine.set("sdb", "size", "not a number")
    contains(machine.why(), "no card in it")
    machine.set("sdb", "size", "2047")
    contains(machine.why(), "%d bytes, the card image" % (2047 * 512))
    machine.set("sdb", "size", "2048")
    equal(machine.why(), None, "a disk of exactly that size")


def I4_5_deploy_survives_odd_tables():
    machine = Machine()
    write(machine.proc + "/self/mountinfo",
          "".join(machine.mounted) + "\n-\nx - y\n1 2 8:16\n\xff - - -\n")
    os.remove(machine.proc + "/swaps")
    equal(machine.why(), None, "refusal")
    # A loop of layers ends.
    path = machine.disk("dm-1", "254:1", virtual=2)
    write(path + "/slaves/dm-1/dev", "254:1\n")
    equal(device.disks_below("254:1", machine.sys), {"dm-1"}, "disks")
    os.remove(machine.proc + "/self/mountinfo")
    try:
        machine.why()
    except Refused as e:
        contains(str(e), "mounted")
    else:
        check(False, "without knowing what is mounted")


def refused(*options, what):
    result = run_command([DEPLOY] + list(options))
    equal(result.status, 2, "status")
    equal(len(result.err.strip().split("\n")), 1, "lines of the message")
    contains(result.err, what)


def card_image(where):
    """A file with the mark of a partition table, and bytes to compare."""
    data = bytearray(i * 31 >> 3 & 0xff for i in range(CARD_BYTES))
    data[512:520] = b"EFI PART"
    return write(os.path.join(where, "card.img"), bytes(data))


def I4_5_deploy_usage():
    card = card_image(folder())
    refused(what="DEVICE=")
    refused("--device", "/dev/sdx", "--tftp", "/", what="DEVICE=")
    refused("--board", "vf3", "--tftp", folder(), what="vf2")
    result = run_command([DEPLOY, "--board", "vf3", "--tftp", folder()])
    for board in ("vf2", "mars", "star64"):
        contains(result.err, board)
    refused("--card", card, "--device", "/dev/null", what="no block device")
    refused("--card", card, "--device", "/nowhere", what="No such file")
    refused("--card", card, "--device", card, what="no block device")
    refused("--card", "/nowhere", "--device", "/dev/null", what="make sdcard")
    plain = write(os.path.join(folder(), "a"), bytes(4096))
    refused("--card", plain, "--device", "/dev/null", what="no card image")


def progress(_done):
    pass


def I4_5_deploy_finds_what_the_card_lost():
    where = folder()
    card = card_image(where)
    target = write(os.path.join(where, "medium"), bytes(CARD_BYTES + 512))
    device.write_image(card, target, 0, progress)
    device.compare_image(card, target, progress)
    for at in (0, 512, CARD_BYTES - 1):
        with open(target, "r+b") as f:
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1]))
        try:
            device.compare_image(card, target, progress)
        except Refused as e:
            contains(str(e), "byte %d is not what was written" % at)
        else:
            check(False, "the other byte at %d was not found" % at)
        with open(target, "r+b") as f:
            f.seek(at)
            f.write(bytes([byte]))
    os.truncate(target, CARD_BYTES - 1)
    try:
        device.compare_image(card, target, progress)
    except Refused as e:
        contains(str(e), "byte %d is not" % (CARD_BYTES - 1))
    else:
        check(False, "a card that ends early was not found")


def I4_5_deploy_write_error_is_one_line():
    try:
        device.write_image(card_image(folder()), "/dev/full", 0, progress)
    except Refused as e:
        contains(str(e), "No space left on device at byte 0")
    else:
        check(False, "nothing was said")


class Loop:
    """A loop device over a file, where the machine has any."""

    def __init__(self, size):
        self.file = os.path.join(folder(), "medium")
        with open(self.file, "wb") as f:
            f.truncate(size)
        if os.geteuid() != 0:
            skip("needs root for a loop device")
        done = run_command(["/sbin/losetup", "--find", "--show", self.file])
        self.path = done.out.strip()
        if done.status != 0 or not stat.S_ISBLK(os.stat(self.path).st_mode):
            skip("no loop devices here")
        # Detached when this process no longer has it open, however it ends.
        self.open = os.open(self.path, os.O_RDONLY)
        run_command(["/sbin/losetup", "--detach", self.path], status=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.open)

    def bytes(self):
        with open(self.file, "rb") as f:
            return f.read()


def on_terminal(command, answer):
    """Run behind a terminal, answer the question: (status, all it said)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
        # Its own terminal, so that Ctrl-C is a signal.
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0))
    os.close(theirs)
    said, deadline = b"", time.monotonic() + PATIENCE_S
    try:
        while select.select([ours], [], [],
                            max(0, deadline - time.monotonic()))[0]:
            try:
                more = os.read(ours, 4096)
            except OSError:
                break
            if not more:
                break
            said += more
            if answer is not None and said.endswith(b"to go on: "):
                os.write(ours, answer)
                answer = None
        status = process.wait(max(0.1, deadline - time.monotonic()))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    text = said.decode()
    print(text)
    return status, text


def I4_5_deploy_writes_a_card_when_told_its_name():
    card = card_image(folder())
    with open(card, "rb") as f:
        wanted = f.read()
    with Loop(CARD_BYTES + 4096) as loop:
        name = os.path.basename(loop.path)
        status, text = on_terminal(
            [DEPLOY, "--card", card, "--device", loop.path],
            name.encode() + b"\n")
        equal(status, 0, "status")
        contains(text, loop.path)
        contains(text, "%.1f MB" % ((CARD_BYTES + 4096) / 1e6))
        contains(text, "no partitions")
        matches(text, r"write +\[#+\] 100 %")
        matches(text, r"check +\[#+\] 100 %")
        equal(loop.bytes() == wanted + bytes(4096), True, "the card's bytes")


def I4_5_deploy_another_answer_writes_nothing():
    card = card_image(folder())
    with Loop(CARD_BYTES) as loop:
        for answer in (b"\n", b"yes\n", b"loop\n", b"/dev/sda\n", b"\x04",
                       b"\x03"):
            status, text = on_terminal(
                [DEPLOY, "--card", card, "--device", loop.path], answer)
            equal(status, 1, "status")
            contains(text, "Nothing was written.")
            equal(loop.bytes() == bytes(CARD_BYTES), True, "an empty card")


def I4_5_deploy_asks_nobody():
    card = card_image(folder())
    with Loop(CARD_BYTES) as loop:
        refused("--card", card, "--device", loop.path, what="a person")
        equal(loop.bytes() == bytes(CARD_BYTES), True, "an empty card")
    with Loop(CARD_BYTES - 512) as loop:
        refused("--card", card, "--device", loop.path, what="larger card")


def I4_5_deploy_publishes_for_tftp():
    where, source = folder(), folder()
    write(os.path.join(where, "Image"), b"old")
    path = write(os.path.join(source, "quarry.bin"), image())
    scripts = write(os.path.join(source, "scripts", "init.lua"), "print(1)")
    result = run_command(
        [DEPLOY, "--board", "star64", "--tftp", where, "--image", path,
         "--initrd", os.path.dirname(scripts), "--append", "a=1 b='x'"],
        status=0)
    equal(sorted(os.listdir(where)), ["Image", "init.tar"], "files")
    with open(os.path.join(where, "Image"), "rb") as f:
        equal(f.read(), image(), "Image")
    with open(os.path.join(where, "init.tar"), "rb") as f:
        check(f.read().startswith(b"init.lua\0"), "init.tar")
    for name in os.listdir(where):
        equal(os.stat(os.path.join(where, name)).st_mode & 0o777, 0o644, name)
    contains(result.out, "Star64")
    equal(result.out.count("    setenv bootargs a=1\\ b=\\'x\\'\n"), 2,
          "lines with the boot arguments")
    equal(result.out.count("    booti ${kernel_addr_r} "
                           "${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}"),
          1, "lines for mainline")
    equal(result.out.count("    fdt move ${fdtcontroladdr} ${fdt_addr_r} "), 1,
          "lines for the vendor's")


def I4_5_deploy_refuses_for_tftp():
    where = folder()
    path = write(os.path.join(folder(), "quarry.bin"), image())
    good = ["--image", path]
    refused("--tftp", "/nowhere", *good, what="no folder")
    refused("--tftp", where, "--image", "/dev/null", what="no Image")
    refused("--tftp", where, *good, "--append", "a\nb", what="control byte")
    refused("--tftp", where, *good, "--append", "é", what="ASCII")
    refused("--tftp", where, *good, "--append", "x" * 240, what="256 bytes")
    refused("--tftp", where, *good, "--initrd", "/nowhere", what="/nowhere")
    equal(os.listdir(where), [], "files left")
