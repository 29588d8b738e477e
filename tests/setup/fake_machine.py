#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A machine that runs bench/suite.lua, made up: scripts/bench takes it for
scripts/run-qemu. FAKE, a JSON object in the environment, tells what goes
wrong: each fault is {name: key of the item it happens in}.
"""
import json
import os
import re
import sys
import time
import zlib

FAKE = json.loads(os.environ.get("FAKE", "{}"))
ONCE = os.environ.get("FAKE_ONCE")  # a folder: a fault happens once only
VARIANTS = [{"name": "ours", "text": "as it is", "ours": True},
            {"name": "nomag", "text": "no magazines", "ours": True},
            {"name": "seed2006", "text": "2006"},
            {"name": "noop", "text": "nothing"}]
BENCHES = [
    {"id": "micro/pair", "text": "a pair", "flags": {"one_hart": True},
     "params": [{"name": "size", "quick": 64, "full": 64}]},
    {"id": "smp/larson", "text": "a server", "params": []},
    {"id": "smp/remote", "text": "two at least",
     "flags": {"two_up": True}},
    {"id": "control/spin", "text": "noise",
     "flags": {"one_hart": True}},
]
PROBES = [{"name": "pair", "harts": 1, "text": "pair"},
          {"name": "zones", "harts": 1, "text": "zones"},
          {"name": "scale", "harts": 8, "text": "scale"}]


def put(data, damage=False):
    text = json.dumps(data, separators=(",", ":"))
    crc = zlib.crc32(text.encode())
    if damage:
        text = text.replace("ok", "oK")
    sys.stdout.write("BENCH\t%08x\t%s\n" % (crc, text))
    sys.stdout.flush()


def hits(fault, key):
    """Whether this fault happens now."""
    if FAKE.get(fault) != key:
        return False
    if ONCE:
        try:
            os.close(os.open(os.path.join(ONCE, fault),
                             os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
    return True


def count_of(fault, key):
    """How often this was asked, over all processes: 1, 2, …"""
    if FAKE.get(fault) != key:
        return 0
    with open(os.path.join(os.environ["FAKE_DIR"], fault), "ab") as f:
        f.write(b"x")
        return f.tell()


def leave(status):
    sys.stdout.flush()
    os._exit(status)


def end_badly(key):
    if hits("panic", key):
        print("PANIC at 0xffffffff80001234: the kernel gave up")
        leave(3)
    if hits("die", key):
        sys.stderr.write("run-qemu: the emulator ended with status -9\n")
        leave(4)
    if hits("raise", key):
        print("suite.lua:7: attempt to index a nil value")
        leave(1)
    if hits("hang", key):
        time.sleep(600)
    if hits("garbage", key):
        while True:
            sys.stdout.buffer.write(b"\x00\xff\x1b[2J" * 2000 + b"\n")


def figure(key):
    """The same in every process."""
    return 1000 + zlib.crc32(re.sub("larson|pair", "", key).encode()) % 500


def facts(item, mode):
    key = item["key"]
    if key.startswith("probe/"):
        return [{"name": "pair.callees", "value": 16, "per": 1},
                {"name": "alloc.hot.is", "value": 0, "per": 1,
                 "text": "7 calls"}] + [
            {"name": name, "value": value, "per": 1}
            for name, value in FAKE.get("facts", {}).items()]
    value = figure(key) + (FAKE.get("more", {}).get(key, 0))
    if count_of("differs", key) == 2:
        value += 1
    if mode == "exact":
        return [{"name": "instr_per_op", "unit": "instr", "better": "lower",
                 "value": value, "per": 100}]
    spread = 40 if FAKE.get("noise") and "spin" in key else 1
    value += spread * (os.getpid() % 10)
    return [{"name": "ns_per_op", "unit": "ns", "better": "lower",
             "value": value, "per": 10}]


def measure(item, mode):
    key = item["key"]
    put({"start": key})
    end_badly(key)
    result = {"key": key, "id": key.split(",")[0],
              "variant": item["variant"],
              "params": {"harts": item["harts"]}, "status": "ok",
              "ops": 5000, "rep": 1, "facts": facts(item, mode),
              "hist": {"unit": "instr", "buckets": [[1, 2, 30]]},
              "per_hart": [5000], "frames": [1, 2], "heat": [0, 255]}
    if hits("fails", key):
        result.update(status="failed", why="an allocation failed", facts=[])
    if hits("malformed", key):
        result["facts"] = [{"name": "x", "value": "many"}]
    put({"result": result}, damage=hits("damage", key))


def suite(text):
    mode = re.search(r'mode="(\w+)"', text).group(1)
    items = [dict(zip(("key", "variant", "harts"), (k, v, int(h))))
             for k, v, h in re.findall(
                 r'key="([^"]+)",bench="[^"]+",variant="([^"]+)",harts=(\d+)',
                 text)]
    put({"ready": {"model": "made up", "harts": 4, "isa": "rv64",
                   "timebase_hz": 10, "ram_bytes": 1 << 28,
                   "exact": mode == "exact"}})
    for item in items:
        measure(item, mode)
    put({"end": {"items": len(items)}})


def catalogue():
    n = 0
    for name, entries in (("bench", BENCHES), ("variant", VARIANTS),
                          ("probe", PROBES)):
        for entry in entries:
            put({name: entry})
            n += 1
    put({"end": {"items": n + FAKE.get("lost", 0), "harts": 4, "lab": True}})


def main():
    log = os.environ.get("FAKE_LOG")
    if log:
        with open(log, "a", encoding="utf-8") as f:
            f.write(json.dumps(sys.argv[1:]) + "\n")
    print("OpenSBI v1.1\n  ____\n"
          "[    0.000539] memory: 256 MiB\n[    0.000747] console: none")
    words = " ".join(sys.argv)
    if "boot_instructions" in words:
        print("BOOT\t%d" % (1000 * int(
            sys.argv[sys.argv.index("--harts") + 1])))
    elif words.endswith("catalogue.lua"):
        catalogue()
    else:
        suite(next(w for w in sys.argv if w.startswith("--eval=PLAN")))
    print("QUARRY-EXIT code=0")
    leave(0)


if __name__ == "__main__":
    main()
