"""The grid worker's page: files of our own, compressed once, and a sign-in that weighs nothing."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Cookie, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from api.compressed import takes_gzip
from api.gate import person_behind, session_cookie
from api.office import TheOffice
from api.routes.wecom_sign_in import PATH as WECOM
from api.routes.wecom_sign_in import wecom_services
from api.texts import DEFAULT_LANGUAGE, TEXTS, Words
from api.worker.icon import icon_png
from api.worker.texts import WORKER_TEXTS
from gridwatch.model import Role

router = APIRouter(tags=["worker page"], include_in_schema=False)

PAGE, SIGN_IN = "/worker", "/worker/sign-in"
LANGUAGE_COOKIE = "gridwatch_language"
ICON_SIDES = (192, 512)

FOLDER = Path(__file__).parent / "static"
FORM = Path(__file__).parent / "sign-in.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}

HEADERS = {
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "media-src 'self' blob:; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}

SPOKEN = ("severity.", "state.", "label.", "scene.", "todo.", "origin.", "outage.")
"""What the page says in the console's words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """A file as it is served; `small` is the same in gzip."""

    content: bytes
    small: bytes
    media_type: str
    etag: str


def _asset(name: str, content: bytes) -> Asset:
    return Asset(
        content=content,
        small=gzip.compress(content, 9, mtime=0),
        media_type=TYPES[Path(name).suffix],
        etag=f'"{hashlib.sha256(content).hexdigest()[:16]}"',
    )


@cache
def assets() -> Mapping[str, Asset]:
    """Return all files of the page by name; the service worker knows them and when one changes."""
    contents = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
    contents["words.json"] = json.dumps(_words(), ensure_ascii=False, separators=(",", ":")).encode()
    contents["manifest.webmanifest"] = json.dumps(_manifest(), ensure_ascii=False).encode()
    contents |= {f"icon-{side}.png": icon_png(side) for side in ICON_SIDES}
    kept = [f"{PAGE}/{name}" for name in contents if name not in {"sw.js", "index.html"}]
    version = hashlib.sha256(b"".join(contents[name] for name in sorted(contents))).hexdigest()[:12]
    known = f"const VERSION = {json.dumps(version)};\nconst FILES = {json.dumps([PAGE, *kept])};\n"
    contents["sw.js"] = known.encode() + contents["sw.js"]
    return {name: _asset(name, content) for name, content in contents.items()}


def _words() -> Mapping[str, Mapping[str, str]]:
    return {
        language: {
            **{key: text for key, text in texts.items() if key.startswith(SPOKEN)},
            **WORKER_TEXTS[language],
        }
        for language, texts in TEXTS.items()
    }


def _manifest() -> Mapping[str, object]:
    words = WORKER_TEXTS[DEFAULT_LANGUAGE]
    return {
        "id": PAGE,
        "name": words["app.name"],
        "short_name": words["app.short"],
        "lang": DEFAULT_LANGUAGE,
        "start_url": PAGE,
        "scope": PAGE,
        "display": "standalone",
        "orientation": "portrait",
        "background_color": "#16202b",
        "theme_color": "#16202b",
        "icons": [
            {
                "src": f"{PAGE}/icon-{side}.png",
                "sizes": f"{side}x{side}",
                "type": "image/png",
                "purpose": purpose,
            }
            for side in ICON_SIDES
            for purpose in ("any", "maskable")
        ],
    }


@router.get(PAGE)
async def page(request: Request, office: TheOffice, alert: int | None = None) -> Response:
    """Return the page to who is signed in; it holds nothing of anybody."""
    person = await person_behind(office, session_cookie(request.headers))
    if person is None or person.role is Role.INTEGRATION:
        return RedirectResponse(SIGN_IN if alert is None else f"{SIGN_IN}?alert={alert}", 303)
    return _served(request, assets()["index.html"])


@router.get(SIGN_IN)
async def sign_in(
    office: TheOffice,
    failed: str | None = None,
    alert: int | None = None,
    language: Annotated[str, Cookie(alias=LANGUAGE_COOKIE)] = DEFAULT_LANGUAGE,
) -> Response:
    """Return a plain form: passwords pass through no script."""
    words, own = Words(language), WORKER_TEXTS[Words(language).language]
    why = ""
    if failed is not None:
        told = words("failed.wait" if failed == "wait" else "failed.wrong")
        why = f'<p class="problem" role="alert">{told}</p>'
    wecom = "".join(
        f'<a class="button" href="{WECOM}{escape(name)}">{words("sign_in.wecom")}</a>'
        for name in await wecom_services(office.store)
    )
    other = "en" if words.language != "en" else "zh-CN"
    content = FORM.read_text(encoding="utf-8")
    for name, text in {
        "language": words.language,
        "title": own["app.name"],
        "failed": why,
        "username": words("username"),
        "password": words("password"),
        "sign_in": words("sign_in"),
        "wecom": wecom,
        "alert": "" if alert is None else f'<input type="hidden" name="alert" value="{alert}">',
        "other": f'<a href="/language/{other}?back={SIGN_IN}">{words("other_language")}</a>',
    }.items():
        content = content.replace("{{" + name + "}}", text)
    return Response(content, media_type=TYPES[".html"], headers={**HEADERS, "Cache-Control": "no-store"})


@router.get(PAGE + "/{name}")
def file(request: Request, name: str) -> Response:
    """Return one of the page's files."""
    asset = assets().get(name)
    if asset is None or name.endswith(".html"):
        raise HTTPException(404)
    return _served(request, asset)


def _served(request: Request, asset: Asset) -> Response:
    # The page itself lies above the folder of its service worker.
    headers = {**HEADERS, "ETag": asset.etag, "Service-Worker-Allowed": PAGE}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    if takes_gzip(request) and len(asset.small) < len(asset.content):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.small, media_type=asset.media_type, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
