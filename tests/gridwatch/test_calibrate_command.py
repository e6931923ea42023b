"""`gridwatch calibrate`: from files and options, with the residual or the reason."""

import asyncio
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gridwatch.cli.every import app
from gridwatch.facade import CalibrationError, FacadeView
from gridwatch.media import encode_jpeg
from gridwatch.model import Device, DeviceKind
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice, add_devices, get_device
from tests.gridwatch.test_calibrating import EIGHT, clicked

GRID = json.dumps({"floors": 12, "windows": 6})


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


@pytest.fixture
def landmarks(tmp_path: Path) -> Path:
    """Return a CSV file of eight landmarks."""
    lines = [f"{mark.x:.1f},{mark.y:.1f},{mark.x_m},{mark.z_m}" for mark in clicked(EIGHT)]
    path = tmp_path / "landmarks.csv"
    path.write_text("\n".join(["x,y,x_m,z_m", *lines]))
    return path


def test_a_picture_is_drawn_and_a_view_exported_without_a_database(
    tmp_path: Path, landmarks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    picture, drawn, export = tmp_path / "p.jpg", tmp_path / "d.jpg", tmp_path / "v.json"
    picture.write_bytes(encode_jpeg(np.full((1920, 1080, 3), 90, np.uint8)))
    files = ("--picture", picture, "--drawn", drawn, "--export", export)
    said = run("c1", "--dry", "--landmarks", landmarks, "--grid", GRID, *files)
    assert said.exit_code == 0, said.output
    assert "residual 0.0 px, 0.00 m over 8 landmarks" in said.output
    assert "camera 40 m before the façade" in said.output
    made = cv2.imread(str(drawn))
    assert made is not None
    assert np.ptp(made) > 100, "the windows are drawn"
    view = FacadeView.from_json(json.loads(export.read_bytes()))
    assert view.size_wh == (1080, 1920)
    assert view.calibration is not None


def test_what_can_not_be_right_is_refused_with_the_reason(tmp_path: Path, landmarks: Path) -> None:
    three = tmp_path / "three.csv"
    three.write_text("\n".join(landmarks.read_text().splitlines()[:4]))
    refused = run("c1", "--dry", "--size", "1080x1920", "--landmarks", three, "--grid", GRID)
    assert isinstance(refused.exception, CalibrationError)
    assert "3 landmarks: click at least 4" in str(refused.exception)
    three.write_text("x,y,floor,window,corner\n1,2,3,4,middle\n")
    wrong = run("c1", "--dry", "--size", "1080x1920", "--landmarks", three, "--grid", GRID)
    assert "landmarks, line 2" in str(wrong.exception)
    assert "--size 1920x1080" in str(run("c1", "--dry", "--grid", GRID).exception)


def test_a_view_is_kept_changed_in_part_shown_and_deleted(
    database_url: str, landmarks: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def stored() -> KnownDevice:
        async with Store.open(database_url) as store:
            return await get_device(store, "c1")

    async def register() -> None:
        async with Store.open(database_url) as store:
            await add_devices(store, [Device(id="c1", scene="throwing", kind=DeviceKind.CAMERA)])

    asyncio.run(register())
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", database_url)
    assert "no view of c1" in str(run("c1").exception)
    assert run("c1", "--size", "1080x1920", "--landmarks", landmarks, "--grid", GRID).exit_code == 0
    corners = "10,10 1070,10 1070,1900 10,1900"
    assert run("c1", "--polygon", corners, "--mask", "10,1800 99,1800 10,1900").exit_code == 0
    view = asyncio.run(stored()).view
    assert view is not None
    assert (len(view.polygon), len(view.masks)) == (4, 1)
    assert view.calibration is not None
    assert len(view.calibration.landmarks) == 8
    assert "façade: 4 corners, 1 masks" in run("c1").output
    file = tmp_path / "view.json"
    file.write_text(run("c1", "--json").output)
    assert run("c1", "--delete").exit_code == 0
    assert asyncio.run(stored()).view is None
    assert run("c1", "--file", file).exit_code == 0
    assert asyncio.run(stored()).view == view
