# SPDX-License-Identifier: MIT
"""Which benchmarks run, on which allocators, on how many harts.

Theory of operation

1. What there is comes from the image (bench/catalogue.lua): benchmarks with
   their parameters and flags, allocators, probes. Policy is the tables below,
   first match nothing: an item is in the plan when any rule asks for it, and
   it is there once, in the image's order.
2. An item is one benchmark on one allocator on so many harts. Its key names it
   in results, baselines and on the command line, and can be read back, which
   is how an interrupted run goes on.
3. Figures do not depend on what else ran in the same boot; so the plan may be
   cut into batches wherever that is quickest.
"""
import collections
import fnmatch
import random
import re

# A benchmark by its id; the variants, by name, "*" all but noop; hart counts;
# and values of parameters that are not quick's.
Rule = collections.namedtuple("Rule", "glob variants harts params")
Item = collections.namedtuple("Item", "key id variant harts params")


def rule(glob, variants, *harts, **params):
    return Rule(glob, variants, harts, tuple(params.items()))


# What the size of a magazine costs in memory, and how bursts grow.
SWEEPS = [rule("memory/mag-hold", "ours", 8, mag=n)
          for n in (3, 7, 15, 31, 61)]
SWEEPS += [rule("micro/burst", "ours", 1, n=n) for n in (10, 100, 10000)]
SWEEPS += [rule("memory/mag-hold", "ours", 8),
           rule("control/noop", "noop", 1)]
QUICK = SWEEPS + [
    rule("micro/pair", "*", 1),
    rule("micro/pair", "noop", 1),
    rule("micro/burst", "*", 1),
    rule("micro/ctor", "*", 1),
    rule("memory/*", "*", 1),
    rule("smp/*", "*", 1, 8),
    rule("smp/*", "ours", 1, 2, 4, 8),
    rule("*", "ours", 1),
]
FULL = SWEEPS + [
    rule("*", "*", 1),
    rule("micro/pair", "noop", 1),
    rule("smp/*", "*", 1, 2, 4, 8),
]
# Real time: what instructions cannot show.
TIMED = [
    rule("micro/pair", "*", 1),
    rule("smp/*", "ours", 1, 2, 4, 8),
    rule("smp/scale", "*", 1, 2),
    rule("latency/*", "ours", 1),
    rule("control/*", "ours", 1),
    rule("control/noop", "noop", 1),
]
# What is left out again, where --variant does not ask for it: too long
# (docs/rivals.md). Both walk their free blocks in each call.
Except = collections.namedtuple("Except", "ids variants least_harts")
EXCEPT = [
    Except(("smp/larson", "smp/rptest", "memory/frag-steady"),
           ("firstfit", "picolibc"), 8),
]
# What says something on one variant only.
ALONE = {"control/noop": "noop", "control/spin": "ours",
         "control/turns": "ours"}
# In a plan only with --trace: a person's own trace.
TRACE = "trace/file"
POLICIES = {"quick": QUICK, "full": FULL, "timed": TIMED}
SPIN = "control/spin"       # tells noise from a change

HARTS_MAX = 128
HARTS_MACHINE = 8           # for all that needs several
BATCH_WEIGHT = 120          # harts of all items of a boot, about
KEY = re.compile(r"([a-z]+/[\w.:-]{1,48}),([\w-]{1,32}),harts=(\d{1,3})"
                 r"((?:,\w{1,32}=[\w.:-]{1,64})*)")
HOST_ITEMS = ("system/size,ours,harts=1", "probe/disassembly,ours,harts=1",
              "system/boot,ours,harts=1", "system/boot,ours,harts=8")
HOST_IDS = {key.split(",")[0] for key in HOST_ITEMS}


class Wrong(Exception):
    """The person asked for something that is not there."""


Catalogue = collections.namedtuple(
    "Catalogue", "benches variants probes harts lab")


