"""The Alaris Asena driver: a control token that lapses, a volume that ends the flow, and a syringe that it confirmed.

Promises, besides those of `pumpd.driving`:
- The token is repeated only while somebody looks at the pump (`KeepAlive`), and no more once a stop went unconfirmed;
  the pump stops by itself when it lapses.
- Each load allows one start. Right before it the pump itself says that it stands, that its syringe is confirmed and
  takes the rate, and that it holds the very rate and volume that were loaded. A start is *done* when it says that it
  flows.
"""

import asyncio
import re
from collections.abc import Mapping
from decimal import Decimal
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
    timed_out,
)
from pumpd.pump import (
    Capabilities,
    Container,
    FixedStep,
    Identity,
    LossOfControl,
    PumpKind,
    PumpProgram,
    PumpState,
    Reading,
    StopFrames,
)
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_drivers.alaris_asena.answers import alarm
from pumpd_drivers.alaris_asena.codec import Framer, Message
from pumpd_drivers.alaris_asena.settings import AlarisSettings
from pumpd_drivers.alaris_asena.talking import AlarisLink, Heard

LONGEST_LEASE = Duration(60)
STOP_TRIES, START_LOOKS = 6, 8
LOOK_AGAIN_S = 0.1  # a motor may take its time

_PROTOCOL = re.compile(r"Asena Rev (?P<revision>[0-9]{1,4}(?:\.[0-9]{1,4}){0,5})")


