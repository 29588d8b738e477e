# SPDX-License-Identifier: MIT
"""Statistics of the benchmarks, and what counts as better or worse.

Expected figures are counted by hand beside each test, or come from the tables
that are named there.
"""
import copy
import random
import re

import bench_sample
from bench_checks import LARSON, PAIR, changed, close, raises
from bench_sample import exact, find as entry_of, sample, slower, timed
from lib import check, contains, equal
from quarry.bench import formats, result, stats, verdict


# ---- Statistics ----

def I5_3_median_deviation_and_fences_are_those_of_the_books():
    # Distances from the median 2 are 1 1 0 0 2 4 7: their median is 1.
    equal(stats.mad([1, 1, 2, 2, 4, 6, 9]), 1)
    # Quartiles lie at places 2.5 and 7.5 from 0: 3.5 and 8.5; fences at 16
    # (mild) and 23.5 (severe) above, -4 and -11.5 below.
    samples = [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 40]
    equal(stats.quartiles(samples), (3.5, 8.5))
    equal(stats.outliers(samples), {"mild": 1, "severe": 1})
    equal(stats.outliers([1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 23.5]),
          {"mild": 1, "severe": 0})
    # Sample deviation of 2 4 4 4 5 5 7 9 is sqrt(32/7), the mean 5.
    close(stats.cv([2, 4, 4, 4, 5, 5, 7, 9]), (32 / 7) ** 0.5 / 5)


def I5_3_interval_is_the_percentile_one_and_repeats():
    # The median of a resample of 1 … 11 is at most k when at least 6 of 11
    # draws are, each with k/11: P = 0.7 % for 2, 5.1 % for 3. So the lower end
    # is 3, and 9 by symmetry, whatever the seed.
    for seed in (0, 1, 42):
        got = stats.summarise(list(range(1, 12)), seed)
        equal(got["ci95"], [3, 9])
        equal((got["median"], got["min"], got["max"]), (6, 1, 11))
    draw = random.Random(8)
    for count in (2, 3, 10, 30, 500):
        samples = [draw.gauss(100, 5) for _ in range(count)]
        got = stats.summarise(samples, 7)
        equal(stats.summarise(list(reversed(samples)), 7)["ci95"],
              got["ci95"], "order of the samples")
        check(got["min"] <= got["ci95"][0] <= got["median"]
              <= got["ci95"][1] <= got["max"], got)
    # It holds the median of what was drawn from in about 95 of 100 cases; for
    # 15 samples the method is known to be a little short.
    held = 0
    for _ in range(60):
        low, high = stats.bootstrap([draw.expovariate(1) for _ in range(15)],
                                    draw.random())
        held += low <= 0.6931 <= high
    check(52 <= held <= 59, "%d of 60 held the median" % held)


def I5_3_degenerate_samples_have_a_summary():
    for samples in ([7.5], [3, 3, 3], [0], [0, 0], [-1.0]):
        got = stats.summarise(samples)
        equal(got, {"median": samples[0], "ci95": [samples[0]] * 2, "mad": 0,
                    "min": samples[0], "max": samples[0],
                    "outliers": {"mild": 0, "severe": 0}})
        equal(stats.cv(samples), 0)
    raises(ValueError, stats.summarise, [])
    equal(stats.cv([-1, 1]), float("inf"))
    equal(stats.mann_whitney([], [1]), 1.0)
    equal(stats.mann_whitney([2, 2], [2, 2]), 1.0)
    equal(stats.wilcoxon([]), 1.0)
    equal(stats.wilcoxon([1, 1]), 1.0)
    equal(stats.sign([1]), 1.0)
    equal(stats.floor([0.1] * 3), 0.0)


