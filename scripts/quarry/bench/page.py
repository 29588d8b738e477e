# SPDX-License-Identifier: MIT
"""The report: one HTML file that shows a run of the benchmarks.

Theory of operation

1. The file is made of page/page.html, page/*.css and page/*.js, a chart
   library that the system has (Chart.js, Debian's libjs-chart.js), and the
   results. It needs nothing else: no server, no network, no file beside it.
2. The results go in as they are, as JSON; the page computes what it shows from
   these numbers and offers the same text to be saved. So that 700 results fit,
   the text is deflated and in base64, which also means that nothing in a
   result can end a script or begin a tag. The page inflates it by itself,
   before its load event, in any browser of the last ten years.
3. A Content-Security-Policy forbids everything but the scripts and the style
   of this file, by their hashes. Text from results is only ever put on the
   page as text (textContent); the page has no other way to write.
4. The newest run is shown; older ones are history: one line of figures per
   key and metric. The file has a limit, and history gives way, oldest first.
5. Results of another machine or mode are no history: the page holds the newest
   of each such kind as a run of its own, and a link to it, `?run=2`.
6. Without the library the page is written all the same: each figure has its
   numbers in a table, and those are then open. write() returns what the
   person should know, a line each.
"""
import base64
import hashlib
import html
import json
import math
import os
import re
import statistics
import zlib

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")
STYLES = ("page.css",)
SCRIPTS = ("data.js", "dom.js", "answers.js", "plot.js", "figures.js",
           "tables.js", "page.js")
LIMIT_BYTES = 600 * 1000
LIBRARIES = [os.path.join(folder, name)
             for folder in ("/usr/share/javascript/chart.js",
                            "/usr/share/nodejs/chart.js/dist")
             for name in ("chart.umd.min.js", "chart.umd.js", "chart.min.js",
                          "Chart.min.js", "chart.js")]
BANNER = re.compile(r"Chart\.js v(\d+)\.(\d+)\.(\d+)")
ACCEPTED = (3, 4)
INSTALL = "scripts/setup report"
HISTORY_RUNS = 100
ALSO_MAX = 7           # runs beside the one that is shown first
STEP_SERIES = 400     # looked at for changes of their level, at most
STEPS_BYTES = 20000   # that the steps of a history may take
# What the history shows first, where a run has it.
HEADLINES = [re.compile(r"%s\t%s" % parts) for parts in (
    (r"micro/pair,ours,harts=1", r"(instr|ns)_per_op"),
    (r"smp/(scale|larson),ours,harts=8", r"(instr|ns)_per_op"),
    (r"memory/frag-steady,ours,harts=\d+", r"(ratio|overhead|peak_frames)"),
    (r"memory/footprint,ours,harts=1", r"overhead"),
    (r"probe/pair,ours,harts=1", r"pair\.callees"),
    (r"(system|probe)/boot,ours,harts=1", r"instr\w*|boot"),
    (r"host/[a-z-]+,(ours|kmem),harts=1", r"(instr|ns)_per_op"))]


class Failure(Exception):
    """These results cannot be shown; the text is one line that says why."""


# ---- The library ----

def find_library():
    """Path of the chart library, None when there is none."""
    for path in LIBRARIES:
        if os.path.isfile(path):
            return path
    return None


def read_library(path):
    """(text, version, warning): no text where there is a warning."""
    if path is None:
        return "", None, ("report: charts are left out, Chart.js is not"
                          " installed; '%s' installs it" % INSTALL)
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
    except (OSError, UnicodeDecodeError) as error:
        return "", None, "report: charts are left out, %s: %s" % (path, error)
    found = BANNER.search(text[:1000])
    if not found or int(found.group(1)) not in ACCEPTED:
        return "", None, (
            "report: charts are left out, %s is %s, and not Chart.js 3 or 4"
            % (path, found.group(0) if found else "of no known version"))
    if "</script" in text.lower() or "<!--" in text:
        return "", None, ("report: charts are left out, %s cannot stand in"
                          " a page" % path)
    text = re.sub(r"\n//# sourceMappingURL=\S*", "", text)
    return text, ".".join(found.groups()), None


