# SPDX-License-Identifier: MIT
"""What two results must share, so that a difference means the code.

Theory of operation

1. An exact figure depends on the instructions that the compiler chose, on the
   machine that the emulator shows, and on what the firmware left. These make
   the key of a baseline, which is also its file name; another key, another
   baseline.
2. What is not in the name must be the same, too: harts, memory, the seed of
   the random numbers; where time counts, the processor that it passed on.
"""
import re

from quarry.bench.result import plain

NAMES = {"qemu": "QEMU", "opensbi": "OpenSBI", "gcc": "gcc", "clang": "clang"}
VERSION = re.compile(r"\d+(?:\.\d+)+")


def _version(text):
    """The version in a line like that of `gcc --version`."""
    bare = re.sub(r"\([^)]*\)", " ", text)
    found = VERSION.search(bare) or VERSION.search(text)
    return found.group(0) if found else ""


def _named(text, names, otherwise):
    """"gcc12.2.0": which of the names a text has, and its version."""
    if not text:
        return otherwise + "-unknown"
    for name in names:
        at = text.lower().find(name)
        if at >= 0:
            return name + (_version(text[at:]) or _version(text))
    word = re.search(r"[A-Za-z]+", text)
    return (word.group(0).lower() if word else otherwise) + _version(text)


def compiler(data):
    return _named(data["code"]["cc"], ("clang", "gcc"), "cc")


def emulator(data):
    if data["target"]["kind"] != "qemu":
        return ""
    return _named(data["target"]["emulator"], ("qemu",), "qemu")


def firmware(data):
    if data["target"]["kind"] == "host":
        return ""
    return _named(data["target"]["firmware"], ("opensbi",), "firmware")


def tools(data):
    """["QEMU 7.2.22", "OpenSBI 1.1", "gcc 12.2.0"]: for people."""
    shown = []
    for name in (emulator(data), firmware(data), compiler(data)):
        for short, full in NAMES.items():
            if re.fullmatch(short + r"[0-9.]+", name):
                name = full + " " + name[len(short):]
        if name:
            shown.append(plain(name, 40))
    return shown


def machine(data):
    """The machine, where the emulator's usual one goes without saying."""
    target = data["target"]
    if target["kind"] == "qemu" and target["machine"] == "virt":
        return ""
    return target["machine"]


def key(data):
    """The name of the baseline that a result belongs to."""
    parts = [data["target"]["mode"], compiler(data), emulator(data),
             machine(data), firmware(data)]
    safe = [re.sub(r"[^A-Za-z0-9._]+", "_", part)[:40] for part in parts]
    return "-".join(part for part in safe if part)


def _facts(data):
    """(what, value) of all that must agree, the gravest first."""
    target = data["target"]
    yield "mode", target["mode"]
    yield "target", target["kind"]
    yield "machine", target["machine"]
    yield "compiler", compiler(data)
    yield "emulator", emulator(data)
    yield "firmware", firmware(data)
    yield "harts", target["harts"]
    yield "memory", target.get("mem_bytes")


def _facts_of_mode(data):
    """What must agree, too, in this mode."""
    if data["target"]["mode"] == "exact":
        # A random sequence is part of what is measured.
        yield "seed", data["run"]["seed"]
    if data["target"]["mode"] in ("smp", "host"):
        yield "host's processor", data["host"]["cpu"]
        yield "host's processors", data["host"]["cpus"]


def _shown(fact):
    return "not known" if fact is None else plain(fact, 60)


def differences(a, b):
    """["compiler gcc12.2.0, now gcc13.2.0", …]: why they cannot compare."""
    pairs = list(zip(_facts(a), _facts(b)))
    if a["target"]["mode"] == b["target"]["mode"]:
        pairs += zip(_facts_of_mode(a), _facts_of_mode(b))
    return ["%s %s, now %s" % (what, _shown(before), _shown(after))
            for (what, before), (_, after) in pairs if before != after]
