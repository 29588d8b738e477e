# SPDX-License-Identifier: MIT
"""scripts/embed-lua: what it packs comes out again, and nothing else."""
import glob
import importlib.machinery
import importlib.util
import os
import subprocess
import sys

from lib import ROOT, check, contains, equal, folder, write

SCRIPT = os.path.join(ROOT, "scripts", "embed-lua")


def module():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("embed_lua", SCRIPT)
    spec = importlib.util.spec_from_loader("embed_lua", loader)
    embed = importlib.util.module_from_spec(spec)
    loader.exec_module(embed)
    return embed


def unpack(data, pairs):
    """As lua/script.c does it."""
    out = bytearray()
    for byte in data:
        waiting = [byte]
        while waiting:
            code = waiting.pop()
            if code in pairs:
                waiting += reversed(pairs[code])
            else:
                out.append(code)
    return bytes(out)


def I4_6_scripts_come_out_as_they_went_in():
    embed = module()
    texts = []
    for path in sorted(glob.glob(os.path.join(ROOT, "lua", "scripts", "**",
                                              "*.lua"), recursive=True)):
        with open(path, "rb") as f:
            texts.append(embed.slim(f.read()))
    check(len(texts) > 5, "no scripts")
    packed, pairs = embed.pack(texts)
    equal([unpack(p, pairs) for p in packed], texts, "scripts")
    sizes = sum(map(len, texts)), sum(map(len, packed))
    check(sizes[1] < 0.6 * sizes[0], "%d bytes became %d" % sizes)


def I4_6_odd_texts_are_packed_too():
    embed = module()
    for texts in ([], [b""], [b"a"], [b"ab" * 50], [b"\n" * 300],
                  [bytes(range(1, 256)) * 5],        # no value is unused
                  [bytes(range(1, 255)) * 9, b"xyxyxyxy" * 40],
                  ["gr\xfc\xdfe \u2026".encode() * 20, b"\xff\xfe" * 9]):
        packed, pairs = embed.pack(texts)
        equal([unpack(p, pairs) for p in packed], texts, "texts")
        # A code stands for older ones only: unpacking ends.
        for code, pair in pairs.items():
            for part in pair:
                check(part not in pairs or list(pairs).index(part)
                      < list(pairs).index(code), "code %d" % code)


def I4_6_lines_keep_their_numbers():
    slim = module().slim
    equal(slim(b"-- head\nlocal a\n\n  -- why\n  local b -- c\n"),
          b"\nlocal a\n\n\nlocal b -- c\n", "slimmed")
    kept = b"x = [[\n  -- text\n]]\n"
    equal(slim(kept), kept, "long bracket")


def I4_6_a_nul_byte_is_refused():
    where = folder()
    path = write(os.path.join(where, "bad.lua"), b"x = 1\0\n")
    done = subprocess.run(
        [SCRIPT, "-o", os.path.join(where, "out.c"), "--root", where, path],
        stderr=subprocess.PIPE, check=False)
    equal(done.returncode, 1, "status")
    contains(done.stderr.decode(), "holds a NUL byte")
