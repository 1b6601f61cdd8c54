// The phases of an update, in order: the row, forward, loss, backward, update. Each knows its words and makes its tables.
const ACTIVATION = {
  identity: "z", sigmoid: "1 / (1 + e^{−z})", tanh: "tanh z", relu: "max(0, z)", leaky_relu: "z if z > 0, else 0.01 z",
  softplus: "ln(1 + e^{z})", softsign: "z / (1 + |z|)", exponential: "e^{z}", silu: "z / (1 + e^{−z})",
  softmax: "e^{z_j} / Σ_{k} e^{z_k}",
};
const LOSS = {
  half_squared_error: "½ Σ (a − y)^{2}, the mean of the rows", mean_squared_error: "(a − y)^{2}, the mean of rows and outputs",
  cross_entropy: "−Σ y ln a, the mean of the rows",
  binary_cross_entropy: "−Σ (y ln a + (1 − y) ln(1 − a)), the mean of rows and outputs",
  mean_absolute_error: "|a − y|, the mean of rows and outputs", poisson: "a − y ln a, the mean of rows and outputs",
};
const last = D.sizes.length - 1;
const input = (layer) => layer === 1 ? "x" : `a_{${layer - 1}}`;

// Whether ∂L/∂z comes at once, as a cross-entropy and its own activation give it.
const isDirect = (layer) => layer.number === last && (
  (S.loss_name === "cross_entropy" && layer.activation === "softmax") ||
  (S.loss_name === "binary_cross_entropy" && layer.activation === "sigmoid") ||
  (S.loss_name === "poisson" && layer.activation === "exponential"));

function vectors(caption, level, rows) {
  return grid(caption + someOf(level), ["", ...(level === 0 ? names(0) : unitLabels(level))], rows);
}

function phases() {
  if (!S) return [];
  const made = [{
    title: "The row and its target", layer: 0, formula: "x, y", tables: (r) => [
      vectors("Inputs", 0, [["x", ...S.layers[0].given[r]]]),
      vectors("Targets", last, [["y", ...S.target[r]]]),
    ],
  }];
  for (const layer of S.layers) made.push(forward(layer));
  made.push({
    title: "Loss", layer: last, formula: `L = ${LOSS[S.loss_name] || S.loss_name + "(a, y)"}`,
    said: `loss ${fmt(S.loss)}`, tables: (r) => [
      vectors("Outputs and targets", last, [[`a_{${last}}`, ...S.layers[last - 1].a[r]], ["y", ...S.target[r]]]),
      el("p", {}, `The loss of ${S.batch_rows === 1 ? "the row" : `all ${S.batch_rows} rows`}: L = `, shown("loss", S.loss)),
    ],
  });
  for (const layer of [...S.layers].reverse()) made.push(backward(layer));
  for (const layer of S.layers) made.push(update(layer));
  return made;
}

function forward(layer) {
  const l = layer.number, bias = D.bias ? ` + b_{${l}}` : "";
  const f = ACTIVATION[layer.activation];
  return {
    title: `Forward, layer ${l}`, layer: l,
    formula: `z_{${l}} = ${input(l)} W_{${l}}${bias},   a_{${l}} = ${layer.activation}(z_{${l}})` + (f ? ` = ${f}` : ""),
    tables: (r) => [
      vectors("Given", l - 1, [[input(l), ...layer.given[r]]]),
      weightGrid(`W_{${l}}`, l, layer.W), ...biases(layer, layer.b, `b_{${l}}`),
      vectors("Weighted sums and activations", l, [
        [`z_{${l}}`, ...layer.z[r]], [`a_{${l}}`, ...layer.a[r]],
        ...(layer.mask ? [["kept by dropout, times", ...layer.mask[r]]] : []),
      ]),
    ],
  };
}

function biases(layer, values, caption) {
  if (!values || !values.length) return [];
  const cells = values.map((value, j) => pick(biasName(layer.number, j), value, values.length > 8 ? 4 : 5));
  const head = values.length === 1 && D.bias === "layer" ? ["all units"] : unitLabels(layer.number);
  return [roving(grid(caption + someOf(layer.number), ["", ...head], [[caption, ...cells]]))];
}

function backward(layer) {
  const l = layer.number, direct = isDirect(layer);
  const da = l === last ? `∂L/∂a_{${l}} from the loss` : `∂L/∂a_{${l}} = ∂L/∂z_{${l + 1}} W_{${l + 1}}^{T}`;
  const dz = direct ? `∂L/∂z_{${l}} = (a_{${l}} − y) × its share of the mean`
    : `∂L/∂z_{${l}} = ∂L/∂a_{${l}} · ∂a_{${l}}/∂z_{${l}}`;
  return {
    title: `Backward, layer ${l}`, layer: l,
    formula: `${da},   ${dz},   ∂L/∂W_{${l}} = ${input(l)}^{T} ∂L/∂z_{${l}}` + (D.bias ? `,   ∂L/∂b_{${l}} = Σ ∂L/∂z_{${l}}` : ""),
    tables: (r) => [
      vectors("From activations to weighted sums", l, [
        [`∂L/∂a_{${l}}`, ...layer.dL_da[r]],
        ...(Array.isArray(layer.da_dz[r][0]) ? [] : [[`∂a_{${l}}/∂z_{${l}}`, ...layer.da_dz[r]]]),
        [`∂L/∂z_{${l}}`, ...layer.dL_dz[r]],
      ]),
      ...(Array.isArray(layer.da_dz[r][0]) ? [jacobian(layer, r)] : []),
      weightGrid(`∂L/∂W_{${l}}`, l, layer.dL_dW), ...biases(layer, layer.dL_db, `∂L/∂b_{${l}}`),
    ],
  };
}

function jacobian(layer, r) {
  const rows = layer.da_dz[r].map((row, i) => [unitLabels(layer.number)[i], ...row]);
  return grid(`∂a/∂z of softmax: each output by each sum${someOf(layer.number)}`, ["a \\ z", ...unitLabels(layer.number)], rows);
}

function update(layer) {
  const l = layer.number, o = S.optimizer, frozen = S.frozen.includes(l);
  return {
    title: `Update, layer ${l}`, layer: l, formula: frozen ? "This layer is frozen: nothing changes." : updateRule(),
    tables: () => [
      weightGrid(`New W_{${l}}`, l, layer.new_W), ...biases(layer, layer.new_b, `New b_{${l}}`),
      ...(layer.velocity_W ? [weightGrid(`What ${o.name} remembers of W_{${l}}`, l, layer.velocity_W)] : []),
    ],
  };
}
