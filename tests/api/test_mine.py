"""What belongs to one grid worker: alerts, duty, channels, figures, photos, and requests done once."""

import io
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest
from httpx_sse import connect_sse

from gridwatch.media import encode_jpeg
from gridwatch.services import Service, WeComRobot
from gridwatch.store import Store
from gridwatch.store.alerts import last_seq
from gridwatch.store.channels import note_service
from gridwatch.strongbox import Strongbox
from tests.api.calling import add_call, reach
from tests.api.grid import settle, workers
from tests.api.incidents import happen
from tests.api.serving import Api
from tests.channels.services import cloud_running
from tests.servers import wait_until

# Apprise asks for a module that Python will drop; it does without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

PIXELS = np.random.default_rng(9).integers(0, 255, (1200, 2400, 3), np.uint8)

EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x0e\0\x02\0\0\0\x10\0\0\0\x1a\0\0\0\0HERE-IS-MY-HOME\0"
"""A camera's note of sixteen letters (tag 0x010E, ImageDescription)."""


@pytest.fixture
def clients(api: Api) -> Iterator[Mapping[str, httpx.Client]]:
    """Return the clients of two workers of one grid."""
    api.stored(settle)
    made = workers(api)
    yield made
    for one in made.values():
        one.close()


def _happen(api: Api, *devices: tuple[str, str]) -> list[int]:
    async def scene(store: Store) -> list[int]:
        return [int((await happen(store, device, label=label))["alert"]) for device, label in devices]

    return api.stored(scene)


def _mine(client: httpx.Client, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/v1/me/alerts", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_my_alerts_are_those_of_my_areas_the_worst_first_with_the_way_there(
    api: Api, clients: Mapping[str, httpx.Client]
) -> None:
    ebike, fire, elsewhere = _happen(api, ("lift-1", "ebike"), ("smoke-1", "flame"), ("other-1", "flame"))
    found = _mine(clients["zhang"])
    assert [one["id"] for one in found["alerts"]] == [fire, ebike]
    assert (found["total"], found["seq"]) == (2, api.stored(last_seq))
    first = found["alerts"][0]
    assert first["place"] == "锦竹苑一网格 · 3栋 · 烟感1"
    assert (first["address"], first["telephone"]) == ("锦竹苑3栋2单元501", "028 8580 0000")
    assert first["contacts"] == [{"name": "物业王", "phone": "13911112222"}]
    assert [one["app"] for one in first["routes"]] == ["gaode", "baidu", "tencent"]
    assert [one["id"] for one in _mine(clients["zhang"], id=[elsewhere, ebike])["alerts"]] == [ebike]


def test_who_is_called_for_an_alert_beside_their_grid_sees_it_and_acts_on_it_and_nothing_else(
    api: Api, clients: Mapping[str, httpx.Client]
) -> None:
    """As that of a micro grid which stands beside the building in the tree, and not above it."""

    async def only_their_grid(store: Store) -> None:
        await store.execute("UPDATE account SET area = 'g' WHERE username IN ('zhang', 'li')")

    async def call(store: Store) -> None:
        row = await store.row("SELECT key FROM person WHERE username = 'zhang'")
        assert row is not None
        await add_call(store, alert, row["key"])

    async def end_long_ago(store: Store) -> None:
        await store.execute(
            "UPDATE alert SET resolved_at = now() - interval '2 days' WHERE id = %(id)s", {"id": alert}
        )

    api.stored(only_their_grid)
    (alert,) = _happen(api, ("other-1", "flame"))
    zhang, li = (clients[one] for one in ("zhang", "li"))
    wait_until(
        lambda: zhang.get("/api/v1/devices/other-1").status_code == 404, what="the smaller part counts"
    )
    assert zhang.get(f"/api/v1/alerts/{alert}").status_code == 404
    api.stored(call)
    assert [one["id"] for one in _mine(zhang)["alerts"]] == [alert]
    assert zhang.get(f"/api/v1/alerts/{alert}").json()["area"] == "x"
    assert zhang.post(f"/api/v1/alerts/{alert}/accept").json()["state"] == "accepted"
    assert zhang.post(f"/api/v1/alerts/{alert}/arrive").status_code == 200
    assert zhang.post(f"/api/v1/alerts/{alert}/resolve").json()["state"] == "resolved"
    assert zhang.get(f"/api/v1/alerts/{alert}").status_code == 200, "also a while after"
    assert li.get(f"/api/v1/alerts/{alert}").status_code == 404, "who was not called sees nothing of it"
    assert (li.post(f"/api/v1/alerts/{alert}/comment", json={"note": "x"})).status_code == 404
    api.stored(end_long_ago)
    assert zhang.get(f"/api/v1/alerts/{alert}").status_code == 404


