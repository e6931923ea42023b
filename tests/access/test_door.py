"""Who comes in at a broker that strangers reach, and what they may do there: on a real Mosquitto."""

import ssl
from collections.abc import Callable
from datetime import timedelta

import pytest

from gridwatch.private_ca import PrivateCa
from gridwatch.secret import new_secret
from gridwatch.store import Store
from gridwatch.store.alerts import list_alerts
from gridwatch.store.broker import What, broker_incidents
from gridwatch.store.credentials import (
    NewCredential,
    allow_topics,
    give_first_secret,
    lookup_of,
    revoke_credentials,
    rotate_secret,
)
from gridwatch.store.devices import delete_devices
from ingest.plugin import ENTERED_FIRST
from tests.access.guarded import Guarded, Guest, shake_hands
from tests.servers import wait_until

OUT_WITHIN_S = 30.0


def denied(guarded: Guarded, credential: NewCredential, topic: str, payload: bytes = b"42") -> bool:
    """Say whether somebody may not publish there."""
    with guarded.connected(credential) as guest:
        return not guest.publishes(topic, payload)


def happened(guarded: Guarded, what: What, name: str) -> Callable[[], bool]:
    """Return whether something was written down of somebody."""

    def is_there() -> bool:
        incidents = guarded.stored(lambda store: broker_incidents(store, timedelta(hours=1)))
        return any(one.what is what and one.detail == name for one in incidents)

    return is_there


def raised(guarded: Guarded, label: str, device: str) -> bool:
    """Say whether an alert tells people of a device."""
    alerts = guarded.stored(lambda store: list_alerts(store, limit=1000))
    return any((alert["label"], alert["device"]) == (label, device) for alert in alerts)


def test_a_device_writes_its_own_topics_and_reads_its_own_commands(guarded: Guarded) -> None:
    guarded.register("own")
    with guarded.admit("own") as own, guarded.collector() as ours:
        assert ours.subscribe("gw/v1/+/readings") == "Granted QoS 1"
        assert own.subscribe("gw/v1/own/command") == "Granted QoS 1"
        assert own.publishes("gw/v1/own/readings", b"1")
        assert ours.publishes("gw/v1/own/command", b"2")
        wait_until(lambda: bool(ours.heard and own.heard))
    assert ours.heard == [("gw/v1/own/readings", b"1")]
    assert own.heard == [("gw/v1/own/command", b"2")]


def test_a_device_can_not_publish_as_another(guarded: Guarded) -> None:
    guarded.register("liar", "victim")
    credential = guarded.stored(lambda store: rotate_secret(store, "liar", actor="test"))
    with guarded.collector() as ours, guarded.admit("victim") as victim:
        for topic in ("gw/v1/victim/#", "gw/v1/liar/#", "gw/collectors/#", "application/#"):
            ours.subscribe(topic)
        for topic in (
            "gw/v1/victim/readings",
            "gw/v1/victim/command",
            "gw/collectors/shares",
            "application/1",
        ):
            assert denied(guarded, credential, topic), topic
        command = b'{"commands": [{"command": "createClient", "username": "friend"}]}'
        assert denied(guarded, credential, "$CONTROL/dynamic-security/v1", command)
        assert victim.publishes("gw/v1/victim/readings", b"true")
        wait_until(lambda: bool(ours.heard))
    assert ours.heard == [("gw/v1/victim/readings", b"true")]


def test_a_device_hears_nothing_but_its_own_commands(guarded: Guarded) -> None:
    guarded.register("spy", "neighbour")
    asked = ("#", "$SYS/#", "$share/group/gw/v1/#", "gw/v1/neighbour/command", "gw/v1/+/command", "+/+/+/+")
    with guarded.admit("neighbour") as neighbour, guarded.admit("spy") as spy, guarded.collector() as ours:
        refused = [
            topic for topic in (*asked, "gw/v1/spy/command") if spy.subscribe(topic) == "Not authorized"
        ]
        assert refused == ["#", "$SYS/#", "$share/group/gw/v1/#", "+/+/+/+"]
        assert neighbour.publishes("gw/v1/neighbour/readings")
        assert ours.publishes("gw/v1/neighbour/command")
        assert ours.publishes("gw/v1/spy/command", b"last")
        wait_until(lambda: ("gw/v1/spy/command", b"last") in spy.heard)
    assert {topic for topic, _ in spy.heard} == {"gw/v1/spy/command"}
    wait_until(happened(guarded, What.TRESPASSED, "spy"), what="the doorkeeper names the spy")
    wait_until(lambda: raised(guarded, "device_trespassing", "spy"), what="an alert is raised")


def test_a_stranger_gets_nothing(guarded: Guarded) -> None:
    guarded.register("known")
    guarded.admit("known").leave()
    for name, secret in ((None, None), ("known", "a guess"), ("nobody", "a guess"), ("~collector", "")):
        guest = Guest(guarded.passwords, name, secret, tls=guarded.trust())
        assert not guest.is_in, name
        assert Guest(guarded.inner, name, secret).greeting != "Success"


