"""Take a trained network where there is no chainrule: a C header, one NumPy file, an ONNX graph.

A network learns the digits, with the scaling of its inputs. It is written in each of the three formats, and each file
predicts the held-out rows by itself: the header compiled by the C compiler, the Python file with NumPy alone, the ONNX graph
in ONNX Runtime. What is not installed is left out, with a line that says so. Run it with ``python examples/export.py``.
"""

from __future__ import annotations

import importlib.util
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits
from chainrule.preprocessing import StandardScaler, train_test_split

PROGRAM = """
#include <stdio.h>
#include "digits.h"
int main(void) {
    double x[DIGITS_N_INPUTS];
    float y[DIGITS_N_OUTPUTS];
    if (digits_self_test() > DIGITS_ERROR_BOUND) return 1;
    while (fread(x, sizeof x, 1, stdin) == 1) {
        digits_predict(x, y);
        fwrite(y, sizeof y, 1, stdout);
    }
    return 0;
}
"""


def with_c(folder: Path, X: np.ndarray) -> np.ndarray | str:
    """Predict in a compiled program that reads rows and writes outputs."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return "left out: there is no C compiler"
    (folder / "main.c").write_text(PROGRAM, encoding="ascii")
    subprocess.run([compiler, "-std=c99", "-O2", "main.c", "-o", "main", "-lm"], cwd=folder, check=True)
    done = subprocess.run([folder / "main"], input=X.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32).reshape(len(X), 10)


def with_numpy(folder: Path, X: np.ndarray) -> np.ndarray | str:
    """Predict with the one file."""
    return np.asarray(runpy.run_path(str(folder / "digits.py"))["predict"](X))


def with_onnx(folder: Path, X: np.ndarray) -> np.ndarray | str:
    """Predict in ONNX Runtime."""
    if not (folder / "digits.onnx").exists() or importlib.util.find_spec("onnxruntime") is None:
        return 'left out: pip install "chainrule[onnx]" onnxruntime'
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "digits.onnx", providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["Y"], {"X": X})[0])


def main() -> int:
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X.astype(np.float64), y, test_size=0.2, seed=0, stratify=y)
    scaler = StandardScaler().fit(X)
    model = cr.MLP([64, 32, 10], activation="gelu", output_activation="softmax", seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.Adam(0.01), batch_size=64, seed=0)
    trainer.fit(scaler.transform(X).astype(np.float32), y, epochs=10)
    expected = model.predict(scaler.transform(X_test).astype(np.float32))
    print(
        f"chainrule: accuracy {np.mean(expected.argmax(axis=1) == y_test):.3f} on {len(y_test)} held-out rows"
    )

    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cr.export.to_c(model, folder / "digits.h", scaler=scaler)
        cr.export.to_numpy(model, folder / "digits.py", scaler=scaler)
        if importlib.util.find_spec("onnx") is not None:
            cr.export.to_onnx(model, folder / "digits.onnx", scaler=scaler)
        for what, predict in (("C header", with_c), ("NumPy file", with_numpy), ("ONNX graph", with_onnx)):
            found = predict(folder, X_test)
            if isinstance(found, str):
                print(f"{what}: {found}")
                continue
            error = float(np.abs(found - expected).max())
            print(f"{what}: the same probabilities, off by at most {error:.1e}")
            good &= error < 1e-5
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
