"""The New Era driver: RUN is sent once, stop until it is believed.

Promises, besides those of `pumpd.pump.driver`:
- The watchdog is never taken off a pump that is flowing, also not while it is being brought up again.
- RUN leaves only after the watchdog was confirmed and the pump said that it stands still, and only if no stop was asked
  for meanwhile. It is *done* when its own reply says infusing, *refused* when the pump said no and stands still.
- What does not fit the pump is refused before the first byte.
"""

from collections.abc import Mapping
from typing import Any

from pumpd.driving import (
    Codec,
    DeclinedError,
    Lane,
    LineSettings,
    LinkDriver,
    Side,
    UnansweredError,
    join,
    now_ns,
    timed_out,
)
from pumpd.pump import (
    Capabilities,
    Container,
    Identity,
    LossOfControl,
    PumpAlarm,
    PumpKind,
    PumpProgram,
    PumpState,
    Reading,
    StopFrames,
)
from pumpd.quantities import Duration
from pumpd_drivers.new_era import limits, replies
from pumpd_drivers.new_era.codec import Garbage, Reply, ReplyFramer, RequestFramer
from pumpd_drivers.new_era.dialogue import NOTHING, Dialogue
from pumpd_drivers.new_era.mode import SafeMode
from pumpd_drivers.new_era.phases import Phases
from pumpd_drivers.new_era.settings import NewEraSettings
from pumpd_drivers.new_era.syringes import SYRINGES

STOP_TRIES = 6  # within one call; the caller repeats the call until the stop is believed


