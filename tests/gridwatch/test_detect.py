"""`gridwatch detect` prints one JSON line per argument, whatever the arguments hold."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from gridwatch.cli.detect import detect_command
from gridwatch.cli.judging import detect
from gridwatch.errors import SettingsError
from gridwatch.media import encode_jpeg, encode_mp4
from simulators.facade import draw_throw_take, film
from simulators.ridge.scene import Asked, draw_scene
from simulators.ridge.shooting import shoot

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
app = typer.Typer()
app.command()(detect_command)


@pytest.fixture(scope="module")
def throw() -> bytes:
    """Return a clip with one throw as a camera would send it."""
    take = draw_throw_take(
        np.random.default_rng(3), duration_s=5, fps=20, size_wh=(480, 360), throws=True, thing="rubbish_bag"
    )
    return encode_mp4(film(take, start=START).pictures)


def test_each_argument_gives_a_line_in_its_order_and_the_unreadable_one_its_reason(
    throw: bytes, tmp_path: Path
) -> None:
    clip, broken, picture, gone = (
        tmp_path / n for n in ("clip.mp4", "broken.jpg", "picture.jpg", "gone.mp4")
    )
    clip.write_bytes(throw)
    whole = encode_jpeg(np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8))
    broken.write_bytes(whole[: len(whole) // 2])
    picture.write_bytes(whole)
    arguments = [str(p) for p in (broken, clip, gone, picture)]
    done = CliRunner().invoke(app, ["--scene", "throwing", *arguments])
    assert done.exit_code == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == arguments
    assert set(lines[0]) == {"file", "error"}
    assert "truncated" in lines[0]["error"]
    assert set(lines[1]) == {"file", "duration_s", "findings", "notes"}
    assert set(lines[2]) == {"file", "error"}
    assert lines[3] == {"file": str(picture), "duration_s": 0.0, "findings": [], "notes": []}


def test_a_throw_is_a_finding_with_its_time_and_track(throw: bytes, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(throw)
    (line,) = detect("throwing", [tmp_path / "clip.mp4"])
    (finding,) = line["findings"]
    assert line["duration_s"] == pytest.approx(5, abs=0.06)
    assert finding["label"] == "falling_object"
    assert 0 < finding["t_start_s"] < finding["t_end_s"] <= 5
    left, top, right, bottom = finding["box_xyxy"]
    assert all(left <= x <= right and top <= y <= bottom and 0 <= t <= 5 for t, x, y in finding["track"])


def test_all_readable_arguments_leave_status_0(throw: bytes, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(throw)
    done = CliRunner().invoke(app, ["--scene", "throwing", str(tmp_path / "clip.mp4")])
    assert done.exit_code == 0


def test_a_folder_is_one_sequence_in_the_order_of_names(tmp_path: Path) -> None:
    take = draw_throw_take(
        np.random.default_rng(3), duration_s=5, fps=20, size_wh=(480, 360), throws=True, thing="rubbish_bag"
    )
    for index, picture in enumerate(film(take, start=START).pictures):
        (tmp_path / f"{index:05}.jpg").write_bytes(encode_jpeg(picture.pixels))
    (tmp_path / "notes.txt").write_text("not a picture")
    (line,) = detect("throwing", [tmp_path], interval_s=0.05)
    assert line["duration_s"] == pytest.approx(5)
    assert [finding["label"] for finding in line["findings"]] == ["falling_object"]


def test_a_folder_without_pictures_or_with_a_broken_one_says_so(tmp_path: Path) -> None:
    (line,) = detect("throwing", [tmp_path])
    assert "holds no" in line["error"]
    (tmp_path / "a.jpg").write_bytes(b"not a picture")
    (line,) = detect("throwing", [tmp_path])
    assert "a.jpg" in line["error"]


def test_files_do_not_know_of_each_other(throw: bytes, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(throw)
    first, second = detect("throwing", [tmp_path / "clip.mp4"] * 2)
    assert first == second


def test_a_truncated_video_is_an_error(throw: bytes, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(throw[: len(throw) // 2])
    (line,) = detect("throwing", [tmp_path / "clip.mp4"])
    assert "truncated" in line["error"]


@pytest.mark.parametrize(("scene", "interval_s"), [("flood", 1.0), ("fire", 0.0), ("fire", float("nan"))])
def test_a_wrong_scene_or_interval_is_a_wrong_setting(scene: str, interval_s: float) -> None:
    with pytest.raises(SettingsError):
        list(detect(scene, [], interval_s=interval_s))


def test_what_raises_no_alert_is_a_note(tmp_path: Path) -> None:
    take = draw_throw_take(
        np.random.default_rng(2),
        duration_s=5,
        fps=20,
        size_wh=(480, 360),
        throws=False,
        disturbers={},
        shake="knock",
    )
    (tmp_path / "clip.mp4").write_bytes(encode_mp4(film(take, start=START).pictures))
    (line,) = detect("throwing", [tmp_path / "clip.mp4"])
    assert line["findings"] == []
    assert [note["label"] for note in line["notes"]] == ["camera_moved"]


def test_the_real_throw_is_one_finding(shared_data: Path) -> None:
    (line,) = detect("throwing", [shared_data / "throwing/bharath_office1/office1.mp4"])
    (finding,) = line["findings"]
    assert 7.0 <= finding["t_start_s"] < finding["t_end_s"] <= 9.5


@pytest.mark.parametrize("timed", [True, False])
def test_a_folder_of_a_ridge_camera_is_one_sequence_in_which_a_fire_is_found_once(
    timed: bool, tmp_path: Path
) -> None:
    asked = Asked(
        start=START,
        duration_s=28 * 30,
        interval_s=30,
        fire=True,
        ignited_s=240,
        trouble="clear",
        hour=11.0,
        size_wh=(480, 270),
    )
    scene = draw_scene([5, 3], asked)
    assert scene.fire is not None
    scene = replace(scene, fire=replace(scene.fire, smoke_g_s=0.03 * scene.fire.distance_m, grows_s=90.0))
    for number, shot in enumerate(shoot(scene)):
        name = f"{shot.picture.at:%Y%m%d_%H%M%S}" if timed else f"picture-{number}"
        (tmp_path / f"{name}.jpg").write_bytes(encode_jpeg(shot.picture.pixels))
    (line,) = detect("fire", [tmp_path], interval_s=None if timed else 30)
    assert line["duration_s"] == 28 * 30
    assert {finding["label"] for finding in line["findings"]} == {"smoke"}
    assert line["findings"][0]["t_start_s"] >= 240
