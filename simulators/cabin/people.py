"""People who ride a lift: they stand, walk, sit, hold on to things and carry some."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.cabin.colours import grey, hair, paint, skin
from simulators.cabin.mesh import DARK, Colour, Mesh, Place, ball, block, joined, loft, path, tower, tube


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """How tall and wide a person is, what it wears and carries."""

    height_m: float
    girth: float
    shirt: Colour
    trousers: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    hat: Colour | None
    helmet: bool
    long_hair: bool
    coat_m: float
    """How far its coat or skirt hangs below the hips."""
    bare_arms: bool
    backpack: Colour | None
    bag: Colour | None
    bow: float
    """By how many metres the shoulders are before the hips."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, is_child: bool = False) -> "Person":
        """Draw a person at random."""
        tall = rng.uniform(0.85, 1.4) if is_child else float(np.clip(rng.normal(1.67, 0.1), 1.4, 1.95))
        helmet = bool(rng.random() < 0.12)
        return cls(
            height_m=float(tall),
            girth=float(rng.uniform(0.85, 1.35)),
            shirt=paint(rng),
            trousers=paint(rng),
            shoes=paint(rng),
            skin=skin(rng),
            hair=hair(rng),
            hat=paint(rng) if helmet or rng.random() < 0.15 else None,
            helmet=helmet,
            long_hair=bool(rng.random() < 0.35),
            coat_m=float(rng.choice([0.0, rng.uniform(0.1, 0.55)], p=[0.65, 0.35])),
            bare_arms=bool(rng.random() < 0.35),
            backpack=paint(rng) if rng.random() < 0.2 else None,
            bag=paint(rng) if rng.random() < 0.2 else None,
            bow=float(rng.choice([rng.uniform(0, 0.05), rng.uniform(0.05, 0.35)], p=[0.8, 0.2])),
        )

    def standing(self, stride: float, hands: Sequence[Place] = ()) -> Mesh:
        """Stand or walk; `stride` swings the legs, `hands` (left, right) are where the hands hold on to."""
        tall, step = self.height_m, 0.14 * self.height_m * float(np.sin(stride))
        hip = 0.5 * tall
        legs = []
        for side, ahead in ((1, step), (-1, -step)):
            across = side * 0.055 * tall * self.girth
            knee = (0.6 * ahead + 0.03 * tall, across, 0.28 * tall)
            foot = (ahead, across, 0.05 * tall)
            legs += [*self._leg((0, across, hip), knee, foot), self._shoe(ahead, across)]
        return joined([*legs, *self._trunk(0.0, hip, hands, swing=step)])

    def sitting(
        self, x: float, seat_m: float, hands: Sequence[Place] = (), *, feet: Place | None = None
    ) -> Mesh:
        """Sit at `x` on a seat of height `seat_m`; `feet` is where the left foot is."""
        tall, hip = self.height_m, seat_m + 0.05 * self.height_m
        to_x, to_y, to_z = feet or (x + 0.3 * tall, 0.06 * tall, max(0.06, seat_m - 0.27 * tall))
        legs = []
        for side in (1, -1):
            knee = (x + 0.25 * tall, side * max(0.06 * tall, 0.8 * abs(to_y)), hip + 0.02 * tall)
            legs += self._leg((x, side * 0.05 * tall, hip), knee, (to_x, side * abs(to_y), to_z))
            legs.append(self._shoe(to_x, side * abs(to_y), to_z - 0.05 * tall))
        return joined([*legs, *self._trunk(x, hip, hands)])

    def lying(self, x: float, top_m: float, blanket: Colour | None) -> Mesh:
        """Lie on the back along x, head at `x`, on something that is `top_m` high."""
        tall, flat = self.height_m, top_m + 0.09
        head = ball((x, 0, flat + 0.02), (0.11, 0.08, 0.09), self.skin)
        crown = ball((x + 0.03, 0, flat + 0.02), (0.1, 0.085, 0.085), self.hair)
        if blanket is not None:
            end = x - 0.95 * tall
            cover = loft(
                [(top_m, end, x - 0.25, -0.27, 0.27), (top_m + 0.2, end + 0.1, x - 0.3, -0.18, 0.18)], blanket
            )
            return joined([head, crown, cover, self._lying_chest(x, flat)])
        legs = [
            tube((x - 0.5 * tall, y, flat), (x - 0.95 * tall, y, flat - 0.02), 0.075, self.trousers)
            for y in (-0.1, 0.1)
        ]
        return joined([head, crown, self._lying_chest(x, flat), *legs])

    def _lying_chest(self, x: float, flat: float) -> Mesh:
        return ball((x - 0.3 * self.height_m, 0, flat), (0.24 * self.height_m, 0.2, 0.12), self.shirt)

    def _leg(self, hip: Place, knee: Place, foot: Place) -> list[Mesh]:
        wide = 0.045 * self.height_m * self.girth
        return [
            tube(hip, knee, wide * 1.15, self.trousers, to=wide * 0.85),
            tube(knee, foot, wide * 0.85, self.trousers, to=wide * 0.65),
        ]

    def _shoe(self, x: float, y: float, z: float = 0.0) -> Mesh:
        size = self.height_m
        low = (x - 0.04 * size, y - 0.025 * size, max(0.0, z))
        return block(low, (x + 0.1 * size, y + 0.025 * size, low[2] + 0.05 * size), self.shoes)

    def _trunk(self, x: float, hip: float, hands: Sequence[Place], *, swing: float = 0.0) -> list[Mesh]:
        tall, girth = self.height_m, self.girth
        shoulder, ahead = hip + 0.31 * tall, x + self.bow
        wide = 0.105 * tall * (0.75 + 0.25 * girth)
        body = tower(
            [
                (hip - 0.03 * tall, x, 0.065 * tall * girth, 0.095 * tall * girth),
                (hip + 0.12 * tall, (x + ahead) / 2, 0.06 * tall * girth, 0.085 * tall * girth),
                (shoulder - 0.05 * tall, ahead, 0.065 * tall, wide),
                (shoulder + 0.01 * tall, ahead, 0.04 * tall, 0.7 * wide),
            ],
            self.shirt,
        )
        parts = [body, *self._head(ahead + 0.4 * self.bow, shoulder)]
        if self.coat_m:
            deep = hip - self.coat_m * tall * 0.6
            parts.append(
                tower(
                    [
                        (deep, x, 0.1 * tall * girth, 0.12 * tall * girth),
                        (hip + 0.02, x, 0.068 * tall * girth, 0.098 * tall * girth),
                    ],
                    self.shirt,
                )
            )
        hands = hands or [
            (ahead + 0.04 - side * 0.8 * swing, side * (wide + 0.05 * tall), hip - 0.03 * tall)
            for side in (1, -1)
        ]
        for side, hand in zip((1, -1), hands, strict=False):
            parts += self._arm((ahead, side * (wide + 0.01 * tall), shoulder - 0.03 * tall), hand, side)
        if self.backpack is not None:
            parts.append(
                block((ahead - 0.27, -0.15, hip + 0.04), (ahead - 0.07 * tall, 0.15, shoulder), self.backpack)
            )
        if self.bag is not None:
            bx, by, bz = hands[0]
            parts.append(
                block((bx - 0.14, by - 0.05, bz - 0.34), (bx + 0.14, by + 0.06, bz - 0.05), self.bag)
            )
        return parts

    def _arm(self, shoulder: Place, hand: Place, side: int) -> list[Mesh]:
        tall = self.height_m
        start, end = np.array(shoulder), np.array(hand)
        reach = 0.34 * tall
        if (apart := float(np.linalg.norm(end - start))) > reach:
            end = start + (end - start) * reach / apart
        bend = max(0.0, (0.17 * tall) ** 2 - (float(np.linalg.norm(end - start)) / 2) ** 2) ** 0.5
        elbow = (start + end) / 2 + bend * np.array([-0.5, 0.5 * side, -0.7])
        wide = 0.026 * tall * (0.6 + 0.4 * self.girth)
        sleeve = self.skin if self.bare_arms else self.shirt
        return [
            tube(start, elbow, 1.25 * wide, self.shirt, to=wide),
            tube(elbow, end, wide, sleeve, to=0.8 * wide),
            ball(end, (0.03 * tall, 0.025 * tall, 0.03 * tall), self.skin, rows=3, sides=6),
        ]

    def _head(self, x: float, shoulder: float) -> list[Mesh]:
        tall = max(self.height_m, 1.25)
        middle = shoulder + 0.095 * tall
        parts = [
            tube((x, 0, shoulder - 0.01), (x, 0, middle), 0.03 * tall, self.skin),
            ball((x + 0.008, 0, middle), (0.055 * tall, 0.046 * tall, 0.068 * tall), self.skin),
            ball((x - 0.012, 0, middle + 0.014), (0.058 * tall, 0.051 * tall, 0.066 * tall), self.hair),
        ]
        if self.long_hair:
            parts.append(
                ball(
                    (x - 0.03 * tall, 0, middle - 0.05 * tall),
                    (0.04 * tall, 0.05 * tall, 0.09 * tall),
                    self.hair,
                )
            )
        if self.hat is not None:
            high = 0.085 if self.helmet else 0.06
            parts.append(
                ball((x, 0, middle + 0.02 * tall), (0.07 * tall, 0.065 * tall, high * tall), self.hat)
            )
        return parts


def umbrella(rng: np.random.Generator, hand: Place) -> Mesh:
    """Make an open umbrella above a hand."""
    x, y, z = hand
    wide = float(rng.uniform(0.4, 0.55))
    return joined(
        [
            tube(hand, (x, y, z + 0.75), 0.01, DARK, sides=4),
            tower(
                [(z + 0.5, x, wide, wide), (z + 0.65, x, 0.7 * wide, 0.7 * wide), (z + 0.75, x, 0.02, 0.02)],
                paint(rng),
            ).placed(y=y),
        ]
    )


def drip_stand(rng: np.random.Generator, x: float, y: float, foot_m: float) -> Mesh:
    """Make a stand with a bag of an infusion."""
    top = 1.8
    return joined(
        [
            path([(x, y, foot_m), (x, y, top), (x + 0.1, y, top)], 0.012, grey(rng, 170)),
            block((x + 0.05, y - 0.05, top - 0.25), (x + 0.09, y + 0.05, top - 0.03), (225, 230, 230)),
        ]
    )
