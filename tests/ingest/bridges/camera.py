"""A camera on loopback that speaks its vendor's protocol: digest authentication, a stream, pictures."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import cv2
import numpy as np

USER, PASSWORD = "gridwatch", "a-pass-word-of-a-camera"
REALM, NONCE = "IP Camera(C2331)", "4e6a4d314f446b324d"


def picture(width: int = 640, height: int = 360) -> bytes:
    """Return a JPEG."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    return bytes(cv2.imencode(".jpg", pixels)[1])


class Camera:
    """Answers the stream's path with `chunks` (then waits, unless `ends`), other paths with a picture."""

    def __init__(self, stream_path: str, content_type: str, chunks: Sequence[bytes], *, ends: bool) -> None:
        self.asked: list[str] = []
        self.refused = 0
        self.chunks = list(chunks)
        self.snapshot = picture()
        self._stream_path = stream_path
        self._content_type = content_type
        self._ends = ends
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, stream_path: str, content_type: str, chunks: Sequence[bytes], *, ends: bool = False
    ) -> "AsyncIterator[tuple[Camera, str]]":
        """Serve on loopback; yield the camera and its address."""
        camera = cls(stream_path, content_type, chunks, ends=ends)

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            camera._tasks.add(asyncio.create_task(camera._serve(reader, writer)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        try:
            yield camera, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in camera._tasks:
                task.cancel()
            await asyncio.gather(*camera._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if await self._answer(head.decode(), writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection is over."""
        path = head.split(" ", 2)[1]
        if not allowed(head, path):
            self.refused += 1
            writer.write(
                b"HTTP/1.1 401 Unauthorized\r\n"
                + f'WWW-Authenticate: Digest qop="auth", realm="{REALM}", nonce="{NONCE}"\r\n'.encode()
                + b"Content-Length: 0\r\n\r\n"
            )
            return False
        self.asked.append(path)
        if path != self._stream_path:
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
                + f"Content-Length: {len(self.snapshot)}\r\n\r\n".encode()
                + self.snapshot
            )
            return False
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {self._content_type}\r\n".encode())
        writer.write(b"Connection: close\r\n\r\n")
        for chunk in self.chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)
        if not self._ends:
            await asyncio.Event().wait()
        return True


def allowed(head: str, path: str) -> bool:
    """Say whether a request carries the right answer to our challenge (RFC 7616, MD5, qop auth)."""
    digest = re.search(r"^Authorization: Digest (.+?)\r?$", head, re.MULTILINE | re.IGNORECASE)
    if digest is None:
        return False
    given = {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', digest[1])}
    first = md5(f"{USER}:{REALM}:{PASSWORD}")
    second = md5(f"GET:{path}")
    expected = md5(f"{first}:{NONCE}:{given['nc']}:{given['cnonce']}:auth:{second}")
    return (given["uri"], given["response"]) == (path, expected)


def md5(text: str) -> str:
    """Return the digest that cameras compute."""
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - what the protocol asks for
