"""Tables as HTML: what is only read needs no widgets, and lets no markup in."""

from collections.abc import Iterable, Sequence
from html import escape


def table_html(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str,
    numbers: frozenset[int] = frozenset(),
) -> str:
    """Return a table with a caption for screen readers; columns in `numbers` are aligned as such."""
    head = "".join(
        f'<th scope="col"{_number(place, numbers)}>{escape(one)}</th>' for place, one in enumerate(heads)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{_number(place, numbers)}>{escape(cell)}</td>" for place, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return (
        f'<table class="gw-table"><caption class="gw-unseen">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _number(place: int, numbers: frozenset[int]) -> str:
    return ' class="gw-number"' if place in numbers else ""
