"""Which alarms the journal shows as raised and not cleared, as control continues them."""

from pumpd.control.alarms.board import Key
from pumpd.journal import JournalReader
from pumpd.journal import open_alarms as on_record
from pumpd.pump import AlarmCode

RAISED, CLEARED = on_record.RAISED, on_record.CLEARED
_CODES = {code.value: code for code in AlarmCode}


def open_alarms(reader: JournalReader) -> dict[Key, str]:
    """The alarms that are open, with the session under which each was raised, or "". Raises JournalError.

    Codes that this pumpd does not know are left out, because it could not clear them by name.
    """
    found = on_record.open_alarms(reader)
    return {(pump, _CODES[code]): entry.session for (pump, code), entry in found.items() if code in _CODES}