# ---- Figures ----

def value_of(metric):
    """The figure of a metric; data.js computes the same."""
    if "exact" in metric:
        return metric["exact"]["value"] / metric["exact"]["per"]
    return statistics.median(metric["samples"])


def same_machine(one, other):
    return all(one["target"].get(part) == other["target"].get(part)
               for part in ("kind", "mode", "machine"))


def about(run):
    """What the history says of a run."""
    return {"id": run["run"]["id"], "commit": run["code"]["commit"],
            "subject": run["code"].get("subject"),
            "date": run["code"].get("date") or run["run"]["started"],
            "noisy": run["run"]["noisy"],
            "partial": run["run"]["status"] != "ok"}


def history_of(runs):
    """Figures of runs, oldest first: {"runs": […], "series": {name: […]}}.

    A name is key, tabulator, metric: of the newest run's results only.
    """
    if len(runs) < 2:
        return {"runs": [], "series": {}, "heads": [], "steps": {}}
    tables = [{r["key"]: r["metrics"] for r in run["results"]}
              for run in runs]
    series = {}
    for key, metrics in tables[-1].items():
        for name in metrics:
            values = [value_of(t[key][name]) if name in t.get(key, ())
                      else None for t in tables]
            if sum(v is not None for v in values) > 1:
                series["%s\t%s" % (key, name)] = values
    return {"runs": [about(run) for run in runs], "series": series,
            "heads": headlines(series), "steps": {}}


def headlines(series):
    """Of each kind the first that is there."""
    found = [next((name for name in series if kind.fullmatch(name)), None)
             for kind in HEADLINES]
    return [name for name in found if name]


def steps_of(history):
    """{name: [index, …]}: where a figure's level changed, by verdict.py."""
    try:
        from .verdict import steps
    except ImportError:
        return {}
    series, found, size = history["series"], {}, 0
    moved = [name for name in dict.fromkeys([*history["heads"], *series])
             if None not in series[name] and len(set(series[name])) > 1]
    for name in moved[:STEP_SERIES]:
        at = [step["at"] for step in steps(series[name])]
        size += len(name) + 8 * len(at)
        if at and size < STEPS_BYTES:
            found[name] = at
    return found


def records_of(run):
    """Rows {figure, unit, record, reach, ours, verdict} of what is there."""
    try:
        from . import records
    except ImportError:
        return []
    facts = records.facts_of(run["results"])[0]
    rows = [records.judge(entry, facts) for entry in records.ROWS]
    return [dict({name: row[name] for name in
                  ("figure", "unit", "record", "reach", "verdict")},
                 ours=records.ours(row))
            for row in rows if row["measured"]]


# ---- Packing ----

def check_numbers(value, where):
    """JSON has no NaN, and a page's numbers are doubles."""
    if isinstance(value, dict):
        for name, part in value.items():
            check_numbers(part, "%s.%s" % (where, name))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            check_numbers(part, "%s[%d]" % (where, i))
    elif isinstance(value, (int, float)):
        try:
            fine = math.isfinite(float(value))
        except OverflowError:
            fine = False
        if not fine:
            raise Failure("%r has a number that cannot be shown: %.20s"
                          % (where[:200], value))


def to_text(value, where):
    check_numbers(value, where)
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def packed(name, text):
    """A script element of data: it is not run, and holds only base64."""
    data = text.encode("ascii")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    return ('<script type="text/plain" id="%s" data-size="%d" data-crc="%d">'
            "%s</script>" % (name, len(data), zlib.crc32(data),
                             base64.b64encode(body).decode()))


# ---- The page ----

def source(names):
    parts = []
    for name in names:
        with open(os.path.join(HERE, name), encoding="utf-8") as f:
            parts.append(f.read())
    return "".join(parts)


def own_script():
    return '(() => {\n"use strict";\n%s})();\n' % source(SCRIPTS)


def hash_of(text):
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "'sha256-%s'" % base64.b64encode(digest).decode()


