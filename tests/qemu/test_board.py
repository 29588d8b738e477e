# SPDX-License-Identifier: MIT
"""board.check: what it says of a sound board, and of faults planted in it.

Figures of time are never judged here. A planted fault must be named with its
place, and nothing else may be.
"""
import json
import re

from lib import Session, check, contains, equal, matches, run, test

TESTS = ("memory", "cache", "atomic", "ipi", "clock", "timer", "interrupt",
         "misaligned", "cycles")
# The exactness rule of the stress scripts.
SETTLE = 'local t = require "quarry.stress" local before = t.settle() '


def report(text):
    """{test: (result, rest)} of a printed report."""
    rows = re.findall(r"^(%s) +\d+  (ok|FAILED|-) +(\S.*?)\s*$"
                      % "|".join(TESTS), text, re.MULTILINE)
    return {name: (result, rest) for name, result, rest in rows}


def last_line(text):
    lines = re.findall(r"^board: (?:ok|FAILED).*?\s*$", text, re.MULTILINE)
    equal(len(lines), 1, "verdicts")
    return lines[0].strip()


def checked(options="", status=0, before="", **machine):
    """A batch run of board.check{options}; its report and its verdict."""
    result = run("%s board.check{%s}" % (before, options), status=status,
                 timeout=150, **machine)
    equal(result.out.count("\x1b"), 0, "escape bytes without a terminal")
    return report(result.out), last_line(result.out)


def all_sound(rows, verdict, harts):
    equal(sorted(rows), sorted(TESTS), "tests in the report")
    for name, (result, rest) in rows.items():
        check(result != "FAILED", "%s: %s" % (name, rest))
    matches(verdict, r"^board: ok  %d harts  [\d.]+ s  9 tests  \d+ frames "
            r"before and after$" % harts)


@test(timeout=170)
def I4_6_the_whole_check_passes_on_four_harts():
    rows, verdict = checked()
    all_sound(rows, verdict, 4)
    for name in ("memory", "atomic", "ipi", "clock", "timer", "interrupt",
                 "misaligned"):
        equal(rows[name][0], "ok", name)
    found = matches(rows["memory"][1], r"^(\d+) of (\d+) free frames \(")
    check(0 < int(found.group(1)) <= int(found.group(2)), rows["memory"])
    contains(rows["ipi"][1], "2400 sent")


@test(timeout=170)
def I4_6_the_check_on_one_hart_and_eight_mebibytes():
    rows, verdict = checked(harts=1, mem="8M")
    all_sound(rows, verdict, 1)
    for name in ("cache", "ipi", "clock"):
        equal(rows[name], ("-", "not measured: needs 2 harts"), name)
    equal(rows["memory"][0], "ok", "memory")


@test(timeout=170)
def I4_6_the_check_on_eight_harts():
    rows, verdict = checked("s=0.3", harts=8, mem="64M")
    all_sound(rows, verdict, 8)
    contains(rows["ipi"][1], "11200 sent")


@test(timeout=170)
def I4_6_the_check_on_another_machine():
    rows, verdict = checked("s=0.3", machine="sifive_u", harts=4, mem="128M")
    all_sound(rows, verdict, 4)


@test(timeout=170)
def I4_6_where_harts_take_turns_the_check_says_so_and_ends():
    rows, verdict = checked("s=0.2", mode="exact", mem="32M")
    all_sound(rows, verdict, 4)
    equal(rows["cache"][0], "-", "cache")
    contains(rows["cache"][1], "not measured: here harts take turns")
    contains(rows["cycles"][1], "counts instructions")
    for name in ("memory", "atomic", "ipi", "clock", "timer"):
        equal(rows[name][0], "ok", name)


# ---- planted faults ----

MEMORY = "only='memory', s=0.2"


@test(timeout=170)
def I4_6_a_stuck_bit_is_named_with_its_place():
    for bit, value in ((17, 1), (63, 1), (0, 0)):
        rows, verdict = checked(
            MEMORY, status=1, harts=2, mem="64M",
            before="g = board.plant{stuck_bit=%d, value=%d}" % (bit, value))
        equal(rows["memory"][0], "FAILED", "memory")
        matches(verdict, r"^board: FAILED  memory: bit %d stuck at %d at "
                r"0x[0-9a-f]+ \(virtual 0x[0-9a-f]+\)  \(seed 1, 2 harts\)$"
                % (bit, value))


LAST_FREE = """
-- Held until the last zone has nothing more: its last run is the last frame.
local z = frame.zones() z = z[#z]
at = z.base + z.total * 4096 - 8
g = board.plant{stuck_bit=33, at=at}
print(("PLANTED 0x%x"):format(at))
"""


