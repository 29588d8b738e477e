# SPDX-License-Identifier: MIT
"""The lab: any benchmark on any allocator, and bench/suite.lua."""
import json
import os
import re
import zlib

from lib import ROOT, Session, check, contains, equal, kernel_path, \
    matches, run, test

SUITE = os.path.join(ROOT, "bench", "suite.lua")
# Every digit of a result, as one line.
DIGITS = """
local function digits(bench, variant, harts, more)
  local o = {bench = bench, variant = variant, harts = harts}
  for k, v in pairs(more or {}) do o[k] = v end
  local r, why = lab.run(o)
  if not r then return "FAILED " .. why end
  local t = {}
  for _, f in ipairs(r.facts) do
    t[#t + 1] = f.name .. "=" .. f.value .. "/" .. f.per
  end
  return table.concat(t, " ") .. " " .. table.concat(r.frames, ",") .. " " ..
    table.concat(r.heat, ",") .. " " .. table.concat(r.per_hart, ",")
end
"""


def lab(*evals, **machine):
    """Run Lua text in the image with the lab, where instructions count."""
    options = {"mode": "exact", "harts": 1, "status": 0,
               "kernel": kernel_path("bench")}
    options.update(machine)
    return run(*evals, **options)


@test(timeout=200)
def I5_1_a_pair_costs_what_the_probe_says():
    out = lab("""
        local r = lab.run{bench = "micro/pair", variant = "ours"}
        local all = {}
        for _, f in ipairs(probe.run("pair")) do all[f.name] = f end
        local callees, gross = all["trust.callees"], all["pair.gross"]
        print("LAB", r.instr_per_op, r.instr_gross // 1)
        print("PROBE", callees.value // callees.per, gross.value // gross.per)
        print("OPS", r.ops, #r.frames, r.mode)
        """).out
    got = matches(out, r"^LAB\t(\d+)\t(\d+)\.0\s*$")
    wanted = matches(out, r"^PROBE\t(\d+)\t(\d+)\s*$")
    equal(got.groups(), wanted.groups(), "callees and gross")
    matches(out, r"^OPS\t10000\t10\texact\s*$")


@test(timeout=200)
def I5_1_noop_costs_two_instructions_and_no_memory():
    out = lab("""
        for _, b in ipairs{"micro/pair", "control/turns"} do
          local r = lab.run{bench = b, variant = "noop", harts = %s}
          print("NOOP", r.instr_per_op, r.peak_frames, r.frames_after)
        end""" % 'b == "control/turns" and 2 or 1', harts=2).out
    equal(re.findall(r"^NOOP\t(\S+)\t(\S+)\t(\S+?)\s*$", out, re.MULTILINE),
          [("2", "0", "0")] * 2, "noop")


def repeats(harts):
    """The same digits first, in another order, and among other memory."""
    out = lab(DIGITS + """
        local H, first = hart.count(), {}
        local set = {}
        for _, v in ipairs{"ours", "nomag", "nocolour", "biglock"} do
          set[#set + 1] = {"micro/pair", v, 1}
          set[#set + 1] = {"control/turns", v, H}
          set[#set + 1] = {"control/turns", v, 1, {size = 1000}}
        end
        local function compare(what)
          for i = #set, 1, -1 do
            local now = digits(table.unpack(set[i]))
            if now ~= first[i] then
              print("DIFFERS", what, set[i][1], set[i][2])
              print(first[i]) print(now)
            end
          end
        end
        for i, s in ipairs(set) do
          first[i] = digits(table.unpack(s))
          print("FIRST", i, first[i])
        end
        compare("the other way round")
        local junk = {}
        for i = 1, 3000 do junk[i] = {i, tostring(i), ("x"):rep(i % 700)} end
        local c = slab.create("junk", 200)
        local b = c:alloc_n(3333)  b:shuffle(3)  b:split(1700):free()
        local d = slab.create("more", 5000)
        local e = d:alloc_n(333)  e:shuffle(3)  e:split(170):free()
        for i = 1, 3000, 2 do junk[i] = nil end
        collectgarbage()
        compare("among other memory")
        e:free()  b:free()
        c:shrink()
        compare("after it was freed")
        print("COMPARED", #set)
        """, harts=harts, timeout=150).out
    contains(out, "COMPARED\t12")
    check("DIFFERS" not in out, "a figure depends on what ran before")
    equal(len(re.findall(r"^FIRST\t\d+\tinstr_per_op=", out, re.MULTILINE)),
          12, "items that ran")
    return re.findall(r"^FIRST\t\d+\t(.*?)\s*$", out, re.MULTILINE)


