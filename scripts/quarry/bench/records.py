# SPDX-License-Identifier: MIT
"""The table of what the allocator has to reach, and whether rivals are fair.

Theory of operation

1. A row of the table is a few facts of the probes (bench/metal/probe*.c) and a
   limit for each. Every fact is an integer and a divisor; nothing here rounds
   before it prints. What is beyond its limit is said in the last column; it
   does not change the exit status.
2. What is not measured in the kernel has a row that names the command.
3. A rival that is not what it stands for makes every comparison with it wrong:
   FAIR says what each must measure, and a miss fails the run.
"""
import collections
import fractions
import re
import subprocess
import textwrap

from quarry.bench import facts as known_facts

SENSITIVE = re.compile(r"(amo\w*|lr|sc|csr\w*|fence|rd(cycle|time|instret)|"
                       r"f[rs](csr|rm|flags)i?)(\.|$)")
HOT_FUNCTIONS = ("arch_mag_pop", "arch_mag_push")

# One figure of a row: its fact, what it may be, and a word when there are
# several. `limit` None: shown, not judged.
Part = collections.namedtuple("Part", "fact limit label")
Row = collections.namedtuple("Row", "id figure unit record reach parts note")
# What a rival's fact is between, and what it is like then.
Fair = collections.namedtuple("Fair", "variant fact least most like")


class Unreadable(Exception):
    """The disassembly is not what was expected."""


def row(name, figure, unit, record, reach, *parts, note=""):
    return Row(name, figure, unit, record, reach,
               [Part(*p) if len(p) == 3 else Part(p[0], p[1], "")
                for p in parts], note)


