// SPDX-License-Identifier: MIT
// The figures of the report: what is shown, from which results.

const choices = (cases) => cases.map((one) => [one.key, one.label]);
const pick = (cases, key) => cases.find((one) => one.key === key) || cases[0];
const tip = (text) => ({tooltip: {...config("line", {}, {}).options.plugins
  .tooltip, callbacks: text}});

// ---- Harts ----

function hartLines(one, name) {
  return unique(one.results.map((r) => r.variant)).sort(byVariant)
    .map((variant) => ({variant, points: one.results
      .filter((r) => r.variant === variant && own(r.metrics, name))
      .sort((a, b) => hartsOf(a) - hartsOf(b))
      .map((r) => ({x: hartsOf(r), y: figure(r, name)}))}))
    .filter((line) => line.points.length);
}

function hartsTitle(lines, rising, words) {
  const ours = lines.find((l) => l.variant === "ours") || lines[0];
  const first = ours.points[0], last = ours.points[ours.points.length - 1];
  const name = clean(ours.variant);
  if (rising) {
    return name + ": " + times(last.y / first.y) + " the throughput of " +
      first.x + " hart on " + last.x + ", " + percent(
      last.y / first.y / (last.x / first.x), false) + " of ideal";
  }
  if (last.y === first.y)
    return name + ": " + number(first.y) + " " + words + " on " + first.x +
      " hart as on " + last.x;
  return name + ": " + number(first.y) + " " + words + " on " + first.x +
    ", " + number(last.y) + " on " + last.x + " harts";
}

function drawHarts(one, rising) {
  if (!one)
    return {none: "Nothing to draw: this run has no benchmark on several" +
      " numbers of harts."};
  const sample = one.results[0];
  const name = rising ? byUnit(sample, "op/s") :
    costMetric(sample) || headMetric(sample);
  if (!name)
    return {none: "Throughput is not measured in this mode: where harts take" +
      " turns there is no time to divide by."};
  const unit = sample.metrics[name].unit, words = unitWords(name, unit);
  const lines = hartLines(one, name);
  const start = (lines.find((l) => l.variant === "ours") || lines[0]).points[0];
  const harts = unique(lines.flatMap((l) => l.points.map((p) => p.x)))
    .sort((a, b) => a - b);
  const ideal = harts.map((x) => ({x,
    y: rising ? start.y * x / start.x : start.y}));
  const sets = lines.map((line) => ({label: clean(line.variant),
    data: line.points, ...styleOf(line.variant)}));
  sets.push({label: "ideal", data: ideal, borderColor: ink().soft,
    borderDash: [2, 4], borderWidth: 1.5, pointRadius: 0, order: 2});
  const flagged = one.results.some((r) =>
    (r.notes || []).includes("oversubscribed"));
  return {
    title: hartsTitle(lines, rising, words),
    note: one.label + ". Dotted: ideal, " + (rising ?
      "as many times ours on one hart as there are harts." :
      "no more than ours on one hart.") + (flagged ?
      " Oversubscribed: the host has fewer processors than some of these" +
      " harts." : ""),
    config: config("line", {datasets: sets}, {
      x: axis("harts", {type: "linear", min: harts[0],
        max: harts[harts.length - 1],
        afterBuildTicks(scale) {
          scale.ticks = harts.map((value) => ({value}));
        }, grid: {display: false}}),
      y: axis(words, {beginAtZero: true}),
    }, {layout: endRoom([...lines.map((l) => l.variant), "ideal"]),
      own: [endLabels()], plugins: tip({
        title: (items) => hartsText(items[0].parsed.x),
        label: (item) => item.dataset.label + ": " + number(item.parsed.y) +
          " " + words})}),
    heads: [["variant", ""], ...harts.map((h) => [
      hartsText(h) + ", " + clean(unit), "number"])],
    rows: lines.map((line) => [clean(line.variant), ...harts.map((h) =>
      numberCell((line.points.find((p) => p.x === h) || {}).y))]),
  };
}

