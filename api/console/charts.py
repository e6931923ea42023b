"""Charts in the colours of the page; patterns beside colours, and a description for screen readers."""

from collections.abc import Mapping, Sequence
from typing import Any

SCENE_COLOURS = {"fire": "#e57373", "elevator": "#ffb74d", "throwing": "#64b5f6"}
OTHER_COLOURS = ("#81c784", "#ba68c8", "#4db6ac", "#a1887f")


def colour_of(scene: str, place: int) -> str:
    """Return the colour of a scene; one that we don't know gets one by its place."""
    return SCENE_COLOURS.get(scene, OTHER_COLOURS[place % len(OTHER_COLOURS)])


def base(title: str, *, light: bool) -> dict[str, Any]:
    """Return what all charts have in common."""
    text, line = ("#1b2733", "#c9d3dc") if light else ("#d5dde5", "#334455")
    axis = {
        "axisLabel": {"color": text, "hideOverlap": True},
        "axisLine": {"lineStyle": {"color": line}},
        "splitLine": {"lineStyle": {"color": line}},
    }
    return {
        "title": {"text": title, "left": 0, "textStyle": {"color": text, "fontSize": 14}},
        "textStyle": {"fontFamily": "inherit"},
        "aria": {"enabled": True, "decal": {"show": True}},
        "animation": False,
        "tooltip": {"trigger": "axis", "confine": True},
        "legend": {"right": 0, "top": 0, "textStyle": {"color": text}},
        "grid": {"left": 8, "right": 16, "top": 44, "bottom": 8, "containLabel": True},
        "xAxis": axis,
        "yAxis": dict(axis),
    }


def bars(
    title: str,
    names: Sequence[str],
    series: Mapping[str, tuple[str, Sequence[float]]],
    *,
    light: bool,
    lying: bool = False,
) -> dict[str, Any]:
    """Return stacked bars: by name of a series its colour and values; `lying`: names stand at the left."""
    options = base(title, light=light)
    category = {"type": "category", "data": list(names)}
    value = {"type": "value", "minInterval": 1}
    options["xAxis"] = options["xAxis"] | (value if lying else category)
    options["yAxis"] = options["yAxis"] | (category | {"inverse": True} if lying else value)
    options["series"] = [
        {"type": "bar", "stack": "all", "name": name, "data": list(values), "itemStyle": {"color": colour}}
        for name, (colour, values) in series.items()
    ]
    return options