@test(timeout=300)
def I5_1_figures_do_not_depend_on_what_ran_before():
    repeats(1)


@test(timeout=300)
def I5_1_nor_do_they_on_eight_harts():
    first = repeats(8)
    alone = lab(DIGITS + """
        print("ALONE", digits("control/turns", "ours", hart.count()))""",
                harts=8).out
    equal(matches(alone, r"^ALONE\t(.*?)\s*$").group(1), first[1], "alone")


@test(timeout=200)
def I5_1_harts_take_turns_and_pass_objects_on():
    out = lab("""
        for _, h in ipairs{1, 2, 3, 8} do
          local r = lab.run{bench = "turns", harts = h, seed = 3}
          print("TURNS", h, r.ops, r.per_hart[h], #r.per_hart, #r.heat > 0)
        end""", harts=8).out
    for harts in (1, 2, 3, 8):
        # 20 rounds of 32 objects, all freed by the last hart.
        matches(out, r"^TURNS\t%d\t640\t640\t%d\ttrue\s*$" % (harts, harts))


@test(timeout=200)
def I5_1_what_a_load_must_not_do_is_an_error_of_the_run():
    out = lab("""
        for fault = 1, 5 do
          print("FAULT", fault, lab.run{bench = "turns", harts = hart.count(),
                                        fault = fault})
        end
        for fault = 2, 5 do
          lab.run{bench = "turns", harts = hart.count(), fault = fault}
        end
        slab.reap() collectgarbage() slab.reap()
        print("GOOD", lab.run{bench = "turns", harts = hart.count()}.ops)
        for c in slab.caches() do
          if c.name:find("#", 1, true) then print("LEFT", c.name) end
        end
        print("VERIFY", slab.verify())""", harts=3).out
    for fault, why, code in (
            (1, "did not free all it allocated", "EBUSY"),
            (2, "nobody can go on", "EBUSY"),
            (3, "an allocation failed", "ENOMEM"),
            (4, r"ours did \d+ pairs, noop \d+", "EBUSY"),
            (5, "no memory for what the run starts with", "ENOMEM")):
        matches(out, r"^FAULT\t%d\tnil\tcontrol/turns on ours: .*%s.*\t%s\s*$"
                % (fault, why, code))
    matches(out, r"^GOOD\t640\s*$")
    matches(out, r"^VERIFY\ttrue\s*$")
    # Only what was leaked on purpose is left.
    equal(re.findall(r"^LEFT\t(\S+)", out, re.MULTILINE), ["turns#000"],
          "caches left")


@test(timeout=200)
def I5_1_out_of_memory_is_an_error_of_the_run():
    out = lab("""
        local hold = {}
        for _, n in ipairs{64, 16} do
          local f = frame.alloc(n)
          while f do
            hold[#hold + 1] = f
            f = frame.alloc(n)
          end
        end
        print("TIGHT", lab.run{bench = "turns", size = 131072})
        for _, f in ipairs(hold) do f:free() end
        hold = nil
        collectgarbage()
        print("AGAIN", lab.run{bench = "pair"}.instr_per_op)""").out
    matches(out, r"^TIGHT\tnil\t.*memory.*\tENOMEM\s*$")
    matches(out, r"^AGAIN\t\d+\s*$")


