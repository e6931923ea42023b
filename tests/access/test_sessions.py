"""Sessions that Mosquitto up to 2.0.22 crashes of when it reads its files again: found, and ended before."""

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gridwatch.broker_config import COLLECTOR
from gridwatch.store.credentials import NewCredential, revoke_credentials, rotate_secret
from ingest.sessions import SAVED, Saved, has_the_fault, saved_sessions
from ingest.telling import read_again
from tests.access.guarded import Guarded, Guest, ended_again
from tests.servers import wait_until

CAME = "2026-11-23T14:50:43: New client connected from 127.0.0.1:40000 as {} (p{}, c0, k30, u'{}')."


def test_only_versions_before_the_mended_one_have_the_fault() -> None:
    assert [has_the_fault(f"mosquitto version {version}") for version in ("2.0.11", "2.0.22")] == [True, True]
    assert not any(has_the_fault(f"mosquitto version {version}") for version in ("2.0.23", "2.1.0", "3.0.0"))
    assert not has_the_fault("EMQX 5.0.1")


def test_a_session_that_is_ended_while_it_is_away_is_seen() -> None:
    came, went, again = CAME.format("a", 5, "a"), "x: Client a disconnected.", "x: Reloading config."
    assert ended_again([came, went, again, went]) == ["a"]
    assert ended_again([came, "x: Client a closed its connection.", again, went]) == ["a"]
    assert ended_again([CAME.format("a", 2, "a"), went, again, went]) == [], "MQTT 3.1.1: it never expires"
    assert ended_again([came, went, came, again, went]) == []
    assert ended_again([came, went, "x: Expiring client a due to timeout.", again, went]) == []


def test_of_saved_sessions_only_what_ends_at_a_reading_was_away() -> None:
    went, again = "x: Client a disconnected.", "x: Reloading config."
    assert ended_again([again, went], "a") == ["a"]
    assert ended_again([again, went]) == []
    assert ended_again([again, "x: New connection from 127.0.0.1:1 on port 8883.", went], "a") == []


def leave_a_session(guarded: Guarded, credential: NewCredential) -> None:
    """Connect with a session that outlives the connection, and go."""
    guarded.connected(credential).leave()
    guest = Guest(guarded.passwords, credential.username, credential.secret, tls=guarded.trust(), kept=True)
    assert guest.is_in
    assert guest.subscribe(f"gw/v1/{credential.device}/command") == "Granted QoS 1"
    guest.leave()


def certified(guarded: Guarded, device: str) -> ssl.SSLContext:
    """Return what a new device with a certificate brings to TLS."""
    guarded.register(device)
    _, issued = guarded.certify(device)
    wait_until(lambda: f"{device}\n" in (guarded.folder / "certified").read_text())
    return guarded.trust(issued)


def leave_a_certified_session(guarded: Guarded, tls: ssl.SSLContext) -> None:
    """Do the same with a certificate."""
    with Guest(guarded.certificates, tls=tls, kept=True) as guest:
        assert guest.is_in


def test_new_credentials_end_no_session_twice(guarded: Guarded) -> None:
    guarded.register("away", "revoked-away", "here-1", "here-2")
    credential = guarded.stored(lambda store: rotate_secret(store, "revoked-away", actor="test"))
    leave_a_session(guarded, credential)
    leave_a_certified_session(guarded, certified(guarded, "certified-away"))
    guarded.stored(lambda store: revoke_credentials(store, "revoked-away", actor="test"))
    guarded.admit("here-1").leave()
    guarded.admit("here-2", overlap=timedelta()).leave()
    # Under the same user name: the session that waits was opened with another password.
    guarded.admit("revoked-away").leave()
    guarded.admit("here-1").leave()
    assert ended_again(guarded.log.splitlines()) == []


def test_sessions_that_a_broker_brings_back_from_its_file_are_not_ended_twice(guarded: Guarded) -> None:
    guarded.register("restored", "after-1", "after-2")
    leave_a_session(guarded, guarded.stored(lambda store: rotate_secret(store, "restored", actor="test")))
    with guarded.collector(kept="ours") as ours:
        assert ours.subscribe("gw/v1/after-1/readings") == "Granted QoS 1"
    said = len(guarded.log)
    guarded.restart_broker()
    saved = saved_sessions(guarded.folder / SAVED)
    assert (saved["restored"].username, saved["ours"]) == (
        "restored",
        Saved(username=COLLECTOR, expires_after_s=3600),
    )
    with guarded.admit("after-1") as device:
        assert device.publishes("gw/v1/after-1/readings")
    guarded.admit("after-2").leave()
    assert ended_again(guarded.log[said:].splitlines(), "restored", "ours") == []
    with guarded.collector(kept="ours") as ours:
        wait_until(lambda: len(ours.heard) == 1, what="what waited comes")


@pytest.fixture
def on_its_own(tmp_path: Path, database_url: str) -> Iterator[Guarded]:
    """Return a guarded broker of this test alone, that its doorkeeper may restart."""
    guarded = Guarded(tmp_path, database_url, may_restart=True)
    try:
        guarded.start()
        yield guarded
    finally:
        guarded.stop()


@pytest.mark.slow
def test_a_broker_that_would_crash_is_ended_in_order_and_loses_nothing(on_its_own: Guarded) -> None:
    guarded = on_its_own
    guarded.register("steady")
    overlooked = certified(guarded, "overlooked")
    with guarded.collector(kept="away") as ours:
        ours.subscribe("gw/v1/steady/readings")
    with guarded.admit("steady") as steady:
        assert all(steady.publishes("gw/v1/steady/readings", b"%d" % number) for number in range(20))

    def ends() -> bool:
        leave_a_certified_session(guarded, overlooked)
        read_again(guarded.folder)  # as somebody may who knows nothing of sessions
        return guarded.has_ended_by_itself()

    wait_until(ends, what="the doorkeeper ends the broker")
    assert set(ended_again(guarded.log.splitlines())) == {"overlooked"}
    guarded.start_broker_again()
    with guarded.collector(kept="away") as ours:
        wait_until(lambda: len(ours.heard) == 20, what="all that waited comes")
    wait_until(lambda: "as overlooked (p2" in guarded.log, what="the session is ended")
