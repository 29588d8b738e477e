# SPDX-License-Identifier: MIT
"""The report of the benchmarks: one file, in a browser that has no network.

What Python can see of the file is tested here by reading it; what it does is
tested in headless Chromium (browser.py), one start of it per test.
"""
import base64
import copy
import hashlib
import json
import os
import re
import statistics
import sys
import types

from lib import ROOT, check, contains, equal, folder, write

import bench_sample
import browser

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry.bench import page  # noqa: E402

LIMIT = 600 * 1000
CHARTS = ("cost", "comparators", "cdf", "histogram", "memory", "heat",
          "magazines", "history")
PAIR = "micro/pair,ours,harts=1"
HOSTILE = "</script><img src=x onerror=pwned()>\"'&\u202egnp.\x00\x1b"
# Text of a canvas cannot be read, its colours can: the lines of a grid.
GRID = """[...document.querySelectorAll("figure:not(.none) canvas")]
.map((canvas) => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width,
    canvas.height).data;
  const count = {ink: 0, light: 0, dark: 0};
  for (let i = 0; i < data.length; i += 4) {
    const colour = data[i] << 16 | data[i + 1] << 8 | data[i + 2];
    count.ink += data[i + 3] > 0;
    count.light += data[i + 3] === 255 && colour === 0xdfe3e7;
    count.dark += data[i + 3] === 255 && colour === 0x323a42;
  }
  return count;
})"""
CELLS = """[...document.querySelectorAll("#all-results tbody tr")].map(
  (row) => [...row.children].map((cell) => [cell.textContent,
    cell.dataset.value === undefined ? null : cell.dataset.value]))"""


def magazines(data):
    """Known figures of magazines; 0 is the allocator's own choice."""
    data["results"] = [r for r in data["results"]
                       if not r["id"].startswith("memory/mag")]
    for mag, idle, instr in ((0, 61440, 17480), (8, 8192, 27250),
                             (16, 16384, 21625), (32, 32768, 18812)):
        key = "memory/mag-hold,ours,harts=8" + (",mag=%d" % mag if mag else "")
        data["results"].append({
            "key": key, "id": "memory/mag-hold", "variant": "ours",
            "params": dict({"harts": 8}, **({"mag": mag} if mag else {})),
            "status": "ok",
            "metrics": {"idle_bytes": bench_sample.exact(idle, 1, "byte"),
                        "instr_per_op": bench_sample.exact(instr, 1000)}})
    return data


def compared(data):
    """`data` with verdicts of every kind."""
    kinds = ("regression", "improvement", "inconclusive", "new", "gone",
             "excluded", "changed", "same")
    rows = []
    for entry in data["results"]:
        for name, metric in entry["metrics"].items():
            kind = kinds[min(len(rows), 7)]
            after = page.value_of(metric)
            before = after / 1.125 if kind == "regression" else after
            rows.append({"key": entry["key"], "metric": name,
                         "unit": metric["unit"], "before": before,
                         "after": after, "p": None, "floor": 0.002,
                         "delta": after / before - 1 if before else None,
                         "confirmed": True, "verdict": kind})
    data["comparison"] = {
        "baseline": {"name": "qemu-exact", "commit": bench_sample.COMMIT % 3},
        "verdict": "mixed", "rows": rows}
    return data


def sample(mode="exact"):
    return magazines(bench_sample.sample(mode))


def complete():
    """Results that every part of the page has something of."""
    runs = bench_sample.history(12)
    compared(magazines(runs[-1]))
    return runs


def many(results=700, number=0):
    """A run as large as `make bench` may be: four metrics a result."""
    data = sample()
    data["run"]["id"] = "20260714T101500Z-%04x" % number
    data["run"]["started"] = "2026-07-14T10:%02d:00Z" % (number % 60)
    ok = [r for r in data["results"] if r["status"] == "ok"]
    data["results"] = []
    for i in range(results):
        entry = copy.deepcopy(ok[i % len(ok)])
        entry["params"]["part"] = i
        entry["key"] = "%s,part=%d" % (entry["key"], i)
        for k in range(4):
            entry["metrics"].setdefault("figure_%d" % k, bench_sample.exact(
                (i * 7919 + k * 104729 + number * 31) % 1000003, 1000))
        entry["metrics"] = dict(list(entry["metrics"].items())[:4])
        data["results"].append(entry)
    data["run"]["plan"] = [r["key"] for r in data["results"]]
    return data


