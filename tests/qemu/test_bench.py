# SPDX-License-Identifier: MIT
"""bench.run, its figures and its histograms."""
import json
import os
import re
import signal
import subprocess
import sys

from lib import PATIENCE_S, ROOT, check, contains, equal, folder, \
    kernel_path, matches, run, run_command, test

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry.bench import facts as known, records

BENCH = os.path.join(ROOT, "scripts", "bench")

EXACT = """
local r = assert(bench.run("%s", {%s}))
print("FIGURE", r.instr_gross, r.instr_per_op, r.counters.mag_miss)
"""


def exact(name, options="n=10000", **machine):
    """instr_gross and instr_per_op of a workload, as printed."""
    result = run(EXACT % (name, options), status=0, mode="exact",
                 **{"harts": 1, **machine})
    found = matches(result.out, r"^FIGURE\t(\S+)\t(\S+)\t(\S+)\s*$")
    return found.group(1), found.group(2)


@test(timeout=200)
def I2_fig_hot_pair_costs_at_most_sixty_instructions():
    gross, net = exact("pair", "size=64, n=10000")
    print("pair: %s instructions gross, %s net" % (gross, net))
    check(0 < float(net) <= 60, "a pair costs %s instructions" % net)
    check(float(gross) > float(net), "the loop costs nothing?")
    equal(exact("pair", "size=64, n=10000"), (gross, net), "second run")


@test(timeout=200)
def I2_6_instructions_repeat_to_the_digit():
    for name in ("burst", "larson"):
        first = exact(name, "n=20000, order='random', seed=3")
        equal(exact(name, "n=20000, order='random', seed=3"), first, name)


@test(timeout=200)
def I2_6_noop_is_two_instructions():
    # Two bare `ret`s: the method measures them, so it adds up to exactly 2.
    gross, net = exact("noop")
    equal(float(net), 2.0, "instr_per_op of noop")
    check(float(gross) < 20, "the loop costs %s instructions" % gross)


@test(timeout=200)
def I2_6_harts_take_turns_in_exact_mode():
    gross, net = exact("pair", "size=64, n=10000, harts=2", harts=2)
    check(0 < float(net) <= 60, "a pair costs %s instructions" % net)


def I2_6_no_instruction_figures_outside_exact_mode():
    result = run('local r = bench.run("pair", {time_ms=20}) '
                 'print("NONE", r.instr_gross, r.instr_per_op) '
                 'print("INSTRET", (bench.instret()))', status=0)
    matches(result.out, r"^NONE\tnil\tnil\s*$")
    matches(result.out, r"^INSTRET\tnil\s*$")


def I2_6_results_of_every_workload():
    result = run("""
        for _, w in ipairs(bench.list()) do
          local r = assert(bench.run(w.name, {harts = hart.count(), size = 100,
                           n = 5000, seed = 5, order = "random"}))
          assert(r.ops >= 5000 * hart.count(), w.name .. " ops " .. r.ops)
          assert(r.ns > 0 and r.per_op > 0 and r.ops_per_s > 0)
          assert(r.level == "fast" and r.name == w.name)
          assert(r.hist:count() > 0 and r.hist:p(50) <= r.hist:max())
          r:print()
          print("JSON", r:json())
        end
        collectgarbage()
        for c in slab.caches() do assert(not c.name:find("^bench%-")) end
        """, status=0)
    rows = [json.loads(text) for text in
            re.findall(r"^JSON\t(.*)$", result.out, re.MULTILINE)]
    equal([row["name"] for row in rows],
          ["pair", "burst", "larson", "noop"], "workloads")
    for row in rows:
        equal(row["harts"], 4, "harts")
        equal(row["instr_per_op"], None, "instructions in smp mode")
        check(row["ops"] >= 20000, "ops %d" % row["ops"])


