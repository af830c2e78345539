"""Several simulated New Era pumps on one line: the family's network, a master and its addressed pumps.

Promises (the sheet's, line and addressing):
- Every pump hears every byte, and answers what names its own address; one host packet, one reply.
- What several pumps answer at once (`*` commands, packets that are not valid, a network burst) collides: each carries
  it out, and the host can read none of the replies. Their bytes are nobody's, so none are sent.
"""

from collections.abc import Sequence

from pumpd_simulators.device import Operation, Send
from pumpd_simulators.new_era.device import NewEraPump
from pumpd_simulators.new_era.options import NewEraOptions
from pumpd_simulators.plant import Plant


class NewEraNetwork:
    """The device: one pump for each plant, each at its own address. All have one supply."""

    def __init__(self, plants: Sequence[Plant], model: str, options: NewEraOptions) -> None:
        self.plants = plants
        self.pumps = [
            NewEraPump(plant, model, options.model_copy(update={"address": address}))
            for plant, address in zip(plants, options.addresses, strict=True)
        ]
        self.model = self.pumps[0].model
        self.powered = True
        self.doing: Operation | None = None
        self._send: Send | None = None
        self._answers: list[tuple[bytes, Operation | None]] | None = None  # to what is being heard

    @property
    def baud(self) -> int:
        return self.pumps[0].baud

    def attach(self, send: Send) -> None:
        self._send = send
        for pump in self.pumps:
            pump.attach(lambda data, pump=pump: self._from(pump, data))  # type: ignore[misc]

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
            self._put(data, pump.doing)  # an alarm by itself
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
