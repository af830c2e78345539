"""The control process: put together, run until told to end, ended in order.

The watchdog of systemd is fed from evidence: every pump's turn ran, the journal answered, no pump is overdue. A process
that only keeps its event loop turning is restarted.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from pumpd.control.alarms.board import Key
from pumpd.control.alarms.service import own_alarms_left
from pumpd.control.gateway import Gateway
from pumpd.control.infusions.line_record import LineRecord
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.recovery import DamagedError, Recovered, last_loaded, machine_boot, recover
from pumpd.control.observation.service import Found, find
from pumpd.control.ordering import association
from pumpd.control.ordering.build import Build, begun_under_another, build
from pumpd.control.socket.server import doors
from pumpd.control.tablets.keys import KeyStore
from pumpd.dosing import NO_LIBRARY, Library, LibraryError
from pumpd.host.clock import Clock
from pumpd.infusion import Limits
from pumpd.journal import Entry, JournalError, JournalReader
from pumpd.journal.writer import JournalWriter, NoWriter, ThreadWriter
from pumpd.library.files import default_library, read_library
from pumpd.messages.requests import DISCLAIMER
from pumpd.notify import notify, watchdog_interval_s
from pumpd.pump import family
from pumpd.settings import Settings

log = structlog.get_logger("pumpd.control")

TURN_OVERDUE_S = 8.0  # longer than a read that times out with all its retries
JOURNAL_OVERDUE_S = 2.0
STOPPED_WITHIN_S = 4.0  # two readings of a stopped pump, 2 s apart (STP-04), and the poll before


@contextlib.asynccontextmanager
async def gateway(settings: Settings, library: Library, journal: JournalWriter) -> AsyncIterator[Gateway]:
    """A running gateway on the present loop: pumps polled, requests answered by the object that is given.

    Raises UnknownFamilyError for a driver that is not installed, ValueError for settings that it does not take. With
    a journal that cannot be read or written the pumps are there to be looked at and stopped, and nothing else.
    """
    clock = Clock(settings.simulation.time_scale)
    limits = Limits().for_time_scale(clock.scale)

    def on_change(_pump: PumpService) -> None:
        made.changed()

    def last_check(pump: PumpService) -> str:
        return made.gate.last_check(pump)

    lines: dict[str, LineRecord] = {pump.port: LineRecord(clock.scale) for pump in settings.pumps}
    runners = [
        PumpService(
            pump,
            family(pump.driver),
            journal,
            clock,
            limits,
            settings.deadman_socket(pump.name),
            lines[pump.port],
            on_change=on_change,
            last_check=last_check,
        )
        for pump in settings.pumps
    ]
    for runner in runners:
        try:
            runner.family.check_settings(runner.settings.settings)
        except ValueError as error:
            raise ValueError(f"pump {runner.name}: {error}") from error
    now = build(settings, library)
    before = _before(settings, library, runners, clock, now)
    keys = KeyStore(settings.keys_path)
    alarms = frozenset() if before.damage else _alarms_left(settings)
    made = Gateway(
        settings, library, runners, journal, keys, clock, now, before.others, before.damage, before.observations, alarms
    )
    body = {
        "gateway": settings.gateway,
        "build": now,
        "library": library.digest,
        "time_scale": clock.scale,
        "machine_boot": machine_boot(),
        "notice": DISCLAIMER,
    }
    with contextlib.suppress(JournalError):  # the gateway has been told
        await journal.append([Entry("control_started", body, "", "", clock.monotonic_ns())])
    for runner in runners:
        runner.patient = before.patients.get(runner.name, "")
        runner.unprescribed.holds(before.held.get(runner.name, ""))
        if runner.name in before.left:
            runner.recover(before.left[runner.name])
    tasks = [asyncio.create_task(runner.run(), name=f"pump {runner.name}") for runner in runners]
    tasks += [asyncio.create_task(work, name=name) for name, work in made.works().items()]
    try:
        yield made
    finally:
        for runner in runners:
            if runner.may_flow:
                runner.stop("pumpd", "the control process is ending")
        await asyncio.gather(*(runner.stop_answered() for runner in runners))
        await asyncio.gather(*(runner.wait_stopped(STOPPED_WITHIN_S) for runner in runners))
        for task in tasks:  # each gives its port back, so not before the stops have gone out
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(runner.deadman.close() for runner in runners))
        with contextlib.suppress(JournalError, TimeoutError):
            async with asyncio.timeout(JOURNAL_OVERDUE_S):
                await journal.append([Entry("control_stopped", {}, "", "", clock.monotonic_ns())])


@dataclass(frozen=True, slots=True)
class _Before:
    """What the journal says of before, by pump: infusions under way, the session whose program the pump took last,
    observations after infusions, and patients; sessions of another build; and what is wrong with the journal.
    """

    damage: str = ""
    others: frozenset[str] = frozenset()
    left: Mapping[str, Recovered] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    observations: Found = field(default_factory=Found)
    patients: Mapping[str, str] = field(default_factory=dict)


def _before(settings: Settings, library: Library, runners: Sequence[PumpService], clock: Clock, now: Build) -> _Before:
    """A journal that does not tell all of it is believed in nothing."""
    if not settings.journal_path.exists():
        return _Before()
    try:
        with contextlib.closing(JournalReader(settings.journal_path)) as reader:
            others = begun_under_another(reader, now)
            found = {each.name: recover(reader, each.settings, each.family, library, clock) for each in runners}
            held = {each.name: last_loaded(reader, each.name) for each in runners}
            observations = find(reader, clock)
            patients = {each.name: association.find(reader, each.name) for each in runners}
    except DamagedError as error:
        return _Before(f"journal {settings.journal_path}: {error}")
    except JournalError as error:
        return _Before(str(error))
    left = {name: one for name, one in found.items() if one is not None}
    left = {name: replace(one, program=None) if one.session in others else one for name, one in left.items()}
    return _Before("", others, left, held, observations, patients)


def _alarms_left(settings: Settings) -> frozenset[Key]:
    """The gateway's own alarms that were raised before, so that they are cleared where they are shown."""
    if not settings.journal_path.exists():
        return frozenset()
    try:
        with contextlib.closing(JournalReader(settings.journal_path)) as reader:
            return own_alarms_left(reader)
    except (JournalError, ValueError):
        return frozenset()  # it has been said that the journal cannot be read