def I2_6_time_and_cache_options():
    run("""
        local c = assert(slab.create("mine", 200, {protect = "checked"}))
        local r = assert(bench.run("burst", {cache = c, time_ms = 30}))
        assert(r.level == "checked" and r.size == 200 and r.harts == 1)
        assert(r.ns >= 30000000, r.ns)
        assert(r.counters.alloc >= r.ops)
        assert(c:stats().objects_inuse == 0)
        assert(c:destroy())
        local ok, message = pcall(bench.run, "pair", {cache = c})
        assert(not ok, "a destroyed cache was accepted")
        local ns, a, b = bench.time(function(x) return x, x + 1 end, 41)
        assert(ns > 0 and a == 41 and b == 42)
        assert(not pcall(bench.time, function() error("through") end))
        """, status=0)


def I2_6_bench_refuses_what_is_wrong():
    result = run("""
        local function refused(pattern, ...)
          local ok, message = pcall(bench.run, ...)
          assert(not ok, "accepted: " .. pattern)
          assert(message:find(pattern), message)
        end
        refused("bench.list", "nosuch")
        refused("time_ms", "pair", {time_sm = 5})
        refused("time_ms", "pair", {time_ms = 0})
        refused("size", "pair", {size = 0})
        refused("size", "pair", {size = 1 << 20})
        refused("harts", "pair", {harts = hart.count() + 1})
        refused("harts", "pair", {harts = 1.5})
        refused("order", "pair", {order = "sideways"})
        refused("protect", "pair", {protect = "none"})
        refused("cache", "pair", {cache = "mine"})
        refused("table", "pair", 7)
        refused("string", {})
        for _, name in ipairs{"suite"} do
          local ok, message = pcall(bench[name], {})
          assert(not ok and message:find("not in this version"), message)
        end
        for _, module in ipairs{trace, fault} do
          for _, fn in pairs(module) do
            local ok, message = pcall(fn, {})
            assert(not ok and message:find("not in this version"), message)
          end
        end
        local c = slab.create("tight", 64, {limit = 3})
        local r, message, code = bench.run("burst", {cache = c, n = 10})
        assert(r == nil and code == "ENOMEM", message)
        assert(c:stats().objects_inuse == 0)
        print("ALL REFUSED")
        """, status=0)
    contains(result.out, "ALL REFUSED")


def I2_6_bench_on_other_harts_while_the_console_reaps():
    run("""
        local started = hart.counter(0)
        local j = hart.run("others", function(started)
          started:add(1)
          return bench.run("pair", {time_ms = 3000}).ops end, started)
        repeat until started:get() == 3
        local r, message, code = bench.run("pair", {harts = 2})
        assert(r == nil and code == "EBUSY", message)
        for _ = 1, 20 do slab.reap{level = "all"} end
        local ok, ops = j:wait()
        assert(ok, ops)
        for h = 1, 3 do assert(ops[h][1] > 0) end
        """, status=0)


def I2_6_histograms():
    run("""
        local h, g = bench.hist(), bench.hist()
        assert(h:count() == 0 and h:p(50) == 0 and h:max() == 0)
        for i = 1, 1000 do h:add(i) end
        assert(h:count() == 1000 and h:min() == 1 and h:max() == 1000)
        assert(h:mean() == 500.5)
        local p = h:p(50)
        assert(p >= 500 and p <= 563, p)
        assert(h:p(100) == 1000 and h:p(0) == 1)
        g:add(5000, 10):merge(h)
        assert(g:count() == 1010 and g:max() == 5000 and g:p(100) == 5000)
        g:plot()
        assert(not pcall(h.add, h, -1))
        assert(not pcall(h.add, h, "x"))
        assert(not pcall(h.p, h, 101))
        assert(not pcall(h.merge, h, {}))
        """, status=0)


def bench_run(name, *options, status=0, baseline="none"):
    """Output and data of a run of the suite on today's images."""
    path = os.path.join(folder(), name)
    result = run_command(
        [BENCH, "run", "--kernel", kernel_path("bench"), "--boot-kernel",
         kernel_path(), "--baseline", baseline, "--json", path, "--progress",
         "none", "--timeout", str(2 * PATIENCE_S)] + list(options),
        status=status, timeout=580)
    with open(path, encoding="utf-8") as f:
        return result.out, json.load(f)


