"""One camera: a thread reads it and connects again whenever it breaks, another one judges its pictures."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from detectors.protocol import CameraDetector
from gridwatch.errors import UnreadableMedia
from gridwatch.facade import with_origin
from gridwatch.model import Finding, Picture
from ingest.edge.backlog import Backlog
from ingest.edge.cameras import EdgeCamera, Kind
from ingest.edge.clock import REORDERED_S
from ingest.edge.encoded import Decoder, Encoded, Ring
from ingest.edge.figures import Counts
from ingest.edge.showing import Showing, Tell, Wanted, finding_message, shown_from, shown_until
from ingest.edge.source import SourceAway, SourceRefused, read_file, read_live
from ingest.examine import pictures_of

log = logging.getLogger(__name__)

BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Between attempts to open a camera; the last one stays."""
REFUSED_BACK_OFF_S = 300.0
"""After a wrong password: cameras lock an account after some attempts."""
LASTING_S = 60.0
"""A stream that lasted so long had been all right."""

HURRY = timedelta(seconds=2)
"""Behind the camera: from here on every second picture is left out. Falls are found in half of them too, and
not in a gap."""

JUMPED = timedelta(seconds=REORDERED_S)
"""From here on it is no matter of the order in which pictures are decoded."""

PAUSE_S = 60.0
"""Without a picture for so long nothing goes on that a detector could wait for."""


MOST_REMEMBERED = 50
"""Findings of which it is known that they have a clip."""


