"""How a bridge reaches the broker."""

from pathlib import Path

from gridwatch.broker_config import BRIDGE, COLLECTOR, own_url, own_users
from gridwatch.running import Running, write_running
from gridwatch.settings import read_settings
from ingest.bridges.running import broker_address


def test_a_bridge_beside_a_guarded_broker_is_its_own_user(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    secret = own_users(tmp_path / "broker")[BRIDGE].secret
    url = own_url(tmp_path / "broker", COLLECTOR, "127.0.0.1", 1883)
    write_running(tmp_path, Running(database_url="postgresql:///x", mqtt_url=url))
    address = broker_address(read_settings(data_dir=tmp_path))
    assert (address.username, address.password) == (BRIDGE, secret)


def test_the_address_of_the_settings_is_taken_as_it_is(tmp_path: Path) -> None:
    settings = read_settings(data_dir=tmp_path, mqtt_url="mqtts://~collector:secret@broker.example")
    address = broker_address(settings)
    assert (address.host, address.username, address.password) == ("broker.example", COLLECTOR, "secret")


def test_a_broker_without_users_is_reached_without_one(tmp_path: Path) -> None:
    write_running(tmp_path, Running(database_url="postgresql:///x", mqtt_url="mqtt://127.0.0.1:1883"))
    assert broker_address(read_settings(data_dir=tmp_path)).username is None
