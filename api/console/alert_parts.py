"""What the page of one alert says, as text; everything that came from outside is escaped."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from api.console.alert_card import (
    OWN_FILES,
    marks_html,
    picture_html,
    playback_link,
    severity_html,
    who_html,
)
from api.console.alert_details import Details, wall_clock
from api.console.criteria import criterion_in_words, quantity_name
from api.console.nearby import NearPerson
from api.local_time import local_time
from api.places import Places
from api.texts import DEFAULT_LANGUAGE, TEXTS, Words
from gridwatch.fire_danger import MEANINGS, DangerLevel
from gridwatch.store.board import Still
from gridwatch.store.changes import JOINED
from gridwatch.store.history import Event

EVENTS_SHOWN = 6
"""Why an alert was raised is said by the first of its events; how often it was seen again is a number."""

SIDES = 8
"""Directions that have a name."""


def head_html(alert: Mapping[str, Any], words: Words, places: Places, *, held: bool, now: datetime) -> str:
    """Return how bad it is, what and where, and who has it."""
    return (
        f'<div class="gw-line">{severity_html(alert, words)}<h1>{escape(words.label(alert["label"]))}</h1>'
        f'{marks_html(alert, words, held)}<span class="gw-quiet">{words("alert.of", id=alert["id"])}</span>'
        f'</div><div class="gw-where">{escape(places.with_device(alert))}</div>'
        f'<div class="gw-who">{who_html(alert, words, now=now)}</div>'
    )


def evidence_html(alert: Mapping[str, Any], words: Words) -> str:
    """Return pictures and clips, large; a clip that can't be played gives way to a plain sentence."""
    shown = []
    for one in alert["evidence"]:
        url = escape(one["url"])
        if not one["url"].startswith(OWN_FILES):
            if one["url"].startswith(("http://", "https://")):
                shown.append(f'<a href="{url}" target="_blank" rel="noopener">{words("link")}</a>')
        elif one["media_type"].startswith("video/"):
            gone = escape(words("evidence_gone"))
            shown.append(
                f'<video src="{url}" controls autoplay muted loop playsinline data-gone="{gone}"'
                f' aria-label="{words("evidence")}" onerror="this.replaceWith(this.dataset.gone)"></video>'
            )
        else:
            shown.append(picture_html(one["url"], words))
    if alert.get("evidence_deleted_at"):
        shown.append(f"<p>{words('evidence_deleted')}</p>")
    if link := playback_link(alert):
        shown.append(f"<p>{_playback_html(link, words)}</p>")
    if origin := words.origin(alert):
        shown.append(f'<p class="gw-origin">{escape(origin)}</p>')
    return "".join(shown) or f'<p class="gw-quiet">{words("no_evidence")}</p>'


def why_html(events: Sequence[Event], total: int, words: Words, *, now: datetime) -> str:
    """Return what was found, with scores and criteria, the surest first."""
    ordered = sorted(events, key=lambda one: -one.confidence)[:EVENTS_SHOWN]
    rows = []
    for event in ordered:
        score = words("alert.score", score=f"{event.confidence:.0%}")
        by = words("alert.detector", name=event.detector) if event.detector else ""
        place = words("alert.seen_at", time=local_time(event.observed_at, now=now), device=event.device)
        criteria = "".join(
            f"<span>{escape(criterion_in_words(name, value, words))}</span>"
            for name, value in event.criteria.items()
        )
        head = " · ".join(escape(one) for one in (words.label(event.label), score, place, by) if one)
        rows.append(f'<li>{head}<div class="gw-criteria">{criteria}</div></li>')
    more = total - len(ordered)
    tail = f"<li>{words('alert.more_events', count=more)}</li>" if more > 0 else ""
    return f"<ul class='gw-plain'>{''.join(rows)}{tail}</ul>"


def told_html(told: Sequence[Mapping[str, Any]], words: Words, *, now: datetime) -> str:
    """Return who was called, why, by which ways with which receipt, and what they answered."""
    if not told:
        return f'<p class="gw-quiet">{words("alert.nobody_told")}</p>'
    chinese = words.language == DEFAULT_LANGUAGE
    rows = []
    for one in told:
        name = one["name"] or words("told.installation")
        why = one["why_zh"] if chinese else one["why"]
        messages = "".join(_message_html(message, words, now=now) for message in one["messages"])
        asked = local_time(one["asked_at"], now=now)
        end = escape(_end_of(one, words, now=now))
        rows.append(
            f"<li><b>{escape(name)}</b> <span class='gw-quiet'>{escape(why)}</span>"
            f"<div>{asked} · <b>{end}</b></div><div class='gw-messages'>{messages}</div></li>"
        )
    return f"<ul class='gw-plain'>{''.join(rows)}</ul>"


