# SPDX-License-Identifier: MIT
"""scripts/bench: plans, runs, their bad ends, and what is kept of them. The
machine is tests/setup/fake_machine.py; no emulator runs here."""
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys

from bench_world import BENCH, FAIR, FAKE, LARSON, MAP, PAIR, World, elf, \
    one_line
from lib import ROOT, check, contains, equal, folder, matches, run_command, \
    write

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry.bench import machine, plan, progress, records, result, session, \
    size, summary, wire

# ---- The run as it should be ----

def I5_4_a_run_measures_the_plan_and_says_so():
    world = World()
    got = world.run(facts=FAIR)
    data = world.data()
    equal(data["run"]["status"], "ok", "status")
    equal([r["key"] for r in data["results"]], data["run"]["plan"], "order")
    for key in (PAIR, LARSON, "micro/pair,noop,harts=1",
                "smp/remote,seed2006,harts=2", "probe/scale,ours,harts=8",
                "system/size,ours,harts=1", "system/boot,ours,harts=8"):
        check(key in data["run"]["plan"], "no " + key)
    check("smp/larson,seed2006,harts=4" not in data["run"]["plan"])
    contains(got.out, "%d run, 0 failed, " % len(data["results"]))
    contains(got.out, "in " + os.path.relpath(world.json))
    equal(data["code"]["cc"], "GCC (made up) 12.2.0", "compiler")
    equal(data["target"]["firmware"], "OpenSBI 1.1", "firmware")
    equal((data["target"]["kind"], data["target"]["mode"],
           data["target"]["harts"]), ("qemu", "exact", 8), "target")
    by_key = {r["key"]: r for r in data["results"]}
    equal(by_key[PAIR]["params"], {"harts": 1, "size": 64}, "parameters")
    pair = by_key[PAIR]["metrics"]["instr_per_op"]
    equal(pair["samples"], [pair["exact"]["value"] / 100], "sample")
    boots = by_key["system/boot,ours,harts=8"]["metrics"]
    equal(boots["boot_instructions"]["samples"], [8000], "boot")
    equal(boots["per_hart"]["samples"], [1000], "each further hart")


def I5_4_two_runs_give_the_same_bytes():
    world, texts = World(), []
    for jobs in ("1", "3"):
        world.run("--jobs", jobs, facts=FAIR)
        texts.append(json.dumps(world.data()["results"]))
    equal(texts[1], texts[0], "results")


def I5_4_every_figure_is_taken_in_two_boots():
    world = World()
    world.run("--filter", PAIR)
    plans = [word for words in world.boots() for word in words
             if word.startswith("--eval=PLAN")]
    equal(len(plans), 2, "boots")
    for words in world.boots()[1:]:
        equal(words[words.index("--harts") + 1], "1", "harts")
        equal(words[words.index("--mode") + 1], "exact", "mode")


def I5_4_the_second_boot_is_in_the_opposite_order():
    world = World()
    world.run("--filter", "smp/larson,!*seed2006*", "--harts", "1")
    orders = [re.findall(r'key="([^"]+)"', word) for words in world.boots()
              for word in words if word.startswith("--eval=PLAN")]
    equal(len(orders), 2, "boots")
    equal(sorted(orders)[0], sorted(orders)[1][::-1], "order")
    check(len(orders[0]) > 1, "one item has no order")


def I5_4_noop_map_and_sizes_are_of_the_image():
    found = size.parse(MAP.split("\n"))
    equal(found, {("text", "total"): 0x1000, ("text", "mm"): 0x100,
                  ("text", "lua"): 0x20, ("bss", "total"): 0x200,
                  ("bss", "kernel"): 0x40})
    for text in ("", "nothing\n.text 0x0 0x10\n"):
        try:
            size.parse(text.split("\n"))
        except size.Unreadable:
            continue
        check(False, "%r was taken for a map" % text)


def I5_4_a_foreign_file_is_no_elf():
    path = os.path.join(folder(), "odd")
    good = elf(b"GCC: (x) 1.2\0")
    for data in (b"", b"\x7fELF", good[:70], good[:40] + b"\xff" * 8
                 + good[48:], good[:60] + b"\xff\xff\xff\xff" + good[64:]):
        with open(path, "wb") as f:
            f.write(data)
        equal(machine.compiler(path), None, "%r" % data[:16])


# ---- Bad ends ----

