"""Ports: free or not, and whose."""

import errno
import os
import socket

import psutil

from gridwatch.errors import SettingsError


def check_port_free(host: str, port: int, *, what: str, instead: str) -> None:
    """Raise SettingsError when `what` can't listen on a port; `instead` says how to choose another."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} for {what} is already in use{_by(port)}: "
                f"stop that program, or choose another port with {instead}"
            ) from error
        raise SettingsError(
            f"{what} can't listen on {host} port {port} ({error.strerror or os.strerror(error.errno or 0)}): "
            f"choose another with {instead}"
        ) from error


def accepts(host: str, port: int, *, timeout_s: float = 1.0) -> bool:
    """Say whether somebody accepts connections on a port."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def _by(port: int) -> str:
    """Return who listens on a port, as far as this user may know."""
    try:
        found = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return ""
    for connection in found:
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
            try:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                return f" by process {connection.pid}"
    return ""