TABLE = "probe/*,system/*"


def every_fact_is_known(results):
    """Unit and direction of each fact of each probe, as the table has them."""
    seen = set()
    for entry in results:
        if not entry["id"].startswith("probe/"):
            continue
        for name, metric in entry["metrics"].items():
            fact = "%s/%s" % (entry["id"].split("/", 1)[1], name)
            equal((metric["unit"], metric["better"]), known.describe(fact),
                  fact)
            seen.add(fact)
    equal(known.describe("pair/pair.callees"), ("instr", "lower"))
    check(len(seen) > 100, "only %d facts" % len(seen))


@test(timeout=600, alone=True)
def I3_figures_table_has_every_row_and_repeats():
    out, data = bench_run("first.json", "--filter", TABLE)
    again, second = bench_run("second.json", "--filter", TABLE)
    equal(json.dumps(second["results"]), json.dumps(data["results"]),
          "the results, taken again")
    cut = re.compile(r"^\d+ run, .*", re.MULTILINE | re.DOTALL)
    equal(cut.sub("", again), cut.sub("", out), "the table, printed again")
    facts, _ = records.facts_of(data["results"])
    for row in records.ROWS:
        contains(out, row.figure.split()[0])
        entry = records.judge(row, facts)
        check(entry["measured"], "%s: %s" % (entry["id"], entry["verdict"]))
    for row in records.ELSEWHERE:
        contains(out, row[1].split()[0])
    every_fact_is_known(data["results"])
    matches(out, r"^%d rows measured, \d+ met, \d+ missed, 3 not"
            % len(records.ROWS))


@test(timeout=600)
def I3_figures_probes_measure_what_they_say():
    """Relations that hold whatever the allocator costs."""
    _, data = bench_run("some.json", "--filter", "probe/pair,probe/checked,"
                        "probe/construct,probe/lines")
    fact = {name: value / per for name, (value, per)
            in records.facts_of(data["results"])[0].items()}
    # The loop, two calls and the rets of the noop callees are in gross only.
    check(fact["pair/pair.gross"] > fact["pair/pair.callees"])
    equal(fact["pair/pair.callees"], fact["pair/pair.net"] + 2, "two rets")
    equal(fact["pair/trust.callees"], fact["pair/pair.callees"] + 1,
          "a caller that does not test pays for the test")
    check(fact["checked/checked.callees"] > fact["pair/pair.callees"])
    equal(fact["construct/construct.ctors"], 0, "constructors run")
    check(fact["lines/lines.taken"] > 1000, "too few objects were taken")
    check(fact["lines/lines.control"] > 0, "the probe is blind")
    equal(fact["lines/lines.shared"], 0, "lines shared")


def I3_figures_a_miss_is_said_plainly():
    entry = records.row("x", "figure", "instr", "-", "<= 17", ("p/a", 17, "a"),
                        ("p/b", 17, "b"), note="no such thing")
    met = records.judge(entry, {"p/a": (17, 1), "p/b": (33, 2)})
    equal((met["met"], met["verdict"]), (True, "met"), "at the limit")
    over = records.judge(entry, {"p/a": (18, 1), "p/b": (170001, 10000)})
    equal((over["met"], over["verdict"]),
          (False, "misses by 1 (a), 0.0001 (b)"), "beyond the limit")
    none = records.judge(entry, {"p/a": (1, 1)})
    equal((none["met"], none["verdict"]),
          (False, "not measured: no such thing"), "without its fact")