def ended(world, status, pattern, key=LARSON, **more):
    """A run that ends with this status, in one line, and is saved."""
    got = world.run("--timeout", "3", "--quiet", status=status, **more)
    one_line(got.err, pattern)
    data = world.data()
    equal(data["run"]["status"], "partial", "what is saved")
    contains(data["run"]["why"], key, "why")
    check(len(data["results"]) < len(data["run"]["plan"]), "all there?")
    return got


def I5_4_killed_emulator_is_4():
    got = ended(World(), 4, "machine was lost in " + LARSON, die=LARSON)
    contains(got.err, "--resume")


def I5_4_panic_is_4_and_its_words_are_shown():
    got = ended(World(), 4, "kernel panicked in " + LARSON, panic=LARSON)
    contains(got.err, "bench: | PANIC at 0xffffffff80001234")


def I5_4_hang_is_4_and_named():
    ended(World(), 4, "no word from the machine for 3 s in " + LARSON,
          hang=LARSON)


def I5_4_garbage_is_4():
    got = ended(World(), 4, "no word .* in " + LARSON, garbage=LARSON)
    check("\x1b" not in got.err and "\0" not in got.err, "a raw byte")


def I5_4_a_suite_that_raises_is_3():
    got = ended(World(), 3, "suite ended early in " + LARSON,
                **{"raise": LARSON})
    contains(got.err, "suite.lua:7: attempt to index")


def I5_4_nobody_is_left_after_a_hang():
    world = World()
    world.run("--timeout", "2", "--quiet", status=4, hang=LARSON)
    done = subprocess.run(["pgrep", "-f", world.kernel],
                          stdout=subprocess.PIPE, check=False)
    equal(done.stdout, b"", "processes that were left")


def I5_4_resume_takes_the_rest_only():
    world = World()
    ended(world, 4, "machine was lost", die=LARSON, once=True, facts=FAIR)
    had = {r["key"] for r in world.data()["results"]
           if "unconfirmed" not in r.get("notes", [])}
    check(had, "nothing was saved")
    os.unlink(world.log)
    got = world.run("--resume", world.json, facts=FAIR)
    data = world.data()
    equal(data["run"]["status"], "ok", "status")
    equal([r["key"] for r in data["results"]], data["run"]["plan"], "results")
    taken = {key for words in world.boots() for word in words
             for key in re.findall(r'key="([^"]+)"', word)}
    equal(taken & had, set(), "taken once more")
    notes = {r["key"]: r.get("notes", []) for r in data["results"]}
    equal({k for k in notes if "resumed" in notes[k]}, set(notes) - had)
    whole = World()
    whole.run(facts=FAIR)
    for one, two in zip(data["results"], whole.data()["results"]):
        equal(one["metrics"], two["metrics"], one["key"])
    contains(got.out, "0 failed")
    again = world.run("--resume", world.json, status=2)
    one_line(again.err, "is complete: nothing to resume")


def I5_4_resume_refuses_another_image_mode_and_plan():
    world = World()
    ended(world, 4, "machine was lost", die=LARSON)
    for options, part in ((["--mode", "smp"], "is of mode exact"),
                          (["--filter", "smp/*"], "no --filter"),
                          (["--mem", "512M"], "mem_bytes")):
        got = world.run("--resume", world.json, *options, status=2)
        one_line(got.err, part)
    with open(world.kernel, "ab") as f:
        f.write(b"changed")
    got = world.run("--resume", world.json, status=2)
    one_line(got.err, "image_sha256")
    equal(world.data()["run"]["status"], "partial", "the file is left alone")


def interrupt(number):
    """(world, process) of a run that hangs, after it got the signal."""
    world = World()
    process = subprocess.Popen(
        world.command("--baseline", "none", "--progress", "plain"),
        env=world.env({"hang": LARSON}), stderr=subprocess.PIPE,
        stdout=subprocess.PIPE)
    for line in process.stderr:
        if b" done, " in line:
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return world, process.returncode, err.decode()


def I5_4_interrupted_is_130_and_saved():
    for number in (signal.SIGINT, signal.SIGTERM):
        world, status, err = interrupt(number)
        equal(status, 130, "status")
        one_line(err, "bench: interrupted; .*--resume " + world.json)
        data = world.data()
        equal((data["run"]["status"], data["run"]["why"]),
              ("partial", "interrupted"))
    world.run("--resume", world.json, facts=FAIR)


# ---- Figures that cannot be trusted ----