def _end_of(one: Mapping[str, Any], words: Words, *, now: datetime) -> str:
    if one["answered_at"] is not None:
        answer = change_name(str(one["answer"]), words)
        return words("told.answered", time=local_time(one["answered_at"], now=now), answer=answer)
    if one["reached_at"] is not None:
        return words("told.reached", time=local_time(one["reached_at"], now=now))
    return words("told.ended" if one["ended_at"] is not None else "told.waiting")


def _message_html(message: Mapping[str, Any], words: Words, *, now: datetime) -> str:
    facts = [
        escape(message["service"].removeprefix("installation ")),
        f'<b class="gw-outcome-{message["outcome"]}">{words("outcome." + message["outcome"])}</b>',
        local_time(message["sent_at"], now=now),
    ]
    if message.get("receipt"):
        facts.append(escape(words("told.receipt", receipt=message["receipt"])))
    if message.get("by_person_at"):
        facts.append(words("told.seen", time=local_time(message["by_person_at"], now=now)))
    if message.get("why"):
        facts.append(escape(words.why(message["why"])))
    return f"<span>{' · '.join(facts)}</span>"


def timeline_html(changes: Sequence[Mapping[str, Any]], words: Words, *, now: datetime) -> str:
    """Return what happened, the newest last, as somebody reads it who was not there."""
    rows = []
    for one in _folded(changes):
        who = one["actor"] or words("who.system")
        said = detail_of(one, words, now=now)
        times = f" ×{one['times']}" if one["times"] > 1 else ""
        what = escape(change_name(one["change"], words)) + times
        text = f"<div>{escape(said)}</div>" if said else ""
        time = local_time(one["changed_at"], now=now)
        rows.append(f"<li><time>{time}</time><div><b>{what}</b> · {escape(who)}{text}</div></li>")
    return f"<ol class='gw-timeline'>{''.join(rows)}</ol>"


