// SPDX-License-Identifier: MIT
// The page as a whole: its head, its theme, the order of its parts.

window.addEventListener("error", (event) => fault(event.message));
window.addEventListener("unhandledrejection", (event) => fault(event.reason));
document.addEventListener("securitypolicyviolation", (event) => fault(
  "refused: " + event.violatedDirective + " " + event.blockedURI));

// ---- Theme ----

const STORE = "quarry-bench-theme";
function stored(value) {
  // A file's page may have no storage: then the choice lasts a visit.
  try {
    if (value !== undefined)
      localStorage.setItem(STORE, value);
    return localStorage.getItem(STORE);
  } catch {
    return null;
  }
}

function showTheme() {
  byId("theme").textContent = themeName() === "dark" ? "Light" : "Dark";
}

function themes() {
  const before = stored();
  if (before === "dark" || before === "light")
    document.documentElement.dataset.theme = before;
  showTheme();
  byId("theme").addEventListener("click", () => {
    const next = themeName() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    stored(next);
    showTheme();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    showTheme();
    redraw();
  });
  window.addEventListener("resize", refit);
  // Paper is light and narrow, whatever the screen is: figures are drawn for
  // it, since a canvas that is only scaled has squeezed letters.
  const paper = (on) => {
    forced = on ? "light" : null;
    document.documentElement.classList.toggle("paper", on);
    redraw();
  };
  window.addEventListener("beforeprint", () => paper(true));
  window.addEventListener("afterprint", () => paper(false));
}

// ---- Head ----

function headline(run) {
  const comparison = run.data.comparison;
  if (!comparison) {
    const {figure: shown} = answerPair(run);
    return shown === null ? "Benchmarks of " + clean(run.data.target.machine) :
      "A hot pair is " + shown + " " + (pairOf(run, "ours") ?
        unitWords(...headUnit(pairOf(run, "ours"))).replace(" a pair", "") :
        "instructions");
  }
  const count = (verdict) => comparison.rows.filter(
    (r) => r.verdict === verdict).length;
  const bad = count("regression"), good = count("improvement");
  if (comparison.verdict === "inconclusive")
    return "Inconclusive";
  if (!bad && !good)
    return "Nothing changed";
  return [bad && number(bad) + (bad === 1 ? " regression" : " regressions"),
    good && number(good) + (good === 1 ? " improvement" : " improvements")]
    .filter(Boolean).join(", ");
}

function headUnit(result) {
  const name = headMetric(result);
  return [name, result.metrics[name].unit];
}

function subline(run) {
  const {code, target, run: taken} = run.data;
  return [(code.commit ? "commit " + code.commit.slice(0, 12) : "no commit") +
    (code.subject ? " “" + code.subject + "”" : ""),
  target.kind === "host" ? "this host’s processor, " + target.machine :
    target.machine + ", " + target.mode + " mode, " + hartsText(target.harts),
  taken.started.replace("T", " ").replace("Z", " UTC")].map(clean)
    .join(" · ");
}

function flags(run, more) {
  const {code, run: taken, results} = run.data, out = [];
  const count = (test) => results.filter(test).length;
  if (taken.status === "partial") {
    out.push(["bad", "Partial: " + number(results.length) + " of " +
      number(taken.plan.length) + " results were taken" + (taken.why ? "; " +
      clean(taken.why) : "") + "."]);
  }
  if (taken.noisy) {
    out.push(["bad", "Noisy: a load that never changes varied by more than" +
      " 5 %. Times of this run are not to be trusted."]);
  }
  const failed = count((r) => r.status === "failed");
  if (failed) {
    const first = results.find((r) => r.status === "failed");
    out.push(["bad", number(failed) + (failed === 1 ? " result" :
      " results") + " failed; first " + clean(first.key) + (first.why ? ": " +
      clean(first.why) : "") + "."]);
  }
  const over = count((r) => (r.notes || []).includes("oversubscribed"));
  if (over) {
    out.push(["", number(over) + " results are oversubscribed: the host has" +
      " fewer processors than they have harts. No verdict rests on them."]);
  }
  if (code.dirty)
    out.push(["", "Measured with changes that are in no commit."]);
  if (!more.library) {
    out.push(["", "Charts are left out: the page was made without Chart.js." +
      " The numbers are in the tables."]);
  }
  return out;
}

function showHead(run, more) {
  byId("headline").textContent = headline(run);
  byId("subline").textContent = subline(run);
  for (const [kind, text] of flags(run, more))
    byId("flags").append(make("li", {class: kind || null}, text));
}

// ---- All of it ----

function offerDownload(run, raw) {
  byId("download").addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([raw],
      {type: "application/json"}));
    const name = "quarry-bench-" + run.data.run.id.replace(/[^\w-]/g, "") +
      ".json";
    make("a", {href: url, download: name}).click();
    URL.revokeObjectURL(url);
  });
}

// A number that no double holds stays as it is written.
function parse(text) {
  const data = JSON.parse(text);
  if (Number.isSafeInteger(data.run.seed))
    return data;
  return JSON.parse(text, (name, value, context) => name === "seed" &&
    typeof value === "number" && context && context.source || value);
}

function guarded(part) {
  try {
    part();
  } catch (error) {
    fault(error);
    byId("main").append(nothing("A part of this report could not be shown: " +
      error.message));
  }
}

// "", or "-2" and so on when the address asks for another run of this file.
function wanted() {
  const number = new URLSearchParams(location.search).get("run");
  return /^[2-8]$/.test(number) && byId("run-data-" + number) ?
    "-" + number : "";
}

function showOthers(more) {
  for (const other of more.others)
    byId("flags").append(make("li", {}, "Also in this file: ",
      make("a", {href: "?run=" + Number(other.number)}, clean(other.title))));
}

function start() {
  const end = wanted(), raw = unpack("run-data" + end);
  const more = JSON.parse(unpack("more-data" + end));
  const run = new Run(parse(raw));
  themes();
  offerDownload(run, raw);
  for (const part of [
    () => showHead(run, more), () => showOthers(more), () => showAnswers(run),
    () => showVerdicts(run), () => showRecords(more), () => showResults(run),
    () => showHarts(run), () => showBars(run), () => showLatency(run),
    () => showMemory(run), () => showMagazines(run), () => showHistory(more),
    () => showMachine(run, more), () => showRaw(run, raw)])
    guarded(part);
  byId("footer").textContent = "Written by scripts/bench report. This file" +
    " needs no network and holds all that it shows.";
  REPORT.ready = true;
}

guarded(start);
tell();
