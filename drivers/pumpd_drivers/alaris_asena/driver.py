"""The Alaris Asena driver: a control token that lapses, a volume that ends the flow, and a syringe that it confirmed.

Promises, besides those of `pumpd.driving`:
- The token is repeated only while somebody looks at the pump (`KeepAlive`); the pump stops by itself when it lapses.
- Nothing is programmed before the pump confirmed its syringe and says that it can give the rate with it.
- A start is *done* when the pump itself no longer says that it stands.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pumpd.driving import (
    Codec,
    DeclinedError,
    KeepAlive,
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
    Expiry,
    FixedStep,
    Identity,
    PumpAlarm,
    PumpKind,
    PumpProgram,
    PumpState,
    RateStep,
    Reading,
)
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_drivers.alaris_asena.codec import Framer, Garbage, Message, security_code
from pumpd_drivers.alaris_asena.settings import AlarisSettings

REPEAT_TOKEN_S = 1.0  # as a known client does
STOP_TRIES, START_LOOKS = 6, 3
LONGEST_LEASE_S = 60

_ALARMS = {"AL_OCCLU": PumpAlarm.OCCLUSION, "AL_COMTO": PumpAlarm.PUMP_WATCHDOG}
_ASSUMED = {
    "AL_EOIST": PumpAlarm.EMPTY,
    "AL_LBTAC": PumpAlarm.BATTERY_LOW,
    "AL_DRDIS": PumpAlarm.DOOR_OPEN,
    "AL_SYRCO": PumpAlarm.DOOR_OPEN,
}


class AlarisAsena(LinkDriver[Message | Garbage]):
    family = "alaris-asena"
    title = "Alaris Asena GH and CC, clinical syringe pumps (remote control up to firmware 2.3.6)"
    models = ("asena-gh", "asena-cc")
    assumptions = AlarisSettings.assumptions()
    codec = Codec(Framer, Framer, checked=lambda frame: isinstance(frame, Message))

    def __init__(self, link: Side[Message | Garbage], settings: AlarisSettings) -> None:
        super().__init__(link, settings)
        self._settings = settings
        self._code = ""
        self._diameter: Length | None = None
        self._token = KeepAlive(self._repeat_token, REPEAT_TOKEN_S)

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
            expiry=(Expiry.NATIVE,),
            watchdog=Duration(LONGEST_LEASE_S),
        )

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        AlarisSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "AlarisAsena":
        chosen = AlarisSettings.of(settings)
        return cls(await join(port, LineSettings(38400), Framer, quiet_s=chosen.quiet_s), chosen)

    async def close(self) -> None:
        self._token.end()
        await super().close()

    # -- messages --------------------------------------------------------------------------------------------

    async def _question(self, word: str, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> tuple[str, ...]:
        answer = await self.ask(Message(word).to_bytes(), _answers(word), lane=lane, epoch=epoch)
        assert isinstance(answer, Message)  # `_answers` takes none else
        return answer.fields

    async def _command(self, word: str, *fields: str, epoch: int | None, lane: Lane = Lane.NORMAL) -> tuple[str, ...]:
        answer = await self.tell(Message(word, fields).to_bytes(), _answers(word), epoch, lane=lane)
        assert isinstance(answer, Message)  # as above
        return answer.fields

    async def _set(self, word: str, *fields: str, epoch: int) -> None:
        """A setting, and the pump's own word that it holds it."""
        said = await self._command(word, *fields, epoch=epoch)
        if [_plain(field) for field in said[: len(fields)]] != [_plain(field) for field in fields]:
            raise DeclinedError(f"{word}: told {'^'.join(fields)}, the pump holds {'^'.join(said)}")

    async def _take_control(self, epoch: int | None, lane: Lane = Lane.NORMAL) -> None:
        for word in ("REMOTE_CTRL", "REMOTE_CFG"):
            said = await self._command(word, "ENABLED", self._code, epoch=epoch, lane=lane)
            if said[:1] != ("ENABLED",):
                raise DeclinedError(f"{word}: the pump does not let itself be controlled ({'^'.join(said)})")

    async def _repeat_token(self) -> None:
        await self._take_control(None)

    async def _status(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> "Status":
        return Status.of(await self._question("INF", lane=lane, epoch=epoch), self._settings.standing_words)

    # -- what LinkDriver asks for ----------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        (serial,) = (await self._question("INST_SERIALNO", epoch=epoch))[:1] or ("",)
        said = " ".join(await self._question("COMMS_PROTOCOL", epoch=epoch))
        model, _, revision = said.partition(" Rev ")
        parts = revision.strip().split(".")
        numbers = tuple(int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 5)
        if not serial or len(numbers) != len(parts):
            raise DeclinedError(f"the pump says serial {serial!r} and protocol {said!r}, which are none")
        if self._settings.firmware_is_revision and numbers > self._settings.newest_firmware:
            newest = ".".join(str(number) for number in self._settings.newest_firmware)
            raise DeclinedError(f"firmware: {revision} takes no remote control; {newest} is the last that does")
        self._code = security_code(serial)
        return Identity(model, revision.strip(), serial)

    async def _read(self) -> Reading:
        asked = now_ns()
        status = await self._status()
        if status.alarmed:
            word = ((await self._question("ALARM"))[:1] or ("",))[0].strip()
            if word != "AL_NOALM":
                known = _ALARMS | (_ASSUMED if self._settings.alarm_meanings else {})
                self.latch(known.get(word, PumpAlarm.PUMP_FAULT))
        self._token.renew()
        stopped_by_alarm = status.alarmed and any(alarm.stops_flow for alarm in self.alarms)
        standing = PumpState.ALARM if stopped_by_alarm else PumpState.STOPPED
        state = standing if status.stands else PumpState.INFUSING
        return Reading(
            asked, now_ns(), state, status.rate, status.infused, tuple(self.alarms), pressure_mmhg=status.pressure_mmhg
        )

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        (step,) = program.steps
        if not (await self._status(epoch=epoch)).stands:
            raise DeclinedError("the pump is infusing, not stopped: stop it first")
        syringe = await self._question("SYRINGE_STATUS", epoch=epoch)
        if syringe[-1:] != ("CONF",):
            raise DeclinedError(f"syringe: the pump has not confirmed it ({' '.join(syringe)})")
        highest = _number("INF_RATE_MAX_SYRINGE", await self._question("INF_RATE_MAX_SYRINGE", epoch=epoch), 0)
        if step.rate > Rate(highest):
            raise DeclinedError(f"rate: {step.rate} is above the {highest} mL/h that the pump allows for its syringe")
        await self._take_control(epoch)
        self._token.begin(Duration(LONGEST_LEASE_S))  # an idle pump whose token lapses would alarm
        await self._set("INF_VTBI", "ACTIV", f"{step.volume.decimal:.3f}", "ml", "STOP", epoch=epoch)
        await self._set("INF_RATE", f"{step.rate.decimal:.2f}", "ml/h", epoch=epoch)
        await self._command("INF_VI_CLEAR", epoch=epoch)
        self._diameter = program.diameter

    async def _read_back(self, epoch: int) -> PumpProgram:
        """The pump measures its syringe itself and is told no diameter: that it confirmed it was checked by `load`."""
        rate = _number("INF_RATE", await self._question("INF_RATE", epoch=epoch), 0)
        vtbi = await self._question("INF_VTBI", epoch=epoch)
        if vtbi[:1] != ("ACTIV",) or vtbi[3:4] != ("STOP",):
            raise DeclinedError(f"the pump holds no volume that would end its flow ({'^'.join(vtbi)})")
        volume = _number("INF_VTBI", vtbi, 1)
        if not rate or not volume:
            raise DeclinedError(f"the pump holds {rate} mL/h and {volume} mL: that is no program")
        return PumpProgram((RateStep(Rate(rate), Volume(volume)),), self._diameter)

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        lease_s = watchdog.ns / 1e9 - self._settings.token_lapse_s
        if not 0 < lease_s <= LONGEST_LEASE_S:
            raise DeclinedError(
                f"watchdog: {watchdog} is not within the {self._settings.token_lapse_s:g} s that the pump itself waits "
                f"and {LONGEST_LEASE_S} s"
            )
        if not (await self._status(epoch=epoch)).stands:
            raise DeclinedError("the pump is infusing already")
        await self._take_control(epoch)
        self._token.begin(Duration.from_ns(int(lease_s * 1e9)))
        await self._command("INF_START", epoch=epoch)
        for _ in range(START_LOOKS):
            if not (await self._status(epoch=epoch)).stands:
                return
        raise UnansweredError("INF_START: the pump answered, and stands still")

    async def _stop(self) -> None:
        heard = UnansweredError("INF_STOP: no answer")
        for _ in range(STOP_TRIES):
            try:
                await self._command("INF_STOP", epoch=None, lane=Lane.STOP)
                if (await self._status(lane=Lane.STOP)).stands:
                    return
                heard = UnansweredError("INF_STOP: the pump says that it still infuses")
                if self._code:  # it may listen to its controller only
                    await self._take_control(None, Lane.STOP)
            except UnansweredError as error:
                if not timed_out(error):
                    raise
                heard = error
        raise heard

    async def _release(self, epoch: int) -> None:
        if not (await self._status(epoch=epoch)).stands:
            raise DeclinedError("the pump is infusing: its control token stays")
        self._token.end()
        for word in ("REMOTE_CTRL", "REMOTE_CFG"):
            await self._command(word, "DISABLED", epoch=epoch)


class Status:
    """The answer to INF. Fields by their place: flag 1, mode 2, rate 3, infused 6, pressure 8."""

    def __init__(self, fields: tuple[str, ...], standing: tuple[str, ...]) -> None:
        self.alarmed = fields[1] != "-"
        self.stands = fields[2] in standing
        self.rate = Rate(_number("INF", fields, 3))
        self.infused = Volume(_number("INF", fields, 6))
        self.pressure_mmhg = int(_number("INF", fields, 8))

    @classmethod
    def of(cls, fields: tuple[str, ...], standing: tuple[str, ...]) -> "Status":
        if len(fields) < 9:
            raise UnansweredError(f"INF: the answer is too short ({'^'.join(fields)})")
        return cls(fields, standing)


def _answers(word: str) -> Callable[[Message | Garbage], bool]:
    return lambda frame: isinstance(frame, Message) and frame.word == word


def _plain(field: str) -> str:
    """A number in its shortest form, so that 52.5 and 52.50 are the same; any other text as it is."""
    try:
        return str(Decimal(field).normalize())
    except InvalidOperation:
        return field.strip()


def _number(word: str, fields: tuple[str, ...], place: int) -> Decimal:
    try:
        value = Decimal(fields[place].strip())
    except (InvalidOperation, IndexError):
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value <= 100_000:
        raise UnansweredError(f"{word}: the pump says {'^'.join(fields)}, where a number is due")
    return value
