"""How dosing refuses: every reason, never only the first one; and soft limits that a person may override."""

from collections.abc import Sequence
from dataclasses import dataclass

from pumpd.texts import text


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason: the field to correct, what is wrong with it, and the requirement behind it."""

    field: str
    reason: str
    requirement: str = ""

    def __str__(self) -> str:
        if not self.requirement:
            return text("reason.of_field", "{field}: {reason}", field=self.field, reason=self.reason)
        return _with_requirement(self.field, self.reason, self.requirement)


@dataclass(frozen=True, slots=True)
class SoftLimit:
    """A soft limit that was exceeded. An order needs a typed reason for its `id`; planning alone only warns."""

    id: str
    field: str
    reason: str
    requirement: str

    def __str__(self) -> str:
        return _with_requirement(self.id, self.reason, self.requirement)


def _with_requirement(field: str, reason: str, requirement: str) -> str:
    return text(
        "reason.with_requirement",
        "{field}: {reason} ({requirement})",
        field=field,
        reason=reason,
        requirement=requirement,
    )


class Refusals(ValueError):  # noqa: N818  (a refusal is an answer, not a fault)
    """Nothing was planned. `reasons` holds every reason that was found."""

    def __init__(self, reasons: Sequence[Refusal]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(str(reason) for reason in self.reasons))
