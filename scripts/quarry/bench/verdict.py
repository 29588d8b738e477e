# SPDX-License-Identifier: MIT
"""Did it get better or worse: two results, and a verdict on every figure.

Theory of operation

1. Only like is compared with like: bench/identity.py says what must agree.
2. Exact figures have no noise, so there is no test: a figure is worse when it
   is worse by at least one of its unit and by more than 0.2 %. The one keeps
   rounding of tiny figures out, the other a lone instruction in a thousand.
   Arithmetic is rational. A figure without a unit that is a quotient (memory
   taken by memory asked) has no "one"; there 0.2 % alone decides.
3. Figures that vary are worse when ranks say so (p < 0.01) and the median
   moved by more than 2 % and by more than this figure is known to move from
   one commit to the next. What looks worse is measured once more by the
   caller, and stays so only if it looks the same again.
4. Better is judged by the same rules as worse. A figure that is neither good
   nor bad is `changed`.
5. Doubt is not a pass. Noisy runs and too few samples are `inconclusive`, the
   whole with them; so is a finding that did not repeat, but for itself alone:
   among hundreds of figures some are bound to look worse once. Harts that
   shared a processor are `excluded`. Nothing compared is not `same`.
6. History has steps: stretches of one level, and commits at which it changed.
   The stretches are those of least squared error, where each costs what noise
   alone would gain by one more; the noise is read off the differences between
   neighbours, of which few are steps.
"""
import collections
import fractions
import math
import statistics

from quarry.bench import identity, stats
from quarry.bench.result import plain, value

EXACT_LEAST = 1                                 # of the metric's unit
EXACT_SHARE = fractions.Fraction(2, 1000)
SHARE = 0.02
ALPHA = 0.01
SHARE_MAX = 1e12                                # beyond it nothing is told
UNITLESS = ("1", "ratio", "%")
OK, REGRESSION, INCONCLUSIVE = 0, 1, 6          # exit statuses
STEPS_MAX = 400                                 # commits; time is quadratic
FAIL_ON = ("regression", "noise", "never")

# name: of the baseline, for people. threshold: share in place of 0.2 % or 2 %.
# history: earlier results, oldest first. rerun: a second result of what looked
# worse or better. subset: only part was planned; the rest is not `gone`.
Options = collections.namedtuple(
    "Options", "name threshold history rerun subset",
    defaults=("the baseline", None, (), None, False))


class NotComparable(Exception):
    """Two results of which a difference would mean nothing: one line."""


def _options(options):
    if options is None:
        return Options()
    return options if isinstance(options, Options) else Options(**options)


def require_comparable(before, after, name="the baseline"):
    """NotComparable when they are not."""
    differ = identity.differences(before, after)
    if differ:
        raise NotComparable("cannot be compared with %s: %s"
                            % (plain(name), "; ".join(differ)))


def _figures(data):
    """{(key, metric): (result, metric)} of all that was measured."""
    return {(entry["key"], name): (entry, metric)
            for entry in data["results"] if entry["status"] == "ok"
            for name, metric in entry["metrics"].items()}


def _float(number):
    return None if number is None else float(number)


def _share(before, after):
    """after / before - 1; None where that is no number to show."""
    if not before or after is None:
        return None
    try:
        share = float(after / before - 1)
    except OverflowError:
        return None
    return share if abs(share) < SHARE_MAX else None


def _row(name, metric, before, after, verdict, **more):
    """A row as the schema has it; figures of one form in one order."""
    delta = more.pop("delta", None)
    if delta is None:
        delta = _share(before, after)
    row = {"key": name[0], "metric": name[1], "unit": metric["unit"],
           "before": _float(before), "after": _float(after),
           "delta": delta}
    row.update(more)
    row["verdict"] = verdict
    return row


def _direction(metric, change):
    """What a change that counts is called."""
    if metric["better"] == "neither":
        return "changed"
    worse = change > 0 if metric["better"] == "lower" else change < 0
    return "regression" if worse else "improvement"


# Exact figures

