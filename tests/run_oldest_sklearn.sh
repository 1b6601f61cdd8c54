#!/usr/bin/env bash
# Runs the tests of chainrule.sklearn with the oldest scikit-learn that is supported, against the wheel in CHAINRULE_DIST_DIR
# (dist/ if it is not set), in an environment of its own, .venv-oldest-sklearn. The whole test suite has the newest one.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.venv-oldest-sklearn
wheel=("${CHAINRULE_DIST_DIR:-$root/dist}"/chainrule-*.whl)
if [ ! -f "${wheel[0]}" ]; then
    echo "there is no wheel $wheel; 'python -m build' makes one" >&2
    exit 1
fi
# Libraries of its time: what came later has taken away what it calls.
oldest=('scikit-learn==1.5.2' 'numpy<2.3' 'scipy<1.15' 'pandas<3' 'polars<1.30')
unset PYTHONPATH CHAINRULE_BACKEND CHAINRULE_FORCE_ISA
export OPENBLAS_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1 MPLBACKEND=Agg

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info >= (3, 14))'; then
    echo "skipped: scikit-learn 1.5 has no wheels for Python 3.14 and later"
    exit 0
fi
"$venv/bin/pip" install --quiet "${oldest[@]}" matplotlib 'pytest>=8' 'pytest-xdist>=3.5' 'hypothesis>=6.100'
"$venv/bin/pip" install --quiet --force-reinstall --no-deps "${wheel[0]}"

work=$(mktemp -d)  # where the tests run: nothing may find the package in the source folder
trap 'rm -rf "$work"' EXIT
cd "$work"
"$venv/bin/python" -c 'import sklearn, chainrule.sklearn as cs; print("scikit-learn", sklearn.__version__, "with", cs.__path__[0])'
shopt -s nullglob
"$venv/bin/python" -m pytest -c "$root/pyproject.toml" --rootdir "$root" -p no:cacheprovider -q -n auto --dist worksteal \
    "$root"/tests/test_sklearn_*.py "$root"/tests/test_interchange_sklearn*.py
