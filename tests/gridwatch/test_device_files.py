"""Files of devices: read, refused line by line, written, and read again unchanged."""

import asyncio
import io
import json
import zipfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from typer.testing import CliRunner

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.cli.every import app
from gridwatch.coordinates import Crs
from gridwatch.lines import WrongLines
from gridwatch.model import Channel, Device, DeviceKind, DeviceState, Stated
from gridwatch.registration import tables
from gridwatch.registration.body import DeviceBody
from gridwatch.registration.cells import fields_of_row, row_of_body
from gridwatch.registration.exporting import write_devices
from gridwatch.registration.importing import FileForm, Surroundings, fit_in, read_devices
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import Changed, change_devices, list_devices

HEADING = "id,scene,kind,name,area,lon,lat,crs,channels,labels\r\n"
ROW = "s-1,fire,sensor,3栋烟感,e-1,103.9236,30.5744,GCJ-02,temperature_c[°C]@60; co_ppm,一期;楼道\r\n"

STATED = Stated(crs=Crs.GCJ02, lon=103.9236, lat=30.5744)
SENSOR = Device(
    id="s-1",
    scene="fire",
    kind=DeviceKind.SENSOR,
    name="3栋烟感",
    area="e-1",
    location=STATED.location(),
    stated=STATED,
    channels=(Channel(quantity="temperature_c", unit="°C", interval_s=60), Channel(quantity="co_ppm")),
    labels=("一期", "楼道"),
)
EVERYTHING = replace(
    SENSOR,
    id="s-2",
    name="=1+1",
    model="'quoted'",
    source="chirpstack:70b3d57ed0000001",
    channels=(Channel(quantity="co_ppm", interval_s=0.5, quality={"flat_s": 600}),),
    address='锦竹苑, "3栋"\n2单元',
    telephone="+86 28 8580 0000",
    gateway="lift-1",
    lift="lift-1",
    cameras=("c-2", "c-1"),
    playback_url="https://nvr.example/play?from={start}&to={end}",
    state=DeviceState.TEST,
    state_until=datetime(2999, 1, 1, tzinfo=UTC).replace(year=2099),
    state_by="@li",
)
CAMERAS = [Device(id=f"c-{n}", scene="elevator", kind=DeviceKind.CAMERA) for n in (1, 2)]
LIFT = Device(id="lift-1", scene="elevator", kind=DeviceKind.GATEWAY, simulated=True)


def _around(*devices: Device, areas: tuple[str, ...] = ("e-1",)) -> Surroundings:
    return Surroundings(
        devices={device.id: device for device in devices},
        kinds={device.id: device.kind for device in devices},
        sources={device.source: device.id for device in devices if device.source},
        areas=frozenset(areas),
    )


def _wrong(content: bytes, form: FileForm = FileForm.CSV, *known: Device) -> list[str]:
    with pytest.raises(WrongLines) as refused:
        fit_in(read_devices(content, form), _around(*known))
    return [str(one) for one in refused.value.lines]


def _workbook(*rows: tuple[str | float | None, ...]) -> bytes:
    workbook = Workbook()
    for row in rows:
        workbook.active.append(row)  # type: ignore[union-attr]
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_in_the_encodings_that_people_have(encoding: str) -> None:
    reading = read_devices((HEADING + ROW).encode(encoding), FileForm.CSV)
    assert fit_in(reading, _around()) == [SENSOR]


def test_a_workbook_is_read_as_people_see_it_also_where_excel_made_numbers_of_text() -> None:
    heading = ("ID", "scene", "kind", "telephone", "lon", "lat", None)
    content = _workbook(heading, (1001, "fire", "sensor", 13800000000, 103.5, 30, None), (None,), ("s-2",))
    read = read_devices(content, FileForm.XLSX)
    first, second = read.lines
    assert (first.line, first.fields["id"], first.fields["telephone"]) == (2, "1001", "13800000000")
    assert first.fields["location"] == {"lon": "103.5", "lat": "30"}
    assert second.line == 4


def test_every_bad_line_is_told_with_its_field_and_why_and_nothing_comes_in() -> None:
    lines = [
        "s-1,fire,sensor,,nowhere,,,,,",
        "s 2,flood,toaster,,,200,30,WGS-84,,",
        "s-3,fire,sensor,,,103,,,,",
        "s-4,fire,sensor,,,103,30,UTM,Temp,a,b,c",
        "s-5,fire,sensor,,,103,30,,[1,",
        "s-1,fire,sensor,,,,,,@60,",
        "s-1,fire,sensor,,,,,,co_ppm;co_ppm,",
        "s-1,,,,,,,,,",
    ]
    wrong = _wrong((HEADING + "\r\n".join(lines)).encode())
    expected = [
        "line 2, area: no area has the code nowhere",
        "line 3, id: device id 's 2'",
        "line 3, scene: no scene 'flood'",
        "line 3, kind: Input should be",
        "line 3, lon: Input should be less than or equal to 180",
        "line 4, lat: Field required",
        "line 5, line: has 12 fields, the heading 10",
        "line 6, channels: ",
        "line 7, channels: '@60'",
        "line 8, device: channels name co_ppm twice",
        "line 9, scene: Field required",
        "line 9, kind: Field required",
    ]
    assert len(wrong) == len(expected), wrong
    assert all(one.startswith(start) for one, start in zip(wrong, expected, strict=True)), wrong


