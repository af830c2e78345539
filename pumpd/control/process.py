"""The control process: set up, run until a signal ends it or a part of it dies, and shut down in order.

Promises:
- Systemd's watchdog is fed from evidence: every part completed a cycle within its time limit, and the journal answered.
  A process in which only the event loop still runs is restarted.
- When a part dies, what may flow is stopped within the same pass of the event loop, an alarm is raised and recorded,
  and the process ends with status 1, so that systemd starts a new one (docs/decisions/0022).
"""

import asyncio
import contextlib
import secrets
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import structlog

from pumpd.control.earlier import read as read_earlier
from pumpd.control.gateway import Gateway
from pumpd.control.infusions.line_record import LineRecord
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.recovery import machine_boot
from pumpd.control.ordering.build import build
from pumpd.control.parts import PartDiedError
from pumpd.control.socket.server import doors
from pumpd.control.strangers import Strangers
from pumpd.control.tablets.keys import KeyStore
from pumpd.dosing import NO_LIBRARY, Library, LibraryError
from pumpd.host.clock import Clock
from pumpd.host.files import mode_of
from pumpd.host.lock import control_alone
from pumpd.host.open_secrets import open_secrets
from pumpd.host.turns import Turns
from pumpd.infusion import Limits
from pumpd.journal import Entry, JournalError
from pumpd.journal.records import FORMAT
from pumpd.journal.writer import JournalWriter, NoWriter, ThreadWriter
from pumpd.library.files import default_library, read_library
from pumpd.messages.keys import software_nurses, with_hardware
from pumpd.messages.requests import DISCLAIMER
from pumpd.notify import notify, watchdog_interval_s
from pumpd.pump import family
from pumpd.pump_bindings import binding_errors
from pumpd.settings import Settings
from pumpd.settings_file import Read
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")

JOURNAL_OVERDUE_S = 2.0
INDEXING_S = 10.0
STOPPED_WITHIN_S = 4.0  # two readings without flow, 2 s apart (STP-04), and the poll before


@contextlib.asynccontextmanager
async def gateway(
    settings: Settings, library: Library, journal: JournalWriter, read: Read | None = None
) -> AsyncIterator[Gateway]:
    """A running gateway on the present event loop: pumps are polled, and the yielded object answers requests.

    `read`: the files of the settings, which are checked again before each start.

    Raises UnknownFamilyError for a driver that is not installed, ValueError for settings that it does not accept. With
    a journal that cannot be read or written the pumps can be watched and stopped, and nothing else.
    """
    clock = Clock(settings.simulation.time_scale)
    limits = Limits().for_time_scale(clock.scale)

    def on_change(_pump: PumpService) -> None:
        made.changed()

    def came_back(pump: PumpService) -> None:
        made.identifying.came_back(pump)

    def last_check(pump: PumpService) -> str:
        return made.gate.last_check(pump)

    for pump in settings.pumps:
        try:
            family(pump.driver).check_settings(pump.settings)
        except ValueError as error:
            raise ValueError(f"pump {pump.name}: {error}") from error
    if errors := binding_errors(settings.pumps):
        raise ValueError("; ".join(errors))
    strangers = Strangers(len(settings.pumps), journal, clock)
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
            strangers,
            on_change=on_change,
            last_check=last_check,
            others=lambda: runners,
            came_back=came_back,
        )
        for pump in settings.pumps
    ]
    now = build(settings, library)
    trusted = settings.clock_trusted
    earlier = read_earlier(settings.journal_path, library, runners, clock, now, journal.lost, clock_trusted=trusted)
    made = Gateway(
        settings,
        library,
        runners,
        journal,
        strangers,
        KeyStore(settings.keys_path),
        clock,
        now,
        earlier.others,
        earlier.damage,
        earlier.observations,
        earlier.alarms,
        read,
    )
    body = {
        "format": FORMAT,
        "gateway": settings.gateway,
        "build": now,
        "library": library.digest,
        "configuration": read.digest if read is not None else None,
        "time_scale": clock.scale,
        "simulated": {pump.name: pump.simulated for pump in settings.pumps},  # then, whatever is configured later
        "machine_boot": machine_boot(),
        "notice": DISCLAIMER,
    }
    started = [Entry("control_started", body, "", "", clock.monotonic_ns())]
    with contextlib.suppress(JournalError):  # the gateway knows
        await journal.append([*started, *earlier.to_record])
    for runner in runners:
        runner.patient = earlier.patients.get(runner.name, "")
        runner.unprescribed.holds(earlier.held.get(runner.name, ""))
        if runner.name in earlier.left:
            left = earlier.left[runner.name]
            made.alarms.recovered(runner.name, left.session, left.infusion.alarms)
            runner.recover(left)
    made.start()
    try:
        yield made
    finally:
        made.stop_all(text("stop.control_ends", "the control process is ending"))
        await asyncio.gather(*(runner.stop_answered() for runner in runners))
        await asyncio.gather(*(runner.wait_stopped(STOPPED_WITHIN_S) for runner in runners))
        await made.parts.end()  # each pump's part releases its port, so this must follow the stops
        await asyncio.gather(*(runner.deadman.close() for runner in runners))
        strangers.close()
        with contextlib.suppress(JournalError, TimeoutError):
            async with asyncio.timeout(JOURNAL_OVERDUE_S):
                await journal.append([Entry("control_stopped", {}, "", "", clock.monotonic_ns())])


