"""What an alert would do if nobody did anything: step by step. Pure."""

from dataclasses import replace

from gridwatch.escalation.case import Case, Decision, Trigger, name_of


def at_deadline(case: Case, decision: Decision) -> Case | None:
    """Return a case at its deadline, nobody having done anything; None where it has none."""
    if decision.due_at is None or decision.closes:
        return None
    return replace(
        case,
        trigger=Trigger.DUE,
        now=decision.due_at,
        due_at=decision.due_at,
        called=case.called | {name_of(one) for one in decision.rungs},
        turn=case.turn + bool(decision.asks),
        rounds=decision.rounds,
    )
