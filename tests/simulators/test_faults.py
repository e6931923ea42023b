"""Each fault really is one."""

from datetime import UTC, datetime

import pytest

from gridwatch.errors import UnreadableMedia, UnreadableMessage
from gridwatch.media import read_picture, read_video
from gridwatch.model import Clip, Frame
from gridwatch.wire import decode
from simulators.faults import DECODABLE_FRAMES, FAULTS, VIDEO_FRAMES, truncated_video

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_can_be_read(name: str) -> None:
    fault = FAULTS[name]

    def read() -> None:
        message = decode(f"gw/v1/d/{fault.topic_end}", fault.payload(), received_at=NOW)
        if isinstance(message, Frame):
            read_picture(message.image)
        elif isinstance(message, Clip):
            list(read_video(message.video, start=NOW))

    with pytest.raises((UnreadableMessage, UnreadableMedia)):
        read()


def test_about_half_of_the_truncated_video_decodes() -> None:
    decoded = 0
    with pytest.raises(UnreadableMedia, match=f"declares {VIDEO_FRAMES} pictures"):
        for decoded, _ in enumerate(read_video(truncated_video(), start=NOW), 1):  # noqa: B007
            pass
    assert abs(decoded - DECODABLE_FRAMES) < 40