@test(timeout=170)
def I4_6_every_free_frame_is_tested_when_asked_for():
    """The last word of the last frame, and how many frames that were."""
    result = run(LAST_FREE + "board.check{only='memory', memory='all'}",
                 status=1, mem="32M", harts=2, timeout=150)
    at = matches(result.out, r"^PLANTED (0x[0-9a-f]+)").group(1)
    contains(last_line(result.out), "bit 33 stuck at 1")
    contains(last_line(result.out), "(virtual %s)" % at)
    found = matches(report(result.out)["memory"][1],
                    r"^(\d+) of (\d+) free frames")
    tested, free = int(found.group(1)), int(found.group(2))
    check(7000 < free < 8192, "%d frames are free of 32 MiB" % free)
    # What the progress bar's Lua took meanwhile was not free any more.
    check(free - 16 <= tested <= free, "%d of %d" % (tested, free))


@test(timeout=170)
def I4_6_all_free_frames_are_tested_once_by_each():
    """Counted by the parts themselves: every set has the same bytes."""
    result = run("""
        for _, r in ipairs(board.test("memory", {all=true})) do
          print("SET", r.hart, r.frames, r.free, r.bytes, r.errors)
        end
        for _, r in ipairs(board.test("memory", {n=100})) do
          print("SAMPLE", r.hart, r.frames, r.bytes)
        end""", status=0, harts=3, mem="16M", timeout=150)
    sets = re.findall(r"^SET\t(-?\d+)\t(\d+)\t(\d+)\t(\d+)\t(\d+)",
                      result.out, re.MULTILINE)
    equal(sorted(int(s[0]) for s in sets), [-1, 0, 1, 2], "who tested")
    for _, frames, free, size, errors in sets:
        # The records of the run itself take a frame or two of them.
        check(0 <= int(free) - int(frames) <= 4, "%s of %s" % (frames, free))
        equal(int(size), int(frames) * 4096, "bytes")
        equal(errors, "0", "errors")
    samples = re.findall(r"^SAMPLE\t(-?\d+)\t(\d+)\t(\d+)", result.out,
                         re.MULTILINE)
    equal(len(samples), 4, "sets of the sample")
    # A window of each span, rounded up to whole frames.
    for _, frames, _ in samples:
        check(100 <= int(frames) <= 140, "%s frames sampled" % frames)


@test(timeout=170)
def I4_6_a_lost_ipi_is_named_with_its_pair():
    rows, verdict = checked("only='ipi'", status=1,
                            before="g = board.plant{lose_ipi=1, hart=2}")
    equal(rows["ipi"][0], "FAILED", "ipi")
    equal(verdict, "board: FAILED  ipi: hart 2 lost 1 of 200 from hart 0  "
          "(seed 1, 4 harts)")
    rows, verdict = checked("only='ipi'", status=1, harts=2,
                            before="g = board.plant{lose_ipi=3, hart=0}")
    contains(verdict, "hart 0 lost 3 of 200 from hart 1")
    check(verdict.count("lost") == 1, verdict)


@test(timeout=170)
def I4_6_a_drifting_timer_is_named_with_its_hart():
    # More than a busy host can hide.
    rows, verdict = checked("only='clock'", status=1,
                            before="g = board.plant{drift_ppm=40000, hart=3}")
    equal(rows["clock"][0], "FAILED", "clock")
    found = matches(verdict, r"^board: FAILED  clock: hart 3's timer drifts by "
                    r"(\d+) ppm against hart 0  \(")
    check(20000 < int(found.group(1)) < 60000, verdict)
    # The one that all others are compared with.
    _, verdict = checked("only='clock'", status=1, harts=3,
                         before="g = board.plant{drift_ppm=-40000, hart=0}")
    matches(verdict, r"clock: hart 0's timer drifts by -\d+ ppm against all "
            r"others")


@test(timeout=170)
def I4_6_all_three_at_once_are_named():
    rows, verdict = checked("s=0.3", status=1, before="""
        a = board.plant{stuck_bit=17}
        b = board.plant{lose_ipi=2, hart=1}
        c = board.plant{drift_ppm=40000, hart=3}""")
    failed = sorted(n for n, (result, _) in rows.items() if result == "FAILED")
    equal(failed, ["clock", "ipi", "memory"], "failed")
    matches(verdict, r"^board: FAILED  memory: bit 17 stuck at 1 at "
            r"0x[0-9a-f]+ \(virtual 0x[0-9a-f]+\); ipi: hart 1 lost 2 of 200 "
            r"from hart 0; clock: hart 3's timer drifts by \d+ ppm against "
            r"hart 0  \(seed 1, 4 harts\)$")


@test(timeout=170)
def I4_6_a_guard_takes_its_fault_back():
    result = run("""
        do
          local a <close> = board.plant{stuck_bit=5}
          local b <close> = board.plant{lose_ipi=3, hart=1}
          local c <close> = board.plant{drift_ppm=40000}
        end
        local g = board.plant{stuck_bit=5} g:free() g:free()
        board.plant{drift_ppm=40000} collectgarbage() collectgarbage()
        board.check{only="memory|ipi|clock", s=0.1}""", status=0, harts=2,
                 mem="32M", timeout=150)
    contains(last_line(result.out), "board: ok  2 harts")


# ---- how it is called ----

