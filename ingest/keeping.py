"""The chores that keep evidence and quarantine within their time and size."""

from datetime import timedelta
from functools import partial

from gridwatch.evidence import EvidenceFiles
from gridwatch.keeping import keep_evidence, sweep_evidence
from gridwatch.settings import Settings
from gridwatch.store.quarantine import bound_quarantine
from ingest.upkeep import Chore


def keeping_chores(settings: Settings, files: EvidenceFiles) -> tuple[Chore, ...]:
    """Return the chores of an installation. Quarantine is looked at often: junk fills it in minutes."""
    evidence = partial(
        keep_evidence, files=files, keep_days=settings.keep_evidence, quota_gb=settings.evidence_quota_gb
    )
    quarantine = partial(
        bound_quarantine, keep_days=settings.quarantine_days, quota_gb=settings.quarantine_gb
    )
    return (
        Chore(name="evidence", every=timedelta(minutes=10), work=evidence),
        Chore(name="orphans", every=timedelta(hours=1), work=partial(sweep_evidence, files=files)),
        Chore(name="quarantine", every=timedelta(minutes=1), work=quarantine),
    )