def _fraction(metric):
    return fractions.Fraction(value(metric))


def _is_quotient(old, new):
    per = max(m.get("exact", {"per": 1})["per"] for m in (old, new))
    return old["unit"] in UNITLESS and per > 1


def exact_counts(old, new, share=EXACT_SHARE):
    """Whether the change of an exact figure is one at all."""
    before, after = _fraction(old), _fraction(new)
    change = abs(after - before)
    if not change or (change < EXACT_LEAST and not _is_quotient(old, new)):
        return False
    return change > abs(before) * share


def _judge_exact(name, old, new, share):
    before, after = _fraction(old), _fraction(new)
    verdict = "same"
    if exact_counts(old, new, share):
        verdict = _direction(new, after - before)
    return _row(name, new, before, after, verdict)


# Figures that vary

def _relative(before, after):
    """after / before - 1; infinite when something came of nothing."""
    if before:
        return after / before - 1
    return math.inf if after > 0 else -math.inf if after < 0 else 0.0


def _timed_change(old, new, least):
    """The change, its P, and: "same", "counts" or "inconclusive"."""
    a, b = old["samples"], new["samples"]
    change = _relative(statistics.median(a), statistics.median(b))
    p = stats.mann_whitney(a, b)
    if abs(change) <= least:
        return change, p, "same"
    if stats.least_p(len(a), len(b)) >= ALPHA:
        return change, p, "inconclusive"    # no such samples could show it
    return change, p, "counts" if p < ALPHA else "same"


def _confirmed(old, rerun, change, least):
    """Whether the second look shows the same."""
    if rerun is None:
        return None
    again, _, kind = _timed_change(old, rerun, least)
    return kind == "counts" and (again > 0) == (change > 0)


def _judge_timed(name, old, new, least, rerun):
    change, p, kind = _timed_change(old, new, least)
    confirmed, verdict = None, kind
    if kind == "counts":
        confirmed = _confirmed(old, rerun, change, least)
        verdict = "inconclusive" if confirmed is False \
            else _direction(new, change)
    return _row(name, new, value(old), value(new), verdict, p=p, floor=least,
                confirmed=confirmed)


def _floors(history, after):
    """{(key, metric): share} by which figures moved between commits."""
    series = collections.defaultdict(list)
    for data in history:
        if identity.differences(data, after):
            continue
        for name, (entry, metric) in _figures(data).items():
            if "oversubscribed" not in entry.get("notes", ()):
                series[name].append(float(value(metric)))
    return {name: stats.floor(stats.changes(figures))
            for name, figures in series.items()}


# Both

class Judge:
    """What is known beside the two figures of a row."""

    def __init__(self, before, after, options):
        self.exact = after["target"]["mode"] == "exact"
        self.noisy = before["run"]["noisy"] or after["run"]["noisy"]
        self.share = options.threshold
        if self.share is None:
            self.share = EXACT_SHARE if self.exact else SHARE
        self.floors = {} if self.exact \
            else _floors(options.history, after)
        again = options.rerun
        self.rerun = _figures(again) if again and not again["run"]["noisy"] \
            else {}

    def row(self, name, old, new):
        (before, metric), (after, now) = old, new
        notes = before.get("notes", []) + after.get("notes", [])
        verdict = None
        if "oversubscribed" in notes:
            verdict = "excluded"
        elif self.noisy or "noisy" in notes:
            verdict = "inconclusive"
        if verdict:
            return _row(name, now, value(metric), value(now), verdict)
        if self.exact:
            return _judge_exact(name, metric, now, self.share)
        again = self.rerun.get(name)
        return _judge_timed(name, metric, now,
                            max(self.share, self.floors.get(name, 0.0)),
                            again[1] if again else None)


def _means_another(old, new):
    """A figure whose unit or direction changed is another figure."""
    return (old[1]["unit"], old[1]["better"]) != (
        new[1]["unit"], new[1]["better"])


