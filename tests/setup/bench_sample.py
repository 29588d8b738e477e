# SPDX-License-Identifier: MIT
"""A complete result of the benchmarks, made up, for tests of what reads one.

The figures are near those that the image gives, so that a page or a table made
of them looks like a real one; nothing depends on their values. Everything
comes from a seed: the same call gives the same result.
"""
import hashlib
import json
import random
import statistics

COMMIT = "5eed0000000000000000000000000000000000%02x"
# Instructions of a hot pair, and what a contended hart adds to it.
VARIANTS = {
    "ours": (16, 0), "nomag": (121, 9), "nocolour": (16, 0),
    "biglock": (139, 24), "seed2006": (137, 11), "linux24": (98, 0),
    "sheaf": (41, 0), "picolibc": (353, 31), "tlsf": (402, 38),
    "firstfit": (223, 40), "noop": (2, 0),
}
RIVALS = [name for name in VARIANTS if name != "noop"]
HARTS = (1, 2, 4, 8)
# Facts of the probes, as the image counts them: value, per.
PROBES = {
    "pair": {"pair.callees": (160000, 10000), "pair.net": (140000, 10000),
             "trust.callees": (170000, 10000)},
    "inline": {"inline.pair": (110000, 10000)},
    "batch": {"fifo.net": (187227, 10000), "lifo.net": (187227, 10000)},
    "bulk": {"bulk.net": (158000, 32000), "magazine.net": (5248, 10004),
             "magazines.net": (44888, 11712)},
    "checked": {"checked.callees": (1220000, 10000),
                "checked.free": (620000, 10000)},
    "create": {"create": (2380, 1), "destroy": (3026, 1)},
    "frames": {"frame.callees": (360000, 10000),
               "run8.callees": (1400000, 10000)},
    "memory": {"memory.ratio": (12944576, 12800000),
               "memory.frames": (3148, 1)},
    "disassembly": {"sensitive": (0, 1)},
}
PROBES_8 = {
    "handover": {"handover.1.net": (18737192, 1000000),
                 "handover.100.net": (18737334, 1000000)},
    "scale": {"scale.pair.1.net": (140000, 10000),
              "scale.pair.8.net": (1120000, 80000)},
}
UNITS = {"memory.ratio": "1", "memory.frames": "frame", "sensitive": "1"}


def exact(value, per=1, unit="instr", better="lower", text=None):
    """A metric that repeats to the digit."""
    metric = {"unit": unit, "better": better, "samples": [value / per],
              "exact": {"value": value, "per": per}}
    if text is not None:
        metric["text"] = text
    return metric