@test(timeout=200)
def I5_2_all_harts_at_once_by_the_clock():
    out = lab("""
        for _, v in ipairs{"ours", "nomag", "biglock"} do
          local r = assert(lab.run{bench = "turns", variant = v, harts = 3,
                                   time_ms = 20})
          assert(r.mode == "smp" and not r.instr_per_op)
          assert(r.ns_per_op > 0 and r.ops_per_s > 0, "no rate")
          assert(r.per_hart[3] == r.ops and r.ops > 0, "no pairs")
          assert(r.peak_frames >= r.frames_after)
          print("CLOCK", v, r.ops)
        end
        print("LEAK", lab.run{bench = "turns", harts = 3, time_ms = 5,
                              fault = 1})
        print("NOMEM", lab.run{bench = "turns", harts = 3, fault = 3})
        print("LATE", lab.run{bench = "turns", harts = 3, fault = 5})
        """, harts=3, mode="smp").out
    equal(len(re.findall(r"^CLOCK\t", out, re.MULTILINE)), 3, "variants")
    matches(out, r"^LEAK\tnil\t.*did not free.*\tEBUSY\s*$")
    matches(out, r"^NOMEM\tnil\t.*an allocation failed.*\tENOMEM\s*$")
    matches(out, r"^LATE\tnil\t.*no memory.*\tENOMEM\s*$")


@test(timeout=200)
def I5_2_compare_prints_a_table_and_a_chart():
    out = lab("""
        local rows = lab.compare{workload = "pair"}
        for _, r in ipairs(rows) do
          print("ROW", r.variant, r.value, r.per, r.peak_frames)
        end
        print("ONLY", #lab.compare{workload = "micro/pair",
                                   variants = {"nomag", "ours"}})
        """).out
    matches(out, r"^variant +instr/op +x ours +peak frames +frames after\s*$")
    row = matches(out, r"^ours +(\d+) +1 +(\d+) +\d+\s*$")
    matches(out, r"^ROW\tours\t%s0000\t10000\t%s\s*$" % row.groups())
    slower = matches(out, r"^nomag +(\d+)(?:\.\d\d)? +(\d+)\.\d\d ")
    check(int(slower.group(1)) > 10 * int(row.group(1)),
          "without magazines a pair costs %s" % slower.group(1))
    bars = dict(re.findall(r"^(\w+) +\|(#+) ", out, re.MULTILINE))
    check(len(bars["nomag"]) > len(bars["ours"]) > 0, bars)
    equal(len(re.findall(r"^ours +\|#", out, re.MULTILINE)), 2, "charts")
    matches(out, r"^ONLY\t2\s*$")
    check(not re.search(r"^noop ", out, re.MULTILINE), "noop is compared")


@test(timeout=200)
def I5_2_wrong_names_and_options_raise():
    out = lab("""
        local function refused(pattern, fn, ...)
          local ok, message = pcall(fn, ...)
          assert(not ok, "accepted: " .. pattern)
          assert(message:find(pattern), message)
        end
        refused("there are: micro/pair", lab.run, {bench = "nosuch"})
        refused("there are: ours ", lab.run,
                {bench = "pair", variant = "nosuch"})
        refused("'bench' is missing", lab.run, {})
        refused("nearest is 'size'", lab.run, {bench = "pair", siz = 8})
        refused("'size'.*0..131072", lab.run, {bench = "pair", size = 1 << 20})
        refused("more than one hart", lab.run, {bench = "pair", harts = 2})
        refused("'harts'.*1..2", lab.run, {bench = "turns", harts = 3})
        refused("'time_ms'", lab.run, {bench = "turns", time_ms = 0})
        refused("table", lab.run, 7)
        refused("'workload' is missing", lab.compare, {bench = "pair"})
        refused("there are: ours ", lab.compare,
                {workload = "pair", variants = {"mine"}})
        refused("array of names", lab.compare,
                {workload = "pair", variants = "ours"})
        refused("more than one hart", lab.compare,
                {workload = "pair", harts = 2})
        print("ALL REFUSED")
        local v = lab.variants()
        print("VARIANTS", v[1].name, v[1].ours, v[#v].name, v[#v].ours)
        local b = lab.list()[1]
        print("BENCH", b.id, b.flags.one_hart, b.params[1].name,
              b.params[1].quick, b.params[1].max)
        print("FULL", lab.run{bench = "pair", full = true}.params.size)
        print("TRACE", lab.trace("no trace"))
        """, harts=2).out
    contains(out, "ALL REFUSED")
    matches(out, r"^VARIANTS\tours\ttrue\tnoop\tfalse\s*$")
    matches(out, r"^BENCH\tmicro/pair\ttrue\tsize\t64\t131072\s*$")
    matches(out, r"^FULL\t64\s*$")
    matches(out, r"^TRACE\tnil\tlab.trace: .*\tEINVAL\s*$")


