"""A story of the campaign: one infusion, who is at its bed, and everything that goes wrong, as a TOML file.

The same words as in a scenario (`pumpd_simulators.scenario`), and more: besides faults of the pump and of its line,
stories kill the control process, fill its disk, step its clock and take its tablet away. A story states what happens,
never the expected result, which is the same for all stories (`evaluate`).

    title = "seed 4711"
    seed = 4711
    [pump]      family, model
    [order]     as `pumpd order` takes it
    [nurse]     what the nurse does by herself: how soon she confirms, how often she clears and resumes
    [rest]      the rest of the treatment that she orders when an infusion has ended early: how often, on which pump
    [[event]]   `at`, and one of the words below with its detail
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

WORDS = {
    "fault": "a fault of the pump or its line, as pumpsim takes it, without its time",
    "nurse": "stop, pause, resume, clear, reconcile, confirm (again), order (again)",
    "cable": "out for this many seconds",
    "control": "kill (SIGKILL), kill-sent (what was sent arrives), end (SIGTERM), reboot; /seconds to the next start",
    "disk": "full, away (nothing returns) or slow:SECONDS; /seconds",
    "clock": "the wall clock is set by this many seconds",
    "tablet": "away for this many seconds",
    "panel": "a key at the pump itself: start, stop, rate=PERCENT%",
    "vitals": "a lie of the monitor (`tests/campaign/monitor.py`), /seconds",
    "colleague": "orders a moment before the nurse's next order: pump (the same one), patient (on the other one)",
    "wristband": "what she scans for the next confirmation: other (another patient's), none, wrong-then-right",
}


@dataclass(frozen=True, slots=True)
class Happening:
    at_s: float
    word: str
    detail: str

    @property
    def name(self) -> str:
        return self.detail.partition("/")[0].partition(":")[0]

    @property
    def lasting_s(self) -> float:
        """The time after the slash, or the whole detail if it is only a time."""
        text = self.detail.rpartition("/")[2]
        return float(text)


@dataclass(frozen=True, slots=True)
class Nurse:
    """What she does by herself; events with `nurse` come in addition. Times are seconds."""

    confirm_after_s: float = 1.0
    clears: int = 0
    resumes: int = 0
    act_after_s: float = 5.0
    impatient: bool = False  # she sends everything twice


@dataclass(frozen=True, slots=True)
class Rest:
    """The rest that she orders after an early end. Times are seconds, a `minutes` of 0 keeps the rates."""

    orders: int = 0
    after_s: float = 2.0
    family: str = ""  # of the other pump, which gets the first of them; empty: the same pump
    model: str = ""
    container: str = ""  # empty: the same one
    minutes: int = 0
    stop_after_s: float = 0.0  # she stops it after this much flow; 0: it runs to its end
    another: bool = False  # before that, she also tries to order another treatment


@dataclass(frozen=True, slots=True)
class Story:
    seed: int
    family: str
    model: str
    order: Mapping[str, str]
    nurse: Nurse
    events: tuple[Happening, ...]
    horizon_s: float
    title: str = ""
    rest: Rest = Rest()
    monitor: bool = False  # vital signs are configured, and one sends them
    options: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> "Story":
        return replace(self, **changes)

    def to_toml(self) -> str:
        """A file that `read` takes; strings and numbers only, so JSON's notation is TOML's."""
        lines = [f"title = {json.dumps(self.title or f'seed {self.seed}')}", f"seed = {self.seed}"]
        lines += [
            f"horizon_s = {self.horizon_s!r}",
            f"monitor = {json.dumps(self.monitor)}",
            "",
            "[pump]",
            f"family = {json.dumps(self.family)}",
        ]
        lines += [f"model = {json.dumps(self.model)}"]
        lines += ["", "[order]", *(f"{key} = {json.dumps(value)}" for key, value in self.order.items())]
        nurse = {name: getattr(self.nurse, name) for name in Nurse.__slots__}
        lines += ["", "[nurse]", *(f"{key} = {json.dumps(value)}" for key, value in nurse.items())]
        if self.rest.orders:
            rest = {name: getattr(self.rest, name) for name in Rest.__slots__}
            lines += ["", "[rest]", *(f"{key} = {json.dumps(value)}" for key, value in rest.items())]
        for event in self.events:
            lines += ["", "[[event]]", f'at = "{event.at_s!r} s"', f"{event.word} = {json.dumps(event.detail)}"]
        return "\n".join(lines) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Story":
        """Raises ValueError that names what is not understood."""
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        events = []
        for each in data.get("event", []):
            word = next((key for key in each if key in WORDS), None)
            if word is None or set(each) != {"at", word}:
                raise ValueError(f"{path}: an event is `at` and one of {', '.join(WORDS)}, not {each}")
            events.append(Happening(float(each["at"].removesuffix(" s")), word, each[word]))
        return cls(
            seed=data["seed"],
            family=data["pump"]["family"],
            model=data["pump"]["model"],
            order=data["order"],
            nurse=Nurse(**data["nurse"]),
            events=tuple(events),
            horizon_s=float(data["horizon_s"]),
            title=data["title"],
            monitor=data.get("monitor", False),
            rest=Rest(**data.get("rest", {})),
        )
