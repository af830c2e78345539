"""The newest value of each sign of one pump's patient, until control has taken it. Pure: the times are arguments.

Promises:
- Memory is bounded: one value for each sign, whatever arrives.
- A value is never younger than its arrival allows, nor than its own time says.
- What was measured before a value that went to control already, or at the same time, is dropped: a repeated message
  does not make an old value fresh.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pumpd.messages.requests import VitalSigns

AHEAD_S = 2.0  # how far a monitor's clock may be ahead of the gateway's; such a value counts from its arrival


class FromTheFutureError(ValueError):
    """Measured later than now: the monitor's clock, or the gateway's, is wrong. How old the value is, is unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The signs of one message. `arrived_s`: monotonic. `measured`: by the monitor's clock."""

    source: str
    arrived_s: float
    measured: datetime | None
    patient: str | None
    signs: Mapping[str, int]


@dataclass(slots=True)
class Newest:
    """What waits for control, by sign."""

    pump: str
    _waiting: dict[str, Sample] = field(default_factory=dict)
    _measured: dict[str, datetime] = field(default_factory=dict)

    def add(self, sample: Sample, wall: datetime) -> bool:
        """Whether it brought a newer value of at least one sign. Raises FromTheFutureError."""
        if sample.measured is not None:
            ahead_s = (sample.measured - wall).total_seconds()
            if ahead_s > AHEAD_S:
                raise FromTheFutureError(f"measured {ahead_s:.0f} s ahead of this gateway's clock")
        newer = [sign for sign in sample.signs if self._is_newer(sign, sample.measured)]
        for sign in newer:
            self._waiting[sign] = sample
            if sample.measured is not None:
                self._measured[sign] = sample.measured
        return bool(newer)

    def _is_newer(self, sign: str, measured: datetime | None) -> bool:
        last = self._measured.get(sign)
        return measured is None or last is None or measured > last

    def waiting(self, now_s: float, wall: datetime) -> tuple[tuple[Sample, VitalSigns], ...]:
        """What waits, as requests: one for each message that a value comes from."""
        return tuple((sample, self._request(sample, now_s, wall)) for sample in dict.fromkeys(self._waiting.values()))

    def _request(self, sample: Sample, now_s: float, wall: datetime) -> VitalSigns:
        signs = {sign: sample.signs[sign] for sign, newest in self._waiting.items() if newest is sample}
        about = {"pump": self.pump, "source": sample.source, "patient": sample.patient}
        return VitalSigns.model_validate({**about, "age_s": age_s(sample, now_s, wall), **signs})

    def taken(self, sample: Sample) -> None:
        """Control has these: they no longer wait."""
        self._waiting = {sign: newest for sign, newest in self._waiting.items() if newest is not sample}


def age_s(sample: Sample, now_s: float, wall: datetime) -> float:
    """How long ago it was measured: since its arrival at least, and since its own time if that is longer."""
    own = 0.0 if sample.measured is None else (wall - sample.measured).total_seconds()
    return round(max(0.0, now_s - sample.arrived_s, own), 3)
