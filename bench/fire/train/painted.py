"""Painted fire, and what looks like fire and is none: skies, lamps, leaves, cloth, warm light.

Pictures are float, height × width × 3, blue-green-red of 0 to 255.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def noise(rng: np.random.Generator, size_wh: tuple[int, int], cell_px: float, stretch: float = 1.0) -> Floats:
    """Return smooth noise of 0 to 1 of some octaves; `stretch` makes its grains taller than wide."""
    width, height = size_wh
    whole = np.zeros((height, width), np.float32)
    for octave in range(4):
        cell = max(1.5, cell_px / 2**octave)
        coarse = (max(2, round(width / cell) + 1), max(2, round(height / cell / stretch) + 1))
        grains = rng.standard_normal((coarse[1], coarse[0])).astype(np.float32)
        whole += cv2.resize(grains, size_wh, interpolation=cv2.INTER_CUBIC) * 0.6**octave
    low, high = np.quantile(whole, (0.02, 0.98))
    return np.asarray(np.clip((whole - low) / max(float(high - low), 1e-6), 0, 1), np.float32)


def flame(
    rng: np.random.Generator, size_wh: tuple[int, int], pictures: int = 2
) -> list[tuple[Floats, Floats]]:
    """Paint a flame that fills most of the size; return its light and how much it hides, at some moments.

    Tongues with turbulent edges over a bed; the hotter, the yellower, as a black body is, then overexposed.
    """
    width, height = size_wh
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    up = 1 - (down + 0.5) / height
    tongues = int(rng.integers(1, 7))
    places = rng.uniform(0.25, 0.75, tongues) if tongues > 1 else np.array([0.5])
    tall, wide = rng.uniform(0.5, 1.1, tongues), rng.uniform(0.08, 0.3, tongues)
    heat, green = rng.uniform(0.9, 2.0), rng.uniform(0.35, 0.75)
    blue, ragged = rng.uniform(0.0, 0.45), rng.uniform(0.25, 0.7)
    grain = rng.uniform(0.15, 0.5) * width
    shown = []
    for _ in range(pictures):
        sway = (noise(rng, size_wh, 0.5 * width, 1.5) - 0.5) * 0.35 * up
        body = np.zeros((height, width), np.float32)
        for place, top, spread in zip(places, tall * rng.uniform(0.75, 1.15, tongues), wide, strict=True):
            reach = np.clip(1 - up / top, 0, 1)
            narrow = spread * (0.35 + 0.65 * np.sqrt(reach))
            off = (across / width - place + sway) / narrow
            body = np.maximum(body, np.exp(-(off**2)) * reach**0.5 * (reach > 0))
        edge = noise(rng, size_wh, grain, rng.uniform(1.5, 3.0))
        warmth = np.clip(body * (1 - ragged + 1.6 * ragged * edge) - 0.25, 0, None) * 1.5
        warmth *= np.clip(up * height / (0.04 * height + 1), 0, 1)
        glow = warmth * heat
        red = np.clip(glow * 2.2, 0, 1)
        yellow = np.clip(green * glow * 1.5 - 0.12, 0, 1)
        white = np.clip(blue * glow**2 - 0.1, 0, 1)
        light = 255 * np.stack([white, np.minimum(yellow, red), red], axis=2)
        shown.append((light.astype(np.float32), np.clip(warmth * 3, 0, 1).astype(np.float32)))
    return shown


def plume(
    rng: np.random.Generator, size_wh: tuple[int, int], pictures: int = 2
) -> list[tuple[Floats, Floats]]:
    """Paint smoke that rises from the bottom; return its colour and how much it hides, at some moments."""
    width, height = size_wh
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    up = 1 - (down + 0.5) / height
    grey = rng.uniform(25, 90) if rng.random() < 0.25 else rng.uniform(130, 235)
    tint = np.array([1.0, 1.0, 1.0]) + rng.normal(0, 0.03, 3)
    lean, spread, dense = rng.normal(0, 0.25), rng.uniform(0.08, 0.3), rng.uniform(0.35, 1.0)
    grown = rng.uniform(0.7, 1.0)
    shown = []
    for _ in range(pictures):
        curl = (noise(rng, size_wh, 0.4 * width) - 0.5) * 0.25 * up
        off = (across / width - 0.5 - lean * up + curl) / (0.04 + spread * up**0.8)
        body = np.exp(-(off**2)) * np.clip((grown - up) / 0.3, 0, 1) * np.clip(up / 0.03, 0, 1)
        thick = body * (0.45 + 0.75 * noise(rng, size_wh, 0.2 * width)) * dense
        shade = grey * (0.8 + 0.35 * noise(rng, size_wh, 0.25 * width))
        colour = shade[..., None] * tint
        shown.append((colour.astype(np.float32), np.clip(thick, 0, 0.97).astype(np.float32)))
        grown *= rng.uniform(0.9, 1.25)
    return shown


def sky(rng: np.random.Generator, size_wh: tuple[int, int]) -> Floats:
    """Paint a sky at sunrise or sunset, with clouds lit from below, perhaps the sun and water."""
    width, height = size_wh
    warm = [(20, 90, 250), (40, 140, 255), (90, 190, 255), (60, 60, 220), (120, 110, 200), (140, 170, 240)]
    cool = [(130, 90, 70), (90, 50, 60), (60, 40, 40), (160, 120, 140), (30, 25, 90)]
    stops = [cool[int(rng.integers(len(cool)))]]
    stops += [warm[int(rng.integers(len(warm)))] for _ in range(int(rng.integers(1, 4)))]
    rows = np.linspace(0, len(stops) - 1, height)
    column = np.stack([np.interp(rows, range(len(stops)), [s[c] for s in stops]) for c in range(3)], axis=1)
    shown = np.repeat(column[:, None], width, axis=1).astype(np.float32)
    clouds = noise(rng, size_wh, rng.uniform(0.1, 0.5) * width, rng.uniform(0.2, 0.7))
    cover = np.clip((clouds - rng.uniform(0.3, 0.8)) * rng.uniform(2, 6), 0, 1)[..., None]
    lit = np.array(warm[int(rng.integers(len(warm)))] if rng.random() < 0.6 else (60, 50, 70), np.float32)
    shown = shown * (1 - cover * 0.8) + lit * rng.uniform(0.7, 1.2) * cover * 0.8
    if rng.random() < 0.6:
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.2, 0.9) * height
        shown += _halo(size_wh, (x, y), rng.uniform(0.02, 0.1) * width, rng.uniform(0.1, 0.4) * width, rng)
    if rng.random() < 0.3:
        sea = int(rng.uniform(0.5, 0.85) * height)
        mirrored = shown[max(0, 2 * sea - height) : sea][::-1]
        ripple = 0.5 + 0.8 * noise(rng, (width, len(mirrored)), 0.08 * width, 0.2)[..., None]
        shown[sea : sea + len(mirrored)] = mirrored * ripple
    return np.asarray(np.clip(shown * rng.uniform(0.6, 1.2), 0, 255), np.float32)


def lamps(rng: np.random.Generator, under: Floats) -> Floats:
    """Hang warm lamps, shades, signs or far lights into a picture."""
    height, width = under.shape[:2]
    shown = under * rng.uniform(0.15, 1.0)
    far = rng.random() < 0.4
    for _ in range(int(rng.integers(3, 40)) if far else int(rng.integers(1, 5))):
        centre = (rng.uniform(0, 1) * width, rng.uniform(0, 0.9) * height)
        core = rng.uniform(0.003, 0.015) * width if far else rng.uniform(0.01, 0.12) * width
        shown = shown + _halo((width, height), centre, core, core * rng.uniform(1.3, 4), rng)
    return np.asarray(np.clip(shown, 0, 255), np.float32)


def things(rng: np.random.Generator, under: Floats) -> Floats:
    """Put red, orange and yellow things into a picture: cloth, balls, signs, fruit, vests, writing."""
    height, width = under.shape[:2]
    shown = under.copy()
    for _ in range(int(rng.integers(1, 6))):
        colour = np.array([rng.uniform(0, 110), rng.uniform(30, 190), rng.uniform(170, 255)])
        mask = np.zeros((height, width), np.float32)
        centre = rng.uniform(0, 1, 2) * (width, height)
        axes = np.exp(rng.uniform(np.log(0.02), np.log(0.35), 2)) * width
        kind = rng.random()
        if kind < 0.4:
            middle, sides = centre.astype(int).tolist(), np.maximum(2, axes).astype(int).tolist()
            cv2.ellipse(mask, middle, sides, rng.uniform(0, 180), 0, 360, 1.0, -1)
        elif kind < 0.85:
            corners = cv2.boxPoints((centre.tolist(), axes.tolist(), rng.uniform(-30, 30)))
            cv2.fillPoly(mask, [corners.astype(np.int32)], 1.0)
        else:
            size = float(rng.uniform(0.6, 2.5))
            word = "".join(chr(int(n)) for n in rng.integers(65, 91, int(rng.integers(3, 9))))
            where = (int(centre[0] / 2), int(centre[1]))
            written = np.zeros((height, width), np.uint8)
            cv2.putText(written, word, where, cv2.FONT_HERSHEY_SIMPLEX, size, 1, int(2 * size + 1))
            mask = written.astype(np.float32)
        soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 2)), np.float32)[..., None]
        shade = 0.55 + 0.6 * noise(rng, (width, height), rng.uniform(0.05, 0.6) * width)[..., None]
        if rng.random() < 0.4:
            shade = shade * (0.7 + 0.5 * rng.random((height, width, 1)))
        shown = np.asarray(shown * (1 - soft) + colour * shade * soft, np.float32)
    return np.asarray(np.clip(shown, 0, 255), np.float32)


def leaves(rng: np.random.Generator, under: Floats) -> Floats:
    """Cover part of a picture with leaves or flowers in autumn's colours."""
    height, width = under.shape[:2]
    size_wh = (width, height)
    fine = noise(rng, size_wh, rng.uniform(0.012, 0.06) * width)
    other = noise(rng, size_wh, rng.uniform(0.012, 0.06) * width)
    red = 120 + 135 * fine
    colours = np.stack([red * rng.uniform(0.0, 0.3), red * (0.25 + 0.6 * other), red], axis=2)
    dark = np.clip((noise(rng, size_wh, 0.02 * width) - 0.25) * 4, 0.1, 1)[..., None]
    where = noise(rng, size_wh, rng.uniform(0.2, 0.6) * width)
    cover = np.clip((where - rng.uniform(0.2, 0.6)) * 8, 0, 1)[..., None]
    return np.asarray(under * (1 - cover) + colours * dark * cover, np.float32)


