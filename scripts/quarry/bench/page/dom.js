// SPDX-License-Identifier: MIT
// Elements. All text goes in as text: nothing here reads markup.

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false)
      element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children) {
    if (child !== undefined && child !== null)
      element.append(child);
  }
  return element;
}

const byId = (id) => document.getElementById(id);

function section(id, title, note) {
  const element = make("section", {id, "aria-labelledby": id + "-title"},
    make("h2", {id: id + "-title"}, title));
  if (note)
    element.append(make("p", {class: "note"}, note));
  byId("main").append(element);
  byId("sections").append(make("li", {}, make("a", {href: "#" + id}, title)));
  return element;
}

const nothing = (text) => make("p", {class: "nothing"}, text);

let controls = 0;
function select(label, options, chosen, changed) {
  const id = "control-" + ++controls;
  const element = make("select", {id});
  for (const [value, text] of options)
    element.append(make("option", {value}, text));
  element.value = chosen;
  element.addEventListener("change", () => changed(element.value));
  return {element, box: make("span", {class: "control"},
    make("label", {for: id}, label), element)};
}

function checkbox(label, checked, changed) {
  const id = "control-" + ++controls;
  const element = make("input", {id, type: "checkbox"});
  element.checked = checked;
  element.addEventListener("change", () => changed(element.checked));
  return {element, box: make("span", {class: "control"}, element,
    make("label", {for: id}, label))};
}

// Numbers of a column stand with their points below each other: a figure
// space is as wide as a digit, a punctuation space as the point.
const fractionOf = (text) => /\.\d+$/.test(text) ?
  text.length - text.lastIndexOf(".") - 1 : 0;
function alignColumn(cells) {
  const most = Math.max(...cells.map((c) => fractionOf(c.textContent)));
  for (const cell of cells) {
    const text = cell.textContent, have = fractionOf(text);
    if (most && /\d$/.test(text) && !/e/.test(text))
      cell.textContent = text + (have ? "" : "\u2008") +
        "\u2007".repeat(most - have);
  }
}

function alignTable(body) {
  const lines = [...body.children];
  const columns = lines.length ? lines[0].children.length : 0;
  for (let i = 0; i < columns; i++) {
    const cells = lines.map((line) => line.children[i]).filter(
      (cell) => cell && cell.matches(".number[data-value]:not(.part)"));
    if (cells.length)
      alignColumn(cells);
  }
}

// A cell that holds a number has it unrounded in data-value.
function numberCell(value, title) {
  return make("td", {class: "number", title,
    "data-value": value === undefined || value === null ? null :
      String(value)}, number(value));
}

// heads: [text, "number" or ""]; rows: lists of text or of cells.
function table(heads, rows, caption) {
  const head = make("tr");
  for (const [text, kind] of heads)
    head.append(make("th", {scope: "col", class: kind || null}, text));
  const body = make("tbody");
  for (const row of rows) {
    const line = make("tr");
    for (const cell of row)
      line.append(cell instanceof Node ? cell : make("td", {}, cell));
    body.append(line);
  }
  alignTable(body);
  return make("table", {}, caption && make("caption", {}, caption),
    make("thead", {}, head), body);
}

// A wide table scrolls by itself, and can be scrolled by keys.
function scroller(content, label, kind = "") {
  return make("div", {class: ("scroll " + kind).trim(), tabindex: "0",
    role: "region", "aria-label": label}, content);
}
