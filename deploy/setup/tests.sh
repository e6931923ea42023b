#!/bin/sh
# Installs what some tests need where it may: Chromium, nginx, Chinese and emoji fonts. Never fails: those tests
# are skipped with their reason.
set -u
here=$(dirname "$0")
. "$here/apt.sh"

has_browser() {
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return
    done
    .venv/bin/python - <<'PYTHON' >/dev/null 2>&1
import os
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    raise SystemExit(not os.path.exists(playwright.chromium.executable_path))
PYTHON
}

has_fonts() {
    command -v fc-list >/dev/null 2>&1 || return 1
    [ -n "$(fc-list ':lang=zh' family)" ] && fc-list : family | grep -qi emoji
}

is_debian() {
    grep -qs '^ID=debian' /etc/os-release
}

if ! has_browser; then
    echo "setup: installing Chromium for the browser tests"
    # Ubuntu's package is a snap, which does not run everywhere.
    { is_debian && may_apt && apt_install chromium; } || .venv/bin/playwright install chromium >/dev/null 2>&1
fi
has_browser || echo "setup: no Chromium, the browser tests will be skipped. Debian: sudo apt install chromium;" \
    "elsewhere: .venv/bin/playwright install --with-deps chromium" >&2

has_nginx() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin" command -v nginx >/dev/null 2>&1
}

if ! has_nginx && may_apt; then
    echo "setup: installing nginx for its tests"
    apt_install nginx-light && keep_service_down nginx
fi
has_nginx || echo "setup: no nginx, its tests will be skipped. Debian and Ubuntu: sudo apt install nginx-light" >&2

[ "$(uname)" = Linux ] || exit 0
if ! has_fonts && may_apt; then
    echo "setup: installing Chinese and emoji fonts for the browser tests"
    apt_install fontconfig fonts-noto-cjk fonts-noto-color-emoji
fi
has_fonts || echo "setup: no Chinese or emoji fonts, pages will show boxes. Debian and Ubuntu:" \
    "sudo apt install fontconfig fonts-noto-cjk fonts-noto-color-emoji" >&2
exit 0
