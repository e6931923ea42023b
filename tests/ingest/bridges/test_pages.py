"""The files of settings that the pages show can be read as they stand."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from ingest.bridges import cameras
from ingest.bridges.cameras import CamerasFile, read_cameras
from ingest.bridges.gateways import GatewaysFile, read_fields

PAGES = Path(__file__).resolve().parents[3] / "docs" / "connect"


def blocks(page: str) -> list[str]:
    """Return the TOML of a page."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("vendor", ["hikvision", "dahua"])
def test_the_files_of_cameras_are_read(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def secret(where: str, variable: str | None, file: str | None) -> str | None:
        return "a-secret-of-some-length" if variable or file else None

    monkeypatch.setattr(cameras, "read_secret", secret)
    found = [
        camera
        for text in blocks(f"{vendor}.md")
        for camera in read_cameras(
            vendor,
            Path("page.toml"),
            msgspec.convert(tomllib.loads(text.replace('certificate = "recorder.pem"', "")), CamerasFile),
        )
    ]
    assert len(found) >= 2
    assert {"flame", "smoke", "heat"} <= set(found[0].labels.values())


def test_the_file_of_thingsboard_is_read() -> None:
    (text,) = blocks("thingsboard.md")
    fields = read_fields(Path("page.toml"), msgspec.convert(tomllib.loads(text), GatewaysFile))
    assert fields["alarm"].read("ALARM") == 1
    assert fields["outsideTemperature"].read(212) == pytest.approx(100)