def I5_3_mann_whitney_counts():
    # Two of the C(10,5) = 252 ways are as extreme: all below, all above.
    close(stats.mann_whitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252)
    # n = m = 4: of 70 ways 1, 1, 2, 3 have U = 0, 1, 2, 3 (Mann and Whitney
    # 1947, table I: .014, .029, .057, .100 cumulated).
    for other, u in (([5, 6, 7, 8], 1), ([3.5, 6, 7, 8], 2),
                     ([3.5, 4.5, 7, 8], 0)):
        a = {1: [1, 2, 3, 4], 2: [1, 2, 3, 4], 0: [1, 2, 3, 4]}[u]
        wanted = {1: 2 * 1 / 70, 2: 2 * 2 / 70, 0: 2 * 2 / 70}[u]
        close(stats.mann_whitney(a, other), wanted)
        close(stats.mann_whitney(other, a), wanted)
    # Ties: ranks 1 3 3 and 3 5 6, U = 1, expected 4.5; variance
    # 9/12 (7 - 24/30) = 4.65; z = (3.5 - 0.5)/2.156 = 1.391; table: 0.164.
    close(stats.mann_whitney([1, 2, 2], [2, 3, 4]), 0.164, 0.0005)
    # More samples than are counted: the normal one is near the exact one.
    a = list(range(0, 40, 2))
    exactly = stats.mann_whitney(a, [x + 9 for x in a])
    about = stats.mann_whitney(a + [1000], [x + 9 for x in a] + [1001])
    check(exactly > 0 and abs(exactly - about) < 0.02, exactly, about)
    close(stats.least_p(5, 5), 2 / 252)


def I5_3_paired_tests_count():
    # All up: 2 of 2^n choices of signs.
    close(stats.wilcoxon([1.1, 1.2, 1.3, 1.4, 1.5]), 2 / 32)
    # n = 8, the negative ranks sum to 3 ({1,2} or {3}): of 256 choices
    # 1 + 1 + 1 + 2 have a sum of 0 … 3.
    up = [1.3, 1.4, 1.5, 1.6, 1.7]
    close(stats.wilcoxon([1 / 1.01, 1 / 1.1, 1.2] + up), 10 / 256)
    close(stats.wilcoxon([1.01, 1.1, 1 / 1.2, 1] + up), 10 / 256)
    # Seven of eight: 2 (1 + 8) / 256.
    close(stats.sign([2] * 7 + [0.5]), 18 / 256)
    # Normal, beyond 25 pairs: half up, half down says nothing.
    check(stats.wilcoxon([1.1, 1 / 1.1] * 20) > 0.9, "no difference")
    # All ranks tie: variance 30 31 61 / 24 - (30^3 - 30) / 48 = 1801.9, z =
    # (232.5 - 0.5) / 42.45 = 5.465, P = 4.6e-8.
    close(stats.wilcoxon([1.1] * 30) * 1e8, 4.6, 0.1)


# ---- Verdicts on exact figures ----

def pair_of(value, per=1, after=0, after_per=1, **more):
    """Two results, each with this one figure."""
    both = []
    for v, p in ((value, per), (after, after_per)):
        data = sample()
        data["results"] = [entry_of(data, PAIR)]
        data["run"]["plan"] = [PAIR]
        data["results"][0]["metrics"] = {"it": exact(v, p, **more)}
        both.append(data)
    return both


def judged(*arguments, **more):
    """(verdict of the row, of the whole)"""
    got = verdict.compare(*pair_of(*arguments, **more))
    equal(len(got["rows"]), 1)
    return got["rows"][0]["verdict"], got["verdict"]


def I5_4_one_instruction_is_a_regression_and_names_the_benchmark():
    before = sample()
    after = slower(before, PAIR, "instr_per_op", 1)
    got = verdict.compare(before, after)
    equal((got["verdict"], verdict.status(got)), ("regression", 1))
    worse = [r for r in got["rows"] if r["verdict"] != "same"]
    equal([(r["key"], r["metric"], r["before"], r["after"], r["delta"])
           for r in worse], [(PAIR, "instr_per_op", 16, 17, 0.0625)])
    contains(verdict.table(got).split("\n")[1], PAIR)
    equal(result.validate(changed(lambda d: d.update(comparison=got))), [])
    same = verdict.compare(before, sample(number=1))
    equal((same["verdict"], verdict.status(same)), ("same", 0))


def I5_4_exact_limits_are_one_unit_and_two_per_mille():
    for before, after, wanted in (
            ((16, 1), (17, 1), "regression"),
            ((16, 1), (15, 1), "improvement"),
            ((160000, 10000), (169999, 10000), "same"),
            ((160000, 10000), (170000, 10000), "regression"),
            ((1000, 1), (1001, 1), "same"),
            # 0.2 % sharp is not more; a float would say that it is.
            ((1000, 1), (1002, 1), "same"),
            ((1000, 1), (1003, 1), "regression"),
            ((10000, 10), (10021, 10), "regression"),
            # One unit sharp; a float would say 0.9999999999999996.
            ((31, 10), (41, 10), "regression"),
            ((0, 1), (1, 1), "regression"), ((1, 1), (0, 1), "improvement"),
            ((0, 1), (0, 5), "same"), ((5, 7), (10, 14), "same")):
        equal(judged(*before, *after)[0], wanted, "%s, %s" % (before, after))


