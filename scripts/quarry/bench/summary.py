# SPDX-License-Identifier: MIT
"""What a run is summed up to on a terminal: a few lines, worst first."""
import statistics

from quarry.bench.progress import clock

ROWS_MAX = 20
# The comparators, by their cost of an operation.
COLUMNS = (("pair", "micro/pair", 1), ("burst", "micro/burst", 1),
           ("ctor", "micro/ctor", 1), ("larson", "smp/larson", 1),
           ("larson, 8 harts", "smp/larson", 8))
COSTS = ("instr_per_op", "cycles_per_op", "ns_per_op")
UNITS = {"instr_per_op": "instructions", "cycles_per_op": "cycles",
         "ns_per_op": "ns"}


def value(metric):
    """The figure of a metric."""
    if "exact" in metric:
        return metric["exact"]["value"] / metric["exact"]["per"]
    return statistics.median(metric["samples"])


def shown(number):
    if number is None:
        return "-"
    if number == int(number):
        return "{:,}".format(int(number))
    return "{:,.2f}".format(number)


def is_default(result):
    """No parameter in the key beside the harts."""
    return result["key"].count(",") == 2


def cost(results, bench, variant, harts):
    """(name of the metric, figure), or None."""
    for result in results:
        if (result["id"], result["variant"], result["params"]["harts"]) == (
                bench, variant, harts) and is_default(result):
            for name in COSTS:
                if name in result["metrics"]:
                    return name, value(result["metrics"][name])
    return None


def comparators(results):
    """Lines of a table: a row an allocator, a column a load."""
    variants = list(dict.fromkeys(
        r["variant"] for r in results
        if any(r["id"] == bench for _, bench, _ in COLUMNS)))
    cells = {(variant, head): cost(results, bench, variant, harts)
             for variant in variants for head, bench, harts in COLUMNS}
    heads = [head for head, _, _ in COLUMNS
             if any(cells[variant, head] for variant in variants)]
    if not heads:
        return []
    units = [UNITS[cell[0]] for cell in cells.values() if cell]
    lines = ["%s per pair:" % units[0],
             "  " + "%-12s" % "allocator" + "".join(
                 "%*s" % (max(len(h) + 2, 12), h) for h in heads)]
    for variant in variants:
        lines.append("  %-12s" % variant + "".join("%*s" % (
            max(len(h) + 2, 12),
            shown(cells[variant, h][1]) if cells[variant, h] else "-")
            for h in heads))
    return lines


def failures(results):
    bad = [r for r in results if r["status"] == "failed"]
    lines = ["failed  %s: %s" % (r["key"], r["why"]) for r in bad[:ROWS_MAX]]
    if len(bad) > ROWS_MAX:
        lines.append("  and %d more" % (len(bad) - ROWS_MAX))
    return lines


def count(data, verdict):
    return len({row["key"] for row in
                data.get("comparison", {}).get("rows", [])
                if row["verdict"] == verdict})


def last(data):
    """62 run, 0 regressions, 0 improved, 0 failed, 0:41"""
    results = data["results"]

    def having(status):
        return sum(r["status"] == status for r in results)

    parts = ["%d run" % (having("ok") + having("failed"))]
    if data.get("comparison"):
        parts += ["%d regression%s" % (
            count(data, "regression"),
            "" if count(data, "regression") == 1 else "s"),
            "%d improved" % count(data, "improvement")]
    parts.append("%d failed" % having("failed"))
    if having("skipped"):
        parts.append("%d skipped" % having("skipped"))
    missing = len(data["run"]["plan"]) - len(results)
    if missing > 0:
        parts.append("%d not taken" % missing)
    return ", ".join(parts + [clock(data["run"]["duration_s"])])


def machine(data):
    """One line: what this was measured on."""
    target = data["target"]
    parts = [target["machine"], "mode " + target["mode"],
             target.get("emulator"), target.get("firmware"),
             data["code"].get("cc")]
    return ", ".join(p for p in parts if p)


def timed(results):
    """Lines of a table of what varies."""
    lines = []
    for result in results:
        for name in COSTS:
            metric = result["metrics"].get(name)
            if metric and "exact" not in metric:
                samples = metric["samples"]
                lines.append("  %-44s %12s %12s %12s %s%s" % (
                    result["key"], shown(statistics.median(samples)),
                    shown(min(samples)), shown(max(samples)), metric["unit"],
                    "  oversubscribed" if "oversubscribed"
                    in result.get("notes", []) else ""))
                break
    if lines:
        lines.insert(0, "  %-44s %12s %12s %12s" % (
            "per pair", "median", "least", "most"))
    return lines
