"""Vital signs of the patient, and a site's rules for them: what is missing, what is a warning, what is critical. Pure.

Promises:
- A sign that was not measured, not recently enough, or not possibly as reported counts as missing, never as normal.
- Of each sign the newest sample counts. One that is older than that, or of the future, is ignored.
- The last value of a missing sign keeps its level: a warning does not end because a probe fell off.

Instants and lengths of time are whole monotonic nanoseconds. Limits of values are the site's; there are no defaults.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pumpd.quantities import NS_PER_S
from pumpd.texts import named, text
from pumpd.vital_signs import BASELINE, PRESSURE, Sign, impossible

_MIN = 60 * NS_PER_S


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    MISSING = "missing"


_LEVELS = {
    Level.WARNING: text("signs.level_warning", "warning"),
    Level.CRITICAL: text("signs.level_critical", "critical"),
}


@dataclass(frozen=True, slots=True)
class VitalSample:
    """One sign as it was measured at an instant. `source`: "tablet", or "monitor" and its name."""

    sign: Sign
    value: int
    at_ns: int
    source: str

    @property
    def shown(self) -> str:
        return self.sign.shown(self.value)


@dataclass(frozen=True, slots=True)
class SignLimits:
    """A site's limits of one sign. A value at a limit has reached it."""

    sign: Sign
    critical_low: int | None = None
    warn_low: int | None = None
    warn_high: int | None = None
    critical_high: int | None = None

    def level(self, value: int) -> Level:
        if _reached(value, self.critical_low, self.critical_high):
            return Level.CRITICAL
        return Level.WARNING if _reached(value, self.warn_low, self.warn_high) else Level.OK


def _reached(value: int, low: int | None, high: int | None) -> bool:
    return (low is not None and value <= low) or (high is not None and value >= high)