def written(results, library=None, name="report.html"):
    path = os.path.join(folder(), name)
    return path, page.write(results, path, library)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def opened(tab, results):
    """Open the page of results; its report of itself."""
    tab.open(written(results)[0])
    return told(tab)


def told(tab):
    return json.loads(tab.value(
        "document.getElementById('self-report').textContent"))


def clean(tab):
    """Nothing was thrown, refused or asked for."""
    equal(tab.named("Runtime.exceptionThrown"), [])
    equal([e for e in tab.named("Log.entryAdded") if '"level": "error"' in e],
          [])
    equal(len(tab.named("Network.requestWillBeSent")), 1, "requests")
    contains(tab.named("Network.requestWillBeSent")[0], "file:///")
    equal(tab.proxy.count, 0, "connections")


# ---- The file ----

def I5_5_report_is_small_with_700_results():
    path, warnings = written([many()])
    equal(warnings, [])
    size = os.path.getsize(path)
    print("700 results, 4 metrics: %d bytes" % size)
    check(size <= LIMIT, size)
    # As much history as there is room for, and a word on the rest.
    path, warnings = written([many(number=n) for n in range(30)])
    check(os.path.getsize(path) <= LIMIT, os.path.getsize(path))
    equal(len(warnings), 1)
    contains(warnings[0], "of 30 results")


def I5_5_report_refers_to_nothing_outside():
    text = read(written(complete())[0])
    own = re.sub(r"(?s)<script type=\"text/plain\".*?</script>", "", text)
    equal(re.findall(r"(?i)\s(?:src|srcset|href|action|data)\s*=\s*[\"']?"
                     r"(?!#)[^\"'\s>]+(?=[^<]*>)",
                     re.sub(r"(?s)<(script|style).*?</\1>", "", own)), [])
    styles = "".join(re.findall(r"(?s)<style>(.*?)</style>", own))
    for word in ("url(", "@import", "image-set("):
        check(word not in styles, word)
    check("sourceMappingURL" not in own, "a source map")
    for word in ("fetch(", "XMLHttpRequest", "WebSocket", "innerHTML",
                 "insertAdjacentHTML", "document.write", "eval("):
        check(word not in page.own_script(), word)


def I5_5_report_allows_only_its_own_scripts():
    text = read(written(complete())[0])
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"',
                       text).group(1)
    contains(policy, "default-src 'none'")
    check("unsafe" not in policy and "*" not in policy, policy)
    blocks = re.findall(r"(?s)<script>(.*?)</script>", text)
    equal(len(blocks), 2, "scripts")
    blocks += re.findall(r"(?s)<style>(.*?)</style>", text)
    for block in blocks:
        digest = hashlib.sha256(block.encode()).digest()
        contains(policy, "'sha256-%s'" % base64.b64encode(digest).decode())
    # The policy stands before anything that it is to forbid.
    check(text.index("Content-Security-Policy") < text.index("<style"))


def I5_5_report_refuses_what_json_has_not():
    for bad in (float("nan"), float("inf"), -float("inf"), 10 ** 400):
        data = sample()
        data["results"][0]["metrics"]["instr_per_op"]["samples"] = [bad]
        path = os.path.join(folder(), "report.html")
        try:
            page.write([data], path)
        except page.Failure as failure:
            equal(len(str(failure).splitlines()), 1)
        else:
            check(False, "wrote", bad)
        check(not os.path.exists(path), "a file was written")
    try:
        page.write([], "nowhere.html")
    except page.Failure as failure:
        contains(str(failure), "no result")
    else:
        check(False, "wrote a page of nothing")


def fake_library(version, more=""):
    return write(os.path.join(folder(), "chart.js"),
                 "/*!\n * Chart.js v%s\n */\nvar Chart;%s\n" % (version, more))