function showHarts(run) {
  const place = section("harts", "Harts");
  const cases = run.cases.all((one) => unique(one.results.map(hartsOf))
    .length > 1 && !one.id.startsWith("probe/") && one.results.some((r) =>
    costMetric(r) || byUnit(r, "op/s")));
  if (!cases.length) {
    place.append(nothing("This run has no benchmark on several numbers of" +
      " harts."));
    return;
  }
  const best = scaleCase(run);
  let key = (best || cases[0]).key;
  const control = select("Benchmark", choices(cases), key, (value) => {
    key = value;
    rising.show();
    cost.show();
  });
  place.append(make("div", {class: "controls"}, control.box));
  const pair = make("div", {class: "pair"});
  place.append(pair);
  const rising = new Figure(pair, "throughput", [],
    () => drawHarts(pick(cases, key), true));
  const cost = new Figure(pair, "cost", [],
    () => drawHarts(pick(cases, key), false));
}

// ---- Comparators ----

function barsOf(one, name) {
  const most = Math.max(...one.results.map(hartsOf));
  // noop is the harness, not an allocator.
  return one.results.filter((r) => hartsOf(r) === most &&
    r.variant !== "noop" && own(r.metrics, name)).map((r) => ({variant: r.variant,
    value: figure(r, name), result: r}));
}

const OURS = ["ours", "nomag", "nocolour", "biglock"];
function barsTitle(bars, metric, words) {
  const ours = bars.find((b) => b.variant === "ours");
  // Ours with a part left out is no rival, if there are others.
  const rivals = bars.filter((b) => !OURS.includes(b.variant));
  const others = rivals.length ? rivals : bars.filter((b) => b !== ours);
  if (!ours || !others.length || !(ours.value > 0))
    return clean(bars[0].variant) + ": " + number(bars[0].value) + " " + words;
  const near = others[0], far = others[others.length - 1];
  const said = (b) => clean(b.variant) + " " + times(b.value / ours.value);
  return "ours: " + number(ours.value) + " " + words + "; " + said(near) +
    (near === far ? "" : " to " + said(far)) + " as much";
}

function drawBars(one, name, log) {
  if (!one)
    return {none: "Nothing to compare: this run has one allocator only."};
  const bars = barsOf(one, name);
  if (!bars.length)
    return {none: "No variant has this figure."};
  const metric = bars[0].result.metrics[name];
  const words = unitWords(name, metric.unit);
  const sign = metric.better === "higher" ? -1 : 1;
  bars.sort((a, b) => sign * (a.value - b.value) ||
    byVariant(a.variant, b.variant));
  const ours = bars.find((b) => b.variant === "ours");
  const base = ours && ours.value > 0 ? ours.value : undefined;
  const title = axisName(name, metric.unit);
  const canLog = log && bars.every((b) => b.value > 0);
  const least = Math.min(...bars.map((b) => b.value));
  return {
    title: barsTitle(bars, metric, words),
    note: one.label + ", " + hartsText(hartsOf(bars[0].result)) + "; " +
      (metric.better === "neither" ? "" : metric.better + " is better") +
      (canLog ? "; a logarithmic scale has no zero" : "") + ".",
    height: 60 + 28 * bars.length,
    config: config("bar", {labels: bars.map((b) => clean(b.variant)),
      datasets: [{data: bars.map((b) => b.value), maxBarThickness: 18,
        backgroundColor: bars.map((b) => b.variant === "ours" ? ink().accent :
          ink().other)}]}, {
      x: canLog ? logAxis(title, {min: least / 2}) : axis(title,
        {beginAtZero: true}),
      y: {grid: {display: false, borderColor: ink().line},
        ticks: {color: ink().text, font: font(), autoSkip: false}},
    }, {indexAxis: "y", layout: {padding: {right: 110}},
      own: [valueLabels((set, at) => number(set.data[at]) + (base &&
        bars[at] !== ours ? "  " + times(bars[at].value / base) : ""))],
      plugins: tip({label: (item) => number(item.parsed.x) + " " + words})}),
    heads: [["variant", ""], [clean(name) + ", " + clean(metric.unit),
      "number"], ["to ours, ×", "number"]],
    rows: bars.map((b) => [clean(b.variant), numberCell(b.value),
      numberCell(base && b.value / base)]),
  };
}

