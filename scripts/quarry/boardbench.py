# SPDX-License-Identifier: MIT
"""scripts/bench on a board: what the image measures itself, in real time.

Theory of operation

1. On a board nothing is exact: cycles and time vary from run to run. So each
   figure is taken several times, and the median stands between the least and
   the most. They are compared with nothing that QEMU counts.
2. The board runs bench/board.lua by scripts/run-board, over whatever line. A
   result is a line with its checksum; a damaged one is left out, counted and
   said, and a figure without any result fails the run.
3. Exit statuses are those of scripts/bench.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import zlib

from quarry.options import ROOT
from quarry.report import LOST, PANIC, USAGE

RUN_BOARD = os.path.join(ROOT, "scripts", "run-board")
SCRIPT = os.path.join(ROOT, "bench", "board.lua")
FAILED = 3              # of scripts/bench
SPARE_S = 120           # for loading, beside the time that is measured
SLOWNESS = 4            # a result takes so many times its own time, at most
RESULTS_MAX = 200       # workloads times hart counts, for the time-out alone
LINE = re.compile(r"^BENCH\t([0-9a-f]{8})\t(.*)$")


class Failure(Exception):
    """The exit status, and text for the person."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def add_arguments(p):
    p.add_argument("--target", default="qemu", metavar="qemu|serial:…|tcp:…",
                   help="a board, as scripts/run-board takes it; what "
                   "follows -- goes to run-board")
    p.add_argument("--reps", type=int, default=7, metavar="N",
                   help="board: how often each figure is taken (7)")
    p.add_argument("--time-ms", type=int, default=100, metavar="MS",
                   help="board: how long each one runs (100)")
    p.add_argument("--harts", default="", metavar="N,…",
                   help="board: on so many harts (1 to all)")


def numbers(text, option):
    if not re.fullmatch(r"\d{1,4}(,\d{1,4})*", text):
        raise Failure(USAGE, "%s %s: write for example 1,2,4"
                      % (option, text))
    return [int(n) for n in text.split(",")]


def plan(args):
    """The Lua line that says what is to be measured."""
    if args.reps < 1 or args.time_ms < 1:
        raise Failure(USAGE, "--reps and --time-ms must be above 0")
    parts = ["reps=%d" % args.reps, "time_ms=%d" % args.time_ms]
    if args.harts:
        parts.append("harts={%s}" % ",".join(
            str(n) for n in numbers(args.harts, "--harts")))
    if args.only:
        if not re.fullmatch(r"[\w,-]+", args.only):
            raise Failure(USAGE, "--only %s: names of bench.list()"
                          % args.only)
        parts.append("only={%s}" % ",".join(
            '"%s"' % n for n in args.only.split(",")))
    return "PLAN = {%s}" % ", ".join(parts)


def timeout_s(args):
    return SPARE_S + SLOWNESS * RESULTS_MAX * args.reps * args.time_ms / 1000


def collect(args, run_board_args):
    command = [RUN_BOARD, "--target", args.target, "--timeout",
               "%g" % timeout_s(args)] + run_board_args + [
                   "--eval", plan(args), "--script", SCRIPT]
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=False)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    if done.returncode != 0:
        status = (done.returncode if done.returncode in (USAGE, LOST)
                  else FAILED)
        what = "panicked" if done.returncode == PANIC else "ended"
        raise Failure(status, "the run on the board %s with status %d%s" % (
            what, done.returncode, "".join(
                "\n" + l for l in text.split("\n")[-12:])
            if text.strip() else ""))
    return text


def parse(text):
    """(facts, {(workload, harts): [results]}, damaged lines)."""
    facts, results, damaged = None, {}, 0
    for line in text.split("\n"):
        if not line.startswith("BENCH"):
            continue
        match = LINE.match(line)
        if (not match or "%08x" % zlib.crc32(match.group(2).encode())
                != match.group(1)):
            damaged += 1
            continue
        data = json.loads(match.group(2))
        if "facts" in data:
            facts = data["facts"]
            continue
        result = data["result"]
        results.setdefault((result["name"], result["harts"]), []).append(
            result)
    return facts, results, damaged


def spread(values):
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values),
            "max": max(values), "samples": values}


def summarise(results):
    rows = []
    for (name, harts), found in results.items():
        rows.append({
            "id": "%s/%d" % (name, harts), "workload": name, "harts": harts,
            "ns_per_op": spread([r["per_op"] for r in found]),
            "ops_per_s": spread([r["ops_per_s"] for r in found]),
            # Where the image counts cycles.
            "cycles_per_op": spread([r["cycles_per_op"] for r in found
                                     if r.get("cycles_per_op")])})
    return rows


def show(facts, rows):
    print("%s, %d hart%s, %s, timebase %d Hz, %d MiB; firmware: %s" % (
        facts["model"], facts["harts"], "" if facts["harts"] == 1 else "s",
        facts["isa"], facts["timebase_hz"], facts["ram_bytes"] >> 20,
        facts.get("firmware", "unknown")))
    heads = ("workload", "harts", "reps", "ns/op: median", "min", "max",
             "cycles/op", "ops/s")
    form = "%-10s %5s %4s %13s %9s %9s %9s %13s"
    print(form % heads)
    for row in rows:
        ns, cycles = row["ns_per_op"], row["cycles_per_op"]
        print(form % (
            row["workload"], row["harts"], len(ns["samples"]),
            "%.2f" % ns["median"], "%.2f" % ns["min"], "%.2f" % ns["max"],
            "%.1f" % cycles["median"] if cycles else "-",
            "{:,.0f}".format(row["ops_per_s"]["median"])))


def write(path, args, facts, rows, damaged):
    data = {"schema": "quarry-bench/1",
            "target": dict({"kind": "board", "mode": "board",
                            "line": args.target}, **facts),
            "reps": args.reps, "time_ms": args.time_ms,
            "damaged_lines": damaged, "results": rows}
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(data, f, indent=1)
        f.write("\n")
    os.replace(path + ".new", path)


def run(args, run_board_args):
    """Measure, print, write; Failure when there is nothing to show."""
    facts, results, damaged = parse(collect(args, run_board_args))
    if facts is None:
        raise Failure(FAILED, "the board's description of itself did not "
                      "arrive intact")
    if facts["exact"]:
        raise Failure(USAGE, "this machine counts instructions exactly; "
                      "measure it with --target qemu")
    if not results:
        raise Failure(USAGE if args.only else FAILED,
                      "no result: %s" % (args.only or "the list is empty"))
    rows = summarise(results)
    show(facts, rows)
    if damaged:
        print("bench: %d lines were damaged on the way and left out"
              % damaged, file=sys.stderr)
    if args.json:
        write(args.json, args, facts, rows, damaged)
