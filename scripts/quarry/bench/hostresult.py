# SPDX-License-Identifier: MIT
"""What scripts/bench-host measured, as a result of the benchmarks.

The page, the tables and the checks of `scripts/bench` read it like any other:
mode and kind are "host", a library is a variant, `ours` is mm. Counts of
callgrind are quotients and no integers: one sample each. CPU times are samples,
one a round. Nothing here is compared with what QEMU or a board counts.
"""
import datetime
import hashlib
import os
import platform
import re
import secrets
import subprocess

from quarry.bench import result, stats

OURS = "quarry"         # what scripts/bench-host calls mm


def _git(*words):
    try:
        done = subprocess.run(["git", "-C", result.ROOT] + list(words),
                              text=True, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _code(program):
    with open(program, "rb") as f:
        data = f.read()
    compiler = re.search(rb"GCC: \([^)]*\) [\d.]+|clang version [\d.]+", data)
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return {"commit": commit, "subject": _git("log", "-1", "--format=%s"),
            "date": _git("log", "-1", "--format=%cI"),
            "dirty": None if changed is None else changed != "",
            "image_sha256": hashlib.sha256(data).hexdigest(),
            "cc": compiler.group(0).decode() if compiler else None}


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            found = re.search(r"^model name\s*:\s*(.*)$", f.read(),
                              re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.machine()


def _identifier(label):
    """"mixed, 20,000 live" is "mixed-20000-live"."""
    plain = re.sub(r"(?<=\d),(?=\d)", "", label.lower())
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _metric(unit, samples, better="lower"):
    metric = {"unit": unit, "better": better, "samples": samples}
    if len(samples) > 1:
        metric.update(stats.summarise(samples))
    return metric


class _Table:
    """Results by key, in the order in which they first come."""

    def __init__(self):
        self.entries = {}

    def put(self, name, variant, harts, metric, value):
        variant = "ours" if variant == OURS else variant
        key = result.key("host/" + name, variant, {"harts": harts}, [])
        entry = self.entries.setdefault(key, {
            "key": key, "id": "host/" + name, "variant": variant,
            "params": {"harts": harts}, "status": "ok", "metrics": {}})
        entry["metrics"][metric] = value


def _results(found):
    """`found`: Bench.result of scripts/bench-host."""
    table = _Table()
    for name, row in found["instructions"].items():
        for variant, count in row.items():
            if variant != "noop (gross)":
                table.put(name, variant, 1, "instr_per_op",
                          _metric("instr", [count]))
    for (name, harts), row in found["lab"].items():
        name = name.replace("/", "-")
        for variant, count in row.items():
            table.put(name, variant, harts, "instr_per_op",
                      _metric("instr", [count]))
    for name, row in found["samples"].items():
        for variant, samples in row.items():
            table.put(name, variant, 1, "cpu_ns_per_op",
                      _metric("ns", samples))
    for label, row in found["memory"].items():
        for variant, ratio in row.items():
            table.put("memory-" + _identifier(label), variant, 1,
                      "resident_per_asked", _metric("1", [ratio]))
    for variant, misses in (("ours", "on"), ("nocolour", "off")):
        if misses in found["colouring"]:
            table.put("colouring", variant, 1, "d1_misses",
                      _metric("1", [found["colouring"][misses]]))
    return list(table.entries.values())


def build(found, program, command, started, seconds, libraries):
    """The whole result; `started`: datetime in UTC."""
    entries = _results(found)
    return {
        "schema": "quarry-bench/1",
        "run": {"id": "%s-%s" % (started.strftime("%Y%m%dT%H%M%SZ"),
                                 secrets.token_hex(2)),
                "started": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "duration_s": round(seconds, 1), "command": command, "seed": 1,
                "status": "ok", "noisy": False,
                "plan": [entry["key"] for entry in entries]},
        "code": _code(program),
        "target": {"kind": "host", "mode": "host",
                   "machine": platform.machine(), "emulator": None,
                   "firmware": None, "harts": os.cpu_count() or 1,
                   "libraries": libraries},
        "host": {"cpu": processor(), "cpus": os.cpu_count(),
                 "kernel": platform.release(),
                 "load1": round(os.getloadavg()[0], 2)},
        "results": entries}


def now():
    return datetime.datetime.now(datetime.timezone.utc)
