"""Predictions without the interpreter: the C functions of `chainrule.cython_api`, from C, Cython and SciPy."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import inspect
import shutil
import subprocess
import sys
import sysconfig
import threading
import weakref
from pathlib import Path

import chainrule as cr
import numpy as np
import pytest

ONE_INSTRUCTION_SET_WILL_DO = True

SIGNATURES = Path(__file__).with_name("cython_api_signatures.txt")
DOUBLE, INT, SIZE, POINTER = ctypes.c_double, ctypes.c_int, ctypes.c_ssize_t, ctypes.c_void_p


@pytest.fixture
def api(native):
    from chainrule import cython_api

    return cython_api


def capsule_name(capsule):
    get = ctypes.pythonapi.PyCapsule_GetName
    get.argtypes, get.restype = [ctypes.py_object], ctypes.c_char_p
    return get(capsule).decode()


def function(api, name, result, *arguments):
    """A C function as ctypes calls it: without the interpreter's lock."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    capsule = api.__pyx_capi__[name]
    return ctypes.CFUNCTYPE(result, *arguments)(get(capsule, capsule_name(capsule).encode()))


def predict(api, dtype):
    return function(api, f"predict_{dtype}", INT, POINTER, SIZE, POINTER, POINTER)


def trained(dtype="float64", n_inputs=1):
    """A network that has learned something, so that its integral is not that of a line."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, n_inputs)).astype(dtype)
    model = cr.MLP([n_inputs, 16, 16, 1], activation="tanh", dtype=dtype, seed=0)
    optimizer = cr.SGD(learning_rate=0.05, momentum=0.9)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, batch_size=20, seed=0)
    history = trainer.fit(X, np.exp(X.mean(axis=1)), epochs=20)
    assert history.loss[-1] < history.loss[0] / 10
    return model


# What is exported


def test_the_signatures_are_those_that_other_modules_were_compiled_against(api):
    """They compare these texts when they are imported. A new function is a new line; no line ever changes."""
    exported = [f"{name}: {capsule_name(capsule)}" for name, capsule in sorted(api.__pyx_capi__.items())]
    assert exported == SIGNATURES.read_text(encoding="utf-8").splitlines()


def test_nothing_is_exported_but_free_functions(api):
    text = (Path(cr.__file__).parent / "cython_api.pxd").read_text(encoding="utf-8")
    code = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(line.startswith("cdef ") and "class" not in line for line in code)
    assert len(code) == len(api.__pyx_capi__)


def test_only_native_predictors_have_handles(api):
    with cr.backend("reference"):
        other = cr.MLP([1, 1], seed=0).predictor()
    for wrong in (other, cr.MLP([1, 1], seed=0), None):
        for make in (api.address, api.capsule):
            with pytest.raises(TypeError, match="predictor must be a Predictor of the native core"):
                make(wrong)


def test_a_capsule_keeps_its_predictor_alive_and_no_longer(api):
    predictor = cr.MLP([1, 1], seed=0).predictor()
    alive, capsule = weakref.ref(predictor), api.capsule(predictor)
    del predictor
    gc.collect()
    assert alive() is not None
    del capsule
    gc.collect()
    assert alive() is None


# Calls from C


def test_a_call_from_c_gives_the_bits_of_predict(api, dtype):
    model = cr.MLP([7, 33, 3], output_activation="softmax", dtype=dtype, seed=0)
    X = np.random.default_rng(0).normal(size=(9, 7)).astype(dtype)
    predictor, out = model.predictor(), np.full((11, 3), 99, dtype)
    address = api.address(predictor)
    assert function(api, "n_inputs", SIZE, POINTER)(address) == 7
    assert function(api, "n_outputs", SIZE, POINTER)(address) == 3
    assert function(api, "item_size", INT, POINTER)(address) == X.itemsize
    assert predict(api, dtype)(address, 9, X.ctypes.data, out[1:-1].ctypes.data) == 0
    np.testing.assert_array_equal(out[1:-1], model.predict(X))
    assert (out[[0, -1]] == 99).all()


def test_the_other_dtype_and_negative_rows_are_refused_by_a_status(api, dtype):
    predictor = cr.MLP([2, 1], dtype=dtype, seed=0).predictor()
    x, out = np.ones((1, 2)), np.full(1, 99.0)
    other = {"float32": "float64", "float64": "float32"}[dtype]
    assert predict(api, other)(api.address(predictor), 1, x.ctypes.data, out.ctypes.data) == -1
    assert predict(api, dtype)(api.address(predictor), -1, x.ctypes.data, out.ctypes.data) == -1
    assert out == 99


def test_threads_may_call_one_handle_at_once(api):
    model = cr.MLP([300, 500, 2], seed=0)
    predictor, call = model.predictor(), predict(api, "float32")
    X = np.random.default_rng(0).normal(size=(6, 300)).astype("f4")
    expected, out = np.concatenate([model.predict(x[None]) for x in X]), np.zeros((6, 2), "f4")
    wrong = []

    def work(i):
        for _ in range(100):
            out[i] = 0
            call(api.address(predictor), 1, X[i].ctypes.data, out[i].ctypes.data)
            if (out[i] != expected[i]).any():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not wrong
    np.testing.assert_array_equal(out, expected)


def test_a_function_of_numbers_is_the_output(api, dtype):
    model = trained(dtype, 3)
    x = np.array([0.25, -0.5, 0.125])  # the same in both dtypes
    call = function(api, "function_of_many", DOUBLE, INT, ctypes.POINTER(DOUBLE), POINTER)
    handle = api.address(predictor := model.predictor())
    data = x.ctypes.data_as(ctypes.POINTER(DOUBLE))
    assert call(3, data, handle) == model.predict([x])[0, 0] == predictor(x.astype(dtype))[0]
    assert np.isnan(call(2, data, handle))
    assert np.isnan(function(api, "function_of_one", DOUBLE, DOUBLE, POINTER)(0.5, handle))
    two = cr.MLP([3, 2], dtype=dtype, seed=0).predictor()
    assert np.isnan(call(3, data, api.address(two)))


# SciPy


@pytest.mark.parametrize("limits", [(-1, 1), (0, 0.3)])
def test_scipy_integrates_a_trained_network_without_python(api, dtype, limits):
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
    from scipy import LowLevelCallable

    model = trained(dtype)
    compiled = LowLevelCallable.from_cython(api, "function_of_one", api.capsule(model.predictor()))
    value, error = integrate.quad(compiled, *limits)
    expected, _ = integrate.quad(lambda x: float(model.predict([[x]])[0, 0]), *limits)
    assert value == expected  # the same points, the same bits, the same sum
    analytic = np.exp(limits[1]) - np.exp(limits[0])
    assert value == pytest.approx(analytic, rel=0.05)
    assert error < 1e-3


def test_a_missing_handle_gives_nan(api):
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
    from scipy import LowLevelCallable

    with pytest.warns(integrate.IntegrationWarning):
        value, _ = integrate.quad(LowLevelCallable.from_cython(api, "function_of_one"), -1, 1)
    assert np.isnan(value)


def test_scipy_integrates_over_two_inputs(api):
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
    from scipy import LowLevelCallable

    model = trained("float64", 2)
    compiled = LowLevelCallable.from_cython(api, "function_of_many", api.capsule(model.predictor()))
    options, box = {"epsabs": 1e-4, "epsrel": 1e-4}, [(0, 0.5), (-0.5, 0)]
    value = integrate.nquad(compiled, box, opts=options)[0]
    expected = integrate.nquad(lambda x, y: model.predict([[x, y]])[0, 0], box, opts=options)[0]
    assert value == expected


# Other people's Cython, against what is installed

CALLER = """
# cython: language_level=3
from chainrule cimport cython_api

