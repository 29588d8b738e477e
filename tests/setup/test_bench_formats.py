# SPDX-License-Identifier: MIT
"""Baselines of the benchmarks, other formats, README's table."""
import copy
import csv
import io
import json
import os
import random
import re
import sys
import xml.etree.ElementTree as xml

import bench_sample
from bench_checks import LARSON, PAIR, changed, raises, saved
from bench_sample import find as entry_of, sample, slower
from lib import ROOT, check, contains, equal, folder, run_command, test, \
    write
from quarry.bench import baseline, formats, readme, result, stats, verdict


# ---- Baselines ----

KEY = "exact-gcc12.2.0-qemu7.2.22-opensbi1.1"


def I5_4_key_names_compiler_emulator_and_firmware():
    equal(baseline.key(sample()), KEY)

    def key_of(part, **change):
        return baseline.key(changed(lambda d: d[part].update(change)))
    for cc, name in (("GCC: (12.2.0-14+11+b1) 12.2.0", "gcc12.2.0"),
                     ("riscv64-unknown-elf-gcc (12.2.0-14+11+b1) 12.2.0",
                      "gcc12.2.0"), ("gcc (GCC) 13.2.1 20230801", "gcc13.2.1"),
                     ("Debian clang version 14.0.6", "clang14.0.6"),
                     (None, "cc_unknown"), ("tcc 0.9", "tcc0.9"),
                     ("../../x", "x")):
        equal(key_of("code", cc=cc), KEY.replace("gcc12.2.0", name))
    equal(key_of("target", firmware="OpenSBI v1.3"),
          KEY.replace("1.1", "1.3"))
    equal(key_of("target", machine="sifive_u"),
          "exact-gcc12.2.0-qemu7.2.22-sifive_u-opensbi1.1")
    equal(key_of("target", kind="board", mode="board",
                 machine="starfive,vf2/../x"),
          "board-gcc12.2.0-starfive_vf2_.._x-opensbi1.1")


def I5_4_blessing_keeps_figures_and_nothing_that_varies():
    data = sample()
    entry_of(data, PAIR)["metrics"]["instr_per_op"].update(
        median=16.0, text="said by the machine")
    where = os.path.join(folder(), "baseline")
    path, said = baseline.bless(saved(data), where)
    equal(path, os.path.join(where, KEY + ".json"))
    equal(said, ["the first of its key"])
    kept = baseline.read(path)
    equal(verdict.compare(kept, data)["verdict"], "same")
    equal([r["key"] for r in kept["results"]],
          [r["key"] for r in data["results"]])
    equal(kept["code"], data["code"])
    with open(path, "rb") as f:
        first = f.read()
    check(len(first) < baseline.BYTES_MAX, len(first))
    for word in (b'"hist"', b'"series"', b'"heat"', b'"per_hart": [',
                 b"icount", b"a processor", b"median", b"said by"):
        check(word not in first, word)
    # Another run on the same commit, on another host.
    other = sample()
    other["run"].update(id="20260801T000000Z-0001", duration_s=3.5,
                        started="2026-08-01T00:00:00Z", command=["x"])
    other["host"].update(cpu="another", load1=8)
    other["target"]["line"] = "tcp:lab:4001"
    _, said = baseline.bless(saved(other), where)
    with open(path, "rb") as f:
        equal(f.read() == first, True, "the same bytes")
    contains(said[-1], "all the same")


def I5_4_blessing_says_what_changed():
    where = folder()
    baseline.bless(saved(sample()), where)
    data = slower(sample(number=1), PAIR, "instr_per_op", 2)
    data["code"]["dirty"] = True
    path, said = baseline.bless(saved(data), where)
    contains(said[0], "not committed")
    contains("\n".join(said), PAIR)
    contains(said[-1], "1 regression")
    equal(result.load(path)["code"]["commit"], data["code"]["commit"])
    write(path, "garbage")
    contains(baseline.bless(saved(data), where)[1][-1], "could not be read")
    data["run"]["seed"] = 7
    contains("\n".join(baseline.bless(saved(data), where)[1]), "seed")


