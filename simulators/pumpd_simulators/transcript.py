r"""Reads wire transcripts: readable text of what host and pump send. `conformance.replay` plays them.

    === name of the dialogue
    source: the sheet, section                       the source of these bytes
    simulator: --serial D101754 --model legato-100   its options; `none`: only the driver is tested
    settings: address=0                              the driver's settings
    after: another dialogue of this file             its lines come first, with its options and settings
    call start 10 s                                  identify, read, load 35 mL at 52.5 mL/h, 26.59 mm, read_back, ...
    > "@irun\r"                                      the host sends (text as in a bytes literal, or hexadecimal)
    < 7E 00 01 1D 0E 7E                              the pump sends
    wait 2 s / fault KIND... / panel KEY[=VALUE][#UNIT] / power on|off
    done stopped 0 mL / refused WORDS / unknown      how the call ended: its result contains these words in this order

A dialogue begins at power-up, with an ideal plant, in virtual time. A line that begins with `#` is a comment, and so is
the text after ` #` behind bytes. Promises:
- A simulator must send exactly these bytes before the next line that is not the pump's. Bytes take no time.
- A driver must send exactly these bytes, and each call must end as written.
"""

import ast
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pumpd.pump import Driver, Outcome, PumpProgram, RateStep
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_simulators.faults import key_press, seconds

ENDS = ("done", "refused", "unknown")
_HEADS = ("source", "simulator", "settings", "after")
_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')\s*(?:#.*)?')
_HEX = re.compile(r"((?:[0-9A-Fa-f]{2}\s*)+)(?:#.*)?")


class TranscriptError(AssertionError):
    """A transcript that cannot be read, or bytes that differ from it. The message names file and line."""


@dataclass(frozen=True, slots=True)
class Step:
    where: str  # file and line
    verb: str
    text: str
    data: bytes = b""

    def fail(self, why: str) -> TranscriptError:
        return TranscriptError(f"{self.where}: {self.verb} {self.text}: {why}")


@dataclass(slots=True)
class Dialogue:
    name: str
    where: str
    source: str = ""
    simulator: str | None = None
    settings: str | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def for_simulator(self) -> bool:
        return self.simulator != "none"

    @property
    def for_driver(self) -> bool:
        return any(step.verb == "call" for step in self.steps)


# -- reading -----------------------------------------------------------------------------------------------------


def read(path: Path) -> list[Dialogue]:
    """The dialogues of a file. Raises TranscriptError."""
    return parse(path.read_text(encoding="utf-8"), path.name)


def parse(text: str, file: str = "transcript") -> list[Dialogue]:
    """Raises TranscriptError, which names file and line."""
    found: dict[str, Dialogue] = {}
    now: Dialogue | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{file}:{number}"
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.startswith("==="):
            name = stripped.strip("= ")
            if not name or name in found:
                raise TranscriptError(f"{where}: the dialogue needs a unique name, not {name!r}")
            now = found[name] = Dialogue(name, where)
            continue
        if now is None:
            raise TranscriptError(f"{where}: {stripped!r} comes before the first dialogue (=== name)")
        head, colon, rest = stripped.partition(":")
        if colon and head in _HEADS:
            _head(now, head, rest.strip(), found, where)
        else:
            now.steps.append(_step(stripped, where))
    for dialogue in found.values():
        _check(dialogue)
    return list(found.values())


def _head(now: Dialogue, head: str, value: str, found: Mapping[str, Dialogue], where: str) -> None:
    match head:
        case "source":
            now.source = value
        case "simulator":
            now.simulator = value
        case "settings":
            now.settings = value
        case _:
            before = found.get(value)
            if before is None or before is now:
                raise TranscriptError(f"{where}: there is no dialogue {value!r} before this one")
            now.steps[:0] = before.steps
            now.simulator = before.simulator if now.simulator is None else now.simulator
            now.settings = before.settings if now.settings is None else now.settings


def _step(line: str, where: str) -> Step:
    verb, _, text = line.partition(" ")
    text = text.strip()
    if verb in ("<", ">"):
        return Step(where, verb, text, _bytes(text, where))
    try:
        if verb == "call":
            call(text)
        elif verb == "wait":
            seconds(text.replace(" ", ""), "the wait")
        elif verb == "panel":
            key_press(text.partition("#")[0])
        elif verb not in ("fault", "power", *ENDS):
            raise ValueError(f"known: > < call wait fault panel power {' '.join(ENDS)}, and {', '.join(_HEADS)}:")
        if verb == "power" and text not in ("on", "off"):
            raise ValueError("power is on or off")
    except ValueError as error:
        raise TranscriptError(f"{where}: {line!r}: {error}") from error
    return Step(where, verb, text)


def _bytes(text: str, where: str) -> bytes:
    if (quoted := _QUOTED.fullmatch(text)) is not None:
        try:
            return bytes(ast.literal_eval("b" + quoted[1]))
        except (SyntaxError, ValueError) as error:
            raise TranscriptError(f"{where}: {text} is not a bytes literal: {error}") from error
    if (digits := _HEX.fullmatch(text)) is not None:
        return bytes.fromhex(digits[1])
    raise TranscriptError(f'{where}: {text} is neither "text in quotes" nor pairs of hexadecimal digits')


def _check(dialogue: Dialogue) -> None:
    """Each call ends before the next begins."""
    calls: Step | None = None
    for step in dialogue.steps:
        if step.verb == "call" and calls is not None:
            raise calls.fail("the call has no end (done, refused or unknown) before the next one")
        if step.verb in ENDS and calls is None:
            raise step.fail("there is no call that could end")
        calls = step if step.verb == "call" else None if step.verb in ENDS else calls
    if calls is not None:
        raise calls.fail("the call has no end: done, refused or unknown")


def program(text: str) -> PumpProgram:
    """`4.366 mL at 26.2 mL/h + 30.63 mL at 61.2 mL/h, 26.59 mm`. Raises ValueError."""
    steps, _, inner = text.partition(",")
    made = []
    for step in steps.split("+"):
        volume, at, rate = step.strip().partition(" at ")
        if not at:
            raise ValueError(f"{step.strip()!r} is not VOLUME at RATE")
        made.append(RateStep(Rate.parse(rate, "rate"), Volume.parse(volume, "volume")))
    return PumpProgram(tuple(made), Length.parse(inner.strip(), "diameter") if inner.strip() else None)


def call(text: str) -> Callable[[Driver], Awaitable[Outcome[Any]]]:
    """The driver call of a `call` line. Raises ValueError."""
    name, _, rest = text.partition(" ")
    if name == "load":
        loaded = program(rest)
        return lambda driver: driver.load(loaded)
    if name == "start":
        watchdog = Duration.parse(rest, "watchdog")
        return lambda driver: driver.start(watchdog)
    if name not in ("identify", "read", "read_back", "stop", "release") or rest:
        raise ValueError("known calls: identify, read, load PROGRAM, read_back, start WATCHDOG, stop, release")
    return lambda driver: getattr(driver, name)()