@test(timeout=200)
def I5_2_ctrl_c_ends_a_run_and_frees_everything():
    with Session(kernel=kernel_path("bench"), harts=2) as machine:
        machine.prompt()
        machine.send('lab.run{bench="turns", harts=2, time_ms=3600000}\r')
        machine.expect("time_ms=3600000")
        machine.send("\x03")
        machine.expect("interrupted")
        machine.prompt()
        machine.lua("n = 0")
        machine.lua('for c in slab.caches() do '
                    'if c.name:find"#" then n=n+1 end end')
        contains(machine.lua('print("LEFT", n)'), "LEFT\t0")
        machine.lua('r = lab.run{bench="turns", harts=2, time_ms=5}')
        contains(machine.lua('print("OPS", r.ops > 0)'), "OPS\ttrue")


def I5_2_the_plain_image_says_where_the_lab_is():
    result = run("""
        for _, name in ipairs{"list", "variants", "run", "compare",
                             "trace"} do
          print("SAYS", pcall(lab[name], {}))
        end
        help("lab")""", status=0)
    equal(re.findall(r"^SAYS\tfalse\t(.*?)\s*$", result.out, re.MULTILINE),
          ["the lab is in another image: make lab"] * 5, "messages")


def records(out):
    """The suite's records; each must be whole."""
    found = []
    for crc, text in re.findall(r"^BENCH\t([0-9a-f]{8})\t(.*?)\s*$", out,
                                re.MULTILINE):
        equal(crc, "%08x" % zlib.crc32(text.encode()), "checksum")
        found.append(json.loads(text))
    return found


@test(timeout=200)
def I5_5_the_suite_goes_on_after_a_failure():
    plan = """PLAN = {seed = 1, items = {
        {key = "first", bench = "micro/pair", variant = "ours", harts = 1},
        {key = "leak", bench = "control/turns", variant = "ours", harts = 2,
         params = {fault = 1}},
        {key = "refused", bench = "micro/pair", variant = "ours", harts = 2},
        {key = "nosuch", bench = "micro/nosuch", variant = "ours", harts = 1},
        {key = "foreign", bench = "micro/pair", variant = "x", harts = 1},
        {key = "big", bench = "control/turns", variant = "ours", harts = 64},
        {key = "probe", kind = "probe", bench = "probe/pair", harts = 1},
        {key = "wrong", kind = "probe", bench = "probe/none", harts = 1},
        {key = "last", bench = "control/turns", variant = "biglock",
         harts = 2, reps = 2, params = {size = 100}}}}"""
    with open(SUITE, encoding="utf-8") as f:
        out = lab(plan, f.read(), harts=2).out
    got = records(out)
    equal(sorted(got[0]["ready"])[:2], ["bootargs", "exact"], "ready")
    check(got[0]["ready"]["exact"] is True, "exact mode is not said")
    results = [r["result"] for r in got if "result" in r]
    equal([(r["key"], r["status"]) for r in results],
          [("first", "ok"), ("leak", "failed"), ("refused", "skipped"),
           ("nosuch", "failed"), ("foreign", "failed"), ("big", "skipped"),
           ("probe", "ok"), ("wrong", "failed"), ("last", "ok"),
           ("last", "ok")], "results")
    equal([r["start"] for r in got if "start" in r],
          ["first", "leak", "refused", "nosuch", "foreign", "big", "probe",
           "wrong", "last"], "starts")
    equal(got[-1], {"end": {"items": 9}}, "the end")
    check_results(results)


def check_results(results):
    first, last = results[0], results[-1]
    facts = {f["name"]: f for f in first["facts"]}
    equal(facts["instr_per_op"]["unit"], "instr", "unit")
    equal(facts["instr_per_op"]["better"], "lower", "better")
    equal(facts["instr_per_op"]["per"], first["ops"], "pairs")
    equal(first["params"], {"harts": 1}, "params")
    equal(last["params"], {"harts": 2, "size": 100}, "params")
    equal((last["rep"], results[-2]["rep"]), (2, 1), "repetitions")
    equal(last["facts"], results[-2]["facts"], "exact mode repeats")
    contains(results[1]["why"], "did not free")
    check("facts" not in results[1], "a failed item has figures")
    names = [f["name"] for f in results[6]["facts"]]
    contains(names, "pair.callees", "facts of the probe")