def I5_5_report_takes_chart_js_3_and_4_only():
    for version in ("3.9.1", "4.4.0"):
        path, warnings = written([sample()], fake_library(version))
        equal(warnings, [])
        contains(read(path), "Chart.js v" + version)
    for library, reason in (
            (fake_library("2.9.4"), "Chart.js v2.9.4"),
            (fake_library("5.0.0"), "Chart.js v5.0.0"),
            (fake_library("x"), "no known version"),
            (fake_library("3.9.1", "'</script>'"), "cannot stand"),
            ("/nonexistent/chart.js", "No such file")):
        path, warnings = written([sample()], library)
        equal(len(warnings), 1)
        contains(warnings[0], reason)
        check("var Chart;" not in read(path), "the library is in the page")
    page.LIBRARIES, kept = [], page.LIBRARIES
    _, warnings = written([sample()])
    page.LIBRARIES = kept
    equal(len(warnings), 1)
    contains(warnings[0], "scripts/setup report")


def I5_5_report_is_the_same_for_the_same_results():
    equal(read(written(complete())[0]), read(written(complete()[::-1])[0]))


def I5_5_report_leaves_another_machine_out_of_history():
    runs = bench_sample.history(3)
    runs[0]["target"]["machine"] = "icicle"
    _, warnings = written(runs)
    equal(len(warnings), 1)
    contains(warnings[0], "another machine or mode")


def check_both(tab):
    """A file with a run of another mode: a link leads to it, and back."""
    exact, smp = sample(), sample("smp")
    path = os.path.join(folder(), "both.html")
    equal(page.write([exact], path, also=[smp]), [])
    head = "document.getElementById('headline').textContent"
    link = "document.querySelector('#flags a').getAttribute('href')"
    subline = "document.getElementById('subline').textContent"
    tab.open(path)
    first = tab.value(head) + tab.value(subline)
    equal(tab.value(link), "?run=2", "the other")
    tab.open(path + "?run=2")
    second = tab.value(head) + tab.value(subline)
    check(first != second, "the same run twice")
    equal(tab.value(link), "?run=1", "back")
    tab.open(path + "?run=7")
    equal(tab.value(head) + tab.value(subline), first, "none of that number")


# ---- In the browser ----
#
# To start it is most of what these tests cost, so each shows several things.

def with_modules():
    """A page for which the scripts have found a step and a record."""
    names = ("quarry.bench.records", "quarry.bench.verdict")
    package = sys.modules["quarry.bench"]
    kept = {n: sys.modules.get(n) for n in names}
    verdict, records = (types.ModuleType(n) for n in names[::-1])
    verdict.steps = lambda values: [{"at": 7}]
    records.ROWS = ["pair"]
    records.facts_of = lambda results: ({"pair/pair.callees": (16, 1)}, {})
    records.judge = lambda entry, facts: {
        "figure": "hot pair", "unit": "instr", "record": "seed 137",
        "reach": "<= 17", "verdict": "met", "measured": True}
    records.ours = lambda row: "16"
    for module in (verdict, records):
        sys.modules[module.__name__] = module
        setattr(package, module.__name__.rpartition(".")[2], module)
    try:
        return written(complete())[0]
    finally:
        for name, module in kept.items():
            sys.modules.pop(name)
            delattr(package, name.rpartition(".")[2])
            if module:
                sys.modules[name] = module
                setattr(package, name.rpartition(".")[2], module)


def check_control(tab):
    """What a page cannot do is worth something if another one can."""
    tab.value("""new Promise((done) => {
      const image = new Image();
      image.onload = image.onerror = done;
      image.src = "http://192.0.2.1/injected.png";
    }).then(() => 0)""")
    equal(tab.proxy.count, 0, "connections of an injected image")
    contains(" ".join(told(tab)["errors"]), "refused: img-src")
    tab.open(write(os.path.join(folder(), "control.html"),
                   "<!DOCTYPE html><img src=http://192.0.2.1/control.png>"))
    check(tab.proxy.came.wait(browser.PATIENCE_S), "nothing sees a request")


