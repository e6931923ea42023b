#!/bin/sh
# Makes .venv with the dependencies of pyproject.toml. PYTHON chooses the interpreter.
set -eu
here=$(dirname "$0")
. "$here/apt.sh"

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        echo "setup: PYTHON=$PYTHON is not Python 3.11 or newer." >&2
    else
        echo "setup: Gridwatch needs Python 3.11 or newer; none is on the PATH." >&2
        echo "       Debian 12, Ubuntu 24.04: apt install python3 python3-venv.  macOS: brew install python@3.12." >&2
        echo "       Elsewhere: make PYTHON=/path/to/python3.11 setup" >&2
    fi
    exit 1
}

# Debian and Ubuntu keep ensurepip in a package of its own.
need_ensurepip() {
    "$1" -c 'import ensurepip' >/dev/null 2>&1 && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    echo "setup: installing $package, which virtual environments need"
    if may_apt && apt_install "$package"; then
        return
    fi
    echo "setup: this Python can't make virtual environments. Debian and Ubuntu: sudo apt install $package" >&2
    exit 1
}

if ! is_new_enough .venv/bin/python; then
    python=$(find_python)
    need_ensurepip "$python"
    echo "setup: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
echo "setup: installing the dependencies into .venv (a few minutes the first time)"
.venv/bin/python -m pip --disable-pip-version-check install -qq --upgrade pip
.venv/bin/python -m pip --disable-pip-version-check install -qq --editable '.[dev]'
