"""Answers that are made small for phones; proxies that compress leave them as they are."""

import gzip

from fastapi import Request, Response

WORTH_BYTES = 1000
"""Smaller ones fit into one packet anyway."""


def takes_gzip(request: Request) -> bool:
    """Say whether a client takes gzip."""
    return "gzip" in request.headers.get("accept-encoding", "")


def compressed(request: Request, content: bytes, media_type: str) -> Response:
    """Return an answer, compressed where that is worth it and the client takes it."""
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-store"}
    if len(content) >= WORTH_BYTES and takes_gzip(request):
        return Response(
            gzip.compress(content, 6), media_type=media_type, headers={**headers, "Content-Encoding": "gzip"}
        )
    return Response(content, media_type=media_type, headers=headers)
