# SPDX-License-Identifier: MIT
"""The stress scripts of the image, and the storm with its negative control."""
import re

from lib import Session, check, contains, equal, kernel_path, matches, run, test

NUMBERS = ("harts ns ops allocs frees irq_ops handed alloc_fail reaps_trim "
           "reaps_depot reaps_all drained_running drained_rounds frames ctor "
           "dtor findings")


def verdict(name, options, **machine):
    """Run a script; its one verdict line, which must say ok."""
    result = run('run("%s", {%s})' % (name, options), status=0, **machine)
    lines = re.findall(r"^%s: (?:ok|FAILED).*$" % name, result.out,
                       re.MULTILINE)
    equal(len(lines), 1, "verdict lines")
    contains(lines[0], "%s: ok" % name, "verdict")
    equal(result.out.count("\x1b"), 0, "escape bytes without a terminal")
    progress = re.findall(r"^%s: +\d+ %%" % name, result.out, re.MULTILINE)
    check(len(progress) <= 10, "%d lines of progress" % len(progress))
    return lines[0]


def storm_counts(s, seed, **machine):
    """What bench.storm counted, by name."""
    text = ('local r = assert(bench.storm{s=%g, seed=%d}) '
            'assert(r.findings == 0, r.finding) '
            'for name in ("%s"):gmatch("%%S+") do '
            'print("COUNT", name, r[name]) end' % (s, seed, NUMBERS))
    result = run(text, status=0, timeout=120, **machine)
    return {name: int(value) for name, value in
            re.findall(r"^COUNT\t(\w+)\t(-?\d+)\s*$", result.out,
                       re.MULTILINE)}


@test(timeout=150, alone=True)
def I2_fig_storm_of_ten_seconds_on_four_harts():
    # Verdict of the script: no finding, slab.verify, exactness. How much fits
    # into ten seconds is the host's; that reaps keep pace with it is ours.
    line = verdict("storm", "s=10, seed=1")
    ops = float(matches(line, r"([\d.]+) M ops").group(1)) * 1e6
    reaps = int(matches(line, r"(\d+) reaps all").group(1))
    took = int(matches(line, r"(\d+) took rounds").group(1))
    contains(line, "4 harts")
    check(reaps >= ops / 20000, "only %d reaps in %d operations" % (reaps, ops))
    check(took >= reaps / 2, "only %d of %d reaps took rounds from a running "
          "hart" % (took, reaps))


@test(timeout=150)
def I2_7_storm_does_all_it_says():
    for seed in (2, 3):
        count = storm_counts(2, seed)
        for name in ("ops", "irq_ops", "handed", "reaps_trim", "reaps_depot",
                     "reaps_all", "drained_running", "drained_rounds", "ctor",
                     "frames"):
            check(count[name] > 0, "%s did not happen" % name)
        equal(count["harts"], 4, "harts")
        equal(count["allocs"], count["frees"], "frees")
        equal(count["ctor"], count["dtor"], "destructor calls")


@test(timeout=150)
def I2_7_storm_fails_without_the_drain_handshake():
    # The same script on a kernel that takes magazines without asking.
    result = run('run("storm", {s=10, seed=1})', timeout=120,
                 kernel=kernel_path("nodrain"))
    check(result.status in (1, 3), "status %d" % result.status)
    check("storm: ok" not in result.out, "the storm saw nothing")
    if result.status == 1:
        matches(result.out, r"storm: FAILED .*(two owners|constructed|"
                r"heap errors|in use|kmem_verify|keeps|frames|freed)|"
                r"storm:\d+: fault: ")
    else:
        matches(result.out, r"PANIC|panic")


@test(timeout=150)
def I2_7_storm_on_one_hart_and_eight_mebibytes():
    line = verdict("storm", "s=1, seed=4", harts=1, mem="8M")
    contains(line, "1 harts")
    contains(line, " 0 took rounds")
    count = storm_counts(1, 5, harts=1, mem="8M")
    check(count["ops"] > 0 and count["reaps_all"] > 0, "nothing happened")


@test(timeout=150)
def I2_7_smoke():
    contains(verdict("smoke", "s=1, seed=3"), "4 harts")
    contains(verdict("smoke", "s=1, harts=2"), "2 harts")
    contains(verdict("smoke", "s=1", harts=1, mem="8M"), "1 harts")


@test(timeout=150)
def I2_7_churn():
    contains(verdict("churn", "s=2, seed=5"), "4 harts")
    contains(verdict("churn", "s=1, seed=6", harts=1, mem="8M"), "1 harts")


@test(timeout=150)
def I2_7_oom():
    contains(verdict("oom", "s=2, seed=7"), "4 harts")
    contains(verdict("oom", "s=1, seed=8", harts=1, mem="8M"), "1 harts")


@test(timeout=150)
def I2_7_crosshart():
    line = verdict("crosshart", "s=1, seed=9")
    pairs = int(matches(line, r"over (\d+) pairs").group(1))
    equal(pairs % 16, 0, "ordered pairs of four harts, rest")
    contains(verdict("crosshart", "s=1, seed=10", harts=1, mem="8M"),
             "1 harts")


@test(timeout=150)
def I2_7_a_script_refuses_wrong_options():
    for name in ("smoke", "storm", "churn", "oom", "crosshart"):
        result = run('run("%s", {seconds=1})' % name, status=1)
        matches(result.out, r"%s: options are s, seed and harts, not seconds"
                % name)
        result = run('run("%s", {s=0.1, harts=99})' % name, status=1)
        contains(result.out, "harts")


@test(timeout=150)
def I2_7_a_script_of_ones_own_uses_what_the_five_share():
    begin = 'local t = require "quarry.stress".begin("mine", 1, {harts=2}) '
    result = run(begin + 't:finish("%d rounds", 3)', status=0)
    matches(result.out, r"mine: ok  2 harts  [\d.]+ s  3 rounds  \d+ frames")
    result = run(begin + 'kept = frame.alloc(7) t:finish("")', status=1)
    matches(result.out, r"mine: FAILED  (\d+) frames free before, \d+ after")
    result = run(begin + 't:fail("100 %")', status=1)
    contains(result.out, "mine: FAILED  100 %  (seed 1, 2 harts)")
    result = run("help()", status=0)
    check("quarry/stress" not in result.out, "help() lists the module to run")
    contains(result.out, "churn crosshart oom smoke storm")


@test(timeout=150)
def I2_7_ctrl_c_ends_a_storm_and_leaves_nothing():
    with Session() as machine:
        machine.prompt()
        # Short lines: the editor scrolls long ones and draws them anew.
        machine.send("function free() collectgarbage()\r"
                     "slab.reap{level='all'} local m = sys.mem()\r"
                     "return m.free_frames + m.lua_frames end\r")
        machine.prompt()
        machine.lua("run('storm', {s=0.2}) before = free()")
        machine.send("run('storm', {s=60, seed=11})\r")
        machine.expect(r"storm: +25 %|storm +\[", timeout=40)
        machine.send("\x03")
        contains(machine.prompt(timeout=30), "interrupted")
        out = machine.lua("print('LOST', before - free())")
        matches(out, r"LOST\s+0\b")
        out = machine.lua("print('HERE', slab.find('storm-64'))")
        matches(out, r"HERE\s+nil")
        out = machine.lua("run('storm', {s=0.5, seed=12})", timeout=40)
        contains(out, "storm: ok")