ROWS = [
    row("pair", "hot pair 64 B, `fast`: both callees with their rets, out of "
        "line, interrupts on", "instr",
        "HelenOS seed 137; Zephyr 26/45; snmalloc 42; lean Linux 162 gross",
        "<= 17", ("pair/pair.callees", 17),
        ("pair/trust.callees", 17, "for callers that do not test for NULL")),
    row("inline", "the same for a cache known at build time, inlined",
        "instr", "-", "<= 13", ("inline/inline.pair", 13)),
    row("sensitive", "AMO, LR/SC, fence and CSR instructions on that path",
        "count", "seed 6 AMOs", "0", ("disassembly/sensitive", 0)),
    row("batch", "10,000 allocated, then freed, per pair, net",
        "instr", "seed 203; rpmalloc 54; Linux 233-311 (4,000)", "<= 24",
        ("batch/fifo.net", 24, "fifo"), ("batch/lifo.net", 24, "lifo")),
    row("replace", "random replacement, 4,096 live, to the hot pair",
        "ratio", "Linux 180 instr", "<= 1.15",
        ("replace/replace.ratio", fractions.Fraction(115, 100))),
    row("handover", "producer on one hart, consumer on another, 10^6 "
        "objects, 1,000 at a time, per pair, net", "instr",
        "snmalloc 50; Linux 175-233", "<= 25",
        ("handover/handover.1.net", 25, "1,000 live"),
        ("handover/handover.100.net", 25, "100,000 live")),
    row("footprint", "its footprint: peak frames to live objects, less the "
        "bound of idle objects (2 magazines per hart)", "ratio", "-",
        "<= 1.05", ("handover/footprint.100", fractions.Fraction(105, 100),
                    "100,000 live"),
        ("handover/footprint.1", None, "1,000 live")),
    row("bulk", "bulk of 32, per object pair, net: copied", "instr",
        "Linux 60", "<= 5", ("bulk/bulk.net", 5)),
    row("magazine", "whole magazines, per object pair, net", "instr", "-",
        "<= 1", ("bulk/magazine.net", 1, "one"),
        ("bulk/magazines.net", 1, "64 out at once")),
    row("construct", "pair of constructed 256 B objects; constructors run "
        "meanwhile", "instr; count", "ctor alone 92-156",
        "hot pair; 0", ("construct/construct.callees", "pair/pair.callees",
                        "pair"),
        ("construct/construct.ctors", 0, "ctors")),
    row("worst", "dearest single call, new slab and empty magazine included",
        "instr", "Linux 37,600/10,000; TLSF 529/391", "<= 1,500 / <= 600",
        ("worst/alloc", 1500, "alloc"), ("worst/free", 600, "free")),
    row("checked", "pair of a `checked` cache; its free alone", "instr", "-",
        "<= 80 / <= 48", ("checked/checked.callees", 80, "pair"),
        ("checked/checked.free", 48, "free")),
    row("create", "create and destroy an empty cache, 64 alive, one hart "
        "used it", "instr", "Linux 33 k / 143 k", "<= 3,000 / <= 5,000",
        ("create/create", 3000, "create"),
        ("create/destroy", 5000, "destroy")),
    row("spread", "destroy: for each other hart that used it", "instr", "-",
        "<= 1,500", ("spread/destroy.each.2", 1500, "1 other"),
        ("spread/destroy.each.8", 1500, "7 others")),
    row("frames", "frame pair, single, hot; run of 8", "instr",
        "Linux 631 / -", "<= 40 / <= 200",
        ("frames/frame.callees", 40, "single"),
        ("frames/run8.callees", 200, "run of 8")),
    row("zonelock", "calls for a single frame that took the zone's lock: "
        "pairs; 64 places filled and emptied at random; 4,096 up, then down",
        "%", "-", "< 2 %", ("frames/lock.hot", 2, "pairs"),
        ("frames/lock.random", 2, "random"),
        ("frames/lock.batch", 2, "up, down")),
    row("reclaim", "reclaim: per frame of empty slabs; per object that leaves "
        "a magazine", "instr", "-", "<= 60 / <= 40",
        ("reclaim/slabs.frame", 60, "frame"),
        ("reclaim/depot.object", 40, "object"),
        ("reclaim/depot.shuffled", 40, "object, freed at random"),
        ("reclaim/all.of_allowed", 1, "of allowed, all at once")),
    row("lines", "line-aligned caches: times two harts owned objects on one "
        "line; the same in a cache without", "count", "seed, tcmalloc fail",
        "0", ("lines/lines.shared", 0),
        ("lines/lines.control", None, "control")),
    row("memory", "64 B x 200,000: memory taken to asked, metadata included",
        "ratio", "rpmalloc 1.0019; seed 1.149", "<= 1.012",
        ("memory/memory.ratio", fractions.Fraction(1012, 1000))),
    row("scale", "growth of a pair from 1 to 8 harts, own caches: hot; in "
        "batches of 10,000", "instr", "-", "0",
        ("scale/pair.growth", 0, "pair"), ("scale/batch.growth", 0, "batch")),
    row("boot", "kernel entry to prompt, 1 hart", "instr", "Linux 53 M",
        "<= 2,500,000", ("boot/boot", 2500000)),
]

FAIR = [
    Fair("seed2006", "seed2006.net", fractions.Fraction(137 * 95, 100),
         fractions.Fraction(137 * 105, 100),
         "137 instructions a hot pair, 5 % either way"),
    Fair("seed2006", "seed2006.atomics", 6, 6, "6 atomics a hot pair"),
    Fair("sheaf", "sheaf.step", 60, 60, "steps of 60 rounds"),
]

# What other commands show.
ELSEWHERE = [
    ("stores", "hot-path stores to a line another hart wrote", "count", "-",
     "0", "make test TESTFLAGS='-k unit/test_sim'"),
    ("colour", "L1D misses, first lines of 7 objects of 512 B in 64 slabs, "
     "colouring off to on", "ratio", "34", ">= 30", "make bench-host"),
    ("host", "against glibc, jemalloc, tcmalloc, mimalloc on the host",
     "instr", "-", "fewer", "make bench-host"),
]