function showBars(run) {
  const place = section("comparators", "Comparators");
  const cases = run.cases.all((one) => unique(one.results.map(
    (r) => r.variant)).length > 1 && one.id !== "control/noop");
  if (!cases.length) {
    place.append(nothing("This run has one allocator only: there is nothing" +
      " to compare."));
    return;
  }
  let one = cases.find((c) => /^(micro|host)\/pair$/.test(c.id)) ||
    cases[0];
  let name = headMetric(one.results[0]), log = false;
  const metrics = () => unique(one.results.flatMap((r) =>
    Object.keys(r.metrics)));
  const metricChoice = select("Metric", [], name, (value) => {
    name = value;
    chart.show();
  });
  const fill = () => {
    const have = metrics();
    if (!have.includes(name))
      name = headMetric(one.results[0]);
    metricChoice.element.replaceChildren(...have.map((m) =>
      make("option", {value: m}, clean(m))));
    metricChoice.element.value = name;
  };
  const benchmark = select("Benchmark", choices(cases), one.key, (value) => {
    one = pick(cases, value);
    fill();
    chart.show();
  });
  const scale = checkbox("Logarithmic", log, (on) => {
    log = on;
    chart.show();
  });
  fill();
  const chart = new Figure(place, "comparators",
    [benchmark.box, metricChoice.box, scale.box],
    () => drawBars(one, name, log));
}

// ---- Latency ----

function totalOf(buckets) {
  return buckets.reduce((sum, b) => sum + b[2], 0);
}

// The greatest value of the bucket that the part of the calls ends in.
function quantile(buckets, part) {
  const total = totalOf(buckets);
  let sum = 0;
  for (const [, greatest, count] of buckets) {
    sum += count;
    if (sum >= part * total)
      return greatest;
  }
  return buckets.length ? buckets[buckets.length - 1][1] : 0;
}

// Nines: 0 at none of the calls, 1 at 90 %, 2 at 99 %.
const nines = (part) => -Math.log10(1 - part);
const NINES = [[0.5, "50 %"], [0.9, "90 %"], [0.99, "99 %"], [0.999, "99.9 %"],
  [0.9999, "99.99 %"], [0.99999, "99.999 %"], [0.999999, "99.9999 %"]];

const IN_TABLE = [...NINES.slice(0, 5), [1, "all"]];

function cdfPoints(buckets) {
  const total = totalOf(buckets), points = [];
  let sum = 0;
  for (const [, greatest, count] of buckets) {
    if (!count)
      continue;
    sum += count;
    const part = sum / total;
    // The last calls are at all of the calls, which no nines reach.
    points.push({x: Math.max(greatest, 0.5), part,
      y: part < 1 ? nines(part) : nines(1 - 0.5 / total)});
  }
  return points;
}