def I5_4_direction_and_kind_of_a_figure_decide():
    equal(judged(100, 1, 90, better="higher"), ("regression", "regression"))
    equal(judged(100, 1, 110, better="higher"),
          ("improvement", "improvement"))
    equal(judged(100, 1, 90, better="neither"), ("changed", "same"))
    # Memory by memory asked has no unit of one: 0.2 % of it count.
    equal(judged(1011, 1000, 1014, 1000, unit="1")[0], "regression")
    equal(judged(1011, 1000, 1013, 1000, unit="1")[0], "same")
    # A count without a unit has.
    equal(judged(6, 1, 6, unit="1")[0], "same")
    equal(judged(0, 1, 1, unit="1")[0], "regression")


def I5_4_mixed_new_gone_and_pending_are_told_apart():
    base = sample()
    after = slower(base, PAIR, "instr_per_op", 2)
    after = slower(after, "smp/scale,ours,harts=8", "instr_per_op", -2)
    equal(verdict.compare(base, after)["verdict"], "mixed")
    equal(verdict.status(verdict.compare(base, after)), 1)

    def rows(before, after, **options):
        return {(r["key"], r["metric"]): r for r in verdict.compare(
            before, after, options)["rows"] if r["verdict"] != "same"}
    less = copy.deepcopy(base)
    less["results"] = less["results"][1:]
    less["run"]["plan"] = less["run"]["plan"][1:]
    name = (PAIR, "instr_per_op")
    equal({n: r["verdict"] for n, r in rows(base, less).items()},
          {name: "gone"})
    equal({n: r["verdict"] for n, r in rows(less, base).items()},
          {name: "new"})
    # Only part was planned: the rest is not gone.
    equal(rows(base, less, subset=True), {})
    # Planned and not yet there is not gone either, but no pass.
    part = bench_sample.partial(base, 9)
    equal(rows(base, part), {})
    equal(verdict.status(verdict.compare(base, part)), 6)
    # A benchmark that fails now is gone; its failure has its own status.
    equal(rows(base, bench_sample.failed(base, PAIR))[name]["verdict"],
          "gone")
    # Another unit makes another figure.
    other = changed(lambda d: entry_of(d, PAIR)["metrics"]["instr_per_op"]
                    .update(unit="cycle"))
    kinds = [(r["verdict"], r["unit"])
             for r in verdict.compare(base, other)["rows"]
             if r["key"] == PAIR and r["verdict"] != "same"]
    equal(kinds, [("gone", "instr"), ("new", "cycle")])


def I5_4_nothing_in_common_is_no_pass():
    before, after = sample(), sample()
    before["results"] = before["results"][:1]
    after["results"] = after["results"][1:2]
    for data in (before, after):
        data["run"]["plan"] = []
    got = verdict.compare(before, after)
    equal((got["verdict"], verdict.status(got)), ("inconclusive", 6))


def I5_4_results_of_another_kind_are_not_compared():
    def has(part, name, value):
        return changed(lambda d: d[part].update({name: value}))
    for other, part in (
            (sample("smp"), "mode exact, now smp"),
            (has("target", "machine", "sifive_u"), "machine virt"),
            (has("target", "kind", "board"), "target qemu, now board"),
            (has("target", "harts", 4), "harts 8, now 4"),
            (has("target", "mem_bytes", None), "now not known"),
            (has("target", "firmware", "OpenSBI v1.3"), "opensbi1.3"),
            (has("target", "emulator", "QEMU emulator version 8.0.1"),
             "qemu7.2.22, now qemu8.0.1"),
            (has("code", "cc", "riscv64-elf-gcc (GCC) 13.1.0"), "gcc13.1.0"),
            (has("run", "seed", 43), "seed 42, now 43")):
        said = raises(verdict.NotComparable, verdict.compare, sample(), other,
                      {"name": "b.json"})
        contains(said, part)
        contains(said, "b.json")
        check("\n" not in said, said)
    # Another commit, host, load: what exact figures do not depend on.
    other = changed(lambda d: d["host"].update(cpu="another", load1=9.5))
    equal(verdict.compare(sample(), other)["verdict"], "same")
    # Time passed on that processor.
    slow = changed(lambda d: d["host"].update(cpu="another"), sample("smp"))
    contains(raises(verdict.NotComparable, verdict.compare, sample("smp"),
                    slow), "processor")


