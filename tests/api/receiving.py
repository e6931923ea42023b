"""Another system that alerts are sent to."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@dataclass(kw_only=True)
class Receiver:
    """Another system: it verifies what comes, and answers as a test says."""

    url: str = ""
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """What it answers next; afterwards 204."""

    def take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """Take a request, with the headers in small letters."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if headers["webhook-signature"] != f"v1,{mac}":
            return 401, {}
        answer = self.answers.pop(0) if self.answers else (204, {})
        if answer[0] < 300:
            self.got.append((headers, body))
        return answer

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return what was taken, as events in structured mode."""
        return [json.loads(body) for _, body in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Let a receiver listen on loopback."""
    one = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers = one.take({k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            for name, value in ({"Content-Length": "0"} | headers).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_port}/hook?key=private"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
