"""Arbitrary bytes for the decoders, guided by what they reach: a program of atheris.

`python -m bench.fuzz_decoding CORPUS -runs=100000 -seed=1` takes libFuzzer's options. The first byte of an
input chooses the topic. Whatever is not read must be refused as UnreadableMessage or UnreadableMedia; what
was found to be interesting lies in CORPUS and is sent among the mutants.
"""

import sys
from datetime import UTC, datetime

import atheris

with atheris.instrument_imports(include=["gridwatch.wire", "gridwatch.senml", "gridwatch.picture_format"]):
    from bench.mutator import ENDS
    from gridwatch.errors import UnreadableMedia, UnreadableMessage
    from gridwatch.model import Frame
    from gridwatch.picture_format import read_header
    from gridwatch.wire import decode

AT = datetime(2026, 11, 23, tzinfo=UTC)
MAX_PIXELS = 1_000_000


def decode_one(data: bytes) -> None:
    """Decode one input; any other error than the two ends the run."""
    if not data:
        return
    end = ENDS[data[0] % len(ENDS)]
    try:
        message = decode(f"gw/v1/device/{end}", data[1:], received_at=AT)
        if isinstance(message, Frame):
            read_header(message.image, max_pixels=MAX_PIXELS)
    except (UnreadableMessage, UnreadableMedia):
        pass


if __name__ == "__main__":
    atheris.Setup(sys.argv, decode_one)
    atheris.Fuzz()
