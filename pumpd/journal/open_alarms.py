"""Which alarms the journal shows as raised and not cleared."""

from pumpd.journal.reader import JournalReader
from pumpd.journal.records import Record

RAISED, CLEARED = "alarm_raised", "alarm_cleared"
NEWEST = 500  # entries of each kind: more than can be open at once


def open_alarms(reader: JournalReader) -> dict[tuple[str, str], Record]:
    """By pump (empty: the gateway) and code, the entry that raised each open alarm. Raises JournalError."""
    found: dict[tuple[str, str], Record] = {}
    raised, cleared = reader.last(NEWEST, RAISED), reader.last(NEWEST, CLEARED)
    since = cleared[0].id if len(cleared) == NEWEST else 0  # earlier alarms may have been cleared earlier, too
    for entry in sorted([*raised, *cleared], key=lambda entry: entry.id):
        if entry.id < since:
            continue
        try:
            code = str(entry.fields.get("code"))
        except (ValueError, AttributeError):  # damaged
            continue
        if entry.kind == RAISED:
            found[entry.pump, code] = entry
        else:
            found.pop((entry.pump, code), None)
    return found
