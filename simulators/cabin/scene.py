"""Draws one cabin, with what is in it and before it, through one lens."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import Pixels
from simulators.cabin.lens import Lens
from simulators.cabin.mesh import Floats, Mesh
from simulators.cabin.room import Backdrop, Room, backdrop

Numbers = NDArray[np.uint8]

FINER = 2
"""Shapes are drawn so many times finer than the picture and averaged: spokes are thinner than a pixel."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A picture, and per pixel the number of the thing that it shows, 0 for the cabin."""

    pixels: Pixels
    things: Numbers


class Scene:
    """A cabin before a lens; `draw` may be called again and again."""

    def __init__(self, room: Room, lens: Lens) -> None:
        self.room, self.lens = room, lens
        self._fine = lens.resized((FINER * lens.size_wh[0], FINER * lens.size_wh[1]))
        seen = backdrop(room, lens)
        self._doorway_x = _finer(seen.doorway_x, cv2.INTER_NEAREST)
        self._mirror = _finer(seen.mirror.astype(np.uint8), cv2.INTER_NEAREST)
        self._closed, self._opened = self._canvases(seen)
        self._middle = sum(room.door_m) / 2

    def _canvases(self, seen: Backdrop) -> tuple[Pixels, Pixels]:
        canvases = []
        for picture in (seen.closed, seen.opened):
            fine = np.asarray(cv2.cvtColor(_finer(picture, cv2.INTER_LINEAR), cv2.COLOR_BGR2BGRA), np.uint8)
            fine[..., 3] = 0
            if self.room.rails is not None:
                self._paint(fine, [self.room.rails], [0])
            canvases.append(fine)
        return canvases[0], canvases[1]

    def draw(self, meshes: Sequence[Mesh], opening: float) -> Drawn:
        """Draw things, numbered from 1 in their order, with the door `opening` from 0 to 1."""
        inside = [_part(mesh, mesh.quads[..., 1].mean(axis=1) >= 0) for mesh in meshes]
        outside = [_part(mesh, mesh.quads[..., 1].mean(axis=1) < 0) for mesh in meshes]
        numbers = range(1, len(meshes) + 1)
        canvas = self._closed.copy()
        if opening > 0:
            beyond = self._opened.copy()
            self._paint(beyond, outside, numbers)
            np.copyto(canvas, beyond, where=self._is_open(opening)[..., None])
        if any(len(mesh.quads) for mesh in inside):
            self._shade_floor(canvas, inside)
            if self.room.mirror is not None and self._mirror.any():
                self._reflect(canvas, inside, numbers, face=self.room.mirror[0])
            self._paint(canvas, inside, numbers)
        small = cv2.resize(canvas, self.lens.size_wh, interpolation=cv2.INTER_AREA)
        return Drawn(
            pixels=np.ascontiguousarray(small[..., :3]),
            things=np.ascontiguousarray(canvas[::FINER, ::FINER, 3]),
        )

    def _is_open(self, opening: float) -> NDArray[np.bool_]:
        left, right = self.room.door_m
        if self.room.side_opening:
            return np.asarray(self._doorway_x < left + (right - left) * opening)
        return np.asarray(np.abs(self._doorway_x - self._middle) < (right - left) / 2 * opening)

    def _reflect(self, canvas: Pixels, meshes: Sequence[Mesh], numbers: Sequence[int], *, face: int) -> None:
        axis, plane = face // 2, (0.0, self.room.size_m[face // 2])[face % 2]
        images = []
        for mesh in meshes:
            quads = mesh.quads[:, ::-1].copy()
            quads[..., axis] = 2 * plane - quads[..., axis]
            images.append(Mesh(quads, mesh.colours * np.float32(0.85)))
        seen = canvas.copy()
        self._paint(seen, images, numbers)
        seen[..., 3] = 0
        np.copyto(canvas, seen, where=(self._mirror > 0)[..., None])

    def _shade_floor(self, canvas: Pixels, meshes: Sequence[Mesh]) -> None:
        """Darken the floor under things that stand between it and the lamps."""
        width, height = self.lens.size_wh
        shade = np.zeros((height // 2, width // 2), np.uint8)
        for mesh in meshes:
            low = mesh.quads[mesh.quads[..., 2].mean(axis=1) < 1.0]
            if not len(low):
                continue
            flat = low.reshape(-1, 3) * np.array([1, 1, 0], np.float32)
            where, _, in_view = self.lens.project(flat)
            corners = np.clip(np.round(where / 2), -4000, 4000).astype(np.int32).reshape(-1, 4, 2)
            for quad in corners[in_view.reshape(-1, 4).all(axis=1)][::2]:
                cv2.fillConvexPoly(shade, quad, 90)
        shade = np.asarray(cv2.blur(shade, (9, 9)))
        keep = cv2.bitwise_not(cv2.resize(shade, canvas.shape[1::-1], interpolation=cv2.INTER_LINEAR))
        cv2.multiply(canvas, cv2.merge([keep] * 4), canvas, 1 / 255)

    def _paint(self, canvas: Pixels, meshes: Sequence[Mesh], numbers: Sequence[int]) -> None:
        """Paint the quads that face the lens, farthest first; the alpha channel takes the thing's number."""
        if not any(len(mesh.quads) for mesh in meshes):
            return
        quads = np.concatenate([mesh.quads for mesh in meshes])
        colours = np.concatenate([mesh.colours for mesh in meshes])
        owners = np.repeat(np.array(list(numbers), np.float32), [len(mesh.quads) for mesh in meshes])
        normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
        centres = quads.mean(axis=1)
        shown = np.flatnonzero(np.einsum("ij,ij->i", normals, centres - self.lens.at_m) < 0)
        quads, colours, owners = quads[shown], colours[shown], owners[shown]
        normals, centres = normals[shown], centres[shown]
        where, away, in_view = self._fine.project(quads.reshape(-1, 3))
        in_front = np.asarray(in_view.reshape(-1, 4).all(axis=1), np.bool_)
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        lit = self.room.light(centres, normals)
        inks = np.column_stack([np.clip(colours * lit[:, None], 0, 255), owners])
        corners = np.clip(np.round(where * 8), -(1 << 18), 1 << 18).astype(np.int32).reshape(-1, 4, 2)
        order = np.argsort(-away.reshape(-1, 4).mean(axis=1), kind="stable")
        order = order[in_front[order]]
        for corner, ink in zip(corners[order], inks[order].tolist(), strict=True):
            cv2.fillConvexPoly(canvas, corner, ink, cv2.LINE_8, 3)


def _part(mesh: Mesh, kept: NDArray[np.bool_]) -> Mesh:
    return mesh if kept.all() else Mesh(mesh.quads[kept], mesh.colours[kept])


def _finer(picture: NDArray[np.uint8] | Floats, how: int) -> NDArray[np.uint8]:
    size_wh = (FINER * picture.shape[1], FINER * picture.shape[0])
    return np.asarray(cv2.resize(picture, size_wh, interpolation=how))