def test_what_does_not_fit_together_is_told() -> None:
    heading = "id,scene,kind,source,lift,cameras\n"
    lines = [
        "s-1,fire,sensor,x:1,,",
        "s-1,fire,sensor,x:2,,",
        "s-3,fire,sensor,x:1,nobody,s-1;c-9",
        "s-4,fire,sensor,x:9,,c-1",
    ]
    taken = replace(SENSOR, id="s-9", source="x:9")
    assert _wrong((heading + "\n".join(lines)).encode(), FileForm.CSV, taken, *CAMERAS) == [
        "line 3, id: s-1 stands in line 2 already",
        "line 4, source: x:1 stands in line 2 already",
        "line 4, lift: no device nobody is in the file or registered",
        "line 4, cameras: no camera s-1 is in the file or registered",
        "line 4, cameras: no camera c-9 is in the file or registered",
        "line 5, source: x:9 is s-9 already",
    ]


@pytest.mark.parametrize(
    ("content", "form", "why"),
    [
        (b"", FileForm.CSV, "line 1, heading: lacks id"),
        (b"id,colour\n", FileForm.CSV, "line 1, heading: has 'colour', which is none of id, scene"),
        (b"id\xff\xff\n", FileForm.CSV, "line 1, encoding"),
        (b"PK\3\4 no workbook", FileForm.XLSX, "line 1, file: is no Excel workbook"),
        (_workbook(("id", "id")), FileForm.XLSX, "line 1, heading: has 'id' more than once"),
        (_workbook(("id",), ("s-1", "x")), FileForm.XLSX, "line 2, line: has a cell to the right"),
        (b'[\n{"id": 1,]', FileForm.JSON, "line 2, file: is no JSON"),
        (b'{"id": 1}', FileForm.JSON, "line 1, file: is no list"),
        (b"[" * 100_000, FileForm.JSON, "line 1, file: is nested too deeply"),
        (b'["s-1"]', FileForm.JSON, "item 1, item: is no object"),
        (b'[{"id": "s-1", "scene": "fire", "kind": "sensor", "color": 1}]', FileForm.JSON, "item 1, color"),
        (b'[{"id": {"a": 1}, "scene": "fire", "kind": "sensor"}]', FileForm.JSON, "item 1, id"),
        (
            b'[{"id": "s-1", "scene": "fire", "kind": "sensor", "name": "a\\u0000b"}]',
            FileForm.JSON,
            "item 1, name: holds a character",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(content: bytes, form: FileForm, why: str) -> None:
    assert _wrong(content, form)[0].startswith(why)


def test_a_workbook_that_unpacks_to_too_much_is_refused_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_UNPACKED", 1000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", b"0" * 1001)
    assert _wrong(packed.getvalue(), FileForm.XLSX) == ["line 1, file: unpacks to more than 0 MiB"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_workbook_whose_xml_defines_entities_is_refused(encoding: str) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", bomb.encode(encoding))
    assert _wrong(packed.getvalue(), FileForm.XLSX)[0].startswith(
        "line 1, file: has XML with a document type"
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.9999), st.integers(1, 255)), min_size=1, max_size=8))
def test_a_damaged_workbook_is_refused_and_nothing_else_happens(damage: list[tuple[float, int]]) -> None:
    content = bytearray(write_devices([SENSOR], FileForm.XLSX))
    for where, what in damage:
        content[int(where * len(content))] ^= what
    with suppress(WrongLines):
        read_devices(bytes(content), FileForm.XLSX)


@pytest.mark.parametrize("form", list(FileForm))
def test_what_is_exported_is_imported_again_unchanged(form: FileForm) -> None:
    devices = [SENSOR, replace(EVERYTHING, state_until=_soon()), *CAMERAS, LIFT]
    content = write_devices(devices, form)
    around = _around(*devices)
    assert fit_in(read_devices(content, form), around) == devices
    elsewhere = replace(around, devices={}, kinds={}, sources={})
    assert fit_in(read_devices(content, form), elsewhere) == devices


def _soon() -> datetime:
    return (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=123)


def test_a_csv_has_the_mark_that_excel_needs_and_no_formulas() -> None:
    content = write_devices([replace(EVERYTHING, state_until=_soon())], FileForm.CSV)
    assert content.startswith(b"\xef\xbb\xbf")
    assert b",'=1+1," in content
    assert b",'+86 28" in content


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=30).map(str.strip)