@dataclass(frozen=True, slots=True)
class VitalRules:
    """The defaults are the catalogue's values; a site can only tighten them."""

    limits: tuple[SignLimits, ...] = ()
    streaming: frozenset[Sign] = frozenset({Sign.SPO2, Sign.HEART_RATE})  # must arrive continuously
    fresh_ns: int = 5 * NS_PER_S  # STA-08, RUN-08
    missing_ns: int = 30 * NS_PER_S  # RUN-08
    lost_ns: int = 60 * NS_PER_S  # RUN-08
    pressure_ns: int = 10 * _MIN  # STA-08, RUN-09
    pressure_overdue_ns: int = 5 * _MIN  # RUN-09: beyond `pressure_ns`
    pressure_pause_ns: int = 10 * _MIN  # RUN-09: beyond `pressure_ns`
    baseline_ns: int = 15 * _MIN  # STA-07

    def for_time_scale(self, scale: int) -> "VitalRules":
        """Rules for clinical time that runs `scale` times faster than real time (simulation only).

        A monitor's samples do not come faster, so what bounds their way to pumpd stays as it is in real time.
        """
        return replace(
            self, fresh_ns=self.fresh_ns * scale, missing_ns=self.missing_ns * scale, lost_ns=self.lost_ns * scale
        )

    def level(self, sample: VitalSample) -> Level:
        """The level of a value, however old it is."""
        return next((each.level(sample.value) for each in self.limits if each.sign is sample.sign), Level.OK)

    def danger(self, samples: Iterable[VitalSample]) -> str:
        """Why the patient's signs stop an infusion: one is critical, or two are warnings. Empty when they do not."""
        levels = [(each, self.level(each)) for each in samples]
        critical = [each.shown for each, level in levels if level is Level.CRITICAL]
        warnings = [each.shown for each, level in levels if level is Level.WARNING]
        if critical:
            return text("signs.critical", "critical: {signs}", signs=named(critical))
        return (
            text("signs.two_warnings", "two warnings at once: {signs}", signs=named(warnings))
            if len(warnings) >= 2
            else ""
        )

    def missing_for_ns(self, samples: Sequence[VitalSample], now_ns: int) -> int:
        """For how long the sign that is missing longest has not come, of those that must; `lost_ns` if it never did."""
        last = {each.sign: each.at_ns for each in samples}
        return max((now_ns - last.get(sign, now_ns - self.lost_ns) for sign in self.streaming), default=0)

    def pressure_age_ns(self, samples: Sequence[VitalSample], now_ns: int) -> int | None:
        """How long ago blood pressure was measured, both values; None when it never was."""
        taken = [each.at_ns for each in samples if each.sign in PRESSURE]
        return now_ns - min(taken) if len(taken) == len(PRESSURE) else None

    def missing(self, samples: Sequence[VitalSample], sign: Sign, now_ns: int) -> bool:
        """Nothing is known about this sign now."""
        last = next((each.at_ns for each in samples if each.sign is sign), None)
        if last is None:
            return True
        overdue_ns = self.pressure_ns + self.pressure_overdue_ns if sign in PRESSURE else self.baseline_ns
        return now_ns - last > (self.fresh_ns if sign in self.streaming else overdue_ns)

    def objections(self, samples: Sequence[VitalSample], now_ns: int, *, first: bool) -> tuple[str, ...]:
        """Every reason why these signs permit no start. `first`: the baseline must be inside the site's limits too."""
        reasons = [why for sign in sorted(self.streaming) if (why := self._not_fresh(samples, sign, now_ns))]
        age_ns = self.pressure_age_ns(samples, now_ns)
        if age_ns is None:
            reasons.append(text("signs.pressure_not_measured", "blood pressure: not measured yet; measure it"))
        elif age_ns > self._pressure_within_ns(first=first):
            within = self._pressure_within_ns(first=first) / _MIN
            reasons.append(
                text(
                    "signs.pressure_old",
                    "blood pressure: measured more than {minutes} min ago; measure it again",
                    minutes=f"{within:g}",
                )
            )
        if not first:
            danger = self.danger(samples)
            return (*reasons, text("signs.why", "vital signs: {why}", why=danger)) if danger else tuple(reasons)
        reasons += [
            text(
                "signs.not_measured",
                "{sign}: not measured in the last {minutes} min",
                sign=sign.words,
                minutes=f"{self.baseline_ns / _MIN:g}",
            )
            for sign in BASELINE
            if sign not in (*self.streaming, *PRESSURE) and self.missing(samples, sign, now_ns)
        ]
        reasons += [
            text(
                "signs.outside",
                "{sign}: {level}, outside the limits of this site",
                sign=each.shown,
                level=_LEVELS[level],
            )
            for each in samples
            if (level := self.level(each)) is not Level.OK
        ]
        return tuple(reasons)

    def _pressure_within_ns(self, *, first: bool) -> int:
        return min(self.pressure_ns, self.baseline_ns) if first else self.pressure_ns

    def _not_fresh(self, samples: Sequence[VitalSample], sign: Sign, now_ns: int) -> str:
        if not self.missing(samples, sign, now_ns):
            return ""
        if not any(each.sign is sign for each in samples):
            return text("signs.missing", "{sign}: missing; no monitor has sent it", sign=sign.words)
        return text(
            "signs.old",
            "{sign}: missing; the monitor's last value is more than {seconds} s old",
            sign=sign.words,
            seconds=f"{self.fresh_ns / NS_PER_S:g}",
        )


def newest(
    known: Sequence[VitalSample], samples: Sequence[VitalSample], now_ns: int
) -> tuple[tuple[VitalSample, ...], tuple[str, ...]]:
    """The last sample of each sign after these have come, measured together; and why some of them do not count.

    Of a sign that comes twice at once, the last sample is the one that is checked and the one that counts.
    """
    last = {each.sign: each for each in known}
    came = {each.sign: each for each in samples}
    wrong = impossible({sign: each.value for sign, each in came.items()})
    refused = list(dict.fromkeys(wrong.values()))
    for each in came.values():
        if each.sign in wrong:
            continue
        if each.at_ns > now_ns:
            refused.append(
                text("signs.future", "{sign}: measured in the future; check the monitor's clock", sign=each.sign.field)
            )
        elif each.sign in last and each.at_ns < last[each.sign].at_ns:
            refused.append(text("signs.older", "{sign}: older than the last one", sign=each.sign.field))
        else:
            last[each.sign] = each
    return tuple(last.values()), tuple(refused)


def recorded(samples: Iterable[VitalSample], now_ns: int) -> list[dict[str, Any]]:
    """The samples as JSON data, with their age."""
    return [
        {
            "sign": each.sign.value,
            "value": each.value,
            "age_s": round((now_ns - each.at_ns) / NS_PER_S, 1),
            "source": each.source,
        }
        for each in samples
    ]
