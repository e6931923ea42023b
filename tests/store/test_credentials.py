"""Credentials of devices: shown once, kept as hashes, replaced without a gap."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.model import Device, DeviceKind
from gridwatch.secret import check_given, hash_secret, is_secret_of, new_secret
from gridwatch.store import Store
from gridwatch.store.claims import claim, make_tokens
from gridwatch.store.credentials import (
    broker_users,
    list_credentials,
    revoke_credentials,
    rotate_secret,
    verify,
    verify_secret,
)
from gridwatch.store.devices import add_devices, delete_devices

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with devices `a` and `b`."""
    async with Store.open(database_url) as opened:
        await add_devices(opened, [Device(id=id, scene="fire", kind=DeviceKind.SENSOR) for id in ("a", "b")])
        yield opened


async def test_a_secret_proves_who_has_it_and_nobody_else(store: Store) -> None:
    new = await rotate_secret(store, "a", actor="test")
    identity = await verify(store, "a", new.secret)
    assert identity is not None
    assert (identity.device, identity.may_speak_for("a"), identity.may_speak_for("b")) == ("a", True, False)
    assert await verify_secret(store, new.secret) == identity
    wrong = new_secret()
    assert [await verify(store, "a", wrong), await verify(store, "b", new.secret)] == [None, None]
    assert [await verify_secret(store, wrong), await verify(store, "nobody\0", wrong)] == [None, None]


async def test_the_secret_is_in_no_table(store: Store) -> None:
    new = await rotate_secret(store, "a", actor="test")
    assert new.secret not in repr(new)
    for table in ("credential", "access_log"):
        kept = await store.row(f"SELECT string_agg(t::text, ' ') AS text FROM {table} t")  # noqa: S608
        assert kept is not None
        assert "test" in kept["text"]
        assert new.secret not in kept["text"]


async def test_the_old_secret_stays_good_beside_the_new_one_until_its_time_is_over(store: Store) -> None:
    old = await rotate_secret(store, "a", actor="test")
    new = await rotate_secret(store, "a", actor="test", overlap=timedelta(hours=1))
    assert (old.username, new.username) == ("a", "a~2")
    assert await verify(store, old.username, old.secret) == await verify(store, new.username, new.secret)
    await store.execute("UPDATE credential SET ends_at = now() WHERE username = 'a'")
    assert await verify(store, old.username, old.secret) is None
    assert [one.username for one in await list_credentials(store, "a")] == ["a~2"]
    newest = await rotate_secret(store, "a", actor="test")
    assert newest.username == "a", "the name that ended is free again"


async def test_of_three_rotations_in_a_row_only_the_last_two_are_good(store: Store) -> None:
    secrets = [await rotate_secret(store, "a", actor="test") for _ in range(3)]
    good = [await verify(store, one.username, one.secret) is not None for one in secrets]
    assert good == [False, True, True]


async def test_without_an_overlap_the_old_secret_ends_at_once(store: Store) -> None:
    old = await rotate_secret(store, "a", actor="test")
    new = await rotate_secret(store, "a", actor="test", overlap=timedelta())
    assert new.username == "a"
    assert await verify(store, "a", old.secret) is None
    assert await verify(store, "a", new.secret) is not None


async def test_a_gateway_may_speak_for_the_devices_behind_it(store: Store) -> None:
    new = await rotate_secret(store, "a", actor="test")
    await store.execute("UPDATE device SET gateway = 'a' WHERE id = 'b'")
    identity = await verify(store, "a", new.secret)
    assert identity is not None
    assert identity.devices == {"a", "b"}


async def test_a_device_that_is_retired_is_let_in_no_more(store: Store) -> None:
    new = await rotate_secret(store, "a", actor="test")
    await store.execute("UPDATE device SET state = 'retired' WHERE id = 'a'")
    assert await verify(store, "a", new.secret) is None
    assert await broker_users(store) == []


async def test_what_is_revoked_is_no_use_any_more(store: Store) -> None:
    first = await rotate_secret(store, "a", actor="test")
    second = await rotate_secret(store, "a", actor="test")
    assert await revoke_credentials(store, "a", actor="test", username=first.username) == ["a"]
    assert await verify(store, second.username, second.secret) is not None
    assert await revoke_credentials(store, "a", actor="test") == ["a~2"]
    assert await verify_secret(store, second.secret) is None
    assert len(await list_credentials(store, "a", revoked=True)) == 2
    with pytest.raises(NotFound):
        await revoke_credentials(store, "a", actor="test")


async def test_a_device_may_bring_its_own_secret_but_not_anothers(store: Store) -> None:
    await rotate_secret(store, "a", actor="test", secret="A1_TEST_TOKEN_of_a_gateway")
    identity = await verify_secret(store, "A1_TEST_TOKEN_of_a_gateway")
    assert identity is not None
    assert identity.device == "a"
    with pytest.raises(NotAllowed, match="in use already"):
        await rotate_secret(store, "b", actor="test", secret="A1_TEST_TOKEN_of_a_gateway")
    assert await list_credentials(store, "b") == []


async def test_of_two_that_claim_with_one_token_at_once_one_gets_a_credential(store: Store) -> None:
    (token,) = await make_tokens(store, 1, batch="test", good_for=timedelta(hours=1), actor="test")
    claims = (claim(store, token, device, address="192.0.2.1") for device in ("a", "b"))
    given = await asyncio.gather(*claims, return_exceptions=True)
    assert sorted(type(one).__name__ for one in given) == ["NewCredential", "NotAllowed"]
    assert len(await list_credentials(store)) == 1


async def test_of_two_rotations_at_once_both_are_good_under_their_own_names(store: Store) -> None:
    both = await asyncio.gather(*(rotate_secret(store, "a", actor="test") for _ in range(2)))
    assert {one.username for one in both} == {"a", "a~2"}
    assert all([await verify(store, one.username, one.secret) is not None for one in both])


async def test_a_device_that_is_deleted_takes_its_credentials_along(store: Store) -> None:
    new = await rotate_secret(store, "a", actor="test")
    await delete_devices(store, ["a"])
    assert await verify(store, "a", new.secret) is None
    with pytest.raises(NotFound):
        await rotate_secret(store, "a", actor="test")


@pytest.mark.parametrize("secret", ["short", "x" * 201, "sixteen letters\n", "sechzehn zeichen ä"])
def test_a_secret_that_is_brought_along_must_be_long_and_plain(secret: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        check_given(secret)


def test_the_hash_is_the_one_that_mosquitto_makes(tmp_path: Path) -> None:
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("needs Mosquitto, which is not installed: make setup says how")
    file, secret = tmp_path / "passwords", new_secret()
    subprocess.run([program, "-b", "-c", str(file), "a", secret], check=True, capture_output=True)
    theirs = file.read_text().strip().partition(":")[2]
    assert is_secret_of(theirs, secret)
    assert not is_secret_of(theirs, secret + "x")
    assert theirs.split("$")[1:3] == hash_secret(secret).split("$")[1:3]
    assert not any(
        is_secret_of(text, secret) for text in ("", "$6$101$a$b", "$7$0$$", "$7$x$a$b", "$7$101$?$?")
    )