# ---- Verdicts on figures that vary ----

SMALL = []      # one timed result, made once


def runs(before, after, better="lower", **change):
    """Two timed results of one figure with these samples."""
    if not SMALL:
        data = sample("smp")
        data["results"] = [entry_of(data, LARSON)]
        data["run"]["plan"] = [LARSON]
        SMALL.append(data)
    both = []
    for samples in (before, after):
        data = copy.deepcopy(SMALL[0])
        data["results"][0]["metrics"] = {"t": timed(samples, "ns", better)}
        data["results"][0].update(copy.deepcopy(change))
        both.append(data)
    return both


def spread(middle, count=10, by=0.01, seed=1):
    draw = random.Random(seed)
    return [middle * draw.uniform(1 - by, 1 + by) for _ in range(count)]


def timed_row(before, after, better="lower", **options):
    got = verdict.compare(*runs(before, after, better), options)
    equal(len(got["rows"]), 1)
    return got["rows"][0], got


def I5_3_timed_figures_need_ranks_and_two_percent():
    row, got = timed_row(spread(100), spread(110, seed=2))
    equal((row["verdict"], got["verdict"]), ("regression", "regression"))
    check(row["p"] < 0.01 and row["floor"] == 0.02, row)
    equal(verdict.suspects(got), [LARSON])
    row, got = timed_row(spread(100), spread(90, seed=2))
    equal((row["verdict"], got["verdict"]), ("improvement", "improvement"))
    # Sure, but small: below 2 %.
    row, _ = timed_row(spread(100, by=0.001), spread(101, by=0.001, seed=2))
    check(row["p"] < 0.01, row)
    equal(row["verdict"], "same")
    # Large, but the samples overlap.
    row, _ = timed_row(spread(100, by=0.5), spread(105, by=0.5, seed=2))
    check(row["p"] > 0.01, row)
    equal(row["verdict"], "same")
    equal(timed_row(spread(100), spread(110), "higher")[0]["verdict"],
          "improvement")
    equal(timed_row(spread(100), spread(110), "neither")[0]["verdict"],
          "changed")
    equal(timed_row(spread(100), spread(103, seed=2), threshold=0.05)[0]
          ["verdict"], "same")


def I5_3_too_few_samples_are_no_pass():
    # Four of each can give no p below 2/70.
    row, got = timed_row(spread(100, 4), spread(200, 4))
    equal((row["verdict"], got["verdict"]), ("inconclusive", "inconclusive"))
    equal(verdict.status(got), 6)
    row, got = timed_row(spread(100, 5), spread(200, 5))
    equal(row["verdict"], "regression")
    row, got = timed_row(spread(100, 4), spread(100, 4))
    equal((row["verdict"], verdict.status(got)), ("same", 0))


def I5_3_a_figure_known_to_move_may_move():
    # Medians of history move by 5 % each way: |Δ| 5 % up, 4.8 % down; Q3 + 3
    # IQR is 0.05 + 3 x 0.0024 = 5.7 %.
    past = [runs(spread(m), spread(m))[0] for m in (100, 105) * 4]
    row, _ = timed_row(spread(100), spread(105), history=past)
    close(row["floor"], 0.05 + 3 * (0.05 - (1 - 100 / 105)), 1e-9)
    equal(row["verdict"], "same")
    equal(timed_row(spread(100), spread(105))[0]["verdict"], "regression")
    equal(timed_row(spread(100), spread(107), history=past)[0]["verdict"],
          "regression")
    # Of another machine, or too short: it says nothing.
    for other in past:
        other["target"]["machine"] = "another"
    equal(timed_row(spread(100), spread(105), history=past)[0]["floor"], 0.02)


