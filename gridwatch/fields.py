"""What somebody fills in: refused with every field that is wrong, for words of any language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ValidationError

from gridwatch.errors import GridwatchError


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongField:
    """One field that is wrong: `kind` is pydantic's type of error or ours, `limits` what it is held to.

    `field` is empty for what no field alone has wrong.
    """

    field: str
    kind: str
    why: str
    limits: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.field}: {self.why}" if self.field else self.why


class WrongFields(GridwatchError):
    """What was filled in can't be used; `fields` and the text hold all that is wrong."""

    def __init__(self, fields: Sequence[WrongField]) -> None:
        self.fields = fields
        super().__init__("; ".join(map(str, fields)))

    @classmethod
    def of(cls, error: ValidationError) -> Self:
        """Return what pydantic says."""
        return cls(
            [
                WrongField(
                    field=".".join(map(str, one["loc"])),
                    kind=one["type"],
                    why=one["msg"].removeprefix("Value error, "),
                    limits=one.get("ctx") or {},
                )
                for one in error.errors(include_url=False)
            ]
        )

    @classmethod
    def one(cls, field: str, kind: str, why: str) -> Self:
        """Return that one field is wrong for a reason of ours."""
        return cls([WrongField(field=field, kind=kind, why=why, limits={})])