def facts_of(results):
    """({probe/fact: (value, per)}, {probe/fact: text}) of a run's results."""
    facts, notes = {}, {}
    for result in results:
        group, name = result["id"].split("/", 1)
        if result["status"] != "ok":
            continue
        if result["id"] == "system/boot" and result["params"]["harts"] == 1:
            names = {"boot_instructions": "boot/boot"}
        elif group == "probe":
            names = {fact: "%s/%s" % (name, fact)
                     for fact in result["metrics"]}
        else:
            continue
        for fact, full in names.items():
            metric = result["metrics"].get(fact, {})
            exact, text = metric.get("exact"), metric.get("text")
            if text:
                notes[full] = text
            if exact and (exact["value"] or not text):
                facts[full] = exact["value"], exact["per"]
    return facts, notes


def add_derived(results):
    """Put figures that are made of several facts beside those."""
    facts, notes = facts_of(results)
    known = set(facts)
    derive(facts, notes)
    for full in sorted(set(facts) - known):
        name, fact = full.split("/", 1)
        unit, better = known_facts.describe(full) or known_facts.PLAIN
        value, per = facts[full]
        metric = {"unit": unit, "better": better, "samples": [value / per],
                  "exact": {"value": value, "per": per}}
        if full in notes:
            metric["text"] = notes[full]
        for result in results:
            if result["id"] == "probe/" + name:
                result["metrics"][fact] = metric


def unfair(results, needed):
    """Sentences about rivals that are not what they stand for. `needed`: a
    rival of the run whose fact was not measured is one, too."""
    facts, _ = facts_of(results)
    found = {name.split("/", 1)[1]: fractions.Fraction(*fact)
             for name, fact in facts.items()}
    variants = {r["variant"] for r in results}
    out = []
    for rule in FAIR:
        value = found.get(rule.fact)
        if value is None:
            if needed and rule.variant in variants:
                out.append("%s: %s was not measured" % (
                    rule.variant, rule.fact))
        elif not rule.least <= value <= rule.most:
            out.append("%s is not what it stands for: %s is %s, not %s" % (
                rule.variant, rule.fact, number(value), rule.like))
    return out


