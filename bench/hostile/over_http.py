"""The same installation over HTTP: tokens guessed, forged and wrong, and garbage."""

import json

from bench.hostile.target import Target
from bench.hostile.trying import Outcome, Sizes


def tokens(target: Target, sizes: Sizes) -> Outcome:
    token = target.type("devices", "credential", "tokens", "--count", "1").strip()

    def claim(token: str, device: str) -> int:
        body = json.dumps({"token": token, "device": device}).encode()
        return target.ask("/api/v1/claim", body, **{"Content-Type": "application/json"})

    first, second, other = claim(token, "unclaimed"), claim(token, "unclaimed"), claim(token, "victim")
    guessed = [claim(f"{number:032x}", "unclaimed") for number in range(sizes.tokens)]
    good, slowed = sum(status < 300 for status in guessed), guessed.count(429)
    held = first < 300 and all(400 <= status < 500 for status in [*guessed, second, other])
    said = f"the first use {first}, the second {second}, another device's {other}"
    return f"{said}; {good} of {sizes.tokens} guesses good, {slowed} put off (429)", held


def requests(target: Target, _: Sizes) -> Outcome:
    none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJhZG1pbiIsImV4cCI6OTk5OTk5OTk5OX0."
    paths = (
        "/api/v1/devices",
        "/api/v1/alerts",
        "/api/v1/readings",
        "/api/v1/alerts/stream",
        "/api/v1/areas",
    )
    bare = [target.ask(path) for path in paths]
    forged = [target.ask(path, Authorization=f"Bearer {none}") for path in paths]
    garbage = [target.ask(path, Authorization="Bearer \x7f" + "x" * 8_000) for path in paths]
    big = target.ask("/api/v1/devices", b"[" * 20_000_000, **{"Content-Type": "application/json"})
    way = [target.ask(f"/{up}etc/passwd") for up in ("../" * 5, "%2e%2e/" * 5, "api/v1/events/..%2f..%2f")]
    held = {*bare, *forged, *garbage} <= {401, 400, 431} and not {200, 500} & {big, *way}
    said = f"{sorted({*bare})} with nothing, {sorted({*forged, *garbage})} with forged or wrong tokens"
    return f"{said}, {big} to 20 MB, {sorted({*way})} for files outside", held
