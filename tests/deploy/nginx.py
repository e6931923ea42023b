"""A real nginx with the site of deploy/nginx before an API."""

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridwatch.private_ca import PrivateCa
from tests.deploy.compose import DEPLOY
from tests.servers import accepts, free_port, wait_until

SITE = (DEPLOY / "nginx" / "gridwatch.conf").read_text(encoding="utf-8")
NAME = "watch.example.org"
PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/usr/bin:/usr/local/bin"

MAIN = """
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True, kw_only=True)
class Front:
    """Where nginx listens with TLS and without, and who trusts its certificate and nobody else's."""

    url: str
    plain_url: str
    trust: ssl.SSLContext


@contextmanager
def nginx_before(api_port: int, folder: Path) -> Iterator[Front]:
    """Run nginx on loopback before the API at a port, which need not be there yet; skip without nginx."""
    program = shutil.which("nginx", path=PLACES)
    if program is None:
        pytest.skip("needs nginx, which is not installed: apt-get install nginx-light")
    authority = PrivateCa(folder / "ca")
    authority.make("authority of a test")
    issued = authority.issue_server(["127.0.0.1", NAME])
    (folder / "fullchain.pem").write_bytes(issued.certificate)
    (folder / "privkey.pem").write_bytes(issued.key or b"")
    plain, tls = free_port(), free_port()
    (folder / "site.conf").write_text(_placed(folder, api=api_port, plain=plain, tls=tls))
    (folder / "nginx.conf").write_text(_user() + MAIN.format(folder=folder))
    log = folder / "error.log"
    command = [program, "-p", str(folder), "-e", str(log), "-c", str(folder / "nginx.conf")]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors)
    try:
        wait_until(lambda: process.poll() is not None or accepts(tls), what="nginx accepts")
        assert process.poll() is None, log.read_text()
        yield Front(
            url=f"https://127.0.0.1:{tls}",
            plain_url=f"http://127.0.0.1:{plain}",
            trust=ssl.create_default_context(cafile=str(authority.certificate)),
        )
    finally:
        process.terminate()
        process.wait(60)


def _user() -> str:
    """Let workers keep root's account, where nginx is started by root: a test's folders are its own alone."""
    return "user root;" if os.geteuid() == 0 else ""


def _placed(folder: Path, *, api: int, plain: int, tls: int) -> str:
    """Return our site with the ports and paths of a test; all else stays as it is delivered."""
    text = re.sub(r"^ *listen \[::\].*\n", "", SITE, flags=re.MULTILINE)
    for ours, theirs in {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{tls} ssl http2;",
        "server 127.0.0.1:8080;": f"server 127.0.0.1:{api};",
        f"/etc/letsencrypt/live/{NAME}": str(folder),
        "/var/log/nginx/gridwatch.log": f"{folder}/access.log",
    }.items():
        assert ours in text
        text = text.replace(ours, theirs)
    return text
