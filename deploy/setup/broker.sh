#!/bin/sh
# Installs Mosquitto where it may, else says how. Never fails: `gridwatch up` has a stand-in.
set -u
here=$(dirname "$0")
. "$here/apt.sh"

PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"

# The broker, which an ordinary user's PATH may lack, and the publisher that the README and the tests use.
has_mosquitto() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin" command -v mosquitto >/dev/null 2>&1 &&
        command -v mosquitto_pub >/dev/null 2>&1
}

has_mosquitto && exit 0
if may_apt; then
    echo "setup: installing Mosquitto with apt"
    apt_install mosquitto mosquitto-clients && keep_service_down mosquitto
elif command -v brew >/dev/null 2>&1; then
    echo "setup: installing Mosquitto with Homebrew"
    brew install --quiet mosquitto >/dev/null 2>&1
fi
has_mosquitto && exit 0
echo "setup: Mosquitto, the MQTT broker, is not installed and can't be from here." >&2
echo "       Debian and Ubuntu: sudo apt install mosquitto mosquitto-clients, then" >&2
echo "       sudo systemctl disable --now mosquitto.  macOS: brew install mosquitto." >&2
echo "       Until then gridwatch up uses amqtt: slow, no MQTT 5, and it can lose messages on a reconnect." >&2
exit 0
