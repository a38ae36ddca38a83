#!/usr/bin/env bash
# Make .venv-bench with the package and the peers that the benchmarks compare it with.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv-bench/bin/python ] || "${PYTHON:-python3}" -m venv .venv-bench
export PIP_DISABLE_PIP_VERSION_CHECK=1
.venv-bench/bin/python -m pip install -q -c constraints.txt torch
.venv-bench/bin/python -m pip install -q -c constraints.txt -e . dynamicprompts compel