def make_key(bench, variant, harts, params):
    return ",".join([bench, variant, "harts=%d" % harts]
                    + ["%s=%s" % pair for pair in params.items()])


def make_item(bench, variant, harts, params=()):
    params = dict(params)
    return Item(make_key(bench, variant, harts, params), bench, variant,
                harts, params)


def read_key(key):
    """The item that a key names; Wrong when it is none."""
    match = KEY.fullmatch(key)
    if not match or not 1 <= int(match.group(3)) <= HARTS_MAX:
        raise Wrong("%r is no key of a result" % key[:80])
    params = [pair.split("=", 1) for pair in match.group(4).split(",")[1:]]
    return make_item(match.group(1), match.group(2), int(match.group(3)),
                     [(name, int(value) if value.isdigit() else value)
                      for name, value in params])


# ---- The catalogue ----

def catalogue(records):
    """Of the records of bench/catalogue.lua; Wrong: one is missing."""
    found = {"bench": [], "variant": [], "probe": []}
    end = None
    for record in records:
        (kind, data), = record.items()
        if kind in found:
            found[kind].append(data)
        elif kind == "end":
            end = data
    count = sum(len(part) for part in found.values())
    if end is None or end.get("items") != count:
        raise Wrong("the image's list of benchmarks did not arrive whole")
    return Catalogue(found["bench"], found["variant"], found["probe"],
                     end.get("harts", 1), bool(end.get("lab")))


def flag(bench, name):
    """A flag of a benchmark, as lab.list() tells them."""
    flags = bench.get("flags")
    return isinstance(flags, dict) and bool(flags.get(name))


def defaults(bench):
    """{parameter: what a run has that is not told otherwise}"""
    return {p["name"]: p["quick"] for p in bench.get("params") or []}


def possible(bench, harts):
    """These hart counts, as far as the benchmark says something on them."""
    if flag(bench, "one_hart"):
        return [1] if 1 in harts else []
    if flag(bench, "two_up"):
        return sorted({max(n, 2) for n in harts})
    return sorted(set(harts))


def refused(bench, variant):
    """Whether this allocator cannot run it, as lab_refuses() has it."""
    return (flag(bench, "ours") and not variant.get("ours")
            or flag(bench, "reap") and not variant.get("reap")
            or flag(bench, "whole") and variant["name"] == "noop")


# ---- From rules to items ----

def wanted(rules, bench, variant):
    """{(harts, params)} that any rule asks for."""
    out = set()
    for each in rules:
        if not fnmatch.fnmatchcase(bench["id"], each.glob):
            continue
        if each.variants != variant["name"] and (
                each.variants != "*" or variant["name"] == "noop"):
            continue
        known = {p["name"] for p in bench.get("params") or []}
        if all(name in known for name, _ in each.params):
            out |= {(n, each.params) for n in possible(bench, each.harts)}
    return out


def excepted(item):
    """Whether a plan leaves it out that names no variants."""
    return ALONE.get(item.id, item.variant) != item.variant or any(
        item.id in each.ids and item.variant in each.variants
        and item.harts >= each.least_harts for each in EXCEPT)


def only(rules, harts, variants):
    """The rules, told otherwise on the command line."""
    if variants:
        rules = [r._replace(variants=name) for r in rules
                 if r.variants in ("*", "ours") for name in variants]
    if harts:
        rules = [r._replace(harts=tuple(harts)) for r in rules]
    return rules


def lab_items(found, rules):
    out = {}
    for bench in found.benches:
        for variant in found.variants:
            if bench["id"] == TRACE or refused(bench, variant):
                continue
            usual = set(defaults(bench).items())
            for harts, params in sorted(wanted(rules, bench, variant)):
                params = [pair for pair in params if pair not in usual]
                item = make_item(bench["id"], variant["name"], harts, params)
                out[item.key] = item
    return list(out.values())


