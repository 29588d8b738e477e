// SPDX-License-Identifier: MIT
// Verdicts, records, all results, the machine.

// ---- Verdicts ----

const WORST_FIRST = ["regression", "inconclusive", "gone", "improvement",
  "changed", "new", "excluded", "same"];
const MARK = {regression: "▲ worse", improvement: "▼ better", same: "= same",
  inconclusive: "? inconclusive", gone: "− gone", new: "+ new",
  excluded: "× excluded", changed: "≠ changed"};
const PLURAL = {regression: "regressions", improvement: "improvements"};
const QUIET = ["new", "excluded", "same"];

function verdictTable(rows) {
  const word = (value) => value === true ? "yes" : value === false ? "no" :
    "–";
  return table([["verdict", ""], ["result", ""], ["metric", ""],
    ["before", "number"], ["after", "number"], ["unit", ""],
    ["Δ", "number"], ["p", "number"], ["floor", "number"],
    ["confirmed", ""]],
  rows.map((r) => [
    make("td", {class: "verdict " + r.verdict}, 
      MARK[r.verdict]),
    make("td", {class: "key"}, clean(r.key)), clean(r.metric),
    numberCell(own(r, "before")), numberCell(own(r, "after")),
    clean(own(r, "unit") || ""),
    deltaCell(own(r, "delta")), numberCell(own(r, "p")),
    make("td", {class: "number"}, percent(own(r, "floor"), false)),
    word(own(r, "confirmed"))]));
}

function deltaCell(delta) {
  const some = delta !== undefined && delta !== null;
  return make("td", {class: "number part", "data-value": some ? String(delta) :
    null}, percent(delta));
}

function showVerdicts(run) {
  const comparison = run.data.comparison;
  const place = section("verdicts", "Verdicts");
  if (!comparison) {
    place.append(nothing("This run was compared with no baseline."));
    return;
  }
  const rows = [...comparison.rows].sort((a, b) =>
    WORST_FIRST.indexOf(a.verdict) - WORST_FIRST.indexOf(b.verdict) ||
    Math.abs(own(b, "delta") || 0) - Math.abs(own(a, "delta") || 0) ||
    compare(a.key, b.key));
  const counts = WORST_FIRST.map((v) => [v, rows.filter(
    (r) => r.verdict === v).length]).filter(([, n]) => n);
  place.append(make("p", {class: "note"}, "Against " +
    baselineText(comparison) + ": " + clean(comparison.verdict) + ". " +
    counts.map(([v, n]) => number(n) + " " + (n === 1 ? v : PLURAL[v] || v)).join(", ") + "."));
  const loud = rows.filter((r) => !QUIET.includes(r.verdict));
  if (loud.length)
    place.append(scroller(verdictTable(loud), "Verdicts, worst first"));
  else
    place.append(nothing("Nothing is worse, better or lost."));
  for (const verdict of QUIET) {
    const some = rows.filter((r) => r.verdict === verdict);
    if (!some.length)
      continue;
    // Filled when opened: there may be thousands.
    const box = make("details", {class: "numbers"}, make("summary", {},
      number(some.length) + " " + verdict));
    box.addEventListener("toggle", () => {
      if (box.open && box.children.length === 1)
        box.append(scroller(verdictTable(some), "Verdicts: " + verdict));
    });
    place.append(box);
  }
}

// ---- Records ----

function showRecords(more) {
  if (!more.records.length)
    return;
  section("records", "Records", "Figures of the probes beside the best known" +
    " elsewhere, and what they are to be.").append(scroller(table(
    [["figure", ""], ["unit", ""], ["record", ""], ["reach", ""],
      ["ours", ""], ["verdict", ""]],
    more.records.map((r) => [clean(r.figure), clean(r.unit), clean(r.record),
      clean(r.reach), clean(r.ours), make("td", {class: "verdict " +
        (/^miss/.test(r.verdict) ? "regression" : /^met/.test(r.verdict) ?
          "improvement" : "")}, clean(r.verdict))])), "Records"));
}

// ---- Results ----

