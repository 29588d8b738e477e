# SPDX-License-Identifier: MIT
"""scripts/bench run: units of probes, phases of the boot, history, baselines
of the tree, what plans leave out, traces. No emulator runs here."""
import os
import sys

from bench_world import FAIR, World, one_line
from lib import ROOT, check, contains, equal, matches, run_command, write

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry.bench import boots, facts, history, plan, result, session, trace

# ---- Probes have units, and a direction ----

def I5_4_a_probe_that_costs_one_instruction_more_is_1():
    world = World()
    probe = ("--filter", "probe/pair")
    world.run(*probe)
    before = os.path.join(world.folder, "before.json")
    os.rename(world.json, before)
    metric = result.load(before)["results"][0]["metrics"]["pair.callees"]
    equal((metric["unit"], metric["better"]), ("instr", "lower"))
    contains(world.run(*probe, baseline=before).out, ", 0 regressions")
    got = world.run(*probe, baseline=before, status=1,
                    facts={"pair.callees": 17})
    one_line(got.err, r"^bench: 1 regression: probe/pair,ours,harts=1 "
             r"pair\.callees$")
    got = world.run(*probe, baseline=before, facts={"pair.callees": 15})
    contains(got.out, "1 improved")


def I5_4_each_unit_of_a_probe_s_fact_is_one_of_its_family():
    for fact, wanted in (
            ("scale/scale.pair.8.net", ("instr", "lower")),
            ("rivals/seed2006.net", ("instr", "neither")),
            ("worst/alloc.miss+grow.is", ("1", "neither")),
            ("worst/alloc.miss+grow", ("instr", "lower")),
            ("memory/memory.ratio", ("ratio", "lower")),
            ("handover/handover.bound", ("byte", "neither")),
            ("pair/new", None), ("memory/memory.ratio2", None)):
        equal(facts.describe(fact), wanted, fact)
    kept = {"id": "micro/pair", "metrics": {"x.net": {
        "unit": "1", "better": "neither"}}}
    equal(facts.annotate(kept)["metrics"]["x.net"]["unit"], "1", "no probe")


def I5_4_phases_of_the_boot_are_read_from_its_log():
    found = session.phases([
        "OpenSBI v1.1", "[    0.000539] memory: 256 MiB in 1 bank",
        "[    1.000721] smp: 8 harts", "[    9.000000] memory: once more",
        "[    0.000747] other: nothing", "[    0.1] console: no stamp",
        "[    0.000001] smp", "x [    0.000002] console: behind"])
    equal({name: metric["exact"]["value"] for name, metric in found.items()},
          {"until_memory": 539, "until_smp": 1000721}, "microseconds")
    world = World()
    world.run("--filter", "system/boot")
    one, eight = world.data()["results"]
    equal(sorted(one["metrics"]), ["boot_instructions", "until_console",
                                   "until_memory"], "facts")
    equal(one["metrics"]["until_console"]["unit"], "us")
    equal(eight["metrics"]["per_hart"]["exact"], {"value": 7000, "per": 7})


# ---- History ----

def I5_4_history_keeps_twenty_and_leaves_out_what_cannot_be_read():
    world = World()
    where = os.path.join(world.folder, "history")
    options = ("--mode", "smp", "--reps", "2", "--history", where)
    world.run(*options, "--filter", "control/spin")
    check(not os.path.exists(where), "a part of a run was kept")
    world.run(*options)
    data = world.data()
    kept, = os.listdir(where)
    slim = result.load(os.path.join(where, kept))
    equal(slim["run"]["id"], data["run"]["id"], "run")
    check("hist" not in slim["results"][0], "pictures were kept")
    equal(slim["results"][0]["metrics"]["ns_per_op"]["samples"],
          data["results"][0]["metrics"]["ns_per_op"]["samples"], "samples")
    write(os.path.join(where, "mine.json"), "{")
    for day in range(1, 25):
        data["run"].update(id="202001%02dT000000Z-0000" % day,
                           started="2020-01-%02dT00:00:00Z" % day)
        history.keep(where, data)
    names = sorted(os.listdir(where))
    equal(len(names), history.KEPT + 1, "files")
    check("mine.json" in names and kept in names, names)
    check("20200105T" not in "".join(names), "the oldest is there")
    write(os.path.join(where, names[1]), "{")
    found, said = history.load(where, result.load(world.json))
    equal((len(found), len(said)), (history.KEPT - 2, 1), "read, said")
    check(found[0]["run"]["started"] < found[-1]["run"]["started"], "order")
    got = world.run(*options, "--html", os.path.join(world.folder, "p.html"))
    contains(got.err, "left out")


