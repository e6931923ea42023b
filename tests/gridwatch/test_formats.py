"""What a file says of foreign fields is checked at the start, and turns their values into ours."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridwatch.cli.every import app
from gridwatch.errors import SettingsError
from gridwatch.formats import FieldMeaning, Formats, quantities, read_formats

NO_CHANNELS: frozenset[str] = frozenset()


def meaning(**said: object) -> FieldMeaning:
    """Return what a table of the file would say."""
    return FieldMeaning.model_validate(said)


@pytest.mark.parametrize(
    ("quantity", "unit", "theirs", "ours"),
    [
        ("temperature_c", "°F", 212, 100),
        ("temperature_c", "°F", -40, -40),
        ("temperature_c", "K", 273.15, 0),
        ("co_ppm", "mg/m³", 28.01, 24.45),
        ("co_ppm", "ug/m3", 28_010, 24.45),
        ("co2_ppm", "mg/m³", 44.01, 24.45),
        ("co2_ppm", "%", 0.04, 400),
        ("pm25_ugm3", "mg/m³", 0.035, 35),
        ("wind_ms", "km/h", 36, 10),
        ("battery_v", "mV", 3600, 3.6),
        ("smoke_pct_m", "%/m", 1.5, 1.5),
        ("water_level_m", "cm", 35, 0.35),
    ],
)
def test_a_unit_becomes_ours(quantity: str, unit: str, theirs: float, ours: float) -> None:
    assert meaning(quantity=quantity, unit=unit).read(theirs) == pytest.approx(ours)


def test_scale_and_offset_are_taken_as_they_stand() -> None:
    assert meaning(quantity="battery_pct", scale=100 / 254, offset=1).read(127) == pytest.approx(51)


@pytest.mark.parametrize(
    ("sent", "read"),
    [("Alarm", 1.0), ("ok", 0.0), (True, 1.0), (False, 0.0), (2, 1.0), (2.0, 1.0), (7, 7.0), (None, None)],
)
def test_words_and_switches_go_through_values(sent: object, read: float | None) -> None:
    assert meaning(quantity="smoke_alarm", values={"alarm": 1, "OK": 0, "2": 1}).read(sent) == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [("24.10", 24.1), ("-3", -3.0), ("1e999", None), ("nan", None), ("24.1 C", None), ("", None)],
)
def test_a_number_that_a_codec_wrote_as_text_is_one(sent: str, read: float | None) -> None:
    asked = {"temperature": meaning(quantity="temperature_c", unit="°C")}
    if read is None:
        with pytest.raises(ValueError, match=r"temperature: .* means nothing"):
            quantities({"temperature": sent}, asked, NO_CHANNELS)
    else:
        assert quantities({"temperature": sent}, asked, NO_CHANNELS) == {"temperature_c": read}


def test_a_word_that_means_nothing_is_refused_by_its_field() -> None:
    fields = {"state": meaning(quantity="smoke_alarm", values={"alarm": 1})}
    with pytest.raises(ValueError, match="state: 'strange' means nothing; values that do: alarm"):
        quantities({"state": "strange"}, fields, NO_CHANNELS)


def test_a_field_that_no_table_names_keeps_its_own_name_and_text_is_left_out() -> None:
    body = {
        "batteryVoltage": 3.6,
        "temperatureSensor": {"1": 24.5},
        "firmware": "v1.2",
        "list": [1],
        "x": None,
    }
    assert quantities(body, {}, NO_CHANNELS) == {"battery_voltage": 3.6, "temperature_sensor_1": 24.5}


def test_of_a_list_the_places_that_the_table_names_are_read() -> None:
    body = {"messages": [{"value": 24.5, "id": 4097}, {"value": "41"}, 7], "valid": True}
    fields = {
        "messages[0].value": meaning(quantity="temperature_c", unit="°C"),
        "messages[1].value": meaning(quantity="humidity_pct", unit="%"),
        "messages[9].value": meaning(quantity="co_ppm"),
        "valid[0]": meaning(quantity="co2_ppm", absent=400),
    }
    assert quantities(body, fields, NO_CHANNELS) == {
        "temperature_c": 24.5, "humidity_pct": 41.0, "valid": 1.0, "co2_ppm": 400.0
    }  # fmt: skip


def test_a_field_that_can_have_no_name_of_ours_wants_an_entry() -> None:
    with pytest.raises(ValueError, match="'温度' can't be a name here: map it"):
        quantities({"温度": 24.5}, {}, NO_CHANNELS)
    fields = {"温度": meaning(quantity="temperature_c")}
    assert quantities({"温度": 24.5}, fields, NO_CHANNELS) == {"temperature_c": 24.5}


def test_a_field_further_down_is_named_by_its_path() -> None:
    fields = {"temperatureSensor.1": meaning(quantity="temperature_c", unit="°F")}
    assert quantities({"temperatureSensor": {"1": 32}}, fields, NO_CHANNELS) == {"temperature_c": 0.0}


def test_a_field_left_out_is_what_absent_says_where_the_device_has_the_quantity() -> None:
    fields = {"rain": meaning(quantity="rain_mm", absent=0)}
    assert quantities({}, fields, NO_CHANNELS) == {"rain_mm": 0.0}
    assert quantities({}, fields, frozenset({"rain_mm"})) == {"rain_mm": 0.0}
    assert quantities({}, fields, frozenset({"temperature_c"})) == {}


def test_a_contact_of_the_registered_channels_is_open_where_its_field_is_left_out() -> None:
    fields = {"smoke": meaning(quantity="smoke_alarm"), "heat": meaning(quantity="temperature_c")}
    channels = frozenset({"smoke_alarm", "temperature_c"})
    assert quantities({"battery": 90}, fields, channels) == {"battery": 90.0, "smoke_alarm": 0.0}
    assert quantities({"battery": 90}, fields, NO_CHANNELS) == {"battery": 90.0}
    assert quantities({"smoke": None}, fields, channels) == {}


def test_the_first_table_whose_profile_fits_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "formats.toml"
    file.write_text(
        """
        [chirpstack]
        [[chirpstack.map]]
        profile = "Milesight GS*"
        fields = { t = { quantity = "temperature_c", unit = "°F" } }
        [[chirpstack.map]]
        fields = { t = "temperature_c" }
        """
    )
    chirpstack = read_formats(file).chirpstack
    assert chirpstack is not None
    assert chirpstack.fields("Milesight GS524N")["t"].unit == "°F"
    assert chirpstack.fields("Another")["t"].unit is None


def test_without_a_file_nothing_foreign_is_listened_to() -> None:
    assert read_formats(None) == Formats()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[chirpstack", "formats.toml can't be read"),
        ("[lora]", "lora: Extra inputs are not permitted"),
        ("[[chirpstack.map]]\nprofile = 'x'", "chirpstack.map.0.fields: Field required"),
        (
            "[[chirpstack.map]]\nfields = { t = 'Temp C' }",
            r"chirpstack.map.0.fields.t.quantity: .*small letters",
        ),
        (
            "[[chirpstack.map]]\nfields = { t = { quantity = 'co_ppm', unit = 'K' } }",
            "chirpstack.map.0.fields.t: .*'K' can't be turned into co_ppm: use ppm, .*mg/m³",
        ),
        (
            "[[chirpstack.map]]\nfields = { t = { quantity = 'odour', unit = 'K' } }",
            "can't be turned into odour: give scale and offset",
        ),
        (
            "[[chirpstack.map]]\nfields = { t = { quantity = 'co_ppm', unit = 'ppm', scale = 2 } }",
            "chirpstack.map.0.fields.t: .*either unit, or scale",
        ),
        (
            "[[chirpstack.map]]\nfields = { a = 'co_ppm', b = 'co_ppm' }",
            "chirpstack.map.0: .*two fields mean co_ppm",
        ),
        ("[[chirpstack.map]]\nfields = { a = { quantity = 'co_ppm', absent = nan } }", "finite"),
        (
            "[[chirpstack.map]]\nfields = { a = { quantity = 'test', values = { on = 'x' } } }",
            "fields.a.values.on",
        ),
    ],
)
def test_a_mistake_is_named_by_file_key_and_reason(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "formats.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=wrong) as raised:
        read_formats(file)
    assert str(file) in str(raised.value)


@pytest.mark.parametrize("command", ["up", "doctor"])
def test_a_mistake_is_told_by_the_commands_that_a_person_types(tmp_path: Path, command: str) -> None:
    (tmp_path / "formats.toml").write_text("[lora]")
    environment = {
        "GRIDWATCH_FORMATS": str(tmp_path / "formats.toml"),
        "GRIDWATCH_DATA_DIR": str(tmp_path),
        "GRIDWATCH_DATABASE_URL": "",
        "GRIDWATCH_MQTT_URL": "",
    }
    said = CliRunner().invoke(app, [command], env=environment)
    assert said.exit_code == (2 if command == "up" else 1)
    assert "lora: Extra inputs are not permitted" in said.output.replace("\n", " ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml can't be read: .*No such file"):
        read_formats(tmp_path / "none.toml")
