// The rule of each optimizer, with g the gradient, w the parameter, t the number of the update; and its numbers put in.
const RULES = {
  SGD: (o) => {
    if (!o.momentum) return "w ← w − η g";
    return "v ← μ v − η g,   " + (o.nesterov ? "w ← w + μ v − η g" : "w ← w + v");
  },
  Adam: () => "v ← β_{1} v + (1 − β_{1}) g,   s ← β_{2} s + (1 − β_{2}) g^{2},   "
    + "w ← w − η (v / (1 − β_{1}^{t})) / (√(s / (1 − β_{2}^{t})) + ε)",
  RMSprop: () => "s ← β_{2} s + (1 − β_{2}) g^{2},   v ← μ v + g / (√s + ε),   w ← w − η v",
  Adagrad: () => "s ← s + g^{2},   w ← w − η g / (√s + ε)",
  RPROP: () => "d grows by η_{+} where g and the gradient before have one sign, and shrinks by η_{−} where not: g then counts as 0,   "
    + "w ← w − sign(g) d",
};
RULES.AdamW = () => "w ← (1 − η λ) w, then   " + RULES.Adam();

const SYMBOLS = { momentum: "μ", beta1: "β_{1}", beta2: "β_{2}", epsilon: "ε", weight_decay: "λ", eta_plus: "η_{+}", eta_minus: "η_{−}" };

// What changes the gradient, or the weights, besides.
function besides() {
  const o = S.optimizer, parts = [];
  if (o.weight_decay && o.name !== "AdamW" && !o.decoupled) parts.push("of a weight, λ w is added to g");
  if (o.l1) parts.push(`of a weight, the sign of w times ${fmt(o.l1)} is added to g`);
  if (o.clip_value) parts.push(`g is clipped to at most ${fmt(o.clip_value)}`);
  if (o.clip_norm) parts.push(`all gradients together are clipped to a norm of ${fmt(o.clip_norm)}`);
  if (o.max_norm) parts.push(`the weights of a unit are then limited to a norm of ${fmt(o.max_norm)}`);
  return parts.length ? ` (${parts.join("; ")})` : "";
}

const isPlain = () => S.optimizer.name === "SGD" && !S.optimizer.momentum && besides() === "";

function updateRule() {
  const o = S.optimizer, rule = RULES[o.name];
  const numbers = Object.entries(SYMBOLS).filter(([name]) => o[name]).map(([name, symbol]) => `${symbol} = ${fmt(o[name])}`);
  if (o.name.startsWith("Adam")) numbers.push(`t = ${S.update}`);
  const rate = S.learning_rate === null ? [] : [`η = ${fmt(S.learning_rate)}`];
  return (rule ? rule(o) : `a step of ${o.name} by g`) + besides() + ",   with " + [...rate, ...numbers].join(", ");
}

// How one parameter changes: symbols, numbers, result.
function step(name, layer, { i, j }, gradient) {
  const of = (matrix, vector) => i === null ? (vector ? ofUnit(vector, j) : null) : (matrix ? matrix[i][j] : null);
  const before = of(layer.W, layer.b), after = of(layer.new_W, layer.new_b);
  const title = el("h4", {}, "Its update");
  if (S.frozen.includes(layer.number)) return [title, el("p", {}, `Layer ${layer.number} is frozen: ${name} stays `, shown("new", after))];
  if (isPlain()) {
    return [title, el("p", { class: "formula" }, rich(`${name} ← ${name} − η ∂L/∂${name}`)),
      el("p", { class: "formula" }, `${fmt(before, 7)} − ${fmt(S.learning_rate)} × ${fmt(gradient, 7)} = `, shown("new", after))];
  }
  const line = (label, old, now, key) => now === null ? [] : [[label, shown(`${key} before`, old), shown(key, now)]];
  const first = { SGD: "velocity v", RMSprop: "velocity v", RPROP: "gradient before" }[S.optimizer.name] || "mean of the gradients, v";
  const second = { Adagrad: "sum of the squares, s", RPROP: "step size d" }[S.optimizer.name] || "mean of the squares, s";
  return [title, formula(updateRule()),
    grid(`g = ${fmt(gradient, 7)} changes ${name}`, ["", "before", "after"], [
      ...line(first, of(layer.previous_velocity_W, layer.previous_velocity_b), of(layer.velocity_W, layer.velocity_b), "velocity"),
      ...line(second, of(layer.previous_square_W, layer.previous_square_b), of(layer.square_W, layer.square_b), "square"),
      [name, shown("before", before), shown("new", after)],
    ])];
}
