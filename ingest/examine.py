"""What a worker process does with one frame, clip or finding: decode, detect, and draw the evidence."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from detectors import CAMERA_DETECTORS, DetectorOptions
from detectors.protocol import CameraDetector, RememberingDetector, ScoringDetector
from gridwatch.drawing import clip, composite, draw
from gridwatch.errors import UnreadableMedia
from gridwatch.facade import FacadeView, with_origin
from gridwatch.media import encode_jpeg, read_picture, read_video
from gridwatch.model import Clip, DeviceFinding, Evidence, Finding, Frame, Picture, latest
from gridwatch.picture_format import read_preset

Medium: TypeAlias = Frame | Clip | DeviceFinding

MAX_CLIP = timedelta(minutes=2)
"""A clip is a few seconds; a longer one would keep its worker from the other cameras. It is quarantined."""

CAMERAS_REMEMBERED = 1000
"""States kept in one worker; a camera that was silent while so many others spoke is learnt anew."""

KEPT_EVERY = timedelta(minutes=10)
"""Of a camera's pictures: what it learns over days is handed out so often, and a restart loses that much."""

EVIDENCE_MARGIN = timedelta(seconds=3)
"""Of video kept before and after what was found."""

FINDINGS_SHOWN = 8
"""Of one clip: further findings are kept without pictures of their own."""

