# SPDX-License-Identifier: MIT
"""scripts/trace-convert: texts of Linux become traces, others one clear line.

What the kernel side makes of the files: tests/unit/test_lab_trace.c, which
reads tests/data/kmem-ftrace.qtrace.
"""
import os
import struct
import subprocess
import tempfile
import zlib

from lib import ROOT, check, contains, equal

SCRIPT = os.path.join(ROOT, "scripts", "trace-convert")
DATA = os.path.join(ROOT, "tests", "data")
ALLOC = b"t-1 [0%d] .... 1.0: kmalloc: call_site=f ptr=0x%x bytes_req=%d b\n"
FREE = b"t-1 [0%d] .... 1.0: kfree: call_site=f ptr=0x%x\n"


def convert(text, *options):
    """(status, what it said, the trace's bytes or None)."""
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "out")
        done = subprocess.run([SCRIPT, "-", out, *options], input=text,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        said = done.stdout.decode()
        equal(sorted(os.listdir(d)), ["out"] if done.returncode == 0
              else [], "files left")
        if done.returncode != 0:
            return done.returncode, said, None
        with open(out, "rb") as f:
            return 0, said, f.read()


def events(data):
    """The records of a trace whose header is right."""
    magic, version, records, objects, harts, none, crc = struct.unpack(
        "<8sIIIIII", data[:32])
    equal((magic, version, none), (b"QUARRYTR", 1, 0), "header")
    equal((records, len(data)), (2 * objects, 32 + 8 * records), "length")
    equal(crc, zlib.crc32(data[:28] + data[32:]), "checksum")
    out = [struct.unpack_from("<IHH", data, 32 + 8 * i)
           for i in range(records)]
    check(all(h < harts for _, _, h in out), "a hart is out of range")
    return out


def I5_1_a_trace_of_ftrace_becomes_the_file_that_is_kept():
    with open(os.path.join(DATA, "kmem-ftrace.txt"), "rb") as f:
        status, said, data = convert(f.read())
    equal(status, 0, said)
    with open(os.path.join(DATA, "kmem-ftrace.qtrace"), "rb") as f:
        equal(data, f.read(), "the trace")
    equal(events(data), [
        (0, 24, 0), (1, 4096, 0), (2, 96, 1),   # allocated
        (1, 0, 1),                              # freed by another CPU
        (0, 0, 0), (3, 24, 0),                  # a free that nobody saw
        (2, 0, 1), (4, 232, 2), (5, 1, 2),      # kmalloc(0) has a byte
        (4, 0, 0), (6, 512, 0),
        (3, 0, 0), (5, 0, 2), (6, 0, 0)],       # what lived at the end
        "events")
    contains(said, "7 objects on 3 CPUs")
    contains(said, "3 alive at the end, 1 frees of unknown objects left "
             "out, 1 frees unseen, 1 objects above 16384 bytes left out")


def I5_1_a_trace_of_perf_script_is_read_too():
    with open(os.path.join(DATA, "kmem-perf.txt"), "rb") as f:
        status, said, data = convert(f.read())
    equal(status, 0, said)
    equal(events(data), [(0, 96, 0), (1, 64, 1), (1, 0, 0), (0, 0, 1)],
          "events")


def I5_1_a_line_that_cannot_be_understood_is_named():
    good = ALLOC % (0, 16, 8)
    for line, word in (
            (b"x [00] 1: kmalloc: call_site=f bytes_req=8\n", "ptr="),
            (b"x [00] 1: kmalloc: call_site=f ptr=zz bytes_req=8\n", "ptr="),
            (b"x [00] 1: kmalloc: call_site=f ptr=0x1\n", "bytes_req="),
            (b"x [00] 1: kmalloc: call_site=f ptr=0x1 bytes_req=-8\n",
             "bytes_req="),
            (b"x [00] 1: kmalloc: call_site=f ptr=0x1 bytes_req="
             + b"9" * 5000 + b"\n", "bytes_req="),
            (b"x [00] 1: kfree: call_site=f ptr=0x" + b"1" * 5000 + b"\n",
             "ptr="),
            (b"x 1: kfree: call_site=f ptr=0x10\n", "CPU"),
            (b"x [1234567] 1: kfree: call_site=f ptr=0x10\n", "CPU"),
            (b"x" * 9000 + b"\n", "8192 bytes"),
            (b"x" * 9000, "8192 bytes"),
            (b"PERFILE2\0\0\n", "perf script")):
        status, said, _ = convert(b"# one\n" + good + line + good)
        equal(status, 1, said)
        contains(said, "trace-convert: stdin:3: ")
        contains(said, word)
        equal(said.count("\n"), 1, "lines of %r" % said)


def I5_1_a_text_without_events_is_no_trace():
    for text in (b"", b"# tracer: nop\n", b"\xff\xfe\xfd\n" * 9,
                 FREE % (0, 16), ALLOC % (0, 16, 16385)):
        status, said, _ = convert(text)
        equal(status, 1, said)
        contains(said, "no kmem event")
        equal(said.count("\n"), 1, "lines of %r" % said)


def I5_1_limits_of_a_trace_hold():
    status, said, data = convert(b"".join(
        ALLOC % (n % 8, 16 * n + 16, 16384) for n in range(200)),
        "--objects", "100")
    equal(status, 0, said)
    equal(len(events(data)), 200, "records")
    many = b"".join(b"t [%d] 1: kmalloc: call_site=f ptr=0x%x bytes_req=8\n"
                    % (n, n + 1) for n in range(129))
    status, said, _ = convert(many)
    equal(status, 1, said)
    contains(said, "stdin:129: more than 128 CPUs")
    status, said, _ = convert(b"", "--objects", "0")
    equal(status, 2, said)
    contains(said, "1 to 524288")


def I5_1_files_that_are_not_there_are_one_line():
    with tempfile.TemporaryDirectory() as d:
        text = os.path.join(d, "text")
        with open(text, "wb") as f:
            f.write(ALLOC % (0, 16, 8))
        for arguments in (("absent", "out"),
                          (text, os.path.join(d, "no", "folder"))):
            done = subprocess.run([SCRIPT, *arguments], cwd=d,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60)
            equal(done.returncode, 1, "status")
            contains(done.stdout.decode(), "No such file")
            equal(done.stdout.count(b"\n"), 1, "lines")
