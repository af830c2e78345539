"""Whether the broker's `$state` of this gateway is its own, and whether another machine uses this gateway's name.

Two machines with one name, such as a copied card, are connected side by side: their client identifiers differ. Each
hears the other's birth and answers with its own, at most every `ANSWER_S`, so both know it for as long as it lasts.

What is heard decides nothing but this: which messages are repeated, a log line and a LOW alarm. A flood is answered no
more often than a single message.
"""

import asyncio
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from pumpd import loop_time
from pumpd.host.name_taken import NameTaken
from pumpd.telemetry.models import GatewayState

MEND_S = 1.0  # between two repairs
ANSWER_S = 30.0  # between two answers to another machine
GONE_S = 3 * ANSWER_S  # without hearing it

_log = structlog.get_logger()


@dataclass(slots=True)
class _Other:
    machine: str
    heard_s: float


class OwnName:
    def __init__(self, gateway: str, machine: str, taken: NameTaken) -> None:
        self._gateway, self.machine, self._taken = gateway, machine, taken
        self._other: _Other | None = None
        self._wrong = asyncio.Event()
        self._said_s = -ANSWER_S  # when the own birth was last published
        self.unheard = ""  # why nothing can be heard; logged once

    @property
    def other(self) -> str:
        """The machine that uses the same name; empty when there is none."""
        return self._other.machine if self._other else ""

    def said(self) -> None:
        """The own birth has just been published."""
        self._said_s = loop_time.now_s()
        self._wrong.clear()

    def heard(self, topic: str, payload: bytes, stored: bool) -> None:  # noqa: ARG002, FBT001 - called by position
        """Something that is not from this connection came on `$state`. What the broker stored is no sign of life."""
        if stored:
            return
        self._wrong.set()
        try:
            state = GatewayState.model_validate_json(payload)
        except ValidationError:
            return
        if state.state != "ready" or state.machine == self.machine:
            return
        if self._other is None:
            _log.error(
                "gateway_name_taken",
                gateway=self._gateway,
                machine=self.machine,
                other_machine=state.machine[:64],
                to_do="two machines publish under one name; give each its own name in pumpd.toml, restart telemetry",
            )
            self._say()
        self._other = _Other(state.machine[:64], loop_time.now_s())

    async def wrong(self) -> None:
        """Wait until the own birth has to be published again."""
        while True:
            if self._other is not None and loop_time.now_s() - self._other.heard_s > GONE_S:
                _log.warning("gateway_name_free", gateway=self._gateway, other_machine=self._other.machine)
                self._other = None
                self._taken.end()
            due_s = self._said_s + (ANSWER_S if self._other else MEND_S)
            if self._wrong.is_set() and loop_time.now_s() >= due_s:
                return
            await asyncio.sleep(MEND_S)

    def end(self) -> None:
        self._taken.end()

    def _say(self) -> None:
        try:
            self._taken.say()
        except OSError as error:
            _log.error("control_not_told", error=str(error))
