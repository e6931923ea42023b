"""JSON that strangers send."""

import msgspec


def read_json(text: bytes | str) -> object:
    """Return what the text says; raise ValueError for what is no JSON, or nests without end."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no JSON: {type(error).__name__}") from error