def I5_5_page_draws_every_chart_and_fetches_nothing():
    with browser.Browser() as tab:
        report = opened(tab, [sample("smp")])
        equal(report["errors"], [])
        check(report["charts"]["throughput"]["drawn"], "no throughput")
        clean(tab)
        tab.open(with_modules())
        report = told(tab)
        equal(report["errors"], [])
        equal(tab.value("document.querySelector('#figure-history h3')"
                        ".textContent"),
              "micro/pair instr per op steps from 16 to 19 at 5eed0000")
        equal(tab.value("document.querySelector('#records tbody').innerText"),
              "hot pair\tinstr\tseed 137\t<= 17\t16\tmet")
        check(report["ready"], "the page did not come to its end")
        drawn = [n for n, c in report["charts"].items() if c["drawn"]]
        equal(sorted(drawn), sorted(CHARTS))
        canvases = tab.value(GRID)
        equal(len(canvases), len(CHARTS), "canvases")
        for name, count in zip(drawn, canvases):
            check(count["ink"] > 2000, name, "is blank:", count)
        clean(tab)
        check_control(tab)


def number_of(text):
    """A number as the page shows it."""
    plain = text.strip("\u2007\u2008 ").replace(",", "").replace("\u2212", "-")
    return float(plain), len(plain.partition(".")[2].partition("e")[0])


def wanted_rows(data):
    deltas = {(r["key"], r["metric"]): r["delta"]
              for r in data.get("comparison", {"rows": []})["rows"]}
    for entry in data["results"]:
        params = " ".join("%s=%s" % p for p in entry["params"].items()
                          if p[0] != "harts")
        head = [entry["id"], entry["variant"],
                "{:,}".format(entry["params"]["harts"]), params]
        if not entry["metrics"]:
            yield head + [entry["status"]], None, "", None
        for name, metric in entry["metrics"].items():
            exact = metric.get("exact")
            value = exact["value"] / exact["per"] if exact else \
                statistics.median(metric["samples"])
            yield (head + [name], value, metric["unit"],
                   deltas.get((entry["key"], name)))


def check_rows(tab, data):
    rows, wanted = tab.value(CELLS), list(wanted_rows(data))
    equal(len(rows), len(wanted), "rows")
    for row, (head, value, unit, delta) in zip(rows, wanted):
        equal([cell[0] for cell in row[:5]], head)
        equal(row[6][0], unit)
        if value is None:
            equal(row[5][1], None, head)
            continue
        equal(float(row[5][1]), value, head)
        shown, digits = number_of(row[5][0])
        near = 0.5000001 * 10 ** -digits if "e" not in row[5][0] else \
            abs(value) * 0.006
        check(abs(shown - value) <= near, head, "shows", row[5][0], value)
        equal(None if row[7][1] is None else float(row[7][1]), delta, head)


def check_answers(tab):
    data = bench_sample.slower(sample(), PAIR, "instr_per_op", 3)
    opened(tab, [compared(data)])
    answers = tab.value("""[...document.querySelectorAll(".answers li")]
      .map((li) => [...li.children].map((c) => c.textContent))""")
    equal([a[1] for a in answers],
          ["19", "0", "35.6×", "+24 KiB", answers[4][1], "yes"])
    contains(answers[1][2], "from 1 to 8 harts (smp/scale: 16 → 16)")
    contains(answers[3][2], "idle from 8 to 32 rounds (automatic: 60 KiB, "
             "17.48 instr; 8: 8 KiB, 27.25 instr; 16: ")
    contains(answers[4][2], "a hot pair: ")
    for words in ("2006 design 7.21×", "Linux 2.4 5.16×", "sheaves 2.16×"):
        contains(answers[4][2].split("a hot pair: ")[1], words)
    contains(answers[5][2], PAIR)
    contains(tab.value("document.querySelector('#verdicts tbody tr')"
                       ".textContent"), "▲ worse" + PAIR)


def check_saved(tab, data):
    """The saved file is the result; the bars are of its numbers."""
    saved = tab.value("""(async () => {
      const real = URL.createObjectURL;
      let blob;
      URL.createObjectURL = (b) => (blob = b, real(b));
      document.getElementById("download").click();
      return await blob.text();
    })()""")
    equal(json.loads(saved), data)
    bars = tab.value("""[...document.querySelectorAll(
      "#figure-comparators tbody tr")].map((row) =>
      [row.children[0].textContent, row.children[1].dataset.value])""")
    wanted = {r["variant"]: page.value_of(r["metrics"]["ns_per_op"])
              for r in data["results"] if r["id"] == "micro/pair"
              and r["variant"] != "noop"}
    equal({name: float(value) for name, value in bars}, wanted)


