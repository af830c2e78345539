"""How far each driver can be trusted, and why: writes docs/driver-quality.md, or checks with --check that it is true.

Everything on the page is measured or looked up here: worked frames are decoded and encoded again, the bench check runs
on each simulated pump in virtual time, rules and excuses come from the conformance classes, dialogues from the
transcripts, fuzz results from benchmarks/fuzzed.toml, third-party evidence from tools/driver_evidence.toml, open
questions of the sheets and the simulators' other choices from tools/driver_marks.toml. The test suite itself checks
that the counted tests pass. Run from the repository: python -m tools.driver_quality
"""

import argparse
import ast
import asyncio
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import structlog

from benchmarks.fuzz import recorded, source_of
from pumpd.cli.driver_check import BenchCheck
from pumpd.driving import Codec, LinkDriver
from pumpd.pump import Done, PumpProgram, RateStep, Refused, families, family
from pumpd.quantities import Rate, Volume
from pumpd.wire import memory
from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.conformance import Suite
from pumpd_simulators.family import families as simulated_families
from pumpd_simulators.family import family as simulated
from pumpd_simulators.scenario import Scenario
from pumpd_simulators.transcript import read
from pumpd_simulators.virtual_time import VirtualTimeLoop

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "driver-quality.md"
FUZZ_PACKETS = 1_000_000
LEAST_SCENARIOS = 3
RECORDED = "recorded:"  # begins the name of a dialogue that is an unedited recording
_HEX = re.compile(r"[0-9A-F]{2}( [0-9A-F]{2})+")


class Level(IntEnum):
    NONE = 0
    BRONZE = 1
    SILVER = 2
    GOLD = 3
    PLATINUM = 4

    def __str__(self) -> str:
        return self.name.lower()


HEAD = f"""# Driver quality

Written by `tools/driver_quality.py` from the drivers, the simulators and their tests; `make check` fails when it is
stale. Not a cleared medical device: no level makes it one.

| level | what it requires, in addition to the previous one |
|---|---|
| bronze | worked frames of the protocol sheet, in the tables of the codec's tests, decode and encode byte for byte; `pumpd driver check` passes every step on the simulated pump. A monitored pump is identified and read, and every command is refused |
| silver | the whole conformance suite; each excuse has a reason, listed below |
| gold | dialogues with their source, played to the driver and to the simulator; {LEAST_SCENARIOS} scenarios or more; 10⁶ damaged packets to the present codec without a finding; a page for the driver and one for the simulator; every assumption named on the driver's page, and a simulator option for the other choice |
| platinum | evidence from someone else's reading of the protocol: a public client that drives the simulator unchanged, a public simulator that the driver drives, a real pump, or recordings of one played both ways (dialogues named `{RECORDED}`; one assembled from recorded pieces does not count) |

A level requires all of its evidence and all lower levels. Below platinum, driver and simulator rest on one reading of
one sheet: what the sheet only infers [I] or does not know [U] is an assumption, and `pumpd driver show FAMILY` lists
these with their defaults. `pumpsim FAMILY --help` lists the options for the simulator's other choices.
"""  # noqa: E501 - a table row is one line