def timed(samples, unit="ns", better="lower"):
    """A metric that varies, with the figures that go with samples."""
    ordered = sorted(samples)
    middle = statistics.median(samples)
    return {"unit": unit, "better": better, "samples": samples,
            "median": middle,
            "ci95": [ordered[len(ordered) // 8],
                     ordered[-1 - len(ordered) // 8]],
            "mad": statistics.median(abs(s - middle) for s in samples),
            "min": ordered[0], "max": ordered[-1],
            "outliers": {"mild": 0, "severe": 0}}


def key_of(name, variant, harts, **named):
    """The key of a result; `named` are the parameters that are not quick's."""
    return ",".join([name, variant, "harts=%d" % harts]
                    + ["%s=%s" % item for item in named.items()])


class Maker:
    """Results of one run, in one mode."""

    def __init__(self, mode, seed):
        self.mode = mode
        self.random = random.Random(seed)
        self.results = []
        self.reps = 1 if mode == "exact" else 10

    def cost(self, instr, per=1000, name="instr_per_op"):
        """{name: metric}: instructions, or time where nothing is exact."""
        if self.mode == "exact":
            return {name: exact(round(instr * per), per)}
        samples = [round(instr * 1.6 * self.random.uniform(0.97, 1.03), 2)
                   for _ in range(self.reps)]
        return {"ns_per_op": timed(samples),
                "ops_per_s": timed([round(1e9 / s) for s in samples], "op/s",
                                   "higher")}

    def add(self, name, variant, harts, metrics, params=None, named=None,
            **more):
        named = named or {}
        entry = {"key": key_of(name, variant, harts, **named),
                 "id": name, "variant": variant,
                 "params": dict({"harts": harts}, **(params or {}), **named),
                 "status": "ok", "ops": 10000 * harts, "metrics": metrics}
        entry.update(more)
        if self.mode == "smp" and harts > 2:
            entry["notes"] = ["oversubscribed"]
        self.results.append(entry)

    def skip(self, name, variant, harts, why):
        self.results.append({
            "key": key_of(name, variant, harts), "id": name,
            "variant": variant, "params": {"harts": harts},
            "status": "skipped", "why": why, "metrics": {}})


def micro(maker):
    for variant in VARIANTS:
        instr = VARIANTS[variant][0]
        maker.add("micro/pair", variant, 1, maker.cost(instr), {"size": 64})
        if variant == "noop":
            continue
        for n in (10, 1000, 10000):
            maker.add("micro/burst", variant, 1,
                      maker.cost(instr * 1.1 + n ** 0.2), {"size": 64},
                      {} if n == 1000 else {"n": n})
        if variant in ("ours", "nocolour", "sheaf"):
            maker.add("micro/ctor", variant, 1, maker.cost(instr),
                      {"size": 256})
        else:
            maker.skip("micro/ctor", variant, 1,
                       "keeps no constructed state")


def smp(maker):
    for name, base in (("smp/scale", 1.0), ("smp/scale-batch", 1.2),
                       ("smp/larson", 1.7), ("smp/xmalloc", 1.4)):
        for variant in RIVALS:
            instr, each = VARIANTS[variant]
            for harts in HARTS:
                if name == "smp/xmalloc" and harts == 1:
                    continue
                cost = instr * base + each * (harts - 1)
                maker.add(name, variant, harts, maker.cost(cost),
                          {"size": 64},
                          per_hart=[10000 - 3 * h for h in range(harts)])


def memory(maker):
    for variant in RIVALS:
        more = 1.01 + VARIANTS[variant][0] / 4000.0
        frames = [round(3100 * more * min(1, i / 20) +
                        maker.random.randrange(40)) for i in range(64)]
        metrics = {"peak_frames": exact(max(frames), 1, "frame"),
                   "overhead": exact(max(frames) * 4096, 12800000, "1")}
        metrics.update(maker.cost(VARIANTS[variant][0] * 1.3))
        maker.add("memory/frag-steady", variant, 1, metrics, {"size": 64},
                  series={"unit": "frame", "values": frames},
                  heat=[min(255, int(maker.random.expovariate(1 / 90.0)))
                        for _ in range(256)])
    for variant, misses in (("ours", 5), ("nocolour", 178)):
        maker.add("memory/colour", variant, 1,
                  {"misses_all": exact(misses * 60, 6400, "1"),
                   "misses_first": exact(misses, 640, "1"),
                   "sets_used": exact(128 // misses, 1, "1", "higher")},
                  {"size": 512, "n": 448})
    for rounds in (0, 8, 16, 32):
        maker.add("memory/mag-hold", "ours", 8,
                  dict(maker.cost(16 + 90.0 / (rounds or 61)),
                       idle_bytes=exact((rounds or 61) * 1024, 1, "byte"),
                       idle_frames=exact((rounds or 61) // 4, 1, "frame")),
                  {"size": 64}, {"mag": rounds} if rounds else {})


def latency(maker):
    for variant in ("ours", "seed2006", "sheaf"):
        instr = VARIANTS[variant][0] // 2
        buckets, least, count = [], instr, 900000
        for step in range(24):
            width = 1 << (step // 4)
            buckets.append([least, least + width - 1, count])
            least += width * (3 if step > 3 else 1)
            count = count * 2 // 5 if count > 10 else maker.random.randrange(4)
        unit = "instr" if maker.mode == "exact" else "ns"
        metrics = {name: exact(value, 1, unit) for name, value in (
            ("p50", instr), ("p99", instr + 9), ("p99.9", buckets[15][1]),
            ("max", buckets[-1][1]))}
        maker.add("latency/tail", variant, 2, metrics, {"size": 64},
                  hist={"unit": unit, "buckets": buckets})


def rest(maker):
    for variant in RIVALS:
        for name in ("compile", "server"):
            maker.add("trace/replay", variant, 1,
                      maker.cost(VARIANTS[variant][0] * 1.2), None,
                      {"file": name})
    for harts in (1, 8):
        metrics = {"boot_instructions": exact(1554828 + 58210 * (harts - 1))}
        if harts > 1:
            metrics["per_hart"] = exact(58210 * (harts - 1), harts - 1)
        maker.add("system/boot", "ours", harts, metrics)
    maker.add("control/noop", "noop", 1, maker.cost(2))
    maker.add("control/spin", "noop", 1, maker.cost(1000))


def probes(maker):
    for harts, table in ((1, PROBES), (8, PROBES_8)):
        for name, facts in table.items():
            maker.add("probe/" + name, "ours", harts, {
                fact: exact(value, per, UNITS.get(fact, "instr"))
                for fact, (value, per) in facts.items()})


def sample(mode="exact", seed=1, number=0):
    """A complete run in `mode` (exact, smp); `number` counts commits."""
    maker = Maker(mode, seed)
    for group in (micro, smp, memory, latency, rest):
        group(maker)
    if mode == "exact":
        probes(maker)
    day = 1 + number % 28
    image = hashlib.sha256(b"%d" % number).hexdigest()
    return {
        "schema": "quarry-bench/1",
        "run": {"id": "202607%02dT101500Z-%04x" % (day, 0x3fa9 + number),
                "started": "2026-07-%02dT10:15:00Z" % day,
                "duration_s": 71.4 + number,
                "command": ["scripts/bench", "run"], "seed": 42,
                "status": "ok", "noisy": False,
                "plan": [r["key"] for r in maker.results]},
        "code": {"commit": COMMIT % number,
                 "subject": "mm: change number %d" % number,
                 "date": "2026-07-%02dT09:00:00Z" % day, "dirty": False,
                 "image_sha256": image,
                 "cc": "riscv64-unknown-elf-gcc () 12.2.0"},
        "target": {"kind": "qemu", "mode": mode, "machine": "virt",
                   "emulator": "QEMU emulator version 7.2.22 "
                               "(Debian 1:7.2+dfsg-7+deb12u18)",
                   "firmware": "OpenSBI 1.1",
                   "args": (["-icount", "shift=0"] if mode == "exact"
                            else []),
                   "harts": 8, "isa": "rv64imafdc", "timebase_hz": 10000000,
                   "mem_bytes": 256 << 20, "cache_line": 64, "line": None},
        "host": {"cpu": "a processor", "cpus": 2, "kernel": "Linux 6.1",
                 "load1": 0.3},
        "results": maker.results,
    }


def find(data, key):
    """The result of a key; KeyError when there is none."""
    for entry in data["results"]:
        if entry["key"] == key:
            return entry
    raise KeyError(key)


def slower(data, key, metric, by):
    """`data` with `by` units per operation more in one exact figure."""
    data = json.loads(json.dumps(data))
    figure = find(data, key)["metrics"][metric]
    figure["exact"]["value"] += round(by * figure["exact"]["per"])
    figure["samples"] = [figure["exact"]["value"] / figure["exact"]["per"]]
    return data


def failed(data, key, why="an allocation failed"):
    """`data` with one result that failed."""
    data = json.loads(json.dumps(data))
    entry = find(data, key)
    entry.update(status="failed", why=why, metrics={})
    for part in ("hist", "series", "heat", "per_hart"):
        entry.pop(part, None)
    return data


def partial(data, keep, why="the emulator was killed by signal 9"):
    """`data` with only the first `keep` results."""
    data = json.loads(json.dumps(data))
    data["results"] = data["results"][:keep]
    data["run"].update(status="partial", why=why)
    return data


def history(count=12, step=7, by=3):
    """Results of `count` commits; from number `step` on a pair costs more."""
    runs = []
    for number in range(count):
        data = sample(number=number)
        if number >= step:
            data = slower(data, "micro/pair,ours,harts=1", "instr_per_op", by)
        runs.append(data)
    return runs
