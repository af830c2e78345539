"""What is true now by the journal, retained on each connection: every active alarm, the state of every pump."""

import contextlib
from collections.abc import Iterable
from datetime import datetime

from pumpd.journal import JournalReader, Record
from pumpd.journal.open_alarms import RAISED, open_alarms
from pumpd.telemetry.messages import STATE_EXPIRY_S, Message, Translator

STEP_S = 2  # a time server corrects a clock by less, again and again
RECENT = 100  # entries among which a state is looked for that no infusion on record explains


def standing(reader: JournalReader, translator: Translator, pumps: Iterable[str], now: datetime) -> list[Message]:
    """What is to be retained; every other topic of alarms and states is to be empty. Raises JournalError."""
    alarms = translator.alarms_are(open_alarms(reader))
    states = [message for pump in pumps for message in _state(reader, translator, pump, now)]
    return [*alarms, *states]


def reported(reader: JournalReader, pumps: Iterable[str]) -> dict[str, frozenset[str]]:
    """By pump, the fields of the last reading of its last infusion. Raises JournalError."""
    found: dict[str, frozenset[str]] = {}
    for pump in pumps:
        began = reader.newest("began", pump)
        reading = reader.last_reading(began.session) if began else None
        with contextlib.suppress(ValueError, AttributeError):  # damaged
            found[pump] = (
                frozenset(key for key, value in reading.fields.items() if value is not None) if reading else frozenset()
            )
    return found


def once_alarmed(reader: JournalReader) -> set[str]:
    """The pumps that had an alarm lately, also those that are no longer configured. Raises JournalError."""
    return {entry.pump for entry in reader.last(500, RAISED)}


def _state(reader: JournalReader, translator: Translator, pump: str, now: datetime) -> list[Message]:
    """The state of its last infusion. One in which flow may occur is known no longer than its readings are fresh."""
    began = reader.newest("began", pump)
    entries = [*reader.last(RECENT), *(reader.kept_of(began.session) if began else [])]
    own = [entry for entry in entries if entry.pump == pump]
    changes = [entry for entry in own if entry.kind == "state_changed"]
    readings = [entry for entry in own if entry.kind == "reading"]
    try:
        last = max(changes or readings, key=lambda entry: entry.id)
        state, may_flow = str(last.fields["to" if changes else "state"]), last.fields.get("may_flow")
        newest = reader.last_reading(last.session) if may_flow is not False else None
        old_s = _seconds_since(newest or last, now)
    except (KeyError, ValueError, TypeError, AttributeError):  # nothing, or something damaged, is on record
        return []
    if may_flow is not False and not -STEP_S <= old_s < STATE_EXPIRY_S:
        return []
    return [translator.state(last, state, may_flow, 0 if may_flow is False else max(0, old_s))]


def _seconds_since(entry: Record, now: datetime) -> int:
    """Negative where the clock was set back since: then its age is not known."""
    return int((now - datetime.fromisoformat(entry.ts)).total_seconds())
