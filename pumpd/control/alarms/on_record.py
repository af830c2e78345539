"""Which alarms the journal shows as raised and not cleared."""

from pumpd.control.alarms.board import Key
from pumpd.journal import JournalReader
from pumpd.pump import AlarmCode

RAISED, CLEARED = "alarm_raised", "alarm_cleared"
NEWEST = 500  # entries of each kind: more than can be open at once


def open_alarms(reader: JournalReader) -> dict[Key, str]:
    """The alarms that are open, with the session under which each was raised, or "". Raises JournalError.

    A code that this pumpd does not know is left out: it could not be cleared by its name.
    """
    found: dict[Key, str] = {}
    raised, cleared = reader.last(NEWEST, RAISED), reader.last(NEWEST, CLEARED)
    since = cleared[0].id if len(cleared) == NEWEST else 0  # what was raised before may have been cleared before, too
    for entry in sorted([*raised, *cleared], key=lambda entry: entry.id):
        if entry.id < since:
            continue
        code = entry.fields.get("code")
        if code not in list(AlarmCode):
            continue
        key = (entry.pump, AlarmCode(code))
        if entry.kind == RAISED:
            found[key] = entry.session
        else:
            found.pop(key, None)
    return found
