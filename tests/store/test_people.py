"""Whom to call, out of the database."""

from datetime import UTC, datetime

import pytest

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from gridwatch.store.people import ladder

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)

AREAS = [
    Area(code="c", level=AreaLevel.COMMUNITY, name="社区"),
    Area(code="e", level=AreaLevel.ESTATE, name="小区", parent="c"),
    Area(code="m", level=AreaLevel.GRID, grid=GridKind.MICRO, name="微网格", parent="e"),
]
PEOPLE = """
    INSERT INTO account (username, password_hash, role) VALUES ('root', 'x', 'administrator');
    INSERT INTO person (code, name, username)
    VALUES ('1', '一', NULL), ('2', '二', NULL), ('3', '三', NULL), ('9', '管', 'root');
    INSERT INTO responsibility (person_key, area, rank, scenes)
    SELECT key, 'm', 1, '{fire}' FROM person WHERE code = '1';
    INSERT INTO responsibility (person_key, area) SELECT key, 'c' FROM person WHERE code = '3';
    INSERT INTO shift (person_key, starts, ends) SELECT key, '08:00', '20:00' FROM person WHERE code = '1';
    INSERT INTO leave (person_key, starts_at, ends_at, stand_in_key)
    SELECT a.key, '2026-11-23T00:00Z', '2026-11-24T00:00Z', b.key
    FROM person a, person b WHERE a.code = '1' AND b.code = '2'"""


async def test_the_ladder_of_a_place_is_read_with_shifts_leave_and_administrators(database_url: str) -> None:
    """Of another scene, and of an unknown area, the wider rungs are left."""
    async with Store.open(database_url) as store:
        await put_areas(store, AREAS)
        async with store.transaction() as connection:
            assert [rung.people for rung in await ladder(connection, area="m", scene="fire", at=NOON)] == [()]
            await connection.execute(PEOPLE)
            fire = await ladder(connection, area="m", scene="fire", at=NOON)
            lift = await ladder(connection, area="m", scene="elevator", at=NOON)
            nowhere = await ladder(connection, area=None, scene="fire", at=NOON)
    told = [(rung.level, [(one.code, one.why) for one in rung.people]) for rung in fire]
    assert told == [
        ("responsible", [("2", "stands in for 一 (leave), responsible for m, on shift until 20:00")]),
        ("community", [("3", "responsible for c")]),
        ("administrator", [("9", "administers the installation")]),
    ]
    assert [rung.level for rung in lift] == ["community", "administrator"]
    assert [rung.level for rung in nowhere] == ["administrator"]