def I5_3_a_finding_that_does_not_repeat_is_no_regression():
    def again(middle):
        return runs(spread(100), spread(middle, seed=9))[1]
    row, got = timed_row(spread(100), spread(110, seed=2), rerun=again(109))
    equal((row["verdict"], row["confirmed"]), ("regression", True))
    equal(verdict.suspects(got), [])
    for middle in (100, 90):
        row, got = timed_row(spread(100), spread(110, seed=2),
                             rerun=again(middle))
        equal((row["verdict"], row["confirmed"]), ("inconclusive", False))
        equal((got["verdict"], verdict.status(got)), ("inconclusive", 6))
    contains(verdict.table(got), "did not repeat")
    # A second look through noise is none.
    noisy = again(100)
    noisy["run"]["noisy"] = True
    row, got = timed_row(spread(100), spread(110, seed=2), rerun=noisy)
    equal((row["verdict"], row["confirmed"]), ("regression", None))
    # Among others that were judged it does not spoil the whole.
    before, after = runs(spread(100), spread(110, seed=2))
    rerun = again(100)
    for data in (before, after):
        data["results"][0]["metrics"]["u"] = timed(spread(50))
    got = verdict.compare(before, after, {"rerun": rerun})
    equal((got["verdict"], verdict.status(got),
           verdict.status(got, "noise")), ("same", 0, 6))


def I5_3_oversubscribed_and_noisy_are_flagged_not_judged():
    before, after = runs(spread(100), spread(200),
                         notes=["oversubscribed"])
    got = verdict.compare(before, after)
    equal(got["rows"][0]["verdict"], "excluded")
    equal((got["verdict"], verdict.status(got)), ("inconclusive", 6))
    contains(verdict.table(got), "1 excluded")
    before, after = runs(spread(100), spread(200), notes=["noisy"])
    equal(verdict.compare(before, after)["rows"][0]["verdict"],
          "inconclusive")
    for which in (0, 1):
        both = runs(spread(100), spread(200))
        both[which]["run"]["noisy"] = True
        got = verdict.compare(*both)
        equal(got["rows"][0]["verdict"], "inconclusive")
        equal((got["verdict"], verdict.status(got)), ("inconclusive", 6))
        equal(verdict.status(got, "never"), 0)


def I5_3_no_alarm_without_a_cause():
    draw, alarms = random.Random(12), 0
    for _ in range(300):
        both = [[draw.gauss(100, 4) for _ in range(10)] for _ in range(3)]
        got = verdict.compare(*runs(*both[:2]),
                              {"rerun": runs(both[0], both[2])[1]})
        alarms += got["verdict"] in ("regression", "improvement")
    check(alarms <= 1, "%d false alarms of 300" % alarms)


def I5_3_paired_boots_judge_ratios():
    def side(factor, count, seed):
        # Weather that both of a pair see moves figures by up to 50 %.
        draw = random.Random(4)
        own = random.Random(seed)
        return [runs([100 * factor * draw.uniform(1, 1.5)
                      * own.uniform(0.999, 1.001)], [1])[0]
                for _ in range(count)]
    got = verdict.paired(side(1, 10, 1), side(1.05, 10, 2))
    row = got["rows"][0]
    equal((row["verdict"], got["verdict"]), ("regression", "regression"))
    check(abs(row["delta"] - 0.05) < 0.003 and row["p"] < 0.01, row)
    equal(verdict.paired(side(1, 10, 1), side(1.01, 10, 2))["verdict"],
          "same")
    # Fewer than 8 pairs: 2/2^7 is above 0.01.
    equal(verdict.paired(side(1, 7, 1), side(1.05, 7, 2))["verdict"],
          "inconclusive")
    equal(verdict.paired(side(1, 8, 1), side(1.05, 8, 2))["verdict"],
          "regression")
    raises(verdict.NotComparable, verdict.paired, side(1, 2, 1), [])
    raises(verdict.NotComparable, verdict.paired, [sample()], [sample("smp")])
    # Exact: the two rules; figures that do not repeat cannot be judged.
    worse = slower(sample(), PAIR, "instr_per_op", 1)
    equal(verdict.paired([sample()] * 2, [worse] * 2)["verdict"],
          "regression")
    rows = verdict.paired([sample()] * 2, [worse, sample()])["rows"]
    equal([r["verdict"] for r in rows if r["key"] == PAIR], ["inconclusive"])


