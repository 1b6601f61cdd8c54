"""The chain rule for one parameter, line by line, from the loss back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule._checks_values import check_int, count
from chainrule._losses import CUSTOM, SUMS_OVER_OUTPUTS

from ._derivation import Derivation
from ._formulas import LOSS_VALUE, TAKEN_DIRECTLY, TAKES_LOGS, loss_slope, slope_formula, value_formula
from ._names import find_parameter
from ._update import update_lines
from ._variables import Variables, added, shown

if TYPE_CHECKING:
    from ._trace import Trace


def derive(trace: Trace, name: str, step: int, row: int | None) -> Derivation:
    """Do what `Trace.of` describes."""
    parameter = find_parameter(name, trace.network)
    if not trace.steps:
        raise ValueError("this trace has no steps yet: nothing was trained while it was open")
    number = check_int(step, "step", 0)
    if number >= len(trace.steps):
        raise ValueError(f"step is {number}, but this trace has {count(len(trace.steps), 'step')}, from 0 on")
    traced = trace.steps[number]
    if row is None:
        place = 0
    elif (row := check_int(row, "row", 0)) in traced.rows:
        place = traced.rows.index(row)
    else:
        raise ValueError(
            f"row is {row}, but the rows shown in this step are {', '.join(map(str, traced.rows))}"
        )
    return Chain(trace, traced, place, parameter).derivation()


class Chain(Variables):
    """Writes the lines of one derivation."""

    def derivation(self) -> Derivation:
        """Return all of it."""
        p, layer = self.parameter, self.step.layers[self.parameter.layer - 1]
        self._forward()
        for number in range(self.n, p.layer - 1, -1):
            self._back(number)
        gradient = self._product()
        lines, new = update_lines(self.step, p, self.values, gradient)
        self.lines += lines
        head = f"row {self.row}" if self.several else f"row {self.row}, a batch of its own"
        title = (
            f"{p.name}: layer {p.layer} of {self.n}, {layer.n_in} to {layer.n_out}, {layer.activation}; "
            f"loss {self.trace.loss}; {self.trace.optimizer.get('name', '')}; {head}"
            + (f" of a batch of {self.step.batch_rows}" if self.several else "")
        )
        return Derivation(p.name, title, gradient, new, self.lines, self.values)

    def _forward(self) -> None:
        for number in range(self.parameter.layer, self.n + 1):
            layer = self.step.layers[number - 1]
            for j in self.units(number):
                terms = [f"{self.given(number, i)} * {self.weight(number, i, j)}" for i in shown(layer.n_in)]
                total, bias = added(terms, layer.n_in), self.bias(number, j)
                z = self.var("z", number, j)
                self.add(
                    "forward",
                    z,
                    [total + (f" + {bias}" if bias else "")],
                    self.values[z],
                    self._changed(number),
                )
                a = self.var("a", number, j)
                if layer.activation == "softmax":
                    inside = [f"exp({self.var('z', number, k)})" for k in shown(layer.n_out)]
                    form, note = f"exp({z}) / ({added(inside, layer.n_out)})", ""
                else:
                    form, note = value_formula(layer.activation, a, z, self.values[z])
                self.add("forward", a, [form.format(a=a, z=z)], self.values[a], note.format(a=a, z=z))
                if layer.mask is not None:
                    kept = self.values[self.var("m", number, j)]
                    self.add(
                        "forward", self.symbol("m", number, j), [], kept, "dropout: 0, or 1 / (1 - rate)"
                    )
        self._loss()

    def _changed(self, number: int) -> str:
        """Return what is to be said of the inputs of a layer that are not the rows as they were given."""
        network = self.trace.network
        is_random = network.input_noise > 0 or network.input_dropout > 0
        return "x after its noise and dropout" if number == 1 and is_random else ""

    def _loss(self) -> None:
        step, kind = self.step, self.trace.loss
        plain = step.batch_rows == 1 and step.weight is None and step.output_weights is None
        n_out = step.layers[-1].n_out
        form, note = "", f"{kind}, the mean of {step.batch_rows} rows" if self.several else kind
        if self.several and step.weight is not None:
            note += " by their weights"
        if plain and kind in LOSS_VALUE and step.loss_rule.label_smoothing == 0:
            outputs = [j for j in range(n_out) if kind != "cross_entropy" or step.target[self.place, j] != 0]
            present = [j for j in outputs if step.target[self.place, j] == step.target[self.place, j]]
            if len(present) < len(outputs):
                outputs, note = present, f"{note}; a missing target adds nothing"
            terms = [
                LOSS_VALUE[kind].format(a=self.var("a", self.n, outputs[j]), y=self.target(outputs[j]))
                for j in shown(len(outputs))
            ]
            form = added(terms, len(outputs))
            if n_out > 1 and kind not in SUMS_OVER_OUTPUTS:
                form = f"({form}) / {n_out}"
            if kind in TAKES_LOGS and any(
                self.values[self.var("a", self.n, j)] in (0.0, 1.0) for j in outputs
            ):
                form, note = "", f"{note}, computed from the sums: an output was rounded to 0 or 1"
        self.add("forward", "L", [form], step.loss, note)

    def _back(self, number: int) -> None:
        layer, place = self.step.layers[number - 1], self.place
        output = number == self.n
        direct = output and self.trace.loss in TAKEN_DIRECTLY
        for j in self.units(number):
            a, z = self.symbol("a", number, j), self.symbol("z", number, j)
            dA, dZ = f"dL/d{a}", f"dL/d{z}"
            if direct:
                self._taken_directly(j, dZ)
                continue
            if layer.activation == "softmax":
                self._through_softmax(j, dZ)
                continue
            forms, note = self._loss_slope(j) if output else self._sum_over_paths(number, j)
            self.add("derivative", dA, forms, layer.dL_da[place, j], note)
            self.var("a", number, j), self.var("z", number, j)
            form, why = slope_formula(layer.activation, self.values[a])
            slope = f"d{a}/d{z}"
            self.add(
                "derivative", slope, [form.format(a=a, z=z)], layer.da_dz[place, j], why.format(a=a, z=z)
            )
            self.add("derivative", dZ, [f"{dA} * {slope}"], layer.dL_dz[place, j])

    def _taken_directly(self, j: int, dZ: str) -> None:
        """Write dL/dz of an output where it is a - y."""
        a, y, value = self.var("a", self.n, j), self.target(j), self.step.layers[-1].dL_dz[self.place, j]
        notes = [TAKEN_DIRECTLY[self.trace.loss]]
        if self.step.loss_rule.label_smoothing:
            notes.append(f"label_smoothing is in {y}")
        scale = self._scale(j, notes)
        form = f"({a} - {y}){scale}" if scale else f"{a} - {y}"
        if value == 0 and self.values[a] != self.values[y]:
            form, notes = "0", ["the target is missing, or counts nothing"]
        self.add("derivative", dZ, [form], value, "; ".join(notes))

    def _through_softmax(self, j: int, dZ: str) -> None:
        """Write dL/dz of a sum that softmax takes: it acts through every output."""
        layer, place, z = self.step.layers[-1], self.place, self.var("z", self.n, j)
        a, terms = self.var("a", self.n, j), []
        for k in shown(layer.n_out):
            ak = self.var("a", self.n, k)
            if f"dL/d{ak}" not in self.values:
                forms, note = self._loss_slope(k)
                self.add("derivative", f"dL/d{ak}", forms, layer.dL_da[place, k], note)
            own = "1" if k == j else "0"
            self.add("derivative", f"d{ak}/d{z}", [f"{ak} * ({own} - {a})"], layer.da_dz[place, k, j])
            terms.append(f"dL/d{ak} * d{ak}/d{z}")
        note = "softmax: each output depends on all sums"
        self.add("derivative", dZ, [added(terms, layer.n_out)], layer.dL_dz[place, j], note)

    def _loss_slope(self, j: int) -> tuple[list[str], str]:
        """Return dL/da of an output as formulas, with a remark."""
        step, a, y = self.step, self.var("a", self.n, j), self.target(j)
        if self.values[y] != self.values[y]:
            return ["0"], "its target is missing"
        form, note = loss_slope(step.loss_rule, self.values[a], self.values[y], j)
        if not form:
            return [], note
        notes = [note.format(a=a, y=y)] if note else []
        return [form.format(a=a, y=y) + self._scale(j, notes)], "; ".join(notes)

    def _scale(self, j: int, notes: list[str]) -> str:
        """Return what a derivative of an entry is multiplied and divided by, to be that of the loss of the batch."""
        step, text, n_out = self.step, "", self.step.layers[-1].n_out
        if self.trace.loss not in SUMS_OVER_OUTPUTS and self.trace.loss != CUSTOM and n_out > 1:
            text += f" / {n_out}"
            notes.append(f"the mean of {n_out} outputs")
        if step.output_weights is not None:
            text += f" * {self.known(f'c[{j}]', step.output_weights[j])}"
            notes.append(f"c[{j}] is the weight of the output")
        if step.weight is not None:
            weight = self.known(f"w[{self.row}]", step.weight[self.place])
            text += f" * {weight} / {self.known('total', step.total_weight)}"
            notes.append("by the weight of the row; total is the sum of the weights of the batch")
        elif self.several:
            text += f" / {self.known('n', step.batch_rows)}"
            notes.append(f"the mean of n = {step.batch_rows} rows")
        return text

    def _sum_over_paths(self, number: int, j: int) -> tuple[list[str], str]:
        """Return dL/da of a hidden unit: a sum over the units of the next layer, which it acts through."""
        layer, after = self.step.layers[number - 1], self.step.layers[number]
        mask = self.var("m", number, j) if layer.mask is not None else ""
        note = f"{mask} is the factor of dropout" if mask else ""
        a, terms, factors = self.symbol("a", number, j), [], []
        for k in shown(after.n_out):
            z = self.symbol("z", number + 1, k)
            self.known(f"dL/d{z}", after.dL_dz[self.place, k])
            terms.append(f"dL/d{z} * {self.weight(number + 1, j, k)}")
            factors.append(f"dL/d{z} * d{z}/d{a}")
        if after.n_out == 1:
            z, w = self.symbol("z", number + 1, 0), self.weight(number + 1, j, 0)
            value = self.values[w] * (self.values[mask] if mask else 1)
            self.add("derivative", f"d{z}/d{a}", [f"{mask} * {w}" if mask else w], value, note)
            return factors, ""
        any_z = self.symbol("z", number + 1, 0).replace("0]", "k]")
        expanded = added(terms, after.n_out)
        return [f"sum_k dL/d{any_z} * d{any_z}/d{a}", f"{mask} * ({expanded})" if mask else expanded], note

    def _product(self) -> float:
        """Write the derivative of the parameter: its last factor, the product, and the sum over rows and units."""
        p, step, place = self.parameter, self.step, self.place
        layer = step.layers[p.layer - 1]
        gradient = layer.dL_dW[p.i, p.j] if p.is_weight else layer.dL_db[p.j]  # type: ignore[index]
        whole = not p.is_weight and self.trace.network.bias == "layer"
        name, total = p.name, f"dL/d{p.name}"
        if p.is_weight:
            self.values[name] = float(layer.W[p.i, p.j])
        else:
            self.bias(p.layer, p.j)
        units = self.units(p.layer)
        z = [self.symbol("z", p.layer, j) for j in units]
        factor = f"d{z[0]}/d{name}"
        given = self.given(p.layer, p.i) if p.is_weight else "1"
        last = float(layer.given[place, p.i]) if p.is_weight else 1.0
        self.add("derivative", factor, [given], last)
        if not self.several:
            if whole:
                self.add("derivative", total, [f"sum_j dL/dz{p.layer}[j]" if layer.n_out > 1 else "", added([f"dL/d{one}" for one in z], layer.n_out)],
                         gradient, "one bias for the layer: the sum over its units")  # fmt: skip
            else:
                self.add("derivative", total, self._products(z[0], factor), gradient)
            return float(gradient)
        every = [(r, j) for r in range(step.batch_rows) for j in (range(layer.n_out) if whole else [p.j])]
        terms = []
        for r, j in (every[i] for i in shown(len(every))):
            number = step.numbers[r]
            dz = self.known(f"dL/d{self.symbol('z', p.layer, j, number)}", layer.batch_dL_dz[r, j])
            if p.is_weight:
                letter, at = ("x", 0) if p.layer == 1 else ("g", p.layer - 1)
                x = self.known(self.symbol(letter, at, p.i, number), layer.batch_given[r, p.i])
                dz = f"{dz} * {x}"
            terms.append(dz)
        note = "the sum over the rows of the batch" + (", and over the units of the layer" if whole else "")
        if p.is_weight and p.layer > 1:
            note += f"; g{p.layer - 1} is what layer {p.layer - 1} gave on"
        general = f"sum_r dL/dz{p.layer}[r, {'j' if whole else p.j}]" if not p.is_weight else (
            f"sum_r dL/dz{p.layer}[r, {p.j}] * dz{p.layer}[r, {p.j}]/d{name}")  # fmt: skip
        if whole:
            general = general.replace("sum_r", "sum_r sum_j")
        self.add("derivative", total, [general, added(terms, len(every))], gradient, note)
        return float(gradient)

    def _products(self, z: str, factor: str) -> list[str]:
        """Return the derivative as the chain rule has it, factor by factor; from the loss on where there is a single path."""
        p, layers = self.parameter, self.step.layers
        a = z.replace("z", "a", 1)
        own = [f"dL/d{a}", f"d{a}/d{z}"]
        if (
            own[1] not in self.values
            or own[0] not in self.values
            or layers[p.layer - 1].activation == "softmax"
        ):
            return [f"dL/d{z} * {factor}"]
        if any(layer.n_out > 1 for layer in layers[p.layer :]):
            return [" * ".join([*own, factor])]
        factors = [factor, own[1]]
        for number in range(p.layer + 1, self.n + 1):
            above = self.symbol("z", number, 0)
            factors += [f"d{above}/d{a}", f"d{self.symbol('a', number, 0)}/d{above}"]
            a = self.symbol("a", number, 0)
        first = f"dL/d{a}"
        if first not in self.values:  # it came as dL/dz
            factors, first = factors[:-1], f"dL/d{self.symbol('z', self.n, 0)}"
        return [" * ".join([first, *factors[::-1]])]