@test(timeout=600)
def I5_4_the_suite_end_to_end():
    """The lab's figures, twice, in whatever order and company."""
    options = ("--filter", "micro/pair", "--jobs", "1")
    out, data = bench_run("a.json", *options)
    _, alone = bench_run("b.json", "--filter", "micro/pair,nomag,harts=1")
    by_key = {r["key"]: r for r in data["results"]}
    for entry in data["results"]:
        equal(entry["status"], "ok", entry["key"])
    equal(alone["results"], [by_key["micro/pair,nomag,harts=1"]],
          "measured alone")
    cost = {key.split(",")[1]: r["metrics"]["instr_per_op"]["exact"]
            for key, r in by_key.items()}
    equal(cost["noop"]["value"], 2 * cost["noop"]["per"], "noop")
    check(cost["ours"]["value"] > cost["noop"]["value"], "ours costs more")
    check(data["target"]["emulator"].startswith("QEMU emulator version "))
    matches(data["target"]["firmware"], r"^OpenSBI \d")
    matches(data["code"]["cc"], r"^GCC .*\d+\.\d+\.\d+$")
    matches(out, r"^  ours +\d+", "the comparators")


@test(timeout=300)
def I5_4_an_emulator_that_is_killed_is_4_and_resumed():
    """QEMU itself, killed while it measures."""
    path = os.path.join(folder(), "killed.json")
    words = [BENCH, "run", "--kernel", kernel_path("bench"), "--boot-kernel",
             kernel_path(), "--baseline", "none", "--json", path]
    with subprocess.Popen(
            words + ["--filter", "probe/worst,micro/pair", "--jobs", "1",
                     "--progress", "plain"],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE) as bench:
        bench.stderr.readline()     # something was measured
        while not kill_emulator(bench.pid):
            check(bench.poll() is None, "it ended before it was killed")
        err = bench.communicate(timeout=PATIENCE_S)[1].decode()
    equal(bench.returncode, 4, "status: " + err)
    matches(err, r"the machine was lost.* go on with: scripts/bench run "
            r"--resume")
    with open(path, encoding="utf-8") as f:
        equal(json.load(f)["run"]["status"], "partial", "saved")
    run_command(words + ["--resume", path], status=0, timeout=280)


def kill_emulator(pid):
    """Kill the emulator that a descendant of this process runs."""
    done = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], check=True,
                          stdout=subprocess.PIPE)
    rows = [line.split(None, 2) for line in done.stdout.decode().splitlines()]
    family = {str(pid)}
    for _ in range(4):
        family |= {row[0] for row in rows if row[1] in family}
    for number, _, name in rows:
        if number in family and name.startswith("qemu-system"):
            os.kill(int(number), signal.SIGKILL)
            return True
    return False


def I3_bench_tool_refuses_what_it_lacks():
    for words, text in ((["run", "--colour"], "--colour"),
                        ([], "required"), (["fly"], "fly")):
        result = run_command([BENCH] + words, status=2)
        contains(result.err, text)
    result = run_command([BENCH, "run", "--kernel", kernel_path("bench"),
                          "--filter", "probe/boundary"], status=2)
    contains(result.err, "nothing matches")


def I3_probes_are_not_in_the_plain_image():
    run("assert(probe == nil)", status=0)


MODES = """
local r = bench.run("pair", {harts = 2, time_ms = 20})
print("MODE", r.mode, r.instr_gross ~= nil, (r.cycles_per_op or 0) > 0)
print("JSON", r:json():match('"mode":"(%a+)"'), r:json():match("cycles") )
r:print()
"""


def I4_5_modes_are_exact_board_and_smp():
    """Where instructions are counted harts need not take turns: a board's do
    not, and its cycles are real. The image for it believes to be on one."""
    def modes(**machine):
        out = run(MODES, harts=2, status=0, **machine).out
        return (matches(out, r"^MODE\t(.*?)\r?$").group(1).split("\t"),
                matches(out, r"^JSON\t(.*?)\r?$").group(1).split("\t"), out)
    words, json, out = modes()
    equal((words, json), (["smp", "false", "false"], ["smp", "nil"]))
    check("one after the other" not in out and "cycles  " not in out, out)
    words, json, out = modes(mode="exact")
    equal((words, json), (["exact", "true", "false"], ["exact", "nil"]))
    contains(out, "one after the other")
    words, json, out = modes(kernel=kernel_path("hardware"))
    equal((words, json), (["board", "true", "true"], ["board", "cycles"]))
    check("one after the other" not in out, out)
    matches(out, r"^  cycles +[\d.]+ per pair, loop included")


