"""How connections to the database are made."""

from collections.abc import Mapping

from psycopg.conninfo import conninfo_to_dict

from gridwatch.store.connection import with_session_options


def test_a_machine_that_lost_power_is_noticed_on_both_sides() -> None:
    made = {name: str(value) for name, value in conninfo_to_dict(with_session_options("host=db")).items()}
    servers = dict(one.split("=") for one in made["options"].split() if "=" in one)
    assert _noticed_after_s(made, "keepalives") <= 30
    assert _noticed_after_s(servers, "tcp_keepalives") <= 30


def test_what_the_address_itself_says_stands() -> None:
    given = "postgresql://host/gridwatch?keepalives_idle=60&connect_timeout=2&options=-c%20work_mem%3D64MB"
    made = conninfo_to_dict(with_session_options(given))
    assert (made["keepalives_idle"], made["connect_timeout"]) == ("60", "2")
    assert "work_mem=64MB" in str(made["options"])
    assert "search_path=gridwatch,public" in str(made["options"])


def _noticed_after_s(options: Mapping[str, str], name: str) -> int:
    return int(options[f"{name}_idle"]) + int(options[f"{name}_interval"]) * int(options[f"{name}_count"])