// Rows of the table: one for each metric, and one for a result without.
function resultRows(run) {
  const deltas = new Map();
  if (run.data.comparison) {
    for (const row of run.data.comparison.rows)
      deltas.set(row.key + "\t" + row.metric, own(row, "delta"));
  }
  const rows = [];
  for (const result of run.data.results) {
    const names = Object.keys(result.metrics);
    const params = Object.entries(result.params)
      .filter(([name]) => name !== "harts").map((p) => p.join("=")).join(" ");
    const common = {result, id: result.id, variant: result.variant,
      harts: hartsOf(result), params};
    if (!names.length) {
      rows.push({...common, metric: result.status, unit: "", head: true,
        why: result.why || ""});
    }
    for (const name of names) {
      const metric = result.metrics[name];
      rows.push({...common, metric: name, unit: metric.unit,
        value: valueOf(metric), head: name === headMetric(result),
        exactly: metric, delta: deltas.get(result.key + "\t" + name)});
    }
  }
  return rows;
}

function exactText(metric) {
  const text = metric.text ? clean(metric.text) + " – " : "";
  if (metric.exact)
    return text + number(metric.exact.value) + " / " +
      number(metric.exact.per);
  if (metric.ci95)
    return text + "95 %: " + metric.ci95.map((v) => number(v)).join(" … ") +
      ", " + metric.samples.length + " samples";
  return text + metric.samples.length + " samples";
}

function rowElement(row) {
  const line = make("tr", {class: row.result.status === "failed" ? "failed" :
    null},
  make("th", {scope: "row"}, clean(row.id)),
  make("td", {}, clean(row.variant)),
  make("td", {class: "number"}, number(row.harts)),
  make("td", {class: "params"}, clean(row.params)),
  make("td", {}, clean(row.metric)),
  row.value === undefined ? make("td", {class: "why"}, clean(row.why)) :
    numberCell(row.value, exactText(row.exactly)),
  make("td", {}, clean(row.unit)), deltaCell(row.delta),
  make("td", {class: "flags"}, (row.result.notes || []).map(clean)
    .join(", ")));
  // What the filter looks in; the row's own words.
  row.words = [row.id, row.variant, "harts=" + row.harts, row.params,
    row.metric, row.unit, row.result.status, ...row.result.notes || []]
    .join(" ").toLowerCase();
  row.element = line;
  return line;
}

const COLUMNS = [["benchmark", (r) => r.id], ["variant", (r) => r.variant],
  ["harts", (r) => r.harts], ["parameters", (r) => r.params],
  ["metric", (r) => r.metric], ["value", (r) => r.value],
  ["unit", (r) => r.unit], ["Δ baseline", (r) => r.delta],
  ["flags", (r) => (r.result.notes || []).join()]];
const NUMBERS = ["harts", "value", "Δ baseline"];

// Rows without a figure stay last, whichever way the others go.
function sorted(rows, of, way) {
  return [...rows].sort((a, b) => {
    const [x, y] = [of(a), of(b)];
    const none = (v) => v === undefined || v === null;
    if (none(x) || none(y))
      return none(x) - none(y);
    return way * (typeof x === "number" ? x - y : compare(x, y));
  });
}

function sortableHead(rows, body) {
  const head = make("tr");
  COLUMNS.forEach(([name, of]) => {
    const button = make("button", {type: "button"}, name);
    const cell = make("th", {scope: "col", "aria-sort": "none",
      class: NUMBERS.includes(name) ? "number" : null}, button);
    button.addEventListener("click", () => {
      const up = cell.getAttribute("aria-sort") !== "ascending";
      for (const other of head.children)
        other.setAttribute("aria-sort", "none");
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...sorted(rows, of, up ? 1 : -1).map((r) => r.element));
    });
    head.append(cell);
  });
  return head;
}