async def run(read: Read) -> None:
    """Run the process by this configuration until SIGTERM or SIGINT.

    Raises what kept it from starting, PartDiedError when a part died.
    """
    settings = Settings.of(read)
    asyncio.get_running_loop().set_exception_handler(_unhandled)
    if why := with_hardware(software_nurses(settings.keys_path), settings.real_pumps):
        raise ValueError(f"{settings.keys_path}: {why}")
    if open_to_all := open_secrets(settings):
        raise ValueError("; ".join(open_to_all))
    library = _library(settings)
    settings.state_dir.mkdir(mode=mode_of("state directory"), parents=True, exist_ok=True)
    with control_alone(settings.lock_path):
        journal = await _journal(settings.journal_path)
        try:
            async with gateway(settings, library, journal, read) as made, doors(made.dispatch, settings):
                await _until_end(made, journal)
        finally:
            await journal.close()


def _unhandled(_: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """A task whose result nobody awaits failed, such as a client's: at least it is logged."""
    log.error("task_failed", what=context.get("message"), exc_info=context.get("exception"))


def _library(settings: Settings) -> Library:
    """The library, or an empty one when it cannot be read: a pump that flows must be stopped all the same."""
    try:
        return read_library(settings.library_dir or default_library())
    except LibraryError as error:
        log.error("library_not_usable", why=error.problems)  # noqa: TRY400  # the message says it all
    except Exception:
        log.exception("library_not_understood")
    return NO_LIBRARY


async def _journal(path: Path) -> JournalWriter:
    """The journal's writer, or one that refuses to write: a pump that flows must be stopped all the same (PWR-10,
    PWR-11).
    """
    journal = ThreadWriter(path, boot=secrets.token_hex(8))
    opening = asyncio.ensure_future(journal.opened())
    while not (await asyncio.wait([opening], timeout=INDEXING_S))[0]:  # once, for the journal of an older version
        notify("EXTEND_TIMEOUT_USEC=60000000", "STATUS=making indexes for a long journal, once")
    try:
        await opening
    except JournalError as error:
        log.error("journal_failed", why=str(error))  # noqa: TRY400  # the message says it all
        return NoWriter(error)
    return journal


async def _until_end(made: Gateway, journal: JournalWriter) -> None:
    """Wait for a signal. Raises PartDiedError when a part dies first."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    notify("READY=1", f"STATUS={_summary(made)}")
    log.info("control_started", gateway=made.settings.gateway, pumps=list(made.runners), notice=DISCLAIMER)
    made.parts.start("watchdog", Watchdog(made, journal))
    waiting = {asyncio.create_task(ended.wait()), asyncio.create_task(made.parts.died())}
    try:
        await asyncio.wait(waiting, return_when="FIRST_COMPLETED")
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        notify("STOPPING=1")
        log.info("control_stopping")
    if made.parts.death:
        raise PartDiedError(made.parts.death)


class Watchdog:
    """Feeds systemd's watchdog while nothing shows that this process has failed."""

    def __init__(self, made: Gateway, journal: JournalWriter) -> None:
        self._made, self._journal = made, journal
        self._every_s = min(watchdog_interval_s() or 5.0, 5.0)
        self._turns = Turns(self._every_s + JOURNAL_OVERDUE_S + 1)

    @property
    def overdue(self) -> bool:
        return self._turns.overdue

    async def run(self) -> None:
        while True:
            self._turns.turned()
            await asyncio.sleep(self._every_s)
            fault = await evidence_against(self._made, self._journal)
            if fault:
                log.error("watchdog_not_fed", why=fault)
                notify(f"STATUS={fault}")
            elif notify("WATCHDOG=1", f"STATUS={_summary(self._made)}"):
                self._made.self_test.watchdog_fed()


async def evidence_against(made: Gateway, journal: JournalWriter) -> str:
    """Why this process should be considered broken; empty when it works.

    A journal that refuses to write is not a reason: nothing starts, an alarm is active, and a restart would lose the
    entries kept in memory. Asking makes it try again. Nor is a disk that is slow: that is an alarm, and one that hangs
    stops what flows by itself.
    """
    try:
        async with asyncio.timeout(JOURNAL_OVERDUE_S):
            await journal.append([])
    except TimeoutError:
        if not journal.slow:
            return "the journal does not answer"
    except JournalError:
        pass
    overdue = made.parts.overdue()
    return f"hung: {', '.join(overdue)}" if overdue else ""


def _summary(made: Gateway) -> str:
    infusing = sum(runner.infusion is not None and runner.infusion.state.may_flow for runner in made.runners.values())
    ready = sum(not runner.problem for runner in made.runners.values())
    return f"{ready} of {len(made.runners)} pumps ready, {infusing} infusing"