function drawCdf(results) {
  if (!results.length)
    return {none: "This run has no histogram of single calls."};
  const unit = plural(results[0].hist.unit);
  const sets = results.map((r) => ({label: clean(r.variant),
    data: cdfPoints(r.hist.buckets), stepped: "before", ...styleOf(r.variant),
    pointRadius: 2.5}));
  const ours = results.find((r) => r.variant === "ours") || results[0];
  const at = (part) => number(quantile(ours.hist.buckets, part));
  return {
    title: clean(ours.variant) + ": half of the calls within " + at(0.5) +
      ", 99.9 % within " + at(0.999) + ", all within " + at(1) + " " + unit,
    note: clean(ours.id) + ", " + hartsText(hartsOf(ours)) + ": part of" +
      " the calls that took at most so long. Each line up is a nine more.",
    config: config("line", {datasets: sets}, {
      x: logAxis("a call, " + unit, {grace: 0}),
      y: axis("part of the calls", {min: 0, afterBuildTicks(scale) {
        scale.ticks = NINES.filter(([p]) => nines(p) <= scale.max)
          .map(([p]) => ({value: nines(p)}));
      }, ticks: {callback: (value) => NINES.find(([p]) =>
        Math.abs(nines(p) - value) < 1e-6)[1]}}),
    }, {plugins: {legend: legend(), ...tip({
      title: (items) => items[0].dataset.label,
      label: (item) => (item.raw.part * 100).toPrecision(6) + " % within " +
        number(item.raw.x) + " " + unit})}}),
    heads: [["variant", ""], ...IN_TABLE.map(([, text]) =>
      [text + ", " + unit, "number"]), ["calls", "number"]],
    rows: results.map((r) => [clean(r.variant), ...IN_TABLE.map(([p]) =>
      numberCell(quantile(r.hist.buckets, p))),
    numberCell(totalOf(r.hist.buckets))]),
  };
}

function drawHistogram(result) {
  if (!result)
    return {none: "This run has no histogram of single calls."};
  const {unit, buckets} = result.hist, words = plural(unit), points = [];
  buckets.forEach(([least, greatest, count], i) => {
    const gap = i && buckets[i - 1][1] + 1 < least;
    if (gap)
      points.push({x: buckets[i - 1][1] + 1, y: 0});
    points.push({x: Math.max(least, 0.5), y: count, least, greatest});
  });
  const last = buckets[buckets.length - 1];
  if (last)
    points.push({x: last[1] + 1, y: 0});
  const total = totalOf(buckets);
  const common = buckets.reduce((a, b) => b[2] > a[2] ? b : a, [0, 0, 0]);
  const style = styleOf(result.variant);
  return {
    title: clean(result.variant) + ": " + percent(common[2] / (total || 1),
      false) + " of the calls take " + number(common[0]) + (common[1] >
      common[0] ? " to " + number(common[1]) : "") + " " + words,
    note: clean(result.id) + ", " + hartsText(hartsOf(result)) +
      ": calls by what they took; both scales are logarithmic.",
    config: config("line", {datasets: [{label: clean(result.variant),
      data: points.map((p) => ({...p, y: p.y || 0.5})), stepped: true,
      pointRadius: 0, fill: "start", borderColor: style.borderColor,
      borderWidth: 1.5, backgroundColor: style.borderColor + "55"}]}, {
      x: logAxis("a call, " + words), y: logAxis("calls", {min: 0.5}),
    }, {plugins: tip({title: () => "", label: (item) =>
      item.raw.greatest === undefined ? "0 calls" : number(item.raw.y) +
        " calls of " + number(item.raw.least) + " to " +
        number(item.raw.greatest) + " " + words})}),
    heads: [["least, " + clean(unit), "number"],
      ["greatest, " + clean(unit), "number"], ["calls", "number"]],
    rows: buckets.map((b) => b.map((value) => numberCell(value))),
  };
}