def test_a_gateway_uses_the_topics_of_a_foreign_format_that_it_was_allowed(guarded: Guarded) -> None:
    guarded.register("frigate-1")
    guarded.stored(lambda store: allow_topics(store, "frigate-1", ["frigate/#"], actor="test"))
    credential = guarded.stored(lambda store: rotate_secret(store, "frigate-1", actor="test"))
    with guarded.connected(credential) as gateway, guarded.collector() as ours:
        ours.subscribe("frigate/#")
        assert gateway.publishes("frigate/events")
        wait_until(lambda: bool(ours.heard))
    assert denied(guarded, credential, "application/1/device/2/event/up")


def test_a_gateway_reads_the_alerts_of_the_area_that_it_was_allowed_and_writes_none(guarded: Guarded) -> None:
    guarded.register("siren")
    own = "gw/v1/areas/510116001/alerts"
    guarded.stored(lambda store: allow_topics(store, "siren", [own], actor="test"))
    credential = guarded.stored(lambda store: rotate_secret(store, "siren", actor="test"))
    with guarded.connected(credential) as gateway, guarded.collector() as ours:
        assert gateway.subscribe(own) == "Granted QoS 1"
        gateway.subscribe("gw/v1/areas/510116002/alerts")
        assert ours.publishes("gw/v1/areas/510116002/alerts", b"not his")
        assert ours.publishes(own, b"his")
        wait_until(lambda: bool(gateway.heard))
    assert gateway.heard == [(own, b"his")]
    assert denied(guarded, credential, own)


def test_a_gateway_speaks_for_the_devices_behind_it_and_no_others(guarded: Guarded) -> None:
    guarded.register("box", "behind", "elsewhere")
    guarded.stored(lambda store: store.execute("UPDATE device SET gateway = 'box' WHERE id = 'behind'"))
    credential = guarded.stored(lambda store: rotate_secret(store, "box", actor="test"))
    with guarded.connected(credential) as box, guarded.collector() as ours:
        assert box.subscribe("gw/v1/behind/command") == "Granted QoS 1"
        assert ours.publishes("gw/v1/behind/command", b"speak")
        assert box.publishes("gw/v1/behind/readings")
        assert box.publishes("gw/v1/box/readings")
        wait_until(lambda: box.heard == [("gw/v1/behind/command", b"speak")])
    assert denied(guarded, credential, "gw/v1/elsewhere/readings")


def test_a_revoked_device_is_out_within_seconds_and_others_stay(guarded: Guarded) -> None:
    guarded.register("bad", "good")
    with guarded.admit("bad") as bad, guarded.admit("good") as good:
        guarded.stored(lambda store: revoke_credentials(store, "bad", actor="test"))
        wait_until(lambda: not bad.is_in, timeout_s=OUT_WITHIN_S)
        assert good.is_in
        assert good.publishes("gw/v1/good/readings")


def test_a_device_that_is_deleted_is_out_too(guarded: Guarded) -> None:
    guarded.register("deleted")
    with guarded.admit("deleted") as device:
        guarded.stored(lambda store: delete_devices(store, ["deleted"]))
        wait_until(lambda: not device.is_in, timeout_s=OUT_WITHIN_S)


def test_a_device_changes_its_secret_without_being_out_for_a_moment(guarded: Guarded) -> None:
    guarded.register("turning")
    with guarded.admit("turning") as before, guarded.admit("turning") as after:
        assert before.is_in
        for guest in (before, after):
            assert guest.publishes("gw/v1/turning/readings")
        assert after.subscribe("gw/v1/turning/command") == "Granted QoS 1"
        over = "UPDATE credential SET ends_at = now() WHERE username = 'turning'"
        guarded.stored(lambda store: store.execute(over))
        wait_until(lambda: not before.is_in, timeout_s=OUT_WITHIN_S)
        assert after.is_in
        assert not after.publishes("gw/v1/other/readings")


def test_a_certificate_lets_a_device_in_under_its_name(guarded: Guarded) -> None:
    guarded.register("certified")
    name, issued = guarded.certify("certified")
    assert name == "certified"
    with Guest(guarded.certificates, tls=guarded.trust(issued)) as device:
        assert device.is_in
        assert device.publishes("gw/v1/certified/readings")
        assert not device.publishes("gw/v1/other/readings")


def test_a_revoked_certificate_is_out_within_seconds_and_stays_out(guarded: Guarded) -> None:
    guarded.register("lost")
    _, issued = guarded.certify("lost")
    wait_until(lambda: "lost\n" in (guarded.folder / "certified").read_text())
    with Guest(guarded.certificates, tls=guarded.trust(issued)) as device:
        assert device.is_in
        guarded.stored(lambda store: revoke_credentials(store, "lost", actor="test"))
        wait_until(lambda: not device.is_in, timeout_s=OUT_WITHIN_S)
    assert not Guest(guarded.certificates, tls=guarded.trust(issued)).is_in