def I5_4_a_baseline_in_the_tree_goes_the_whole_way():
    """None: 5 and the command, which works; then 0."""
    world = World()
    where = os.path.join(world.folder, "baseline")
    env = dict(world.env({"facts": FAIR}), QUARRY_BENCH_BASELINES=where)
    got = run_command(world.command(), 5, env=env)
    words = matches(got.err, r"one: (scripts/bench bless \S+)$").group(1)
    run_command(words.split(), 0, env=env, cwd=ROOT)
    name, = os.listdir(where)
    got = run_command(world.command(), 0, env=env)
    contains(got.out, "0 regressions")
    os.rename(os.path.join(where, name), os.path.join(where, "other.json"))
    got = run_command(world.command(), 5, env=env)
    path = os.path.join(where, name)
    with open(os.path.join(where, "other.json"), encoding="utf-8") as f:
        write(path, f.read().replace("12.2.0", "13.1.0"))
    got = run_command(world.command(), 2, env=env)
    contains(got.err, "is a baseline of exact-gcc13.1.0")


# ---- What a plan leaves out ----

def I5_4_what_is_too_long_is_left_out_unless_it_is_named():
    benches = [{"id": name} for name in
               ("smp/larson", "smp/scale", "control/noop")]
    found = plan.Catalogue(benches, [
        {"name": name} for name in ("ours", "firstfit", "noop")], [], 8, True)
    keys = [item.key for item in plan.make(found, "full", "smp")]
    check("smp/larson,firstfit,harts=4" in keys, keys)
    check("smp/scale,firstfit,harts=8" in keys, keys)
    check("smp/larson,ours,harts=8" in keys, keys)
    check("smp/larson,firstfit,harts=8" not in keys, keys)
    equal([key for key in keys if key.startswith("control")],
          ["control/noop,noop,harts=1"], "control")
    keys = [item.key for item in plan.make(found, "full", "smp",
                                           variants=["firstfit"])]
    check("smp/larson,firstfit,harts=8" in keys, keys)


# ---- A trace of one's own ----

def I5_4_a_trace_that_cannot_be_is_2_and_resume_wants_the_same():
    world = World()
    good = os.path.join(world.folder, "mine.qtrace")
    with open(good, "wb") as f:
        f.write(b"QUARRYTR" + bytes(20) + b"\x01\x02\x03\x04")
    equal(trace.name(good), "mine.04030201", "name")
    text = os.path.join(world.folder, "a.txt")
    write(text, "QUARRYT" * 9)
    spaced = os.path.join(world.folder, "my trace.qtrace")
    os.link(good, spaced)
    for path, why in ((text, "trace-convert"), (world.folder, "directory"),
                      (spaced, "letters"), ("no/such", "No such file")):
        one_line(world.run("--trace", path, status=2).err, why)
    got = world.run("--trace", good, status=2)
    one_line(got.err, "no benchmark trace/file")
    got = world.run("--trace", good, "--target", "tcp:a:1", status=2)
    one_line(got.err, "on QEMU")
    where = trace.folder(good)
    with where as path:
        equal(os.listdir(path), [trace.IN_IMAGE], "initrd")
    check(not os.path.exists(path), "the folder stayed")


def I5_4_a_trace_has_boots_of_its_own_and_its_name_in_the_key():
    benches = [{"id": "micro/pair"}, {"id": "trace/file"}]
    found = plan.Catalogue(benches, [{"name": "ours"}, {"name": "noop"}], [],
                           8, True)
    keys = [i.key for i in plan.make(found, "full", "smp")]
    check("trace/file,ours,harts=1" not in keys, keys)
    items = plan.make(found, "full", "smp", trace="mine.0011aabb")
    equal(items[-1].key, "trace/file,ours,harts=1,file=mine.0011aabb")
    equal(plan.read_key(items[-1].key), items[-1], "read back")
    for batch in plan.batches(items):
        equal(len({item.id == plan.TRACE for item in batch}), 1, "kinds")
    target = boots.Qemu("k", "exact", "256M")
    target.trace = "folder"
    for item in items:
        boot = boots.suite(target, [item], "exact", 1, 1, 1, 1)
        equal("--initrd" in boot.command, item.id == plan.TRACE, item.key)