@settings(max_examples=150, deadline=None)
@given(
    name=TEXT,
    model=TEXT,
    unit=st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8).map(str.strip),
    interval=st.floats(0.001, 1e7) | st.none(),
    lon=st.floats(-180, 180),
)
def test_no_text_gets_lost_in_a_table(
    name: str, model: str, unit: str, interval: float | None, lon: float
) -> None:
    body = DeviceBody.model_validate(
        {
            "id": "s-1",
            "scene": "fire",
            "kind": "sensor",
            "name": name,
            "model": model,
            "location": {"lon": lon, "lat": 1},
            "channels": [{"quantity": "co_ppm", "unit": unit, "interval_s": interval}],
        }
    )
    assert DeviceBody.model_validate(fields_of_row(row_of_body(body))) == body
    (line,) = read_devices(tables.write_csv([row_of_body(body)]), FileForm.CSV).lines
    assert DeviceBody.model_validate(line.fields) == body


def test_a_column_that_is_absent_stays_and_an_empty_cell_empties() -> None:
    content = b"id,name,labels,lon,lat\ns-1,,x,,\n"
    (device,) = fit_in(read_devices(content, FileForm.CSV), _around(SENSOR))
    assert device == replace(SENSOR, name="", labels=("x",), location=None, stated=None)


def test_a_test_whose_end_is_past_is_over_when_its_file_is_imported() -> None:
    over = replace(
        EVERYTHING, gateway=None, lift=None, cameras=(), state_until=datetime(2026, 1, 1, tzinfo=UTC)
    )
    (device,) = fit_in(read_devices(write_devices([over], FileForm.CSV), FileForm.CSV), _around())
    assert (device.state, device.state_until, device.state_by) == (DeviceState.ACTIVE, None, "")


def _imported(database_url: str, content: bytes, form: FileForm = FileForm.CSV) -> Changed:
    reading = read_devices(content, form)

    async def scene() -> Changed:
        async with Store.open(database_url) as store:
            return await change_devices(store, reading.ids(), lambda around: fit_in(reading, around))

    return asyncio.run(scene())


def _exported(database_url: str, form: FileForm) -> bytes:
    async def scene() -> bytes:
        async with Store.open(database_url) as store:
            return write_devices([known.device for known in await list_devices(store)], form)

    return asyncio.run(scene())


def test_an_import_registers_changes_and_leaves_alone_all_or_nothing(database_url: str) -> None:
    async def an_area(store: Store) -> None:
        await put_areas(store, [Area(code="e-1", level=AreaLevel.ESTATE, name="锦竹苑")])

    async def prepare() -> None:
        async with Store.open(database_url) as store:
            await an_area(store)

    asyncio.run(prepare())
    devices = [SENSOR, replace(EVERYTHING, state_until=_soon()), *CAMERAS, replace(LIFT, simulated=False)]
    content = write_devices(devices, FileForm.XLSX)
    assert _imported(database_url, content, FileForm.XLSX) == Changed(new=5, changed=0, unchanged=0)
    for form in FileForm:
        again = _exported(database_url, form)
        assert _imported(database_url, again, form) == Changed(new=0, changed=0, unchanged=5)
    swapped = b"id,source\ns-1,chirpstack:70b3d57ed0000001\ns-2,\n"
    assert _imported(database_url, swapped) == Changed(new=0, changed=2, unchanged=0)
    with pytest.raises(WrongLines):
        _imported(database_url, b"id,scene,kind\nnew-1,fire,sensor\nnew-2,flood,sensor\n")
    assert b"new-1" not in _exported(database_url, FileForm.CSV)


def test_the_command_imports_lists_exports_and_tells_what_is_wrong(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", database_url)
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path))

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["devices", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    file = tmp_path / "devices.csv"
    file.write_text(
        "id,scene,kind,name,labels,telephone\ns-1,fire,sensor,锅炉房,一期,110\nc_1,throwing,camera,100%,,\n"
    )
    assert run("import", str(file)) == "imported: 2 new, 0 changed, 0 as they were\n"

    def listed(*words: str) -> list[str]:
        return [one["id"] for one in json.loads(run("list", "--json", *words))]

    assert listed() == ["c_1", "s-1"]
    assert listed("--search", "锅炉") == listed("--label", "一期") == listed("--scene", "fire") == ["s-1"]
    assert listed("--search", "C_") == listed("--search", "0%") == listed("--kind", "camera") == ["c_1"]
    assert listed("--search", "110") == []
    assert "retired: s-1\n" in run("state", "retired", "s-1")
    assert listed("--state", "retired") == ["s-1"]
    assert run("state", "test", "c_1", "--for", "30m", "--by", "li").startswith("test: c_1, until ")
    assert listed("--state", "test") == ["c_1"]
    saved = tmp_path / "saved.xlsx"
    run("export", str(saved), "--state", "test")
    assert saved.stat().st_mode & 0o777 == 0o600
    assert run("import", str(saved)) == "imported: 0 new, 0 changed, 1 as they were\n"
    assert json.loads(run("show", "s-1"))[0]["telephone"] == "110"
    file.write_text("id,kind\ns-1,toaster\n")
    with pytest.raises(WrongLines, match="line 2, kind"):
        run("import", str(file))
