#!/usr/bin/env bash
# Runs the tests that reach the native kernels under AddressSanitizer and UndefinedBehaviorSanitizer, once for each
# instruction set of this machine. Building takes two minutes the first time, the tests several for each set; so this is
# for changes in src/cpp, not for every run. Arguments go to pytest in place of the selection below.
#
# Needs what `cmake --preset dev` needs (Cython and NumPy too), and pytest, hypothesis and threadpoolctl.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset asan
cmake --build --preset asan
package=build/asan/python
rm -rf "$package" && mkdir -p "$package"
cp -r src/python/chainrule "$package/"
rm -f "$package"/chainrule/*.so
cp build/asan/{_core,_predictor,cython_api}*.so "$package/chainrule/"
# The finder of an editable install would be asked before PYTHONPATH, for the core without sanitizers. Python imports this
# module when site-packages has added its own.
cat > "$package/sitecustomize.py" <<'EOF'
import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
EOF

# What runs by default: every kernel, the training loop and what is called from it, but no processes of their own, few
# random networks, and of the large ones those of few rows.
tests=(tests/test_native_matches_reference.py tests/test_native_special_values.py tests/test_memory_layouts.py
    tests/test_native_training_matches_reference.py tests/test_same_bits.py tests/test_nonfinite_training.py
    tests/test_predictor.py tests/test_loss_kernels.py tests/test_custom_losses.py tests/test_callbacks_and_arrays.py
    tests/test_weighted_training.py tests/test_smooth_activations.py tests/test_input_noise.py)
some="-1- or -8- or -10- or -15- or -16- or -21- or -40-"
selection="not instruction_sets and not reference-float and not tall and (not fifty_steps or $some)"

# libstdc++ beside libasan, or the first C++ exception aborts. The interpreter keeps memory on purpose: no leaks are
# searched for; Python gives all its memory to malloc. Not with detect_stack_use_after_return: its stack is aligned less
# than AVX-512 registers on it want.
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)"
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
export PYTHONMALLOC=malloc PYTHONPATH=$PWD/$package CHAINRULE_BACKEND=native OPENBLAS_NUM_THREADS=1
loaded=$(CHAINRULE_BACKEND=reference python -c 'import chainrule._core; print(chainrule._core.__file__)')
if [[ $loaded != "$PWD/$package/"* ]]; then
    echo "the core that is loaded is $loaded, not that of $package" >&2
    exit 1
fi
status=0
for isa in baseline avx2 avx512; do
    if ! reason=$(CHAINRULE_FORCE_ISA=$isa python -c 'import chainrule.native' 2>&1); then
        printf '=== %s: skipped: %s\n' "$isa" "${reason##*$'\n'}"
        continue
    fi
    printf '=== %s\n' "$isa"
    if (($#)); then chosen=("$@"); else chosen=("${tests[@]}" -k "$selection"); fi
    CHAINRULE_FORCE_ISA=$isa python -m pytest -q -p no:cacheprovider "${chosen[@]}" || status=1
done
exit $status
