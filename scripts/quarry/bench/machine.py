# SPDX-License-Identifier: MIT
"""What was measured, and on what: image, compiler, emulator, firmware, host.

Exact figures depend on the compiler, on QEMU (which runs firmware, too) and on
nothing else of the host; a result names them all, so that figures of different
ones are not compared by accident. What cannot be found out is None.
"""
import datetime
import hashlib
import os
import platform
import re
import struct
import subprocess

from quarry.emulator import QEMU
from quarry.options import ROOT

BANNER = re.compile(r"^OpenSBI v(\S+)\s*$")


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def section(path, wanted):
    """Bytes of a section of a 64-bit little-endian ELF file, or None."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < 64:
        return None
    try:
        table, = struct.unpack_from("<Q", data, 40)
        size, count, names = struct.unpack_from("<3H", data, 58)
        heads = [struct.unpack_from("<IIQQQQ", data, table + i * size)
                 for i in range(count)]
        strings = heads[names][4]
        for name, _kind, _flags, _address, offset, length in heads:
            start = strings + name
            if data[start:data.index(b"\0", start)] == wanted:
                return data[offset:offset + length]
    except (struct.error, IndexError, ValueError, OverflowError):
        pass
    return None


def compiler(path):
    """The one that our objects were made by; they are linked first."""
    comment = section(path, b".comment") or b""
    for text in comment.split(b"\0"):
        match = re.match(rb"(GCC|clang): ?(.+)", text)
        if match:
            return "%s %s" % (match.group(1).decode(), match.group(2).decode(
                errors="replace").strip())
    return None


def output(*command):
    """What a command prints, or None: not there, or it failed."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, cwd=ROOT,
                              stdout=subprocess.PIPE, timeout=20,
                              env=dict(os.environ, TZ="UTC", LC_ALL="C"),
                              stderr=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    return done.stdout.decode(errors="replace").strip()


def emulator():
    text = output(QEMU, "--version")
    return text.split("\n")[0] if text else None


def firmware(lines):
    """Of a boot's first lines."""
    for line in lines:
        match = BANNER.match(line)
        if match:
            return "OpenSBI " + match.group(1)
    return None


def commit():
    """commit, subject, date and dirty, where this is a git work tree."""
    text = output("git", "log", "-1", "--format=%H%n%s%n%cd",
                  "--date=format-local:%Y-%m-%dT%H:%M:%SZ")
    fields = text.split("\n") if text else []
    if len(fields) != 3:
        return {"commit": None, "subject": None, "date": None, "dirty": None}
    changes = output("git", "status", "--porcelain",
                     "--untracked-files=no")
    return {"commit": fields[0], "subject": fields[1], "date": fields[2],
            "dirty": None if changes is None else bool(changes)}


def code(kernel):
    return dict(commit(), image_sha256=sha256(kernel) if kernel else None,
                cc=compiler(kernel) if kernel else None)


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
            for line in f:
                if line.lower().startswith(("model name", "uarch", "cpu\t")):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or None


def cpus():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def load():
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def host():
    return {"cpu": cpu_name(), "cpus": cpus(),
            "kernel": "%s %s" % (platform.system(), platform.release()),
            "load1": load()}


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def run_id(moment):
    return "%s-%s" % (moment.strftime("%Y%m%dT%H%M%SZ"), os.urandom(2).hex())