def _rows(before, after, judge, subset):
    olds, news = _figures(before), _figures(after)
    planned = {entry["key"] for entry in after["results"]}
    pending = set(after["run"]["plan"]) - planned
    for name, old in olds.items():
        new = news.get(name)
        if new and not _means_another(old, new):
            yield judge.row(name, old, new)
        elif name[0] not in pending and (
                not subset or name[0] in planned):
            yield _row(name, old[1], value(old[1]), None, "gone")
    for name, new in news.items():
        if name not in olds or _means_another(olds[name], new):
            yield _row(name, new[1], None, value(new[1]), "new")


def _overall(rows, doubt):
    count = collections.Counter(row["verdict"] for row in rows)
    judged = count["same"] + count["changed"] + count["regression"] \
        + count["improvement"]
    if doubt or not judged:
        # What is worse beyond doubt stays worse.
        return "regression" if count["regression"] else "inconclusive"
    if count["regression"] and count["improvement"]:
        return "mixed"
    if count["regression"]:
        return "regression"
    if any(row["verdict"] == "inconclusive"
           and row.get("confirmed") is not False for row in rows):
        return "inconclusive"
    return "improvement" if count["improvement"] else "same"


def _comparison(name, before, rows, doubt):
    return {"baseline": {"name": plain(name),
                         "commit": before["code"]["commit"]},
            "verdict": _overall(rows, doubt), "rows": rows}


def compare(before, after, options=None):
    """The `comparison` of the schema: how `after` stands to `before`.

    `options`: Options, or a dict of its members. NotComparable when a
    difference would not be the code's.
    """
    options = _options(options)
    require_comparable(before, after, options.name)
    judge = Judge(before, after, options)
    rows = list(_rows(before, after, judge, options.subset))
    doubt = judge.noisy or after["run"]["status"] == "partial"
    return _comparison(options.name, before, rows, doubt)


# A,B,A,B

def _paired_row(name, olds, news, share):
    before = statistics.median(value(m) for m in olds)
    after = statistics.median(value(m) for m in news)
    pairs = [(value(a), value(b)) for a, b in zip(olds, news)]
    if all(a == b for a, b in pairs):
        return _row(name, news[0], before, after, "same", p=1.0, floor=share,
                    confirmed=None)
    ratios = [b / a if a > 0 else 0 for a, b in pairs]
    if not all(1 / SHARE_MAX < r < SHARE_MAX for r in ratios):
        return _row(name, news[0], before, after, "inconclusive", p=None,
                    floor=share, confirmed=None)
    change, p = statistics.median(ratios) - 1, stats.wilcoxon(ratios)
    verdict = "same"
    if abs(change) > share:
        if 2.0 ** (1 - len(ratios)) >= ALPHA:
            verdict = "inconclusive"
        elif p < ALPHA:
            verdict = _direction(news[0], change)
    return _row(name, news[0], before, after, verdict, delta=change, p=p,
                floor=share, confirmed=None)


def _paired_exact(name, olds, news, share):
    for side in (olds, news):
        if any(_fraction(m) != _fraction(side[0]) for m in side):
            return _row(name, news[0], value(olds[0]), value(news[0]),
                        "inconclusive")
    return _judge_exact(name, olds[0], news[0], share)


def _side(runs):
    """Figures of every run of one side: {name: [(result, metric), …]}."""
    figures = [_figures(data) for data in runs]
    return {name: [one[name] for one in figures] for name in figures[0]
            if all(name in one for one in figures)}


