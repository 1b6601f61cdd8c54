"""Networks as C headers: they compile without a warning, as C99 and as C++, and predict as the library does."""

from __future__ import annotations

import re
import shutil
import subprocess

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import ACTIVATIONS
from chainrule.export import to_c
from chainrule.export._c import _name_of, write_c
from export_cases import (
    BIASES,
    SCALERS,
    SPECIAL,
    assert_right,
    assert_right_at_the_ends,
    fitted,
    network,
    overflowing,
    parts_of,
    rows_for,
    single,
)

ONE_INSTRUCTION_SET_WILL_DO = True
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wconversion", "-Wshadow"]
CC = shutil.which("gcc") or shutil.which("cc")
CXX = shutil.which("g++") or shutil.which("c++")
needs_c = pytest.mark.skipif(CC is None, reason="no C compiler is installed")
needs_cxx = pytest.mark.skipif(CXX is None, reason="no C++ compiler is installed")

# One program for several headers: it is given a prefix, reads rows from its input, and writes predictions and two errors.
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{includes}
static double buffer[100000], results[100000];
int main(int argc, char **argv) {{
    const size_t size = fread(buffer, 1, sizeof buffer, stdin);
    size_t wanted = 0, n_rows = 0;
    double errors[2] = {{0.0, 0.0}};
    if (argc != 2) return 2;
{calls}
    if (wanted == 0 || n_rows * wanted != size) return 3;
    return fwrite(errors, sizeof(double), 2, stdout) == 2 ? 0 : 4;
}}
"""
CALL = """    if (strcmp(argv[1], "{name}") == 0) {{
        wanted = {NAME}_N_INPUTS * sizeof({IN});
        n_rows = size / wanted;
        {name}_predict_rows(n_rows, ({IN} *)buffer, ({OUT} *)results);
        if (n_rows > 0) {name}_predict(({IN} *)buffer, ({OUT} *)results); /* the same again */
        fwrite(results, sizeof({OUT}), n_rows * {NAME}_N_OUTPUTS, stdout);
        errors[0] = {name}_self_test();
        errors[1] = (double){NAME}_ERROR_BOUND;
    }}"""
TYPES = {"float32": "float", "float64": "double"}


class Compiled:
    """Headers of several networks in one program."""

    def __init__(self, folder, networks, options=("-std=c99", "-O2"), compiler=CC):
        self.networks, self.done, calls = networks, {}, []
        for name, parts in networks.items():
            self.done[name] = write_c(parts, str(folder / f"{name}.h"))
            types = {"IN": TYPES[parts.input_dtype], "OUT": TYPES[parts.output_dtype]}
            calls.append(CALL.format(name=name, NAME=name.upper(), **types))
        includes = "\n".join(f'#include "{name}.h"' for name in networks)
        source = folder / ("main.cpp" if compiler == CXX else "main.c")
        source.write_text(PROGRAM.format(includes=includes, calls="\n".join(calls)), encoding="ascii")
        self.program = folder / "main"
        self.compile(compiler, *options, source, "-o", self.program)

    @staticmethod
    def compile(*command):
        command = [*map(str, command), *WARNINGS, "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def predict(self, name, X):
        """The predictions of the program, and the error that it finds itself."""
        parts = self.networks[name]
        done = subprocess.run([self.program, name], input=X.tobytes(), capture_output=True, check=False)
        assert done.returncode == 0, done
        error, bound = np.frombuffer(done.stdout[-16:])
        assert bound == self.done[name].bound
        found = np.frombuffer(done.stdout[:-16], parts.output_dtype).reshape(len(X), parts.network.n_out)
        return found, error

    def assert_right(self):
        for name, parts in self.networks.items():
            X = rows_for(parts, 40)
            found, error = self.predict(name, X)
            assert_right(parts, X, found, name)
            assert error <= self.done[name].bound, name
            assert self.done[name].error <= self.done[name].bound, name


def all_activations(dtype):
    return {
        f"{activation}_{bias}".lower(): parts_of(network(activation, dtype, bias))
        for i, activation in enumerate(ACTIVATIONS)
        for bias in (BIASES[i % 3],)
    }


@needs_c
def test_every_activation_predicts_within_the_bound(tmp_path, dtype):
    Compiled(tmp_path, all_activations(dtype)).assert_right()


@needs_cxx
def test_the_headers_are_cplusplus_too(tmp_path, dtype):
    Compiled(tmp_path, all_activations(dtype), ("-std=c++11", "-O0"), CXX).assert_right()


@needs_c
def test_the_scaling_is_that_of_the_library(tmp_path, dtype):
    networks = {
        f"scaled_{i}": parts_of(network("tanh", dtype), fitted(kind, 5), fitted(kind, 3))
        for i, kind in enumerate(SCALERS)
    }
    networks["inputs_alone"] = parts_of(network("relu", dtype, None), fitted("standard", 5))
    networks["targets_alone"] = parts_of(network("relu", dtype, "layer"), None, fitted("minmax", 3))
    Compiled(tmp_path, networks, ("-std=c99", "-O0")).assert_right()


@needs_c
def test_nan_infinities_and_the_ends_are_those_of_the_library(tmp_path, dtype):
    compiled = Compiled(tmp_path, {f"{name}_alone": parts_of(single(name, dtype)) for name in ACTIVATIONS})
    X = np.array(SPECIAL, dtype)[:, None]
    for name, parts in compiled.networks.items():
        assert_right_at_the_ends(parts, X, compiled.predict(name, X)[0])


@needs_c
def test_infinite_and_nan_predictions_are_kept_as_such(tmp_path, dtype):
    compiled = Compiled(tmp_path, {"huge": parts_of(overflowing(dtype))})
    found, error = compiled.predict("huge", np.ones((1, 1), dtype))
    np.testing.assert_array_equal(found, [[np.inf, np.nan]])
    assert error == compiled.done["huge"].error == 0


@needs_c
@pytest.mark.parametrize("backend_of_vectors", ["native", "reference"])
def test_with_fused_multiply_add_a_sum_has_the_bits_of_the_native_core(
    tmp_path, native, dtype, backend_of_vectors
):
    if cr.show_config()["instruction_set"] == "baseline":
        pytest.skip("this machine has no fused multiply-add")
    with cr.backend(backend_of_vectors):
        parts = parts_of(network("relu", dtype, sizes=(40, 33, 7, 3)))
        compiled = Compiled(tmp_path, {"fused": parts}, ("-std=c99", "-O2", "-DFUSED_FMA"))
    X = rows_for(parts, 60)
    found, error = compiled.predict("fused", X)
    np.testing.assert_array_equal(found, native.forward(parts.network, parts.weights, parts.biases, X))
    assert (error == 0) == (backend_of_vectors == "native")


@needs_c
def test_a_changed_weight_is_found_by_the_self_test(tmp_path, dtype):
    compiled = Compiled(tmp_path, {"changed": parts_of(network("tanh", dtype))})
    X = rows_for(compiled.networks["changed"], 3)
    right, error = compiled.predict("changed", X)
    assert error <= compiled.done["changed"].bound
    header = tmp_path / "changed.h"
    text = header.read_text(encoding="ascii")
    number = re.search(r"weights_1\[\] = \{\s+(-?[\d.e-]+)", text)
    spoilt = f"{text[: number.start(1)]}{1.01 * float(number[1])}{text[number.end(1) :]}"
    header.write_text(spoilt, encoding="ascii")
    compiled.compile(CC, "-std=c99", "-O2", tmp_path / "main.c", "-o", compiled.program)
    wrong, error = compiled.predict("changed", X)
    assert error > compiled.done["changed"].bound
    assert (wrong != right).any()


@needs_c
def test_the_weights_are_in_the_header_exactly(tmp_path, dtype):
    """The rows of the unit matrix give the weights of a single layer."""
    model = cr.MLP([30, 40], bias=None, dtype=dtype, seed=0)
    limits = np.finfo(dtype)
    model.weights[0][0, :6] = limits.max, -limits.tiny, limits.eps, 1 + limits.eps, 1 / 3, 16777217
    parts = parts_of(model)
    found, _ = Compiled(tmp_path, {"exact": parts}).predict("exact", np.eye(30, dtype=dtype))
    np.testing.assert_array_equal(found, model.weights[0])


@needs_c
def test_names_of_columns_cannot_break_the_header(tmp_path):
    names = ['"); system("x', "*/ int", "??/\\\n", "größe", "%s", "//"]
    parts = parts_of(cr.MLP([6, 2], seed=0), input_names=names, output_names=["a\0b", 'a"b'])
    Compiled(tmp_path, {"names": parts}).assert_right()
    program = (
        '#include <stdio.h>\n#include "names.h"\nint main(void) { for (size_t i = 0; i < NAMES_N_INPUTS; ++i) '
        'printf("%s|", names_input_name(i)); return names_output_name(1)[1] != \'"\'; }\n'
    )
    (tmp_path / "show.c").write_text(program, encoding="ascii")
    Compiled.compile(CC, "-std=c99", tmp_path / "show.c", "-o", tmp_path / "show")
    done = subprocess.run([tmp_path / "show"], capture_output=True, check=True)
    assert done.stdout.decode() == "".join(f"{name}|" for name in names)


def test_the_prefix_comes_from_the_name_of_the_file_or_is_given(tmp_path):
    for file, name in (
        ("digits.h", "digits"), ("my net-2.h", "my_net_2"), ("3d.h", "model_3d"), ("__x__.h", "x"), ("é.h", "model"),
        ("a" * 60 + ".h", "a" * 40), (".h", "h"),
    ):  # fmt: skip
        assert _name_of(f"/some/{file}") == name
        to_c(cr.MLP([1, 1], seed=0), tmp_path / file)
        assert f" {name}_predict(const float *inputs" in (tmp_path / file).read_text(encoding="ascii")
    to_c(cr.MLP([1, 1], seed=0), tmp_path / "digits.h", name="Net_2")
    assert "#define NET_2_N_INPUTS 1\n" in (tmp_path / "digits.h").read_text(encoding="ascii")


@pytest.mark.parametrize(
    "name", ["", "2d", "_a", "a_", "a__b", "a b", "é", "a;", "a\n", "a" * 41, "int main(void)"]
)
def test_a_prefix_that_is_none_is_refused(tmp_path, name):
    path = tmp_path / "net.h"
    with pytest.raises(ValueError, match="name must be at most 40 ASCII letters, digits and single"):
        to_c(cr.MLP([1, 1], seed=0), path, name=name)
    assert not path.exists()


def test_a_prefix_must_be_a_str(tmp_path):
    with pytest.raises(TypeError, match=r"name must be a str, but it is 3 \(int\)"):
        to_c(cr.MLP([1, 1], seed=0), tmp_path / "net.h", name=3)