def I5_4_what_stands_for_no_commit_is_not_blessed():
    noisy = changed(lambda d: d["run"].update(noisy=True))
    row = changed(lambda d: d["results"][0].update(notes=["noisy"]))
    nothing = changed(lambda d: d.update(results=[]))
    nothing["run"]["plan"] = []
    for data, part in ((bench_sample.partial(sample(), 5), "--resume"),
                       (bench_sample.failed(sample(), PAIR), PAIR),
                       (noisy, "noisy"), (row, "noisy"),
                       (nothing, "no figures")):
        where = folder()
        contains(raises(result.Bad, baseline.bless, saved(data), where), part)
        equal(os.listdir(where), [])
    blocked = write(os.path.join(folder(), "file"), "")
    raises(result.Bad, baseline.bless, saved(sample()),
           os.path.join(blocked, "x"))


def I5_4_a_missing_baseline_names_the_near_ones():
    where = folder()
    equal(baseline.find(sample(), where), (None, KEY, []))
    equal(baseline.find(sample(), where + "/none").path, None)
    path, _ = baseline.bless(saved(sample()), where)
    equal(baseline.find(sample(), where), (path, KEY, []))
    write(os.path.join(where, "broken.json"), "x")
    newer = changed(lambda d: d["code"].update(cc="gcc 13.2.0"))
    got = baseline.find(newer, where)
    equal((got.path, got.key),
          (None, KEY.replace("12.2.0", "13.2.0")))
    equal(len(got.near), 2)
    contains(got.near[0], "not JSON")
    contains(got.near[1], "compiler gcc12.2.0, now gcc13.2.0")
    # A file that was renamed to fit is found out.
    wrong = os.path.join(where, got.key + ".json")
    os.rename(path, wrong)
    contains(raises(result.Bad, baseline.read, wrong), KEY)


# ---- Other formats ----

def judged_sample():
    """A result with a regression, an improvement, a failure, skips."""
    base = sample()
    data = slower(base, PAIR, "instr_per_op", 1)
    data = slower(data, "micro/pair,tlsf,harts=1", "instr_per_op", -9)
    data = bench_sample.failed(data, LARSON, 'no <memory> & "x" #1 \x01=|')
    data["comparison"] = verdict.compare(base, data, {"name": "b.json"})
    return data


def I5_4_csv_has_a_row_for_every_figure():
    data = judged_sample()
    entry_of(data, LARSON)["why"] = "=1+2\nnext, \"quoted\""
    rows = list(csv.DictReader(io.StringIO(formats.csv(data))))
    equal(tuple(rows[0]), formats.COLUMNS)
    wanted = [(r["key"], name) for r in data["results"]
              for name in r["metrics"] or [""]]
    equal([(r["key"], r["metric"]) for r in rows], wanted)
    row = next(r for r in rows if r["key"] == PAIR)
    equal((row["value"], row["exact_value"], row["exact_per"], row["harts"],
           row["unit"]), ("17.0", "17000", "1000", "1", "instr"))
    failed = next(r for r in rows if r["status"] == "failed")
    equal(failed["why"], "'=1+2 next, \"quoted\"")
    smp = next(csv.DictReader(io.StringIO(formats.csv(sample("smp")))))
    metric = sample("smp")["results"][0]["metrics"]["ns_per_op"]
    equal([float(smp[c]) for c in ("value", "ci_low", "ci_high", "samples")],
          [metric["median"]] + metric["ci95"] + [10])


