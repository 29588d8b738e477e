# SPDX-License-Identifier: MIT
"""The host comparison: its program, its arithmetic, its verdicts.

Nothing here needs the rival libraries or valgrind; what callgrind would count
comes from a script in its place.
"""
import json
import os
import platform
import subprocess
import sys

from lib import ROOT, BUILD, check, contains, equal, folder, run_command, \
    skip, test, write

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry.bench import result as bench_result  # noqa: E402

SCRIPT = os.path.join(ROOT, "scripts", "bench-host")
PROGRAM = os.path.join(BUILD, "bench-host", "bench-host")
WORKLOADS = ("pair", "batch-fifo", "batch-lifo", "random", "handover",
             "constructed", "mixed")
PAIRS, WARM = 20480, 10240

# Instructions: a start, and so many a pair. Arguments: options of valgrind,
# program, "run", allocator, workload, pairs, warm-up; or "lab", allocator,
# benchmark, harts, rounds, of 100 pairs each.
VALGRIND = """#!/bin/sh
while [ "$1" != run ] && [ "$1" != lab ]; do shift; done
case $2 in
noop) each=10 ;; kmem | ours) each=%d ;; *) each=40 ;; esac
[ "$1" = run ] && pairs=$4 || pairs=$(($5 * 100))
echo "==1== Collected : $((1000003 + each * pairs))" >&2
echo "{\\"ops\\": $pairs}"
"""


def program(*arguments, status=0):
    check(os.path.isfile(PROGRAM), "no program %s: the build failed" % PROGRAM)
    return run_command([PROGRAM] + [str(a) for a in arguments], status=status)


@test(timeout=300)
def test_every_workload_runs_on_every_allocator():
    for allocator in ("kmem", "malloc", "noop"):
        for workload in WORKLOADS:
            got = json.loads(program("run", allocator, workload, PAIRS,
                                     WARM).out)
            equal(got["pairs"], PAIRS)
            # An object that comes constructed has 1 in the field read.
            if workload == "constructed":
                equal(got["sum"], 0 if allocator == "noop" else PAIRS + WARM,
                      allocator)


def test_memory_figures_hold_what_was_asked_for():
    for kind in (["typed", "kmem", 64, 20000], ["typed", "malloc", 64, 20000],
                 ["mixed", "kmem", 2000], ["mixed", "malloc", 2000]):
        got = json.loads(program(*kind).out)
        check(got["resident"] >= got["asked"] > 100000, kind, got)
        check(got["resident"] < 3 * got["asked"], kind, got)
        if kind[1] == "kmem":
            check(got["frames"] >= got["asked"], kind, got)


def test_wrong_arguments_are_one_line_and_status_2():
    for arguments in ([], ["run"], ["run", "kmem", "nothing", "1"],
                      ["run", "nobody", "pair", "1"],
                      ["run", "kmem", "pair", "many"], ["typed", "kmem", "64"],
                      ["colour", "on"], ["lab", "ours", "micro/pair", "1"],
                      ["lab", "kmem", "micro/pair", "1", "1"],
                      ["lab", "ours", "micro/none", "1", "1"],
                      ["lab", "ours", "micro/pair", "9", "1"],
                      ["lab", "malloc", "memory/oom", "1", "1"]):
        result = program(*arguments, status=2)
        equal(len(result.err.strip().splitlines()), 1, str(arguments))


@test(timeout=300)
def I5_6_the_labs_loads_run_here_on_every_allocator():
    for bench, harts in (("micro/burst", 1), ("smp/larson", 4),
                         ("smp/xmalloc", 4), ("smp/mstress", 2)):
        ops = {json.loads(program("lab", allocator, bench, harts, 6).out)["ops"]
               for allocator in ("ours", "malloc", "noop")}
        # What is done depends on the seed alone.
        equal(len(ops), 1, "%s %s" % (bench, ops))
        check(min(ops) > 0, bench, ops)


@test(timeout=300)
def I5_6_lanes_are_never_lost():
    # An order that was read twice once ended a lane too early, 1 run in 100.
    for _ in range(150):
        program("lab", "noop", "smp/larson", 4, 2)


def here():
    if platform.machine() != "x86_64":
        skip("the comparison is for x86-64")


def bench_host(each, *options, status=0, figures="instructions"):
    """The script with a valgrind that counts `each` for a pair of ours."""
    here()
    tools = folder()
    path = write(os.path.join(tools, "valgrind"), VALGRIND % each)
    os.chmod(path, 0o755)
    out = os.path.join(tools, "out.json")
    env = dict(os.environ, PATH=tools + ":" + os.environ["PATH"])
    result = run_command(
        [sys.executable, SCRIPT, "--program", PROGRAM, "--json", out,
         "--rivals", "glibc", "--only", "pair", "--figures", figures]
        + list(options), env=env, status=status)
    # What load takes follows the schema.
    return result, {(r["id"], r["variant"]): r["metrics"]
                    for r in bench_result.load(out)["results"]}


def counted(got, name, variant):
    return got["host/" + name, variant]["instr_per_op"]["samples"]


def test_counts_are_less_start_and_loop():
    result, got = bench_host(30)
    equal(counted(got, "pair", "ours"), [20.0])
    equal(counted(got, "pair", "glibc"), [30.0])
    equal(len(got), 2, str(got))
    contains(result.out, "1 of 1 rows reached")


def I5_6_counts_of_the_lab_are_callees_with_their_rets():
    result, got = bench_host(30, figures="lab")
    for name in ("micro-burst", "smp-larson", "memory-frag-steady"):
        equal(counted(got, name, "ours"), [22.0])
        equal(counted(got, name, "glibc"), [32.0])
    contains(result.out, "8 of 8 rows reached")


def I5_6_the_report_is_the_one_of_scripts_bench():
    page = os.path.join(folder(), "report.html")
    result, _ = bench_host(30, "--html", page)
    with open(page, encoding="utf-8") as f:
        text = f.read()
    contains(text, "<html")
    check("://" not in text.split("<script", 1)[0], "it refers to others")
    contains(result.out, "report: ")


def test_an_equal_count_is_missed_and_gates():
    result, got = bench_host(40)
    equal(counted(got, "pair", "ours"), counted(got, "pair", "glibc"))
    contains(result.out, "MISSED")
    bench_host(40, "--gate", status=1)
    bench_host(39, "--gate")


def test_what_is_missing_is_named_with_the_command():
    here()
    tools = folder()
    os.symlink(sys.executable, os.path.join(tools, "python3"))
    result = run_command(
        [sys.executable, SCRIPT, "--program", PROGRAM, "--rivals", "glibc"],
        env={"PATH": tools}, status=2)
    contains(result.err, "missing: valgrind")
    contains(result.err, "apt-get install -y --no-install-recommends valgrind")
    result = run_command([sys.executable, SCRIPT, "--program",
                          os.path.join(tools, "none")], status=2)
    contains(result.err, "make bench-host")


def test_setup_leaves_the_rivals_to_those_who_ask():
    with open(os.path.join(ROOT, "scripts", "setup"), encoding="utf-8") as f:
        script = f.read()
    text = subprocess.run(
        ["sh", "-c", ". /dev/stdin; sets_of all; sets_of bench-host"],
        input=script.rpartition("main ")[0], text=True,
        capture_output=True, check=True).stdout.splitlines()
    check("rivals" not in text[0], text)
    contains(text[1], "rivals")