@test(timeout=300)
def I5_fig_one_more_instruction_fails_and_names_it():
    """The image `padded` has one nop more in the hot pair, and no other
    difference; what is measured again on the usual one has none."""
    options = ("--filter", "micro/pair", "--variant", "ours", "--kernel")
    usual, padded = kernel_path("bench"), kernel_path("padded")
    _, first = bench_run("usual.json", *options, usual)
    before = os.path.join(folder(), "before.json")
    with open(before, "w", encoding="utf-8") as f:
        json.dump(first, f)
    path = os.path.join(folder(), "padded.json")
    result = run_command(
        [BENCH, "run", *options, padded, "--boot-kernel", kernel_path(),
         "--baseline", before, "--json", path, "--progress", "none",
         "--timeout", str(2 * PATIENCE_S)], status=1, timeout=280)
    matches(result.err, r"^bench: \d regressions?: micro/pair,ours,harts=1 ")
    with open(path, encoding="utf-8") as f:
        more = json.load(f)
    cost = [data["results"][0]["metrics"]["instr_per_op"]["exact"]
            for data in (first, more)]
    equal(cost[1]["value"] - cost[0]["value"], cost[0]["per"],
          "instructions a pair that were added")
    out, again = bench_run("again.json", *options, usual, baseline=before)
    contains(out, "0 regressions")
    equal(json.dumps(again["results"]), json.dumps(first["results"]),
          "results of the usual image, byte for byte")


@test(timeout=300)
def I5_4_the_first_run_of_a_boot_is_like_any_other():
    """memory/oom of each variant is first in one of its two boots."""
    _, data = bench_run("oom.json", "--filter", "memory/oom", "--harts", "1",
                        "--variant", "ours,biglock")
    equal([r["status"] for r in data["results"]], ["ok", "ok"], "status")
    _, alone = bench_run("alone.json", "--filter", "memory/oom", "--harts",
                         "1", "--variant", "biglock")
    equal(alone["results"], data["results"][1:], "measured alone")


@test(timeout=300)
def I5_4_the_boot_has_phases_and_they_repeat():
    _, data = bench_run("boot.json", "--filter", "system/boot")
    for entry in data["results"]:
        equal(entry["status"], "ok", entry["key"])
        at = [entry["metrics"]["until_" + name]["exact"]["value"]
              for name in ("memory", "smp", "console")]
        end = entry["metrics"]["boot_instructions"]["exact"]["value"]
        check(0 < at[0] < at[1] < at[2] < end / 1000, at, end)


@test(timeout=300)
def I5_4_a_trace_of_ones_own_is_measured_and_named():
    path = os.path.join(ROOT, "tests", "data", "kmem-ftrace.qtrace")
    _, data = bench_run("trace.json", "--trace", path, "--filter",
                        "trace/file", "--variant", "ours,linux24", "--harts",
                        "1,2")
    with open(path, "rb") as f:
        crc = int.from_bytes(f.read()[28:32], "little")
    equal([r["key"] for r in data["results"]],
          ["trace/file,%s,harts=%d,file=kmem-ftrace.%08x" % (v, n, crc)
           for v in ("ours", "linux24") for n in (1, 2)], "keys")
    for entry in data["results"]:
        equal(entry["status"], "ok", entry["key"])
        check(entry["metrics"]["instr_per_op"]["samples"][0] > 2)
    broken = os.path.join(folder(), "broken.qtrace")
    with open(path, "rb") as f:
        whole = bytearray(f.read())
    whole[-1] ^= 1
    with open(broken, "wb") as f:
        f.write(whole)
    result = run_command(
        [BENCH, "run", "--kernel", kernel_path("bench"), "--boot-kernel",
         kernel_path(), "--baseline", "none", "--json", broken + ".json",
         "--trace", broken, "--filter", "trace/file", "--variant", "ours"],
        status=3, timeout=280)
    contains(result.out, "failed  trace/file,ours,harts=1,file=broken.")
    contains(result.out, "lab.trace: ")
