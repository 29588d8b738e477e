# SPDX-License-Identifier: MIT
"""A result for other programs: CSV, Markdown, JUnit XML, KTAP.

Theory of operation

1. Each is one function from the data of a result to a text. What a format
   cannot hold is taken out of foreign texts here: line ends, what starts a
   formula in a spreadsheet, what XML has no characters for.
2. In JUnit and KTAP a result is a test. One that could not be measured is an
   error, one that became worse than the baseline a failure, and figures go
   with each. KTAP is version 1 as Documentation/dev-tools/ktap.rst of Linux
   has it, a subtest per group.
3. The Markdown is for a pull request: verdict, what became worse or better,
   headline figures, and never longer than a screen or two.
"""
import collections
import csv as writer
import io
import xml.etree.ElementTree as xml

from quarry.bench import identity, verdict
from quarry.bench.result import plain, value

ROWS_MAX = 15       # of one kind, in Markdown
COLUMNS = ("key", "id", "variant", "harts", "status", "metric", "unit",
           "better", "value", "exact_value", "exact_per", "samples", "ci_low",
           "ci_high", "mad", "min", "max", "why")
# Headlines: what a reader of a change wants to see, whatever changed.
HEADLINES = (
    ("hot pair", "probe/pair,ours,harts=1", "pair.callees"),
    ("hot pair, inlined", "probe/inline,ours,harts=1", "inline.pair"),
    ("10,000 in a batch, per pair", "probe/batch,ours,harts=1", "fifo.net"),
    ("made here, freed there, per pair", "probe/handover,ours,harts=8",
     "handover.1.net"),
    ("memory taken by asked", "probe/memory,ours,harts=1", "memory.ratio"),
    ("kernel entry to prompt", "system/boot,ours,harts=1",
     "boot_instructions"))


def regressed(data):
    """{key: [row, …]} of what became worse."""
    rows = collections.defaultdict(list)
    for row in data.get("comparison", {}).get("rows", ()):
        if row["verdict"] == "regression":
            rows[row["key"]].append(row)
    return rows


def every(data):
    """The results, and as failed what was planned and is not there."""
    results = data["results"]
    there = {entry["key"] for entry in results}
    why = "not taken: " + data["run"].get("why", "the run ended before")
    return results + [
        {"key": key, "id": key.split(",")[0], "status": "failed",
         "why": why, "metrics": {}}
        for key in data["run"]["plan"] if key not in there]


def figure(metric):
    """The figure and its unit, for people."""
    text = verdict.number(value(metric))
    unit = plain(metric["unit"], 20)
    return text if unit == "1" else "%s %s" % (text, unit)


# CSV

def _cell(text):
    """Foreign text that no spreadsheet takes for a formula."""
    text = plain(text)
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


def _csv_metric(name, metric):
    exact = metric.get("exact", {})
    low, high = metric.get("ci95", ("", ""))
    middle = value(metric)
    return [name, _cell(metric["unit"]), metric["better"],
            repr(float(middle)), exact.get("value", ""), exact.get("per", ""),
            len(metric["samples"]), low, high, metric.get("mad", ""),
            metric.get("min", ""), metric.get("max", "")]


def csv(data):
    """A header, then a row for each key and metric; one for what failed."""
    out = io.StringIO()
    table = writer.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for entry in data["results"]:
        head = [entry["key"], entry["id"], entry["variant"],
                entry["params"]["harts"], entry["status"]]
        why = _cell(entry.get("why", ""))
        rows = [_csv_metric(*item) for item in entry["metrics"].items()]
        for row in rows or [[""] * 12]:
            table.writerow(head + row + [why])
    return out.getvalue()


# Markdown

def _md(text, width=120):
    """Foreign text in a cell."""
    text = plain(text, width)
    for sign in "\\`*_|<>[]&":
        text = text.replace(sign, "\\" + sign)
    return text


def _md_rows(title, rows):
    if not rows:
        return []
    lines = ["", "**%s**" % title, "",
             "| benchmark | metric | before | after | change |",
             "|---|---|--:|--:|--:|"]
    for row in rows[:ROWS_MAX]:
        lines.append("| %s | %s | %s | %s | %s |" % (
            _md(row["key"]), _md(row["metric"]),
            verdict.number(row.get("before")),
            verdict.number(row.get("after")),
            verdict.percent(row.get("delta"))))
    if len(rows) > ROWS_MAX:
        lines += ["", "… and %d more" % (len(rows) - ROWS_MAX)]
    return lines


def _md_comparison(comparison):
    lines = [_md_sentence(verdict.summary(comparison))]
    rows = verdict.worst_first(comparison["rows"])
    for kind, title in (("regression", "Worse"),
                        ("inconclusive", "Cannot tell"),
                        ("improvement", "Better")):
        lines += _md_rows(title, [r for r in rows if r["verdict"] == kind])
    return lines


def _md_sentence(text):
    text = _md(text, 400)
    return text[:1].upper() + text[1:] + "."


def _md_faults(data):
    faults = [r for r in data["results"] if r["status"] == "failed"]
    lines = ["", "**Failed**", ""] if faults else []
    lines += ["- %s: %s" % (_md(r["key"]), _md(r.get("why", "")))
              for r in faults[:ROWS_MAX]]
    if len(faults) > ROWS_MAX:
        lines.append("- … and %d more" % (len(faults) - ROWS_MAX))
    return lines