def policy(scripts, style):
    return "; ".join([
        "default-src 'none'",
        "script-src " + " ".join(hash_of(s) for s in scripts),
        "style-src " + hash_of(style), "base-uri 'none'",
        "form-action 'none'"])


def title_of(run):
    return "Quarry benchmarks, %s %s, %s" % (
        run["target"]["machine"], run["target"]["mode"],
        (run["code"]["commit"] or "no commit")[:12])


def build(run, data, library):
    """The text of the page; `data` are packed elements."""
    style, script = source(STYLES), own_script()
    scripts = [s for s in (library, script) if s]
    parts = {
        "title": html.escape(title_of(run)),
        "policy": policy(scripts, style),
        "style": style,
        "data": "\n".join(data),
        "scripts": "\n".join("<script>%s</script>" % s for s in scripts),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m.group(1)],
                  source(["page.html"]))


def assemble(run, data, library):
    return build(run, data, library).encode("utf-8")


def more_of(run, kept, dropped, version, others):
    return {"history": history_of([run, *kept][::-1]),
            "records": records_of(run), "library": version,
            "dropped": dropped, "others": others}


def pair(number, run, more):
    """The two elements of a run; the first run's have no number."""
    end = "-%d" % number if number > 1 else ""
    return [packed("run-data" + end, to_text(run, run["run"]["id"])),
            packed("more-data" + end, to_text(more, "history"))]


def newest_first(results):
    return sorted(results, key=lambda r: r["run"]["started"], reverse=True)


def others_data(runs, version, titles):
    """Elements of the runs behind the first, without history."""
    data = []
    for number, run in enumerate(runs, 2):
        more = more_of(run, [], 0, version,
                       [t for t in titles if t["number"] != number])
        data += pair(number, run, more)
    return data


def render(results, library=None, also=()):
    """(bytes of the page, warnings) of results; the newest is shown. `also`:
    other runs that the page can show instead, of other modes perhaps."""
    if not results:
        raise Failure("there is no result to report")
    if len(also) > ALSO_MAX:
        raise Failure("a report holds at most %d kinds of results" % (
            ALSO_MAX + 1))
    results = newest_first(results)
    newest = results[0]
    older = [r for r in results[1:] if same_machine(r, newest)]
    warnings = []
    if len(older) < len(results) - 1:
        warnings.append("report: %d of the results are of another machine or"
                        " mode, and left out of the history"
                        % (len(results) - 1 - len(older)))
    text, version, warning = read_library(library or find_library())
    if warning:
        warnings.append(warning)
    titles = [{"number": number, "title": title_of(run)}
              for number, run in enumerate([newest, *also], 1)]
    behind = others_data(also, version, titles)
    kept = older[:HISTORY_RUNS - 1]
    while True:
        more = more_of(newest, kept, len(older) - len(kept), version,
                       titles[1:])
        page = assemble(newest, pair(1, newest, more) + behind, text)
        if len(page) <= LIMIT_BYTES - STEPS_BYTES or not kept:
            break
        kept = kept[:len(kept) * 3 // 4]
    more["history"]["steps"] = steps_of(more["history"])
    page = assemble(newest, pair(1, newest, more) + behind, text)
    if len(older) > len(kept):
        warnings.append("report: the history has room for %d of %d results"
                        % (len(kept) + 1, len(older) + 1))
    if len(page) > LIMIT_BYTES * (1 + len(also)):
        warnings.append("report: the page has %d bytes, and is to have at"
                        " most %d" % (len(page),
                                      LIMIT_BYTES * (1 + len(also))))
    return page, warnings


def write(results, path, library=None, also=()):
    """Write the page of `results` to `path`, all or nothing.

    Returns warnings, a line each: the page is there all the same. Raises
    Failure when the results cannot be shown, OSError when the file cannot be
    written. `library` is a file of Chart.js to take instead of the system's.
    """
    page, warnings = render(results, library, also)
    where = os.path.dirname(os.path.abspath(path))
    os.makedirs(where, exist_ok=True)
    new = path + ".new"
    with open(new, "wb") as f:
        f.write(page)
    os.replace(new, path)
    return warnings
