"""The demo's live view: a panel on a terminal, otherwise a line from time to time."""

from decimal import Decimal
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

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
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._said_minute = -1

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=10, transient=False)
            self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
            self._live = None

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def review(self, review: dict[str, Any], action: str) -> None:
        table = Table.grid(padding=(0, 2))
        for label, text in review_lines(review):
            table.add_row(Text(label, style="bold"), Text(text))
        self._console.print(Panel(table, title=f"The nurse sees, and confirms ({action})", expand=False))

    def update(self, pump: dict[str, Any], messages: int) -> None:
        infusion = pump["infusion"]
        if self._live is not None:
            self._live.update(self.panel(pump, infusion, messages))
            return
        minute = int(infusion["running_s"] // 300)
        if minute != self._said_minute:
            self._said_minute = minute
            self.say(
                f"{minutes(infusion['running_s'])} min  {infusion['state']}  {infusion['delivered_ml']} of "
                f"{infusion['prescribed_ml']} mL  {infusion['rate_ml_h']} mL/h  lease {infusion['lease_s']} s  "
                f"{messages} messages"
            )

    def panel(self, pump: dict[str, Any], infusion: dict[str, Any], messages: int) -> RenderableType:
        given, whole = float(infusion["delivered_ml"]), float(infusion["prescribed_ml"])
        grid = Table.grid(padding=(0, 2))
        grid.add_row("dose", _bar(whole, given), f"{given:.2f} of {whole:g} mL")
        most = infusion["window_most_s"]
        clock = f"{minutes(infusion['running_s'])} of {minutes(Decimal(str(most / 1.05)))} min"
        grid.add_row("window", _bar(most, min(infusion["running_s"], most)), clock)
        lease = infusion["lease_s"]
        facts = Table.grid(padding=(0, 2))
        rate = f"{infusion['rate_ml_h']} mL/h (programmed {infusion['programmed_rate_ml_h']})"
        facts.add_row("rate", rate)
        facts.add_row("infusion", f"{infusion['state']}: {infusion['reason']}")
        facts.add_row("pump", f"{pump['model']}, {pump['pump_state']}, read {_ago(pump['age_s'])}")
        facts.add_row("lease", "none: no permission to flow" if lease is None else f"ends in {lease:.1f} s")
        facts.add_row("telemetry", f"{messages} messages")
        if pump["vitals"] is not None:
            facts.add_row("vital signs", signs_line(pump["vitals"]))
        alarms = [
            Text(f"{each['priority'].upper()}  {each['cause']}. {each['action']}.", style="bold red")
            for each in pump["alarms"]
        ] or [Text("no alarm", style="green")]
        title = f"pumpd demo, time runs {self._speed} times faster"
        return Panel(Group(grid, Text(), facts, Text(), *alarms), title=title, subtitle=NOTICE, width=92)


def _ago(age_s: float | None) -> str:
    return "never" if age_s is None else f"{age_s:.1f} s ago"


def _bar(whole: float, part: float) -> ProgressBar:
    return ProgressBar(whole, part, width=40, style="grey37", complete_style="cyan", finished_style="green")
