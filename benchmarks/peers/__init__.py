"""pumpd's drivers beside other public drivers of the same pumps, on the same simulators, in one run.

Each driver is in a process of its own, which polls without a pause and stops when it is asked to (peers/clients/). The
others are in environments of their own, with pinned versions, made for this run and removed after it: pumpd does not
depend on them. The simulated pump is in this process, on a real pseudo-terminal at the speed of the family's line.

In each row the measured value is pumpd's, and the bound is the other's: a bound that is missed says that the other is
ahead. Each is asked what its users call, in its own words on the wire: so exchanges are compared as a share of those
that the line allows for just these bytes. A stop that has not left after five seconds counts as five.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.families import own_mark
from benchmarks.line import exact_loop
from benchmarks.peers.client import CLIENTS, ClientError, Command, pumpd_client
from benchmarks.peers.environment import Environment, UnavailableError
from benchmarks.peers.trials import Seen, side_by_side
from benchmarks.result import Result
from benchmarks.size import Size

PEERS = (
    ("new-era", "NESP-Lib", "nesp-lib==2.0.0", "with_nesp_lib.py"),
    ("new-era", "labmcp-new-era", "labmcp-new-era==0.1.2", "with_labmcp.py"),
    ("harvard", "python-syringe-pump", "python-syringe-pump==0.2.1", "with_syringe_pump.py"),
    ("fresenius-base-a", "infupy", "infupy==2022.1.11", "with_infupy_fresenius.py"),
    ("alaris-asena", "infupy", "infupy==2022.1.11", "with_infupy_alaris.py"),
)
WHY = {
    "exchanges": "both wait for the same line: what differs is how soon the machine wakes their processes",
    "cpu": "a blocking read costs less than an event loop, which pumpd needs to send a stop while an answer is awaited",
    "stop": "pumpd first lets the answer come in that is on the line, as a pump may lose what it is sent meanwhile",
}


class IncompleteError(Exception):
    """Some of the drivers could not be compared; the others were."""


def measure(size: Size = Size.WHOLE) -> Iterator[Result]:
    """Raises IncompleteError at the end, with every driver that could not be installed or did not work."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(Path(folder))
        for family, name, package, script in PEERS:
            try:
                theirs = Command(environment.python(package), CLIENTS / script)
                both = _tried(family, [pumpd_client(family, own_mark(family)[0]), theirs], size)
            except (UnavailableError, ClientError) as error:
                problems.append(f"{name} at {family}: {error}")
            else:
                yield from compared(family, name, *both)
    if problems:
        raise IncompleteError("; ".join(problems))


def _tried(family: str, commands: Sequence[Command], size: Size) -> list[Seen]:
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        return runner.run(side_by_side(family, commands, size))


def compared(family: str, peer: str, ours: Seen, theirs: Seen) -> Iterator[Result]:
    """pumpd's values, with the other's as bounds."""

    def row(what: str, measured: float, bound: float, unit: str, why: str = "", *, at_least: bool = False) -> Result:
        details = {"pumpd": ours.as_details(), peer: theirs.as_details()}
        name = f"{family}, {what}: pumpd, beside {peer}"
        return Result(name, measured, bound, unit, at_least, details, WHY.get(why, ""))

    yield row("share of the line's exchanges", ours.polled.share, theirs.polled.share, "", "exchanges", at_least=True)
    yield row("CPU of an exchange", ours.polled.cpu_us, theirs.polled.cpu_us, "µs", "cpu")
    yield row("stop while polling, worst", max(ours.stops_s) * 1e3, max(theirs.stops_s) * 1e3, "ms", "stop")
    yield row("stop after a lost reply, worst", max(ours.lost_s) * 1e3, max(theirs.lost_s) * 1e3, "ms", "stop")
    yield row(
        "cable out: loss told, stop not called done, works again, of 3",
        ours.unplugged.points,
        theirs.unplugged.points,
        "",
        at_least=True,
    )
