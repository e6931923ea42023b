# Read by the other scripts here: may we install with apt, and do it.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_apt() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# The lists of packages may be missing or old: they are fetched only when the first try fails.
apt_install() {
    try_apt_install "$@" && return
    as_root apt-get -qq update >/dev/null 2>&1
    try_apt_install "$@"
}

# RUNLEVEL: without systemd this keeps what is installed from being started.
try_apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -qq -y --no-install-recommends install "$@" >/dev/null 2>&1
}

# Debian starts a service right after its installation; ours need the port, or nobody asked for it.
keep_service_down() {
    if [ -d /run/systemd/system ]; then
        as_root systemctl disable --now "$1" >/dev/null 2>&1
    fi
}
