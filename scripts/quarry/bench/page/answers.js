// SPDX-License-Identifier: MIT
// The six questions a run is to answer, each from its own figures. An answer
// is {figure, text}; a figure of null says that this run cannot tell.

const unknown = (text) => ({figure: null, text});

// Why a benchmark's figure is not there: it failed, or was not run.
function missing(run, id) {
  const lost = run.data.results.find((r) => r.id === id && r.status !== "ok");
  return unknown(lost ? id + " " + lost.status + (lost.why ? ": " +
    clean(lost.why) : "") : "this run has no " + id);
}

// The default case of a benchmark is the one whose key says no parameter.
const isDefault = (result) => result.key.split(",").length <= 3;

class Run {
  constructor(data) {
    this.data = data;
    this.ok = data.results.filter((r) => r.status === "ok");
    this.cases = new Cases(data.results);
  }

  find(id, variant, harts) {
    const fits = this.ok.filter((r) => r.id === id && r.variant === variant &&
      (harts === undefined || hartsOf(r) === harts));
    return fits.find(isDefault) || fits[0];
  }
}

// The hot pair of a run: of the image, or of mm on this host.
const pairOf = (run, variant) => run.find("micro/pair", variant, 1) ||
  run.find("host/pair", variant, 1);

function answerPair(run) {
  const result = pairOf(run, "ours");
  if (result) {
    const name = headMetric(result), metric = result.metrics[name];
    return {figure: number(valueOf(metric)),
      text: unitWords(name, metric.unit) + ": one object allocated and " +
        "freed" + (result.params.size ? ", " + number(result.params.size) +
        " bytes" : "")};
  }
  const probe = run.find("probe/pair", "ours", 1);
  const value = figure(probe, "pair.callees");
  if (value === undefined)
    return missing(run, "micro/pair");
  return {figure: number(value),
    text: "instructions, both callees with their returns (probe)"};
}

// The benchmark that shows growth over harts best: smp/scale if it is there.
function scaleCase(run) {
  const fits = run.cases.all((one) => /^(smp|host)\//.test(one.id) && unique(
    one.results.filter((r) => r.variant === "ours").map(hartsOf)).length > 1);
  return fits.find((one) => one.id === "smp/scale") || fits[0];
}

function ends(one, variant) {
  const line = one.results.filter((r) => r.variant === variant)
    .sort((a, b) => hartsOf(a) - hartsOf(b));
  return [line[0], line[line.length - 1]];
}

function answerScale(run) {
  const one = scaleCase(run);
  if (!one)
    return unknown("this run has no benchmark on one hart and on several");
  const [least, most] = ends(one, "ours");
  const span = "from " + hartsOf(least) + " to " + hartsOf(most) + " harts";
  const speed = byUnit(least, "op/s");
  if (speed && figure(most, speed) !== undefined) {
    const gain = figure(most, speed) / figure(least, speed);
    const ideal = hartsOf(most) / hartsOf(least);
    return {figure: times(gain), text: "throughput of " + one.label + " " +
      span + ", " + percent(gain / ideal, false) + " of ideal" +
      ((most.notes || []).includes("oversubscribed") ?
        "; the host has fewer processors than that, so this says little" :
        "")};
  }
  const name = costMetric(least) || headMetric(least);
  const metric = least.metrics[name];
  const from = figure(least, name), to = figure(most, name);
  if (to === undefined)
    return unknown("the results of " + one.label + " have no common figure");
  return {figure: plus(to - from), text: "more " + unitWords(name, metric.unit) +
    " " + span + " (" + one.label + ": " + number(from) + " → " +
    number(to) + ")"};
}

function answerColour(run) {
  const id = run.find("host/colouring", "ours") ? "host/colouring" :
    "memory/colour";
  const with_ = run.find(id, "ours"), without = run.find(id, "nocolour");
  if (!with_ || !without)
    return missing(run, id);
  const name = ["misses_first", ...Object.keys(with_.metrics).filter(
    (m) => /miss/.test(m))].find((m) => own(with_.metrics, m));
  const [a, b] = [figure(with_, name), figure(without, name)];
  if (a === undefined || b === undefined)
    return unknown(id + " has no figure of misses");
  const shown = (result) => {
    const {exact} = result.metrics[name];
    return exact && exact.per > 1 ? number(exact.value) + " of " +
      number(exact.per) : number(figure(result, name));
  };
  return {figure: a > 0 ? times(b / a) : b > 0 ? "all" : "0",
    text: (a > 0 ? "fewer cache misses: " : "of the cache misses: ") +
      shown(without) + " without colouring, " + shown(with_) + " with"};
}

// Points of the magazine trade-off: {rounds, idle, cost}, by rounds.
// A size of 0, or none, is the allocator's own choice: a point, but no end of
// the curve.
const IS_SIZE = /^(mag|rounds)$/;
const IS_IDLE = [/^idle_bytes$/, /^idle/, /held|hold/];
function magazinePoints(run) {
  const series = new Map();
  for (const result of run.ok) {
    const size = Object.keys(result.params).find((p) => IS_SIZE.test(p));
    const names = Object.keys(result.metrics);
    const idle = IS_IDLE.map((is) => names.find((m) => is.test(m)))
      .find(Boolean);
    if (!/^memory\/mag/.test(result.id) || result.variant !== "ours" ||
        !idle)
      continue;
    const cost = costMetric(result);
    if (!cost)
      continue;
    const rest = [hartsOf(result), ...Object.entries(result.params)
      .filter(([name]) => name !== size).map((p) => p.join("=")).sort()].join();
    if (!series.has(rest))
      series.set(rest, []);
    series.get(rest).push({rounds: Number(result.params[size] || 0), result,
      idle: figure(result, idle), idleName: idle,
      idleUnit: result.metrics[idle].unit, cost: figure(result, cost),
      costName: cost, costUnit: result.metrics[cost].unit});
  }
  // Of several curves the one of most sizes; of these, of most harts.
  const curves = [...series.values()].sort((a, b) => b.length - a.length ||
    hartsOf(b[0].result) - hartsOf(a[0].result));
  return curves.length ? curves[0].sort((a, b) => a.rounds - b.rounds) : [];
}