def I5_4_exit_status_is_the_verdicts():
    for kind, usual, strict in (("same", 0, 0), ("improvement", 0, 0),
                                ("regression", 1, 1), ("mixed", 1, 1),
                                ("inconclusive", 6, 6)):
        got = {"verdict": kind, "rows": []}
        equal(verdict.status(got), usual, kind)
        equal(verdict.status(got, "noise"), strict, kind)
        equal(verdict.status(got, "never"), 0, kind)
    doubtful = {"verdict": "same", "rows": [{"verdict": "excluded"}]}
    equal((verdict.status(doubtful), verdict.status(doubtful, "noise")),
          (0, 6))


def I5_4_table_has_the_worst_first_and_a_bounded_width():
    base = sample()
    equal(len(verdict.table(verdict.compare(base, base)).split("\n")), 2)
    after = slower(base, PAIR, "instr_per_op", 1)
    after = slower(after, "micro/pair,tlsf,harts=1", "instr_per_op", 100)
    after = slower(after, "micro/pair,sheaf,harts=1", "instr_per_op", -20)
    got = verdict.compare(base, after, {"name": "x" * 300})
    lines = verdict.table(got).split("\n")
    equal([line.split(",")[1] for line in lines[1:4]],
          ["tlsf", "ours", "sheaf"])
    check(re.search(r"2 regressions, 1 improved; verdict: mixed$",
                    lines[-2]), lines[-2])
    # As wide as a row can be, many of them, and from 0.
    for row in got["rows"]:
        row.update(key="smp/" + "k" * 90, metric="m" * 64, unit="u" * 90,
                   before=0.0, after=123456789.123, delta=None,
                   verdict="inconclusive", confirmed=False)
    lines = verdict.table(got, 100).split("\n")
    check(max(map(len, lines[:-2])) <= 100, max(map(len, lines[:-2])))
    check(len(lines) < 50, len(lines))
    contains(lines[-4], "more")


def I5_4_figures_are_written_for_people():
    for figure, text in ((None, "-"), (0, "0"), (16.0, "16"), (-3, "-3"),
                         (18.7227, "18.72"), (1.01129, "1.0113"),
                         (1554828, "1,554,828"), (1234.56, "1,234.6"),
                         (1.5e6 + 0.5, "1.5e+06"), (1e12, "1e+12"),
                         (0.00001, "1e-05")):
        equal(verdict.number(figure), text)
    for delta, text in ((None, ""), (0.0625, "+6.25 %"), (-0.5, "-50.00 %"),
                        (9.5, "+950.00 %"), (1e6, "\u00d71e+06")):
        equal(verdict.percent(delta), text)


def I5_4_foreign_text_reaches_no_terminal_as_it_is():
    data = sample()
    data["code"]["commit"] = "\x1b[31mred\n"
    data["code"]["cc"] = "gcc\x07 12.2.0"
    got = verdict.compare(data, data, {"name": "a\x1b[2J\nb"})
    for text in (verdict.table(got), formats.provenance(data),
                 verdict.summary(got)):
        check(text.rstrip("\n").isprintable(), repr(text))


def I5_5_history_shows_where_it_changed():
    def found(series):
        return [(s["at"], s["before"], s["after"])
                for s in verdict.steps(series)]
    equal(found([]), [])
    equal(found([5]), [])
    equal(found([5, 5, 5]), [])
    equal(found([16] * 5 + [17] * 4), [(5, 16, 17)])
    equal(found([16] * 5 + [17]), [(5, 16, 17)])
    equal(found([16, 16, 16, 20, 20, 20, 16, 16]),
          [(3, 16, 20), (6, 20, 16)])
    equal(found([0, 0, 0, 0, 1]), [(4, 0, 1)])
    # Below 0.2 % there is nothing to tell.
    equal(found([1000] * 5 + [1001] * 5), [])
    figures = [float(result.value(entry_of(d, PAIR)["metrics"]
                                  ["instr_per_op"]))
               for d in bench_sample.history(12, 7, 3)]
    equal(found(figures), [(7, 16, 19)])
    # With noise: steps of four deviations are seen, and hardly any others.
    draw, wrong = random.Random(2), 0
    for _ in range(60):
        flat = [draw.gauss(100, 1) for _ in range(40)]
        wrong += len(found(flat))
        at = [s[0] for s in found([x + 4 * (i >= 25)
                                   for i, x in enumerate(flat)])]
        check(any(abs(a - 25) <= 1 for a in at), at)
    check(wrong <= 6, "%d steps in noise" % wrong)
    # Only the end of a long one is looked at, in its own numbers.
    equal(found([1] * 1000 + [2] * 50), [(1000, 1, 2)])
