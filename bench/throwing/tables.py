"""Tables of what the records hold: counts, shares and how sure they are."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args

from bench.spread import quantile
from bench.throwing.watching import Record, both
from gridwatch.rates import most_per, wilson
from simulators.facade.take import Disturber

OURS, FADE, CHAIN = "gridwatch", "FADE MOG2", "MOG2-SORT chain"

LEAST_PX, LEAST_CONTRAST, LEAST_FLOORS = 4.0, 20.0, 2.0
"""What an event must be to count for recall: as large and as bright against the wall, as a median over its
pictures and as painted, and seen to fall, outside masks, the two floors that an alert needs."""

FAR_M = 25.0

Event = tuple[Record, dict[str, Any], dict[str, Any]]
"""A clip's record, one of its events, and a method's answer to that."""


def events(records: Iterable[Record], method: str = OURS) -> list[Event]:
    """Return every event of these clips with the answer of a method."""
    return [
        (record, event, answer)
        for record in records
        if method in record["methods"]
        for event, answer in zip(record["events"], record["methods"][method]["answers"], strict=True)
    ]


def counts(event: dict[str, Any]) -> bool:
    """Tell whether an event is large, bright and long enough to count for recall."""
    return bool(
        event["size_px"] >= LEAST_PX
        and event["contrast"] >= LEAST_CONTRAST
        and event["open_floors"] >= LEAST_FLOORS
    )


def is_masked(event: dict[str, Any]) -> bool:
    """Tell whether an event would count if no mask lay before it."""
    return not counts(event) and counts(event | {"open_floors": event["fallen_floors"]})


def share(hits: int, of: int) -> str:
    """Return a share with its count and Wilson's interval."""
    if of == 0:
        return "–"
    low, high = wilson(hits, of)
    return f"{hits / of:.3f} ({hits}/{of}; {low:.3f}–{high:.3f})"


