# SPDX-License-Identifier: MIT
"""Bytes of the plain image, by module, from the linker's map.

The map lists every piece of a section with its object file; alignment between
pieces belongs to nobody and only counts in the total. Modules are the folders
of the sources. A relaxed piece has its final length in the first of its lines.
"""
import re

SECTIONS = {".text": "text", ".rodata": "rodata", ".data": "data",
            ".tdata": "data", ".rela.dyn": "data", ".bss": "bss",
            ".tbss": "bss", ".noinit": "bss"}
OUTPUT = re.compile(r"(\.[\w.]+)(?:\s+0x([0-9a-f]+)\s+0x([0-9a-f]+))?")
PIECE = re.compile(r" [^ *]\S*\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$")
LONG = re.compile(r" \.\S+$")
REST = re.compile(r"\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)")
FOLDERS = ("arch", "bench", "console", "kernel", "lua", "mm")


class Unreadable(Exception):
    """The file is no map of ours."""


def module(path):
    """The folder that an object file was made from."""
    match = re.search(r"(?:^|/)lib(\w+)\.a\(", path)
    if match:
        return {"mm": "mm", "gcc": "libgcc", "c": "libc"}.get(
            match.group(1), "libc")
    match = re.search(r"/third_party/(\w+)/", path)
    if match:
        return {"lua": "lua-core"}.get(match.group(1), match.group(1))
    match = re.search(r"(?:^|/)kernel/(\w+)/", path)
    if match and match.group(1) in FOLDERS:
        return match.group(1)
    return "other"


def joined(lines):
    """Long names have their figures on a line of their own: one line each."""
    held = None
    for line in lines:
        line = line.rstrip("\n")
        if held is not None:
            line, held = held + line, None
        if LONG.match(line) or re.match(r"\.[\w.]+$", line):
            held = line
            continue
        yield line


def parse(lines):
    """{(section, module): bytes}; the module "total" is the whole section."""
    found, kind, started = {}, None, False
    for line in joined(lines):
        if not started:
            started = line.startswith("Linker script and memory map")
            continue
        head = OUTPUT.match(line)
        if head:
            kind = SECTIONS.get(head.group(1))
            if kind and head.group(3):
                key = kind, "total"
                found[key] = found.get(key, 0) + int(head.group(3), 16)
            continue
        piece = PIECE.match(line) if kind else None
        if piece and int(piece.group(2), 16):
            key = kind, module(piece.group(3))
            found[key] = found.get(key, 0) + int(piece.group(2), 16)
    if not found.get(("text", "total")):
        raise Unreadable("it lists no .text section")
    return found


def metrics(path):
    """Metrics of the result `system/size`. Only the allocator's own text is
    judged: the rest grows with what the system can do."""
    with open(path, encoding="utf-8", errors="replace") as f:
        found = parse(f)
    out = {}
    for (kind, name), count in sorted(found.items()):
        better = "lower" if (kind, name) == ("text", "mm") else "neither"
        out["%s.%s" % (kind, name)] = {
            "unit": "byte", "better": better, "samples": [count],
            "exact": {"value": count, "per": 1}}
    return out
