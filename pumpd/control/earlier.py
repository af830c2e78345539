"""What the journal shows of the time before this process: read once, before the pumps are polled (PWR-02, PWR-10).

Promises:
- A journal that cannot be understood as a whole is not trusted at all: nothing is started, and what flows is stopped.
  Whatever is in it, it never keeps control from starting up.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from pumpd.control.alarms.board import Key
from pumpd.control.alarms.on_record import open_alarms
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.recovery import DamagedError, Recovered, last_loaded, recover
from pumpd.control.observation.service import Found, find
from pumpd.control.ordering import association
from pumpd.control.ordering.build import Build, begun_under_another
from pumpd.dosing import Library
from pumpd.host.clock import Clock
from pumpd.journal import Entry, JournalError, JournalReader
from pumpd.journal.loss import booked
from pumpd.journal.writer import Lost
from pumpd.texts import of_error, text

log = structlog.get_logger("pumpd.control")


@dataclass(frozen=True, slots=True)
class Earlier:
    """By pump: infusions under way, the session whose program the pump took last, observations, and patients. Also
    sessions of another build; the alarms that are open in the journal, each with its session; what is wrong with the
    journal; and what to record about that.
    """

    damage: str = ""
    others: frozenset[str] = frozenset()
    left: Mapping[str, Recovered] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    observations: Found = field(default_factory=Found)
    patients: Mapping[str, str] = field(default_factory=dict)
    alarms: Mapping[Key, str] = field(default_factory=dict)
    to_record: Sequence[Entry] = ()


def read(
    path: Path,
    library: Library,
    runners: Iterable[PumpService],
    clock: Clock,
    now: Build,
    lost: Lost,
    *,
    clock_trusted: bool,
) -> Earlier:
    """`lost`: what the journal lost, as its anchor shows; then nothing in it is trusted either."""
    if not path.exists():
        return Earlier(lost.what)
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            if lost.what:
                return Earlier(lost.what, to_record=booked(reader, lost.what, lost.orders, clock.monotonic_ns()))
            return _read(reader, library, list(runners), clock, now, clock_trusted=clock_trusted)
    except DamagedError as error:
        return Earlier(text("journal.at", "journal {path}: {why}", path=path, why=of_error(error)))
    except JournalError as error:
        return Earlier(of_error(error))
    except Exception as error:  # a crash loop over a flowing pump would be worse than any journal
        log.exception("journal_not_understood")
        return Earlier(
            text(
                "journal.not_known",
                "journal {path}: pumpd cannot understand it: {error}",
                path=path,
                error=repr(error),
            )
        )


def _read(
    reader: JournalReader,
    library: Library,
    runners: list[PumpService],
    clock: Clock,
    now: Build,
    *,
    clock_trusted: bool,
) -> Earlier:
    simulated = {runner.name for runner in runners if runner.settings.simulated}

    def time_known(pump: str) -> bool:
        return clock.known(trusted=clock_trusted or pump in simulated)

    others = begun_under_another(reader, now)
    left = {}
    for runner in runners:
        found = recover(reader, runner.settings, runner.family, library, clock, time_known=time_known(runner.name))
        if found is not None:
            left[runner.name] = found.without_program if found.session in others else found
    return Earlier(
        others=others,
        left=left,
        held={runner.name: last_loaded(reader, runner.name) for runner in runners},
        observations=find(reader, clock, time_known),
        patients={runner.name: association.find(reader, runner.name) for runner in runners},
        alarms=open_alarms(reader),
    )