@dataclass(frozen=True, slots=True)
class Trial:
    """The conformance suite, or the bench check, on one pump."""

    name: str
    rules: int = 0
    excused: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""  # why the bench check failed, if it did


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All evidence for a family. `missing` is what keeps it from each level."""

    family: str
    models: tuple[str, ...] = ()
    monitor_only: bool = False
    worked_frames: int = 0
    trials: tuple[Trial, ...] = ()
    dialogues: tuple[int, int] = (0, 0)  # played to the driver, to the simulator
    recordings: tuple[int, int] = (0, 0)  # those of them that are recordings of a real pump
    scenarios: int = 0
    fuzz: Mapping[str, str | int] = field(default_factory=dict)
    fuzz_is_current: bool = False  # the present codec was fuzzed
    pages: tuple[str, ...] = ()  # those that exist: of "driver", "simulator"
    assumptions: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()  # assumptions that the driver's page does not name
    marks: tuple[Mapping[str, Any], ...] = ()  # entries of tools/driver_marks.toml
    third_party: tuple[Mapping[str, Any], ...] = ()  # entries of tools/driver_evidence.toml
    lines: Mapping[str, int] = field(default_factory=dict)

    def missing(self, level: Level) -> list[str]:
        match level:
            case Level.BRONZE:
                return [
                    *([] if self.worked_frames else ["worked frames in the codec's tests"]),
                    *([] if self.trials else ["a pump to check it on"]),
                    *(f"the check of {trial.name}: {trial.failed}" for trial in self.trials if trial.failed),
                ]
            case Level.SILVER:
                return [] if any(trial.rules for trial in self.trials) else ["the conformance suite"]
            case Level.GOLD:
                return self._missing_gold()
            case Level.PLATINUM:
                enough = self.third_party or all(self.recordings)
                return [] if enough else ["third-party evidence, or recordings played both ways"]
            case Level.NONE:
                return []

    def _missing_gold(self) -> list[str]:
        fuzz = self.fuzz
        clean = self.fuzz_is_current and int(fuzz["packets"]) >= FUZZ_PACKETS and not fuzz["findings"]
        return [
            *([] if all(self.dialogues) else ["dialogues for driver and simulator"]),
            *([] if self.scenarios >= LEAST_SCENARIOS else [f"scenarios ({self.scenarios} of {LEAST_SCENARIOS})"]),
            *([] if clean else ["10⁶ damaged packets to the present codec without a finding"]),
            *(f"a page for the {each}" for each in ("driver", "simulator") if each not in self.pages),
            *(f"assumption {each} on the driver's page" for each in self.unnamed),
            *unmarked(self.family, self.assumptions, self.marks),
        ]

    @property
    def level(self) -> Level:
        reached = Level.NONE
        for level in Level:
            if self.missing(level):
                break
            reached = level
        return reached


def unmarked(name: str, assumptions: Sequence[str], marks: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with a family's marks: an unknown assumption or option, or an assumption without a mark."""
    options = simulated(name).options.model_fields if name in simulated_families() else {}
    marked = {each for mark in marks for each in mark.get("assumption", ())}
    return [
        *(f"for assumption {each} a simulator option or a reason" for each in assumptions if each not in marked),
        *(f"an assumption {each}, which is marked" for each in sorted(marked - set(assumptions))),
        *(
            f"a simulator option {each}, which is marked"
            for mark in marks
            for each in mark.get("option", ())
            if each not in options
        ),
        *(f"an option or a reason in {dict(mark)}" for mark in marks if not (mark.get("option") or mark.get("why"))),
    ]


# -- gathering -----------------------------------------------------------------------------------------------------


def gather(name: str, root: Path = ROOT) -> Evidence:
    chosen, package = family(name), name.replace("-", "_")
    assert issubclass(chosen, LinkDriver)  # as every family here; it has the codec
    fuzz = recorded(root / "benchmarks" / "fuzzed.toml").get(name, {})
    files = root / "tests" / "drivers" / "transcripts" / f"{name}.txt"
    dialogues = read(files) if files.exists() else []
    real = [dialogue for dialogue in dialogues if dialogue.name.startswith(RECORDED)]
    pages = {kind: root / "docs" / "reference" / f"{kind}s" / f"{name}.md" for kind in ("driver", "simulator")}
    there = tuple(kind for kind, page in pages.items() if page.exists())
    text = pages["driver"].read_text(encoding="utf-8") if "driver" in there else ""
    assumptions = tuple(each.name for each in chosen.assumptions)
    return Evidence(
        family=name,
        models=chosen.models,
        monitor_only=chosen.monitor_only,
        worked_frames=worked_frames(chosen.codec, codec_tests(package, root)),
        trials=tuple(trials(name, root)),
        dialogues=_both_ways(dialogues),
        recordings=_both_ways(real),
        scenarios=sum(
            Scenario.read(path).pump.family == name for path in (root / "tests" / "scenarios").glob("*.toml")
        ),
        fuzz=fuzz,
        fuzz_is_current=fuzz.get("codec") == source_of(chosen.codec),
        pages=there,
        assumptions=assumptions,
        unnamed=tuple(each for each in assumptions if f"`{each}`" not in text),
        marks=tuple(tomllib.loads((root / "tools" / "driver_marks.toml").read_text(encoding="utf-8")).get(name, [])),
        third_party=tuple(each for each in _third_party(root) if each["family"] == name),
        lines=_lines(package, root),
    )


def _both_ways(dialogues: Sequence[Any]) -> tuple[int, int]:
    return sum(each.for_driver for each in dialogues), sum(each.for_simulator for each in dialogues)


