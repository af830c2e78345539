"""The driver for classic Harvard pumps, which have no watchdog: only their target ends a flow that no host monitors.

Promises, in addition to those of `pumpd.pump.driver`:
- `RUN` is sent only to a stopped pump with its counter at 0 that has just been read to hold the loaded program. It is
  *done* when its own reply reports infusing. REV, which starts some of these pumps and turns others, is never sent.
- Replies name no command and carry no check sum. A value that is not as expected is asked for once more.
- A stop is *done* when the prompt after it reports no flow. The target stays set: a key press at the panel then
  delivers at most the rest.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pumpd.driving import Codec, DeclinedError, Lane, LineSettings, Side, UnansweredError, either, join, now_ns, text
from pumpd.pump import (
    Capabilities,
    Container,
    Identity,
    Mark,
    PumpAlarm,
    PumpProgram,
    PumpState,
    Reading,
    StopFrames,
    word,
)
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_drivers.harvard_classic import limits, program, replies
from pumpd_drivers.harvard_classic.codec import Garbage, Reply, ReplyFramer, RequestFramer
from pumpd_drivers.harvard_classic.dialects import dialect
from pumpd_drivers.harvard_classic.dialogue import HarvardClassicDialogue, consents, shaped, whatever
from pumpd_drivers.harvard_classic.settings import HarvardClassicSettings

_SLACK = Volume("0.02")  # by which a counter may be ahead of the rate

_MM = {  # the Model 22 manual's list
    "BD": "1 4.78, 3 8.66, 5 12.06, 10 14.50, 20 19.13, 30 21.70, 60 26.70",
    "Terumo": "3 8.95, 5 13.00, 10 15.80, 20 20.15, 30 23.10, 60 29.10",
    "Monoject": "1 4.65, 3 8.94, 6 12.70, 12 15.90, 20 20.40, 35 23.80, 60 26.60, 140 38.40",
}


class HarvardClassic(HarvardClassicDialogue):
    family = "harvard-classic"
    title = (
        "Harvard Apparatus Pump 11, Model 22, 33 and 44, PHD 2000: laboratory pumps (not for clinical use on humans)"
    )
    models = ("pump-11", "model-22", "model-33", "model-44", "phd-2000")
    assumptions = HarvardClassicSettings.assumptions()
    marks = (Mark.ADDRESS,)
    syringes = MappingProxyType(
        {
            f"{maker} {size} mL": Length(mm)
            for maker, sizes in _MM.items()
            for size, mm in (each.split() for each in sizes.split(", "))
        }
    )
    codec = Codec(RequestFramer, ReplyFramer)

    def __init__(self, link: Side[Reply | Garbage], settings: HarvardClassicSettings) -> None:
        super().__init__(link, settings)
        self._last: tuple[Volume, int] | None = None  # the counter's last reading, and when it was read
        self._started = False  # by this driver, and not stopped by it

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, HarvardClassicSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        HarvardClassicSettings.of(settings)

    @classmethod
    def own_address(cls, settings: Mapping[str, Any]) -> str | None:
        address = HarvardClassicSettings.of(settings).address
        return str(address) if address else None

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "HarvardClassic":
        chosen = HarvardClassicSettings.of(settings)
        line = LineSettings(chosen.baudrate, stopbits=2)
        framer = dialect(chosen).framer
        return cls(
            await join(
                port,
                line,
                framer,
                name=chosen.address,
                quiet_s=chosen.quiet_s,
                facts=chosen.line_facts(cls.longest_reply),
            ),
            chosen,
        )

    @property
    def stop_frames(self) -> StopFrames:
        return StopFrames((self.framed("STP"),))

    # -- identify --------------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        try:
            reply = await self.question("VER", shaped(replies.VERSION), epoch=epoch)
        except UnansweredError as error:
            raise self.in_another_form(error) from error.__cause__
        match = reply.data(replies.VERSION)
        assert match is not None  # `question` accepts nothing else
        self._check_version(reply.lines[0].strip())
        return Identity(match["model"], match["firmware"] or "")

    def _check_version(self, version: str) -> None:
        begins = (self.settings.version,) if self.settings.version else self.dialect.versions
        if version.startswith(begins):
            return
        spoken, configured = replies.dialect_of(version), self.dialect.pump
        advice = (
            text("harvard_classic.set_dialect", "set dialect to {dialect}", dialect=spoken)
            if spoken
            else text("harvard_classic.set_version", "set version to how this text begins")
        )
        raise DeclinedError(
            text(
                "harvard_classic.version",
                "dialect: the pump reports {version}, and a {pump} is configured, whose text begins with "
                "{begins}: connect the configured pump, or {advice}",
                version=f"{version!r}",
                pump=configured,
                begins=either(begins),
                advice=advice,
            )
        )

    # -- read ------------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        if not self.dialect.counter:
            raise DeclinedError(
                text(
                    "harvard_classic.no_volume",
                    "a {pump} reports no delivered volume: pumpd only identifies and stops it",
                    pump=self.dialect.pump,
                )
            )
        asked = now_ns()
        rate = await self.rate()
        if self._loaded is not None and rate != self._loaded.highest_rate:
            rate = await self.rate()
        given, reply = await self._count()
        if not self._plausible(given, rate):
            given, reply = await self._count()
        if self._last is not None and given < self._last[0]:
            self.latch(PumpAlarm.PUMP_RESET)  # the counter fell: it no longer counts from `load`
        self._last = given, now_ns()
        if reply.prompt == "*" and self._stalled(given):
            self.latch(PumpAlarm.OCCLUSION)  # these pumps detect a blocked line by their stalled motor
        state = self.state(reply)
        if state is PumpState.PAUSED and not self._started:
            state = PumpState.STOPPED  # it shows `*` from a stop until the next run, and does not run by itself
        if state in (PumpState.STOPPED, PumpState.PAUSED) and any(alarm.stops_flow for alarm in self.alarms):
            state = PumpState.ALARM
        return Reading(asked, now_ns(), state, rate, given, tuple(self.alarms))

    async def _count(self, epoch: int | None = None) -> tuple[Volume, Reply]:
        """The delivered volume, and the reply, whose prompt is the state at the same instant."""
        value, reply = await self.value(self.dialect.counter, epoch)
        return Volume(value), reply

    def _plausible(self, given: Volume, rate: Rate) -> bool:
        """Whether the counter can have come from its last reading to this one, at up to twice the rate."""
        if self._last is None:
            return True
        last, at_ns = self._last
        most = rate.volume_in(Duration.from_ns(now_ns() - at_ns))
        return last <= given <= last + most + most + _SLACK

    def _stalled(self, given: Volume) -> bool:
        """Whether `*` is a stall: on a pump that also shows it after a stop and at its target, only during a run."""
        if self.dialect.states["*"] is PumpState.ALARM:
            return True
        running = self._started and self._loaded is not None and given < self._loaded.vtbi
        return self.settings.star_is_stall and running

    # -- program and flow ------------------------------------------------------------------------------------

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        await self._require_stopped(epoch)
        await program.write(self, wanted, epoch)
        await self._require_unused(epoch)
        self._started = False

    async def _read_back(self, epoch: int) -> PumpProgram:
        held = await program.read(self, epoch)
        return held if held == self._loaded else await program.read(self, epoch)

    async def _start(self, watchdog: Duration, epoch: int) -> None:  # noqa: ARG002 - these pumps have none to arm
        await self._require_unused(epoch)
        reply = await self.command("RUN", lambda reply: consents(reply) and self.state(reply).flowing, epoch)
        if reply.error is not None:
            await self._refused(reply.error, epoch)
        if self.state(reply) is PumpState.WITHDRAWING:
            raise UnansweredError(
                text(
                    "harvard_classic.backwards",
                    "RUN: the pump runs backwards. Stop it, and set its direction at its panel",
                )
            )
        self._started = True

    async def _refused(self, error: str, epoch: int) -> None:
        """After a RUN that the pump refuses: it is certainly not done only if nothing flows."""
        try:
            given, reply = await self._count(epoch)
        except DeclinedError as problem:
            raise UnansweredError(
                text(
                    "pump.refuses_unread",
                    "{command}: the pump refuses ({error}), and its state was not read",
                    command="RUN",
                    error=error,
                )
            ) from problem
        if self.state(reply).flowing or given:
            raise UnansweredError(
                text(
                    "pump.refuses_not_stopped",
                    "{command}: the pump refuses ({error}), but is not stopped",
                    command="RUN",
                    error=error,
                )
            )
        raise DeclinedError(text("pump.refuses", "{command}: the pump refuses: {why}", command="RUN", why=error))

    async def _stop_once(self) -> None:
        await self.command("STP", whatever, None, lane=Lane.STOP_FRAME)
        reply = await self.command(self.dialect.status, whatever, None, lane=Lane.STOP)
        if not self.state(reply).no_flow:
            raise UnansweredError(
                text(
                    "pump.answers_state", "{command}: the pump is {state}", command="STP", state=word(self.state(reply))
                )
            )
        self._started = False

    async def _release(self, epoch: int) -> None:
        """Nothing was armed; the target stays, so that a key at the panel never starts an unlimited run."""
        await self._require_stopped(epoch)
        self._started = False

    async def _require_stopped(self, epoch: int) -> None:
        self._check_stopped(await self.question(self.dialect.status, whatever, epoch=epoch))

    async def _require_unused(self, epoch: int) -> None:
        """Stopped and nothing delivered: a target that counts from here limits everything that flows."""
        given, reply = await self._count(epoch)
        self._check_stopped(reply)
        if given:
            raise DeclinedError(
                text(
                    "pump.counter_shows",
                    "the pump's counter shows {given}, so its target is not the program's: load it again",
                    given=given,
                )
            )
        self._last = given, now_ns()

    def _check_stopped(self, reply: Reply) -> None:
        if not self.state(reply).no_flow:
            raise DeclinedError(
                text("pump.stop_first", "the pump is {state}: stop it first", state=word(self.state(reply)))
            )
