"""Whether nobody is infused or observed on this gateway, so that its software, card or data may be changed (PWR-14).

Promises:
- It asks control, which knows what flows, and reads the journal, which also knows what ended less than two hours ago.
- What cannot be known counts as an infusion: control that runs and does not answer, or a journal that cannot be read.
- It only reads: a pump, the journal and control are not affected.
"""

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pumpd.dosing.observed import observed_until_ns
from pumpd.journal import JournalError, JournalReader
from pumpd.journal.doses import Doses
from pumpd.messages.no_answer import holder
from pumpd.pump.reading import PumpState
from pumpd.settings import Settings

ANSWER_WITHIN_S = 10.0
FLOWING = frozenset(each.value for each in PumpState if each.flowing)
LOOK_BACK = 500  # infusions: weeks


@dataclass(frozen=True, slots=True)
class Activity:
    """`reasons`: who is infused or observed, as far as known. `unreadable`: why the journal cannot say."""

    reasons: tuple[str, ...] = ()
    unreadable: str = ""

    @property
    def objections(self) -> tuple[str, ...]:
        """Why nothing may be changed now; empty when nobody is infused or observed."""
        return (*self.reasons, *((self.unreadable,) if self.unreadable else ()))


def activity(settings: Settings, now: datetime) -> Activity:
    """What is under way on this gateway. Blocks."""
    reasons = [*_of_control(settings)]
    try:
        reasons += _of_journal(settings, now)
    except JournalError as error:
        return Activity(tuple(reasons), f"{error}; so it is not known who was infused in the last two hours")
    return Activity(tuple(reasons))


def ask_status(settings: Settings) -> dict[str, Any]:
    """Control's state, as any version of it gives it. Raises OSError, ValueError without an answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(ANSWER_WITHIN_S)
        client.connect(str(settings.socket_path))
        client.sendall(b'{"op": "status"}\n')
        with client.makefile("rb") as answers:
            answer = json.loads(answers.readline())
    if not isinstance(answer, dict) or not answer.get("ok") or not isinstance(answer.get("result"), dict):
        raise ValueError("control did not give its state")
    found: dict[str, Any] = answer["result"]
    return found


def _of_control(settings: Settings) -> Iterator[str]:
    try:
        status = ask_status(settings)
        yield from under_way(status)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if process := holder(settings.lock_path):
            why = str(error) or type(error).__name__
            yield (
                f"control runs as process {process} and does not give its state ({why}); see that no pump infuses, "
                "then stop it with `systemctl stop pumpd-control`"
            )


def under_way(status: Mapping[str, Any]) -> list[str]:
    """Who is infused or observed, by control's state."""
    found = []
    for pump in status["pumps"]:
        infusion, name = pump["infusion"], pump["pump"]
        if infusion is not None and not infusion["ended"]:
            found.append(f"pump {name}: has an infusion ({infusion['state']}); it must end first")
        elif not pump["stopped"] and pump["pump_state"] in FLOWING:
            found.append(f"pump {name}: flows without an infusion; stop it first")
        found += [
            f"pump {name}: its last patient is under observation until {each['until_ts']}"
            for each in pump["observations"]
        ]
    return found


def _of_journal(settings: Settings, now: datetime) -> Iterator[str]:
    """By the journal: what ended less than two hours ago, or has no end and may have flowed until then."""
    if not settings.journal_path.exists():
        return
    doses = Doses()
    with contextlib.closing(JournalReader(settings.journal_path)) as reader:
        began = reader.last(LOOK_BACK, "began")
        doses.take(reader.since(began[0].id if len(began) == LOOK_BACK else 1))
    now_ns = int(now.timestamp() * 1e9)
    until_ns = observed_until_ns(doses.all(), now_ns, now_ns)
    if until_ns > now_ns:
        until = datetime.fromtimestamp(until_ns / 1e9, UTC).isoformat(timespec="minutes")
        yield (
            f"gateway: by the journal, an infusion is under way or ended less than two hours ago; wait until {until}"
        )