def _third_party(root: Path) -> list[dict[str, Any]]:
    read_file = tomllib.loads((root / "tools" / "driver_evidence.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = read_file.get("evidence", [])
    return found


def _lines(package: str, root: Path) -> dict[str, int]:
    """Lines that are not blank."""

    def count(*files: Path) -> int:
        return sum(sum(1 for line in file.read_text(encoding="utf-8").splitlines() if line.strip()) for file in files)

    driver = root / "drivers" / "pumpd_drivers" / package
    simulator = root / "simulators" / "pumpd_simulators" / package
    rest = [file for file in driver.glob("*.py") if file.name not in ("driver.py", "codec.py")]
    return {
        "driver": count(driver / "driver.py"),
        "codec": count(driver / "codec.py"),
        "rest": count(*rest),
        "simulator": count(*simulator.glob("*.py")),
    }


def codec_tests(package: str, root: Path = ROOT) -> str:
    """The source of a family's codec tests."""
    tests = root / "tests" / "drivers"
    for file in (tests / package / "test_codec.py", tests / f"test_{package}_codec.py"):
        if file.exists():
            return file.read_text(encoding="utf-8")
    return ""


def worked_frames(codec: Codec, source: str) -> int:
    """How many literals in a test module's tables decode to frames that encode to the same bytes."""
    found: set[bytes] = set()
    for data in _tabled(ast.parse(source)):
        if _whole(codec, data):
            found.add(data)
        elif len(lines := data.splitlines()) > 1:  # one frame per line, without the wire's line ends
            found |= {line for line in lines if _whole(codec, line) or _whole(codec, line + b"\r")}
    return len(found)


def _tabled(module: ast.Module) -> Iterator[bytes]:
    for statement in module.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            for node in ast.walk(statement.value):
                if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
                    yield node.value
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _HEX.fullmatch(node.value):
                    yield bytes.fromhex(node.value)


def _whole(codec: Codec, data: bytes) -> bool:
    for make in (codec.requests, codec.replies):
        frames = make().feed(data)
        understood = frames and all(hasattr(frame, "to_bytes") for frame in frames)
        if understood and b"".join(frame.to_bytes() for frame in frames) == data:
            return True
    return False


def trials(name: str, root: Path = ROOT) -> Iterator[Trial]:
    """The family's conformance classes, each with its rules and the bench check on its pump."""
    chosen, module = family(name), f"test_conformance_{name.replace('-', '_')}"
    if not (root / "tests" / "drivers" / f"{module}.py").exists():
        return
    for cls in vars(importlib.import_module(f"tests.drivers.{module}")).values():
        if isinstance(cls, type) and issubclass(cls, Suite) and "subject" in vars(cls):
            subject = cls.subject
            settings = {**getattr(chosen, "bench_settings", {}), **subject.settings}
            if chosen.monitor_only:
                work = _watch(name, subject.simulate, settings)
            else:
                work = _check(name, subject.simulate, settings, subject.program)
            failed = _in_virtual_time(work)
            rules = sum(callable(getattr(cls, rule)) for rule in dir(cls) if rule.startswith("test_"))
            yield Trial(cls.__name__.removeprefix("Test"), rules, cls.excused, failed)


def _in_virtual_time(work: Any) -> str:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return str(runner.run(work))
    finally:
        structlog.reset_defaults()


async def _check(name: str, make: Any, settings: Mapping[str, Any], program: PumpProgram) -> str:
    """The step of `pumpd driver check` that fails, and why; empty when every step passes."""
    pump: SimulatedPump = make()
    memory.serve("quality", pump)
    driver = await family(name).connect("memory://quality", settings)
    try:
        check = BenchCheck(driver, program, lambda _: None)
        await check.run()
        return f"{check.failed.name}: {check.failed.result}" if check.failed else ""
    finally:
        await driver.close()
        memory.withdraw("quality")
        pump.shut()


async def _watch(name: str, make: Any, settings: Mapping[str, Any]) -> str:
    """What is wrong with a monitoring driver; empty when it identifies and reads, and refuses every command."""
    pump: SimulatedPump = make()
    memory.serve("quality", pump)
    driver = await family(name).connect("memory://quality", settings)
    try:
        questions = {"identify": await driver.identify(), "read": await driver.read()}
        wrong = [f"{call}: {outcome}" for call, outcome in questions.items() if not isinstance(outcome, Done)]
        commands = {
            "load": await driver.load(PumpProgram((RateStep(Rate(60), Volume(1)),))),
            "stop": await driver.stop(),
            "release": await driver.release(),
        }
        wrong += [f"{call} is not refused" for call, outcome in commands.items() if not isinstance(outcome, Refused)]
        return "; ".join(wrong)
    finally:
        await driver.close()
        memory.withdraw("quality")
        pump.shut()


# -- the page ------------------------------------------------------------------------------------------------------


def page(found: Sequence[Evidence]) -> str:
    parts = [HEAD, _table(found), _line_table(found), *(_section(each) for each in found)]
    return "\n".join(parts).rstrip("\n") + "\n"


def _rows(head: str, rows: Sequence[Sequence[object]]) -> str:
    columns = [cell.strip() for cell in head.split("|")]
    lines = [columns, ["---"] * len(columns), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _table(found: Sequence[Evidence]) -> str:
    rows = [
        (
            f"[`{each.family}`](#{each.family})",
            f"**{each.level}**",
            each.worked_frames,
            sum(trial.rules for trial in each.trials) or "-",
            sum(len(trial.excused) for trial in each.trials),
            f"{each.dialogues[0]} / {each.dialogues[1]}",
            each.scenarios,
            f"{each.fuzz['findings']} in {int(each.fuzz['packets']):,}" if each.fuzz else "-",
            len(each.assumptions),
        )
        for each in found
    ]
    head = "family | level | worked frames | rules run | excused | dialogues: driver / simulator | scenarios"
    return _rows(f"{head} | fuzz findings | assumptions", rows)


def _line_table(found: Sequence[Evidence]) -> str:
    rows = [(f"`{each.family}`", *each.lines.values(), sum(each.lines.values())) for each in found]
    intro = (
        "## Source lines\n\nNot counting blank lines. Other files: see [write a driver](how-to/write-a-driver.md).\n\n"
    )
    return intro + _rows("family | driver.py | codec.py | the driver's other files | simulator | all", rows)


def _section(each: Evidence) -> str:
    lines = [f"## {each.family}", "", f"**{str(each.level).capitalize()}.** Models: {', '.join(each.models)}."]
    if each.monitor_only:
        lines += ["Monitoring only: pumpd shows its readings and refuses to plan infusions with it."]
    if each.level is not Level.PLATINUM:
        short = next(level for level in Level if level > each.level)
        lines += ["", f"Missing for {short}: {'; '.join(each.missing(short))}."]
    lines += [""]
    for trial in each.trials:
        passed = "identified and read, every command refused" if each.monitor_only else "the bench check passes"
        check = f"the bench check fails, {trial.failed}" if trial.failed else passed
        rules = f"{trial.rules} rules of the conformance suite, {len(trial.excused)} excused; " if trial.rules else ""
        lines += [f"- {trial.name}: {rules}{check}."]
        lines += [f"  - excused from `{rule.removeprefix('test_')}`: {why}." for rule, why in trial.excused.items()]
    if any(each.recordings):
        driver, simulator = each.recordings
        lines += [f"- Recordings of a real pump: {driver} played to the driver, {simulator} to the simulator."]
    if each.fuzz:
        lines += [_fuzz_line(each.fuzz, current=each.fuzz_is_current)]
    lines += [
        f"- {entry['date']}, {entry['what']} {entry['name']} {entry['version']}: {entry['result']}."
        for entry in each.third_party
    ]
    lines += [f"- Page of the {kind}: [{kind}](reference/{kind}s/{each.family}.md)." for kind in each.pages]
    if each.marks:
        lines += ["", _mark_table(each.marks)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _mark_table(marks: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            mark.get("mark", "-"),
            ", ".join(f"`{each}`" for each in mark.get("assumption", ())) or "none",
            ", ".join(f"`--{each.replace('_', '-')}`" for each in mark.get("option", ())) or "none",
            mark.get("why", ""),
        )
        for mark in marks
    ]
    return _rows("left open by the sheet | assumption of the driver | option of the simulator | why", rows)


def _fuzz_line(fuzz: Mapping[str, str | int], *, current: bool) -> str:
    codec = "the present codec" if current else "an earlier codec"
    counts = f"{int(fuzz['packets']):,} damaged packets, {int(fuzz['frames']):,} frames"
    good = f"{int(fuzz['checked']):,} with a good check" if fuzz["checked"] else "none of which carries a check"
    return f"- Fuzz, {fuzz['date']}, {codec}: {counts}, {good}; {fuzz['findings']} findings."


def own() -> list[str]:
    """The families of pumpd's own drivers; other distributions assess their own."""
    return [name for name, point in families().items() if point.value.startswith("pumpd_drivers.")]


def main(arguments: Sequence[str] | None = None, path: Path = PAGE) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is not true")
    options = parser.parse_args(arguments)
    text = page([gather(name) for name in own()])
    if not options.check:
        path.write_text(text, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        print(f"{path.name} is stale: run python -m tools.driver_quality", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
