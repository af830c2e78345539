"""Several simulated New Era pumps on one line: the family's network, a master and its addressed pumps.

Promises (from the sheet, line and addressing):
- Every pump receives every byte, and replies to packets with its own address; one packet, one reply.
- When several pumps reply at once (`*` commands, invalid packets, a network burst), the replies collide: each pump
  carries out the command, but the host can read no reply, so none is sent.
"""

from collections.abc import Sequence
from functools import partial

from pumpd_simulators.device import Operation, Send
from pumpd_simulators.new_era.device import NewEraPump
from pumpd_simulators.new_era.options import NewEraOptions
from pumpd_simulators.plant import Plant


class NewEraNetwork:
    """The device: one pump for each plant, each at its own address. All have one supply."""

    def __init__(self, plants: Sequence[Plant], model: str, options: NewEraOptions) -> None:
        self.plants = plants
        self.pumps = [
            NewEraPump(plant, model, options.model_copy(update={"addresses": (address,)}))
            for plant, address in zip(plants, options.addresses, strict=True)
        ]
        self.model = self.pumps[0].model
        self.powered = True
        self.doing: Operation | None = None
        self._send: Send | None = None
        self._answers: list[tuple[bytes, Operation | None]] | None = None  # to the bytes being received

    @property
    def baud(self) -> int:
        return self.pumps[0].baud

    def attach(self, send: Send) -> None:
        self._send = send
        for pump in self.pumps:
            pump.attach(partial(self._from, pump))

    def detach(self) -> None:
        self._send = None
        for pump in self.pumps:
            pump.detach()

    def feed(self, data: bytes) -> None:
        answers: list[tuple[bytes, Operation | None]] = []
        self._answers = answers
        try:
            for pump in self.pumps:
                pump.feed(data)
        finally:
            self._answers = None
        if len(answers) == 1:
            self._put(*answers[0])

    def _from(self, pump: NewEraPump, data: bytes) -> None:
        if self._answers is None:
            self._put(data, pump.doing)  # an unasked alarm
        else:
            self._answers.append((data, pump.doing))

    def _put(self, data: bytes, doing: Operation | None) -> None:
        self.doing = doing
        try:
            if self._send is not None:
                self._send(data)
        finally:
            self.doing = None

    def power(self, *, on: bool) -> None:
        self.powered = on
        for pump in self.pumps:
            pump.power(on=on)

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:
        self.pumps[unit - 1].press(key, value)

    def display(self, unit: int = 1) -> dict[str, str]:
        return self.pumps[unit - 1].display()

    def shut(self) -> None:
        for pump in self.pumps:
            pump.shut()
