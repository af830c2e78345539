"""A patient with vital signs for the state machine's bench: a site's rules, and samples that are inside its limits."""

from dataclasses import dataclass

from pumpd.infusion import events as ev
from pumpd.infusion.vitals import SignLimits, VitalRules, VitalSample
from pumpd.vital_signs import Sign
from tests.infusion.bench import Bench, S, infusion

RULES = VitalRules(
    limits=(
        SignLimits(Sign.SPO2, critical_low=85, warn_low=92),
        SignLimits(Sign.HEART_RATE, critical_low=40, warn_low=50, warn_high=120, critical_high=140),
        SignLimits(Sign.SYSTOLIC, warn_high=160, critical_high=180),
        SignLimits(Sign.DIASTOLIC, warn_high=100, critical_high=110),
        SignLimits(Sign.RESPIRATION, critical_low=6, warn_low=9),
    )
)
WELL = {Sign.SPO2: 97, Sign.HEART_RATE: 72, Sign.SYSTOLIC: 124, Sign.DIASTOLIC: 78}
STREAM = (Sign.SPO2, Sign.HEART_RATE)
CUFF = (Sign.SYSTOLIC, Sign.DIASTOLIC)


def samples(at_ns: int, signs=tuple(WELL), **values: int) -> tuple[VitalSample, ...]:
    """What a healthy patient has, with these values instead: by the name of the sign."""
    changed = {Sign(name): value for name, value in values.items()}
    return tuple(
        VitalSample(sign, changed.get(sign, WELL.get(sign, 0)), at_ns, "monitor m-1")
        for sign in dict.fromkeys((*signs, *changed))
    )


@dataclass
class Watched(Bench):
    """A bench with a patient at a monitor: each second the stream, and the cuff where `cuff_every_ns` says."""

    streaming: bool = True
    cuff_every_ns: int | None = 10 * 60 * S
    next_cuff_ns: int = 0
    values: tuple = ()

    def read(self) -> None:
        if self.streaming:
            self.take(STREAM)
        if self.cuff_every_ns is not None and self.now_ns >= self.next_cuff_ns:
            self.next_cuff_ns = self.now_ns + self.cuff_every_ns
            self.take(CUFF)
        super().read()

    def take(self, signs=(), *, age_ns: int = 0, **values: int) -> tuple[ev.Action, ...]:
        return self.send(ev.VitalsTaken(self.now_ns, samples(self.now_ns - age_ns, signs, **values)))


def watched(rules: VitalRules | None = RULES, **more: object) -> Watched:
    return Watched(infusion().but(vital_rules=rules), **more)