def I5_4_junit_tells_worse_from_failed_from_skipped():
    data = judged_sample()
    root = xml.fromstring(formats.junit(data).encode())
    cases = {case.get("name"): case for case in root.iter("testcase")}
    equal(set(cases), {r["key"] for r in data["results"]})
    contains(cases[PAIR].find("failure").get("message"), "17, was 16 instr")
    contains(cases[LARSON].find("error").get("message"),
             'no <memory> & "x" #1')
    equal([n for n, c in cases.items() if c.find("failure") is not None],
          [PAIR])
    skipped = sum(r["status"] == "skipped" for r in data["results"])
    check(skipped > 0, "the sample skips nothing")
    for counts in (root, ):
        equal([int(counts.get(n)) for n in
               ("tests", "failures", "errors", "skipped")],
              [len(cases), 1, 1, skipped])
    equal([sum(int(s.get(n)) for s in root) for n in
           ("tests", "failures", "errors", "skipped")],
          [len(cases), 1, 1, skipped])
    # What was planned and is not there is not green.
    part = bench_sample.partial(sample(), 5, "killed")
    root = xml.fromstring(formats.junit(part).encode())
    equal(int(root.get("errors")), len(part["run"]["plan"]) - 5)
    contains(formats.junit(part), "killed")


RESULT_LINE = re.compile(r"(ok|not ok) (\d+) ([^#]+?)"
                         r"(?: # (SKIP|ERROR|XFAIL|TIMEOUT)(?: (.*))?)?")


def read_ktap(lines, indent=0):
    """[(name, ok, directive, children)]: a reader after the kernel's text."""
    pad = "  " * indent
    equal(lines.pop(0), pad + "KTAP version 1")
    while lines[0].startswith(pad + "# "):
        lines.pop(0)
    count = int(re.fullmatch(pad + r"1\.\.(\d+)", lines.pop(0)).group(1))
    tests, children = [], []
    while len(tests) < count:
        line = lines[0]
        if line == pad + "  KTAP version 1":
            children = read_ktap(lines, indent + 1)
        elif line.startswith(pad + "# "):
            lines.pop(0)
        else:
            found = RESULT_LINE.fullmatch(lines.pop(0)[len(pad):])
            check(found, "no result line: %r" % line)
            equal(int(found.group(2)), len(tests) + 1)
            tests.append((found.group(3), found.group(1) == "ok",
                          found.group(4), children))
            children = []
    return tests


def I5_4_ktap_is_what_the_kernel_describes():
    data = judged_sample()
    lines = formats.ktap(data).split("\n")
    equal(lines.pop(), "")
    groups = read_ktap(lines)
    equal(lines, [])
    equal([g[:2] for g in groups][:2], [("micro", False), ("smp", False)])
    check(all(g[1] for g in groups[2:]), "a group without a fault failed")
    tests = {t[0]: t for g in groups for t in g[3]}
    equal(set(tests), {r["key"] for r in data["results"]})
    equal(tests[PAIR][1:3], (False, None))
    equal(tests[LARSON][1:3], (False, "ERROR"))
    equal(sum(t[2] == "SKIP" and t[1] for t in tests.values()),
          sum(r["status"] == "skipped" for r in data["results"]))


def I5_4_ktap_takes_no_directive_from_a_name():
    part = bench_sample.partial(sample(), 5, "killed # SKIP")
    part["run"]["plan"].append("micro/pair # SKIP it\nok 1 micro/x")
    groups = read_ktap(formats.ktap(part).rstrip("\n").split("\n"))
    equal({t[1:3] for t in groups[0][3][5:]}, {(False, "ERROR")})
    xml.fromstring(formats.junit(part).encode())


def I5_4_markdown_is_short_and_says_the_verdict():
    data = judged_sample()
    text = formats.markdown(data)
    for part in ("verdict: mixed", "**Worse**", "| " + PAIR, "+6.25 %",
                 "**Better**", "**Failed**", "no \\<memory\\>", "hot pair",
                 "commit 5eed000000", "mode exact"):
        contains(text, part)
    contains(formats.markdown(sample()), "Compared with nothing")
    part = bench_sample.partial(sample(), 5, "killed")
    contains(formats.markdown(part), "Partial: killed")
    # However much is worse, it fits a comment.
    for row in data["comparison"]["rows"]:
        row["verdict"] = "regression"
    text = formats.markdown(data)
    check(len(text) < 6000, len(text))
    contains(text, "more")


