#!/usr/bin/env bash
# Builds the C++ tests (tests/cpp), which need neither Python nor a framework, and runs them under a sanitizer:
#
#     run_cpp_sanitizers.sh asan       AddressSanitizer and UBSan, by GCC: baseline and AVX2, fewer sizes
#     run_cpp_sanitizers.sh tsan       ThreadSanitizer, by clang with its own OpenMP runtime: baseline, fewer sizes
#     run_cpp_sanitizers.sh valgrind   memcheck on the AVX2 kernels, fewer sizes
#     run_cpp_sanitizers.sh plain      no sanitizer: all instruction sets of this machine, all sizes, guard pages alone
#
# A check whose tools are missing says so and passes. CHAINRULE_INSTRUCTION_SETS="avx2;avx512" builds more of them.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-asan}
build_and_run() {  # build_and_run PRESET CMAKE-ARGUMENTS... -- COMMAND...
    local preset=$1 started=$SECONDS arguments=()
    shift
    while [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    shift
    cmake --preset "$preset" "${arguments[@]}" > /dev/null
    cmake --build --preset "$preset" -j "$(nproc)"
    printf 'built in %d s\n' $((SECONDS - started))
    started=$SECONDS
    "$@"
    printf 'ran in %d s\n' $((SECONDS - started))
}
must_find() {  # must_find TEXT FAULT COMMAND...: the command, told to make that fault, fails and names it
    local text=$1 fault=$2 output
    shift 2
    if output=$("$@" "plant=$fault" 2>&1); then
        printf 'a planted fault was not found: %s\n%s\n' "$fault" "$output" >&2
        return 1
    fi
    if ! grep -q -- "$text" <<< "$output"; then
        printf 'a planted fault, %s, was not called "%s":\n%s\n' "$fault" "$text" "$output" >&2
        return 1
    fi
    printf 'planted and found: %s\n' "$fault"
}
skip() {
    printf 'skipped: %s\n' "$1"
    exit 0
}
first_of() {  # the first of these commands that there is
    local name
    for name in "$@"; do
        if command -v "$name"; then return; fi
    done
    return 1
}

# Spinning threads only take time from those that work, where sanitizers make all slow.
export OMP_WAIT_POLICY=passive
case $kind in
    asan)
        export ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1
        build_and_run cpp-asan "-DCHAINRULE_INSTRUCTION_SETS=${CHAINRULE_INSTRUCTION_SETS:-avx2}" -- \
            build/cpp-asan/chainrule_cpp_tests quick
        must_find 'runtime error: signed integer overflow' overflow build/cpp-asan/chainrule_cpp_tests
        must_find 'runtime error: shift exponent 40' shift build/cpp-asan/chainrule_cpp_tests
        must_find heap-buffer-overflow beyond-the-end build/cpp-asan/chainrule_cpp_tests
        must_find SEGV beyond-the-guard build/cpp-asan/chainrule_cpp_tests
        ;;
    tsan)
        cxx=$(first_of clang++ clang++-{20,19,18,17,16,15,14}) || skip "no clang++"
        # OpenMP's runtime is not instrumented. Archer, its tool, tells ThreadSanitizer when a team begins and ends, and is
        # loaded by the runtime itself; without it every team would be a race.
        archer=$(dirname "$(readlink -f "$(command -v "$cxx")")")/../lib/libarcher.so
        [ -e "$archer" ] || skip "$cxx has no libarcher.so"
        export TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1" OMP_TOOL_LIBRARIES=$archer
        # Where addresses are more random than this ThreadSanitizer knows, it ends at once.
        probe=$(mktemp)
        trap 'rm -f "$probe"' EXIT
        echo '#include <omp.h>
              int main() { return omp_get_max_threads() < 1; }' |
            "$cxx" -x c++ - -fopenmp -fsanitize=thread -o "$probe" 2> /dev/null || skip "$cxx has no libomp"
        "$probe" > /dev/null 2>&1 || skip "ThreadSanitizer of $cxx does not run on this system"
        build_and_run cpp-tsan -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_C_COMPILER="${cxx/clang++/clang}" \
            -DCHAINRULE_INSTRUCTION_SETS="${CHAINRULE_INSTRUCTION_SETS:-none}" -- \
            build/cpp-tsan/chainrule_cpp_tests quick
        must_find 'data race' race build/cpp-tsan/chainrule_cpp_tests
        ;;
    valgrind)
        command -v valgrind > /dev/null || skip "no valgrind"
        # It knows no AVX-512, and reports a processor that has none.
        build_and_run cpp -DCHAINRULE_INSTRUCTION_SETS=avx2 -- \
            valgrind --fair-sched=yes --error-exitcode=1 build/cpp/chainrule_cpp_tests avx2 quick
        must_find 'Invalid read' beyond-the-end valgrind --error-exitcode=1 build/cpp/chainrule_cpp_tests
        must_find 'Conditional jump' uninitialised valgrind --error-exitcode=1 build/cpp/chainrule_cpp_tests
        ;;
    plain) build_and_run cpp "-DCHAINRULE_INSTRUCTION_SETS=avx2;avx512" -- build/cpp/chainrule_cpp_tests ;;
    *)
        printf '%s: asan, tsan, valgrind or plain\n' "$kind" >&2
        exit 2
        ;;
esac