function showResults(run) {
  const place = section("results", "All results");
  const rows = resultRows(run);
  if (!rows.length) {
    place.append(nothing("This run has no result."));
    return;
  }
  const body = make("tbody", {}, ...rows.map(rowElement));
  const grid = make("table", {id: "all-results"},
    make("thead", {}, sortableHead(rows, body)), body);
  alignTable(body);
  const count = make("span", {class: "count", "aria-live": "polite"});
  const filter = {words: [], group: "", variant: "", all: rows.length <= 400};
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      const fits = (filter.all || row.head) &&
        (!filter.group || row.id.startsWith(filter.group + "/")) &&
        (!filter.variant || row.variant === filter.variant) &&
        filter.words.every((word) => row.words.includes(word));
      row.element.hidden = !fits;
      shown += fits;
    }
    count.textContent = number(shown) + " of " + number(rows.length) +
      " figures";
  };
  const words = make("input", {id: "filter", type: "search",
    placeholder: "larson harts=8", autocomplete: "off",
    spellcheck: "false"});
  words.addEventListener("input", () => {
    filter.words = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    apply();
  });
  const any = (list) => [["", "all"], ...list.map((x) => [x, clean(x)])];
  const group = select("Group", any(unique(rows.map((r) =>
    r.id.split("/")[0]))), "", (value) => {
    filter.group = value;
    apply();
  });
  const variant = select("Variant", any(unique(rows.map((r) => r.variant))
    .sort(byVariant)), "", (value) => {
    filter.variant = value;
    apply();
  });
  const every = checkbox("All metrics", filter.all, (on) => {
    filter.all = on;
    apply();
  });
  place.append(make("div", {class: "controls"}, make("span",
    {class: "control"}, make("label", {for: "filter"}, "Filter"), words),
  group.box, variant.box, every.box, count),
  scroller(grid, "All results", "tall"));
  apply();
  REPORT.rows = rows.length;
}

// ---- Machine ----

function showMachine(run, more) {
  const {code, target, host, run: taken} = run.data;
  const notes = new Map();
  for (const result of run.data.results) {
    for (const note of result.notes || [])
      notes.set(note, (notes.get(note) || 0) + 1);
  }
  const lines = [
    ["Commit", [code.commit, code.dirty && "with changes that are not" +
      " committed"].filter(Boolean).join(", ")],
    ["Subject", code.subject], ["Committed", code.date],
    ["Compiler", code.cc], ["Image, SHA-256", code.image_sha256],
    ["Target", [target.kind, target.machine, target.mode + " mode"].join(
      ", ")],
    ["Harts", number(target.harts)], ["ISA", target.isa],
    ["Memory", target.mem_bytes && bytesText(target.mem_bytes)],
    ["Cache line", target.cache_line && number(target.cache_line) + " bytes"],
    ["Time base", target.timebase_hz && number(target.timebase_hz) + " Hz"],
    ["Emulator", target.emulator], ["Firmware", target.firmware],
    ["Arguments", (target.args || []).join(" ")], ["Line", target.line],
    ["Libraries", Object.entries(target.libraries || {}).map(
      (p) => p.join(" ")).join(", ")],
    ["Host", [host.cpu, host.cpus && number(host.cpus) + " processors",
      host.kernel].filter(Boolean).join(", ")],
    ["Host’s load", host.load1 === null ? null : number(host.load1)],
    ["Command", taken.command.join(" ")],
    ["Seed", taken.seed], ["Started", taken.started],
    ["Duration", number(taken.duration_s, 1) + " s"], ["Run", taken.id],
    ["Status", taken.status + (taken.why ? ": " + taken.why : "")],
    ["Notes", [...notes].map(([n, c]) => n + ": " + number(c)).join(", ")],
    ["Charts", more.library && "Chart.js " + more.library + ", MIT licence"],
  ];
  const list = make("dl", {class: "card"});
  for (const [name, value] of lines) {
    if (value !== undefined && value !== null && value !== "")
      list.append(make("div", {}, make("dt", {}, name), make("dd", {},
        clean(value))));
  }
  section("machine", "Machine").append(list);
}

function showRaw(run, raw) {
  const place = section("raw", "Raw data", "The result as it was written, " +
    number(raw.length) + " characters of JSON (schema " +
    clean(run.data.schema) + ").");
  const box = make("details", {class: "numbers"},
    make("summary", {}, "Show it here"));
  box.addEventListener("toggle", () => {
    if (box.open && box.children.length === 1)
      box.append(scroller(make("pre", {class: "raw"},
        JSON.stringify(JSON.parse(raw), null, 1)), "Raw data", "tall"));
  });
  place.append(box);
}