CONTAINERS = {
    "video/mp4": (4, b"ftyp"),
    "video/x-matroska": (0, b"\x1aE\xdf\xa3"),
    "video/x-msvideo": (8, b"AVI "),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """The findings in a medium with their evidence; of a frame also how surely what is seen in it now.

    `kept` is what the camera's detector wants to know again after a restart; None: it is as it was.
    """

    findings: tuple[Finding, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    kept: bytes | None = None


@dataclass(slots=True)
class _Memory:
    """What a worker remembers of a camera, and what of that is safe, as of the picture of `kept_at`."""

    view: FacadeView | None
    state: Any
    kept: bytes
    kept_at: datetime


class Examiner:
    """The detectors of one worker and what they remember of its cameras."""

    def __init__(self, options: DetectorOptions) -> None:
        self._detectors = {scene: build(options) for scene, build in CAMERA_DETECTORS.items()}
        self._originals = options.originals
        self._memories: OrderedDict[str, _Memory] = OrderedDict()

    def examine(
        self, scene: str, medium: Medium, view: FacadeView | None = None, kept: bytes = b""
    ) -> Examined:
        """Return the findings with their evidence drawn; `view` is what is known of the camera's façade.

        `kept` is what was kept of the camera last, for a worker that does not know it.

        Raises UnreadableMedia where the bytes can't be decoded and DetectorError where a detector fails.
        """
        if isinstance(medium, DeviceFinding):
            sent = show_sent(medium.finding, view, originals=scene in self._originals)
            return Examined(findings=(sent,))
        detector = self._detectors.get(scene)
        originals = scene in self._originals
        if isinstance(medium, Clip):
            return Examined(findings=tuple(self._clip(detector, medium, view, originals)))
        preset = read_preset(medium.image)
        picture = Picture(pixels=read_picture(medium.image), at=medium.observed_at, preset=preset)
        if detector is None:
            return Examined()
        memory = self._memory(medium, detector, view, kept)
        findings = detector.see(memory.state, picture)
        told = [with_origin(finding, view, picture.size_wh) for finding in findings]
        return Examined(
            findings=tuple(
                replace(finding, evidence=_allowed(pictures_of(picture, finding, view), originals))
                for finding in told
            ),
            scores=detector.scores(memory.state) if isinstance(detector, ScoringDetector) else {},
            kept=_to_keep(memory, detector, medium.observed_at),
        )

    def _clip(
        self, detector: CameraDetector[Any] | None, medium: Clip, view: FacadeView | None, originals: bool
    ) -> Iterator[Finding]:
        """A clip is judged by itself: the next one may follow after hours."""
        findings: list[Finding] = []
        state = detector.new_state(view) if detector else None
        size_wh = (0, 0)
        for picture in _pictures(medium):
            size_wh = picture.size_wh
            if detector:
                findings += detector.see(state, picture)
        if detector:
            findings += detector.finish(state)
        for number, finding in enumerate(latest(findings)):
            told = with_origin(finding, view, size_wh)
            shown = _allowed(video_of(medium, told, view), originals) if number < FINDINGS_SHOWN else ()
            yield replace(told, evidence=shown)

    def _memory(
        self, medium: Frame, detector: CameraDetector[Any], view: FacadeView | None, kept: bytes
    ) -> _Memory:
        """Return the memory of a camera; who looks at another façade now has none yet."""
        key = f"{detector.name} {medium.device}"
        known = self._memories.get(key)
        if known is None or known.view != view:
            state = detector.new_state(view)
            if known is None and isinstance(detector, RememberingDetector):
                detector.recall(state, kept)
            self._memories[key] = _Memory(view=view, state=state, kept=kept, kept_at=medium.observed_at)
        self._memories.move_to_end(key)
        while len(self._memories) > CAMERAS_REMEMBERED:
            self._memories.popitem(last=False)
        return self._memories[key]


def _to_keep(memory: _Memory, detector: CameraDetector[Any], at: datetime) -> bytes | None:
    """Return what is to be kept of a camera now, None for nothing new."""
    if not isinstance(detector, RememberingDetector) or abs(at - memory.kept_at) < KEPT_EVERY:
        return None
    kept = detector.kept(memory.state)
    memory.kept_at = at
    if kept == memory.kept:
        return None
    memory.kept = kept
    return kept


def _allowed(evidence: tuple[Evidence, ...], originals: bool) -> tuple[Evidence, ...]:
    return tuple(one for one in evidence if one.masked or originals)


def pictures_of(picture: Picture, finding: Finding, view: FacadeView | None = None) -> tuple[Evidence, ...]:
    """Return the finding drawn on a masked copy, and the picture as the camera saw it."""
    drawn = encode_jpeg(draw(picture, finding, masked=True, view=view))
    return (
        Evidence(media_type="image/jpeg", content=drawn, masked=True),
        Evidence(media_type="image/jpeg", content=encode_jpeg(picture.pixels)),
    )


def video_of(medium: Clip, finding: Finding, view: FacadeView | None = None) -> tuple[Evidence, ...]:
    """Return picture and clip of a finding, masked with it drawn in, then both as the camera saw them."""
    masked, original = pictures_of(composite(_around(medium, finding), finding), finding, view)
    drawn = clip(_around(medium, finding), finding, masked=True, view=view)
    video = Evidence(media_type="video/mp4", content=drawn, masked=True)
    return (masked, video, original, *_as_sent(medium.video))


def show_sent(finding: Finding, view: FacadeView | None = None, *, originals: bool = True) -> Finding:
    """Draw a finding on masked copies of the pictures that the device sent with it, unless it did so itself.

    Without `originals` only those are kept; a finding without a place has nothing that a copy could show,
    and keeps what was sent. A picture that can't be read costs the evidence, never the finding; `criteria`
    counts them.
    """
    has_place = finding.box_xyxy is not None or bool(finding.track)
    shown: list[Evidence] = []
    unreadable = 0
    for evidence in finding.evidence:
        try:
            copies = _masked_copy(evidence, finding, view)
        except UnreadableMedia:
            unreadable += 1
            continue
        shown += copies
        if originals or not (copies and has_place):
            shown.append(evidence)
    criteria = dict(finding.criteria) | ({"evidence_unreadable": float(unreadable)} if unreadable else {})
    return replace(finding, evidence=tuple(shown), criteria=criteria)


def _masked_copy(evidence: Evidence, finding: Finding, view: FacadeView | None) -> tuple[Evidence, ...]:
    """Return the masked copy to be kept beside a file; none where the device masked it. Reads all of it."""
    if evidence.url is not None:
        return ()
    if evidence.media_type.startswith("image/"):
        picture = Picture(pixels=read_picture(evidence.content), at=finding.observed_at)
        return () if evidence.masked else pictures_of(picture, finding, view)[:1]
    start = finding.started_at or finding.observed_at
    video = read_video(evidence.content, start=start, max_duration=MAX_CLIP)
    if evidence.masked:
        deque(video, maxlen=0)
        return ()
    drawn = clip(video, finding, masked=True, view=view)
    return (Evidence(media_type="video/mp4", content=drawn, masked=True),)


def _around(medium: Clip, finding: Finding) -> Iterable[Picture]:
    """Decode anew the part of a clip that shows a finding: two passes keep no video in memory."""
    first = (finding.started_at or finding.observed_at) - EVIDENCE_MARGIN
    last = (finding.ended_at or finding.observed_at) + EVIDENCE_MARGIN
    return (picture for picture in _pictures(medium) if first <= picture.at <= last)


def _pictures(medium: Clip) -> Iterator[Picture]:
    return read_video(medium.video, start=medium.observed_at, max_duration=MAX_CLIP)


def _as_sent(video: bytes) -> Iterator[Evidence]:
    for media_type, (offset, mark) in CONTAINERS.items():
        if video[offset : offset + len(mark)] == mark:
            yield Evidence(media_type=media_type, content=video)
