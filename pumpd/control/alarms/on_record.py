"""Which alarms the journal shows as raised and not cleared."""

from pumpd.control.alarms.board import Key
from pumpd.journal import JournalReader
from pumpd.pump import AlarmCode

RAISED, CLEARED = "alarm_raised", "alarm_cleared"
NEWEST = 500  # entries of each kind: more than can be open at once


def open_alarms(reader: JournalReader) -> dict[Key, str]:
    """The alarms that are open, with the session under which each was raised, or "". Raises JournalError.

    Codes that this pumpd does not know are left out, because it could not clear them by name.
    """
    found: dict[Key, str] = {}
    raised, cleared = reader.last(NEWEST, RAISED), reader.last(NEWEST, CLEARED)
    since = cleared[0].id if len(cleared) == NEWEST else 0  # earlier alarms may have been cleared earlier, too
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
