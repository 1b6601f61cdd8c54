#!/usr/bin/env bash
# Every check of the project, from nothing but Python, a C++ compiler, git and a package registry:
# builds sdist and wheel, installs the wheel (not this folder) in .venv-test, then style, instruction sets,
# benchmarks (short), examples and, last, the whole test suite. Fails if any of them fails.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=$root/.venv-test
work=$(mktemp -d)  # where everything runs: nothing may find the package in the source folder
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH CHAINRULE_BACKEND CHAINRULE_FORCE_ISA
export OPENBLAS_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1 MPLBACKEND=Agg

failed=() names=() logs=()
step() {  # step NAME COMMAND...: runs it, remembers a failure, goes on
    local name=$1 started=$SECONDS
    shift
    printf '\n=== %s\n' "$name"
    if "$@"; then
        printf -- '--- %s: passed (%d s)\n' "$name" $((SECONDS - started))
    else
        printf -- '--- %s: FAILED (%d s)\n' "$name" $((SECONDS - started))
        failed+=("$name")
    fi
}
beside() {  # beside NAME COMMAND...: like step, while other steps run; `collect` says how it went
    local name=$1 log=$work/beside-${#names[@]}
    shift
    names+=("$name") logs+=("$log")
    { local started=$SECONDS; if "$@" > "$log" 2>&1; then echo passed; else echo FAILED; fi > "$log.end"
      echo $((SECONDS - started)) >> "$log.end"; } &
}
collect() {  # waits for all that runs beside the steps
    local i ending
    wait
    for i in "${!names[@]}"; do
        mapfile -t ending < "${logs[i]}.end"
        printf '\n=== %s (beside the steps above)\n' "${names[i]}"
        cat "${logs[i]}"
        printf -- '--- %s: %s (%d s)\n' "${names[i]}" "${ending[0]}" "${ending[1]}"
        [ "${ending[0]}" = passed ] || failed+=("${names[i]}")
    done
    names=() logs=()
}
must() {  # like step, but nothing after it makes sense if it fails
    step "$@"
    if ((${#failed[@]})); then exit 1; fi
}

make_environment() {
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return
    "$venv/bin/pip" install --quiet build
}
build_package() {  # the wheel comes from the sdist; the objects stay in build/wheel for tests/test_compiled_objects.py
    rm -rf dist build/wheel
    "$venv/bin/python" -m build --config-setting=build-dir="$root/build/wheel" \
        --config-setting=cmake.define.CHAINRULE_WERROR=ON .
}
install_wheel() {
    local wheel=("$root"/dist/chainrule-*.whl)
    "$venv/bin/pip" install --quiet "$wheel[test,dev,scipy,sklearn,plot,progress]" torch==2.13.0 &&
        "$venv/bin/pip" install --quiet --force-reinstall --no-deps "$wheel" &&
        (cd "$work" && python -c 'import chainrule.native; print("installed in", chainrule.__path__[0])')
}
run_pytest() {  # a process for each processor; the tests of a file stay together
    (cd "$work" && python -m pytest -c "$root/pyproject.toml" --rootdir "$root" -p no:cacheprovider -n auto --dist loadfile "$@")
}
run_python() { (cd "$work" && python "$@"); }

must "environment" make_environment
must "sdist and wheel" build_package
export PATH=$venv/bin:$PATH CHAINRULE_BUILD_DIR=$root/build/wheel CHAINRULE_DIST_DIR=$root/dist
must "install the wheel" install_wheel

sanitizers() { bash tests/run_cpp_sanitizers.sh asan && bash tests/run_cpp_sanitizers.sh tsan; }
beside "C++ tests under the sanitizers" sanitizers
beside "chainrule.sklearn with the oldest scikit-learn" bash tests/run_oldest_sklearn.sh
step "style and types" bash tests/check_style.sh
for file in bench/[!_]*.py; do  # in their short forms, whose times say nothing
    case $file in
        bench/compare_with_other_libraries.py) ;;  # would run the others once more; it gets their records instead
        *) step "$file --short" run_python "$root/$file" --short --output "$work/results" ;;
    esac
done
step "bench/compare_with_other_libraries.py --reuse" \
    run_python "$root/bench/compare_with_other_libraries.py" --reuse --output "$work/results"
for file in examples/[!_]*.py; do step "$file" run_python "$root/$file"; done
collect

default=$(cd "$work" && python -c 'from chainrule import show_config; print(show_config()["instruction_set"])')
for isa in baseline avx2 avx512; do
    if [ "$isa" = "$default" ]; then
        printf '\n=== kernels with %s: in the whole test suite below, which runs with it\n' "$isa"
    elif reason=$(cd "$work" && CHAINRULE_FORCE_ISA=$isa python -c 'import chainrule.native' 2>&1); then
        CHAINRULE_FORCE_ISA=$isa step "kernels with $isa" run_pytest -q -m kernels "$root/tests"
    else
        printf '\n=== kernels with %s: skipped: %s\n' "$isa" "${reason##*$'\n'}"
    fi
done
if ((${#failed[@]})); then printf '\nfailed before the test suite: %s\n' "$(printf '%s; ' "${failed[@]}")"; fi
printf '\n=== test suite (%d s so far)\n' $SECONDS
run_pytest --durations=10 "$root/tests" || failed+=("test suite")  # its closing line with the counts ends the output
if ((${#failed[@]})); then
    printf '\nFAILED: %s\n' "$(printf '%s; ' "${failed[@]}")"
    exit 1
fi
