// What the keys and the buttons do.
const byId = (id) => document.getElementById(id);
const all = phases();
let current = 0, row = 0, chosen = null;

function phaseElement(number, level) {
  const phase = all[number];
  return el("div", { class: "phase" }, el(level, {}, `${number + 1}. ${phase.title}`), formula(phase.formula), phase.tables(row));
}

function show(number) {
  current = Math.max(0, Math.min(all.length - 1, number));
  const phase = all[current];
  byId("phase").replaceChildren(phaseElement(current, "h3"));
  document.querySelector(".progress").textContent = `${current + 1} of ${all.length}`;
  byId("said").textContent = `Step ${current + 1} of ${all.length}: ${phase.title}${phase.said ? `, ${phase.said}` : ""}`;
  for (const button of document.querySelectorAll("[data-go]")) {
    button.disabled = current === (/first|back/.test(button.dataset.go) ? 0 : all.length - 1);
  }
  values();
  mark();
  scrollable();
}

// The circles of the diagram: inputs from the beginning, each layer from its forward step on.
function values() {
  for (const text of document.querySelectorAll("[data-unit]")) {
    const [level, i] = text.dataset.unit.split(",").map(Number);
    const known = level === 0 || current >= level;
    const value = level === 0 ? S.layers[0].given[row][i] : S.layers[level - 1].a[row][i];
    text.textContent = known ? short(value) : "";
    text.previousElementSibling?.classList.toggle("now", level === all[current].layer);
  }
}

function mark() {
  for (const element of document.querySelectorAll("[data-weight]")) {
    const is = element.dataset.weight === chosen;
    element.classList.toggle("chosen", is);
    if (is) element.setAttribute("aria-pressed", "true");
    else element.removeAttribute("aria-pressed");
  }
}

function choose(name) {
  const parts = chain(name, row);
  if (!parts) return;
  chosen = name;
  byId("chain-title").textContent = S ? `Chain rule of ${name}` : name;
  byId("chain-body").replaceChildren(...parts);
  const told = Object.fromEntries([...document.querySelectorAll("#chain output")].map((e) => [e.dataset.name, e.textContent]));
  byId("chain-said").textContent = S ? `${name}: its derivative is ${told.gradient}, it becomes ${told.new}` : `${name} is ${told.value}`;
  open(true);
  mark();
  scrollable();
}

// The chosen weight's chain rule stays in view, below, until it is closed.
function open(is) {
  byId("chain").classList.toggle("open", is);
  byId("chain-close").hidden = !is;
}

function close() {
  open(false);
  const from = [...document.querySelectorAll("[data-weight]")].find((e) => e.dataset.weight === chosen && e.tabIndex === 0);
  chosen = null;
  byId("chain-title").textContent = "Chain rule of a weight";
  byId("chain-said").textContent = "Closed";
  byId("chain-body").replaceChildren(el("p", {}, "Choose a weight in the diagram or in a table of an update."));
  mark();
  from?.focus();
}

function go(where) {
  show({ first: 0, back: current - 1, next: current + 1, last: all.length - 1 }[where]);
}

const KEYS = { ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last" };

// From weight to weight: along the line and across lines of a table, one by one in the diagram.
function rove(from, key) {
  const group = [...from.closest("svg, table").querySelectorAll("[data-weight]")];
  const columns = from.closest("tr")?.querySelectorAll("[data-weight]").length ?? 1;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -Infinity, End: Infinity }[key];
  const place = group.indexOf(from) + by;
  const to = Number.isFinite(by) ? group[place] : group[by < 0 ? 0 : group.length - 1];
  if (!to) return;
  for (const other of group) other.setAttribute("tabindex", other === to ? "0" : "-1");
  to.focus();
}

document.addEventListener("click", (event) => {
  const weight = event.target.closest("[data-weight]");
  const button = event.target.closest("[data-go]");
  if (weight) choose(weight.dataset.weight);
  else if (button) go(button.dataset.go);
  else if (event.target.id === "chain-close") close();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Escape" && chosen) return close();
  const weight = event.target.closest?.("[data-weight]");
  if (weight && (event.key in KEYS || /^Arrow/.test(event.key))) {
    rove(weight, event.key);
  } else if (weight && weight.tagName !== "BUTTON" && (event.key === "Enter" || event.key === " ")) {
    choose(weight.dataset.weight);
  } else if (all.length && event.key in KEYS && (event.target === document.body || event.target.closest?.("#stepper"))
      && !event.target.closest?.("select")) {
    if (/Home|End/.test(event.key) && event.target === document.body) return;  // they scroll the page
    go(KEYS[event.key]);
    const focused = document.activeElement;
    if (focused?.disabled || focused === document.body) document.querySelector("[data-go]:not(:disabled)")?.focus({ preventScroll: true });
  } else return;
  event.preventDefault();
});

scrollable();
addEventListener("resize", scrollable);
if (all.length) {
  const select = byId("row");
  select.append(...S.rows.map((number, r) => el("option", { value: r }, String(number))));
  select.parentElement.hidden = S.rows.length < 2;
  select.addEventListener("change", () => {
    row = Number(select.value);
    show(current);
    if (chosen) choose(chosen);
  });
  show(0);
  // On paper all steps stand one below the other.
  addEventListener("beforeprint", () => {
    byId("all-phases").replaceChildren(...all.map((_, i) => phaseElement(i, "h3")));
  });
  addEventListener("afterprint", () => byId("all-phases").replaceChildren());
}