async def run(settings: Settings) -> None:
    """The process: until SIGTERM or SIGINT. Raises what made a start impossible."""
    library = _library(settings)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with _alone(settings.state_dir / "control.lock"):
        journal = await _journal(settings.journal_path)
        try:
            async with gateway(settings, library, journal) as made, doors(made.dispatch, settings):
                await _until_told(made, journal)
        finally:
            await journal.close()


def _library(settings: Settings) -> Library:
    """The library, or where there is none to be had an empty one: a pump that flows must be stopped by somebody."""
    try:
        return read_library(settings.library_dir or default_library())
    except LibraryError as error:
        log.error("library_not_usable", why=error.problems)  # noqa: TRY400  # the message says all of it
        return NO_LIBRARY


async def _journal(path: Path) -> JournalWriter:
    """The journal's writer, or where there is none to be had what refuses to write: a pump that flows must be stopped
    by somebody (PWR-10, PWR-11).
    """
    journal = ThreadWriter(path, boot=secrets.token_hex(8))
    try:
        await journal.opened()
    except JournalError as error:
        log.error("journal_failed", why=str(error))  # noqa: TRY400  # the message says all of it
        return NoWriter(error)
    return journal


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of this state directory, so that a second process touches neither journal nor pump."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError:  # a disk that is full or read-only; what nobody can make, nobody else can lock in its place
        lock = os.open(path if path.exists() else path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"{path.parent} is in use: another pumpd control process runs on it") from error
        yield
    finally:
        os.close(lock)


async def _until_told(made: Gateway, journal: JournalWriter) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    notify("READY=1", f"STATUS={_summary(made)}")
    log.info("control_started", gateway=made.settings.gateway, pumps=list(made.runners), notice=DISCLAIMER)
    feeding = asyncio.create_task(_feed_watchdog(made, journal), name="watchdog")
    try:
        await ended.wait()
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        notify("STOPPING=1")
        log.info("control_stopping")


async def _feed_watchdog(made: Gateway, journal: JournalWriter) -> None:
    interval = watchdog_interval_s() or 5.0
    while True:
        await asyncio.sleep(min(interval, 5.0))
        fault = await evidence_against(made, journal)
        if fault:
            log.error("watchdog_not_fed", why=fault)
            notify(f"STATUS={fault}")
        else:
            notify("WATCHDOG=1", f"STATUS={_summary(made)}")


async def evidence_against(made: Gateway, journal: JournalWriter) -> str:
    """Why this process should not be believed to be working; empty when it is.

    A journal that says no is no evidence: nothing starts, an alarm says so, and a restart would lose what is kept for
    it. Asking makes it try again.
    """
    try:
        async with asyncio.timeout(JOURNAL_OVERDUE_S):
            await journal.append([])
    except TimeoutError:
        return "the journal does not answer"
    except JournalError:
        pass
    loop = asyncio.get_running_loop()
    overdue = [
        name
        for name, runner in made.runners.items()
        if loop.time() - runner.last_turn_ns / 1e9 / made.settings.simulation.time_scale > TURN_OVERDUE_S
    ]
    return f"no turn of {', '.join(overdue)}" if overdue else ""


def _summary(made: Gateway) -> str:
    infusing = sum(runner.infusion is not None and runner.infusion.state.may_flow for runner in made.runners.values())
    ready = sum(not runner.problem for runner in made.runners.values())
    return f"{ready} of {len(made.runners)} pumps ready, {infusing} infusing"
