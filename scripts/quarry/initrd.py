# SPDX-License-Identifier: MIT
"""Scripts and folders as an archive that the kernel reads.

Scripts travel as batch/NN-name.lua, in the order given, in front of what the
user's own initrd holds. The boot argument batch=1 tells the kernel.
"""
import io
import os
import re
import tarfile

from quarry.report import usage


def tar_member(name, data):
    """One ustar member, without the blocks that end an archive."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    pad = -len(data) % tarfile.BLOCKSIZE
    return info.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * pad


def newc_member(name, data):
    text = name.encode() + b"\0"
    fields = [0, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(text), 0]
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + text
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def pack_folder(folder):
    out = io.BytesIO()
    for top, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(top, name)
            inside = os.path.relpath(path, folder).replace(os.sep, "/")
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                try:
                    out.write(tar_member(inside, f.read()))
                except ValueError as e:
                    usage("%s: %s" % (path, e))
    return out.getvalue() + b"\0" * (2 * tarfile.BLOCKSIZE)


def batch_files(items):
    """[(name, bytes)] of the scripts, named so that they sort in order."""
    width = max(2, len(str(len(items))))
    out = []
    for number, (kind, value) in enumerate(items, 1):
        if kind == "eval":
            stem, data = "eval", value.encode("utf-8", "surrogateescape")
        else:
            with open(value, "rb") as f:
                data = f.read()
            stem = os.path.splitext(os.path.basename(value))[0]
            stem = re.sub(r"[^A-Za-z0-9_.-]", "_", stem)[:40]
        out.append(("batch/%0*d-%s.lua" % (width, number, stem), data))
    return out


def own_archive(args):
    """The bytes of the person's own initrd, or None."""
    if not args.initrd:
        return None
    if os.path.isdir(args.initrd):
        return pack_folder(args.initrd)
    with open(args.initrd, "rb") as f:
        return f.read()


def build_initrd(args, before=(), behind=()):
    """The initrd's bytes, or None when there is none.

    `before` and `behind`: (name, bytes) of more files beside the scripts.
    """
    own = own_archive(args)
    if not args.items:
        return own
    member, end = tar_member, b"\0" * (2 * tarfile.BLOCKSIZE)
    if own is not None:
        if own[:6] in (b"070701", b"070702"):
            member, end = newc_member, own
        elif own[257:262] == b"ustar":
            end = own
        else:
            # Not an archive: the kernel would take it for one Lua chunk.
            end = tar_member("init.lua", own) + end
    files = [*before, *batch_files(args.items), *behind]
    return b"".join(member(n, d) for n, d in files) + end