def warm(rng: np.random.Generator, under: Floats) -> Floats:
    """Light a picture with sodium lamps, candle-coloured bulbs or the low sun."""
    gains = np.array([rng.uniform(0.15, 0.7), rng.uniform(0.5, 0.9), rng.uniform(1.1, 1.7)])
    return np.asarray(np.clip(under * gains * rng.uniform(0.6, 1.3), 0, 255), np.float32)


def _halo(
    size_wh: tuple[int, int],
    centre: tuple[float, float],
    core: float,
    around: float,
    rng: np.random.Generator,
) -> Floats:
    width, height = size_wh
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    squeeze = rng.uniform(0.6, 1.6)
    far = np.hypot((across - centre[0]) * squeeze, down - centre[1])
    disc = np.clip((core - far) / max(1.0, 0.2 * core) + 0.5, 0, 1)
    glow = np.exp(-((far / around) ** rng.uniform(0.8, 2)))
    colour = np.array([rng.uniform(0, 130), rng.uniform(70, 200), rng.uniform(200, 255)], np.float32)
    inner = np.array([rng.uniform(80, 255), rng.uniform(180, 255), 255], np.float32)
    light = glow[..., None] * colour * rng.uniform(0.5, 1.0) + disc[..., None] * inner
    return np.asarray(light, np.float32)