# ---- README ----

def readme_file(inside="", around=("# t\r\n\n", "\nend\n")):
    return write(os.path.join(folder(), "README.md"),
                 around[0] + readme.BEGIN + "\n" + inside + readme.END
                 + around[1])


def text_of(path):
    with open(path, "rb") as f:
        return f.read().decode()


def I5_7_readme_has_the_figures_of_a_result():
    path = readme_file("old\n")
    data = sample()
    before = text_of(path)
    contains("\n".join(readme.stale(path, data)), "no longer: old")
    equal(readme.update(path, data, check=True), False)
    equal(text_of(path), before, "a check writes nothing")
    equal(readme.update(path, data), False)
    text = text_of(path)
    for part in ("# t\r\n\n" + readme.BEGIN, readme.END + "\nend\n",
                 "interrupts on | 16 |", "build time | 11 |",
                 "whole magazines | 4.94; 0.52 |", "| 1.55 M; 58.2 k |",
                 "what they ask | 1.011 |", "| HelenOS 2006 | 137 |",
                 "off → on | 0.278 → 0.008 |",
                 "Measured at commit 5eed000000, virt, mode exact, "
                 "QEMU 7.2.22, OpenSBI 1.1, gcc 12.2.0.\n"):
        contains(text, part)
    check(readme.ABSENT not in text, "all is in the sample")
    equal(readme.stale(path, data), [])
    equal(readme.update(path, data), True)
    equal(text_of(path), text, "a second time changes nothing")


def I5_7_readme_is_stale_by_its_figures_alone():
    path = readme_file()
    readme.update(path, sample())
    later = changed(lambda d: d["code"].update(commit="abc" * 13 + "d"))
    equal(readme.update(path, later, check=True), True)
    readme.update(path, later)
    contains(text_of(path), "commit abcabcabca,")
    worse = slower(sample(), "micro/pair,seed2006,harts=1", "instr_per_op", 1)
    equal(readme.update(path, worse, check=True), False)
    stale = readme.stale(path, worse)
    equal(len(stale), 2)
    contains(stale[0], "138")
    lines = text_of(path).split("\n")
    at = next(i for i, line in enumerate(lines) if "HelenOS" in line)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    write(path, "\n".join(lines))
    equal(readme.stale(path, sample()), ["the order of the lines"])
    equal(readme.update(path, sample(), check=True), False)


def I5_7_readme_says_what_was_not_measured():
    path = readme_file()
    data = sample()
    data["results"] = [r for r in data["results"]
                       if r["key"] not in (PAIR, "system/boot,ours,harts=8",
                                           "probe/create,ours,harts=1",
                                           "probe/memory,ours,harts=1")]
    data["run"]["plan"] = []
    readme.update(path, data)
    for part in ("1.55 M; not measured |", "64 alive | not measured |",
                 "what they ask | not measured |",
                 "| ours | not measured | 21.6 |"):
        contains(text_of(path), part)


def I5_7_readme_without_a_place_or_a_run_is_refused():
    for text in ("", readme.BEGIN, readme.BEGIN + "\n" + readme.BEGIN + "\n"
                 + readme.END, readme.END + "\n" + readme.BEGIN,
                 "\n".join([readme.BEGIN, readme.END] * 2)):
        path = write(os.path.join(folder(), "README.md"), text)
        contains(raises(result.Bad, readme.update, path, sample()), "bench: ")
        equal(text_of(path), text)
    raises(result.Bad, readme.update, "/nonexistent/README.md", sample())
    path = readme_file()
    for data in (bench_sample.partial(sample(), 5), sample("smp"),
                 changed(lambda d: d["run"].update(noisy=True))):
        contains(raises(result.Bad, readme.update, path, data),
                 "complete run")