def paired(a_runs, b_runs, options=None):
    """A `comparison` of boots A, B, A, B, …: a_runs[i] goes with b_runs[i].

    Each pair saw the same weather, so its ratio is judged: their median by
    Wilcoxon's test. Less than 8 pairs cannot show p < 0.01.
    """
    options = _options(options)
    if not a_runs or len(a_runs) != len(b_runs):
        raise NotComparable("pairs need as many runs of the one as of the "
                            "other: %d and %d" % (len(a_runs), len(b_runs)))
    for data in list(a_runs[1:]) + list(b_runs):
        require_comparable(a_runs[0], data, options.name)
    judge = Judge(a_runs[0], b_runs[0], options)
    noisy = any(data["run"]["noisy"] for data in list(a_runs) + list(b_runs))
    one = _paired_exact if judge.exact else _paired_row
    olds, news, rows = _side(a_runs), _side(b_runs), []
    for name, old in olds.items():
        new = news.get(name)
        if not new or _means_another(old[0], new[0]):
            rows.append(_row(name, old[0][1], value(old[0][1]), None, "gone"))
            continue
        row = one(name, [m for _, m in old], [m for _, m in new], judge.share)
        notes = {note for entry, _ in old + new
                 for note in entry.get("notes", ())}
        if "oversubscribed" in notes:
            row["verdict"] = "excluded"
        elif noisy or "noisy" in notes:
            row["verdict"] = "inconclusive"
        rows.append(row)
    rows += [_row(name, new[0][1], None, value(new[0][1]), "new")
             for name, new in news.items()
             if name not in olds or _means_another(olds[name][0], new[0])]
    return _comparison(options.name, a_runs[0], rows, noisy)


def suspects(comparison):
    """Keys to measure once more before they are believed."""
    return list(dict.fromkeys(
        row["key"] for row in comparison["rows"]
        if row["verdict"] in ("regression", "improvement")
        and "confirmed" in row and row["confirmed"] is None))


def status(comparison, fail_on="regression"):
    """The exit status: 0, 1 (regression) or 6 (cannot tell).

    `fail_on`: regression; noise, then also when a single row could not be
    judged; never.
    """
    if fail_on == "never":
        return OK
    verdict = comparison["verdict"]
    if verdict in ("regression", "mixed"):
        return REGRESSION
    if verdict == "inconclusive":
        return INCONCLUSIVE
    doubtful = any(row["verdict"] in ("inconclusive", "excluded")
                   for row in comparison["rows"])
    return INCONCLUSIVE if fail_on == "noise" and doubtful else OK


# Steps of a history

def _noise(series):
    """The deviation of one figure, from differences between neighbours."""
    distances = [abs(b - a) for a, b in zip(series, series[1:])]
    return 1.4826 * statistics.median_low(distances) / math.sqrt(2)


def _segments(series, cost):
    """Starts of the stretches of least squared error; each costs `cost`."""
    sums, squares = [0.0], [0.0]
    for figure in series:
        sums.append(sums[-1] + figure)
        squares.append(squares[-1] + figure * figure)
    best, start = [0.0], [0]        # of the first i figures; of their last
    for end in range(1, len(series) + 1):
        found, at = math.inf, 0
        for first in range(end):
            total = sums[end] - sums[first]
            error = squares[end] - squares[first] - total * total / (
                end - first)
            whole = best[first] + max(error, 0.0) + cost
            if whole < found:
                found, at = whole, first
        best.append(found)
        start.append(at)
    starts, end = [], len(series)
    while end:
        end = start[end]
        starts.append(end)
    return starts[::-1]


def steps(series, least=float(EXACT_SHARE)):
    """Where a history changed its level: [{at, before, after, delta}].

    `series`: one figure a commit, oldest first; `at` is the index of the first
    of the new level. Changes of no more than `least` are not told. Of a very
    long history only the end is looked at.
    """
    offset = max(0, len(series) - STEPS_MAX)
    series = [float(figure) for figure in series[offset:]]
    if len(series) < 2:
        return []
    middle = statistics.median(series)
    around = [figure - middle for figure in series]
    # Without noise: what a change of `least` in the last figure alone gains.
    smallest = (least * middle) ** 2 / 2 or 1e-12
    cost = max(4 * math.log(len(series)) * _noise(series) ** 2, smallest)
    bounds = _segments(around, cost) + [len(series)]
    levels = [statistics.median(series[a:b])
              for a, b in zip(bounds, bounds[1:])]
    return [{"at": offset + at, "before": before, "after": after,
             "delta": after / before - 1 if before else None}
            for at, before, after in zip(bounds[1:], levels, levels[1:])
            if abs(after - before) > least * abs(before)]


