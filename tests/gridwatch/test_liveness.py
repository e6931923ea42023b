"""Which silent devices are one outage."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from gridwatch.liveness import EVERYTHING, YOUNG, Kind, Outage, Places, Scope, Silent, fold

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=3)

PARENTS = {
    "town": None,
    "a": "town",
    "b": "town",
    **{f"{estate}{building}": estate for estate in "ab" for building in range(1, 6)},
}
"""Two estates of five buildings."""


def area(code: str) -> Scope:
    """Return the scope of an area."""
    return Scope(Kind.AREA, code)


def device(name: str) -> Scope:
    """Return the scope of one device."""
    return Scope(Kind.DEVICE, name)


def silent(
    name: str,
    building: str | None,
    *,
    gateway: str | None = None,
    outage: int | None = None,
    ripe: bool = True,
    since: datetime = NOW - timedelta(minutes=4),
) -> Silent:
    """Return a device that fell silent four minutes ago."""
    return Silent(
        key=0,
        device=name,
        gateway=gateway,
        area=building,
        since=since,
        ripe_at=NOW if ripe else NOW + timedelta(seconds=30),
        outage=outage,
    )


def open_outage(scope: Scope, *, most: int, young: bool = False, began: datetime = LONG_AGO) -> Outage:
    """Return an outage of number 1 that began days ago."""
    grows_until = NOW + YOUNG if young else LONG_AGO
    return Outage(id=1, scope=scope, began_at=began, grows_until=grows_until, most=most)


def places(*, each: int = 20, gateway: str | None = None) -> Places:
    """Return the two estates with so many devices in each building."""
    return Places(PARENTS, [(f"{e}{b}", gateway, each) for e in "ab" for b in range(1, 6)])


def folded(
    devices: Sequence[Silent], outages: Sequence[Outage] = (), *, where: Places | None = None, gone: str = ""
) -> dict[Scope, tuple[int, int | None]]:
    """Return how many devices each outage has, and which one it was before."""
    groups = fold(devices, outages, where or places(), gone={gone} - {""}, now=NOW)
    return {group.scope: (len(group.devices), group.outage) for group in groups}


def test_one_device_is_an_outage_of_its_own() -> None:
    assert folded([silent("x", "a1"), silent("y", "b3")]) == {
        device("x"): (1, None),
        device("y"): (1, None),
    }


def test_a_device_is_waited_for_until_others_can_have_fallen_silent_with_it() -> None:
    assert folded([silent("x", "a1", ripe=False)]) == {}


def test_what_is_ripe_takes_along_what_fell_silent_with_it() -> None:
    devices = [silent(f"x{n}", "a1", ripe=n == 0) for n in range(12)]
    assert folded(devices) == {area("a1"): (12, None)}


def test_a_dark_building_is_one_outage() -> None:
    assert folded([silent(f"x{n}", "a1") for n in range(18)]) == {area("a1"): (18, None)}


def test_a_dark_estate_is_one_outage_and_not_five() -> None:
    devices = [silent(f"{b}-{n}", f"a{b}") for b in range(1, 6) for n in range(20)]
    assert folded(devices) == {area("a"): (100, None)}


def test_an_estate_is_dark_when_most_of_its_buildings_are_hit() -> None:
    devices = [silent(f"{b}-{n}", f"a{b}") for b in range(1, 5) for n in range(4)]
    assert folded(devices) == {area("a"): (16, None)}


def test_one_dark_building_is_not_its_estate() -> None:
    devices = [*(silent(f"x{n}", "a1") for n in range(20)), silent("y", "a2"), silent("z", "b1")]
    assert folded(devices) == {
        area("a1"): (20, None),
        device("y"): (1, None),
        device("z"): (1, None),
    }


def test_all_that_is_watched_being_silent_has_the_narrowest_name() -> None:
    where = Places(PARENTS, [("a1", None, 6)])
    assert folded([silent(f"x{n}", "a1") for n in range(6)], where=where) == {area("a1"): (6, None)}


def test_a_gateway_that_is_gone_silences_its_sensors() -> None:
    devices = [silent("x", "a1", gateway="g"), silent("y", "a2", gateway="g"), silent("z", "a1")]
    assert folded(devices, gone="g", where=places(gateway="g")) == {
        Scope(Kind.GATEWAY, "g"): (2, None),
        device("z"): (1, None),
    }


def test_a_silent_gateway_is_in_the_outage_of_its_sensors() -> None:
    devices = [silent("g", "a1"), silent("x", "a1", gateway="g")]
    assert folded(devices, where=places(gateway="g")) == {Scope(Kind.GATEWAY, "g"): (2, None)}


def test_a_gateway_most_of_whose_sensors_are_silent_is_the_one_that_is_gone() -> None:
    where = Places(PARENTS, [("a1", "g", 4), ("a1", None, 30)])
    devices = [silent(f"x{n}", "a1", gateway="g") for n in range(4)]
    assert folded(devices, where=where) == {Scope(Kind.GATEWAY, "g"): (4, None)}


def test_an_estate_with_several_gateways_is_one_outage() -> None:
    where = Places(PARENTS, [("a1", "g", 10), ("a2", "h", 10), ("b1", "i", 100)])
    devices = [
        *(silent(f"x{n}", "a1", gateway="g") for n in range(10)),
        *(silent(f"y{n}", "a2", gateway="h") for n in range(10)),
    ]
    assert folded(devices, where=where) == {area("a"): (20, None)}


def test_everything_silent_without_any_area_is_one_outage() -> None:
    where = Places({}, [(None, None, 50)])
    assert folded([silent(f"x{n}", None) for n in range(50)], where=where) == {EVERYTHING: (50, None)}


def test_later_ones_that_were_last_heard_before_it_began_join_an_outage() -> None:
    power = open_outage(area("a"), most=80, began=NOW - timedelta(hours=2))
    members = [silent(f"x{n}", "a1", outage=1) for n in range(50)]
    hourly = silent("hourly", "a3", since=NOW - timedelta(hours=3))
    later = silent("later", "a3", since=NOW - timedelta(hours=1))
    assert folded([*members, hourly, later], [power]) == {
        area("a"): (51, 1),
        device("later"): (1, None),
    }


def test_a_young_outage_becomes_part_of_a_wider_one() -> None:
    first = open_outage(device("x0"), most=1, young=True)
    devices = [silent(f"x{n}", "a1", outage=1 if n == 0 else None) for n in range(12)]
    assert folded(devices, [first]) == {area("a1"): (12, None)}


def test_an_old_outage_stays_as_it_is() -> None:
    first = open_outage(device("x0"), most=1)
    devices = [silent(f"x{n}", "a1", outage=1 if n == 0 else None) for n in range(12)]
    assert folded(devices, [first]) == {device("x0"): (1, 1), area("a1"): (11, None)}


def test_an_outage_goes_on_until_few_are_left_of_it() -> None:
    dark = open_outage(area("a"), most=100)
    assert folded([silent(f"x{n}", "a1", outage=1) for n in range(5)], [dark]) == {area("a"): (5, 1)}
    assert folded([silent(f"x{n}", "a1", outage=1) for n in range(2)], [dark]) == {
        device("x0"): (1, None),
        device("x1"): (1, None),
    }


def test_a_tree_that_runs_in_a_circle_does_no_harm() -> None:
    where = Places({"p": "q", "q": "p"}, [("p", None, 3)])
    assert folded([silent("x", "p")], where=where) == {device("x"): (1, None)}


def test_three_percent_of_a_district_are_a_handful_of_outages() -> None:
    random = Random(4)  # noqa: S311 - the same each time
    parents: dict[str, str | None] = {"district": None}
    parents |= {f"street-{street}": "district" for street in range(9)}
    parents |= {f"estate-{estate}": f"street-{estate % 9}" for estate in range(1_000)}
    where = Places(parents, [(f"estate-{estate}", None, 10) for estate in range(1_000)])
    dark = [silent(f"dark-{n}", f"estate-{n // 10}") for n in range(40)]
    alone = [silent(f"alone-{n}", f"estate-{random.randrange(4, 1_000)}") for n in range(260)]
    groups = folded([*dark, *alone], where=where)
    assert {scope.name for scope in groups} == {
        *(f"estate-{n}" for n in range(4)),
        *(f"street-{n}" for n in range(9)),
    }
    assert sum(devices for devices, _ in groups.values()) == 300


def test_a_gateway_that_goes_at_the_moment_of_a_wide_outage_is_told_by_its_own_name() -> None:
    wide = open_outage(area("town"), most=12, young=True, began=NOW - timedelta(minutes=4))
    scattered = [silent(f"s{n}", f"b{n % 5 + 1}", outage=1) for n in range(12)]
    behind = [silent(f"g{n}", "a1", gateway="gate") for n in range(8)]
    missed = [("a1", "gate", 8), *((f"{e}{b}", None, 40) for e in "ab" for b in range(1, 6))]
    assert folded([*scattered, *behind], [wide], where=Places(PARENTS, missed)) == {
        area("town"): (12, 1),
        Scope(Kind.GATEWAY, "gate"): (8, None),
    }
