"""How much ketamine the plasma may hold: four published models of adults, and the band between them (PRG-23).

Promises:
- It is shown and decides nothing: no limit, alarm, dose or rate is computed from it.
- Each model is a sum of exponentials, advanced exactly while drug comes in evenly; there is no step of integration.
- One function, `Estimate.advanced`, serves the preview of a program and the running estimate alike.

The numbers are binary floats, because nothing that a pump is given depends on them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

from pumpd.dosing.library import Entry
from pumpd.dosing.observed import OBSERVED_NS
from pumpd.pump import RateStep
from pumpd.quantities import NS_PER_S, Concentration
from pumpd.texts import text

NOTE = text("plasma.estimate", "estimated for an average adult, not measured")
AFTER_MIN = OBSERVED_NS // (60 * NS_PER_S)  # shown after the end of flow: as long as the observation
DAY_MIN = 24 * 60  # earlier deliveries count for that long
_NG_ML = 1000  # in 1 mg/L


@dataclass(frozen=True, slots=True)
class Model:
    """A central compartment and up to two others. `others`: to each and back, as rates in 1/min."""

    name: str
    source: str
    v1_l_kg: float
    k10_per_min: float
    others: tuple[tuple[float, float], ...]


def _of_clearances(name: str, source: str, v1_l: float, cl_l_min: float, *others: tuple[float, float]) -> Model:
    """A model published as volumes (L) and clearances (L/min) of a person of 70 kg; all of them grow with weight."""
    rates = tuple((q_l_min / v1_l, q_l_min / v_l) for v_l, q_l_min in others)
    return Model(name, source, v1_l / 70, cl_l_min / v1_l, rates)


# Parameters: docs/safety/reference.md, 6.5.
MODELS = (
    Model("Domino", "Domino 1982, PMID 7198883", 0.063, 0.4381, ((0.5921, 0.2470), (0.5900, 0.0146))),
    Model("Clements", "Clements 1981 (250 µg/kg), doi 10.1093/bja/53.1.27", 1.7522, 0.0109, ((0.0186, 0.0137),)),
    Model("Hijazi", "Hijazi 2003, doi 10.1093/bja/aeg028", 1.08, 0.0333, ((0.0088, 0.0030),)),
    _of_clearances("Kamp", "Kamp 2020", 25, 84 / 60, (56, 161 / 60), (157, 79 / 60)),
)


class _Exponential(NamedTuple):
    """A part of the response to 1 mg/kg given at once: `gain` ng/mL at first, which falls at `per_min`."""

    gain: float
    per_min: float


def _exponentials(model: Model) -> tuple[_Exponential, ...]:
    """The response of the central compartment.

    The characteristic equation falls from above 0 to below 0 exactly once below, between and above the rates back from
    the other compartments, so halving the interval finds each root.
    """
    back = sorted(rate for _, rate in model.others)
    most = model.k10_per_min + sum(sum(rates) for rates in model.others)
    falls = [_root(partial(_characteristic, model), *ends) for ends in zip([0, *back], [*back, most], strict=True)]
    found = []
    for fall in falls:
        share = math.prod(rate - fall for rate in back) / math.prod(each - fall for each in falls if each != fall)
        found.append(_Exponential(_NG_ML * share / model.v1_l_kg, fall))
    return tuple(found)


def _characteristic(model: Model, fall: float) -> float:
    out = model.k10_per_min + sum(to for to, _ in model.others)
    return out - fall - sum(to * back / (back - fall) for to, back in model.others)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return low


_RESPONSES = tuple(_exponentials(model) for model in MODELS)
_EMPTY = tuple((0.0,) * len(response) for response in _RESPONSES)


@lru_cache(maxsize=64)  # a prediction continues by whole minutes, a hundred times
def _after(minutes: float) -> tuple[tuple[tuple[float, float, float], ...], ...]:
    """For each exponential of each model: its gain, what stays of it for so long, and of what comes in meanwhile."""
    return tuple(tuple(_stays(each.gain, each.per_min * minutes) for each in response) for response in _RESPONSES)


def _stays(gain: float, falls: float) -> tuple[float, float, float]:
    return gain, math.exp(-falls), -math.expm1(-falls) / falls if falls else 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the models hold at one instant. `parts`: ng/mL of each exponential, by model; `peaks`: ng/mL, by model."""

    weight_kg: float
    parts: tuple[tuple[float, ...], ...] = _EMPTY
    peaks: tuple[float, ...] = (0.0,) * len(MODELS)

    def advanced(self, minutes: float, mg: float) -> "Estimate":
        """The same some minutes later, in which this mass was given evenly. Raises ValueError for less than 0."""
        if not (minutes >= 0 and mg >= 0):
            raise ValueError(f"{mg} mg in {minutes} min cannot have been given")
        mg_kg = mg / self.weight_kg
        parts = tuple(
            tuple(part * stays + gain * mg_kg * left for part, (gain, stays, left) in zip(held, response, strict=True))
            for held, response in zip(self.parts, _after(minutes), strict=True)
        )
        peaks = tuple(map(max, self.peaks, map(sum, parts)))
        return Estimate(self.weight_kg, parts, peaks)

    def with_earlier(self, deliveries: Iterable["Delivery"]) -> "Estimate":
        """With what earlier deliveries have left. Its peaks begin at this instant."""
        parts = self.parts
        for each in deliveries:
            alone = Estimate(self.weight_kg).advanced(each.lasted_min, each.mg).advanced(each.ended_min_ago, 0)
            parts = tuple(tuple(map(sum, zip(*pair, strict=True))) for pair in zip(parts, alone.parts, strict=True))
        return replace(self, parts=parts).from_here

    @property
    def from_here(self) -> "Estimate":
        """The same, with peaks that begin at this instant."""
        return replace(self, peaks=self.now)

    @property
    def now(self) -> tuple[float, ...]:
        """ng/mL in the central compartment, by model."""
        return tuple(map(sum, self.parts))

    @property
    def low_ng_ml(self) -> float:
        return min(self.now)

    @property
    def high_ng_ml(self) -> float:
        return max(self.now)

    @property
    def now_fields(self) -> dict[str, Any]:
        return {"low_ng_ml": round(self.low_ng_ml), "high_ng_ml": round(self.high_ng_ml), "note": NOTE}

    @property
    def peak_fields(self) -> dict[str, Any]:
        """The lowest and the highest peak of the models."""
        low, high = min(self.peaks), max(self.peaks)
        return {"peak_low_ng_ml": round(low), "peak_high_ng_ml": round(high), "note": NOTE}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mass that was given evenly, and ended some minutes ago."""

    lasted_min: float
    ended_min_ago: float
    mg: float


@dataclass(frozen=True, slots=True)
class Band:
    """A prediction for each whole minute, the first one at the start. The last estimate holds the peaks."""

    estimates: tuple[Estimate, ...]

    @property
    def fields(self) -> dict[str, Any]:
        """As it is shown: whole ng/mL, with the lowest and the highest peak of the models."""
        held = [each.now for each in self.estimates]
        return {
            "minutes": list(range(len(held))),
            "low_ng_ml": [round(min(each)) for each in held],
            "high_ng_ml": [round(max(each)) for each in held],
            **self.estimates[-1].peak_fields,
        }


def predict(
    steps: Sequence[RateStep], concentration: Concentration, before: Estimate, after_min: int = AFTER_MIN
) -> Band:
    """What a program leads to, minute by minute, from its start until some minutes after its end.

    `before`: what earlier deliveries have left at the start.
    """
    pieces = [(float(step.duration.decimal) / 60, float(concentration.mass_in(step.volume).decimal)) for step in steps]
    flows_min = sum(minutes for minutes, _ in pieces)
    pieces.append((math.ceil(flows_min) + after_min - flows_min, 0))
    found = [before.from_here]
    estimate, at_min, end_min = found[0], 0.0, 0.0
    for minutes, mg in pieces:
        mg_min, end_min = mg / minutes, end_min + minutes
        while len(found) <= end_min + _ROUNDED_MIN:
            estimate = estimate.advanced(len(found) - at_min, (len(found) - at_min) * mg_min)
            at_min = float(len(found))
            found.append(estimate)
        if end_min > at_min:
            estimate = estimate.advanced(end_min - at_min, (end_min - at_min) * mg_min)
            at_min = end_min
    return Band(tuple(found))


_ROUNDED_MIN = 1e-9  # so that a sum of floats does not lose the last minute


def has_models(entry: Entry) -> bool:
    """Whether the models are about this substance. Esketamine is another one, with other models."""
    return entry.substance.key == "ketamine"
