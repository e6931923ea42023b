"""The servers that `up` brings along, as the tests use them."""

import psycopg
import pytest

from tests.servers import Mosquitto, accepts


def test_a_fresh_database_has_the_stable_views_and_no_reading(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM gw.readings").fetchone() == (0,)


def test_what_one_test_writes_the_next_does_not_see(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE public.left_behind ()")
        found = connection.execute("SELECT to_regclass('public.left_behind') IS NOT NULL").fetchone()
    assert found == (True,)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_database_of_its_own(database_url: str, turn: int) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('public.left_behind')").fetchone() == (None,), turn


def test_mosquitto_comes_back_on_its_port_after_a_kill(mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    assert not accepts(mosquitto.port)
    mosquitto.start()
    assert accepts(mosquitto.port)
