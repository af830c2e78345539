"""The Fresenius Base A driver: one module of a rack, or one syringe pump on its own line.

Source: the family's protocol sheet (fresenius-base-a.md). Facts that it marks as inferred or unknown are settings.

Promises, in addition to those of `pumpd.driving`:
- The command that starts a flow is sent once, after the pump has reported that it is stopped, has no alarm and holds
  the program's volume limit. It is *done* when the pump accepted it and then itself reports flow at that rate.
- Where PR itself starts the flow, the pump holds no rate beforehand: a program read back then has the rate that the
  start will send, and the limit that the pump reports.
- PO is repeated until the pump itself reports no flow, whatever it replies.
- Any bit of the alarm or error variable is an alarm. A counter that fell since the load means that the pump was reset;
  it does not report this itself.
"""

from collections.abc import Mapping
from typing import Any

from pumpd.driving import Codec, DeclinedError, LineSettings, Side, UnansweredError, join, now_ns, of_error, text
from pumpd.pump import Capabilities, Container, Identity, PumpAlarm, PumpProgram, PumpState, Reading, StopFrames
from pumpd.quantities import Duration, Volume
from pumpd_drivers.fresenius_base_a import limits, program
from pumpd_drivers.fresenius_base_a.codec import ACK, Frame, Heard, ReplyFramer, RequestFramer, Signal
from pumpd_drivers.fresenius_base_a.dialogue import FreseniusBaseADialogue, Status
from pumpd_drivers.fresenius_base_a.replies import is_device_type, variables
from pumpd_drivers.fresenius_base_a.responder import Responder, responder_of
from pumpd_drivers.fresenius_base_a.settings import FreseniusBaseASettings

LINE = LineSettings(19200, 7, "E", 1)
STOP_GAP_S = 0.07  # half of STP-11's 150 ms, as every second frame is a PO