def failed(world, pattern, key=LARSON, **fake):
    """A whole run with one failed result: status 3."""
    got = world.run("--filter", "smp/larson", status=3, **fake)
    contains(got.err, "1 benchmark failed: " + key)
    data = world.data()
    equal(data["run"]["status"], "ok", "it is whole")
    bad = [r for r in data["results"] if r["status"] == "failed"]
    equal([r["key"] for r in bad], [key], "failed")
    matches(bad[0]["why"], pattern, "why")
    contains(got.out, "failed  %s: " % key)


def I5_4_a_figure_that_does_not_repeat_is_3_with_both_values():
    failed(World(), r"instr_per_op does not repeat: \d+/100, then \d+/100$",
           differs=LARSON)


def I5_4_damaged_lines_are_counted_and_their_item_fails():
    world = World()
    failed(world, "its line was damaged", damage=LARSON)
    got = world.run("--filter", "smp/larson", status=3, damage=LARSON)
    one_line(got.err, "2 lines were damaged on their way")


def I5_4_a_failed_or_malformed_benchmark_is_3():
    failed(World(), "^an allocation failed$", fails=LARSON)
    failed(World(), "not as agreed: x is no figure", malformed=LARSON)


def I5_2_an_unfair_rival_is_3():
    for facts, part in (
            ({"seed2006.net": 150, "seed2006.atomics": 6},
             "seed2006.net is 150, not 137"),
            ({"seed2006.net": 130, "seed2006.atomics": 7},
             "seed2006.atomics is 7, not 6"),
            ({"seed2006.atomics": 6}, "seed2006.net was not measured")):
        got = World().run(status=3, facts=facts)
        one_line(got.err, "bench: seed2006.*" + re.escape(part))


def I5_2_fairness_has_its_limits():
    def results(**facts):
        return [{"id": "probe/rivals", "variant": "ours", "status": "ok",
                 "params": {"harts": 1},
                 "metrics": {name: {"exact": {"value": v, "per": p}}
                             for name, (v, p) in facts.items()}}]
    for value, fair in ((13014, False), (13015, True), (14385, True),
                        (14386, False)):
        got = records.unfair(results(**{"seed2006.net": (value, 100)}), False)
        equal(not got, fair, "seed2006.net %d/100" % value)
    for step, fair in ((59, False), (60, True), (61, False)):
        got = records.unfair(results(**{"sheaf.step": (step, 1)}), False)
        equal(not got, fair, "sheaf.step %d" % step)


# ---- Baselines ----

def I5_4_a_regression_is_1_and_named():
    world = World()
    base = os.path.join(world.folder, "base.json")
    world.run("--json", base, facts=FAIR)
    got = world.run(baseline=base, facts=FAIR)
    contains(got.out, "verdict: same")
    got = world.run(baseline=base, status=1, facts=FAIR, more={PAIR: 100})
    one_line(got.err, "^bench: 1 regression: %s instr_per_op$" % PAIR)
    equal(world.data()["comparison"]["verdict"], "regression", "saved")
    world.run("--fail-on", "never", baseline=base, facts=FAIR,
              more={PAIR: 100})
    got = world.run(baseline=base, facts=FAIR, more={PAIR: -100})
    contains(got.out, "1 improved")
    got = world.run("--filter", "micro/*", baseline=base, status=1,
                    more={PAIR: 100})
    check(" gone" not in got.out, "what was not planned is not gone")


def I5_4_no_baseline_is_5_with_the_command_that_makes_one():
    world = World()
    command = world.command()
    got = run_command(command, 5, env=world.env({"facts": FAIR}))
    one_line(got.err, r"no baseline for exact-gcc12\.2\.0-.*: scripts/bench "
             r"bless ")
    got = run_command(command + ["--filter", "smp/*"], 0, env=world.env({}))


def I5_4_another_mode_or_machine_is_5():
    world = World()
    base = os.path.join(world.folder, "base.json")
    world.run("--json", base, facts=FAIR)
    got = world.run("--mode", "smp", "--reps", "2", "--filter", "micro/*",
                    baseline=base, status=5)
    one_line(got.err, "mode exact, now smp.*bless")
    got = world.run("--mem", "512M", "--filter", "micro/*", baseline=base,
                    status=5)
    one_line(got.err, "memory 268435456, now 536870912")