def _folded(changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put what was seen again and again into one line."""
    folded: list[dict[str, Any]] = []
    for one in changes:
        if folded and one["change"] in JOINED and folded[-1]["change"] in JOINED:
            folded[-1] |= {"times": folded[-1]["times"] + 1, "changed_at": one["changed_at"]}
        else:
            folded.append({**one, "times": 1})
    return folded


def change_name(change: str, words: Words) -> str:
    """Return what happened to an alert, in a word or two; one that we have no word for stays as it is."""
    key = f"change.{change.replace(' ', '_')}"
    texts = TEXTS[words.language]
    return texts.get(key) or texts.get("close_alert" if change == "close" else change) or change


def detail_of(change: Mapping[str, Any], words: Words, *, now: datetime) -> str:
    """Return what a change says besides, in a sentence."""
    detail = change["detail"] or {}
    parts = []
    if "because" in detail:
        chinese = words.language == DEFAULT_LANGUAGE
        names = "、".join(one.get("name") or words("told.installation") for one in detail["called"])
        parts += [names, detail["because_zh"] if chinese else detail["because"]]
        if detail.get("next_at"):
            parts.append(words("change.next", time=local_time(detail["next_at"], now=now)))
    if "called_at" in detail:
        time = local_time(detail["called_at"], now=now)
        told = words("change.called_119", caller=detail["caller"], time=time)
        number = detail.get("reference")
        parts.append(told + (words("change.reference", reference=number) if number else ""))
    if "to" in detail:
        parts.append(words("change.to", name=detail["to"]))
    if "of" in detail:
        parts.append(words("change.of", id=detail["of"]))
    parts += [detail.get("reason", ""), detail.get("text", "")]
    return " · ".join(filter(None, parts))


def place_html(alert: Mapping[str, Any], area: str, address: str, telephone: str, words: Words) -> str:
    """Return where it is, and the telephone there."""
    place = alert["location"]
    coordinates = "" if place is None else f"{place['lat']:.5f}, {place['lon']:.5f}"
    rows = [("alert.area", escape(area)), ("alert.address", escape(address)), ("", tel_html(telephone))]
    rows.append(("alert.coordinates", coordinates))
    return "".join(
        f"<div><span class='gw-quiet'>{words(key) if key else ''}</span> {value}</div>"
        for key, value in rows
        if value
    )


def people_html(people: Sequence[NearPerson], words: Words) -> str:
    """Return who is nearest, with a link that calls them."""
    if not people:
        return f'<p class="gw-quiet">{words("alert.nobody_near")}</p>'
    rows = [
        f'<li class="gw-contact">{escape(one.in_words(words))} {tel_html(one.phone or "")}</li>'
        for one in people
    ]
    return f"<ul class='gw-plain'>{''.join(rows)}</ul>"


def tel_html(number: str) -> str:
    """Return a link that calls a number."""
    if not number:
        return ""
    dialled = "".join(one for one in number if one.isdigit() or one == "+")
    return f'<a class="gw-tel" href="tel:{dialled}">{escape(number)}</a>'


def cameras_html(
    cameras: Sequence[Mapping[str, Any]],
    stills: Mapping[str, Still],
    links: Mapping[str, str],
    words: Words,
    *,
    now: datetime,
) -> str:
    """Return the nearest cameras with their last pictures, and a link to the recorder where it has one."""
    if not cameras:
        return f'<p class="gw-quiet">{words("alert.no_camera")}</p>'
    shown = []
    for camera in cameras:
        still = stills.get(camera["id"])
        picture = f'<span class="gw-no-still">{words("alert.no_still")}</span>'
        when = ""
        if still is not None:
            url = f"{OWN_FILES}events/{still.event}/evidence?position={still.position}"
            picture = picture_html(url, words)
            when = words("alert.still", time=local_time(still.observed_at, now=now))
        away = camera["distance_m"]
        facts = [when, "" if away is None else words("alert.distance", m=f"{away:.0f}")]
        link = links.get(camera["id"])
        played = (
            f'<a href="{escape(link)}" target="_blank" rel="noopener">{words("playback")}</a>' if link else ""
        )
        shown.append(
            f"<figure>{picture}<figcaption>{escape(camera['name'] or camera['id'])}"
            f"<div class='gw-quiet'>{' · '.join(filter(None, facts))}</div>{played}</figcaption></figure>"
        )
    return "".join(shown)


def _playback_html(link: str | None, words: Words) -> str:
    if link is None:
        return ""
    return f'<a href="{escape(link)}" target="_blank" rel="noopener">{words("playback")}</a>'


def weather_html(
    day: Mapping[str, Any] | None, wind: Mapping[str, Any] | None, words: Words, *, now: datetime
) -> str:
    """Return the fire danger of the day and the wind nearest in place and time."""
    chinese = words.language == DEFAULT_LANGUAGE
    lines = []
    if day is None:
        lines.append(words("alert.no_weather"))
    else:
        level = DangerLevel(day["level"])
        meaning = MEANINGS[level]
        name, advice = (meaning.name_zh, meaning.advice_zh) if chinese else (meaning.name, meaning.advice)
        lines.append(words("alert.danger", name=name, number=int(level), advice=advice))
        facts = {"temperature": f"{day['temperature_c']:.0f}", "humidity": f"{day['humidity_pct']:.0f}"}
        lines.append(words("alert.fwi", fwi=f"{day['fwi']:.1f}", dry=day["dry_days"], **facts))
    if wind is None:
        lines.append(words("alert.no_wind"))
    else:
        time = local_time(wind["at"], now=now)
        said = words(
            "alert.wind", wind=f"{wind['ms']:.1f}", time=time, station=wind["name"], m=f"{wind['m']:.0f}"
        )
        if wind["deg"] is not None:
            side = words("direction").split(",")[round(wind["deg"] * SIDES / 360) % SIDES]
            said += words("alert.wind_from", direction=side)
        lines.append(said)
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def chart_options(details: Details, words: Words, *, dark: bool) -> dict[str, Any]:
    """Return the options of a chart of each quantity, one below the other, with the time of the alert."""
    buckets = details.charts
    at = wall_clock(datetime.fromisoformat(details.alert["observed_at"]))
    ink, line = ("#c9d4de", "#2c3b4a") if dark else ("#33424f", "#c8d2db")
    names = list(buckets)
    height, gap, top = 70, 34, 24
    axis = {"axisLabel": {"color": ink, "fontSize": 10}, "splitLine": {"lineStyle": {"color": line}}}
    grids, x_axes, y_axes, series = [], [], [], []
    for index, name in enumerate(names):
        grids.append({"left": 46, "right": 12, "top": top + index * (height + gap), "height": height})
        is_last = index == len(names) - 1
        x_axes.append(
            {"type": "time", "gridIndex": index, "axisLabel": {"show": is_last, "color": ink, "fontSize": 10}}
        )
        y_axes.append(
            {
                **axis,
                "type": "value",
                "gridIndex": index,
                "scale": True,
                "splitNumber": 2,
                "name": quantity_name(name, words),
                "nameTextStyle": {"color": ink, "align": "left", "fontSize": 11},
            }
        )
        mark = {
            "symbol": "none",
            "label": {"show": False},
            "lineStyle": {"color": "#ef5350"},
            "data": [{"xAxis": at}],
            "silent": True,
        }
        series.append(
            {
                "type": "line",
                "name": name,
                "xAxisIndex": index,
                "yAxisIndex": index,
                "showSymbol": False,
                "data": [list(point) for point in buckets[name]],
                "markLine": mark,
            }
        )
    return {
        "animation": False,
        "grid": grids,
        "xAxis": x_axes,
        "yAxis": y_axes,
        "series": series,
        "tooltip": {"trigger": "axis"},
        "aria": {"enabled": True},
        "textStyle": {"color": ink},
        "color": ["#4f9fd8"],
    }