function showLatency(run) {
  const place = section("latency", "Latency");
  const timed = run.ok.filter((r) => r.hist && totalOf(r.hist.buckets) > 0);
  if (!timed.length) {
    place.append(nothing("This run has no histogram of single calls."));
    return;
  }
  const cases = new Cases(timed).all();
  let one = cases.find((c) => c.id === "latency/tail") || cases[0];
  let variant = "ours";
  const results = () => {
    const most = Math.max(...one.results.map(hartsOf));
    return one.results.filter((r) => hartsOf(r) === most)
      .sort((a, b) => byVariant(a.variant, b.variant));
  };
  const variants = unique(timed.map((r) => r.variant)).sort(byVariant);
  const bench = select("Benchmark", choices(cases), one.key, (value) => {
    one = pick(cases, value);
    cdf.show();
    histogram.show();
  });
  const who = select("Histogram of", variants.map((v) => [v, clean(v)]),
    variants.includes("ours") ? "ours" : variants[0], (value) => {
      variant = value;
      histogram.show();
    });
  place.append(make("div", {class: "controls"}, bench.box, who.box));
  const pair = make("div", {class: "pair"});
  place.append(pair);
  const cdf = new Figure(pair, "cdf", [], () => drawCdf(results()));
  const histogram = new Figure(pair, "histogram", [], () => drawHistogram(
    results().find((r) => r.variant === variant) || results()[0]));
}

// ---- Memory ----

function drawSeries(results) {
  const sets = results.map((r) => {
    const values = r.series.values, end = Math.max(1, values.length - 1);
    return {label: clean(r.variant), ...styleOf(r.variant), pointRadius: 0,
      data: values.map((y, i) => ({x: i * 100 / end, y}))};
  });
  const peak = (r) => r.series.values.reduce((a, b) => Math.max(a, b), 0);
  const ours = results.find((r) => r.variant === "ours") || results[0];
  const most = results.reduce((a, b) => peak(b) > peak(a) ? b : a);
  return {
    title: clean(ours.variant) + " takes at most " + number(peak(ours)) +
      " frames" + (most === ours ? results.length > 1 ? ", the most of all" :
      "" : ", " + clean(most.variant) + " " + number(peak(most))),
    note: clean(ours.id) + ", " + hartsText(hartsOf(ours)) + ": frames in" +
      " use beyond the start, at even steps of the run.",
    config: config("line", {datasets: sets}, {
      x: axis("part of the run, %", {type: "linear", min: 0, max: 100,
        grid: {display: false}}),
      y: axis("frames", {beginAtZero: true}),
    }, {layout: endRoom(results.map((r) => r.variant)), own: [endLabels()],
      plugins: tip({title: (items) => items[0].dataset.label,
        label: (item) => number(item.parsed.y) + " frames at " +
          number(item.parsed.x, 0) + " %"})}),
    heads: [["variant", ""], ["peak, frame", "number"],
      ["end, frame", "number"], ["samples", "number"]],
    rows: results.map((r) => [clean(r.variant), numberCell(peak(r)),
      numberCell(r.series.values[r.series.values.length - 1]),
      numberCell(r.series.values.length)]),
  };
}

function drawHeat(result) {
  const cells = result.heat;
  const empty = cells.filter((c) => c === 0).length;
  const full = cells.filter((c) => c === 255).length;
  const use = cells.reduce((a, b) => a + b, 0) / 255 / cells.length;
  return {
    title: clean(result.variant) + ": " + percent(use, false) + " in use of " +
      number(cells.length) + (cells.length === 1 ? " slab; " : " slabs; ") +
      number(full) + " full, " + number(empty) + " empty",
    note: clean(result.id) + ", at the end; slabs by address, from the upper" +
      " left.",
    paint: paintHeat(cells),
    heads: [["slabs", "number"], ["full", "number"], ["empty", "number"],
      ["in use, mean of 255", "number"]],
    rows: [[numberCell(cells.length), numberCell(full), numberCell(empty),
      numberCell(use * 255)]],
  };
}

