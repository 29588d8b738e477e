# SPDX-License-Identifier: MIT
"""Disks: what the machine says of one, whether to spare it, writing, checking.

Everything known comes from the kernel's own tables, below the folders `sys`
and `proc` that a test may replace. A disk is spared when there is any sign of
use: the root file system on it (through whatever layers), a mount, swap, or a
device built on it. Last, it is opened with O_EXCL, which the kernel refuses
for a disk in use that these tables did not show.
"""
import errno
import fcntl
import os
import re
import stat

from quarry.bootfiles import Refused

SECTOR = 512          # unit of every size in sysfs, whatever the disk's own
CHUNK = 4 << 20      # bytes between two looks at how far it is
LAYERS_MAX = 8        # partition, RAID, encryption, volumes, …
BLKFLSBUF = 0x1261    # ioctl: forget what is cached of a block device
BLKRRPART = 0x125f    # ioctl: read the partition table again


def first_line(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.readline().strip()
    except OSError:
        return default


def names_in(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def number_of(path):
    """"major:minor" of a block device's node."""
    try:
        info = os.stat(path)
    except OSError as e:
        raise Refused("%s: %s; `lsblk` lists what is there"
                      % (path, e.strerror))
    if not stat.S_ISBLK(info.st_mode):
        raise Refused("%s is no block device; `lsblk` lists those there are"
                      % path)
    return "%d:%d" % (os.major(info.st_rdev), os.minor(info.st_rdev))


class Disk:
    """What sysfs knows of one block device."""

    def __init__(self, number, sys="/sys"):
        self.folder = os.path.realpath(
            os.path.join(sys, "dev", "block", number))
        self.name = os.path.basename(self.folder)
        if not os.path.isdir(self.folder):
            raise Refused("the kernel knows no block device %s" % number)
        self.number = number
        self.whole = not os.path.exists(
            os.path.join(self.folder, "partition"))
        self.bytes = self.size_of(self.folder)
        self.read_only = first_line(os.path.join(self.folder, "ro")) == "1"
        self.model = " ".join(filter(None, (
            first_line(os.path.join(self.folder, "device", "vendor")),
            first_line(os.path.join(self.folder, "device", "model"))
            or first_line(os.path.join(self.folder, "device", "name")))))
        self.partitions = [n for n in names_in(self.folder) if os.path.exists(
            os.path.join(self.folder, n, "partition"))]

    @staticmethod
    def size_of(folder):
        text = first_line(os.path.join(folder, "size"), "0")
        return int(text) * SECTOR if re.fullmatch(r"\d{1,18}", text) else 0

    def parts(self):
        """[(name, bytes)] of its partitions."""
        return [(n, self.size_of(os.path.join(self.folder, n)))
                for n in self.partitions]

    def numbers(self):
        """{major:minor: name} of the disk and its partitions."""
        found = {self.number: self.name}
        for name in self.partitions:
            number = first_line(os.path.join(self.folder, name, "dev"))
            found[number] = name
        return found


def disks_below(number, sys="/sys", layers=LAYERS_MAX):
    """Names of the whole disks that a block device lies on."""
    folder = os.path.realpath(os.path.join(sys, "dev", "block", number))
    if layers == 0 or not os.path.isdir(folder):
        return set()
    if os.path.exists(os.path.join(folder, "partition")):
        folder = os.path.dirname(folder)
    found = {os.path.basename(folder)}
    for name in names_in(os.path.join(folder, "slaves")):
        slave = first_line(os.path.join(folder, "slaves", name, "dev"))
        found |= disks_below(slave, sys, layers - 1)
    return found


def mounts(proc="/proc"):
    """[(major:minor, where, source)] of this process's mounts."""
    out = []
    try:
        with open(os.path.join(proc, "self", "mountinfo"),
                  encoding="utf-8", errors="replace") as f:
            for line in f:
                left, _, right = line.partition(" - ")
                fields, source = left.split(), right.split()
                if len(fields) >= 5 and len(source) >= 2:
                    out.append((fields[2], fields[4], source[1]))
    except OSError:
        raise Refused("cannot read which file systems are mounted")
    return out


def in_use(disk, sys="/sys", proc="/proc"):
    """Why the disk must be spared, or None."""
    mounted = mounts(proc)
    for number, where, _ in mounted:
        if where == "/" and disk.name in disks_below(number, sys):
            return "%s holds the running system" % disk.name
    numbers = disk.numbers()
    for number, where, source in mounted:
        name = numbers.get(number)
        if name is None and source.startswith("/dev/"):
            # Some file systems have a number of their own.
            name = os.path.basename(os.path.realpath(source))
        if name in numbers.values():
            return "%s is mounted at %s; unmount it first" % (name, where)
    try:
        with open(os.path.join(proc, "swaps"), encoding="utf-8") as f:
            swaps = [os.path.basename(line.split()[0]) for line in f
                     if line.startswith("/")]
    except OSError:
        swaps = []
    for name in numbers.values():
        if name in swaps:
            return "%s is swap; `swapoff` it first" % name
    for folder in [disk.folder] + [os.path.join(disk.folder, n)
                                   for n in disk.partitions]:
        holders = names_in(os.path.join(folder, "holders"))
        if holders:
            return "%s is part of %s; stop that first" % (
                os.path.basename(folder), holders[0])
    return None


def refusal(disk, needed, sys="/sys", proc="/proc"):
    """Why `needed` bytes may not be written to the disk, or None."""
    if not disk.whole:
        return "%s is a partition; name the whole device, %s" % (
            disk.name, os.path.basename(os.path.dirname(disk.folder)))
    if names_in(os.path.join(disk.folder, "slaves")):
        return "%s is made of other devices; name a card" % disk.name
    why = in_use(disk, sys, proc)
    if why:
        return why
    if disk.bytes == 0:
        return "%s has no card in it" % disk.name
    if disk.read_only:
        return "%s is read-only; look for the switch on the card" % disk.name
    if disk.bytes < needed:
        return "%s has %d bytes, the card image %d; take a larger card" % (
            disk.name, disk.bytes, needed)
    return None


# ---- Writing ----

def explain(path, error, at):
    if error.errno in (errno.EACCES, errno.EPERM):
        return "%s: %s; as root: scripts/deploy --device %s" % (
            path, error.strerror, path)
    if error.errno == errno.EBUSY:
        return "%s is in use; unmount and stop what uses it" % path
    return "%s: %s at byte %d; the card or its reader is at fault" % (
        path, error.strerror, at)


def write_image(image, path, flags, progress):
    """Copy a file over a device, until it is on the medium."""
    at = 0
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags)
        try:
            with open(image, "rb") as f:
                for block in iter(lambda: f.read(CHUNK), b""):
                    view = memoryview(block)
                    while view:
                        done = os.write(fd, view)
                        view = view[done:]
                        at += done
                    os.fsync(fd)
                    progress(at)
        finally:
            os.close(fd)
    except OSError as e:
        raise Refused(explain(path, e, at))


def forget_cached(fd):
    """Make the next reads come from the medium, as far as can be asked."""
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        fcntl.ioctl(fd, BLKFLSBUF)
    except OSError:
        pass


def compare_image(image, path, progress):
    """Read back what was written; the first other byte is named."""
    at = 0
    try:
        with open(path, "rb", buffering=0) as device, open(image, "rb") as f:
            forget_cached(device.fileno())
            for wanted in iter(lambda: f.read(CHUNK), b""):
                got = read_exactly(device, len(wanted))
                if got != wanted:
                    at += next((i for i, pair in enumerate(zip(got, wanted))
                                if pair[0] != pair[1]), len(got))
                    raise Refused("%s: byte %d is not what was written; the "
                                  "card is broken or smaller than it says: "
                                  "take another" % (path, at))
                at += len(wanted)
                progress(at)
            try:
                fcntl.ioctl(device.fileno(), BLKRRPART)
            except OSError:
                pass
    except OSError as e:
        raise Refused(explain(path, e, at))


def read_exactly(device, wanted):
    out = b""
    while len(out) < wanted:
        more = device.read(wanted - len(out))
        if not more:
            break
        out += more
    return out
