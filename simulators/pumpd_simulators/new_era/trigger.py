"""The trigger input of a New Era pump: a contact or a TTL signal that starts and stops the pump without the line.

What each word of `TRG` does at which edge is in the manual of firmware 3.9, section 9.1, Operational Trigger (NE-500,
publication 1200-02, page 38). [I] `OF` switches it off, and at rest the input is high.

The words for a level (RL, RH, SL, SH) act when the input reaches that level, not again while it stays there; ET and BT
only redirect to the event functions, which are not simulated.
"""

from collections.abc import Mapping
from typing import Literal

Action = Literal["start", "stop", "either", ""]
Mode = Literal["FT", "FH", "F2", "LE", "ST", "T2", "SP", "P2", "RL", "RH", "SL", "SH", "ET", "BT", "OF"]

# By mode: what a falling edge does, what a rising edge does.
MODES: Mapping[str, tuple[Action, Action]] = {
    "FT": ("either", ""),
    "FH": ("start", "stop"),
    "F2": ("", "either"),
    "LE": ("stop", "start"),
    "ST": ("start", ""),
    "T2": ("", "start"),
    "SP": ("stop", ""),
    "P2": ("", "stop"),
    "RL": ("start", ""),
    "RH": ("", "start"),
    "SL": ("stop", ""),
    "SH": ("", "stop"),
    "ET": ("", ""),
    "BT": ("", ""),
    "OF": ("", ""),
}


def edges(value: str | None, high: bool) -> list[bool]:  # noqa: FBT001 - the level before
    """The levels that the input takes: 0 low, 1 high, None a short pulse. Raises ValueError for anything else."""
    levels = {None: [False, True], "0": [False], "1": [True]}.get(value)
    if levels is None:
        raise ValueError(f"the trigger input is 0, 1 or, without a value, a pulse; not {value!r}")
    return levels if levels[0] is not high else levels[1:]


def action(mode: str, *, rising: bool, running: bool) -> Action:
    """What the input makes the pump do: start, stop or nothing."""
    wanted = MODES[mode][rising]
    if wanted == "either":
        wanted = "stop" if running else "start"
    return "" if wanted == ("start" if running else "stop") else wanted