function showMemory(run) {
  const place = section("memory", "Memory");
  const grown = run.ok.filter((r) => r.series && r.series.values.length > 1 &&
    !r.id.startsWith("control/"));
  const cases = new Cases(grown).all();
  if (cases.length) {
    let one = cases.find((c) => c.id === "memory/frag-steady") ||
      cases.find((c) => c.id.startsWith("memory/")) || cases[0];
    const control = select("Benchmark", choices(cases), one.key, (value) => {
      one = pick(cases, value);
      chart.show();
    });
    const chart = new Figure(place, "memory", [control.box], () => drawSeries(
      one.results.sort((a, b) => byVariant(a.variant, b.variant))));
  } else {
    place.append(nothing("No result of this run has memory over time."));
  }
  const hot = run.ok.filter((r) => r.heat && r.heat.length);
  if (!hot.length) {
    place.append(nothing("No result of this run has a picture of slabs."));
    return;
  }
  hot.sort((a, b) => compare(a.id, b.id) || byVariant(a.variant, b.variant));
  // First what has most to see: ours, and of that the most slabs.
  const rank = (r) => (r.variant === "ours") * 1e6 + Math.min(128,
    r.heat.length) * 10 + (r.id === "memory/frag-steady");
  let at = hot.reduce((best, r, i) => rank(r) > rank(hot[best]) ? i : best, 0);
  const which = select("Slabs of", hot.map((r, i) => [String(i),
    clean(r.key)]), String(at), (value) => {
    at = Number(value);
    heat.show();
  });
  const heat = new Figure(place, "heat", [which.box], () => drawHeat(hot[at]));
}

// ---- Magazines ----

function showMagazines(run) {
  const place = section("magazines", "Magazine size");
  const points = magazinePoints(run);
  if (!magazineEnds(points)) {
    place.append(nothing("This run has no magazines of several sizes."));
    return;
  }
  const [first, last] = magazineEnds(points);
  const unit = plural(first.idleUnit);
  // The line is the curve of sizes; the automatic one is a point beside it.
  const curve = points.filter((p) => p.rounds > 0);
  const chosen = points.filter((p) => p.rounds === 0);
  const shown = [curve, chosen];
  const set = (list, more) => ({...styleOf("ours"), borderWidth: 1.5,
    pointRadius: 5, data: list.map((p) => ({x: p.idle, y: p.cost})), ...more});
  const words = unitWords(first.costName, first.costUnit);
  new Figure(place, "magazines", [], () => ({
    title: "From " + first.rounds + " to " + last.rounds + " rounds: " +
      plus(last.cost - first.cost) + " " + words + ", " +
      (last.idle > first.idle ? "+" : "") +
      amount(last.idle - first.idle, first.idleUnit) + " idle",
    note: clean(first.result.id) + ", " + hartsText(hartsOf(first.result)) +
      "; nearer to the lower left is better. Beside a point: rounds of" +
      " a magazine.",
    config: config("scatter", {datasets: [set(curve, {label: "sizes",
      showLine: true}), set(chosen, {label: "automatic",
      pointStyle: "rectRot", pointRadius: 7})]}, {
      x: axis("idle in magazines, " + unit, {type: "linear"}),
      y: axis(words, {grace: "10%"}),
    }, {layout: {padding: {right: 70}},
      own: [valueLabels((_, at, i) => sizeText(shown[i][at].rounds))],
      plugins: tip({label: (item) => sizeText(shown[item.datasetIndex][
        item.dataIndex].rounds) + " rounds: " + number(item.parsed.x) + " " + unit + " idle, " +
        number(item.parsed.y) + " " + words})}),
    heads: [["rounds", "number"], ["idle, " + clean(first.idleUnit), "number"],
      [words, "number"]],
    rows: points.map((p) => [p.rounds > 0 ? numberCell(p.rounds) :
      make("td", {class: "number"}, "automatic"), numberCell(p.idle),
      numberCell(p.cost)]),
  }), 280);
}

// ---- History ----

const HEADLINE_STYLES = ["ours", "nomag", "seed2006", "biglock", "sheaf",
  "linux24", "picolibc", "tlsf", "firstfit", "nocolour"];

const seriesName = (name) => {
  const [key, metric] = name.split("\t");
  return clean(key.replace(/,(ours|harts=1)(?=,|$)/g, "")) + " " +
    plain(metric);
};

