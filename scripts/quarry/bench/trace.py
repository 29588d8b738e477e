# SPDX-License-Identifier: MIT
"""A person's trace on its way into the machine.

What scripts/trace-convert wrote goes into a folder that becomes the initrd, and
bench/suite.lua loads it from there. Its results are named after the file and
its checksum, so that figures of two traces are never compared. The image
checks all of it; here only what a person may get wrong.
"""
import os
import re
import shutil
import tempfile

MAGIC, HEADER, CRC_AT = b"QUARRYTR", 32, 28
BYTES_MAX = HEADER + (8 << 20)
NAME = re.compile(r"[\w.-]{1,48}", re.ASCII)
IN_IMAGE = "bench.qtrace"      # what bench/suite.lua reads


class Wrong(Exception):
    """One line about the file."""


def name(path):
    """What results call it: NAME.CHECKSUM."""
    try:
        with open(path, "rb") as f:
            head = f.read(HEADER)
            size = os.fstat(f.fileno()).st_size
    except OSError as e:
        raise Wrong("--trace %s: %s" % (path, e.strerror)) from None
    if len(head) < HEADER or not head.startswith(MAGIC) or size > BYTES_MAX:
        raise Wrong("--trace %s: not a file of scripts/trace-convert" % path)
    stem = os.path.basename(path)
    if stem.endswith(".qtrace"):
        stem = stem[:-len(".qtrace")]
    if not NAME.fullmatch(stem):
        raise Wrong("--trace %s: a name of letters, digits, . _ - and at most "
                    "48 of them" % path)
    crc = int.from_bytes(head[CRC_AT:CRC_AT + 4], "little")
    return "%s.%08x" % (stem, crc)


def folder(path):
    """A temporary folder with it; its cleanup() is the caller's."""
    where = tempfile.TemporaryDirectory(prefix="quarry-trace-")
    shutil.copyfile(path, os.path.join(where.name, IN_IMAGE))
    return where
