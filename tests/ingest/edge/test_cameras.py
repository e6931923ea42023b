"""Which cameras are judged: from a line or a file, and never with a password in either."""

import json
from pathlib import Path

import pytest

from gridwatch.errors import SettingsError
from gridwatch.facade import FacadeView
from ingest.edge.cameras import CameraEntry, Kind, camera_of, read_cameras

URL = "rtsp://192.168.1.10:554/Streaming/Channels/101"


def entry(source: str = URL, **more: object) -> CameraEntry:
    """Return what a command line says of a camera."""
    return CameraEntry(scene="throwing", source=source, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "source",
    [
        "rtsp://admin:geheim@192.168.1.10/stream",
        "rtsp://geheim@192.168.1.10/stream",
        "rtsp://192.168.1.10/user=admin_password=geheim_channel=1.sdp",
        "rtsp://192.168.1.10/live?user=admin&passwd=geheim",
        "http://admin:geheim@192.168.1.10/stream",
        "rtsp://admin:geheim@[",
    ],
)
def test_an_address_with_a_password_is_refused_without_repeating_it(source: str) -> None:
    with pytest.raises(SettingsError, match="--login-file") as caught:
        camera_of(entry(source))
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_user_and_password_come_from_a_file_and_stay_out_of_what_is_shown(tmp_path: Path) -> None:
    login = tmp_path / "wall-1.login"
    login.write_text("admin:p@ss:w/rd#1\n")
    source = camera_of(entry(login_file=str(login))).source
    assert source.address == "rtsp://admin:p%40ss%3Aw%2Frd%231@192.168.1.10:554/Streaming/Channels/101"
    assert "w/rd" not in repr(source)
    assert source.place == URL


def test_an_address_may_name_the_place_of_user_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALL_1", "admin:a&b")
    placed = "rtsp://192.168.1.10/user={user}&password={password}&channel=1"
    source = camera_of(entry(placed, login_env="WALL_1")).source
    assert source.address == "rtsp://192.168.1.10/user=admin&password=a%26b&channel=1"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (entry("ftp://192.168.1.10/x"), "rtsp://host"),
        (entry("rtsp:///x"), "rtsp://host"),
        (entry("nowhere.mp4"), "no such file"),
        (entry("rtsp://h/password={password}"), "--login-file"),
        (entry(login_env="NOT_SET"), "NOT_SET is not set"),
        (entry(device="wall 1"), "device id"),
        (entry(view="nowhere.json"), "nowhere.json"),
        (CameraEntry(scene="traffic", source=URL), "throwing"),
    ],
)
def test_what_is_wrong_is_said(wrong: CameraEntry, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        camera_of(wrong)


def test_a_character_device_is_a_video_device() -> None:
    """Whether video4linux knows it shows only when it is opened."""
    source = camera_of(entry("/dev/null")).source
    assert (source.kind, source.address) == (Kind.DEVICE, "/dev/null")


def test_a_camera_without_an_id_has_one_of_its_scene_and_source(tmp_path: Path) -> None:
    assert camera_of(entry()).device == "throwing-192.168.1.10"
    film = tmp_path / "Film 楼 1.mp4"
    film.write_bytes(b"")
    camera = camera_of(entry(str(film)))
    assert (camera.device, camera.source.kind) == ("throwing-Film-1", Kind.FILE)


def test_several_cameras_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGIN", "admin:secret")
    view = tmp_path / "wall-1.json"
    view.write_text(json.dumps(FacadeView(size_wh=(1920, 1080)).as_json()))
    path = tmp_path / "cameras.toml"
    path.write_text(f"""
        gateway = "edge-1"
        [[camera]]
        device = "wall-1"
        scene = "throwing"
        source = "{URL}"
        login_env = "LOGIN"
        view = "{view}"
        [[camera]]
        device = "lift-1"
        scene = "elevator"
        source = "{URL}"
    """)
    cameras, gateway = read_cameras(path)
    assert gateway == "edge-1"
    assert [(camera.device, camera.scene, camera.source.login) for camera in cameras] == [
        ("wall-1", "throwing", "admin:secret"),
        ("lift-1", "elevator", None),
    ]
    assert cameras[0].view == FacadeView(size_wh=(1920, 1080))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("camera = []", "no \\[\\[camera\\]\\]"),
        (f'[[camera]]\nscene = "fire"\nsource = "{URL}"\n' * 2, "more than one"),
        (f'[[camera]]\nscene = "fire"\nsource = "{URL}"\npassword = "x"\n', "password"),
        (
            f'[[camera]]\nscene = "fire"\nsource = "{URL}"\n[[camera]]\nscene = "throwing"\nsource = "{URL}"',
            "gateway",
        ),
        ('[[camera]]\nscene = "fire"\nsource = "cameras.toml"', "--source"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cameras.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_cameras(path)