function movement(name, values) {
  const known = values.filter((v) => v !== null);
  return seriesName(name) + ": " + number(known[0]) + " → " +
    number(known[known.length - 1]) + " in " + number(values.length) + " runs";
}

function drawHistory(history, names, relative) {
  const labels = history.runs.map((r) => (r.commit || r.id).slice(0, 8));
  const said = [];
  const sets = names.map((name, i) => {
    const values = history.series[name];
    const base = values.find((v) => v !== null && v !== 0);
    const steps = own(history.steps, name) || [];
    for (const at of steps)
      said.push([name, at]);
    const style = styleOf(HEADLINE_STYLES[i % HEADLINE_STYLES.length]);
    return {...style, borderWidth: 2, label: seriesName(name), stepped: true,
      data: values.map((v) => v === null ? null : relative ?
        base ? (v / base - 1) * 100 : 0 : v),
      pointRadius: values.map((_, at) => steps.includes(at) ? 7 : 3)};
  });
  const changed = names.filter((name) => new Set(history.series[name]
    .filter((v) => v !== null)).size > 1);
  const step = said[said.length - 1];
  const title = step ? seriesName(step[0]) + " steps from " +
    number(history.series[step[0]][step[1] - 1]) + " to " +
    number(history.series[step[0]][step[1]]) + " at " +
    clean(labels[step[1]]) : changed.length ?
    movement(changed[0], history.series[changed[0]]) :
    "No change in " + number(labels.length) + " runs";
  return {
    title,
    note: "Oldest first, by commit" + (relative ?
      "; against the first run that has the figure" : "") +
      (said.length ? "; a large mark: its level changed there" : "") + ".",
    config: config("line", {labels: labels.map(clean), datasets: sets}, {
      x: axis("commit", {grid: {display: false}, offset: true, ticks: {callback(at) {
        return this.getLabelForValue(at);
      }, maxRotation: 60}}),
      y: axis(relative ? "against the first, %" : seriesName(names[0]),
        relative ? {ticks: {callback: (v) => plus(v) + " %"},
          suggestedMin: -1, suggestedMax: 1} : {grace: "10%"}),
    }, {plugins: {legend: legend(), ...tip({
      title: (items) => clean(history.runs[items[0].dataIndex].subject ||
        labels[items[0].dataIndex]),
      label: (item) => item.dataset.label + ": " + number(
        history.series[names[item.datasetIndex]][item.dataIndex])})}}),
    heads: [["commit", ""], ["date", ""], ["flags", ""],
      ...names.map((n) => [seriesName(n), "number"])],
    rows: history.runs.map((r, i) => [clean((r.commit || "none").slice(0, 12)),
      clean((r.date || "").slice(0, 10)), [r.noisy && "noisy",
        r.partial && "partial"].filter(Boolean).join(", "),
      ...names.map((n) => numberCell(history.series[n][i]))]),
  };
}

function showHistory(more) {
  const place = section("history", "History");
  const history = more.history;
  if (history.runs.length < 2) {
    place.append(nothing("There is one run only: give the report older" +
      " results of this machine and mode, too."));
    return;
  }
  const all = Object.keys(history.series);
  const shown = history.heads.length ? history.heads : all.slice(0, 4);
  const moved = all.filter((name) => new Set(history.series[name]).size > 1 ||
    shown.includes(name)).sort(compare);
  let chosen = "";
  const control = select("Figure", [["", "headline figures"],
    ...moved.map((name) => [name, clean(name.replace("\t", " "))])], "",
  (value) => {
    chosen = value;
    chart.show();
  });
  const chart = new Figure(place, "history", [control.box], () => drawHistory(
    history, chosen ? [chosen] : shown, !chosen));
  if (all.length > moved.length)
    place.append(nothing(number(all.length - moved.length) + " other figures" +
      " never changed."));
  if (more.dropped)
    place.append(nothing(number(more.dropped) + " older runs had no room."));
}
