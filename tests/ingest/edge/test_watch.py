"""What one camera sends is judged, whatever is damaged of it."""

from dataclasses import replace
from datetime import timedelta

from detectors.throwing import ThrowingDetector
from ingest.bridges.publisher import Outgoing
from ingest.edge.cameras import EdgeCamera, Kind, Source
from ingest.edge.showing import Showing
from ingest.edge.watch import Watch
from tests.ingest.edge.test_encoded import bar


def test_a_jump_of_the_time_is_told_though_its_picture_is_damaged() -> None:
    told: list[Outgoing] = []
    camera = EdgeCamera(
        device="wall", scene="throwing", source=Source(kind=Kind.NETWORK, place="rtsp://wall")
    )
    watch = Watch(camera, ThrowingDetector(), Showing(told.append), told.append)
    sent = bar()
    sent[25] = replace(sent[25], at=sent[25].at - timedelta(hours=1), data=b"\0\0\0\1\x61broken")
    for encoded in sent:
        watch._backlog.put(encoded)
    watch._backlog.end()
    watch.judge()
    assert watch.counts.damaged > 0
    assert sum(b"camera_clock" in message.payload for message in told) == 1