# For people

ORDER = ("regression", "inconclusive", "improvement", "gone", "new",
         "changed")
WORDS = {"regression": "regression", "inconclusive": "inconclusive",
         "improvement": "improved", "changed": "changed", "gone": "gone",
         "new": "new", "excluded": "excluded"}
SHOWN_MAX = 40


def number(figure):
    """A figure as people read it; thousands are set apart."""
    if figure is None:
        return "-"
    figure = float(figure)
    size = abs(figure)
    if figure.is_integer() and size < 1e9:
        return "{:,}".format(int(figure))
    if size >= 1e6:
        return "{:.4g}".format(figure)
    digits = 4 if size < 2 else 2 if size < 1000 else 1
    text = "{:,.{}f}".format(figure, digits).rstrip("0").rstrip(".")
    return text if float(text.replace(",", "")) else "{:.3g}".format(figure)


def percent(delta):
    if delta is None:
        return ""
    return "{:+.2f} %".format(100 * delta) if abs(delta) < 10 \
        else "×{:.3g}".format(1 + delta)


def worst_first(rows):
    """Rows that say something, gravest kind first, largest change first."""
    told = [row for row in rows if row["verdict"] in ORDER]

    def weight(row):
        # Without a share (it was 0) a change is larger than any.
        size = abs(row["delta"]) if row.get("delta") is not None else math.inf
        return ORDER.index(row["verdict"]), -size, row["key"], row["metric"]
    return sorted(told, key=weight)


def cut(text, width):
    """Text no wider; what is in the middle goes."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return text[:head] + "…" + text[len(text) - (width - 1 - head):]


def summary(comparison):
    """The last line: what was compared with what, and how it went."""
    count = collections.Counter(r["verdict"] for r in comparison["rows"])
    compared = sum(count.values()) - sum(
        count[kind] for kind in ("new", "gone", "excluded"))
    parts = ["%d %s" % (count[kind], word) for kind, word in WORDS.items()
             if count[kind]]
    if count["regression"] > 1:
        parts[0] += "s"
    if count["same"] == compared and compared:
        parts.insert(0, "all the same")
    base = comparison["baseline"]
    commit = " (%s)" % plain(base["commit"])[:10] if base["commit"] else ""
    return "%d figures compared with %s%s: %s; verdict: %s" % (
        compared, plain(base["name"], 100), commit, ", ".join(parts),
        comparison["verdict"])


def _cells(row):
    unit = plain(row.get("unit", ""), 12)
    verdict = WORDS[row["verdict"]]
    if row.get("confirmed") is False:
        verdict = "did not repeat"
    return [plain(row["key"]), plain(row["metric"]),
            number(row.get("before")), number(row.get("after")),
            "" if unit == "1" else unit, percent(row.get("delta")), verdict]


def table(comparison, width=100):
    """Lines for people: the worst first, and the summary."""
    rows = worst_first(comparison["rows"])
    last = summary(comparison)
    if not rows:
        return last + "\n"
    cells = [["benchmark", "metric", "before", "after", "", "", ""]]
    cells += [_cells(row) for row in rows[:SHOWN_MAX]]
    wide = [max(len(line[i]) for line in cells) for i in range(7)]
    # The two names share what the figures leave.
    spare = max(30, width - sum(wide[2:]) - 12)
    wide[1] = min(wide[1], max(14, spare - wide[0]))
    wide[0] = min(wide[0], spare - wide[1])
    lines = []
    for line in cells:
        text = [cut(line[0], wide[0]).ljust(wide[0]),
                cut(line[1], wide[1]).ljust(wide[1])]
        text += [line[i].rjust(wide[i]) for i in (2, 3)]
        text += [line[4].ljust(wide[4]), line[5].rjust(wide[5]), line[6]]
        lines.append("  ".join(text).rstrip())
    if len(rows) > SHOWN_MAX:
        lines.append("… and %d more" % (len(rows) - SHOWN_MAX))
    return "\n".join(lines + ["", last]) + "\n"