def sensitive_count(kernel, objdump):
    """AMO, LR, SC, fence and CSR instructions of the hot pair, in the ELF."""
    try:
        done = subprocess.run(
            [objdump, "-d", "--no-show-raw-insn", kernel],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except OSError as e:
        raise Unreadable("%s: %s" % (objdump, e.strerror))
    if done.returncode != 0:
        raise Unreadable("%s cannot read %s" % (objdump, kernel))
    inside, count, seen = False, 0, set()
    for line in done.stdout.decode().split("\n"):
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if head:
            inside = head.group(1) in HOT_FUNCTIONS
            seen.add(head.group(1))
            continue
        body = re.match(r"\s*[0-9a-f]+:\s+(\S+)", line)
        if inside and body and SENSITIVE.match(body.group(1)):
            count += 1
    missing = [name for name in HOT_FUNCTIONS if name not in seen]
    if missing:
        raise Unreadable("%s has no %s" % (kernel, ", ".join(missing)))
    return count


def derive(facts, notes):
    """Figures made of several facts."""
    def value(name):
        return fractions.Fraction(*facts[name])

    def put(name, figure):
        figure = fractions.Fraction(figure)
        facts[name] = (figure.numerator, figure.denominator)

    if "replace/replace.callees" in facts:
        put("replace/replace.ratio", value("replace/replace.callees")
            / value("replace/pair.callees"))
    for load in ("pair", "batch"):
        if "scale/scale.%s.8.net" % load in facts:
            put("scale/%s.growth" % load,
                value("scale/scale.%s.8.net" % load)
                - value("scale/scale.%s.1.net" % load))
    for depth in (1, 100):
        name = "handover/handover.%d.footprint" % depth
        if name in facts and "handover/handover.bound" in facts:
            taken, live = facts[name]
            bound = facts["handover/handover.bound"][0]
            put("handover/footprint.%d" % depth,
                fractions.Fraction(max(taken - bound, 0), live))
    for way in ("alloc", "free"):
        single = {n: f for n, f in facts.items()
                  if re.fullmatch(r"worst/worst\.%s\.\d+" % way, n)}
        if single:
            name = max(single, key=lambda n: single[n][0])
            facts["worst/" + way] = single[name]
            notes["worst/" + way] = "%s B, %s" % (
                name.rsplit(".", 1)[1], notes.get(name + ".did", "?"))


def number(value):
    if value.denominator == 1:
        return "{:,}".format(value.numerator)
    digits = 4 if abs(value) < 2 else 2
    return "{:,.{}f}".format(float(value), digits).rstrip("0").rstrip(".")


def judge(entry, facts):
    """The row as the JSON has it."""
    values, misses, absent = [], [], False
    for part in entry.parts:
        if part.fact not in facts:
            absent = True
            continue
        value = fractions.Fraction(*facts[part.fact])
        limit = part.limit
        if isinstance(limit, str):
            if limit not in facts:
                absent = True
                continue
            limit = fractions.Fraction(*facts[limit])
        values.append({"fact": part.fact, "label": part.label,
                       "value": facts[part.fact][0],
                       "per": facts[part.fact][1], "shown": number(value),
                       "limit": None if limit is None
                       else number(fractions.Fraction(limit))})
        if limit is not None and value > limit:
            misses.append((part.label, value - limit))
    text = "met"
    if misses:
        text = "misses by " + ", ".join(
            number(by) + (" (%s)" % label if label else "")
            for label, by in misses)
    if absent:
        text = "not measured: " + (entry.note or "the probe did not run")
    return {"id": entry.id, "figure": entry.figure, "unit": entry.unit,
            "record": entry.record, "reach": entry.reach, "values": values,
            "met": not misses and not absent, "measured": not absent,
            "verdict": text}


def elsewhere():
    return [{"id": name, "figure": figure, "unit": unit, "record": record,
             "reach": reach, "values": [], "met": None, "measured": None,
             "verdict": "see `%s`" % command}
            for name, figure, unit, record, reach, command in ELSEWHERE]


def ours(entry):
    return ", ".join(v["shown"] + (" " + v["label"] if v["label"] else "")
                     for v in entry["values"]) or "-"


def print_table(rows):
    widths = (34, 6, 22, 12, 22, 26)
    heads = ("figure", "unit", "record", "reach", "ours", "verdict")

    def line(cells):
        wrapped = [textwrap.wrap(c, w, break_long_words=False) or [""]
                   for c, w in zip(cells, widths)]
        for i in range(max(len(w) for w in wrapped)):
            print(" | ".join((w[i] if i < len(w) else "").ljust(width)
                             for w, width in zip(wrapped, widths)).rstrip())

    def rule():
        print("-|-".join("-" * w for w in widths))

    line(heads)
    for entry in rows:
        rule()
        line((entry["figure"], entry["unit"], entry["record"],
              entry["reach"], ours(entry), entry["verdict"]))
    rule()


def print_anatomy(facts, notes):
    """Single calls of a 64 B cache, by what they did."""
    found = [(name[len("worst/"):-len(".is")], text) for name, text
             in notes.items() if name.startswith("worst/")
             and name.endswith(".is") and name[:-len(".is")] in facts]
    if not found:
        return
    print("\nsingle calls, 64 B, by what they did (mean; calls; range):")
    for name, text in sorted(found):
        mean = fractions.Fraction(*facts["worst/" + name])
        print("  %-48s %9s  %s" % (name, number(mean), text))
    for way in ("alloc", "free"):
        if "worst/" + way in notes:
            print("  dearest %-5s of all sizes: %s" % (
                way, notes["worst/" + way]))


def table(results):
    """Print rows, anatomy and a count: the rows."""
    facts, notes = facts_of(results)
    if not facts:
        return []
    rows = [judge(entry, facts) for entry in ROWS]
    whole = all(entry["measured"] for entry in rows)
    rows = [entry for entry in rows if entry["measured"]]
    rows += elsewhere() if whole else []
    print_table(rows)
    print_anatomy(facts, notes)
    measured = [entry for entry in rows if entry["measured"]]
    met = sum(bool(entry["met"]) for entry in measured)
    print("\n%d rows measured, %d met, %d missed, %d not measured here" % (
        len(measured), met, len(measured) - met, len(rows) - len(measured)))
    return rows
