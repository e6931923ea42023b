"""Everything that is tried, one thing after another, and what it was to the honest."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bench.hostile import coming_in, over_http, packets, topics
from bench.hostile.honest import Honest
from bench.hostile.target import Target
from bench.hostile.trying import Outcome, Sizes
from bench.spread import quantile
from bench.waiting import wait_until

ATTACKS: Sequence[tuple[str, Callable[[Target, Sizes], Outcome]]] = (
    ("subscriptions to #, $SYS, $share, others' readings", topics.subscriptions),
    ("reading others' commands", topics.others_commands),
    ("publishing as another, on our topics, $CONTROL, $SYS", topics.as_another),
    ("Last Wills on others' topics", topics.wills),
    ("another's client id with a credential of one's own", coming_in.takeover),
    ("wrong passwords", coming_in.wrong_passwords),
    ("no TLS, no password", coming_in.without_tls),
    ("TLS 1.0 and 1.1", coming_in.old_tls),
    ("wrong, expired and no certificates", coming_in.bad_certificates),
    ("huge CONNECT", packets.huge_connect),
    ("oversize payloads and topics", packets.oversize),
    ("malformed packets, UTF-8 and random bytes", packets.malformed),
    ("messages that are never finished", packets.never_finished),
    ("many connections", coming_in.connections),
    ("bootstrap tokens guessed and used again", over_http.tokens),
    ("HTTP with nothing, forged tokens, garbage", over_http.requests),
    ("connections that say nothing", coming_in.slow_loris),
    ("readings as fast as they go", packets.flood),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What was tried, what came of it, and whether that is as it must be."""

    what: str
    outcome: str
    held: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Evening:
    """All that was tried, and what it was to the honest."""

    tried: Sequence[Tried]
    calm_ms: Sequence[float]
    hostile_ms: Sequence[float]
    sent: int
    stored: int
    failed: Sequence[str]
    same_broker: bool


def spend(target: Target, sizes: Sizes) -> Evening:
    """Try everything, one thing after another, beside honest devices."""
    honest, tried, before = Honest(target), [], target.broker().pid
    with honest.publishing():
        began = time.monotonic()
        time.sleep(sizes.calm_s)
        calm = time.monotonic()
        for what, attack in ATTACKS:
            outcome, held = attack(target, sizes)
            tried.append(Tried(what=what, outcome=outcome, held=held))
            print(f"{'ok ' if held else 'BAD'} {what}: {outcome}", flush=True)
        end = time.monotonic()

    def stored() -> int:
        books = json.loads(target.type("books", "--json"))
        return sum(one["stored"] for one in books["devices"] if one["device"].startswith("honest-"))

    with suppress(TimeoutError):
        wait_until(lambda: stored() >= honest.sent, timeout_s=60, what="all is stored")
    return Evening(
        tried=tried,
        calm_ms=honest.between(began, calm),
        hostile_ms=honest.between(calm, end),
        sent=honest.sent,
        stored=stored(),
        failed=honest.failed,
        same_broker=target.broker().pid == before,
    )


def table(evening: Evening) -> str:
    """Return it in Markdown."""
    lines = ["| tried | what happened |", "|---|---|"]
    lines += [
        f"| {one.what} | {'' if one.held else '**not as it must be:** '}{one.outcome} |"
        for one in evening.tried
    ]
    before, meanwhile = _waits(evening.calm_ms), _waits(evening.hostile_ms)
    went = "ran on" if evening.same_broker else "was started anew"
    lines += [
        "",
        f"Acknowledged to the honest before: {before}; meanwhile: {meanwhile}.",
        f"Of {evening.sent} readings of theirs {evening.stored} are stored; the broker {went}. "
        f"Failures: {list(evening.failed)}.",
    ]
    return "\n".join(lines)


def _waits(values_ms: Sequence[float]) -> str:
    shares = f"p50 {quantile(values_ms, 0.5):.1f} ms, p99 {quantile(values_ms, 0.99):.0f} ms"
    return f"{shares}, most {max(values_ms):.0f} ms (n = {len(values_ms)})"