def methods_table(records: Sequence[Record]) -> str:
    """Return all methods side by side, on the clips that all of them have seen."""
    common = both(records, (OURS, FADE, CHAIN))
    lines = [
        f"{len(common)} clips, {sum(r['seconds'] for r in common) / 60:.0f} minutes, seen by all three.",
        "",
        "| method | recall | precision | duplicates | false alerts in clips without a throw, per hour "
        "| TRO | delay p50 / p95 | ms a picture |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in (OURS, FADE, CHAIN):
        told = [r["methods"][name] for r in common]
        calm = [r for r in common if not r["events"]]
        hours = sum(r["seconds"] for r in calm) / 3600
        false_calm = sum(len(r["methods"][name]["false"]) for r in calm)
        lines.append(
            f"| {name} | {_recall(common, name)} | {_precision(common, name)} "
            f"| {sum(one['duplicates'] for one in told)} "
            f"| {f'{false_calm / hours:.1f} ({false_calm} in {hours:.2f} h)' if calm else '–'} "
            f"| {_tro(common, name)} | {_delay(common, name)} | {_speed(common, name)} |"
        )
    return "\n".join(lines)


def recall_table(records: Sequence[Record]) -> str:
    """Return recall, precision and delay for each condition."""
    thrown = [r for r in records if r["events"]]
    lines = ["| condition | clips | recall | precision | delay p50 / p95 |", "|---|---|---|---|---|"]
    conditions: list[tuple[str, Callable[[Record], bool]]] = [("all", lambda _: True)]
    conditions += [(light, lambda r, v=light: r["light"] == v) for light in ("day", "dusk", "night")]  # type: ignore[misc]
    conditions += [(w, lambda r, v=w: r["weather"] == v) for w in ("dry", "wind", "rain", "snow")]  # type: ignore[misc]
    conditions += [
        ("camera sways", lambda r: r["shake"] != "none"),
        ("camera stands", lambda r: r["shake"] == "none"),
    ]
    conditions += [(f"{f:.0f} pictures a second", lambda r, v=f: r["fps"] == v) for f in (15, 25, 30)]  # type: ignore[misc]
    for name, meets in conditions:
        chosen = [r for r in thrown if meets(r)]
        lines.append(
            f"| {name} | {len(chosen)} | {_recall(chosen, OURS)} | {_precision(chosen, OURS)} "
            f"| {_delay(chosen, OURS)} |"
        )
    return "\n".join(lines)


def sizes_table(records: Sequence[Record]) -> str:
    """Return recall by size and contrast, and what was suspected of the rest."""
    lines = ["| size | contrast | recall | suspected besides |", "|---|---|---|---|"]
    for low, high in ((0, 2), (2, 4), (4, 6), (6, 12), (12, 1e9)):
        for faint, bright in ((0, 10), (10, 20), (20, 40), (40, 1e9)):
            chosen = [
                answer
                for _, event, answer in events(records)
                if low <= event["size_px"] < high
                and faint <= event["contrast"] < bright
                and event["open_floors"] >= LEAST_FLOORS
            ]
            if chosen:
                found = sum(a["found"] for a in chosen)
                lines.append(
                    f"| {_range(low, high)} px | {_range(faint, bright)} | {share(found, len(chosen))} "
                    f"| {sum(a.get('suspected', False) for a in chosen)} |"
                )
    return "\n".join(lines)


def things_table(records: Sequence[Record]) -> str:
    """Return recall for each thing."""
    chosen = [(event, answer) for _, event, answer in events(records) if counts(event)]
    names = sorted({event["thing"] for event, _ in chosen})
    lines = ["| thing | recall | suspected besides |", "|---|---|---|"]
    for name in names:
        answers = [answer for event, answer in chosen if event["thing"] == name]
        lines.append(
            f"| {name.replace('_', ' ')} | {share(sum(a['found'] for a in answers), len(answers))} "
            f"| {sum(a.get('suspected', False) for a in answers)} |"
        )
    return "\n".join(lines)


def floors_table(records: Sequence[Record]) -> str:
    """Return how often the likeliest floor and window were right, for events that count and were found."""
    lines = [
        "| camera | floor exact | within one floor | window and floor right | given to the true floor |",
        "|---|---|---|---|---|",
    ]
    for name, low, high in (("15–25 m", 0.0, FAR_M), ("25 m and more", FAR_M, 1e9), ("all", 0.0, 1e9)):
        named = [
            answer
            for record, event, answer in events(records)
            if low <= record["distance_m"] < high and counts(event) and "floors_off" in answer
        ]
        given = sum(a["p_floor"] for a in named) / len(named) if named else 0.0
        lines.append(
            f"| {name} | {share(sum(a['floors_off'] == 0 for a in named), len(named))} "
            f"| {share(sum(abs(a['floors_off']) <= 1 for a in named), len(named))} "
            f"| {share(sum(a['window_right'] for a in named), len(named))} | {given:.2f} on average |"
        )
    return "\n".join(lines)


def disturbers_table(records: Sequence[Record]) -> str:
    """Return for each kind how many tracks were rendered and how many false alerts lie on them."""
    rendered: Counter[str] = Counter()
    confirmed: Counter[str] = Counter()
    suspected: Counter[str] = Counter()
    for record in records:
        rendered.update(record["tracks"])
        confirmed.update(record["methods"][OURS]["false"])
        suspected.update(record["methods"][OURS]["false_suspected"])
    lines = [
        "| disturber | tracks | false alerts | in 1,000 tracks, at most (95 %) | suspected |",
        "|---|---|---|---|---|",
    ]
    for kind in get_args(Disturber):
        most = f"{1000 * most_per(confirmed[kind], rendered[kind]):.2f}" if rendered[kind] else "–"
        name = kind.replace("_", " ")
        lines.append(f"| {name} | {rendered[kind]:,} | {confirmed[kind]} | {most} | {suspected[kind]} |")
    others = sorted((confirmed.keys() | suspected.keys()) - set(get_args(Disturber)))
    lines += [f"| {kind} | | {confirmed[kind]} | | {suspected[kind]} |" for kind in others]
    return "\n".join(lines)


def hours_table(records: Sequence[Record]) -> str:
    """Return false alerts per camera-day with the hours and what is proved."""
    lines = [
        "| clips | hours | false alerts | per camera-day | at most (95 %) | suspected |",
        "|---|---|---|---|---|---|",
    ]
    groups: list[tuple[str, Callable[[Record], bool]]] = [
        ("dry, without a throw", lambda r: r["weather"] == "dry" and not r["events"]),
        ("rain, snow or wind, without a throw", lambda r: r["weather"] != "dry" and not r["events"]),
        ("with throws (between them), dry", lambda r: r["weather"] == "dry" and bool(r["events"])),
        ("with throws, rain, snow or wind", lambda r: r["weather"] != "dry" and bool(r["events"])),
    ]
    groups += [
        (f"family {family}", lambda r, v=family: r["family"] == v)  # type: ignore[misc]
        for family in sorted({r["family"] for r in records})
    ]
    for name, meets in groups:
        chosen = [r for r in records if meets(r)]
        hours = sum(r["seconds"] for r in chosen) / 3600
        if not hours:
            continue
        false = sum(len(r["methods"][OURS]["false"]) for r in chosen)
        hinted = sum(len(r["methods"][OURS]["false_suspected"]) for r in chosen)
        lines.append(
            f"| {name} | {hours:.2f} | {false} | {24 * false / hours:.1f} "
            f"| {24 * most_per(false, hours):.0f} | {hinted} |"
        )
    return "\n".join(lines)


def real_table(found: Sequence[dict[str, Any]]) -> str:
    """Return the real clips, one line each, with every method's alerts as right + false."""
    if not found:
        return "Not measured: the clips are not on this machine."
    lines = [
        f"| clip | shows | seconds | to find | {OURS} (suspected) | {FADE} | {CHAIN} |",
        "|---|---|---|---|---|---|---|",
    ]
    for file in dict.fromkeys(one["file"] for one in found):
        own = {one["method"]: one for one in found if one["file"] == file}
        first = own[OURS]
        told = {name: f"{one['right']} right, {one['false']} others" for name, one in own.items()}
        lines.append(
            f"| `{file}` | {first['shows']} | {first['seconds']} "
            f"| {first['expected'] if first['judged'] else 'not judged'} "
            f"| {told[OURS]} ({first['suspected']}) | {told[FADE]} | {told[CHAIN]} |"
        )
    return "\n".join(lines)


def _recall(records: Sequence[Record], method: str) -> str:
    answers = [answer for _, event, answer in events(records, method) if counts(event)]
    return share(sum(answer["found"] for answer in answers), len(answers))


def _precision(records: Sequence[Record], method: str) -> str:
    right = sum(answer["found"] for _, _, answer in events(records, method))
    false = sum(len(r["methods"][method]["false"]) for r in records if r["events"])
    return share(right, right + false)


def _tro(records: Sequence[Record], method: str) -> str:
    overlaps = [answer.get("overlap", 0.0) for _, event, answer in events(records, method) if counts(event)]
    return f"{sum(overlaps) / len(overlaps):.2f}" if overlaps else "–"


def _delay(records: Sequence[Record], method: str) -> str:
    delays = [
        answer["delay_s"] for _, event, answer in events(records, method) if counts(event) and answer["found"]
    ]
    return f"{quantile(delays, 0.5):.2f} / {quantile(delays, 0.95):.2f} s" if delays else "–"


def _speed(records: Sequence[Record], method: str) -> str:
    half = [r["methods"][method]["ms"] for r in records if max(r["size_wh"]) == 960]
    return f"{quantile(half, 0.5):.1f} at 960×540" if half else "–"


def _range(low: float, high: float) -> str:
    return f"{low:g}–{high:g}" if high < 1e8 else f"{low:g} and more"
