"""Web Push as Apprise sends it: a server takes it that proves the sender and opens the letter."""

import asyncio
import json
import ssl
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from api.channels.senders import Senders, new_client
from api.channels.sending import Message, NotSent
from gridwatch.private_ca import Issued, PrivateCa
from gridwatch.services import Others

# Apprise asks for a module that Python will drop; it does without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

AUTH = b"sixteen bytes!!!"
MESSAGE = Message(
    number="1-1", title="【紧急】明火 · 3栋", body="去现场看", link="https://watch.example/a/x", short={}
)


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


class PushService:
    """Takes what is for one browser; refuses whom it does not know (RFC 8030, 8291, 8292)."""

    def __init__(self, application: bytes, certificate: Issued, folder: Path) -> None:
        self.browser = ec.generate_private_key(ec.SECP256R1())
        self.gone = False
        self.told: list[str] = []
        self.claims: list[dict[str, object]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = service.take(self.path, self.headers["Authorization"], body)
                assert self.headers["Content-Encoding"] == "aes128gcm"
                assert self.headers["TTL"] == "60"
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep the tests' output clean."""

        self._application = application
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for name, content in (
            ("server.pem", certificate.certificate),
            ("server.key", certificate.key or b""),
        ):
            (folder / name).write_bytes(content)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}"

    def take(self, path: str, authorization: str, body: bytes) -> int:
        """Return the status of the answer; raise where a signature or a letter is none."""
        if path != "/push/zhang" or self.gone:
            return 410
        scheme, _, proof = authorization.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in proof.split(","))
        assert scheme == "vapid"
        key = urlsafe_b64decode(parts["k"] + "=" * (-len(parts["k"]) % 4))
        if key != self._application:
            return 403
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        self.claims.append(jwt.decode(parts["t"], public, algorithms=["ES256"], audience=self.url))
        letter = http_ece.decrypt(body, private_key=self.browser, auth_secret=AUTH, version="aes128gcm")
        self.told.append(letter.decode())
        return 201

    def subscription(self) -> dict[str, object]:
        """Return what `pushManager.subscribe` gives a page in that browser."""
        keys = {"p256dh": _base64(_point(self.browser)), "auth": _base64(AUTH)}
        return {"endpoint": f"{self.url}/push/zhang", "keys": keys}


def _key_file(folder: Path, name: str) -> tuple[Path, bytes]:
    """Write a key as `openssl ecparam -name prime256v1 -genkey` does; return it with its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = folder / name
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return file, _point(key)


@pytest.fixture
def push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushService]:
    """Return a service that knows the key in vapid.pem; its certificate is trusted."""
    _, application = _key_file(tmp_path, "vapid.pem")
    authority = PrivateCa(tmp_path / "ca")
    authority.make("test")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.certificate))
    service = PushService(application, authority.issue_server(["localhost"]), tmp_path)
    (tmp_path / "subscriptions.json").write_text(json.dumps({"zhang": service.subscription()}))
    thread = threading.Thread(target=service.server.serve_forever, args=(0.01,))
    thread.start()
    yield service
    service.server.shutdown()
    thread.join()
    service.server.server_close()


def _service(folder: Path, key: str = "vapid.pem") -> Others:
    files = f"keyfile={folder / key}&subfile={folder / 'subscriptions.json'}"
    return Others(url=f"vapid://ops@watch.example/{{address}}?{files}&ttl=60")


def _send(service: Others, address: str) -> None:
    async def scene() -> None:
        async with new_client() as client:
            await Senders(client).send(service, address, MESSAGE)

    asyncio.run(scene())


def test_a_browser_gets_what_was_sent_and_knows_who_sent_it(push: PushService, tmp_path: Path) -> None:
    _send(_service(tmp_path), "zhang")
    (told,) = push.told
    assert MESSAGE.title in told
    assert told.endswith(f"{MESSAGE.body}\n{MESSAGE.link}")
    (claims,) = push.claims
    assert (claims["aud"], claims["sub"]) == (push.url, "mailto:ops@watch.example")


def test_a_key_that_the_browser_does_not_know_is_refused(push: PushService, tmp_path: Path) -> None:
    _key_file(tmp_path, "other.pem")
    with pytest.raises(NotSent):
        _send(_service(tmp_path, "other.pem"), "zhang")
    assert push.told == []


def test_who_has_no_subscription_or_none_any_more_is_not_told(push: PushService, tmp_path: Path) -> None:
    with pytest.raises(NotSent):
        _send(_service(tmp_path), "nobody")
    push.gone = True
    with pytest.raises(NotSent):
        _send(_service(tmp_path), "zhang")
    assert "zhang" not in json.loads((tmp_path / "subscriptions.json").read_text())
