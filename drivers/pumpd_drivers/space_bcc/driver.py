"""The B. Braun Space driver: it reads one pump of a rack, and never commands it.

Source: the family's protocol sheet (monitoring-only.md). The public sources describe reading alone, and the interface's
own risk file states that it cannot change a pump.

Promises, in addition to those of `pumpd.driving`:
- Only ADMIN:ALIVE, ADMIN:VERSION and MEM:GETSLOT are ever sent.
- A value that the rack did not send is not invented: without a parameter for the volume, a reading's volume is 0, and
  the driver lists this among its assumptions.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from pumpd.driving import Codec, DeclinedError, LineSettings, join, now_ns, text
from pumpd.pump import Capabilities, Container, Identity, PumpAlarm, PumpProgram, PumpState, Reading
from pumpd.quantities import Duration, Rate, Volume
from pumpd_drivers.space_bcc import limits
from pumpd_drivers.space_bcc.codec import ACK, Frame, Framer, Signal
from pumpd_drivers.space_bcc.dialogue import Heard, SpaceBccDialogue
from pumpd_drivers.space_bcc.replies import number, refused
from pumpd_drivers.space_bcc.settings import SpaceBccSettings


class SpaceBcc(SpaceBccDialogue):
    family = "space-bcc"
    title = "B. Braun Space rack (BCC): monitoring only"
    models = ("space",)
    monitor_only = True
    assumptions = SpaceBccSettings.assumptions()
    codec = Codec(Framer, Framer, checked=lambda frame: isinstance(frame, Frame))

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:  # noqa: ARG003 - none fits
        return limits.capabilities(cls.family, SpaceBccSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        SpaceBccSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "SpaceBcc":
        chosen = SpaceBccSettings.of(settings)
        name = text("space_bcc.slot", "slot {slot}", slot=chosen.slot)
        link = await join(port, LineSettings(), Framer, name=name, quiet_s=chosen.quiet_s, respond=_acknowledged)
        return cls(link, chosen)

    async def _identify(self, epoch: int) -> Identity:
        found = await self.question("ADMIN:VERSION", lambda found: {record.slot for record in found} == {None}, epoch)
        version = "" if refused(found) else found[0].value
        values = await self.slot(epoch)
        return Identity(values.get("GNMODEL") or "space", version or "unknown")

    async def _read(self) -> Reading:
        asked, settings = now_ns(), self.settings
        values = await self.slot()
        rate = Rate(number(values, "INRT"))
        if settings.alarm_parameter and values.get(settings.alarm_parameter, "").strip("0 "):
            self.latch(PumpAlarm.PUMP_FAULT)
        else:
            self.alarms.clear()  # a monitored pump is never loaded or released: the alarm lasts as long as the rack's
        flowing = settings.flowing_by_rate and rate > Rate(0)
        return Reading(
            asked_ns=asked,
            answered_ns=now_ns(),
            state=PumpState.INFUSING if flowing else PumpState.ALARM if self.alarms else PumpState.STOPPED,
            rate=rate,
            delivered=Volume(number(values, settings.volume_parameter)) if settings.volume_parameter else Volume(0),
            alarms=tuple(self.alarms),
        )

    # -- what this interface cannot do -----------------------------------------------------------------------

    async def _load(self, program: PumpProgram, epoch: int) -> None:  # noqa: ARG002 - always refused
        self._refuse()

    async def _read_back(self, epoch: int) -> PumpProgram:  # noqa: ARG002 - always refused
        self._refuse()

    async def _start(self, watchdog: Duration, epoch: int) -> None:  # noqa: ARG002 - always refused
        self._refuse()

    async def _stop(self) -> None:
        self._refuse()

    async def _release(self, epoch: int) -> None:  # noqa: ARG002 - always refused
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise DeclinedError(
            text("space_bcc.only_monitors", "this interface only monitors: go to the pump to change or stop it")
        )


def _acknowledged(frame: Heard) -> bytes | None:
    return Signal(ACK).to_bytes() if isinstance(frame, Frame) else None