def I5_5_page_numbers_equal_the_json():
    with browser.Browser() as tab:
        for data in (compared(many()), sample("smp")):
            opened(tab, [data])
            check_rows(tab, data)
        check_saved(tab, data)
        check_answers(tab)


def hostile():
    data = compared(sample())
    entry = bench_sample.find(data, PAIR)
    for other in data["results"]:
        if other["id"] == "micro/pair" and other["variant"] != "ours":
            other["params"]["size"] = HOSTILE
    entry["metrics"] = {"__proto__x" + HOSTILE: dict(
        entry["metrics"]["instr_per_op"], unit=HOSTILE, text=HOSTILE)}
    entry["metrics"]["constructor"] = bench_sample.exact(5)
    entry["params"]["toString"] = HOSTILE
    data["results"].append(dict(entry, key=HOSTILE, variant=HOSTILE,
                                params={"harts": 1, "__proto__": HOSTILE}))
    bench_sample.find(data, "micro/ctor,nomag,harts=1")["why"] = HOSTILE
    data["comparison"]["baseline"]["name"] = HOSTILE
    data["comparison"]["rows"][0].update(key=HOSTILE, metric=HOSTILE,
                                         unit=HOSTILE)
    data["run"].update(command=[HOSTILE], status="partial", why=HOSTILE)
    data["code"].update(subject=HOSTILE, commit=HOSTILE, cc=HOSTILE)
    data["target"].update(emulator=HOSTILE, args=[HOSTILE, "{{data}}"])
    data["host"]["cpu"] = "{{scripts}}" + HOSTILE + "\ud800"
    return data


def I5_5_page_shows_hostile_text_as_text():
    older = bench_sample.sample(number=1)
    older["run"]["started"] = "2020-01-01T00:00:00Z"
    older["code"]["commit"] = HOSTILE
    results = [hostile(), older]
    text = read(written(results)[0])
    equal(text.count("</script>"), 4, "ends of scripts")
    check("onerror=pwned" not in text.replace("&gt;", ">").split("<body>")[1],
          "foreign text stands in the page's source")
    with browser.Browser() as tab:
        report = opened(tab, results)
        equal(report["errors"], [])
        clean(tab)
        equal(tab.value("document.querySelectorAll('img, iframe').length"), 0)
        shown = tab.value("document.body.innerText")
        contains(shown, "</script><img src=x onerror=pwned()>\"'&"
                 "\\u202egnp.\\u0000\\u001b")
        for hidden in "\u202e\x00\x1b":
            check(hidden not in shown, "shows %r" % hidden)
        contains(shown, "{{data}}")


def check_flags(tab, data, *words):
    equal(opened(tab, [data])["errors"], [])
    flags = tab.value("document.getElementById('flags').innerText")
    for text in words:
        contains(flags, text)


def check_damaged(tab):
    """Data that a copy damaged are not shown as if they were right."""
    path = written([sample()])[0]
    text = read(path)
    at = text.index('id="run-data"')
    for place in (text.index("data-crc=", at) + 10, at + 4000):
        bad = "7" if text[place] != "7" else "8"
        tab.open(write(path, text[:place] + bad + text[place + 1:]))
        check(told(tab)["errors"], "no error was told")
        contains(tab.value("document.getElementById('main').innerText"),
                 "could not be shown")


def check_tables_only(tab):
    """Without the library the tables are open."""
    tab.open(written(complete(), "/nonexistent/chart.js")[0])
    equal(told(tab)["errors"], [])
    contains(tab.value("document.getElementById('flags').innerText"),
             "Charts are left out")
    equal(tab.value("document.querySelectorAll('#figure-comparators "
                    "details[open] tbody tr').length"), 10)
    check(told(tab)["charts"]["heat"]["drawn"], "the heat map needs none")


