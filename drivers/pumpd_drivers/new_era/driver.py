"""The New Era driver: RUN is sent once, STP until the pump reports stopped.

Promises, in addition to those of `pumpd.pump.driver`:
- The watchdog of a flowing pump is never disarmed, not even while the pump is identified again.
- RUN is sent only after the watchdog was confirmed and the pump reported that it is stopped, and only if no stop was
  requested meanwhile. It is *done* when its own reply reports infusing, *refused* when the pump refused and is stopped.
- A program that does not fit the pump is refused before the first byte.
"""

from collections.abc import Mapping
from typing import Any

from pumpd.driving import (
    Codec,
    DeclinedError,
    Lane,
    LineSettings,
    Side,
    UnansweredError,
    join,
    now_ns,
    of_error,
    text,
    timed_out,
)
from pumpd.pump import Capabilities, Container, Identity, Mark, PumpProgram, PumpState, Reading, StopFrames, word
from pumpd.quantities import Duration
from pumpd.wire import NotUnderstoodError
from pumpd_drivers.new_era import limits, replies
from pumpd_drivers.new_era.codec import Garbage, Reply, ReplyFramer, RequestFramer
from pumpd_drivers.new_era.dialogue import NOTHING, NewEraDialogue
from pumpd_drivers.new_era.program import Phases
from pumpd_drivers.new_era.safe_mode import SafeMode
from pumpd_drivers.new_era.settings import NewEraSettings
from pumpd_drivers.new_era.syringes import SYRINGES


