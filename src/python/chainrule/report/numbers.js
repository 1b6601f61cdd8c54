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
function rich(text) {
  return text.split(/([_^]\{[^}]*\})/).map((piece) => {
    const found = /^([_^])\{(.*)\}$/.exec(piece);
    return found ? el(found[1] === "_" ? "sub" : "sup", {}, found[2]) : piece;
  });
}

const formula = (text) => el("p", { class: "formula" }, rich(text));

// A number with all its digits beside those that are shown.
const shown = (name, value) => el("output", { "data-name": name, "data-value": String(value) }, fmt(value, 7));

function grid(caption, head, rows) {
  const body = rows.map(([name, ...cells]) => el("tr", {},
    el("th", { scope: "row" }, rich(name)),
    cells.map((cell) => el("td", { class: "n", "data-value": cell instanceof Node ? null : String(cell) },
      cell instanceof Node ? cell : fmt(cell)))));
  const table = el("table", {},
    el("caption", {}, rich(caption)),
    el("thead", {}, el("tr", {}, head.map((name, i) => el("th", { scope: "col", class: i ? "n" : null }, rich(name))))),
    el("tbody", {}, body));
  return el("div", { class: "wide" }, table);
}

const names = (level) => D.names[level];
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
function pick(name, value) {
  return el("button", { type: "button", class: "w", "data-weight": name, "data-value": String(value), tabindex: "-1",
    "aria-label": `${name} = ${fmt(value)}` }, fmt(value));
}

function weightGrid(caption, layer, matrix) {
  const rows = matrix.map((row, i) => [names(layer - 1)[i], ...row.map((w, j) => pick(weightName(layer, i, j), w))]);
  const part = someOf(layer - 1) || someOf(layer) ? `: rows${someOf(layer - 1)}, columns${someOf(layer)}` : "";
  return roving(grid(caption + part, ["from \\ to", ...unitLabels(layer)], rows));
}

const unitLabels = (level) => level === D.sizes.length - 1 ? names(level) : D.units[level].map((n) => `unit ${n}`);

function roving(container) {
  const first = container.querySelector("button.w");
  if (first) first.tabIndex = 0;
  return container;
}
