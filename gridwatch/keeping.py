"""Keep evidence for its time and within its quota; find files and events that have lost each other.

Each step may be cut off at any point; the next turn goes on.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from gridwatch.evidence import EvidenceFiles
from gridwatch.store import Store
from gridwatch.store.keeping import (
    GB,
    UNRESOLVED,
    WARN_SHARE,
    Dropped,
    drop_by_age,
    drop_for_room,
    files_deleted,
    files_shown,
    files_shown_between,
    forget_deletions,
    measure_evidence,
    note_fill,
)

log = logging.getLogger(__name__)

BATCH = 500
"""Files taken out in one transaction."""

SETTLED_S = 3600.0
"""A file is written before its event is committed: younger ones may yet get their event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Misfit:
    """A file that no event shows, or one that an event shows and that is not there. `size` in bytes."""

    sha256: str
    media_type: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What was found in one part of the folder.

    `orphans`: files that no event shows, and nothing says why; `removed`: how many were there although the
    log says that they were deleted; `missing`: files that an event shows and that are not there.
    """

    orphans: Sequence[Misfit]
    missing: Sequence[Misfit]
    removed: int


async def keep_evidence(
    store: Store, files: EvidenceFiles, *, keep_days: Mapping[str, float], quota_gb: float
) -> None:
    """Delete what is past its time, then what does not fit; warn at 80 % of the quota.

    What does not fit goes only at a turn after the one that warned first.
    """
    while gone := await drop_by_age(store, keep_days, limit=BATCH):
        await _remove(store, files, gone, "their time is over")
    await forget_deletions(store)
    count, used = await measure_evidence(store)
    quota = round(quota_gb * GB)
    warned_before = await note_fill(
        store, "evidence", count=count, bytes_=used, quota_bytes=quota, share=used / quota
    )
    if used >= WARN_SHARE * quota and not warned_before:
        log.warning(
            "evidence takes %.2f of %.2f GB: at the quota the oldest of the least protected is deleted; "
            "raise GRIDWATCH_EVIDENCE_QUOTA_GB, or lower GRIDWATCH_KEEP_EVIDENCE",
            used / GB,
            quota_gb,
        )
    if warned_before:
        await _make_room(store, files, used - quota)


async def _make_room(store: Store, files: EvidenceFiles, excess: int) -> None:
    while excess > 0:
        gone = await drop_for_room(store, excess, limit=BATCH)
        if not gone:
            log.error("evidence is %.2f GB over its quota, and all that is left is held", excess / GB)
            return
        excess -= await _remove(store, files, gone, "the quota is reached")
        unresolved = sum(one.class_ == UNRESOLVED for one in gone)
        if unresolved:
            log.error("the quota took %d files of alerts that nobody resolved", unresolved)


async def _remove(store: Store, files: EvidenceFiles, gone: Sequence[Dropped], why: str) -> int:
    """Delete the files that no other event shows; return how many bytes they had.

    One that was stored within the last hour is left to the sweep: an event may be about to show it again.
    """
    shown = await files_shown(store, [one.sha256 for one in gone])
    alone = {(one.sha256, one.media_type): one.bytes for one in gone if one.sha256 not in shown}
    for sha256, media_type in alone:
        await asyncio.to_thread(files.remove_older, sha256, media_type, than=time.time() - SETTLED_S)
    classes = Counter(one.class_ for one in gone)
    log.info("deleted evidence, %s: %s", why, ", ".join(f"{n} {name}" for name, n in classes.items()))
    return sum(alone.values())


async def sweep_evidence(store: Store, files: EvidenceFiles) -> None:
    """Remove files whose deletion was cut off; report files and events that have lost each other."""
    orphans, orphan_bytes, missing, removed = 0, 0, 0, 0
    async for part in look_over(store, files):
        orphans += len(part.orphans)
        orphan_bytes += sum(one.size for one in part.orphans)
        missing += len(part.missing)
        removed += part.removed
    if removed:
        log.info("removed %d files whose deletion was cut off", removed)
    if orphans:
        log.warning(
            "%d files of evidence (%.2f GB) belong to no event: gridwatch evidence orphans lists them",
            orphans,
            orphan_bytes / GB,
        )
    if missing:
        log.error("%d files that events show are missing: gridwatch evidence orphans lists them", missing)
    # Nothing limits these two: people are told of them, and decide.
    await note_fill(store, "orphans", count=orphans, bytes_=orphan_bytes, quota_bytes=None, share=0)
    await note_fill(store, "missing", count=missing, bytes_=0, quota_bytes=None, share=0)


async def look_over(store: Store, files: EvidenceFiles) -> AsyncIterator[Sweep]:
    """Compare folder and database in 256 parts, so that neither must fit in memory."""
    for number in range(256):
        yield await _look_at(store, files, f"{number:02x}", "g" if number == 255 else f"{number + 1:02x}")


async def remove_orphans(store: Store, files: EvidenceFiles, part: Sweep) -> int:
    """Delete the orphans of a part that still no event shows; return how many those were."""
    shown = await files_shown(store, [one.sha256 for one in part.orphans])
    removed = 0
    for one in part.orphans:
        if one.sha256 not in shown:
            than = time.time() - SETTLED_S
            removed += await asyncio.to_thread(files.remove_older, one.sha256, one.media_type, than=than)
    return removed


async def _look_at(store: Store, files: EvidenceFiles, prefix: str, beyond: str) -> Sweep:
    settled = time.time() - SETTLED_S
    await asyncio.to_thread(files.clean, prefix, than=settled)
    shown = await files_shown_between(store, prefix, beyond)
    # After the events: a file that was deleted in between is not taken for missing.
    found = {(one.sha256, one.media_type): one for one in await asyncio.to_thread(files.found, prefix)}
    still = await files_shown(store, [sha256 for sha256, media_type in shown.keys() - found.keys()])
    missing = [
        Misfit(sha256=sha256, media_type=media_type, size=size)
        for (sha256, media_type), size in shown.items()
        if (sha256, media_type) not in found and sha256 in still
    ]
    alone = [one for key, one in found.items() if key not in shown and one.written_at <= settled]
    deleted = await files_deleted(store, [one.sha256 for one in alone])
    removed = 0
    for one in alone:
        if one.sha256 in deleted:
            removed += await asyncio.to_thread(files.remove_older, one.sha256, one.media_type, than=settled)
    orphans = [
        Misfit(sha256=one.sha256, media_type=one.media_type, size=one.size)
        for one in alone
        if one.sha256 not in deleted
    ]
    return Sweep(orphans=orphans, missing=missing, removed=removed)
