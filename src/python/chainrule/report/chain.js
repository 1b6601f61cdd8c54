// The chain rule of one weight or bias: symbols first, then the numbers put in, then the result.
const MOST_TERMS = 6;

function chain(name, row) {
  const place = placeOf(name);
  if (!place || place.j < 0 || place.i === -1) return null;
  if (!S) return withoutStep(name, place);
  const layer = S.layers[place.layer - 1], { i, j } = place;
  const parts = [el("p", { class: "symbols formula" }, rich(symbols(name, layer, place)))];
  parts.push(factors(name, layer, place));
  if (layer.number < last) parts.push(...from(layer, j, row));
  else if (isDirect(layer)) parts.push(direct(layer, j, row));
  else if (Array.isArray(layer.da_dz[row][0])) parts.push(throughSoftmax(layer, j, row));
  const gradient = i === null ? ofUnit(layer.dL_db, j) : layer.dL_dW[i][j];
  parts.push(el("p", {}, "Result: ", rich(`∂L/∂${name} = `), shown("gradient", gradient)));
  parts.push(...step(name, layer, place, gradient));
  return parts;
}

function withoutStep(name, { layer, i, j }) {
  const value = i === null ? null : D.weights[layer - 1][i][j];
  return [el("p", {}, `${name} = `, shown("value", value)),
    el("p", { class: "missing" }, "With rows and targets (X and y) the page shows an update, and the chain rule of this weight.")];
}

function units(layer, { i, j }) {
  const to = D.units[layer.number][j], l = layer.number;
  return { to, input: i === null ? "1" : l === 1 ? `x[${D.units[0][i]}]` : `a${l - 1}[${D.units[l - 1][i]}]` };
}

function symbols(name, layer, place) {
  const l = layer.number, { to, input } = units(layer, place);
  const sum = S.batch_rows > 1 ? "Σ_{rows} " : "";
  if (place.i === null && D.bias === "layer") {
    return `∂L/∂${name} = ${sum}Σ_{j} ∂L/∂z${l}[j] · 1`;
  }
  const dz = isDirect(layer) || Array.isArray(layer.da_dz[0][0]) ? ""
    : ` = ${sum}∂L/∂a${l}[${to}] · ∂a${l}[${to}]/∂z${l}[${to}] · ${input}`;
  return `∂L/∂${name} = ${sum}∂L/∂z${l}[${to}] · ∂z${l}[${to}]/∂${name}${dz || ` = ${sum}∂L/∂z${l}[${to}] · ${input}`}`;
}

// A line for each row that is shown: the factors and their product. A layer's one bias has a term for each unit.
function factors(name, layer, place) {
  const l = layer.number, { i, j } = place, { to, input } = units(layer, place);
  const simple = !isDirect(layer) && !Array.isArray(layer.da_dz[0][0]);
  if (i === null && D.bias === "layer") return layerBias(layer);
  let total = 0;
  const lines = S.rows.map((number, r) => {
    const given = i === null ? 1 : layer.given[r][i];
    const dz = layer.dL_dz[r][j], product = dz * given;
    total += product;
    const before = simple ? [layer.dL_da[r][j], layer.da_dz[r][j]] : [];
    return [`row ${number}`, ...before, dz, given, shown("product", product)];
  });
  const head = ["", ...(simple ? [`∂L/∂a${l}[${to}]`, `∂a${l}[${to}]/∂z${l}[${to}]`] : []),
    `∂L/∂z${l}[${to}]`, i === null ? "∂z/∂b" : `∂z/∂W = ${input}`, "product of the last two"];
  const table = grid("The factors, with their numbers", head, lines);
  if (S.batch_rows === 1) return table;
  const of = S.rows.length < S.batch_rows ? ` of the rows shown; the result is that of all ${S.batch_rows} rows` : "";
  return el("div", {}, table, el("p", {}, "Sum of the products: ", shown("total", total), of));
}

function layerBias(layer) {
  const lines = S.rows.map((number, r) => [`row ${number}`, ...layer.dL_dz[r]]);
  return grid(`∂L/∂z${layer.number}, all of which are added up${someOf(layer.number)}`, ["", ...unitLabels(layer.number)], lines);
}

// Where ∂L/∂a of a hidden unit comes from: from every unit of the next layer that it goes to.
function from(layer, j, r) {
  const l = layer.number, next = S.layers[l], unit = D.units[l][j];
  const terms = next.W[j].map((w, k) => ({ k: D.units[l + 1][k], w, dz: next.dL_dz[r][k], term: next.dL_dz[r][k] * w }));
  const mask = layer.mask ? layer.mask[r][j] : 1;
  const sum = mask ? layer.dL_da[r][j] / mask : terms.reduce((s, t) => s + t.term, 0);
  const lines = terms.slice(0, MOST_TERMS).map(({ k, w, dz, term }) => [`k = ${k}`, dz, w, term]);
  const rest = size(l + 1) - lines.length;
  if (rest > 0 && mask) {
    const shownSum = terms.slice(0, MOST_TERMS).reduce((s, t) => s + t.term, 0);
    lines.push([`${rest} further`, "…", "…", sum - shownSum]);
  }
  const kept = layer.mask ? ` × ${fmt(mask)} (dropout)` : "";
  return [
    el("p", { class: "formula" }, rich(`∂L/∂a${l}[${unit}] = Σ_{k} ∂L/∂z${l + 1}[k] · W${l + 1}[${unit}, k]${kept} = `),
      shown("dL_da", layer.dL_da[r][j])),
    grid(`Its terms, row ${S.rows[r]}`, ["", `∂L/∂z${l + 1}[k]`, `W${l + 1}[${unit}, k]`, "product"], lines),
  ];
}

function direct(layer, j, r) {
  const l = layer.number, to = D.units[l][j];
  const pair = { softmax: "Softmax and cross-entropy", sigmoid: "Sigmoid and cross-entropy", exponential: "Exponential and the Poisson loss" };
  return el("p", {}, `${pair[layer.activation]} together: `,
    rich(`∂L/∂z${l}[${to}] is a${l}[${to}] − y[${to}] = ${fmt(layer.a[r][j])} − ${fmt(S.target[r][j])}`),
    ` (row ${S.rows[r]}), times the share of the row in the mean: `, shown("dL_dz", layer.dL_dz[r][j]));
}

function throughSoftmax(layer, j, r) {
  const l = layer.number, to = D.units[l][j];
  return el("p", {}, rich(`Each output depends on each sum: ∂L/∂z${l}[${to}] = Σ_{k} ∂L/∂a${l}[k] · ∂a${l}[k]/∂z${l}[${to}] = `),
    shown("dL_dz", layer.dL_dz[r][j]));
}
