// SPDX-License-Identifier: MIT
// How a figure is drawn: title that says the finding, controls, a canvas, and
// the same numbers in a table. Without the library the table is all there is.

// Okabe and Ito's colours, darkened or lightened to stand on the ground. A
// variant has its colour, its dashes and its mark in every figure, so that
// none of the three is needed to tell it.
const INK = {
  light: {text: "#1c2127", soft: "#5b6570", line: "#dfe3e7", ground: "#ffffff",
    accent: "#0067a8", other: "#a9b2bb", ramp: [[221, 232, 241], [8, 64, 110]],
    lines: ["#0067a8", "#c14a00", "#3d9bd6", "#b0578d", "#007d5a", "#9a6a00",
      "#5f4bb6", "#6b747d", "#8c3b3b", "#2f3b45", "#7a5c00"]},
  dark: {text: "#e4e8ec", soft: "#9aa5b0", line: "#323a42", ground: "#161a1e",
    accent: "#58b4f0", other: "#5d6873", ramp: [[38, 46, 54], [126, 205, 255]],
    lines: ["#58b4f0", "#ff8a4c", "#a5d8f7", "#e29ac6", "#3fc79a", "#e0b040",
      "#a898f0", "#a5aeb8", "#d98c8c", "#e4e8ec", "#f0d890"]},
};
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [5, 2], [1, 2], [12, 3],
  [4, 4], [8, 2, 2, 2, 2, 2], [3, 1], [6, 6]];
// The last five are hollow.
const MARKS = ["circle", "triangle", "rect", "crossRot", "rectRot", "star",
  "circle", "rect", "triangle", "rectRot", "rectRounded"];
const HOLLOW = 6;