class AlarisAsena(AlarisLink):
    family = "alaris-asena"
    title = "Alaris Asena GH and CC, clinical syringe pumps (remote control up to firmware 2.3.6)"
    models = ("asena-gh", "asena-cc")  # the wire does not tell them apart
    assumptions = AlarisSettings.assumptions()
    codec = Codec(Framer, Framer, checked=lambda frame: isinstance(frame, Message))

    def __init__(self, link: Side[Heard], settings: AlarisSettings) -> None:
        super().__init__(link, settings)
        self._loaded: PumpProgram | None = None  # until it is started
        self._diameter: Length | None = None

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        chosen = AlarisSettings.of(settings)
        if container.diameter is None:
            raise ValueError("diameter: this pump takes syringes; give the syringe's inner diameter")
        return Capabilities(
            family=cls.family,
            kind=PumpKind.SYRINGE,
            rate_grid=FixedStep(chosen.rate_step),
            volume_grid=FixedStep(Decimal("0.001")),
            rate_min=Rate("0.1"),
            rate_max=Rate(1200),
            volume_max=Volume(chosen.vtbi_max_ml),
            max_steps=1,
            loss_of_control=(LossOfControl.NATIVE, LossOfControl.DEADMAN)
            if chosen.token_lapse_s
            else (LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
            watchdog=LONGEST_LEASE if chosen.token_lapse_s else None,
        )

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        AlarisSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "AlarisAsena":
        chosen = AlarisSettings.of(settings)
        return cls(await join(port, LineSettings(38400), Framer, quiet_s=chosen.quiet_s), chosen)

    @property
    def stop_frames(self) -> StopFrames:
        """Without the token, which would keep the control alive: where it has lapsed the pump has stopped by itself."""
        return StopFrames((Message("INF_STOP").to_bytes(),))

    # -- what LinkDriver asks for ----------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        serial = "".join((await self.question("INST_SERIALNO", epoch=epoch))[:1])
        said = " ".join(await self.question("COMMS_PROTOCOL", epoch=epoch))
        protocol = _PROTOCOL.fullmatch(said)
        if not serial or protocol is None:
            raise DeclinedError(f"the pump says serial {serial!r} and protocol {said!r}, which are no Asena's")
        revision = protocol["revision"]
        newest = self.settings.newest_firmware
        if self.settings.firmware_is_revision and tuple(map(int, revision.split("."))) > newest:
            last = ".".join(map(str, newest))
            raise DeclinedError(f"firmware: {revision} takes no remote control; {last} is the last that does")
        if not self.control.meet(serial):
            self._loaded = None
        return Identity("Asena", revision, serial)

    async def _read(self) -> Reading:
        asked = now_ns()
        status = await self.status()
        halted = False
        if status.flagged and (told := alarm(await self.question("ALARM"), self.settings)):
            self.latch(told)
            halted = told.stops_flow
        self.control.looked()
        state = PumpState.INFUSING
        if status.stands(self.settings):
            state = PumpState.ALARM if halted else PumpState.STOPPED
        return Reading(
            asked, now_ns(), state, status.rate, status.infused, tuple(self.alarms), pressure_mmhg=status.pressure_mmhg
        )

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        (step,) = program.steps
        self._loaded = None
        await self.require_standing(epoch)
        await self.require_syringe(step.rate, epoch)
        await self.control.take(epoch)
        self.control.keep(LONGEST_LEASE)  # an idle pump whose token lapses would alarm
        await self.command("INF_VI_CLEAR", epoch=epoch)  # first: whether the volume set counts from it is not stated
        if left := (await self.status(epoch=epoch)).infused:
            raise DeclinedError(f"INF_VI_CLEAR: the pump answered, and its volume counter stands at {left}")
        await self.set("INF_VTBI", "ACTIV", f"{step.volume.decimal:.3f}", "ml", "STOP", epoch=epoch)
        await self.set("INF_RATE", f"{step.rate.decimal:.2f}", "ml/h", epoch=epoch)
        self._loaded, self._diameter = program, program.diameter

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await self.held(self._diameter, epoch)

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        # What may pass without a look, less what the pump then waits, less what the last token may come late.
        wait_s = self.settings.token_lapse_s + self.settings.reply_timeout_s + self.settings.quiet_s
        lease_s = watchdog.ns / 1e9 - wait_s
        if lease_s <= 0 or watchdog > LONGEST_LEASE:
            raise DeclinedError(f"watchdog: {watchdog} is not within {wait_s:g} s to {LONGEST_LEASE}")
        if self._loaded is None:
            raise DeclinedError("no program was loaded since the last start: load it, and read it back")
        try:
            await self._make_ready(self._loaded, epoch)
        except UnansweredError as error:
            raise DeclinedError(f"INF_START was not sent: {error}") from error
        self._loaded = None
        self.control.keep(Duration.from_ns(int(lease_s * 1e9)))
        await self.command("INF_START", epoch=epoch)
        for _ in range(START_LOOKS):
            status = await self.status(epoch=epoch)
            if status.rate and not status.stands(self.settings):
                return
            await asyncio.sleep(LOOK_AGAIN_S)
        raise UnansweredError("INF_START: the pump answered, and does not say that it infuses")

    async def _make_ready(self, program: PumpProgram, epoch: int) -> None:
        await self.require_standing(epoch)
        await self.require_syringe(program.highest_rate, epoch)
        if (held := await self.held(program.diameter, epoch)) != program:
            step = held.steps[0]
            raise DeclinedError(f"the pump now holds {step.volume} at {step.rate}, which is not what was loaded")
        await self.control.take(epoch)

    async def _stop(self) -> None:
        try:
            await self._stop_until_it_stands()
        except (DeclinedError, UnansweredError):
            self.control.let_lapse()
            raise

    async def _stop_until_it_stands(self) -> None:
        heard = UnansweredError("INF_STOP: no answer")
        for tried in range(STOP_TRIES):
            try:
                if tried:
                    await asyncio.sleep(LOOK_AGAIN_S)
                await self.command("INF_STOP", epoch=None, lane=Lane.STOP)
                if await self.stands(lane=Lane.STOP):
                    return
                heard = UnansweredError("INF_STOP: the pump does not say that it stands")
                if self.control.serial:  # it may take a stop from its controller only
                    await self.control.take(None, Lane.STOP)
            except UnansweredError as error:
                if not timed_out(error):
                    raise
                heard = error
            except DeclinedError as refusal:
                if refusal.__cause__ is not None:  # it did not leave
                    raise
                heard = UnansweredError(f"{heard}; {refusal}")
        raise heard

    async def _release(self, epoch: int) -> None:
        await self.require_standing(epoch)
        self._loaded = None
        await self.control.give_back(epoch)