class Watch:
    """Reads and judges one camera, in two threads that its owner starts."""

    def __init__(
        self, camera: EdgeCamera, detector: CameraDetector[Any], showing: Showing, tell: Tell
    ) -> None:
        self.camera = camera
        self.seen_s = time.monotonic()
        """When a picture was last judged; at first, when the watch began."""
        self._is_file = camera.source.kind is Kind.FILE
        self._detector = detector
        self._state = detector.new_state(camera.view)
        self._showing = showing
        self._tell = tell
        self._stop = threading.Event()
        self._backlog = Backlog(waits=self._is_file and not camera.realtime)
        self._decoder = Decoder()
        self._ring = Ring()
        self._to_show: dict[str, Finding] = {}
        self._shown: dict[tuple[str, datetime], str] = {}
        self._last: Picture | None = None
        self._read = self._judged = self._left_out = 0
        self._has_left_out = False
        self._judging_s = 0.0
        self._has_failed = False

    @property
    def counts(self) -> Counts:
        """Return what was counted so far."""
        return Counts(
            read=self._read,
            judged=self._judged,
            skipped=self._backlog.skipped + self._left_out,
            damaged=self._decoder.damaged,
            judging_s=self._judging_s,
        )

    def stop(self) -> None:
        """Let both threads come to an end: what was read is not judged any more."""
        self._stop.set()
        self._backlog.end()

    def read(self) -> None:
        """Read until the file's end, or for ever; raises SourceAway where a file can't be read."""
        try:
            if self._is_file:
                camera = self.camera
                self._take(read_file(camera.source, self._stop, start=camera.start, realtime=camera.realtime))
            else:
                self._read_for_ever()
        finally:
            self._backlog.end()

    def judge(self) -> None:
        """Judge what is read, to its end."""
        while not self._stop.is_set() and not self._backlog.is_over:
            encoded = self._backlog.get(timeout_s=PAUSE_S)
            if encoded is None:
                self._conclude()
                continue
            self._ring.add(encoded)
            self._see(self._pictures(encoded))
        self._see(self._decoder.rest())
        self._conclude()

    def _pictures(self, encoded: Encoded) -> Iterator[Picture]:
        """Decode a picture. Only the first one after the camera's time jumped tells of that: where it is
        damaged, the last whole one is seen again at its time."""
        shown = False
        for picture in self._decoder.pictures(encoded):
            shown = True
            yield picture
        if not shown and self._last is not None and abs(encoded.at - self._last.at) > JUMPED:
            yield replace(self._last, at=encoded.at)

    def _read_for_ever(self) -> None:
        failures = 0
        while not self._stop.is_set():
            began, read = time.monotonic(), self._read
            trouble = self._read_until_it_breaks()
            if trouble is None:
                return
            if self._read > read and time.monotonic() - began > LASTING_S:
                failures = 0
            # Only what is new: a camera without power would fill the log.
            log.log(logging.DEBUG if failures else logging.WARNING, "%s: %s", self.camera.device, trouble)
            back_off_s = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
            self._stop.wait(REFUSED_BACK_OFF_S if isinstance(trouble, SourceRefused) else back_off_s)
            failures += 1

    def _read_until_it_breaks(self) -> SourceAway | None:
        """Return why the stream ended; None where it was told to."""
        try:
            self._take(read_live(self.camera.source, self._stop))
        except SourceAway as trouble:
            return trouble
        return None

    def _take(self, source: Iterable[Encoded]) -> None:
        codec = None
        for encoded in source:
            if encoded.codec is not codec:
                codec = encoded.codec
                log.info("%s: pictures come (%s)", self.camera.device, codec.name)
            self._read += 1
            self._backlog.put(encoded)

    def _see(self, pictures: Iterable[Picture]) -> None:
        """Judge pictures as they are decoded; one that can't be looked at is left out."""
        try:
            for picture in pictures:
                self._look(picture)
        except UnreadableMedia as error:
            self._decoder.damaged += 1
            log.warning("%s: %s", self.camera.device, error)

    def _look(self, picture: Picture) -> None:
        if self._backlog.behind > HURRY and not self._has_left_out:
            self._has_left_out = True
            self._left_out += 1
            return
        self._has_left_out = False
        began = time.monotonic()
        findings = self._judged_by_detector(picture)
        self.seen_s = time.monotonic()
        self._judging_s += self.seen_s - began
        self._judged += 1
        self._last = picture
        for finding in findings:
            self._found(finding)
        self._show(lambda finding: picture.at >= shown_until(finding))

    def _judged_by_detector(self, picture: Picture) -> Sequence[Finding]:
        """Return what the detector says; where it fails it forgets the camera, and that is said once."""
        try:
            findings = self._detector.see(self._state, picture)
        except Exception as error:  # noqa: BLE001 - a fault over one picture must not end the watch
            if not self._has_failed:
                log.error("%s: the detector failed: %s: %s", self.camera.device, type(error).__name__, error)
            self._has_failed = True
            self._state = self._detector.new_state(self.camera.view)
            return ()
        self._has_failed = False
        return findings

    def _conclude(self) -> None:
        """Conclude what the detector left open, and show what there is: no picture comes for now."""
        for finding in self._detector.finish(self._state):
            self._found(finding)
        self._state = self._detector.new_state(self.camera.view)
        self._show(lambda _: True)

    def _found(self, finding: Finding) -> None:
        """Tell a finding at once, with a picture; its clip is made when the last of it was seen."""
        finding = replace(finding, id=_id_of(finding))
        if self._last is not None:
            finding = with_origin(finding, self.camera.view, self._last.size_wh)
        log.info("%s: %s (%.0f %%)", self.camera.device, finding.label, 100 * finding.confidence)
        evidence = () if self._last is None else pictures_of(self._last, finding, self.camera.view)
        if not self.camera.originals:
            evidence = evidence[:1]
        self._tell(finding_message(self.camera.device, replace(finding, evidence=evidence)))
        if (finding.box_xyxy is not None or finding.track) and self._is_first_of_its_start(finding):
            self._to_show[_id_of(finding)] = finding

    def _is_first_of_its_start(self, finding: Finding) -> bool:
        """Tell whether what began then has no clip under another id: a fire is told again and again."""
        if finding.started_at is None:
            return True
        begun = finding.label, finding.started_at
        while len(self._shown) >= MOST_REMEMBERED:
            del self._shown[next(iter(self._shown))]
        return self._shown.setdefault(begun, _id_of(finding)) == _id_of(finding)

    def _show(self, is_due: Callable[[Finding], bool]) -> None:
        due = [finding for finding in self._to_show.values() if is_due(finding)]
        for finding in due:
            del self._to_show[_id_of(finding)]
            kept = self._ring.since(shown_from(finding))
            self._showing.ask(Wanted(camera=self.camera, finding=finding, kept=kept), waits=self._is_file)


def _id_of(finding: Finding) -> str:
    """Return a finding's id, by which its clip finds it: that by which a collector knows one without."""
    box = None if finding.box_xyxy is None else tuple(map(float, finding.box_xyxy))
    return finding.id or f"{finding.observed_at.isoformat()} {finding.label} {box}"