def I5_4_a_corrupt_result_file_is_2():
    world = World()
    path = os.path.join(world.folder, "bad.json")
    world.run("--filter", PAIR)
    with open(world.json, encoding="utf-8") as f:
        good = f.read()
    for text in ("", "{", good[:len(good) // 2], "[]", "null",
                 good.replace("quarry-bench/1", "quarry-bench/2"),
                 good.replace('"status": "ok"', '"status": "fine"')):
        write(path, text)
        for words in (["compare", world.json, path], ["report", path],
                      ["bless", path], ["readme", path],
                      ["run", "--resume", path]):
            got = run_command([BENCH] + words, 2)
            equal(len(got.err.strip().split("\n")), 1, "lines")
            contains(got.err, "bad.json: ")
        got = world.run("--filter", PAIR, baseline=path, status=2)
        one_line(got.err, "bad.json: ")


def I5_4_compare_has_the_statuses_of_a_run():
    world = World()
    a, b, c = (os.path.join(world.folder, n) for n in "abc")
    world.run("--filter", "micro/*", "--json", a)
    world.run("--filter", "micro/*", "--json", b, more={PAIR: 100})
    world.run("--filter", "micro/*", "--json", c, "--mem", "512M")
    got = run_command([BENCH, "compare", a, a], 0)
    contains(got.out, "verdict: same")
    got = run_command([BENCH, "compare", a, b], 1)
    contains(got.out, PAIR)
    got = run_command([BENCH, "compare", a, c], 5)
    one_line(got.err, "cannot be compared")
    run_command([BENCH, "compare", a, "/nowhere.json"], 2)


# ---- Time ----

SMP = ("--mode", "smp", "--filter", "smp/larson,micro/*")


def I5_3_timed_rounds_are_interleaved_and_have_the_control():
    world = World()
    world.run(*SMP, "--reps", "4", "--seed", "7")
    data = world.data()
    rounds = [re.findall(r'key="([^"]+)"', word) for words in world.boots()
              for word in words if word.startswith("--eval=PLAN")]
    equal(len(rounds), 4, "boots")
    check(len({tuple(keys) for keys in rounds}) > 1, "always one order")
    for keys in rounds:
        equal(sorted(keys), sorted(data["run"]["plan"]), "a round")
        check("control/spin,ours,harts=1" in keys, "no control")
    for entry in data["results"]:
        metric = entry["metrics"]["ns_per_op"]
        equal(len(metric["samples"]), 4, entry["key"])
        check("exact" not in metric, "time is never exact")
        check(metric["min"] <= metric["median"] <= metric["max"])
        check(metric["ci95"][0] <= metric["median"] <= metric["ci95"][1])
    again = World()
    again.run(*SMP, "--reps", "4", "--seed", "7")
    equal([re.findall(r'key="([^"]+)"', word) for words in again.boots()
           for word in words if word.startswith("--eval=PLAN")], rounds,
          "the same seed")


def I5_3_noise_is_6_never_a_pass():
    world = World()
    got = world.run(*SMP, "--reps", "6", status=6, noise=True)
    one_line(got.err, "too noisy: the control control/spin varied")
    equal(world.data()["run"]["noisy"], True, "noisy")
    world.run(*SMP, "--reps", "6", "--fail-on", "never", noise=True)


def I5_3_more_harts_than_processors_are_said():
    world = World()
    world.run(*SMP, "--reps", "2", "--harts", "1,128")
    for entry in world.data()["results"]:
        equal("oversubscribed" in entry.get("notes", []),
              entry["params"]["harts"] == 128, entry["key"])


def I5_4_timed_runs_resume_at_the_round():
    world = World()
    world.run(*SMP, "--reps", "2")
    data = world.data()
    data["run"].update(status="partial", why="made up")
    data["run"]["options"]["reps"] = 5
    result.write(world.json, data)
    os.unlink(world.log)
    world.run("--mode", "smp", "--resume", world.json)
    equal(len([1 for words in world.boots()
               if any(w.startswith("--eval=PLAN") for w in words)]), 3)
    old = {r["key"]: r for r in data["results"]}
    for entry in world.data()["results"]:
        samples = entry["metrics"]["ns_per_op"]["samples"]
        equal(len(samples), 5, entry["key"])
        equal(samples[:2],
              old[entry["key"]]["metrics"]["ns_per_op"]["samples"])


def board(world, *options, status=0, once=False, **fake):
    return run_command(
        [BENCH, "run", "--runner", FAKE, "--target", "tcp:nowhere:1",
         "--reps", "2", "--json", world.json, "--baseline", "none"]
        + ["--kernel", world.kernel] + list(options)
        + ([] if "--" in options else ["--"]) + ["--reset-cmd", "true"],
        status, env=world.env(fake, once))


def I5_4_a_board_is_the_same_session():
    world = World()
    board(world, "--harts", "max", "--filter", "smp/larson", "--", "--load",
          "card")
    data = world.data()
    equal((data["target"]["kind"], data["target"]["mode"],
           data["target"]["machine"], data["target"]["line"]),
          ("board", "board", "made up", "tcp:nowhere:1"))
    equal(data["target"]["mem_bytes"], 1 << 28, "memory")
    check("smp/larson,ours,harts=4" in data["run"]["plan"], "max is 4")
    for words in world.boots():
        equal(words[words.index("--load") + 1], "card", "for run-board")
        check("--mode" not in words, "a board has no mode")


def I5_4_a_board_is_asked_once_more_for_a_damaged_line():
    key = "smp/larson,ours,harts=2"
    world = World()
    got = board(world, "--filter", "smp/larson", once=True, damage=key)
    contains(got.err, "1 lines were damaged")
    for entry in world.data()["results"]:
        equal(len(entry["metrics"]["ns_per_op"]["samples"]), 2, entry["key"])
    board(World(), "--filter", "smp/larson", status=3, damage=key)
    got = board(world, "--harts", "5", status=2)
    one_line(got.err, "--harts 5: the machine has 4")


# ---- Options ----

def I5_4_wrong_options_are_2_in_one_line():
    for words in (
            [], ["fly"], ["run", "--colour"], ["run", "--target", "moon"],
            ["run", "--target", "qemu:x"], ["run", "--mode", "fast"],
            ["run", "--mode", "board"],
            ["run", "--target", "tcp:x:1", "--mode", "exact"],
            ["run", "--harts", "0"], ["run", "--harts", "two"],
            ["run", "--harts", "max"], ["run", "--harts", "129"],
            ["run", "--reps", "0"], ["run", "--reps", "3"],
            ["run", "--mode", "smp", "--careful", "--reps", "3"],
            ["run", "--timeout", "-1"], ["run", "--timeout", "soon"],
            ["run", "--threshold", "many"], ["run", "--fail-on", "monday"],
            ["run", "--filter", ""], ["run", "--filter", "a,,b"],
            ["run", "--variant", "a b"], ["run", "--jobs", "0"],
            ["run", "--seed", "-1"], ["run", "--progress", "loud"],
            ["run", "--", "--load", "card"], ["list", "--", "x"],
            ["compare", "a.json"], ["report"], ["bless"],
            ["run", "--kernel", "/nowhere/quarry.elf"],
            ["run", "--json", "/proc/x/y.json", "--kernel", __file__,
             "--runner", FAKE]):
        got = run_command([BENCH] + words, 2)
        equal(len(got.err.strip().split("\n")), 1, "lines of %r" % words)
        equal(got.err[:7], "bench: ", "who says it")


def I5_4_names_that_are_not_there_are_2():
    for options, part in ((["--filter", "nowhere/*"], "nothing matches"),
                          (["--variant", "jemalloc"], "no allocator jemalloc"),
                          (["--filter", "probe/*", "--mode", "smp"],
                           "nothing matches"),
                          (["--mem", "lots"], "--mem"),
                          (["--baseline", "nosuch", "--filter", PAIR],
                           "--baseline nosuch")):
        world = World()
        got = run_command(world.command(*options), 2, env=world.env({}))
        one_line(got.err, part)


def I5_4_a_list_that_did_not_arrive_whole_is_4():
    got = World().run(status=4, lost=1)
    one_line(got.err, "list of benchmarks did not arrive whole")


def I5_4_dry_run_measures_nothing():
    world = World()
    got = world.run("--dry-run", "--filter", "micro/*,!*,noop,*")
    contains(got.out, PAIR)
    check("noop" not in got.out, "excluded")
    equal(len(world.boots()), 1, "only the list was asked")
    check(not os.path.exists(world.json), "a result")


def I5_4_list_shows_benchmarks_allocators_and_plans():
    world = World()
    words = [BENCH, "list", "--kernel", world.kernel, "--runner", FAKE]
    got = run_command(words, 0)
    for part in ("micro/pair", "seed2006", "probe/scale", "quick: 27 results"):
        contains(got.out, part)
    data = json.loads(run_command(words + ["--json"], 0).out)
    equal(len(data["plans"]["quick"]), 27, "plan")


def I5_4_doctor_says_what_is_missing():
    world = World()
    got = run_command([BENCH, "doctor", "--kernel", world.kernel, "--runner",
                       FAKE])
    contains(got.out, "image %s, by GCC" % os.path.relpath(world.kernel))
    contains(got.out, "MiB free")
    contains(got.out, "4 benchmarks, 4 allocators, 3 probes")
    got = run_command([BENCH, "doctor", "--kernel", "/nowhere.elf"], 2)
    matches(got.out, r"^missing +no image .*make bench-image")


def I5_fig_the_tool_starts_without_its_parts():
    """A wall time is not asserted; what makes it is: nothing is imported
    before it is used."""
    code = ("import sys; sys.argv = ['bench', '--help']\n"
            "sys.path.insert(0, %r)\n"
            "from quarry.bench import cli\n"
            "try: cli.main(['--help'])\n"
            "except SystemExit: pass\n"
            "print(sorted(m for m in sys.modules if m.startswith('quarry') "
            "or m in ('json', 'subprocess', 'statistics', 'hashlib')))"
            % os.path.join(ROOT, "scripts"))
    done = subprocess.run([sys.executable, "-c", code], check=True,
                          stdout=subprocess.PIPE)
    last = done.stdout.decode().strip().split("\n")[-1]
    equal(last, "['quarry', 'quarry.bench', 'quarry.bench.cli', "
          "'quarry.options', 'quarry.report']", "modules")


def I5_4_other_formats_are_written_too():
    world = World()
    names = {name: os.path.join(world.folder, name) for name in
             ("junit", "ktap", "md", "csv")}
    world.run("--filter", "micro/*", *[
        word for name, path in names.items() for word in ("--" + name, path)])
    for name, part in (("junit", "<testsuites"), ("ktap", "KTAP version 1"),
                       ("md", "### Benchmarks"), ("csv", PAIR)):
        with open(names[name], encoding="utf-8") as f:
            contains(f.read(), part, name)


# ---- The wire ----

def I5_4_a_record_survives_what_stands_around_it():
    line = wire.pack({"start": "x"}).encode()
    reader = wire.Reader()
    equal(reader.feed(b"=> " + line[:-1] + b"\r\n"), [{"start": "x"}])
    equal(reader.feed(line[:12]), [])
    equal(reader.feed(line[11:] + line), [{"start": "x"}], "after the damaged")
    equal(reader.damaged, 1, "damaged")
    got = []
    for i in range(len(line)):
        got += reader.feed(line[i:i + 1])
    equal(got, [{"start": "x"}], "byte by byte")


def I5_4_every_flipped_byte_of_a_record_is_known():
    line = wire.pack({"result": {"key": "x", "status": "ok"}}).encode()
    for at in range(len("BENCH\t"), len(line) - 1):
        for bit in (1, 4, 0x40):
            hurt = bytearray(line)
            hurt[at] ^= bit
            reader = wire.Reader()
            equal(reader.feed(bytes(hurt)), [], "byte %d" % at)


def I5_4_a_line_without_end_takes_no_memory():
    reader = wire.Reader()
    for _ in range(5):
        reader.feed(b"x" * wire.LINE_MAX)
        check(len(reader.held) <= 2 * wire.LINE_MAX, "held")
    equal(reader.feed(b"y\n" + wire.pack({"start": "z"}).encode()),
          [{"start": "z"}], "the next line")


def I5_4_results_are_checked_before_they_are_believed():
    good = {"key": "k", "id": "micro/pair", "variant": "ours",
            "params": {"harts": 1}, "status": "ok",
            "facts": [{"name": "a", "value": 3, "per": 2}]}
    equal(wire.result(good)["metrics"]["a"]["samples"], [1.5])
    for change in ({"status": "great"}, {"params": {}}, {"params": None},
                   {"params": {"harts": 0}}, {"facts": []}, {"facts": 7},
                   {"facts": [{"name": "a", "value": 1, "per": 0}]},
                   {"facts": [{"name": "a", "value": 1.5}]},
                   {"facts": [{"name": "a", "value": True}]},
                   {"facts": [{"name": "a b", "value": 1}]},
                   {"facts": [{"value": 1}]}, {"facts": [[]]},
                   {"facts": [{"name": "a", "value": 1, "better": "x"}]},
                   {"hist": {"unit": "m", "buckets": [[1, 2, 3]]}},
                   {"hist": {"unit": "ns", "buckets": [[1, 2]]}},
                   {"heat": [256]}, {"frames": [-1]}, {"per_hart": "x"}):
        try:
            wire.result(dict(good, **change))
        except wire.Malformed:
            continue
        check(False, "believed: %r" % change)


# ---- The plan ----

def I5_4_keys_can_be_read_back():
    for key in (PAIR, "micro/burst,ours,harts=8,n=100,order=lifo",
                "trace/replay,linux24,harts=1,file=a.qtr"):
        equal(plan.read_key(key).key, key, "key")
    for key in ("", "micro/pair", "micro/pair,ours", "x,y,harts=0",
                "micro/pair,ours,harts=129", "micro/pair,ours,harts=1,",
                'micro/pair,ours",harts=1', "micro/pair,ours,harts=1,a=b c"):
        try:
            plan.read_key(key)
        except plan.Wrong:
            continue
        check(False, "read: %r" % key)


def I5_4_batches_have_every_item_once_and_one_machine():
    items = [plan.make_item("smp/larson", "v%d" % n, harts)
             for n in range(60) for harts in (1, 2, 8)]
    items += [plan.make_item("probe/p%d" % n, "ours", 8) for n in range(300)]
    cut = plan.batches(items)
    equal(sorted(i.key for batch in cut for i in batch),
          sorted(i.key for i in items), "items")
    for batch in cut:
        equal(len({(i.harts, plan.kind(i)) for i in batch}), 1, "machines")
    probes = [b for b in cut if plan.kind(b[0]) == "probe"]
    equal(len(probes), 1, "boots of the probes")
    equal(probes[0], items[180:], "their order")
    check(len(cut) > 3, "one boot for all?")


def I5_4_filters():
    item = plan.read_key(LARSON)
    for text, hit in (("smp/*", True), ("micro/*", False), ("!micro/*", True),
                      ("!smp/*", False), ("smp/*,!*harts=8", False),
                      ("!smp/*,smp/larson", True), (LARSON, True)):
        equal(plan.matches(text, item), hit, text)


# ---- Progress ----

class Screen(io.StringIO):
    encoding = "utf-8"


def I5_4_bar_fits_every_width():
    now = [0.0]
    bar = progress.Bar(620, Screen(), lambda: now[0], {"NO_COLOR": "1"})
    bar.start("smp/larson,seed2006,harts=8")
    contains(bar.text(80), "eta -:--", "too early to tell")
    for _ in range(155):
        bar.done("x")
    now[0] = 4.0
    for columns in range(1, 200):
        text = bar.text(columns)
        check(len(text) < max(columns, 1) or not text, "%d columns: %r" % (
            columns, text))
    equal(bar.text(90)[:35], "[155/620] smp/larson seed2006 h=8  ")
    contains(bar.text(90), "eta 0:12")
    contains(bar.text(90), "██")
    check("█" not in bar.text(50), "no bar where it is narrow")


def I5_4_bar_without_colour_and_with():
    for environ, wanted in (({"NO_COLOR": ""}, False), ({}, True)):
        screen = Screen()
        bar = progress.Bar(2, screen, lambda: 0.0, environ)
        bar.start("a,b,harts=1")
        bar.done("a,b,harts=1")
        bar.done("a,b,harts=1")
        equal("\x1b[32m" in screen.getvalue(), wanted, "%r" % environ)
        bar.close()
        equal(screen.getvalue()[-4:], "\r\x1b[K", "the line is cleared")


def I5_4_plain_progress_is_ten_lines_at_most():
    screen = Screen()
    now = iter(range(1000))
    plain = progress.Plain(1000, screen, lambda: next(now))
    for n in range(1000):
        plain.done("k%d" % n)
    lines = screen.getvalue().split("\n")
    equal(len(lines), 11, "lines")
    equal(lines[-2], "bench: 1000 of 1000 done, 0:10, last k999", "the last")


def on_terminal(**environ):
    """What a run draws on a terminal, and its status."""
    world = World()
    far, near = pty.openpty()
    env = dict(world.env({"facts": FAIR}), **environ)
    env = {name: value for name, value in env.items() if value is not None}
    with subprocess.Popen(
            world.command("--baseline", "none"), env=env, stderr=near,
            stdout=subprocess.DEVNULL, stdin=near) as process:
        os.close(near)
        out = b""
        while True:
            try:
                data = os.read(far, 4096)
            except OSError:
                break
            if not data:
                break
            out += data
    os.close(far)
    equal(process.returncode, 0, "status")
    return out


def I5_4_terminal_has_a_bar_and_a_dumb_one_lines():
    drawn = on_terminal(TERM="xterm", NO_COLOR=None)
    contains(drawn, b"\r[", "a bar")
    contains(drawn, b"\x1b[32m", "its colour")
    check(b"\x1b[32m" not in on_terminal(TERM="xterm", NO_COLOR="1"))
    dumb = on_terminal(TERM="dumb")
    check(b"\x1b" not in dumb, "escapes on a dumb terminal")
    contains(dumb, b"54 of 54 done")


# ---- The table and the summary ----

def I5_4_damaged_takes_are_not_merged():
    item = plan.read_key(PAIR)
    take = {"status": "ok", "metrics": {"a": session.figure(1, 1, "1",
                                                            "lower")}}
    other = {"status": "ok", "metrics": {"b": session.figure(1, 1, "1",
                                                             "lower")}}
    equal(session.confirmed(item, [take, dict(take)]), take)
    for again in (other, dict(take, ops=3), dict(take, heat=[1]),
                  dict(take, status="skipped", why="x", metrics={})):
        equal(session.confirmed(item, [take, again])["status"], "failed")


def I5_2_comparators_are_summed_up():
    def entry(bench, variant, harts, value):
        item = plan.make_item(bench, variant, harts)
        return {"key": item.key, "id": bench, "variant": variant,
                "params": {"harts": harts},
                "metrics": {"instr_per_op": session.figure(
                    value, 1, "instr", "lower")}}
    lines = summary.comparators([
        entry("micro/pair", "ours", 1, 17), entry("smp/larson", "ours", 8, 40),
        entry("micro/pair", "seed2006", 1, 137)])
    equal([line.split() for line in lines[1:]], [
        ["allocator", "pair", "larson,", "8", "harts"], ["ours", "17", "40"],
        ["seed2006", "137", "-"]])
    equal(summary.comparators([]), [])


def I5_4_a_probe_alone_runs_with_all_of_its_machine():
    world = World()
    with open(world.log, "w", encoding="utf-8"):
        pass
    world.run("--filter", "probe/pair")
    equal([r["key"] for r in world.data()["results"]],
          ["probe/pair,ours,harts=1"], "results")
    for words in world.boots()[1:]:
        ran = re.findall(r'key="([^"]+)"', next(
            w for w in words if w.startswith("--eval=PLAN")))
        equal(ran, ["probe/pair,ours,harts=1", "probe/zones,ours,harts=1"])


def I5_3_what_looks_slower_is_measured_once_more():
    world = World()
    base = os.path.join(world.folder, "base.json")
    options = ("--mode", "smp", "--filter", "micro/pair", "--reps", "8")
    world.run(*options, "--json", base)
    os.unlink(world.log)
    got = world.run(*options, baseline=base, status=1, more={PAIR: 400})
    contains(got.err, "1 results look different: measured once more")
    one_line(got.err, "1 regression: %s ns_per_op" % PAIR)
    again = [word for words in world.boots()[9:] for word in words
             if word.startswith("--eval=PLAN")]
    equal(len(again), 8, "rounds of the second look")
    for word in again:
        equal(re.findall(r'key="([^"]+)"', word), [PAIR], "only that one")
    rows = [row for row in world.data()["comparison"]["rows"]
            if row["key"] == PAIR]
    equal(rows[0]["confirmed"], True, "confirmed")
    equal(len(world.data()["results"][0]["metrics"]["ns_per_op"]["samples"]),
          8, "the first look's samples are kept")


def I5_4_a_board_that_cannot_be_started_again_is_measured_in_one_boot():
    world = World()
    words = [BENCH, "run", "--runner", FAKE, "--target", "tcp:nowhere:1",
             "--kernel", world.kernel, "--json", world.json, "--baseline",
             "none", "--filter", "smp/larson"]
    run_command(words + ["--reps", "3"], 0, env=world.env({}))
    equal(len([1 for boot in world.boots() if "--target" in boot]), 1,
          "boots of the board")
    for entry in world.data()["results"]:
        equal(len(entry["metrics"]["ns_per_op"]["samples"]), 3, entry["key"])
    got = run_command(words + ["--harts", "max"], 2, env=world.env({}))
    one_line(got.err, "--harts max: .*--reset-cmd")
