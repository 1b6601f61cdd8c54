#!/usr/bin/env bash
# Recompile what changed in src/cpp and put it where the editable install looks: seconds instead of a new install.
# The first time, with the development environment active, it makes the editable install itself.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -f build/editable/build.ninja ] || ! python -c "import chainrule._version" 2>/dev/null; then
    pip install --no-build-isolation -e .
    exit
fi
cmake --build build/editable "$@"
cmake --install build/editable --prefix "$(python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')" >/dev/null
