"""The demo's report: what was ordered, what was given, and a picture of both."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOTICE = "SIMULATED. Not a cleared medical device: simulation, research and integration only."


_SIGNS = {
    "systolic_mmhg": "systolic, mmHg",
    "diastolic_mmhg": "diastolic, mmHg",
    "spo2_percent": "SpO2, %",
    "heart_rate_bpm": "pulse, /min",
    "respiration_per_min": "respiration, /min",
}


@dataclass
class Track:
    """Samples over the elapsed minutes: what the pump counted, its rate, what was really given, and vital signs."""

    minutes: list[float] = field(default_factory=list)
    counted_ml: list[float] = field(default_factory=list)
    true_ml: list[float] = field(default_factory=list)
    rate_ml_h: list[float] = field(default_factory=list)
    signs: dict[str, list[float]] = field(default_factory=dict)  # NaN where one is missing

    def add(self, infusion: dict[str, Any], truth: dict[str, Any], vitals: dict[str, Any] | None) -> None:
        self.minutes.append(infusion["elapsed_s"] / 60)
        self.counted_ml.append(float(infusion["delivered_ml"]))
        self.rate_ml_h.append(float(infusion["rate_ml_h"]))
        self.true_ml.append(truth["delivered_ml"])
        for sign in vitals["signs"] if vitals else ():
            self.signs.setdefault(sign["name"], []).append(math.nan if sign["value"] is None else sign["value"])


def _programmed(steps: Sequence[dict[str, str]]) -> tuple[list[float], list[float], list[float], list[float]]:
    """Corners of the programmed volume and rate over the minutes."""
    minutes, volumes, rate_minutes, rates = [0.0], [0.0], [0.0], [0.0]
    for step in steps:
        rate, volume = float(step["rate_ml_h"]), float(step["volume_ml"])
        end = minutes[-1] + volume / rate * 60
        rate_minutes += [minutes[-1], end]
        rates += [rate, rate]
        minutes.append(end)
        volumes.append(volumes[-1] + volume)
    return minutes, volumes, [*rate_minutes, rate_minutes[-1]], [*rates, 0.0]


def write(folder: Path, summary: dict[str, Any], review: dict[str, Any], track: Track) -> Path:
    """Write `infusion.png`, `summary.json` and `report.md`; returns the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    _draw(folder / "infusion.png", summary, review, track)
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    path = folder / "report.md"
    path.write_text(_text(summary, review), encoding="utf-8")
    return path


def _draw(path: Path, summary: dict[str, Any], review: dict[str, Any], track: Track) -> None:
    import matplotlib as mpl  # noqa: PLC0415  # 1.5 s, which would delay the start of the demo

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of a back-end without a screen

    minutes, volumes, rate_minutes, rates = _programmed(review["steps"])
    panels = 3 if track.signs else 2
    drawing, (volume, rate, *others) = plt.subplots(
        panels, 1, sharex=True, figsize=(9, 3 * panels), height_ratios=[3, 2, 3][:panels], layout="constrained"
    )
    prescribed = float(review["prescribed_duration_s"]) / 60
    for axes in (volume, rate, *others):
        axes.axvspan(
            prescribed * 0.95, prescribed * 1.05, color="0.92", label="window for the end" if axes is volume else None
        )
        axes.grid(color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    volume.plot(minutes, volumes, color="0.45", linestyle="--", label="programmed")
    volume.plot(track.minutes, track.counted_ml, color="#0072b2", linewidth=2, label="counted by the pump")
    volume.plot(track.minutes, track.true_ml, color="#d55e00", linewidth=1, label="really given (plant)")
    volume.set_ylabel("volume, mL")
    volume.legend(frameon=False, loc="upper left")
    rate.plot(rate_minutes, rates, color="0.45", linestyle="--")
    rate.step(track.minutes, track.rate_ml_h, color="#0072b2", linewidth=2, where="post")
    rate.set_ylabel("rate, mL/h")
    rate.set_ylim(bottom=0)
    for signs in others:
        for name, label in _SIGNS.items():
            signs.plot(track.minutes, track.signs[name], linewidth=1.5, label=label)
        signs.set_ylabel("vital signs")
        signs.legend(frameon=False, loc="upper left", ncols=len(_SIGNS), fontsize=9)
        signs.set_ylim(0, 230)
    (others or [rate])[-1].set_xlabel("minutes since the start")
    drawing.suptitle(
        f"{review['drug']} {review['dose_mg']} mg in {review['vtbi_ml']} mL: {summary['outcome']}\n{NOTICE}",
        fontsize=11,
    )
    drawing.savefig(path, dpi=120)
    plt.close(drawing)


def _text(summary: dict[str, Any], review: dict[str, Any]) -> str:
    lines = "\n".join(f"| {key} | {value} |" for key, value in summary.items())
    return f"""# A simulated infusion

{NOTICE}

{review["dose_mg_kg"]} mg/kg of {review["drug"]} for {review["weight_kg"]} kg ({review["weight_basis"]}):
{review["dose_mg"]} mg in {review["vtbi_ml"]} mL from a container of {review["container"]}, ordered for
{float(review["prescribed_duration_s"]) / 60:g} minutes.

Peak of ketamine in plasma: {summary["plasma_peak"] or "not known"}.

![Programmed against delivered](infusion.png)

| | |
|---|---|
{lines}
"""