class NewEra(NewEraDialogue):
    family = "new-era"
    title = "New Era NE-1000 family, laboratory syringe pumps (not for clinical use on humans)"
    models = ("ne-1000", "ne-1010", "ne-4000")
    assumptions = NewEraSettings.assumptions()
    marks = (Mark.ADDRESS,)
    syringes = SYRINGES
    late_answers = 16  # of a load of one step
    codec = Codec(RequestFramer, ReplyFramer, checked=lambda frame: getattr(frame, "safe", False))
    bench_settings: Mapping[str, Any] = {"safe_mode": "if-supported"}  # for `pumpd driver check`, no patient connected

    def __init__(self, link: Side[Reply | Garbage], settings: NewEraSettings) -> None:
        super().__init__(link, settings)
        self._mode = SafeMode(self)
        self._phases = Phases(self)
        self._identified_before = False
        self._stop_safe = True  # the framing of the next stop

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, NewEraSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        NewEraSettings.of(settings)

    @classmethod
    def own_address(cls, settings: Mapping[str, Any]) -> str | None:
        address = NewEraSettings.of(settings).address
        return str(address) if address else None

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "NewEra":
        chosen = NewEraSettings.of(settings)
        line = LineSettings(chosen.baudrate)
        return cls(
            await join(
                port,
                line,
                ReplyFramer,
                name=chosen.address,
                quiet_s=chosen.quiet_s,
                facts=chosen.line_facts(cls.longest_reply),
            ),
            chosen,
        )

    @property
    def native_lease(self) -> bool | None:
        """Whether the pump's own watchdog can be armed; None while it is not known."""
        return self._mode.supported

    @property
    def stop_frames(self) -> StopFrames:
        """STP in the framing in use. The first pauses, the second resets the program; an alarm may swallow one."""
        return StopFrames((self.framed("STP", safe=self.safe is not False),))

    # -- identify --------------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        status = await self._mode.find(epoch)
        if not _flows(status):
            await self._mode.off(epoch)
        version = await self.question("VER", replies.VERSION, epoch=epoch)
        model, firmware = replies.model_and_firmware(version.data)
        if model.lower() not in self.settings.models:
            allowed = ", ".join(self.settings.models)
            raise DeclinedError(
                text(
                    "new_era.model",
                    "model: the pump reports {model}; the settings allow {allowed}",
                    model=model,
                    allowed=allowed,
                )
            )
        if not _flows(status):
            await self.switch_off("trigger_command", epoch)
        if not self._identified_before:
            self._identified_before = True
            self.alarms.clear()  # they are from before this driver was opened
        return Identity(model, firmware)

    # -- read ------------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        asked, alarms_before = now_ns(), self.alarm_count
        rate = await self.question("RAT", replies.RATE)
        counters = await self.question("DIS", replies.COUNTERS)  # last, so that state and volume are of one instant
        state = replies.STATES[counters.status]
        if self.alarm_count != alarms_before and not state.flowing:
            state = PumpState.ALARM
        return Reading(
            asked_ns=asked,
            answered_ns=now_ns(),
            state=state,
            rate=replies.rate(rate.data),
            delivered=replies.infused(counters.data),
            alarms=tuple(self.alarms),
        )

    # -- program and flow ------------------------------------------------------------------------------------

    def _unfit(self, program: PumpProgram) -> list[str]:
        return limits.program_reasons(program, limits.max_steps(self.settings))

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        await self._require_stopped(epoch)
        await self._mode.on(limits.LONGEST_WATCHDOG_S, epoch)
        await self._phases.write(program, epoch)

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await self._phases.read(epoch)

    async def _require_stopped(self, epoch: int) -> None:
        """Ask for the counters, whose reply cannot be taken for a setting's, and require a stopped pump."""
        reply = await self.question("DIS", replies.COUNTERS, epoch=epoch)
        if reply.status != "S":
            raise DeclinedError(
                text(
                    "pump.not_stopped",
                    "the pump is {state}, not stopped: stop it first",
                    state=word(replies.STATES[reply.status]),
                )
            )

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        seconds = int(watchdog.decimal)
        if not 1 <= seconds <= limits.LONGEST_WATCHDOG_S:
            raise DeclinedError(
                text(
                    "new_era.watchdog",
                    "watchdog: {watchdog} is not within 1 s to {longest} s",
                    watchdog=watchdog,
                    longest=limits.LONGEST_WATCHDOG_S,
                )
            )
        await self._mode.on(seconds, epoch)
        await self._require_stopped(epoch)
        try:
            reply = await self.once("RUN", epoch)
            if reply.error is not None:
                raise DeclinedError(
                    text(
                        "pump.refuses_start", "{command}: the pump refuses ({error})", command="RUN", error=reply.error
                    )
                )
        except DeclinedError as refusal:
            if refusal.__cause__ is None:  # it was sent, and the pump refused
                await self._confirm(refusal)
            raise
        if reply.status != "I":
            raise UnansweredError(
                text(
                    "pump.answers_and_reports",
                    "{command}: the pump replied, and reports {state}",
                    command="RUN",
                    state=word(replies.STATES[reply.status]),
                )
            )

    async def _confirm(self, refusal: DeclinedError) -> None:
        """A refused start counts as refused only when nothing flows. Raises UnansweredError otherwise."""
        try:
            reply = await self.question("DIS", replies.COUNTERS)
        except (DeclinedError, UnansweredError) as error:
            raise UnansweredError(
                text(
                    "pump.then_not_read",
                    "{refusal}; its state could then not be read: {error}",
                    refusal=of_error(refusal),
                    error=of_error(error),
                )
            ) from error
        if _flows(reply):
            raise UnansweredError(
                text(
                    "pump.but_reports",
                    "{refusal}; but it reports {state}",
                    refusal=of_error(refusal),
                    state=word(replies.STATES[reply.status]),
                )
            )

    async def _stop(self) -> None:
        self._stop_safe = self.safe is not False
        await super()._stop()

    async def _stop_once(self) -> None:
        """STP pauses, again it stops. The framing changes when nothing of this pump came that could be read."""
        try:
            for command, shape, lane in (
                ("STP", NOTHING, Lane.STOP_FRAME),
                ("DIS", replies.COUNTERS, Lane.STOP),
            ):
                reply = await self.send(command, shape, lane=lane, safe=self._stop_safe, either=True)
                if reply.error == "?COM":
                    self._stop_safe = not self._stop_safe
                if reply.status != "S":
                    raise UnansweredError(
                        text(
                            "pump.command_reports",
                            "{command}: the pump reports {state}",
                            command=command,
                            state=reply.status,
                        )
                    )
        except UnansweredError as error:
            frames = error.__cause__.frames if isinstance(error.__cause__, NotUnderstoodError) else ()
            if timed_out(error) and not any(map(self._head, frames)):
                self._stop_safe = not self._stop_safe
            raise

    def flow_in(self, frame: Reply | Garbage) -> bool | None:
        """The status letter of a reply whose data nobody understands."""
        head = self._head(frame)
        state = None if head is None else replies.STATES.get(head.status)
        return None if state in (None, PumpState.PAUSED) else state is not PumpState.STOPPED

    def _head(self, frame: Reply | Garbage) -> Reply | None:
        """Address and status of whatever this pump sent; None when they cannot be read."""
        reply = frame.begun if isinstance(frame, Garbage) else frame
        return reply if reply is not None and reply.address == self.settings.address else None

    async def _release(self, epoch: int) -> None:
        status = await self.question("", NOTHING, epoch=epoch)
        if _flows(status):
            raise DeclinedError(
                text(
                    "new_era.watchdog_stays",
                    "the pump is {state}: its watchdog stays on",
                    state=word(replies.STATES[status.status]),
                )
            )
        await self._mode.off(epoch)


def _flows(reply: Reply) -> bool:
    """Whether the pump flows, or may start to by itself."""
    return reply.status not in ("S", "P")
