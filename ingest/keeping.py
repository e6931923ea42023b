"""The chores that keep evidence and quarantine within their time and size."""

from datetime import timedelta
from functools import partial

from gridwatch.evidence import EvidenceFiles
from gridwatch.keeping import keep_evidence, sweep_evidence
from gridwatch.kept import evidence_days
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.kept import kept_now
from gridwatch.store.quarantine import bound_quarantine
from ingest.upkeep import Chore


def keeping_chores(settings: Settings, files: EvidenceFiles) -> tuple[Chore, ...]:
    """Return the chores of an installation. Quarantine is looked at often: junk fills it in minutes."""
    evidence = partial(_evidence, files=files, settings=settings)
    return (
        Chore(name="evidence", every=timedelta(minutes=10), work=evidence),
        Chore(name="orphans", every=timedelta(hours=1), work=partial(sweep_evidence, files=files)),
        Chore(name="quarantine", every=timedelta(minutes=1), work=partial(_quarantine, settings=settings)),
    )


async def _evidence(store: Store, *, files: EvidenceFiles, settings: Settings) -> None:
    kept = await kept_now(store, settings)
    await keep_evidence(store, files, keep_days=evidence_days(kept), quota_gb=kept["evidence_quota_gb"])


async def _quarantine(store: Store, *, settings: Settings) -> None:
    kept = await kept_now(store, settings)
    await bound_quarantine(store, keep_days=kept["quarantine_days"], quota_gb=kept["quarantine_gb"])