def I5_4_reading_and_comparing_is_cheap_to_import():
    # The host tool starts in half a second; these may not take it all.
    code = ("import sys; sys.path.insert(0, %r)\n"
            "from quarry.bench import baseline, formats, readme\n"
            "print(' '.join(sys.modules))" % os.path.join(ROOT, "scripts"))
    done = run_command([sys.executable, "-B", "-S", "-c", code], status=0)
    loaded = set(done.out.split())
    check("quarry.bench.stats" in loaded, "nothing was loaded")
    equal(loaded & {"asyncio", "subprocess", "http", "multiprocessing",
                    "email", "ssl", "jsonschema"}, set())


# ---- Whatever a file says ----

FIGURES = (0, -3, 1e-300, 5e-324, 9.9e99, -9.9e99, 16.0, (1 << 64) - 1)
VALUES = (None, True, 0, -1, 2.5, (1 << 64) - 1, "", "x", "\x1b[2J\n", "=1",
          "a" * 3000, [], {}, [1], {"a": 1}, [[0, 1, 2]])


def places(data, path=()):
    """Paths of all parts of the data."""
    if path:
        yield path
    if isinstance(data, (dict, list)):
        for name in data if isinstance(data, dict) else range(len(data)):
            yield from places(data[name], path + (name,))


def damage(data, draw):
    """Other figures, and one or two other parts; then one other byte."""
    for entry in data["results"]:
        for metric in entry["metrics"].values():
            if draw.random() < 0.3:
                metric.pop("exact", None)
                metric.pop("median", None)
                metric["samples"] = [draw.choice(FIGURES) for _ in range(
                    draw.choice((1, 5, 20)))]
    for _ in range(draw.choice((0, 1, 1, 2))):
        path = draw.choice(list(places(data)))
        inner = data
        for name in path[:-1]:
            inner = inner[name]
        if draw.random() < 0.2:
            del inner[path[-1]]
        else:
            inner[path[-1]] = copy.deepcopy(draw.choice(VALUES))
    text = json.dumps(data)
    if draw.random() < 0.2:
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice('"},]0\x00') + text[at + 1:]
    return text


def exercise(data, other, draw):
    """All that is done with a result."""
    equal(result.validate(baseline.strip(data)), [])
    for before, after in ((other, data), (data, other), (data, data)):
        try:
            judged = verdict.compare(before, after, {
                "history": [data, other] * 3,
                "rerun": draw.choice((None, data))})
            verdict.paired([before, after] * 5, [after, before] * 5)
        except verdict.NotComparable as why:
            check("\n" not in str(why), repr(why))
            continue
        whole = dict(after, comparison=judged)
        equal(result.parse(result.dumps(whole))["comparison"], judged)
        verdict.table(judged)
        for form in (formats.csv, formats.markdown, formats.ktap):
            form(whole).encode()
        xml.fromstring(formats.junit(whole).encode())
    readme.lines(data)
    for entry in data["results"]:
        for metric in entry["metrics"].values():
            stats.summarise(metric["samples"])
            verdict.steps(metric["samples"] * 2)


@test(timeout=600)
def I5_4_damaged_results_are_refused_or_used_to_the_end():
    draw, used, base = random.Random(11), 0, {}
    for mode in ("exact", "smp"):
        data = sample(mode)
        data["results"] = data["results"][:2] + [
            entry_of(data, "latency/tail,ours,harts=2")]
        data["run"]["plan"] = [r["key"] for r in data["results"]]
        base[mode] = data
    path = os.path.join(folder(), "r.json")
    for _ in range(120):
        other = base[draw.choice(("exact", "smp"))]
        write(path, damage(copy.deepcopy(other), draw))
        try:
            data = result.load(path)
        except result.Bad as bad:
            check(str(bad).isprintable() and len(str(bad)) < 600, repr(bad))
            continue
        used += 1
        exercise(data, other, draw)
    check(30 < used < 110, "%d of 120 could be used: a poor test" % used)