def predict(predictor, double[:, ::1] X, double[:, ::1] out):
    cdef const void *handle = cython_api.handle(predictor)
    cdef int status
    with nogil:
        status = cython_api.predict_float64(handle, X.shape[0], &X[0, 0], &out[0, 0])
    return status, cython_api.n_inputs(handle), cython_api.n_outputs(handle), cython_api.item_size(handle)

def one_by_one(predictor, float[:, ::1] X, float[:, ::1] out):
    cdef const void *handle = cython_api.handle(predictor)
    cdef Py_ssize_t i, failed = 0
    with nogil:
        for i in range(X.shape[0]):
            failed += cython_api.predict_float32(handle, 1, &X[i, 0], &out[i, 0]) != 0
    return failed
"""


def compiler():
    command = (sysconfig.get_config_var("CC") or "cc").split()
    return command if shutil.which(command[0]) else shutil.which("cc") and ["cc"]


needs_cython = pytest.mark.skipif(
    importlib.util.find_spec("Cython") is None or not compiler(),
    reason="Cython or a C compiler is not installed",
)


def compiled(folder, source, include):
    """Compile Cython to a module of that folder, and return it imported."""
    file, module = folder / "caller.pyx", folder / f"caller{sysconfig.get_config_var('EXT_SUFFIX')}"
    file.write_text(source, encoding="utf-8")
    shared = ["-dynamiclib", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    headers, generated = f"-I{sysconfig.get_path('include')}", file.with_suffix(".c")
    for command in (
        [sys.executable, "-m", "cython", "--include-dir", include, file],
        [*compiler(), *shared, "-fPIC", "-O1", headers, generated, "-o", module],
    ):
        done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    spec = importlib.util.spec_from_file_location("caller", module)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@needs_cython
def test_a_cython_module_predicts_without_the_lock(native, tmp_path):
    caller = compiled(tmp_path, CALLER, Path(cr.__file__).parents[1])
    X = np.random.default_rng(0).normal(size=(6, 4))
    wide, narrow = cr.MLP([4, 20, 2], dtype="float64", seed=0), cr.MLP([4, 20, 2], seed=0)
    out = np.zeros((6, 2))
    assert caller.predict(wide.predictor(), X, out) == (0, 4, 2, 8)
    np.testing.assert_array_equal(out, wide.predict(X))
    x, out32 = X.astype("f4"), np.zeros((6, 2), "f4")
    assert caller.one_by_one(narrow.predictor(), x, out32) == 0
    np.testing.assert_array_equal(out32, narrow.predict(x))
    assert caller.one_by_one(wide.predictor(), x, out32) == 6  # the other dtype
    with pytest.raises(TypeError, match="predictor must be a Predictor of the native core"):
        caller.predict(None, X, out)


@needs_cython
def test_a_module_compiled_against_other_signatures_is_refused(native, tmp_path):
    """What would happen to every module out there if a line of cython_api.pxd changed."""
    package = tmp_path / "include" / "chainrule"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    text = (Path(cr.__file__).parent / "cython_api.pxd").read_text(encoding="utf-8")
    changed = text.replace("item_size(const void *", "item_size(void *")
    assert changed != text
    (package / "cython_api.pxd").write_text(changed, encoding="utf-8")
    source = "from chainrule.cython_api cimport item_size\ndef size():\n    return item_size(NULL)\n"
    with pytest.raises(TypeError, match="item_size has wrong signature"):
        compiled(tmp_path, source, package.parent)


@pytest.mark.parametrize("library", ["scipy", "numba"])
def test_the_examples_are_right(api, library):
    pytest.importorskip(library, reason=f"{library} is not installed")
    import doctest

    text = inspect.cleandoc({"scipy": api.__doc__, "numba": api.address.__doc__}[library])
    failed, tried = doctest.DocTestRunner().run(
        doctest.DocTestParser().get_doctest(text, {}, library, None, None)
    )
    assert tried
    assert not failed