def I5_5_page_says_what_is_not_there():
    with browser.Browser() as tab:
        for keep in (1, 0):
            data = bench_sample.partial(sample(), keep)
            data["run"]["noisy"] = True
            check_flags(tab, data, "Partial: %d of " % keep, "Noisy",
                        "the emulator was killed by signal 9")
            for part in ("verdicts", "harts", "comparators", "latency",
                         "memory", "magazines", "history"):
                said = tab.value("document.querySelector('#%s .nothing')"
                                 ".textContent" % part)
                check(said.endswith("."), part, said)
            equal(tab.value("document.querySelectorAll('canvas').length"), 0)
        colour = "memory/colour,ours,harts=1"
        check_flags(tab, bench_sample.failed(sample(), colour),
                    "1 result failed; first %s: an allocation failed" % colour)
        contains(tab.value("document.querySelector('.answers').innerText"),
                 "memory/colour failed: an allocation failed")
        check_damaged(tab)
        check_tables_only(tab)
        check_both(tab)


def check_keys(tab):
    """Tab reaches everything, the filter filters, Enter sorts."""
    visible = """[...document.querySelectorAll("#all-results tbody tr")]
      .filter((row) => !row.hidden)
      .map((row) => row.children[%d].textContent)"""
    focus = "document.activeElement.textContent || document.activeElement.id"
    opened(tab, complete())
    tab.key("Tab")
    equal(tab.value(focus), "Skip to the answers")
    seen = []
    while seen[-1:] != ["filter"] and len(seen) < 60:
        tab.key("Tab")
        seen.append(tab.value(focus))
    check({"Download JSON", "Dark", "filter"} <= set(seen), seen)
    tab.call("Input.insertText", text="smp/larson ours harts=8")
    equal(tab.value(visible % 0), ["smp/larson"])
    tab.value("document.getElementById('filter').select()")
    tab.call("Input.insertText", text="smp/larson harts=8")
    while seen[-1] != "value" and len(seen) < 120:
        tab.key("Tab")
        seen.append(tab.value(focus))
    for way, reverse in (("ascending", False), ("descending", True)):
        tab.key("Enter", text="\r")
        equal(tab.value("document.activeElement.parentNode"
                        ".getAttribute('aria-sort')"), way)
        values = [number_of(v)[0] for v in tab.value(visible % 5)]
        equal(values, sorted(values, reverse=reverse))
        equal(len(values), 10)


def check_paper(tab):
    """The page prints light from the dark, and is dark again."""
    tab.value("addEventListener('beforeprint', () => { seen = %s; });"
              "seen = null" % GRID)
    pdf = tab.pdf()
    check(pdf.startswith(b"%PDF-") and len(pdf) > 50000, len(pdf))
    printed = tab.value("seen")
    check(printed, "the page was not told of the printing")
    check(sum(c["light"] for c in printed) > 1000, "prints dark charts")
    equal(sum(c["dark"] for c in printed), 0, "dark lines on paper")
    check(sum(c["dark"] for c in tab.value(GRID)) > 1000, "stays light")


def I5_5_page_by_keys_narrow_in_the_dark_and_on_paper():
    background = "getComputedStyle(document.body).backgroundColor"
    label = "document.getElementById('theme').textContent"
    with browser.Browser() as tab:
        check_keys(tab)
        for width in (390, 320, 1280):
            tab.resize(width)
            tab.until("document.documentElement.scrollWidth <= %d" % width)
        equal(tab.value(background), "rgb(255, 255, 255)")
        check(sum(c["light"] for c in tab.value(GRID)) > 1000, "no grid")
        tab.dark()
        tab.until(label + " === 'Light'")
        equal(tab.value(background), "rgb(22, 26, 30)")
        dark = tab.value(GRID)
        check(sum(c["dark"] for c in dark) > 1000, "charts are not dark")
        equal(sum(c["light"] for c in dark), 0, "light lines in the dark")
        check_paper(tab)
        # The button is stronger than the system, and says what it does.
        tab.value("document.getElementById('theme').click()")
        equal(tab.value(label), "Dark")
        equal(tab.value(background), "rgb(255, 255, 255)")
        clean(tab)
