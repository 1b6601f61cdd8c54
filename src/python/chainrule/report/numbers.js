// The embedded data, and how numbers, formulas and tables become elements. Text is set as text: none of it is read as HTML.
const D = JSON.parse(document.getElementById("data").textContent);
const S = D.step;

function fmt(value, digits = 5) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value.replace("-", "−");  // NaN and infinities, which JSON has not
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text = size >= 1e6 || size < 1e-4 ? value.toExponential(digits - 1) : value.toPrecision(digits);
  if (text.includes(".")) text = text.replace(/\.?0+(e|$)/, "$1");
  return text.replace(/-/g, "−").replace(/e\+?/, "e");
}

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat());
  return element;
}

// "z_{1} = x W_{1}" with what is in braces set below (or, after ^, above) the line.
// What is no text is an element already.
function rich(text) {
  if (typeof text !== "string") return text;
  return text.split(/([_^]\{[^}]*\})/).map((piece) => {
    const found = /^([_^])\{(.*)\}$/.exec(piece);
    return found ? el(found[1] === "_" ? "sub" : "sup", {}, found[2]) : piece;
  });
}

// Several formulas stand one below the other.
const formula = (text) => el("div", { class: "formulas" }, text.split(",   ").map((one) => el("p", { class: "formula" }, rich(one))));

// At most five characters, for a circle of the diagram.
function short(value) {
  const text = fmt(value, 2);
  return text.replace("−", "").length > 4 && typeof value === "number" ? value.toExponential(0).replace(/-/g, "−").replace("e+", "e") : text;
}

// A number with all its digits beside those that are shown.
const shown = (name, value) => el("output", { "data-name": name, "data-value": String(value) }, fmt(value, 7));

function grid(caption, head, rows) {
  const digits = head.length > 8 ? 4 : 5;
  const body = rows.map(([name, ...cells]) => el("tr", {},
    el("th", { scope: "row" }, rich(name)),
    cells.map((cell) => cell instanceof Node ? el("td", { class: "n" }, cell)
      : el("td", { class: "n", "data-value": String(cell), title: String(cell) }, fmt(cell, digits)))));
  const table = el("table", { class: head.length > 8 ? "many" : null },
    el("caption", {}, rich(caption)),
    el("thead", {}, el("tr", {}, head.map((name, i) => el("th", { scope: "col", class: i ? "n" : null }, rich(name))))),
    el("tbody", {}, body));
  return el("div", { class: "wide" }, table);
}

// Names are the user's: a brace or an underscore in them says nothing.
const names = (level) => D.names[level].map((name) => document.createTextNode(name));
const size = (level) => D.sizes[level];
const someOf = (level) => size(level) > D.units[level].length ? ` (${D.units[level].length} of ${size(level)})` : "";
const weightName = (layer, i, j) => `W${layer}[${D.units[layer - 1][i]}, ${D.units[layer][j]}]`;
const biasName = (layer, j) => `b${layer}[${D.bias === "layer" ? 0 : D.units[layer][j]}]`;
const ofUnit = (values, j) => values.length === 1 ? values[0] : values[j];

function placeOf(name) {
  const found = /^([Wb])(\d+)\[(\d+)(?:, (\d+))?\]$/.exec(name);
  if (!found) return null;
  const layer = Number(found[2]);
  if (found[1] === "b") {
    const j = D.bias === "layer" ? 0 : D.units[layer].indexOf(Number(found[3]));
    return { layer, i: null, j };
  }
  return { layer, i: D.units[layer - 1].indexOf(Number(found[3])), j: D.units[layer].indexOf(Number(found[4])) };
}

// A number that can be chosen: of all in one table the Tab key reaches one, the arrow keys the others.
function pick(name, value, digits = 5) {
  return el("button", { type: "button", class: "w", "data-weight": name, "data-value": String(value), tabindex: "-1",
    title: String(value), "aria-label": `${name} = ${fmt(value)}` }, fmt(value, digits));
}

function weightGrid(caption, layer, matrix) {
  const digits = matrix[0].length > 7 ? 4 : 5;
  const rows = matrix.map((row, i) => [names(layer - 1)[i], ...row.map((w, j) => pick(weightName(layer, i, j), w, digits))]);
  const parts = [[layer - 1, "rows"], [layer, "columns"]].filter(([level]) => someOf(level))
    .map(([level, what]) => `${D.units[level].length} of ${size(level)} ${what}`);
  return roving(grid(caption + (parts.length ? ": " + parts.join(", ") : ""), ["from \\ to", ...unitLabels(layer)], rows));
}

const unitLabels = (level) => level === D.sizes.length - 1 ? names(level) : D.units[level].map((n) => `unit ${n}`);

function roving(container) {
  const first = container.querySelector("button.w");
  if (first) first.tabIndex = 0;
  return container;
}

// What is wider than the page can be scrolled by the keyboard too.
function scrollable() {
  for (const wide of document.querySelectorAll(".wide")) {
    const is = wide.scrollWidth > wide.clientWidth + 1;
    const caption = wide.querySelector("caption")?.textContent ?? "Diagram";
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", caption]]) {
      if (is) wide.setAttribute(name, value);
      else wide.removeAttribute(name);
    }
  }
}