class NewEra(LinkDriver[Reply | Garbage]):
    family = "new-era"
    title = "New Era NE-1000 family, laboratory syringe pumps (not for clinical use on humans)"
    models = ("ne-1000", "ne-1010", "ne-4000")
    assumptions = NewEraSettings.assumptions()
    syringes = SYRINGES
    codec = Codec(RequestFramer, ReplyFramer, checked=lambda frame: getattr(frame, "safe", False))
    bench_settings: Mapping[str, Any] = {"safe_mode": "if-supported"}  # for `pumpd driver check`, nobody connected

    def __init__(self, link: Side[Reply | Garbage], settings: NewEraSettings) -> None:
        super().__init__(link, settings)
        self._settings = settings
        self._talk = Dialogue(link, settings.address, settings.reply_timeout_s, self.alarms)
        self._mode = SafeMode(self._talk, settings)
        self._phases = Phases(self._talk, settings)
        self._met = False
        self.alarms_at_bring_up: tuple[PumpAlarm, ...] = ()  # what the pump had to tell from before we met

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        chosen = NewEraSettings.of(settings)
        if reasons := limits.diameter_reasons(container.diameter):
            raise ValueError("; ".join(reasons))
        assert container.diameter is not None  # diameter_reasons has seen it
        native = chosen.safe_mode == "required"
        return Capabilities(
            family=cls.family,
            kind=PumpKind.SYRINGE,
            rate_grid=limits.GRID,
            volume_grid=limits.GRID,
            rate_min=limits.lowest_rate(container.diameter),
            rate_max=limits.highest_rate(container.diameter),
            volume_max=limits.MAX_VOLUME,
            max_steps=_max_steps(chosen),
            loss_of_control=(LossOfControl.NATIVE, LossOfControl.DEADMAN)
            if native
            else (LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
            watchdog=Duration(limits.LONGEST_WATCHDOG_S) if native else None,
        )

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        NewEraSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "NewEra":
        chosen = NewEraSettings.of(settings)
        line = LineSettings(chosen.baudrate)
        return cls(await join(port, line, ReplyFramer, name=chosen.address, quiet_s=chosen.quiet_s), chosen)

    @property
    def native_lease(self) -> bool | None:
        """Whether the pump's own watchdog can be armed; None while it is not known."""
        return self._mode.supported

    @property
    def stop_frames(self) -> StopFrames:
        """STP in the framing in use. The first pauses, the next resets the program; an alarm may swallow one."""
        return StopFrames((self._talk.framed("STP", safe=self._talk.safe is not False),))

    # -- bringing up -----------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        status = await self._mode.find(epoch)
        if not _flows(status):
            await self._mode.off(epoch)
        version = await self._talk.ask("VER", replies.VERSION, epoch=epoch)
        model, firmware = replies.model_and_firmware(version.data)
        if model.lower() not in self._settings.models:
            allowed = ", ".join(self._settings.models)
            raise DeclinedError(f"model: the pump says it is a {model}; the settings allow {allowed}")
        if not self._met:
            self._met, self.alarms_at_bring_up = True, tuple(self._talk.alarms)
            self._talk.acknowledge()
        return Identity(model, firmware)

    # -- reading ---------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        talk = self._talk
        asked, alarms_before = now_ns(), talk.alarm_count
        rate = await talk.ask("RAT", replies.RATE)
        counters = await talk.ask("DIS", replies.COUNTERS)  # last, so that state and volume are of one instant
        state = replies.STATES[counters.status]
        if talk.alarm_count != alarms_before and not state.flowing:
            state = PumpState.ALARM
        return Reading(
            asked_ns=asked,
            answered_ns=now_ns(),
            state=state,
            rate=replies.rate(rate.data),
            delivered=replies.infused(counters.data),
            alarms=tuple(talk.alarms),
        )

    # -- programming and flow --------------------------------------------------------------------------------

    def _unfit(self, program: PumpProgram) -> list[str]:
        return limits.program_reasons(program, _max_steps(self._settings))

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        await self._require_stopped(epoch)
        await self._mode.on(limits.LONGEST_WATCHDOG_S, epoch)
        await self._phases.write(program, epoch)

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await self._phases.read(epoch)

    async def _require_stopped(self, epoch: int) -> None:
        """Ask for the counters, whose answer cannot be taken for any setting's, and insist on a pump at rest."""
        reply = await self._talk.ask("DIS", replies.COUNTERS, epoch=epoch)
        if reply.status != "S":
            raise DeclinedError(f"the pump is {replies.STATES[reply.status]}, not stopped: stop it first")

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        seconds = int(watchdog.decimal)
        if not 1 <= seconds <= limits.LONGEST_WATCHDOG_S:
            raise DeclinedError(f"watchdog: {watchdog} is not within 1 s to {limits.LONGEST_WATCHDOG_S} s")
        await self._mode.on(seconds, epoch)
        await self._require_stopped(epoch)
        try:
            reply = await self._talk.once("RUN", epoch)
            if reply.error is not None:
                raise DeclinedError(f"RUN: the pump refuses ({reply.error})")
        except DeclinedError as refusal:
            if refusal.__cause__ is None:  # it left, and the pump said no: believed when the pump stands still
                await self._believe(refusal)
            raise
        if reply.status != "I":
            raise UnansweredError(f"RUN: the pump answered, and says {replies.STATES[reply.status]}")

    async def _believe(self, refusal: DeclinedError) -> None:
        try:
            reply = await self._talk.ask("DIS", replies.COUNTERS)
        except (DeclinedError, UnansweredError) as error:
            raise UnansweredError(f"{refusal}; then no word on its state: {error}") from error
        if _flows(reply):
            raise UnansweredError(f"{refusal}; yet it says {replies.STATES[reply.status]}")

    async def _stop(self) -> None:
        """STP pauses, STP again stops. Repeated, in the other framing after a silence, until the pump says stopped."""
        talk, heard = self._talk, UnansweredError("STP: no answer")
        framing = talk.safe is not False
        for _ in range(STOP_TRIES):
            try:
                reply = await talk.send("STP", NOTHING, lane=Lane.STOP, safe=framing, either=True)
                if reply.status == "S":
                    reply = await talk.send("DIS", replies.COUNTERS, lane=Lane.STOP, safe=framing, either=True)
                    if reply.status == "S":
                        return
            except UnansweredError as error:
                if not timed_out(error):
                    raise
                heard, framing = error, not framing
                continue
            heard = UnansweredError(f"STP: the pump says {reply.status}")
            if reply.error == "?COM":
                framing = not framing
        raise heard

    async def _release(self, epoch: int) -> None:
        status = await self._talk.ask("", NOTHING, epoch=epoch)
        if _flows(status):
            raise DeclinedError(f"the pump is {replies.STATES[status.status]}: its watchdog stays on")
        await self._mode.off(epoch)


def _max_steps(settings: NewEraSettings) -> int:
    return limits.MAX_STEPS if settings.rate_query == "running" else 1


def _flows(reply: Reply) -> bool:
    """Whether the pump flows or may begin to by itself."""
    return reply.status not in ("S", "P")