def _md_headlines(data):
    there = {(r["key"], name): metric for r in data["results"]
             for name, metric in r["metrics"].items()}
    rows = [(title, there[key, name]) for title, key, name in HEADLINES
            if (key, name) in there]
    if not rows:
        return []
    return ["", "| figure | |", "|---|--:|"] + [
        "| %s | %s |" % (title, _md(figure(metric))) for title, metric in rows]


def provenance(data):
    """What was measured where, one line."""
    code, target = data["code"], data["target"]
    parts = ["commit %s" % plain(code["commit"])[:10]
             if code["commit"] else "no known commit"]
    if code["dirty"]:
        parts[0] += " with changes"
    parts.append("%s, mode %s" % (plain(target["machine"], 40),
                                  target["mode"]))
    return ", ".join(parts + identity.tools(data))


def markdown(data):
    """The summary of a run, for a pull request."""
    count = collections.Counter(r["status"] for r in data["results"])
    lines = ["### Benchmarks", ""]
    if "comparison" in data:
        lines += _md_comparison(data["comparison"])
    else:
        lines.append("Compared with nothing.")
    if data["run"]["noisy"]:
        lines += ["", "The machine was noisy: no figure can be trusted."]
    if data["run"]["status"] == "partial":
        lines += ["", "Partial: " + _md(data["run"].get("why", "")) + "."]
    lines += _md_faults(data) + _md_headlines(data)
    lines += ["", "%d measured, %d failed, %d skipped; %s." % (
        count["ok"], count["failed"], count["skipped"],
        _md(provenance(data), 400))]
    return "\n".join(lines) + "\n"


# JUnit

def _xml(text):
    """Foreign text for XML, which has characters for all that prints."""
    return plain(text, 2000)


def _change(row):
    return "%s: %s, was %s %s (%s)" % (
        row["metric"], verdict.number(row.get("after")),
        verdict.number(row.get("before")), plain(row.get("unit", ""), 20),
        verdict.percent(row.get("delta")) or "was 0")


def _figures_text(entry):
    return "\n".join("%s: %s" % (plain(name), figure(metric))
                     for name, metric in entry["metrics"].items())


def _case(suite, entry, worse):
    case = xml.SubElement(suite, "testcase", {
        "classname": _xml(entry["id"].replace("/", ".")),
        "name": _xml(entry["key"]), "time": "0"})
    if entry["status"] == "failed":
        kind, why = "error", entry.get("why", "")
    elif entry["status"] == "skipped":
        kind, why = "skipped", entry.get("why", "")
    elif worse:
        kind, why = "failure", "; ".join(_change(row) for row in worse)
    else:
        kind = None
    if kind:
        attributes = {"message": _xml(why)}
        if kind != "skipped":
            attributes["type"] = "regression" if kind == "failure" \
                else "failed"
        xml.SubElement(case, kind, attributes)
    if entry["metrics"]:
        out = xml.SubElement(case, "system-out")
        out.text = "\n".join(map(_xml, _figures_text(entry).split("\n")))
    return kind


def _groups(data):
    groups = collections.OrderedDict()
    for entry in every(data):
        group = _ktap_text(entry["id"].split("/")[0])
        groups.setdefault(group, []).append(entry)
    return groups


def junit(data):
    """JUnit XML: a suite per group, a case per result."""
    worse = regressed(data)
    root = xml.Element("testsuites", {"name": "quarry-bench"})
    total = collections.Counter()
    for group, entries in _groups(data).items():
        suite = xml.SubElement(root, "testsuite", {
            "name": _xml(group),
            "timestamp": data["run"]["started"].rstrip("Z")})
        count = collections.Counter(
            _case(suite, entry, worse.get(entry["key"])) for entry in entries)
        _counts(suite, len(entries), count)
        total += count
    _counts(root, len(every(data)), total)
    root.set("time", "%.3f" % data["run"]["duration_s"])
    xml.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(
        root, encoding="unicode") + "\n"


def _counts(element, tests, count):
    for name, number in (("tests", tests), ("failures", count["failure"]),
                         ("errors", count["error"]),
                         ("skipped", count["skipped"])):
        element.set(name, str(number))


# KTAP

def _ktap_text(text):
    """Foreign text in a result line: "#" starts a directive there."""
    return plain(text).replace("#", "")


def _ktap_line(number, entry, worse):
    """(passed, the lines of one result)"""
    name = _ktap_text(entry["key"])
    why = _ktap_text(entry.get("why", ""))
    if entry["status"] == "skipped":
        return True, ["ok %d %s # SKIP %s" % (number, name, why)]
    if entry["status"] == "failed":
        return False, ["not ok %d %s # ERROR %s" % (number, name, why)]
    if worse:
        said = ["# " + _ktap_text(_change(row)) for row in worse]
        return False, said + ["not ok %d %s" % (number, name)]
    return True, ["ok %d %s" % (number, name)]


def ktap(data):
    """KTAP version 1: a subtest per group, a test per result."""
    worse, groups = regressed(data), _groups(data)
    lines = ["KTAP version 1", "1..%d" % len(groups)]
    for at, (group, entries) in enumerate(groups.items(), 1):
        lines += ["  KTAP version 1", "  # Subtest: " + group,
                  "  1..%d" % len(entries)]
        passed = True
        for number, entry in enumerate(entries, 1):
            good, said = _ktap_line(number, entry, worse.get(entry["key"]))
            passed = passed and good
            lines += ["  " + line for line in said]
        lines.append("%sok %d %s" % ("" if passed else "not ", at, group))
    return "\n".join(lines) + "\n"