@test(timeout=170)
def I4_6_forms_for_scripts():
    result = run("""
        local g <close> = board.plant{lose_ipi=1, hart=1}
        local r = board.check({only="ipi|timer"}, "table")
        print("TABLE", r.ok, r.verdict, #r.tests, r.tests[1].result,
              r.tests[1].rows[1].sent, r.tests[2].result)
        print("JSON " .. board.check({only="timer|ipi"}, "json"))""",
                 status=0, harts=2, timeout=150)
    matches(result.out, r"^TABLE\tfalse\tboard: FAILED  ipi: hart 1 lost 1 of "
            r"200 from hart 0\t2\tFAILED\t200\tok")
    got = json.loads(matches(result.out, r"^JSON (.*)$").group(1))
    equal((got["ok"], got["harts"], got["verdict"]), (True, 2, "board: ok"))
    equal([t["name"] for t in got["tests"]], ["timer", "ipi"], "order")
    equal(got["tests"][1]["rows"][0]["received"], 200, "received")
    check("%" not in result.out.split("TABLE")[0], "progress in a script")


@test(timeout=170)
def I4_6_wrong_options_are_refused():
    for call, words in (
            ("board.check{onyl='ipi'}",
             "unknown option 'onyl', the nearest is 'only'"),
            ("board.check{only='memry'}", "not memry"),
            ("board.check{memory='some'}", 'memory can only be "all"'),
            ("board.check{harts=99}", "harts must be 1..4"),
            ("board.check{s=0}", "seconds above 0"),
            ("board.check({}, 'xml')", "report, table or json"),
            ("board.check('memory')", "table expected"),
            ("board.plant{stuck=1}", "the nearest is 'stuck_bit'"),
            ("board.plant{hart=1}", "one of stuck_bit, lose_ipi"),
            ("board.plant{stuck_bit=64}", "0..63"),
            ("board.plant{stuck_bit=1, at=9}", "multiple of 8"),
            ("board.plant{lose_ipi=1, hart=4}", "0..3"),
            ("board.test('memry')", "no such test"),
            ("board.test('ipi', {harts=5})", "1..4")):
        result = run("print(select(2, pcall(load[==[%s]==])))" % call,
                     status=0, mem="32M")
        contains(result.out, words, call)


@test(timeout=170)
def I4_6_each_part_leaves_the_frames_as_they_were():
    result = run(SETTLE + """
        for _, name in ipairs(board.test()) do
          assert(#board.test(name, {s=0.05}) > 0, name)
          local after = t.settle()
          assert(after == before, name .. ": " .. before .. ", " .. after)
        end
        assert(#board.test("memory", {all=true}) == 4)
        assert(t.settle() == before)
        print("EXACT")""", status=0, harts=3, mem="16M", timeout=150)
    contains(result.out, "EXACT")


PROMPT_SETTLE = "t = require 'quarry.stress' before = t.settle()"


@test(timeout=170)
def I4_6_ctrl_c_in_every_part_leaves_frames_and_prompt():
    """Interrupted wherever it is: short parts are over before a line of
    progress, and begin again."""
    parts = [("memory", "memory='all'"), ("memory", "s=60"),
             ("ipi", ""), ("clock", "")]
    with Session(harts=3, mem="64M") as machine:
        machine.prompt()
        machine.lua(PROMPT_SETTLE)
        for name, options in parts:
            machine.send("for i = 1, 1000 do board.check{only='%s', %s} end\r"
                         % (name, options))
            machine.expect(r"^board: (ok| *25 %  " + name + ")")
            machine.send("\x03")
            out = machine.prompt()
            contains(out, "interrupted")
            contains(machine.lua("print(t.settle() == before)"), "true",
                     name)
        machine.send("board.check{only='memory|ipi|clock', s=0.1}\r")
        machine.expect(r"^board: ok  3 harts")
        machine.prompt()


@test(timeout=170)
def I4_6_a_busy_hart_is_an_answer_and_not_a_hang():
    result = run("""
        local c = hart.counter(0)
        local j = hart.run(1, function(c) while c:get() == 0 do end end, c)
        print("BUSY", board.test("timer"))
        c:add(1) j:wait()
        print("THEN", #board.test("timer"))""", status=0, harts=2, mem="64M")
    matches(result.out, r"^BUSY\tnil\ta hart has other work\tEBUSY")
    matches(result.out, r"^THEN\t2")


@test(timeout=170)
def I4_6_a_state_dropped_in_the_memory_test_gives_all_back():
    with Session(harts=3, mem="64M") as machine:
        machine.prompt()
        free = machine.lua("print(require('quarry.stress').settle())").strip()
        machine.send("board.check{only='memory', memory='all'}\r")
        machine.expect(r"^board: +25 %")
        machine.send("\x03\x03\x03")
        machine.expect(r"Lua state dropped|interrupted")
        machine.prompt()
        contains(machine.lua("print(require('quarry.stress').settle())"),
                 free, "frames")
        machine.send("board.check{only='memory|ipi', s=0.1}\r")
        machine.expect(r"^board: ok  3 harts")