def test_a_certificate_of_another_authority_or_of_yesterday_or_none_is_refused(
    guarded: Guarded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    guarded.register("late")
    other = PrivateCa(tmp_path_factory.mktemp("other"))
    other.make("somebody else")
    foreign, expired = other.issue_client("late"), guarded.ca.issue_client("late", days=0)
    for issued in (foreign, expired, None):
        assert not Guest(guarded.certificates, tls=guarded.trust(issued)).is_in
    assert not Guest(guarded.passwords, tls=guarded.trust(guarded.ca.issue_client("late"))).is_in


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_only_new_versions_of_tls_are_spoken(guarded: Guarded, version: str) -> None:
    for port in (guarded.passwords, guarded.certificates):
        answer = shake_hands(port, ssl.TLSVersion[version], guarded.trust(guarded.ca.issue_client("anybody")))
        new = version in ("TLSv1_2", "TLSv1_3")
        assert answer == (version.replace("_", ".") if new else "TLSV1_ALERT_PROTOCOL_VERSION")


def test_a_device_can_not_end_another_session_by_its_client_id(guarded: Guarded) -> None:
    guarded.register("thief", "owner")
    with guarded.admit("owner") as owner, guarded.admit("thief") as thief:
        credential = guarded.stored(lambda store: rotate_secret(store, "thief", actor="test"))
        guarded.connected(credential).leave()
        imitation = Guest(
            guarded.passwords, credential.username, credential.secret, tls=guarded.trust(), id="owner"
        )
        assert imitation.is_in
        assert (owner.is_in, thief.is_in) == (True, True)
        imitation.leave()


def test_of_many_at_once_who_asks_too_much_before_the_plugin_knows_him_is_sent_back(guarded: Guarded) -> None:
    names = [f"many-{number}" for number in range(3 * ENTERED_FIRST)]
    guarded.register(*names)
    secret = new_secret()

    async def give_all(store: Store) -> None:
        lookups = {name: await lookup_of(store, f"{secret}-{name}") for name in names}
        async with store.transaction() as connection:
            for name, lookup in lookups.items():
                await give_first_secret(connection, name, f"{secret}-{name}", lookup, actor="test")

    guarded.stored(give_all)
    last = NewCredential(device=names[-1], username=names[-1], secret=f"{secret}-{names[-1]}")
    with guarded.connected(last) as early:
        granted = early.subscribe("#") != "Not authorized"
        wait_until(lambda: not granted or not early.is_in, what="he is sent back")
        assert early.heard == []
    with guarded.connected(last) as again:
        assert again.subscribe("#") == "Not authorized"


def test_a_device_that_is_called_as_a_collector_does_not_get_its_session(guarded: Guarded) -> None:
    guarded.register("gridwatch-0-readings", "harmless")
    taker = guarded.stored(lambda store: rotate_secret(store, "gridwatch-0-readings", actor="test"))
    guarded.admit("harmless").leave()
    assert not Guest(guarded.passwords, taker.username, taker.secret, tls=guarded.trust()).is_in


def test_two_with_the_same_credential_are_noticed(guarded: Guarded) -> None:
    guarded.register("twin")
    credential = guarded.stored(lambda store: rotate_secret(store, "twin", actor="test"))
    with guarded.connected(credential) as first, guarded.connected(credential) as second:
        wait_until(lambda: not first.is_in)
        assert second.is_in
        wait_until(happened(guarded, What.TAKEN_OVER, "twin"), what="the doorkeeper names the twin")
        assert not raised(guarded, "credential_shared", "twin"), "a bad line looks the same, once"
        with guarded.connected(credential), guarded.connected(credential):
            wait_until(lambda: raised(guarded, "credential_shared", "twin"), what="an alert is raised")


def test_what_waits_for_a_collector_that_is_away_outlives_a_restart_and_new_credentials(
    guarded: Guarded,
) -> None:
    # With an access list for our own users Mosquitto 2.0.11 lost all of it.
    guarded.register("steady", "newcomer")
    with guarded.collector(kept="away") as ours:
        assert ours.subscribe("gw/v1/steady/readings") == "Granted QoS 1"
    guarded.restart_broker()
    guarded.admit("newcomer").leave()
    with guarded.admit("steady") as steady:
        assert all(steady.publishes("gw/v1/steady/readings", b"%d" % number) for number in range(20))
    with guarded.collector(kept="away") as ours:
        wait_until(lambda: len(ours.heard) == 20, what="all that waited comes")


def test_a_credential_works_within_seconds_although_the_broker_was_away_when_it_was_given(
    guarded: Guarded,
) -> None:
    guarded.register("patient")
    credential = guarded.stored(lambda store: rotate_secret(store, "patient", actor="test"))
    guarded.restart_broker()
    guarded.connected(credential).leave()
