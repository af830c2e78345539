"""A simulated Space rack: pumps in slots that a person starts at their panels, and an interface that only reports.

Source: the family's protocol sheet. Facts that it does not state are options of this simulation.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import partial

from pumpd_drivers.space_bcc.codec import ACK, NAK, RS, SOH, Frame, Framer, Garbage, Record, Signal
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.plant import Plant
from pumpd_simulators.space_bcc.options import SpaceOptions


class SpaceRack:
    def __init__(self, plants: Sequence[Plant], options: SpaceOptions) -> None:
        self.model = "Space"
        self.plants = plants
        self.powered = True
        self.doing: Operation | None = None
        self._options = options
        self._rates = [Decimal(0)] * len(plants)
        self._alarmed = [False] * len(plants)
        for at, plant in enumerate(plants):
            plant.on_stall = partial(self._alarm, at)
        self._send: Send | None = None
        self._framer = Framer()
        self._loop = asyncio.get_running_loop()

    @property
    def baud(self) -> int:
        return 115200  # a network: it is not paced

    # -- the line -----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._framer.reset()

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        if not self.powered:
            return
        for frame in self._framer.feed(data):
            match frame:
                case Garbage(raw) if raw[0] == SOH:  # once for each frame, however many pieces of garbage it leaves
                    self._say(Signal(NAK).to_bytes())
                case Frame(bed=bed) if bed == self._options.bed:
                    self.doing = Operation.IDENTIFY if frame.payload.startswith("ADMIN") else Operation.READ
                    self._say(Signal(ACK).to_bytes() + self._answer(frame.payload).to_bytes())
                    self.doing = None
                case _:
                    pass  # an acknowledgement, or another bed's

    def _say(self, data: bytes) -> None:
        if self._options.reply_delay_s:
            self._loop.call_later(self._options.reply_delay_s, self._put, data)
        else:
            self._put(data)

    def _put(self, data: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(data)

    def _answer(self, request: str) -> Frame:
        options = self._options
        seconds = f"{self.plants[0].now:.0f}"
        if request == "ADMIN:ALIVE":
            found = [Record(seconds, "50100", "GNACK")]
        elif request == "ADMIN:VERSION":
            found = [Record(seconds, "50100", "GNVERSION", options.firmware)]
        elif request == "MEM:GET":
            found = [record for slot in options.addresses for record in self._slot(slot, seconds)]
        elif request.startswith("MEM:GETSLOT#") and request[12:] in options.addresses:
            found = self._slot(request[12:], seconds)
        else:
            found = [Record(seconds, "50100", "GNERR", "11")]
        return Frame(chr(RS).join(str(record) for record in found), options.bed)

    def _slot(self, slot: str, seconds: str) -> list[Record]:
        at = self._options.addresses.index(slot)
        plant, address = self.plants[at], f"501{slot}"
        shows_rate = plant.truth().running or self._options.rate_at_rest == "set"
        rate = self._rates[at] if shows_rate else Decimal(0)
        found = [
            Record(seconds, address, "GNMODEL", self._options.reported_model),
            Record(seconds, address, "INRT", f"{rate:.2f}"),
        ]
        if self._options.volume_parameter:
            found.append(Record(seconds, address, self._options.volume_parameter, f"{plant.moved()[0]:.2f}"))
        if self._options.alarm_parameter:
            found.append(Record(seconds, address, self._options.alarm_parameter, f"{self._alarmed[at]:d}"))
        return found

    def _alarm(self, at: int) -> None:
        """The motor cannot move: a blocked line, an empty syringe, a motor fault."""
        self._alarmed[at] = True
        self.plants[at].stop()

    # -- power and keys -----------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        self.powered = on
        for plant in self.plants:
            plant.stop()
        self._alarmed = [False] * len(self.plants)

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:
        """Keys: rate=ML_H, start, stop."""
        if not self.powered:
            raise PanelError("the rack is off: its keys have no effect")
        plant = self.plants[unit - 1]
        match key:
            case "rate" if value:
                try:
                    self._rates[unit - 1] = rate = Decimal(value)
                except InvalidOperation as error:
                    raise PanelError(f"{value!r} is not a rate in mL/h") from error
                if plant.truth().running and rate > 0:
                    plant.run(float(rate))
            case "start" if self._rates[unit - 1] > 0:
                self._alarmed[unit - 1] = False
                plant.run(float(self._rates[unit - 1]))
            case "stop":
                plant.stop()
            case _:
                raise PanelError(f"no key {key!r} now; known: rate=ML_H, then start; stop")

    def display(self, unit: int = 1) -> dict[str, str]:
        if not self.powered:
            return {"status": "off"}
        plant = self.plants[unit - 1]
        running, alarmed = plant.truth().running, self._alarmed[unit - 1]
        return {
            "status": "running" if running else "alarm" if alarmed else "stopped",
            "rate_ml_h": f"{self._rates[unit - 1]:.2f}",
        }

    def shut(self) -> None:
        pass