let forced = null; // "light" while printing
function themeName() {
  if (forced)
    return forced;
  const chosen = document.documentElement.dataset.theme;
  if (chosen)
    return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
const ink = () => INK[themeName()];

function styleOf(variant) {
  const at = ORDER.indexOf(variant);
  // Of one that is not known here: always the same, but not ours.
  const i = at >= 0 ? at : 1 + [...variant].reduce((sum, c) =>
    sum + c.charCodeAt(0), 0) % (ORDER.length - 1);
  const colour = ink().lines[i];
  return {borderColor: colour, backgroundColor: colour,
    borderDash: DASHES[i], pointStyle: MARKS[i], pointRadius: 4, clip: false,
    pointBackgroundColor: i < HOLLOW ? colour : ink().ground,
    borderWidth: variant === "ours" ? 3 : 1.75,
    order: variant === "ours" ? 0 : 1};
}

// What a figure said of itself, for tests.
const REPORT = {charts: {}, errors: [], rows: 0, ready: false};

class Figure {
  // draw() returns {title, note, config, heads, rows, label}, or {none}: why
  // there is nothing. `paint` draws on the canvas instead of the library.
  constructor(parent, id, boxes, draw, height = 320) {
    this.id = id;
    this.draw = draw;
    this.height = height;
    this.chart = null;
    this.title = make("h3");
    this.note = make("p", {class: "note"});
    this.canvas = make("canvas", {role: "img"});
    this.plot = make("div", {class: "plot"}, this.canvas);
    this.plot.style.height = height + "px";
    this.numbers = make("details", {class: "numbers"},
      make("summary", {}, "Numbers"));
    this.element = make("figure", {id: "figure-" + id},
      make("figcaption", {}, this.title, this.note),
      boxes.length ? make("div", {class: "controls"}, ...boxes) : null,
      this.plot, this.numbers);
    parent.append(this.element);
    Figure.all.push(this);
    this.show();
  }

  show() {
    let what;
    try {
      what = this.draw();
    } catch (error) {
      fault(error);
      what = {none: "this figure could not be drawn: " + error.message};
    }
    if (this.chart)
      this.chart.destroy();
    this.chart = null;
    const some = !what.none;
    this.title.textContent = some ? what.title : "";
    this.note.textContent = some ? what.note || "" : what.none;
    this.element.classList.toggle("none", !some);
    this.title.hidden = !some;
    this.plot.hidden = this.numbers.hidden = !some;
    REPORT.charts[this.id] = {drawn: false, none: what.none || null};
    if (!some)
      return;
    this.canvas.setAttribute("aria-label", what.title + ". " +
      (what.note || "") + " The numbers are in the table below.");
    this.fillNumbers(what);
    if (what.height)
      this.plot.style.height = what.height + "px";
    const report = REPORT.charts[this.id];
    report.rows = what.rows.length;
    this.paint = what.paint;
    if (what.paint) {
      what.paint(this.canvas, this.plot);
      report.drawn = true;
      return;
    }
    this.plot.hidden = typeof Chart === "undefined";
    if (this.plot.hidden) {
      this.numbers.open = true;
      report.none = "no library";
      return;
    }
    this.chart = new Chart(this.canvas, what.config);
    report.drawn = this.chart.width > 0 && this.chart.height > 0;
    report.points = this.chart.data.datasets.map((d) => d.data.length);
  }

  fillNumbers(what) {
    const summary = this.numbers.firstChild;
    summary.textContent = "Numbers";
    this.numbers.replaceChildren(summary, scroller(
      table(what.heads, what.rows), "Numbers of: " + what.title));
  }
}
Figure.all = [];

function redraw() {
  for (const one of Figure.all)
    one.show();
}

// The library follows the window's width by itself.
function refit() {
  for (const one of Figure.all) {
    if (one.paint && !one.plot.hidden)
      one.paint(one.canvas, one.plot);
  }
}

function fault(error) {
  const text = String(error && error.message || error);
  REPORT.errors.push(text);
  tell();
}

function tell() {
  byId("self-report").textContent = JSON.stringify(REPORT);
}

// ---- Pieces of a chart's configuration ----

let family;
function font() {
  family = family || getComputedStyle(document.body).fontFamily;
  return {family, size: 12};
}

function axis(title, more = {}) {
  const {ticks, grid, ...rest} = more;
  return {
    title: {display: true, text: title, color: ink().soft, font: font()},
    ticks: {color: ink().soft, font: font(),
      callback: (value) => short(value), ...ticks},
    grid: {color: ink().line, borderColor: ink().line, drawTicks: false,
      ...grid},
    ...rest,
  };
}

// A logarithmic axis has a name at 1, 2 and 5 of each decade, if few.
function logAxis(title, more = {}) {
  return axis(title, {type: "logarithmic", ...more, ticks: {
    callback(value) {
      const digit = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
      const fine = this.max / this.min < 100 ? [1, 2, 5] : [1];
      return fine.includes(Math.round(digit * 1e6) / 1e6) ? short(value) : "";
    }, autoSkip: false, maxRotation: 0},
  grid: {color: (mark) => mark.tick && mark.tick.label ? ink().line :
    "transparent"}});
}

function config(type, data, scales, more = {}) {
  const {plugins, own: ownPlugins, ...rest} = more;
  return {
    type, data, plugins: ownPlugins || [],
    options: {
      ...forced ? {devicePixelRatio: 2} : {},
      animation: false, responsive: true, maintainAspectRatio: false,
      normalized: true, locale: "en-US", scales,
      interaction: {mode: "nearest", intersect: false},
      plugins: {
        legend: {display: false},
        tooltip: {backgroundColor: ink().text, titleColor: ink().ground,
          bodyColor: ink().ground, displayColors: false, padding: 8,
          titleFont: font(), bodyFont: font()},
        ...plugins,
      },
      ...rest,
    },
  };
}

const legend = () => ({display: true, position: "bottom", align: "start",
  labels: {usePointStyle: true, color: ink().text, font: font(),
    boxWidth: 10, boxHeight: 6, padding: 14}});

// The name of each line at its end, moved apart where they would overlap.
function endLabels() {
  return {
    id: "endLabels",
    afterDatasetsDraw(chart) {
      const {ctx, chartArea: area} = chart;
      const step = 14, labels = [];
      chart.data.datasets.forEach((set, i) => {
        const points = chart.getDatasetMeta(i).data;
        if (points.length && !set.unnamed && chart.isDatasetVisible(i)) {
          const last = points[points.length - 1];
          labels.push({text: set.label, y: last.y, colour: set.borderColor});
        }
      });
      labels.sort((a, b) => a.y - b.y);
      labels.forEach((label, i) => {
        if (i)
          label.y = Math.max(label.y, labels[i - 1].y + step);
      });
      let limit = area.bottom;
      for (const label of labels.reverse()) {
        label.y = Math.min(label.y, limit);
        limit = label.y - step;
      }
      ctx.save();
      ctx.font = "12px " + font().family;
      ctx.textBaseline = "middle";
      for (const label of labels) {
        ctx.fillStyle = label.colour;
        ctx.fillText(label.text, area.right + 9, label.y);
      }
      ctx.restore();
    },
  };
}

const endRoom = (names) => ({padding: {right:
  Math.min(120, 16 + 7 * Math.max(...names.map((n) => n.length)))}});

// The value behind each bar, or beside each point; a second set's are lower,
// since a point of it may lie on one of the first.
function valueLabels(text) {
  return {
    id: "valueLabels",
    afterDatasetsDraw(chart) {
      const {ctx} = chart;
      ctx.save();
      ctx.font = "12px " + font().family;
      ctx.textBaseline = "middle";
      ctx.fillStyle = ink().text;
      chart.data.datasets.forEach((set, i) => {
        chart.getDatasetMeta(i).data.forEach((element, at) => {
          const said = text(set, at, i);
          if (said)
            ctx.fillText(said, element.x + 8, element.y + 16 * i);
        });
      });
      ctx.restore();
    },
  };
}

// Cells of a heat map, with its legend: each canvas row has `columns` slabs.
const HEAT_COLUMNS = 32;
function heatColour(part) {
  const [from, to] = ink().ramp;
  return "rgb(" + from.map((low, i) =>
    Math.round(low + (to[i] - low) * part)).join(",") + ")";
}

function paintHeat(cells) {
  return (canvas, plot) => {
    const columns = HEAT_COLUMNS;
    const rows = Math.ceil(cells.length / columns);
    const scale = Math.max(2, window.devicePixelRatio || 1);
    const width = Math.max(240, Math.min(plot.clientWidth || 800, 960));
    const cell = width / columns, high = Math.min(cell, 22), foot = 44;
    canvas.width = width * scale;
    canvas.height = (rows * high + foot) * scale;
    canvas.style.width = width + "px";
    canvas.style.height = rows * high + foot + "px";
    plot.style.height = canvas.style.height;
    const ctx = canvas.getContext("2d");
    ctx.scale(scale, scale);
    cells.forEach((value, i) => {
      const x = i % columns * cell, y = Math.floor(i / columns) * high;
      ctx.fillStyle = heatColour(value / 255);
      ctx.fillRect(x + 0.5, y + 0.5, cell - 1, high - 1);
      // Empty is not only the palest: it is crossed out.
      if (value === 0) {
        ctx.strokeStyle = ink().soft;
        ctx.beginPath();
        ctx.moveTo(x + 3, y + high - 3);
        ctx.lineTo(x + cell - 3, y + 3);
        ctx.stroke();
      }
    });
    paintLegend(ctx, rows * high + 14);
  };
}

function paintLegend(ctx, top) {
  const wide = 160;
  for (let i = 0; i < wide; i++) {
    ctx.fillStyle = heatColour(i / (wide - 1));
    ctx.fillRect(i, top, 1.5, 10);
  }
  ctx.fillStyle = ink().soft;
  ctx.font = "12px " + font().family;
  ctx.textBaseline = "top";
  ctx.fillText("0 %", 0, top + 14);
  ctx.textAlign = "right";
  ctx.fillText("100 %", wide, top + 14);
  ctx.textAlign = "left";
  ctx.fillText("of a slab’s objects in use; a stroke: none", wide + 16, top);
}
