"""Evidence files that nothing in the database shows any more."""

from gridwatch.settings import Settings
from gridwatch.store.devices import Deleted


def remove_files(settings: Settings, deleted: Deleted) -> None:
    """Remove the files of what was deleted from the data directory."""
    from gridwatch.evidence import EvidenceFiles

    files = EvidenceFiles(settings.data_dir / "evidence")
    for sha256, media_type in deleted.files:
        files.remove(sha256, media_type)
