#!/usr/bin/env bash
# Make .venv with the package and the extras named as arguments. Runs again only when pyproject.toml has changed.
set -euo pipefail
cd "$(dirname "$0")/.."
extras="${1:-}"
python="${PYTHON:-python3}"
state="$(cat pyproject.toml constraints.txt | cksum | tr ' ' '-')" # cksum is POSIX: macOS has no sha256sum
stamp=".venv/.installed-${extras:-core}-$state"
if [ -f "$stamp" ] || { [ "$extras" != dev ] && [ -f ".venv/.installed-dev-$state" ]; }; then exit 0; fi

version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true)"
case "$version" in
  3.1[1-9]) ;;
  *) echo "error: python is '${version:-missing}'; install Python 3.11 or newer, or set PYTHON" >&2; exit 2 ;;
esac
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  # Debian keeps these two modules in a package of their own.
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q && apt-get install -qy "python$version-venv"
  else
    echo "error: Python's venv module is missing; run 'apt-get install python$version-venv' as root" >&2
    exit 2
  fi
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/python -m pip install -q -c constraints.txt -e ".${extras:+[$extras]}"
touch "$stamp"