function magazineEnds(points) {
  const sizes = points.filter((p) => p.rounds > 0);
  return sizes.length > 1 ? [sizes[0], sizes[sizes.length - 1]] : null;
}
const sizeText = (rounds) => rounds > 0 ? number(rounds) : "automatic";

const amount = (value, unit) => unit === "byte" ? bytesText(value) :
  number(value) + " " + plural(unit);

function answerMagazine(run) {
  const points = magazinePoints(run);
  if (!points.length)
    return missing(run, "memory/mag-hold");
  if (!magazineEnds(points))
    return unknown("this run has memory/mag-hold of one size only");
  const [first, last] = magazineEnds(points);
  const more = last.idle - first.idle;
  return {figure: (more > 0 ? "+" : "") + amount(more, first.idleUnit),
    text: "idle from " + first.rounds + " to " + last.rounds + " rounds (" +
      points.map((p) => sizeText(p.rounds) + ": " + amount(p.idle, p.idleUnit) + ", " +
        number(p.cost) + (p.costName === "instr_per_op" ? " instr" : " ns"))
        .join("; ") + ")"};
}

// Ratios theirs to ours, of every case that both ran on as many harts.
function ratios(run, variant) {
  const out = [];
  for (const one of run.cases.all()) {
    for (const theirs of one.results) {
      if (theirs.variant !== variant)
        continue;
      const ours = one.results.find((r) => r.variant === "ours" &&
        hartsOf(r) === hartsOf(theirs));
      const name = HEADS.find((m) => ours && own(ours.metrics, m) &&
        own(theirs.metrics, m));
      if (name && figure(ours, name) > 0 && figure(theirs, name) > 0)
        out.push(figure(theirs, name) / figure(ours, name));
    }
  }
  return out;
}

const mean = (list) => Math.exp(
  list.reduce((sum, x) => sum + Math.log(x), 0) / list.length);

const RIVALS = [["seed2006", "2006 design"], ["linux24", "Linux 2.4"],
  ["sheaf", "sheaves"],
  ["glibc", "glibc"], ["jemalloc", "jemalloc"], ["tcmalloc", "tcmalloc"],
  ["mimalloc", "mimalloc"]];
function answerRivals(run) {
  const ours = pairOf(run, "ours");
  const found = [], means = [];
  for (const [variant, name] of RIVALS) {
    const theirs = pairOf(run, variant);
    const metric = ours && headMetric(ours);
    const all = ratios(run, variant);
    if (all.length)
      means.push([name, mean(all), all.length]);
    if (figure(theirs, metric) !== undefined)
      found.push([name, figure(theirs, metric) / figure(ours, metric)]);
  }
  if (!means.length)
    return unknown("this run has no other allocator");
  const list = (rows) => rows.map((r) => r[0] + " " + times(r[1])).join(", ");
  const counts = unique(means.map((r) => r[2]));
  const count = counts.length === 1 ? counts[0] :
    Math.min(...counts) + " to " + Math.max(...counts);
  return {figure: times(Math.min(...means.map((r) => r[1]))),
    text: "of our cost, at least: " + list(means) + " (geometric mean of " +
      count + " results)" + (found.length ? "; a hot pair: " + list(found) : "")};
}

function worstRow(rows) {
  return rows.filter((r) => r.verdict === "regression").sort(
    (a, b) => Math.abs(own(b, "delta") || 0) -
      Math.abs(own(a, "delta") || 0))[0];
}

function baselineText(comparison) {
  const base = comparison.baseline;
  return clean(base.name) + (base.commit ? " (commit " +
    clean(base.commit).slice(0, 12) + ")" : "");
}

function answerWorse(run) {
  const comparison = run.data.comparison;
  if (!comparison)
    return unknown("this run was compared with no baseline");
  const against = " against " + baselineText(comparison);
  const count = (verdict) => comparison.rows.filter(
    (r) => r.verdict === verdict).length;
  const bad = count("regression"), worst = worstRow(comparison.rows);
  if (bad) {
    return {figure: "yes", bad: true, text: number(bad) +
      (bad === 1 ? " figure is" : " figures are") + " worse" + against +
      "; first " + clean(worst.key) + ", " + plain(worst.metric) + ": " +
      number(own(worst, "before")) + " → " + number(own(worst, "after"))};
  }
  if (comparison.verdict === "inconclusive")
    return {figure: "?", bad: true, text: "inconclusive" + against};
  const good = count("improvement");
  return {figure: "no", text: number(count("same")) + " figures are the same" +
    (good ? ", " + number(good) + " better" : "") + against};
}

const QUESTIONS = [
  ["How much is a hot pair?", answerPair],
  ["How does it scale?", answerScale],
  ["What does colouring buy?", answerColour],
  ["What does magazine size cost?", answerMagazine],
  ["How do other designs compare?", answerRivals],
  ["Is anything worse now?", answerWorse],
];

function showAnswers(run) {
  const list = make("ol", {class: "answers"});
  for (const [question, answer] of QUESTIONS) {
    const {figure: shown, text, bad} = answer(run);
    list.append(make("li", {class: shown === null ? "unknown" :
      bad ? "bad" : null},
    make("span", {class: "question"}, question),
    make("span", {class: "figure"}, shown === null ? "–" : shown),
    make("span", {class: "text"}, text)));
  }
  section("answers", "Answers").append(list);
}