def trace_items(found, name, harts, variants):
    """A person's trace, on all allocators but noop or on those named."""
    if not any(bench["id"] == TRACE for bench in found.benches):
        raise Wrong("--trace: the image has no benchmark " + TRACE)
    return [make_item(TRACE, variant["name"], n, {"file": name})
            for variant in found.variants for n in harts or [1]
            if (variant["name"] in variants if variants
                else variant["name"] != "noop")]


def probe_items(found):
    return [make_item("probe/" + p["name"], "ours",
                      HARTS_MACHINE if p["harts"] > 1 else 1)
            for p in found.probes]


def matches(text, item):
    """GLOB[,!GLOB…] on id or key; only exclusions: all but those. A comma
    within a key ends no glob."""
    yes, globs = None, re.split(r",(?=!|[^,]*/)", text)
    if all(glob.startswith("!") for glob in globs):
        yes = True
    for glob in globs:
        pattern = glob.lstrip("!")
        hit = any(fnmatch.fnmatchcase(name, pattern)
                  for name in (item.id, item.key))
        if hit:
            yes = not glob.startswith("!")
    return bool(yes)


def make(found, policy, mode, harts=(), variants=(), globs="", trace=None):
    """The items of a run, in order; Wrong when nothing is left. `trace`: the
    name of the person's."""
    names = [v["name"] for v in found.variants]
    for name in variants:
        if name not in names:
            raise Wrong("no allocator %s; there are: %s" % (
                name, ", ".join(names) or "none"))
    items = lab_items(found, only(POLICIES[policy], harts, variants))
    if not variants:
        items = [item for item in items if not excepted(item)]
    if mode == "exact" and not variants:
        items = (probe_items(found) + [read_key(key) for key in HOST_ITEMS]
                 + items)
    if trace:
        items += trace_items(found, trace, harts, variants)
    if globs:
        items = [item for item in items if matches(globs, item)]
    if not items:
        raise Wrong("nothing matches%s%s; scripts/bench list shows what there "
                    "is" % (" --filter " + globs if globs else "",
                            " in mode " + mode))
    return items


def with_spin(found, items):
    """The items, and the control of noise."""
    if any(item.id == SPIN for item in items) or not any(
            bench["id"] == SPIN for bench in found.benches):
        return items
    return items + [make_item(SPIN, "ours", 1)]


# ---- From items to boots ----

def kind(item):
    """What measures it: lab, the lab with a trace, probe or host."""
    if item.id in HOST_IDS:
        return "host"
    if item.id == TRACE:
        return "trace"
    return "probe" if item.id.startswith("probe/") else "lab"


def batches(items):
    """Lists of items that run in one boot of a machine with as many harts;
    the longest first, so that two processors end together."""
    groups = collections.OrderedDict()
    for item in items:
        if kind(item) != "host":
            groups.setdefault((kind(item), item.harts), []).append(item)
    out = []
    for (what, harts), group in groups.items():
        # All probes of a machine share one boot: session.py says why.
        pieces = 1 if what == "probe" else max(
            1, round(len(group) * harts / BATCH_WEIGHT))
        size = -(-len(group) // pieces)
        out += [group[i:i + size] for i in range(0, len(group), size)]
    return sorted(out, key=lambda b: (-len(b) * b[0].harts, b[0].key))


def shuffled(items, seed, number):
    """The order of a round; the control of noise is in the middle of it."""
    items = list(items)
    random.Random("%d:%d" % (seed, number)).shuffle(items)
    return items


def lua(items, mode, seed, time_ms):
    """The line that tells bench/suite.lua what to do."""
    def value(v):
        return "%d" % v if isinstance(v, int) else '"%s"' % v

    rows = ['{key="%s",bench="%s",variant="%s",harts=%d,params={%s}}' % (
        item.key, item.id, item.variant, item.harts,
        ",".join('["%s"]=%s' % (name, value(v))
                 for name, v in item.params.items())) for item in items]
    return 'PLAN={mode="%s",seed=%d,time_ms=%d,items={%s}}' % (
        mode, seed, time_ms, ",".join(rows))
