"""The program of a pump: ordered steps of (rate, volume) and the syringe or line for which they are meant."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.texts import text


@dataclass(frozen=True, slots=True)
class Container:
    """What the drug is in. `diameter` is a syringe's inner one, None for a bag or bottle on a volumetric pump.

    `minimum_rate` is the lowest recommended rate for that syringe size (PRG-13).
    """

    name: str
    volume: Volume
    dead_volume: Volume
    minimum_rate: Rate
    diameter: Length | None = None
    overfill: Volume = Volume(0)  # what a bag holds beyond its volume

    @property
    def usable(self) -> Volume:
        return self.volume + self.overfill - self.dead_volume


@dataclass(frozen=True)
class RateStep:
    rate: Rate
    volume: Volume

    @cached_property
    def duration(self) -> Duration:
        """Time that the step takes, rounded up to the millisecond."""
        return self.rate.time_for(self.volume)


@dataclass(frozen=True)
class PumpProgram:
    """Everything that the pump will do by itself: the steps in order, then stop. Never unlimited (PRG-11), no KVO
    (PRG-16).
    """

    steps: tuple[RateStep, ...]
    diameter: Length | None = None

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("a pump program needs at least one step")
        if any(not step.rate > Rate(0) or not step.volume > Volume(0) for step in self.steps):
            raise ValueError("each step needs a rate and a volume above 0")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Of a whole program it costs more than what is looked up with it at each reading."""
        return hash((self.steps, self.diameter))

    @cached_property
    def vtbi(self) -> Volume:
        """Volume to be infused: the sum of the steps, and the cap that the pump holds."""
        return sum((step.volume for step in self.steps[1:]), self.steps[0].volume)

    @cached_property
    def duration(self) -> Duration:
        return sum((step.duration for step in self.steps[1:]), self.steps[0].duration)

    @cached_property
    def highest_rate(self) -> Rate:
        return max(step.rate for step in self.steps)

    @cached_property
    def fastest(self) -> Duration:
        """The time that all of it would take at the highest rate, rounded down: no part of it flows faster."""
        return Duration.from_ns(max(0, self.highest_rate.time_for(self.vtbi).ns - 1_000_000))  # that was rounded up

    def differences(self, held: "PumpProgram") -> tuple[str, ...]:
        """Every value in which the program that a pump holds differs from this one; empty when they are equal."""
        if held is self:
            return ()
        reasons = []
        if self.diameter != held.diameter:
            reasons.append(
                text(
                    "held.diameter", "diameter is {held}, ordered {ordered}", held=held.diameter, ordered=self.diameter
                )
            )
        if len(self.steps) != len(held.steps):
            reasons.append(
                text("held.steps", "{held} steps, ordered {ordered}", held=len(held.steps), ordered=len(self.steps))
            )
        for number, (want, have) in enumerate(zip(self.steps, held.steps, strict=False), 1):
            if want.rate != have.rate:
                reasons.append(
                    text(
                        "held.rate",
                        "rate of step {number} is {held}, ordered {ordered}",
                        number=number,
                        held=have.rate,
                        ordered=want.rate,
                    )
                )
            if want.volume != have.volume:
                reasons.append(
                    text(
                        "held.volume",
                        "volume of step {number} is {held}, ordered {ordered}",
                        number=number,
                        held=have.volume,
                        ordered=want.volume,
                    )
                )
        return tuple(reasons)

    def rate_at(self, volume: Volume) -> Rate:
        """Programmed rate once `volume` has been delivered; the last step's at and after its end."""
        for end, step in zip(self._ends, self.steps, strict=True):
            if volume < end:
                return step.rate
        return self.steps[-1].rate

    @cached_property
    def _ends(self) -> tuple[Volume, ...]:
        """Volume given at the end of each step."""
        return tuple(accumulate(step.volume for step in self.steps))

    def growth(self, given: Volume, time: Duration) -> Volume:
        """Volume that the program delivers in a time once `given` has been delivered; never past the VTBI."""
        at = given
        for end, step in zip(self._ends, self.steps, strict=True):
            if at >= end:
                continue
            more = step.rate.volume_in(time)
            if at + more < end:
                return at + more - given
            time = time - min(time, step.rate.time_for(end - at))
            at = end
        return at - given

    def after(self, delivered: Volume) -> "PumpProgram | None":
        """What is left once `delivered` has been given, at the programmed rates (PRG-15); None when nothing is left.

        Raises ValueError for a volume below 0, which would make the rest larger than the whole.
        """
        if delivered < Volume(0):
            raise ValueError(f"{delivered} cannot have been delivered")
        steps: list[RateStep] = []
        skip = delivered
        for step in self.steps:
            if skip >= step.volume:
                skip = skip - step.volume
                continue
            steps.append(RateStep(step.rate, step.volume - skip))
            skip = Volume(0)
        return PumpProgram(tuple(steps), self.diameter) if steps else None