class FreseniusBaseA(FreseniusBaseADialogue):
    family = "fresenius-base-a"
    title = "Fresenius Base A with Pilot or Agilia-class syringe modules"
    models = ("base-a",)
    assumptions = FreseniusBaseASettings.assumptions()
    codec = Codec(RequestFramer, ReplyFramer, checked=lambda frame: isinstance(frame, Frame))

    def __init__(self, link: Side[Heard], settings: FreseniusBaseASettings, responder: Responder) -> None:
        super().__init__(link, settings)
        self._responder, self._module = responder, settings.module
        self._counted = Volume(0)  # the last counter reading
        link.on_stray = self._on_stray

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, FreseniusBaseASettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        FreseniusBaseASettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "FreseniusBaseA":
        chosen, responder = FreseniusBaseASettings.of(settings), responder_of(port)
        name = text("fresenius_base_a.module", "module {module}", module=chosen.module)
        side = await join(
            port,
            LINE,
            ReplyFramer,
            name=name,
            quiet_s=chosen.quiet_s,
            facts=chosen.line_facts(cls.longest_reply),
            respond=responder.respond,
        )
        return cls(side, chosen, responder)

    async def close(self) -> None:
        self._responder.end(self._module)
        await super().close()

    @property
    def stop_frames(self) -> StopFrames | None:
        """PO, and between two of them what the pump may need first: its sessions opened, and PC control. Each frame has
        an ACK for what the pump sent. Two PO are not further apart than STP-11 allows.
        """
        if not self.settings.stops_unheard:
            return None
        before = [Frame(self.address, "DC"), Frame(self.address, "MO;2")]
        if self.address is not None:
            before.insert(0, Frame(0, "DC"))
        frames = [frame for each in before for frame in (Frame(self.address, "PO"), each)]
        return StopFrames(tuple(Signal(ACK).to_bytes() + frame.to_bytes() for frame in frames), STOP_GAP_S)

    # -- identify and read -----------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        await self.status(epoch=epoch)  # opens the session if the pump reports that there is none
        reply = await self.question("LF;b", lambda frame: is_device_type(frame.data), epoch=epoch)
        return Identity(reply.data[1:], text("fresenius_base_a.not_reported", "not reported"))

    async def _read(self) -> Reading:
        asked = now_ns()
        status = await self.status()
        self._responder.renew(self._module)
        if status.alarmed:
            self.latch(PumpAlarm.PUMP_FAULT)
        if self._loaded is not None:
            if status.delivered < self._counted:
                self.latch(PumpAlarm.PUMP_RESET)
            self._counted = status.delivered
        at_rest = PumpState.ALARM if self.alarms else PumpState.STOPPED
        return Reading(
            asked_ns=asked,
            answered_ns=now_ns(),
            state=PumpState.INFUSING if status.flowing else at_rest,
            rate=status.rate,
            delivered=status.delivered,
            alarms=tuple(self.alarms),
        )

    def _on_stray(self, heard: Heard) -> None:
        """An alarm that the pump sends unasked, if that is enabled at the pump."""
        if isinstance(heard, Frame) and heard.address == self.address and heard.letter == "E":
            reported = variables(heard.data)
            if reported.get("a") or reported.get("e"):
                self.latch(PumpAlarm.PUMP_FAULT)

    # -- program ---------------------------------------------------------------------------------------------

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        status = await self.status(epoch=epoch)
        if status.alarmed and not status.flowing:
            await self.command("SI", epoch=epoch)  # the person who loads has dealt with it; otherwise the alarm stays
            status = await self.status(epoch=epoch)
        self._require_stopped(status)
        await program.write(self, wanted, epoch)
        self._counted = Volume(0)

    async def _read_back(self, epoch: int) -> PumpProgram:
        if self._loaded is None:
            raise DeclinedError(
                text(
                    "fresenius_base_a.not_loaded",
                    "no program was loaded since this driver was opened or the pump released",
                )
            )
        return await program.read(self, self._loaded, epoch)

    async def _release(self, epoch: int) -> None:
        if (status := await self.status(epoch=epoch)).flowing:
            raise DeclinedError(
                text("fresenius_base_a.stays", "the pump flows at {rate}: it stays under PC control", rate=status.rate)
            )
        await self.set_mode("1", epoch=epoch)
        self._responder.end(self._module)

    def _require_stopped(self, status: Status) -> None:
        if status.flowing:
            raise DeclinedError(
                text("fresenius_base_a.flows", "the pump flows at {rate}: stop it first", rate=status.rate)
            )
        if status.alarmed:
            self.latch(PumpAlarm.PUMP_FAULT)
            raise DeclinedError(
                text(
                    "fresenius_base_a.alarm", "the pump is stopped and has an alarm: remove its cause, then load again"
                )
            )

    # -- flow ------------------------------------------------------------------------------------------------

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        loaded = self._loaded
        assert loaded is not None  # `start` refuses without
        status = await self.status(epoch=epoch)
        self._require_stopped(status)
        if status.delivered >= loaded.vtbi:
            raise DeclinedError(
                text(
                    "fresenius_base_a.delivered",
                    "the pump has delivered its {volume}: load a program first",
                    volume=loaded.vtbi,
                )
            )
        command = self.settings.start_command or program.rate_command(loaded, self.settings)
        self._responder.begin(self._module, watchdog)
        try:
            await self.command(command, epoch=epoch)
        except DeclinedError as refusal:
            # Without a cause it was sent, and the pump refused: that counts when nothing flows.
            if refusal.__cause__ is None and (await self._status_after(of_error(refusal))).flowing:
                raise UnansweredError(
                    text(
                        "fresenius_base_a.but_flows",
                        "{refusal}; but it reports that it flows",
                        refusal=of_error(refusal),
                    )
                ) from refusal
            self._responder.end(self._module)
            raise
        status = await self._status_after(text("fresenius_base_a.accepted", "the pump accepted the start"))
        if status.delivered < loaded.vtbi and not (status.flowing and status.rate == loaded.steps[0].rate):
            raise UnansweredError(
                text(
                    "fresenius_base_a.wrong_rate",
                    "the pump accepted the start, but reports that it flows at {rate}",
                    rate=status.rate,
                )
                if status.flowing
                else text("fresenius_base_a.is_stopped", "the pump accepted the start, but reports that it is stopped")
            )

    async def _status_after(self, what: str) -> Status:
        try:
            return await self.status()
        except (DeclinedError, UnansweredError) as error:
            raise UnansweredError(
                text(
                    "pump.then_not_read",
                    "{refusal}; its state could then not be read: {error}",
                    refusal=what,
                    error=of_error(error),
                )
            ) from error

    async def _stop_once(self) -> None:
        if not await self.pause():
            raise UnansweredError(text("fresenius_base_a.still_flows", "PO: the pump reports that it still flows"))
        self._responder.end(self._module)

    def flow_in(self, frame: Heard) -> bool | None:
        """The rate or the running mode in a reply that holds other variables than those asked for."""
        if not isinstance(frame, Frame) or frame.address != self.address or frame.letter != "C":
            return None
        return self.flows(variables(frame.data))
