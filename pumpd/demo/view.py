"""The demo's live view: a panel on a terminal, otherwise a line from time to time."""

from decimal import Decimal
from typing import Any, Self

from rich.console import RenderableType

from pumpd.cli.panels import LiveView, bar, grid, panel, row, screen, text
from pumpd.cli.wording import minutes, review_lines

NOTICE = "SIMULATED PUMP. Not a cleared medical device: simulation, research and integration only."


_SIGNS = {
    "spo2_percent": ("SpO2 ", " %"),
    "heart_rate_bpm": ("pulse ", "/min"),
    "systolic_mmhg": ("pressure ", ""),
    "diastolic_mmhg": ("over ", " mmHg"),
    "respiration_per_min": ("respiration ", "/min"),
}


def signs_line(vitals: dict[str, Any]) -> str:
    """The vital signs in one line; a missing one is `--`."""
    shown = []
    for sign in vitals["signs"]:
        before, after = _SIGNS[sign["name"]]
        shown.append(f"{before}{'--' if sign['value'] is None else sign['value']}{after}")
    return ", ".join(shown).replace(", over", " over")


class View:
    """Shows progress on standard error, so that standard output is free for `--json`."""

    def __init__(self, speed: int) -> None:
        self._speed = speed
        self._screen = screen(err=True)
        self._live: LiveView | None = None
        self._said_minute = -1

    def __enter__(self) -> Self:
        if self._screen.is_terminal:
            self._live = self._screen.live()
            self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
            self._live = None

    def say(self, what: str) -> None:
        self._screen.say(what)

    def review(self, review: dict[str, Any], action: str) -> None:
        table = grid()
        for label, content in review_lines(review):
            row(table, text(label, "bold"), content)
        self._screen.say(panel(table, title=f"The nurse sees, and confirms ({action})"))

    def update(self, pump: dict[str, Any], messages: int) -> None:
        infusion = pump["infusion"]
        if self._live is not None:
            self._live.show(self.panel(pump, infusion, messages))
            return
        minute = int(infusion["running_s"] // 300)
        if minute != self._said_minute:
            self._said_minute = minute
            lease = "none" if infusion["lease_s"] is None else f"{infusion['lease_s']} s"
            self.say(
                f"{minutes(infusion['running_s'])} min  {infusion['state']}  {infusion['delivered_ml']} of "
                f"{infusion['prescribed_ml']} mL  {infusion['rate_ml_h']} mL/h  lease {lease}  "
                f"{messages} messages"
            )

    def panel(self, pump: dict[str, Any], infusion: dict[str, Any], messages: int) -> RenderableType:
        given, whole = float(infusion["delivered_ml"]), float(infusion["prescribed_ml"])
        bars = grid()
        row(bars, "dose", bar(whole, given), f"{given:.2f} of {whole:g} mL")
        most = infusion["window_most_s"]
        clock = f"{minutes(infusion['running_s'])} of {minutes(Decimal(str(most / 1.05)))} min"
        row(bars, "window", bar(most, min(infusion["running_s"], most)), clock)
        lease = infusion["lease_s"]
        facts = grid()
        rate = f"{infusion['rate_ml_h']} mL/h (programmed {infusion['programmed_rate_ml_h']})"
        row(facts, "rate", rate)
        row(facts, "infusion", f"{infusion['state']}: {infusion['reason']}")
        row(facts, "pump", f"{pump['model']}, {pump['pump_state']}, read {_ago(pump['age_s'])}")
        row(facts, "lease", "none: no permission to flow" if lease is None else f"ends in {lease:.1f} s")
        row(facts, "telemetry", f"{messages} messages")
        if pump["vitals"] is not None:
            row(facts, "vital signs", signs_line(pump["vitals"]))
        alarms = [
            text(f"{each['priority'].upper()}  {each['cause']}. {each['action']}.", "bold red")
            for each in pump["alarms"]
        ] or [text("no alarm", "green")]
        title = f"pumpd demo, time runs {self._speed} times faster"
        return panel(bars, text(""), facts, text(""), *alarms, title=title, subtitle=NOTICE, width=92)


def _ago(age_s: float | None) -> str:
    return "never" if age_s is None else f"{age_s:.1f} s ago"