def _heard(client: httpx.Client, until: int, heard: list[int], after: int | None = None) -> None:
    """Listen to the feed until something is told of an alert."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with connect_sse(client, "GET", "/api/v1/alerts/stream", headers=headers, timeout=60) as source:
        for event in source.iter_sse():
            if event.event == "alert":
                heard.append(json.loads(event.data)["id"])
                if heard[-1] == until:
                    return


def test_who_is_called_elsewhere_hears_of_it_live_and_resumed_and_others_hear_nothing(
    api: Api, clients: Mapping[str, httpx.Client]
) -> None:
    async def only_their_grid(store: Store) -> None:
        await store.execute("UPDATE account SET area = 'g' WHERE username IN ('zhang', 'li')")

    async def call(store: Store) -> None:
        row = await store.row("SELECT key FROM person WHERE username = 'zhang'")
        assert row is not None
        await add_call(store, elsewhere, row["key"])

    def comment(alert: int) -> None:
        assert api.client.post(f"/api/v1/alerts/{alert}/comment", json={"text": "?"}).is_success

    zhang = clients["zhang"]
    api.stored(only_their_grid)
    wait_until(lambda: zhang.get("/api/v1/areas/x").status_code == 404, what="the smaller part counts")
    (elsewhere, own) = _happen(api, ("other-1", "flame"), ("smoke-1", "flame"))
    start = api.stored(last_seq)
    live: dict[str, list[int]] = {"zhang": [], "li": []}
    with ThreadPoolExecutor(2) as threads:
        listening = [threads.submit(_heard, clients[one], own, live[one], start) for one in live]
        wait_until(
            lambda: "gridwatch_feed_subscribers 2.0" in httpx.get(f"{api.url}/metrics").text,
            what="both listen",
        )
        comment(elsewhere)
        api.stored(call)
        comment(elsewhere)
        comment(own)
        for one in listening:
            one.result(60)
    assert live == {"zhang": [elsewhere, own], "li": [own]}, (
        "from the call on, and who was not called nothing"
    )
    resumed: dict[str, list[int]] = {"zhang": [], "li": []}
    for name, heard in resumed.items():
        _heard(clients[name], own, heard, start)
    assert resumed == live


def test_an_alert_elsewhere_is_mine_once_it_is_given_to_me(
    api: Api, clients: Mapping[str, httpx.Client]
) -> None:
    (alert,) = _happen(api, ("other-1", "flame"))
    assert _mine(clients["zhang"])["alerts"] == []
    given = api.client.post(f"/api/v1/alerts/{alert}/assign", json={"to": "w-zhang"}).json()
    assert (given["assignee"], given["assignee_code"]) == ("张三", "w-zhang")
    assert [one["id"] for one in _mine(clients["zhang"])["alerts"]] == [alert]
    allowed = {name: client.get(f"/api/v1/alerts/{alert}").json() for name, client in clients.items()}
    assert "false_alarm" in allowed["zhang"]["allowed_actions"]
    assert "false_alarm" not in allowed["li"]["allowed_actions"]


def test_a_request_that_is_sent_again_is_carried_out_once(
    api: Api, clients: Mapping[str, httpx.Client]
) -> None:
    (alert,) = _happen(api, ("smoke-1", "flame"))
    path, key = f"/api/v1/alerts/{alert}/comment", {"Idempotency-Key": "a" * 32}

    def send(_: int) -> int:
        return clients["zhang"].post(path, json={"text": "到了"}, headers=key).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(send, range(8))) == {200}
    assert clients["zhang"].post(path, json={"text": "又"}, headers={"Idempotency-Key": "b" * 32}).is_success
    assert clients["li"].post(path, json={"text": "我"}, headers=key).is_success
    said = [
        one["detail"]["text"]
        for one in clients["zhang"].get(f"/api/v1/alerts/{alert}").json()["timeline"]
        if one["change"] == "comment"
    ]
    assert said == ["到了", "又", "我"]


def test_a_key_stands_for_one_request_and_not_for_a_refused_one(
    api: Api, clients: Mapping[str, httpx.Client]
) -> None:
    first, second = _happen(api, ("smoke-1", "flame"), ("lift-1", "ebike"))
    key = {"Idempotency-Key": "c" * 32}
    zhang, li = clients["zhang"], clients["li"]
    assert zhang.post(f"/api/v1/alerts/{first}/accept", headers=key).is_success
    again = zhang.post(f"/api/v1/alerts/{second}/accept", headers=key)
    assert (again.status_code, "was used for 'accept'" in again.json()["detail"]) == (409, True)
    late = li.post(f"/api/v1/alerts/{first}/accept", headers=key)
    assert (late.status_code, "by 张三 since" in late.json()["detail"]) == (409, True)
    assert zhang.post(f"/api/v1/alerts/{first}/return", json={"reason": "x"}).is_success
    assert li.post(f"/api/v1/alerts/{first}/accept", headers=key).is_success
    assert zhang.post(f"/api/v1/alerts/{first}/accept", headers={"Idempotency-Key": "no!"}).status_code == 422


def test_duty_tells_who_i_am_and_the_table_of_actions(api: Api, clients: Mapping[str, httpx.Client]) -> None:
    async def shifts(store: Store) -> None:
        await store.execute(
            """INSERT INTO shift (person_key, starts, ends) SELECT key, '00:00', '00:00' FROM person
               WHERE code = 'w-zhang'"""
        )

    api.stored(shifts)
    told = clients["zhang"].get("/api/v1/me/duty").json()
    assert (told["code"], told["name"], told["always"]) == ("w-zhang", "张三", False)
    assert told["areas"] == [{"area": "g", "name": "锦竹苑一网格", "rank": 1, "scenes": None}]
    assert told["turn"]["begins"] < told["next_turn"]["begins"] == told["turn"]["ends"]
    actions = {one["action"]: one for one in told["actions"]}
    assert "verify" not in actions
    assert actions["arrive"] == {
        "action": "arrive", "leads": {"accepted": "handling"}, "own": ["accepted", "handling"], "need": None
    }  # fmt: skip
    assert clients["li"].get("/api/v1/me/duty").json()["always"] is True
    admin = api.client.get("/api/v1/me/duty").json()
    assert (admin["code"], admin["name"], admin["areas"]) == (None, "admin", [])
    assert all(one["own"] == [] for one in admin["actions"])


def test_my_figures_are_mine_alone(api: Api, clients: Mapping[str, httpx.Client]) -> None:
    first, second = _happen(api, ("smoke-1", "flame"), ("lift-1", "ebike"))
    for client, alert in ((clients["zhang"], first), (clients["li"], second)):
        for action in ("accept", "arrive", "resolve"):
            assert client.post(f"/api/v1/alerts/{alert}/{action}").is_success
    (own,) = clients["zhang"].get("/api/v1/me/figures").json()
    assert (own["name"], own["taken"], own["arrived"], own["done"]) == ("张三", 1, 1, 1)
    assert own["response_p50_s"] >= 0
    assert api.client.get("/api/v1/me/figures").json() == []


def test_i_can_try_my_own_channels_now_and_then(api: Api, clients: Mapping[str, httpx.Client]) -> None:
    zhang = clients["zhang"]
    assert zhang.post("/api/v1/me/channels/1/test").status_code == 404
    with cloud_running() as cloud:

        async def ways(store: Store) -> None:
            box = Strongbox(api.settings.data_dir)
            services: dict[str, Service] = {"wecom": cloud.wecom, "sms": cloud.aliyun_sms}
            ways = {"w-zhang": [("wecom", "ZhangSan"), ("sms", "13900000001")]}
            await reach(store, box, services, ways)

        api.stored(ways)
        before = zhang.get("/api/v1/me/duty").json()["channels"]
        assert [(one["kind"], one["hint"], one["works"]) for one in before] == [
            ("wecom", "", "unknown"),
            ("aliyun_sms", "0001", "unknown"),
        ]
        assert zhang.post("/api/v1/me/channels/1/test").json()["works"] == "yes"
        assert [address for address, _ in cloud.to("wecom")] == ["ZhangSan"]
        again = zhang.post("/api/v1/me/channels/1/test")
        assert (again.status_code, 0 < int(again.headers["retry-after"]) <= 60) == (429, True)
        assert clients["li"].post("/api/v1/me/channels/1/test").status_code == 404
    failed = zhang.post("/api/v1/me/channels/2/test").json()
    assert (failed["works"], bool(failed["why"])) == ("no", True)
    assert "13900000001" not in failed["why"]
    assert (failed["why"], failed["why_zh"]) == (
        "Alibaba Cloud can't be reached (ConnectError)",
        "连接不上阿里云（ConnectError）",
    )


def test_a_way_that_failed_for_others_tells_why_it_does_before_i_ever_tried_it(
    api: Api, clients: Mapping[str, httpx.Client]
) -> None:
    async def fails(store: Store) -> None:
        services: dict[str, Service] = {"wecom": WeComRobot(key="k")}
        await reach(store, Strongbox(api.settings.data_dir), services, {"w-zhang": [("wecom", "ZhangSan")]})
        await note_service(store, "wecom", error="WeCom's robot did not take it (errcode 1)")

    api.stored(fails)
    (way,) = clients["zhang"].get("/api/v1/me/duty").json()["channels"]
    assert (way["works"], way["why_zh"]) == ("no", "企业微信群机器人没有收下（errcode 1）")


def _with_exif(jpeg: bytes) -> bytes:
    segment = b"\xff\xe1" + (len(EXIF) + 2).to_bytes(2) + EXIF
    return jpeg[:2] + segment + jpeg[2:]


def _send(client: httpx.Client, alert: int, content: bytes, media_type: str = "image/jpeg") -> httpx.Response:
    return client.post(
        f"/api/v1/alerts/{alert}/photos", content=content, headers={"Content-Type": media_type}
    )


def test_a_photo_is_evidence_of_its_alert_without_what_the_camera_wrote_beside_it(
    api: Api, clients: Mapping[str, httpx.Client]
) -> None:
    (alert,) = _happen(api, ("smoke-1", "flame"))
    sent = _with_exif(encode_jpeg(PIXELS, quality=60))
    assert b"HERE-IS-MY-HOME" in sent
    made = _send(clients["zhang"], alert, sent)
    assert made.status_code == 201, made.text
    assert _send(clients["zhang"], alert, sent).json() == made.json()
    found = clients["li"].get(f"/api/v1/alerts/{alert}").json()
    (photo,) = found["photos"]
    assert (photo["by"], photo["url"]) == ("zhang", made.json()["url"])
    assert (found["evidence"], found["events"]) == ([], 1)
    assert [one["change"] for one in found["timeline"]].count("photo") == 1
    kept = clients["li"].get(photo["url"])
    assert kept.headers["content-type"] == "image/jpeg"
    assert b"HERE-IS-MY-HOME" not in kept.content
    with av.open(io.BytesIO(kept.content)) as opened:
        assert (opened.streams.video[0].width, opened.streams.video[0].height) == (1920, 960)


def test_what_is_no_photo_is_refused_with_a_reason(api: Api, clients: Mapping[str, httpx.Client]) -> None:
    fire, neighbour = _happen(api, ("smoke-1", "flame"), ("other-1", "flame"))
    zhang = clients["zhang"]
    small = encode_jpeg(PIXELS[:64, :64])
    wrong = {
        (415, "send image/jpeg"): _send(zhang, fire, small, "image/heic"),
        (422, "neither JPEG nor PNG"): _send(zhang, fire, b"<svg onload=alert(1)>"),
        (422, "truncated"): _send(zhang, fire, small[: len(small) // 2]),
        (413, "4 MiB"): _send(zhang, fire, small + bytes(4 * 2**20)),
        (404, "no alert"): _send(zhang, 99, small),
    }
    for (status, why), answer in wrong.items():
        assert answer.status_code == status, answer.text
        assert why in answer.json()["detail"]
    assert _send(zhang, neighbour, small).status_code == 201
    assert api.client.get(f"/api/v1/alerts/{fire}").json()["photos"] == []


def test_an_alert_has_room_for_twenty_photos(api: Api, clients: Mapping[str, httpx.Client]) -> None:
    (alert,) = _happen(api, ("smoke-1", "flame"))
    pictures = [cv2.imencode(".png", PIXELS[n : n + 32, :32])[1].tobytes() for n in range(21)]
    answers = [_send(clients["zhang"], alert, picture, "image/png") for picture in pictures]
    assert [one.status_code for one in answers] == [201] * 20 + [409]
