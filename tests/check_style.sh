#!/usr/bin/env bash
# Linters, formatters and types, each of them a hard check. Needs the tools of the extra "dev" on the PATH.
set -uo pipefail
cd "$(dirname "$0")/.."
status=0
ruff check . || status=1
ruff format --check . || status=1
mypy || status=1
find src/cpp tests/cpp -name '*.cpp' -o -name '*.hpp' | xargs clang-format --dry-run -Werror || status=1
exit $status
